"""
Is the other end still there?

A peer that vanished without a word (a pulled cable, a stopped machine) looks like one that has nothing to say.
So a ping is sent now and then, and has a deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Set

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from .errors import ActionTimeout
from .message import Response


class Keepalive:
    """
    Sends pings and says when one stays unanswered.

    Asterisk serves a connection with one thread: while it works on a blocking action (a synchronous
    Originate, a long CLI command) it answers no ping.  An unanswered ping is therefore excused
    as long as a blocking action that was sent before it is pending, and only until then.

    :param clock: the reactor, or a ``Clock``.
    :param interval: seconds between pings.
    :param ping: sends a ping; its Deferred fails with :class:`~txami.ActionTimeout` at the deadline.
    :param blockers: returns the blocking actions that are pending.
    :param received: returns a number that grows with everything received.
    :param on_timeout: called when the other end is gone.
    :ivar round_trip: seconds that the last answered ping took, ``None`` before the first.
    """

    def __init__(
        self,
        clock: IReactorTime,
        interval: float,
        ping: Callable[[], Deferred[Response]],
        blockers: Callable[[], Set[bytes]],
        received: Callable[[], int],
        on_timeout: Callable[[], None],
    ) -> None:
        self.round_trip: float | None = None
        self._clock = clock
        self._interval = interval
        self._ping = ping
        self._blockers = blockers
        self._received = received
        self._on_timeout = on_timeout
        self._under_way = False
        self._excuse: Set[bytes] | None = None
        self._heard = 0
        self._loop = self._create_loop()

    _log = Logger()

    def _create_loop(self) -> LoopingCall:
        loop = LoopingCall(self._send)
        loop.clock = self._clock
        return loop

    def start(self) -> None:
        """Send the first ping one interval from now."""
        # A LoopingCall ends for good when its function fails: say so rather than be silent.
        self._loop.start(self._interval, now=False).addErrback(
            lambda failure: self._log.failure("keepalive pings stopped", failure)
        )

    def stop(self) -> None:
        """Send no more pings."""
        if self._loop.running:
            self._loop.stop()

    def _send(self) -> None:
        if self._under_way:
            return  # its own deadline decides
        self._under_way = True
        sent_at = self._clock.seconds()
        received = self._received()
        blockers = self._blockers()

        def answered(_: object) -> None:
            self._under_way = False
            self.round_trip = self._clock.seconds() - sent_at

        def failed(failure: Failure) -> None:
            self._under_way = False
            if failure.check(ActionTimeout):
                self._unanswered(received, blockers)

        self._ping().addCallbacks(answered, failed)

    def _unanswered(self, received: int, blockers: Set[bytes]) -> None:
        if self._received() != received:
            return  # it speaks, so it lives
        if received != self._heard:
            # It spoke since the ping before: what it is busy with now is an excuse of its own.
            self._heard = received
            self._excuse = None
        # Once excused, actions sent since are no new excuse: on a dead link they would be an endless one.
        self._excuse = (blockers if self._excuse is None else self._excuse) & self._blockers()
        if not self._excuse:
            self._on_timeout()
