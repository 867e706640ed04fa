"""
The language of AGI: commands quoted, replies read.

No Twisted, no I/O, no clock.  The facts are those of Asterisk's ``res/res_agi.c``.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import Final, Generic, TypeVar
from urllib.parse import unquote_to_bytes

from .message import decode, encode
from .records import record

K = TypeVar("K")

#: Bytes of a reply that AsyncAGI reads for one command, ``AGI_BUF_SIZE`` of ``launch_asyncagi``.  What is longer
#: stays in the pipe, in front of the next command's reply.
READ_SIZE: Final = 1024

#: Characters of an encoded reply from which on its end may be missing: ``AMI_BUF_SIZE`` is 2048, and
#: ``ast_uri_encode`` stops when less than three are left.
CUT_SIZE: Final = 2045

#: How a reply begins.  "520 End of proper usage." ends one.
_BEGINNING: Final = re.compile(rb"(?<=\n)(?:200 result=|5\d\d-|5\d\d (?!End of proper usage))")

_REPLY: Final = re.compile(r"(\d{3})[ -](?:result=(\S*))?(.*)", re.DOTALL)
_END_POSITION: Final = re.compile(r"\bendpos=(-?\d{1,18})(?!\d)", re.ASCII)


def quote(argument: object) -> str:
    """
    Quote one argument of a command, such that Asterisk reads exactly this text (``parse_args``).

    :param argument: text, or a number.
    """
    text = str(argument).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


@record(frozen=True)
class AGIResult:
    """
    The reply to a command of AGI.

    :ivar code: 200, or 510 for an unknown command, 511 for one that a dead channel does not permit, 520 for
        wrong arguments; 0 if the reply is none.
    :ivar result: what follows ``result=``: mostly a number, with its meaning, and the digits of ``GET DATA``.
    :ivar data: what follows in parentheses, such as the value of a variable; ``None`` if nothing does.
    :ivar endpos: where a file's playing or recording ended, in samples (``CONTROL STREAM FILE``: milliseconds).
    :ivar raw: the whole reply, for a usage error of several lines.
    """

    code: int
    # What the caller typed or a variable holds may be a secret.
    result: str = field(repr=False)
    data: str | None = field(repr=False)
    endpos: int | None
    raw: str = field(repr=False)

    @classmethod
    def parse(cls, raw: str) -> AGIResult:
        """Read a reply, whatever it is."""
        found = _REPLY.match(raw)
        if found is None:
            return cls(0, "", None, None, raw)
        rest = found[3].removesuffix("\n")
        data = None
        if rest.startswith(" ("):
            # A value may hold parentheses; but then nothing follows it.  A word never does.
            data, _, rest = (rest[2:-1], "", "") if rest.endswith(")") else rest[2:].partition(")")
        position = _END_POSITION.search(rest) if found[2] is not None else None
        return cls(int(found[1]), found[2] or "", data, int(position[1]) if position else None, raw)

    @property
    def digit(self) -> str:
        """The key that the caller pressed, ``""`` if none: ``result`` as a character."""
        # Python refuses to read a number of more than 4300 digits.
        is_key = self.result.isdecimal() and len(self.result) <= 3 and 0 < int(self.result) < 128
        return chr(int(self.result)) if is_key else ""


@record(frozen=True)
class Reply(Generic[K]):
    """
    A command's reply.

    :ivar key: the command.
    :ivar text: the reply, or as much as arrived.
    :ivar whole: whether nothing of it was lost.
    """

    key: K
    text: str
    whole: bool


class Replies(Generic[K]):
    """
    Puts together what Asterisk cuts.

    The replies to a call's commands go through a pipe, of which Asterisk reads 1024 bytes for each command.  So a
    reply as long as that goes on in the next one's, and it is only after a shorter one that the pipe is known to
    be empty.  What came up to there is then cut where replies begin, if that can be told.
    """

    def __init__(self) -> None:
        self._keys: list[K] = []
        self._chunks: list[bytes] = []
        self._lossy = False

    @property
    def incomplete(self) -> bool:
        """Whether it takes another command's reply to complete those that are here."""
        return bool(self._keys)

    def feed(self, key: K, encoded: str) -> list[Reply[K]]:
        """
        Take what came for a command.

        :param key: the command.
        :param encoded: ``Result`` or ``Env``, percent-encoded; ``+`` is no blank here (``ast_uri_http``).
        :return: the replies that are complete now, in order.
        """
        chunk = unquote_to_bytes(encode(encoded))
        self._keys.append(key)
        self._chunks.append(chunk)
        if len(encoded) >= CUT_SIZE:
            self._lossy = True
            return []
        return self._split() if len(chunk) < READ_SIZE else []

    def _split(self) -> list[Reply[K]]:
        keys, chunks, lossy = self._keys, self._chunks, self._lossy
        self._keys, self._chunks, self._lossy = [], [], False
        stream = b"".join(chunks)
        starts = [0]
        if len(keys) > 1:
            starts += [found.start() for found in _BEGINNING.finditer(stream)]
        if lossy or len(starts) != len(keys):
            # What looks like the beginning of a reply may be a line of a variable's value.
            return [Reply(key, decode(chunk), False) for key, chunk in zip(keys, chunks, strict=True)]
        ends = [*starts[1:], len(stream)]
        texts = [decode(stream[start:end]) for start, end in zip(starts, ends, strict=True)]
        return [Reply(key, text, True) for key, text in zip(keys, texts, strict=True)]


def parse_environment(text: str) -> dict[str, str]:
    """
    Read what a call enters AGI with: lines such as ``agi_callerid: 100``.

    :param text: the lines; one without its end is left out.
    """
    environment: dict[str, str] = {}
    for line in text.split("\n")[:-1]:
        name, separator, value = line.partition(": ")
        if separator:
            environment.setdefault(name, value)
    return environment
