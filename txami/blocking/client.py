""":class:`BlockingAMI`: the methods of a connection, for those who wait for the answer where they are."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable
from threading import TIMEOUT_MAX, RLock, local
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar
from weakref import WeakSet, ref

from ..actions import DEFAULT_TIMEOUT
from ..errors import ActionError, ActionTimeout, ConnectionLost, InvalidAction, NotConnected
from ..login import Secret
from ..message import Response
from ..timeouts import Timeouts
from ..transcript import Target, Transcript, as_transcript
from ..wire import Fields, HeaderValue
from .bridge import StillUnderWay, patience, refuse_reactor_threads
from .call import BlockingCall
from .handle import Handle
from .handlers import check_callable
from .listeners import Listeners
from .listening import LIMIT, Listening
from .methods import with_waiting_methods
from .session import Connection, Session, check_endpoint

T = TypeVar("T")

#: Seconds for logging off.
_GOODBYE: Final = 5.0
#: Seconds for the threads of an attempt that failed; the look-up of a name cannot be stopped.
_GIVEN_UP: Final = 1.0


@with_waiting_methods
class BlockingAMI(Listening):
    """
    A manager interface for scripts and threads.  It connects when it is told to, and again after the connection
    was closed or lost; handlers stay.  All methods may be called from several threads at once.

    Besides the methods below it has all of :class:`~txami.IAMI`, such as ``hangup()``, ``db_get()`` or
    ``queues()``, which wait for what the Deferred there fires with, and take a ``timeout`` in seconds.

    :param endpoint: ``"host"``, ``"host:port"``, ``"[v6]:port"``, ``"tls:host:port"``, see
        :func:`~txami.parse_endpoint`.
    :param username: the name of a section of manager.conf.
    :param secret: its secret.
    :param auth: ``"plain"`` or ``"md5"``.
    :param events: which events to get, see :func:`~txami.connect`.
    :param timeout: seconds for connecting and logging in.
    :param action_timeout: the default timeout of each action, in seconds; ``None`` for none.
    :param ping_interval: seconds between keepalive pings; ``None`` for none.
    :param ping_timeout: seconds for the answer to one; then the connection is cut.
    :param ca_file: see :func:`~txami.parse_endpoint`.
    :param transcript: see :func:`~txami.connect`.  A callable is called in the client's reactor thread.
    :param reconnect: whether a connection that is lost is made again, see :class:`~txami.AMIService`.
    :param limit: how many events may wait for :meth:`get_event`, and how many for handlers; 0 keeps none for
        :meth:`get_event`.
    :raises ValueError: if a time or the limit makes no sense.
    :raises InvalidEndpoint: if the endpoint belongs to another reactor.
    """

    def __init__(
        self,
        endpoint: str,
        username: str,
        secret: str | Secret,
        *,
        auth: Literal["plain", "md5"] = "plain",
        events: str | Iterable[str] | None = None,
        timeout: float = 30.0,
        action_timeout: float | None = 30.0,
        ping_interval: float | None = 30.0,
        ping_timeout: float = 10.0,
        ca_file: str | None = None,
        transcript: Transcript | Target | None = None,
        reconnect: bool = False,
        limit: int = LIMIT,
    ) -> None:
        if timeout is None:
            raise ValueError("timeout=None: say for how many seconds to try to connect")
        Timeouts(timeout, action_timeout, ping_interval, ping_timeout)
        self._arguments = {
            "endpoint": check_endpoint(endpoint),
            "username": username,
            "secret": Secret(secret),
            "auth": auth,
            "events": events,
            "action_timeout": action_timeout,
            "ping_interval": ping_interval,
            "ping_timeout": ping_timeout,
            "ca_file": ca_file,
            "transcript": as_transcript(transcript),
        }
        self._timeout = timeout
        self._ping_timeout = ping_timeout
        self._reconnect = reconnect
        self._limit = limit
        self._session: Session | None = None
        itself = ref(self)
        # Not with the client itself: what the reactor's thread can reach never becomes garbage, see __del__().
        self._listeners = Listeners(itself, limit, lambda: _refuse_to_read(itself))
        self._connecting = RLock()
        # What get_response() without a handle is about: another thread's would be no use to anybody.
        self._latest = local()
        _clients.add(self)

    def _forked(self) -> None:
        """In the child of a fork: replace what a thread that is not there may hold."""
        self._connecting = RLock()
        self._listeners.begin_anew()

    # -- connecting ------------------------------------------------------------------------------------

    def connect(self) -> BlockingAMI:
        """
        Connect and log in, unless that is so already; also after :meth:`disconnect`, after the connection was
        lost, and in the child of a fork.

        :return: this client.
        :raises NotConnected: if nobody answers; also :class:`~txami.LoginFailed`,
            :class:`~txami.ConnectionLost` and :class:`~txami.ProtocolError`.
        :raises InvalidEndpoint: if the endpoint is none.
        """
        refuse_reactor_threads("connect")
        with self._connecting:
            before = self._session
            if before is not None and before.lasts:
                return self
            if before is not None:
                before.see_off(_GOODBYE)
            session = self._session = Session(self._limit or LIMIT, self._listeners)
            failure = self._attempt(session)
        # Without the lock, for the last handlers may want to connect, too.
        if before is not None:
            before.close(_GOODBYE)
        if failure is not None:
            session.close(_GIVEN_UP if isinstance(failure, Exception) else 0)
            raise failure
        return self

    def _attempt(self, session: Session) -> BaseException | None:
        """Connect; return why that failed."""
        try:
            session.open(self._reconnect, self._timeout, self._arguments)
        except BaseException as error:
            if isinstance(error, Exception):
                self._listeners.error = error
                self._listeners.tell(session, "connect_failed", error)
            self._session = None
            return error
        return None

    def disconnect(self, timeout: float | None = _GOODBYE) -> None:
        """
        Log off and close the connection; what waits for an answer fails.  Does nothing if there is none.

        Handlers still get the events that came before.

        :param timeout: seconds for all of this; then the connection is cut.  ``None`` to wait as long as it takes.
        :raises ValueError: if that is no time to wait; the connection stays.
        """
        refuse_reactor_threads("disconnect")
        limit = patience(timeout)
        session, self._session = self._session, None
        if session is not None:
            session.close(TIMEOUT_MAX if limit is None else limit)

    def __enter__(self) -> BlockingAMI:
        return self.connect()

    def __exit__(self, *_: object) -> None:
        self.disconnect()

    def connected(self, timeout: float | None = None) -> bool:
        """
        Ask the server whether it is there.

        :param timeout: seconds for its answer; by default ``ping_timeout``.
        """
        try:
            self.action("Ping", timeout=self._ping_timeout if timeout is None else timeout, check=False)
        except (ActionTimeout, NotConnected, ConnectionLost):
            return False
        return True

    @property
    def error(self) -> Exception | None:
        """Why there is no connection: the last attempt's error, or the reason of the loss."""
        return self._listeners.error

    @property
    def ami_version(self) -> tuple[int, ...] | None:
        """The AMI version that the server greeted with, such as ``(11, 0, 0)``; ``None`` before."""
        link = None if self._session is None else self._session.link
        return None if link is None else link.version

    @property
    def banner(self) -> str:
        """The server's greeting, ``""`` before."""
        link = None if self._session is None else self._session.link
        return "" if link is None else link.banner

    # -- actions ---------------------------------------------------------------------------------------

    def action(
        self,
        name: str,
        fields: Fields | None = None,
        /,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        check: bool = True,
        **headers: HeaderValue,
    ) -> Response:
        """
        Send an action and wait for its whole reply.

        :param name: such as ``"CoreShowChannels"``.
        :param fields: headers whose names are no Python identifiers, as a mapping or as pairs.
        :param timeout: seconds for the whole reply, ``None`` to wait as long as it takes; by default
            ``action_timeout``.
        :param check: whether ``Response: Error`` is an error; else the response is returned, ``ok`` or not.
        :param headers: the other headers.
        :raises ActionError: if Asterisk refuses.
        :raises ActionTimeout: if the reply is not complete in time; ``partial`` is what came.
        :raises ConnectionLost: if the connection ends before the reply.
        :raises NotConnected: if there is no connection; nothing was sent.
        :raises InvalidAction: if the action cannot be sent safely.
        """
        return self.run(lambda ami: ami.action(name, fields, timeout=timeout, check=check, **headers), what=name)

    def command(self, command: str, *, timeout: float | None = DEFAULT_TIMEOUT, check: bool = True) -> Response:
        """
        Run a CLI command; its lines are the response's ``output``.

        :param command: such as ``"core show uptime"``.
        :param timeout: see :meth:`action`.
        :param check: see :meth:`action`.
        """
        return self.run(lambda ami: ami.command(command, timeout=timeout, check=check), what="command")

    def originate(self, channel: str, **options: Any) -> BlockingCall:
        """
        Place a call, with the options of :meth:`txami.AMIProtocol.originate`.

        :return: when Asterisk has accepted it, a :class:`BlockingCall`.
        """
        return BlockingCall(self, self.run(lambda ami: ami.originate(channel, **options), what="originate"))

    def simple(
        self,
        name: str,
        fields: Fields | None = None,
        /,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        **headers: HeaderValue,
    ) -> bool:
        """
        Send an action and tell whether Asterisk reports success.

        :raises ActionTimeout: if that is not known in time; and what else :meth:`action` raises, but no
            :class:`~txami.ActionError`.
        """
        response = self.action(name, fields, timeout=timeout, check=False, **headers)
        return response.ok and response.complete

    def send_action(
        self,
        name: str,
        fields: Fields | None = None,
        /,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        check: bool = True,
        callback: Callable[[Handle], object] | None = None,
        userdata: Any = None,
        **headers: HeaderValue,
    ) -> Handle:
        """
        Send an action and do not wait; many may be under way, which is much faster than one after the other.

        :param name: see :meth:`action`; so are ``fields``, ``check`` and ``headers``.
        :param timeout: the action's own: seconds after which it is given up, whoever waits for it.
        :param callback: called with the handle, in the handlers' thread, when the response is there or will not
            come; :meth:`get_response` returns or raises at once then.
        :param userdata: whatever the handle shall have as its ``userdata``.
        :return: a handle for :meth:`get_response`.  One that is thrown away leaves nothing behind, but for the
            latest of each thread.
        :raises NotConnected: if there is no connection; nothing was sent.
        """

        def send(ami: Connection) -> Awaitable[Response]:
            return ami.action(name, fields, timeout=timeout, check=check, **headers)

        if callback is not None:
            check_callable(callback, "a callback gets the handle")
        session = self._connected_session(name)
        crossing = session.submit(name, send)
        handle = self._latest.handle = Handle(name, crossing, userdata)
        if callback is not None:
            # With the client, which has to last until then.
            crossing.future.add_done_callback(lambda _, client=self: session.handlers.put(callback, handle))  # type: ignore[misc]
        return handle

    def get_response(self, handle: Handle | None = None, timeout: float | None = None) -> Response:
        """
        Wait for the response to an action that was sent, in any order, from any thread, and as often as wanted.

        :param handle: what :meth:`send_action` returned; without it, what that returned last in this thread.
        :param timeout: seconds for which this caller waits; ``None`` for as long as the action's own timeout
            lets it.  The action goes on, and may be waited for again.
        :raises ActionTimeout: if there is no response by then.  Only that of the action's own timeout has what
            came of the reply as ``partial``.
        :raises ActionError: and whatever else :meth:`action` raises.
        :raises InvalidAction: if there is no handle, and nothing was sent in this thread.
        """
        handle = getattr(self._latest, "handle", None) if handle is None else handle
        if handle is None:
            raise InvalidAction(
                "get_response: send_action() was not called in this thread; give the handle that it returned"
            )
        if not isinstance(handle, Handle):
            raise TypeError(f"{handle!r} is no handle; give what send_action() returned")
        if not handle.done:
            self._check(handle.action)
        return handle.wait(timeout)

    def check_response(self, handle: Handle | None = None, timeout: float | None = None) -> bool:
        """
        Wait like :meth:`get_response`, and tell whether Asterisk reports success.

        :raises ActionTimeout: and whatever else :meth:`get_response` raises, but no :class:`~txami.ActionError`.
        """
        try:
            response = self.get_response(handle, timeout)
        except ActionError:
            return False
        return response.ok and response.complete

    def run(
        self, function: Callable[[Connection], Awaitable[T]], timeout: float | None = None, *, what: str = "run"
    ) -> T:
        """
        Call a function with the connection in the reactor's thread, and wait for what it returns.

        It is how anything that the Deferred API can do is done from here, with its types::

            number = ami.run(lambda ami: ami.db_get("cidname", "100"), timeout=5)

        :param function: gets the :class:`~txami.AMIProtocol`, or with ``reconnect`` the
            :class:`~txami.AMIService`, and returns a Deferred; or an ``async`` function.
        :param timeout: seconds; then what was returned is cancelled.  ``None`` to wait as long as it takes.
        :param what: what an error is to call it.
        :raises ActionTimeout: then.
        """
        crossing = self._connected_session(what).crossing(what, function)
        try:
            return crossing.start().wait(timeout)
        except StillUnderWay:
            raise ActionTimeout(what, timeout or 0) from None
        finally:
            # After a timeout, and after Ctrl-C, which may come as soon as it is on its way.
            crossing.give_up()

    def _connected_session(self, what: str) -> Session:
        session = self._check(what)
        if session is None:
            raise NotConnected(f"{what}: not connected, call connect(); it was not sent")
        return session

    def _check(self, what: str) -> Session | None:
        """Refuse what cannot work from here."""
        refuse_reactor_threads(what)
        session = self._session
        if session is not None and session.abandoned:
            raise NotConnected(
                f"{what}: this connection belongs to process {session.pid}, whose child this one is; "
                "connect() makes another for this process"
            )
        return session

    def __del__(self) -> None:
        # Nobody can use it any more, and no function waits to be called: else somebody, or that, would have hold of it.
        session = getattr(self, "_session", None)
        if session is not None:
            session.leave()

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a BlockingAMI cannot be copied or handed to another process; call connect() there")

    def __repr__(self) -> str:
        session = self._session
        state = "connected" if session is not None and not session.abandoned and session.logged_in else "not connected"
        return f"<BlockingAMI {self._arguments['username']}@{self._arguments['endpoint']}, {state}>"

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., Any]:
            """The other methods of IAMI, see :mod:`txami.blocking.methods`."""


def _refuse_to_read(reference: ref[BlockingAMI]) -> None:
    client = reference()
    if client is not None:
        client._check("get_event")


_clients: WeakSet[BlockingAMI] = WeakSet()


def _forked() -> None:
    for client in list(_clients):
        client._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
