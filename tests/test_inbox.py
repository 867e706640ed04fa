"""Messages are handed out in their order, in turns if that takes long, and all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from time import perf_counter

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from txami import AMIProtocol, Event, inbox
from txami.inbox import TURN, Inbox
from txami.login import Login, Secret
from txami.observers import EventRegistry


class Turns(Clock):
    """A clock whose delayed calls are made one at a time."""

    def take_one(self) -> None:
        call = self.calls.pop(0)
        call.called = 1
        call.func()


class Reader:
    """Takes so many messages a turn, each of which takes its time; this is what observers do."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.seen: list[bytes] = []
        self.then: Callable[[], object] = lambda: None
        self._clock = clock
        self._seconds = seconds

    def __call__(self, messages: Iterator[bytes], until: float) -> bool:
        for message in messages:
            self.seen.append(message)
            then, self.then = self.then, lambda: None
            then()
            self._clock.rightNow += self._seconds
            if self._seconds:
                return False
        return True


def numbered(start: int, stop: int) -> list[bytes]:
    return [b"%d" % number for number in range(start, stop)]


class FileTransport(StringTransport):
    """One that says how much it reads at once, as Twisted's do."""

    bufferSize = 1 << 16


def test_what_takes_no_time_is_handed_out_at_once() -> None:
    clock = Turns()
    reader = Reader(clock, 0)
    Inbox(clock, reader).put(numbered(0, 1000))
    assert reader.seen == numbered(0, 1000)
    assert clock.getDelayedCalls() == []


def test_what_takes_long_is_handed_out_in_turns_and_in_order() -> None:
    clock = Turns()
    reader = Reader(clock, TURN * 1.5)
    box = Inbox(clock, reader)
    box.put(numbered(0, 3))
    assert reader.seen == [b"0"]
    assert box.size == 2
    box.put(numbered(3, 5))
    assert reader.seen == [b"0"]
    for taken in (2, 3, 4, 5):
        clock.take_one()
        assert reader.seen == numbered(0, taken)
        assert box.size == 5 - taken
    assert clock.getDelayedCalls() == []


def test_a_turn_lasts_until_its_time_is_over() -> None:
    clock = Turns()
    reader = Reader(clock, TURN * 0.4)
    Inbox(clock, reader).put(numbered(0, 5))
    assert reader.seen == numbered(0, 3)
    clock.take_one()
    assert reader.seen == numbered(0, 5)
    assert clock.getDelayedCalls() == []


def test_what_comes_during_a_turn_waits_its_own() -> None:
    clock = Turns()
    reader = Reader(clock, TURN * 1.5)
    box = Inbox(clock, reader)
    box.put(numbered(0, 3))
    reader.then = lambda: box.put(numbered(3, 4))
    for _ in range(3):
        clock.take_one()
    assert reader.seen == numbered(0, 4)
    assert clock.getDelayedCalls() == []


def test_the_end_comes_when_all_is_handed_out() -> None:
    clock = Turns()
    reader = Reader(clock, TURN * 1.5)
    box = Inbox(clock, reader)
    ended: list[int] = []
    box.put(numbered(0, 3))
    box.close(lambda: ended.append(len(reader.seen)))
    clock.take_one()
    assert ended == []
    clock.take_one()
    assert ended == [3]


def test_the_end_comes_at_once_if_nothing_waits() -> None:
    ended: list[bool] = []
    box = Inbox(Clock(), Reader(Clock(), 0))
    box.close(lambda: ended.append(True))
    assert ended == [True]


def test_much_is_read_at_once_while_messages_wait() -> None:
    clock = Turns()
    transport = FileTransport()
    box = Inbox(clock, Reader(clock, TURN * 1.5))
    box.open(transport)
    box.put(numbered(0, 2))
    assert transport.bufferSize == 1 << 20
    clock.take_one()
    assert transport.bufferSize == 1 << 16


def test_nothing_is_read_while_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "LIMIT", 4)
    clock = Turns()
    transport = StringTransport()
    box = Inbox(clock, Reader(clock, TURN * 1.5))
    box.open(transport)
    box.put(numbered(0, 5))
    assert transport.producerState == "producing"
    box.put(numbered(5, 6))
    assert transport.producerState == "paused"
    for waiting in (4, 3, 2):
        assert transport.producerState == "paused"
        clock.take_one()
        assert box.size == waiting
    assert transport.producerState == "producing"


def test_a_connection_tells_of_its_loss_when_its_observers_have_had_all() -> None:
    clock = Turns()
    ami = AMIProtocol(clock, Login("admin", Secret("hush")))
    ami.makeConnection(StringTransport())
    ami.dataReceived(b"Asterisk Call Manager/11.0.0\r\n")
    lost = ami.when_disconnected()
    seen: list[str] = []

    def observe(event: Event) -> None:
        seen.append(event["N"])
        clock.rightNow += TURN * 1.5
        until = perf_counter() + TURN * 1.5
        while perf_counter() < until:
            pass

    ami.on("Count", observe)
    ami.dataReceived(b"".join(b"Event: Count\r\nPrivilege: user,all\r\nN: %d\r\n\r\n" % n for n in range(3)))
    ami.connectionLost()
    assert seen == ["0"]
    assert not lost.called
    while clock.calls:
        clock.take_one()
    assert seen == ["0", "1", "2"]
    assert lost.called


def test_what_a_reply_sets_going_is_not_the_time_of_the_next_events_observer(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [0.0]
    for module in ("inbox", "observers", "dispatch"):
        monkeypatch.setattr(f"txami.{module}.perf_counter", lambda: seconds[-1])
    ami = AMIProtocol(
        Clock(), Login("admin", Secret("hush")), registry=(registry := EventRegistry(Clock(), slow_after=0.01))
    )
    ami.makeConnection(StringTransport())
    ami.on("Count", lambda event: None)
    event = b"Event: Count\r\nPrivilege: user,all\r\nN: 1\r\n\r\n"
    ami.dataReceived(b"Asterisk Call Manager/11.0.0\r\n" + event)
    key = re.findall(rb"ActionID: (\S+)", transport_value(ami))[-1]
    ami.when_ready().addCallback(lambda _: seconds.append(0.02))
    ami.dataReceived(b"Response: Success\r\nActionID: " + key + b"\r\n\r\n" + event)
    assert ami.logged_in
    assert registry.slow.counts == {}
    ami.connectionLost()


def transport_value(ami: AMIProtocol) -> bytes:
    assert isinstance(ami.transport, StringTransport)
    return ami.transport.value()
