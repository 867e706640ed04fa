"""The connection that is kept up, and the factory under it, in memory."""

from __future__ import annotations

import gc
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import ISSLTransport
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides
from zope.interface.verify import verifyObject

from tests.network import MemoryEndpoint, network
from txami import (
    IAMI,
    ActionError,
    ActionTimeout,
    AMIProtocol,
    AMIService,
    ConnectionLost,
    Event,
    Gap,
    InvalidAction,
    LoginFailed,
    NotConnected,
    Response,
)


class ServiceCase(SynchronousTestCase):
    """Has a service that was started and whose first attempt is under way."""

    def setUp(self) -> None:
        self.net = network()
        self.service = self.make()
        # Waits without the random part, so that they can be told.
        self.service.startService()
        self.level()

    def make(self, secret: str = "hush", **options: Any) -> AMIService:
        options.setdefault("ping_interval", None)
        return AMIService(self.net.clock, self.net, "admin", secret, **options)

    def level(self) -> None:
        """Take the random part out of the waits."""
        assert self.service._factory is not None
        self.service._factory.spread = 0

    def received(self, net: MemoryEndpoint | None = None) -> list[str]:
        """Return the names of the actions that the server received on the latest connection."""
        return [action["Action"] for action in (net or self.net).session.actions]


class ReadyTests(ServiceCase):
    def test_it_is_a_service_and_keeps_to_the_interface(self) -> None:
        verifyObject(IService, self.service)
        verifyObject(IAMI, self.service)

    def test_it_connects_and_logs_in(self) -> None:
        waiting = [self.service.when_ready(), self.service.when_ready()]
        self.net.accept()
        first, second = map(self.successResultOf, waiting)
        self.assertIsInstance(first, AMIProtocol)
        self.assertIs(first, second)
        self.assertIs(self.successResultOf(self.service.when_ready()), self.service.connection)
        self.assertTrue(self.service.logged_in)

    def test_a_waiter_can_be_cancelled_alone(self) -> None:
        one, other = self.service.when_ready(), self.service.when_ready()
        one.cancel()
        self.failureResultOf(one, CancelledError)
        self.net.accept()
        self.successResultOf(other)

    def test_an_action_goes_out_on_the_connection(self) -> None:
        self.net.accept()
        pong = self.service.action("Ping")
        self.net.flush()
        self.assertEqual(self.successResultOf(pong)["Ping"], "Pong")

    def test_observers_are_there_after_a_reconnect(self) -> None:
        seen: list[Event] = []
        self.service.on("Hangup", seen.append)
        for number in range(3):
            self.net.accept()
            self.net.server.emit("Hangup", {"Channel": str(number)})
            self.net.flush()
            self.net.cut()
            self.net.advance(1)
        self.assertEqual([event["Channel"] for event in seen], ["0", "1", "2"])

    def test_those_who_want_to_know_are_told_of_each_connection(self) -> None:
        told: list[str] = []
        self.service.on_connected(lambda gap: told.append(f"up {gap.connection.username}"))

        @self.service.on_disconnected
        async def down(reason: Exception) -> None:
            told.append(f"down {type(reason).__name__}")

        lost = self.service.when_disconnected()
        for _ in range(2):
            self.net.accept()
            self.net.cut()
            self.net.advance(1)
        self.assertEqual(told, ["up admin", "down ConnectionDone"] * 2)
        self.successResultOf(lost)

    def test_an_observer_of_the_connection_that_fails_stops_nothing(self) -> None:
        self.service.on_connected(lambda gap: 1 / 0)
        ready = self.service.when_ready()
        self.net.accept()
        self.successResultOf(ready)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_what_on_connected_sends_goes_before_what_waited(self) -> None:
        waiting = self.service.action("Ping")
        self.service.on_connected(lambda gap: gap.connection.action("Events", EventMask="on"))
        self.net.accept()
        self.successResultOf(waiting)
        self.assertEqual(self.received(), ["Login", "Events", "Ping", "Ping"])


