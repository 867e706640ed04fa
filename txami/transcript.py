"""
:class:`Transcript`: what went over the wire, with times, and without the secrets.

One line of a transcript is one line of the wire::

    2026-11-22T15:04:05.123456+00:00 -- opened
    2026-11-22T15:04:05.124001+00:00 << Asterisk Call Manager/11.0.0
    2026-11-22T15:04:05.124330+00:00 >> Action: Login
    2026-11-22T15:04:05.124330+00:00 >> ActionID: 9f86d081884c7d65-1
    2026-11-22T15:04:05.124330+00:00 >> Username: admin
    2026-11-22T15:04:05.124330+00:00 >> Secret: <blotted>
    2026-11-22T15:04:05.124330+00:00 >>

and an empty one ends a message.  What is no printable text is escaped, so that :func:`parse` gives back the very
bytes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from io import TextIOBase
from itertools import chain
from typing import Any, Final, Literal, Protocol, TextIO
from weakref import WeakValueDictionary

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.logfile import LogFile

from .blots import Blotter
from .login import Secret
from .records import record
from .wire import END_OF_MESSAGE

#: Received, sent, and what became of the connection.
Direction = Literal["<<", ">>", "--"]

_OPENED: Final = b"opened\r\n"
_CLOSED: Final = b"closed\r\n"

#: A name must not pass for a direction.
_NAME: Final = r"[^\s<>-]\S*"
_LINE: Final = re.compile(rf"(\S+) (?:({_NAME}) )?(<<|>>|--)(?: (.*))?\n", re.DOTALL)

#: Controls, what turns the direction of writing, and a blank at the end: no terminal obeys it, no editor drops it.
_UNPRINTABLE: Final = re.compile("[\0-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]| $")
_ESCAPED: Final = re.compile(rb"\\(?:([\\rn])|x([0-9a-f]{2}))")
_SHORT: Final = {b"\\": b"\\", b"r": b"\r", b"n": b"\n"}


@record(frozen=True)
class Entry:
    """
    A piece of a transcript: a message, the greeting, or what was left of one when the connection was lost.

    :ivar time: seconds since 1970, of its last byte.
    :ivar direction: ``"<<"`` for what was received, ``">>"`` for what was sent, ``"--"`` for the connection.
    :ivar data: the bytes with their line ends, and with blots for secrets.
    :ivar name: that of the transcript.
    """

    time: float
    direction: Direction
    data: bytes
    name: str = ""

    @property
    def text(self) -> str:
        """The lines of the transcript."""
        stamp = datetime.fromtimestamp(self.time, timezone.utc).isoformat(timespec="microseconds")
        head = " ".join(filter(None, (stamp, self.name, self.direction)))
        return "".join([f"{head} {line}\n" if line else f"{head}\n" for line in self.lines])

    @property
    def lines(self) -> list[str]:
        """The lines of the wire, escaped; a backslash ends the last if its line end is missing."""
        *lines, rest = self.data.split(b"\r\n")
        return [*map(escape, lines), *([escape(rest) + "\\"] if rest else [])]


class _Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...


Target = str | os.PathLike[str] | Callable[[Entry], object] | Logger | _Writable | TextIO


class Transcript:
    """
    Takes down what goes over the wire of a connection, or of one after the other.

    It never disturbs the connection: when it cannot be written (the disk is full, the callable raises) this is
    logged, and nothing more is taken down.

    :param target: a file's path; or a callable, which gets each :class:`Entry`; or a ``twisted.logger.Logger``,
        which gets one log event for each; or what has a ``write()``: a file, be it of bytes or of
        text such as ``sys.stderr``, or anything whose ``write()`` takes bytes.
    :param name: stands in each line; for transcripts of several servers that share a target.
    :param blot: names of headers and variables that are blotted besides those that look like secrets, such as
        ``"CARD*"``.
    :param secrets: texts that are blotted wherever they stand; the secret of the login always is.
    :param rotate: bytes after which a file is put aside (as ``ami.log.1``, …) and a new one begun; 0 for never.
    :param keep: how many of those put aside are kept.  Of several for one file, what the first says of both holds.
    :raises OSError: if the file cannot be opened.
    :raises ValueError: if the name has a blank or passes for a direction.
    """

    _log = Logger()

    def __init__(
        self,
        target: Target,
        *,
        name: str = "",
        blot: Iterable[str] = (),
        secrets: Iterable[str | Secret] = (),
        rotate: int = 10_000_000,
        keep: int = 5,
    ) -> None:
        if name and not re.fullmatch(_NAME, name):
            raise ValueError(f"name={name!r} must have no blanks, and no <, > or - in front")
        self.name = name
        self._write = _writer(target, rotate, keep)
        self._blot = tuple(blot)
        self._secrets = tuple(map(Secret, secrets))
        self._failed = False
        self._connections = 0

    @property
    def failed(self) -> bool:
        """Whether it could not be written, and was switched off."""
        return self._failed

    def tap(self, connection: Any, clock: IReactorTime, secret: Secret) -> Recorder:
        """
        Get ready to take down a connection.

        :param connection: an :class:`~txami.AMIProtocol` that has not begun.
        :param secret: of its login.
        """
        recorder = Recorder(self, clock, self._blotter(secret), self._blotter(secret))
        receive = connection.dataReceived

        def received(data: bytes) -> None:
            recorder.received(data)
            receive(data)

        def closed(_: object) -> None:
            recorder.close()
            # Back to the method of the class: a function here would keep the connection alive.
            del connection.dataReceived

        connection.when_disconnected().addCallback(closed)
        connection.dataReceived = received
        return recorder

    def _blotter(self, secret: Secret) -> Blotter:
        return Blotter((secret, *self._secrets), self._blot)

    def begin(self, time: float) -> None:
        """Take down that a connection begins."""
        self._connections += 1
        self.write(time, "--", _OPENED)

    def end(self, time: float) -> None:
        """Take down that a connection has ended; a file is closed with the last."""
        self.write(time, "--", _CLOSED)
        self._connections -= 1
        if not self._connections and isinstance(self._write, _File):
            self._write.close()

    def write(self, time: float, direction: Direction, data: bytes) -> None:
        """Write an entry, whose secrets are blotted already."""
        self.attempt(lambda: self._write(Entry(time, direction, data, self.name)))

    def attempt(self, step: Callable[[], object]) -> None:
        """Do something for the transcript, unless it has failed before."""
        if self._failed:
            return
        try:
            step()
        except Exception:
            self._failed = True
            self._log.failure("the transcript cannot be written and is switched off; the connection goes on")


def as_transcript(target: Transcript | Target | None) -> Transcript | None:
    """Return a transcript for what a user gave as ``transcript=``."""
    return target if target is None or isinstance(target, Transcript) else Transcript(target)


class Recorder:
    """
    Cuts the bytes of one connection into entries.

    :param transcript: where they go.
    :param clock: tells their times.
    :param received: blots what comes.
    :param sent: blots what goes.
    """

    def __init__(self, transcript: Transcript, clock: IReactorTime, received: Blotter, sent: Blotter) -> None:
        self._transcript = transcript
        self._clock = clock
        self._received = _Cutter(received, greeting=True)
        self._sent = _Cutter(sent)

    def open(self, transport: Any) -> Any:
        """
        Take down that the connection begins.

        :return: what to write to in place of the transport.
        """
        self._transcript.begin(self._clock.seconds())
        return _Tap(transport.write, self.sent)

    def received(self, data: bytes) -> None:
        """Take down what came."""
        self._transcript.attempt(lambda: self._take("<<", self._received.feed(data)))

    def sent(self, data: bytes) -> None:
        """Take down what goes."""
        self._transcript.attempt(lambda: self._take(">>", self._sent.feed(data)))

    def close(self) -> None:
        """Take down what was left incomplete."""
        self._transcript.attempt(lambda: self._take(">>", self._sent.rest()))
        self._transcript.attempt(lambda: self._take("<<", self._received.rest()))
        self._transcript.end(self._clock.seconds())

    def _take(self, direction: Direction, pieces: list[bytes]) -> None:
        now = self._clock.seconds()
        for piece in pieces:
            self._transcript.write(now, direction, piece)


class _Tap:
    """Stands before a transport, for those who only write to it."""

    def __init__(self, write: Callable[[bytes], None], note: Callable[[bytes], None]) -> None:
        self._write = write
        self._note = note

    def write(self, data: bytes) -> None:
        self._note(data)
        self._write(data)


class _Cutter:
    """
    Cuts a stream behind each empty line, however it was chunked, and blots the pieces.

    :param greeting: whether a line that stands alone comes first.
    """

    def __init__(self, blotter: Blotter, greeting: bool = False) -> None:
        self._blotter = blotter
        self._greeting = greeting
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes and return the pieces that are complete."""
        searched = max(len(self._buffer) - len(END_OF_MESSAGE) + 1, 0)
        self._buffer += data
        pieces, begin = [], 0
        while (end := self._end(begin, max(begin, searched))) is not None:
            pieces.append(self._blotter.blot(bytes(self._buffer[begin:end])))
            begin = end
        del self._buffer[:begin]
        return pieces

    def rest(self) -> list[bytes]:
        """Return what is left."""
        return [self._blotter.blot(bytes(self._buffer))] if self._buffer else []

    def _end(self, begin: int, start: int) -> int | None:
        """Return where the piece that begins there ends; up to ``start`` no end was found before."""
        if self._greeting:
            at = self._buffer.find(b"\r\n", start)
            self._greeting = at < 0
            return at + 2 if at >= 0 else None
        if self._buffer.startswith(b"\r\n", begin):
            return begin + 2
        at = self._buffer.find(END_OF_MESSAGE, start)
        return at + len(END_OF_MESSAGE) if at >= 0 else None


