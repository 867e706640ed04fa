"""txami, with much of one thing: observers, pending actions, connections, events gone by, bytes in a header."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

import txami

from .measuring import LAST_EVENT, Orders, Stopwatch, orders, report


def resident() -> int:
    """Return the bytes that this process has in memory, as Linux has them; ``resource`` knows the peak only."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Driver:
    """Does one work."""

    def __init__(self, reactor: Any, job: Orders) -> None:
        self.reactor = reactor
        self.job = job
        self.watch = Stopwatch()
        self.checks: dict[str, Any] = {}

    async def connect(self, size: int | None = None) -> txami.AMIProtocol:
        """Return a new connection."""
        name = str(self.job.size if size is None else size)
        return await txami.connect(self.reactor, f"{self.job.host}:{self.job.port}", name, "none", action_timeout=3600)

    async def replay(self, ami: txami.AMIProtocol, what: str = "Replay", count: int | None = None) -> None:
        """Ask for events, and wait for the last of them."""
        last: Deferred[txami.Event] = Deferred()
        ami.once(LAST_EVENT, last.callback)
        ami.action("UserEvent", UserEvent=what, Count=count)
        await last

    async def hangups(self, ami: txami.AMIProtocol) -> None:
        """Measure a replay of which only the hangups are observed."""
        uniqueids: list[str] = []
        ami.on("Hangup", lambda event: uniqueids.append(event["Uniqueid"]))
        self.watch.start()
        await self.replay(ami)
        self.watch.stop()
        self.checks = {"hangups": uniqueids}

    async def observers(self) -> None:
        """Have many observers of other events."""
        ami = await self.connect()
        for number in range(self.job.extra["observers"]):
            ami.on(f"Other{number}", print)
        await self.hangups(ami)

    async def aged(self) -> None:
        """Have had many events before."""
        ami = await self.connect()
        await self.replay(ami, count=self.job.extra["before"])
        await self.hangups(ami)

    async def pending(self) -> None:
        """Have many actions that wait for their reply."""
        ami = await self.connect()
        for _ in range(self.job.extra["pending"]):
            ami.action("UserEvent", UserEvent="Silence").addErrback(lambda _: None)
        await ami.action("Ping")  # all of them have left
        await self.hangups(ami)
        self.checks["pending"] = ami.pending

    async def items(self) -> None:
        """Ask for many lists of a size, less what as many empty lists cost."""
        ami, empty = await self.connect(), await self.connect(0)
        channels: list[str] = []
        base = 0.0
        for count in [100] * (self.job.repeat // 100) or [self.job.repeat]:
            for link in (empty, ami):
                watch = Stopwatch()
                watch.start()
                for reply in await gatherResults([link.action("CoreShowChannels") for _ in range(count)]):
                    channels += [event["Channel"] for event in reply.events]
                watch.stop()
                base += watch.cpu if link is ami else -watch.cpu
        self.watch.cpu = base
        self.checks = {"items": channels}

    async def giant(self) -> None:
        """Get events with a header of many MiB."""
        ami = await self.connect()
        sizes: list[str] = []
        ami.on("Giant", lambda event: sizes.append(str(len(event["Payload"]))))
        await self.replay(ami, "Giant")
        sizes.clear()
        self.watch.start()
        for _ in range(self.job.repeat):
            await self.replay(ami, "Giant")
        self.watch.stop()
        self.checks = {"sizes": sizes}

    async def memory(self) -> None:
        """See what is left of very many events: how the memory after a tenth of them compares with that after all."""
        ami = await self.connect()
        counts = {"events": 0}

        def observe(event: txami.Event) -> None:
            counts["events"] += event["Event"] != LAST_EVENT

        ami.on(None, observe)
        early = 0
        for _ in range(self.job.repeat):
            await self.replay(ami)
            early = early or resident()
        self.checks = {**counts, "growth": resident() / early, "kib": resident() / 1024}

    async def connections(self) -> None:
        """Have many idle connections."""
        first = await self.connect()
        before = resident()
        links = [await self.connect() for _ in range(self.job.size)]
        self.checks = {"kib": (resident() - before) / 1024 / len(links), "connected": sum(_.logged_in for _ in links)}
        await gatherResults([link.logoff() for link in [first, *links]])


async def main(reactor: Any) -> None:
    """Do the work of the command line."""
    job = orders()
    driver = Driver(reactor, job)
    await getattr(driver, job.work)()
    report(driver.watch, **driver.checks)


if __name__ == "__main__":
    react(main)
