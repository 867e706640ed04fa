"""connect(): one connection, logged in, or an error that says why not."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from tests.network import network
from txami import (
    ActionTimeout,
    ConnectionLost,
    InvalidEndpoint,
    LoginFailed,
    NotConnected,
    ProtocolError,
    Secret,
    connect,
)


class ConnectTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.net = network()

    def test_it_gives_a_connection_that_is_logged_in(self) -> None:
        connecting = connect(self.net.clock, self.net, "admin", Secret("hush"), auth="md5", events=["call", "agent"])
        self.assertNoResult(connecting)
        self.net.accept()
        ami = self.successResultOf(connecting)
        self.assertTrue(ami.logged_in)
        self.assertEqual(self.net.session.actions[-1]["Events"], "call,agent")
        pong = ami.action("Ping")
        self.net.flush()
        self.assertEqual(self.successResultOf(pong)["Ping"], "Pong")

    def test_the_timeouts_are_passed_on(self) -> None:
        connecting = connect(self.net.clock, self.net, "admin", "hush", action_timeout=3, ping_interval=7)
        self.net.accept()
        self.net.server.never_answer("Sleep")
        sleeping = self.successResultOf(connecting).action("Sleep")
        self.net.advance(2.9)
        self.assertNoResult(sleeping)
        self.net.advance(0.1)
        self.failureResultOf(sleeping, ActionTimeout)
        self.net.advance(4)
        self.assertEqual(self.net.session.actions[-1]["Action"], "Ping")

    def test_nobody_listens(self) -> None:
        connecting = connect(self.net.clock, self.net, "admin", "hush")
        self.net.refuse()
        error = self.failureResultOf(connecting, NotConnected).value
        self.assertIn("is Asterisk running", str(error))
        self.assertIsInstance(error.__cause__, ConnectionRefusedError)

    def test_a_refused_login_closes(self) -> None:
        connecting = connect(self.net.clock, self.net, "admin", "wrong")
        self.net.accept()
        self.failureResultOf(connecting, LoginFailed)
        self.assertEqual((self.net.server.sessions, self.net.clock.getDelayedCalls()), ([], []))

    def test_a_server_that_says_nothing(self) -> None:
        self.net.server.banner = None
        connecting = connect(self.net.clock, self.net, "admin", "hush", timeout=5)
        self.net.accept()
        self.net.advance(5)
        self.failureResultOf(connecting, ProtocolError)
        self.net.flush()
        self.assertEqual((self.net.server.sessions, self.net.clock.getDelayedCalls()), ([], []))

    def test_a_loss_before_the_login(self) -> None:
        self.net.server.banner = None
        connecting = connect(self.net.clock, self.net, "admin", "hush")
        self.net.accept()
        self.net.cut()
        self.failureResultOf(connecting, ConnectionLost)

    def test_cancelling_while_connecting(self) -> None:
        connecting = connect(self.net.clock, self.net, "admin", "hush")
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertEqual((self.net.cancelled, self.net.attempts), (1, []))

    def test_cancelling_while_logging_in(self) -> None:
        self.net.server.never_answer("Login")
        connecting = connect(self.net.clock, self.net, "admin", "hush")
        self.net.accept()
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.net.flush()
        self.assertEqual((self.net.server.sessions, self.net.clock.getDelayedCalls()), ([], []))

    def test_a_place_that_is_none(self) -> None:
        with self.assertRaises(InvalidEndpoint):
            connect(self.net.clock, "no such: place", "admin", "hush")
        with self.assertRaises(ValueError):
            connect(self.net.clock, self.net, "admin", "hush", events=" , ")
        self.assertEqual(self.net.attempts, [])
