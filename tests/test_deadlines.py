"""Many deadlines under one delayed call."""

from __future__ import annotations

from math import inf, nan

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.test_inbox import Turns
from txami.deadlines import TURNS, Deadlines


class DeadlinesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.expired: list[bytes] = []
        self.deadlines = Deadlines(self.clock, self.expired.append)

    def delayed_calls(self) -> int:
        return len(self.clock.getDelayedCalls())

    def expired_after(self, seconds: float) -> list[bytes]:
        """Return what expires in the next so many seconds."""
        self.expired.clear()
        self.clock.advance(seconds)
        return list(self.expired)

    def test_a_key_expires_when_its_time_is_up(self) -> None:
        self.deadlines.add(b"a", 5)
        self.assertEqual(self.expired_after(4.75), [])
        self.assertEqual(self.expired_after(0.25), [b"a"])
        self.assertEqual(self.expired_after(100), [])
        self.assertEqual(self.delayed_calls(), 0)

    def test_what_is_no_time_is_refused(self) -> None:
        for wrong in ("soon", nan):
            with self.assertRaisesRegex(ValueError, f"timeout={wrong!r}"):
                self.deadlines.add(b"a", wrong)  # type: ignore[arg-type]
        self.assertEqual(self.delayed_calls(), 0)

    def test_after_being_held_up_the_reactor_reads_before_anything_expires(self) -> None:
        clock = Turns()
        deadlines = Deadlines(clock, self.expired.append)
        deadlines.add(b"answered", 5)
        deadlines.add(b"not answered", 5)
        deadlines.add(b"later", 60)
        clock.rightNow = 20.0
        for _ in range(TURNS):  # a megabyte is read in sixteen
            clock.take_one()
            self.assertEqual(self.expired, [])
            self.assertEqual([call.getTime() for call in clock.calls], [20.0])
        deadlines.discard(b"answered", 5)  # what the reactor reads now
        clock.take_one()
        self.assertEqual(self.expired, [b"not answered"])
        self.assertEqual([call.getTime() for call in clock.calls], [60.0])
        clock.rightNow = 60.05  # no more than any reactor is late
        clock.take_one()
        self.assertEqual(self.expired, [b"not answered", b"later"])
        self.assertEqual(clock.calls, [])

    def test_who_is_held_up_twice_reads_twice(self) -> None:
        clock = Turns()
        deadlines = Deadlines(clock, self.expired.append)
        for held_up in (20.0, 40.0):
            deadlines.add(b"a", 5)
            clock.rightNow = held_up
            for _ in range(TURNS):
                clock.take_one()
                self.assertEqual(self.expired, [])
            clock.take_one()
            self.assertEqual(self.expired, [b"a"])
            self.expired.clear()

    def test_ten_thousand_keys_cost_one_delayed_call(self) -> None:
        keys = [b"%d" % number for number in range(10_000)]
        for key in keys:
            self.deadlines.add(key, 30)
            self.assertEqual(self.delayed_calls(), 1)
        self.assertEqual(self.expired_after(30), keys)
        self.assertEqual(self.delayed_calls(), 0)

    def test_keys_with_one_timeout_expire_in_the_order_in_which_they_were_added(self) -> None:
        self.deadlines.add(b"b", 5)
        self.clock.advance(1)
        self.deadlines.add(b"a", 5)
        self.deadlines.add(b"c", 5)
        self.assertEqual(self.expired_after(4), [b"b"])
        self.assertEqual(self.expired_after(1), [b"a", b"c"])

    def test_each_timeout_is_kept(self) -> None:
        self.deadlines.add(b"long", 10)
        self.deadlines.add(b"short", 2)
        self.deadlines.add(b"middle", 5.5)
        self.assertEqual(self.delayed_calls(), 1)
        self.assertEqual(self.expired_after(2), [b"short"])
        self.assertEqual(self.expired_after(3), [])
        self.assertEqual(self.expired_after(0.5), [b"middle"])
        self.assertEqual(self.expired_after(4.5), [b"long"])

    def test_an_earlier_deadline_replaces_the_delayed_call(self) -> None:
        self.deadlines.add(b"late", 10)
        self.deadlines.add(b"early", 1)
        [call] = self.clock.getDelayedCalls()
        self.assertEqual(call.getTime(), 1)
        self.assertEqual(self.expired_after(1), [b"early"])
        [call] = self.clock.getDelayedCalls()
        self.assertEqual(call.getTime(), 10)

    def test_a_later_deadline_leaves_the_delayed_call_alone(self) -> None:
        self.deadlines.add(b"early", 1)
        [call] = self.clock.getDelayedCalls()
        self.deadlines.add(b"late", 10)
        self.assertEqual(self.clock.getDelayedCalls(), [call])

    def test_a_discarded_key_does_not_expire(self) -> None:
        for key in (b"a", b"b", b"c"):
            self.deadlines.add(key, 5)
        self.deadlines.discard(b"b", 5)
        self.assertEqual(self.expired_after(5), [b"a", b"c"])

    def test_when_the_earliest_is_discarded_the_others_keep_their_time(self) -> None:
        self.deadlines.add(b"a", 5)
        self.clock.advance(1)
        self.deadlines.add(b"b", 5)
        self.deadlines.discard(b"a", 5)
        self.assertEqual(self.expired_after(4), [])
        self.assertEqual(self.delayed_calls(), 1)
        self.assertEqual(self.expired_after(1), [b"b"])

    def test_what_is_not_there_can_be_discarded(self) -> None:
        self.deadlines.discard(b"a", 5)
        self.deadlines.add(b"a", 5)
        self.deadlines.discard(b"b", 5)
        self.deadlines.discard(b"a", 6)
        self.assertEqual(self.expired_after(5), [b"a"])
        self.deadlines.discard(b"a", 5)

    def test_no_time_at_all_is_up_in_the_next_turn(self) -> None:
        self.deadlines.add(b"a", 0)
        self.assertEqual(self.expired, [])
        self.assertEqual(self.expired_after(0), [b"a"])

    def test_an_endless_time_is_never_up(self) -> None:
        self.deadlines.add(b"endless", inf)
        self.assertEqual(self.delayed_calls(), 0)
        self.deadlines.add(b"a", 5)
        self.assertEqual(self.expired_after(5), [b"a"])
        self.assertEqual(self.delayed_calls(), 0)

    def test_keys_may_be_added_while_others_expire(self) -> None:
        def expire(key: bytes) -> None:
            self.expired.append(key)
            if len(self.expired) < 4:
                deadlines.add(b"%d" % len(self.expired), 1)

        deadlines = Deadlines(self.clock, expire)
        deadlines.add(b"0", 5)
        deadlines.add(b"other", 100)
        self.clock.advance(5)
        self.assertEqual(self.expired, [b"0"])
        self.assertEqual(self.delayed_calls(), 1)
        self.clock.pump([1, 1, 1])
        self.assertEqual(self.expired, [b"0", b"1", b"2", b"3"])

    def test_a_key_is_forgotten_before_it_is_told(self) -> None:
        def expire(key: bytes) -> None:
            self.expired.append(key)
            deadlines.discard(key, 5)
            deadlines.add(key, 5)

        deadlines = Deadlines(self.clock, expire)
        deadlines.add(b"a", 5)
        self.clock.pump([5, 5])
        self.assertEqual(self.expired, [b"a", b"a"])

    def test_closed_it_leaves_no_delayed_call_and_forgets_all(self) -> None:
        self.deadlines.close()
        self.deadlines.add(b"a", 5)
        self.deadlines.add(b"b", 1)
        self.deadlines.close()
        self.assertEqual(self.delayed_calls(), 0)
        self.assertEqual(self.expired_after(5), [])
        self.deadlines.add(b"c", 5)
        self.assertEqual(self.expired_after(5), [b"c"])

    def test_it_may_be_closed_while_a_key_expires(self) -> None:
        deadlines = Deadlines(self.clock, lambda key: deadlines.close())
        deadlines.add(b"a", 5)
        deadlines.add(b"b", 10)
        self.clock.advance(5)
        self.assertEqual(self.delayed_calls(), 0)


