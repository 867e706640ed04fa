"""Targets without I/O: framing, messages, actions, replies, AGI, escapes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import quote

from txami.agi import CUT_SIZE, READ_SIZE, AGIResult, Replies, parse_environment
from txami.errors import InvalidAction, ProtocolError
from txami.escapes import unescape
from txami.message import Event, Message, Response, decode, encode
from txami.replies import ENDED_BY_EVENT, UNMARKED_LISTS, Collector
from txami.wire import (
    END_OF_MESSAGE,
    MAX_LINE,
    MAX_LINES,
    MAX_MESSAGE,
    Framer,
    HeaderValue,
    encode_action,
    parse_banner,
    strip_blank_lines,
)

from .steps import MARK

FOLLOWS: Final = b"Response: Follows\r\n"
END_COMMAND: Final = b"--END COMMAND--"

#: Of every kind that :mod:`txami.replies` knows; the last four have items that are mended.
ACTIONS: Final = (
    *("Ping", "CoreShowChannels", "Command", "JabberSend", "FAXSession", "Events", "IAXpeers"),
    *("DataGet", *sorted(ENDED_BY_EVENT), *sorted(UNMARKED_LISTS), "SKINNYshowdevice"),
    *("Agents", "CoreShowChannelMap", "SKINNYdevices", "SKINNYlines"),
)
MENDED: Final = frozenset(action.lower() for action in ACTIONS[-4:])
VERSIONS: Final = (None, (1, 0), (1, 3), (2, 6, 9), (2, 7), (11, 0, 0))

#: Names that are looked up in every message.
NAMES: Final = ("Response", "Event", "eventlist", "ACTIONID", "Message", "", ":", "a: b", "\r\n", "\ud800", "\u0130")

#: Put into values that must not show in an error.
SECRET: Final = "s3cret-marker"


def byte(data: bytes, at: int) -> int:
    """Return a byte of the input as a number, 0 behind its end."""
    return data[at] if at < len(data) else 0


# -- framing -------------------------------------------------------------------------------------------


def framer(data: bytes) -> None:
    """However the bytes are chunked, the messages are the same, none is lost, and little is held back."""
    small = byte(data, 0) % 64
    pieces = data[1:].split(MARK)
    stream = b"".join(pieces)
    messages, refused = _frame([stream], MAX_MESSAGE)
    assert not refused
    _check_frames(stream, messages)
    assert _frame(pieces, MAX_MESSAGE) == (messages, False), "other chunks, other messages"
    by_bytes = [stream[at : at + 1] for at in range(len(stream))] if len(stream) < 128 else pieces
    assert _frame(by_bytes, MAX_MESSAGE) == (messages, False), "byte by byte, other messages"
    if small:
        _check_limit(stream, [[stream], pieces, by_bytes], small)


def _frame(pieces: Iterable[bytes], limit: int) -> tuple[list[bytes], bool]:
    """Return the messages, and whether the stream was refused."""
    framer = Framer(limit)
    messages: list[bytes] = []
    try:
        for piece in pieces:
            messages += framer.feed(piece)
    except ProtocolError:
        return messages, True
    return messages, False


def _check_frames(stream: bytes, messages: list[bytes]) -> None:
    """The messages and what is held back make up the stream, and both were cut where they had to be."""
    taken = b"".join(message + END_OF_MESSAGE for message in messages)
    assert stream.startswith(taken), "the messages do not make up the stream"
    for message in messages:
        if strip_blank_lines(message).startswith(FOLLOWS):
            assert (message + END_OF_MESSAGE).find(END_COMMAND + END_OF_MESSAGE) == len(message) - len(END_COMMAND)
        else:
            assert END_OF_MESSAGE not in message
    rest = stream[len(taken) :]
    if END_OF_MESSAGE in rest:
        assert strip_blank_lines(rest).startswith(FOLLOWS), "a whole message was held back"
        assert END_COMMAND + END_OF_MESSAGE not in rest, "a whole command was held back"


def _check_limit(stream: bytes, ways: list[list[bytes]], limit: int) -> None:
    outcomes = [_frame(pieces, limit) for pieces in ways]
    assert len({refused for _, refused in outcomes}) == 1, "it depends on the chunks what is too long"
    if not outcomes[0][1]:
        assert outcomes[0] == outcomes[1] == outcomes[2]
        messages = outcomes[0][0]
        held = len(stream) - sum(len(message) + len(END_OF_MESSAGE) for message in messages)
        assert all(len(message) <= limit for message in messages)
        assert held <= 2 * (limit + len(END_OF_MESSAGE)), "more is held back than the limit allows"


# -- messages ------------------------------------------------------------------------------------------


def message(data: bytes) -> None:
    """Any bytes can be looked at in every way, and all ways agree."""
    assert encode(decode(data)) == data
    for kind in (Message, Event, Response):
        _check_lookups(kind, data)
    event = Event(data)
    assert isinstance(event.name, str)
    assert isinstance(repr(event), str)
    if not data.lower().startswith(b"event:"):
        assert event.name == event.get("Event", "")
    for variables in (event.variables, event.variables_of("Dest"), event.variables_of("SIP/a-1")):
        assert all(isinstance(value, str) for value in variables.values())
    response = Response(data)
    assert response.ok in (True, False)
    assert response.message == response.get("Message", "").removesuffix("\n")
    assert response.action_id == response.get("ActionID", "")
    assert isinstance(repr(response), str)
    # Command output has lines of LF only, where it stands raw.
    assert all("\r\n" not in line for line in response.output)


def _check_lookups(kind: type[Message], raw: bytes) -> None:
    looked_up = kind(raw)  # by search
    parsed = kind(raw)
    pairs = parsed.items()
    assert len(parsed) == len(parsed.keys()) == len(parsed.values()) == len(pairs)
    _check_pairs(raw, pairs, whole=kind is not Response or not raw.startswith(FOLLOWS))
    folded = [(_fold(name), value) for name, value in pairs]
    names = [name for name, _ in pairs[:6]]
    lines = raw.split(b"\r\n")
    for name in (*names, names[-1].swapcase() if names else "", *NAMES):
        wanted = _fold(name)
        values = [value for key, value in folded if key == wanted]
        # One that is spelt as asked, with a blank behind the colon, may go before one that is not.
        as_asked = [value for key, value in pairs if key == name and encode(f"{key}: {value}") in lines]
        found = looked_up.get(name)
        assert found in (values[:1] + as_asked[:1]) if values else found is None, f"{name!a} is found in two ways"
        assert (name in looked_up) == bool(values)
        assert parsed.get_all(name) == values
    assert looked_up.raw == parsed.raw == raw


def _fold(name: str) -> bytes | None:
    """Return a name without the case of ASCII letters, as Asterisk compares it; ``None`` for no text."""
    try:
        return encode(name).lower()
    except UnicodeEncodeError:
        return None


def _check_pairs(raw: bytes, pairs: Sequence[tuple[str, str]], *, whole: bool) -> None:
    """The headers are the lines, in order; those in front of raw output are the first lines."""
    lines = decode(raw).split("\r\n") if raw else []
    assert len(pairs) == len(lines) if whole else len(pairs) <= len(lines)
    for line, (name, value) in zip(lines, pairs, strict=whole):
        assert line in (f"{name}: {value}", f"{name}:{value}") or (line == value and not name)


# -- actions -------------------------------------------------------------------------------------------


def wire(data: bytes) -> None:
    """An action is refused, or a server reads exactly what was meant; any line is a greeting."""
    version = parse_banner(data)
    assert version is None or (version and all(0 <= part <= 999_999_999 for part in version))
    name, *rest = [decode(piece) for piece in data.split(MARK)]
    headers = [(header, _typed(value)) for header, value in zip(rest[::2], rest[1::2], strict=False)]
    try:
        encoded = encode_action(name, "id-1", headers)
    except InvalidAction as error:
        is_named = SECRET in name or any(SECRET in header for header, _ in headers)
        if SECRET in str(error) and not is_named:
            raise AssertionError("an error shows a value") from error
        return
    *lines, last, behind = encoded.split(b"\r\n")
    assert last == behind == b""
    assert b"" not in lines
    wanted = [("Action", name), ("ActionID", "id-1")]
    for header, value in headers:
        values = value if isinstance(value, list) else [value]
        wanted += [(header, _shown(each)) for each in values if each is not None]
    assert lines == [encode(f"{header}: {value}") for header, value in wanted], "a server reads something else"
    assert len(lines) <= MAX_LINES
    assert max(map(len, lines)) <= MAX_LINE
    assert b"\0" not in encoded
    assert all(b"\r" not in line and b"\n" not in line for line in lines)
    assert [header.lower() for header, _ in wanted].count("actionid") == 1


def _typed(text: str) -> HeaderValue:
    """Return a value of each of the types that a value may have."""
    kind, rest = text[:1], text[1:]
    if kind == "\x01":
        return encode(rest)
    if kind == "\x02":
        return len(rest)
    if kind == "\x03":
        return None
    if kind == "\x04":
        return [*rest.split(","), None]
    if kind == "\x05":
        return text.endswith("y")
    return text


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return decode(value) if isinstance(value, bytes) else str(value)


# -- replies -------------------------------------------------------------------------------------------


def replies(data: bytes) -> None:
    """Whatever comes for an action, it is gathered whole."""
    action = ACTIONS[byte(data, 0) % len(ACTIONS)]
    collector = Collector(action, VERSIONS[byte(data, 1) % len(VERSIONS)])
    assert collector.reply() is None
    assert not collector.has_response
    response, items = b"", []
    for raw in data[2:].split(END_OF_MESSAGE):
        if raw.startswith(b"Response"):
            response = raw
            complete = collector.add_response(raw)
            assert collector.has_response
        else:
            items.append(raw)
            complete = collector.add_event(raw)
        assert complete in (True, False)
        _check_gathered(collector, action, response, items)
        if complete:
            break


def _check_gathered(collector: Collector, action: str, response: bytes, items: list[bytes]) -> None:
    result, part = collector.reply(), collector.reply(complete=False)
    assert result is not None
    assert part is not None
    assert not part.complete
    assert isinstance(result.ok, bool)
    assert isinstance(repr(result), str)
    gathered = [event.raw for event in result.events]
    if result.completion is not None:
        gathered.append(result.completion.raw)
    if action.lower() not in MENDED:
        assert result.raw == response
        assert gathered == items, "an item was lost or made up"
    else:
        # Each may be cut in several, of which some may be responses; only line ends come and go.
        assert _letters(b"".join(gathered)) <= _letters(b"".join(items))


def _letters(data: bytes) -> int:
    return len(data.translate(None, b"\r\n"))


# -- AGI -----------------------------------------------------------------------------------------------


def agi(data: bytes) -> None:
    """Replies that Asterisk cuts are put together; each command gets one, and no byte is lost or made up."""
    text = decode(data)
    result = AGIResult.parse(text)
    assert result.raw == text
    assert isinstance(repr(result), str)
    assert len(result.digit) <= 1
    assert all(isinstance(value, str) for value in parse_environment(text).values())
    joined: Replies[int] = Replies()
    fed: list[bytes] = []
    got: list[int] = []
    for number, piece in enumerate(data.split(MARK)):
        chunk = _stretched(piece)
        encoded = quote(chunk, safe="")
        was_cut = len(encoded) >= CUT_SIZE
        fed.append(chunk)
        answered = joined.feed(number, encoded)
        assert bool(answered) != joined.incomplete
        if answered:
            assert not was_cut
            assert len(chunk) < READ_SIZE
            assert b"".join(encode(reply.text) for reply in answered) == b"".join(fed), "bytes were lost"
            assert len(fed) > 1 or answered[0].whole
            fed.clear()
        for reply in answered:
            AGIResult.parse(reply.text)
        got += [reply.key for reply in answered]
    assert got == list(range(len(got))), "an answer is missing, or there are two"


def _stretched(piece: bytes) -> bytes:
    """Let a short piece stand for a long reply."""
    if piece[:1] == b"\x01":
        return piece[1:].ljust(READ_SIZE, b"x")[:READ_SIZE]
    if piece[:1] == b"\x02":
        return piece[1:].ljust(READ_SIZE, b"\xe9")
    return piece


# -- escapes -------------------------------------------------------------------------------------------

_ESCAPES: Final = dict(zip("\a\b\f\n\r\t\v\\'\"?", "abfnrtv\\'\"?", strict=True))


def escapes(data: bytes) -> None:
    """What Asterisk escapes comes back; whatever else comes is not made longer."""
    text = decode(data)
    escaped = "".join("\\" + _ESCAPES[character] if character in _ESCAPES else character for character in text)
    assert unescape(escaped) == text
    assert len(unescape(text)) <= len(text)
    if "\\" not in text:
        assert unescape(text) == text
