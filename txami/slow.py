"""Observers that hold everything up: for as long as one runs, nothing is read."""

from __future__ import annotations

from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

#: Seconds between two lines of the log about the same observer.
QUIET: Final = 60.0


class SlowObservers:
    """
    Counts the calls that took long, and logs them, now and then.

    Only the call itself is timed: what an ``async def`` does after its first wait holds up nobody.

    :param clock: tells how long ago the last line was logged.
    :ivar counts: how many there were, by the observer's name.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self.counts: dict[str, int] = {}
        self._clock = clock
        self._logged: dict[str, float] = {}

    def add(self, name: str, seconds: float, event: object) -> None:
        """Take note of a call that took so many seconds, which is too long."""
        self.counts[name] = self.counts.get(name, 0) + 1
        now = self._clock.seconds()
        if now - self._logged.get(name, -QUIET) >= QUIET:
            self._logged[name] = now
            self._log.warn(
                "the observer {observer} took {seconds:.3f} s for {event}, and nothing was read meanwhile"
                " (slow {count} times so far)",
                observer=name,
                seconds=seconds,
                event=event,
                count=self.counts[name],
            )
