"""asterisk-ami, https://github.com/ettoreleandrotognoli/python-ami: a thread that reads, and futures."""

from __future__ import annotations

import threading
import warnings
from importlib import import_module
from typing import Any

from .measuring import LAST_EVENT, Orders, Sample, Stopwatch, orders, report


class Driver:
    """Does one work over one connection."""

    def __init__(self, ami: Any, client: Any, job: Orders) -> None:
        self.ami = ami
        self.client = client
        self.job = job
        self.watch = Stopwatch()
        self.checks: dict[str, object] = {}

    def send(self, name: str, **headers: str) -> Any:
        """Send an action and return its future."""
        return self.client.send_action(self.ami.SimpleAction(name, **headers))

    def replay(self) -> None:
        """Ask for the events and wait for the last of them."""
        last = threading.Event()
        self.client.add_event_listener(on_event=lambda source, event: last.set(), white_list=[LAST_EVENT])
        self.watch.start()
        self.send("UserEvent", UserEvent="Replay")
        last.wait()
        self.watch.stop()

    def hangup(self) -> None:
        """Observe one kind of event."""
        uniqueids: list[str] = []
        self.client.add_event_listener(
            on_event=lambda source, event: uniqueids.append(event["Uniqueid"]), white_list=["Hangup"]
        )
        self.replay()
        self.checks = {"hangups": uniqueids}

    def all(self) -> None:
        """Observe all events, and read the name and one header."""
        names: list[str] = []
        uniqueids: list[str] = []

        def observe(event: Any, source: Any) -> None:
            names.append(event.name)
            uniqueids.append(event.keys.get("Uniqueid", ""))

        self.client.add_event_listener(observe)
        self.replay()
        self.checks = {"names": names, "uniqueids": uniqueids}

    def headers(self) -> None:
        """Read every header of every event; the first one is the name."""
        sample = Sample()
        self.client.add_event_listener(lambda event, source: sample.add([("Event", event.name), *event.keys.items()]))
        self.replay()
        self.checks = sample.checks()

    def pipelined(self) -> None:
        """Send all pings, then wait for all answers."""
        self.watch.start()
        futures = [self.send("Ping") for _ in range(self.job.size)]
        answers = [future.response for future in futures]
        self.watch.stop()
        self.checks = {"pongs": [answer.keys["Timestamp"] for answer in answers]}

    def sequential(self) -> None:
        """Wait for each answer."""
        self.watch.start()
        answers = [self.send("Ping").response for _ in range(self.job.size)]
        self.watch.stop()
        self.checks = {"pongs": [answer.keys["Timestamp"] for answer in answers]}

    def list(self) -> None:
        """Read one header of each item: items are events to it."""
        channels: list[str] = []
        complete = threading.Semaphore(0)
        self.client.add_event_listener(
            on_event=lambda source, event: channels.append(event["Channel"]), white_list=["CoreShowChannel"]
        )
        self.client.add_event_listener(
            on_event=lambda source, event: complete.release(), white_list=["CoreShowChannelsComplete"]
        )
        self.watch.start()
        for _ in range(self.job.repeat):
            self.send("CoreShowChannels")
            complete.acquire()
        self.watch.stop()
        self.checks = {"items": channels}

    def command(self) -> None:
        """Read the lines of an output."""
        lines: list[str] = []
        self.watch.start()
        for _ in range(self.job.repeat):
            lines += self.send("Command", Command="core show everything").response.keys["Output"].split("\n")
        self.watch.stop()
        self.checks = {"lines": lines}


def main() -> None:
    """Do the work of the command line."""
    job = orders()
    warnings.simplefilter("ignore")
    ami = import_module("asterisk.ami")
    # The default of 3 s is also how long the server may say nothing.
    client = ami.AMIClient(address=job.host, port=job.port, timeout=60)
    client.login(username=str(job.size), secret="none").response  # noqa: B018 - reading it waits for it
    driver = Driver(ami, client, job)
    getattr(driver, job.work)()
    report(driver.watch, **driver.checks)


if __name__ == "__main__":
    main()
