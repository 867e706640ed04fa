""":class:`AMIService`: the connection that is kept up."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from .actions import DEFAULT_TIMEOUT, Actions
from .connector import EndpointConnector
from .endpoint import parse_endpoint
from .errors import ConnectionLost, NotConnected
from .factory import AMIFactory
from .interfaces import IAMI
from .login import Login, Secret
from .message import Response
from .observers import EventRegistry, Observing
from .protocol import AMIProtocol, Timeouts
from .replies import refuse_unframed
from .selection import EventFilter
from .waiters import Waiters
from .wire import Fields, HeaderValue, encode_action


@implementer(IAMI)
class AMIService(Observing, Actions, Service):
    """
    A manager interface for as long as the service runs, through any number of connections.

    Observers are added once and stay.  An action asked for while there is no connection waits for one, up to
    its timeout.  One that may have reached Asterisk is never sent again.

    :param reactor: the reactor.
    :param endpoint: see :func:`~txami.parse_endpoint`.
    :param username: the name of a section of manager.conf.
    :param secret: its secret.
    :param auth: ``"plain"`` or ``"md5"``.
    :param events: which events to get, see :func:`~txami.connect`.
    :param timeout: seconds for each attempt to connect, and again for the login.
    :param action_timeout: the default timeout of each action, in seconds; ``None`` for none.
    :param ping_interval: seconds between keepalive pings; ``None`` for none.
    :param ping_timeout: seconds for the answer to one; then the connection is cut and made anew.
    :param ca_file: see :func:`~txami.parse_endpoint`.
    :param after_login_failed: ``"stop"`` or ``"retry"``, see :class:`~txami.AMIFactory`.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        endpoint: str | IStreamClientEndpoint,
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
        after_login_failed: Literal["stop", "retry"] = "stop",
    ) -> None:
        self.registry = EventRegistry(reactor)
        self._clock = reactor
        self._timeouts = Timeouts(timeout, action_timeout, ping_interval, ping_timeout)
        self._name = str(endpoint)
        self._endpoint = parse_endpoint(reactor, endpoint, timeout=timeout, ca_file=ca_file)
        self._login = Login(username, Secret(secret), auth, events)  # type: ignore[arg-type]
        self._after_login_failed: Literal["stop", "retry"] = after_login_failed
        self._factory: AMIFactory | None = None
        self._connector: EndpointConnector | None = None
        self._link: AMIProtocol | None = None
        # Why there will be no connection: after stopService(), and after a login that was refused for good.
        self._over: Exception | None = None
        self._told_down = False
        self._filters: list[EventFilter] = []
        self._ready: Waiters[AMIProtocol] = Waiters()
        self._lost: Waiters[Exception] = Waiters()
        self._connected_observers: list[Callable[[AMIProtocol], object]] = []
        self._disconnected_observers: list[Callable[[Exception], object]] = []

    # -- running ---------------------------------------------------------------------------------------

    def startService(self) -> None:
        """Connect, and keep connected from now on."""
        super().startService()
        self._over = None
        self.registry.begin()
        self._factory = AMIFactory(
            self._clock,
            self._login,
            registry=self.registry,
            timeouts=self._timeouts,
            after_login_failed=self._after_login_failed,
            connected=self._link_up,
            disconnected=self._link_down,
            failed=self._attempt_failed,
            gave_up=self._give_up,
        )
        self._connector = EndpointConnector(self._endpoint, self._factory)
        self._connector.connect()

    def stopService(self) -> Deferred[None]:
        """
        Log off and stay disconnected.

        :return: fires when the connection is closed.  Whatever was pending has failed by then.
        """
        super().stopService()
        self._give_up(NotConnected("the service was stopped"))
        self.registry.end(None)
        closed: Deferred[None] = succeed(None)
        connector, self._connector = self._connector, None
        if self._factory is not None and connector is not None:
            protocol = connector.protocol
            self._factory.stopTrying()
            if isinstance(protocol, AMIProtocol):
                closed = protocol.logoff()
        return closed

    @property
    def logged_in(self) -> bool:
        """Whether a connection is up and logged in."""
        return self._link is not None and self._link.logged_in

    @property
    def connection(self) -> AMIProtocol | None:
        """The connection that is logged in now, if there is one."""
        return self._link if self.logged_in else None

    def when_ready(self) -> Deferred[AMIProtocol]:
        """
        Wait for a connection that is logged in.

        :return: a new Deferred, which fires with the connection, at once if it is up.  Fails with
            :class:`~txami.LoginFailed` or, when the service is stopped, :class:`~txami.NotConnected`.
        """
        if self._over is not None:
            return fail(self._over)
        if self._link is not None and self._link.logged_in:
            return succeed(self._link)
        return self._ready.wait()

    def when_disconnected(self) -> Deferred[Exception]:
        """
        Wait for the next loss of the connection.

        :return: a new Deferred, which fires with the reason, an exception.
        """
        return self._lost.wait()

    def on_connected(self, observer: Callable[[AMIProtocol], object]) -> Callable[[AMIProtocol], object]:
        """
        Call the observer with every connection that has logged in, before any action that waits is sent.

        :return: the observer, so that this may be a decorator.
        """
        self._connected_observers.append(observer)
        return observer

    def on_disconnected(self, observer: Callable[[Exception], object]) -> Callable[[Exception], object]:
        """
        Call the observer with the reason whenever a connection that had logged in is lost.

        :return: the observer, so that this may be a decorator.
        """
        self._disconnected_observers.append(observer)
        return observer

    def link(self) -> Deferred[AMIProtocol]:
        """Return the connection when there is one, at the latest after the default timeout of an action."""
        timeout = self._timeouts.action
        return self._wait("connecting", None if timeout is None else self._clock.seconds() + timeout)

    def remember_mask(self, mask: str | None) -> None:
        """Ask for these events from the next login on."""
        self._login = replace(self._login, events=mask)
        if self._factory is not None:
            self._factory.login = self._login

    def remember_filter(self, selected: EventFilter) -> None:
        """Apply this filter to later connections, too."""
        self._filters.append(selected)

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
    ) -> Deferred[Response]:
        """
        Send an action, or wait for the connection that it can be sent on.

        See :meth:`txami.AMIProtocol.action`.  The timeout includes the wait; if no connection comes up in
        time it fails with :class:`~txami.NotConnected`, and nothing was sent.
        """
        refuse_unframed(name)
        pairs = list(fields.items() if isinstance(fields, Mapping) else fields or ())
        pairs += headers.items()
        encode_action(name, "", pairs)
        if timeout is DEFAULT_TIMEOUT:
            timeout = self._timeouts.action
        deadline = None if timeout is None else self._clock.seconds() + timeout
        return self._send(name, pairs, deadline, check)

    def _send(
        self, name: str, pairs: list[tuple[str, HeaderValue]], deadline: float | None, check: bool
    ) -> Deferred[Response]:
        def send(link: AMIProtocol) -> Deferred[Response]:
            timeout = None if deadline is None else max(deadline - self._clock.seconds(), 0)
            return link.action(name, pairs, timeout=timeout, check=check).addErrback(again)

        def again(failure: Failure) -> Deferred[Response]:
            # Over TLS an action may still have been in our own hands when the connection was lost.
            if isinstance(failure.value, ConnectionLost) and not failure.value.sent and self._over is None:
                return self._send(name, pairs, deadline, check)
            return fail(failure)

        return self._wait(name, deadline).addCallback(send)

    def _wait(self, name: str, deadline: float | None) -> Deferred[AMIProtocol]:
        """Wait for a connection, up to a time of the clock."""
        ready = self.when_ready()
        if not ready.called and deadline is not None:
            wait = max(deadline - self._clock.seconds(), 0)
            ready.addTimeout(wait, self._clock, lambda *_: _raise_not_connected(name, self._name, wait))
        return ready

    # -- what the factory says -------------------------------------------------------------------------

    def _link_up(self, link: AMIProtocol) -> None:
        self._link = link
        self._told_down = False
        self._log.info("connected to {name} as {username}", name=self._name, username=self._login.username)
        for selected in self._filters:
            Deferred.fromCoroutine(link.selection.add(selected)).addErrback(self._filter_refused)
        self._tell(self._connected_observers, link)
        self._ready.succeed(link)

    def _link_down(self, reason: Exception) -> None:
        self._link = None
        if self._over is None:
            self._log.warn("lost the connection to {name}: {reason}", name=self._name, reason=reason)
            self._told_down = True
        self._tell(self._disconnected_observers, reason)
        self._lost.succeed(reason)

    def _attempt_failed(self, reason: Exception) -> None:
        # One line when the trouble begins; that it goes on is for who wants to know.
        level = self._log.debug if self._told_down else self._log.warn
        level("cannot connect to {name}: {reason}", name=self._name, reason=reason)
        self._told_down = True

    def _filter_refused(self, failure: Failure) -> None:
        if not failure.check(ConnectionLost):
            self._log.failure("an event filter could not be applied to the new connection", failure)

    def _give_up(self, reason: Exception) -> None:
        self._over = reason
        self._ready.fail(reason)

    def _tell(self, observers: list[Callable[[Any], object]], subject: object) -> None:
        for observer in list(observers):
            Deferred.fromCoroutine(_call(observer, subject)).addErrback(
                lambda failure: self._log.failure("an observer of the connection failed", failure)
            )


async def _call(observer: Callable[[Any], object], subject: object) -> None:
    """Call an observer and see it through if it is asynchronous."""
    result = observer(subject)
    if isinstance(result, (Coroutine, Deferred)):
        await result


def _raise_not_connected(name: str, place: str, wait: float) -> AMIProtocol:
    raise NotConnected(f"{name}: no connection to {place} within {wait:g} s; it was not sent")
