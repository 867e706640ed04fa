""":class:`Faults`: what goes wrong between a client and the fake, when a test wants it to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from ..message import Message
from .writing import END, messages

if TYPE_CHECKING:
    from .fake import FakeAsterisk

Chooser = Callable[[Message], bool]


@dataclass(slots=True)
class Faults:
    """
    What goes wrong; nothing by default.

    Each may be set and taken back at any time, and holds for what is written from then on, to all clients.  Time
    is that of the fake's clock, and chance is that of the seed: a test that fails, fails again.

    :param split: bytes of each piece that arrives, or the fewest and the most of them.  Pieces are written in
        turns of the reactor of their own.
    :param delay: seconds by which every message comes late, or the least and the most of them.  The order stays.
    :param drop: tells which messages do not arrive.
    :param duplicate: tells which messages arrive twice.
    :param reorder_lists: whether the items of a list come in another order than that of the server.  It must be
        written at once, as :meth:`FakeSession.respond_with_list` and scripts do.
    :param junk: bytes that stand before every message.
    :param cut_after: the connection is lost for good behind these bytes, at the first time that they are
        written, or after so many bytes from now on; then it is ``None`` again, and who comes back is served.
    :param silent: names of actions that are never answered; ``"*"`` for all.
    :param refuse_login: whether logins are refused, or the text to refuse them with.
    :param half_open: whether the fake has disappeared: nothing is heard of it, not even that it closes.
    :param slow_tls: seconds until the fake's part of the TLS handshake begins.
    :param seed: of the chance.
    """

    split: int | tuple[int, int] | None = None
    delay: float | tuple[float, float] = 0.0
    drop: Chooser | None = None
    duplicate: Chooser | None = None
    reorder_lists: bool = False
    junk: bytes = b""
    cut_after: int | bytes | None = None
    silent: Iterable[str] = ()
    refuse_login: bool | str = False
    half_open: bool = False
    slow_tls: float = 0.0
    seed: int = 1
    _chance: Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._chance = Random(self.seed)

    @property
    def spares_messages(self) -> bool:
        """Whether all that is written arrives, at once and as it is."""
        return not (
            self.split
            or self.delay
            or self.drop
            or self.duplicate
            or self.reorder_lists
            or self.junk
            or self.cut_after is not None
            or self.half_open
        )

    @property
    def refusal(self) -> str | None:
        """The text to refuse a login with, ``None`` to let it in."""
        return "Authentication failed" if self.refuse_login is True else (self.refuse_login or None)

    def silences(self, action: str) -> bool:
        """Tell whether an action stays without an answer."""
        return bool({action.lower(), "*"} & {name.lower() for name in self.silent})

    def choose(self, data: bytes) -> list[bytes]:
        """Return the messages that arrive of those that are written at once."""
        arriving: list[bytes] = []
        for raw in self._reordered(messages(data)):
            message = Message(raw.removesuffix(END))
            if self.drop is None or not self.drop(message):
                arriving += [self.junk + raw] * (2 if self.duplicate is not None and self.duplicate(message) else 1)
        return arriving

    def cut(self, data: bytes) -> tuple[bytes, bool]:
        """Return what of a message is still written, and whether the connection is lost then."""
        if isinstance(self.cut_after, bytes):
            before, found, _ = data.partition(self.cut_after)
            is_cut, data = bool(found), before + found
        elif self.cut_after is not None:
            is_cut, left = len(data) >= self.cut_after, self.cut_after - len(data)
            data, self.cut_after = data[: self.cut_after], left
        else:
            is_cut = False
        if is_cut:
            self.cut_after = None
        return data, is_cut

    def pieces(self, data: bytes) -> list[bytes]:
        """Return a message in the pieces in which it arrives."""
        if not self.split:
            return [data]
        least, most = (self.split, self.split) if isinstance(self.split, int) else self.split
        found = []
        while data:
            size = max(self._chance.randint(least, most), 1)
            found.append(data[:size])
            data = data[size:]
        return found

    def lateness(self) -> float:
        """Return the seconds by which the next message comes late."""
        return self._chance.uniform(*self.delay) if isinstance(self.delay, tuple) else self.delay

    def _reordered(self, found: list[bytes]) -> list[bytes]:
        # A whole list is written at once: a response, the items, and the event that ends it.
        if not self.reorder_lists or len(found) < 4 or not found[0].startswith(b"Response: "):
            return found
        items = found[1:-1]
        self._chance.shuffle(items)
        return [found[0], *items, found[-1]]


class FaultyWire:
    """
    What a session writes to, in place of its transport.

    :param server: has the faults.
    :param transport: of the connection.
    """

    def __init__(self, server: FakeAsterisk, transport: Any) -> None:
        self._server = server
        self._transport = transport
        self._queue: deque[tuple[float, Callable[[], None]]] = deque()
        self._call: Any = None

    def write(self, data: bytes) -> None:
        """Write messages, as far as they arrive."""
        faults = self._server.faults
        if faults.spares_messages and not self._queue:
            self._transport.write(data)
            return
        for raw in faults.choose(data):
            late = faults.lateness()
            left, is_cut = faults.cut(raw)
            for piece in faults.pieces(left):
                self._later(late, partial(self._transport.write, piece))
            if is_cut:
                self._later(late, self._abort)
                break

    def close(self) -> None:
        """Close, when all that was written has left."""
        self._later(0, self._transport.loseConnection)

    def stop(self) -> None:
        """Write no more."""
        self._queue.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        if self._queue or seconds or self._server.faults.split:
            self._queue.append((self._server.clock.seconds() + seconds, what))
            self._wait()
        else:
            self._do(what)

    def _wait(self) -> None:
        if self._call is None and self._queue:
            self._call = self._server.clock.callLater(
                max(self._queue[0][0] - self._server.clock.seconds(), 0), self._next
            )

    def _next(self) -> None:
        """Write one piece, and the next in a turn of its own, so that it is a piece for the reader too."""
        self._call = None
        self._do(self._queue.popleft()[1])
        self._wait()

    def _do(self, what: Callable[[], None]) -> None:
        if not self._server.faults.half_open:
            what()

    def _abort(self) -> None:
        self._queue.clear()
        if hasattr(self._transport, "abortConnection"):
            self._transport.abortConnection()
        else:
            self._transport.loseConnection()
