"""
``python -m benchmarks.server``: the replay server.

It answers what the drivers ask, faster than any client can ask it: plain sockets, and most of what it sends is
prepared.  The name that a client logs in with is a number: how many events it wants, how many items a list has and
how many lines a command prints.

* ``Ping`` gets a pong, whose ``Timestamp`` is a serial number;
* ``CoreShowChannels`` a list and ``Command`` an output;
* ``UserEvent: Replay`` the events (or as many as a header ``Count`` says), and behind them ``UserEvent: Replayed``;
  ``UserEvent: Giant`` one event whose header ``Payload`` has that many MiB; ``UserEvent: Silence`` nothing at all;
* and whatever else there is, ``Response: Success``.

It prints its ports as JSON and ends with its standard input.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import selectors
import socket
import ssl
import sys
import threading
from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import Final

from . import traffic
from .traffic import END

_BANNER: Final = b"Asterisk Call Manager/11.0.0\r\n"
_BLOCK: Final = 1 << 18
_ACTION_ID: Final = re.compile(rb"(?i)(?:^|\n)ActionID: *([^\r]*)\r")
_PONG: Final = b"Response: Success\r\nActionID: %b\r\nPing: Pong\r\nTimestamp: %d\r\n\r\n"
_SUCCESS: Final = b"Response: Success\r\nActionID: %b\r\nMessage: %b\r\n\r\n"
_LIST: Final = b"Response: Success\r\nActionID: %b\r\nEventList: start\r\nMessage: Channels will follow\r\n\r\n"
_COMPLETE: Final = b"Event: CoreShowChannelsComplete\r\nActionID: %b\r\nEventList: Complete\r\nListItems: %d\r\n\r\n"
_OUTPUT: Final = b"Response: Success\r\nActionID: %b\r\nMessage: Command output follows\r\n"
_REPLAYED: Final = b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: Replayed\r\n\r\n"
_GIANT: Final = b"Event: Giant\r\nPrivilege: user,all\r\nPayload: "


@cache
def _blocks() -> list[bytes]:
    """Return the recorded events in pieces that a socket takes well."""
    stream = END.join([*traffic.events(), b""])
    return [stream[start : start + _BLOCK] for start in range(0, len(stream), _BLOCK)]


@cache
def _part(count: int) -> bytes:
    return END.join([*traffic.events()[:count], b""])


@cache
def _items(count: int) -> bytes:
    return END.join([*traffic.repeated(traffic.items(), count), b""])


@cache
def _output(count: int) -> bytes:
    return b"".join(b"Output: %b\r\n" % line for line in traffic.repeated(traffic.lines(), count)) + b"\r\n"


class Session:
    """The server's side of one connection, without the socket."""

    def __init__(self) -> None:
        self._rest = b""
        self._size = 0
        self._pings = 0
        self.closing = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take what the client sends and yield what to answer."""
        whole, found, self._rest = (self._rest + data).rpartition(END)
        if not found:
            return
        count = whole.count(END) + 1
        if whole.count(b"Action: Ping\r\n") == count:
            ids = _ACTION_ID.findall(whole + b"\r")
            yield b"".join([_PONG % pong for pong in zip(ids, itertools.count(self._pings + 1), strict=False)])
            self._pings += count
            return
        for action in whole.split(END):
            yield from self._answer(action + b"\r\n")

    def _answer(self, action: bytes) -> Iterator[bytes]:
        found = _ACTION_ID.search(action)
        action_id = found[1] if found else b""
        name = _header(action, b"Action").lower()
        if name == b"ping":
            self._pings += 1
            yield _PONG % (action_id, self._pings)
        elif name == b"login":
            self._size = int(_header(action, b"Username"))
            yield _SUCCESS % (action_id, b"Authentication accepted")
        elif name == b"logoff":
            self.closing = True
            yield (_SUCCESS % (action_id, b"Thanks for all the fish.")).replace(b"Success", b"Goodbye", 1)
        elif name == b"coreshowchannels":
            yield _LIST % action_id
            yield _items(self._size).replace(traffic.LIST.encode(), action_id)
            yield _COMPLETE % (action_id, self._size)
        elif name == b"command":
            yield _OUTPUT % action_id
            yield _output(self._size)
        elif name == b"userevent":
            count = int(_header(action, b"Count") or self._size)
            yield from _replay(_header(action, b"UserEvent"), action_id, count)
        else:
            yield _SUCCESS % (action_id, b"As you like")


def _replay(what: bytes, action_id: bytes, count: int) -> Iterator[bytes]:
    """Yield the answer to a UserEvent."""
    if what == b"Silence":
        return
    yield _SUCCESS % (action_id, b"Event Sent")
    if what == b"Giant":
        yield _GIANT + b"0123456789abcdef" * (count << 16) + END
    elif what == b"Replay":
        times, part = divmod(count, len(traffic.events()))
        for _ in range(times):
            yield from _blocks()
        yield _part(part)
    yield _REPLAYED


def _header(action: bytes, name: bytes) -> bytes:
    found = re.search(rb"(?i)(?:^|\n)%b: *([^\r]*)\r" % name, action)
    return found[1] if found else b""


class _Link:
    """A session and its socket, which never blocks."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._session = Session()
        self._answers: deque[Iterator[bytes]] = deque([iter([_BANNER])])
        self._unsent = memoryview(b"")

    def serve(self, readable: bool) -> int | None:
        """Read and write what can be; return for which events to wait, ``None`` if the connection is over."""
        try:
            if readable:
                data = self._link.recv(1 << 20)
                if not data:
                    return None
                self._answers.append(self._session.feed(data))
            self._write()
        except BlockingIOError:
            return selectors.EVENT_READ | selectors.EVENT_WRITE
        except ConnectionError:
            return None
        return None if self._session.closing else selectors.EVENT_READ

    def _write(self) -> None:
        while self._unsent or self._answers:
            if self._unsent:
                self._unsent = self._unsent[self._link.send(self._unsent) :]
                continue
            block = next(self._answers[0], None)
            if block is None:
                self._answers.popleft()
            else:
                self._unsent = memoryview(block)


