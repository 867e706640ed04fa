"""What a service counts, in memory."""

from __future__ import annotations

from typing import Any
from unittest import mock

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.test_service import ServiceCase
from txami import ActionTimeout, Event, EventRegistry, LoginFailed, Stats
from txami.observers import _MAX_ROUTES
from txami.slow import QUIET


class StatsTests(ServiceCase):
    @property
    def stats(self) -> Stats:
        return self.service.stats

    def test_nothing_has_happened_yet(self) -> None:
        self.assertEqual(self.stats, Stats())

    def test_the_link(self) -> None:
        self.net.advance(5)
        self.net.accept()
        self.assertEqual((self.stats.up, self.stats.connected_since, self.stats.reconnects), (True, 5, 0))
        self.net.cut()
        self.assertEqual((self.stats.up, self.stats.connected_since, self.stats.reconnects), (False, None, 0))
        self.net.advance(1)
        self.net.accept()
        self.assertEqual((self.stats.up, self.stats.connected_since, self.stats.reconnects), (True, 6, 1))

    def test_actions_are_counted_over_reconnects(self) -> None:
        self.net.server.never_answer("Sleep")
        for _ in range(2):
            self.net.accept()
            self.service.action("Ping")
            slow = self.service.action("Sleep", timeout=1)
            self.service.action("Sleep")
            self.net.flush()
            self.assertEqual(self.stats.pending, 2)
            self.net.advance(1)
            self.failureResultOf(slow, ActionTimeout)
            self.service.action("Sleep", timeout=60).addErrback(lambda _: None)
            self.net.flush()
            late = self.net.session.actions[2]["ActionID"]
            self.net.session.sendLine(f"Response: Success\r\nActionID: {late}\r\n".encode())
            self.net.flush()
            self.net.cut()
            self.net.advance(1)
        stats = self.stats
        self.assertEqual((stats.actions, stats.answered, stats.timed_out, stats.late), (10, 4, 2, 2))
        self.assertEqual((stats.pending, stats.waiting), (0, 0))
        self.assertGreater(stats.received, stats.messages)
        self.flushLoggedErrors()

    def test_who_waits_for_a_connection(self) -> None:
        self.service.action("Ping")
        self.service.when_ready()
        self.assertEqual((self.stats.waiting, self.stats.pending), (2, 0))
        self.net.accept()
        self.assertEqual(self.stats.waiting, 0)

    def test_events_are_counted_by_name_observed_or_not(self) -> None:
        self.service.on("Hangup", lambda event: None)
        for _ in range(2):
            self.net.accept()
            for name in ("Hangup", "Newchannel", "Hangup", "Odd\xff"):
                self.net.server.emit(name)
            self.net.flush()
            self.net.cut()
            self.net.advance(1)
        self.assertEqual(self.stats.events, {"FullyBooted": 2, "Hangup": 4, "Newchannel": 2, "Odd\xff": 2})

    def test_events_that_iterators_dropped(self) -> None:
        kept, strict = (
            self.service.events("Hangup", limit=2),
            self.service.events("Hangup", limit=3, overflow="error"),
        )
        self.net.accept()
        for _ in range(5):
            self.net.server.emit("Hangup")
        self.net.flush()
        self.assertEqual(kept.dropped, 3)
        self.assertEqual(self.stats.events_dropped, 4)
        strict.close()

    def test_the_round_trip_outlives_its_connection(self) -> None:
        self.service = self.make(ping_interval=30)
        self.net.attempts.clear()
        self.service.startService()
        self.net.accept()
        self.net.clock.advance(30)
        self.net.clock.advance(0.25)
        self.net.flush()
        self.assertEqual(self.stats.ping_round_trip, 0.25)
        self.net.cut()
        self.assertEqual(self.stats.ping_round_trip, 0.25)

    def test_logins_that_were_refused(self) -> None:
        for policy, attempts in (("stop", 1), ("retry", 3)):
            self.service = self.make("wrong", after_login_failed=policy)
            self.net.attempts.clear()
            self.service.startService()
            for _ in range(attempts):
                self.net.accept()
                self.net.advance(61)
            self.assertEqual(self.stats.logins_failed, attempts)
            self.assertIsInstance(self.service.health.reason, LoginFailed)


class HealthTests(ServiceCase):
    def test_it_says_since_when_and_why(self) -> None:
        health = self.service.health
        self.assertEqual((health.up, health.since, health.reason), (False, 0, None))
        self.net.advance(1)
        self.net.refuse()
        self.assertIn("refused", str(self.service.health.reason))
        self.net.advance(1)
        self.net.accept()
        health = self.service.health
        self.assertEqual((health.up, health.since, health.reason), (True, 2, None))
        self.net.advance(3)
        self.net.cut()
        health = self.service.health
        self.assertEqual((health.up, health.since), (False, 5))
        self.assertIn("closed", str(health.reason))


class SlowObserverTests(SynchronousTestCase):
    """The time that observers take is made up; that of the log is the clock's."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.registry = EventRegistry(self.clock)
        self.now = 0.0
        patched = mock.patch("txami.observers.perf_counter", side_effect=lambda: self.now)
        patched.start()
        self.addCleanup(patched.stop)

    def slow(self, event: Event) -> None:
        self.now += 0.25

    def emit(self, times: int = 1) -> list[str]:
        """Deliver an event, and return what was logged."""
        with capturedLogs() as logs:
            for _ in range(times):
                self.registry.publish(Event(b"Event: Hangup"))
        self.assertLessEqual({log["log_namespace"] for log in logs}, {"txami.slow.SlowObservers"})
        return [formatEvent(log) or "" for log in logs]

    def test_it_is_counted_and_logged_by_name_and_the_others_are_not(self) -> None:
        self.registry.on("Hangup", lambda event: None)
        self.registry.on("Hangup", self.slow)
        self.registry.on("Hangup", lambda event: None)
        (line,) = self.emit()
        self.assertIn("SlowObserverTests.slow took 0.250 s for <Event 'Hangup'>", line)
        self.assertEqual(self.registry.slow.counts, {"SlowObserverTests.slow": 1})

    def test_the_log_is_not_flooded(self) -> None:
        self.registry.on("Hangup", self.slow)
        self.assertEqual(len(self.emit(100)), 1)
        self.clock.advance(QUIET)
        (line,) = self.emit(5)
        self.assertIn("slow 101 times", line)
        self.assertEqual(self.registry.slow.counts["SlowObserverTests.slow"], 105)

    def test_the_threshold_can_be_chosen(self) -> None:
        self.registry.on("Hangup", self.slow)
        self.registry.slow_after = 0.3
        self.assertEqual(self.emit(), [])

    def test_of_an_asynchronous_one_only_what_holds_up_the_others_counts(self) -> None:
        @self.registry.on("Hangup")
        async def observe(event: Event) -> Any:
            self.slow(event)

        self.assertEqual(len(self.emit()), 1)

    def test_one_that_fails_slowly_is_slow_too(self) -> None:
        @self.registry.on("Hangup")
        def observe(event: Event) -> None:
            self.slow(event)
            raise ValueError

        with capturedLogs():
            self.registry.publish(Event(b"Event: Hangup"))
        self.assertEqual(sum(self.registry.slow.counts.values()), 1)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


def test_names_that_are_made_up_do_not_fill_the_memory() -> None:
    registry = EventRegistry(Clock())
    for number in range(3 * _MAX_ROUTES):
        registry.publish(Event(b"Event: E%d" % number))
    assert len(registry.count_by_name()) <= 2 * _MAX_ROUTES
