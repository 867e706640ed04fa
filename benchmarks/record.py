"""
``python -m benchmarks.record``: record the traffic that the benchmarks replay.

It starts an Asterisk 22 of :mod:`tests.asterisk.lab`, places calls for some seconds (calls that end by themselves,
calls that are bridged, callers in a queue, a conference, parked calls), and takes down what one session receives: all
events, and between them the replies to ``CoreShowChannels`` and to a few CLI commands.  No secret is in it, for
Asterisk does not repeat those.
"""

from __future__ import annotations

import argparse
import itertools
import lzma
import socket
import threading
import time
from collections.abc import Iterator

from tests.asterisk import lab

from .traffic import COMMAND, LIST, RECORDING

#: Extensions of the lab's dialplan, in the proportions in which they are called.
_MIX = "campaign 106 campaign 109 101 106 campaign 108 102 106 110 campaign 103 106 109 campaign 104 100".split()
#: All classes but ``reporting``: its TestEvent comes from servers only that are built to be tested.
_CLASSES = "system,call,log,verbose,agent,user,config,dtmf,cdr,dialplan,originate,agi,cc,aoc,security,message"
_COMMANDS = (
    "core show applications",
    "core show functions",
    "core show translation",
    "core show codecs",
    "module show",
)


def main() -> None:
    """Record, and say what was recorded."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.record", description="Record traffic of an Asterisk.")
    parser.add_argument("--seconds", type=float, default=14, help="how long calls are placed (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=16, help="calls a second (default: %(default)s)")
    options = parser.parse_args()
    with lab.spare("22") as server:
        data = record(server.host, server.port, server.users["admin"], options.seconds, options.rate)
    RECORDING.write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
    print(f"{len(data)} bytes, {RECORDING.stat().st_size} compressed, in {RECORDING}")


def record(host: str, port: int, secret: str, seconds: float, rate: float) -> bytes:
    """Return what a session receives while calls are placed."""
    with socket.create_connection((host, port)) as link:
        received = bytearray()
        reader = threading.Thread(target=_read, args=(link, received), daemon=True)
        reader.start()
        _send(link, "Login", "login", Username="admin", Secret=secret, Events=_CLASSES)
        _wait_for(received, b"ActionID: login\r\n")
        start = time.monotonic()
        for number, action in enumerate(_calls(), 1):
            _send(link, "Originate", f"call-{number}", **action)
            time.sleep(max(0, start + number / rate - time.monotonic()))
            if time.monotonic() > start + seconds:
                break
        _send(link, "CoreShowChannels", LIST)
        for command in _COMMANDS:
            _send(link, "Command", COMMAND, Command=command)
        time.sleep(2)
        _send(link, "Command", "end", Command="channel request hangup all")
        time.sleep(2)
        _send(link, "Logoff", "logoff")
        reader.join(10)
        return bytes(received)


def _calls() -> Iterator[dict[str, str]]:
    """Yield the headers of one Originate after the other."""
    for number, extension in enumerate(itertools.cycle(_MIX)):
        channel = f"Local/{5000 + number}@campaign" if extension == "campaign" else f"Local/{extension}@default"
        yield {
            "Channel": channel,
            "Context": "default",
            "Exten": "101" if number % 2 else "111",
            "Priority": "1",
            "CallerID": f'"Caller {number}" <{2000 + number}>',
            "Variable": f"CALLTAG=call {number}",
            "Async": "true",
        }


def _send(link: socket.socket, action: str, action_id: str, **headers: str) -> None:
    lines = [f"Action: {action}", f"ActionID: {action_id}", *(f"{name}: {value}" for name, value in headers.items())]
    link.sendall("\r\n".join([*lines, "", ""]).encode())


def _read(link: socket.socket, received: bytearray) -> None:
    while data := link.recv(1 << 20):
        received += data


def _wait_for(received: bytearray, mark: bytes) -> None:
    deadline = time.monotonic() + 10
    while mark not in received:
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {mark!r} came")
        time.sleep(0.01)


if __name__ == "__main__":
    main()
