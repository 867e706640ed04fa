"""How an input is cut: bytes to be received, and between them what happens meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

#: Stands in front of each step.  It is never a part of UTF-8, so a recording is one step.
MARK: Final = b"\xff"


def steps(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """
    Return the steps of an input: what happens first, an argument for that, and the bytes that are received then.

    The byte behind the mark says both, sixteen of each.  Two marks in a row are one byte that is received.
    """
    first, *others = data.split(MARK)
    yield 0, 0, first
    for piece in others:
        if piece:
            yield piece[0] % 16, piece[0] // 16, piece[1:]
        else:
            yield 0, 0, MARK


def step(what: int, argument: int = 0, received: bytes = b"") -> bytes:
    """Return the bytes of a step, for seeds."""
    return MARK + bytes([what + 16 * argument]) + received
