"""When a ping that nobody answers means that nobody is there."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txami.errors import ActionTimeout, ConnectionLost
from txami.keepalive import Keepalive
from txami.message import Response

PONG = b"Response: Success\r\nPing: Pong"


class KeepaliveTests(SynchronousTestCase):
    """The interval is 30 s here; a ping's own deadline is the business of who sends it, and 10 s here."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.pings: list[Deferred[Response]] = []
        self.blocking: set[bytes] = set()
        self.received = 0
        self.cuts = 0
        self.keepalive = Keepalive(
            self.clock, 30, self.ping, lambda: set(self.blocking), lambda: self.received, self.cut
        )

    def ping(self) -> Deferred[Response]:
        self.pings.append(Deferred())
        return self.pings[-1]

    def cut(self) -> None:
        self.cuts += 1

    def answer(self) -> None:
        """Let the last ping be answered."""
        self.received += len(PONG) + 4
        self.pings[-1].callback(Response(PONG))

    def next_ping(self) -> None:
        """Go on to the next ping, which is sent 20 s after the deadline of the one before."""
        sent = len(self.pings)
        self.clock.advance(20 if sent else 30)
        self.assertEqual(len(self.pings), sent + 1)

    def no_answer(self) -> None:
        """Let the deadline of the last ping pass."""
        self.clock.advance(10)
        self.pings[-1].errback(ActionTimeout("Ping", 10))

    def test_pings_are_sent_at_each_interval_and_not_before(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.keepalive.start()
        self.clock.advance(29)
        self.assertEqual(len(self.pings), 0)
        self.clock.advance(1)
        self.assertEqual(len(self.pings), 1)
        self.answer()
        self.clock.advance(29)
        self.assertEqual(len(self.pings), 1)
        self.clock.advance(1)
        self.assertEqual(len(self.pings), 2)

    def test_an_answered_ping_tells_the_round_trip(self) -> None:
        self.assertIsNone(self.keepalive.round_trip)
        self.keepalive.start()
        self.next_ping()
        self.clock.advance(0.25)
        self.answer()
        self.assertEqual(self.keepalive.round_trip, 0.25)
        self.clock.advance(29.75)
        self.clock.advance(1.5)
        self.answer()
        self.assertEqual(self.keepalive.round_trip, 1.5)
        self.assertEqual(self.cuts, 0)

    def test_an_unanswered_ping_ends_it_once(self) -> None:
        self.keepalive.start()
        self.next_ping()
        self.clock.advance(9)
        self.assertEqual(self.cuts, 0)
        self.clock.advance(1)
        self.pings[-1].errback(ActionTimeout("Ping", 10))
        self.assertEqual(self.cuts, 1)
        self.assertIsNone(self.keepalive.round_trip)

    def test_a_ping_under_way_is_not_sent_twice(self) -> None:
        self.keepalive.start()
        self.clock.pump([30, 30, 30])
        self.assertEqual(len(self.pings), 1)
        self.answer()
        self.clock.advance(30)
        self.assertEqual(len(self.pings), 2)

    def test_a_blocking_action_sent_before_the_ping_excuses_it(self) -> None:
        self.keepalive.start()
        self.blocking = {b"1"}
        for _ in range(5):
            self.next_ping()
            self.no_answer()
            self.assertEqual(self.cuts, 0)

    def test_the_excuse_ends_with_the_blocking_action(self) -> None:
        self.keepalive.start()
        self.blocking = {b"1", b"2"}
        self.next_ping()
        self.no_answer()
        self.blocking = {b"2"}
        self.next_ping()
        self.no_answer()
        self.assertEqual(self.cuts, 0)
        self.blocking = set()
        self.next_ping()
        self.no_answer()
        self.assertEqual(self.cuts, 1)

    def test_a_blocking_action_that_went_before_the_deadline_of_the_ping_is_no_excuse(self) -> None:
        self.keepalive.start()
        self.blocking = {b"1"}
        self.next_ping()
        self.blocking = set()
        self.no_answer()
        self.assertEqual(self.cuts, 1)

    def test_a_blocking_action_sent_after_the_ping_is_no_excuse(self) -> None:
        self.keepalive.start()
        self.next_ping()
        self.blocking = {b"1"}
        self.no_answer()
        self.assertEqual(self.cuts, 1)

    def test_on_a_dead_link_new_blocking_actions_are_no_endless_excuse(self) -> None:
        self.keepalive.start()
        self.blocking = {b"1"}
        self.next_ping()
        self.blocking = {b"1", b"2"}
        self.no_answer()
        self.assertEqual(self.cuts, 0)
        # The first is given up by its own deadline.  The second was sent before this ping, but into the silence.
        self.blocking = {b"2"}
        self.next_ping()
        self.blocking = {b"2", b"3"}
        self.no_answer()
        self.assertEqual(self.cuts, 1)

    def test_whoever_speaks_while_the_ping_is_unanswered_is_alive(self) -> None:
        self.keepalive.start()
        for _ in range(3):
            self.next_ping()
            self.received += 100
            self.no_answer()
        self.assertEqual(self.cuts, 0)
        self.next_ping()
        self.no_answer()
        self.assertEqual(self.cuts, 1)

    def test_whoever_speaks_may_be_blocked_anew(self) -> None:
        self.keepalive.start()
        self.blocking = {b"1"}
        self.next_ping()
        self.no_answer()
        self.blocking = {b"2"}
        self.next_ping()
        self.received += 100
        self.no_answer()
        self.next_ping()
        self.no_answer()
        self.assertEqual(self.cuts, 0)

    def test_whoever_answers_may_be_blocked_anew(self) -> None:
        self.keepalive.start()
        self.blocking = {b"1"}
        self.next_ping()
        self.no_answer()
        self.blocking = {b"2"}
        self.next_ping()
        self.answer()
        self.clock.advance(10)
        self.next_ping()
        self.no_answer()
        self.assertEqual(self.cuts, 0)

    def test_whoever_speaks_between_two_pings_may_be_blocked_anew(self) -> None:
        # One synchronous Originate after the other: the first is answered, and the late Pong with it, after
        # the deadline of one ping and before the next.  The second then holds the server up again.
        self.keepalive.start()
        self.blocking = {b"1"}
        self.next_ping()
        self.no_answer()
        self.received += 100
        self.blocking = {b"2"}
        self.next_ping()
        self.no_answer()
        self.assertEqual(self.cuts, 0)
        # From then on there is silence, and the second is the only excuse.
        self.blocking = {b"2", b"3"}
        self.next_ping()
        self.no_answer()
        self.assertEqual(self.cuts, 0)
        self.blocking = {b"3"}
        self.next_ping()
        self.no_answer()
        self.assertEqual(self.cuts, 1)

    def test_a_ping_that_fails_with_the_connection_is_no_timeout(self) -> None:
        self.keepalive.start()
        self.next_ping()
        self.pings[-1].errback(ConnectionLost("Ping", True))
        self.assertEqual(self.cuts, 0)
        self.clock.advance(30)
        self.assertEqual(len(self.pings), 2)

    def test_stopped_it_leaves_no_delayed_call(self) -> None:
        self.keepalive.stop()
        self.keepalive.start()
        self.keepalive.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.keepalive.stop()
        self.keepalive.start()
        self.next_ping()
        self.keepalive.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_can_be_stopped_from_within(self) -> None:
        def cut_and_stop() -> None:
            self.cut()
            keepalive.stop()

        keepalive = Keepalive(self.clock, 30, self.ping, set, lambda: 0, cut_and_stop)
        keepalive.start()
        self.next_ping()
        self.no_answer()
        self.assertEqual(self.cuts, 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_ping_that_cannot_be_sent_is_logged(self) -> None:
        def broken() -> Deferred[Response]:
            raise RuntimeError("no pings here")

        keepalive = Keepalive(self.clock, 30, broken, set, lambda: 0, self.cut)
        keepalive.start()
        self.clock.advance(30)
        [failure] = self.flushLoggedErrors(RuntimeError)
        self.assertEqual(failure.getErrorMessage(), "no pings here")
        keepalive.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
