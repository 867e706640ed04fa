"""txami itself."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

import txami

from .measuring import LAST_EVENT, Orders, Sample, Stopwatch, orders, report


class Driver:
    """Does one work over one connection."""

    def __init__(self, ami: txami.AMIProtocol, job: Orders) -> None:
        self.ami = ami
        self.job = job
        self.watch = Stopwatch()
        self.checks: dict[str, object] = {}

    async def replay(self) -> None:
        """Ask for the events and wait for the last of them."""
        last: Deferred[txami.Event] = Deferred()
        self.ami.once(LAST_EVENT, last.callback)
        self.watch.start()
        self.ami.action("UserEvent", UserEvent="Replay")
        await last
        self.watch.stop()

    async def hangup(self) -> None:
        """Observe one kind of event."""
        uniqueids: list[str] = []
        self.ami.on("Hangup", lambda event: uniqueids.append(event["Uniqueid"]))
        await self.replay()
        self.checks = {"hangups": uniqueids}

    async def all(self) -> None:
        """Observe all events, and read the name and one header."""
        names: list[str] = []
        uniqueids: list[str] = []

        def observe(event: txami.Event) -> None:
            names.append(event.name)
            uniqueids.append(event.get("Uniqueid", ""))

        self.ami.on(None, observe)
        await self.replay()
        self.checks = {"names": names, "uniqueids": uniqueids}

    tls = all

    async def headers(self) -> None:
        """Read every header of every event."""
        sample = Sample()
        self.ami.on(None, lambda event: sample.add(event.items()))
        await self.replay()
        self.checks = sample.checks()

    async def pipelined(self) -> None:
        """Send all pings at once, each with its timeout."""
        self.watch.start()
        answers = await gatherResults([self.ami.action("Ping") for _ in range(self.job.size)])
        self.watch.stop()
        self.checks = {"pongs": [answer["Timestamp"] for answer in answers]}

    async def sequential(self) -> None:
        """Await each ping."""
        answers = []
        self.watch.start()
        for _ in range(self.job.size):
            answers.append(await self.ami.action("Ping"))
        self.watch.stop()
        self.checks = {"pongs": [answer["Timestamp"] for answer in answers]}

    async def list(self) -> None:
        """Read one header of each item."""
        channels: list[str] = []
        self.watch.start()
        for _ in range(self.job.repeat):
            response = await self.ami.action("CoreShowChannels")
            channels += [event["Channel"] for event in response.events]
        self.watch.stop()
        self.checks = {"items": channels}

    async def command(self) -> None:
        """Read the lines of an output."""
        lines: list[str] = []
        self.watch.start()
        for _ in range(self.job.repeat):
            lines += (await self.ami.command("core show everything")).output
        self.watch.stop()
        self.checks = {"lines": lines}


async def main(reactor: Any) -> None:
    """Do the work of the command line."""
    job = orders()
    place, options = f"{job.host}:{job.port}", {}
    if "ca_file" in job.extra:
        place, options = f"tls:localhost:{job.port}", {"ca_file": job.extra["ca_file"]}
    ami = await txami.connect(reactor, place, str(job.size), "none", **options)
    driver = Driver(ami, job)
    await getattr(driver, job.work)()
    report(driver.watch, **driver.checks)
    await ami.logoff()


if __name__ == "__main__":
    react(main)
