"""Channel variables in events, and the escapes in their values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txami import Event, unescape

DIAL = Event(
    b"Event: DialBegin\r\nChannel: PJSIP/a-1\r\nChanVariable: TAG=O\\'Brien\r\nChanVariable: B=\r\n"
    b"DestChannel: PJSIP/b-2\r\nDestChanVariable: TAG=x=y\r\nDestChanVariable: TAG=second\r\ndestchanvariable: C"
)
OLD = Event(
    b"Event: Dial\r\nChannel: SIP/a-1\r\nDestination: IAX2/h:4569-2\r\n"
    b"ChanVariable(SIP/a-1): TAG=1\r\nChanVariable(IAX2/h:4569-2): TAG=2\r\nChanVariable(IAX2/h:4569-2): B=3: 4"
)


def test_the_channel_has_its_own() -> None:
    assert DIAL.variables == {"TAG": "O\\'Brien", "B": ""}


@pytest.mark.parametrize("whose", ["Dest", "dest", "DEST"])
def test_the_other_channel_has_its_own(whose: str) -> None:
    assert DIAL.variables_of(whose) == {"TAG": "x=y", "C": ""}


@pytest.mark.parametrize("prefix", ["LocalOne", "LocalTwo", "Parkee", "OrigTransferer", "SecondTransferer"])
def test_prefixes(prefix: str) -> None:
    event = Event(f"Event: X\r\n{prefix}ChanVariable: a=1\r\nChanVariable: a=2\r\nX{prefix}ChanVariable: a=3".encode())
    assert (event.variables_of(prefix), event.variables) == ({"a": "1"}, {"a": "2"})


def test_asterisk_11_names_the_channel() -> None:
    assert OLD.variables_of("SIP/a-1") == {"TAG": "1"}
    assert OLD.variables_of("IAX2/h:4569-2") == {"TAG": "2", "B": "3: 4"}


@pytest.mark.parametrize("whose", ["Src", "PJSIP/b-2", ")", "(", "DestChan", "x\udcffy"])
def test_nobody(whose: str) -> None:
    assert DIAL.variables_of(whose) == {}


def test_no_prefix_is_the_channel_itself() -> None:
    assert DIAL.variables_of("") == DIAL.variables


# The escapes.

#: ``escape_sequences`` and ``escape_sequences_map`` of main/utils.c.
ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "?": "\\?",
}


@given(st.text(st.one_of(st.sampled_from("".join(ESCAPES) + "abfnrtv"), st.characters())))
def test_what_asterisk_escapes_is_undone(value: str) -> None:
    assert unescape("".join(ESCAPES.get(character, character) for character in value)) == value


@pytest.mark.parametrize("value", ["", "plain", "\\", "a\\", "\\x41", "\\101", "\\0", "\\e", "\\\n", "100%", "ü\\ü"])
def test_what_asterisk_does_not_write_is_kept(value: str) -> None:
    assert unescape(value) == value


@pytest.mark.parametrize(
    ("escaped", "value"), [(r"O\'Brien", "O'Brien"), (r"why\?", "why?"), (r"\\n", r"\n"), (r"\\\n", "\\\n")]
)
def test_examples(escaped: str, value: str) -> None:
    assert unescape(escaped) == value
