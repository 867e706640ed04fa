"""
The command line: ``txami``, or ``python -m txami``.

What each subcommand does is in :mod:`txami.commands`; :data:`SUBCOMMANDS` has what adds each.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Final

from twisted.internet.task import react

from ._version import __version__
from .commands.action import add_action
from .commands.base import MISUSED, Commands, Misuse, Parser, add_shared_options, as_epilog, exit_code, start
from .commands.completion import add_completion
from .commands.demo import add_demo
from .commands.events import add_events
from .commands.originate import add_originate
from .commands.ping import add_ping
from .commands.recordings import add_record, add_replay
from .commands.top import add_top
from .listing import add_listings

#: What adds each subcommand, in the order of the help.
SUBCOMMANDS: Final[tuple[Callable[[Commands], None], ...]] = (
    add_ping,
    add_action,
    add_events,
    add_originate,
    add_top,
    add_record,
    add_replay,
    add_listings,
    add_demo,
    add_completion,
)

_EXAMPLES: Final = """\
demo
--host pbx.example.com --username admin --secret-file ~/.ami-secret ping
--profile office --json action CoreShowChannels
"""

_EXIT_CODES: Final = """\
exit codes:
  0    all is well
  1    it failed; the reason is on standard error
  2    the command line or the configuration is wrong
  3    the call was not answered
  130  it was interrupted, as by Ctrl-C
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    parser = build_parser()
    try:
        options = _parse(parser, sys.argv[1:] if arguments is None else arguments)
        if options.run is None:
            parser.print_help(sys.stderr)
            code = MISUSED
        elif iscoroutinefunction(options.run):
            react(partial(start, options=options))
        else:
            code = options.run(options)
            sys.stdout.flush()
    except Exception as error:
        code = exit_code(error)
    parser.exit(code)


def build_parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = Parser(
        prog="txami",
        description="A client of Asterisk's manager interface (AMI).",
        epilog=f"{as_epilog(_EXAMPLES)}\n\n{_EXIT_CODES}",
    )
    parser.add_argument("--version", action="version", version=f"txami {__version__}")
    add_shared_options(parser)
    parser.set_defaults(run=None)
    commands: Any = parser.add_subparsers(metavar="COMMAND", title="subcommands")
    for add in SUBCOMMANDS:
        add(commands)
    return parser


def _parse(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """
    Read the command line; refuse what is no option without repeating it: it may be a secret.

    :raises Misuse: naming the options, but none of their values.
    """
    # Before anything else is complained of, which might show what stands behind it.
    if any(each == "--secret" or each.startswith("--secret=") for each in arguments):
        raise Misuse("a secret is never given on the command line: use --secret-file, or set TXAMI_SECRET")
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        names = [each.partition("=")[0] for each in unknown if each.startswith("-")]
        raise Misuse(f"unknown arguments: {' '.join(names) or 'see --help'}")
    return options
