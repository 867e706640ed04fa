"""What happened on a connection that is kept up, as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from .records import record


@record(frozen=True)
class Stats:
    """
    What happened since the service was made, through all its connections.

    :ivar up: whether a connection is up and logged in.
    :ivar connected_since: when that one was logged in, in seconds since the epoch; ``None`` while there is none.
    :ivar reconnects: logins after the first.
    :ivar logins_failed: logins that Asterisk refused.
    :ivar pending: actions that wait for their reply now.
    :ivar waiting: who waits for a connection now: actions, and callers of ``when_ready()``.
    :ivar actions: actions sent; pings of our own and logins that were accepted are some.
    :ivar answered: replies delivered, errors included.
    :ivar timed_out: actions that got no complete reply in time.
    :ivar late: messages dropped because their action was over.
    :ivar unmatched: messages dropped because they were for no action.
    :ivar messages: messages received.
    :ivar received: bytes received.
    :ivar events: how many events of each name came, observed or not.
    :ivar events_dropped: events that iterators dropped because their queue was full.
    :ivar slow_observers: how often each observer was slower than ``slow_after``, by its name.
    :ivar ping_round_trip: seconds that the last keepalive ping took, ``None`` before the first.
    """

    up: bool = False
    connected_since: float | None = None
    reconnects: int = 0
    logins_failed: int = 0
    pending: int = 0
    waiting: int = 0
    actions: int = 0
    answered: int = 0
    timed_out: int = 0
    late: int = 0
    unmatched: int = 0
    messages: int = 0
    received: int = 0
    events: Mapping[str, int] = field(default_factory=dict)
    events_dropped: int = 0
    slow_observers: Mapping[str, int] = field(default_factory=dict)
    ping_round_trip: float | None = None


@record(frozen=True)
class Health:
    """
    How a server's connection is.

    :ivar up: whether it is up and logged in.
    :ivar since: when that began, in seconds since the epoch; ``None`` before the service was started.
    :ivar reason: why it is down, as far as is known.
    """

    up: bool
    since: float | None = None
    reason: Exception | None = None
