""":class:`FakeChannel` and :class:`FakeBridge`: what the fake has, and the headers that tell of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

STATES: Final = {"Down": 0, "Ring": 4, "Ringing": 5, "Up": 6, "Busy": 7}

#: What stands for a number or a name that nobody gave.
UNKNOWN: Final = "<unknown>"

Pairs = list[tuple[str, object]]


@dataclass
class FakeChannel:
    """A channel of the fake exchange; the names of its fields are those of the events."""

    name: str
    uniqueid: str
    context: str = "default"
    exten: str = "s"
    caller: str = UNKNOWN
    state: str = "Down"
    application: str = ""
    data: str = ""
    since: float = 0.0
    variables: dict[str, str] = field(default_factory=dict)
    caller_name: str = UNKNOWN
    connected: str = UNKNOWN
    connected_name: str = UNKNOWN
    priority: int = 1
    linkedid: str = ""

    def snapshot(self, prefix: str = "") -> Pairs:
        """
        Return the headers that tell of a channel, as ``main/manager_channels.c`` writes them.

        :param prefix: what their names begin with, such as ``"Dest"``.
        """
        headers: Pairs = [
            ("Channel", self.name),
            ("ChannelState", STATES[self.state]),
            ("ChannelStateDesc", self.state),
            ("CallerIDNum", self.caller),
            ("CallerIDName", self.caller_name),
            ("ConnectedLineNum", self.connected),
            ("ConnectedLineName", self.connected_name),
            ("Language", "en"),
            ("AccountCode", ""),
            ("Context", self.context),
            ("Exten", self.exten),
            ("Priority", self.priority),
            ("Uniqueid", self.uniqueid),
            ("Linkedid", self.linkedid or self.uniqueid),
        ]
        return [(prefix + name, value) for name, value in headers]

    def old_headers(self, event: str) -> Pairs:
        """
        Return the headers that Asterisk 1.4 to 11 gave to an event, each in its own way.

        They are written from what clients of that time read; there is no recording to hold against them.
        """
        return [pair for name in _OLD[event] for pair in self.snapshot() if pair[0] == name]


_NAMES = ("CallerIDNum", "CallerIDName", "ConnectedLineNum", "ConnectedLineName")

_OLD: Final[dict[str, tuple[str, ...]]] = {
    "Newchannel": (
        "Channel",
        "ChannelState",
        "ChannelStateDesc",
        "CallerIDNum",
        "CallerIDName",
        "AccountCode",
        "Exten",
        "Context",
        "Uniqueid",
    ),
    "Newstate": ("Channel", "ChannelState", "ChannelStateDesc", *_NAMES, "Uniqueid"),
    "Hangup": ("Channel", "Uniqueid", *_NAMES),
    "Newexten": ("Channel", "Context", "Priority", "Uniqueid"),
}


@dataclass
class FakeBridge:
    """A bridge of the fake exchange."""

    uniqueid: str
    channels: list[FakeChannel] = field(default_factory=list)

    def snapshot(self) -> Pairs:
        """Return the headers that tell of a bridge, as ``main/manager_bridges.c`` writes them."""
        return [
            ("BridgeUniqueid", self.uniqueid),
            ("BridgeType", "basic"),
            ("BridgeTechnology", "simple_bridge"),
            ("BridgeCreator", UNKNOWN),
            ("BridgeName", UNKNOWN),
            ("BridgeNumChannels", len(self.channels)),
            ("BridgeVideoSourceMode", "none"),
        ]
