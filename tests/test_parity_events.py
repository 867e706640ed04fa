"""Rows of the parity table: Handlers, get_event() and the loop of Asterisk::AMI; Event_Callback of the other module."""

from __future__ import annotations

import threading

import pytest
from twisted.internet.testing import EventLoggingObserver

import txami
import txami.blocking
from tests.parity import talking
from tests.test_blocking import PATIENCE, Server, ami, logged, server, until
from txami import Event

__all__ = ["ami", "logged", "server"]

AMI = txami.blocking.BlockingAMI


def test_handlers(ami: AMI, server: Server) -> None:
    seen: list[str] = []
    ami.on("Hangup", lambda event: seen.append(event["Channel"]))
    ami.on("New*", lambda event: seen.append(event.name))
    server.do(lambda: server.fake.hang_up(server.fake.add_channel("PJSIP/alice-1")))
    until(lambda: len(seen) == 2)
    assert seen == ["Newchannel", "PJSIP/alice-1"]


def test_the_default_handler(ami: AMI, server: Server) -> None:
    named: list[str] = []
    default: list[str] = []
    every: list[str] = []
    assert ami.get_event(PATIENCE).name == "FullyBooted"
    ami.on("Hangup", lambda event: named.append(event.name))
    ami.on_unhandled(lambda event: default.append(event.name))
    server.do(lambda: server.fake.hang_up(server.fake.add_channel("PJSIP/alice-1")))
    until(lambda: named)
    assert (named, default) == (["Hangup"], ["Newchannel"])
    ami.on(None, lambda event: every.append(event.name))
    server.do(lambda: server.fake.hang_up(server.fake.add_channel("PJSIP/alice-2")))
    until(lambda: len(every) == 2)
    assert (every, default) == (["Newchannel", "Hangup"], ["Newchannel"])


def test_handlers_and_get_event(ami: AMI, server: Server) -> None:
    seen: list[Event] = []
    assert ami.get_event(PATIENCE).name == "FullyBooted"
    ami.on("Test", seen.append)
    server.emit("Test", Number=1)
    assert ami.get_event(PATIENCE)["Number"] == "1"
    until(lambda: seen)


def test_a_handler_that_fails(ami: AMI, server: Server, logged: EventLoggingObserver) -> None:
    seen: list[Event] = []
    ami.on("Test", lambda event: 1 / 0)
    ami.on("Test", seen.append)
    for number in (1, 2):
        server.emit("Test")
        until(lambda: len(seen) == number)  # noqa: B023
    assert sum("log_failure" in each for each in logged) == 2
    assert ami.connected()


def test_handlers_can_be_taken_away(ami: AMI, server: Server) -> None:
    seen: list[Event] = []
    handler = ami.on("Test", seen.append)
    first = ami.once("Test", seen.append)
    server.emit("Test")
    until(lambda: len(seen) == 2)
    handler.cancel()
    server.emit("Test")
    ami.action("Ping")
    assert (len(seen), handler.active, first.active) == (2, False, False)


def test_a_handler_may_call_the_client(ami: AMI, server: Server) -> None:
    seen: list[str] = []
    ami.on("Test", lambda event: seen.append(ami.action("Ping")["Ping"]))
    server.emit("Test")
    until(lambda: seen == ["Pong"])


def test_a_handler_is_called_though_nobody_waits(ami: AMI, server: Server) -> None:
    happened = threading.Event()
    ami.on("Test", lambda event: happened.set())
    server.emit("Test")
    assert happened.wait(PATIENCE)


def test_get_event(ami: AMI, server: Server) -> None:
    for number in range(3):
        server.emit("Test", Number=number)
    assert ami.get_event(PATIENCE).name == "FullyBooted"
    assert [ami.get_event(PATIENCE)["Number"] for _ in range(3)] == ["0", "1", "2"]
    with pytest.raises(txami.EventTimeout):
        ami.get_event(0.01)


def test_the_buffer_of_events_has_an_end(server: Server) -> None:
    with server.connect(limit=10) as ami:
        for number in range(20):
            server.emit("Test", Number=number)
        until(lambda: ami.dropped == 11)
        assert ami.get_event(PATIENCE)["Number"] == "10"


def test_loop_and_break(ami: AMI, server: Server) -> None:
    for number in range(3):
        server.emit("Test", Number=number)
    seen = []
    for event in ami.events(timeout=PATIENCE):
        seen.append(event.get("Number"))
        if seen[-1] == "2":
            break
    assert seen == [None, "0", "1", "2"]


def test_many_who_hear_the_same_event(ami: AMI, server: Server) -> None:
    """What event_proxy.pl does."""
    with ami.events("Test", timeout=PATIENCE) as one, ami.events("Test", timeout=PATIENCE) as other:
        server.emit("Test", Number=7)
        assert (next(one)["Number"], next(other)["Number"]) == ("7", "7")


def test_an_event_with_somebody_elses_action_id() -> None:
    with talking() as (fake, ami):
        seen: list[Event] = []
        ami.on("UserEvent", seen.append)
        fake.emit("UserEvent", {"ActionID": "1", "UserEvent": "Other"}, "user")
        assert not fake.result_of(ami.action("Ping")).events
        assert [event["ActionID"] for event in seen] == ["1"]


def test_a_header_that_comes_repeatedly(ami: AMI, server: Server) -> None:
    server.do(lambda: server.fake.emit("Test", [("ChanVariable", "a=1"), ("ChanVariable", "b=2")]))
    with ami.events(timeout=PATIENCE) as events:
        event = next(event for event in events if event.name == "Test")
    assert event["ChanVariable"] == "a=1"
    assert event.get_all("ChanVariable") == ["a=1", "b=2"]
    assert event.variables == {"a": "1", "b": "2"}
