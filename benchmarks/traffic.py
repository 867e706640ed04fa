"""The recorded traffic: its events, the items of a list, the lines of a command, and their checksums."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Final

#: Made by :mod:`benchmarks.record`.
RECORDING: Final = Path(__file__).with_name("traffic.ami.xz")

#: The ActionIDs of the recorded list and of the recorded commands.
LIST: Final = "the-list"
COMMAND: Final = "the-command"

END: Final = b"\r\n\r\n"


@cache
def messages() -> list[bytes]:
    """Return all recorded messages but the greeting, without their final blank lines."""
    return lzma.decompress(RECORDING.read_bytes()).partition(b"\r\n")[2].split(END)[:-1]


@cache
def events() -> list[bytes]:
    """Return the recorded events that Asterisk sends to all sessions."""
    return [each for each in messages() if each.startswith(b"Event: ") and b"\r\nPrivilege: " in each]


@cache
def items() -> list[bytes]:
    """Return the recorded items of ``CoreShowChannels``."""
    return [each for each in messages() if each.startswith(b"Event: CoreShowChannel\r\n")]


@cache
def lines() -> list[bytes]:
    """Return the recorded lines of output, without ``Output: ``."""
    replies = [each for each in messages() if b"\r\nActionID: " + COMMAND.encode() in each]
    return [line[8:] for each in replies for line in each.split(b"\r\n") if line.startswith(b"Output: ")]


def repeated(recorded: list[bytes], count: int) -> Iterator[bytes]:
    """Repeat what was recorded until there are so many."""
    return islice(cycle(recorded), count)


def header(message: bytes, name: bytes) -> str:
    """Return the first value of a header, ``""`` if there is none."""
    _, found, rest = message.partition(b"\r\n" + name + b": ")
    return rest.partition(b"\r\n")[0].decode("utf-8", "surrogateescape") if found else ""
