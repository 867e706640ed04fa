"""
What the documentation of Asterisk does not say about its manager interface.

Tables for ``build_catalogue.py``, read out of Asterisk's source, branches 1.4 to 22.  Names stand in one string
with blanks between them.
"""

from __future__ import annotations

from typing import Final

# -- actions -----------------------------------------------------------------------------------------------

#: Replies that are a list: the items, and the event that ends it (callers of ``astman_send_listack``).
LISTS: Final = {
    "Agents": ("Agents", "AgentsComplete"),
    "BridgeInfo": ("BridgeInfoChannel", "BridgeInfoComplete"),
    "BridgeList": ("BridgeListItem", "BridgeListComplete"),
    "BridgeTechnologyList": ("BridgeTechnologyListItem", "BridgeTechnologyListComplete"),
    "ConfbridgeList": ("ConfbridgeList", "ConfbridgeListComplete"),
    "ConfbridgeListRooms": ("ConfbridgeListRooms", "ConfbridgeListRoomsComplete"),
    "CoreShowChannelMap": ("CoreShowChannelMap", "CoreShowChannelMapComplete"),
    "CoreShowChannels": ("CoreShowChannel", "CoreShowChannelsComplete"),
    "DAHDIShowChannels": ("DAHDIShowChannels", "DAHDIShowChannelsComplete"),
    "DAHDIShowStatus": ("DAHDIShowStatus", "DAHDIShowStatusComplete"),
    "DBGet": ("DBGetResponse", "DBGetComplete"),
    "DBGetTree": ("DBGetTreeResponse", "DBGetTreeComplete"),
    "DeviceStateList": ("DeviceStateChange", "DeviceStateListComplete"),
    "ExtensionStateList": ("ExtensionStatus", "ExtensionStateListComplete"),
    "FAXSessions": ("FAXSessionsEntry", "FAXSessionsComplete"),
    "IAXpeerlist": ("PeerEntry", "PeerlistComplete"),
    "IAXpeers": ("PeerEntry", "PeerlistComplete"),
    "IAXregistry": ("RegistryEntry", "RegistrationsComplete"),
    "MeetmeList": ("MeetmeList", "MeetmeListComplete"),
    "MeetmeListRooms": ("MeetmeListRooms", "MeetmeListRoomsComplete"),
    "MWIGet": ("MWIGet", "MWIGetComplete"),
    "ParkedCalls": ("ParkedCall", "ParkedCallsComplete"),
    "Parkinglots": ("Parkinglot", "ParkinglotsComplete"),
    "PJSIPShowAors": ("AorList", "AorListComplete"),
    "PJSIPShowAuths": ("AuthList", "AuthListComplete"),
    "PJSIPShowContacts": ("ContactList", "ContactListComplete"),
    "PJSIPShowEndpoint": (
        "EndpointDetail AorDetail AuthDetail TransportDetail IdentifyDetail ContactStatusDetail",
        "EndpointDetailComplete",
    ),
    "PJSIPShowEndpoints": ("EndpointList", "EndpointListComplete"),
    "PJSIPShowMaintenance": ("PJSIPMaintenanceStatus", "PJSIPMaintenanceStatusComplete"),
    "PJSIPShowRegistrationInboundContactStatuses": ("ContactStatusDetail", "ContactStatusDetailComplete"),
    "PJSIPShowRegistrationsInbound": ("InboundRegistrationDetail", "InboundRegistrationDetailComplete"),
    "PJSIPShowRegistrationsOutbound": (
        "OutboundRegistrationDetail AuthDetail",
        "OutboundRegistrationDetailComplete",
    ),
    "PJSIPShowResourceLists": ("ResourceListDetail", "ResourceListDetailComplete"),
    "PJSIPShowSubscriptionsInbound": ("InboundSubscriptionDetail", "InboundSubscriptionDetailComplete"),
    "PJSIPShowSubscriptionsOutbound": ("OutboundSubscriptionDetail", "OutboundSubscriptionDetailComplete"),
    "PresenceStateList": ("PresenceStateChange", "PresenceStateListComplete"),
    "PRIShowSpans": ("PRIShowSpans", "PRIShowSpansComplete"),
    "QueueStatus": ("QueueParams QueueMember QueueEntry", "QueueStatusComplete"),
    "QueueSummary": ("QueueSummary", "QueueSummaryComplete"),
    "ShowDialPlan": ("ListDialplan", "ShowDialPlanComplete"),
    "SIPpeers": ("PeerEntry", "PeerlistComplete"),
    "SIPpeerstatus": ("PeerStatus", "SIPpeerstatusComplete"),
    "SIPshowregistry": ("RegistryEntry", "RegistrationsComplete"),
    "SKINNYdevices": ("DeviceEntry", "DevicelistComplete"),
    "SKINNYlines": ("LineEntry", "LinelistComplete"),
    "Status": ("Status", "StatusComplete"),
    "VoicemailBoxSummary": ("VoicemailBoxDetail", "VoicemailBoxDetailComplete"),
    "VoicemailUsersList": ("VoicemailUserEntry", "VoicemailUserEntryComplete"),
    "VoicemailUserStatus": ("VoicemailUserDetail", "VoicemailUserDetailComplete"),
    "ZapShowChannels": ("ZapShowChannels", "ZapShowChannelsComplete"),
}