class BackOffTests(ServiceCase):
    def waits(self, number: int) -> list[float]:
        """Refuse so many attempts and return how long each next one was waited for."""
        waits = []
        for _ in range(number):
            self.net.refuse()
            (call,) = self.net.clock.getDelayedCalls()
            waits.append(round(call.getTime() - self.net.clock.seconds(), 2))
            self.net.clock.advance(waits[-1] + 0.01)
        return waits

    def test_each_wait_is_longer_up_to_a_minute(self) -> None:
        self.assertEqual(self.waits(7), [1.0, 2.72, 7.39, 20.09, 54.6, 60.0, 60.0])

    def test_the_waits_start_anew_after_a_login_only(self) -> None:
        self.waits(3)
        # Accepted, but lost before the login: as good as refused.
        self.net.accept(greet=False)
        self.net.cut()
        (call,) = self.net.clock.getDelayedCalls()
        self.assertAlmostEqual(call.getTime() - self.net.clock.seconds(), 20.09, 2)
        self.net.advance(21)
        self.net.accept()
        self.net.cut()
        (call,) = self.net.clock.getDelayedCalls()
        self.assertAlmostEqual(call.getTime() - self.net.clock.seconds(), 1.0, 2)

    def test_waits_are_spread_but_never_beyond_the_cap(self) -> None:
        assert self.service._factory is not None
        self.service._factory.spread = 0.1
        waits = self.waits(40)
        self.assertLess(max(waits), 60.01)
        self.assertGreater(len(set(waits[6:])), 5)
        self.assertGreaterEqual(min(waits[6:]), 54)

    def test_one_line_is_logged_when_the_trouble_begins_and_one_when_it_ends(self) -> None:
        with capturedLogs() as captured:
            self.waits(5)
            self.net.accept()
            self.net.cut()
        lines = [formatEvent(event) for event in captured if event["log_level"] >= LogLevel.info]
        self.assertEqual(len(lines), 3)
        for line, start in zip(lines, ("cannot connect to", "connected to", "lost the connection to"), strict=True):
            self.assertTrue(line.startswith(start), line)


class LoginFailedTests(ServiceCase):
    def test_a_refused_login_stops_it_and_says_so(self) -> None:
        self.service = self.make("wrong")
        self.service.startService()
        ready, waiting = self.service.when_ready(), self.service.action("Ping")
        self.net.attempts.pop(0)
        with capturedLogs() as captured:
            self.net.accept()
        self.failureResultOf(ready, LoginFailed)
        self.failureResultOf(waiting, LoginFailed)
        self.failureResultOf(self.service.when_ready(), LoginFailed)
        self.failureResultOf(self.service.action("Ping"), LoginFailed)
        self.net.advance(1000)
        self.assertEqual((self.net.attempts, self.net.clock.getDelayedCalls()), ([], []))
        errors = [formatEvent(event) for event in captured if event["log_level"] == LogLevel.error]
        self.assertEqual(len(errors), 1)
        self.assertIn("Asterisk refused to log in 'admin'", errors[0])

    def test_a_refused_login_ends_the_wait_for_events(self) -> None:
        self.net.server.users.clear()
        waiting, lost = self.service.wait_for("Hangup"), self.service.when_disconnected()
        reading = Deferred.fromCoroutine(self.service.events("Hangup").__anext__())
        self.net.accept()
        self.failureResultOf(waiting, LoginFailed)
        self.failureResultOf(reading, LoginFailed)
        self.failureResultOf(self.service.wait_for("Hangup"), LoginFailed)
        self.assertIsInstance(self.successResultOf(lost), LoginFailed)

    def test_the_policy_can_be_a_slow_retry(self) -> None:
        self.service = self.make("wrong", after_login_failed="retry")
        self.net.attempts.clear()
        self.service.startService()
        self.level()
        self.net.accept()
        for _ in range(3):
            self.net.clock.advance(59.9)
            self.assertEqual(self.net.attempts, [])
            self.net.clock.advance(0.2)
            self.net.accept()
        self.net.server.users["admin"] = "wrong"
        self.net.advance(61)
        ready = self.service.when_ready()
        self.net.accept()
        self.successResultOf(ready)

    def test_a_login_that_is_refused_after_a_loss_is_told_once(self) -> None:
        self.service = self.make(after_login_failed="retry")
        self.net.attempts.clear()
        self.service.startService()
        self.level()
        self.net.accept()
        self.net.server.users["admin"] = "changed"
        with capturedLogs() as captured:
            self.net.cut()
            for _ in range(3):
                self.net.advance(61)
                self.net.accept()
        lines = [formatEvent(event) for event in captured if event["log_level"] >= LogLevel.warn]
        self.assertEqual(len(lines), 2, lines)
        self.assertIn("lost the connection", lines[0])
        self.assertIn("refused to log in", lines[1])

    def test_the_trouble_after_a_new_start_is_told_again(self) -> None:
        def fail_once() -> int:
            with capturedLogs() as captured:
                self.net.refuse()
            return sum(event["log_level"] == LogLevel.warn for event in captured)

        self.assertEqual(fail_once(), 1)
        self.service.stopService()
        self.service.startService()
        self.assertEqual(fail_once(), 1)

    def test_a_policy_that_is_none_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "'stop' or 'retry'"):
            self.make(after_login_failed="Stop")

    def test_a_refusal_that_passes_is_tried_again(self) -> None:
        self.net.server.answer("Login", "Response: Error\nActionID: {ActionID}\nMessage: Login Already In Use")
        self.net.accept()
        self.net.cut()
        self.net.advance(1.1)
        self.assertEqual(len(self.net.attempts), 1)


