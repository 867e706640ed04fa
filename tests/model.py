"""
A ledger of all that was asked of a manager interface, and of what must have become of it.

What the server sends is put into a queue, each message with what it must do.  When its last byte has arrived the
ledger does that, too, in its own simple way, and the two are compared.
"""

from __future__ import annotations

import fnmatch
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from txami import Event, EventStream, Message, Response

#: Seconds by which two sums of the same times may differ.
EPSILON: Final = 1e-6

END: Final = object()


class Fault(Exception):
    """What observers that fail raise."""


class Outcome:
    """
    What a Deferred fires with, and what it must fire with.

    :ivar expected: the description of its end, once it must have ended; see :func:`describe`.
    """

    def __init__(self) -> None:
        self.fired: list[str] = []
        self.expected: str | None = None
        self.deferred: Deferred[Any] = Deferred()

    def watch(self, deferred: Deferred[Any]) -> None:
        """Take note of what it fires with."""
        self.deferred = deferred
        deferred.addBoth(lambda result: self.fired.append(describe(result)))

    @property
    def open(self) -> bool:
        """Whether it has not ended yet, as far as the ledger knows."""
        return self.expected is None

    def expect(self, description: str) -> None:
        """Let it have ended, unless it has."""
        if self.expected is None:
            self.expected = description

    def check(self) -> None:
        """Compare."""
        assert self.fired == ([] if self.expected is None else [self.expected]), f"{self}: expected {self.expected}"

    def __repr__(self) -> str:
        return f"<{self.__class__.__name__} {self.__dict__}>"


def describe(result: object) -> str:
    """Say in a few words what a Deferred fired with, and whose answer that is."""
    if isinstance(result, Failure):
        error: Any = result.value
        what = type(error).__name__
        if what == "ActionError":
            return f"error {_describe_response(error.response)}"
        if what == "ActionTimeout":
            return f"timeout with {[event['Token'] for event in error.partial.events] if error.partial else None}"
        if what == "ConnectionLost" and error.action is not None:
            return f"ConnectionLost sent={error.sent}"
        return what
    if isinstance(result, Response):
        return f"reply {_describe_response(result)}"
    if isinstance(result, Event):
        return f"event {result['Serial']}"
    return "end" if result is END else type(result).__name__


def _describe_response(response: Response) -> str:
    return reply_of(
        response.get("Token"),
        [event["Token"] for event in response.events],
        completion=response.completion["Token"] if response.completion else None,
        output=response.output,
    )


def reply_of(token: str | None, items: Iterable[str], completion: str | None = None, output: Iterable[str] = ()) -> str:
    """Return the description of a whole reply; a token names the action that it is for."""
    return f"{token} {list(items)} {completion} {list(output)}"


class Ask(Outcome):
    """
    An action that was asked for.

    :ivar link: the connection that it was sent on, once the server has read it.
    """

    def __init__(self, number: int, name: str, deadline: float | None, check: bool) -> None:
        super().__init__()
        self.token = str(number)
        self.name = name
        self.deadline = deadline
        self.check_errors = check
        self.link: Link | None = None
        self.action_id = ""
        self.announced = self.started = False  # a list: by the server, and as the client has read
        self.response: str | None = None
        self.items: list[str] = []

    def answer(self, *headers: str, response: str = "Success") -> bytes:
        """Return a response to it."""
        return message(f"Response: {response}", f"ActionID: {self.action_id}", f"Token: {self.token}", *headers)

    def item(self, name: str, token: str, *headers: str) -> bytes:
        """Return a part of its reply."""
        return message(f"Event: {name}", f"ActionID: {self.action_id}", f"Token: {token}", *headers)

    def finish(self, ok: bool = True, completion: str | None = None, output: Iterable[str] = ()) -> None:
        """Let the reply be complete."""
        kind = "reply" if ok or not self.check_errors else "error"
        self.expect(f"{kind} {reply_of(self.response, self.items, completion, output)}")

    def time_out(self) -> None:
        """Let it have waited long enough."""
        self.expect("NotConnected" if self.link is None else f"timeout with {self._partial}")

    @property
    def _partial(self) -> list[str] | None:
        return self.items if self.items or self.response is not None else None


def message(*lines: str) -> bytes:
    """Return a message as it stands on the wire."""
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


