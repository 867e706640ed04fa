""":class:`Session`: one connection of a blocking client, with the two threads that it takes."""

from __future__ import annotations

import atexit
import contextlib
import os
from collections.abc import Awaitable, Callable
from threading import current_thread
from time import monotonic
from typing import Any, Final, Protocol, TypeVar
from weakref import WeakSet

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from ..client import connect
from ..errors import InvalidEndpoint, NotConnected
from ..protocol import AMIProtocol
from ..service import AMIService
from .bridge import Crossing, ReactorThread, StillUnderWay, join
from .handlers import Handler, HandlerThread

T = TypeVar("T")

#: What actions are sent on.
Connection = AMIProtocol | AMIService

#: Seconds that the end of the interpreter may be put off for logging off.
EXIT: Final = 2.0


class Owner(Protocol):
    """Who is told what becomes of a session."""

    def attach(self, session: Session, ami: Connection) -> None:
        """Observe events, before the first can come."""

    def link_up(self, session: Session, link: AMIProtocol) -> None:
        """A connection is logged in."""

    def link_down(self, session: Session, reason: Exception) -> None:
        """It is lost."""

    def ended(self, reason: Exception) -> None:
        """There will be no other."""


class Session:
    """
    From ``connect()`` to ``disconnect()``, to the end of the process, or until its client is garbage.

    :param limit: how many events may wait for the handlers.
    :param owner: told what happens, in the reactor's thread.
    :ivar ami: what actions are sent on, once there is a connection.
    :ivar link: the connection that is, or was, up.
    :ivar pid: the process that it belongs to.
    :ivar abandoned: whether this is another process.
    """

    def __init__(self, limit: int, owner: Owner) -> None:
        self.ami: Connection | None = None
        self.link: AMIProtocol | None = None
        self.pid = os.getpid()
        self.abandoned = False
        self.thread = ReactorThread()
        self.handlers = HandlerThread(limit)
        self._over = self._closing = False
        self._owner = owner
        _sessions.add(self)

    def open(self, reconnect: bool, timeout: float, arguments: dict[str, Any]) -> None:
        """
        Connect and log in.

        :param reconnect: whether the connection is made again whenever it is lost.
        :param timeout: seconds for all of it.
        :param arguments: those of :func:`txami.connect`.
        """
        self.thread.start()
        self.handlers.start()
        reactor = self.thread.reactor

        def once() -> Deferred[AMIProtocol]:
            return connect(reactor, timeout=timeout, **arguments).addCallback(self._use)

        def again_and_again() -> Deferred[AMIProtocol]:
            service = AMIService(reactor, timeout=timeout, **arguments)
            self._use(service)
            service.on_connected(lambda gap: self._link_up(gap.connection))
            service.startService()
            return service.when_ready()

        crossing: Crossing[Any] = self.thread.submit(again_and_again if reconnect else once)
        try:
            # One second more: what it is that takes so long is known to those who wait for it in there.
            crossing.wait(timeout + 1)
        except StillUnderWay:
            reason = self.ami.health.reason if isinstance(self.ami, AMIService) else None
            raise NotConnected(
                f"no connection to {arguments['endpoint']} within {timeout:g} s{': ' if reason else ''}{reason or ''}"
            ) from reason
        finally:
            crossing.give_up()

    def _use(self, ami: Any) -> Any:
        self.ami = ami
        self._owner.attach(self, ami)
        if isinstance(ami, AMIProtocol):
            self._link_up(ami)
        return ami

    def crossing(self, what: str, function: Callable[[Connection], Awaitable[T]]) -> Crossing[T]:
        """
        Return the call of a function with the connection, in the reactor's thread; it is not on its way yet.

        :param what: what an error is to call it.
        :raises NotConnected: if there is no connection yet.
        """
        ami = self.ami
        if ami is None:
            raise NotConnected(f"{what}: the connection is not made yet; it was not sent")
        return Crossing(self.thread, lambda: function(ami))

    def submit(self, what: str, function: Callable[[Connection], Awaitable[T]]) -> Crossing[T]:
        """
        Have a function called with the connection, see :meth:`crossing`.

        :raises NotConnected: if there is none yet, or none any more.
        """
        return self.crossing(what, function).start()

    def attach(self, handler: Handler) -> None:
        """
        Let a handler that came later observe, too.

        It does when this returns: who then has somebody else do something will not miss the event of it.
        """

        async def observe() -> None:
            if self.ami is not None:
                handler.attach(self.ami, self.handlers)

        with contextlib.suppress(NotConnected):
            crossing = self.thread.submit(observe)
            if current_thread() is not self.thread:
                crossing.wait(None)

    def _link_up(self, link: AMIProtocol) -> None:
        self.link = link
        link.when_disconnected().addCallback(self._link_down)
        self._owner.link_up(self, link)

    def _link_down(self, reason: Exception) -> None:
        self._owner.link_down(self, reason)
        if isinstance(self.ami, AMIService) and self.ami.running:
            self.ami.when_ready().addCallbacks(lambda _: None, self._give_up)
        else:
            self._end(reason)

    def _give_up(self, failure: Failure) -> None:
        if isinstance(failure.value, Exception):
            self._end(failure.value)

    def _end(self, reason: Exception) -> None:
        self._over = True
        self._owner.ended(reason)

    @property
    def lasts(self) -> bool:
        """Whether there is a connection, or will be without anybody's doing."""
        return not self.abandoned and not self._over and (self.logged_in or isinstance(self.ami, AMIService))

    @property
    def logged_in(self) -> bool:
        """Whether the connection is up and logged in."""
        return self.ami is not None and self.ami.logged_in

    def begin_logoff(self) -> Crossing[None] | None:
        """Log off, without waiting."""
        with contextlib.suppress(NotConnected):
            return self.thread.submit(self._log_off)
        return None

    def _log_off(self) -> Deferred[None]:
        if isinstance(self.ami, AMIService):
            return self.ami.stopService()
        return succeed(None) if self.ami is None else self.ami.logoff()

    def close(self, timeout: float, logoff: Crossing[None] | None = None) -> None:
        """
        Log off, and end both threads.

        :param timeout: seconds; then the connection is cut, and the handlers are called no more.
        :param logoff: that of :meth:`begin_logoff`.
        """
        if self.abandoned:
            return
        self._closing = True
        deadline = monotonic() + timeout
        logoff = logoff or self.begin_logoff()
        try:
            if logoff is not None:
                with contextlib.suppress(StillUnderWay, NotConnected):
                    logoff.wait(timeout)
        finally:
            self.thread.stop()
            try:
                if current_thread() is not self.thread:
                    # It takes no time, unless the look-up of a name still goes on, which cannot be stopped.
                    join(self.thread, max(deadline - monotonic(), 0.5))
            finally:
                # Ctrl-C may have come again.
                self.handlers.close(max(deadline - monotonic(), 0))
                _sessions.discard(self)

    def see_off(self, timeout: float) -> None:
        """
        Wait until all is told of a loss: what comes late would be taken for news of the next connection.

        :param timeout: seconds.
        """
        link = self.link
        with contextlib.suppress(StillUnderWay, NotConnected):
            self.thread.submit(lambda: succeed(None) if link is None else link.when_disconnected()).wait(timeout)

    def leave(self) -> None:
        """
        Close without waiting, when the client has become garbage.

        This may come in any thread at any moment, so that all is left to the reactor's.
        """
        # At the end of the interpreter that thread may be no more.
        if not self.abandoned and not self._closing:
            self.thread.post(self._leave)

    def _leave(self) -> None:
        def end(_: object) -> None:
            self.handlers.begin_close()
            self.thread.stop()

        self._log_off().addBoth(end)

    def abandon(self) -> None:
        """In the child of a fork: this is the parent's, and its threads are not here."""
        self.abandoned = True
        self.thread.abandon()