# Quarters are exact in binary, so the model need not round.
QUARTERS = st.integers(0, 40).map(lambda number: number / 4)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.just("add"), QUARTERS)
        | st.tuples(st.just("advance"), QUARTERS)
        | st.tuples(st.just("discard"), st.integers(0, 20)),
        max_size=40,
    )
)
def test_keys_expire_when_a_naive_model_says_so(steps: list[tuple[str, float]]) -> None:
    clock = Clock()
    expired: list[bytes] = []
    deadlines = Deadlines(clock, expired.append)
    added: list[tuple[bytes, float]] = []
    waiting: dict[bytes, tuple[float, float]] = {}
    for what, number in steps:
        if what == "add":
            key = b"%d" % len(added)
            added.append((key, number))
            waiting[key] = (clock.seconds() + number, number)
            deadlines.add(key, number)
        elif what == "discard":
            if number < len(added):
                key, seconds = added[int(number)]
                waiting.pop(key, None)
                deadlines.discard(key, seconds)
        else:
            clock.advance(number)
            due = [key for key, (deadline, _) in waiting.items() if deadline <= clock.seconds()]
            assert sorted(expired) == sorted(due)
            for timeout in {waiting[key][1] for key in due}:
                # Those with one timeout are told in the order in which they were added.
                ours = [key for key in due if waiting[key][1] == timeout]
                assert [key for key in expired if key in ours] == ours
            for key in due:
                del waiting[key]
            expired.clear()
        assert len(clock.getDelayedCalls()) <= 1
        assert len(clock.getDelayedCalls()) >= bool(waiting)
    deadlines.close()
    assert clock.getDelayedCalls() == []
