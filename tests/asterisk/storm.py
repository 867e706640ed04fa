"""
Faults at random: of the network, and of the server itself, while actions of all kinds are under way.

Some clients, every other one over TLS, send batch after batch through a proxy each; every batch is struck by a
fault.  Meanwhile the server is killed, stopped and restarted.  How each action ended is in the ledger.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tests.asterisk import lab
from tests.asterisk.chaos_proxy import ChaosProxy, Direction, Fault, Kind
from tests.asterisk.ledger import End, Ledger
from tests.asterisk.recorder import record
from txami import AMIService

ResultT = TypeVar("ResultT")

_KINDS: Final[tuple[Kind, ...]] = ("fin", "rst", "stall", "delay", "split")
_WAYS: Final[tuple[Direction, ...]] = ("up", "down")
_ACTION_TIMEOUT: Final = 2.0


async def together(awaitables: Iterable[Awaitable[ResultT]]) -> list[ResultT]:
    """Wait for all of them, also if some fail; then raise the first failure."""
    running = [Deferred.fromCoroutine(_see_through(one)) for one in awaitables]
    await DeferredList(running)
    return [await one for one in running]


async def _see_through(awaitable: Awaitable[ResultT]) -> ResultT:
    return await awaitable


def chaotic_service(
    reactor: Any,
    server: lab.Server,
    proxy: ChaosProxy,
    tls: bool,
    login_timeout: float = 1.0,
    timeout: float = 10.0,
    ping_timeout: float = 0.3,
) -> AMIService:
    """
    Return a service behind a proxy, which has been started.

    It finds out soon that the other end is silent, and connects again soon, for there are many faults.

    :param login_timeout: seconds for an attempt to connect, and again for the login.
    :param timeout: seconds for an action, the time that it waits for a connection included.
    :param ping_timeout: seconds for the answer to a ping, and between two pings.
    """
    service = AMIService(
        reactor,
        f"tls:localhost:{proxy.port}" if tls else f"127.0.0.1:{proxy.port}",
        "admin",
        server.users["admin"],
        events="system,user",
        timeout=login_timeout,
        action_timeout=timeout,
        ping_interval=ping_timeout,
        ping_timeout=ping_timeout,
        ca_file=str(server.ca_file) if tls else None,
        slow_after=60,
    )
    service.startService()
    assert service._factory is not None
    service._factory.initialDelay = service._factory.delay = 0.01
    service._factory.maxDelay = 0.1  # type: ignore[assignment]
    return service


class Client:
    """
    A service behind a proxy.

    :ivar faults: how many faults struck it, by kind.
    """

    def __init__(self, reactor: Any, server: lab.Server, tls: bool, ledger: Ledger, chance: random.Random) -> None:
        self.proxy = ChaosProxy(reactor, server.tls_port if tls else server.port)
        self.faults: Counter[str] = Counter()
        self.service = chaotic_service(reactor, server, self.proxy, tls, timeout=_ACTION_TIMEOUT)
        self._reactor = reactor
        self._ledger = ledger
        self._chance = chance

    async def round(self) -> None:
        """Send a batch, and have it struck."""
        kind, way = self._chance.choice(_KINDS), self._chance.choice(_WAYS)
        happened = self.proxy.happened
        if self._chance.random() < 0.5:
            # At a byte of the next connection, which is made at once.
            self.proxy.plans.append([Fault(kind, way, self._chance.randrange(4000))])
            self.proxy.strike("rst")
            batch = Deferred.fromCoroutine(self._send_batch())
        else:
            batch = Deferred.fromCoroutine(self._send_batch())
            await deferLater(self._reactor, self._chance.expovariate(200))
            self.proxy.strike(kind)
        await batch
        self.faults[kind] += self.proxy.happened - happened
        if kind == "stall":
            # Where a command was under way, which may take long, txami is right to wait.
            self.proxy.strike("rst")

    async def _send_batch(self) -> None:
        ledger, service = self._ledger, self.service
        asked: list[Callable[[], Awaitable[End]]] = [
            *(lambda: ledger.ping(service) for _ in range(10)),
            *(lambda: ledger.compute(service, or_nothing=True) for _ in range(4)),
            lambda: ledger.list_queues(service, or_nothing=True),
            lambda: ledger.user_event(service, "Storm"),
            lambda: ledger.command(service),
            lambda: ledger.call(service),
            lambda: ledger.call(service, wait=True),
        ]
        some = self._chance.sample(asked, self._chance.randint(3, len(asked)))
        await together(ask() for ask in some)

    async def end(self) -> None:
        """Make a last connection, which suffers nothing, and use it."""
        self.proxy.plans.clear()
        lost = self.service.when_disconnected()
        if self.service.logged_in:
            self.proxy.strike("rst")
            await lost
        end = await self._ledger.ping(self.service)
        assert end == "answered", f"the last ping was not answered: {end}"

    async def stop(self) -> None:
        """Close everything."""
        await self.service.stopService()
        await self.proxy.stop()


class Storm:
    """
    A number of random faults.

    :param server: a server of one's own that runs, and writes down its actions.
    :param faults: how many.
    :param seed: with the same seed the same faults are tried, though not to the microsecond.
    :ivar faults: how many there were, by kind.
    :ivar outages: when the server was down, see :meth:`~tests.asterisk.ledger.Ledger.audit`.
    """

    def __init__(
        self, reactor: Any, server: lab.Server, ledger: Ledger, faults: int, seed: int, clients: int = 8
    ) -> None:
        self.outages: list[tuple[float, float]] = []
        self._of_server: Counter[str] = Counter()
        self._reactor = reactor
        self._server = server
        self._ledger = ledger
        self._chance = random.Random(seed)
        self._wanted = faults
        self._clients = [Client(reactor, server, bool(number % 2), ledger, self._chance) for number in range(clients)]

    @property
    def faults(self) -> Counter[str]:
        return sum((client.faults for client in self._clients), self._of_server)

    async def run(self) -> None:
        """Have it happen, and wait until all is quiet again."""
        try:
            await together([self._strike_server(), *(self._strike(client) for client in self._clients)])
            for client in self._clients:
                await client.end()
            await deferLater(self._reactor, 1.0)  # for calls that were accepted, and for Asterisk's log
        finally:
            for client in self._clients:
                await client.stop()

    @property
    def _is_over(self) -> bool:
        return self.faults.total() >= self._wanted

    async def _strike(self, client: Client) -> None:
        while not self._is_over:
            await client.round()

    async def _strike_server(self) -> None:
        faults = [self._kill, self._pause, self._restart]
        self._chance.shuffle(faults)
        for fault in itertools.cycle(faults):
            if self._is_over:
                break
            await fault()
            self._of_server[fault.__name__.strip("_")] += 1
            await deferLater(self._reactor, self._chance.uniform(0.5, 2.0))

    async def _kill(self) -> None:
        """Let it crash in the middle of whatever it does, and start it again."""
        down = self._reactor.seconds()
        self._server.kill()
        await deferLater(self._reactor, self._chance.uniform(0, 0.3))
        await deferToThread(self._server.start)
        self.outages.append((down, self._reactor.seconds()))

    async def _pause(self) -> None:
        """Let it be half open: its sockets live, and say nothing."""
        self._server.pause()
        await deferLater(self._reactor, self._chance.uniform(0.05, 1.5))
        self._server.resume()

    async def _restart(self) -> None:
        """Have it start itself anew, by one whom no fault strikes."""
        down, read = self._reactor.seconds(), self._server.log_file.stat().st_size
        recorder = await record(self._reactor, self._server, events="off")
        recorder.send(Action="Command", Command="core restart now")
        await recorder.closed
        while not self._has_booted(read):
            await deferLater(self._reactor, 0.05)
        self.outages.append((down, self._reactor.seconds()))

    def _has_booted(self, read: int) -> bool:
        """Tell whether the log says so beyond a position."""
        with open(self._server.log_file, "rb") as log:
            log.seek(read)
            return b"Asterisk Ready." in log.read()
