"""
:class:`HandlerThread`: where handlers run, and :class:`Handler`: one of them.

Not in the reactor's thread, so that a handler may call any method of the client, and may take its time; and in
one thread, so that they see events in the order in which those came.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread, current_thread
from typing import TYPE_CHECKING, Any, Literal

from twisted.internet.task import Clock
from twisted.logger import Logger

from ..message import Event
from ..observers import EventRegistry
from ..subscription import Names, Observer, Subscription, Where
from .bridge import join

if TYPE_CHECKING:
    from .session import Connection

Kind = Literal["on", "once", "on_unhandled"]


class HandlerThread(Thread):
    """
    Calls one function after the other.  A daemon.

    :param limit: how many events may wait.
    :ivar dropped: how many events came when it was full, and were dropped.
    """

    _log = Logger()

    def __init__(self, limit: int) -> None:
        super().__init__(name="txami handlers", daemon=True)
        self.dropped = 0
        self._limit = limit
        self._queue: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._changed = Condition()
        self._closing = False

    def put_event(self, handler: Callable[[Event], object], event: Event) -> None:
        """Have a handler called with an event, unless too many wait already."""
        if len(self._queue) < self._limit:
            self.put(handler, event)
            return
        if not self.dropped:
            self._log.warn(
                "the handlers are too slow: {limit} events wait, those to come are dropped", limit=self._limit
            )
        self.dropped += 1

    def put(self, function: Callable[..., object], *arguments: object) -> None:
        """Have a function called, however many wait."""
        with self._changed:
            self._queue.append((function, arguments))
            self._changed.notify()

    def run(self) -> None:
        """Call them; what :meth:`start` starts."""
        while True:
            with self._changed:
                while not self._queue and not self._closing:
                    self._changed.wait()
                if not self._queue:
                    return
                function, arguments = self._queue.popleft()
            try:
                function(*arguments)
            except BaseException:  # SystemExit, too: this is nobody's main thread
                name = getattr(function, "__qualname__", None) or repr(function)
                self._log.failure("the handler {handler} failed on {arguments}", handler=name, arguments=arguments)
            # Else the last event would stay until the next comes.
            del function, arguments

    def begin_close(self) -> None:
        """Let those that wait be called, and end, without waiting for that."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def close(self, timeout: float) -> None:
        """
        Let those that wait be called, and end.

        :param timeout: seconds that this may take; what waits then is dropped.
        """
        self.begin_close()
        if current_thread() is self:
            return
        join(self, max(timeout, 0))
        with self._changed:
            self._queue.clear()
        # One that does nothing ends at once, however little time there was.
        join(self, 0.1)


def check_callable(function: object, what: str) -> None:
    """
    Refuse what cannot be called, before a thread tries.

    :param what: what such a function is for.
    :raises TypeError: then.
    """
    if not callable(function):
        raise TypeError(f"{function!r} is no function: {what}")


class Handler:
    """
    A function that is called with events, through all connections.

    Made without the function it is a decorator for one; calling it calls the function.  It takes no second one.

    :ivar active: whether it still stands.
    """

    def __init__(
        self,
        kind: Kind,
        names: Names,
        function: Observer | None,
        where: Where,
        added: Callable[[Handler], None],
        removed: Callable[[Handler], None],
    ) -> None:
        self.active = False
        self._kind: Kind = kind
        self._names = names if names is None or isinstance(names, str) else tuple(names)
        self._where = where
        self._function: Observer | None = None
        self._added = added
        self._removed = removed
        self._ami: Connection | None = None
        self._subscription: Subscription | None = None
        # Says at once what is wrong with the names.
        Subscription(EventRegistry(Clock()), self._names, None, where)
        if function is not None:
            self(function)

    def attach(self, ami: Connection, thread: HandlerThread) -> None:
        """Observe the events of a connection; in the reactor's thread."""
        # Twice for one that is added while the connection is made: by who adds it, and by who connects.
        if not self.active or ami is self._ami:
            return
        self._ami = ami

        def happened(event: Event) -> None:
            if self.active:
                thread.put_event(self._happened, event)

        if self._kind == "on_unhandled":
            self._subscription = ami.on_unhandled(happened)
        else:
            self._subscription = ami.on(self._names, happened, where=self._where)

    def detach(self) -> None:
        """Undo :meth:`attach`; in the reactor's thread."""
        if self._subscription is not None:
            self._subscription.cancel()

    def cancel(self) -> None:
        """Be called no more, not even with an event that waits already.  Can be called in any thread."""
        if self.active:
            self.active = False
            self._removed(self)

    def _happened(self, event: Event) -> None:
        if not self.active or self._function is None:
            return
        if self._kind == "once":
            self.cancel()
        self._function(event)

    def __call__(self, subject: Any) -> Any:
        if self._function is not None:
            # A function is no event: a decorator that was kept and is used once more.
            if inspect.isroutine(subject):
                raise TypeError(f"{self!r} has its function: for {subject.__qualname__}(), call on() once more")
            return self._function(subject)
        check_callable(subject, "a handler gets the event")
        if inspect.iscoroutinefunction(subject):
            raise TypeError(f"{subject.__qualname__}: a handler runs in a thread, write it without 'async'")
        self._function = subject
        self.active = True
        self._added(self)
        return self

    def __repr__(self) -> str:
        name = getattr(self._function, "__qualname__", self._function)
        return f"<Handler {name}{'' if self.active else ', not active'}>"
