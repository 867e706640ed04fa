"""What subcommands share: exit codes, the options of all, the connection, and how errors end a program."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, NoReturn, TypeAlias

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from zope.interface import implementer

from .. import config
from ..errors import AMIError
from ..protocol import AMIProtocol
from ..service import AMIService
from .output import complain

#: Exit codes: all well; it failed; the command line or the configuration is wrong; the call was not answered;
#: Ctrl-C, as shells have it.
OK: Final = 0
FAILED: Final = 1
MISUSED: Final = 2
NOT_ANSWERED: Final = 3
INTERRUPTED: Final = 130

#: The options that are settings of a server.
_SETTINGS: Final = ("host", "username", "secret_file", "auth", "events", "ca_file")

#: Where argparse shows a value.
_VALUE: Final = re.compile(r"(invalid \w+(?: value)?|ignored explicit argument):? ['\"].*?(?= \(choose|$)", re.DOTALL)

Commands: TypeAlias = "argparse._SubParsersAction[Any]"
#: Returns the exit code; asynchronous if it needs the reactor, which it then gets first.
Run: TypeAlias = "Callable[[argparse.Namespace], int] | Callable[[Any, argparse.Namespace], Coroutine[Any, Any, int]]"


class Misuse(ValueError):
    """The command line makes no sense."""


class Parser(argparse.ArgumentParser):
    """Complains in one line, and never repeats a value: it may be a secret that somebody tried to pass."""

    def __init__(self, **options: Any) -> None:
        # --secret must not pass for --secret-file, whose errors show their argument.
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message: str) -> NoReturn:
        """Exit with the complaint."""
        message = _VALUE.sub(r"\1", message)
        complain(f"{message}; see '{self.prog} --help'")
        self.exit(MISUSED)


def seconds(text: str) -> float:
    """Read a time that is an option."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("give seconds, more than 0")
    return value


def number(text: str) -> int:
    """Read how many, at least one."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("give a number, at least 1")
    return int(text)


def pair(text: str) -> tuple[str, str]:
    """Read ``NAME=VALUE``."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError("write NAME=VALUE")
    return name, value


def add_shared_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that may stand before and behind the name of any subcommand."""
    server = parser.add_argument_group("the server")
    server.add_argument("--host", metavar="ENDPOINT", help="host, host:port, [v6]:port, tls:host:port, unix:/path ...")
    server.add_argument("--username", metavar="NAME", help="the manager user, a section of manager.conf")
    server.add_argument("--secret-file", metavar="FILE", help="holds the user's secret; or set TXAMI_SECRET")
    server.add_argument("--auth", choices=("plain", "md5"), help="how to log in (default: plain)")
    server.add_argument("--events", metavar="MASK", help="the classes of events to get, such as call,agent")
    server.add_argument("--ca-file", metavar="FILE", help="the certificates to trust with tls:")
    server.add_argument("--config", metavar="FILE", help="a TOML file with profiles")
    server.add_argument("--profile", metavar="NAME", help="the profile to take from it")
    server.add_argument(
        "--timeout", metavar="SECONDS", type=seconds, help="how long to wait, for the connection and for each answer"
    )
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print for programs")
    output.add_argument("--no-color", action="store_true", help="print without colours, as with NO_COLOR set")


def add_command(commands: Commands, name: str, run: Run, summary: str, examples: str = "") -> argparse.ArgumentParser:
    """
    Add a subcommand.

    :param commands: where to.
    :param name: its name.
    :param run: see :data:`Run`.
    :param summary: what it does, in a line.
    :param examples: command lines that show it, without the leading ``txami``.
    :return: its parser, for arguments of its own.
    """
    # What is not given behind the name leaves in place what is given before it.
    shared = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    add_shared_options(shared)
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=as_epilog(examples),
        parents=[shared],
    )
    parser.set_defaults(run=run)
    return parser


def as_epilog(examples: str) -> str:
    """Return examples as help shows them."""
    return "\n".join(["examples:", *(f"  txami {line.strip()}" for line in examples.strip().splitlines())])


# -- the connection ----------------------------------------------------------------------------------------


def server_for(options: argparse.Namespace) -> config.ServerConfig:
    """
    Return the server that the options, the environment and the configuration name.

    :raises ConfigError: if they name none.
    """
    timeout = None if options.timeout is None else str(options.timeout)
    settings = {name: getattr(options, name) for name in _SETTINGS}
    settings |= {"timeout": timeout, "action_timeout": timeout}
    return config.resolve(settings, options.profile, config.read_config(options.config), os.environ)


@asynccontextmanager
async def connection(reactor: Any, options: argparse.Namespace) -> AsyncIterator[AMIProtocol]:
    """Give a connection that is logged off in the end."""
    ami = await server_for(options).connect(reactor)
    try:
        yield ami
    finally:
        await ami.logoff()


@asynccontextmanager
async def lasting_connection(reactor: Any, options: argparse.Namespace) -> AsyncIterator[AMIService]:
    """Give a service that is not started yet; it is stopped in the end."""
    server = server_for(options)
    # A service would try for ever; that the address or the secret is wrong is told at once.
    await (await server.connect(reactor)).logoff()
    service = server.service(reactor)
    try:
        yield service
    finally:
        await service.stopService()


# -- the end -----------------------------------------------------------------------------------------------


def start(reactor: Any, options: argparse.Namespace) -> Deferred[NoReturn]:
    """
    Start an asynchronous subcommand, for :func:`twisted.internet.task.react`.

    :return: always fails, with ``SystemExit`` and the exit code.
    """
    running = Deferred.fromCoroutine(_run(reactor, options))
    over: Deferred[None] = Deferred()

    def tell(result: Any) -> Any:
        over.callback(None)
        return result

    def interrupt() -> Deferred[None]:
        # It still has to log off.
        running.cancel()
        return over

    running.addBoth(tell)
    reactor.addSystemEventTrigger("before", "shutdown", interrupt)
    return running


async def _run(reactor: Any, options: argparse.Namespace) -> NoReturn:
    warnings = _Warnings()
    globalLogPublisher.addObserver(warnings)
    try:
        code = await options.run(reactor, options)
        sys.stdout.flush()
    except CancelledError:
        code = INTERRUPTED
    except Exception as error:
        code = exit_code(error)
    finally:
        globalLogPublisher.removeObserver(warnings)
    raise SystemExit(code)


def exit_code(error: Exception) -> int:
    """
    Say what went wrong, and return the exit code.

    :raises Exception: the error, if it is none that a user could have caused.
    """
    if isinstance(error, BrokenPipeError):
        # Whoever reads, such as head, has seen enough; Python would complain when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    if not isinstance(error, (AMIError, OSError, ValueError)):
        raise error
    complain(error)
    return MISUSED if isinstance(error, (config.ConfigError, Misuse)) else FAILED


@implementer(ILogObserver)
class _Warnings:
    """Shows what txami warns of, such as a header that an action does not know."""

    def __call__(self, event: LogEvent) -> None:
        if event["log_level"] >= LogLevel.warn and event["log_namespace"].startswith("txami"):
            complain(formatEvent(event))