class _File:
    """
    A file that is open while there are connections.

    :raises OSError: if it cannot be opened.
    """

    def __init__(self, path: str, rotate: int, keep: int) -> None:
        self._place = os.path.split(path)
        self._rotate = rotate or None
        self._keep = keep
        self._file: LogFile | None = self._open()
        self.close()

    def _open(self) -> LogFile:
        directory, name = self._place
        # Nobody else's business: it tells who called whom.  A file that is there keeps its mode.
        mode = None if os.path.exists(os.path.join(directory, name)) else 0o600
        return LogFile(name, directory, self._rotate, mode, self._keep)

    def __call__(self, entry: Entry) -> None:
        if self._file is None:
            self._file = self._open()
        self._file.write(entry.text.encode())

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


#: Two who wrote to one file would overwrite each other, so they share it.
_files: Final[WeakValueDictionary[str, _File]] = WeakValueDictionary()


def _writer(target: Target, rotate: int, keep: int) -> Callable[[Entry], object]:
    """Return what writes an entry to a target."""
    if isinstance(target, (str, os.PathLike)):
        path = os.path.realpath(target)
        return _files.setdefault(path, _files.get(path) or _File(path, rotate, keep))
    if isinstance(target, Logger):
        logger = target
        return lambda entry: _log_entry(logger, entry)
    if callable(target):
        return target
    write: Callable[[Any], object] = target.write
    if isinstance(target, TextIOBase):
        # Such as sys.stderr.
        return lambda entry: write(entry.text)
    return lambda entry: write(entry.text.encode())


