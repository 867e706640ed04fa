"""``txami originate``: place a call and tell what became of it."""

from __future__ import annotations

import argparse
from typing import Any

from ..message import Event
from ..originate import DEFAULT_RING_TIME, Call, Outcome
from .base import NOT_ANSWERED, OK, Commands, Misuse, add_command, connection, pair, seconds
from .output import as_json, print_json, printable, printer_for, progress

_EXAMPLES = """\
originate PJSIP/alice --context default --exten 101
originate PJSIP/alice --application Playback --data tt-monkeys --wait
originate PJSIP/alice --context default --exten 101 --variable campaign=7 --ring-time 20 && echo answered
"""


def add_originate(commands: Commands) -> None:
    """Add it to a command line."""
    parser = add_command(commands, "originate", _originate, "place a call and print its outcome", _EXAMPLES)
    parser.add_argument("channel", metavar="CHANNEL", help="whom to call, such as PJSIP/alice")
    parser.add_argument("--exten", help="the extension that the channel goes to when it answers")
    parser.add_argument("--context", help="the context of this extension")
    parser.add_argument("--priority", default="1", help="a number or a label (default: 1)")
    parser.add_argument("--application", help="what runs instead of an extension")
    parser.add_argument("--data", help="the application's arguments")
    parser.add_argument("--variable", metavar="NAME=VALUE", action="append", type=pair, help="may be repeated")
    parser.add_argument("--caller-id", metavar="'NAME <NUMBER>'", help="who calls")
    parser.add_argument(
        "--ring-time",
        metavar="SECONDS",
        type=seconds,
        default=DEFAULT_RING_TIME,
        help=f"how long it may ring (default: {DEFAULT_RING_TIME:g})",
    )
    parser.add_argument("--wait", action="store_true", help="wait for the end of the call, too")


async def _originate(reactor: Any, options: argparse.Namespace) -> int:
    extension = options.exten is not None and options.context is not None
    if extension == (options.application is not None):
        raise Misuse("originate: give either --exten and --context, or --application (and --data)")
    async with connection(reactor, options) as ami:
        call = await ami.originate(
            options.channel,
            context=options.context,
            exten=options.exten,
            priority=options.priority,
            application=options.application,
            data=options.data,
            variables=options.variable,
            caller_id=options.caller_id,
            ring_time=options.ring_time,
        )
        with progress(reactor, f"{options.channel} is called"):
            outcome = await call.outcome
        if not options.json:
            printer_for(options)(f"{options.channel}: {outcome.status}", "good" if outcome.answered else "bad")
        ended = await _end_of(reactor, call) if options.wait else None
    if options.json:
        print_json(_as_json(call, outcome, ended))
    elif ended is not None and outcome.answered:
        printer_for(options)(printable(f"ended: {ended.get('Cause-txt', '')}"))
    return OK if outcome.answered else NOT_ANSWERED


async def _end_of(reactor: Any, call: Call) -> Event:
    with progress(reactor, f"{call.channel} talks"):
        return await call.ended


def _as_json(call: Call, outcome: Outcome, ended: Event | None) -> dict[str, object]:
    return {
        "channel": call.channel,
        "uniqueid": call.uniqueid,
        "status": outcome.status,
        "answered": outcome.answered,
        "event": as_json(outcome.event),
        "ended": None if ended is None else as_json(ended),
    }
