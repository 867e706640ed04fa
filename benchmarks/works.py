"""The works that are measured, how much of each there is, and what proves that it was done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from . import traffic
from .drivers.measuring import Sample, digest, proofs
from .traffic import header

Checks = dict[str, Any]

#: What the server sends behind the replayed events.
_LAST: Final = b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: Replayed"


@dataclass(frozen=True)
class Work:
    """
    One work.

    :ivar name: what drivers call it.
    :ivar title: what tables call it.
    :ivar size: how many events, pings, items or lines.
    :ivar proof: the checks that the work must yield, given the size and the repetitions.
    :ivar floor: the client that nobody can be cheaper than.
    :ivar target: how many times the floor txami may cost.
    :ivar repeat: how many lists or commands there are, one after the other.
    :ivar floor_proof: the checks that a floor must yield, if that does less.
    """

    name: str
    title: str
    size: int
    proof: Callable[[int, int], Checks]
    floor: str
    target: float
    repeat: int = 1
    floor_proof: Callable[[int, int], Checks] | None = None

    @property
    def count(self) -> int:
        """Over how many items the cost is spread."""
        return self.size * self.repeat

    def scaled(self, factor: float) -> Work:
        """Return the same work in another size."""
        if self.repeat * factor >= 1:
            return replace(self, repeat=round(self.repeat * factor))
        return replace(self, size=max(2, round(self.count * factor)), repeat=1)

    def expected(self, client: str) -> Checks:
        """Return the checks that a client must yield."""
        proof = self.floor_proof if client == "bare" and self.floor_proof else self.proof
        return proof(self.size, self.repeat)


def _events(size: int) -> Iterable[bytes]:
    yield from traffic.repeated(traffic.events(), size)
    yield _LAST


def _hangups(size: int, repeat: int) -> Checks:
    found = [event for event in _events(size) if event.startswith(b"Event: Hangup\r\n")]
    return {"hangups": digest(header(event, b"Uniqueid") for event in found)}


def _all(size: int, repeat: int) -> Checks:
    return {
        "names": digest(event[7 : event.find(b"\r\n")].decode() for event in _events(size)),
        "uniqueids": digest(header(event, b"Uniqueid") for event in _events(size)),
    }


def _headers(size: int, repeat: int) -> Checks:
    sample = Sample()
    for event in _events(size):
        sample.add([line.split(": ", 1) for line in event.decode("utf-8", "surrogateescape").split("\r\n")])
    return proofs(sample.checks())


def _pongs(size: int, repeat: int) -> Checks:
    return {"pongs": digest(map(str, range(1, size + 1)))}


def _items(size: int, repeat: int) -> Checks:
    channels = [header(item, b"Channel") for item in traffic.repeated(traffic.items(), size)]
    return {"items": digest(channels * repeat)}


def _lines(size: int, repeat: int) -> Checks:
    lines = [line.decode("utf-8", "surrogateescape") for line in traffic.repeated(traffic.lines(), size)]
    return {"lines": digest(lines * repeat)}


WORKS: Final = (
    Work(
        "hangup",
        "event, only Hangup observed",
        200_000,
        _hangups,
        "bare",
        2.5,
        floor_proof=lambda size, repeat: {"messages": size + 2},
    ),
    Work(
        "all",
        "event, all observed, name and Uniqueid read",
        200_000,
        _all,
        "bare",
        4.0,
        floor_proof=lambda size, repeat: {"messages": size + 2},
    ),
    Work("headers", "event, every header read as text", 100_000, _headers, "dict", 1.1),
    Work(
        "pipelined",
        "ping, all sent at once",
        20_000,
        _pongs,
        "bare",
        10.0,
        floor_proof=lambda size, repeat: {"answers": size},
    ),
    Work(
        "sequential",
        "ping, one after the other",
        10_000,
        _pongs,
        "bare",
        1.4,
        floor_proof=lambda size, repeat: {"answers": size},
    ),
    Work(
        "list",
        "item of a list of 10,000, one header read",
        10_000,
        _items,
        "bare",
        4.0,
        repeat=10,
        floor_proof=lambda size, repeat: {"messages": (size + 2) * repeat},
    ),
    Work(
        "command",
        "line of a command's 10,000",
        10_000,
        _lines,
        "bare",
        5.5,
        repeat=10,
        floor_proof=lambda size, repeat: {"count": size * repeat},
    ),
)
