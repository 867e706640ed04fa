""":class:`Listeners`: who hears of events and of the connection, through all sessions of a client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, get_args
from weakref import WeakSet, ref

from ..errors import ConnectionLost, NotConnected
from ..gap import LinkObservers
from ..message import Event
from ..protocol import AMIProtocol
from .buffer import EventBuffer
from .handlers import Handler
from .session import Connection, Session

HookName = Literal["connected", "disconnected", "connect_failed", "ping_timeout"]


class Listeners:
    """
    Handlers, hooks and readers.

    :param client: refers to what some hooks are called with, as long as that is there.
    :param limit: how many events may wait in the buffer; 0 for no buffer.
    :param check: see :class:`EventBuffer`.
    :ivar error: why there is no connection.
    """

    def __init__(self, client: ref[Any], limit: int, check: Callable[[], object]) -> None:
        self.error: Exception | None = None
        self.handlers: dict[Handler, None] = {}
        self.hooks: Final[dict[HookName, LinkObservers]] = {name: LinkObservers() for name in get_args(HookName)}
        self._client = client
        self._limit = limit
        self._check = check
        self.streams: WeakSet[EventBuffer] = WeakSet()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget the events that came; in the child of a fork, where a thread that is not there may hold a lock."""
        for stream in list(self.streams):
            stream.abandon()
        self.streams.clear()
        self.buffer = EventBuffer(self._limit, self._check)
        self.buffer.end(NotConnected("not connected: call connect()"))

    def tell(self, session: Session, name: HookName, subject: object) -> None:
        """Call the hooks of a name, in the handlers' thread."""
        session.handlers.put(self.hooks[name].tell, subject)

    # -- what a session says, in the reactor's thread --------------------------------------------------

    def attach(self, session: Session, ami: Connection) -> None:
        """Observe events, before the first can come."""
        if self._limit:
            # As a condition that is never true it sees all, and takes nothing away from on_unhandled().
            ami.on(None, _nothing, where=self.buffer.put)
        for handler in list(self.handlers):
            handler.attach(ami, session.handlers)

    def add_stream(self, stream: EventBuffer) -> None:
        """Have a reader told of the end, which may have come already."""
        self.streams.add(stream)
        stream.end_like(self.buffer)

    def link_up(self, session: Session, link: AMIProtocol) -> None:
        """A connection is logged in."""
        self.error = None
        self.buffer.begin()
        link.on_ping_timeout().addCallback(lambda _: self.tell(session, "ping_timeout", self._client()))
        self.tell(session, "connected", self._client())

    def link_down(self, session: Session, reason: Exception) -> None:
        """It is lost."""
        self.error = reason
        self.tell(session, "disconnected", reason)

    def ended(self, reason: Exception) -> None:
        """There will be no other."""
        self.error = reason
        # NotConnected is disconnect(): a loop over events ends there as it should.
        error = None if isinstance(reason, NotConnected) else ConnectionLost(None, False, reason)
        for buffer in (self.buffer, *self.streams):
            buffer.end(error)


def _nothing(_: Event) -> None:
    raise AssertionError("its condition is never true")