#: A list if Channel is ``/a pattern/``, else one response (``main/manager.c: action_hangup``).
LISTS_FOR_PATTERNS: Final = {
    "Hangup": ("ChannelHungup", "ChannelsHungupListComplete"),
    "PJSIPHangup": ("ChannelHungup", "ChannelsHungupListComplete"),
}

#: A response, and one event with the ActionID that ends the reply without an ``EventList``.
ENDED_BY_EVENT: Final = {
    "DataGet": "DataGet Tree",  # which comes alone (``main/data.c: manager_data_get``)
    "FAXSession": "FAXSession",
    "FAXStats": "FAXStats",
    "WaitEvent": "WaitEventComplete",
}

#: The response says that it will be done; what came of it is an event for all.
TOLD_LATER: Final = {
    "AGI": ("AGIExecStart AGIExecEnd", "AsyncAGIExec"),
    "Originate": ("", "OriginateResponse"),
    "SIPqualifypeer": ("", "SIPQualifyPeerDone"),
}

#: Bare text without a frame (``channels/chan_iax2.c: manager_iax2_show_netstats``, ``apps/app_queue.c``).
UNFRAMED: Final = ("IAXnetstats", "Queues")

#: Actions that take headers of any name.
FREE: Final = ("UpdateConfig", "UserEvent")

#: Documented names that are placeholders.
PLACEHOLDERS: Final = ("Header1", "HeaderN")

#: Headers that are read but not documented.
HEADERS: Final = {
    "JabberSend": "ScreenName",
    "ListCategories": "Match",
    "MixMonitorMute": "MixMonitorID",
    "Park": "Channel2",
    "QueueAdd": "Wrapuptime",
}

#: Write classes of the actions whose modules the servers of ``listcommands`` have not loaded.
CLASSES: Final = {
    "DAHDIDNDoff": "",
    "DAHDIDNDon": "",
    "DAHDIDialOffhook": "",
    "DAHDIHangup": "",
    "DAHDIRestart": "",
    "DAHDIShowChannels": "",
    "DAHDIShowStatus": "",
    "DAHDITransfer": "",
    "MWIDelete": "call",
    "MWIGet": "call reporting",
    "MWIUpdate": "call",
    "MeetmeList": "reporting",
    "MeetmeListRooms": "reporting",
    "MeetmeMute": "call",
    "MeetmeUnmute": "call",
    "PRIDebugFileSet": "system",
    "PRIDebugFileUnset": "",
    "PRIDebugSet": "",
    "PRIShowSpans": "",
}

#: Actions that are gone: the first release, and the last branch.
GONE: Final = {
    "ChangeMonitor": ("0.4.0", "20"),
    "Monitor": ("0.4.0", "20"),
    "PauseMonitor": ("1.4.0", "20"),
    "SIPnotify": ("1.6.1.0", "20"),
    "SIPpeers": ("1.2.0", "20"),
    "SIPpeerstatus": ("11.0.0", "20"),
    "SIPqualifypeer": ("1.6.1.0", "20"),
    "SIPshowpeer": ("1.2.0", "20"),
    "SIPshowregistry": ("1.6.0", "20"),
    "SKINNYdevices": ("1.6.2.0", "20"),
    "SKINNYlines": ("1.6.2.0", "20"),
    "SKINNYshowdevice": ("1.6.2.0", "20"),
    "SKINNYshowline": ("1.6.2.0", "20"),
    "StopMonitor": ("0.4.0", "20"),
    "UnpauseMonitor": ("1.4.0", "20"),
}

