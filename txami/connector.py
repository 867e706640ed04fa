"""
:class:`EndpointConnector`: any client endpoint under a :class:`ReconnectingClientFactory`.

Twisted's endpoints tell a factory neither that an attempt failed nor that a connection was lost, so its
reconnecting never begins (Twisted issue 4472).  This connector does, as ``reactor.connectTCP`` would, and so
gives IPv6, names with several addresses, TLS and every endpoint plugin to such factories.
"""

from __future__ import annotations

from typing import Any, Literal

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import NotConnectingError
from twisted.internet.interfaces import IAddress, IConnector, IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import ClientFactory, connectionDone
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy


@implementer(IConnector)
class EndpointConnector:
    """
    Connects a factory through an endpoint, again and again if it asks.

    :param endpoint: where to connect.
    :param factory: told of every failed attempt and of every loss.
    :ivar state: ``"disconnected"``, ``"connecting"`` or ``"connected"``.
    """

    def __init__(self, endpoint: IStreamClientEndpoint, factory: ClientFactory) -> None:
        self.state: Literal["disconnected", "connecting", "connected"] = "disconnected"
        self._endpoint = endpoint
        self._factory = factory
        self._attempt: Deferred[Any] | None = None
        self._reporter: _Reporter | None = None

    def connect(self) -> None:
        """
        Try to connect.

        :raises RuntimeError: if that is under way, or done.
        """
        if self.state != "disconnected":
            raise RuntimeError(f"cannot connect while {self.state}")
        self.state = "connecting"
        self._factory.doStart()
        self._factory.startedConnecting(self)
        # The factory may have called stopConnecting() just now.
        if self.state != "connecting" or self._attempt is not None:
            return
        attempt = self._attempt = maybeDeferred(self._endpoint.connect, _ReportingFactory(self._factory, self))
        attempt.addCallbacks(self._connected, self._failed)

    def stopConnecting(self) -> None:
        """
        Give up the attempt under way; the factory is told that it failed.

        :raises NotConnectingError: if there is none.
        """
        if self.state != "connecting":
            raise NotConnectingError("we're not trying to connect")
        if self._attempt is None:
            self._failed(Failure(NotConnectingError("stopped before the attempt began")))
        else:
            self._attempt.cancel()

    def disconnect(self) -> None:
        """Close the connection, or give up the attempt."""
        if self.state == "connecting":
            self.stopConnecting()
        elif self._reporter is not None:
            self._reporter.transport.loseConnection()

    def getDestination(self) -> IAddress:
        """Return the endpoint, which is all that is known."""
        return self._endpoint  # type: ignore[return-value]

    @property
    def protocol(self) -> IProtocol | None:
        """The protocol that the factory built for the connection, from its beginning to its loss."""
        return None if self._reporter is None else self._reporter.protocol

    def connection_made(self, reporter: _Reporter) -> None:
        """Take note of the connection, which an endpoint may report later than the transport does."""
        self._reporter = reporter
        self.state = "connected"

    def _connected(self, _: object) -> None:
        self._attempt = None

    def _failed(self, reason: Failure) -> None:
        self._attempt = None
        self.state = "disconnected"  # first, since the factory may connect again
        self._factory.clientConnectionFailed(self, reason)
        self._factory.doStop()

    def connection_lost(self, reason: Failure) -> None:
        """Tell the factory; called by the connection itself."""
        self._reporter = None
        self.state = "disconnected"
        self._factory.clientConnectionLost(self, reason)
        self._factory.doStop()


@implementer(IProtocol)
class _Reporter:
    """A protocol that says when its connection is lost, and otherwise is the one it stands for."""

    def __init__(self, protocol: IProtocol, connector: EndpointConnector) -> None:
        self.protocol = protocol
        self.transport: Any = None
        self._connector = connector
        directlyProvides(self, providedBy(protocol))
        # Not by a method of our own: this is called for every chunk of data.
        self.dataReceived = protocol.dataReceived

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        self._connector.connection_made(self)
        self.protocol.makeConnection(transport)

    def connectionMade(self) -> None:
        self.protocol.connectionMade()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        try:
            self.protocol.connectionLost(reason)
        finally:
            # A connection whose observers are behind, see txami.inbox, has not told of its loss: they must not get what
            # came before it among what comes on the next.
            if getattr(self.protocol, "backlog", 0):
                self.protocol.when_disconnected().addCallback(  # type: ignore[attr-defined]
                    lambda _: self._connector.connection_lost(reason)
                )
            else:
                self._connector.connection_lost(reason)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.protocol, name)


@implementer(IProtocolFactory)
class _ReportingFactory:
    """Builds the protocols of a factory, each in a :class:`_Reporter`."""

    def __init__(self, factory: ClientFactory, connector: EndpointConnector) -> None:
        self._factory = factory
        self._connector = connector

    def doStart(self) -> None:
        """Do nothing: the connector has started the factory, for the whole attempt."""

    def doStop(self) -> None:
        """Do nothing: the connector stops the factory when it has been told."""

    def buildProtocol(self, addr: IAddress) -> Any:
        protocol = self._factory.buildProtocol(addr)
        return None if protocol is None else _Reporter(protocol, self._connector)
