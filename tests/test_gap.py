"""What a service tells of its connection, and of its server's state, in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.logger import LogLevel, capturedLogs, formatEvent

from tests.test_service import ServiceCase
from txami import ActionError, Event, Gap, NotConnected


class GapTests(ServiceCase):
    def setUp(self) -> None:
        super().setUp()
        self.gaps: list[Gap] = []
        self.service.on_connected(self.gaps.append)

    def test_before_the_first_connection_there_is_none(self) -> None:
        self.net.advance(5)
        self.net.accept()
        (gap,) = self.gaps
        self.assertIs(gap.connection, self.service.connection)
        self.assertEqual((gap.since, gap.until, gap.reason, gap.seconds), (None, None, None, 0))

    def test_it_lasts_from_the_last_word_to_the_next_login(self) -> None:
        self.net.accept()
        self.net.advance(10)
        self.net.server.emit("Hangup")
        self.net.flush()
        # Silence: whether events were lost in it, nobody can tell.
        self.net.advance(3)
        self.net.cut()
        self.net.advance(1)
        self.net.refuse()
        self.net.advance(4)
        self.net.accept()
        gap = self.gaps[1]
        self.assertEqual((gap.since, gap.until, gap.seconds), (10, 18, 8))
        self.assertIsInstance(gap.reason, ConnectionDone)
        self.assertIs(gap.connection, self.service.connection)

    def test_a_stopped_service_has_one_too(self) -> None:
        self.net.accept()
        self.service.stopService()
        self.net.flush()
        self.net.advance(60)
        self.service.startService()
        self.net.accept()
        self.assertEqual((self.gaps[1].since, self.gaps[1].until), (0, 60))
        self.assertIsInstance(self.gaps[1].reason, NotConnected)

    def test_the_log_has_it(self) -> None:
        with capturedLogs() as logs:
            self.net.accept()
            self.net.cut()
            self.net.advance(1.5)
            self.net.accept()
            self.service.stopService()
            self.net.flush()
        lines = [formatEvent(event) or "" for event in logs if event["log_level"] >= LogLevel.info]
        self.assertEqual([line.split(" ")[0] for line in lines], ["connected", "lost", "connected", "disconnected"])
        self.assertTrue(lines[0].endswith(" as admin"))
        self.assertTrue(lines[2].endswith(" as admin, having missed 1.5 s of events"))
        self.assertTrue(lines[3].endswith(": the service was stopped"))
        self.assertEqual({event["log_namespace"] for event in logs if event.get("name")}, {"txami.service.AMIService"})


class LinkObserverTests(ServiceCase):
    def test_it_can_be_cancelled_also_while_the_others_are_told(self) -> None:
        told: list[str] = []

        @self.service.on_connected
        def first(gap: Gap) -> None:
            told.append("first")
            first.cancel()
            second.cancel()

        second = self.service.on_connected(lambda gap: told.append("second"))
        down = self.service.on_disconnected(lambda reason: told.append("down"))
        for _ in range(2):
            self.net.accept()
            self.net.cut()
            self.net.advance(1)
            down.cancel()
        self.assertEqual(told, ["first", "down"])

    def test_what_was_decorated_can_still_be_called(self) -> None:
        @self.service.on_disconnected
        def describe(reason: Exception) -> str:
            return f"down: {reason}"

        self.assertEqual(describe(ValueError("why")), "down: why")

    def test_an_asynchronous_one_that_fails_is_logged(self) -> None:
        @self.service.on_connected
        async def connected(gap: Gap) -> None:
            await gap.connection.action("NoSuchAction")

        self.net.accept()
        self.assertEqual(len(self.flushLoggedErrors(ActionError)), 1)


class ServerStateTests(ServiceCase):
    def emit(self, name: str, **headers: Any) -> None:
        self.net.server.emit(name, headers, privilege="system")
        self.net.flush()

    def test_it_has_booted_when_that_was_said_on_this_connection(self) -> None:
        self.assertFalse(self.service.booted)
        for _ in range(2):
            self.net.accept()
            self.assertTrue(self.service.booted)
            self.net.cut()
            self.assertFalse(self.service.booted)
            self.net.advance(1)

    def test_a_server_that_is_still_booting_says_so_later(self) -> None:
        self.net.server.answer("Login", "Response: Success\nActionID: {ActionID}")
        self.net.accept()
        self.assertTrue(self.service.logged_in)
        self.assertFalse(self.service.booted)
        self.net.session.write(b"Event: FullyBooted\r\nPrivilege: system,all\r\n\r\n")
        self.net.flush()
        self.assertTrue(self.service.booted)

    def test_its_states_can_be_observed(self) -> None:
        seen: list[str] = []

        @self.service.on_reload
        def reloaded(event: Event) -> None:
            seen.append(f"reload of {event['Module']}")

        self.service.on_fully_booted(lambda event: seen.append("booted"))
        stopping = self.service.on_shutdown(lambda event: seen.append("shutdown"))
        self.net.accept()
        self.emit("Reload", Module="app_queue")
        self.emit("Shutdown")
        stopping.cancel()
        self.emit("Shutdown")
        self.assertEqual(seen, ["booted", "reload of app_queue", "shutdown"])


LISTED = (
    "Response: Success\nActionID: {ActionID}\n"
    "Ping: Keepalive command.  (Priv: <none>)\nOriginate: Originate a call.  (Priv: originate,all)"
)


class AllowedTests(ServiceCase):
    def allowed(self, action: str) -> Deferred[bool]:
        asked = self.service.allowed(action)
        self.net.flush()
        return asked

    def test_asterisk_is_asked_once_a_connection(self) -> None:
        self.net.server.answer("ListCommands", LISTED)
        waiting = self.service.allowed("Originate")
        self.assertNoResult(waiting)
        self.net.accept()
        self.assertTrue(self.successResultOf(waiting))
        for action, expected in (("originate", True), ("PING", True), ("Command", False)):
            self.assertIs(self.successResultOf(self.allowed(action)), expected)
        self.assertEqual(self.received(), ["Login", "ListCommands"])
        self.net.cut()
        self.net.advance(1)
        self.net.accept()
        self.assertTrue(self.successResultOf(self.allowed("Originate")))
        self.assertEqual(self.received(), ["Login", "ListCommands"])

    def test_several_who_ask_at_once_share_the_question(self) -> None:
        self.net.server.answer("ListCommands", LISTED)
        self.net.accept()
        asked = [self.service.allowed("Originate"), self.service.allowed("Command")]
        self.net.flush()
        self.assertEqual([self.successResultOf(each) for each in asked], [True, False])
        self.assertEqual(self.received(), ["Login", "ListCommands"])

    def test_a_connection_that_is_lost_is_said_to_be(self) -> None:
        self.net.accept()
        ami = self.service.connection
        assert ami is not None
        self.net.cut()
        self.failureResultOf(ami.allowed("Originate"), NotConnected)

    def test_a_failure_is_told_and_not_remembered(self) -> None:
        self.net.server.answer("ListCommands", "Response: Error\nActionID: {ActionID}\nMessage: no")
        self.net.accept()
        self.failureResultOf(self.allowed("Originate"), ActionError)
        self.net.server.answer("ListCommands", LISTED)
        self.assertTrue(self.successResultOf(self.allowed("Originate")))

    def test_on_a_connection_that_is_closed_it_fails(self) -> None:
        self.net.accept()
        connection = self.service.connection
        assert connection is not None
        self.net.cut()
        self.failureResultOf(connection.allowed("Originate"), NotConnected)
