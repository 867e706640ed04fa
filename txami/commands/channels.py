"""The channels of an exchange, as a list and then events tell of them, in a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from ..message import Event
from .output import columns, printable

#: The events that change the table.
EVENTS: Final = ("Newchannel", "Newstate", "Newexten", "Rename", "Hangup")

_TITLES: Final = ("CHANNEL", "STATE", "CALLER", "EXTENSION", "APPLICATION", "DURATION")


@dataclass
class _Channel:
    """A line of the table; ``since`` is in the reactor's time."""

    since: float
    name: str = ""
    state: str = ""
    caller: str = ""
    exten: str = ""
    application: str = ""
    linkedid: str = ""

    def take(self, event: Event) -> None:
        """Take what an event or an item tells."""
        self.name = event.get("Newname") or event.get("Channel") or self.name
        self.state = event.get("ChannelStateDesc", self.state)
        self.caller = event.get("CallerIDNum", self.caller)
        self.linkedid = event.get("Linkedid", self.linkedid)
        if "Exten" in event:
            self.exten = f"{event['Exten']}@{event.get('Context', '')}"
        if "Application" in event:
            data = event.get("AppData") or event.get("ApplicationData", "")
            self.application = event["Application"] + (f"({data})" if data else "")

    def row(self, now: float) -> list[str]:
        """Return the cells."""
        caller = "" if self.caller == "<unknown>" else self.caller
        cells = (self.name, self.state, caller, self.exten, self.application, as_duration(now - self.since))
        return [printable(cell) for cell in cells]


class ChannelTable:
    """
    The channels there are.

    :param clock: the reactor, or a ``Clock``; durations are measured with it.
    """

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._channels: dict[str, _Channel] = {}
        # Those that ended since the list was asked for, ``None`` while there is no list to come.
        self._ended: set[str] | None = set()

    def begin(self) -> None:
        """Forget all, for a list is asked for."""
        self._channels.clear()
        self._ended = set()

    def replace(self, items: Iterable[Event]) -> None:
        """Take a list of ``CoreShowChannel``; what events have told since it was asked for is newer."""
        ended, self._ended = self._ended or (), None
        for item in items:
            unique = item.get("Uniqueid", "")
            if unique not in self._channels and unique not in ended:
                since = self._clock.seconds() - from_duration(item.get("Duration", ""))
                self._channels[unique] = _Channel(since)
                self._channels[unique].take(item)

    def update(self, event: Event) -> None:
        """Take one of :data:`EVENTS`."""
        unique = event.get("Uniqueid", "")
        if event.name == "Hangup":
            self._channels.pop(unique, None)
            if self._ended is not None:
                self._ended.add(unique)
        elif event.name == "Newchannel":
            self._channels[unique] = _Channel(self._clock.seconds())
        if unique in self._channels:
            self._channels[unique].take(event)

    @property
    def calls(self) -> int:
        """How many calls the channels belong to."""
        return len({channel.linkedid for channel in self._channels.values()})

    def summary(self) -> str:
        """Return how many there are."""
        return f"{_several(len(self._channels), 'channel')}, {_several(self.calls, 'call')}"

    def lines(self) -> list[str]:
        """Return the table, titles first, the longest calls on top."""
        now = self._clock.seconds()
        channels = sorted(self._channels.values(), key=lambda each: (each.since, each.name))
        return columns([_TITLES, *(channel.row(now) for channel in channels)])


def as_duration(seconds: float) -> str:
    """Return a time as ``HH:MM:SS``."""
    minutes, second = divmod(max(round(seconds), 0), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}"


def from_duration(text: str) -> float:
    """Return the seconds in ``HH:MM:SS``, or in mere seconds, as old versions have it; 0 if it is neither."""
    seconds = 0
    for part in text.split(":"):
        seconds = seconds * 60 + (int(part) if part.isascii() and part.isdigit() else 0)
    return seconds


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
