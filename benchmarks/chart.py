"""Results as a chart: bars on a logarithmic axis, for a terminal and as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

from .clients import Client
from .results import Results
from .tables import number

_WIDTH: Final = 760
_LEFT: Final = 190
_BAR: Final = 15
_GAP: Final = 26
_COLOURS: Final = {"bare": "#9aa0a6", "dict": "#9aa0a6", "txami": "#1f6feb"}
_PEER: Final = "#c9b458"

Bar = tuple[Client, float]
Group = tuple[str, list[Bar]]


def _groups(results: Results) -> Iterator[Group]:
    for work in results.works:
        found = [(client, results.median(work, client)) for client in results.clients]
        bars = [(client, value) for client, value in found if value is not None]
        if bars:
            yield work.title, bars


class _Axis:
    """Where a value stands, from 0 to 1."""

    def __init__(self, groups: list[Group]) -> None:
        values = [value for _, bars in groups for _, value in bars]
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)

    def place(self, value: float) -> float:
        return (math.log10(value) - self.low) / (self.high - self.low)

    def decades(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def as_text(results: Results, width: int = 60) -> str:
    """Return the chart for a terminal."""
    groups = list(_groups(results))
    if not groups:
        return ""
    axis = _Axis(groups)
    lines = [f"microseconds of the client's processor, logarithmic: {axis.decades()[0]:g} to {axis.decades()[-1]:g}"]
    for title, bars in groups:
        lines += ["", title]
        lines += [
            f"  {client.title:26} {'#' * max(1, round(axis.place(value) * width))} {number(value)}"
            for client, value in bars
        ]
    return "\n".join(lines)


def as_svg(results: Results) -> str:
    """Return the chart as a picture."""
    groups = list(_groups(results))
    axis = _Axis(groups)
    span = _WIDTH - _LEFT - 60
    shapes: list[str] = []
    top = 30
    for title, bars in groups:
        shapes.append(f'<text x="8" y="{top + 12}" font-weight="bold">{escape(title)}</text>')
        top += _GAP - 6
        for client, value in bars:
            length = max(2.0, axis.place(value) * span)
            colour = _COLOURS.get(client.name, _PEER)
            shapes += [
                f'<text x="{_LEFT - 8}" y="{top + 11}" text-anchor="end">{escape(client.title)}</text>',
                f'<rect x="{_LEFT}" y="{top}" width="{length:.1f}" height="{_BAR - 3}" fill="{colour}"/>',
                f'<text x="{_LEFT + length + 5:.1f}" y="{top + 11}">{number(value)}</text>',
            ]
            top += _BAR
        top += _GAP - _BAR
    lines = [_line(_LEFT + axis.place(decade) * span, top, f"{decade:g}") for decade in axis.decades()]
    height = top + 34
    caption = "microseconds of the client's processor for one item; the axis is logarithmic, shorter is better"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
            f'height="{height}" font-family="sans-serif" font-size="11">',
            f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
            *lines,
            *shapes,
            f'<text x="8" y="{height - 6}" fill="#555555">{escape(caption)}</text>',
            "</svg>\n",
        ]
    )


def _line(x: float, bottom: int, label: str) -> str:
    return (
        f'<line x1="{x:.1f}" y1="20" x2="{x:.1f}" y2="{bottom}" stroke="#dddddd"/>'
        f'<text x="{x:.1f}" y="14" text-anchor="middle" fill="#555555">{label}</text>'
    )
