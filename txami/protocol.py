"""
:class:`AMIProtocol`: one connection to a manager interface, from the greeting to the loss.

The connection is in one of five states::

    greeting --banner--> login --accepted--> ready --logoff()--> closing
        |                  |                   |                    |
        +------------------+-------- lost -----+--------------------+--> closed

Everything that is pending when the connection is lost fails there and then, and everything asked for later
fails at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime, ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from .actions import DEFAULT_TIMEOUT, Actions
from .advice import warn_of_unknown_headers
from .dispatch import Dispatcher
from .errors import (
    ActionError,
    AMIError,
    ConnectionLost,
    LoginFailed,
    NotConnected,
    ProtocolError,
)
from .inbox import Inbox
from .interfaces import IAMI
from .keepalive import Keepalive
from .login import Login
from .message import Response, decode
from .observers import EventRegistry
from .observing import Observing
from .outbox import DirectOutbox, NoOutbox, Outbox, PacedOutbox
from .pending import Counters, PendingActions
from .permissions import Permissions
from .plaintext import warn_of_plaintext
from .replies import is_blocking, refuse_unframed, rules_of
from .selection import Selection
from .timeouts import Timeouts
from .transcript import Transcript
from .waiters import OneShot, Waiters
from .wire import MAX_MESSAGE, Fields, Framer, HeaderValue, encode_action, pairs_of, parse_banner

State = Literal["greeting", "login", "ready", "closing", "closed"]


@implementer(IAMI)
class AMIProtocol(Observing, Actions, LineReceiver):
    """
    One connection.

    It greets in line mode and then takes the bytes as they come: a :class:`~txami.wire.Framer` cuts them into
    messages three to five times faster than line by line, and in linear time.  Observers that are slower than
    the events come do not keep it from reading, for Asterisk would cut it off: see :mod:`txami.inbox`.

    :param clock: the reactor, or a ``Clock``.
    :param login: who logs in.
    :param registry: the observers; by default the connection has its own, which ends with it.
    :param timeouts: how long to wait for what.
    :param transcript: takes down what goes over the wire.
    :ivar version: the AMI version that the server greeted with, such as ``(11, 0, 0)``, or ``None``.
    :ivar banner: the whole greeting.
    :ivar counters: what happened so far.
    :ivar selection: which events it gets.
    :ivar permissions: which actions it may send.
    :ivar heard: when anything was received last, in seconds since the epoch; ``None`` before the greeting.
    """

    #: Bytes that one message may have before the connection is given up.
    MAX_MESSAGE = MAX_MESSAGE

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        login: Login,
        *,
        registry: EventRegistry | None = None,
        timeouts: Timeouts | None = None,
        transcript: Transcript | None = None,
    ) -> None:
        self.registry = EventRegistry(clock) if registry is None else registry
        self.counters = Counters()
        self.version: tuple[int, ...] | None = None
        self.banner = ""
        self._clock = clock
        self._login = login
        self._ends_registry = registry is None
        self._timeouts = timeouts or Timeouts()
        self._state: State = "greeting"
        self._framer = Framer(self.MAX_MESSAGE)
        self._outbox: Outbox = NoOutbox()
        self._pending = PendingActions(clock, self.counters, lambda key: self._outbox.withdraw(key))
        self._inbox = Inbox(clock, Dispatcher(self._pending, self.registry, self.counters).hand_out)
        # Over TLS the outbox has a look at them first.
        self._put: Callable[[list[bytes]], object] = self._inbox.put
        self._ready: OneShot[AMIProtocol] = OneShot()
        self._closed: OneShot[Exception] = OneShot()
        self._ping_timeout: Waiters[None] = Waiters()
        # Why there is no connection, once it is known: our own reason, or else the transport's.
        self._reason: Exception | None = None
        self.permissions = Permissions(self)
        self.heard: float | None = None
        self.selection = Selection(self, login.username, login.events)
        self._keepalive = Keepalive(
            clock,
            self._timeouts.ping_interval or 0,
            ping=lambda: self._send("Ping", None, self._timeouts.ping, check=False),
            blockers=self._pending.blockers,
            received=lambda: self.counters.received,
            on_timeout=self._ping_unanswered,
        )
        # For the login, and later for the logoff.
        self._deadline: IDelayedCall | None = None
        self._recorder = None if transcript is None else transcript.tap(self, clock, login.secret)

    # -- the user's side -------------------------------------------------------------------------------

    @property
    def logged_in(self) -> bool:
        """Whether the connection is up and logged in."""
        return self._state == "ready"

    @property
    def username(self) -> str:
        """The name that is logged in."""
        return self._login.username

    @property
    def pending(self) -> int:
        """How many actions wait for their reply."""
        return len(self._pending)

    @property
    def backlog(self) -> int:
        """How many bytes of messages wait for observers that are busy; also when the connection is lost."""
        return self._inbox.size

    @property
    def ping_round_trip(self) -> float | None:
        """Seconds that the last keepalive ping took, ``None`` before the first answer."""
        return self._keepalive.round_trip

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
        Send an action.

        :param name: such as ``"CoreShowChannels"``.
        :param fields: headers whose names are no Python identifiers, as a mapping or as pairs.
        :param timeout: seconds for the whole reply, ``None`` to wait as long as it takes; by default
            ``timeouts.action``.
        :param check: whether ``Response: Error`` is an error; else the response is handed over, ``ok`` or not.
        :param headers: the other headers.
        :return: fires with the whole :class:`~txami.Response`, a list with all its items.  Fails with
            :class:`~txami.ActionError`, :class:`~txami.ActionTimeout`, :class:`~txami.ConnectionLost` or
            :class:`~txami.NotConnected`.  Cancelling it gives up the reply; an action that has not left yet
            is not sent.
        :raises InvalidAction: at once, if the action cannot be sent safely.
        """
        pairs = [*pairs_of(fields), *headers.items()] if headers or fields is not None else None
        if self._state != "ready":
            encode_action(name, "", pairs)
            refuse_unframed(name)
            return fail(NotConnected(f"{name}: {self._why_not_ready()}; it was not sent"))
        sent = self._send(name, pairs, self._timeouts.action if timeout is DEFAULT_TIMEOUT else timeout, check)
        if pairs:
            warn_of_unknown_headers(name, pairs)
        return sent

    def link(self, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[AMIProtocol]:
        """Return this connection, as a Deferred: what a service has to wait for."""
        return succeed(self)

    def logoff(self) -> Deferred[None]:
        """
        Log off and close the connection, which is cut if Asterisk does not close it in time.

        :return: fires when the connection is closed; never fails.
        """
        closed: Deferred[None] = self.when_disconnected().addCallback(lambda _: None)
        if self._state == "ready":
            self._reason = NotConnected("logged off")
            done = self._send("Logoff", None, None, check=False)
            self._state = "closing"
            # Until the loss, not the reply: over TLS the other end has to agree to the closing.
            self._deadline = self._clock.callLater(self._timeouts.logoff, self._abort)
            done.addCallbacks(lambda _: self._lose_connection(), lambda _: None)
        elif self._state not in ("closing", "closed"):
            self._fail(NotConnected("closed before the login was complete"))
        return closed

    def when_ready(self) -> Deferred[AMIProtocol]:
        """
        Wait for the login.

        :return: a new Deferred, which fires with this connection when it is logged in, and fails with
            :class:`~txami.LoginFailed`, :class:`~txami.ProtocolError` or :class:`~txami.ConnectionLost`.
        """
        if self._state in ("closing", "closed"):
            return fail(self._loss())
        return self._ready.wait()

    def when_disconnected(self) -> Deferred[Exception]:
        """
        Wait for the end of the connection.

        :return: a new Deferred, which fires with the reason, an exception; it never fails.
        """
        return self._closed.wait()

    def on_ping_timeout(self) -> Deferred[None]:
        """
        Wait for a keepalive ping to stay unanswered; the connection is cut right after.

        :return: a new Deferred.
        """
        return self._ping_timeout.wait()

    # -- the transport's side --------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Wait for the greeting; over TLS the handshake has not even begun."""
        transport: Any = self.transport
        # No delay: an action is not to wait in the kernel until the one before is acknowledged; the outboxes join them.
        for set_option in ("setTcpKeepAlive", "setTcpNoDelay"):
            if hasattr(transport, set_option):
                getattr(transport, set_option)(True)
        self._inbox.open(transport)
        is_paced = ISSLTransport.providedBy(transport)
        if self._recorder is not None:
            transport = self._recorder.open(transport)
        if is_paced:
            self._open_paced(transport)
        else:
            self._outbox = DirectOutbox(transport, self._pending)
        self._deadline = self._clock.callLater(self._timeouts.login, self._login_too_slow)

    def _open_paced(self, transport: Any) -> None:
        self._outbox = outbox = PacedOutbox(transport, self._clock, self._pending.own_action_id)

        def put(messages: list[bytes]) -> None:
            outbox.heard(messages)
            self._inbox.put(messages)

        self._put = put

    def lineReceived(self, line: bytes) -> None:
        """Take the greeting, the only line that is read as one, and log in."""
        self.banner = decode(line)
        self.version = self._pending.version = parse_banner(line)
        self._framer.expects_raw_output = False
        self.setRawMode()
        if self._state == "greeting":
            self._state = "login"
            self._log_in()

    def lineLengthExceeded(self, line: bytes) -> None:
        """Give up on a peer that greets without end."""
        self._fail(
            ProtocolError(
                f"no greeting within {self.MAX_LENGTH} bytes: this is not a manager interface; check the port"
            )
        )

    def rawDataReceived(self, data: bytes) -> None:
        """Cut the bytes into messages, and have these handed out."""
        self.counters.received += len(data)
        self.heard = self._clock.seconds()
        try:
            messages = self._framer.feed(data)
        except ProtocolError as error:
            self._fail(error)
            return
        self.counters.messages += len(messages)
        self._put(messages)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail all that is pending and leave nothing running."""
        self._state = "closed"
        if self._reason is None:
            self._reason = reason.value if isinstance(reason.value, Exception) else Exception(str(reason.value))
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._keepalive.stop()
        self._outbox.close()
        # What came before the loss comes before the news of it.
        self._inbox.close(self._tell_of_the_loss)

    def _tell_of_the_loss(self) -> None:
        assert self._reason is not None
        self._pending.fail_all(self._reason)
        self._ready.fail(self._loss())
        if self._ends_registry:
            # NotConnected is our own logoff(): a loop over events ends there as it should.
            self.registry.end(None if isinstance(self._reason, NotConnected) else self._loss())
        self._closed.succeed(self._reason)

    # -- login -----------------------------------------------------------------------------------------

    def _log_in(self) -> None:
        warn_of_plaintext(self._login, self.transport)
        Deferred.fromCoroutine(self._present()).addCallbacks(self._logged_in, self._login_refused)

    async def _present(self) -> None:
        challenge = ""
        if self._login.needs_challenge:
            challenge = (await self._send("Challenge", {"AuthType": "MD5"}, None)).get("Challenge", "")
        await self._send("Login", self._login.fields(challenge), None)

    def _logged_in(self, _: object) -> None:
        if self._state != "login" or self._deadline is None:
            return  # given up meanwhile
        self._deadline.cancel()
        self._state = "ready"
        if self._timeouts.ping_interval is not None:
            self._keepalive.start()
        self._ready.succeed(self)

    def _login_refused(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, ActionError):
            self._fail(LoginFailed(self._login.username, error.response.message))
        elif not isinstance(error, ConnectionLost):
            # Such as an InvalidAction for a user name with a line feed.
            self._fail(error if isinstance(error, AMIError) else ProtocolError(f"the login went wrong: {error!r}"))

    def _login_too_slow(self) -> None:
        self._fail(
            ProtocolError(
                f"no login within {self._timeouts.login:g} s"
                + ("" if self.banner else ", not even a greeting: is this Asterisk's manager port?")
            )
        )

    # -- sending ---------------------------------------------------------------------------------------

    def _send(self, name: str, fields: Fields | None, timeout: float | None, check: bool = True) -> Deferred[Response]:
        """Send an action in any state that has a transport."""
        action_id, key = self._pending.next_action_id()
        data = encode_action(name, action_id, fields)
        rules = rules_of(name)
        if rules.is_unframed:
            refuse_unframed(name)
        deferred = self._pending.add(key, name, timeout, check, rules.is_blocking and is_blocking(name, data))
        if rules.has_output:
            self._framer.expects_raw_output = True
        self._outbox.send(key, data)
        if rules.needs_barrier:
            self._send("Ping", None, timeout, check=False).addBoth(lambda _: self._reach_barrier(key))
        return deferred

    def _reach_barrier(self, key: bytes) -> None:
        """A later action was answered, so nothing more will come for this one."""
        if key in self._pending:
            self._pending.finish(key)

    # -- the end ---------------------------------------------------------------------------------------

    def _fail(self, reason: Exception) -> None:
        """Give the connection up for a reason of our own."""
        if self._reason is None:
            self._reason = reason
        if self._state != "closed":
            self._state = "closing"
        self._ready.fail(reason)
        self._abort()

    def _ping_unanswered(self) -> None:
        if self._inbox.is_paused:
            return  # it is we who do not listen
        self._log.info("no answer to a ping within {seconds} s, cutting the connection", seconds=self._timeouts.ping)
        self._ping_timeout.succeed(None)
        self._fail(ConnectionLost(None, False, TimeoutError(f"no answer to a ping within {self._timeouts.ping:g} s")))

    def _lose_connection(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()

    def _abort(self) -> None:
        transport: Any = self.transport
        if transport is None:
            return
        # Observers that are behind may yet be handed the answer to a Challenge.
        self._outbox.close()
        if hasattr(transport, "abortConnection"):
            transport.abortConnection()
        else:
            transport.loseConnection()

    def _why_not_ready(self) -> str:
        return {
            "greeting": "the connection is not made yet, wait for when_ready()",
            "login": "the login is not complete yet, wait for when_ready()",
            "closing": "the connection is being closed",
        }.get(self._state, f"the connection was lost ({self._reason})")

    def _loss(self) -> Exception:
        """Return the error for those who wait for anything but a reply."""
        if isinstance(self._reason, AMIError):
            return self._reason.with_traceback(None)  # else it would grow with each who awaits it
        return ConnectionLost(None, False, self._reason)
