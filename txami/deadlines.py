"""Many deadlines, one delayed call."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Seconds by which a wake-up may be late before the reactor counts as one that was held up.
LATE: Final = 0.1

#: Turns in which such a reactor reads before anything expires: the kernels hold four megabytes, see :mod:`txami.inbox`,
#: and Twisted reads 64 KB a turn.  If nothing is there, all of them take a millisecond or two.
TURNS: Final = 64


class Deadlines:
    """
    Tells when a key's time is up, at the price of a dictionary entry.

    A ``callLater`` and a ``cancel`` for each action would cost more than sending it.  Actions mostly share
    one timeout, and what shares a timeout expires in the order in which it began: so each timeout has a
    dictionary, which is a queue that can also forget from its middle, and only the earliest deadline of all
    is a real delayed call.

    :param clock: the reactor, or a ``Clock``.
    :param expired: called with each key whose time is up, after it was forgotten.
    """

    def __init__(self, clock: IReactorTime, expired: Callable[[bytes], None]) -> None:
        self._clock = clock
        self._expired = expired
        self._queues: dict[float, dict[bytes, float]] = {}
        self._call: IDelayedCall | None = None
        self._next = inf
        self._turns = 0  # given since the reactor was found to be late

    def add(self, key: bytes, seconds: float) -> None:
        """
        Let the key's time be up in so many seconds.

        :raises ValueError: if that is no number.
        """
        if not isinstance(seconds, (int, float)) or seconds != seconds:
            raise ValueError(f"timeout={seconds!r} is no time to wait: write seconds, or None for as long as it takes")
        deadline = self._clock.seconds() + seconds
        queue = self._queues.get(seconds)
        if queue is None:
            queue = self._queues[seconds] = {}
        queue[key] = deadline
        if deadline < self._next:
            self._arm(deadline)

    def discard(self, key: bytes, seconds: float) -> None:
        """Forget a key, if it is still there, that was added with so many seconds."""
        queue = self._queues.get(seconds)
        if queue is not None:
            queue.pop(key, None)
            if not queue:
                # Timeouts may be any number: without this the table would grow with each new one.
                del self._queues[seconds]

    def close(self) -> None:
        """Forget all keys and leave no delayed call behind."""
        self._queues.clear()
        self._arm(inf)

    def _arm(self, deadline: float) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self._next = deadline
        if deadline < inf:
            self._call = self._clock.callLater(max(deadline - self._clock.seconds(), 0), self._wake)

    def _wake(self) -> None:
        self._call = None
        now = self._clock.seconds()
        if now - self._next > LATE and self._turns < TURNS:
            self._turns += 1
            # A reactor that was held up makes its delayed calls before it reads, and what is waited for may have come.
            self._call = self._clock.callLater(0, self._wake)
            return
        self._turns = 0
        expired = []
        for seconds, queue in list(self._queues.items()):
            for key, deadline in queue.items():
                if deadline > now:
                    break
                expired.append((key, seconds))
        for key, seconds in expired:
            self.discard(key, seconds)
        self._arm(min((next(iter(queue.values())) for queue in self._queues.values()), default=inf))
        for key, _ in expired:
            self._expired(key)
