"""
Calls, queues, lists and reconnects for as long as one likes, on a server of its own::

    python -m tests.asterisk.soak --minutes 30 --version 22

Two services, over TCP and over TLS, do the work and hear all events, each through a proxy that cuts it off now
and then.  A raw session that stays connected takes the same events down.  What a service heard through one
connection must be found in that record, byte by byte and in one piece; so what it missed is what came between
two of its connections, and nothing else.  Memory, objects and file descriptors must be as many at the end as
after a tenth of the time.
"""

from __future__ import annotations

import argparse
import gc
import os
import pathlib
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred, gatherResults

from tests.asterisk import lab
from tests.asterisk.chaos_proxy import ChaosProxy, Kind
from tests.asterisk.recorder import Recorder, record
from tests.asterisk.storm import together
from tests.census import txami_objects
from txami import AMIService, ConnectionLost, Event, Gap, NotConnected

#: Seconds for the last events to arrive everywhere.
_SETTLING = 10.0
_CUTS: tuple[Kind, ...] = ("fin", "rst")


@dataclass
class Sample:
    """What the process holds at a time when nothing goes on."""

    rss: int
    descriptors: int
    delayed_calls: int
    objects: Counter[str]


@dataclass
class Figures:
    """
    What a soak found.

    :ivar jobs: how often each job was done, or ended in the way that is named.
    :ivar compared: events that a service and the record agree about.
    :ivar missed: events that came while a service was not connected.
    :ivar reconnects: logins after the first.
    :ivar before: the process after a tenth of the time.
    :ivar after: the process at the end.
    """

    jobs: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    missed: int = 0
    reconnects: int = 0
    before: Sample | None = None
    after: Sample | None = None

    @property
    def new_objects(self) -> Counter[str]:
        """What there are more of than before."""
        assert self.before is not None
        assert self.after is not None
        return self.after.objects - self.before.objects

    def __str__(self) -> str:
        before, after = self.before, self.after
        assert before is not None
        assert after is not None
        return "\n".join(
            [
                *(f"{count:9,} {name}" for name, count in sorted(self.jobs.items())),
                f"{self.compared:9,} events compared",
                f"{self.missed:9,} events missed between connections",
                f"{self.reconnects:9,} reconnects",
                f"RSS {before.rss >> 10} -> {after.rss >> 10} KiB, descriptors {before.descriptors} -> "
                f"{after.descriptors}, delayed calls {before.delayed_calls} -> {after.delayed_calls}, "
                f"more objects: {dict(self.new_objects) or 'none'}",
            ]
        )


class Listener:
    """
    A service that is cut off now and then, and what it heard.

    :ivar cursor: how much of the record was compared.
    """

    def __init__(self, reactor: Any, server: lab.Server, tls: bool, figures: Figures) -> None:
        self.proxy = ChaosProxy(reactor, server.tls_port if tls else server.port)
        place = f"tls:localhost:{self.proxy.port}" if tls else f"127.0.0.1:{self.proxy.port}"
        self.service = AMIService(
            reactor,
            place,
            "admin",
            server.users["admin"],
            ping_interval=5,
            slow_after=60,
            ca_file=str(server.ca_file) if tls else None,
        )
        self.cursor = 0
        self._name = "TLS" if tls else "TCP"
        self._figures = figures
        self._heard: list[list[bytes]] = []
        self.service.on_connected(self._connected)
        self.service.on(None, self._take)

    def _connected(self, gap: Gap) -> None:
        self._heard.append([])

    def _take(self, event: Event) -> None:
        if event.name != "FullyBooted":
            self._heard[-1].append(event.raw)

    @property
    def latest(self) -> list[bytes]:
        """The events of the latest connection."""
        return self._heard[-1]

    def compare(self, record: list[bytes], all_of_it: bool = False) -> None:
        """
        Look up in the record what was heard through the connections that are over.

        :raises AssertionError: if something was lost, doubled, changed or reordered.
        """
        keep = 0 if all_of_it else 1
        while len(self._heard) > keep:
            epoch = self._heard.pop(0)
            if not epoch:
                continue
            if not all_of_it and epoch[-1] not in record[self.cursor :]:
                # The record is behind.
                self._heard.insert(0, epoch)
                return
            assert epoch[0] in record[self.cursor :], f"{self._name}: only the service heard {epoch[0]!r}"
            start = record.index(epoch[0], self.cursor)
            for heard, recorded in zip(epoch, record[start:], strict=False):
                assert heard == recorded, f"{self._name}: heard {heard!r}, but the record has {recorded!r}"
            assert len(record) - start >= len(epoch), f"{self._name}: heard more than the record has"
            if self.cursor:
                self._figures.missed += start - self.cursor
            self.cursor = start + len(epoch)
            self._figures.compared += len(epoch)


