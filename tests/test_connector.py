"""Any endpoint under a plain ReconnectingClientFactory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import (
    ConnectingCancelledError,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    NoProtocol,
    NotConnectingError,
)
from twisted.internet.interfaces import (
    IAddress,
    IConnector,
    IHandshakeListener,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Protocol, ReconnectingClientFactory, ServerFactory, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransportWithDisconnection
from twisted.python.failure import Failure
from twisted.test.iosim import ConnectionCompleter, IOPump
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txami.connector import EndpointConnector


@implementer(IStreamClientEndpoint)
class ScriptedEndpoint:
    """An endpoint whose attempts succeed or fail when the test says so."""

    def __init__(self) -> None:
        self.attempts: list[Deferred[Any]] = []
        self.cancelled = 0
        #: Called when an attempt begins, for those that are decided at once.
        self.at_once: Callable[[], object] = lambda: None

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        self._factory = protocolFactory
        self.attempts.append(Deferred(self._cancel))
        attempt = self.attempts[-1]
        self.at_once()
        return attempt

    def _cancel(self, attempt: Deferred[Any]) -> None:
        self.cancelled += 1
        attempt.errback(ConnectingCancelledError(None))

    def fail(self) -> None:
        self.attempts[-1].errback(ConnectionRefusedError())

    def succeed(self) -> StringTransportWithDisconnection:
        """Connect, as Twisted's own endpoints do it; return the transport."""
        transport = StringTransportWithDisconnection()
        protocol = self._factory.buildProtocol(None)  # type: ignore[arg-type]
        if protocol is None:
            self.attempts[-1].errback(NoProtocol())
        else:
            transport.protocol = protocol
            protocol.makeConnection(transport)
            self.attempts[-1].callback(protocol)
        return transport


class Talk(Protocol):
    """Remembers what happens to it."""

    def __init__(self) -> None:
        self.happened: list[object] = []

    def connectionMade(self) -> None:
        self.happened.append("made")

    def dataReceived(self, data: bytes) -> None:
        self.happened.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.happened.append(reason.type)


class Factory(ReconnectingClientFactory):
    """A plain one, which remembers what it is told."""

    noisy = False
    jitter = None  # type: ignore[assignment]

    def __init__(self, clock: Clock) -> None:
        self.clock = clock  # type: ignore[assignment]
        self.told: list[object] = []
        self.built: list[Any] = []
        self.running = 0

    def take_told(self) -> list[object]:
        """Return what it was told since the last time."""
        told, self.told = self.told, []
        return told

    def make(self) -> IProtocol | None:
        return Talk()

    def buildProtocol(self, addr: IAddress | None) -> Any:
        self.built.append(self.make())
        return self.built[-1]

    def startFactory(self) -> None:
        self.running += 1

    def stopFactory(self) -> None:
        self.running -= 1

    def startedConnecting(self, connector: IConnector) -> None:
        self.told.append("connecting")

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        self.told.append(("failed", reason.type))
        super().clientConnectionFailed(connector, reason)

    def clientConnectionLost(self, connector: IConnector, unused_reason: Failure) -> None:
        self.told.append(("lost", unused_reason.type))
        super().clientConnectionLost(connector, unused_reason)


class ConnectorTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.factory = Factory(self.clock)
        self.endpoint = ScriptedEndpoint()
        self.connector = EndpointConnector(self.endpoint, self.factory)

    def assert_at_rest(self) -> None:
        """Check that nothing is under way, and that the factory was stopped as often as started."""
        self.assertEqual(self.connector.state, "disconnected")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual((self.factory.running, self.factory.numPorts), (0, 0))
        self.assertIsNone(self.connector.protocol)


