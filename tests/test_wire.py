"""Tests for the wire format: :mod:`txami.wire`."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Iterator
from enum import Enum, IntEnum
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txami.errors import AMIError, InvalidAction, ProtocolError
from txami.message import Message
from txami.wire import (
    MAX_LINE,
    MAX_LINES,
    MAX_MESSAGE,
    Fields,
    Framer,
    HeaderValue,
    encode_action,
    parse_banner,
    strip_blank_lines,
)

from .corpus import MARKER, MESSAGES, RECORDED, frames, recording

SECRET = "s3cret-marker"
END = b"\r\n\r\n"


def feed(pieces: Iterable[bytes], limit: int = MAX_MESSAGE) -> list[bytes]:
    """Return what a new framer makes of the pieces, blank lines and empty messages left in."""
    framer = Framer(limit)
    return [message for piece in pieces for message in framer.feed(piece)]


def cut(stream: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    """Cut a stream into pieces of these sizes, over and over."""
    at = 0
    for size in cycle(sizes):
        if at >= len(stream):
            return
        yield stream[at : at + size]
        at += size


def whole(messages: Iterable[bytes]) -> list[bytes]:
    """Return the messages as a receiver sees them: no blank lines in front, none that are empty."""
    return [stripped for stripped in map(strip_blank_lines, messages) if stripped]


# The banner.


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.0", (1, 0)),
        ("1.1", (1, 1)),
        ("1.3", (1, 3)),
        ("2.5.0", (2, 5, 0)),
        ("2.7.0", (2, 7, 0)),
        ("2.10.6", (2, 10, 6)),
        ("5.0.5", (5, 0, 5)),
        ("7.0.3", (7, 0, 3)),
        ("11.0.0", (11, 0, 0)),
        ("13.0.0", (13, 0, 0)),
    ],
)
@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r", b" beta\r\n"])
def test_the_banner_of_a_real_server(version: str, expected: tuple[int, ...], end: bytes) -> None:
    assert parse_banner(b"Asterisk Call Manager/" + version.encode() + end) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"", None),
        (b"\r\n", None),
        (b"Asterisk Call Manager", None),
        (b"Asterisk Call Manager/", None),
        (b"Asterisk Call Manager/beta", None),
        (b"Asterisk Call Manager 1.1", None),
        (b"SSH-2.0-OpenSSH_9.9", None),
        (b"Event: FullyBooted", None),
        (b"\xff\xfe\x00", None),
        (b"\xff\xfe/2.8.0\xff", (2, 8, 0)),
        (b"Asterisk Call Manager/ 1.1", (1, 1)),
        (b"Asterisk Call Manager Proxy/1.21-rc2", (1, 21)),
        (b"Asterisk Call Manager/007.0", (7, 0)),
        (b"Asterisk Call Manager/11.", (11,)),
        (b"Asterisk Call Manager/11..0", (11,)),
        (b"Asterisk Call Manager/.5", None),
        (b"Asterisk Call Manager/-1", None),
        (b"Any/Text/3.2.2", (3, 2, 2)),
        ("Asterisk Call Manager/\u0661.\u0661".encode(), None),
        (b"Asterisk Call Manager/" + b"9" * 1_000_000, (999_999_999,)),
        (b"Asterisk Call Manager/1." + b"0" * 1_000_000 + b".2", (1, 0, 2)),
        (b"/" * 100_000 + b" " * 100_000, None),
    ],
)
def test_an_odd_banner(line: bytes, expected: tuple[int, ...] | None) -> None:
    assert parse_banner(line) == expected


@given(st.binary(), st.lists(st.integers(0, 999_999_999), min_size=1))
def test_a_version_survives_any_text_in_front(text: bytes, version: list[int]) -> None:
    line = text.replace(b"/", b"") + b"/" + ".".join(map(str, version)).encode()
    assert parse_banner(line) == tuple(version)


@given(st.binary())
def test_no_banner_raises(line: bytes) -> None:
    version = parse_banner(line)
    assert version is None or (b"/" in line and len(version) > 0)


# Framing.

# Lines are not empty and hold no CRLF; all else goes.
TEXTS = [b"a", b":", b": ", b"\r", b"\n", b"\n\n", b"Event: Hangup", b"Response: Success", MARKER, b"\xff", b"\xc3\xa9"]
lines = st.lists(st.sampled_from(TEXTS), min_size=1).map(b"".join).filter(lambda line: b"\r\n" not in line)
messages = st.lists(lines, min_size=1).map(b"\r\n".join)
outputs = st.lists(st.sampled_from([*TEXTS, b"\r\n", b"\r\n", END, END, b"Response: Follows\r\n"])).map(b"".join)
commands = st.builds(
    lambda headers, output: b"Response: Follows\r\nPrivilege: Command\r\n" + headers + output + MARKER,
    st.sampled_from([b"", b"ActionID: 1\r\n"]),
    outputs.filter(lambda output: MARKER + END not in output),
)
blank_lines = st.integers(0, 3).map(lambda count: b"\r\n" * count)
streams = st.lists(st.tuples(st.one_of(messages, commands), blank_lines))
sizes = st.lists(st.integers(1, 40), min_size=1)
limits = st.integers(0, 30)


@given(parts=streams, start=blank_lines, sizes=sizes)
def test_messages_arrive_as_they_were_sent_however_they_are_cut(
    parts: list[tuple[bytes, bytes]], start: bytes, sizes: list[int]
) -> None:
    stream = start + b"".join(message + END + blank for message, blank in parts)
    sent = [message for message, _ in parts]
    assert whole(feed([stream])) == sent
    assert whole(feed(cut(stream, [1]))) == sent
    assert whole(feed(cut(stream, sizes))) == sent


@given(stream=st.lists(st.sampled_from([*TEXTS, b"\r\n", END, b"Response: Follows\r\n"])).map(b"".join), sizes=sizes)
def test_any_bytes_give_the_same_messages_however_they_are_cut(stream: bytes, sizes: list[int]) -> None:
    expected = feed([stream])
    assert feed(cut(stream, [1])) == expected
    assert feed(cut(stream, sizes)) == expected


@given(stream=st.binary(), limit=limits, sizes=sizes)
def test_nothing_but_the_limit_makes_a_framer_raise(stream: bytes, limit: int, sizes: list[int]) -> None:
    feed(cut(stream, sizes))
    try:
        feed(cut(stream, sizes), limit)
    except ProtocolError:
        assert len(stream) > limit


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("blank", [b"", b"\r\n", END])
def test_odd_messages_stay_whole_between_others(name: str, blank: bytes) -> None:
    sent = [b"Event: Before", MESSAGES[name], b"Event: After"]
    stream = b"".join(blank + message + END for message in sent)
    for size in (1, 2, 3, 7, 1460, len(stream)):
        assert whole(feed(cut(stream, [size]))) == sent


def test_all_odd_messages_in_one_stream() -> None:
    sent = list(MESSAGES.values())
    stream = END.join(sent) + END
    for size in (1, 13, 1460, len(stream)):
        assert feed(cut(stream, [size])) == sent


@pytest.mark.parametrize("name", RECORDED)
def test_a_recording_is_framed_as_a_person_would(name: str) -> None:
    stream = recording(name)
    expected = frames(stream)
    assert len(expected) > 10
    # Byte by byte takes seconds where it is megabytes.
    for size in (1 if len(stream) < 200_000 else 61, 1460, len(stream)):
        assert whole(feed(cut(stream, [size]))) == expected


def test_a_message_comes_with_the_byte_that_ends_it() -> None:
    framer = Framer()
    assert [framer.feed(bytes([byte])) for byte in b"A: b\r\n\r\n"] == [[]] * 7 + [[b"A: b"]]


def test_no_bytes_give_no_messages() -> None:
    framer = Framer()
    assert framer.feed(b"") == []
    assert framer.feed(b"A: b\r\n\r") == []
    assert framer.feed(b"") == []
    assert framer.feed(b"\nC") == [b"A: b"]
    assert framer.feed(b"") == []


@pytest.mark.parametrize("end", [b"\n\n", b"\r\r", b"\n\r\n", b"\r\n\n", b"\r\n\r", b"\r\n \r\n", b"\r\n\0\r\n"])
def test_only_two_crlf_end_a_message(end: bytes) -> None:
    assert feed([b"A: b" + end]) == []
    assert feed([b"A: b" + end + b"C: d" + END]) == [b"A: b" + end + b"C: d"]


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_that_the_end_of_the_stream_cuts_never_appears(name: str) -> None:
    stream = b"Event: Before" + END + MESSAGES[name] + END
    for kept in range(len(stream) - min(len(MESSAGES[name]), 300) - 4, len(stream)):
        assert feed([stream[:kept]]) == [b"Event: Before"]
    assert len(feed([stream])) == 2


def test_a_recording_that_is_cut_anywhere_gives_its_whole_messages_only() -> None:
    stream = recording("queue_members.ast22")
    expected = frames(stream)
    for kept in range(len(stream)):
        got = whole(feed([stream[:kept]]))
        assert got == expected[: stream[:kept].count(END)]


def test_one_blank_line_too_many_is_left_to_the_receiver() -> None:
    assert feed([b"A: b\r\n\r\n\r\nC: d\r\n\r\n"]) == [b"A: b", b"\r\nC: d"]
    assert feed([b"A: b\r\n\r\n\r\n\r\nC: d\r\n\r\n"]) == [b"A: b", b"", b"C: d"]


@pytest.mark.parametrize(
    ("message", "expected"), [(b"\r\nA: b", b"A: b"), (b"A: b", b"A: b"), (b"", b""), (b"\nA", b"\nA")]
)
def test_a_blank_line_in_front_is_stripped(message: bytes, expected: bytes) -> None:
    assert strip_blank_lines(message) == expected


def test_follows_in_a_value_is_not_the_output_of_a_command() -> None:
    sent = [b"Response: Success\r\nX: Response: Follows\r\nY: 1", b"Event: X\r\nResponse: Follows\r\nZ: 1", b"Event: Y"]
    assert feed([END.join(sent) + END]) == sent


def test_the_end_of_a_command_ends_the_output_only_before_a_blank_line() -> None:
    head = b"Response: Follows\r\nPrivilege: Command\r\n"
    first = head + MARKER + b"\n" + MARKER + b" \r\n\r\n" + MARKER + b"\r\nx" + MARKER
    assert feed([first + END + b"Event: A" + END]) == [first, b"Event: A"]


def cpu_time(size: int) -> float:
    """Return the seconds that a header line of so many bytes takes in pieces as they come from a network."""
    piece = b"x" * 1460
    framer = Framer()
    begun = time.process_time()
    for _ in range(size // len(piece)):
        framer.feed(piece)
    (message,) = framer.feed(END)
    assert len(message) == size // len(piece) * len(piece)
    return time.process_time() - begun


def test_a_huge_line_in_small_pieces_costs_no_more_than_its_size() -> None:
    # Four times the bytes cost 16 times as much where every piece is searched for anew.
    small = min(cpu_time(4 * 2**20) for _ in range(3))
    assert any(cpu_time(16 * 2**20) < max(12 * small, 0.2) for _ in range(8))


# The limit.

COMMAND = b"Response: Follows\r\nPrivilege: Command\r\n" + b"a\r\n\r\nb\r\n\r\n\r\n" + MARKER


@pytest.mark.parametrize("message", [b"A: " + b"x" * 97, b"A: 1\r\n" * 20, COMMAND], ids=["line", "lines", "command"])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 1000])
def test_a_message_exactly_at_the_limit_passes(message: bytes, size: int) -> None:
    message = message.removesuffix(b"\r\n")
    stream = message + END + message + END
    assert feed(cut(stream, [size]), limit=len(message)) == [message] * 2


@pytest.mark.parametrize("message", [b"A: " + b"x" * 97, COMMAND], ids=["line", "command"])
@pytest.mark.parametrize("before", [b"", b"Event: X\r\n\r\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 1000])
def test_a_complete_message_beyond_the_limit_is_an_error(message: bytes, before: bytes, size: int) -> None:
    with pytest.raises(ProtocolError):
        feed(cut(before + message + END, [size]), limit=len(message) - 1)


@pytest.mark.parametrize("before", [b"", b"Event: X\r\n\r\n"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_message_that_does_not_end_is_an_error_once_it_is_beyond_the_limit(before: bytes, size: int) -> None:
    assert feed(cut(before + b"x" * 100, [size]), limit=100) == [b"Event: X"] * bool(before)
    with pytest.raises(ProtocolError):
        # Three bytes may still be the beginning of a blank line.
        feed(cut(before + b"x" * 104, [size]), limit=100)


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("output", [b"a\r\n\r\n", b"\r\n\r\n", b"a line\n"])
def test_output_that_does_not_end_is_an_error_once_it_is_beyond_the_limit(output: bytes, size: int) -> None:
    head = b"Response: Follows\r\nPrivilege: Command\r\n"
    with pytest.raises(ProtocolError):
        feed(cut(head + output * 200, [size]), limit=200)


def test_many_messages_may_be_longer_than_the_limit_together() -> None:
    assert feed([(b"A: b" + END) * 1000], limit=4) == [b"A: b"] * 1000


@given(parts=st.lists(messages, min_size=1), sizes=sizes)
def test_the_limit_is_that_of_the_longest_message(parts: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(message + END for message in parts)
    limit = max(map(len, parts))
    assert len(feed(cut(stream, sizes), limit)) == len(parts)
    with pytest.raises(ProtocolError):
        feed(cut(stream, sizes), limit - 1)


def test_the_error_says_what_the_limit_is_and_what_to_look_at() -> None:
    with pytest.raises(
        ProtocolError, match=r"more than 10 bytes .* is the port really its manager interface\?"
    ) as caught:
        feed([b"GET / " + SECRET.encode()], limit=10)
    assert isinstance(caught.value, AMIError)
    assert SECRET not in str(caught.value)


# Actions.

#: Bytes that Asterisk skips behind the colon.
BLANKS = bytes(range(0x21))


def read_action(data: bytes) -> list[tuple[bytes, bytes]]:
    """
    Read an action as Asterisk does (``get_input``, ``do_message``, ``__astman_get_header``): bare LF ends a line
    too, NUL cuts it, blanks behind the colon are skipped, and a line or a message may be too long.
    """
    *lines, rest = data.split(b"\n")
    assert rest == b""
    lines = [line.removesuffix(b"\r") for line in lines]
    assert all(len(line) <= 1022 for line in lines)
    assert lines.index(b"") == len(lines) - 1, "it would be more than one message"
    lines.pop()
    assert len(lines) <= 128
    headers = []
    for line in lines:
        name, colon, value = line.partition(b"\0")[0].partition(b":")
        # 1.4 and 1.6 want the blank.
        assert colon + value[:1] == b": "
        headers.append((name, value.lstrip(BLANKS)))
    return headers


def on_the_wire(value: object) -> bytes:
    """Return what a value means, without the leading blanks that no server can be sent."""
    if isinstance(value, bool):
        value = "true" if value else "false"
    data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
    return data.lstrip(BLANKS)


def is_sendable(header: str, value: object) -> bool:
    """Tell whether a line can be sent at all."""
    try:
        data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return not {*data} & {*b"\r\n\0"} and len(header.encode()) + 2 + len(data) <= 1022


def read_text(data: bytes) -> list[tuple[str, str]]:
    return [tuple(part.decode() for part in header) for header in read_action(data)]  # type: ignore[misc]


texts = st.text(st.one_of(st.characters(exclude_categories=[]), st.sampled_from("\r\n\0: \t\u00e9\udcff\ud800")))
good_values = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0")),
    st.binary().map(lambda data: data.translate(None, b"\r\n\0")),
    st.integers(-(2**80), 2**80),
    st.booleans(),
    st.none(),
)
any_values = st.one_of(
    good_values,
    texts,
    st.binary(),
    st.integers(1000, 1030).map(lambda size: "x" * size),
    st.integers(500, 515).map(lambda size: "\u00e9" * size),
)
header_names = st.from_regex(r"[A-Za-z][A-Za-z0-9 _()/.-]{0,20}[A-Za-z0-9)]", fullmatch=True).filter(
    lambda name: name.lower() not in ("action", "actionid")
)
action_names = st.from_regex(r"[A-Za-z]{1,20}", fullmatch=True)


def pairs_of(values: st.SearchStrategy[object]) -> st.SearchStrategy[list[tuple[str, object]]]:
    lists = st.lists(values, max_size=5)
    return st.lists(st.tuples(header_names, st.one_of(values, lists, lists.map(tuple))), max_size=30)


@given(name=action_names, fields=st.one_of(pairs_of(good_values), pairs_of(any_values)))
def test_a_server_reads_exactly_what_was_meant_or_nothing_is_sent(name: str, fields: list[tuple[str, object]]) -> None:
    sent = []
    for header, value in fields:
        items = value if isinstance(value, (list, tuple)) else [value]
        sent += [(header, item) for item in items if item is not None]
    if len(sent) <= 126 and all(is_sendable(header, value) for header, value in sent):
        expected = [(header.encode(), on_the_wire(value)) for header, value in sent]
        data = encode_action(name, "id-1", fields)  # type: ignore[arg-type]
        assert read_action(data) == [(b"Action", name.encode()), (b"ActionID", b"id-1"), *expected]
    else:
        with pytest.raises(InvalidAction):
            encode_action(name, "id-1", fields)  # type: ignore[arg-type]


@given(name=texts, header=texts, value=texts)
def test_no_text_anywhere_injects_a_line(name: str, header: str, value: str) -> None:
    try:
        data = encode_action(name, "id-1", {header: value})
    except InvalidAction:
        return
    expected = [(b"Action", on_the_wire(name)), (b"ActionID", b"id-1"), (header.encode(), on_the_wire(value))]
    assert read_action(data) == expected


def test_the_bytes_of_an_action() -> None:
    fields: dict[str, HeaderValue] = {"Channel": "PJSIP/a", "Variable": ["a=1", "b=2"], "Async": True, "Timeout": 30000}
    assert encode_action("Originate", "p-1", fields) == (
        b"Action: Originate\r\nActionID: p-1\r\nChannel: PJSIP/a\r\nVariable: a=1\r\nVariable: b=2\r\n"
        b"Async: true\r\nTimeout: 30000\r\n\r\n"
    )


@pytest.mark.parametrize("fields", [None, {}, [], (), {"A": None}, {"A": []}, {"A": ()}, {"A": [None, None]}])
def test_nothing_to_say_is_no_header(fields: Fields | None) -> None:
    assert encode_action("Ping", "p-1", fields) == b"Action: Ping\r\nActionID: p-1\r\n\r\n"


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        ("text", [b"text"]),
        ("", [b""]),
        (b"bytes", [b"bytes"]),
        (b"\xff\xfe\xc3", [b"\xff\xfe\xc3"]),
        ("\u00e9\udcff", [b"\xc3\xa9\xff"]),
        ("a: b:c", [b"a: b:c"]),
        ("trailing ", [b"trailing "]),
        ("tab\tinside", [b"tab\tinside"]),
        (True, [b"true"]),
        (False, [b"false"]),
        (0, [b"0"]),
        (-7, [b"-7"]),
        (IntEnum("Number", "ONE").ONE, [b"1"]),  # type: ignore[attr-defined]
        (Enum("Colour", {"RED": "red"}, type=str).RED, [b"red"]),  # type: ignore[attr-defined]
        ([Enum("Colour", {"RED": "red"}, type=str).RED], [b"red"]),  # type: ignore[attr-defined]
        (["a", b"\xff", 1, True, None, ""], [b"a", b"\xff", b"1", b"true", b""]),
        (("b", "a"), [b"b", b"a"]),
    ],
)
def test_what_a_value_becomes(value: str, wire: list[bytes]) -> None:
    headers = b"".join(b"X: " + line + b"\r\n" for line in wire)
    assert encode_action("A", "1", {"X": value}) == b"Action: A\r\nActionID: 1\r\n" + headers + b"\r\n"


@pytest.mark.parametrize("kind", [list, tuple, iter, dict])
def test_fields_may_be_a_mapping_or_pairs(kind: type) -> None:
    pairs = [("B", "1"), ("A", "2"), ("Named Callgroup", "3"), ("Key(0)/x-y_z.", "4")]
    assert read_text(encode_action("X", "1", kind(pairs)))[2:] == pairs


def test_pairs_may_repeat_a_header_in_any_case() -> None:
    pairs = [("Variable", "a=1"), ("Other", "x"), ("variable", "b=2")]
    assert read_text(encode_action("X", "1", pairs))[2:] == pairs


def test_a_message_can_be_sent_on() -> None:
    message = Message(b"A: 1\r\nB: \r\nA: 2")
    assert read_text(encode_action("X", "1", message.items()))[2:] == message.items()


def test_leading_blanks_are_sent_although_no_server_keeps_them() -> None:
    data = encode_action("X", "1", {"A": " \tx"})
    assert data.endswith(b"\r\nA:  \tx\r\n\r\n")
    assert read_text(data)[2:] == [("A", "x")]


# Refusals.


def refused(name: object, fields: object) -> InvalidAction:
    """Return the error for an action that must be refused, having looked that it gives no value away."""
    with pytest.raises(InvalidAction) as caught:
        encode_action(name, "id-1", fields)  # type: ignore[arg-type]
    error = caught.value
    assert isinstance(error, ValueError)
    assert isinstance(error, AMIError)
    for text in (str(error), repr(error), "".join(traceback.format_exception(error))):
        assert SECRET not in text
    return error


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("\r", "a carriage return at position 13"),
        ("\n", "a line feed at position 13"),
        ("\0", "a NUL byte at position 13"),
        ("\r\nAction: Logoff", "a carriage return at position 13"),
        ("\n\nAction: Logoff", "a line feed at position 13"),
        ("\r\n\r\n", "a carriage return at position 13"),
    ],
)
@pytest.mark.parametrize("kind", [str, str.encode, lambda text: ["fine", text], lambda text: (text.encode(), "fine")])
def test_a_value_that_would_end_its_line_is_refused(kind: type, text: str, called: str) -> None:
    error = refused("Login", [("Before", "x"), ("Secret", kind(SECRET + text)), ("After", "y")])
    assert "Login" in str(error)
    assert "'Secret'" in str(error)
    assert called in str(error)


@pytest.mark.parametrize("text", ["\r", "\n", "\0", "\r\nSecret: " + SECRET, "\n\nAction: Logoff"])
def test_an_action_name_that_would_end_its_line_is_refused(text: str) -> None:
    with pytest.raises(InvalidAction, match="'Action'"):
        encode_action("Ping" + text, "id-1")


@pytest.mark.parametrize("text", ["\r", "\n", "\0"])
def test_an_action_id_that_would_end_its_line_is_refused(text: str) -> None:
    with pytest.raises(InvalidAction, match="'ActionID'"):
        encode_action("Ping", "1" + text, {"A": "b"})


@pytest.mark.parametrize("name", ["", " ", "\t "])
def test_an_action_without_a_name_is_refused(name: str) -> None:
    assert "needs a name" in str(refused(name, {"Secret": SECRET}))


@pytest.mark.parametrize(
    "header",
    [
        *("a:b", ":", "a:", " a", "a ", "\ta", "a\t", " ", "\u00a0a", "a\u2003"),
        *("a\rb", "a\nb", "a\0b", "a\r\n", "\r\nAction", "a\x07", "a\x7f", "a\u2028b", "\udcff", "\ud800"),
    ],
)
def test_a_header_name_that_asterisk_would_not_see_is_refused(header: str) -> None:
    error = refused("Login", {header: SECRET})
    assert ascii(header) in str(error)


def test_an_empty_header_name_is_refused() -> None:
    assert "name is empty" in str(refused("Login", {"": SECRET}))


@pytest.mark.parametrize("header", ["Action", "action", "ACTION", "ActionID", "actionid", "ActionId", "ACTIONID"])
def test_action_and_action_id_are_not_the_callers_to_set(header: str) -> None:
    error = refused("Login", {header: SECRET})
    assert f"'{header}' is not yours to set" in str(error)


@pytest.mark.parametrize("header", [None, 5, b"Channel", ("Channel",), ["Channel"], {"Channel": 1}])
def test_a_header_name_that_is_no_text_is_refused(header: object) -> None:
    error = refused("Login", [(header, SECRET)])
    assert type(header).__name__ in str(error)


@pytest.mark.parametrize(
    "value",
    [
        *(1.5, object(), {"a": SECRET}, {SECRET}, bytearray(SECRET.encode()), memoryview(SECRET.encode())),
        *([[SECRET]], [SECRET, 1.5], (SECRET, (SECRET,)), iter([SECRET])),
    ],
)
def test_a_value_that_cannot_be_text_is_refused(value: object) -> None:
    error = refused("Login", {"Secret": value})
    assert "'Secret'" in str(error)
    assert "must be str, bytes, int, bool, or a list of these" in str(error)


@pytest.mark.parametrize("name", [None, 1.5, ["Ping"], bytearray(b"Ping")])
def test_an_action_name_that_is_no_text_is_refused(name: object) -> None:
    assert "an action's name must be str" in str(refused(name, {"Secret": SECRET}))


@pytest.mark.parametrize("code", [0xD800, 0xDFFF, 0xDC7F, 0xDC0A, 0xDC0D])
@pytest.mark.parametrize("kind", [str, lambda text: ["fine", text]])
def test_half_a_surrogate_pair_is_refused(kind: type, code: int) -> None:
    error = refused("Login", {"Before": "x", "Secret": kind(SECRET + chr(code))})
    assert "surrogate" in str(error)
    assert "'Secret'" in str(error)


def test_half_a_surrogate_pair_in_the_action_name_is_refused() -> None:
    error = refused("Ping\ud800", {"Secret": SECRET})
    # The text of an error must itself be fit to be written.
    assert "surrogate" in str(error).encode().decode()


def test_a_number_of_more_digits_than_a_line_has_is_refused() -> None:
    assert "'Digits'" in str(refused("Login", {"Digits": 10**1020, "Secret": SECRET}))
    assert "'Digits'" in str(refused("Login", {"Digits": 10**5000, "Secret": SECRET}))


@pytest.mark.parametrize("character", ["x", "\u00e9", "\u20ac", "\U0001f4de", "\udcff"])
def test_a_line_may_have_1022_bytes_and_no_more(character: str) -> None:
    size = len(character.encode("utf-8", "surrogateescape"))
    room = MAX_LINE - len("Secret: ") - len(SECRET)
    fitting = SECRET + "x" * (room % size) + character * (room // size)
    data = encode_action("Login", "1", {"Secret": fitting})
    assert [len(line) for line in data.split(b"\r\n")] == [13, 11, 1022, 0, 0]
    error = refused("Login", {"Before": "x", "Secret": fitting + "x", "After": "y"})
    assert "'Secret' has 1023 bytes" in str(error)
    assert "at most 1022" in str(error)


def test_the_line_of_the_action_name_has_the_same_limit() -> None:
    assert encode_action("x" * 1014, "1").startswith(b"Action: xx")
    error = refused("x" * 1015, {"Secret": SECRET})
    assert "'Action' has 1023 bytes" in str(error)
    assert len(str(error)) < 300


def test_the_bytes_of_a_line_are_counted_not_those_of_the_action() -> None:
    data = encode_action("UpdateConfig", "1", [("A", "x" * 1019)] * 100)
    assert read_action(data)[2:] == [(b"A", b"x" * 1019)] * 100


def test_an_action_may_have_128_lines_and_no_more() -> None:
    data = encode_action("X", "1", {"Variable": [f"v{number}={number}" for number in range(126)]})
    assert len(read_action(data)) == MAX_LINES == 128
    assert "129 lines, but Asterisk reads at most 128" in str(refused("Originate", {"Variable": [SECRET] * 127}))
    assert "129 lines" in str(refused("Originate", [(f"H{number}", SECRET) for number in range(127)]))


def test_a_refused_action_names_the_first_bad_header() -> None:
    error = refused("Login", [("One", "x" * 1020), ("Two", "\r")])
    assert "'One'" in str(error)