class Work:
    """Jobs of all kinds, each of which looks at its own answer."""

    def __init__(self, service: AMIService, chance: random.Random, done: Counter[str]) -> None:
        self._ami = service
        self._chance = chance
        self._done = done
        self._serial = 0
        self._jobs: list[Callable[[], Awaitable[None]]] = [
            *(self.answered, self.busy, self.congested, self.through_a_queue, self.bridged, self.campaign),
            *(self.channels, self.queues, self.endpoints, self.command, self.computed, self.database),
        ]

    async def do_each(self) -> None:
        """Do each job once, so that what is made once and kept is there."""
        for job in self._jobs:
            await self._do(job)

    async def do(self) -> None:
        """Do one of them."""
        await self._do(self._chance.choice(self._jobs))

    async def _do(self, job: Callable[[], Awaitable[None]]) -> None:
        try:
            await job()
        except ConnectionLost as lost:
            self._done["outcome unknown" if lost.sent else "not sent"] += 1
        except NotConnected:
            self._done["not sent"] += 1
        else:
            self._done[job.__name__.replace("_", " ")] += 1

    async def call(self, extension: str, seconds: float, status: str = "answered") -> None:
        """Place a call and see it through."""
        call = await self._ami.originate(f"Local/{extension}/n", application="Wait", data=str(seconds))
        outcome = await call.outcome
        assert outcome.status == status, (extension, outcome)
        await call.ended

    async def answered(self) -> None:
        await self.call("101@default", 0.2)

    async def busy(self) -> None:
        await self.call("102@default", 0.2, "busy")

    async def congested(self) -> None:
        await self.call("104@default", 0.2, "congestion")

    async def through_a_queue(self) -> None:
        await self.call("109@default", 1.5)

    async def bridged(self) -> None:
        await self.call("106@default", 0.5)

    async def campaign(self) -> None:
        await self.call(f"{self._chance.randrange(10**6)}@campaign", 0.5)

    async def channels(self) -> None:
        reply = await self._ami.action("CoreShowChannels")
        assert {event.name for event in reply.events} <= {"CoreShowChannel"}, reply
        assert reply.completion is not None
        assert int(reply.completion["ListItems"]) == len(reply.events), reply

    async def queues(self) -> None:
        reply = await self._ami.action("QueueStatus")
        assert {event["Queue"] for event in reply.events} == {"support", "sales"}, reply

    async def endpoints(self) -> None:
        reply = await self._ami.action("PJSIPShowEndpoints")
        assert {event.name for event in reply.events} == {"EndpointList"}, reply
        assert "alice" in {event["ObjectName"] for event in reply.events}, reply

    async def command(self) -> None:
        reply = await self._ami.command("core show uptime")
        assert reply.output[0].startswith("System uptime"), reply.output

    async def computed(self) -> None:
        number = self._chance.randrange(10**6)
        assert await self._ami.get_variable(f"MATH({number}*3,i)") == str(number * 3)

    async def database(self) -> None:
        self._serial += 1
        key, value = f"{id(self)}-{self._serial}", str(self._chance.random())
        await self._ami.db_put("soak", key, value)
        assert await self._ami.db_get("soak", key) == value
        await self._ami.db_delete("soak", key)