#: Those that no documentation at hand has: required and optional headers, write classes, first and last.
FORGOTTEN: Final = {
    "AgentCallbackLogin": ("Agent Exten", "Context AckCall WrapupTime", "agent", "1.2.0", "1.4"),
    "DataGet": ("Path", "Search Filter", "", "1.8.0", "14"),
    "Queues": ("", "", "", "1.0.0", "14"),
    "RptLocalNodes": ("", "", "", "1.6.1.0", "1.6.2"),
    "RptStatus": ("Command", "", "", "1.6.1.0", "1.6.2"),
    "SetCDRUserField": ("Channel UserField", "Append", "call", "1.0.0", "1.4"),
    "ZapDNDoff": ("ZapChannel", "", "", "1.0.0", "1.4"),
    "ZapDNDon": ("ZapChannel", "", "", "1.0.0", "1.4"),
    "ZapDialOffhook": ("ZapChannel Number", "", "", "1.0.0", "1.4"),
    "ZapHangup": ("ZapChannel", "", "", "1.0.0", "1.4"),
    "ZapRestart": ("", "", "", "1.4.0", "1.4"),
    "ZapShowChannels": ("", "", "", "1.0.0", "1.4"),
    "ZapTransfer": ("ZapChannel", "", "", "1.0.0", "1.4"),
}

#: Documented, but never registered.
PHANTOMS: Final = ("FilterList",)

# -- events ------------------------------------------------------------------------------------------------

CHANNEL: Final = (
    "Channel ChannelState ChannelStateDesc CallerIDNum CallerIDName ConnectedLineNum ConnectedLineName Language "
    "AccountCode Context Exten Priority Uniqueid Linkedid Tenantid ChanVariable"
)
BRIDGE: Final = (
    "BridgeUniqueid BridgeType BridgeTechnology BridgeCreator BridgeName BridgeNumChannels BridgeVideoSourceMode "
    "BridgeVideoSource"
)

#: Documented spelling -> spelling on the wire.
SPELLINGS: Final = {"NewExten": "Newexten"}

#: The documentation names no class, or another than the one that is sent.
EVENT_CLASSES: Final = {
    "ChannelTalkingStart": "call",
    "ChannelTalkingStop": "call",
    "VoicemailPasswordChange": "system user",
}

#: Items of replies that are events for all as well.
BROADCAST_ITEMS: Final = (
    "DeviceStateChange",
    "ExtensionStatus",
    "PJSIPMaintenanceStatus",
    "ParkedCall",
    "PeerStatus",
    "PresenceStateChange",
)

#: Events that may have headers of any name.
FREE_EVENTS: Final = ("TestEvent", "UserEvent")

#: Headers that are sent but not documented.
EVENT_HEADERS: Final = {
    "AttendedTransfer": "Result IsExternal",
    "CEL": "Channel",
    "ConfbridgeList": "EndMarkedAny",
    "DAHDIShowChannelsComplete": "Items",
    "DAHDIShowStatusComplete": "Items",
    "FAXSessionsComplete": "Total",
    "FullyBooted": "Status Uptime LastReload",
    "HangupRequest": "TechCause",
    "LogChannel": "Enabled Reason",
    "OriginateResponse": "ChanVariable",
    "OutboundRegistrationDetailComplete": "Registered NotRegistered",
    "PRIShowSpansComplete": "Items",
    "ParkedCall": "Total",
    "ParkedCallsComplete": "Total",
    "QueueMemberPause": "Reason",
    "QueueParams": "Queue ServiceLevel Weight",
    "RTCPSent": (
        "From MES Report0SourceSSRC Report0FractionLost Report0CumulativeLost Report0HighestSequence "
        "Report0SequenceNumberCycles Report0IAJitter Report0LSR Report0DLSR"
    ),
    "Rename": "Channel Newname Uniqueid",
    "ShowDialPlanComplete": "ListExtensions ListPriorities ListContexts",
    "SoftHangupRequest": "TechCause",
    "StatusComplete": "Items",
    "TransportDetail": "ExternalSignalingHostname",
}

