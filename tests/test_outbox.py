"""How actions leave: at once, or paced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from txami.outbox import MAX_CHUNK, DirectOutbox, NoOutbox, PacedOutbox


class Recorder(StringTransport):
    """A transport that remembers each write on its own."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)


class TurningClock(Clock):
    """
    A clock of which ``advance(1)`` is one turn of a reactor.

    What a reactor is told to call in no time, it calls in its next turn; ``Clock.advance(0)`` would go on until
    nothing is left.
    """

    def callLater(self, delay: float, callable: Callable[..., Any], *args: object, **kw: object) -> IDelayedCall:
        assert delay == 0
        return super().callLater(1, callable, *args, **kw)


def action(*lengths: int) -> bytes:
    """Return an action with lines of these lengths, not counting their ends."""
    return b"".join(b"x" * length + b"\r\n" for length in lengths) + b"\r\n"


#: 6.5 kB, of which Asterisk would read 1024 bytes and stall if it came in one record.
LARGE = action(*[1022] * 6, 340)


class NoOutboxTests(SynchronousTestCase):
    def test_it_cannot_send_so_nothing_has_left(self) -> None:
        outbox = NoOutbox()
        with self.assertRaises(RuntimeError):
            outbox.send(b"1", action(10))
        self.assertIs(outbox.withdraw(b"1"), True)
        outbox.close()


class DirectOutboxTests(SynchronousTestCase):
    def test_it_writes_each_action_at_once_and_whole(self) -> None:
        transport = Recorder()
        outbox = DirectOutbox(transport)
        outbox.send(b"1", LARGE)
        outbox.send(b"2", action(10))
        self.assertEqual(transport.writes, [LARGE, action(10)])

    def test_nothing_can_be_taken_back(self) -> None:
        outbox = DirectOutbox(Recorder())
        outbox.send(b"1", action(10))
        self.assertIs(outbox.withdraw(b"1"), False)
        outbox.close()


class PacedOutboxTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = TurningClock()
        self.transport = Recorder()
        self.outbox = PacedOutbox(self.transport, self.clock)

    def written(self) -> list[bytes]:
        """Return what was written since the last time."""
        writes, self.transport.writes = self.transport.writes, []
        return writes

    def turn(self) -> list[bytes]:
        """Let the reactor turn once; return what it wrote."""
        self.clock.advance(1)
        return self.written()

    def test_the_first_action_leaves_at_once(self) -> None:
        self.outbox.send(b"1", action(10))
        self.assertEqual(self.written(), [action(10)])

    def test_the_next_ones_leave_together_in_the_next_turn(self) -> None:
        for key in (b"1", b"2", b"3"):
            self.outbox.send(key, action(10))
        self.assertEqual(self.written(), [action(10)])
        self.assertEqual(self.turn(), [action(10) * 2])
        self.assertEqual(self.turn(), [])

    def test_an_idle_outbox_leaves_no_delayed_call_and_writes_at_once_again(self) -> None:
        self.outbox.send(b"1", action(10))
        self.written()
        self.assertEqual(self.turn(), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.outbox.send(b"2", action(20))
        self.assertEqual(self.written(), [action(20)])

    def test_what_does_not_fit_in_a_chunk_waits_for_the_next(self) -> None:
        for key in (b"1", b"2", b"3"):
            self.outbox.send(key, action(600))
        self.assertEqual(self.written() + self.turn() + self.turn(), [action(600)] * 3)

    def test_a_chunk_is_filled_up_to_its_last_byte(self) -> None:
        self.outbox.send(b"1", action(10))
        self.outbox.send(b"2", action(500))
        self.outbox.send(b"3", action(MAX_CHUNK - len(action(500)) - 4))
        self.outbox.send(b"4", action(10))
        self.written()
        [chunk] = self.turn()
        self.assertEqual(len(chunk), 1024)
        self.assertEqual(self.turn(), [action(10)])

    def test_an_action_larger_than_a_chunk_leaves_line_by_line(self) -> None:
        self.outbox.send(b"1", LARGE)
        writes = self.written()
        while self.clock.getDelayedCalls():
            writes += self.turn()
        line = b"x" * 1022 + b"\r\n"
        self.assertEqual(writes, [line] * 6 + [b"x" * 340 + b"\r\n\r\n"])

    def test_the_end_of_a_large_action_shares_its_chunk_with_the_next(self) -> None:
        self.outbox.send(b"1", action(1020, 10))
        self.outbox.send(b"2", action(20))
        self.assertEqual(self.written(), [b"x" * 1020 + b"\r\n"])
        self.assertEqual(self.turn(), [action(10) + action(20)])

    def test_an_action_can_be_taken_back_before_it_leaves(self) -> None:
        for key, length in ((b"1", 10), (b"2", 20), (b"3", 30)):
            self.outbox.send(key, action(length))
        self.assertIs(self.outbox.withdraw(b"2"), True)
        self.assertIs(self.outbox.withdraw(b"2"), False)
        self.assertEqual(self.written() + self.turn(), [action(10), action(30)])

    def test_when_all_was_taken_back_nothing_is_written(self) -> None:
        self.outbox.send(b"1", action(10))
        self.outbox.send(b"2", action(20))
        self.outbox.withdraw(b"2")
        self.written()
        self.assertEqual(self.turn(), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_an_action_that_left_in_part_cannot_be_taken_back(self) -> None:
        self.outbox.send(b"1", LARGE)
        self.outbox.send(b"2", action(10))
        writes = self.written()
        while self.clock.getDelayedCalls():
            self.assertIs(self.outbox.withdraw(b"1"), False)
            writes += self.turn()
        self.assertEqual(b"".join(writes), LARGE + action(10))

    def test_an_action_that_left_cannot_be_taken_back(self) -> None:
        self.outbox.send(b"1", action(10))
        self.assertIs(self.outbox.withdraw(b"1"), False)
        self.outbox.send(b"2", LARGE)
        while self.clock.getDelayedCalls():
            self.turn()
        self.assertIs(self.outbox.withdraw(b"2"), False)

    def test_after_a_large_action_the_next_can_be_taken_back(self) -> None:
        self.outbox.send(b"1", action(1000, 1000))
        self.outbox.send(b"2", action(1000))
        self.turn()
        self.assertIs(self.outbox.withdraw(b"2"), True)

    def test_an_unknown_action_cannot_be_taken_back(self) -> None:
        self.assertIs(self.outbox.withdraw(b"1"), False)

    def test_closed_it_sends_nothing_more_and_still_knows_what_has_not_left(self) -> None:
        self.outbox.send(b"1", LARGE)
        self.outbox.send(b"2", action(10))
        self.written()
        self.outbox.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.turn(), [])
        self.assertIs(self.outbox.withdraw(b"1"), False)
        self.assertIs(self.outbox.withdraw(b"2"), True)

    def test_it_can_be_closed_when_idle(self) -> None:
        self.outbox.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])


LINES = st.lists(st.integers(1, 1022) | st.just(1022), min_size=1, max_size=8)


@settings(deadline=None)
@given(st.lists(st.tuples(LINES, st.integers(0, 3)), max_size=12))
@example([([1022] * 6 + [340], 0), ([1022] * 6 + [340], 1), ([1], 0)])
@example([([14, 14], 0)] * 60)
def test_all_bytes_leave_in_order_in_chunks_of_whole_lines_one_a_turn(steps: list[tuple[list[int], int]]) -> None:
    clock = TurningClock()
    transport = Recorder()
    outbox = PacedOutbox(transport, clock)
    sent = b""
    turns = 0
    for number, (lengths, pause) in enumerate(steps):
        data = action(*lengths)
        sent += data
        before = len(transport.writes)
        outbox.send(b"%d" % number, data)
        # Only an outbox that was idle for a whole turn may write now, and then once.
        assert len(transport.writes) - before == (0 if turns else 1)
        turns = 1
        for _ in range(pause):
            before = len(transport.writes)
            clock.advance(1)
            assert len(transport.writes) - before <= 1
            turns = len(clock.getDelayedCalls())
    while clock.getDelayedCalls():
        before = len(transport.writes)
        clock.advance(1)
        assert len(transport.writes) - before <= 1
    assert b"".join(transport.writes) == sent
    assert all(len(chunk) <= 1024 and chunk.endswith(b"\r\n") for chunk in transport.writes)