def check_endpoint(endpoint: object) -> str:
    """
    Return an endpoint that is built for whichever reactor there is.

    :raises InvalidEndpoint: if it is not.
    """
    if endpoint is None:
        raise InvalidEndpoint("the endpoint is None; is it set where you read it from?")
    if not isinstance(endpoint, str):
        raise InvalidEndpoint(
            f"{endpoint!r} belongs to the reactor that it was made with, and a blocking client has its own: "
            "write the endpoint as text"
        )
    kind, _, rest = endpoint.partition(":")
    # Twisted gives their TLS the clock of the global reactor, so that nothing would ever be written.
    if kind == "ssl" or (kind == "tls" and "=" in rest):
        raise InvalidEndpoint(
            f"{endpoint!r}: a blocking client takes no options for TLS here; write 'tls:host:port', with ca_file="
        )
    return endpoint


_sessions: WeakSet[Session] = WeakSet()


@atexit.register
def _close_all() -> None:
    """Log off whoever forgot to, all at once, and not for long."""
    deadline = monotonic() + EXIT
    mine = [session for session in list(_sessions) if not session.abandoned]
    for session, logoff in [(session, session.begin_logoff()) for session in mine]:
        session.close(max(deadline - monotonic(), 0), logoff)


def _abandon_all() -> None:
    for session in list(_sessions):
        session.abandon()
    _sessions.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
