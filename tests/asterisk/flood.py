"""
A process that makes Asterisk send as many events as it can.

It logs in, sends UserEvent actions whose events are numbered, as many at a time as it may, and ends when all are
answered.  It is told what to do in JSON on its standard input, so that the secret is on no command line.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys

from tests.asterisk import lab

#: Actions in one write, and how many may wait for their answer.
_BATCH = 200
_WINDOW = 2000


def start(server: lab.Server, sender: int, count: int) -> subprocess.Popen[bytes]:
    """
    Start such a process.

    :param sender: goes into the header ``Sender`` of its events.
    :param count: how many; ``Serial`` counts from 0.
    """
    process = subprocess.Popen([sys.executable, "-m", "tests.asterisk.flood"], stdin=subprocess.PIPE)
    assert process.stdin is not None
    order = {"place": [server.host, server.port], "secret": server.users["admin"], "sender": sender, "count": count}
    with process.stdin:
        process.stdin.write(json.dumps(order).encode())
    return process


def send(place: tuple[str, int], secret: str, sender: int, count: int) -> None:
    """Do it."""
    with socket.create_connection(place) as link, selectors.DefaultSelector() as selector:
        link.sendall(f"Action: Login\r\nUsername: admin\r\nSecret: {secret}\r\nEvents: off\r\n\r\n".encode())
        selector.register(link, selectors.EVENT_READ | selectors.EVENT_WRITE)
        sent, answered, waiting = 0, -1, b""  # the first answer is that to the login
        while answered < count:
            for _, ready in selector.select():
                if ready & selectors.EVENT_READ:
                    answered += _count_answers(link)
                if ready & selectors.EVENT_WRITE:
                    if not waiting and sent < count and sent - answered < _WINDOW:
                        serials = range(sent, min(sent + _BATCH, count))
                        waiting = b"".join(_action(sender, serial) for serial in serials)
                        sent = serials.stop
                    waiting = waiting[link.send(waiting) :]
            writing = selectors.EVENT_WRITE if waiting or (sent < count and sent - answered < _WINDOW) else 0
            selector.modify(link, selectors.EVENT_READ | writing)


def _action(sender: int, serial: int) -> bytes:
    return b"Action: UserEvent\r\nUserEvent: Flood\r\nSender: %d\r\nSerial: %d\r\n\r\n" % (sender, serial)


def _count_answers(link: socket.socket) -> int:
    data = link.recv(1 << 16)
    if not data:
        raise ConnectionError("Asterisk closed the connection")
    return data.count(b"Response: ")


if __name__ == "__main__":
    # Who sends is not to take the processor from those that the test is about.
    os.nice(5)
    order = json.load(sys.stdin)
    send(tuple(order["place"]), order["secret"], order["sender"], order["count"])
