"""Two real servers in one pool, and what a reconnect leaves behind."""

from __future__ import annotations

import os
import weakref
from collections import Counter
from typing import Any

from tests.asterisk import lab
from tests.asterisk.support import AsteriskCase
from tests.census import txami_objects
from txami import AMIPool, AMIProtocol, AMIService, Event, Gap

#: How often the connection is lost and made anew.
RECONNECTS = 200


class PoolTests(AsteriskCase):
    __test__ = True

    def setUp(self) -> None:
        super().setUp()
        self.need_lab("this test needs two servers, one of which it kills")

    def start_pool(self) -> tuple[AMIPool, dict[str, lab.Server]]:
        """Return a pool of two servers that nobody else uses."""
        pool = AMIPool(self.reactor, ping_interval=1, ping_timeout=30)
        servers = {}
        for version in ("22", "16"):
            server = servers[version] = lab.spare(version)
            self.addCleanup(server.stop)
            server.start()
            pool.add(version, self.place(server), *self.credentials("admin", server))
        pool.startService()
        self.addCleanup(pool.stopService)
        return pool, servers

    async def test_one_is_killed_and_comes_back_and_the_other_does_not_notice(self) -> None:
        pool, servers = self.start_pool()
        told: list[tuple[str, Any]] = []
        events: list[Event] = []
        pool.on_connected(lambda server, gap: told.append((server, gap)))
        pool.on_disconnected(lambda server, reason: told.append((server, reason)))
        pool.on("UserEvent", events.append)
        versions = await pool.action_on_all("CoreSettings")
        self.assertEqual(
            {name: str(reply["AsteriskVersion"]).split(".")[0] for name, reply in versions.items()},  # type: ignore[index]
            {"22": "22", "16": "16"},
        )
        before = self.reactor.seconds()
        await pool.action_on_all("UserEvent", UserEvent="Before")
        await self.until(lambda: len(events) == 2)
        self.assertEqual({event.server for event in events}, {"22", "16"})
        told.clear()

        servers["16"].kill()
        await self.until(lambda: told)
        noticed_at = self.reactor.seconds()
        self.assertEqual((told[0][0], [health.up for health in pool.health.values()]), ("16", [True, False]))
        await self.goes_on(pool, events)
        both = await pool.action_on_all("Ping", timeout=5)
        self.assertEqual([isinstance(result, Exception) for result in both.values()], [False, True])

        servers["16"].start()
        await self.until(lambda: len(told) == 2)
        name, gap = told[1]
        self.assertEqual(name, "16")
        self.assertIsInstance(gap, Gap)
        # When it was heard of last, and again.
        self.assertTrue(before <= gap.since <= noticed_at < gap.until, (before, gap, noticed_at))
        await pool.action("UserEvent", server="16", UserEvent="After")
        await self.until(lambda: events[-1].server == "16")
        await self.goes_on(pool, events)
        stats = pool.stats
        self.assertEqual((stats["22"].reconnects, stats["16"].reconnects), (0, 1))
        self.assertEqual([server for server, _ in told], ["16", "16"])

    async def goes_on(self, pool: AMIPool, events: list[Event]) -> None:
        """Assert that calls and events of the server that lives are as ever."""
        events.clear()
        call = await pool["22"].originate("Local/101@default", application="Wait", data="0.1")
        self.assertTrue((await call.outcome).answered)
        await call.ended
        await pool.action("UserEvent", server="22", UserEvent="Meanwhile")
        await self.until(lambda: events)
        self.assertEqual([(event.server, event["UserEvent"]) for event in events], [("22", "Meanwhile")])

    async def test_200_reconnects_of_one_leave_nothing_and_the_other_goes_on(self) -> None:
        pool = AMIPool(self.reactor, ping_interval=1, ping_timeout=30, slow_after=60)
        for version in ("22", "16"):
            server = lab.server(version)
            pool.add(version, self.place(server), *self.credentials("admin", server))
        pool.startService()
        self.addCleanup(pool.stopService)
        service = pool["22"]
        links: weakref.WeakSet[AMIProtocol] = weakref.WeakSet()
        others: list[str] = []
        service.on_connected(lambda gap: links.add(gap.connection))
        pool["16"].on("UserEvent", lambda event: others.append(event["UserEvent"]))
        pool.on("*", lambda event: None)
        await service.when_ready()
        await pool["16"].when_ready()
        before = None
        for number in range(RECONNECTS):
            await self.reconnect(service)
            await pool.action("UserEvent", server="16", UserEvent=f"Meanwhile {number}")
            if number == 20:
                before = self.census()
        assert before is not None
        # A ping may be under way, or a connection of another test be closing.
        await self.until(lambda: self.census()[1:] <= before[1:])
        after = self.census()
        await self.until(lambda: len(others) == RECONNECTS)
        self.assertEqual(others, [f"Meanwhile {number}" for number in range(RECONNECTS)])
        self.assertEqual((pool.stats["22"].reconnects, pool.stats["16"].reconnects), (RECONNECTS, 0))
        self.assertEqual(len(links), 1)
        self.assertEqual(after[0] - before[0], Counter())  # fewer of other tests' making are no harm

    async def reconnect(self, service: AMIService) -> None:
        """Cut the connection from this side, with an action under way, and wait for the next one."""
        assert service._factory is not None
        assert service.connection is not None
        service._factory.initialDelay = service._factory.delay = 0.01
        service.action("WaitEvent", Timeout=60, timeout=60).addErrback(lambda _: None)
        lost = service.when_disconnected()
        transport: Any = service.connection.transport
        transport.abortConnection()
        await lost
        await service.when_ready()
        await service.action("Ping")

    def census(self) -> tuple[Counter[str], int, int]:
        """Count the objects of txami by type, the delayed calls and the sockets."""
        return txami_objects(), len(self.reactor.getDelayedCalls()), _sockets()


class PreflightTests(AsteriskCase):
    __test__ = True

    async def test_what_a_user_may_do_is_known_beforehand(self) -> None:
        self.need_lab("this test needs the lab's users")
        for version in ("22", "16"):
            server = lab.server(version)
            for user, expected in (("admin", True), ("watcher", False)):
                ami = await self.connect(user, server=server)
                answers = [await ami.allowed(action) for action in ("Originate", "originate", "Ping", "NoSuchAction")]
                self.assertEqual(answers, [expected, expected, True, False], (version, user))

    async def test_a_server_says_that_it_has_booted_reloaded_and_stops(self) -> None:
        self.need_lab("this test stops its server")
        server = lab.spare("22")
        self.addCleanup(server.stop)
        server.start()
        service = self.start_service(server)
        seen: list[str] = []
        for observe in (service.on_fully_booted, service.on_reload, service.on_shutdown):
            observe(lambda event: seen.append(event.name))
        await self.until(lambda: service.booted)
        await service.action("ModuleLoad", Module="app_queue.so", LoadType="reload")
        await self.until(lambda: "Reload" in seen)
        service.command("core stop now").addErrback(lambda _: None)
        await service.when_disconnected()
        self.assertFalse(service.booted)
        self.assertEqual(seen[:2], ["FullyBooted", "Reload"])


def _sockets() -> int:
    """Count the sockets of this process."""
    found = 0
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:")
        except FileNotFoundError:  # that of the listing itself
            continue
    return found
