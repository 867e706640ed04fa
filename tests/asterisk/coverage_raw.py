"""A session that knows nothing of txami: a blocking socket and a loop over lines."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from types import TracebackType

from tests.asterisk import lab
from tests.asterisk.coverage import plain_lines

_LAST = b"ActionID: last\r\n"


class RawSession:
    """
    A session without events, so that all it reads are replies.

    :param server: the server.
    """

    def __init__(self, server: lab.Server) -> None:
        self._socket = socket.create_connection((server.host, server.port), timeout=10)
        self._received = self._socket.makefile("rb")
        self._received.readline()
        login = {"Username": "admin", "Secret": server.users["admin"], "Events": "off"}
        self.ask("Login", login)

    def __enter__(self) -> RawSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._received.close()
        self._socket.close()

    def ask(self, action: str, fields: Mapping[str, str]) -> list[str]:
        """Run an action and return the lines of its reply: all that comes before the answer to a ping."""
        headers = [f"Action: {action}", "ActionID: first", *(f"{name}: {value}" for name, value in fields.items())]
        ping = ["", "Action: Ping", "ActionID: last", "", ""]
        self._socket.sendall("\r\n".join([*headers, *ping]).encode())
        received = b""
        while not received.endswith(_LAST):
            received += self._received.readline() or _closed()
        while self._received.readline() != b"\r\n":
            pass
        # The answer to the ping has begun with its first line.
        return plain_lines(received.removesuffix(b"Response: Success\r\n" + _LAST))


def _closed() -> bytes:
    raise ConnectionError("the server has closed the connection")
