"""The table of ``txami top``: a list and then events, in any order that a server may send them."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from txami import Event
from txami.commands.channels import ChannelTable, as_duration, from_duration


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


@pytest.fixture
def table(clock: Clock) -> ChannelTable:
    """Give an empty table."""
    return ChannelTable(clock)


def event(name: str, unique: str, channel: str = "PJSIP/a", **headers: str) -> Event:
    """Return an event of a channel."""
    pairs = {"Event": name, "Channel": channel, "Uniqueid": unique, "Linkedid": unique, **headers}
    return Event("\r\n".join(f"{key}: {value}" for key, value in pairs.items()).encode())


def rows(table: ChannelTable) -> list[list[str]]:
    """Return the cells, without the titles."""
    return [line.split() for line in table.lines()[1:]]


def test_a_channel_comes_changes_and_goes(table: ChannelTable, clock: Clock) -> None:
    table.update(event("Newchannel", "1", ChannelStateDesc="Down", CallerIDNum="7", Exten="200", Context="c"))
    clock.advance(61.4)
    assert rows(table) == [["PJSIP/a", "Down", "7", "200@c", "00:01:01"]]
    table.update(event("Newstate", "1", ChannelStateDesc="Up"))
    table.update(event("Newexten", "1", Application="Dial", AppData="PJSIP/b", Exten="201", Context="c"))
    assert rows(table) == [["PJSIP/a", "Up", "7", "201@c", "Dial(PJSIP/b)", "00:01:01"]]
    table.update(event("Rename", "1", Newname="PJSIP/z"))
    assert rows(table)[0][0] == "PJSIP/z"
    assert table.summary() == "1 channel, 1 call"
    table.update(event("Hangup", "1"))
    assert (rows(table), table.summary()) == ([], "0 channels, 0 calls")


def test_what_events_tell_is_newer_than_the_list(table: ChannelTable) -> None:
    table.begin()
    table.update(event("Hangup", "1"))
    table.update(event("Newchannel", "2", ChannelStateDesc="Up"))
    listed = [event("CoreShowChannel", each, ChannelStateDesc="Down", Duration="00:00:05") for each in "123"]
    table.replace(listed)
    assert [row[1:] for row in rows(table)] == [["Down", "00:00:05"], ["Up", "00:00:00"]]


def test_what_ended_is_forgotten_when_the_list_is_there(table: ChannelTable) -> None:
    table.begin()
    table.replace([])
    table.update(event("Hangup", "1"))
    table.replace([event("CoreShowChannel", "1", Duration="00:00:05")])
    assert len(rows(table)) == 1
    assert not table._ended


def test_events_of_channels_that_are_not_known(table: ChannelTable) -> None:
    table.update(event("Newstate", "9", ChannelStateDesc="Up"))
    table.update(event("Hangup", "9"))
    assert rows(table) == []


def test_legs_of_one_call(table: ChannelTable) -> None:
    table.replace([event("CoreShowChannel", each, Linkedid="1", CallerIDNum="<unknown>") for each in "12"])
    assert table.summary() == "2 channels, 1 call"
    assert "<unknown>" not in " ".join(table.lines())


@pytest.mark.parametrize(
    ("text", "seconds"), [("00:00:00", 0), ("01:02:03", 3723), ("123:00:01", 442801), ("75", 75), ("", 0), ("x:y", 0)]
)
def test_durations(text: str, seconds: float) -> None:
    assert from_duration(text) == seconds
    if text.count(":") == 2:
        assert as_duration(seconds) == text