def _log_entry(logger: Logger, entry: Entry) -> None:
    # The lines are a value, not the format: what came may have braces in it.
    logger.info(
        "{name}{direction} {text}",
        name=f"{entry.name} " if entry.name else "",
        direction=entry.direction,
        text="\n".join(entry.lines).rstrip("\n"),
    )


def escape(line: bytes) -> str:
    """Return a line as text that can be printed, and turned back by :func:`unescape`."""
    text = line.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    return text if text.isprintable() and not text.endswith(" ") else _UNPRINTABLE.sub(_escape_one, text)


def _escape_one(found: re.Match[str]) -> str:
    short = {"\r": "\\r", "\n": "\\n"}.get(found[0])
    return short or "".join([f"\\x{byte:02x}" for byte in found[0].encode()])


def unescape(text: str) -> bytes:
    """Undo :func:`escape`."""
    return _ESCAPED.sub(
        lambda found: _SHORT[found[1]] if found[1] else bytes([int(found[2], 16)]), text.encode("utf-8")
    )


def read(path: str | os.PathLike[str]) -> list[Entry]:
    """
    Read a transcript from a file.

    :raises OSError: if it cannot be read.
    :raises ValueError: if it is none.
    """
    with open(path, encoding="utf-8", newline="\n") as lines:
        return list(parse(lines))


def parse(lines: Iterable[str]) -> Iterator[Entry]:
    """
    Read a transcript back, entry by entry.

    :param lines: with their line ends; a last one without is left out, for the writing of it was cut short.
    :raises ValueError: if one is not a line of a transcript.
    """
    pieces: list[bytes] = []
    head: tuple[float, Direction, str] | None = None
    greeting: set[str] = set()
    for number, line in enumerate(chain(lines, [""]), 1):
        this = _parse_line(line, number) if line.endswith("\n") else None
        if head is not None and pieces and (this is None or this[0] != head):
            yield Entry(head[0], head[1], b"".join(pieces), head[2])
            pieces = []
        if this is None:
            return
        head, data = this
        time, direction, name = head
        pieces.append(data)
        alone = direction == "--" or (direction == "<<" and name in greeting)
        if alone or data == b"\r\n" or not data.endswith(b"\r\n"):
            yield Entry(time, direction, b"".join(pieces), name)
            pieces = []
            if direction == "<<":
                greeting.discard(name)
        if (direction, data) == ("--", _OPENED):
            greeting.add(name)


def _parse_line(line: str, number: int) -> tuple[tuple[float, Direction, str], bytes]:
    """Return the time, the direction and the name of a line, and its bytes with their line end."""
    found = _LINE.fullmatch(line)
    try:
        if found is None:
            raise ValueError("it has no direction")
        time = datetime.fromisoformat(found[1]).timestamp()
    except ValueError as error:
        raise ValueError(f"line {number} is no line of a transcript: {error}") from None
    text = found[4] or ""
    direction: Direction = found[3]  # type: ignore[assignment]
    # Escaping doubles every backslash, so an odd one at the end is ours: the line end was never there.
    cut = (len(text) - len(text.rstrip("\\"))) % 2 == 1
    return (time, direction, found[2] or ""), unescape(text[:-1]) if cut else unescape(text) + b"\r\n"
