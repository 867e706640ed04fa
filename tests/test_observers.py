"""Who gets which event, and what observers may do while they are called."""

from __future__ import annotations

import fnmatch
import gc
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from txami.errors import ConnectionLost, EventTimeout
from txami.message import Event
from txami.observers import EventRegistry
from txami.observing import Observing
from txami.subscription import Observer, Subscription

HANGUP = b"Event: Hangup\r\nChannel: a"


def happen(registry: EventRegistry, raw: bytes) -> None:
    """Let an event arrive, in the way in which a connection hands it on."""
    registry.publish(Event(raw))


def texts(logs: Sequence[LogEvent]) -> list[str]:
    return [formatEvent(each) for each in logs]


class RegistryTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.registry = EventRegistry(self.clock)
        self.seen: list[str] = []

    def happen(self, *raws: bytes) -> None:
        for raw in raws:
            happen(self.registry, raw)

    def note(self, event: Event) -> None:
        """Observe: remember the event's channel."""
        self.seen.append(event.get("Channel", event.name))

    def note_as(self, text: str) -> Observer:
        """Return an observer that remembers a text of its own."""
        return lambda event: self.seen.append(text)

    def assert_nobody_observes(self, name: bytes = b"Hangup") -> None:
        self.assertEqual(self.registry.resolve(b"Event: " + name).subscriptions, ())


class NamesTests(RegistryTestCase):
    def test_an_observer_gets_the_event_that_it_names_and_no_other(self) -> None:
        self.registry.on("Hangup", self.note)
        self.happen(HANGUP, b"Event: HangupRequest\r\nChannel: b", b"Event: Newchannel\r\nChannel: c")
        self.assertEqual(self.seen, ["a"])

    def test_case_does_not_matter(self) -> None:
        self.registry.on("hangUP", self.note)
        self.happen(HANGUP, b"Event: HANGUP\r\nChannel: b", b"event: hangup\r\nchannel: c")
        self.assertEqual(self.seen, ["a", "b", "c"])

    def test_several_names(self) -> None:
        self.registry.on(["Hangup", "Newchannel"], self.note)
        self.happen(HANGUP, b"Event: Newchannel\r\nChannel: b", b"Event: Newstate\r\nChannel: c")
        self.assertEqual(self.seen, ["a", "b"])

    def test_names_may_come_from_a_generator(self) -> None:
        self.registry.on((name for name in ("Hangup", "Newchannel")), self.note)
        self.happen(HANGUP, b"Event: Newchannel\r\nChannel: b")
        self.assertEqual(self.seen, ["a", "b"])

    def test_a_glob_in_any_case(self) -> None:
        self.registry.on("queueM*", self.note)
        self.registry.on("[HN]?ngup", self.note_as("class"))
        self.happen(b"Event: QueueMemberAdded\r\nChannel: a", b"Event: QueueEntry\r\nChannel: b", HANGUP)
        self.assertEqual(self.seen, ["a", "class"])

    def test_none_is_all(self) -> None:
        self.registry.on(None, self.note)
        self.happen(HANGUP, b"Event: Made-up\r\nChannel: b", b"Event: \r\nChannel: c")
        self.assertEqual(self.seen, ["a", "b", "c"])

    def test_a_name_that_is_also_matched_by_a_glob_counts_once(self) -> None:
        self.registry.on(["Hangup", "Hang*", "*"], self.note)
        self.happen(HANGUP)
        self.assertEqual(self.seen, ["a"])

    def test_a_name_that_is_no_text_in_utf_8(self) -> None:
        self.registry.on("Hang\udcff", self.note)
        self.happen(b"Event: Hang\xff\r\nChannel: a")
        self.assertEqual(self.seen, ["a"])

    def test_what_names_no_event_is_refused(self) -> None:
        for names in ("", [""], ["Hangup", ""], [5], [None], b"Hangup", [b"Hangup"]):
            with self.assertRaisesRegex(ValueError, "is not the name of an event"):
                self.registry.on(names, self.note)  # type: ignore[arg-type]
        with self.assertRaisesRegex(ValueError, "no event is named; use None for all events"):
            self.registry.on([], self.note)
        self.assert_nobody_observes()

    def test_the_same_observer_twice_is_called_twice(self) -> None:
        self.registry.on("Hangup", self.note)
        self.registry.on("Hangup", self.note)
        self.happen(HANGUP)
        self.assertEqual(self.seen, ["a", "a"])

    def test_observers_are_called_in_the_order_in_which_they_were_added(self) -> None:
        self.registry.on_unhandled(self.note_as("unhandled"))
        self.registry.on("Hang*", self.note_as("glob"))
        self.registry.on("Hangup", self.note_as("name"))
        self.registry.on(None, self.note_as("all"))
        self.registry.on("hangup", self.note_as("name again"))
        self.happen(HANGUP)
        self.assertEqual(self.seen, ["glob", "name", "all", "name again"])


