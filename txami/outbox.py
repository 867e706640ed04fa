"""
How actions leave: at once over TCP, paced over TLS.

Asterisk stalls on TLS records that hold more than it reads at once.  ``main/manager.c: get_input`` polls the
socket and then reads 1024 bytes; OpenSSL keeps the rest of the record, the socket is not readable any more,
and nothing moves until other bytes arrive.  Twisted joins all that is written in one turn of the reactor into
one record.  So over TLS we write whole lines, at most 1024 bytes, one such chunk a turn.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime, ITransport

#: What ``get_input`` reads at once.
MAX_CHUNK: Final = 1024


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


class DirectOutbox:
    """Writes each action at once."""

    def __init__(self, transport: ITransport) -> None:
        self._transport = transport

    def send(self, key: bytes, data: bytes) -> None:
        self._transport.write(data)

    def withdraw(self, key: bytes) -> bool:
        return False

    def close(self) -> None:
        pass


class PacedOutbox:
    """Writes one chunk of whole lines a turn of the reactor."""

    def __init__(self, transport: ITransport, clock: IReactorTime) -> None:
        self._transport = transport
        self._clock = clock
        # An OrderedDict finds its first at once also when thousands before it are gone; a dict does not.
        self._waiting: OrderedDict[bytes, bytes] = OrderedDict()
        self._under_way: bytes | None = None  # the action that has left in part
        self._turn: IDelayedCall | None = None
        self._closed = False

    def send(self, key: bytes, data: bytes) -> None:
        self._waiting[key] = data
        if self._turn is None and not self._closed:
            self._write_chunk()

    def withdraw(self, key: bytes) -> bool:
        if key == self._under_way or key not in self._waiting:
            return False
        del self._waiting[key]
        return True

    def close(self) -> None:
        self._closed = True
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _write_chunk(self) -> None:
        self._turn = None
        if self._waiting:
            self._transport.write(self._next_chunk())
            self._turn = self._clock.callLater(0, self._write_chunk)

    def _next_chunk(self) -> bytes:
        chunk = b""
        while self._waiting:
            key, data = next(iter(self._waiting.items()))
            if len(chunk) + len(data) <= MAX_CHUNK:
                chunk += data
                del self._waiting[key]
                if key == self._under_way:
                    self._under_way = None
                continue
            if not chunk:
                # A line has at most 1022 bytes and its CRLF, so at least one fits.
                end = data.rindex(b"\r\n", 0, MAX_CHUNK) + 2
                chunk, self._waiting[key] = data[:end], data[end:]
                self._under_way = key
            break
        return chunk