#: Items of replies that are not documented.
ITEMS: Final[dict[str, str]] = {
    "BridgeListItem": BRIDGE,
    "BridgeTechnologyListItem": "BridgeTechnology BridgeType BridgePriority BridgeSuspended",
    "ChannelHungup": "Channel",
    "CoreShowChannelMap": "Channel ConnectedChannel",
    "DAHDIShowChannels": (
        "DAHDIChannel Channel Uniqueid AccountCode Signalling SignallingCode Context DND Alarm Description"
    ),
    "DAHDIShowStatus": "Span Description Alarms IRQ bpviol CRC Framing Coding Options LBO",
    "DBGetResponse": "Family Key Val",
    "DBGetTreeResponse": "Key Val",
    "DeviceEntry": "Channeltype ObjectName ChannelObjectType DeviceId IPaddress Type Devicestatus NumberOfLines",
    "LineEntry": "Channeltype ObjectName ChannelObjectType Device Instance Label",
    "ListDialplan": (
        "Context Extension ExtensionLabel Priority Application AppData Registrar IncludeContext IgnorePattern Switch"
    ),
    "PRIShowSpans": "Span DChannel Order Active Alarm Up",
    "Parkinglot": "Name StartSpace StopSpace Timeout",
    "PeerEntry": (
        "Channeltype ObjectName ObjectUsername ChanObjectType IPaddress Mask Port IPport Dynamic Trunk Encryption "
        "AutoForcerport Forcerport AutoComedia Comedia VideoSupport TextSupport ACL Status RealtimeDevice "
        "Description Accountcode"
    ),
    "QueueMember": (
        "Queue Name Location StateInterface Membership Penalty CallsTaken LastCall LastPause LoginTime InCall "
        "Status Paused PausedReason Wrapuptime"
    ),
    "QueueSummary": "Queue LoggedIn Available Callers HoldTime TalkTime LongestHoldTime",
    "RegistryEntry": ("Host Port DNSmanager Username Perceived Domain DomainPort Refresh State RegistrationTime"),
    "VoicemailBoxDetail": "Folder CallerID Date Duration Flag ID",
    "VoicemailUserDetail": (
        "VMContext VoiceMailbox Fullname Email Pager ServerEmail FromString MailCommand Language TimeZone Callback "
        "Dialout UniqueID ExitContext SayDurationMinimum SayEnvelope SayCID AttachMessage AttachmentFormat "
        "DeleteMessage VolumeGain CanReview CanMarkUrgent CallOperator MaxMessageCount MaxMessageLength "
        "NewMessageCount OldMessageCount IMAPUser IMAPServer IMAPPort IMAPFlags"
    ),
    "ZapShowChannels": "Channel Signalling Context DND Alarm",
}
ITEMS["VoicemailUserEntry"] = ITEMS["VoicemailUserDetail"]

#: Events for all that are not documented: class, headers, first release.
UNDOCUMENTED: Final = {
    "CCAvailable": ("cc", "CoreID Callee Service", "1.8.0"),
    "CCCallerRecalling": ("cc", "CoreID Caller", "1.8.0"),
    "CCCallerStartMonitoring": ("cc", "CoreID Caller", "1.8.0"),
    "CCCallerStopMonitoring": ("cc", "CoreID Caller", "1.8.0"),
    "CCFailure": ("cc", "CoreID Caller Reason", "1.8.0"),
    "CCMonitorFailed": ("cc", "CoreID Callee", "1.8.0"),
    "CCOfferTimerStart": ("cc", "CoreID Caller Expires", "1.8.0"),
    "CCRecallComplete": ("cc", "CoreID Caller", "1.8.0"),
    "CCRequestAcknowledged": ("cc", "CoreID Caller", "1.8.0"),
    "CCRequested": ("cc", "CoreID Caller Callee", "1.8.0"),
    "JabberStatus": ("user", "Account JID Resource Status Priority Description", "1.8.0"),
    "MobileStatus": ("system", "Status Device", "1.8.0"),
    "TestEvent": ("reporting", "Type State AppFile AppFunction AppLine", "1.8.0"),
}

#: Events that are gone, with the last branch that sent them.
GONE_EVENTS: Final = {
    "MonitorStart": "20",
    "MonitorStop": "20",
    "SIPQualifyPeerDone": "20",
    "SessionTimeout": "20",
}

