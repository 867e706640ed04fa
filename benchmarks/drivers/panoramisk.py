"""panoramisk, https://github.com/gawel/panoramisk: asyncio."""

from __future__ import annotations

import asyncio
import logging
from importlib import import_module
from typing import Any

from .measuring import LAST_EVENT, Orders, Sample, Stopwatch, orders, report


class Driver:
    """Does one work over one connection."""

    def __init__(self, manager: Any, job: Orders) -> None:
        self.manager = manager
        self.job = job
        self.watch = Stopwatch()
        self.checks: dict[str, object] = {}

    async def replay(self) -> None:
        """Ask for the events and wait for the last of them."""
        last = asyncio.Event()
        self.manager.register_event(LAST_EVENT, lambda manager, event: last.set())
        self.watch.start()
        # No answer is waited for: its Action takes all that has its ActionID, and forgets nothing.
        self.manager.send_action({"Action": "UserEvent", "UserEvent": "Replay"})
        await last.wait()
        self.watch.stop()

    async def hangup(self) -> None:
        """Observe one kind of event."""
        uniqueids: list[str] = []
        self.manager.register_event("Hangup", lambda manager, event: uniqueids.append(event["Uniqueid"]))
        await self.replay()
        self.checks = {"hangups": uniqueids}

    async def all(self) -> None:
        """Observe all events, and read the name and one header."""
        names: list[str] = []
        uniqueids: list[str] = []

        @self.manager.register_event("*")  # type: ignore[untyped-decorator]
        def observe(manager: Any, event: Any) -> None:
            names.append(event.event)
            uniqueids.append(event.get("Uniqueid", ""))

        await self.replay()
        self.checks = {"names": names, "uniqueids": uniqueids}

    async def headers(self) -> None:
        """Read every header of every event."""
        sample = Sample()
        self.manager.register_event("*", lambda manager, event: sample.add(event.items()))
        await self.replay()
        self.checks = sample.checks()

    async def pipelined(self) -> None:
        """Send all pings at once."""
        self.watch.start()
        answers = await asyncio.gather(*[self.manager.send_action({"Action": "Ping"}) for _ in range(self.job.size)])
        self.watch.stop()
        self.checks = {"pongs": [answer["Timestamp"] for answer in answers]}

    async def sequential(self) -> None:
        """Await each ping."""
        answers = []
        self.watch.start()
        for _ in range(self.job.size):
            answers.append(await self.manager.send_action({"Action": "Ping"}))
        self.watch.stop()
        self.checks = {"pongs": [answer["Timestamp"] for answer in answers]}

    async def list(self) -> None:
        """Read one header of each item."""
        channels: list[str] = []
        self.watch.start()
        for _ in range(self.job.repeat):
            _, *items, _ = await self.manager.send_action({"Action": "CoreShowChannels"})
            channels += [item["Channel"] for item in items]
        self.watch.stop()
        self.checks = {"items": channels}

    async def command(self) -> None:
        """Read the lines of an output."""
        lines: list[str] = []
        self.watch.start()
        for _ in range(self.job.repeat):
            lines += (await self.manager.send_command("core show everything"))["Output"]
        self.watch.stop()
        self.checks = {"lines": lines}


async def main() -> None:
    """Do the work of the command line."""
    job = orders()
    logging.disable(logging.CRITICAL)  # it tells of each message, which costs more than the message
    loggedin = asyncio.Event()
    manager = import_module("panoramisk").Manager(
        host=job.host,
        port=job.port,
        username=str(job.size),
        secret="none",
        loop=asyncio.get_running_loop(),
        on_login=lambda manager: loggedin.set(),
    )
    await manager.connect()
    await loggedin.wait()
    driver = Driver(manager, job)
    await getattr(driver, job.work)()
    report(driver.watch, **driver.checks)


if __name__ == "__main__":
    asyncio.run(main())
