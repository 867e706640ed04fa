"""Odd moments: a collection in the middle of a table, an observer that exits, a loss while observers are behind."""

from __future__ import annotations

import gc
import re
from time import perf_counter
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from tests.network import MemoryEndpoint, network
from tests.test_inbox import Reader, Turns, numbered
from txami import AMIProtocol, AMIService, Event, EventRegistry, inbox
from txami.inbox import TURN, Inbox
from txami.login import Login, Secret
from txami.message import Events
from txami.timeouts import Timeouts


class Collecting(dict[Any, Any]):
    """A table that garbage is collected at each look into."""

    def get(self, *arguments: Any) -> Any:
        gc.collect()
        return super().get(*arguments)


def test_a_stream_may_be_collected_while_routes_are_forgotten() -> None:
    registry = EventRegistry(Clock())
    seen: list[str] = []
    registry.once(["Hangup", "Newchannel"], lambda event: seen.append(event.name))
    garbage: list[object] = [registry.events()]
    garbage.append(garbage)
    for name in (b"Newchannel", b"Hold"):
        registry.resolve(b"Event: " + name)
    registry.resolve(b"Event: Hangup\r\nPrivilege: call")
    registry._counts = Collecting()
    del garbage
    registry.publish(Event(b"Event: Hangup\r\nPrivilege: call,all\r\nCause: 16"))
    assert seen == ["Hangup"]
    registry.on(None, lambda event: None).cancel()
    assert registry.count_by_name() == {"Hangup": 1, "Newchannel": 0, "Hold": 0}


def test_an_item_that_was_looked_at_is_in_its_list() -> None:
    items = Events((b"Event: A", b"Event: B", b"Event: A"))
    assert items[1] in items
    assert items.index(items[1]) == 1
    assert items.index(items[0], 1) == 2
    assert items.count(items[0]) == 2
    assert Event(b"Event: C") not in items
    assert None not in items
    with pytest.raises(ValueError, match="not in"):
        items.index(items[0], 1, 2)


def test_what_is_neither_event_nor_response_is_unmatched_whatever_it_begins_with() -> None:
    ami = AMIProtocol(Clock(), Login("admin", Secret("hush")))
    ami.makeConnection(StringTransport())
    ami.dataReceived(b"Asterisk Call Manager/11.0.0\r\nnone: of this\r\n\r\nnothing: of that\r\n\r\n")
    assert (ami.counters.unmatched, ami.counters.late) == (2, 0)
    ami.connectionLost()


def test_the_rest_is_handed_out_after_an_observer_that_exits() -> None:
    clock = Turns()
    reader = Reader(clock, TURN * 1.5)
    box = Inbox(clock, reader)
    ended: list[int] = []
    box.put(numbered(0, 4))
    box.close(lambda: ended.append(len(reader.seen)))

    def leave() -> None:
        raise SystemExit

    reader.then = leave
    with pytest.raises(SystemExit):
        clock.take_one()
    while clock.calls:
        clock.take_one()
    assert reader.seen == numbered(0, 4)
    assert ended == [4]


def be_busy(clock: Clock, seconds: float) -> None:
    """Take so many seconds by the clock, and more than a turn in truth."""
    clock.rightNow += seconds
    until = perf_counter() + TURN * 1.5
    while perf_counter() < until:
        pass


def test_a_pong_that_is_not_read_because_too_many_messages_wait_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    event = b"Event: Count\r\nPrivilege: user,all"
    monkeypatch.setattr(inbox, "LIMIT", 10 * len(event))
    clock = Clock()
    transport = StringTransport()
    ami = AMIProtocol(clock, Login("admin", Secret("hush")), timeouts=Timeouts(ping_interval=1, ping=0.5))
    ami.makeConnection(transport)
    ami.dataReceived(b"Asterisk Call Manager/11.0.0\r\n")
    key = re.findall(rb"ActionID: (\S+)", transport.value())[-1]
    ami.dataReceived(b"Response: Success\r\nActionID: " + key + b"\r\n\r\n")
    cut_while_paused: list[bool] = []

    def observe(_: Event) -> None:
        cut_while_paused.append(transport.producerState == "paused" and transport.disconnecting)
        be_busy(clock, 0.2)

    ami.on("Count", observe)
    ami.dataReceived((event + b"\r\n\r\n") * 30)
    clock.advance(0)
    assert b"Ping" in transport.value()
    assert cut_while_paused == [False] * 30
    ami.connectionLost()


def behind(net: MemoryEndpoint, service: AMIService) -> list[str]:
    """Have ten events come, and the connection lost, while each takes its observer a second; return what is seen."""
    seen: list[str] = []

    def observe(event: Event) -> None:
        seen.append(event["N"])
        be_busy(net.clock, 1)

    service.on("Count", observe)
    service.startService()
    net.accept()
    client = net.pumps.pop().client
    client.dataReceived(b"".join(b"Event: Count\r\nPrivilege: user,all\r\nN: %d\r\n\r\n" % n for n in range(10)))
    client.connectionLost()
    return seen


def test_a_service_connects_anew_when_its_observers_have_had_what_came_before_the_loss() -> None:
    net = network()
    service = AMIService(net.clock, net, "admin", "hush", ping_interval=None)
    lost: list[Exception] = []
    service.on_disconnected(lost.append)
    seen = behind(net, service)
    assert len(seen) < 10
    behind_at_attempt: list[int] = []
    connect = net.connect

    def attempt(factory: Any) -> Deferred[Any]:
        behind_at_attempt.append(10 - len(seen))
        return connect(factory)

    net.connect = attempt  # type: ignore[method-assign]
    net.clock.advance(0)
    net.clock.advance(2)
    assert behind_at_attempt == [0]
    net.accept()
    assert service.logged_in
    assert "started anew" not in str(lost[0])
    service.stopService()
    net.flush()


def test_a_service_is_stopped_when_its_observers_have_had_what_came() -> None:
    net = network()
    service = AMIService(net.clock, net, "admin", "hush", ping_interval=None)
    seen = behind(net, service)
    stopped = service.stopService()
    assert not stopped.called
    net.clock.advance(0)
    assert len(seen) == 10
    assert stopped.called
    assert net.clock.getDelayedCalls() == []
