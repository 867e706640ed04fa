"""The actions that change calls, and their replies; each is run on a stage of its own."""

from __future__ import annotations

from typing import Final

from tests.asterisk.coverage import ANY, OK, Row, Then

_NO_CHANNEL: Final = {"Channel": "No channel specified"}
_NO_CONFERENCE: Final = {"Conference": "No Conference name provided."}
_ROOM: Final = {"Conference": "{conference.room}"}
_USER: Final = {**_ROOM, "Channel": "{conference.channel}"}
_NO_USER: Final = {**_NO_CONFERENCE, "Channel": "No channel name provided."}
_GONE: Final = Then("Getvar", {"Channel": "{call.channel}", "Variable": "X"}, says="No such channel")
_ON_100: Final = {"Context": "default", "Exten": "100"}

CALLING: Final = (
    Row(
        "AGI",
        {"Channel": "{agi.channel}", "Command": "SET VARIABLE AGIVAR done", "CommandID": "1"},
        "Added AGI command to queue",
        missing=dict.fromkeys(("Channel", "Command"), "Both, Channel and Command are *required*"),
        then=Then("Getvar", {"Channel": "{agi.channel}", "Variable": "AGIVAR"}, {"Value": "done"}),
    ),
    Row(
        "AGI",
        {"Channel": "{call.channel}", "Command": "ANSWER"},
        "Failed to add AGI command to channel {call.channel} queue",
        reply="error",
    ),
    Row(
        "AOCMessage",
        {
            "Channel": "{call.channel}",
            "MsgType": "D",
            "ChargeType": "Unit",
            "UnitAmount(0)": "3",
            "UnitType(0)": "1",
        },
        "AOC Message successfully queued on channel",
        missing={
            "Channel": "Channel and PartialChannel are not specified. Specify at least one of these.",
            "MsgType": "Invalid MsgType",
            "ChargeType": "ChargeType not specified",
        },
    ),
    Row(
        "AbsoluteTimeout",
        {"Channel": "{call.channel}", "Timeout": "1"},
        "Timeout Set",
        missing={**_NO_CHANNEL, "Timeout": "No timeout specified"},
        then=_GONE,
    ),
    Row(
        "AgentLogoff",
        {"Agent": "{agent.id}"},
        "Agent logged out",
        missing={"Agent": "No agent specified"},
        then=Then("Agents", {}, {"Agent": "{agent.id}", "Status": "AGENT_LOGGEDOFF"}),
    ),
    Row(
        "Atxfer",
        {"Channel": "{bridge.outer}", **_ON_100},
        "Atxfer successfully queued",
        missing={**_NO_CHANNEL, "Exten": "No extension specified"},
    ),
    Row(
        "BlindTransfer",
        {"Channel": "{bridge.outer}", **_ON_100},
        "Transfer succeeded",
        missing={**_NO_CHANNEL, "Exten": "No extension specified"},
        then=Then("CoreShowChannels", {}, {"Channel": "{bridge.inner}", "Exten": "100", "Application": "Wait"}),
    ),
    Row(
        "Bridge",
        {"Channel1": "{pair.first}", "Channel2": "{pair.second}"},
        "Channels have been bridged",
        missing=dict.fromkeys(("Channel1", "Channel2"), "Missing channel parameter in request"),
        then=Then("BridgeList", {}, {"BridgeNumChannels": "2"}),
    ),
    Row(
        "BridgeDestroy",
        {"BridgeUniqueid": "{bridge.id}"},
        "Bridge has been destroyed",
        missing={"BridgeUniqueid": "BridgeUniqueid must be provided"},
        then=Then("BridgeInfo", {"BridgeUniqueid": "{bridge.id}"}, says="Specified BridgeUniqueid not found"),
    ),
    Row(
        "BridgeKick",
        {"BridgeUniqueid": "{bridge.id}", "Channel": "{bridge.inner}"},
        "Channel has been kicked",
        missing={"Channel": "Channel must be provided"},
    ),
    Row(
        "CancelAtxfer",
        {"Channel": "{bridge.outer}"},
        "CancelAtxfer successfully queued",
        missing=_NO_CHANNEL,
    ),
    Row(
        "ChangeMonitor",
        {"Channel": "{monitored.channel}", "File": "other"},
        "Changed monitor filename",
        missing={**_NO_CHANNEL, "File": "No filename specified"},
        on="16",
    ),
    Row(
        "ConfbridgeKick",
        _USER,
        "User kicked",
        missing={**_NO_CONFERENCE, "Channel": "No Channel by that name found in Conference."},
        then=Then("ConfbridgeListRooms", says="No active conferences."),
    ),
    Row(
        "ConfbridgeLock",
        _ROOM,
        "Conference locked",
        missing=_NO_CONFERENCE,
        then=Then("ConfbridgeListRooms", {}, {"Locked": "Yes"}),
    ),
    Row(
        "ConfbridgeMute",
        _USER,
        "User muted",
        missing=_NO_USER,
        then=Then("ConfbridgeList", _ROOM, {"Muted": "Yes"}),
    ),
    Row("ConfbridgeSetSingleVideoSrc", _USER, "Conference single video source set.", missing=_NO_USER),
    Row(
        "ConfbridgeStartRecord",
        {**_ROOM, "RecordFile": "{file.recording}"},
        "Conference Recording Started.",
        missing=_NO_CONFERENCE,
    ),
    Row(
        "ConfbridgeStopRecord",
        {"Conference": "{recorded_conference.room}"},
        "Conference Recording Stopped.",
        missing=_NO_CONFERENCE,
    ),
    Row("ConfbridgeStopRecord", _ROOM, "Internal error while stopping recording.", reply="error"),
    Row("ConfbridgeUnlock", _ROOM, "Conference unlocked", missing=_NO_CONFERENCE),
    Row("ConfbridgeUnmute", _USER, "User unmuted", missing=_NO_USER),
    Row(
        "ControlPlayback",
        {"Channel": "{playing.channel}", "Control": "pause"},
        missing={"Channel": "Channel not specified", "Control": "Control not specified"},
    ),
    Row("Hangup", {"Channel": "{call.channel}", "Cause": "17"}, "Channel Hungup", missing=_NO_CHANNEL, then=_GONE),
    Row(
        "Hangup",
        {"Channel": "/^Local.*/", "Cause": "17"},
        "Channels hung up will follow",
        # The end of one half of a call may be the end of the other before its turn comes.
        items={"ChannelHungup": {"Channel": ANY}},
        ends="ChannelsHungupListComplete",
        needs="call",
        then=_GONE,
    ),
    Row(
        "LocalOptimizeAway",
        {"Channel": "{call.channel}"},
        "Queued channel to be optimized away",
        missing={"Channel": "'Channel' not specified."},
    ),
    Row(
        "MixMonitor",
        {"Channel": "{call.channel}", "File": "{file.recording}"},
        missing={**_NO_CHANNEL, "File": "Could not start monitoring channel"},
    ),
    Row(
        "MixMonitorMute",
        {"Channel": "{recorded.channel}", "Direction": "read", "State": "1"},
        missing={
            **_NO_CHANNEL,
            "Direction": "No direction specified. Must be read, write or both",
            "State": "No state specified",
        },
    ),
    Row(
        "Monitor",
        {"Channel": "{call.channel}", "File": "recording"},
        "Started monitoring channel",
        missing={**_NO_CHANNEL, "File": OK + "Started monitoring channel"},
        on="16",
    ),
    Row(
        "MuteAudio",
        {"Channel": "{call.channel}", "Direction": "in", "State": "on"},
        missing={
            "Channel": "Channel not specified",
            "Direction": "Direction not specified",
            "State": "State not specified",
        },
    ),
    Row(
        "Originate",
        {"Channel": "Local/100@default/n", "Application": "Wait", "Data": "1", "Async": "true", "ChannelId": "placed"},
        "Originate successfully queued",
        missing={"Channel": "Channel not specified"},
        then=Then("Status", {}, {"Uniqueid": "placed"}),
    ),
    Row(
        "Originate",
        {
            "Channel": "Local/100@default/n",
            "Context": "default",
            "Exten": "100",
            "Priority": "1",
            "ChannelId": "placed",
        },
        "Originate successfully queued",
        missing={"Exten": "Extension does not exist.", "Context": "Extension does not exist."},
        then=Then("Status", {}, {"Uniqueid": "placed"}),
    ),
    Row(
        "Originate",
        {"Channel": "Local/102@default/n", "Application": "Wait", "Data": "1"},
        "Originate failed",
        reply="error",
    ),
    Row(
        "PJSIPHangup",
        {"Channel": "{phone.channel}", "Cause": "486"},
        "Channel Hungup",
        missing=_NO_CHANNEL,
        then=Then("Getvar", {"Channel": "{phone.channel}", "Variable": "X"}, says="No such channel"),
        note="success is said of any call, but only an incoming one that was not answered yet ends",
        on="22",
    ),
    Row(
        "PJSIPHangup",
        {"Channel": "/^PJSIP.*/", "Cause": "486"},
        "Channels hung up will follow",
        items={"ChannelHungup": {"Channel": ANY}},
        ends="ChannelsHungupListComplete",
        needs="phone",
        on="22",
    ),
    Row(
        "Park",
        {"Channel": "{call.channel}", "Timeout": "20000"},
        "Park successful",
        missing={"Channel": "Channel not specified"},
        then=Then("ParkedCalls", {}, {"ParkeeChannel": "{call.channel}"}),
    ),
    Row(
        "PauseMonitor",
        {"Channel": "{monitored.channel}"},
        "Paused monitoring of the channel",
        missing=_NO_CHANNEL,
        on="16",
    ),
    Row(
        "PlayDTMF",
        {"Channel": "{call.channel}", "Digit": "5"},
        "DTMF successfully queued",
        missing={"Channel": "Channel not found", "Digit": "No digit specified"},
    ),
    Row(
        "PlayMF",
        {"Channel": "{call.channel}", "Digit": "5"},
        "MF successfully queued",
        missing={"Channel": "Channel not found", "Digit": "No digit specified"},
    ),
    Row(
        "QueueChangePriorityCaller",
        {"Queue": "{caller.queue}", "Caller": "{caller.channel}", "Priority": "7"},
        "Priority change for caller on queue",
        missing={
            "Queue": "'Queue' not specified.",
            "Caller": "'Caller' not specified.",
            "Priority": "'Priority' not specified.",
        },
        then=Then("QueueStatus", {}, {"Channel": "{caller.channel}", "Priority": "7"}),
    ),
    Row(
        "QueueWithdrawCaller",
        {"Queue": "{caller.queue}", "Caller": "{caller.channel}"},
        "Withdraw requested successfully",
        missing={"Queue": "'Queue' not specified.", "Caller": "'Caller' not specified."},
        then=Then("QueueSummary", {"Queue": "{caller.queue}"}, {"Callers": "0"}),
    ),
    Row(
        "Redirect",
        {"Channel": "{call.channel}", **_ON_100, "Priority": "1"},
        "Redirect successful",
        missing={
            "Channel": "Channel not specified",
            "Context": "Context not specified",
            "Exten": "Exten not specified",
            "Priority": "Priority not specified",
        },
        then=Then("CoreShowChannels", {}, {"Channel": "{call.channel}", "Exten": "100", "Priority": "2"}),
    ),
    Row(
        "SendFlash",
        {"Channel": "{call.channel}"},
        "Flash successfully queued",
        missing={"Channel": "Channel not found"},
        on="22",
    ),
    Row(
        "SendText",
        {"Channel": "{call.channel}", "Message": "hello"},
        "Success",
        missing={**_NO_CHANNEL, "Message": "No Message specified"},
    ),
    Row(
        "StopMixMonitor",
        {"Channel": "{recorded.channel}"},
        missing=_NO_CHANNEL,
    ),
    Row(
        "StopMonitor",
        {"Channel": "{monitored.channel}"},
        "Stopped monitoring channel",
        missing=_NO_CHANNEL,
        on="16",
    ),
    Row(
        "UnpauseMonitor",
        {"Channel": "{monitored.channel}"},
        "Unpaused monitoring of the channel",
        missing=_NO_CHANNEL,
        on="16",
    ),
)