class WhereTests(RegistryTestCase):
    def assert_matches(self, where: object, *raws: bytes) -> None:
        """Check that each of these is let through."""
        self.assertEqual(self._let_through(where, raws), [True] * len(raws))

    def assert_refuses(self, where: object, *raws: bytes) -> None:
        """Check that none of these is let through."""
        self.assertEqual(self._let_through(where, raws), [False] * len(raws))

    def _let_through(self, where: object, raws: Sequence[bytes]) -> list[bool]:
        seen: list[bytes] = []
        subscription = self.registry.on(None, lambda event: seen.append(event.raw), where=where)  # type: ignore[arg-type]
        self.happen(*raws)
        subscription.cancel()
        return [raw in seen for raw in raws]

    def test_a_text(self) -> None:
        self.assert_matches({"Channel": "a"}, HANGUP)
        self.assert_matches({"cHANNEL": "a"}, HANGUP)
        self.assert_refuses({"Channel": "A"}, HANGUP)
        self.assert_refuses({"Channel": ""}, HANGUP)

    def test_an_empty_text_is_an_empty_header_and_not_a_missing_one(self) -> None:
        self.assert_matches({"Channel": ""}, b"Event: Hangup\r\nChannel: ")
        self.assert_refuses({"Channel": ""}, b"Event: Hangup")

    def test_a_number(self) -> None:
        self.assert_matches({"Cause": 16}, b"Event: Hangup\r\nCause: 16")
        self.assert_refuses({"Cause": 16}, b"Event: Hangup\r\nCause: 1", b"Event: Hangup\r\nCause: 016")

    def test_bytes(self) -> None:
        self.assert_matches({"Name": b"\xff"}, b"Event: Hangup\r\nName: \xff")
        self.assert_matches({"Name": "J\u00f6rg".encode()}, "Event: Hangup\r\nName: J\u00f6rg".encode())
        self.assert_refuses({"Name": b"\xff"}, b"Event: Hangup\r\nName: \xfe")

    def test_alternatives(self) -> None:
        raws = (b"Event: Hangup\r\nCause: 16", b"Event: Hangup\r\nCause: 17")
        for several in (["16", 17], ("16", "17"), {16, 17}, frozenset({"16", 17}), {"16": 1, "17": 2}.keys()):
            self.assert_matches({"Cause": several}, *raws)
            self.assert_refuses({"Cause": several}, b"Event: Hangup\r\nCause: 1", b"Event: Hangup")

    def test_bytes_among_the_alternatives(self) -> None:
        self.assert_matches({"Channel": [b"a", "b"]}, HANGUP, b"Event: Hangup\r\nChannel: b")
        self.assert_refuses({"Channel": [b"a", "b"]}, b"Event: Hangup\r\nChannel: b'a'")

    def test_no_alternative_at_all_matches_nothing(self) -> None:
        self.assert_refuses({"Channel": []}, HANGUP)

    def test_any_of_the_values_of_a_repeated_header(self) -> None:
        raw = b"Event: Hangup\r\nChanVariable: a=1\r\nChanVariable: b=2\r\nchanvariable: c=3"
        for value in ("a=1", "b=2", "c=3", ["x", "c=3"]):
            self.assert_matches({"ChanVariable": value}, raw)
        self.assert_refuses({"ChanVariable": "d=4"}, raw)

    def test_a_missing_header(self) -> None:
        self.assert_refuses({"Channel": "a"}, b"Event: Hangup")

    def test_all_headers_must_match(self) -> None:
        where = {"Channel": "a", "Cause": 16}
        self.assert_matches(where, b"Event: Hangup\r\nCause: 16\r\nChannel: a")
        self.assert_refuses(where, b"Event: Hangup\r\nCause: 17\r\nChannel: a", b"Event: Hangup\r\nCause: 16")

    def test_no_header_at_all_matches_everything(self) -> None:
        self.assert_matches({}, HANGUP)

    def test_a_function(self) -> None:
        self.assert_matches(lambda event: event["Channel"] == "a", HANGUP)
        self.assert_refuses(lambda event: event["Channel"] == "b", HANGUP)

    def test_what_the_function_returns_need_not_be_a_bool(self) -> None:
        self.assert_matches(lambda event: "yes", HANGUP)
        self.assert_refuses(lambda event: "", HANGUP)

    def test_a_function_that_raises_is_logged_and_keeps_its_observer_only_from_the_event(self) -> None:
        self.registry.on("Hangup", self.note_as("never"), where=lambda event: event["Nothing"])
        self.registry.on("Hangup", self.note)
        self.happen(HANGUP, HANGUP)
        self.assertEqual(self.seen, ["a", "a"])
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 2)