def _serve(listener: socket.socket) -> None:
    """Serve all plain connections."""
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, events in selector.select():
            if key.data is None:
                sock = listener.accept()[0]
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                link = _Link(sock)
                selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE, link)
                continue
            wanted = key.data.serve(bool(events & selectors.EVENT_READ))
            if wanted is None:
                selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]
            elif wanted != key.events:
                selector.modify(key.fileobj, wanted, key.data)


def _serve_tls(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Serve the TLS connections, one after the other."""
    while True:
        try:
            with context.wrap_socket(listener.accept()[0], server_side=True) as link:
                session = Session()
                link.sendall(_BANNER)
                while not session.closing and (data := link.recv(1 << 16)):
                    for block in session.feed(data):
                        link.sendall(block)
        except OSError:
            continue


def _tls_context(ca_file: str) -> ssl.SSLContext:
    """Return a context with a fresh certificate, and leave its authority's in a file."""
    import trustme  # an extra: only for this one work

    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description="Replay recorded traffic.")
    parser.add_argument("--ca", metavar="FILE", help="serve TLS as well, and write the certificate's authority there")
    options = parser.parse_args()
    _blocks()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    ports = {"port": listener.getsockname()[1], "tls_port": 0}
    threading.Thread(target=_serve, args=(listener,), daemon=True).start()
    if options.ca:
        secure = socket.create_server(("127.0.0.1", 0))
        ports["tls_port"] = secure.getsockname()[1]
        threading.Thread(target=_serve_tls, args=(secure, _tls_context(options.ca)), daemon=True).start()
    print(json.dumps(ports), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
