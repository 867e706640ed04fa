"""Rows of the parity table: the options of Asterisk::AMI's constructor, its hooks, and the end of a connection."""

from __future__ import annotations

import time
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.logger import capturedLogs, formatEvent

import txami
import txami.blocking
from tests.parity import talking
from tests.test_blocking import PATIENCE, MadeUpTime, Server, ami, clock, server, until
from txami.testing import FakeAsterisk

__all__ = ["ami", "clock", "server"]

AMI = txami.blocking.BlockingAMI


def test_username_and_secret(server: Server) -> None:
    with pytest.raises(TypeError, match="secret"):
        txami.blocking.connect(server.place, "admin")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="is it set where you read it from"):
        txami.blocking.connect(server.place, "admin", None)  # type: ignore[arg-type]


def test_an_option_that_is_none() -> None:
    with pytest.raises(TypeError, match="BuferSize"):
        AMI("pbx", "admin", "secret", BuferSize=3)  # type: ignore[call-arg]
    AMI("pbx", "admin", "secret", action_timeout=None, ping_interval=None, events=None, ca_file=None)


@pytest.mark.parametrize(
    ("options", "named"), [({"timeout": -1}, "-1"), ({"limit": -1}, "-1"), ({"auth": "md4"}, "md4")]
)
def test_a_value_that_makes_no_sense(server: Server, options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        server.connect(**options)


def test_events(server: Server) -> None:
    for given, sent, names in [
        (None, None, ["FullyBooted", "Test"]),
        ("off", "off", []),
        ("call, user", "call,user", ["Test"]),
        (["system"], "system", ["FullyBooted"]),
    ]:
        with server.connect(events=given) as ami:
            assert server.fake.actions("Login")[-1].get("Events") == sent
            server.emit("Test")
            ami.action("Ping")
            assert [ami.get_event(PATIENCE).name for _ in names] == names
            with pytest.raises(txami.EventTimeout):
                ami.get_event(0)


def test_a_class_of_events_that_does_not_exist() -> None:
    with capturedLogs() as logs, talking(events="call,calls"):
        pass
    assert "calls" in formatEvent(logs[0])


def test_auth_type(server: Server) -> None:
    with server.connect(auth="md5") as ami:
        assert ami.connected()
    [login] = server.fake.actions("Login")
    assert (login["AuthType"], "Secret" in login, b"secret" in login.raw) == ("MD5", False, False)


def test_tcp_keepalive(ami: AMI) -> None:
    def asked(connection: Any) -> Deferred[int]:
        return succeed(connection.transport.getTcpKeepAlive())

    assert ami.run(asked)


def test_buffer_size() -> None:
    """However many actions come behind it, a reply that is late is not lost, and is nobody else's."""
    late: list[Any] = []
    with talking(action_timeout=None) as (fake, ami):
        fake.answer("Slow", lambda session, action: late.append((session, action)))
        waiting = ami.action("Slow")
        pings = [ami.action("Ping") for _ in range(5000)]
        assert all(fake.result_of(ping)["Ping"] == "Pong" for ping in pings)
        session, action = late[0]
        session.respond(action, "Success", {"Message": "here it is"})
        assert fake.result_of(waiting).message == "here it is"
        assert len({action["ActionID"] for action in fake.actions()}) == 5002


def test_the_default_timeout(server: Server) -> None:
    server.fake.never_answer("Slow")
    with server.connect(action_timeout=0.05) as ami:
        with pytest.raises(txami.ActionTimeout):
            ami.action("Slow")
        with pytest.raises(txami.ActionTimeout):
            ami.action("Ping", timeout=0)
        endless = ami.send_action("Slow", timeout=None)
        time.sleep(0.1)
        assert not endless.done
    with talking() as (fake, connection):
        fake.never_answer("Slow")
        began = fake.clock.seconds()
        with pytest.raises(txami.ActionTimeout):
            fake.result_of(connection.action("Slow"))
        assert fake.clock.seconds() - began == 30


def test_the_timeout_of_the_login(server: Server, clock: MadeUpTime) -> None:
    server.fake.answer("Login", lambda session, action: clock.pass_time(PATIENCE))
    with pytest.raises(txami.ProtocolError, match="60 s"):
        server.connect(timeout=PATIENCE)


def test_blocking(server: Server) -> None:
    with server.connect() as ami:
        assert ami.connected()
    with pytest.raises(txami.LoginFailed, match="Authentication failed"):
        txami.blocking.connect(server.place, "admin", "wrong")


def test_not_blocking() -> None:
    fake = FakeAsterisk()
    service = txami.AMIService(fake.clock, fake.endpoint(), "admin", "secret")
    service.startService()
    sent = [service.action("UserEvent", UserEvent=f"Number{number}") for number in range(30)]
    assert not service.logged_in
    assert fake.result_of(sent[-1]).ok
    assert [action["UserEvent"] for action in fake.actions("UserEvent")] == [f"Number{each}" for each in range(30)]
    fake.result_of(service.stopService())
    fake.finish()


def test_on_connect(server: Server) -> None:
    client = AMI(server.place, "admin", "secret")
    seen: list[object] = []
    client.on_connected(lambda connected: seen.append((connected, connected.action("Ping")["Ping"])))
    with client:
        until(lambda: seen)
    assert seen == [(client, "Pong")]


def test_on_connect_err(server: Server) -> None:
    seen: list[Exception] = []
    client = AMI(server.place, "admin", "wrong")
    client.on_connect_failed(seen.append)
    with pytest.raises(txami.LoginFailed):
        client.connect()
    server.refuse()
    with pytest.raises(txami.NotConnected):
        client.connect()
    assert [type(error) for error in seen] == [txami.LoginFailed, txami.NotConnected]
    assert client.error is seen[-1]


def test_on_error_and_on_disconnect(server: Server) -> None:
    seen: list[Exception] = []
    client = server.connect()
    client.on_disconnected(seen.append)
    server.cut()
    until(lambda: seen)
    assert client.error is seen[0]
    client.connect().disconnect()
    assert str(seen[-1]) == "logged off"
    assert len(seen) == 2


def test_what_is_pending_at_the_end(server: Server) -> None:
    server.fake.never_answer("Slow")
    told: list[txami.blocking.Handle] = []
    client = server.connect()
    waiting = client.send_action("Slow", callback=told.append)
    client.action("Ping")
    server.cut()
    with pytest.raises(txami.ConnectionLost) as caught:
        client.get_response(waiting)
    assert caught.value.sent
    until(lambda: told == [waiting])
    client.disconnect()


def test_reconnecting(server: Server) -> None:
    seen: list[str] = []
    downs: list[Exception] = []
    with server.connect(reconnect=True) as ami:
        ami.on("Test", lambda event: seen.append(event["Number"]))
        ami.on_disconnected(downs.append)
        server.cut()
        until(lambda: downs)
        assert ami.action("Ping", timeout=PATIENCE)["Ping"] == "Pong"
        server.emit("Test", Number=7)
        until(lambda: seen == ["7"])


def test_originate_hack(server: Server) -> None:
    server.fake.phones["PJSIP/alice"] = "busy"
    with server.connect(events="call", limit=0) as ami:
        call = ami.originate("PJSIP/alice", context="default", exten="200")
        assert call.outcome().status == "busy"
        assert (ami.dropped, len(ami._listeners.buffer)) == (0, 0)


def test_a_call_whose_outcome_would_be_masked(server: Server) -> None:
    with server.connect(events="off") as ami, pytest.raises(txami.InvalidAction, match="class 'call'"):
        ami.originate("PJSIP/alice", context="default", exten="200")
    assert server.fake.actions("Originate") == []


def test_warnings() -> None:
    with talking() as (fake, ami), capturedLogs() as logs, pytest.raises(txami.ActionError):
        fake.result_of(ami.action("Hangup", Chanel="PJSIP/alice-1"))
    [warning] = logs
    assert (warning["log_namespace"], "is it 'Channel'?" in formatEvent(warning)) == ("txami.advice", True)


def test_keepalive() -> None:
    with talking(ping_interval=10, ping_timeout=5) as (fake, ami):
        fake.advance(35)
        assert len(fake.actions("Ping")) == 3
        assert ami.logged_in


def test_on_timeout() -> None:
    with talking(ping_interval=10, ping_timeout=5) as (fake, ami):
        happened: list[str] = []
        ami.on_ping_timeout().addCallback(lambda _: happened.append("no answer"))
        ami.when_disconnected().addCallback(lambda reason: happened.append(str(reason)))
        waiting = ami.action("Slow")
        fake.faults.half_open = True
        with pytest.raises(txami.ConnectionLost):
            fake.result_of(waiting)
        assert happened[0] == "no answer"
        assert len(happened) == 2
        assert fake.clock.seconds() == 15


def test_connected(server: Server) -> None:
    with server.connect() as ami:
        assert ami.connected()
        server.fake.never_answer("Ping")
        assert not ami.connected(timeout=0.05)
    assert not ami.connected()


def test_error(server: Server) -> None:
    with server.connect() as ami:
        with pytest.raises(txami.ActionError):
            ami.action("Hangup", Channel="PJSIP/nobody")
        assert ami.error is None
    assert isinstance(ami.error, txami.NotConnected)


def test_amiver(server: Server) -> None:
    client = AMI(server.place, "admin", "secret")
    assert client.ami_version is None
    for banner, version in [("Asterisk Call Manager/1.4", (1, 4)), ("Asterisk Call Manager/11.0.0", (11, 0, 0))]:
        server.fake.banner = banner
        with client:
            assert client.banner == banner
            assert client.ami_version == version
    assert (1, 4) < (2, 10, 6) < (11, 0, 0)


def test_disconnect_and_destroy(server: Server) -> None:
    client = server.connect()
    client.disconnect()
    client.disconnect()
    assert len(server.fake.actions("Logoff")) == 1
    assert client.get_event().name == "FullyBooted"
    for call in (lambda: client.action("Ping"), client.get_event, lambda: client.db_get("family", "key")):
        with pytest.raises(txami.NotConnected):
            call()
    with client:
        assert client.connected()
