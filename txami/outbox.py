"""
How actions leave: at once over TCP, paced over TLS.

Asterisk takes TLS records badly, in two ways.  ``main/manager.c: get_input`` polls the socket and then reads once:

* It reads 1024 bytes.  OpenSSL keeps the rest of a longer record, the socket is not readable any more, and nothing
  moves until other bytes arrive.  Twisted joins all that is written in one turn of the reactor into one record.
* It does not wait (``main/iostream.c: iostream_read``).  If only the beginning of a record is there, it closes the
  connection.

So over TLS we write whole lines, at most 1024 bytes at a time; such a record fits into one packet.  But when a record
waits behind another one (for Nagle's algorithm, a window that is full, a congestion control that paces, a proxy), TCP
joins them and cuts what it has into packets anew.  On a way of 2 ms with packets of 1500 bytes, that was the end of 312
connections of 400 that had 300 actions at once.  So a record waits for an answer to the one before, which shows that
the way is free.  Asterisk answers the first action of a record long before the last: where it is near, it never idles.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime, ITransport

#: What ``get_input`` reads at once.
MAX_CHUNK: Final = 1024

#: Seconds after which the next action leaves although nothing was answered, for some actions never are.
PATIENCE: Final = 1.0


class Outbox(Protocol):
    """What the protocol hands its actions to."""

    def send(self, key: bytes, data: bytes) -> None:
        """Let an action leave as soon as it may."""

    def withdraw(self, key: bytes) -> bool:
        """Take an action back; return whether it has not left, not even in part."""

    def close(self) -> None:
        """Send nothing more."""


class NoOutbox:
    """Where there is no transport yet."""

    def send(self, key: bytes, data: bytes) -> None:
        raise RuntimeError("there is nothing to send on yet")

    def withdraw(self, key: bytes) -> bool:
        return True

    def close(self) -> None:
        pass


class Answers(Protocol):
    """
    What tells which actions were answered.

    :ivar answered: the key of the one that was answered last.
    """

    answered: bytes


class DirectOutbox:
    """
    Writes each action at once.

    Twisted sends in the reactor's next turn what was written in this one, all of it together.  That is right for many
    actions, but one that no other is in front of gains nothing by it.  Sent there and then it saves a turn, two
    ``epoll_ctl`` and a third of the processor's time that a ping takes.

    :param transport: where to write.
    :param answers: tells whether one is in front: when the last action is answered, everything has left.
    """

    def __init__(self, transport: ITransport, answers: Answers) -> None:
        self._transport = transport
        self._answers = answers
        self._last = answers.answered
        # Twisted's connections have it, what stands in for one in memory has not.  A ``ProtocolWrapper`` (it may log
        # or encrypt) seems to have it: it hands out that of the socket.  But only its own write() is for us.
        self._write_some: Callable[[bytes], object] | None = (
            getattr(transport, "writeSomeData", None) if hasattr(type(transport), "writeSomeData") else None
        )

    def send(self, key: bytes, data: bytes) -> None:
        if self._last == self._answers.answered and self._write_some is not None:
            written = self._write_some(data)
            # Not a number, or less than nothing, if the connection is lost, as the reactor finds out in its own way.
            data = data[written:] if isinstance(written, int) and written > 0 else data
        if data:
            self._transport.write(data)
        self._last = key

    def withdraw(self, key: bytes) -> bool:
        return False

    def close(self) -> None:
        # Lost, it has no socket any more; aborted, it still has.  What is written then goes nowhere.
        self._write_some = None


class PacedOutbox:
    """
    Writes a chunk of whole lines, and the next one when an action in it was answered.

    :param transport: where to write; without delay (``TCP_NODELAY``).
    :param clock: the reactor, or a ``Clock``.
    :param action_id: returns the key of the action that a message was sent for, or ``None``.
    """

    def __init__(self, transport: ITransport, clock: IReactorTime, action_id: Callable[[bytes], bytes | None]) -> None:
        self._transport = transport
        self._clock = clock
        self._action_id = action_id
        # An OrderedDict finds its first at once also when thousands before it are gone; a dict does not.
        self._waiting: OrderedDict[bytes, bytes] = OrderedDict()
        self._in_part: bytes | None = None  # the action that has left in part
        # The actions that ended in the last chunk.  Once one of them is answered, there are none.
        self._under_way: set[bytes] = set()
        self._left_at = 0.0
        self._round_trip = PATIENCE / 2  # the shortest so far
        self._turn: IDelayedCall | None = None  # until it comes, nothing leaves
        self._patience: IDelayedCall | None = None  # how long the next chunk waits for an answer
        self._closed = False

    def send(self, key: bytes, data: bytes) -> None:
        self._waiting[key] = data
        self._go_on()

    def withdraw(self, key: bytes) -> bool:
        if key == self._in_part or key not in self._waiting:
            return False
        del self._waiting[key]
        return True

    def close(self) -> None:
        self._closed = True
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        self._be_patient_again()

    def heard(self, messages: Iterable[bytes]) -> None:
        """
        Let the next chunk leave if one of these messages shows that Asterisk has read the last one.

        To be called as they are received.  When they are handed out, slow observers may be seconds behind.
        """
        if not self._under_way:
            return
        for message in messages:
            if self._action_id(message) in self._under_way:
                took = self._clock.seconds() - self._left_at
                if took >= 0:  # else the clock was set back, and tells nothing
                    self._round_trip = min(self._round_trip, took)
                self._under_way = set()
                self._be_patient_again()
                self._go_on()
                return

    def _go_on(self) -> None:
        """Write a chunk if one may leave."""
        if self._turn is not None or self._closed or not self._waiting:
            return
        if not self._under_way:
            self._write_chunk()
        elif self._patience is None:
            self._patience = self._clock.callLater(PATIENCE, self._lose_patience)

    def _lose_patience(self) -> None:
        self._patience = None
        if self._waiting:
            # One action: the window must not fill while Asterisk is busy with another for minutes.
            self._write_chunk(single=True)

    def _be_patient_again(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _write_chunk(self, single: bool = False) -> None:
        self._under_way = set()
        self._transport.write(self._next_chunk(single))
        self._left_at = self._clock.seconds()
        # What is in part cannot be answered.  Its chunks leave as far apart as if they were.
        self._turn = self._clock.callLater(0 if self._in_part is None else 2 * self._round_trip, self._next_turn)

    def _next_turn(self) -> None:
        self._turn = None
        self._go_on()

    def _next_chunk(self, single: bool) -> bytes:
        chunk = b""
        while self._waiting and not (single and chunk):
            key, data = next(iter(self._waiting.items()))
            if len(chunk) + len(data) <= MAX_CHUNK:
                chunk += data
                del self._waiting[key]
                self._under_way.add(key)
                if key == self._in_part:
                    self._in_part = None
                continue
            if not chunk:
                # A line has at most 1022 bytes and its CRLF, so at least one fits.
                end = data.rindex(b"\r\n", 0, MAX_CHUNK) + 2
                chunk, self._waiting[key] = data[:end], data[end:]
                self._in_part = key
            break
        return chunk
