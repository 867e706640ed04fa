"""Tests for what arrived: :mod:`txami.message`."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txami.message import Event, Events, Message, Response, encode

from .corpus import MARKER, MESSAGES

SECRET = "s3cret-marker"

HANGUP = Event(
    b"Event: Hangup\r\nPrivilege: call,all\r\nChannel: PJSIP/a-1\r\nCause: 16\r\nCause-txt: Normal Clearing\r\n"
    b"AccountCode: \r\nChanVariable: a=1\r\nChanVariable: b=x=y\r\nchannel: second"
)


def parse(raw: bytes) -> list[tuple[str, str]]:
    """Parse a whole message the plain way."""
    pairs = []
    for line in raw.split(b"\r\n") if raw else []:
        separator = b": " if b": " in line else b":"
        name, value = line.split(separator, 1) if separator in line else (b"", line)
        pairs.append((name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape")))
    return pairs


def first_value(raw: bytes, pairs: Sequence[tuple[str, str]], name: str) -> str | None:
    """Return what ``get`` promises: the first value of the name, rather of a line that is written just as asked."""
    lines = raw.split(b"\r\n")
    same = [(key, value) for key, value in pairs if key.lower() == name.lower()]
    as_asked = [
        value
        for key, value in same
        if key == name and re.fullmatch("[A-Za-z0-9_-]+", key) and encode(f"{key}: {value}") in lines
    ]
    return next(iter([*as_asked, *(value for _, value in same)]), None)


# Bytes that meet at every border the parser knows.
PIECES = [b"a", b"A", b"b", b":", b" ", b": ", b"\r", b"\n", b"\r\n", b"\r\n", b"=", b"\xc3", b"\xa9", b"\xff", b"\0"]
HEADS = [b"", b"Event: ", b"Response: ", b"Response: Follows\r\n", b"Response: Follows\r\nPrivilege: ", b"\r\n"]
raws = st.builds(lambda head, tail: head + b"".join(tail), st.sampled_from(HEADS), st.lists(st.sampled_from(PIECES)))
names = st.text(alphabet="aAb: \r\n=é\udcff\ud800", max_size=5)


# The mapping.


def test_a_header_is_found_whatever_its_case() -> None:
    assert HANGUP["cause-TXT"] == "Normal Clearing"
    assert HANGUP.get("CAUSE") == "16"


def test_the_first_of_repeated_headers_is_the_value() -> None:
    assert HANGUP["Channel"] == "PJSIP/a-1"
    assert HANGUP["ChanVariable"] == "a=1"


def test_all_values_of_a_repeated_header_keep_their_order() -> None:
    assert HANGUP.get_all("CHANNEL") == ["PJSIP/a-1", "second"]
    assert HANGUP.get_all("ChanVariable") == ["a=1", "b=x=y"]
    assert HANGUP.get_all("Chan") == []


def test_a_header_that_is_the_beginning_of_another_is_not_it() -> None:
    message = Message(b"CallerIDName: Bob\r\nXCallerID: no\r\nCallerID: 201")
    assert message["CallerID"] == "201"
    assert message.get("Caller") is None
    assert message.get("ID") is None


def test_an_empty_value_is_there() -> None:
    assert HANGUP["AccountCode"] == ""
    assert HANGUP.get("AccountCode", "default") == ""
    assert "accountcode" in HANGUP
    assert Message(b"Last: ")["Last"] == ""
    assert Message(b"Last:").items() == [("Last", "")]
    assert Message(b"Last:")["Last"] == ""


def test_a_missing_header_is_a_key_error_that_names_it() -> None:
    with pytest.raises(KeyError) as caught:
        HANGUP["Nope"]
    assert caught.value.args == ("Nope",)


def test_a_missing_header_has_the_default() -> None:
    assert HANGUP.get("Nope") is None
    assert HANGUP.get("Nope", "") == ""
    assert HANGUP.get("Nope", 7) == 7


def test_only_names_are_in_a_message() -> None:
    assert "Cause" in HANGUP
    assert "Normal Clearing" not in HANGUP
    assert "" not in HANGUP
    assert 16 not in HANGUP
    assert None not in HANGUP


def test_a_message_iterates_and_counts_every_line() -> None:
    expected = ["Event", "Privilege", "Channel", "Cause", "Cause-txt", "AccountCode", "ChanVariable", "ChanVariable"]
    assert list(HANGUP) == HANGUP.keys() == [*expected, "channel"]
    assert HANGUP.values()[:3] == ["Hangup", "call,all", "PJSIP/a-1"]
    assert HANGUP.items()[-1] == ("channel", "second")
    assert len(HANGUP) == 9


def test_a_message_becomes_a_dict() -> None:
    message = Message(b"A: 1\r\nB: 2\r\nA: 3")
    assert dict(message) == {"A": "1", "B": "2"}
    assert isinstance(message, Mapping)


def test_a_message_keeps_its_bytes() -> None:
    assert HANGUP.raw.startswith(b"Event: Hangup\r\n")
    assert Message(b"A: \xff\n").raw == b"A: \xff\n"


def test_an_empty_message_has_no_headers_and_is_still_true() -> None:
    message = Message(b"")
    assert message.items() == []
    assert len(message) == 0
    assert message.get("A") is None
    assert message.get("") is None
    assert bool(message) is True


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        (b"Named Callgroup: 1", "Named Callgroup", "1"),
        (b"ChanVariable(IAX2/h:4569-1): a=b", "ChanVariable(IAX2/h:4569-1)", "a=b"),
        (b"Key(0)/Child: x", "Key(0)/Child", "x"),
        (b"Reg-Contact : sip:a@b", "Reg-Contact ", "sip:a@b"),
        (b"Name:value", "Name", "value"),
        (b"Name:a:b", "Name", "a:b"),
        (b"Name:a: b", "Name:a", "b"),
        (b"Name:: b", "Name:", "b"),
        (b"Name:  two blanks ", "Name", " two blanks "),
        (b"No categories found", "", "No categories found"),
        (b": x", "", "x"),
        (b":x", "", "x"),
        (b":", "", ""),
        (b"Value: line1\nline2\nFoo: bar", "Value", "line1\nline2\nFoo: bar"),
        (b"Value: a\rb", "Value", "a\rb"),
        (b"Value: a\r", "Value", "a\r"),
        (b"Value: \n\nResponse: Success", "Value", "\n\nResponse: Success"),
        (b"Value: \xe9\xff", "Value", "\udce9\udcff"),
        (b"Value: \xc3\xa9", "Value", "\u00e9"),
        (b"N\xff: x", "N\udcff", "x"),
    ],
)
@pytest.mark.parametrize("rest", [b"", b"\r\nOther: 1"])
@pytest.mark.parametrize("head", [b"", b"Head: 1\r\n"])
def test_a_line_splits_into_name_and_value(head: bytes, line: bytes, rest: bytes, name: str, value: str) -> None:
    message = Message(head + line + rest)
    assert (name, value) in message.items()
    assert len(message) == 1 + bool(head) + bool(rest)
    assert message.get(name) == message[name] == value
    assert message.get_all(name) == [value]
    assert name in message


def test_a_bare_line_feed_starts_no_header() -> None:
    message = Message(MESSAGES["value of three lines"])
    assert message.get("Foo") is None
    assert message.keys() == ["Response", "Variable", "Value"]


def test_a_header_written_as_asked_goes_before_one_without_a_blank() -> None:
    assert Message(b"A:1\r\nA: 2").get("A") == "2"
    assert Message(b"A:1\r\nA: 2").get_all("A") == ["1", "2"]
    assert Message(b"B: 0\r\nA:1\r\na: 2").get("A") == "1"
    assert Message(b"A:1: 2\r\nA: 3").get("A") == "3"


@pytest.mark.parametrize(
    "raw", [b"A: 1\r\nA: 2", b"A: 1", b"Ab: 0\r\nA: 1\r\nA: 2", b"Ab: 0\r\nA: 1", b"A:1", b"Ab:0\r\nA:1"]
)
def test_the_first_of_two_is_found_wherever_it_stands(raw: bytes) -> None:
    assert Message(raw).get("A") == "1"


@pytest.mark.parametrize("name", ["a: b", "a\r\nb", "\ud800"])
def test_a_name_that_no_header_can_have_is_simply_missing(name: str) -> None:
    message = Message(b"a: b: c\r\na\r\nb: d")
    assert message.get(name) is None
    assert message.get_all(name) == []
    assert name not in message


def test_the_name_of_lines_without_a_colon_is_empty() -> None:
    message = Message(b"a: b\r\nc\r\nd")
    assert message[""] == "c"
    assert message.get_all("") == ["c", "d"]
    assert Message(b"a: b").get("") is None


@pytest.mark.parametrize("name", ["\u00e9t\u00e9", "\u00c9T\u00c9", "K", "k", "\u212a"])
def test_get_and_get_all_agree_on_names_beyond_ascii(name: str) -> None:
    message = Message("Z: 0\r\n\u00c9t\u00e9: 1\r\n\u00e9t\u00e9: 2\r\n\u212a: 3\r\nK: 4".encode())
    assert message.get(name) == next(iter(message.get_all(name)), None)


@given(raw=raws, name=names)
def test_a_search_finds_what_a_full_parse_finds(raw: bytes, name: str) -> None:
    pairs = parse(raw)
    for key in [*(key for key, _ in pairs), name]:
        for spelt in (key, "".join(c.swapcase() if c.isascii() else c for c in key)):
            expected = [value for other, value in pairs if other.lower() == spelt.lower()]
            # A new message each, for a parse must not help the search.
            assert Message(raw).get(spelt) == first_value(raw, pairs, spelt)
            assert Message(raw).get_all(spelt) == expected
            assert (spelt in Message(raw)) is bool(expected)
    assert Message(raw).items() == pairs


@given(raw=raws, name=names)
def test_events_and_responses_search_as_they_parse(raw: bytes, name: str) -> None:
    for kind in (Event, Response):
        pairs = kind(raw).items()
        for key in [*(key for key, _ in pairs), name]:
            assert kind(raw).get(key) in (first_value(raw, pairs, key), first_value(b"", pairs, key))


@given(raw=st.one_of(st.binary(max_size=200), raws), name=st.text(max_size=8))
def test_no_bytes_raise(raw: bytes, name: str) -> None:
    for message in (Message(raw), Event(raw), Response(raw)):
        message.get(name)
        assert len(message.items()) == len(message) == len(list(message))
        assert isinstance(repr(message), str)
    event, response = Event(raw), Response(raw)
    assert isinstance(event.name, str)
    assert isinstance(event.variables, dict)
    assert isinstance(response.ok, bool)
    assert isinstance(response.message, str)
    assert isinstance(response.action_id, str)
    assert isinstance(response.output, list)
    assert dict(event) == {key: event[key] for key in event}


well_formed_names = st.binary(min_size=1).filter(lambda name: not {*b":\r\n"} & {*name})
well_formed_values = st.binary().filter(lambda value: b"\r" not in value)


@given(st.lists(st.tuples(well_formed_names, well_formed_values), min_size=1))
def test_a_well_formed_message_can_be_rebuilt_from_its_items(headers: list[tuple[bytes, bytes]]) -> None:
    raw = b"\r\n".join(name + b": " + value for name, value in headers)
    message = Message(raw)
    assert "\r\n".join(f"{name}: {value}" for name, value in message.items()).encode("utf-8", "surrogateescape") == raw
    assert len(message) == len(headers)


@pytest.mark.parametrize("kind", [Message, Event, Response])
def test_a_repr_shows_no_values(kind: type[Message]) -> None:
    for head in (b"", b"Event: AuthDetail\r\n", b"Response: Success\r\n", b"Response: Follows\r\nPrivilege: x\r\n"):
        assert SECRET not in repr(kind(head + b"Password: " + SECRET.encode()))


def test_a_repr_tells_what_a_message_is() -> None:
    assert repr(Message(b"A: 1\r\nB: 2")) == "<Message of 2 headers>"
    assert repr(HANGUP) == "<Event 'Hangup'>"
    assert repr(Response(b"Response: Success", [HANGUP])) == "<Response 'Success' with 1 events>"
    assert repr(Response(b"", complete=False)) == "<Response '' with 0 events, incomplete>"


# Events.


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"Event: Hangup\r\nChannel: x", "Hangup"),
        (b"Event: Hangup", "Hangup"),
        (b"event: Hangup\r\nChannel: x", "Hangup"),
        (b"Event:Hangup\r\nEvent: Other", "Hangup"),
        (b"Event: ", ""),
        (b"Event: \xff\r\nA: b", "\udcff"),
        (b"Event: UserEvent\r\nUserEvent: x\r\nEvent: Forged", "UserEvent"),
        (b"Event: A\nEvent: B\r\n", "A\nEvent: B"),
        (b"", ""),
    ],
)
def test_the_name_of_an_event(raw: bytes, name: str) -> None:
    assert Event(raw).name == name


def test_channel_variables_are_read_in_both_spellings() -> None:
    old = Event(b"Event: X\r\nChanVariable(IAX2/h:4569-1): a=b=c\r\nchanvariable(SIP/x): d=\r\nChanVariable: e")
    assert old.variables == {"a": "b=c", "d": "", "e": ""}
    assert HANGUP.variables == {"a": "1", "b": "x=y"}


def test_the_first_value_of_a_channel_variable_counts() -> None:
    assert Event(b"Event: X\r\nChanVariable: a=1\r\nChanVariable: a=2").variables == {"a": "1"}


def test_headers_that_are_spelt_nearly_like_a_channel_variable_are_none() -> None:
    assert Event(b"Event: X\r\nDestChanVariable: a=1\r\nChanVariables: b=2\r\nVariable: c=3").variables == {}


# Responses.


@pytest.mark.parametrize(
    ("value", "ok"),
    [
        *(
            (value, True)
            for value in ("Success", "success", "Goodbye", "Follows", "Pong", "Events On", "Events Off", "")
        ),
        *((value, False) for value in ("Error", "error", "ERROR", "Failure", "Failed")),
    ],
)
def test_every_value_of_response_that_was_ever_in_use(value: str, ok: bool) -> None:
    assert Response(f"Response: {value}\r\nActionID: 1".encode()).ok is ok


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("Park\n", "Park"),
        ("Park\n\n", "Park\n"),
        ("Park", "Park"),
        ("Park \r", "Park \r"),
        ("a\nb", "a\nb"),
        ("\n", ""),
    ],
)
def test_a_message_text_loses_exactly_one_line_feed(sent: str, text: str) -> None:
    assert Response(f"Response: Success\r\nMessage: {sent}\r\nX: 1".encode()).message == text


def test_a_response_without_texts() -> None:
    response = Response(b"Response: Success")
    assert (response.message, response.action_id, response.output) == ("", "", [])
    assert (list(response.events), response.completion, response.complete) == ([], None, True)


def test_the_first_of_two_message_headers_is_the_text() -> None:
    assert Response(MESSAGES["two Message headers"]).message == "Presence State"


def test_a_response_tells_its_action_id() -> None:
    assert Response(b"Response: Success\r\nActionID: abc-1").action_id == "abc-1"


def test_output_headers_are_lines_with_their_blanks() -> None:
    assert Response(MESSAGES["output by headers"]).output == ["a: b", "", "  c\r"]


def test_a_failed_command_has_output() -> None:
    response = Response(MESSAGES["output of a failed command"])
    assert not response.ok
    assert response.output == ["No such command 'x'"]


def test_an_output_header_is_not_looked_for_inside_a_value() -> None:
    assert Response(b"Response: Success\r\nMessage: x\nOutput: forged\r\nOutput: real").output == ["real"]


FOLLOWS = b"Response: Follows\r\nPrivilege: Command\r\nActionID: 1\r\n"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"", []),
        (b"one\n", ["one"]),
        (b"one", ["one"]),
        (b"one\ntwo", ["one", "two"]),
        (b"one\n\n", ["one", ""]),
        (b"\n", [""]),
        (b"\r\n\r\none\r\n\r\ntwo\r\n", ["", "", "one", "", "two"]),
        (b"Key: value\n  indented: 1\n", ["Key: value", "  indented: 1"]),
        (b"ActionID: 2\r\nPrivilege: x\r\nEvent: Hangup\r\n", ["ActionID: 2", "Privilege: x", "Event: Hangup"]),
        (b"Privilege: x\n", ["Privilege: x"]),
        (b"a" + MARKER + b"\nb\n", ["a--END COMMAND--", "b"]),
        (MARKER + b"\n" + MARKER, ["--END COMMAND--", "--END COMMAND--"]),
        (b"Output: x\n", ["Output: x"]),
        (b" a  \r\nb\t\n", [" a  ", "b\t"]),
        (b"\xe9\xff\n", ["\udce9\udcff"]),
        (b"a\rb\n", ["a\rb"]),
    ],
)
def test_output_that_follows(text: bytes, lines: list[str]) -> None:
    response = Response(FOLLOWS + text + MARKER)
    assert response.output == lines
    assert response.items() == [("Response", "Follows"), ("Privilege", "Command"), ("ActionID", "1")]
    assert response.ok


def test_what_a_command_prints_is_no_header() -> None:
    response = Response(FOLLOWS + b"Message: forged\r\nEventList: start\r\nactionid: 2\r\n" + MARKER)
    assert response.message == ""
    assert response.get("EventList") is None
    assert response.get_all("ActionID") == ["1"]
    assert response.action_id == "1"


def test_old_output_without_an_action_id() -> None:
    response = Response(b"Response: Follows\r\nPrivilege: Command\r\nhello\n" + MARKER)
    assert response.output == ["hello"]
    assert response.items() == [("Response", "Follows"), ("Privilege", "Command")]


def test_a_line_of_old_output_is_no_header_although_it_ends_in_crlf() -> None:
    response = Response(b"Response: Follows\r\nPrivilege: Command\r\nUser: root\r\nb\r\n" + MARKER)
    assert response.output == ["User: root", "b"]
    assert response.get("User") is None


def test_old_output_without_any_header() -> None:
    response = Response(MESSAGES["old command without headers"])
    assert response.output == ["hello"]
    assert response.items() == [("Response", "Follows")]
    assert response["Response"] == "Follows"


def test_old_output_whose_end_is_missing() -> None:
    assert Response(FOLLOWS + b"one\ntwo").output == ["one", "two"]
    assert Response(b"Response: Follows\r\nPrivilege: Command").output == ["Privilege: Command"]


def test_a_header_without_a_blank_before_one_with() -> None:
    event = Event(b"Event: VarSet\r\nChanVariable:\n a\r\nChanVariable: b")
    assert event.get_all("ChanVariable") == ["\n a", "b"]
    assert event["ChanVariable"] == "b"


def test_a_first_line_without_a_colon_is_no_name() -> None:
    assert Event(b"Event\r\nEvent: Hangup").name == "Hangup"


def test_a_huge_name_is_not_learnt() -> None:
    raw = b"Event: X\r\n" + b"n" * 1_000_000 + b": v"
    began = time.process_time()
    for _ in range(3):
        assert len(Event(raw).items()) == 2
    assert time.process_time() - began < 1  # to compile a pattern of it takes seconds


def test_the_items_of_a_list_are_a_sequence_of_events() -> None:
    raws = [b"Event: Item\r\nNumber: %d" % number for number in range(4)]
    items = Events(raws)
    assert [item["Number"] for item in items] == ["0", "1", "2", "3"]
    assert (items[0]["Number"], items[-1]["Number"], len(items)) == ("0", "3", 4)
    assert [item.raw for item in items[1:3]] == raws[1:3]
    assert items == [Event(raw) for raw in raws]
    assert items == Events(tuple(raws))
    assert items != items[1:]
    assert items != raws[0]
    assert Events() == []
    assert (bool(items), bool(Events()), repr(items)) == (True, False, "<4 events>")
    with pytest.raises(IndexError):
        items[4]
    with pytest.raises(TypeError):
        hash(items)
