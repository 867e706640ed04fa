"""Results as tables: for a terminal, and in reStructuredText."""

from __future__ import annotations

from collections.abc import Iterator

from .clients import Client
from .results import Promise, Results
from .works import Work

Row = list[str]


def number(value: float) -> str:
    """Return a number with three digits, no more."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def verdict(met: bool) -> str:
    """Say whether a target is met."""
    return "met" if met else "missed"


class Costs:
    """The table of works and clients, with footnotes."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.notes: list[str] = []
        self.rows = [["microseconds", *(client.title for client in self._columns()), "txami : floor", "target"]]
        self.rows += [self._row(work) for work in results.works]

    def _columns(self) -> Iterator[Client]:
        return (client for client in self.results.clients if client.name != "dict")

    def _row(self, work: Work) -> Row:
        cells = [self._cell(work, client) for client in self._columns()]
        txami = next((client for client in self.results.clients if client.name == "txami"), None)
        ratio = self.results.ratio(work, txami) if txami is not None else None
        if ratio is None:
            return [work.title, *cells, "", ""]
        return [work.title, *cells, f"{ratio:.2f}", f"{work.target:g}, {verdict(ratio <= work.target)}"]

    def _cell(self, work: Work, client: Client) -> str:
        if client.name == "bare" and work.floor != "bare":
            # The other floor has no column of its own, for it has only this one work.
            client = next((each for each in self.results.clients if each.name == work.floor), client)
        value = self.results.median(work, client)
        failure = self.results.failures.get((work.name, client.name))
        if failure is None:
            return "" if value is None else number(value)
        note = f"{client.title}: {failure}."
        if note not in self.notes:
            self.notes.append(note)
        mark = f"({self.notes.index(note) + 1})"
        return f"fails {mark}" if value is None else f"fails, {number(value)} {mark}"


def promises(found: list[Promise]) -> list[Row]:
    """Return the table of the promises."""
    rows = [[each.title, each.found, f"{each.rule}, {verdict(each.met)}"] for each in found]
    return [["txami", "measured", "target"], *rows]


def as_text(rows: list[Row]) -> str:
    """Return a table for a terminal."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *(map(str.rjust, row[1:], widths[1:]))]).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def as_rst(rows: list[Row]) -> str:
    """Return a table in reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {'* -' if not at else '  -'} {cell}".rstrip() for at, cell in enumerate(row)]
    return "\n".join(lines) + "\n"
