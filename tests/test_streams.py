"""Events as an asynchronous iterator: the bounded queue, its end, and who holds it."""

from __future__ import annotations

import gc

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.test_observers import happen
from txami.errors import ConnectionLost, EventsDropped
from txami.message import Event
from txami.observers import EventRegistry
from txami.streams import EventStream


class StreamTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.registry = EventRegistry(Clock())
        self.seen: list[str] = []

    def happen(self, *channels: str) -> None:
        for channel in channels:
            happen(self.registry, f"Event: Hangup\r\nChannel: {channel}".encode())

    def read(self, stream: EventStream) -> Deferred[str]:
        """Ask for one event; the result is its channel."""

        async def read_one() -> str:
            return (await anext(stream))["Channel"]

        return Deferred.fromCoroutine(read_one())

    async def read_all(self, stream: EventStream) -> str:
        """Read to the end, which is told from being cut short."""
        async for event in stream:
            self.seen.append(event["Channel"])
        return "ended"

    def start(self, stream: EventStream) -> Deferred[str]:
        return Deferred.fromCoroutine(self.read_all(stream))

    def assert_nobody_observes(self) -> None:
        self.assertEqual(self.registry.resolve(b"Event: Hangup").subscriptions, ())


class ReadingTests(StreamTestCase):
    def test_events_come_in_order_whether_they_wait_or_are_waited_for(self) -> None:
        stream = self.registry.events("Hangup")
        self.happen("a", "b")
        reading = self.start(stream)
        self.assertEqual(self.seen, ["a", "b"])
        self.happen("c")
        self.happen("d")
        self.assertEqual(self.seen, ["a", "b", "c", "d"])
        self.assertNoResult(reading)
        stream.close()
        self.assertEqual(self.successResultOf(reading), "ended")

    def test_only_the_events_that_were_asked_for(self) -> None:
        stream = self.registry.events("Hangup", where={"Channel": "b"})
        self.happen("a", "b", "c")
        happen(self.registry, b"Event: Newchannel\r\nChannel: b")
        stream.close()
        self.successResultOf(self.start(stream))
        self.assertEqual(self.seen, ["b"])

    def test_without_names_it_is_all_events(self) -> None:
        stream = self.registry.events()
        happen(self.registry, b"Event: Newchannel\r\nChannel: b")
        self.assertEqual(self.successResultOf(self.read(stream)), "b")

    def test_two_streams_get_each_event(self) -> None:
        one, other = self.registry.events("Hangup"), self.registry.events("Hangup")
        self.happen("a")
        self.assertEqual(self.successResultOf(self.read(one)), "a")
        self.assertEqual(self.successResultOf(self.read(other)), "a")

    def test_of_two_readers_each_gets_another_event(self) -> None:
        stream = self.registry.events("Hangup")
        first, second = self.read(stream), self.read(stream)
        self.happen("a")
        self.assertEqual(self.successResultOf(first), "a")
        self.assertNoResult(second)
        self.happen("b")
        self.assertEqual(self.successResultOf(second), "b")

    def test_both_of_two_readers_are_told_of_the_end(self) -> None:
        stream = self.registry.events("Hangup")
        first, second = self.start(stream), self.start(stream)
        stream.close()
        self.assertEqual(self.successResultOf(first), "ended")
        self.assertEqual(self.successResultOf(second), "ended")

    def test_a_reader_that_waits_may_be_cancelled_without_loss(self) -> None:
        stream = self.registry.events("Hangup")
        first, second = self.read(stream), self.read(stream)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertNoResult(second)
        self.happen("a", "b")
        self.assertEqual(self.successResultOf(second), "a")
        self.assertEqual(self.successResultOf(self.read(stream)), "b")

    def test_a_reader_may_cancel_another_when_it_is_woken(self) -> None:
        stream = self.registry.events("Hangup")
        first, second, third = self.read(stream), self.read(stream), self.read(stream)
        first.addCallback(lambda _: second.cancel())
        self.happen("a")
        self.failureResultOf(second, CancelledError)
        self.happen("b")
        self.assertEqual(self.successResultOf(third), "b")


