"""How actions leave: at once, or paced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.internet.interfaces import IDelayedCall, ISSLTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from tests.test_protocol import logged_in
from txami import ActionTimeout, AMIProtocol, ConnectionLost, Login, Secret, Timeouts
from txami.outbox import MAX_CHUNK, PATIENCE, DirectOutbox, NoOutbox, PacedOutbox


class Recorder(StringTransport):
    """A transport that remembers each write on its own."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)


#: What a turn of the reactor takes.
TURN = 2.0**-20


class TurningClock(Clock):
    """
    A clock on which it takes time to turn.

    What a reactor is told to call in no time, it calls in its next turn; ``Clock.advance(0)`` would go on until
    nothing is left.
    """

    def callLater(self, delay: float, callable: Callable[..., Any], *args: object, **kw: object) -> IDelayedCall:
        assert delay >= 0
        return super().callLater(delay or TURN, callable, *args, **kw)


def action(*lengths: int) -> bytes:
    """Return an action with lines of these lengths, not counting their ends."""
    return b"".join(b"x" * length + b"\r\n" for length in lengths) + b"\r\n"


def answer(key: bytes) -> bytes:
    return b"to " + key


def action_id(message: bytes) -> bytes | None:
    return message[3:] if message.startswith(b"to ") else None


#: 6.5 kB, of which Asterisk would read 1024 bytes and stall if it came in one record.
LARGE = action(*[1022] * 6, 340)
LINE = b"x" * 1022 + b"\r\n"
END = b"x" * 340 + b"\r\n\r\n"


class NoOutboxTests(SynchronousTestCase):
    def test_it_cannot_send_so_nothing_has_left(self) -> None:
        outbox = NoOutbox()
        with self.assertRaises(RuntimeError):
            outbox.send(b"1", action(10))
        self.assertIs(outbox.withdraw(b"1"), True)
        outbox.close()


class Answers:
    def __init__(self) -> None:
        self.answered = b""


class Socket:
    """
    A transport that buffers as Twisted's connections do, and lets the kernel take so much at a time.

    :ivar sent: what has left.
    :ivar buffer: what has not.
    """

    def __init__(self, room: int = 1 << 16) -> None:
        self.room = room
        self.sent = b""
        self.buffer = b""
        self.error: Exception | int | None = None

    def write(self, data: bytes) -> None:
        self.buffer += data

    def writeSomeData(self, data: bytes) -> int | Exception:
        assert not self.buffer, "what was written before has not left"
        if self.error is not None:
            return self.error
        self.sent += data[: self.room]
        return min(len(data), self.room)

    def turn(self) -> None:
        """Have the reactor send."""
        self.sent, self.buffer = self.sent + self.buffer, b""


class DirectOutboxTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.answers = Answers()
        self.socket = Socket()
        self.outbox = DirectOutbox(self.socket, self.answers)  # type: ignore[arg-type]

    def test_it_writes_each_action_at_once_and_whole(self) -> None:
        transport = Recorder()
        outbox = DirectOutbox(transport, self.answers)
        outbox.send(b"1", LARGE)
        outbox.send(b"2", action(10))
        self.assertEqual(transport.writes, [LARGE, action(10)])

    def test_nothing_can_be_taken_back(self) -> None:
        self.outbox.send(b"1", action(10))
        self.assertIs(self.outbox.withdraw(b"1"), False)
        self.outbox.close()

    def test_an_action_with_none_in_front_leaves_without_a_turn(self) -> None:
        for key in (b"1", b"2", b"3"):
            self.socket.sent = b""
            self.outbox.send(key, action(10))
            self.assertEqual((self.socket.sent, self.socket.buffer), (action(10), b""))
            self.answers.answered = key

    def test_those_behind_it_leave_together(self) -> None:
        self.outbox.send(b"1", action(10))
        self.outbox.send(b"2", action(20))
        self.outbox.send(b"3", action(30))
        self.assertEqual((self.socket.sent, self.socket.buffer), (action(10), action(20) + action(30)))
        self.answers.answered = b"1"
        self.outbox.send(b"4", action(40))
        self.assertEqual(self.socket.sent, action(10))

    def test_what_the_kernel_does_not_take_leaves_later(self) -> None:
        for room in (0, 5):
            self.setUp()
            self.socket.room = room
            self.outbox.send(b"1", action(10))
            self.assertEqual(self.socket.sent, action(10)[:room])
            self.outbox.send(b"2", action(20))
            self.socket.turn()
            self.assertEqual(self.socket.sent, action(10) + action(20))

    def test_a_loss_is_left_to_the_reactor(self) -> None:
        for error in (ConnectionError(), -1):
            self.setUp()
            self.socket.error = error
            self.outbox.send(b"1", action(10))
            self.assertEqual(self.socket.buffer, action(10))

    def test_closed_it_does_not_touch_the_socket(self) -> None:
        self.outbox.close()
        self.outbox.send(b"1", action(10))
        self.assertEqual((self.socket.sent, self.socket.buffer), (b"", action(10)))

    def test_what_stands_before_a_socket_is_written_to_and_not_the_socket(self) -> None:
        class Upper(ProtocolWrapper):
            def write(self, data: bytes) -> None:
                super().write(data.upper())

        wrapper: Any = Upper(WrappingFactory(Factory()), Protocol())
        wrapper.makeConnection(self.socket)
        DirectOutbox(wrapper, self.answers).send(b"1", action(10))
        self.assertEqual((self.socket.sent, self.socket.buffer), (b"", action(10).upper()))


@given(
    steps=st.lists(st.sampled_from(["send", "send", "turn", "answer"]), max_size=60),
    rooms=st.lists(st.integers(0, 60), min_size=1, max_size=60),
)
def test_actions_leave_in_order_and_whole_whatever_the_kernel_takes(steps: list[str], rooms: list[int]) -> None:
    socket, answers = Socket(), Answers()
    outbox = DirectOutbox(socket, answers)  # type: ignore[arg-type]
    ends: list[int] = []
    wanted = b""
    answered = 0
    for number, step in enumerate(steps):
        socket.room = rooms[number % len(rooms)]
        if step == "send":
            wanted += action(number)
            ends.append(len(wanted))
            outbox.send(b"%d" % len(ends), action(number))
        elif step == "turn":
            socket.turn()
        elif answered < len(ends) and ends[answered] <= len(socket.sent):
            answered += 1  # Asterisk answers in order what it has got
            answers.answered = b"%d" % answered
        assert wanted.startswith(socket.sent)
        assert socket.sent + socket.buffer == wanted


class PacedCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = TurningClock()
        self.transport = Recorder()
        self.outbox = PacedOutbox(self.transport, self.clock, action_id)

    def send(self, **lengths: int) -> None:
        """Send actions of one line each."""
        for key, length in lengths.items():
            self.outbox.send(key.encode(), action(length))

    def written(self) -> list[bytes]:
        """Return what was written since the last time."""
        writes, self.transport.writes = self.transport.writes, []
        return writes

    def answer(self, *keys: bytes) -> list[bytes]:
        """Let answers be received together; return what is written thereupon."""
        self.outbox.heard(map(answer, keys))
        return self.written()

    def turn(self) -> list[bytes]:
        """Let the reactor turn once; return what it wrote."""
        self.clock.advance(TURN)
        return self.written()

    def turns(self) -> list[bytes]:
        """Let the reactor turn some times; return what was written since the last time."""
        return self.written() + [chunk for _ in range(8) for chunk in self.turn()]

    def wait(self, seconds: float) -> list[bytes]:
        """Let time pass; return what is written meanwhile."""
        self.clock.advance(seconds)
        return self.written()

    def know_the_round_trip(self, seconds: float) -> None:
        """Have an action answered after so long."""
        self.outbox.send(b"before", action(10))
        self.clock.advance(seconds)
        self.answer(b"before")
        self.written()