class ConnectingTests(ConnectorTestCase):
    def test_it_is_a_connector(self) -> None:
        self.assertTrue(verifyObject(IConnector, self.connector))
        self.assertIs(self.connector.getDestination(), self.endpoint)

    def test_a_connection_from_its_beginning_to_its_loss(self) -> None:
        self.assertEqual((self.connector.state, self.connector.protocol), ("disconnected", None))
        self.connector.connect()
        self.assertEqual((self.connector.state, self.connector.protocol), ("connecting", None))
        self.assertEqual(self.factory.take_told(), ["connecting"])
        self.assertEqual(self.factory.running, 1)
        transport = self.endpoint.succeed()
        [talk] = self.factory.built
        self.assertEqual(self.connector.state, "connected")
        self.assertIs(self.connector.protocol, talk)
        self.assertIs(talk.transport, transport)
        transport.protocol.dataReceived(b"data")
        self.assertEqual(self.factory.take_told(), [])
        self.factory.stopTrying()
        transport.loseConnection()
        self.assertEqual(talk.happened, ["made", b"data", ConnectionDone])
        self.assertEqual(self.factory.take_told(), [("lost", ConnectionDone)])
        self.assert_at_rest()

    def test_a_failed_attempt_is_tried_again(self) -> None:
        self.connector.connect()
        for wait in (1.0, 2.718281828459045):
            self.endpoint.fail()
            self.assertEqual(self.connector.state, "disconnected")
            self.assertEqual(self.factory.running, 0)
            self.assertEqual(self.factory.take_told(), ["connecting", ("failed", ConnectionRefusedError)])
            [call] = self.clock.getDelayedCalls()
            self.assertEqual(call.getTime() - self.clock.seconds(), wait)
            self.clock.advance(wait)
            self.assertEqual(self.connector.state, "connecting")
            self.assertEqual(self.factory.running, 1)
        self.endpoint.succeed()
        self.assertEqual(self.connector.state, "connected")
        self.assertEqual(len(self.endpoint.attempts), 3)

    def test_an_attempt_that_fails_at_once_is_tried_again(self) -> None:
        self.endpoint.at_once = self.endpoint.fail
        self.connector.connect()
        self.assertEqual(self.factory.take_told(), ["connecting", ("failed", ConnectionRefusedError)])
        self.assertEqual(self.connector.state, "disconnected")
        self.endpoint.at_once = self.endpoint.succeed
        self.clock.advance(1)
        self.assertEqual(self.factory.take_told(), ["connecting"])
        self.assertEqual(self.connector.state, "connected")

    def test_an_endpoint_that_raises_is_a_failed_attempt(self) -> None:
        def refuse() -> None:
            raise RuntimeError

        self.endpoint.at_once = refuse
        self.connector.connect()
        self.assertEqual(self.factory.take_told(), ["connecting", ("failed", RuntimeError)])
        self.assertEqual(self.connector.state, "disconnected")

    def test_a_lost_connection_is_replaced(self) -> None:
        self.connector.connect()
        for _ in range(3):
            transport = self.endpoint.succeed()
            self.factory.resetDelay()
            self.assertEqual(self.factory.take_told(), ["connecting"])
            transport.protocol.connectionLost(Failure(ConnectionLost()))
            self.assertEqual(self.factory.take_told(), [("lost", ConnectionLost)])
            self.assertEqual((self.connector.state, self.connector.protocol), ("disconnected", None))
            self.assertEqual(self.factory.running, 0)
            self.clock.advance(1)
            self.assertEqual(self.connector.state, "connecting")
            self.assertEqual(self.factory.running, 1)
        self.assertEqual(len(self.factory.built), 3)

    def test_connecting_twice_is_refused(self) -> None:
        self.connector.connect()
        with self.assertRaisesRegex(RuntimeError, "^cannot connect while connecting$"):
            self.connector.connect()
        self.endpoint.succeed()
        with self.assertRaisesRegex(RuntimeError, "^cannot connect while connected$"):
            self.connector.connect()
        self.assertEqual(len(self.endpoint.attempts), 1)
        self.assertEqual(self.factory.take_told(), ["connecting"])
        self.assertEqual(self.factory.numPorts, 1)

    def test_a_factory_may_connect_again_as_soon_as_it_is_told(self) -> None:
        class Impatient(Factory):
            def retry(self, connector: Any = None) -> None:
                self.connector.connect()  # type: ignore[union-attr]

        self.factory = Impatient(self.clock)
        self.connector = EndpointConnector(self.endpoint, self.factory)
        self.connector.connect()
        self.endpoint.fail()
        self.assertEqual(self.connector.state, "connecting")
        self.endpoint.succeed().loseConnection()
        self.assertEqual(self.connector.state, "connecting")
        self.assertEqual((len(self.endpoint.attempts), self.factory.numPorts), (3, 1))
        self.connector.stopConnecting()
        self.assertEqual((self.endpoint.cancelled, self.connector.state), (1, "connecting"))

    def test_a_factory_that_builds_no_protocol_is_told_of_a_failure(self) -> None:
        self.factory.make = lambda: None  # type: ignore[method-assign]
        self.connector.connect()
        self.endpoint.succeed()
        self.assertEqual(self.factory.take_told(), ["connecting", ("failed", NoProtocol)])
        self.assertEqual((self.connector.state, self.factory.running), ("disconnected", 0))
        self.clock.advance(1)
        self.assertEqual(self.connector.state, "connecting")

    def test_a_protocol_that_fails_when_it_is_lost_is_replaced_all_the_same(self) -> None:
        class Clumsy(Talk):
            def connectionLost(self, reason: Failure = connectionDone) -> None:
                raise RuntimeError

        self.factory.make = Clumsy  # type: ignore[method-assign]
        self.connector.connect()
        transport = self.endpoint.succeed()
        with self.assertRaises(RuntimeError):
            transport.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(self.factory.take_told(), ["connecting", ("lost", ConnectionLost)])
        self.clock.advance(1)
        self.assertEqual(self.connector.state, "connecting")


