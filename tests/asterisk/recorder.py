"""
A raw session: what Asterisk sends, cut at the blank lines, with no code of txami in between.

It is the second witness of the tests that ask whether txami lost, doubled or reordered anything.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from tests.asterisk import lab

_END: Final = b"\r\n\r\n"


class Recorder(Protocol):
    """
    A session that takes everything down.

    :ivar events: the events that Asterisk sent to all, as bytes.
    :ivar responses: how many responses came.
    :ivar closed: fires when the connection is gone.
    """

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.responses = 0
        self.closed: Deferred[None] = Deferred()
        self.logged_in: Deferred[None] = Deferred()
        self._rest = b""

    def send(self, **headers: object) -> None:
        """Send an action."""
        self.write(b"".join(f"{name}: {value}\r\n".encode() for name, value in headers.items()) + b"\r\n")

    def write(self, data: bytes) -> None:
        """Send bytes."""
        assert self.transport is not None
        self.transport.write(data)

    def close(self) -> Deferred[None]:
        """Close the connection."""
        assert self.transport is not None
        self.transport.loseConnection()
        return self.closed

    def dataReceived(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(_END)
        for message in whole:
            if message.startswith(b"Event: "):
                # FullyBooted is sent to each session on its own.
                if b"\r\nPrivilege: " in message and not message.startswith(b"Event: FullyBooted"):
                    self.events.append(message)
            else:
                self.responses += 1
                if self.responses == 1:
                    self._answered(message)

    def _answered(self, message: bytes) -> None:
        if b"Response: Success" in message:
            self.logged_in.callback(None)
        else:
            self.logged_in.errback(AssertionError(message.decode()))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed.callback(None)


async def record(reactor: Any, server: lab.Server, events: str = "on", user: str = "admin") -> Recorder:
    """Return a session that has logged in."""
    endpoint = TCP4ClientEndpoint(reactor, server.host, server.port)
    recorder: Recorder = await connectProtocol(endpoint, Recorder())
    recorder.send(Action="Login", Username=user, Secret=server.users[user], Events=events)
    await recorder.logged_in
    return recorder
