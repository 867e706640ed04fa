"""What was measured: medians, ratios, and whether targets are met."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from .clients import Client
from .works import Work


@dataclass
class Results:
    """
    The costs of all rounds.

    :ivar works: what was measured.
    :ivar clients: with whom.
    :ivar costs: microseconds an item, of each round, by work and client.
    :ivar failures: why a work is not done right, by work and client.
    """

    works: list[Work]
    clients: list[Client]
    costs: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: dict[tuple[str, str], str] = field(default_factory=dict)

    def median(self, work: Work, client: Client) -> float | None:
        """Return the median cost, in microseconds an item."""
        costs = self.costs.get((work.name, client.name))
        return median(costs) if costs else None

    def ratio(self, work: Work, client: Client) -> float | None:
        """
        Return how many times the floor's cost it is: the median of the rounds' ratios, for the machine may be slower
        in one round than in the next.
        """
        costs = self.costs.get((work.name, client.name))
        floor = self.costs.get((work.name, work.floor))
        if not costs or not floor:
            return None
        return median(cost / base for cost, base in zip(costs, floor, strict=False))

    def as_json(self) -> list[dict[str, Any]]:
        """Return all of it as plain data."""
        return [
            {
                "work": work.name,
                "client": client.name,
                "microseconds": self.costs.get((work.name, client.name), []),
                "median": self.median(work, client),
                "ratio": self.ratio(work, client),
                "failure": self.failures.get((work.name, client.name)),
            }
            for work in self.works
            for client in self.clients
            if client.does(work.name)
        ]


@dataclass
class Promise:
    """
    Something that must hold besides, with what was found.

    :ivar title: what it is.
    :ivar found: the figures, for people.
    :ivar value: the one that counts.
    :ivar limit: how much that may be.
    :ivar rule: the limit, for people.
    """

    title: str
    found: str
    value: float
    limit: float
    rule: str

    @property
    def met(self) -> bool:
        """Whether it holds."""
        return self.value <= self.limit