class WaitingActionTests(ServiceCase):
    def test_an_action_waits_for_the_connection(self) -> None:
        waiting = self.service.action("Ping")
        self.net.refuse()
        self.net.advance(1)
        self.assertNoResult(waiting)
        self.net.accept()
        self.assertEqual(self.successResultOf(waiting)["Ping"], "Pong")

    def test_it_waits_up_to_its_timeout(self) -> None:
        short, long = self.service.action("Ping", timeout=2), self.service.action("Ping", timeout=None)
        self.net.clock.advance(1.9)
        self.assertNoResult(short)
        self.net.clock.advance(0.1)
        error = self.failureResultOf(short, NotConnected).value
        self.assertIn("it was not sent", str(error))
        self.net.accept()
        self.successResultOf(long)
        self.assertEqual(self.received(), ["Login", "Ping"])

    def test_the_timeout_includes_the_wait(self) -> None:
        self.net.server.never_answer("Ping")
        waiting = self.service.action("Ping", timeout=10)
        self.net.advance(8)
        self.net.accept()
        self.net.advance(1.9)
        self.assertNoResult(waiting)
        self.net.advance(0.1)
        self.failureResultOf(waiting, ActionTimeout)

    def test_a_cancelled_action_is_never_sent(self) -> None:
        waiting = self.service.action("Ping")
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.net.accept()
        self.assertEqual(self.received(), ["Login"])

    def test_a_cancelled_action_under_way_is_given_up(self) -> None:
        self.net.server.never_answer("Ping")
        self.net.accept()
        waiting = self.service.action("Ping")
        self.net.flush()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        assert self.service.connection is not None
        self.assertEqual(self.service.connection.pending, 0)

    def test_what_was_sent_is_never_sent_again(self) -> None:
        self.net.server.never_answer("Originate")
        self.net.accept()
        call = self.service.action("Originate", Channel="x")
        self.net.flush()
        self.net.cut()
        self.assertTrue(self.failureResultOf(call, ConnectionLost).value.sent)
        self.net.advance(1)
        self.net.accept()
        self.assertEqual(self.received(), ["Login"])

    def test_it_is_not_sent_on_a_link_that_is_closed_meanwhile(self) -> None:
        links: list[AMIProtocol] = []

        def close_the_first(gap: Gap) -> None:
            links.append(gap.connection)
            if len(links) == 1:
                gap.connection.logoff()

        self.service.on_connected(close_the_first)
        waiting, ready = self.service.action("Ping"), self.service.when_ready()
        self.net.accept()
        self.assertNoResult(waiting)
        self.assertNoResult(ready)
        self.net.advance(1)
        self.net.accept()
        self.successResultOf(waiting)
        self.assertIs(self.successResultOf(ready), links[1])

    def test_what_had_not_left_is_sent_on_the_next_connection(self) -> None:
        pump = self.net.accept(greet=False)
        directlyProvides(pump.clientIO, ISSLTransport)
        # As over TLS, whose outbox is paced.
        pump.client.connectionMade()
        pump.flush()
        first = self.service.action("Setvar", Value="x" * 900)
        second = self.service.action("Ping", {"Data": "x" * 900})
        pump.clientIO.getOutBuffer()
        pump.serverIO.disconnecting = True
        pump.pump(advanceClock=False)
        self.assertTrue(self.failureResultOf(first, ConnectionLost).value.sent)
        self.assertNoResult(second)
        self.net.advance(1)
        self.net.accept()
        self.assertEqual(self.successResultOf(second)["Ping"], "Pong")

    def test_what_cannot_be_sent_is_refused_at_once_also_without_a_connection(self) -> None:
        for name, fields in (("Ping\n", {}), ("Ping", {"a": "\r"}), ("Queues", {})):
            with self.assertRaises(InvalidAction):
                self.service.action(name, fields)
        self.net.accept()
        self.assertEqual(self.received(), ["Login"])

    def test_an_error_response_fails_it(self) -> None:
        self.net.accept()
        refused = self.service.action("NoSuchAction")
        self.net.flush()
        self.failureResultOf(refused, ActionError)

    def test_fields_that_can_be_read_once_are_not_lost_while_waiting(self) -> None:
        waiting = self.service.action("UserEvent", iter([("UserEvent", "x"), ("Key", "value")]))
        self.net.accept()
        self.successResultOf(waiting)
        self.assertEqual(self.net.session.actions[-1].items()[2:], [("UserEvent", "x"), ("Key", "value")])