class StoppingTests(ConnectorTestCase):
    def test_an_attempt_in_flight_can_be_stopped(self) -> None:
        self.connector.connect()
        self.factory.continueTrying = 0
        self.connector.stopConnecting()
        self.assertEqual(self.endpoint.cancelled, 1)
        self.assertEqual(self.factory.take_told(), ["connecting", ("failed", ConnectingCancelledError)])
        self.assert_at_rest()

    def test_after_that_it_can_connect_again(self) -> None:
        self.connector.connect()
        self.factory.continueTrying = 0
        self.connector.stopConnecting()
        self.connector.connect()
        self.endpoint.succeed()
        self.assertEqual(self.connector.state, "connected")
        self.assertEqual(self.factory.numPorts, 1)

    def test_a_factory_that_stops_trying_stops_the_attempt(self) -> None:
        self.connector.connect()
        self.endpoint.fail()
        self.clock.advance(1)
        self.assertEqual(self.connector.state, "connecting")
        self.factory.stopTrying()
        self.assertEqual(self.endpoint.cancelled, 1)
        self.assert_at_rest()

    def test_where_nothing_is_under_way_nothing_can_be_stopped(self) -> None:
        with self.assertRaises(NotConnectingError):
            self.connector.stopConnecting()
        self.connector.connect()
        self.endpoint.succeed()
        with self.assertRaises(NotConnectingError):
            self.connector.stopConnecting()
        self.assertEqual(self.connector.state, "connected")
        self.assertEqual(self.factory.take_told(), ["connecting"])

    def test_a_factory_may_stop_the_attempt_when_it_is_told_of_it(self) -> None:
        class Reluctant(Factory):
            def startedConnecting(self, connector: IConnector) -> None:
                super().startedConnecting(connector)
                self.continueTrying = 0
                connector.stopConnecting()

        self.factory = Reluctant(self.clock)
        self.connector = EndpointConnector(self.endpoint, self.factory)
        self.connector.connect()
        self.assertEqual(self.factory.take_told(), ["connecting", ("failed", NotConnectingError)])
        self.assertEqual(self.endpoint.attempts, [])
        self.assert_at_rest()

    def test_stopped_and_connected_again_by_the_factory_it_makes_one_attempt(self) -> None:
        class Undecided(Factory):
            def startedConnecting(self, connector: IConnector) -> None:
                super().startedConnecting(connector)
                if self.told == ["connecting"]:
                    connector.stopConnecting()

            def retry(self, connector: Any = None) -> None:
                self.connector.connect()  # type: ignore[union-attr]

        self.factory = Undecided(self.clock)
        self.connector = EndpointConnector(self.endpoint, self.factory)
        self.connector.connect()
        self.assertEqual(self.connector.state, "connecting")
        self.assertEqual((len(self.endpoint.attempts), self.factory.numPorts), (1, 1))

    def test_disconnecting_closes_the_connection(self) -> None:
        self.connector.connect()
        transport = self.endpoint.succeed()
        self.factory.stopTrying()
        self.connector.disconnect()
        self.assertIs(transport.connected, False)
        self.assertEqual(self.factory.take_told(), ["connecting", ("lost", ConnectionDone)])
        self.assert_at_rest()

    def test_disconnecting_gives_up_the_attempt(self) -> None:
        self.connector.connect()
        self.factory.continueTrying = 0
        self.connector.disconnect()
        self.assertEqual(self.endpoint.cancelled, 1)
        self.assert_at_rest()

    def test_disconnecting_what_is_not_connected_does_nothing(self) -> None:
        self.connector.disconnect()
        self.assertEqual(self.factory.take_told(), [])
        self.assert_at_rest()


