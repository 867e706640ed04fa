"""
The floor: a bare Protocol of Twisted that only splits what it receives at the blank lines.

And a second floor, ``dict``, which makes each message a dict of texts: what reading every header costs at least.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor as installed_reactor
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.python.failure import Failure

from .measuring import Orders, Sample, Stopwatch, orders, report

END = b"\r\n\r\n"
Parts = list[bytes]
reactor: Any = installed_reactor


class Bare(Protocol):
    """
    Splits, and hands the parts on.

    :ivar messages: how many came since the login.
    """

    def __init__(self, job: Orders) -> None:
        self.job = job
        self.watch = Stopwatch()
        self.messages = 0
        self.checks: dict[str, object] = {}
        self._buffer = bytearray()
        self._take: Callable[[Parts], None] = self.logged_in

    transport: Any

    def connectionMade(self) -> None:
        self.send(b"Action: Login\r\nActionID: 0\r\nUsername: %d\r\nSecret: none" % self.job.size)

    def dataReceived(self, data: bytes) -> None:
        buffer = self._buffer
        searched = max(len(buffer) - 3, 0)
        buffer += data
        if buffer.find(END, searched) >= 0:
            parts = bytes(buffer).split(END)
            buffer[:] = parts.pop()
            self._take(parts)

    def logged_in(self, parts: Parts) -> None:
        """Begin the work."""
        self.watch.start()
        getattr(self, self.job.work)()

    def send(self, action: bytes) -> None:
        """Send an action."""
        self.transport.write(action + END)

    def done(self, **checks: object) -> None:
        """End the work."""
        self.watch.stop()
        self.checks = checks
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        reactor.stop()

    # -- the works ---------------------------------------------------------------------------------------

    def hangup(self) -> None:
        """Count the events."""
        self._take = self.count_events
        self.send(b"Action: UserEvent\r\nActionID: 1\r\nUserEvent: Replay")

    all = tls = hangup

    def count_events(self, parts: Parts) -> None:
        self.messages += len(parts)
        if parts[-1].endswith(b"\r\nUserEvent: Replayed"):
            self.done(messages=self.messages)

    def headers(self) -> None:
        """Make each event a dict."""
        self.sample = Sample()
        self._take = self.fill_dicts
        self.send(b"Action: UserEvent\r\nActionID: 1\r\nUserEvent: Replay")

    def fill_dicts(self, parts: Parts) -> None:
        add = self.sample.add
        for part in parts:
            headers = {}
            for line in part.decode("utf-8", "surrogateescape").split("\r\n"):
                name, _, value = line.partition(": ")
                headers[name] = value
            if "Event" in headers:
                add(headers.items())
        if parts[-1].endswith(b"\r\nUserEvent: Replayed"):
            self.done(**self.sample.checks())

    def pipelined(self) -> None:
        """Send all pings and count the answers."""
        self._take = self.count_answers
        for number in range(self.job.size):
            self.send(b"Action: Ping\r\nActionID: %d" % number)

    def count_answers(self, parts: Parts) -> None:
        self.messages += len(parts)
        if self.messages == self.job.size:
            self.done(answers=self.messages)

    def sequential(self) -> None:
        """Send each ping when the answer to the one before is there."""
        self._take = self.next_ping
        self.next_ping([])

    def next_ping(self, parts: Parts) -> None:
        self.messages += len(parts)
        if self.messages == self.job.size:
            self.done(answers=self.messages)
        else:
            self.send(b"Action: Ping\r\nActionID: %d" % self.messages)

    def list(self) -> None:
        """Ask for lists, one after the other, and count the items."""
        self._take = self.count_items
        self.send(b"Action: CoreShowChannels\r\nActionID: 1")

    def count_items(self, parts: Parts) -> None:
        self.messages += len(parts)
        if parts[-1].startswith(b"Event: CoreShowChannelsComplete\r\n"):
            if self.messages == (self.job.size + 2) * self.job.repeat:
                self.done(messages=self.messages)
            else:
                self.list()

    def command(self) -> None:
        """Ask for outputs, one after the other."""
        self.outputs: Parts = []
        self._take = self.next_command
        self.next_command([])

    def next_command(self, parts: Parts) -> None:
        self.outputs += parts
        if len(self.outputs) == self.job.repeat:
            self.watch.stop()
            self.done(count=sum(output.count(b"\r\nOutput: ") for output in self.outputs))
        else:
            self.send(b"Action: Command\r\nActionID: 1\r\nCommand: core show everything")


def main() -> None:
    """Do the work of the command line."""
    job = orders()
    protocol = Bare(job)
    factory = ClientFactory()
    factory.noisy = False
    factory.buildProtocol = lambda addr: protocol  # type: ignore[method-assign]
    reactor.connectTCP(job.host, job.port, factory)
    reactor.run()
    if not protocol.checks:
        sys.exit("the connection was lost before the work was done")
    report(protocol.watch, **protocol.checks)


if __name__ == "__main__":
    main()