class AnsweredTests(PacedCase):
    def test_the_first_action_leaves_at_once(self) -> None:
        self.send(a=10)
        self.assertEqual(self.written(), [action(10)])

    def test_the_next_ones_leave_together_when_it_is_answered(self) -> None:
        self.send(a=10, b=20, c=30)
        self.assertEqual(self.turns() + self.wait(0.9), [action(10)])
        self.assertEqual(self.answer(b"a"), [action(20) + action(30)])

    def test_any_action_of_a_chunk_will_do_and_only_one_counts(self) -> None:
        self.send(a=10, b=20, c=30, d=1000, e=900, f=800)
        self.turns()
        self.assertEqual(self.answer(b"a") + self.turns(), [action(20) + action(30)])
        self.assertEqual(self.answer(b"c") + self.turns(), [action(1000)])
        self.assertEqual(self.answer(b"b") + self.turns(), [])
        self.assertEqual(self.answer(b"d") + self.turns(), [action(900)])

    def test_answers_that_come_together_let_one_chunk_leave(self) -> None:
        self.send(a=10, b=20, c=30, d=1000, e=900)
        self.turns()
        self.answer(b"a")
        self.turns()
        self.assertEqual(self.answer(b"b", b"c") + self.turns(), [action(1000)])

    def test_an_answer_before_its_turn_is_not_forgotten(self) -> None:
        self.send(a=10, b=1000)
        self.assertEqual(self.written() + self.answer(b"a"), [action(10)])
        self.assertEqual(self.turn(), [action(1000)])

    def test_other_messages_do_not_count(self) -> None:
        self.send(a=10, b=1000, c=900)
        self.turns()
        self.outbox.heard([b"Event: Hangup", answer(b"unknown"), answer(b"c"), answer(b"b")])
        self.assertEqual(self.turns(), [])
        self.outbox.heard([b"Event: Hangup", answer(b"unknown"), answer(b"a"), b"Event: Hangup"])
        self.assertEqual(self.turns(), [action(1000)])
        self.assertEqual(self.answer(b"a") + self.turns(), [])

    def test_messages_are_not_looked_at_while_no_answer_is_waited_for(self) -> None:
        def refuse(message: bytes) -> None:
            raise AssertionError(message)

        outbox = PacedOutbox(self.transport, self.clock, refuse)
        outbox.heard([b"Event: Hangup"])
        outbox.send(b"a", LARGE)
        outbox.heard([b"Event: Hangup"])

    def test_idle_it_leaves_no_delayed_call_and_writes_at_once_again(self) -> None:
        self.send(a=10)
        self.turns()
        self.answer(b"a")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.send(b=20)
        self.assertEqual(self.written(), [action(20)])

    def test_what_does_not_fit_in_a_chunk_waits_for_the_next(self) -> None:
        self.send(a=600, b=600)
        self.assertEqual(self.turns(), [action(600)])
        self.assertEqual(self.answer(b"a"), [action(600)])

    def test_a_chunk_is_filled_up_to_its_last_byte(self) -> None:
        self.send(a=10, b=500, c=MAX_CHUNK - len(action(500)) - 4, d=10)
        self.turns()
        [chunk] = self.answer(b"a")
        self.assertEqual(len(chunk), 1024)
        self.turns()
        self.assertEqual(self.answer(b"b"), [action(10)])