#: Those that no documentation at hand has: class, headers, first release, last branch.  Asterisk 12 replaced
#: most of them.
FORGOTTEN_EVENTS: Final = {
    "AGIExec": ("agi", "SubEvent Channel CommandId Command ResultCode Result", "1.6.0", "11"),
    "Agentcallbacklogin": ("agent", "Agent Loginchan Uniqueid", "1.0.0", "1.4"),
    "Agentcallbacklogoff": ("agent", "Agent Reason Loginchan Logintime Uniqueid", "1.0.0", "1.6.2"),
    "AsyncAGI": ("agi", "SubEvent Channel Env Result CommandID", "1.6.0", "11"),
    "Bridge": (
        "call",
        "Bridgestate Bridgetype Channel1 Channel2 Uniqueid1 Uniqueid2 CallerID1 CallerID2",
        "1.6.0",
        "11",
    ),
    "BridgeAction": ("call", "Response Reason Channel1 Channel2", "1.8.0", "11"),
    "BridgeExec": ("call", "Response Reason Channel1 Channel2", "1.6.0", "11"),
    "ChannelReload": ("system", "ChannelType ReloadReason Registry_Count Peer_Count User_Count", "1.4.0", "11"),
    "ChannelUpdate": (
        "system",
        "Channel Channeltype Gtalk-SID IAX2-callno-local IAX2-callno-remote IAX2-peer Uniqueid SIPcallid "
        "SIPfullcontact Peername CallRef",
        "1.6.0",
        "11",
    ),
    "DTMF": ("dtmf", "Channel Uniqueid Digit Direction Begin End", "1.6.0", "11"),
    "Dial": (
        "call",
        "SubEvent Source Channel Destination CallerID CallerIDNum CallerIDName ConnectedLineNum ConnectedLineName "
        "SrcUniqueID UniqueID DestUniqueID Dialstring DialStatus",
        "1.2.0",
        "11",
    ),
    "JabberEvent": ("user", "Account Packet", "1.4.0", "11"),
    "JitterBufStats": (
        "reporting",
        "Owner Ping LocalJitter LocalJBDelay LocalTotalLost LocalLossPercent LocalDropped Localooo LocalReceived "
        "RemoteJitter RemoteJBDelay RemoteTotalLost RemoteLossPercent RemoteDropped Remoteooo RemoteReceived",
        "1.6.0",
        "11",
    ),
    "Join": (
        "call",
        "Channel CallerID CallerIDNum CallerIDName ConnectedLineNum ConnectedLineName Queue Position Count Uniqueid",
        "1.0.0",
        "11",
    ),
    "Leave": ("call", "Channel Queue Count Position Uniqueid", "1.0.0", "11"),
    "Link": ("call", "Channel1 Channel2 Uniqueid1 Uniqueid2 CallerID1 CallerID2", "1.0.0", "1.4"),
    "Masquerade": ("call", "Clone CloneState Original OriginalState", "1.6.0", "11"),
    "ModuleLoadReport": ("system", "ModuleLoadStatus ModuleSelection ModuleCount", "1.6.0", "11"),
    "MusicOnHold": ("call", "State Channel UniqueID Class", "1.6.2", "11"),
    "NewPeerAccount": ("call", "Channel Uniqueid PeerAccount OldPeerAccount", "1.8.0", "11"),
    "PRIEvent": ("system", "PRIEvent PRIEventCode D-channel Span", "1.6.0", "1.6.2"),
    "QueueMemberPaused": ("agent", "Queue Location MemberName Paused Reason", "1.2.0", "11"),
    "RTPReceiverStat": (
        "reporting",
        "SSRC ReceivedPackets LostPackets Jitter Transit RRCount",
        "1.6.0",
        "1.6.2",
    ),
    "RTPSenderStat": ("reporting", "SSRC SentPackets LostPackets Jitter SRCount RTT", "1.6.0", "1.6.2"),
    "Transfer": (
        "call",
        "TransferMethod TransferType Channel Uniqueid SIP-Callid TargetChannel TargetUniqueid TransferExten "
        "TransferContext",
        "1.6.0",
        "11",
    ),
    "Unlink": ("call", "Channel1 Channel2 Uniqueid1 Uniqueid2 CallerID1 CallerID2", "1.0.0", "1.8"),
}