class OverflowTests(StreamTestCase):
    def test_the_oldest_are_dropped_counted_and_logged_once(self) -> None:
        stream = self.registry.events("Hangup", limit=2)
        with capturedLogs() as logs:
            self.happen("a", "b")
            self.assertEqual((stream.dropped, logs), (0, []))
            self.happen("c", "d", "e")
        self.assertEqual(stream.dropped, 3)
        self.assertEqual(
            [formatEvent(each) for each in logs], ["a reader of events is too slow: the oldest of 2 are dropped"]
        )
        stream.close()
        self.successResultOf(self.start(stream))
        self.assertEqual(self.seen, ["d", "e"])

    def test_a_thousand_wait_unless_told_otherwise(self) -> None:
        stream = self.registry.events("Hangup")
        self.happen(*map(str, range(1000)))
        self.assertEqual(stream.dropped, 0)
        self.happen("1000")
        self.assertEqual(stream.dropped, 1)
        self.assertEqual(self.successResultOf(self.read(stream)), "1")

    def test_an_event_that_is_waited_for_does_not_count(self) -> None:
        stream = self.registry.events("Hangup", limit=1)
        self.start(stream)
        self.happen("a", "b", "c")
        self.assertEqual((self.seen, stream.dropped), (["a", "b", "c"], 0))

    def test_told_to_fail_it_hands_out_what_is_queued_and_then_fails(self) -> None:
        stream = self.registry.events("Hangup", limit=2, overflow="error")
        self.happen("a", "b", "c", "d")
        self.assert_nobody_observes()
        reading = self.start(stream)
        self.assertEqual(self.seen, ["a", "b"])
        error = self.failureResultOf(reading, EventsDropped).value
        self.assertEqual((error.limit, stream.dropped), (2, 0))
        self.failureResultOf(self.read(stream), EventsDropped)

    def test_told_to_fail_it_goes_on_while_it_is_read(self) -> None:
        stream = self.registry.events("Hangup", limit=2, overflow="error")
        for channel in "abc":
            self.happen(channel, channel)
            self.assertEqual(self.successResultOf(self.read(stream)), channel)
            self.assertEqual(self.successResultOf(self.read(stream)), channel)

    def test_bad_arguments_are_refused(self) -> None:
        for limit in (0, -1):
            with self.assertRaisesRegex(ValueError, f"^limit={limit} must be at least 1$"):
                self.registry.events("Hangup", limit=limit)
        with self.assertRaisesRegex(ValueError, "^overflow='drop' must be 'drop_oldest' or 'error'$"):
            self.registry.events("Hangup", overflow="drop")  # type: ignore[arg-type]
        with self.assertRaisesRegex(ValueError, "'' is not the name of an event"):
            self.registry.events("")
        self.assert_nobody_observes()
        self.registry.end(None)


