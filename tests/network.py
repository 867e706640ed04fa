"""A network in memory: an endpoint whose attempts the test decides on, and a FakeAsterisk behind it."""

from __future__ import annotations

from twisted.internet.task import Clock

from txami.testing import FakeAsterisk, MemoryEndpoint

__all__ = ["MemoryEndpoint", "network"]


def network(version: str = "11.0.0") -> MemoryEndpoint:
    """Return an endpoint, with a clock and a server of its own."""
    clock = Clock()
    return MemoryEndpoint(clock, FakeAsterisk(clock, {"admin": "hush"}, version))
