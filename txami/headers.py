"""
Headers: finding one in a message, and splitting a message into all of them.

No Twisted, no I/O, no clock.  Messages of one kind come by the thousand with the same headers in the same order,
so what was learnt from some of them makes the next ones cheap: here are the two things worth remembering.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, overload

#: How many names, and how many sequences of names, are remembered.  Asterisk has some 1,000 names; a peer that
#: makes them up must not fill the memory.
_LIMIT: Final = 1024

#: Headers of a message that is worth a layout, the longest event has some 60; and layouts of one beginning.
_MAX_NAMES: Final = 100
_MAX_LAYOUTS: Final = 4

#: Characters of a message that is worth one: to compile a pattern takes 2 us for each of its names' characters.
_MAX_TEXT: Final = 4096

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")

Pair = tuple[str, str]


class Headers(Sequence[Pair]):
    """
    Every header of a message as name and value, in order.

    The pairs are made when they are looked at: a list of tuples would cost a quarter more, and stay.

    :ivar names: the name of each.
    :ivar values: the value of each.
    """

    __slots__ = ("names", "values")

    def __init__(self, names: tuple[str, ...] = (), values: tuple[str, ...] = ()) -> None:
        self.names = names
        self.values = values

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> list[Pair]: ...
    def __getitem__(self, index: int | slice) -> Pair | list[Pair]:
        if isinstance(index, slice):
            return list(self)[index]
        return self.names[index], self.values[index]

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Pair]:
        return zip(self.names, self.values)  # noqa: B905 # as many of the one as of the other

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # as that of a list

    def __repr__(self) -> str:
        # No values, for some are secrets.
        return f"<{len(self)} headers>"


#: What to search for to find a header, of which nearly all are written ``Name: value`` and spelt as asked: what it
#: begins with as the first line; the first byte of that; what it begins with in any other line, with the line end
#: before it; the same without the blank, folded.  (A tuple, for to take a NamedTuple apart takes three times as long.)
Needle = tuple[bytes, int, bytes, bytes]


class _Needles(dict[str, "Needle | None"]):
    """The needle for each name; ``None`` for a name where a search could find what is no header."""

    def __missing__(self, name: str) -> Needle | None:
        if not _PLAIN_NAME.fullmatch(name):
            return None
        if len(self) >= _LIMIT:
            self.clear()
        first = name.encode() + b": "
        needle = self[name] = first, first[0], b"\r\n" + first, b"\r\n" + first[:-1].lower()
        return needle


NEEDLES: Final = _Needles()


class Layout(NamedTuple):
    """
    A sequence of header names.

    :ivar names: the names.
    :ivar match: finds the values in a message that has exactly these headers.
    """

    names: tuple[str, ...]
    match: Callable[[str], re.Match[str] | None]


#: The layouts of messages that begin like this, and the headers of the last one that had none of them.
_layouts: Final[dict[str, list[Layout]]] = {}
_unknown: Final[dict[str, tuple[str, ...]]] = {}


def split_headers(text: str) -> Headers:
    """
    Return every header of a message.

    A line is split at the first colon and space, else at the first colon: names may hold colons, as in
    ``ChanVariable(IAX2/host:4569-1): a=b``.  A line without a colon is a value without a name.
    """
    # An event's name is in the first 24 characters, and events of one name nearly always have one of a few
    # sequences of headers.  One match takes all their values in 1.4 us, where cutting line by line takes 3.3.
    for names, match in _layouts.get(text[:24], ()):
        found = match(text)
        if found is not None:
            return Headers(names, found.groups())
    headers = Headers(*zip(*map(_split_header, text.split("\r\n")), strict=True))
    if len(headers) <= _MAX_NAMES and len(text) <= _MAX_TEXT:
        _learn(text[:24], headers.names)
    return headers


def _split_header(line: str) -> Pair:
    name, separator, value = line.partition(": ")
    if not separator:
        name, separator, value = line.partition(":")
        if not separator:
            return "", line
    return name, value


def _learn(beginning: str, names: tuple[str, ...]) -> None:
    """
    Remember the headers of a message that had no layout.

    Only those that come twice running are worth one, for it takes as long as splitting some hundred messages.
    """
    if _unknown.get(beginning) != names:
        if len(_unknown) >= _LIMIT:
            _unknown.clear()
        _unknown[beginning] = names
    elif len(_layouts) < _LIMIT // 2:
        layouts = _layouts.setdefault(beginning, [])
        if len(layouts) < _MAX_LAYOUTS:
            pattern = "\r\n".join(f"{re.escape(name)}: ([^\r]*)" for name in names)
            layouts.append(Layout(names, re.compile(pattern).fullmatch))
