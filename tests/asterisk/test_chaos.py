"""
Nothing is lost, swapped or done twice, wherever the connection breaks.

With ``TXAMI_CHAOS=full`` every byte is tried where otherwise some are, and a storm has 500 faults rather than 250.
``TXAMI_CHAOS_SEED`` repeats a storm.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from tests.asterisk import lab
from tests.asterisk.chaos_proxy import ChaosProxy, Direction, Fault, Kind
from tests.asterisk.ledger import Ledger, write_down_actions
from tests.asterisk.storm import Storm, chaotic_service, together
from tests.asterisk.support import AsteriskCase, collect, on_each_server
from txami import AMIService, ConnectionLost

FULL: Final = os.environ.get("TXAMI_CHAOS") == "full"

_AT_ONCE: Final = 20
_WAYS: Final[tuple[Direction, ...]] = ("up", "down")
_CUTS: Final[tuple[Kind, ...]] = ("fin", "rst")
_servers: dict[str, lab.Server] = {}


class ChaosCase(AsteriskCase):
    """A test with a server whose log tells which actions it received."""

    timeout = 3600 if FULL else 600

    def setUp(self) -> None:
        super().setUp()
        self.need_lab("this test reads its server's log")
        if self.version not in _servers:
            server = lab.spare(self.version)
            server.start()
            write_down_actions(server)
            _servers[self.version] = server
        self.own = _servers[self.version]
        self.own.start()  # if a test that failed left it dead
        self.ledger = Ledger(self.reactor.seconds)

    def audit(self, outages: Sequence[tuple[float, float]] = ()) -> None:
        """Assert that the ledger agrees with what Asterisk wrote down."""
        found = self.ledger.audit(self.own, outages)
        self.assertEqual(found, [], f"{len(found)} of {len(self.ledger.entries)} entries")

    def say(self, text: str) -> None:
        """Print a line for who runs the tests with ``-s``."""
        print(f"\nAsterisk {self.version}: {text}", file=sys.stderr)


@on_each_server
class Offsets(ChaosCase):
    """One dialogue, which breaks at each of its bytes in turn."""

    async def test_cut_at_every_byte(self) -> None:
        await self.everywhere(_CUTS, stride={"22": 1, "16": 5}[self.version])
        self.assertGreater(self.ledger.ends["unknown"], 100)

    async def test_cut_over_tls(self) -> None:
        await self.everywhere(_CUTS, tls=True, stride=31)
        self.assertGreater(self.ledger.ends["unknown"], 10)

    async def test_torn_in_two(self) -> None:
        await self.everywhere(["delay"], stride=23)
        self.assertEqual(set(self.ledger.ends), {"answered"})
        # Asterisk closes the connection when a TLS record reaches it in two pieces after the login, however close they
        # follow each other; any client can see it.
        await self.everywhere(["delay"], tls=True, stride=41)
        self.assertLessEqual(set(self.ledger.ends), {"answered", "unknown"})

    async def test_byte_by_byte(self) -> None:
        # Over TLS Asterisk does not put up with it in its own direction, and the next connection does the work.
        for tls in (False, True):
            await self.everywhere(["split"], tls=tls, only_first=True)
        self.assertEqual(set(self.ledger.ends), {"answered"})

    async def test_stalled(self) -> None:
        # Without commands and calls: while one of those is under way a silent server is given a minute.
        for tls in (False, True):
            await self.everywhere(["stall"], tls=tls, stride=97, quick=True)
        self.assertGreater(self.ledger.ends["unknown"], 10)

    async def everywhere(
        self,
        kinds: Sequence[Kind],
        tls: bool = False,
        stride: int = 1,
        quick: bool = False,
        only_first: bool = False,
    ) -> None:
        """
        Hold the dialogue once for each of its bytes, or for some, and have it suffer a fault there.

        The kinds of faults take turns; with ``TXAMI_CHAOS=full`` every byte suffers all of them.
        """
        proxy = ChaosProxy(self.reactor, self.own.tls_port if tls else self.own.port)
        await self.hold(proxy, tls, quick)
        faults: list[Fault] = []
        for way in _WAYS:
            # What a signature needs of bytes differs a little.
            length = 1 if only_first else proxy.forwarded[way] - 8 * tls
            for number, offset in enumerate(range(0, length, 1 if FULL else stride)):
                some = kinds if FULL else [kinds[number % len(kinds)]]
                faults += [Fault(kind, way, offset) for kind in some]
        todo = iter(faults)
        await together(self.suffer(todo, tls, quick) for _ in range(_AT_ONCE))
        await self.sleep(0.5)  # for Asterisk's log
        self.say(f"{len(faults)} faults {kinds}, TLS {tls}, {dict(self.ledger.ends)}")
        self.audit()

    async def suffer(self, faults: Iterable[Fault], tls: bool, quick: bool) -> None:
        """Hold the dialogue with one fault after the other."""
        for fault in faults:
            for _ in range(20):
                proxy = ChaosProxy(self.reactor, self.own.tls_port if tls else self.own.port)
                proxy.plans.append([fault])
                await self.hold(proxy, tls, quick)
                if proxy.happened:
                    break  # else the connection was given up before, for the machine was slow

    async def hold(self, proxy: ChaosProxy, tls: bool, quick: bool) -> None:
        """Hold the dialogue through a proxy."""
        # Only a silence has to be found out by pings.
        login_timeout, ping_timeout = (2.0, 1.0) if quick else (10.0, 60.0)
        service = chaotic_service(self.reactor, self.own, proxy, tls, login_timeout, 60.0, ping_timeout)
        try:
            await self.converse(service, quick)
            end = await self.ledger.ping(service)
            if end != "answered":
                # That was the one action that the cut may have hit: now there is a new connection.
                again = await self.ledger.ping(service)
                if proxy.happened:
                    self.assertEqual((proxy.happened, again), (1, "answered"))
        finally:
            await service.stopService()
            await proxy.stop()

    async def converse(self, service: AMIService, quick: bool) -> None:
        """Run some actions at once and some one by one, and hear an event."""
        ledger, name = self.ledger, f"Chaos {random.randrange(10**9):09}"
        heard = collect(service, "UserEvent", where={"UserEvent": name})
        with contextlib.suppress(ConnectionLost):
            # Else it would hear the events of all the other dialogues.
            await service.add_filter("include", event="UserEvent", header="UserEvent", value=name)
        await together([ledger.compute(service), ledger.list_queues(service), ledger.ping(service)])
        if not quick:
            await together([ledger.command(service), ledger.compute(service)])
            await ledger.call(service, wait=True)
        link = service.connection
        end = await ledger.user_event(service, name)
        if end == "answered" and service.connection is link:
            await ledger.ping(service)
        if end == "answered" and service.connection is link is not None:
            self.assertEqual([event["UserEvent"] for event in heard], [name])
        self.assertLessEqual(len(heard), 1)


@on_each_server
class HalfOpen(ChaosCase):
    """A connection on which nothing moves any more."""

    async def test_it_is_found_although_a_call_was_being_placed(self) -> None:
        for tls in (False, True):
            proxy = ChaosProxy(self.reactor, self.own.tls_port if tls else self.own.port)
            self.addCleanup(proxy.stop)
            service = chaotic_service(self.reactor, self.own, proxy, tls, 10.0, 300.0)
            self.addCleanup(service.stopService)
            await service.when_ready()
            proxy.strike("stall")
            began = self.reactor.seconds()
            # Asterisk answers an asynchronous Originate at once, so it is no excuse for silence.
            self.assertEqual(await self.ledger.call(service), "unknown")
            self.assertLess(self.reactor.seconds() - began, 60)
        self.audit()


@on_each_server
class Storms(ChaosCase):
    """Faults at random, of the network and of the server."""

    async def test_what_asterisk_received_is_in_the_ledger(self) -> None:
        seed = int(os.environ.get("TXAMI_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
        storm = Storm(self.reactor, self.own, self.ledger, 500 if FULL else 250, seed)
        try:
            await storm.run()
            self.say(f"seed {seed}: {dict(storm.faults)} {dict(self.ledger.ends)}")
            self.audit(storm.outages)
        except Exception as error:
            raise AssertionError(f"with TXAMI_CHAOS_SEED={seed}, after {dict(storm.faults)}: {error}") from error
        self.assertGreater(self.ledger.ends["answered"], len(self.ledger.entries) / 4)
