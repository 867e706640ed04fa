"""``txami top``: the channels that are up, as a table that keeps itself up to date."""

from __future__ import annotations

import argparse
import shutil
import sys
from typing import Any, Final

from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from ..errors import AMIError, ConnectionLost, NotConnected
from ..service import AMIService
from .base import OK, Commands, add_command, connection, lasting_connection, server_for
from .channels import EVENTS, ChannelTable
from .output import as_json, print_json, printer_for
from .screen import Screen

#: Seconds between two drawings.
_PACE: Final = 0.5


def add_top(commands: Commands) -> None:
    """Add it to a command line."""
    add_command(
        commands,
        "top",
        _top,
        "show the channels, live in a terminal (q ends it), else once",
        "top\n--profile office top\n--json top",
    )


async def _top(reactor: Any, options: argparse.Namespace) -> int:
    if options.json or not sys.stdout.isatty():
        return await _print_once(reactor, options)
    async with lasting_connection(reactor, options) as service:
        await _show(reactor, service, server_for(options).name, not options.no_color)
    return OK


async def _print_once(reactor: Any, options: argparse.Namespace) -> int:
    async with connection(reactor, options) as ami:
        items = (await ami.action("CoreShowChannels")).events
    table = ChannelTable(reactor)
    table.replace(items)
    if options.json:
        print_json({"channels": [as_json(item) for item in items], "calls": table.calls})
        return OK
    say = printer_for(options)
    for number, line in enumerate(table.lines()):
        say(line, "" if number else "heading")
    say(table.summary(), "dim")
    return OK


async def _show(reactor: Any, service: AMIService, name: str, coloured: bool) -> None:
    """Draw until somebody has seen enough."""
    table = ChannelTable(reactor)
    events = service.events(EVENTS, limit=100_000)

    async def take_all(_: object) -> None:
        # Anew with each connection: what happened in between is not known.
        table.begin()
        try:
            table.replace((await service.action("CoreShowChannels")).events)
        except (ConnectionLost, NotConnected):
            pass  # the next connection will tell
        except AMIError as error:
            events.end(error)

    def draw() -> None:
        state = "" if service.logged_in else " (no connection)"
        size = shutil.get_terminal_size()
        screen.draw([f"{name}{state}: {table.summary()}   q ends", "", *table.lines()], *size)

    def give_up(failure: Failure) -> None:
        if isinstance(failure.value, Exception):
            events.end(failure.value)

    service.on_connected(take_all)
    service.startService()
    drawing = LoopingCall(draw)
    drawing.clock = reactor
    with Screen(reactor, sys.stdout, events.close, coloured) as screen:
        drawing.start(_PACE).addErrback(give_up)
        try:
            async for event in events:
                table.update(event)
        finally:
            if drawing.running:
                drawing.stop()
