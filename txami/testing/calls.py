"""
Calls, as the fake plays them: what is said of them has the order and the headers of real ones.

They follow recordings of Asterisk 22 and 16.  Left out are, because they tell of more than the call: the variables of
the dialplan (VarSet), the states of devices and of hints (DeviceStateChange, ExtensionStatus), the other half of a
Local channel with its LocalBridge, and what the configuration of a server adds to every event (Timestamp,
SystemName, ChanVariable).  No dialplan is run: one Newexten stands for what a call that was answered does.
Where the sources of Asterisk promise no order between two channels, it is that of the recording of 22.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Literal

from ..message import Message
from .channels import UNKNOWN, FakeBridge, FakeChannel, Pairs

if TYPE_CHECKING:
    from .fake import FakeAsterisk

Behaviour = Literal["answer", "busy", "no answer", "congestion", "fail"]

#: For each way a call can go: the ``Reason`` of OriginateResponse, and the cause of the hang-up.
_FAILURES: Final = {
    "busy": (5, 17, "User busy"),
    "no answer": (3, 19, "User alerting, no answer"),
    "congestion": (8, 34, "Circuit/channel congestion"),
    "fail": (0, 0, "Unknown"),
}

#: The ``DialStatus``; that nobody answered an Originate is told by its OriginateResponse only.
_STATUS: Final = {"answer": "ANSWER", "busy": "BUSY", "no answer": "NOANSWER", "congestion": "CONGESTION"}

#: What a SIP phone answers.
_TECH_CAUSES: Final = {"busy": 486, "congestion": 503}

_RINGING_AFTER: Final = 0.1

_INTERWORKING: Final = (127, "Interworking, unspecified")


def number_of(dialled: str) -> str:
    """Return the part of ``Tech/data`` behind the technology."""
    return dialled.partition("/")[2]


class PlacedCall:
    """
    The call of an Originate: one channel, and where it goes when it is answered.

    :param server: the fake.
    :param action: the Originate.
    :param behaviour: what the phone does.
    """

    def __init__(self, server: FakeAsterisk, action: Message, behaviour: Behaviour) -> None:
        self._server = server
        self._action = action
        self._behaviour = behaviour
        self._dialled = action["Channel"]
        # Asterisk 11 and before make their own Uniqueid, whatever is asked for.
        self._given = action.get("ChannelId") if server.manners.has_snapshots else None

    def begin(self) -> None:
        """Let the phone ring, or whatever it does."""
        server, action = self._server, self._action
        if self._behaviour == "fail":
            self._respond(self._dialled, 0)
            return
        given = {} if self._given is None else {"uniqueid": self._given}
        channel = server.add_channel(
            server.channel_name(self._dialled),
            context=action.get("Context", "default"),
            exten=action.get("Exten", "s"),
            variables=dict(_assignments(action.get_all("Variable"))),
            **given,
        )
        self._channel = channel
        if server.manners.has_snapshots:
            server.run(channel, "AppDial2", "(Outgoing Line)")
            server.emit("DialBegin", [*channel.snapshot("Dest"), ("DialString", number_of(self._dialled))])
        if self._behaviour in ("answer", "no answer"):
            server.later(_RINGING_AFTER, self._ring)
        server.later(server.ring_time, self._decide)

    def _ring(self) -> None:
        if self._channel.name in self._server.channels:
            self._server.set_state(self._channel, "Ringing")
            self._tell("DialState", "RINGING")

    def _decide(self) -> None:
        server, channel = self._server, self._channel
        if channel.name not in server.channels:
            self._respond(self._dialled, 1)
        elif self._behaviour == "answer":
            self._answered()
        else:
            reason, cause, text = _FAILURES[self._behaviour]
            if self._behaviour != "no answer":
                self._tell("DialEnd", _STATUS[self._behaviour])
            server.hang_up(channel, cause, text)
            self._respond(self._dialled, reason)

    def _answered(self) -> None:
        server, channel, action = self._server, self._channel, self._action
        server.set_state(channel, "Up")
        self._respond(channel.name, 4)
        self._tell("DialEnd", "ANSWER")
        server.run(channel, action.get("Application", "Wait"), action.get("Data", ""))
        server.later(server.talk_time, self._end)

    def _end(self) -> None:
        if self._channel.name in self._server.channels:
            _soft_hang_up(self._server, self._channel)
            self._server.hang_up(self._channel)

    def _tell(self, event: str, status: str) -> None:
        if self._server.manners.has_snapshots:
            self._server.emit(event, [*self._channel.snapshot("Dest"), ("DialStatus", status)])

    def _respond(self, channel: str, reason: int) -> None:
        action = self._action
        uniqueid = self._channel.uniqueid if reason == 4 else self._given or self._server.manners.no_uniqueid
        self._server.emit(
            "OriginateResponse",
            [
                ("ActionID", action.get("ActionID", "")),
                ("Response", "Success" if reason == 4 else "Failure"),
                ("Channel", channel),
                *((name, action[name]) for name in ("Application", "Data", "Context", "Exten") if name in action),
                ("Reason", reason),
                ("Uniqueid", uniqueid),
                ("CallerIDNum", UNKNOWN),
                ("CallerIDName", UNKNOWN),
            ],
        )


class Dialling:
    """
    A phone that calls another, through ``Dial`` of the dialplan.

    :param server: the fake.
    :param caller: the channel of the calling phone.
    :param dialled: the phone that is called, such as ``"PJSIP/bob"``.
    :param behaviour: what that phone does.
    :ivar caller: the channel of the calling phone.
    :ivar callee: the channel of the phone that is called.
    :ivar bridge: where both talk, ``None`` before.
    """

    def __init__(self, server: FakeAsterisk, caller: FakeChannel, dialled: str, behaviour: Behaviour) -> None:
        self.caller = caller
        self.bridge: FakeBridge | None = None
        self._server = server
        self._behaviour = behaviour
        server.run(caller, "Dial", f"{dialled},20")
        number = caller.exten
        self.callee = callee = server.add_channel(
            server.channel_name(dialled), context=caller.context, caller=number, linkedid=caller.uniqueid
        )
        callee.exten = caller.exten
        callee.connected, callee.connected_name = caller.caller, caller.caller_name
        server.run(callee, "AppDial", "(Outgoing Line)")
        server.emit("NewConnectedLine", callee.snapshot())
        server.emit("DialBegin", [*caller.snapshot(), *callee.snapshot("Dest"), ("DialString", number_of(dialled))])
        caller.connected, caller.connected_name = callee.caller, callee.caller_name
        server.emit("NewConnectedLine", caller.snapshot())
        if behaviour in ("answer", "no answer"):
            server.later(_RINGING_AFTER, self._ring)
        server.later(server.ring_time, self._decide)

    def cancel(self) -> None:
        """Let the caller give up."""
        if self.is_over or self.bridge is not None:
            return
        cause, text = _INTERWORKING
        tech = self._tech_cause(487)
        self._server.emit("HangupRequest", [*self.caller.snapshot(), ("Cause", cause), *tech])
        self._tell("DialEnd", "CANCEL")
        _soft_hang_up(self._server, self.caller, tech)
        self._server.hang_up(self.callee, cause, text, self._tech_cause(500))
        self._server.hang_up(self.caller, cause, text, tech)

    def hang_up(self, by: Literal["caller", "callee"] = "caller") -> None:
        """Let one of those who talk hang up."""
        bridge = self.bridge
        if bridge is None or self.is_over:
            return
        server, first, other = self._server, self.caller, self.callee
        if by == "callee":
            first, other = other, first
        server.emit("HangupRequest", [*first.snapshot(), *self._cause(16)])
        for channel in (first, other):
            bridge.channels.remove(channel)
            server.emit("BridgeLeave", [*bridge.snapshot(), *channel.snapshot()])
        server.emit("BridgeDestroy", bridge.snapshot())
        if by == "caller":
            _soft_hang_up(server, self.caller)
        server.hang_up(self.callee)
        if by == "callee":
            _soft_hang_up(server, self.caller)
        server.hang_up(self.caller)

    def end(self, by: Literal["caller", "callee"] = "caller") -> None:
        """End the call, however far it is."""
        if self.bridge is None:
            self.cancel()
        else:
            self.hang_up(by)

    @property
    def is_over(self) -> bool:
        """Whether one of the channels is gone."""
        return not {self.caller.name, self.callee.name} <= set(self._server.channels)

    def _ring(self) -> None:
        if not self.is_over:
            self._server.set_state(self.callee, "Ringing")
            self._tell("DialState", "RINGING")

    def _decide(self) -> None:
        if self.is_over:
            return
        if self._behaviour == "answer":
            self._answered()
        elif self._behaviour == "no answer":
            self._not_answered()
        else:
            self._refused()

    def _answered(self) -> None:
        server = self._server
        server.set_state(self.callee, "Up")
        self.callee.exten = ""
        self._tell("DialEnd", "ANSWER")
        server.set_state(self.caller, "Up")
        self.bridge = bridge = FakeBridge(server.bridge_id())
        server.emit("BridgeCreate", bridge.snapshot())
        server.run(self.callee, "AppDial", "(Outgoing Line)")
        for channel in (self.callee, self.caller):
            bridge.channels.append(channel)
            server.emit("BridgeEnter", [*bridge.snapshot(), *channel.snapshot()])
        server.later(server.talk_time, self.hang_up)

    def _refused(self) -> None:
        server = self._server
        _, cause, text = _FAILURES[self._behaviour]
        tech = self._tech_cause(_TECH_CAUSES.get(self._behaviour))
        server.emit("HangupRequest", [*self.callee.snapshot(), ("Cause", cause), *tech])
        self._tell("DialEnd", _STATUS.get(self._behaviour, "CHANUNAVAIL"))
        self.caller.priority += 1
        server.set_state(self.caller, "Busy")
        server.emit("HangupRequest", [*self.caller.snapshot(), *self._cause(cause), *tech])
        _soft_hang_up(server, self.caller, tech)
        server.hang_up(self.callee, cause, text, tech)
        server.hang_up(self.caller, cause, text, tech)

    def _not_answered(self) -> None:
        _, cause, text = _FAILURES["no answer"]
        self._tell("DialEnd", "NOANSWER")
        self._server.hang_up(self.callee, 0, "Unknown")
        self.caller.priority += 1
        self._server.run(self.caller, "Hangup", str(cause))
        _soft_hang_up(self._server, self.caller)
        self._server.hang_up(self.caller, cause, text)

    def _tell(self, event: str, status: str) -> None:
        self._server.emit(event, [*self.caller.snapshot(), *self.callee.snapshot("Dest"), ("DialStatus", status)])

    def _cause(self, cause: int) -> Pairs:
        return [("Cause", cause)] if self._server.manners.tells_tech_cause else []

    def _tech_cause(self, cause: int | None) -> Pairs:
        return [("TechCause", cause)] if cause is not None and self._server.manners.tells_tech_cause else []


def _soft_hang_up(server: FakeAsterisk, channel: FakeChannel, tech_cause: Pairs | None = None) -> None:
    """Tell that the dialplan is done with a channel."""
    if server.manners.has_snapshots:
        server.emit("SoftHangupRequest", [*channel.snapshot(), ("Cause", 16), *(tech_cause or [])])


def _assignments(variables: Iterable[str]) -> Iterable[tuple[str, str]]:
    for variable in variables:
        name, _, value = variable.partition("=")
        yield name, value
