"""``txami events``: what happens, line by line."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Any

from ..message import Event
from .base import FAILED, OK, Commands, add_command, lasting_connection, number, pair
from .output import Printer, as_json, brief, complain, print_json, printer_for

_EXAMPLES = """\
events
events --name 'Queue*' --name Hangup
events --name Hangup --where Cause=17 --count 1 --timeout 60
--json --profile office events > events.jsonl
"""


def add_events(commands: Commands) -> None:
    """Add it to a command line."""
    parser = add_command(
        commands, "events", _follow, "print events as they come, through losses of the connection", _EXAMPLES
    )
    parser.add_argument("--name", metavar="GLOB", action="append", help="only events of this name; may be repeated")
    parser.add_argument(
        "--where",
        metavar="HEADER=VALUE",
        action="append",
        type=pair,
        default=[],
        help="only events with this header; a header that is repeated may have either value",
    )
    parser.add_argument(
        "--count", metavar="N", type=number, help="end after so many; it fails if --timeout ends it before"
    )


async def _follow(reactor: Any, options: argparse.Namespace) -> int:
    say = printer_for(options)
    seen = 0
    async with lasting_connection(reactor, options) as service:
        stream = service.events(options.name, _wanted(options.where))
        service.startService()
        timer = None if options.timeout is None else reactor.callLater(options.timeout, stream.close)
        try:
            async for event in stream:
                _print(say, event, options.json, reactor.seconds())
                seen += 1
                if seen == options.count:
                    return OK
        finally:
            stream.close()
            if timer is not None and timer.active():
                timer.cancel()
    if options.count is None:
        return OK
    complain(f"{seen} of {options.count} events within {options.timeout:g} s")
    return FAILED


def _wanted(pairs: list[tuple[str, str]]) -> dict[str, list[str]] | None:
    """Return the values that each header may have."""
    wanted: dict[str, list[str]] = {}
    for name, value in pairs:
        wanted.setdefault(name, []).append(value)
    return wanted or None


def _print(say: Printer, event: Event, as_line_of_json: bool, now: float) -> None:
    if as_line_of_json:
        print_json(as_json(event))
    else:
        say(f"{datetime.fromtimestamp(now):%H:%M:%S}  {brief(event)}", "event")