class ScriptedSession(LineReceiver):
    """
    The server's side of a connection, which greets and leaves the rest to the test.

    :ivar actions: what was received.
    """

    def __init__(self, received: Callable[[ScriptedSession, Message], object]) -> None:
        self.actions: list[Message] = []
        self.lost = False
        self._received = received
        self._lines: list[bytes] = []

    def connectionMade(self) -> None:
        """Greet."""
        self.sendLine(b"Asterisk Call Manager/11.0.0")

    def connectionLost(self, reason: object = None) -> None:
        """Take note."""
        self.lost = True

    def lineReceived(self, line: bytes) -> None:
        """Gather lines up to the empty one."""
        if line:
            self._lines.append(line)
            return
        action = Message(b"\r\n".join(self._lines))
        self._lines = []
        self.actions.append(action)
        self._received(self, action)


@dataclass(eq=False)
class Link:
    """
    A connection, as the server sees it.

    :ivar up: whether it was logged in.
    :ivar seen: how many of its actions the ledger knows.
    :ivar queue: what the server will send: bytes, and what the ledger does when they have arrived.
    :ivar pings: barriers that are held back.
    """

    session: ScriptedSession
    pump: Any
    up: bool = False
    seen: int = 0
    closing: bool = False
    queue: deque[tuple[bytes, Callable[[], None]]] = field(default_factory=deque)
    pings: list[tuple[Ask, str]] = field(default_factory=list)

    def arrive(self, sizes: Iterable[int]) -> None:
        """Let pieces of these sizes arrive; 0 is for all there is."""
        for size in sizes:
            if self.session.lost or not self.queue:
                return
            self._arrive(size or sum(len(data) for data, _ in self.queue))

    def _arrive(self, size: int) -> None:
        effects = []
        piece = b""
        while self.queue and len(piece) < size:
            data, effect = self.queue.popleft()
            wanted = size - len(piece)
            piece += data[:wanted]
            if len(data) > wanted:
                self.queue.appendleft((data[wanted:], effect))
            else:
                effects.append(effect)
        self.session.transport.write(piece)  # type: ignore[union-attr]
        self.pump.flush()
        for effect in effects:
            effect()


class Watch(Outcome):
    """
    Someone who wants events.

    :ivar kind: ``on``, ``once``, ``unhandled``, ``wait`` or ``stream``.
    :ivar mischief: what it does when it gets one: ``raise``, ``cancel`` or ``act``.
    """

    def __init__(self, number: int, kind: str, names: Any, wanted: str | None, mischief: str = "") -> None:
        super().__init__()
        self.number = number
        self.kind = kind
        self.patterns = ("*",) if names is None else (names,) if isinstance(names, str) else names
        self.wanted = wanted
        self.mischief = mischief
        self.active = True
        self.deadline: float | None = None
        self.subscription: Any = None

    def wants(self, name: str, colour: str) -> bool:
        """Tell whether an event is for it."""
        named = any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in self.patterns)
        return named and self.wanted in (None, colour)

    def cancel(self) -> None:
        """Cancel it for real."""
        if self.kind == "wait":
            self.deferred.cancel()
        elif self.kind == "stream":
            self.subscription.close()
        else:
            self.subscription.cancel()


class Stream(Watch):
    """
    A reader of events, one at a time.

    :ivar reads: what became of each read.
    """

    def __init__(
        self, number: int, names: Any, wanted: str | None, stream: EventStream, limit: int, overflow: str
    ) -> None:
        super().__init__(number, "stream", names, wanted)
        self.subscription = stream
        self.limit = limit
        self.overflow = overflow
        self.queue: deque[str] = deque()
        self.reads: list[Outcome] = []
        self.end_with: str | None = None
        self.dropped = 0

    def read(self) -> None:
        """Read the next event, unless a read is under way."""
        if self.reads and self.reads[-1].open:
            return
        read = Outcome()
        self.reads.append(read)
        read.watch(Deferred.fromCoroutine(self._next()))
        self.settle()

    async def _next(self) -> object:
        try:
            return await self.subscription.__anext__()
        except StopAsyncIteration:
            return END

    def receive(self, serial: str) -> None:
        """Take an event."""
        if len(self.queue) >= self.limit:
            self.dropped += 1
            if self.overflow == "error":
                self.finish("EventsDropped")
                return
            self.queue.popleft()
        self.queue.append(f"event {serial}")
        self.settle()

    def finish(self, description: str) -> None:
        """Let it end once the queue is read."""
        self.active = False
        if self.end_with is None:
            self.end_with = description
        self.settle()

    def settle(self) -> None:
        """Hand what there is to who reads."""
        if self.reads and self.reads[-1].open:
            if self.queue:
                self.reads[-1].expect(self.queue.popleft())
            elif self.end_with is not None:
                self.reads[-1].expect(self.end_with)
