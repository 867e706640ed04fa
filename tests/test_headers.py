"""Headers are found and split alike, whatever was learnt from the messages before."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from txami import headers
from txami.headers import NEEDLES, Headers, split_headers
from txami.message import Message

NAMES = st.sampled_from(["Event", "Channel", "channel", "A", "a", "ChanVariable(IAX2/host:4569-1)", "A:", "", "A+*"])
VALUES = st.sampled_from(["", "x", "x: y", " x", "x\ny: z", "x\ry", "\r", "ü", "\udcff", ":", "1:2", "Channel: a"])
SEPARATORS = st.sampled_from([": ", ": ", ": ", ":", ""])
LINES = st.builds("{}{}{}".format, NAMES, SEPARATORS, VALUES)
TEXTS = st.lists(LINES, min_size=1, max_size=6).map("\r\n".join).filter(bool)


def split_naively(text: str) -> list[tuple[str, str]]:
    pairs = []
    for line in text.split("\r\n"):
        separator = ": " if ": " in line else ":"
        name, found, value = line.partition(separator)
        pairs.append((name, value) if found else ("", line))
    return pairs


@pytest.fixture(autouse=True)
def _nothing_learnt_yet() -> None:
    headers._layouts.clear()
    headers._unknown.clear()


@settings(max_examples=300)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.lists(st.integers(0, 3), min_size=1, max_size=24))
def test_what_was_learnt_from_some_messages_changes_nothing_for_others(texts: list[str], order: list[int]) -> None:
    for number in order:
        text = texts[number % len(texts)]
        assert split_headers(text) == split_naively(text)


def test_what_comes_twice_running_gets_a_layout_of_its_own() -> None:
    start = "Event: Hangup\r\nPrivilege: call,all\r\nCause: "
    for number, layouts in enumerate([0, 1, 1, 1]):
        assert split_headers(f"{start}{number}")[1:] == [("Privilege", "call,all"), ("Cause", str(number))]
        assert sum(map(len, headers._layouts.values())) == layouts
    for _ in range(2):
        split_headers(f"{start}16\r\nCause-txt: ")
    assert [each.names for each in headers._layouts[start[:24]]] == [
        ("Event", "Privilege", "Cause"),
        ("Event", "Privilege", "Cause", "Cause-txt"),
    ]


def test_a_match_does_not_reach_over_a_line() -> None:
    for _ in range(3):
        split_headers("Event: A\r\nB: 1\r\nC: 2")
    for text in (
        "Event: A\r\nB: 1\rC: 2",
        "Event: A\r\nB: 1\r\nC: 2\r\nD: 3",
        "Event: A\r\nB: 1",
        "Event: A\r\nB: \r\nC: 2",
    ):
        assert split_headers(text) == split_naively(text)


def test_made_up_headers_do_not_fill_the_memory() -> None:
    for number in range(3000):
        for _ in range(2):
            split_headers(f"Event: E{number}\r\nA{number}: 1")
            split_headers(f"Event: E{number}\r\nB{number}: 1")
            NEEDLES[f"A{number}"]
    for number in range(20):
        for _ in range(2):
            split_headers(f"Event: OfOneName\r\nPrivilege: 1\r\nA{number}: 1")
    for _ in range(2):
        split_headers("\r\n".join(f"A{number}: 1" for number in range(1000)))
    assert len(headers._layouts) <= 1024
    assert max(map(len, headers._layouts.values())) <= 4
    assert len(headers._unknown) <= 1024
    assert max(map(len, headers._unknown.values())) <= 100
    assert len(NEEDLES) <= 1024


@given(TEXTS, st.sampled_from(["Event", "Channel", "channel", "CHANNEL", "A", "a", "A:", ""]))
def test_a_header_is_found_where_a_scan_of_all_would_find_it(text: str, name: str) -> None:
    message = Message(text.encode("utf-8", "surrogateescape"))
    pairs = split_naively(text)
    same = [value for key, value in pairs if key.lower() == name.lower()]
    as_asked = [value for key, value in pairs if key == name and f"{key}: {value}" in text.split("\r\n")]
    assert message.get_all(name) == same
    found = message.get(name)
    assert found == next(iter(as_asked + same), None) or found == next(iter(same), None)


def test_a_header_that_is_spelt_as_asked_goes_first() -> None:
    message = Message(b"Event: X\r\na: 1\r\nA: 2")
    assert (message["A"], message["a"]) == ("2", "1")
    assert Message(b"Event: X\r\na: 1")["A"] == "1"


def test_the_headers_of_a_message_are_a_sequence_of_pairs() -> None:
    pairs = [("Event", "Hangup"), ("Cause", "16"), ("Cause-txt", "")]
    headers = split_headers("Event: Hangup\r\nCause: 16\r\nCause-txt: ")
    assert (list(headers), len(headers), headers[1], headers[-1], headers[1:]) == (
        pairs,
        3,
        pairs[1],
        pairs[2],
        pairs[1:],
    )
    assert headers == pairs
    assert headers != pairs[:2]
    assert headers == Headers(*zip(*pairs, strict=True))
    assert (Headers() == [], bool(Headers()), repr(headers)) == (True, False, "<3 headers>")
    with pytest.raises(TypeError):
        hash(headers)
