"""Thousands of actions at once over TLS, on loopback and over a network of small packets."""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.defer import gatherResults
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.protocols.portforward import ProxyFactory, ProxyServer
from twisted.python.failure import Failure

from tests.asterisk.support import AsteriskCase, on_each_server
from txami import AMIProtocol, connect

#: What a packet of 1500 bytes holds for TCP.
PACKET: Final = 1448

#: Seconds that one is on its way.
TRIP: Final = 0.002


class Narrow(ProxyServer):
    """
    A way to Asterisk that has one packet on it at a time.

    What comes meanwhile is joined and cut into full packets, as TCP does at the edge of its windows.
    """

    def connectionMade(self) -> None:
        self._held = b""
        self._arrival: IDelayedCall | None = None
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:
        self._held += data
        if self._arrival is None:
            self._depart()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
        super().connectionLost(reason)

    def _depart(self) -> None:
        packet, self._held = self._held[:PACKET], self._held[PACKET:]
        reactor: Any = self.reactor
        self._arrival = reactor.callLater(TRIP, self._arrive, packet)

    def _arrive(self, packet: bytes) -> None:
        self._arrival = None
        peer: Any = self.peer
        if peer is not None:
            peer.transport.setTcpNoDelay(True)
            peer.transport.write(packet)
            if self._held:
                self._depart()


class Network(ProxyFactory):
    protocol = Narrow
    noisy = False


@on_each_server
class Pipelining(AsteriskCase):
    async def over_packets(self) -> AMIProtocol:
        """Return a connection over TLS whose packets are small."""
        server = self.server
        listening: Any = self.reactor.listenTCP(0, Network(server.host, server.tls_port), interface=server.host)
        self.addCleanup(listening.stopListening)
        place = f"tls:localhost:{listening.getHost().port}"
        ami = await connect(self.reactor, place, *self.credentials("admin"), ca_file=str(server.ca_file))
        self.addCleanup(ami.logoff)
        return ami

    async def test_five_thousand_at_once(self) -> None:
        ami = await self.connect(tls=True, events="off", action_timeout=100)
        numbers = range(2500)
        written = [ami.action("Setvar", Variable=f"TXAMI_{number}", Value=f"the {number}.") for number in numbers]
        read = [ami.action("Getvar", Variable=f"TXAMI_{number}") for number in numbers]
        await gatherResults(written)
        self.assertEqual([reply["Value"] for reply in await gatherResults(read)], [f"the {n}." for n in numbers])

    async def test_no_record_is_torn_by_packets_that_are_joined_and_cut(self) -> None:
        ami = await self.over_packets()
        for _ in range(3):
            replies = await gatherResults([ami.action("Ping") for _ in range(300)])
            self.assertEqual({reply["Ping"] for reply in replies}, {"Pong"})

    async def test_nor_one_of_a_large_action(self) -> None:
        ami = await self.over_packets()
        values = {f"V{number}": str(number % 10) * 1000 for number in range(20)}
        async with ami.events("UserEvent") as events:
            sent = [ami.action("Ping"), ami.action("UserEvent", {"UserEvent": "Large", **values}), ami.action("Ping")]
            await gatherResults(sent)
            event = await events.__anext__()
        self.assertEqual({name: event[name] for name in values}, values)
