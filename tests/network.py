"""A network in memory: an endpoint whose attempts the test decides on, and a FakeAsterisk behind it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.test.iosim import IOPump, connect, makeFakeClient, makeFakeServer
from zope.interface import implementer

from txami.testing import FakeAsterisk, FakeSession


@implementer(IStreamClientEndpoint)
class MemoryEndpoint:
    """
    An endpoint to a :class:`FakeAsterisk`.

    :ivar attempts: those under way, oldest first.
    :ivar pumps: the connections that were made; closed ones too.
    :ivar cancelled: how many attempts were given up by the client.
    """

    def __init__(self, clock: Clock, server: FakeAsterisk) -> None:
        self.clock = clock
        self.server = server
        self.attempts: list[tuple[IProtocolFactory, Deferred[Any]]] = []
        self.pumps: list[IOPump] = []
        self.cancelled = 0

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
        def cancel(_: object) -> None:
            self.cancelled += 1
            self.attempts.remove(attempt)

        deferred: Deferred[Any] = Deferred(cancel)
        attempt = (factory, deferred)
        self.attempts.append(attempt)
        return deferred

    def accept(self, greet: bool = True) -> IOPump:
        """Let the oldest attempt succeed, and let both sides talk until they have no more to say."""
        factory, deferred = self.attempts.pop(0)
        client: Any = factory.buildProtocol(None)  # type: ignore[arg-type]
        server = self.server.buildProtocol(None)
        pump: IOPump = connect(
            server, makeFakeServer(server), client, makeFakeClient(client), greet=False, clock=self.clock
        )
        self.pumps.append(pump)
        deferred.callback(client)
        if greet:
            pump.flush()
        return pump

    def refuse(self) -> None:
        """Let the oldest attempt fail."""
        self.attempts.pop(0)[1].errback(Failure(ConnectionRefusedError()))

    def advance(self, seconds: float) -> None:
        """Let time pass, and both sides talk."""
        self.clock.advance(seconds)
        self.flush()

    def flush(self) -> None:
        """Let both sides of every connection talk."""
        for pump in self.pumps:
            pump.flush()

    def cut(self) -> None:
        """Lose the latest connection, as if the server had gone."""
        pump = self.pumps[-1]
        pump.serverIO.disconnecting = True
        pump.flush()

    @property
    def session(self) -> FakeSession:
        """The server's side of the latest connection."""
        server = self.pumps[-1].server
        assert isinstance(server, FakeSession)
        return server


def network(version: str = "11.0.0") -> MemoryEndpoint:
    """Return an endpoint, with a clock and a server of its own."""
    clock = Clock()
    return MemoryEndpoint(clock, FakeAsterisk(clock, {"admin": "hush"}, version))
