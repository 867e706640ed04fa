"""
Where messages wait while observers are busy, so that the connection is read all the time.

Asterisk gives up a connection that takes no bytes for ``writetimeout``, 100 ms by default (``main/iostream.c:
ast_iostream_write``).  A pause of that length is harmless, for the kernels at both ends hold four megabytes.  But once
these are full, Linux calls the socket writable only when a third of its buffer is free, which is more than a megabyte
in those 100 ms.  Who reads no faster than its observers work is then cut off, though it never stopped reading.  So the
observers get their turns, and between two of them everything is read that is there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

#: Seconds after which observers let the connection be read.
TURN: Final = 0.005

#: Bytes of messages that may wait; beyond them nothing is read, and Asterisk does what it does.
LIMIT: Final = 1 << 27

#: Bytes read at once while messages wait.  Otherwise it is what Twisted reads, 64 KB, for to ask for more than there is
#: takes ten times as long.
_READ_AT_ONCE: Final = 1 << 20


class Inbox:
    """
    Hands messages out in the order in which they came: at once if that does not take long.

    :param clock: the reactor.  A ``Clock`` stands still meanwhile, so with one no message ever waits.
    :param hand_out: takes messages from an iterator until ``perf_counter`` has passed its second argument; returns
        whether it has taken all.
    :ivar size: how many bytes wait.
    :ivar is_paused: whether so many wait that nothing is read.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, hand_out: Callable[[Iterator[bytes], float], bool]) -> None:
        self.size = 0
        self._clock = clock
        self._hand_out = hand_out
        self._transport: Any = None
        self.is_paused = False
        self._waiting: deque[bytes] = deque()
        self._turn: IDelayedCall | None = None
        self._when_empty: Callable[[], None] = lambda: None

    def open(self, transport: object) -> None:
        """Take note of where the messages come from."""
        self._transport = transport

    def put(self, messages: list[bytes]) -> None:
        """Hand out messages, or have them wait behind those that wait already."""
        if self._waiting:
            self._keep(messages)
            return
        rest = iter(messages)
        if not self._take_a_turn(rest):
            self._keep(list(rest))

    def close(self, when_empty: Callable[[], None]) -> None:
        """Nothing more will come: call the function when all is handed out, at once if nothing waits."""
        self._transport = None
        if self._waiting:
            self._when_empty = when_empty
        else:
            when_empty()

    def _take_a_turn(self, messages: Iterator[bytes]) -> bool:
        began = self._clock.seconds()
        while not self._hand_out(messages, perf_counter() + TURN):
            if self._clock.seconds() - began >= TURN:
                return False
        return True

    def _keep(self, messages: list[bytes]) -> None:
        self._waiting.extend(messages)
        self.size += sum(map(len, messages))
        if self._turn is None and self._waiting:
            self._turn = self._clock.callLater(0, self._go_on)
        self._read_as_suits()

    def _go_on(self) -> None:
        self._turn = None
        try:
            self._take_a_turn(self._oldest_first())
        finally:
            # Also after an observer's SystemExit, which the reactor logs: the rest must not wait for ever.
            if self._waiting:
                self._turn = self._turn or self._clock.callLater(0, self._go_on)
            else:
                self._when_empty()
            self._read_as_suits()

    def _oldest_first(self) -> Iterator[bytes]:
        while self._waiting:
            message = self._waiting.popleft()
            self.size -= len(message)
            yield message

    def _read_as_suits(self) -> None:
        """Read much at a time while messages wait, and nothing while there are too many."""
        transport = self._transport
        if transport is None:
            return
        usual = getattr(type(transport), "bufferSize", None)
        if usual is not None:  # over TLS it is not to be had
            transport.bufferSize = _READ_AT_ONCE if self._waiting else usual
        if not self.is_paused and self.size > LIMIT:
            self._log.warn("observers are behind by {size} bytes of messages: nothing is read for now", size=self.size)
            self.is_paused = True
            transport.pauseProducing()
        elif self.is_paused and self.size <= LIMIT // 2:
            self.is_paused = False
            transport.resumeProducing()
