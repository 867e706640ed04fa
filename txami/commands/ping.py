"""``txami ping``: is there an Asterisk, does it let us in, and how fast does it answer?"""

from __future__ import annotations

import argparse
from typing import Any

from twisted.internet.task import deferLater

from .base import OK, Commands, add_command, connection, number, seconds
from .output import print_json, printer_for


def add_ping(commands: Commands) -> None:
    """Add it to a command line."""
    parser = add_command(commands, "ping", _ping, "measure how fast Asterisk answers", "ping\n--json ping --count 3")
    parser.add_argument("--count", metavar="N", type=number, default=1, help="how often (default: 1)")
    parser.add_argument("--interval", metavar="SECONDS", type=seconds, default=1.0, help="between two (default: 1)")


async def _ping(reactor: Any, options: argparse.Namespace) -> int:
    say = printer_for(options)
    async with connection(reactor, options) as ami:
        for count in range(1, options.count + 1):
            if count > 1:
                await deferLater(reactor, options.interval)
            began = reactor.seconds()
            await ami.action("Ping")
            milliseconds = round((reactor.seconds() - began) * 1000, 3)
            if options.json:
                print_json({"count": count, "banner": ami.banner, "milliseconds": milliseconds})
            else:
                say(f"{ami.banner}: {milliseconds:.1f} ms", "good")
    return OK
