"""Every action method of StarPy's: its parameters, and what it sends."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from tests.test_starpy import World
from txami.starpy import manager

#: The method: its parameters, what a test calls it with, and what is sent.
METHODS: dict[str, tuple[str, tuple[Any, ...], dict[str, str]]] = {
    "absoluteTimeout": (
        "channel, timeout",
        ("X/1", 5),
        {"action": "absolutetimeout", "channel": "X/1", "timeout": "5"},
    ),
    "agentLogoff": ("agent, soft", ("7", True), {"action": "agentlogoff", "agent": "7", "soft": "true"}),
    "agents": ("", (), {"action": "agents"}),
    "changeMonitor": (
        "channel, filename",
        ("X/1", "f"),
        {"action": "changemonitor", "channel": "X/1", "filename": "f"},
    ),
    "command": ("command", ("core show uptime",), {"action": "command", "command": "core show uptime"}),
    "dahdiDNDoff": ("channel", (1,), {"action": "dahdidndoff", "dahdichannel": "1"}),
    "dahdiDNDon": ("channel", (1,), {"action": "dahdidndon", "dahdichannel": "1"}),
    "dahdiDialOffhook": (
        "channel, number",
        (1, "55"),
        {"action": "dahdidialoffhook", "dahdichannel": "1", "number": "55"},
    ),
    "dahdiHangup": ("channel", (1,), {"action": "dahdihangup", "dahdichannel": "1"}),
    "dahdiRestart": ("channel", (1,), {"action": "dahdirestart", "dahdichannel": "1"}),
    "dahdiShowChannels": ("", (), {"action": "dahdishowchannels"}),
    "dahdiTransfer": ("channel", (1,), {"action": "dahditransfer", "dahdichannel": "1"}),
    "dbDel": ("family, key", ("f", "k"), {"action": "dbdel", "family": "f", "key": "k"}),
    "dbDelTree": ("family, key=None", ("f",), {"action": "dbdeltree", "family": "f"}),
    "dbGet": ("family, key", ("f", "k"), {"action": "dbget", "family": "f", "key": "k"}),
    "dbPut": ("family, key, value", ("f", "k", "v"), {"action": "dbput", "family": "f", "key": "k", "val": "v"}),
    "events": ("eventmask=False", (), {"action": "events", "eventmask": "off"}),
    "extensionState": (
        "exten, context",
        ("100", "default"),
        {"action": "extensionstate", "exten": "100", "context": "default"},
    ),
    "getConfig": ("filename", ("sip.conf",), {"action": "getconfig", "filename": "sip.conf"}),
    "getVar": ("channel, variable", ("X/1", "V"), {"action": "getvar", "channel": "X/1", "variable": "V"}),
    "hangup": ("channel", ("X/1",), {"action": "hangup", "channel": "X/1"}),
    "listCommands": ("", (), {"action": "listcommands"}),
    "mailboxCount": ("mailbox", ("1@d",), {"action": "mailboxcount", "mailbox": "1@d"}),
    "mailboxStatus": ("mailbox", ("1@d",), {"action": "mailboxstatus", "mailbox": "1@d"}),
    "meetmeMute": ("meetme, usernum", ("9", 2), {"action": "meetmemute", "meetme": "9", "usernum": "2"}),
    "meetmeUnmute": ("meetme, usernum", ("9", 2), {"action": "meetmeunmute", "meetme": "9", "usernum": "2"}),
    "monitor": (
        "channel, file, format, mix",
        ("X/1", "f", "wav", 1),
        {"action": "monitor", "channel": "X/1", "file": "f", "format": "wav", "mix": "1"},
    ),
    "originate": (
        "channel, context=None, exten=None, priority=None, timeout=None, callerid=None, account=None, "
        "application=None, data=None, variable={}, nowait=False, channelid=None, otherchannelid=None, codecs=None",
        ("X/1", "default", "100", 1, 2.5, "A <1>", "acc", "Wait", "5", {"V": 1}, True, "id", "other", "ulaw"),
        {
            "action": "originate",
            "channel": "X/1",
            "context": "default",
            "exten": "100",
            "priority": "1",
            "timeout": "2500",
            "callerid": "A <1>",
            "account": "acc",
            "application": "Wait",
            "data": "5",
            "variable": "V=1",
            "async": "True",
            "channelid": "id",
            "otherchannelid": "other",
            "codecs": "ulaw",
        },
    ),
    "park": (
        "channel, channel2, timeout",
        ("X/1", "X/2", 45000),
        {"action": "park", "channel": "X/1", "channel2": "X/2", "timeout": "45000"},
    ),
    "parkedCall": ("", (), {"action": "parkedcall"}),
    "parkedCalls": ("", (), {"action": "parkedcalls"}),
    "pauseMonitor": ("channel", ("X/1",), {"action": "pausemonitor", "channel": "X/1"}),
    "ping": ("", (), {"action": "ping"}),
    "playDTMF": ("channel, digit", ("X/1", 5), {"action": "playdtmf", "channel": "X/1", "digit": "5"}),
    "queueAdd": (
        "queue, interface, penalty=0, paused=True, membername=None, stateinterface=None",
        ("q", "X/1"),
        {"action": "queueadd", "queue": "q", "interface": "X/1", "penalty": "0", "paused": "true"},
    ),
    "queueLog": (
        "queue, event, uniqueid=None, interface=None, msg=None",
        ("q", "E", "1.1", "X/1", "text"),
        {
            "action": "queuelog",
            "queue": "q",
            "event": "E",
            "uniqueid": "1.1",
            "interface": "X/1",
            "message": "text",
        },
    ),
    "queuePause": (
        "queue, interface, paused=True, reason=None",
        ("q", "X/1", False, "tea"),
        {"action": "queuepause", "queue": "q", "interface": "X/1", "paused": "false", "reason": "tea"},
    ),
    "queuePenalty": (
        "interface, penalty, queue=None",
        ("X/1", 3),
        {"action": "queuepenalty", "interface": "X/1", "penalty": "3"},
    ),
    "queueRemove": ("queue, interface", ("q", "X/1"), {"action": "queueremove", "queue": "q", "interface": "X/1"}),
    "queueStatus": ("queue=None, member=None", ("q",), {"action": "queuestatus", "queue": "q"}),
    "queues": ("", (), {"action": "command", "command": "queue show"}),
    "redirect": (
        "channel, context, exten, priority, extraChannel=None",
        ("X/1", "default", "100", 1, "X/2"),
        {
            "action": "redirect",
            "channel": "X/1",
            "extrachannel": "X/2",
            "context": "default",
            "exten": "100",
            "priority": "1",
        },
    ),
    "setCDRUserField": (
        "channel, userField, append=True",
        ("X/1", "field"),
        {"action": "setcdruserfield", "channel": "X/1", "userfield": "field", "append": "true"},
    ),
    "setVar": (
        "channel, variable, value",
        (None, "V", 1),
        {"action": "setvar", "variable": "V", "value": "1"},
    ),
    "sipPeers": ("", (), {"action": "sippeers"}),
    "sipShowPeers": ("peer", ("alice",), {"action": "sipshowpeer", "peer": "alice"}),
    "status": ("channel=None", ("X/1",), {"action": "status", "channel": "X/1"}),
    "stopMonitor": ("channel", ("X/1",), {"action": "stopmonitor", "channel": "X/1"}),
    "unParkedCall": ("", (), {"action": "unparkedcall"}),
    "unpauseMonitor": ("channel", ("X/1",), {"action": "unpausemonitor", "channel": "X/1"}),
    "updateConfig": (
        "srcfile, dstfile, reload, headers={}",
        ("a.conf", "b.conf", True, {"Action-000000": "NewCat", "Cat-000000": "new"}),
        {
            "action": "updateconfig",
            "srcfilename": "a.conf",
            "dstfilename": "b.conf",
            "reload": "yes",
            "action-000000": "NewCat",
            "cat-000000": "new",
        },
    ),
    "waitEvent": ("timeout", (60,), {"action": "waitevent", "timeout": "60"}),
}

#: Those with parameters of the caller's own, and those that are of the connection.
OTHERS = {
    "action": "action, **action_args",
    "userEvent": "event, **headers",
    "login": "",
    "loginChallengeResponse": "",
    "logoff": "",
    "registerEvent": "event, function",
    "deregisterEvent": "event, function=None",
    "sendMessage": "message, responseCallback=None",
    "sendDeferred": "message",
    "collectDeferred": "message, stopEvent",
    "errorUnlessResponse": "message, expected='Success'",
    "generateActionId": "",
}

ALL = {**{name: parameters for name, (parameters, _, _) in METHODS.items()}, **OTHERS}


def parameters(method: Any) -> str:
    """Return the parameters without their annotations."""
    signature = inspect.signature(method)
    plain = [each.replace(annotation=inspect.Parameter.empty) for each in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))[1:-1]


@pytest.mark.parametrize("name", ALL)
def test_the_parameters(name: str) -> None:
    assert parameters(getattr(manager.AMIProtocol(), name)) == ALL[name]


@pytest.mark.parametrize("name", METHODS)
def test_what_is_sent(name: str) -> None:
    world = World()
    ami = world.login()
    _, arguments, expected = METHODS[name]
    answered: list[Any] = []
    getattr(ami, name)(*arguments).addBoth(answered.append)
    world.run()
    sent = [(header.lower(), value) for header, value in world.session.actions[1].items() if header != "ActionID"]
    assert dict(sent) == expected
    assert len(sent) == len(expected)
    assert answered  # be it an error, for most of these the server does not know


def test_the_flags_of_a_member() -> None:
    world = World()
    ami, session = world.login(), world.session
    for flag, sent in ((True, "true"), ("true", "true"), (1, "true"), (False, "false"), ("no", "false"), (0, "false")):
        ami.queueAdd("q", "X/1", paused=flag).addErrback(lambda failure: None)
        world.run()
        assert session.actions[-1]["paused"] == sent


@pytest.mark.parametrize(
    ("mask", "sent"), [(True, "on"), ("on", "on"), (1, "on"), (0, "off"), ("off", "off"), ("call,user", "call,user")]
)
def test_the_mask_outlives_the_connection(mask: Any, sent: str) -> None:
    world = World()
    ami = world.login()
    world.result(ami.events(mask))
    assert world.session.actions[1]["eventmask"] == sent
    world.cut()
    world.run(5)
    assert world.session.actions[0]["Events"] == sent


def test_any_action_and_events_of_ones_own() -> None:
    world = World()
    ami, session = world.login(), world.session
    assert world.result(ami.action("Ping"))["ping"] == "Pong"
    events: list[Any] = []
    ami.registerEvent("UserEvent", lambda _, event: events.append(event))
    action_id = ami.userEvent("Mine", Colour="red")
    world.run()
    assert [(event["userevent"], event["colour"], event["actionid"]) for event in events] == [
        ("Mine", "red", action_id)
    ]
    assert session.actions[-1].keys() == ["Action", "ActionID", "userevent", "colour"]
