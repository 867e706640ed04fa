"""The calls that a FakeAsterisk plays, held against recordings of real ones."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

import txami
from tests.corpus import frames, recording
from txami import Message
from txami.testing import Behaviour, FakeAsterisk

VERSIONS = {"ast22": "11.0.0", "ast16": "5.0.4"}

#: What is not about the call alone, and the fake leaves out.
OMITTED = {"TestEvent", "VarSet", "DeviceStateChange", "ExtensionStatus", "LocalBridge", "NewCallerid"}

#: What the configuration of the recorded server adds.
CONFIGURED = ("Timestamp", "ChanVariable", "DestChanVariable")

Shape = tuple[str, str, tuple[str, ...]]


def recorded(name: str) -> list[Message]:
    """Return the events of a recording that the fake could have sent."""
    messages = map(Message, frames(recording(name)))
    return [message for message in messages if message.get("Event", "") not in {"", *OMITTED}]


def headers(event: Message) -> tuple[str, ...]:
    """Return the names of the headers, in order."""
    return tuple(name for name, _ in event.items() if not name.startswith(CONFIGURED))


def subject(event: Message) -> str:
    """Return the channel that an event is about, or else that it names as the one that is called."""
    return event.get("Channel", "") or event.get("DestChannel", "")


def shapes(events: Iterable[Message], roles: dict[str, str]) -> list[Shape]:
    """Return what each event is, whom it is about, and its headers; only those about somebody with a role."""
    found = []
    for event in events:
        who = [role for begin, role in roles.items() if subject(event).startswith(begin)]
        if who or "BridgeUniqueid" in event:
            found.append((event["Event"], who[0] if who else "", headers(event)))
    return found


class Watched:
    """
    A fake with a client who sees it all.

    :ivar events: those that came.
    """

    def __init__(self, version: str) -> None:
        self.fake = FakeAsterisk(version=version)
        self.ami = self.fake.result_of(txami.connect(self.fake.clock, self.fake.endpoint(), "admin", "secret"))
        self.events: list[Message] = []
        self.ami.on(None, self.events.append)

    def originate(self, behaviour: Behaviour) -> list[Message]:
        """Place a call, let it go its way, and return its events."""
        self.fake.phones["PJSIP/alice"] = behaviour
        call = self.fake.result_of(self.ami.originate("PJSIP/alice", context="phones", exten="hold"))
        self.fake.result_of(call.ended)
        return self.events

    def dial(self, behaviour: Behaviour = "answer", hang_up: str = "") -> list[Message]:
        """Let alice call bob, and return the events."""
        self.fake.phones["PJSIP/bob"] = behaviour
        call = self.fake.dial("PJSIP/alice", "PJSIP/bob")
        if hang_up == "cancel":
            self.fake.advance(0.2)
            call.cancel()
        elif hang_up == "callee":
            self.fake.advance(1)
            call.hang_up(by="callee")
        self.fake.advance(60)
        return self.events


CALLER_AND_CALLEE = {"PJSIP/alice": "caller", "PJSIP/bob": "callee"}

DIALS: list[tuple[str, Behaviour, str]] = [
    ("dial_answered", "answer", ""),
    ("dial_callee_hangs_up", "answer", "callee"),
    ("dial_cancelled", "answer", "cancel"),
    ("dial_busy", "busy", ""),
]


@pytest.mark.parametrize(("name", "behaviour", "hang_up"), DIALS)
def test_a_phone_calls_another_as_in_asterisk_22(name: str, behaviour: Behaviour, hang_up: str) -> None:
    played = Watched("11.0.0").dial(behaviour, hang_up)
    assert shapes(played, CALLER_AND_CALLEE) == shapes(recorded(f"{name}.ast22"), CALLER_AND_CALLEE)


#: What says the same in every run.
STEADY = """ChannelState ChannelStateDesc CallerIDNum ConnectedLineNum Language AccountCode Exten Priority Extension
    Application DialString DialStatus Cause Cause-txt TechCause BridgeType BridgeTechnology BridgeNumChannels
    DestChannelState DestChannelStateDesc DestCallerIDNum DestConnectedLineNum DestExten DestPriority""".split()


def values(event: Message) -> dict[str, str]:
    """Return the headers of an event whose values do not depend on names, times and numbers of channels."""
    return {name: event[name] for name in ("Event", *STEADY) if name in event}


@pytest.mark.parametrize(("name", "behaviour", "hang_up"), DIALS)
def test_the_values_are_those_of_asterisk_22(name: str, behaviour: Behaviour, hang_up: str) -> None:
    played = Watched("11.0.0").dial(behaviour, hang_up)
    assert list(map(values, played)) == list(map(values, recorded(f"{name}.ast22")))


@pytest.mark.parametrize(("name", "behaviour", "hang_up"), DIALS)
@pytest.mark.parametrize("version", VERSIONS)
def test_each_channel_and_each_bridge_has_its_events_in_order(
    version: str, name: str, behaviour: Behaviour, hang_up: str
) -> None:
    """Between two of them the order is a matter of chance: the recordings of 16 have another than those of 22."""
    played = shapes(Watched(VERSIONS[version]).dial(behaviour, hang_up), CALLER_AND_CALLEE)
    real = shapes(recorded(f"{name}.{version}"), CALLER_AND_CALLEE)
    assert sorted(played) == sorted(real)
    for role in ("caller", "callee"):
        assert [shape for shape in played if shape[1] == role] == [shape for shape in real if shape[1] == role]
    bridges = [[shape for shape in found if shape[0].startswith("Bridge")] for found in (played, real)]
    assert bridges[0] == bridges[1]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_phone_that_does_not_answer_another(version: str) -> None:
    """The recorded phones are Local channels, which have a NewCallerid where others have a NewConnectedLine."""
    local = {"Local/dialnoans@phones-": "caller", "Local/noans@phones-": "callee"}
    halves = {";1": "callee", ";2": "caller"}
    real = [
        event for event in recorded(f"dial_no_answer.{version}") if halves.get(subject(event)[-2:]) == role_of(event)
    ]
    played = Watched(VERSIONS[version]).dial("no answer")
    for role in ("caller", "callee"):
        ours = [shape for shape in shapes(played, CALLER_AND_CALLEE) if shape[1] == role]
        theirs = [shape for shape in shapes(real, local) if shape[1] == role]
        assert [shape for shape in ours if shape[0] != "NewConnectedLine"] == theirs


def role_of(event: Message) -> str:
    """Return which of the two calls of dial_no_answer a channel has to do with, by its name."""
    return "caller" if subject(event).startswith("Local/dialnoans@") else "callee"


ORIGINATES: list[tuple[str, str, Behaviour]] = [
    ("local_no_optimization", "Local/dialans@phones", "answer"),
    ("originate_failures", "Local/busy@phones", "busy"),
    ("originate_failures", "Local/cong@phones", "congestion"),
    ("originate_failures", "Local/noans@phones", "no answer"),
    ("originate_failures", "PJSIP/ghost", "fail"),
]


@pytest.mark.parametrize(("name", "dialled", "behaviour"), ORIGINATES)
@pytest.mark.parametrize("version", VERSIONS)
def test_an_originate(version: str, name: str, dialled: str, behaviour: Behaviour) -> None:
    """
    Its channel is the first half of the recorded Local channel, whose end is that of the other half.

    OriginateResponse comes from a thread of its own: where it stands differs from recording to recording.  What a
    phone is asked to hang up by, SoftHangupRequest, depends on who ends the call, and how many steps there are in the
    dialplan, on the dialplan.
    """
    played = shapes(Watched(VERSIONS[version]).originate(behaviour), {"PJSIP/alice": "it"})
    mine = [event for event in recorded(f"{name}.{version}") if not subject(event).endswith(";2")]
    real = shapes(mine, {dialled: "it"})
    real = [shape for shape in real if not shape[0].startswith("Bridge")]
    for left_out in ("OriginateResponse", "SoftHangupRequest"):
        assert {s[2] for s in played if s[0] == left_out} <= {s[2] for s in real if s[0] == left_out}
    assert in_line(played) == in_line(real)


def in_line(found: list[Shape]) -> list[Shape]:
    """Return what comes in the channel's own order, and steps of the dialplan that follow each other as one."""
    own = [shape for shape in found if shape[0] not in ("OriginateResponse", "SoftHangupRequest")]
    return [shape for before, shape in zip([None, *own], own, strict=False) if before is None or before != shape]