class Soak:
    """
    One run.

    :param reactor: the reactor.
    :param server: a server that runs and that nobody else uses.
    :param seconds: how long.
    :param workers: how many jobs each service does at a time.
    :param seed: of all that happens by chance.
    """

    def __init__(self, reactor: Any, server: lab.Server, seconds: float, workers: int = 4, seed: int = 1) -> None:
        self.figures = Figures()
        self._reactor = reactor
        self._server = server
        self._seconds = seconds
        self._workers = workers
        self._chance = random.Random(seed)
        self._listeners = [Listener(reactor, server, tls, self.figures) for tls in (False, True)]
        self._recorder: Recorder | None = None
        self._until = 0.0
        self._settled = 0

    async def run(self) -> Figures:
        """Do it."""
        recorder = self._recorder = await record(self._reactor, self._server)
        for listener in self._listeners:
            listener.service.startService()
        try:
            await together(
                Work(listener.service, self._chance, self.figures.jobs).do_each() for listener in self._listeners
            )
            await self._phase(self._seconds * 0.1)
            self.figures.before = self._sample()
            await self._phase(self._seconds * 0.9)
            self.figures.after = self._sample()
        finally:
            await gatherResults([listener.service.stopService() for listener in self._listeners])
            await gatherResults([listener.proxy.stop() for listener in self._listeners])
            await recorder.close()
        for listener in self._listeners:
            listener.compare(recorder.events, all_of_it=True)
        self.figures.reconnects = sum(listener.service.stats.reconnects for listener in self._listeners)
        return self.figures

    async def _phase(self, seconds: float) -> None:
        """Work for so long, and then wait until nothing goes on."""
        self._until = self._reactor.seconds() + seconds
        await together(
            part
            for listener in self._listeners
            for part in (self._cut(listener), *(self._work(listener.service) for _ in range(self._workers)))
        )
        await self._settle()

    async def _work(self, service: AMIService) -> None:
        work = Work(service, self._chance, self.figures.jobs)
        while self._reactor.seconds() < self._until:
            await work.do()
            await self._sleep(self._chance.uniform(0, 0.2))

    async def _cut(self, listener: Listener) -> None:
        while self._reactor.seconds() < self._until:
            await self._sleep(min(self._chance.uniform(2, 8), max(self._until - self._reactor.seconds(), 0)))
            lost = listener.service.when_disconnected()
            listener.proxy.strike(self._chance.choice(_CUTS))
            await lost
            await listener.service.when_ready()
            self._compare()

    async def _settle(self) -> None:
        """Wait until no channel is left, and all have heard of it."""
        service = self._listeners[0].service
        deadline = self._reactor.seconds() + _SETTLING + 60  # the longest call of the dialplan
        while (await service.action("CoreShowChannels")).events:
            assert self._reactor.seconds() < deadline, "channels are left"
            await self._sleep(0.2)
        assert self._recorder is not None
        self._settled += 1
        await service.action("UserEvent", UserEvent=f"Settled {self._settled}")
        mark = b"UserEvent: Settled %d" % self._settled
        heard = [self._recorder.events, *(listener.latest for listener in self._listeners)]
        while not all(any(mark in event for event in events) for events in heard):
            assert self._reactor.seconds() < deadline, "the last event is missing"
            await self._sleep(0.1)
        self._compare()

    def _compare(self) -> None:
        assert self._recorder is not None
        events = self._recorder.events
        for listener in self._listeners:
            listener.compare(events)
        # What all have compared is of no more use, and would count as memory.
        done = min(listener.cursor for listener in self._listeners) - 1
        if done > 0:
            del events[:done]
            for listener in self._listeners:
                listener.cursor -= done

    def _sample(self) -> Sample:
        gc.collect()
        rss = int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        descriptors = len(os.listdir("/proc/self/fd"))
        return Sample(rss, descriptors, len(self._reactor.getDelayedCalls()), txami_objects())

    async def _sleep(self, seconds: float) -> None:
        await task.deferLater(self._reactor, seconds)


async def _main(reactor: Any, options: argparse.Namespace) -> None:
    with lab.spare(options.version) as server:
        print(await Soak(reactor, server, options.minutes * 60, seed=options.seed).run())


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.asterisk.soak", description="Calls without end.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--version", choices=("22", "16"), default="22")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    reason = lab.available()
    if reason is not None:
        sys.exit(reason)
    task.react(lambda reactor: Deferred.fromCoroutine(_main(reactor, options)))


if __name__ == "__main__":
    main(sys.argv[1:])
