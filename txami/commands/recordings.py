"""``txami record`` and ``txami replay``: store a session, and serve it again."""

from __future__ import annotations

import argparse
import os
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import CannotListenError

from ..protocol import AMIProtocol
from ..replay import FULL, Replay, load
from ..transcript import Transcript
from .base import FAILED, OK, Commands, Misuse, add_command, number, seconds, server_for
from .output import complain, print_json, printable, printer_for, progress


def add_record(commands: Commands) -> None:
    """Add ``record`` to a command line."""
    parser = add_command(
        commands,
        "record",
        _record,
        "store what goes over the wire, without the secrets",
        "record session.ami --duration 60\n--profile office record calls.ami --events call --count 1000",
    )
    parser.add_argument("file", metavar="FILE", help="where to; it must not be there yet")
    parser.add_argument("--duration", metavar="SECONDS", type=seconds, help="how long; else until Ctrl-C")
    parser.add_argument("--count", metavar="N", type=number, help="end after so many events")
    parser.add_argument(
        "--action", metavar="NAME", action="append", default=[], help="send this action first; may be repeated"
    )


def add_replay(commands: Commands) -> None:
    """Add ``replay`` to a command line."""
    parser = add_command(
        commands,
        "replay",
        _replay,
        "serve a stored session again, to anybody who logs in",
        "replay session.ami\nreplay session.ami --port 5555 --speed full\nreplay session.ami --speed 2.0 --once",
    )
    parser.add_argument("file", metavar="FILE", help="what 'txami record' or transcript= has written")
    parser.add_argument("--port", metavar="N", type=_port, default=5038, help="default: 5038; 0 takes a free one")
    parser.add_argument("--interface", metavar="ADDRESS", default="127.0.0.1", help="default: only this machine")
    parser.add_argument("--speed", metavar="SPEED", type=_speed, default=1.0, help="original (default), full, or 2.0 …")
    parser.add_argument("--once", action="store_true", help="end when the first client has gone")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError("give a port, 0 to 65535")
    return int(text)


def _speed(text: str) -> float:
    return {"original": 1.0, "full": FULL}.get(text) or seconds(text)


# -- record --------------------------------------------------------------------------------------------


async def _record(reactor: Any, options: argparse.Namespace) -> int:
    server = server_for(options)
    if os.path.lexists(options.file):
        raise Misuse(f"{options.file} is there already; name another file")
    transcript = Transcript(options.file, rotate=0)
    try:
        ami = await server.connect(reactor, transcript=transcript)
    except BaseException:  # Ctrl-C, too
        os.unlink(options.file)
        raise
    try:
        with progress(reactor, f"recording to {options.file}"):
            events = await _follow(reactor, ami, options)
        lost = not ami.logged_in
    finally:
        await ami.logoff()
    code = _report(options, ami, transcript, events)
    if lost and options.count is None and code == OK:
        complain("the connection was lost before the end")
        return FAILED
    return code


async def _follow(reactor: Any, ami: AMIProtocol, options: argparse.Namespace) -> int:
    """Stay until all is recorded that is asked for, and return how many events came."""
    over: Deferred[object] = Deferred()
    seen = 0

    def end(_: object = None) -> None:
        if not over.called:
            over.callback(None)

    def count(_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == options.count:
            end()

    ami.on(None, count)
    ami.when_disconnected().addCallback(end)
    timer = None if options.duration is None else reactor.callLater(options.duration, end)
    try:
        for name in options.action:
            await ami.action(name, check=False)
        await over
    finally:
        if timer is not None and timer.active():
            timer.cancel()
    return seen


def _report(options: argparse.Namespace, ami: AMIProtocol, transcript: Transcript, events: int) -> int:
    if transcript.failed:
        complain(f"{options.file} could not be written to its end")
        return FAILED
    received = {"file": options.file, "messages": ami.counters.messages, "events": events}
    if options.json:
        print_json(received)
    else:
        say = printer_for(options)
        say(printable(f"{options.file}: {ami.counters.messages} messages, {events} events"), "good")
    if options.count is not None and events < options.count:
        complain(f"{events} of {options.count} events came")
        return FAILED
    return OK


# -- replay --------------------------------------------------------------------------------------------


async def _replay(reactor: Any, options: argparse.Namespace) -> int:
    server = Replay(reactor, load(options.file), speed=options.speed)
    over = server.when_left() if options.once else Deferred()
    try:
        port = await TCP4ServerEndpoint(reactor, options.port, interface=options.interface).listen(server)
    except CannotListenError as error:
        raise Misuse(f"cannot listen on {options.interface}:{options.port}: {error.socketError}") from error
    where = f"{options.interface}:{port.getHost().port}"
    if options.json:
        print_json({"host": where, "sessions": len(server.recorded)})
    else:
        say = printer_for(options)
        say(f"Serving on {where}, to any user with any secret; Ctrl-C ends it.", "good")
    try:
        await over
    finally:
        await maybeDeferred(port.stopListening)
    return OK
