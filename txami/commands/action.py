"""``txami action`` and ``txami command``: send one action, or run one command of the CLI."""

from __future__ import annotations

import argparse
from typing import Any

from ..errors import ActionError
from ..message import Event, Message, Response
from .base import FAILED, OK, Commands, Misuse, add_command, connection, pair
from .output import Printer, as_json, complain, print_json, printable, printer_for, progress


def add_action(commands: Commands) -> None:
    """Add both to a command line."""
    action = add_command(
        commands,
        "action",
        _action,
        "send an action and print the whole reply",
        "action CoreShowChannels\naction QueueAdd Queue=support Interface=PJSIP/alice\n--json action CoreStatus",
    )
    action.add_argument("name", metavar="NAME", help="such as CoreStatus; see 'txami actions'")
    action.add_argument("headers", metavar="HEADER=VALUE", nargs="*", type=pair, help="may be repeated")
    command = add_command(
        commands, "command", _command, "run a command of Asterisk's CLI", "command 'core show uptime'"
    )
    command.add_argument("line", metavar="COMMAND", help="in quotes, if it has blanks")


async def _action(reactor: Any, options: argparse.Namespace) -> int:
    if any(name.lower() == "secret" for name, _ in options.headers):
        raise Misuse("a secret is never given on the command line, which every user of the machine can read")
    async with connection(reactor, options) as ami:
        with progress(reactor, options.name):
            try:
                response = await ami.action(options.name, options.headers)
            except ActionError as error:
                if options.json:
                    print_json(_reply_as_json(error.response))
                raise
    if options.json:
        print_json(_reply_as_json(response))
    else:
        _print_reply(printer_for(options), response)
    return OK


def _reply_as_json(response: Response) -> dict[str, object]:
    return {
        "ok": response.ok,
        "response": as_json(response),
        "events": [as_json(event) for event in response.events],
        "completion": None if response.completion is None else as_json(response.completion),
        "output": response.output,
    }


def _print_reply(say: Printer, response: Response) -> None:
    _print_message(say, response)
    if not response.get_all("Output"):  # those before Asterisk 14 are no headers
        for line in response.output:
            say(printable(line))
    for event in response.events:
        say()
        _print_message(say, event)


def _print_message(say: Printer, message: Message) -> None:
    colour = "event" if isinstance(message, Event) else "good"
    for name, value in message.items():
        if name.lower() != "actionid":
            say(printable(f"{name}: {value}" if name else value), colour)
            colour = ""


async def _command(reactor: Any, options: argparse.Namespace) -> int:
    async with connection(reactor, options) as ami:
        with progress(reactor, options.line):
            response = await ami.action("Command", Command=options.line, check=False)
    if options.json:
        print_json({"command": options.line, "ok": response.ok, "output": response.output})
    else:
        say = printer_for(options)
        for line in response.output:
            say(printable(line))
    if response.ok:
        return OK
    if not response.output:
        raise ActionError("Command", response)
    complain("Asterisk says that the command failed")
    return FAILED