class EndTests(StreamTestCase):
    def test_closed_it_takes_no_more_and_what_is_queued_can_be_read(self) -> None:
        stream = self.registry.events("Hangup")
        self.happen("a")
        stream.close()
        self.assert_nobody_observes()
        self.happen("b")
        self.assertEqual(self.successResultOf(self.start(stream)), "ended")
        self.assertEqual(self.seen, ["a"])
        stream.close()
        self.assertEqual(self.successResultOf(self.start(stream)), "ended")

    def test_async_with_closes_it(self) -> None:
        async def read_one() -> str:
            async with self.registry.events("Hangup") as stream:
                self.happen("a")
                return (await anext(stream))["Channel"]

        self.assertEqual(self.successResultOf(read_one()), "a")
        self.assert_nobody_observes()

    def test_async_with_closes_it_after_an_error(self) -> None:
        kept: list[EventStream] = []  # so that it is not closed by being forgotten

        async def fail() -> None:
            async with self.registry.events("Hangup") as stream:
                kept.append(stream)
                raise RuntimeError

        self.failureResultOf(fail(), RuntimeError)
        self.assert_nobody_observes()

    def test_the_end_of_the_registry_ends_it(self) -> None:
        stream = self.registry.events("Hangup")
        reading = self.start(stream)
        self.happen("a")
        self.registry.end(None)
        self.assertEqual(self.successResultOf(reading), "ended")
        self.assertEqual(self.seen, ["a"])
        self.assert_nobody_observes()

    def test_an_error_at_the_end_comes_after_what_is_queued(self) -> None:
        waited_for, queued = self.registry.events("Hangup"), self.registry.events("Hangup")
        reading = self.start(waited_for)
        self.happen("a")
        error = ConnectionLost(None, False)
        self.registry.end(error)
        self.assertIs(self.failureResultOf(reading).value, error)
        reading = self.start(queued)
        self.assertIs(self.failureResultOf(reading).value, error)
        self.assertEqual(self.seen, ["a", "a"])

    def test_who_is_told_of_the_end_may_open_another(self) -> None:
        first, second = self.registry.events("Hangup"), self.registry.events("Hangup")
        opened: list[EventStream] = []
        readings = [self.start(first), self.start(second)]
        readings[0].addCallback(lambda _: opened.append(self.registry.events("Hangup")))
        self.registry.end(None)
        self.assertIsInstance(self.failureResultOf(self.start(opened[0])).value, ConnectionLost)
        self.registry.begin()
        opened[0] = self.registry.events("Hangup")
        self.assertEqual(self.successResultOf(readings[1]), "ended")
        reading = self.start(opened[0])
        self.happen("a")
        self.assertEqual(self.seen, ["a"])
        self.assertNoResult(reading)

    def test_the_first_end_counts(self) -> None:
        stream = self.registry.events("Hangup")
        stream.close()
        self.registry.end(ConnectionLost(None, False))
        self.assertEqual(self.successResultOf(self.start(stream)), "ended")

    def test_one_closed_by_an_observer_of_the_same_event_does_not_get_it(self) -> None:
        self.registry.on("Hangup", lambda event: stream.close())
        stream = self.registry.events("Hangup")
        self.happen("a")
        self.assertEqual(self.successResultOf(self.start(stream)), "ended")
        self.assertEqual(self.seen, [])


class HoldingTests(StreamTestCase):
    def test_a_loop_left_by_break_leaves_nothing_behind(self) -> None:
        async def read_one() -> None:
            async for event in self.registry.events("Hangup"):
                self.seen.append(event["Channel"])
                break

        reading = Deferred.fromCoroutine(read_one())
        self.happen("a")
        self.assertIsNone(self.successResultOf(reading))
        gc.collect()
        self.assert_nobody_observes()
        self.happen("b")
        self.assertEqual(self.seen, ["a"])

    def test_a_stream_that_is_forgotten_leaves_nothing_behind(self) -> None:
        self.registry.events("Hangup")
        gc.collect()
        self.assert_nobody_observes()

    def test_a_cancelled_reader_holds_the_stream_no_more(self) -> None:
        reading = self.read(self.registry.events("Hangup"))
        reading.cancel()
        self.failureResultOf(reading, CancelledError)
        del reading
        gc.collect()
        self.assert_nobody_observes()

    def test_of_two_readers_the_other_still_holds_the_stream(self) -> None:
        stream = self.registry.events("Hangup")
        first, second = self.read(stream), self.start(stream)
        del stream, second
        first.cancel()
        self.failureResultOf(first, CancelledError)
        gc.collect()
        self.happen("a")
        self.assertEqual(self.seen, ["a"])

    def test_a_waiting_coroutine_that_nobody_else_holds_gets_its_events(self) -> None:
        self.start(self.registry.events("Hangup"))
        for channel in "abc":
            gc.collect()
            self.happen(channel)
        self.assertEqual(self.seen, ["a", "b", "c"])

    def test_a_stream_closed_by_its_own_where_does_not_get_the_event(self) -> None:
        def closing(event: Event) -> bool:
            stream.close()
            return True

        stream = self.registry.events("Hangup", where=closing)
        self.happen("a")
        self.assertEqual(self.successResultOf(self.start(stream)), "ended")
        self.assertEqual(self.seen, [])

    def test_an_event_under_way_to_a_stream_that_is_forgotten_goes_nowhere(self) -> None:
        streams: list[EventStream] = []

        def forgetting(event: Event) -> bool:
            # A collector may run at any time, also between finding a stream and handing it the event.
            streams.clear()
            gc.collect()
            return True

        streams.append(self.registry.events("Hangup", where=forgetting))
        self.happen("a")
        self.assert_nobody_observes()
        self.assertEqual(self.flushLoggedErrors(), [])
