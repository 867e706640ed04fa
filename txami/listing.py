"""The subcommands that print the catalogue: ``actions`` and ``events-info``.  They need no server."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Final, TypeVar

from . import catalogue
from .catalogue import ActionInfo, EventInfo
from .commands.base import FAILED, OK, Commands, add_command
from .commands.output import columns, complain, printer_for

#: What is printed on the left.
_MARGIN: Final = 15
_WIDTH: Final = 100

InfoT = TypeVar("InfoT", ActionInfo, EventInfo)
Details = list[tuple[str, str]]


def add_listings(commands: Commands) -> None:
    """Add them to a command line."""
    for name, run, what, example in (
        ("actions", _actions, "action", "QueueAdd"),
        ("events-info", _events, "event", "Hangup"),
    ):
        summary = f"print what is known of each {what} of Asterisk"
        parser = add_command(commands, name, run, summary, f"{name}\n{name} {example}\n{name} {example} --json")
        parser.add_argument("name", metavar="NAME", nargs="?", help=f"one {what}, in any case; left out, all")


def _actions(options: argparse.Namespace) -> int:
    titles = ("ACTION", "REPLY", "WRITE CLASSES", "SINCE")
    return _print(options, "action", catalogue.actions(), titles, _action_row, _action_details)


def _events(options: argparse.Namespace) -> int:
    titles = ("EVENT", "READ CLASSES", "PART OF", "SINCE")
    return _print(options, "event", catalogue.events(), titles, _event_row, _event_details)


def _print(
    options: argparse.Namespace,
    what: str,
    infos: Sequence[InfoT],
    titles: Sequence[str],
    row: Callable[[InfoT], Sequence[str]],
    details: Callable[[InfoT], Details],
) -> int:
    """Print all of them, or the one that is asked for."""
    if options.name is None:
        _print_all(options, infos, [titles, *map(row, infos)])
        return OK
    wanted = {info.name.lower(): info for info in infos}.get(options.name.lower())
    if wanted is None:
        nearest = catalogue.nearest(options.name, [info.name for info in infos])
        hint = f"; is it {nearest!r}?" if nearest else ""
        complain(f"no {what} {options.name!r} is known{hint}")
        return FAILED
    _print_one(options, wanted, details(wanted))
    return OK


def _print_all(options: argparse.Namespace, infos: Sequence[InfoT], rows: Sequence[Sequence[str]]) -> None:
    if options.json:
        print(json.dumps([asdict(info) for info in infos], indent=2))
        return
    say = printer_for(options)
    for number, line in enumerate(columns(rows)):
        say(line, "" if number else "heading")


def _print_one(options: argparse.Namespace, info: InfoT, details: Details) -> None:
    if options.json:
        print(json.dumps(asdict(info), indent=2))
        return
    say = printer_for(options)
    say(info.name, "heading")
    for title, text in details:
        if text:
            indent = " " * (_MARGIN + 3)
            say(textwrap.fill(text, _WIDTH, initial_indent=f"  {title:<{_MARGIN}} ", subsequent_indent=indent))


def _action_row(info: ActionInfo) -> tuple[str, str, str, str]:
    return info.name, info.reply, " ".join(info.privilege) or "-", _versions(info)


def _event_row(info: EventInfo) -> tuple[str, str, str, str]:
    return info.name, " ".join(info.classes) or "-", " ".join((*info.item_of, *info.completes)) or "-", _versions(info)


def _action_details(info: ActionInfo) -> Details:
    several = " (any one of them)" if len(info.privilege) > 1 else ""
    return [
        ("write classes", ", ".join(info.privilege) + several if info.privilege else "none needed"),
        ("required", ", ".join(info.required) or "-"),
        ("optional", ", ".join((*info.optional, "any others") if info.free else info.optional) or "-"),
        ("reply", info.reply),
        ("items", ", ".join(info.items)),
        ("outcome" if "later" in info.reply else "ended by", info.completion or ""),
        ("since", _versions(info)),
    ]


def _event_details(info: EventInfo) -> Details:
    several = " (all of them)" if len(info.classes) > 1 else ""
    return [
        ("read classes", ", ".join(info.classes) + several if info.classes else "only a part of replies"),
        ("headers", ", ".join((*info.headers, "any others") if info.free else info.headers)),
        ("item of", ", ".join(info.item_of)),
        ("completes", ", ".join(info.completes)),
        ("since", _versions(info)),
    ]


def _versions(info: ActionInfo | EventInfo) -> str:
    """Return which releases have it."""
    return ", ".join(info.since) + (f" (until {info.until})" if info.until else "")
