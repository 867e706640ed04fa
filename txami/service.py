""":class:`AMIService`: the connection that is kept up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
from .errors import ConnectionLost, LoginFailed, NotConnected
from .factory import AMIFactory
from .gap import Gap, LinkObserver, LinkObservers
from .history import History
from .interfaces import IAMI
from .login import Login, Secret
from .message import Response
from .observers import EventRegistry
from .observing import Observing
from .protocol import AMIProtocol
from .replies import refuse_unframed
from .selection import EventFilter
from .stats import Health, Stats
from .timeouts import Timeouts
from .transcript import Target, Transcript, as_transcript
from .waiters import Waiters
from .wire import Fields, HeaderValue, encode_action, pairs_of


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
    :param transcript: see :func:`~txami.connect`.
    :param after_login_failed: ``"stop"`` or ``"retry"``, see :class:`~txami.AMIFactory`.
    :param slow_after: seconds that an observer may take before it is logged and counted.
    :param registry: the observers; by default the service has its own.
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
        transcript: Transcript | Target | None = None,
        after_login_failed: Literal["stop", "retry"] = "stop",
        slow_after: float = 0.1,
        registry: EventRegistry | None = None,
    ) -> None:
        self.registry = EventRegistry(reactor) if registry is None else registry
        self.registry.slow_after = slow_after
        self._clock = reactor
        self._timeouts = Timeouts(timeout, action_timeout, ping_interval, ping_timeout)
        self._transcript = as_transcript(transcript)
        self._name = str(endpoint)
        self._endpoint = parse_endpoint(reactor, endpoint, timeout=timeout, ca_file=ca_file)
        self._login = Login(username, Secret(secret), auth, events)  # type: ignore[arg-type]
        if after_login_failed not in ("stop", "retry"):
            raise ValueError(f"after_login_failed={after_login_failed!r} must be 'stop' or 'retry'")
        self._after_login_failed: Literal["stop", "retry"] = after_login_failed
        self._factory: AMIFactory | None = None
        self._connector: EndpointConnector | None = None
        self._link: AMIProtocol | None = None
        # Why there will be no connection: after stopService(), and after a login that was refused for good.
        self._over: Exception | None = None
        # What the log has a line about: that it is down, that the login is refused.
        self._told_down = self._told_refused = False
        self._filters: list[EventFilter] = []
        self._ready: Waiters[AMIProtocol] = Waiters()
        self._lost: Waiters[Exception] = Waiters()
        # Of those that log off, and perhaps of before a restart, too.
        self._closing: set[AMIProtocol] = set()
        self._closed: Waiters[None] = Waiters()
        self._connected_observers = LinkObservers()
        self._disconnected_observers = LinkObservers()
        self._history = History(reactor, self.registry)

    # -- running ---------------------------------------------------------------------------------------

    def startService(self) -> None:
        """Connect, and keep connected from now on.  Does nothing if the service runs already."""
        if self.running:
            self._log.warn("the service for {name} is started already", name=self._name)
            return
        super().startService()
        self._over = None
        self._told_down = self._told_refused = False
        self._history.started()
        self.registry.begin()
        self._factory = AMIFactory(
            self._clock,
            self._login,
            registry=self.registry,
            timeouts=self._timeouts,
            transcript=self._transcript,
            after_login_failed=self._after_login_failed,
            connected=self._link_up,
            failed=self._attempt_failed,
            gave_up=self._give_up,
        )
        self._connector = EndpointConnector(self._endpoint, self._factory)
        self._connector.connect()

    def stopService(self) -> Deferred[None]:
        """
        Log off and stay disconnected.

        :return: fires when the connection is closed, however often this is called meanwhile.  Whatever was pending
            has failed by then.
        """
        super().stopService()
        self._give_up(NotConnected("the service was stopped"))
        connector, self._connector = self._connector, None
        if self._factory is not None and connector is not None:
            protocol = connector.protocol
            self._factory.stopTrying()
            if isinstance(protocol, AMIProtocol):
                self._closing.add(protocol)
                protocol.logoff().addCallback(lambda _: self._link_closed(protocol))
        return self._closed.wait() if self._closing else succeed(None)

    def _link_closed(self, link: AMIProtocol) -> None:
        self._closing.remove(link)
        if not self._closing:
            self._closed.succeed(None)

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
            return fail(self._over.with_traceback(None))  # else it would grow with each who awaits it
        if self._link is not None and self._link.logged_in:
            return succeed(self._link)
        return self._ready.wait()

    def when_disconnected(self) -> Deferred[Exception]:
        """
        Wait for the next loss of the connection.

        :return: a new Deferred, which fires with the reason, an exception: at once if there is no connection
            and will be none.
        """
        if self._over is not None and self._link is None:
            return succeed(self._over)
        return self._lost.wait()

    def on_connected(self, observer: Callable[[Gap], object]) -> LinkObserver:
        """
        Call the observer with a :class:`~txami.Gap` for every connection that has logged in, before any action
        that waits is sent.

        :return: what has a ``cancel()``, and calls the observer when it is called: this may be a decorator.
        """
        return self._connected_observers.add(observer)

    def on_disconnected(self, observer: Callable[[Exception], object]) -> LinkObserver:
        """
        Call the observer with the reason whenever a connection that had logged in is lost.

        :return: see :meth:`on_connected`.
        """
        return self._disconnected_observers.add(observer)

    @property
    def booted(self) -> bool:
        """
        Whether the server is known to have booted: ``FullyBooted`` has come since the login.  It comes to
        those who read class ``system``.
        """
        return self._history.booted

    @property
    def health(self) -> Health:
        """Whether the connection is up, since when, and why not."""
        return self._history.health

    @property
    def stats(self) -> Stats:
        """What happened so far, through all connections: a new :class:`~txami.Stats` each time."""
        return self._history.stats(len(self._ready))

    def link(self, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[AMIProtocol]:
        """Return the connection when there is one, as long as an action would wait for it."""
        if timeout is DEFAULT_TIMEOUT:
            timeout = self._timeouts.action
        return self._wait("connecting", timeout)

    def remember_mask(self, mask: str | None) -> None:
        """Ask for these events from the next login on."""
        self._login = replace(self._login, events=mask)
        if self._factory is not None:
            self._factory.login = self._login

    def remember_filter(self, selected: EventFilter) -> None:
        """Apply this filter to later connections, too; once, though each connection's observer may ask for it."""
        if selected not in self._filters:
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
        pairs = pairs_of(fields)
        pairs += headers.items()
        encode_action(name, "", pairs)
        if timeout is DEFAULT_TIMEOUT:
            timeout = self._timeouts.action
        return self._send(name, pairs, timeout, check)

    def _send(
        self, name: str, pairs: list[tuple[str, HeaderValue]], timeout: float | None, check: bool
    ) -> Deferred[Response]:
        began = self._clock.seconds()

        def time_left() -> float | None:
            return None if timeout is None else max(timeout - (self._clock.seconds() - began), 0)

        def send(link: AMIProtocol) -> Deferred[Response]:
            if not link.logged_in:  # closed by one who was told before
                return self._send(name, pairs, time_left(), check)
            # The number as it was given, if there was no wait: actions with the same timeout share a queue.
            left = time_left() if waits else timeout
            return link.action(name, pairs, timeout=left, check=check).addErrback(again)

        def again(failure: Failure) -> Deferred[Response]:
            # Over TLS an action may still have been in our own hands when the connection was lost.
            if isinstance(failure.value, ConnectionLost) and not failure.value.sent and self._over is None:
                return self._send(name, pairs, time_left(), check)
            return fail(failure)

        waits = not self.logged_in
        return self._wait(name, timeout).addCallback(send)

    def _wait(self, name: str, timeout: float | None) -> Deferred[AMIProtocol]:
        """Wait for a connection, so many seconds at most."""
        ready = self.when_ready()
        if not ready.called and timeout is not None:
            wait = max(timeout, 0)
            ready.addTimeout(wait, self._clock, lambda *_: _raise_not_connected(name, self._name, wait))
        return ready

    # -- what the factory says -------------------------------------------------------------------------

    def _link_up(self, link: AMIProtocol) -> None:
        if self._link is not None:
            # Of before a restart, and slow to close.
            self._link_down(NotConnected("the service was started anew"), self._link)
        self._link = link
        link.when_disconnected().addCallback(self._link_down, link)
        gap = self._history.up(link)
        self._told_down = self._told_refused = False
        self._log.info(
            "connected to {name} as {username}{gap}", name=self._name, username=self._login.username, gap=_shown(gap)
        )
        for selected in self._filters:
            Deferred.fromCoroutine(link.selection.add(selected)).addErrback(self._filter_refused)
        self._connected_observers.tell(gap)
        if link.logged_in:
            self._ready.succeed(link)

    def _link_down(self, reason: Exception, link: AMIProtocol) -> None:
        if link is not self._link:
            return
        self._link = None
        self._history.down(reason)
        if self._over is None:
            self._log.warn("lost the connection to {name}: {reason}", name=self._name, reason=reason)
            self._told_down = True
        else:
            self._log.info("disconnected from {name}: {reason}", name=self._name, reason=self._over)
        self._disconnected_observers.tell(reason)
        self._lost.succeed(reason)

    def _attempt_failed(self, reason: Exception) -> None:
        self._history.failed(reason)
        refused = isinstance(reason, LoginFailed) and not reason.temporary
        # One line when the trouble begins, and one when only the user can end it; that it goes on is for who wants
        # to know.
        told = self._told_refused if refused else self._told_down
        level = self._log.debug if told else self._log.warn
        level("cannot connect to {name}: {reason}", name=self._name, reason=reason)
        self._told_down = True
        self._told_refused = self._told_refused or refused

    def _filter_refused(self, failure: Failure) -> None:
        if not failure.check(ConnectionLost, NotConnected):
            self._log.failure("an event filter could not be applied to the new connection", failure)

    def _give_up(self, reason: Exception) -> None:
        self._over = reason
        self._history.failed(reason)
        self._ready.fail(reason)
        # After a stop, a loop over events ends as it should.
        self.registry.end(None if isinstance(reason, NotConnected) else reason)
        if self._link is None:
            self._lost.succeed(reason)


def _shown(gap: Gap) -> str:
    return "" if gap.since is None else f", having missed {gap.seconds:.1f} s of events"


def _raise_not_connected(name: str, place: str, wait: float) -> AMIProtocol:
    raise NotConnected(f"{name}: no connection to {place} within {wait:g} s; it was not sent")
