"""What a service remembers of its connections."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IReactorTime

from .errors import LoginFailed
from .gap import Gap
from .pending import Counters
from .stats import Health, Stats

if TYPE_CHECKING:
    from .observers import EventRegistry
    from .protocol import AMIProtocol


class History:
    """
    What happened on all connections of a service.

    :param clock: the reactor, or a ``Clock``.
    :param registry: the observers, where events are counted.
    :ivar health: how the connection is.
    """

    def __init__(self, clock: IReactorTime, registry: EventRegistry) -> None:
        self.health = Health(up=False)
        self._clock = clock
        self._registry = registry
        self._link: AMIProtocol | None = None
        # Of the connections before this one.
        self._counters = Counters()
        self._heard: float | None = None
        self._lost_by: Exception | None = None
        self._round_trip: float | None = None
        self._logins = self._logins_failed = 0
        # How many FullyBooted came before this connection: one more, and its server has booted.
        self._boots = 0

    def started(self) -> None:
        """Take note that there is no connection yet."""
        self.health = Health(up=False, since=self._clock.seconds())

    def up(self, link: AMIProtocol) -> Gap:
        """Take note of a login."""
        now = self._clock.seconds()
        self._link = link
        self._logins += 1
        self._boots = self._count_boots()
        self.health = Health(up=True, since=now)
        return Gap(link) if self._heard is None else Gap(link, self._heard, now, self._lost_by)

    def down(self, reason: Exception) -> None:
        """Take note that the connection is lost."""
        if self._link is not None:
            self._counters += self._link.counters
            self._round_trip = self._link.ping_round_trip or self._round_trip
            self._heard = self._link.heard
            self._link = None
        self._lost_by = reason
        self.health = Health(up=False, since=self._clock.seconds(), reason=reason)

    def failed(self, reason: Exception) -> None:
        """Take note of an attempt that came to nothing, or of an end to the attempts."""
        self._logins_failed += isinstance(reason, LoginFailed)
        self.health = replace(self.health, reason=reason)

    @property
    def booted(self) -> bool:
        """Whether ``FullyBooted`` has come on this connection."""
        return self._link is not None and self._count_boots() > self._boots

    def stats(self, waiting: int) -> Stats:
        """
        Return the numbers.

        :param waiting: how many wait for a connection.
        """
        link, registry = self._link, self._registry
        total = self._counters if link is None else self._counters + link.counters
        return Stats(
            up=link is not None and link.logged_in,
            connected_since=self.health.since if link is not None else None,
            reconnects=max(self._logins - 1, 0),
            logins_failed=self._logins_failed,
            pending=0 if link is None else link.pending,
            waiting=waiting,
            actions=total.actions,
            answered=total.replies,
            timed_out=total.timeouts,
            late=total.late,
            unmatched=total.unmatched,
            messages=total.messages,
            received=total.received,
            events=registry.count_by_name(),
            events_dropped=registry.dropped,
            slow_observers=dict(registry.slow.counts),
            ping_round_trip=(link and link.ping_round_trip) or self._round_trip,
        )

    def _count_boots(self) -> int:
        return self._registry.count_by_name().get("FullyBooted", 0)
