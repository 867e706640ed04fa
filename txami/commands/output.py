"""How subcommands print: for people, in colour on a terminal, or as JSON for programs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TextIO

from twisted.internet.task import LoopingCall

from ..message import Event, Message

#: The headers worth a glance, of those that most events have.
_TELLING: Final = (
    "Channel",
    "DestChannel",
    "ChannelStateDesc",
    "Exten",
    "Application",
    "AppData",
    "DialStatus",
    "Device",
    "State",
    "Status",
    "Reason",
    "Cause-txt",
)

#: Those of any event, which tell least.
_COMMON: Final = frozenset({"event", "privilege", "timestamp", "actionid", "systemname"})

_COLOURS: Final = {"heading": "1", "sent": "36", "good": "32", "bad": "31", "event": "33", "dim": "2"}


class Printer:
    """
    Prints for people: in colour on a terminal, unless ``NO_COLOR`` is set, and plainly elsewhere.

    :param out: where to.
    :param plain: never in colour.
    """

    def __init__(self, out: TextIO, plain: bool = False) -> None:
        self._out = out
        self._coloured = out.isatty() and "NO_COLOR" not in os.environ and not plain

    def __call__(self, text: str = "", colour: str = "") -> None:
        while text.startswith("\n"):
            print(file=self._out)
            text = text[1:]
        if colour and self._coloured:
            text = f"\033[{_COLOURS[colour]}m{text}\033[0m"
        # What a phone sent may hold bytes that no terminal can show.
        encoding = self._out.encoding or "utf-8"
        print(text.encode(encoding, "replace").decode(encoding), file=self._out, flush=True)

    def event(self, event: Event) -> None:
        """Print an event in one line."""
        self(f"   * {brief(event)}", "event")


def printer_for(options: argparse.Namespace) -> Printer:
    """Return what prints as the options say."""
    return Printer(sys.stdout, options.no_color)


def printable(text: str) -> str:
    """Return a text without what a terminal obeys, which what a phone sent may hold."""
    return "".join(each if each.isprintable() or each == "\t" else "?" for each in text)


def brief(event: Event) -> str:
    """Return what an event tells, in one line."""
    details = [(name, event[name]) for name in _TELLING if event.get(name)]
    if not details:
        details = [(name, value) for name, value in event.items() if value and name.lower() not in _COMMON]
    shown = "  ".join(f"{name}={value}" for name, value in details)
    return printable(f"{event.name:<22} {shown}").rstrip()


def complain(error: object) -> None:
    """Say on standard error, in one line, what is wrong."""
    text = printable("; ".join(filter(None, (line.strip() for line in str(error).splitlines()))))
    print(f"txami: {text.encode('utf-8', 'replace').decode()}", file=sys.stderr, flush=True)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def as_json(message: Message) -> dict[str, str | list[str]]:
    """Return a message's headers, those that are repeated as lists."""
    found: dict[str, tuple[str, list[str]]] = {}
    for name, value in message.items():
        found.setdefault(name.lower(), (name, []))[1].append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in found.values()}


def print_json(value: object) -> None:
    """Print one line of JSON."""
    print(json.dumps(value), flush=True)


@contextmanager
def progress(reactor: Any, text: str) -> Iterator[None]:
    """Show on a terminal what is waited for, and how long; elsewhere, nothing."""
    if not sys.stderr.isatty():
        yield
        return
    began = reactor.seconds()
    show = LoopingCall(
        lambda: print(f"\r{text} ... {reactor.seconds() - began:.0f} s", end="", file=sys.stderr, flush=True)
    )
    show.clock = reactor
    show.start(1, now=False)
    try:
        yield
    finally:
        show.stop()
        print("\r\033[K", end="", file=sys.stderr, flush=True)
