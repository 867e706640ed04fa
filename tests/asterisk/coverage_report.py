"""The table of what was run: for a terminal, and as ``docs/coverage.rst``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.asterisk.coverage import OK, Finding, Headers, Row

_FILE: Final = Path(__file__).parents[2] / "docs/coverage.rst"

_INTRODUCTION: Final = """Every action, run
=================

``tests/asterisk/test_coverage.py`` asks a real server for its actions and runs every one of them, with the
fields below and without each of those that it needs.  What it is run on is made for it: calls, a bridge, a
conference, a parked call, a caller in a queue, and so on; ``<call.channel>`` stands for the channel of a call that
was made for that row.

*whole* means: the reply came without a timeout, with all its items and the event that ends it; it says what it
should, and what was made is among the items; an action that changes something has changed it; and nothing was
left behind that the next reply could be confused with.  The replies of actions that only read were compared line by
line with what a session sees that knows nothing of txami, with the same actions sent all at once, and over TLS.

Kinds of reply:

response, error
    one message.
list
    a response, items, and an event that ends them.
output, error with output
    what a CLI command prints.
response and event
    a response that is followed by one event, without the marks of a list.
bare text
    a message that does not say whose reply it is, or that it is one.  A ping that is sent along tells its end.
none, ping
    no reply: the answer to a ping that is sent along proves that none will come.
refused
    not sent: the answer could not be told from other messages.  The error names the CLI command that prints it.
closing
    a response, after which the connection is closed.
closed
    no reply: the connection is closed.

.. contents::
   :local:
   :depth: 1
"""

_NEVER: Final = """Never answered
--------------

Asterisk gives these no reply, or none that can be known as theirs.  ``FAXSession`` may lack its event, which a ping
sent along would tell, too.
"""

_COLUMNS: Final = ("Action", "Fields", "Reply", "Items", "Verdict", "Without a field")
_WIDTHS: Final = (18, 30, 12, 6, 10, 34)


def text_table(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield the lines of the table for a terminal."""
    for finding in findings:
        row = finding.row
        fields = ", ".join(f"{name}={value}" for name, value in row.fields.items())
        yield f"{row.action:<44}{finding.kind:<20}{finding.items:>4}  {finding.verdict}   {fields}"
        for name, said in finding.missing.items():
            yield f"{'':<10}without {name}: {said}"


def write_document(versions: Mapping[str, str], findings: Mapping[str, list[Finding]]) -> None:
    """
    Write ``docs/coverage.rst``.

    :param versions: what each server says of its version.
    :param findings: what came of the rows, by the same keys.
    """
    lines = [_INTRODUCTION]
    for key, version in versions.items():
        lines += _section(version, sorted(findings[key], key=lambda finding: finding.row.action.lower()))
    lines += [_NEVER, *_never_answered(findings)]
    _FILE.write_text("\n".join(lines) + "\n")


def _section(version: str, findings: list[Finding]) -> Iterator[str]:
    """Yield the part of one server."""
    yield version
    yield "-" * len(version)
    yield ""
    actions = {finding.row.action for finding in findings}
    yield (
        f"{len(actions)} actions in {len(findings)} rows, "
        f"{sum(len(finding.missing) for finding in findings)} runs without a field, "
        f"{sum(finding.items for finding in findings)} items."
    )
    yield ""
    yield ".. list-table::"
    yield "   :header-rows: 1"
    yield f"   :widths: {' '.join(map(str, _WIDTHS))}"
    yield ""
    for cells in (_COLUMNS, *map(_cells, findings)):
        yield f"   * - {cells[0]}"
        yield from (f"     - {cell}".rstrip() for cell in cells[1:])
    yield ""


def _cells(finding: Finding) -> tuple[str, ...]:
    """Return the cells of a row."""
    row = finding.row
    missing = [f"{name}: {_said(said)}" for name, said in finding.missing.items()]
    items = str(finding.items) if row.ends else ""
    return row.action, _asked(row), finding.kind, items, _escaped(finding.verdict), "; ".join(missing)


def _asked(row: Row) -> str:
    """Return what was asked, for a cell."""
    return " ".join(filter(None, (_fields(row.fields), row.note and f"({row.note})")))


def _fields(fields: Headers) -> str:
    """Return fields for a cell."""
    text = ", ".join(f"``{name}: {value}``" for name, value in fields.items())
    return text.translate({ord("{"): "<", ord("}"): ">"})


def _said(said: str) -> str:
    """Return what a server said without a field, for a cell."""
    text = said.removeprefix(OK)
    quoted = f"“{_escaped(text)}”" if text else "no message"
    return f"success, {quoted}" if said.startswith(OK) else quoted


def _escaped(text: str) -> str:
    """Return text that reStructuredText takes for text."""
    return re.sub(r"([\\*`_|])", r"\\\1", text)


def _never_answered(findings: Mapping[str, list[Finding]]) -> list[str]:
    """Return one line for each action that is never answered."""
    named = {
        f"* {' '.join((finding.row.action, _asked(finding.row))).strip()}: {finding.kind}"
        for found in findings.values()
        for finding in found
        if finding.kind in ("refused", "closed", "none, ping", "bare text")
    }
    return sorted(named)
