"""The actions that change anything but calls, and their replies; each is run on a stage of its own."""

from __future__ import annotations

from typing import Final

from tests.asterisk.coverage import OK, Row, Then

_TARGET: Final = "Context, Extension, Priority, and Application must be defined for DialplanExtensionAdd."
_MESSAGE: Final = {"Context": "default", "Mailbox": "100", "Folder": "INBOX", "ID": "{message.id}"}
_NO_MESSAGE: Final = {
    "Context": "Context not specified, required",
    "Mailbox": "Mailbox not specified, required",
    "Folder": "Folder not specified, required",
    "ID": "ID not specified, required",
}


def _cache_row(action: str, fields: dict[str, str], says: str) -> Row:
    """Return the row of an action on one of the caches of ``sorcery.conf``."""
    missing = {"Cache": f"{action} requires that a cache name be provided."}
    if "Object" in fields:
        missing["Object"] = f"{action} requires that an object name be provided"
    return Row(action, fields, says, missing=missing, needs="registration")


CHANGING: Final = (
    Row(
        "BridgeTechnologySuspend",
        {"BridgeTechnology": "softmix"},
        "Suspended bridge technology",
        missing={"BridgeTechnology": "BridgeTechnology must be provided"},
        then=Then("BridgeTechnologyList", {}, {"BridgeTechnology": "softmix", "BridgeSuspended": "Yes"}),
    ),
    Row(
        "BridgeTechnologyUnsuspend",
        {"BridgeTechnology": "softmix"},
        "Unsuspended bridge technology",
        missing={"BridgeTechnology": "BridgeTechnology must be provided"},
        then=Then("BridgeTechnologyList", {}, {"BridgeTechnology": "softmix", "BridgeSuspended": "No"}),
    ),
    Row(
        "CreateConfig",
        {"Filename": "created.conf"},
        "New configuration file created successfully",
        missing={"Filename": {"22": "Filename not specified", "16": "Is a directory"}},
        then=Then("GetConfig", {"Filename": "created.conf"}, {"Response": "Success"}),
    ),
    Row(
        "DBDel",
        {"Family": "{key.family}", "Key": "{key.name}"},
        "Key deleted successfully",
        missing={"Family": "No family specified.", "Key": "No key specified."},
        then=Then("DBGet", {"Family": "{key.family}", "Key": "{key.name}"}, says="Database entry not found"),
    ),
    Row(
        "DBDelTree",
        {"Family": "{key.family}"},
        "Key tree deleted successfully",
        missing={"Family": "No family specified."},
        then=Then("DBGet", {"Family": "{key.family}", "Key": "{key.name}"}, says="Database entry not found"),
    ),
    Row(
        "DBPut",
        {"Family": "{key.family}", "Key": "put", "Val": "blue, and: green"},
        "Updated database successfully",
        missing={
            "Family": "No family specified",
            "Key": "No key specified",
            "Val": OK + "Updated database successfully",
        },
        then=Then("DBGet", {"Family": "{key.family}", "Key": "put"}, {"Val": "blue, and: green"}),
    ),
    Row(
        "DialplanExtensionAdd",
        {"Context": "made", "Extension": "201", "Priority": "1", "Application": "NoOp", "Replace": "yes"},
        "Added requested extension",
        missing=dict.fromkeys(("Context", "Extension", "Priority", "Application"), _TARGET),
        then=Then("ShowDialPlan", {"Context": "made", "Extension": "201"}, {"Application": "NoOp"}),
    ),
    Row(
        "DialplanExtensionRemove",
        {"Context": "{extension.context}", "Extension": "{extension.number}"},
        "Removed the requested extension",
        missing=dict.fromkeys(
            ("Context", "Extension"), "Context and Extension must be provided for DialplanExtensionRemove"
        ),
        then=Then(
            "ShowDialPlan",
            {"Context": "{extension.context}", "Extension": "{extension.number}"},
            says="Did not find extension {extension.number}@{extension.context}",
        ),
    ),
    Row("Events", {"EventMask": "on"}, has={"Events": "On"}, missing={"EventMask": "Invalid event mask"}),
    Row(
        "Filter",
        {"Operation": "Add", "Filter": "!Event: TestEvent"},
        "Success",
        missing={
            "Operation": "Unknown operation",
            "Filter": {
                "22": "Filter was formatted incorrectly.  Check the syntax of the filter given.",
                "16": OK + "Success",
            },
        },
    ),
    Row(
        "JabberSend",
        {"Jabber": "nobody", "ScreenName": "somebody@example.com", "Message": "hello"},
        "Could not find Sender",
        reply="error",
        missing={
            "Jabber": "No transport specified",
            "ScreenName": "No ScreenName specified",
            "Message": "No Message specified",
        },
    ),
    Row("LoggerRotate", says="Reloaded the logger and rotated log files"),
    Row(
        "Login",
        {"Username": "admin", "Secret": "wrong"},
        "Already authenticated",
        missing={"Username": OK + "Already authenticated"},
    ),
    Row(
        "MessageSend",
        {"To": "pjsip:{registration.user}", "From": "lab", "Body": "hello"},
        "Message successfully sent",
        missing={"To": "No 'To' address specified.", "Body": OK + "Message successfully sent"},
    ),
    Row(
        "ModuleLoad",
        {"LoadType": "reload", "Module": "app_queue.so"},
        "Module reloaded.",
        missing={"LoadType": "Incomplete ModuleLoad action.", "Module": OK + "All modules reloaded"},
        surplus={"LoadType": 1},
    ),
    Row("ModuleLoad", says="Incomplete ModuleLoad action.", reply="error", surplus={"": 2}),
    Row("ModuleLoad", {"LoadType": "load"}, "Need module name", reply="error", surplus={"": 1}),
    Row(
        "PJSIPNotify",
        {"Endpoint": "{registration.user}", "Variable": "Event=check-sync"},
        "NOTIFY sent",
        missing={
            "Endpoint": "PJSIPNotify requires either an endpoint name, a SIP URI, or a channel.",
            "Variable": {
                "22": "PJSIPNotify requires either an Option or Variable(s).You must use only one of them.",
                "16": OK + "NOTIFY sent",
            },
        },
    ),
    Row(
        "PJSIPQualify",
        {"Endpoint": "{registration.user}"},
        "Endpoint found, will qualify",
        missing={"Endpoint": "Endpoint parameter missing."},
    ),
    Row(
        "PJSIPRegister",
        {"Registration": "{registration.name}"},
        "Reregistration sent",
        missing={"Registration": "Registration parameter missing."},
    ),
    Row(
        "PJSIPSetMaintenance",
        {"Endpoint": "bob", "State": "on"},
        "Maintenance mode enabled",
        missing={"Endpoint": "Endpoint parameter missing", "State": "State parameter missing"},
        then=Then("PJSIPShowMaintenance", {}, {"Endpoint": "bob"}),
        on="22",
    ),
    Row(
        "PJSIPUnregister",
        {"Registration": "{registration.name}"},
        "Unregistration sent",
        missing={"Registration": "Registration parameter missing."},
        then=Then("PJSIPShowRegistrationsOutbound", {}, {"Status": "Unregistered"}),
    ),
    Row(
        "QueueAdd",
        {"Queue": "sales", "Interface": "Local/104@default", "MemberName": "Added"},
        "Added interface to queue",
        missing={"Queue": "'Queue' not specified.", "Interface": "'Interface' not specified."},
        then=Then("QueueStatus", {"Queue": "sales"}, {"Location": "Local/104@default", "Name": "Added"}),
    ),
    Row(
        "QueueLog",
        {"Queue": "sales", "Event": "TXAMI", "Uniqueid": "1", "Interface": "Local/1", "Message": "text"},
        "Event added successfully",
        missing=dict.fromkeys(("Queue", "Event"), "Need 'Queue' and 'Event' parameters."),
    ),
    Row(
        "QueueMemberRingInUse",
        {"Queue": "support", "Interface": "Local/100@default", "RingInUse": "no"},
        "Interface ringinuse set successfully",
        missing=dict.fromkeys(("Interface", "RingInUse"), "Need 'Interface' and 'RingInUse' parameters."),
    ),
    Row(
        "QueuePause",
        {"Queue": "support", "Interface": "Local/100@default", "Paused": "true", "Reason": "tea"},
        "Interface paused successfully",
        missing=dict.fromkeys(("Interface", "Paused"), "Need 'Interface' and 'Paused' parameters."),
        then=Then("QueueStatus", {}, {"Location": "Local/100@default", "Paused": "1", "PausedReason": "tea"}),
    ),
    Row(
        "QueuePenalty",
        {"Queue": "support", "Interface": "Local/100@default", "Penalty": "3"},
        "Interface penalty set successfully",
        missing=dict.fromkeys(("Interface", "Penalty"), "Need 'Interface' and 'Penalty' parameters."),
        then=Then("QueueStatus", {}, {"Location": "Local/100@default", "Penalty": "3"}),
    ),
    Row("QueueReload", {"Members": "yes"}, "Queue reloaded successfully"),
    Row(
        "QueueRemove",
        {"Queue": "sales", "Interface": "{member.interface}"},
        "Removed interface from queue",
        missing=dict.fromkeys(("Queue", "Interface"), "Need 'Queue' and 'Interface' parameters."),
    ),
    Row("QueueReset", {"Queue": "sales"}, "Queue stats reset successfully"),
    Row("Reload", {"Module": "app_queue"}, "Module Reloaded"),
    Row("Reload", {"Module": "none"}, "No such module", reply="error"),
    Row("Reload", says="Module Reloaded"),
    Row(
        "SIPnotify",
        {"Channel": "simon", "Variable": "Event=check-sync"},
        "Notify Sent",
        missing={"Channel": "SIPNotify requires a channel name", "Variable": OK + "Notify Sent"},
        on="16",
    ),
    Row(
        "SIPqualifypeer",
        {"Peer": "simon"},
        "SIP peer found - will qualify",
        missing={"Peer": "Peer: <name> missing."},
        on="16",
    ),
    Row(
        "Setvar",
        {"Channel": "{call.channel}", "Variable": "TAG", "Value": "one, and: two"},
        "Variable Set",
        missing={"Variable": "No variable specified", "Value": OK + "Variable Set"},
        then=Then("Getvar", {"Channel": "{call.channel}", "Variable": "TAG"}, {"Value": "one, and: two"}),
    ),
    _cache_row(
        "SorceryMemoryCacheExpireObject",
        {"Cache": "auths", "Object": "carol"},
        "The provided object was expired from the cache",
    ),
    _cache_row("SorceryMemoryCacheStale", {"Cache": "auths"}, "All objects were marked as stale in the cache"),
    _cache_row("SorceryMemoryCacheExpire", {"Cache": "auths"}, "All objects were expired from the cache"),
    _cache_row("SorceryMemoryCachePopulate", {"Cache": "aliases"}, "Cache has been expired and populated"),
    _cache_row(
        "SorceryMemoryCacheStaleObject",
        {"Cache": "aliases", "Object": "lab.example.com"},
        "The provided object was marked as stale in the cache",
    ),
    Row(
        "UpdateConfig",
        {
            "SrcFilename": "{config.file}",
            "DstFilename": "{config.file}",
            "Action-000000": "Append",
            "Cat-000000": "second",
            "Var-000000": "added",
            "Value-000000": "this, too",
        },
        missing=dict.fromkeys(("SrcFilename", "DstFilename"), "Filename not specified"),
        then=Then("GetConfig", {"Filename": "{config.file}"}, {"Line-000000-000003": "added=this, too"}),
    ),
    Row(
        "UserEvent",
        {"UserEvent": "Txami", "Header": "value"},
        "Event Sent",
        missing={"UserEvent": OK + "Event Sent"},
    ),
    Row(
        "VoicemailForward",
        {**_MESSAGE, "ToContext": "default", "ToMailbox": "101", "ToFolder": "INBOX"},
        "Message forward successful",
        missing={
            **_NO_MESSAGE,
            "ToContext": "ToContext not specified, required",
            "ToMailbox": "ToMailbox not specified, required",
            "ToFolder": "ToFolder not specified, required",
        },
        then=Then("MailboxCount", {"Mailbox": "101@default"}, {"NewMessages": "1"}),
        on="22",
    ),
    Row(
        "VoicemailMove",
        {**_MESSAGE, "ToFolder": "Old"},
        "Message move successful",
        missing={**_NO_MESSAGE, "ToFolder": "ToFolder not specified, required"},
        then=Then("MailboxCount", {"Mailbox": "100@default"}, {"OldMessages": "1"}),
        on="22",
    ),
    Row(
        "VoicemailRefresh",
        {"Context": "default", "Mailbox": "100"},
        "Refresh sent",
        missing={"Context": OK + "Refresh sent"},
        on="22",
    ),
    Row(
        "VoicemailRemove",
        _MESSAGE,
        "Message remove successful",
        missing=_NO_MESSAGE,
        on="22",
    ),
    Row(
        "WaitEvent",
        {"Timeout": "1"},
        "Waiting for Event completed.",
        ends="WaitEventComplete",
        reply="response and event",
    ),
    Row(
        "WaitEvent",
        says="Waiting for Event completed.",
        ends="WaitEventComplete",
        reply="response and event",
        needs="noise",
        note="ends when an event comes",
    ),
)

#: They take away what others need, at last the connection, and then the server.
ENDING: Final = (
    Row(
        "ModuleLoad",
        {"LoadType": "unload", "Module": "app_queue.so"},
        "Module unloaded.",
        then=Then(
            "QueueStatus",
            says="Invalid/unknown command: QueueStatus. Use Action: ListCommands to show available commands.",
        ),
    ),
    Row(
        "Events",
        {"EventMask": "on"},
        reply="none, ping",
        needs="broken_events",
        note="while manager.conf says brokeneventsaction",
    ),
    Row("Logoff", says="Thanks for all the fish.", reply="closing"),
    Row("Command", {"Command": "core stop now"}, reply="closed"),
)