@pytest.mark.parametrize("version", VERSIONS)
def test_no_event_has_headers_that_real_ones_have_not(version: str) -> None:
    names = ("dial_answered", "dial_busy", "dial_cancelled", "originate_failures", "local_no_optimization")
    real = {(event["Event"], headers(event)) for name in names for event in recorded(f"{name}.{version}")}
    behaviours: tuple[Behaviour, ...] = ("answer", "busy", "no answer", "congestion", "fail")
    for behaviour in behaviours:
        for played in (Watched(VERSIONS[version]).dial(behaviour), Watched(VERSIONS[version]).originate(behaviour)):
            for event in played:
                assert (event["Event"], headers(event)) in real


@pytest.mark.parametrize("version", ["11.0.0", "5.0.4", "2.0.0", "1.3", "1.1"])
@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        ("answer", "answered"),
        ("busy", "busy"),
        ("no answer", "no answer"),
        ("congestion", "congestion"),
        ("fail", "failed"),
    ],
)
def test_what_the_client_makes_of_it(version: str, behaviour: Behaviour, status: str) -> None:
    watched = Watched(version)
    watched.fake.phones["PJSIP/alice"] = behaviour
    call = watched.fake.result_of(watched.ami.originate("PJSIP/alice", context="phones", exten="hold"))
    outcome = watched.fake.result_of(call.outcome)
    assert outcome.status == status
    old = version.startswith("1.")
    given = "<null>" if old else call.uniqueid
    assert (outcome.event["Uniqueid"] == given) is (not old or status != "answered")


