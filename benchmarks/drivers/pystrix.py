"""pystrix, https://github.com/IVRTech/pystrix: threads, and calls that wait for their reply."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any

from .measuring import LAST_EVENT, Orders, Sample, Stopwatch, orders, report


class Driver:
    """Does one work over one connection.  (It cannot have two actions under way in one thread.)"""

    def __init__(self, core: Any, manager: Any, job: Orders) -> None:
        self.core = core
        self.manager = manager
        self.job = job
        self.watch = Stopwatch()
        self.checks: dict[str, object] = {}

    def replay(self) -> None:
        """Ask for the events and wait for the last of them."""
        last = threading.Event()
        self.manager.register_callback(LAST_EVENT, lambda event, manager: last.set())
        self.watch.start()
        self.manager.send_action(self.core.UserEvent(UserEvent="Replay"))
        last.wait()
        self.watch.stop()

    def hangup(self) -> None:
        """Observe one kind of event."""
        uniqueids: list[str] = []
        self.manager.register_callback("Hangup", lambda event, manager: uniqueids.append(event["Uniqueid"]))
        self.replay()
        self.checks = {"hangups": uniqueids}

    def all(self) -> None:
        """Observe all events, and read the name and one header."""
        names: list[str] = []
        uniqueids: list[str] = []

        def observe(event: Any, manager: Any) -> None:
            names.append(event.name)
            uniqueids.append(event.get("Uniqueid", ""))

        self.manager.register_callback("", observe)
        self.replay()
        self.checks = {"names": names, "uniqueids": uniqueids}

    def headers(self) -> None:
        """Read every header of every event."""
        sample = Sample()
        self.manager.register_callback("", lambda event, manager: sample.add(event.items()))
        self.replay()
        self.checks = sample.checks()

    def sequential(self) -> None:
        """Wait for each ping."""
        self.watch.start()
        answers = [self.manager.send_action(self.core.Ping()) for _ in range(self.job.size)]
        self.watch.stop()
        self.checks = {"pongs": [answer.response["Timestamp"] for answer in answers]}

    def list(self) -> None:
        """Read one header of each item."""
        channels: list[str] = []
        self.watch.start()
        for _ in range(self.job.repeat):
            request = self.core.CoreShowChannels()
            request.synchronous = True
            request.timeout = 60
            reply = self.manager.send_action(request)
            channels += [event["Channel"] for event in reply.events["CoreShowChannel"]]
        self.watch.stop()
        self.checks = {"items": channels}

    def command(self) -> None:
        """Read the lines of an output."""
        lines: list[str] = []
        self.watch.start()
        for _ in range(self.job.repeat):
            lines += self.manager.send_action(self.core.Command("core show everything")).response.data
        self.watch.stop()
        self.checks = {"lines": lines}


def main() -> None:
    """Do the work of the command line."""
    job = orders()
    ami, core = import_module("pystrix.ami"), import_module("pystrix.ami.core")
    manager = ami.Manager()
    manager.connect(job.host, job.port)
    manager.send_action(core.Login(str(job.size), "none"))
    driver = Driver(core, manager, job)
    getattr(driver, job.work)()
    report(driver.watch, **driver.checks)
    manager.close()


if __name__ == "__main__":
    main()