class StopTests(ServiceCase):
    def assert_stopped(self, stopping: Deferred[None]) -> None:
        """Assert that it has stopped, leaves nothing, and does not come back."""
        self.successResultOf(stopping)
        self.assertEqual(self.net.clock.getDelayedCalls(), [])
        self.net.clock.advance(1000)
        self.assertEqual(self.net.attempts, [])
        self.failureResultOf(self.service.when_ready(), NotConnected)
        self.failureResultOf(self.service.action("Ping"), NotConnected)

    def test_while_connecting(self) -> None:
        waiting = self.service.action("Ping")
        stopping = self.service.stopService()
        self.assertEqual(self.net.cancelled, 1)
        self.failureResultOf(waiting, NotConnected)
        self.assert_stopped(stopping)

    def test_while_waiting_to_try_again(self) -> None:
        self.net.refuse()
        self.assert_stopped(self.service.stopService())

    def test_before_the_greeting_and_during_the_login(self) -> None:
        for quiet in ("banner", "login"):
            self.setUp()
            if quiet == "banner":
                self.net.server.banner = None
            else:
                self.net.server.never_answer("Login")
            self.net.accept()
            stopping = self.service.stopService()
            self.net.flush()
            self.assert_stopped(stopping)

    def test_when_logged_in_it_logs_off(self) -> None:
        self.net.server.never_answer("Sleep")
        self.net.accept()
        pending = self.service.action("Sleep")
        event = self.service.wait_for("Hangup", timeout=60)
        stopping = self.service.stopService()
        self.assertNoResult(stopping)
        self.net.flush()
        self.assertEqual(self.received()[-1], "Logoff")
        self.failureResultOf(pending, ConnectionLost)
        self.failureResultOf(event, ConnectionLost)
        self.assert_stopped(stopping)

    def test_when_the_server_does_not_say_goodbye(self) -> None:
        self.net.server.never_answer("Logoff")
        self.net.accept()
        stopping = self.service.stopService()
        self.net.advance(4.9)
        self.assertNoResult(stopping)
        self.net.advance(0.1)
        self.assert_stopped(stopping)

    def test_whoever_stops_it_waits_for_the_end(self) -> None:
        self.net.server.never_answer("Logoff")
        self.net.accept()
        first, second, third = (self.service.stopService() for _ in range(3))
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.net.advance(4.9)
        self.assertNoResult(first)
        self.assertNoResult(third)
        self.net.advance(0.1)
        self.successResultOf(first)
        self.successResultOf(third)
        self.assert_stopped(self.service.stopService())

    def test_a_stop_waits_for_the_connection_of_before_a_restart_too(self) -> None:
        self.net.server.never_answer("Logoff")
        self.net.accept()
        self.service.stopService()
        self.service.startService()
        stopping = self.service.stopService()
        self.net.advance(4.9)
        self.assertNoResult(stopping)
        self.net.advance(0.1)
        self.assert_stopped(stopping)

    def test_after_a_refused_login(self) -> None:
        self.net.server.users.clear()
        self.net.accept()
        stopping = self.service.stopService()
        self.net.flush()
        self.successResultOf(stopping)
        self.assertEqual(self.net.clock.getDelayedCalls(), [])

    def test_it_can_be_started_again(self) -> None:
        seen: list[Event] = []
        self.service.on("Hangup", seen.append)
        self.net.accept()
        stopping = self.service.stopService()
        self.net.flush()
        self.successResultOf(stopping)
        self.service.startService()
        waiting = self.service.wait_for("Hangup")
        self.net.accept()
        self.net.server.emit("Hangup")
        self.net.flush()
        self.successResultOf(waiting)
        self.assertEqual(len(seen), 1)
        self.assertTrue(self.service.logged_in)

    def test_no_second_link_comes_of_a_stop_in_on_connected(self) -> None:
        self.service.on_connected(lambda gap: self.service.stopService())
        waiting = self.service.action("Ping")
        self.net.accept()
        self.failureResultOf(waiting, NotConnected)
        self.net.flush()
        self.assertEqual((self.net.attempts, self.net.clock.getDelayedCalls()), ([], []))

    def test_started_twice_it_has_one_link(self) -> None:
        self.service.startService()
        self.assertEqual(len(self.net.attempts), 1)
        self.net.accept()
        stopping = self.service.stopService()
        self.net.flush()
        self.assert_stopped(stopping)
        self.assertEqual(self.net.server.sessions, [])

    def test_a_link_from_before_a_restart_that_is_slow_to_close_does_not_take_the_new_one_down(self) -> None:
        told: list[str] = []
        self.service.on_connected(lambda gap: told.append("up"))
        self.service.on_disconnected(lambda reason: told.append("down"))
        self.net.server.never_answer("Logoff")
        self.net.accept()
        self.service.stopService()
        self.service.startService()
        self.net.accept()
        self.net.advance(5)
        self.assertEqual(len(self.net.server.sessions), 1)
        self.assertTrue(self.service.logged_in)
        self.assertEqual(told, ["up", "down", "up"])

    def test_it_is_no_trouble_during_the_login(self) -> None:
        self.net.accept(greet=False)
        with capturedLogs() as logs:
            self.service.stopService()
        self.assertEqual([event for event in logs if event["log_level"] >= LogLevel.warn], [])

    def test_who_waits_for_the_loss_of_no_link_is_told(self) -> None:
        waiting = self.service.when_disconnected()
        self.service.stopService()
        self.assertIsInstance(self.successResultOf(waiting), NotConnected)
        self.assertIsInstance(self.successResultOf(self.service.when_disconnected()), NotConnected)

    def test_its_error_does_not_grow_with_each_who_is_told(self) -> None:
        self.service.stopService()

        async def ask() -> None:
            await self.service.action("Ping")

        for _ in range(10):
            failure = self.failureResultOf(Deferred.fromCoroutine(ask()), NotConnected)
        depth, frame = 0, failure.value.__traceback__
        while frame is not None:
            depth, frame = depth + 1, frame.tb_next
        self.assertLess(depth, 10)