class OnceTests(RegistryTestCase):
    def test_once_is_for_the_first_event_only(self) -> None:
        self.registry.once("Hangup", self.note)
        self.happen(HANGUP, b"Event: Hangup\r\nChannel: b")
        self.assertEqual(self.seen, ["a"])
        self.assert_nobody_observes()

    def test_once_waits_for_where(self) -> None:
        self.registry.once("Hangup", self.note, where={"Channel": "b"})
        self.happen(HANGUP, b"Event: Hangup\r\nChannel: b", b"Event: Hangup\r\nChannel: b")
        self.assertEqual(self.seen, ["b"])

    def test_the_event_again_from_within_the_observer_is_no_second_time(self) -> None:
        def again(event: Event) -> None:
            self.note(event)
            self.happen(HANGUP)

        self.registry.once("Hangup", again)
        self.happen(HANGUP)
        self.assertEqual(self.seen, ["a"])

    def test_an_observer_that_fails_has_had_its_once(self) -> None:
        def failing(event: Event) -> None:
            self.note(event)
            raise RuntimeError

        self.registry.once("Hangup", failing)
        self.happen(HANGUP, HANGUP)
        self.assertEqual(self.seen, ["a"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_once_as_a_decorator(self) -> None:
        @self.registry.once("Hangup", where={"Channel": "b"})
        def first(event: Event) -> None:
            self.note(event)

        self.happen(HANGUP, b"Event: Hangup\r\nChannel: b", b"Event: Hangup\r\nChannel: b")
        self.assertEqual(self.seen, ["b"])
        self.assertIs(first.active, False)


class UnhandledTests(RegistryTestCase):
    def test_it_gets_what_no_other_observer_got(self) -> None:
        self.registry.on_unhandled(self.note)
        self.registry.on("Hangup", self.note_as("handled"))
        self.happen(b"Event: Newchannel\r\nChannel: b", HANGUP, b"Event: Newstate\r\nChannel: c")
        self.assertEqual(self.seen, ["b", "handled", "c"])

    def test_where_that_does_not_match_leaves_the_event_unhandled(self) -> None:
        self.registry.on("Hangup", self.note_as("handled"), where={"Channel": "b"})
        self.registry.on_unhandled(self.note)
        self.happen(HANGUP, b"Event: Hangup\r\nChannel: b")
        self.assertEqual(self.seen, ["a", "handled"])

    def test_an_observer_that_fails_has_got_the_event(self) -> None:
        def failing(event: Event) -> None:
            raise RuntimeError

        self.registry.on("Hangup", failing)
        self.registry.on_unhandled(self.note)
        self.happen(HANGUP)
        self.assertEqual(self.seen, [])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_an_observer_cancelled_by_its_predecessor_leaves_it_handled_by_that(self) -> None:
        self.registry.on("Hangup", lambda event: second.cancel())
        second = self.registry.on("Hangup", self.note_as("second"))
        self.registry.on_unhandled(self.note_as("unhandled"))
        self.happen(HANGUP)
        self.assertEqual(self.seen, [])

    def test_it_can_be_cancelled(self) -> None:
        subscription = self.registry.on_unhandled(self.note)
        self.happen(HANGUP)
        subscription.cancel()
        self.happen(HANGUP)
        self.assertEqual(self.seen, ["a"])
        self.assert_nobody_observes()


class SubscriptionTests(RegistryTestCase):
    def test_cancelled_it_gets_nothing_more(self) -> None:
        subscription = self.registry.on("Hangup", self.note)
        self.happen(HANGUP)
        subscription.cancel()
        self.happen(HANGUP)
        self.assertEqual(self.seen, ["a"])
        self.assertIs(subscription.active, False)

    def test_cancelling_twice_does_nothing_more(self) -> None:
        first = self.registry.on("Hangup", self.note_as("first"))
        self.registry.on("Hangup", self.note_as("second"))
        first.cancel()
        first.cancel()
        self.happen(HANGUP)
        self.assertEqual(self.seen, ["second"])

    def test_as_a_decorator_it_can_be_called_like_the_function_and_cancelled(self) -> None:
        @self.registry.on("Hangup")
        def hung_up(event: Event) -> str:
            self.note(event)
            return "result"

        self.assertIsInstance(hung_up, Subscription)
        self.happen(HANGUP)
        self.assertEqual(hung_up(Event(b"Event: Hangup\r\nChannel: by hand")), "result")
        hung_up.cancel()
        self.happen(HANGUP)
        self.assertEqual(self.seen, ["a", "by hand"])

    def test_a_decorator_observes_nothing_until_it_has_a_function(self) -> None:
        decorator = self.registry.on("Hangup")
        self.assertIs(decorator.active, False)
        self.assert_nobody_observes()
        self.happen(HANGUP)
        decorator(self.note)
        self.assertIs(decorator.active, True)
        self.happen(b"Event: Hangup\r\nChannel: b")
        self.assertEqual(self.seen, ["b"])

    def test_a_decorator_takes_one_function_only(self) -> None:
        decorator = self.registry.on("Hangup")
        decorator(self.note)

        def hung_up(event: Event) -> None:
            raise AssertionError("it is not observing")

        said = r"<Subscription of RegistryTestCase.note> has its observer: for .*\.hung_up\(\), call on\(\) once more"
        self.assertRaisesRegex(TypeError, said, decorator, hung_up)
        self.happen(HANGUP)
        self.assertEqual(self.seen, ["a"])

    def test_its_repr_names_the_observer_and_says_whether_it_stands(self) -> None:
        subscription = self.registry.on("Hangup", self.note)
        self.assertEqual(repr(subscription), "<Subscription of RegistryTestCase.note>")
        subscription.cancel()
        self.assertEqual(repr(subscription), "<Subscription of RegistryTestCase.note, not active>")

    def test_its_repr_names_the_class_of_an_observer_that_has_no_name(self) -> None:
        class Callable:
            def __call__(self, event: Event) -> None:
                raise AssertionError

        self.assertIn("Callable>", repr(self.registry.on("Hangup", Callable())))
        self.assertEqual(repr(self.registry.on("Hangup")), "<Subscription of NoneType, not active>")


class DispatchTests(RegistryTestCase):
    def test_an_observer_may_cancel_itself(self) -> None:
        def only_once(event: Event) -> None:
            self.note(event)
            subscription.cancel()

        subscription = self.registry.on("Hangup", only_once)
        self.registry.on("Hangup", self.note_as("next"))
        self.happen(HANGUP, HANGUP)
        self.assertEqual(self.seen, ["a", "next", "next"])

    def test_an_observer_cancelled_by_an_earlier_one_is_not_called(self) -> None:
        self.registry.on("Hangup", lambda event: later.cancel())
        later = self.registry.on("Hangup", self.note_as("cancelled"))
        self.registry.on("Hangup", self.note_as("last"))
        self.happen(HANGUP)
        self.assertEqual(self.seen, ["last"])

    def test_an_observer_cancelled_by_a_later_one_was_called(self) -> None:
        earlier = self.registry.on("Hangup", self.note_as("earlier"))
        self.registry.on("Hangup", lambda event: earlier.cancel())
        self.happen(HANGUP, HANGUP)
        self.assertEqual(self.seen, ["earlier"])

    def test_an_observer_added_by_another_gets_the_next_event(self) -> None:
        def adding(event: Event) -> None:
            if event["Channel"] == "a":
                self.registry.on("Hangup", self.note)

        self.registry.on("Hangup", adding)
        self.happen(HANGUP)
        self.assertEqual(self.seen, [])
        self.happen(b"Event: Hangup\r\nChannel: b")
        self.assertEqual(self.seen, ["b"])

    def test_an_event_from_within_an_observer_is_handed_out_at_once(self) -> None:
        def nested(event: Event) -> None:
            self.note(event)
            if event["Channel"] == "a":
                self.happen(b"Event: Hangup\r\nChannel: nested")

        self.registry.on("Hangup", nested)
        self.registry.on("Hangup", self.note)
        self.happen(HANGUP)
        self.assertEqual(self.seen, ["a", "nested", "nested", "a"])

    def test_an_observer_that_fails_is_logged_by_name_and_stays(self) -> None:
        def clumsy(event: Event) -> None:
            self.note(event)
            raise RuntimeError("oops")

        self.registry.on("Hangup", clumsy)
        self.registry.on("Hangup", self.note_as("next"))
        with capturedLogs() as logs:
            self.happen(HANGUP, HANGUP)
        self.assertEqual(self.seen, ["a", "next"] * 2)
        name = "DispatchTests.test_an_observer_that_fails_is_logged_by_name_and_stays.<locals>.clumsy"
        self.assertEqual(texts(logs), [f"the observer {name} failed on <Event 'Hangup'>"] * 2)
        self.assertEqual(
            [failure.getErrorMessage() for failure in self.flushLoggedErrors(RuntimeError)], ["oops", "oops"]
        )

    def test_an_async_observer_is_run(self) -> None:
        gate: Deferred[str] = Deferred()

        @self.registry.on("Hangup")
        async def observer(event: Event) -> None:
            self.note(event)
            self.seen.append(await gate)

        self.happen(HANGUP)
        self.assertEqual(self.seen, ["a"])
        gate.callback("later")
        self.assertEqual(self.seen, ["a", "later"])

    def test_an_async_observer_that_fails_is_logged_by_name(self) -> None:
        gate: Deferred[None] = Deferred()

        async def clumsy(event: Event) -> None:
            await gate
            raise RuntimeError

        self.registry.on("Hangup", clumsy)
        self.registry.on("Hangup", self.note)
        self.happen(HANGUP)
        self.assertEqual(self.seen, ["a"])
        with capturedLogs() as logs:
            gate.callback(None)
        [text] = texts(logs)
        self.assertTrue(text.endswith("<locals>.clumsy failed on <Event 'Hangup'>"), text)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_a_failing_deferred_of_an_observer_is_logged(self) -> None:
        self.registry.on("Hangup", lambda event: fail(RuntimeError()))
        self.registry.on("Hangup", self.note)
        self.happen(HANGUP)
        self.assertEqual(self.seen, ["a"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_any_other_result_of_an_observer_is_let_be(self) -> None:
        self.registry.on("Hangup", lambda event: 42)
        with capturedLogs() as logs:
            self.happen(HANGUP)
        self.assertEqual(logs, [])


class WaitForTests(RegistryTestCase):
    def assert_nothing_is_left(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assert_nobody_observes()

    def test_it_fires_with_the_event(self) -> None:
        waiter = self.registry.wait_for("Hangup", where={"Channel": "b"}, timeout=5)
        self.happen(HANGUP)
        self.assertNoResult(waiter)
        self.happen(b"Event: Hangup\r\nChannel: b\r\nCause: 1", b"Event: Hangup\r\nChannel: b\r\nCause: 2")
        self.assertEqual(self.successResultOf(waiter)["Cause"], "1")
        self.assert_nothing_is_left()

    def test_without_a_timeout_it_waits_as_long_as_it_takes(self) -> None:
        waiter = self.registry.wait_for("Hangup")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.happen(HANGUP)
        self.assertEqual(self.successResultOf(waiter)["Channel"], "a")
        self.assert_nothing_is_left()

    def test_it_fails_when_the_time_is_up(self) -> None:
        waiter = self.registry.wait_for("Hangup", timeout=5)
        self.clock.advance(4.75)
        self.assertNoResult(waiter)
        self.clock.advance(0.25)
        error = self.failureResultOf(waiter, EventTimeout).value
        self.assertEqual(
            str(error),
            "no event Hangup that matches came within 5 s; check the events mask and the user's read classes",
        )
        self.assert_nothing_is_left()

    def test_the_timeout_names_all_that_was_waited_for(self) -> None:
        waiter = self.registry.wait_for((name for name in ("Hangup", "New*")), timeout=5)
        self.clock.advance(5)
        text = self.failureResultOf(waiter, EventTimeout).getErrorMessage()
        self.assertIn("Hangup", text)
        self.assertIn("New*", text)

    def test_the_timeout_of_a_wait_for_anything_names_nothing(self) -> None:
        waiter = self.registry.wait_for(None, timeout=5)
        self.clock.advance(5)
        self.assertNotIn("None", self.failureResultOf(waiter, EventTimeout).getErrorMessage())

    def test_it_may_be_cancelled(self) -> None:
        waiter = self.registry.wait_for("Hangup", timeout=5)
        waiter.cancel()
        self.failureResultOf(waiter, CancelledError)
        self.assert_nothing_is_left()
        self.happen(HANGUP)
        self.registry.end(None)

    def test_a_time_that_is_over_fails_it_soon(self) -> None:
        waiter = self.registry.wait_for("Hangup", timeout=-1)
        # A Clock takes a negative delay, which a reactor refuses.
        self.assertEqual([call.getTime() for call in self.clock.getDelayedCalls()], [self.clock.seconds()])
        self.clock.advance(0)
        self.failureResultOf(waiter, EventTimeout)
        self.assert_nothing_is_left()

    def test_a_name_that_is_none_is_refused_at_once(self) -> None:
        with self.assertRaises(ValueError):
            self.registry.wait_for("", timeout=5)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_may_wait_anew_when_it_has_fired(self) -> None:
        again: list[Deferred[Event]] = []

        def wait_anew(event: Event) -> None:
            again.append(self.registry.wait_for("Hangup"))

        self.registry.wait_for("Hangup").addCallback(wait_anew)
        self.happen(HANGUP)
        self.assertNoResult(again[0])
        self.happen(b"Event: Hangup\r\nChannel: b")
        self.assertEqual(self.successResultOf(again[0])["Channel"], "b")

    def test_the_end_fails_all_who_wait(self) -> None:
        waiters = [self.registry.wait_for("Hangup", timeout=5), self.registry.wait_for(None)]
        error = ConnectionLost(None, False, RuntimeError("cut"))
        self.registry.end(error)
        for waiter in waiters:
            self.assertIs(self.failureResultOf(waiter).value, error)
        self.assert_nothing_is_left()

    def test_an_end_without_an_error_is_a_lost_connection_to_who_waits(self) -> None:
        waiter = self.registry.wait_for("Hangup")
        self.registry.end(None)
        error = self.failureResultOf(waiter, ConnectionLost).value
        self.assertEqual((error.action, error.sent, error.reason), (None, False, None))
        self.assert_nothing_is_left()

    def test_who_waits_anew_after_the_end_is_told_at_once(self) -> None:
        again: list[Deferred[Event]] = []
        self.registry.wait_for("Hangup").addErrback(lambda _: again.append(self.registry.wait_for("Hangup")))
        self.registry.end(None)
        self.failureResultOf(again[0], ConnectionLost)

    def test_after_the_end_it_can_begin_again(self) -> None:
        self.registry.end(None)
        self.registry.begin()
        waiting = self.registry.wait_for("Hangup")
        self.happen(HANGUP)
        self.assertEqual(self.successResultOf(waiting)["Channel"], "a")

    def test_who_fails_at_the_end_may_cancel_another_who_waits(self) -> None:
        first, second, third = (self.registry.wait_for("Hangup", timeout=5) for _ in range(3))
        first.addErrback(lambda _: second.cancel())
        self.registry.end(None)
        self.assertIsNone(self.successResultOf(first))
        self.failureResultOf(second, CancelledError)
        self.failureResultOf(third, ConnectionLost)
        self.assert_nothing_is_left()


class RoutesTests(RegistryTestCase):
    def test_an_observer_added_later_gets_events_seen_before_in_each_spelling(self) -> None:
        raws = (HANGUP, b"Event: HANGUP\r\nChannel: b", b"Event: hangup\r\nChannel: c")
        self.happen(*raws)
        for names in ("hangUp", "hang*"):
            subscription = self.registry.on(names, self.note)
            self.happen(*raws)
            self.assertEqual(self.seen, ["a", "b", "c"])
            subscription.cancel()
            self.happen(*raws)
            self.assertEqual(self.seen, ["a", "b", "c"])
            self.seen.clear()

    def test_cancelling_one_leaves_the_others(self) -> None:
        by_name = self.registry.on("Hangup", self.note_as("name"))
        by_glob = self.registry.on("H*", self.note_as("glob"))
        self.registry.on("hangup", self.note_as("stays"))
        self.happen(HANGUP)
        by_name.cancel()
        self.happen(HANGUP)
        by_glob.cancel()
        self.happen(HANGUP)
        self.assertEqual(self.seen, ["name", "glob", "stays", "glob", "stays", "stays"])

    def test_an_event_that_nobody_wants_is_remembered_as_such(self) -> None:
        self.happen(HANGUP)
        (route,) = self.registry.routes.values()
        self.assertEqual((route.name, route.subscriptions), ("Hangup", ()))

    def test_adding_and_cancelling_by_name_leaves_the_other_routes(self) -> None:
        self.happen(HANGUP, b"Event: Newchannel")
        subscription = self.registry.on("Hangup", self.note)
        self.assertEqual(list(self.registry.routes), [b"Event: Newchannel"])
        self.happen(HANGUP)
        subscription.cancel()
        self.assertEqual(list(self.registry.routes), [b"Event: Newchannel"])

    def test_events_of_one_name_but_of_different_classes_have_routes_of_their_own(self) -> None:
        heads = [b"Event: Hangup\r\nPrivilege: " + classes for classes in (b"call", b"call,reporting")]
        for head in heads:
            self.happen(head + b",all\r\nChannel: a")
        self.assertEqual(list(self.registry.routes), heads)
        self.registry.on("Hangup", self.note)
        for head in heads:
            self.happen(head + b",all\r\nChannel: a")
        self.assertEqual(self.seen, ["a", "a"])
        self.assertEqual(self.registry.count_by_name(), {"Hangup": 4})

    def test_only_the_second_line_tells_the_class(self) -> None:
        for raw in (
            b"Event: Hangup\r\nActionID: a,all\r\n",
            b"Event: Hangup\r\nChannel: a\r\nPrivilege: call,all\r\n",
            b"Event: Hangup\r\nPrivilege: call",
            b"event: Hangup\r\nPrivilege: call,all\r\n",
        ):
            self.happen(raw)
        self.assertEqual(list(self.registry.routes), [b"Event: Hangup"])

    def test_an_observer_may_vanish_while_a_route_is_worked_out(self) -> None:
        # As a stream that is garbage does, whenever the collector happens to run.
        class Vanishing:
            def match(self, name: str) -> bool:
                other.cancel()
                return False

        first, other = self.registry.on("A*", self.note), self.registry.on("B*", self.note)
        first.patterns = (Vanishing(),)  # type: ignore[assignment]
        self.assertEqual(self.registry.resolve(b"Event: Hangup").subscriptions, ())

    def test_made_up_names_do_not_fill_the_memory(self) -> None:
        self.registry.on("Hangup", self.note)
        for number in range(10_000):
            self.happen(b"Event: Made%d" % number)
            self.assertLessEqual(len(self.registry.routes), 4096)
        self.happen(HANGUP)
        self.registry.on("made9999", self.note)
        self.happen(b"Event: Made9999\r\nChannel: b", b"Event: mADE9999\r\nChannel: c")
        self.assertEqual(self.seen, ["a", "b", "c"])

    def test_what_is_over_leaves_nothing_in_the_memory(self) -> None:
        def pass_by(first: int) -> None:
            for number in range(first, first + 5000):
                self.happen(b"Event: Made%d" % number)
                self.registry.on(f"Other{number}", self.note).cancel()
                self.registry.wait_for(f"Another{number}").addErrback(lambda _: None).cancel()

        pass_by(0)
        gc.collect()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        pass_by(5000)
        gc.collect()
        # The routes may all be new ones; what is kept of them takes half a megabyte or so.
        self.assertLess(tracemalloc.get_traced_memory()[0], 1_500_000)


class ObservingTests(RegistryTestCase):
    def test_it_offers_the_methods_of_the_registry(self) -> None:
        observing = Observing()
        observing.registry = self.registry
        observing.on("Hangup", self.note_as("on"), where={"Channel": "a"})
        observing.once("Hangup", self.note_as("once"), where={"Channel": "b"})
        observing.on_unhandled(self.note_as("unhandled"))
        waiter = observing.wait_for("Hangup", {"Channel": "b"}, 5)
        stream = observing.events("Hangup", {"Channel": "b"}, limit=1)
        self.happen(HANGUP)
        self.assertEqual(self.seen, ["on"])
        self.happen(*[b"Event: Hangup\r\nChannel: b"] * 2, b"Event: Newchannel")
        self.assertEqual(self.seen, ["on", "once", "unhandled"])
        self.assertEqual(self.successResultOf(waiter)["Channel"], "b")
        self.assertEqual(stream.dropped, 1)
        with self.assertRaises(ValueError):
            observing.events("Hangup", overflow="no such thing")  # type: ignore[arg-type]


@dataclass
class Wish:
    """What the naive model knows of a subscription."""

    names: tuple[str, ...]
    channel: str | None
    once: bool
    fallback: bool
    active: bool = True

    def wants(self, name: str, channel: str) -> bool:
        named = any(fnmatch.fnmatchcase(name.lower(), each.lower()) for each in self.names)
        return self.active and named and self.channel in (None, channel)


CHANNELS = st.sampled_from(["a", "b"])
WISHES = st.builds(
    Wish,
    st.lists(
        st.sampled_from(["Hangup", "hangup", "HANGUP", "Newchannel", "New*", "*", "[hn]*", "?angup", "q*"]),
        min_size=1,
        max_size=3,
    ).map(tuple),
    st.none() | CHANNELS,
    st.booleans(),
    st.just(False),
)
STEPS = st.one_of(
    WISHES,
    st.just(Wish(("*",), None, False, True)),
    st.integers(0, 30),
    st.tuples(st.sampled_from(["Hangup", "hangup", "HANGup", "Newchannel", "NEWchannel", "QueueEntry"]), CHANNELS),
)


@settings(deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_those_called_are_those_whom_a_naive_model_calls(steps: list[Wish | int | tuple[str, str]]) -> None:
    registry = EventRegistry(Clock())
    made: list[tuple[Wish, Subscription]] = []
    called: list[int] = []
    for step in steps:
        if isinstance(step, Wish):
            # A strategy may hand out the same object twice.
            wish = Wish(step.names, step.channel, step.once, step.fallback)

            def observer(event: Event, serial: int = len(made)) -> None:
                called.append(serial)

            where = None if wish.channel is None else {"Channel": wish.channel}
            if wish.fallback:
                subscription = registry.on_unhandled(observer)
            elif wish.once:
                subscription = registry.once(wish.names, observer, where=where)
            else:
                subscription = registry.on(wish.names, observer, where=where)
            made.append((wish, subscription))
        elif isinstance(step, int):
            if step < len(made):
                wish, subscription = made[step]
                wish.active = False
                subscription.cancel()
        else:
            name, channel = step
            happen(registry, f"Event: {name}\r\nChannel: {channel}".encode())
            expected = [n for n, (wish, _) in enumerate(made) if not wish.fallback and wish.wants(name, channel)]
            if expected:
                assert called == expected
            else:
                # Whether one or all of those for the unhandled are called is not decided here.
                fallbacks = [n for n, (wish, _) in enumerate(made) if wish.fallback and wish.active]
                assert called[:1] == fallbacks[:1]
                assert set(called) <= set(fallbacks)
            for serial in expected:
                made[serial][0].active = not made[serial][0].once
            called.clear()
            assert [subscription.active for _, subscription in made] == [wish.active for wish, _ in made]
