"""Results that many may wait for, each with a Deferred of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


class Waiters(Generic[T]):
    """
    Those who wait for the next of a kind of result.

    Each gets a new Deferred, so that what one does to its result, or its cancelling, is nobody else's matter.
    """

    def __init__(self) -> None:
        self._waiting: dict[Deferred[T], None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self) -> Deferred[T]:
        """Return a new Deferred for the next result."""
        waiter: Deferred[T] = Deferred(lambda cancelled: self._waiting.pop(cancelled, None))
        self._waiting[waiter] = None
        return waiter

    def succeed(self, result: T) -> None:
        """Hand the result to all who wait now."""
        waiting, self._waiting = self._waiting, {}
        for waiter in waiting:
            if not waiter.called:  # one told before may have cancelled it
                waiter.callback(result)

    def fail(self, error: Exception) -> None:
        """Fail all who wait now."""
        waiting, self._waiting = self._waiting, {}
        for waiter in waiting:
            if not waiter.called:  # one told before may have cancelled it
                # Without the traceback of those told before, which would grow with each.
                waiter.errback(error.with_traceback(None))


class OneShot(Generic[T]):
    """
    A result that comes once and stays: who asks later gets it, too.

    :ivar fired: whether it has come.
    """

    def __init__(self) -> None:
        self.fired = False
        self._waiters: Waiters[T] = Waiters()
        self._deliver: Callable[[], None] = lambda: None

    def wait(self) -> Deferred[T]:
        """Return a new Deferred for the result."""
        waiter = self._waiters.wait()
        if self.fired:
            self._deliver()
        return waiter

    def succeed(self, result: T) -> None:
        """Set the result, unless there is one already."""
        self._fire(lambda: self._waiters.succeed(result))

    def fail(self, error: Exception) -> None:
        """Set an error as the result, unless there is one already."""
        self._fire(lambda: self._waiters.fail(error))

    def _fire(self, deliver: Callable[[], None]) -> None:
        if not self.fired:
            self.fired = True
            self._deliver = deliver
            deliver()
