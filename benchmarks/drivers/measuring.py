"""What every driver needs: its orders, a stopwatch, and a report.  Only the standard library: it runs in any venv."""

from __future__ import annotations

import json
import sys
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

#: The event behind the replayed ones.
LAST_EVENT: Final = "UserEvent"

#: One of so many events is kept in full when all headers are read; a prime, so that it is another event in each
#: repetition.
SAMPLE: Final = 61


@dataclass
class Orders:
    """
    What a driver is to do.

    :ivar work: the work's name.
    :ivar host: where the server is.
    :ivar port: its port.
    :ivar size: how many events, items, lines or pings.
    :ivar repeat: how many lists or commands, one after the other.
    :ivar extra: what only some works have.
    """

    work: str
    host: str
    port: int
    size: int
    repeat: int = 1
    extra: dict[str, Any] = field(default_factory=dict)


def orders() -> Orders:
    """Read them from the command line, where they are JSON."""
    return Orders(**json.loads(sys.argv[1]))


class Stopwatch:
    """Measures the processor time of this process, user and system and of all threads, and the time on the wall."""

    def __init__(self) -> None:
        self._began = (0.0, 0.0)
        self.cpu = self.wall = 0.0

    def start(self) -> None:
        """Begin."""
        self._began = (time.process_time(), time.perf_counter())

    def stop(self) -> None:
        """End; a second time counts for nothing."""
        if not self.wall:
            self.cpu = time.process_time() - self._began[0]
            self.wall = time.perf_counter() - self._began[1]


def digest(texts: Iterable[str]) -> list[int]:
    """Return how many texts there are, and a checksum of them and of their order."""
    kept = list(texts)
    return [len(kept), zlib.crc32("\n".join(kept).encode("utf-8", "surrogateescape"))]


def proofs(checks: dict[str, Any]) -> dict[str, Any]:
    """Return the checks with a digest in place of each list of texts."""
    return {name: digest(check) if isinstance(check, list) else check for name, check in checks.items()}


def report(watch: Stopwatch, **checks: Any) -> None:
    """Say what it cost, and what proves that the work was done."""
    print(json.dumps({"cpu": watch.cpu, "wall": watch.wall, "checks": proofs(checks)}), flush=True)


class Sample:
    """Counts the headers of all events, and keeps every header of one event of :data:`SAMPLE`."""

    def __init__(self) -> None:
        self.events = self.headers = 0
        self._kept: list[str] = []

    def add(self, pairs: Any) -> None:
        """Take the pairs of names and values of an event."""
        self.headers += len(pairs)
        self.events += 1
        if not self.events % SAMPLE:
            for name, value in sorted((name.lower(), value) for name, value in pairs):
                self._kept += name, _text(value)

    def checks(self) -> dict[str, object]:
        """Return what proves that all was read."""
        return {"events": self.events, "headers": self.headers, "sample": self._kept}


def _text(value: Any) -> str:
    """Return a value in the one form that all clients have: some strip it, one makes variables a dict."""
    if isinstance(value, dict):
        return ",".join(f"{name}={content}" for name, content in value.items())
    return str(value).strip()
