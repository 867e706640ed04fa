"""What must hold besides the works: TLS, the import, and that no cost grows with what there is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from .drivers.measuring import digest
from .results import Promise
from .rounds import progress
from .running import Cost, Failed, Server, drive
from .tables import number
from .works import WORKS, Checks

Value = Callable[[Cost, int], float]
Proof = Callable[[dict[str, Any]], Checks]

_PROOFS: Final = {work.name: work.proof for work in WORKS}


@dataclass(frozen=True)
class Case:
    """
    One of the situations that are compared.

    :ivar label: what tables call it.
    :ivar orders: what the driver is told.
    :ivar items: over how many items the cost is spread.
    """

    label: str
    orders: dict[str, Any]
    items: int = 1


def _microseconds(cost: Cost, items: int) -> float:
    return cost.cpu / items * 1e6


def _of_works(work: str) -> Proof:
    """Return the proof of one of the works."""
    return lambda orders: _PROOFS[work](orders["size"], orders.get("repeat", 1))


@dataclass(frozen=True)
class Comparison:
    """
    The same work in several situations, or a figure of one.

    :ivar name: what the command line calls it.
    :ivar title: what tables call it.
    :ivar unit: of the figures.
    :ivar cases: the first is what the others are compared with.
    :ivar limit: how many times the first the others may be; or the one that there is, by itself.
    :ivar rule: the limit, for people.
    :ivar proof: the checks that a driver must yield, given its orders.
    :ivar value: reads the figure off its report.
    :ivar driver: which driver it is.
    :ivar needs_tls: whether the server must serve TLS.
    :ivar long: whether it takes minutes.
    """

    name: str
    title: str
    unit: str
    cases: tuple[Case, ...]
    limit: float
    rule: str
    proof: Proof
    value: Value = _microseconds
    driver: str = "scale"
    needs_tls: bool = False
    long: bool = False

    def keep(self, server: Server, rounds: int) -> Promise:
        """
        Measure.

        :raises Failed: if a driver does not do its work.
        """
        figures: dict[str, list[float]] = {case.label: [] for case in self.cases}
        for turn in range(1 if self.long else rounds):
            progress(f"round {turn + 1} of {rounds}: {self.name}")
            for case in self.cases[:: -1 if turn % 2 else 1]:
                figures[case.label].append(self._figure(server, case))
        first, *others = figures.values()
        ratios = [[one / base for one, base in zip(other, first, strict=True)] for other in others]
        value = max(map(median, ratios)) if ratios else median(first)
        found = ", ".join(f"{label}: {number(median(costs))}" for label, costs in figures.items())
        return Promise(self.title, f"{found} {self.unit}", value, self.limit, self.rule)

    def _figure(self, server: Server, case: Case) -> float:
        orders = {"work": self.name, "host": "127.0.0.1", "port": server.port, **case.orders}
        if orders.pop("tls", False):
            orders.update(port=server.tls_port, extra={"ca_file": server.ca_file})
        try:
            cost = drive([sys.executable, "-m", f"benchmarks.drivers.{self.driver}"], orders, self.proof(orders), 900)
        except Failed as failed:
            raise Failed(f"{self.name}, {case.label}: {failed.reason}") from None
        return self.value(cost, case.items)


_IMPORT: Final = """
import sys, time
began = time.process_time()
for name in sys.argv[1:]:
    __import__(name)