class LargeTests(PacedCase):
    def test_its_chunks_leave_as_far_apart_as_it_takes_to_be_answered_twice(self) -> None:
        self.know_the_round_trip(0.25)
        self.outbox.send(b"a", LARGE)
        self.assertEqual(self.written(), [LINE])
        for chunk in [LINE] * 5 + [END]:
            self.assertEqual(self.wait(0.4375), [])
            self.assertEqual(self.wait(0.0625), [chunk])
        self.assertEqual(self.wait(10), [])

    def test_the_shortest_time_counts(self) -> None:
        for seconds in (0.5, 0.125, 0.25):
            self.know_the_round_trip(seconds)
        self.outbox.send(b"a", LARGE)
        self.assertEqual(self.written() + self.wait(0.25), [LINE] * 2)

    def test_a_clock_that_is_set_back_does_not_tell_the_time(self) -> None:
        self.know_the_round_trip(0.25)
        self.send(a=10)
        self.turns()
        self.clock.rightNow -= 3600
        self.answer(b"a")
        self.turns()
        self.outbox.send(b"b", LARGE)
        self.assertEqual(self.written() + self.turns() + self.wait(0.4375), [LINE])
        self.assertEqual(self.wait(0.0625), [LINE])

    def test_before_anything_was_answered_it_takes_its_time(self) -> None:
        self.outbox.send(b"a", LARGE)
        self.assertEqual(self.written() + self.wait(0.9), [LINE])
        self.assertEqual(self.wait(0.1), [LINE])

    def test_it_waits_until_what_is_ahead_is_answered(self) -> None:
        self.know_the_round_trip(0.125)
        self.send(a=10)
        self.outbox.send(b"b", LARGE)
        self.assertEqual(self.turns() + self.wait(0.9), [action(10)])
        self.assertEqual(self.answer(b"a"), [LINE])

    def test_no_answer_makes_it_go_faster(self) -> None:
        self.know_the_round_trip(0.25)
        self.send(a=10)
        self.outbox.send(b"b", LARGE)
        self.turns()
        self.assertEqual(self.answer(b"a", b"b") + self.answer(b"b") + self.turns(), [LINE])

    def test_the_next_action_shares_its_last_chunk(self) -> None:
        self.know_the_round_trip(0.25)
        self.outbox.send(b"a", action(1020, 10))
        self.send(b=20, c=1000, d=900)
        self.assertEqual(self.turns(), [b"x" * 1020 + b"\r\n"])
        self.assertEqual(self.wait(0.5), [b"x" * 10 + b"\r\n\r\n" + action(20)])
        self.assertEqual(self.turns(), [])
        # Well before the time of another chunk of a large one.
        self.assertEqual(self.answer(b"a"), [action(1000)])


class PatienceTests(PacedCase):
    def test_when_nothing_is_answered_one_action_leaves_a_second(self) -> None:
        self.send(a=10, b=20, c=30, d=40)
        self.assertEqual(self.turns() + self.wait(0.9), [action(10)])
        self.assertEqual(self.wait(0.1), [action(20)])
        self.assertEqual(self.turns() + self.wait(1), [action(30)])

    def test_once_the_last_one_is_answered_the_rest_leaves(self) -> None:
        self.send(a=10, b=20, c=30, d=40)
        self.turns()
        self.wait(1)
        self.turns()
        self.assertEqual(self.answer(b"a"), [])
        self.assertEqual(self.answer(b"b"), [action(30) + action(40)])

    def test_each_answer_gives_another_second(self) -> None:
        self.send(a=10, b=1000, c=900)
        self.turns()
        self.wait(0.75)
        self.assertEqual(self.answer(b"a") + self.turns(), [action(1000)])
        self.assertEqual(self.wait(0.75), [])
        self.assertEqual(self.wait(0.25), [action(900)])

    def test_what_is_sent_after_a_silence_has_patience_too(self) -> None:
        self.send(a=10)
        self.turns()
        self.wait(10)
        self.send(b=20)
        self.assertEqual(self.wait(0.9), [])
        self.assertEqual(self.wait(0.1), [action(20)])


