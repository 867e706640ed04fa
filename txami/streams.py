"""Events as an asynchronous iterator, with a bounded queue between the connection and the reader."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal
from weakref import WeakSet, finalize, ref

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from .errors import EventsDropped
from .message import Event

if TYPE_CHECKING:
    from .subscription import Subscription

Overflow = Literal["drop_oldest", "error"]


class Streams:
    """
    The streams of one registry.

    A stream that nobody reads any more is held by nobody, so a loop that is left with ``break`` leaves
    nothing behind.  One that is being waited for must be held, for the waiting coroutine alone does not hold
    itself.
    """

    def __init__(self) -> None:
        self.all: WeakSet[EventStream] = WeakSet()
        self.awaited: set[EventStream] = set()
        #: How many events all of them have dropped, those included that are no more.
        self.dropped = 0

    def end(self, error: Exception | None) -> None:
        """End every stream; see :meth:`EventStream.end`."""
        for stream in list(self.all):
            stream.end(error)


class EventStream:
    """
    Events to come, for ``async for``.  May be used with ``async with``, which closes it.

    :ivar dropped: how many events were dropped because the queue was full.
    """

    _log = Logger()

    def __init__(self, streams: Streams, limit: int, overflow: Overflow) -> None:
        if limit < 1:
            raise ValueError(f"limit={limit} must be at least 1")
        if overflow not in ("drop_oldest", "error"):
            raise ValueError(f"overflow={overflow!r} must be 'drop_oldest' or 'error'")
        self.dropped = 0
        self._limit = limit
        self._overflow = overflow
        self._queue: deque[Event] = deque()
        self._readers: deque[Deferred[None]] = deque()
        self._ended = False
        self._error: Exception | None = None
        self._detach: Callable[[], object] = lambda: None
        self._streams = streams
        streams.all.add(self)

    def read_from(self, subscription: Subscription) -> None:
        """Take the events of a subscription that has no observer yet."""
        weakly = ref(self)

        def receive(event: Event) -> None:
            stream = weakly()
            if stream is not None:
                stream._receive(event)

        subscription(receive)
        self._detach = finalize(self, subscription.cancel)

    def close(self) -> None:
        """Take no more events.  Those in the queue can still be read."""
        self.end(None)

    def end(self, error: Exception | None) -> None:
        """
        Let the iteration end once the queue is read.

        :param error: raised there; ``None`` for a normal end.
        """
        if not self._ended:
            self._ended = True
            self._error = error
            self._detach()
            self._wake()

    def _receive(self, event: Event) -> None:
        if self._ended:
            return
        if len(self._queue) >= self._limit:
            self._streams.dropped += 1
            if self._overflow == "error":
                self.end(EventsDropped(self._limit))
                return
            self._queue.popleft()
            if not self.dropped:
                self._log.warn("a reader of events is too slow: the oldest of {limit} are dropped", limit=self._limit)
            self.dropped += 1
        self._queue.append(event)
        self._wake()

    def _wake(self) -> None:
        readers, self._readers = self._readers, deque()
        for reader in readers:
            reader.callback(None)

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> Event:
        while not self._queue:
            if self._ended:
                if self._error is None:
                    raise StopAsyncIteration
                raise self._error.with_traceback(None)
            await self._wait()
        return self._queue.popleft()

    async def _wait(self) -> None:
        reader: Deferred[None] = Deferred()
        self._readers.append(reader)
        self._streams.awaited.add(self)
        try:
            await reader
        finally:
            if reader in self._readers:
                self._readers.remove(reader)  # it was cancelled
            if not self._readers:
                self._streams.awaited.discard(self)

    async def __aenter__(self) -> EventStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