class KeepaliveTests(ServiceCase):
    def test_a_link_that_went_silent_is_replaced(self) -> None:
        self.service = self.make(ping_interval=30, ping_timeout=10)
        self.net.attempts.clear()
        self.service.startService()
        self.level()
        self.net.accept()
        self.net.server.never_answer("Ping")
        self.net.advance(30)
        self.net.advance(10)
        self.assertFalse(self.service.logged_in)
        self.net.advance(1)
        self.assertEqual(len(self.net.attempts), 1)
        self.net.accept()
        self.assertTrue(self.service.logged_in)


class OriginateTests(ServiceCase):
    def setUp(self) -> None:
        super().setUp()
        self.net.accept()

    def test_each_outcome_is_told(self) -> None:
        phones = self.net.server.phones
        phones.update({"P/b": "busy", "P/n": "no answer", "P/c": "congestion", "P/f": "fail"})
        for channel, status in (
            ("P/a", "answered"),
            ("P/b", "busy"),
            ("P/n", "no answer"),
            ("P/c", "congestion"),
            ("P/f", "failed"),
        ):
            placed = self.service.originate(channel, context="default", exten="100")
            self.net.flush()
            call = self.successResultOf(placed)
            for _ in range(10):
                self.net.advance(0.1)
            outcome = self.successResultOf(call.outcome)
            self.assertEqual((channel, outcome.status), (channel, status))
            self.assertEqual(outcome.answered, status == "answered")
            self.assertEqual(outcome.event["Uniqueid"], call.uniqueid)
            for _ in range(30):
                self.net.advance(0.1)
            ended = self.successResultOf(call.ended)
            self.assertEqual(ended.name, "OriginateResponse" if status == "failed" else "Hangup")
            self.assertEqual(ended["Uniqueid"], call.uniqueid)
            # Nothing is left of it.
            self.assertEqual(self.service.registry._named, {})

    def test_what_is_sent(self) -> None:
        self.service.originate(
            "PJSIP/a",
            application="Playback",
            data="hello",
            variables={"a": 'x,"y\\', "b": 2},
            caller_id="Me <1>",
            ring_time=12.5,
            account="acc",
            codecs=["ulaw", "alaw"],
            early_media=True,
            channel_id="my-id",
            fields={"OtherChannelId": "o"},
        )
        self.net.flush()
        self.assertEqual(
            self.net.session.actions[-1].items()[2:],
            [
                ("Channel", "PJSIP/a"),
                ("Application", "Playback"),
                ("Data", "hello"),
                ("Async", "true"),
                ("ChannelId", "my-id"),
                ("Timeout", "12500"),
                ("CallerID", "Me <1>"),
                ("Variable", 'a=x\\,\\"y\\\\'),
                ("Variable", "b=2"),
                ("Account", "acc"),
                ("Codecs", "ulaw,alaw"),
                ("EarlyMedia", "true"),
                ("OtherChannelId", "o"),
            ],
        )

    def test_a_target_is_needed_and_only_one(self) -> None:
        for target in ({}, {"context": "c"}, {"exten": "e"}, {"application": "A", "context": "c", "exten": "e"}):
            with self.assertRaises(InvalidAction):
                self.service.originate("PJSIP/a", **target)  # type: ignore[arg-type]
        with self.assertRaises(InvalidAction):
            self.service.originate("PJSIP/a\r\n", application="Wait")
        self.assertEqual(self.received(), ["Login"])
        self.assertEqual(self.net.clock.getDelayedCalls(), [])

    def test_names_of_variables_mean_one_variable(self) -> None:
        for name in ("", "a=b", "a,b", 'a"', "a\\", "a b", "a(b", "CDR(x)y", "HASH(a=b)"):
            with self.assertRaises(InvalidAction):
                self.service.originate("PJSIP/a", application="Wait", variables={name: 1})
        names = ("a", "__TAG", "CALLERID(num)", "SHARED(x,PJSIP/b)", "CDR(my field)")
        self.service.originate("PJSIP/a", application="Wait", variables=dict.fromkeys(names, 1))
        self.net.flush()
        self.assertEqual(self.net.session.actions[-1].get_all("Variable"), [f"{name}=1" for name in names])

    def test_a_loop_over_its_events_that_is_left_leaves_nothing(self) -> None:
        placed = self.service.originate("PJSIP/a", application="Wait")
        self.net.flush()
        call = self.successResultOf(placed)
        stream = call.events("VarSet")
        self.assertIn("varset", self.service.registry._named)
        del stream
        gc.collect()
        self.assertNotIn("varset", self.service.registry._named)
        for _ in range(40):
            self.net.advance(0.1)
        self.assertEqual(self.service.registry._named, {})

    def test_a_refusal_fails_it_and_leaves_nothing(self) -> None:
        self.net.server.answer("Originate", "Response: Error\nActionID: {ActionID}\nMessage: Extension does not exist.")
        placed = self.service.originate("PJSIP/a", context="c", exten="e")
        self.net.flush()
        self.assertIn("dialplan show", str(self.failureResultOf(placed, ActionError).value))
        # No longer for the outcome, that is.
        self.assertEqual([call.getTime() for call in self.net.clock.getDelayedCalls()], [30])

    def test_uniqueids_are_made_up_and_never_the_same(self) -> None:
        for _ in range(20):
            self.service.originate("PJSIP/a", application="Wait")
        self.net.flush()
        ids = {action["ChannelId"] for action in self.net.session.actions if action["Action"] == "Originate"}
        self.assertEqual(len(ids), 20)

    def test_the_outcome_is_unknown_when_the_connection_is_lost(self) -> None:
        placed = self.service.originate("PJSIP/a", application="Wait")
        self.net.flush()
        call = self.successResultOf(placed)
        outcomes = [call.outcome, call.outcome]
        self.net.cut()
        for outcome in (*outcomes, call.ended):
            self.assertTrue(self.failureResultOf(outcome, ConnectionLost).value.sent)

    def test_no_outcome_in_time_is_an_error(self) -> None:
        self.net.server.answer("Originate", "Response: Success\nActionID: {ActionID}")
        placed = self.service.originate("PJSIP/a", application="Wait", ring_time=10)
        self.net.flush()
        outcome = self.successResultOf(placed).outcome
        self.net.advance(24.9)
        self.assertNoResult(outcome)
        self.net.advance(0.2)
        self.failureResultOf(outcome, TimeoutError)
        self.assertEqual(self.service.registry._named, {})

    def test_a_call_can_be_hung_up(self) -> None:
        placed = self.service.originate("PJSIP/a", application="Wait")
        self.net.flush()
        call = self.successResultOf(placed)
        ended: list[Response] = []
        call.hangup().addCallback(ended.append)
        self.net.flush()
        self.assertEqual(len(ended), 1)
        for _ in range(10):
            self.net.advance(0.1)
        self.assertEqual(self.successResultOf(call.outcome).status, "hung up")

    def test_the_wait_for_a_connection_is_not_part_of_the_call(self) -> None:
        self.net.cut()
        placed = self.service.originate("P/a", application="Wait", data="1", timeout=120)
        self.net.advance(100)
        self.net.accept()
        call = self.successResultOf(placed)
        self.net.advance(1)
        self.assertTrue(self.successResultOf(call.outcome).answered)
