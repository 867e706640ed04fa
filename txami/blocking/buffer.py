""":class:`EventBuffer`: events between the reactor's thread, which never waits, and whoever reads them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from threading import Condition

from twisted.logger import Logger

from ..errors import EventTimeout, NotConnected
from ..message import Event
from .bridge import fresh, patience


class EventBuffer:
    """
    A bounded queue of events; when it is full the oldest are dropped.

    :param limit: how many events may wait to be read.
    :param check: called before each wait; raises where one must not wait.
    :param shown: the names of its events, for an error.
    :ivar dropped: how many were dropped.
    """

    _log = Logger()

    def __init__(self, limit: int, check: Callable[[], object], shown: str = "") -> None:
        if not isinstance(limit, int) or limit < 0:
            raise ValueError(f"limit={limit!r} must be a number of events, and not negative")
        self.dropped = 0
        self._limit = limit
        self._check = check
        self._on_close: Callable[[], object] = lambda: None
        self._closed = False
        self._shown = shown
        self._queue: deque[Event] = deque()
        self._changed = Condition()
        self._ended = False
        self._error: Exception | None = None
        self._read = self._warned = False

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, event: Event) -> None:
        """Add an event; called in the reactor's thread."""
        with self._changed:
            self._queue.append(event)
            if len(self._queue) > self._limit:
                self._queue.popleft()
                self.dropped += 1
                # One who never reads does not care.
                if self._read and not self._warned:
                    self._warned = True
                    self._log.warn(
                        "a reader of events is too slow: the oldest of {limit} are dropped", limit=self._limit
                    )
            self._changed.notify()

    def begin(self) -> None:
        """Undo :meth:`end`: events can come again."""
        with self._changed:
            self._ended, self._error = False, None

    def abandon(self) -> None:
        """End, in the child of a fork, where a thread that is not there may hold the lock."""
        self._changed = Condition()
        self.end(NotConnected("these are the events of the parent process; connect(), and call events() again"))

    def end(self, error: Exception | None) -> None:
        """
        Let reading end once the queue is read.

        :param error: raised then; ``None`` lets a loop end.
        """
        with self._changed:
            if not self._ended:
                self._ended, self._error = True, error
                self._changed.notify_all()

    def end_like(self, other: EventBuffer) -> None:
        """End if the other one has ended, for the same reason."""
        if other._ended:
            self.end(other._error)

    def take(self, timeout: float | None) -> Event | None:
        """
        Return the next event, or ``None`` if none will come.

        :param timeout: seconds; ``None`` to wait as long as it takes.
        :raises EventTimeout: if none comes in time.
        :raises ValueError: if there is room for none.
        """
        self._check()
        if not self._limit:
            raise ValueError("limit=0 keeps no events to be read: give a larger one, or have a function called by on()")
        with self._changed:
            self._read = True
            if not self._changed.wait_for(lambda: self._queue or self._ended, patience(timeout)):
                raise EventTimeout(self._shown, timeout or 0)
            if self._queue:
                return self._queue.popleft()
            if self._error is not None:
                raise fresh(self._error)
            return None

    def on_close(self, closed: Callable[[], object]) -> None:
        """Have a function called when it is closed, at once if it is."""
        with self._changed:
            self._on_close = closed
        if self._closed:
            closed()

    def close(self) -> None:
        """Take no more events."""
        self.end(None)
        with self._changed:
            self._closed = True
        self._on_close()


class Events(Iterator[Event]):
    """
    Events for a ``for`` loop.  May be used with ``with``, which closes it.

    :param buffer: where they come from.
    :param timeout: seconds to wait for each; ``None`` to wait as long as it takes.
    :param of: whose buffer it is, who has to last; ``None`` for one of its own, which ends with this.
    :ivar dropped: how many events were dropped because too many waited to be read.
    """

    def __init__(self, buffer: EventBuffer, timeout: float | None, of: object = None) -> None:
        self._buffer = buffer
        self._timeout = timeout
        self._of = of

    @property
    def dropped(self) -> int:
        """How many events were dropped because too many waited to be read."""
        return self._buffer.dropped

    def close(self) -> None:
        """Take no more events.  The loop ends when those that came are read."""
        if self._of is None:
            self._buffer.close()

    def __next__(self) -> Event:
        event = self._buffer.take(self._timeout)
        if event is None:
            raise StopIteration
        return event

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # A loop that was left with break leaves nothing behind.
        self.close()
