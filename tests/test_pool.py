"""Several servers in one pool, in memory."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.census import txami_objects
from tests.network import MemoryEndpoint, network
from txami import (
    ActionError,
    AMIPool,
    AMIProtocol,
    AMIService,
    ConnectionLost,
    Event,
    Gap,
    InvalidAction,
    NotConnected,
    Response,
)


class PoolCase(SynchronousTestCase):
    """Has a pool of two servers that are up."""

    def setUp(self) -> None:
        self.berlin, self.paris = network(), network()
        self.paris.clock = self.paris.server.clock = self.berlin.clock
        # A busy machine may make anyone slow, and the log would hold the event.
        self.pool = AMIPool(self.berlin.clock, ping_interval=None, slow_after=60)
        self.add("berlin", self.berlin)
        self.add("paris", self.paris)
        self.pool.startService()
        self.berlin.accept()
        self.paris.accept()

    def add(self, name: str, net: MemoryEndpoint, **options: Any) -> AMIService:
        service = self.pool.add(name, net, "admin", "hush", **options)
        if service._factory is not None:
            service._factory.spread = 0
        return service

    def emit(self, net: MemoryEndpoint, name: str = "Hangup", **headers: Any) -> None:
        net.server.emit(name, headers)
        net.flush()

    def flush(self) -> None:
        self.berlin.flush()
        self.paris.flush()


class EventTests(PoolCase):
    def test_an_observer_of_the_pool_gets_the_events_of_all_with_their_server(self) -> None:
        seen: list[Event] = []
        self.pool.on("Hangup", seen.append)
        self.emit(self.berlin)
        self.emit(self.paris)
        self.emit(self.berlin)
        self.assertEqual([event.server for event in seen], ["berlin", "paris", "berlin"])
        self.assertEqual({type(event).__name__ for event in seen}, {"Event"})
        self.assertIsInstance(seen[0], Event)
        self.assertEqual(repr(seen[0]), "<Event 'Hangup'>")

    def test_an_event_of_no_pool_has_no_server(self) -> None:
        self.assertEqual(Event(b"Event: Hangup").server, "")

    def test_an_observer_of_one_server_gets_its_events_only(self) -> None:
        seen: list[str] = []
        self.pool["paris"].on("Hangup", lambda event: seen.append("its own"))
        self.pool.on("Hangup", lambda event: seen.append("the pool's"))
        self.emit(self.berlin)
        self.assertEqual(seen, ["the pool's"])
        self.emit(self.paris)
        self.assertEqual(seen, ["the pool's", "its own", "the pool's"])

    def test_observers_come_and_go_at_any_time(self) -> None:
        seen: list[str] = []
        for names in ("Hangup", "Hang*", None):
            self.emit(self.berlin)
            subscription = self.pool.on(names, lambda event: seen.append(event.server))
            self.emit(self.berlin)
            self.emit(self.paris)
            self.assertEqual(seen, ["berlin", "paris"])
            subscription.cancel()
            self.emit(self.berlin)
            self.emit(self.paris)
            self.assertEqual(seen, ["berlin", "paris"])
            seen.clear()

    def test_what_one_handles_is_not_unhandled_for_the_other(self) -> None:
        unhandled: list[str] = []
        self.pool.on_unhandled(lambda event: unhandled.append(event.server))
        self.pool["paris"].on("Hangup", lambda event: None)
        self.emit(self.berlin)
        self.emit(self.paris)
        self.assertEqual(unhandled, ["berlin"])

    def test_once_is_once_for_all(self) -> None:
        seen: list[Event] = []
        self.pool.once("Hangup", seen.append)
        self.emit(self.paris)
        self.emit(self.berlin)
        self.assertEqual([event.server for event in seen], ["paris"])

    def test_one_can_wait_for_and_iterate_over_all(self) -> None:
        waiting = self.pool.wait_for("Hangup", where=lambda event: event.server == "paris")
        stream = self.pool.events("Hangup", limit=2)
        for net in (self.berlin, self.berlin, self.paris):
            self.emit(net)
        self.assertEqual(self.successResultOf(waiting).server, "paris")
        first = self.successResultOf(Deferred.fromCoroutine(stream.__anext__()))
        self.assertEqual((first.server, self.pool.events_dropped), ("berlin", 1))
        reading = Deferred.fromCoroutine(stream.__anext__())
        self.successResultOf(reading)
        reading = Deferred.fromCoroutine(stream.__anext__())
        self.pool.stopService()
        self.failureResultOf(reading, StopAsyncIteration)
        self.failureResultOf(self.pool.wait_for("Hangup"), ConnectionLost)


class ActionTests(PoolCase):
    def test_an_action_goes_to_the_server_that_is_named(self) -> None:
        pong = self.pool.action("Ping", server="paris")
        self.flush()
        self.assertEqual(self.successResultOf(pong)["Ping"], "Pong")
        self.assertEqual([len(net.session.actions) for net in (self.berlin, self.paris)], [1, 2])
        with self.assertRaises(KeyError):
            self.pool.action("Ping", server="rome")
        with self.assertRaises(TypeError):
            self.pool.action("Ping")  # type: ignore[call-arg]

    def test_an_action_on_all_has_a_result_for_each(self) -> None:
        self.paris.server.answer("Reload", "Response: Error\nActionID: {ActionID}\nMessage: no")
        self.berlin.server.answer("Reload", "Response: Success\nActionID: {ActionID}")
        rome = network()
        self.add("rome", rome)
        asked = self.pool.action_on_all("Reload", iter([("Module", "app_queue")]), timeout=5)
        self.flush()
        self.assertNoResult(asked)
        self.berlin.clock.advance(5)
        results = self.successResultOf(asked)
        self.assertEqual(list(results), ["berlin", "paris", "rome"])
        self.assertIsInstance(results["berlin"], Response)
        self.assertIsInstance(results["paris"], ActionError)
        self.assertIsInstance(results["rome"], NotConnected)
        for net in (self.berlin, self.paris):
            self.assertEqual(net.session.actions[-1]["Module"], "app_queue")

    def test_an_action_on_none_is_no_trouble(self) -> None:
        self.assertEqual(self.successResultOf(AMIPool(self.berlin.clock).action_on_all("Ping")), {})

    def test_what_cannot_be_sent_is_sent_to_none(self) -> None:
        with self.assertRaises(InvalidAction):
            self.pool.action_on_all("Ping", Data="a\r\nb")
        self.flush()
        self.assertEqual([len(net.session.actions) for net in (self.berlin, self.paris)], [1, 1])


class StateTests(PoolCase):
    def test_one_that_is_down_does_not_concern_the_others(self) -> None:
        told: list[tuple[str, Any]] = []
        self.pool.on_connected(lambda server, gap: told.append((server, gap)))
        self.pool.on_disconnected(lambda server, reason: told.append((server, reason)))
        seen: list[str] = []
        self.pool.on("Hangup", lambda event: seen.append(event.server))
        self.berlin.advance(10)
        self.berlin.cut()
        self.assertEqual(
            {name: health.up for name, health in self.pool.health.items()}, {"berlin": False, "paris": True}
        )
        self.assertIsInstance(self.pool.health["berlin"].reason, ConnectionDone)
        pong = self.pool.action("Ping", server="paris")
        self.emit(self.paris)
        self.successResultOf(pong)
        self.berlin.advance(1)
        self.berlin.accept()
        self.emit(self.berlin)
        self.assertEqual(seen, ["paris", "berlin"])
        (lost, reason), (found, gap) = told
        self.assertEqual((lost, found), ("berlin", "berlin"))
        self.assertIsInstance(reason, ConnectionDone)
        self.assertIsInstance(gap, Gap)
        self.assertEqual((gap.since, gap.until), (0, 11))
        stats = self.pool.stats
        self.assertEqual((stats["berlin"].reconnects, stats["paris"].reconnects), (1, 0))
        self.assertEqual((stats["berlin"].events["Hangup"], stats["paris"].events["Hangup"]), (1, 1))

    def test_it_is_a_service_that_starts_and_stops_all(self) -> None:
        verifyObject(IService, self.pool)
        stopping = self.pool.stopService()
        self.flush()
        self.successResultOf(stopping)
        self.assertEqual([net.server.sessions for net in (self.berlin, self.paris)], [[], []])
        self.assertEqual(self.berlin.clock.getDelayedCalls(), [])
        self.pool.startService()
        self.berlin.accept()
        self.assertTrue(self.pool["berlin"].logged_in)
        waiting = self.pool.wait_for("Hangup")
        self.emit(self.berlin)
        self.successResultOf(waiting)


class AddAndRemoveTests(PoolCase):
    def test_a_server_that_is_added_is_connected_to_and_observed(self) -> None:
        seen: list[str] = []
        self.pool.on("Hangup", lambda event: seen.append(event.server))
        rome = network()
        service = self.add("rome", rome)
        rome.accept()
        self.assertTrue(service.logged_in)
        self.emit(rome)
        self.assertEqual(seen, ["rome"])
        self.assertEqual((list(self.pool.servers), len(self.pool)), (["berlin", "paris", "rome"], 3))
        self.assertIs(self.pool["rome"], service)
        self.assertIs(self.pool.getServiceNamed("rome"), service)

    def test_the_options_are_the_pools_unless_given(self) -> None:
        pool = AMIPool(self.berlin.clock, action_timeout=5, slow_after=0.5)
        one, other = pool.add("a", network(), "admin", "x"), pool.add("b", network(), "admin", "x", action_timeout=7)
        self.assertEqual([each._timeouts.action for each in (one, other)], [5, 7])
        self.assertEqual(one.registry.slow_after, 0.5)

    def test_a_name_is_taken_once_and_a_bad_option_leaves_nothing(self) -> None:
        with self.assertRaisesRegex(ValueError, "'paris' already"):
            self.add("paris", network())
        with self.assertRaises(ValueError):
            self.add("rome", network(), timeout=-1)
        self.assertNotIn("rome", self.pool)
        self.assertEqual(len(self.pool.registry.members), 2)

    def test_a_server_that_is_removed_is_logged_off_and_forgotten(self) -> None:
        seen: list[str] = []
        self.pool.on("Hangup", lambda event: seen.append(event.server))
        removing = self.pool.remove("paris")
        self.assertNotIn("paris", self.pool)
        self.assertNoResult(removing)
        self.flush()
        self.successResultOf(removing)
        self.assertEqual(self.paris.server.sessions, [])
        self.emit(self.berlin)
        self.assertEqual((seen, list(self.pool)), (["berlin"], [self.pool["berlin"]]))
        with self.assertRaises(KeyError):
            self.pool.remove("paris")
        self.assertEqual(len(self.pool.registry.members), 1)

    def test_a_server_is_removed_from_a_pool_that_does_not_run(self) -> None:
        pool = AMIPool(self.berlin.clock)
        pool.add("a", network(), "admin", "x")
        self.successResultOf(pool.remove("a"))
        self.assertEqual((len(pool), pool.registry.members), (0, set()))

    def test_a_pool_without_servers_is_still_one(self) -> None:
        self.assertTrue(AMIPool(self.berlin.clock))


class LeakTests(PoolCase):
    def test_200_reconnects_leave_nothing(self) -> None:
        links: weakref.WeakSet[AMIProtocol] = weakref.WeakSet()
        self.pool.on_connected(lambda server, gap: links.add(gap.connection))
        self.pool.on("Hangup", lambda event: None)
        census = None
        for number in range(200):
            self.pool["berlin"].action("Sleep").addErrback(lambda _: None)
            self.pool["berlin"].wait_for("Hangup", timeout=60).addErrback(lambda _: None)
            self.emit(self.berlin)
            self.berlin.cut()
            self.berlin.advance(1)
            self.berlin.accept()
            self.berlin.pumps = self.berlin.pumps[-1:]
            if number == 20:
                census = txami_objects()
        self.assertEqual(self.pool.stats["berlin"].reconnects, 200)
        self.assertEqual(len(self.berlin.clock.getDelayedCalls()), 0)
        gc.collect()
        self.assertEqual(len(links), 1)
        assert census is not None
        self.assertEqual(txami_objects() - census, Counter())  # fewer of other tests' making are no harm
