"""``txami demo``: a short conversation, with an exchange that is not there or with a real one."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..demo import demo, demo_with_fake
from ..message import Event
from .base import OK, Commands, Misuse, add_command, server_for
from .output import Printer, as_json, print_json, printer_for

_EXAMPLES = """\
demo
demo --host pbx.example.com --username admin --secret-file ~/.ami-secret
--profile office demo --channel PJSIP/alice
"""


class _JsonPrinter(Printer):
    """Prints the same for programs."""

    def __call__(self, text: str = "", colour: str = "") -> None:
        if text.strip():
            print_json({"text": text.strip()})

    def event(self, event: Event) -> None:
        """Print an event in one line."""
        print_json(as_json(event))


def add_demo(commands: Commands) -> None:
    """Add it to a command line."""
    summary = "hold a short conversation, with a fake unless --host or --profile names a real exchange"
    parser = add_command(commands, "demo", _demo, summary, _EXAMPLES)
    parser.add_argument(
        "--channel", default="Local/s@default", help="whom to call at a real exchange (default: Local/s@default)"
    )


async def _demo(reactor: Any, options: argparse.Namespace) -> int:
    say = _JsonPrinter(sys.stdout) if options.json else printer_for(options)
    # Not one that the environment or a default names: who wants to see a demonstration places no real call.
    if options.host is None and options.profile is None:
        if options.username is not None or options.secret_file is not None:
            raise Misuse("--username and --secret-file are for a real exchange: name it with --host")
        await demo_with_fake(reactor, say)
        return OK
    server = server_for(options)
    how = {"auth": server.auth, "events": server.events, "ca_file": server.ca_file}
    await demo(reactor, server.host, server.username, server.secret, say, options.channel, **how)
    return OK
