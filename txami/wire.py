"""
The wire format: bytes to messages, actions to bytes, and the limits of both sides.

No Twisted, no I/O, no clock.  The facts are those of Asterisk's ``main/manager.c``; where a limit is
Asterisk's, the constant says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from .errors import InvalidAction, ProtocolError
from .message import decode, encode

#: Between two messages stands an empty line.  Only CRLF ends a line: bare LF occurs inside values, and a
#: client that takes it for a line end can be fed forged messages through a channel variable.
END_OF_MESSAGE: Final = b"\r\n\r\n"

#: Bytes that one message from the server may have.  Asterisk itself has no limit (GetConfigJSON puts a whole
#: file on one line); ours is there so that a broken peer cannot fill the memory.
MAX_MESSAGE: Final = 64 * 1024 * 1024

#: Bytes of a line before its CRLF that Asterisk can read: ``inbuf`` of ``struct mansession_session`` holds 1025.
#: One byte more and, since 14, the headers behind the long line are executed as a message of their own.
MAX_LINE: Final = 1022

#: Lines of one action that Asterisk reads, ``AST_MAX_MANHEADERS``; Action and ActionID count.
MAX_LINES: Final = 128

#: Bytes of an ActionID that are safe everywhere: above 67 some handlers of ``app_confbridge.c`` and
#: ``app_meetme.c`` lose its line end and fuse it with the next header.
MAX_ACTION_ID: Final = 64

#: Up to Asterisk 13 the output of a CLI command stands raw, blank lines and all, between these two.
_FOLLOWS: Final = b"Response: Follows\r\n"
_END_COMMAND: Final = b"--END COMMAND--"

_BANNER_VERSION: Final = re.compile(rb"/\s*(\d+(?:\.\d+)*)")

Value = str | bytes | int | None
HeaderValue = Value | Sequence[Value]
Fields = Mapping[str, HeaderValue] | Iterable[tuple[str, HeaderValue]]


def pairs_of(fields: Fields | None) -> list[tuple[str, HeaderValue]]:
    """Return the headers of an action as a list, however they were given."""
    if fields is None:
        return []
    return list(fields.items() if isinstance(fields, Mapping) else fields)


def parse_banner(line: bytes) -> tuple[int, ...] | None:
    """
    Return the AMI version of the line that a server greets with, such as ``(11, 0, 0)``.

    :return: ``None`` if the line names none.  Any text is tolerated: some products replace it.
    """
    found = _BANNER_VERSION.search(line)
    if found is None:
        return None
    # Numbers beyond nine digits are no version; int() of a huge one would be slow, too.
    return tuple(int(part[:9]) for part in found[1].split(b"."))


class Framer:
    """
    Cuts the bytes from the server into messages, however they were chunked.

    The cost is linear in the bytes received, also for a message of many megabytes in small chunks: what is
    already searched is not searched again, and it is copied once.

    :param limit: how many bytes one message may have.
    :ivar expects_raw_output: whether raw output of a command may come, which no connection gets that has not sent
        one.  To look for it takes a sixth of the time for an event that nobody wants.
    """

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self.expects_raw_output = True
        self._limit = limit
        self._rest = bytearray()
        # The pieces of an old-style command's output whose end has not come yet, and their size.
        self._follows: list[bytes] = []
        self._follows_size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """
        Take the next bytes and return the messages that are complete now, without their final blank line.

        A message may be empty or begin with an empty line: some actions write one blank line too many
        (QueueRule, TestEvent), which :func:`strip_blank_lines` removes.  That is left to the receiver
        because looking for it in every chunk costs as much as the framing itself.

        :raises ProtocolError: if a message is longer than the limit.  The connection is of no use then.
        """
        rest = self._rest
        if rest and (rest[-1] in END_OF_MESSAGE or self.expects_raw_output):
            # What is looked for may have begun in the bytes that were searched before.
            start = max(len(rest) - len(END_OF_MESSAGE) + 1, 0)
            rest += data
            if rest.find(END_OF_MESSAGE, start) < 0:
                self._check_rest()
                return []
            data = bytes(rest)
            rest.clear()
        messages = data.split(END_OF_MESSAGE)
        if rest and len(messages) > 1:
            # Only the first message needs what came before; to join all, and to cut that, is a tenth of the framing.
            messages[0] = bytes(rest) + messages[0]
            rest.clear()
            self._check(len(messages[0]))
        rest += messages.pop()
        self._check_rest()
        if len(data) > self._limit:
            self._check(max(map(len, messages), default=0))
        if self._follows or (self.expects_raw_output and _FOLLOWS in data):
            return self._join_follows(messages)
        return messages

    def _check_rest(self) -> None:
        # Up to three of the bytes may be the beginning of the blank line.
        self._check(len(self._rest) - len(END_OF_MESSAGE) + 1)

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise ProtocolError(
                f"a message of more than {self._limit} bytes arrived, "
                "which is more than Asterisk sends; is the port really its manager interface?"
            )

    def _join_follows(self, messages: list[bytes]) -> list[bytes]:
        """Undo the cuts at blank lines inside the raw output of a command."""
        whole = []
        for message in messages:
            if not self._follows and not strip_blank_lines(message).startswith(_FOLLOWS):
                whole.append(message)
                continue
            self._follows.append(message)
            self._check(self._follows_size + len(message))
            self._follows_size += len(message) + len(END_OF_MESSAGE)
            if message.endswith(_END_COMMAND):
                whole.append(END_OF_MESSAGE.join(self._follows))
                self._follows.clear()
                self._follows_size = 0
        return whole


def strip_blank_lines(message: bytes) -> bytes:
    """Remove the empty line that a message may begin with when the one before ended in two."""
    return message[2:] if message.startswith(b"\r\n") else message


def encode_action(name: str, action_id: str, fields: Fields | None = None) -> bytes:
    """
    Return the bytes of an action, or refuse.

    ActionID goes on the second line: when Asterisk gives up on a message it can name the action only if it
    has read that far.  A value may be text, bytes, a number, a bool (``true``/``false``), a list of these
    for a repeated header, or ``None`` for no header at all.

    :raises InvalidAction: if Asterisk would read anything but what the caller meant: CR, LF or NUL anywhere,
        a header name that it cannot see, a line of more than :data:`MAX_LINE` bytes, more than
        :data:`MAX_LINES` lines, an ``Action`` or ``ActionID`` of the caller's own.
    """
    if not isinstance(name, str):
        raise InvalidAction(f"an action's name must be str, not {type(name).__name__}")
    if not fields and _is_safe_name(name):
        return f"Action: {name}\r\nActionID: {action_id}\r\n\r\n".encode()
    lines = ["Action: " + name, f"ActionID: {action_id}"]
    if fields:
        for header, value in fields if type(fields) is list else pairs_of(fields):
            if not isinstance(header, str):
                raise InvalidAction(f"a header's name must be str, not {type(header).__name__}")
            _check_name(header)
            if isinstance(value, str):
                lines.append(header + ": " + value)
            elif isinstance(value, (list, tuple)):
                lines.extend(header + ": " + _text(header, item) for item in value if item is not None)
            elif value is not None:
                lines.append(header + ": " + _text(header, value))
    try:
        data = encode("\r\n".join(lines)) + END_OF_MESSAGE
    except UnicodeEncodeError:
        data = b""
    if not _is_safe(data, len(lines)) or not name[:1] > " ":
        _refuse(name, lines)
    return data


@lru_cache(maxsize=1024)
def _is_safe_name(name: str) -> bool:
    """Tell whether a name is one without a doubt: that of an action without headers need not be looked at twice."""
    return name.isascii() and name.isalnum() and len(name) < 80


def _is_safe(data: bytes, count: int) -> bool:
    """
    Tell whether the encoded action has exactly the line ends that we wrote and keeps to Asterisk's limits.

    Counting in the finished bytes is four times faster than looking at each value.
    """
    return (
        count <= MAX_LINES
        and data.count(b"\r") == count + 1
        and data.count(b"\n") == count + 1
        and b"\0" not in data
        and (len(data) <= MAX_LINE or max(map(len, data.split(b"\r\n"))) <= MAX_LINE)
    )


def _refuse(name: str, lines: list[str]) -> None:
    """Say what is wrong with the lines; the value itself is not shown, for it may be a secret."""
    if len(lines) > MAX_LINES:
        raise InvalidAction(f"{_shown(name)}: {len(lines)} lines, but Asterisk reads at most {MAX_LINES} of an action")
    for line in lines:
        header, _, value = line.partition(": ")
        for character, called in (("\r", "a carriage return"), ("\n", "a line feed"), ("\0", "a NUL byte")):
            if character in value:
                at = value.index(character)
                raise InvalidAction(
                    f"{_shown(name)}: the value of {header!r} holds {called} at position {at}, "
                    "which would end the line there; remove or replace it"
                )
        try:
            length = len(encode(line))
        except UnicodeEncodeError:
            # Raised below, so that the error does not carry the text along.
            length = 0
        if not length:
            raise InvalidAction(f"{_shown(name)}: the value of {header!r} holds half a surrogate pair: no text")
        if length > MAX_LINE:
            raise InvalidAction(
                f"{_shown(name)}: the line of {header!r} has {length} bytes, "
                f"but Asterisk reads at most {MAX_LINE}; shorten it"
            )
    raise InvalidAction("an action needs a name, without a blank in front, which Asterisk would skip")


def _shown(name: str) -> str:
    """Return an action's name for an error text."""
    return name if name.isascii() and name.isalnum() and len(name) < 80 else ascii(name[:80])


def _text(header: str, value: object) -> str:
    """Return a header's value as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        try:
            return str(int(value))
        except ValueError:
            pass
        raise InvalidAction(f"the value of {header!r} is a number of too many digits")
    if isinstance(value, bytes):
        return decode(value)
    raise InvalidAction(
        f"the value of {header!r} is of type {type(value).__name__}, "
        "but must be str, bytes, int, bool, or a list of these"
    )


@lru_cache(maxsize=4096)
def _check_name(header: str) -> None:
    """
    Refuse a header name that Asterisk would not see as one.

    It compares names at the very start of a line up to the colon (``__astman_get_header``), so a blank at
    either end makes the header invisible, and a colon ends the name early.
    """
    if not header:
        raise InvalidAction("a header's name is empty")
    if header != header.strip() or not header.isprintable() or ":" in header:
        raise InvalidAction(
            f"the header name {header[:80]!a} holds a colon, a control character, or a blank at its start or end"
        )
    if header.lower() in ("action", "actionid"):
        raise InvalidAction(
            f"{header!r} is not yours to set: "
            + ("the action's name is the first argument" if header.lower() == "action" else "txami makes the ActionIDs")
        )
