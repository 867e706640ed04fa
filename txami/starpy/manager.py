"""
StarPy's ``manager``: :class:`AMIFactory`, whose :meth:`~AMIFactory.login` gives an :class:`AMIProtocol`.

What goes over the wire is logged by :mod:`logging` as ``AMI``, at level ``DEBUG``, without the secrets.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IAddress, IStreamClientEndpoint
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from ..endpoint import DEFAULT_PORT, parse_endpoint
from ..errors import NotConnected
from ..login import Secret
from . import error
from .actions import Actions
from .connection import Connection
from .exchange import Message, deferredErrorResp

__all__ = ["AMIFactory", "AMIProtocol", "deferredErrorResp", "error", "log"]

log = logging.getLogger("AMI")


class AMIProtocol(Actions):
    """
    The manager interface, as long as the program runs: it stays the same object through every reconnect.

    What is registered stays registered.  An action that is asked for while there is no connection waits for one, up
    to 30 s.  What waits for a reply when the connection is lost fails with :class:`~txami.ConnectionLost`.

    A class of your own may be put into ``AMIFactory.protocol``; its ``connectionMade()`` and ``connectionLost()``
    are called with every login and every loss.

    :ivar id: that of the factory.
    :ivar factory: the factory.
    """

    id: Any = None
    factory: AMIFactory

    @property
    def connected(self) -> bool:
        """Whether the connection is up and logged in."""
        return self.service.logged_in

    @property
    def transport(self) -> Any:
        """The transport of the connection; ``None`` while there is none."""
        return self.service.transport

    def connectionMade(self) -> None:
        """Do nothing; called when a connection has logged in."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Do nothing; called when a connection that had logged in is lost."""

    def login(self) -> Deferred[Message]:
        """Wait for the login, which the factory sees to."""
        return self.service.link().addCallback(lambda _: {"response": "Success", "message": "Authentication accepted"})

    loginChallengeResponse = login

    def logoff(self) -> Deferred[Message]:
        """
        Log off for good: the connection is not made anew.

        :return: fires when the connection is closed.
        """
        return self.service.stopService().addCallback(
            lambda _: {"response": "Goodbye", "message": "Thanks for all the fish."}
        )


class AMIFactory:
    """
    Makes connections that are kept up.

    After a loss it waits ``initialDelay`` seconds and connects again, ``factor`` times longer after each failure, up
    to ``maxDelay``; the waits begin anew only after a login.  It goes on until ``logoff()`` or :meth:`stopTrying`.

    :param username: the name of a section of manager.conf.
    :param secret: its secret.
    :param id: becomes the ``id`` of the protocol.
    :param plaintext_login: whether to send the secret as it is; otherwise a digest of it (MD5).
    :param on_reconnect: called after each loss with a new Deferred, which fires with the protocol when it is logged in
        again.  Then the program registers its functions anew, so those of before are forgotten.
    :param reactor: the reactor; by default the one that is installed.
    :ivar asked: whether the program has got hold of the Deferred for the next login, or the last.
    :cvar protocol: the class of the protocol.
    """

    protocol: type[AMIProtocol] = AMIProtocol
    initialDelay = 1.0
    maxDelay = 60.0
    factor = 2.7182818284590451
    maxRetries: int | None = None

    # For classes of a program's own whose __init__() sets what it knows of and calls no other.
    id: Any = None
    plaintext_login: bool = True
    on_reconnect: Callable[[Deferred[Any]], object] | None = None
    continueTrying = True
    asked = False
    _reactor: Any = None
    _connection: Connection | None = None

    def __init__(
        self,
        username: str,
        secret: str | Secret,
        id: Any = None,
        plaintext_login: bool = True,
        on_reconnect: Callable[[Deferred[Any]], object] | None = None,
        reactor: Any = None,
    ) -> None:
        self.username = username
        self.secret = Secret(secret)
        self.id = id
        self.plaintext_login = plaintext_login
        self.on_reconnect = on_reconnect
        self._login: Deferred[Any] = Deferred()
        self._reactor = reactor

    def login(
        self,
        ip: str | IStreamClientEndpoint = "localhost",
        port: int | str = DEFAULT_PORT,
        timeout: float = 5,
        bindAddress: str | tuple[str, int] | None = None,
    ) -> Deferred[Any]:
        """
        Connect and log in.

        :param ip: a name or an address, IPv4 or IPv6.  Or what :func:`txami.parse_endpoint` takes besides, such as
            ``"tls:pbx.example.com:5039"``; the other arguments are then of no concern.
        :param port: the port.
        :param timeout: seconds for each attempt to connect.
        :param bindAddress: where to connect from: an address, or one with a port.
        :return: fires with the :class:`AMIProtocol`.  If the first attempt fails, it fails and nothing more is tried:
            with :class:`~txami.starpy.error.AMICommandFailure` if Asterisk refuses the login, else with the reason.
            Cancelling it gives up.
        """
        reactor = self._reactor
        if reactor is None:
            # Nobody has handed one over, and importing it with the module would install one too early.
            from twisted.internet import reactor
        endpoint: IStreamClientEndpoint
        if isinstance(ip, str) and (isIPv6Address(ip) or ":" not in ip):
            endpoint = HostnameEndpoint(reactor, ip, int(port), timeout=timeout, bindAddress=bindAddress)
        else:
            endpoint = parse_endpoint(reactor, ip, timeout=timeout)
        self.continueTrying = True
        connection = self._connection = Connection(self, reactor, endpoint)
        self._login = Deferred(lambda _: connection.give_up())
        waiting = self.loginDefer
        connection.startService()
        return waiting

    @property
    def loginDefer(self) -> Deferred[Any]:
        """What :meth:`login` returned, or since the last loss a new one for the next login."""
        self.asked = True
        return self._login

    @loginDefer.setter
    def loginDefer(self, login: Deferred[Any]) -> None:
        self.asked = True
        self._login = login

    def buildProtocol(self, addr: IAddress | None) -> AMIProtocol:
        """Build what :meth:`login` fires with; called once for each."""
        protocol = self.protocol()
        protocol.factory = self
        protocol.id = self.id
        return protocol

    def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
        """
        Connect again, and tell ``on_reconnect``.

        A class that replaces this method and does not call it sees to the reconnection itself.
        """
        self.retry(connector)
        if connector.wanted:
            self._login = Deferred()
            self.asked = False
            if self.on_reconnect is not None:
                self.on_reconnect(self.loginDefer)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        """
        Tell who waits for the first login, or try again after a loss.

        A class that replaces this method and does not call it sees to the reconnection itself.
        """
        if connector.was_up:
            self.retry(connector)
        else:
            self.fail_login(reason.value)

    def retry(self, connector: Any = None) -> None:
        """Say that the connection is to be made anew, which it is after a wait."""
        if connector is not None:
            connector.wanted = self.continueTrying and connector.running

    def resetDelay(self) -> None:
        """Start the waits anew, which a login does by itself."""
        if self._connection is not None:
            self._connection.set_pace()

    def stopTrying(self) -> None:
        """Connect no more.  A connection that is up stays up."""
        self.continueTrying = False
        if self._connection is not None and not self._connection.logged_in:
            self._connection.give_up()
            self.fail_login(NotConnected("stopTrying() was called before the login"))

    def succeed_login(self, protocol: AMIProtocol) -> None:
        """Tell who waits for the login."""
        if not self._login.called:
            self._login.callback(protocol)

    def fail_login(self, reason: BaseException | None) -> None:
        """Tell who waits for the login, if somebody does: else nobody would look at the failure."""
        if self.asked and not self._login.called:
            self._login.errback(reason)