print(time.process_time() - began)
"""
_FIND: Final = """
import sys, txami
print(*sorted(name for name in sys.modules if name.partition(".")[0] == "twisted"))
"""


@dataclass(frozen=True)
class Import:
    """How long ``import txami`` takes, compared with the modules of Twisted that it brings."""

    name: str = "import"
    title: str = "import txami"
    needs_tls: bool = False
    long: bool = False

    def keep(self, server: Server, rounds: int) -> Promise:
        """Measure."""
        modules = self._run(_FIND).split()
        figures: list[tuple[float, float]] = []
        for turn in range(3 * rounds + 1):
            progress(f"round {turn} of {3 * rounds}: import")
            # The first time writes the bytecode.
            figures.append((self._seconds(modules), self._seconds(["txami"])))
        base, mine = ([each[at] * 1000 for each in figures[1:]] for at in (0, 1))
        twisted, txami = number(median(base)), number(median(mine))
        found = f"the {len(modules)} modules of Twisted that it brings: {twisted}, txami: {txami} ms"
        value = median(mine) / median(base)
        return Promise(self.title, found, value, 1.2, "at most 1.2 times")

    def _seconds(self, modules: list[str]) -> float:
        return float(self._run(_IMPORT, *modules))

    @staticmethod
    def _run(program: str, *arguments: str) -> str:
        # Without bytecode it would be the compiler that is measured.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return subprocess.run(
            [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, env=environment
        ).stdout


def promises(factor: float = 1) -> tuple[Comparison | Import, ...]:
    """
    Return all of them.

    :param factor: how much of the work is done; for a look, a tenth will do.
    """

    def part(number: int) -> int:
        return max(1, round(number * factor))

    def flat(name: str, title: str, key: str, few: int, many: int) -> Comparison:
        """A replay with few and with many of something."""
        size = part(100_000)
        cases = tuple(
            Case(f"{number:,}", {"size": size, "extra": {key: number}}, size) for number in (few, max(few, part(many)))
        )
        return Comparison(name, title, "us an event", cases, 1.2, "within 20 %", _of_works("hangup"))

    def tls(name: str, title: str, value: Value) -> Comparison:
        """All events, observed over TCP and over TLS."""
        size = part(200_000)
        cases = tuple(
            Case(label, {"work": "all", "size": size, "tls": label == "TLS"}, size) for label in ("TCP", "TLS")
        )
        rule = "at least 70 % of the rate"
        proof = _of_works("all")
        return Comparison(
            name, title, "us an event", cases, 1 / 0.7, rule, proof, value=value, driver="txami", needs_tls=True
        )

    times = {mib: part(64 // mib) for mib in (1, 2, 4, 8, 16)}
    giants = tuple(Case(f"{mib} MiB", {"size": mib, "repeat": n}, mib * n) for mib, n in times.items())
    lists = ((10, part(2000)), (part(10_000), 3))
    long = {"size": part(1_000_000), "repeat": 10}
    return (
        tls("tls", "events over TLS", _microseconds),
        tls("throughput", "events over TLS, by the clock", lambda cost, items: cost.wall / items * 1e6),
        flat("observers", "observers of other events", "observers", 1, 1000),
        flat("aged", "events gone by", "before", 1000, 1_000_000),
        flat("pending", "actions that wait", "pending", 1, 100_000),
        Comparison(
            "items",
            "items of a list, beyond the cost of an empty one",
            "us an item",
            tuple(Case(f"{n:,}", {"size": n, "repeat": repeat}, n * repeat) for n, repeat in lists),
            1.2,
            "within 20 %",
            _of_works("list"),
        ),
        Comparison(
            "giant",
            "a header of many MiB",
            "us a MiB",
            giants,
            1.2,
            "linear, within 20 %",
            lambda orders: {"sizes": digest([str(orders["size"] << 20)] * orders["repeat"])},
        ),
        Comparison(
            "connections",
            "memory of an idle connection",
            "KiB",
            (Case(f"of {part(1000):,}", {"size": part(1000)}),),
            20,
            "at most 20 KiB",
            lambda orders: {"connected": orders["size"]},
            value=lambda cost, items: float(cost.checks["kib"]),
        ),
        Import(),
        Comparison(
            "memory",
            f"memory after {long['size'] * 10:,} events, compared with a tenth of them",
            "times",
            (Case("growth", long),),
            1.02,
            "no growth",
            lambda orders: {"events": orders["size"] * orders["repeat"]},
            value=lambda cost, items: float(cost.checks["growth"]),
            long=True,
        ),
    )
