"""The factory by itself, as ``reactor.connectTCP`` drives it."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txami import AMIFactory, AMIProtocol, Event, Login, Secret, Timeouts
from txami.message import Message


class FactoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.told: list[str] = []
        self.factory = AMIFactory(
            self.reactor,
            Login("admin", Secret("hush")),
            timeouts=Timeouts(ping_interval=None),
            spread=0,
            connected=lambda link: self.told.append("connected"),
            disconnected=lambda reason: self.told.append("disconnected"),
            failed=lambda reason: self.told.append("failed"),
            gave_up=lambda reason: self.told.append("gave up"),
        )
        self.connector = self.reactor.connectTCP("pbx", 5038, self.factory)
        self.factory.startedConnecting(self.connector)

    def log_in(self, response: str = "Success") -> AMIProtocol:
        link = self.factory.buildProtocol(None)
        transport = StringTransport()
        link.makeConnection(transport)
        link.dataReceived(b"Asterisk Call Manager/5.0.4\r\n")
        login = Message(transport.value().removesuffix(b"\r\n\r\n"))
        link.dataReceived(f"Response: {response}\r\nActionID: {login['ActionID']}\r\n\r\n".encode())
        return link

    def lose(self, link: AMIProtocol) -> None:
        reason = Failure(ConnectionDone())
        link.connectionLost(reason)
        self.factory.clientConnectionLost(self.connector, reason)

    def test_each_connection_is_new_and_shares_the_observers(self) -> None:
        seen: list[Event] = []
        self.factory.registry.on("Hangup", seen.append)
        for _ in range(2):
            link = self.log_in()
            link.dataReceived(b"Event: Hangup\r\nPrivilege: call,all\r\n\r\n")
            self.lose(link)
            self.reactor.advance(1)
        self.assertEqual(len(seen), 2)
        self.assertEqual(self.told, ["connected", "disconnected"] * 2)

    def test_a_loss_before_the_login_is_a_failure(self) -> None:
        link = self.factory.buildProtocol(None)
        link.makeConnection(StringTransport())
        self.lose(link)
        self.assertEqual(self.told, ["failed"])
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)

    def test_a_callback_that_fails_does_not_end_it(self) -> None:
        def fail(reason: Exception) -> None:
            raise RuntimeError("in the callback")

        self.factory._failed = fail
        self.factory.clientConnectionFailed(self.connector, Failure(ConnectionDone()))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)

    def test_starting_the_waits_anew_does_not_undo_a_stop(self) -> None:
        self.factory.stopTrying()
        self.factory.resetDelay()
        self.assertEqual(self.factory.continueTrying, 0)

    def test_a_refused_login_ends_it(self) -> None:
        self.lose(self.log_in("Error"))
        self.assertEqual(self.told, ["gave up"])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stopping_stays_stopped_also_when_a_login_comes_late(self) -> None:
        link = self.factory.buildProtocol(None)
        transport = StringTransport()
        link.makeConnection(transport)
        link.dataReceived(b"Asterisk Call Manager/5.0.4\r\n")
        login = Message(transport.value().removesuffix(b"\r\n\r\n"))
        transport.clear()
        self.factory.stopTrying()
        link.dataReceived(f"Response: Success\r\nActionID: {login['ActionID']}\r\n\r\n".encode())
        self.assertIn(b"Action: Logoff", transport.value())
        self.factory.resetDelay()
        self.lose(link)
        self.assertEqual((self.told, self.reactor.getDelayedCalls()), ([], []))

    def test_stopping_during_the_first_attempt_stops_it(self) -> None:
        self.factory.stopTrying()
        self.assertTrue(self.connector.stoppedConnecting)
        self.factory.clientConnectionFailed(self.connector, Failure(ConnectionDone()))
        self.assertEqual((self.told, self.reactor.getDelayedCalls()), ([], []))