class StandInTests(ConnectorTestCase):
    """What the endpoint gets as the protocol stands for the factory's."""

    def build(self, protocol: Talk) -> Any:
        self.factory.make = lambda: protocol  # type: ignore[method-assign]
        self.connector.connect()
        return self.endpoint.succeed().protocol

    def test_it_has_the_methods_of_the_protocol(self) -> None:
        class Special(Talk):
            def special(self) -> str:
                return "special"

        built = self.build(Special())
        self.assertTrue(verifyObject(IProtocol, built))
        self.assertEqual(built.special(), "special")
        with self.assertRaises(AttributeError):
            built.no_such_thing  # noqa: B018

    def test_made_and_lost_reach_the_protocol(self) -> None:
        # A transport calls makeConnection; an endpoint may wrap it and call connectionMade by itself.
        talk = Talk()
        built = self.build(talk)
        built.connectionMade()
        self.assertEqual(talk.happened, ["made", "made"])
        self.factory.stopTrying()
        built.connectionLost()
        self.assertEqual(talk.happened, ["made", "made", ConnectionDone])

    def test_it_offers_what_the_protocol_offers(self) -> None:
        @implementer(IHandshakeListener)
        class Listening(Talk):
            def handshakeCompleted(self) -> None:
                self.happened.append("handshake")

        self.assertTrue(IHandshakeListener.providedBy(self.build(Listening())))


class HostnameEndpointTests(SynchronousTestCase):
    """The whole way through Twisted's own endpoint, with a server in memory."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.factory = Factory(self.reactor)
        # Loses, backs off and reconnects; resetDelay() is what a protocol calls when all is well.
        server = ServerFactory.forProtocol(Talk)
        server.noisy = False
        self.reactor.listenTCP(5038, server)
        self.completer = ConnectionCompleter(self.reactor)
        self.connector = EndpointConnector(HostnameEndpoint(self.reactor, "pbx", 5038), self.factory)

    def succeed(self) -> IOPump:
        pump = self.completer.succeedOnce()
        assert pump is not None
        self.settle()
        return pump

    def settle(self) -> None:
        """Let HostnameEndpoint see, at its next tick, that there is no further address to try."""
        self.reactor.advance(0.3)

    def lose(self, pump: IOPump) -> None:
        """Let the server close the connection."""
        pump.server.transport.loseConnection()
        pump.flush()

    def test_connect_lose_back_off_reconnect(self) -> None:
        self.connector.connect()
        pump = self.succeed()
        for wait in (1.0, 2.718281828459045):
            self.assertEqual(self.connector.state, "connected")
            self.assertEqual(self.reactor.getDelayedCalls(), [])
            pump.server.transport.write(b"data")
            pump.flush()
            self.assertEqual(self.factory.built[-1].happened, ["made", b"data"])
            self.lose(pump)
            self.assertEqual(self.factory.take_told(), ["connecting", ("lost", ConnectionDone)])
            self.assertEqual((self.connector.state, self.factory.running), ("disconnected", 0))
            self.assertEqual(self.factory.built[-1].happened, ["made", b"data", ConnectionDone])
            [call] = self.reactor.getDelayedCalls()
            self.assertEqual(call.getTime() - self.reactor.seconds(), wait)
            self.reactor.advance(wait)
            self.assertEqual((self.connector.state, self.factory.running), ("connecting", 1))
            pump = self.succeed()
        self.assertEqual(len(self.factory.built), 3)

    def test_a_refused_attempt_is_tried_again(self) -> None:
        self.connector.connect()
        self.completer.failOnce()
        self.settle()
        self.assertEqual(self.factory.take_told(), ["connecting", ("failed", ConnectionRefusedError)])
        self.reactor.advance(1)
        self.succeed()
        self.assertEqual(self.connector.state, "connected")

    def test_an_attempt_in_flight_can_be_stopped_and_leaves_no_timer(self) -> None:
        self.connector.connect()
        self.factory.continueTrying = 0
        self.connector.stopConnecting()
        self.assertEqual(self.factory.take_told(), ["connecting", ("failed", ConnectingCancelledError)])
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        [connecting] = self.reactor.connectors
        self.assertIs(connecting.stoppedConnecting, True)
        self.assertEqual((self.factory.running, self.factory.numPorts), (0, 0))

    def test_disconnecting_closes_the_connection(self) -> None:
        self.connector.connect()
        pump = self.succeed()
        self.factory.stopTrying()
        self.connector.disconnect()
        pump.flush()
        self.assertEqual(pump.server.happened, ["made", ConnectionDone])
        self.assertEqual(self.factory.take_told(), ["connecting", ("lost", ConnectionDone)])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_a_factory_that_builds_no_protocol_is_told_of_a_failure(self) -> None:
        self.factory.make = lambda: None  # type: ignore[method-assign]
        self.connector.connect()
        [(_, _, wrapped, _, _)] = self.reactor.tcpClients
        self.assertIsNone(wrapped.buildProtocol(None))
        self.settle()
        self.assertEqual(self.factory.take_told(), ["connecting", ("failed", NoProtocol)])
        self.assertEqual((self.connector.state, self.factory.running), ("disconnected", 0))
