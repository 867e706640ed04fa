""":class:`Listening`: the methods by which a script gets events."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import NotConnected
from ..gap import LinkObserver
from ..message import Event
from ..subscription import Names, Observer, Where
from .buffer import EventBuffer, Events
from .handlers import Handler, Kind, check_callable
from .listeners import HookName, Listeners
from .session import Connection, Session

if TYPE_CHECKING:
    from .client import BlockingAMI

#: How many events may wait to be read, or for handlers.
LIMIT = 30_000


class Listening:
    """Reads events, and has functions called with them."""

    _limit: int
    _listeners: Listeners
    _session: Session | None

    def _check(self, what: str) -> Session | None:
        """Refuse what cannot work from here; supplied by the class that this one is mixed into."""
        raise TypeError("Listening is to be mixed into a class that has sessions")

    # -- events ----------------------------------------------------------------------------------------

    def get_event(self, timeout: float | None = None) -> Event:
        """
        Return the next event that nobody has read, of all since the login.

        :param timeout: seconds to wait for one; ``None`` for as long as it takes.
        :raises EventTimeout: if none comes in time.
        :raises ConnectionLost: if none will come, and those that came are read; after :meth:`disconnect`,
            :class:`~txami.NotConnected`.
        """
        event = self._listeners.buffer.take(timeout)
        if event is None:
            raise NotConnected("disconnected: there are no more events")
        return event

    def events(
        self, names: Names = None, where: Where = None, *, timeout: float | None = None, limit: int | None = None
    ) -> Events:
        """
        Return an iterator over events.

        Without names it reads what :meth:`get_event` reads: each event since the login, given to one reader.
        With ``names``, ``where`` or ``limit`` it has all such events from now on for itself.

        The loop ends at :meth:`disconnect`, and raises :class:`~txami.ConnectionLost` if the connection is lost.

        :param names: see :meth:`on`.
        :param where: see :meth:`on`.
        :param timeout: seconds to wait for each; :class:`~txami.EventTimeout` is raised then.
        :param limit: how many may wait to be read, the oldest are dropped; by default 30000.
        """
        session = self._check("events")
        if names is None and where is None and limit is None:
            return Events(self._listeners.buffer, timeout, of=self)
        if session is None:
            raise NotConnected("events: not connected, call connect()")
        names = names if names is None or isinstance(names, str) else tuple(names)
        stream = EventBuffer(
            LIMIT if limit is None else limit,
            lambda: self._check("events"),
            names if isinstance(names, str) else ", ".join(map(str, names or ())),
        )

        # Before the wait, which Ctrl-C may end: what is thrown away then closes the buffer.
        events = Events(stream, timeout)

        async def observe(ami: Connection) -> None:
            # Here, where the end is told: in another thread it might come in between, and the loop never end.
            self._listeners.add_stream(stream)
            subscription = ami.on(names, stream.put, where=where)
            stream.on_close(lambda: session.thread.post(subscription.cancel))

        session.submit("events", observe).wait(None)
        return events

    @property
    def dropped(self) -> int:
        """How many events nobody read were dropped, because more than ``limit`` waited for :meth:`get_event`."""
        return self._listeners.buffer.dropped

    @property
    def handlers_dropped(self) -> int:
        """How many events were dropped on this connection because more than ``limit`` waited for handlers."""
        return 0 if self._session is None else self._session.handlers.dropped

    # -- handlers --------------------------------------------------------------------------------------

    def on(self, names: Names, handler: Observer | None = None, *, where: Where = None) -> Handler:
        """
        Call a function with every event of these names, in a thread of the client's own.

        Handlers are called one after the other, in the order of the events; each may call any method of the
        client, and may take its time.  One that fails is logged and stays.  They may be added before
        :meth:`connect`, and stay through all connections; one that is added later misses no event from then on.

        :param names: ``None`` for all events, a name, a glob, or several.
        :param handler: called with the :class:`~txami.Event`; left out, the result is a decorator for it.
        :param where: only events for which this function is true, or that have these headers.  The function is
            called in the reactor's thread: it is to be quick, and cannot call the client.
        :return: what has a ``cancel()``.
        :raises ValueError: if a name is none.
        """
        return self._handler("on", names, handler, where)

    def once(self, names: Names, handler: Observer | None = None, *, where: Where = None) -> Handler:
        """Like :meth:`on`, for the first such event only."""
        return self._handler("once", names, handler, where)

    def on_unhandled(self, handler: Observer) -> Handler:
        """Call a function with every event that no other handler gets."""
        return self._handler("on_unhandled", None, handler)

    def on_fully_booted(self, handler: Observer) -> Handler:
        """Call a function when Asterisk has booted, see :meth:`txami.AMIService.on_fully_booted`."""
        return self.on("FullyBooted", handler)

    def on_reload(self, handler: Observer) -> Handler:
        """Call a function when a module has read its configuration anew (class ``system``)."""
        return self.on("Reload", handler)

    def on_shutdown(self, handler: Observer) -> Handler:
        """Call a function when Asterisk is about to stop or to restart (class ``system``)."""
        return self.on("Shutdown", handler)

    def on_connected(self, hook: Callable[[BlockingAMI], object]) -> LinkObserver:
        """Call a function with this client, in the handlers' thread, after each login."""
        return self._hook("connected", hook)

    def on_disconnected(self, hook: Callable[[Exception], object]) -> LinkObserver:
        """Call a function with the reason, in the handlers' thread, after a connection has ended."""
        return self._hook("disconnected", hook)

    def on_connect_failed(self, hook: Callable[[Exception], object]) -> LinkObserver:
        """Call a function with the error, in the handlers' thread, when :meth:`connect` raises one."""
        return self._hook("connect_failed", hook)

    def on_ping_timeout(self, hook: Callable[[BlockingAMI], object]) -> LinkObserver:
        """Call a function with this client, in the handlers' thread, when a keepalive ping stays unanswered."""
        return self._hook("ping_timeout", hook)

    def _hook(self, name: HookName, hook: Callable[[Any], object]) -> LinkObserver:
        check_callable(hook, "a hook gets the client, or why there is no connection")
        # With the client, which has to last as long as it may be called.
        return self._listeners.hooks[name].add(partial(_call, self, hook))

    def _handler(self, kind: Kind, names: Names, handler: Observer | None, where: Where = None) -> Handler:
        return Handler(kind, names, handler, where, self._added, self._removed)

    def _added(self, handler: Handler) -> None:
        self._listeners.handlers[handler] = None
        session = self._session
        if session is not None and not session.abandoned:
            session.attach(handler)

    def _removed(self, handler: Handler) -> None:
        self._listeners.handlers.pop(handler, None)
        session = self._session
        if session is not None and not session.abandoned:
            session.thread.post(handler.detach)


def _call(client: Listening, hook: Callable[[Any], object], subject: object) -> object:
    return hook(subject)
