"""The command line: ``txami``, or ``python -m txami``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from ._version import __version__
from .demo import demo, demo_with_fake
from .errors import AMIError
from .login import Secret

#: Exit codes: what was asked for failed; the command line was wrong (as argparse has it).
FAILED: Final = 1
MISUSED: Final = 2

_EXAMPLES: Final = """\
examples:
  txami demo
  txami demo --host pbx.example.com --username admin --secret-file ~/.ami-secret
  TXAMI_SECRET=... txami demo --host tls:pbx.example.com:5039 --username admin --channel PJSIP/alice
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    parser = _parser()
    options, unknown = parser.parse_known_args(arguments)
    try:
        _refuse_unknown(unknown)
        secret = _secret_for(options)
    except (OSError, ValueError) as error:
        parser.exit(MISUSED, f"txami: {error}\n")
    react(_run, (options, secret))


def _refuse_unknown(arguments: Sequence[str]) -> None:
    """
    Refuse what is no option, without repeating it: it may be a secret that somebody tried to pass.

    :raises ValueError: naming the options, but none of their values.
    """
    if any(argument.startswith("--secret") for argument in arguments):
        raise ValueError("a secret is never given on the command line: use --secret-file, or set TXAMI_SECRET")
    if arguments:
        options = [argument.partition("=")[0] for argument in arguments if argument.startswith("-")]
        raise ValueError(f"unknown arguments: {' '.join(options) or 'see txami demo --help'}")


def _secret_for(options: argparse.Namespace) -> Secret | None:
    """Return the secret that the options ask for; a fake needs none."""
    if options.host is None:
        if options.username is not None or options.secret_file is not None:
            raise ValueError("--username and --secret-file are for a real exchange: name it with --host")
        return None
    if options.username is None:
        raise ValueError("--host needs --username, a section of manager.conf")
    return read_secret(options.secret_file)


def read_secret(path: str | None) -> Secret:
    """
    Return the secret from a file, or else from ``TXAMI_SECRET``: never from the command line, which every
    user of a machine can read.

    :raises OSError: if the file cannot be read.
    :raises ValueError: if there is neither.
    """
    if path is not None:
        text = Path(path).expanduser().read_text(encoding="utf-8", errors="surrogateescape")
        return Secret(text.rstrip("\r\n"))
    value = os.environ.get("TXAMI_SECRET")
    if value is None:
        raise ValueError("no secret: name a file with --secret-file, or set TXAMI_SECRET")
    return Secret(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="txami",
        description="A client of Asterisk's manager interface (AMI).",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # --secret must not pass for --secret-file, whose errors show their argument.
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"txami {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    shown = commands.add_parser(
        "demo",
        help="a short conversation, with an exchange that is not there or with a real one",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    shown.add_argument("--host", metavar="ENDPOINT", help="host, host:port, tls:host:port …; left out, a fake is run")
    shown.add_argument("--username", help="the manager user")
    shown.add_argument("--secret-file", metavar="FILE", help="holds the user's secret; or set TXAMI_SECRET")
    shown.add_argument("--ca-file", metavar="FILE", help="the certificates to trust with tls:")
    shown.add_argument("--auth", choices=("plain", "md5"), default="plain", help="how to log in (default: plain)")
    shown.add_argument(
        "--channel", default="Local/s@default", help="whom to call at a real exchange (default: Local/s@default)"
    )
    return parser


def _run(reactor: Any, options: argparse.Namespace, secret: Secret | None) -> Deferred[None]:
    return Deferred.fromCoroutine(_demo(reactor, options, secret))


async def _demo(reactor: Any, options: argparse.Namespace, secret: Secret | None) -> None:
    try:
        if options.host is None or secret is None:
            await demo_with_fake(reactor, sys.stdout)
        else:
            await demo(
                reactor,
                options.host,
                options.username,
                secret,
                sys.stdout,
                options.channel,
                auth=options.auth,
                ca_file=options.ca_file,
            )
    except (AMIError, OSError) as error:
        print(f"txami: {error}", file=sys.stderr)
        raise SystemExit(FAILED) from None
