""":class:`AMIFactory`: a new connection for each that was lost."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Literal

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import ReconnectingClientFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from .errors import ConnectionLost, LoginFailed
from .login import Login
from .observers import EventRegistry
from .protocol import AMIProtocol
from .timeouts import Timeouts
from .transcript import Transcript


class AMIFactory(ReconnectingClientFactory):
    """
    Builds connections that log in, share their observers, and are replaced when lost.

    It waits longer after each failure, at most ``maxDelay`` (60 s), and starts anew only after a *login*: a
    server that accepts connections and drops them is not hammered.

    :param clock: the reactor, or a ``Clock``.
    :param login: who logs in.
    :param registry: the observers, which outlive the connections.
    :param timeouts: for each connection.
    :param transcript: takes down what goes over the wire of each connection.
    :param after_login_failed: ``"stop"`` gives up when Asterisk refuses the login, for a wrong secret does not
        get better; ``"retry"`` goes on at the slowest pace.  Refusals that pass (the name is still logged in
        from before, or Asterisk is shutting down) are always tried again.
    :param spread: each wait is shortened by up to this fraction, so that many clients do not come back at once.
    :param connected: called with each :class:`~txami.AMIProtocol` that has logged in.
    :param disconnected: called with the reason, when a connection that had logged in is lost.
    :param failed: called with the reason, when an attempt came to nothing.
    :param gave_up: called with the reason, when no more attempts will be made.
    """

    maxDelay = 60
    # That of ReconnectingClientFactory is applied to the wait itself, so it can exceed maxDelay, and it adds up.
    jitter = 0.0
    noisy = False
    protocol = AMIProtocol

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        login: Login,
        *,
        registry: EventRegistry | None = None,
        timeouts: Timeouts | None = None,
        transcript: Transcript | None = None,
        after_login_failed: Literal["stop", "retry"] = "stop",
        spread: float = 0.1,
        connected: Callable[[AMIProtocol], object] = lambda protocol: None,
        disconnected: Callable[[Exception], object] = lambda reason: None,
        failed: Callable[[Exception], object] = lambda reason: None,
        gave_up: Callable[[Exception], object] = lambda reason: None,
    ) -> None:
        if after_login_failed not in ("stop", "retry"):
            raise ValueError(f"after_login_failed={after_login_failed!r} must be 'stop' or 'retry'")
        self.clock = clock  # type: ignore[assignment]
        self.registry = EventRegistry(clock) if registry is None else registry
        self._reactor = clock
        self.login = login
        self._timeouts = timeouts
        self._transcript = transcript
        self._after_login_failed = after_login_failed
        self.spread = spread
        self._connected = connected
        self._disconnected = disconnected
        self._failed = failed
        self._gave_up = gave_up
        self._stopped = False

    def buildProtocol(self, addr: IAddress | None) -> AMIProtocol:
        """Build a connection and watch its login."""
        protocol = self.protocol(
            self._reactor,
            self.login,
            registry=self.registry,
            timeouts=self._timeouts,
            transcript=self._transcript,
        )
        protocol.factory = self
        protocol.when_ready().addCallbacks(self._ready, self._not_ready)
        return protocol

    def _ready(self, protocol: AMIProtocol) -> None:
        if self._stopped:
            protocol.logoff()
            return
        self.resetDelay()
        protocol.when_disconnected().addCallback(self._disconnected)
        self._connected(protocol)

    def _not_ready(self, failure: Failure) -> None:
        if self._stopped:
            return
        error = failure.value
        if isinstance(error, LoginFailed) and not error.temporary:
            if self._after_login_failed == "stop":
                self.stopTrying()
                self._log.error("{error}; not trying again", error=error)
                self._gave_up(error)
                return
            self.delay = self.maxDelay
        self._failed(error if isinstance(error, Exception) else ConnectionLost(None, False, error))

    def startedConnecting(self, connector: Any) -> None:
        """Remember the connector at once, so that the very first attempt can be stopped, too."""
        self.connector = connector

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        """Try again later."""
        if not self._stopped:
            try:
                self._failed(reason.value)  # type: ignore[arg-type]
            except Exception:
                self._log.failure("the callback for failed attempts failed")
        super().clientConnectionFailed(connector, reason)

    def retry(self, connector: Any = None) -> None:
        """Wait and connect again: 1 s, then e times longer each time, up to ``maxDelay``, a little at random."""
        if self._stopped:
            return
        wait = self.delay
        self.delay = wait * random.uniform(1 - self.spread, 1)
        super().retry(connector)
        self.delay = min(wait * self.factor, self.maxDelay)

    def stopTrying(self) -> None:
        """Connect no more.  A connection that is up stays up."""
        self._stopped = True
        super().stopTrying()

    def resetDelay(self) -> None:
        """Start the waits anew; unlike the base class, this does not undo :meth:`stopTrying`."""
        super().resetDelay()
        if self._stopped:
            self.continueTrying = 0