class WithdrawnTests(PacedCase):
    def test_an_action_can_be_taken_back_before_it_leaves(self) -> None:
        self.send(a=10, b=20, c=30)
        self.assertIs(self.outbox.withdraw(b"b"), True)
        self.assertIs(self.outbox.withdraw(b"b"), False)
        self.assertEqual(self.turns() + self.answer(b"a"), [action(10), action(30)])

    def test_when_all_was_taken_back_nothing_is_written(self) -> None:
        self.send(a=10, b=20)
        self.turns()
        self.outbox.withdraw(b"b")
        self.assertEqual(self.wait(1), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.send(d=30)
        self.outbox.withdraw(b"d")
        self.assertEqual(self.answer(b"a"), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_an_action_that_left_in_part_cannot_be_taken_back(self) -> None:
        self.outbox.send(b"a", LARGE)
        self.send(b=10)
        writes = self.written()
        while len(b"".join(writes)) < len(LARGE):
            self.assertIs(self.outbox.withdraw(b"a"), False)
            writes += self.wait(1)
        self.assertIs(self.outbox.withdraw(b"a"), False)
        self.assertEqual(b"".join(writes), LARGE + action(10))

    def test_an_action_that_left_cannot_be_taken_back(self) -> None:
        self.send(a=10)
        self.assertIs(self.outbox.withdraw(b"a"), False)

    def test_after_a_large_action_the_next_can_be_taken_back(self) -> None:
        self.outbox.send(b"a", action(1000, 1000))
        self.send(b=1000)
        self.wait(1)
        self.assertIs(self.outbox.withdraw(b"a"), False)
        self.assertIs(self.outbox.withdraw(b"b"), True)

    def test_an_unknown_action_cannot_be_taken_back(self) -> None:
        self.assertIs(self.outbox.withdraw(b"a"), False)


class ClosedTests(PacedCase):
    def test_it_sends_nothing_more_and_still_knows_what_has_not_left(self) -> None:
        self.outbox.send(b"a", LARGE)
        self.send(b=10)
        self.written()
        self.outbox.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.send(c=10)
        self.assertEqual(self.wait(10) + self.answer(b"a"), [])
        self.assertIs(self.outbox.withdraw(b"a"), False)
        self.assertIs(self.outbox.withdraw(b"b"), True)
        self.assertIs(self.outbox.withdraw(b"c"), True)

    def test_it_can_be_closed_when_idle_and_twice(self) -> None:
        self.outbox.close()
        self.outbox.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_an_answer_that_is_handed_over_afterwards_writes_nothing(self) -> None:
        self.send(a=10, b=1000, c=20)
        self.turns()
        self.outbox.close()
        self.assertEqual(self.answer(b"a", b"b"), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ConnectionTests(SynchronousTestCase):
    """The same, with a connection around it."""

    def setUp(self) -> None:
        self.wire = logged_in(tls=True)

    def sent(self) -> list[str]:
        """Let the reactor turn; return the names of the actions written since the last call."""
        self.wire.clock.advance(0)
        return [action["Action"] for action in self.wire.sent()]

    def test_what_asterisk_has_read_is_seen_also_behind_slow_observers(self) -> None:
        wire = self.wire
        actions = [wire.ami.action("UserEvent", Text="x" * 900) for _ in range(3)]
        wire.clock.advance(0)
        (first,) = wire.sent()
        # As if what came before had yet to be handed out, and went on waiting.
        wire.ami._inbox._hand_out = lambda messages, until: False
        wire.ami._inbox._clock = SlowClock()
        wire.answer(first)
        self.assertEqual(len(self.sent()), 1)
        self.assertNoResult(actions[0])
        self.assertGreater(wire.ami.backlog, 0)

    def test_what_timed_out_before_it_left_is_never_sent(self) -> None:
        wire = self.wire
        wire.ami.action("First", timeout=None, Text="x" * 960)
        second, third = wire.ami.action("Second", timeout=0.5, Text="x" * 99), wire.ami.action("Third")
        wire.clock.advance(0)
        (first,) = wire.sent()
        wire.clock.advance(0.5)
        self.failureResultOf(second, ActionTimeout)
        wire.answer(first)
        self.assertEqual(self.sent(), ["Third"])
        self.assertNoResult(third)

    def test_an_answer_that_nobody_waits_for_counts_too(self) -> None:
        wire = self.wire
        given_up, *_ = [wire.ami.action(name, Text="x" * 900) for name in ("First", "Second")]
        wire.clock.advance(0)
        given_up.addErrback(lambda _: None).cancel()
        (first,) = wire.sent()
        wire.answer(first)
        self.assertEqual(self.sent(), ["Second"])

    def test_a_ping_behind_thousands_of_actions_does_not_cut_a_connection_that_works(self) -> None:
        wire = logged_in(tls=True, timeouts=Timeouts(ping_interval=5, ping=2, action=None))
        for _ in range(1000):
            wire.ami.action("UserEvent", Text="x" * 500)
        for _ in range(40):
            for action in wire.sent():
                wire.answer(action)
            wire.clock.advance(1)
        self.assertFalse(wire.aborted)

    def test_but_one_that_is_dead_is_cut(self) -> None:
        wire = logged_in(tls=True, timeouts=Timeouts(ping_interval=5, ping=2, action=None))
        for _ in range(1000):
            wire.ami.action("UserEvent", Text="x" * 500)
        wire.clock.advance(5)
        wire.clock.advance(2)
        self.assertTrue(wire.aborted)

    def test_a_ping_that_has_not_left_is_excused_by_a_blocking_action(self) -> None:
        wire = logged_in(tls=True, timeouts=Timeouts(ping_interval=5, ping=2, action=None))
        wire.ami.action("Originate", Timeout=60_000)
        for _ in range(1000):
            wire.ami.action("UserEvent", Text="x" * 500)
        for _ in range(60):
            wire.clock.advance(1)
        self.assertFalse(wire.aborted)

    def test_packets_leave_without_delay(self) -> None:
        for tls in (False, True):
            ami = AMIProtocol(Clock(), Login("admin", Secret("hush")))
            transport = StringTransport()
            if tls:
                directlyProvides(transport, ISSLTransport)
            told: list[tuple[str, bool]] = []
            for name in ("setTcpKeepAlive", "setTcpNoDelay"):
                vars(transport)[name] = lambda on, name=name, told=told: told.append((name, on))
            ami.makeConnection(transport)
            self.assertEqual(told, [("setTcpKeepAlive", True), ("setTcpNoDelay", True)])

    def test_a_logoff_waits_its_turn_and_no_longer_than_it_may(self) -> None:
        wire = logged_in(tls=True, timeouts=Timeouts(ping_interval=None, logoff=5))
        deferreds = [wire.ami.action("UserEvent", Text="x" * 900) for _ in range(40)]
        wire.sent()
        wire.ami.logoff()
        wire.clock.pump([0.1] * 49)
        self.assertNotIn("Logoff", [action["Action"] for action in wire.sent()])
        self.assertFalse(wire.aborted)
        wire.clock.advance(0.2)
        self.assertTrue(wire.aborted)
        wire.lose()
        sent = [self.failureResultOf(deferred, ConnectionLost).value.sent for deferred in deferreds]
        self.assertIs(sent[0], True)
        self.assertIs(sent[-1], False)
        self.assertEqual(sent, sorted(sent, reverse=True))
        self.assertEqual(wire.clock.getDelayedCalls(), [])

    def test_a_lost_connection_leaves_nothing_running(self) -> None:
        wire = logged_in(tls=True)
        deferreds = [wire.ami.action("UserEvent", Text="x" * 900) for _ in range(4)]
        wire.clock.advance(0)
        wire.lose()
        sent = [self.failureResultOf(deferred, ConnectionLost).value.sent for deferred in deferreds]
        self.assertEqual(sent, [True, False, False, False])
        self.assertEqual(wire.clock.getDelayedCalls(), [])


class SlowClock(Clock):
    """A clock that goes on at each look."""

    def seconds(self) -> float:
        self.rightNow += 1
        return super().seconds()


class Server:
    """What Asterisk knows of what has left, and may answer in that order."""

    def __init__(self) -> None:
        self.clock = TurningClock()
        self.transport = Recorder()
        self.outbox = PacedOutbox(self.transport, self.clock, action_id)
        self.sent: dict[bytes, bytes] = {}
        self.withdrawn: set[bytes] = set()
        self.answered: set[bytes] = set()
        self.shortest = PATIENCE / 2
        self._seen: list[tuple[float, list[bytes]]] = []

    @property
    def kept(self) -> list[bytes]:
        """The actions that have to leave, in their order."""
        return [key for key in self.sent if key not in self.withdrawn]

    @property
    def whole(self) -> list[bytes]:
        """Those that have left whole."""
        left = len(b"".join(self.transport.writes))
        ends = 0
        keys = []
        for key in self.kept:
            ends += len(self.sent[key])
            if ends <= left:
                keys.append(key)
        return keys

    def look(self) -> None:
        """Look at the writes that are new: at most one, and only when it may be."""
        new = self.transport.writes[len(self._seen) :]
        assert len(new) <= 1
        for chunk in new:
            assert len(chunk) <= MAX_CHUNK
            assert chunk.endswith(b"\r\n")
            if self._seen:
                then, last = self._seen[-1]
                silence = self.clock.seconds() - then
                assert silence >= (TURN if last else 2 * self.shortest)
                assert self.answered & set(last) or silence >= PATIENCE or not last
            known = {key for _, ended in self._seen for key in ended}
            self._seen.append((self.clock.seconds(), [key for key in self.whole if key not in known]))
        assert b"".join(self.sent[key] for key in self.kept).startswith(b"".join(self.transport.writes))

    def send(self, lengths: list[int]) -> None:
        key = b"%d" % len(self.sent)
        # The first line tells one from another.
        self.sent[key] = b"%08d" % len(self.sent) + action(*lengths)
        self.outbox.send(key, self.sent[key])

    def withdraw(self, number: int) -> None:
        if self.sent:
            key = list(self.sent)[number % len(self.sent)]
            left = len(b"".join(self.transport.writes))
            before = sum(len(self.sent[each]) for each in self.kept[: self.kept.index(key)]) if key in self.kept else 0
            may = key in self.kept and before >= left
            assert self.outbox.withdraw(key) is may
            if may:
                self.withdrawn.add(key)

    def answer(self, count: int) -> None:
        keys = [key for key in self.whole if key not in self.answered][:count]
        # It takes its time; if none, a large action would leave in one go.
        self.clock.advance(0.125)
        self.look()
        then, ended = self._seen[-1] if self._seen else (0.0, [])
        if set(keys) & set(ended) and not self.answered & set(ended):
            self.shortest = min(self.shortest, self.clock.seconds() - then)
        self.answered |= set(keys)
        self.outbox.heard([b"Event: Hangup", *map(answer, keys), answer(b"unknown")])

    def wait(self, quarters: int) -> None:
        for _ in range(quarters):
            for _ in range(8):
                self.clock.advance(TURN)
                self.look()
            # Steps that are exact in binary, so that a chunk is due at one of them.
            self.clock.advance(0.25 - 8 * TURN)
            self.look()


LENGTHS = st.lists(st.integers(1, 1010) | st.just(1010) | st.integers(1, 60), min_size=1, max_size=5)
STEPS = st.lists(
    st.tuples(st.just("send"), LENGTHS)
    | st.tuples(st.just("send"), st.just([30, 30]))
    | st.tuples(st.just("withdraw"), st.integers(0, 50))
    | st.tuples(st.just("answer"), st.integers(1, 20))
    | st.tuples(st.just("wait"), st.integers(0, 8)),
    max_size=60,
)


@settings(deadline=None)
@given(STEPS, st.booleans())
@example([("send", [1010] * 5), ("answer", 1), ("wait", 2), ("send", [1]), ("wait", 8), ("answer", 1)], True)
@example([("send", [14, 14])] * 60 + [("wait", 5), ("answer", 1), ("answer", 1), ("answer", 9)], True)
@example([("send", [14, 14])] * 9 + [("withdraw", 4), ("wait", 8)], False)
def test_each_action_leaves_once_whole_in_order_and_not_before_it_may(
    steps: list[tuple[str, list[int] | int]], answers: bool
) -> None:
    server = Server()
    for step, argument in steps:
        getattr(server, step)(argument)
        server.look()
    # In the end all leaves, whether anything is answered or not.
    for _ in range(len(b"".join(server.sent.values())) // 10 + 2):
        server.wait(4)
        if answers:
            server.answer(1000)
            server.look()
    assert b"".join(server.transport.writes) == b"".join(server.sent[key] for key in server.kept)
    assert server.clock.getDelayedCalls() == []
