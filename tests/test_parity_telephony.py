"""Rows of the parity table: what Telephony::Asterisk::AMI has that Asterisk::AMI has not, or has otherwise."""

from __future__ import annotations

import io
import time

import pytest

import txami
import txami.blocking
from tests.parity import replied, talking
from tests.test_blocking import (
    PATIENCE,
    MadeUpTime,
    Server,
    ami,
    clock,
    pass_time_once_connected,
    server,
    until,
)
from txami import Event
from txami.testing import FakeSession, serving

__all__ = ["ami", "clock", "server"]

AMI = txami.blocking.BlockingAMI


def test_new_makes_no_connection(server: Server) -> None:
    client = AMI(server.place, "admin", "secret")
    assert "not connected" in repr(client)
    assert server.fake.sessions == []


def test_host_and_port_in_one_text(server: Server) -> None:
    assert server.place.startswith("127.0.0.1:")
    with server.connect() as ami:
        assert ami.connected()


def test_ipv6() -> None:
    with serving(interface="::1") as place:
        assert place.address.startswith("[::1]:")
        with txami.blocking.connect(place.address, "admin", "secret") as ami:
            assert ami.connected()


def test_action_ids_are_nobody_elses(server: Server) -> None:
    with server.connect() as one, server.connect() as other:
        one.action("Ping")
        other.action("Ping")
    ids = [action["ActionID"] for action in server.fake.actions()]
    assert len(ids) == len(set(ids)) == 6
    assert len({each.rpartition("-")[0] for each in ids}) == 2
    assert all(len(each.rpartition("-")[0]) == 16 for each in ids)


def test_debug(server: Server) -> None:
    taken = io.BytesIO()
    with server.connect(transcript=taken) as ami:
        ami.action("Ping")
    lines = [line.partition(" ")[2] for line in taken.getvalue().decode().splitlines()]
    assert "<< Asterisk Call Manager/11.0.0" in lines
    at = lines.index(">> Action: Ping")
    assert lines[at + 2] == ">>"
    assert lines[at + 3] == "<< Response: Success"
    assert ">> Secret: <blotted>" in lines
    assert b"secret\n" not in taken.getvalue()
    text = io.StringIO()  # as sys.stderr is
    with server.connect(transcript=text) as ami:
        ami.action("Ping")
    assert ">> Action: Ping\n" in text.getvalue()


def test_event_callback(ami: AMI, server: Server) -> None:
    seen: list[str] = []
    ami.on(None, lambda event: seen.append(f"{event.name} {ami.action('Ping')['Ping']}"))
    server.emit("Test")
    until(lambda: "Test Pong" in seen)


def test_events_that_nobody_asked_for(ami: AMI, server: Server) -> None:
    server.emit("Test")
    assert [ami.get_event(PATIENCE).name for _ in range(2)] == ["FullyBooted", "Test"]


def test_connect_says_what_is_wrong(server: Server) -> None:
    server.fake.answer("Login", lambda session, action: session.close())
    with pytest.raises(txami.ConnectionLost):
        server.connect()
    server.fake.answers["login"] = FakeSession.login
    with pytest.raises(txami.LoginFailed, match="Authentication failed"):
        txami.blocking.connect(server.place, "admin", "wrong")
    server.refuse()
    with pytest.raises(txami.NotConnected, match="cannot connect"):
        server.connect()


def test_a_greeting_of_another_name(server: Server) -> None:
    server.fake.banner = "PBX Call Manager/2.0"
    with server.connect() as ami:
        assert (ami.banner, ami.ami_version) == ("PBX Call Manager/2.0", (2, 0))


def test_no_greeting(server: Server, clock: MadeUpTime, monkeypatch: pytest.MonkeyPatch) -> None:
    server.fake.banner = None
    pass_time_once_connected(monkeypatch, clock, PATIENCE)
    with pytest.raises(txami.ProtocolError, match="not even a greeting"):
        server.connect(timeout=PATIENCE)


def test_connecting_again(server: Server) -> None:
    client = AMI(server.place, "admin", "secret")
    for _ in range(3):
        client.connect()
        assert client.connected()
        client.disconnect()
    assert len(server.fake.actions("Logoff")) == 3


def test_disconnecting_never_fails(server: Server, clock: MadeUpTime) -> None:
    server.fake.never_answer("Logoff")
    client = server.connect()
    began = time.monotonic()
    client.disconnect(timeout=0.1)
    assert time.monotonic() - began < PATIENCE
    server.fake.answers["logoff"] = FakeSession.logoff
    client.connect()
    server.cut()
    client.disconnect()


def test_an_action_needs_a_name(ami: AMI) -> None:
    with pytest.raises(TypeError):
        ami.action()  # type: ignore[call-arg]
    with pytest.raises(txami.InvalidAction, match="needs a name"):
        ami.action("")


def test_an_error_without_an_action_id() -> None:
    with talking() as (fake, ami):
        fake.answer("Strange", "Response: Error\nMessage: not about you")
        ping, strange = ami.action("Ping"), ami.action("Strange", timeout=5)
        assert fake.result_of(ping)["Ping"] == "Pong"
        with pytest.raises(txami.ActionTimeout):
            fake.result_of(strange)
        assert ami.counters.unmatched == 1


def test_errors_that_asterisk_did_not_send(server: Server) -> None:
    client = AMI(server.place, "admin", "secret")
    with pytest.raises(txami.NotConnected, match="it was not sent"):
        client.action("Ping")
    server.fake.answer("Slow", lambda session, action: session.transport.abortConnection())  # type: ignore[union-attr]
    with client:
        with pytest.raises(txami.ConnectionLost, match="the outcome is unknown") as caught:
            client.action("Slow", check=False)
        assert caught.value.sent


def test_the_error_of_the_connection(server: Server) -> None:
    client = AMI(server.place, "admin", "wrong")
    assert client.error is None
    with pytest.raises(txami.LoginFailed) as caught:
        client.connect()
    assert client.error is caught.value


def test_reading_takes_nothing_from_a_handler(ami: AMI, server: Server) -> None:
    seen: list[Event] = []
    ami.on("Test", seen.append)
    server.emit("Test")
    assert [ami.get_event(PATIENCE).name for _ in range(2)] == ["FullyBooted", "Test"]
    until(lambda: seen)


def test_a_line_without_a_colon() -> None:
    response = replied("Response: Success\nActionID: {ActionID}\nno colon here\nKey: value")
    assert ("", "no colon here") in response.items()
    assert response["Key"] == "value"


def test_a_list_is_whole_at_once(ami: AMI, server: Server) -> None:
    for number in range(3):
        server.do(lambda: server.fake.add_channel(f"PJSIP/alice-{number}"))  # noqa: B023
    listed = ami.action("CoreShowChannels")
    assert [event["Channel"] for event in listed.events] == [f"PJSIP/alice-{number}" for number in range(3)]


def test_a_server_for_tests() -> None:
    with talking() as (fake, ami):
        fake.expect("QueuePause", Interface="PJSIP/alice", Paused=True).respond("Success", Message="Interface paused")
        fake.result_of(ami.queue_pause("PJSIP/alice"))
        fake.check_script()