def test_a_call_that_is_hung_up_before_it_is_answered() -> None:
    watched = Watched("11.0.0")
    call = watched.fake.result_of(watched.ami.originate("PJSIP/alice", context="phones", exten="hold"))
    watched.fake.result_of(call.hangup())
    assert watched.fake.result_of(call.outcome).status == "hung up"
    watched.fake.advance(10)
    assert [event["Event"] for event in watched.events][-2:] == ["Hangup", "OriginateResponse"]
    watched.fake.finish()


def test_an_answered_call_is_not_hung_up_twice() -> None:
    fake = FakeAsterisk()
    call = fake.dial("PJSIP/alice", "PJSIP/bob")
    fake.advance(1)
    call.cancel()  # too late
    assert call.bridge is not None
    assert call.bridge.channels == [call.callee, call.caller]
    call.hang_up()
    call.hang_up()
    assert (fake.channels, call.bridge.channels) == ({}, [])
    fake.finish()


def test_a_call_ends_with_either_of_its_channels() -> None:
    for name in ("caller", "callee"):
        for seconds in (0, 0.3, 1):
            fake = FakeAsterisk()
            call = fake.dial("PJSIP/alice", "PJSIP/bob")
            fake.advance(seconds)
            fake.hang_up(getattr(call, name))
            fake.advance(60)
            assert (getattr(call, name).name in fake.channels) is False
            fake.finish()


@pytest.mark.parametrize("seconds", [0.3, 1])
@pytest.mark.parametrize("name", ["caller", "callee"])
def test_the_action_hangup_ends_the_whole_call(seconds: float, name: str) -> None:
    watched = Watched("11.0.0")
    call = watched.fake.dial("PJSIP/alice", "PJSIP/bob")
    watched.fake.advance(seconds)
    watched.fake.result_of(watched.ami.action("Hangup", Channel=getattr(call, name).name))
    watched.fake.flush()
    assert watched.fake.channels == {}
    assert [event["Event"] for event in watched.events].count("Hangup") == 2
    watched.fake.finish()


def test_dialling_is_not_known_of_old_servers() -> None:
    with pytest.raises(ValueError, match=r"give the fake a version from 2\.0\.0 on"):
        FakeAsterisk(version="1.3").dial("SIP/alice", "SIP/bob")
