"""Rows of the parity table in which the server matters, on real ones.  Plain tests, as those of test_blocking.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import txami
import txami.blocking
from tests.asterisk import lab
from tests.asterisk.test_blocking import ami, connect, pending, server
from tests.test_blocking import PATIENCE, MadeUpTime, until
from txami import Event

__all__ = ["ami", "server"]

AMI = txami.blocking.BlockingAMI


def names(client: AMI, until: str) -> list[str]:
    """Return the names of the events up to one."""
    found = [client.get_event(PATIENCE).name]
    while found[-1] != until:
        found.append(client.get_event(PATIENCE).name)
    return found


@pytest.fixture
def call(ami: AMI) -> Iterator[str]:
    """Give the channel of a call that lasts."""
    call = ami.originate("Local/100@default/n", application="Wait", data="60")
    yield call.outcome(timeout=PATIENCE).channel
    call.hangup()


def test_amiver_and_connected(ami: AMI, server: lab.Server) -> None:
    assert ami.ami_version == {"22": (11, 0, 0), "16": (5, 0, 4)}[server.version]
    assert ami.connected(timeout=PATIENCE)


@pytest.mark.parametrize("auth", ["plain", "md5"])
def test_auth_type(server: lab.Server, auth: str) -> None:
    with connect(server, auth=auth) as ami:
        assert ami.connected()


def test_tls_is_verified(server: lab.Server) -> None:
    with connect(server, tls=True) as ami:
        assert ami.connected()
    with pytest.raises(txami.ConnectionLost, match="certificate verify failed"):
        txami.blocking.connect(f"tls:localhost:{server.tls_port}", "admin", server.users["admin"])


def test_events_and_their_default(server: lab.Server) -> None:
    with connect(server) as ami, connect(server, events="off") as deaf, connect(server, events="system") as system:
        ami.user_event("Parity")
        assert "UserEvent" in names(ami, "UserEvent")
        deaf.action("Ping")
        with pytest.raises(txami.EventTimeout):
            deaf.get_event(0.1)
        assert system.get_event(PATIENCE).name == "FullyBooted"
        with pytest.raises(txami.EventTimeout):
            system.get_event(0.1)


def test_events_of_a_list(ami: AMI, call: str) -> None:
    response = ami.action("CoreShowChannels")
    assert {event.name for event in response.events} == {"CoreShowChannel"}
    assert call in [event["Channel"] for event in response.events]
    assert response.completion is not None
    assert int(response.completion["ListItems"]) == len(response.events)


def test_cmd(ami: AMI) -> None:
    assert ami.command("core show uptime").output[0].startswith("System uptime: ")
    assert len(ami.command("core show help").output) > 300
    with pytest.raises(txami.ActionError) as caught:
        ami.command("nonsense of mine")
    assert caught.value.response.output[0].startswith("No such command")


def test_good_of_a_call_that_failed(ami: AMI) -> None:
    handle = ami.send_action(
        "Originate", Channel="Local/102@default", Application="Wait", Data="1", Async=True, Timeout=5000
    )
    assert ami.check_response(handle)
    call = ami.originate("Local/102@default", application="Wait", data="1", ring_time=5)
    assert (call.outcome().answered, call.outcome().status) == (False, "busy")


def test_a_timeout_with_what_came(server: lab.Server) -> None:
    """WaitEvent answers at once, and goes on when it has heard something."""
    with connect(server, events="off") as ami:
        with pytest.raises(txami.ActionTimeout) as caught:
            ami.action("WaitEvent", Timeout=30, timeout=0.5)
        assert caught.value.partial is None or not caught.value.partial.complete
        assert ami.connected(timeout=PATIENCE)


def test_get_event_in_order(ami: AMI) -> None:
    for number in range(100):
        ami.send_action("UserEvent", UserEvent="Parity", Number=number)
    numbers: list[str] = []
    while len(numbers) < 100:
        event = ami.get_event(PATIENCE)
        if event.name == "UserEvent":
            numbers.append(event["Number"])
    assert numbers == [str(number) for number in range(100)]


def test_handlers_and_the_default(ami: AMI) -> None:
    named: list[Event] = []
    others: list[str] = []
    ami.on("UserEvent", named.append)
    ami.on_unhandled(lambda event: others.append(event.name))
    ami.user_event("Parity")
    ami.originate("Local/101@default/n", application="Wait", data="1").ended(timeout=PATIENCE)
    until(lambda: "Hangup" in others)
    assert named
    assert "UserEvent" not in others


def test_responses_in_any_order(ami: AMI) -> None:
    handles = [ami.send_action("Getvar", Variable=f"MATH({number}+1,int)") for number in range(200)]
    found = [ami.get_response(handles[number])["Value"] for number in reversed(range(200))]
    assert found == [str(number + 1) for number in reversed(range(200))]


def test_keepalive_and_a_lost_server(server: lab.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    # By a real clock a slow machine might look like a server that is lost.
    clock = MadeUpTime(monkeypatch)
    with lab.spare(server.version) as spare:
        client = connect(spare, action_timeout=None, ping_interval=30, ping_timeout=10)
        told: list[object] = []
        client.on_ping_timeout(told.append)
        spare.pause()
        try:
            # An action that may take Asterisk long would excuse the silence; this is none.
            waiting = client.send_action("CoreStatus")
            clock.pass_time(30)
            until(lambda: client.run(pending) == 2)
            clock.pass_time(10)
            with pytest.raises(txami.ConnectionLost):
                client.get_response(waiting)
            client.disconnect()
        finally:
            spare.resume()
        assert told == [client]
        assert client.connect().connected()
        client.disconnect()


def test_debug(server: lab.Server) -> None:
    taken: list[str] = []
    with connect(server, transcript=lambda entry: taken.append(entry.text)) as ami:
        ami.action("Ping")
    text = "".join(taken)
    assert ">> Action: Ping" in text
    assert "<< Ping: Pong" in text
    assert server.users["admin"] not in text


def test_an_error_has_the_action_id(ami: AMI) -> None:
    for action, headers in [("NoSuchAction", {}), ("Redirect", {"Channel": "none"}), ("Getvar", {})]:
        response = ami.action(action, headers, check=False, timeout=PATIENCE)
        assert not response.ok
        assert response.action_id


def test_common_reads(ami: AMI, call: str) -> None:
    assert ami.commands()["Ping"] == ()
    assert "command" in ami.commands()["Command"]
    ami.db_put("parity", "key", "value")
    assert ami.db_get("parity", "key") == "value"
    assert ami.db_tree("parity") == {"key": "value"}
    assert ami.db_delete("parity", "key")
    assert ami.db_get("parity", "key") is None
    ami.set_variable("PARITY", "7", call)
    assert ami.get_variable("PARITY", call) == "7"
    assert call in ami.channels()
    found = ami.channel(call)
    assert found is not None
    assert found.state == "Up"
    assert set(ami.queues()) == {"support", "sales"}
    assert set(ami.queues("sales")) == {"sales"}
    assert ami.mailbox_count("100@default").new == 0
    assert ami.mailbox_status("100@default") is False
    assert ami.extension_state("100", "default").exten == "100"
    assert ami.parked_calls() == []
    assert ami.module_check("res_musiconhold")
    assert ami.conferences() == {}


def test_common_changes(ami: AMI, call: str) -> None:
    ami.queue_add("sales", "PJSIP/parity")
    assert ami.queue_toggle_pause("PJSIP/parity", "sales") is True
    ami.queue_unpause("PJSIP/parity", "sales")
    ami.queue_remove("sales", "PJSIP/parity")
    ami.send_text(call, "hello")
    ami.play_dtmf(call, "12")
    ami.mute(call)
    ami.unmute(call)
    ami.absolute_timeout(call, 60)
    recording = ami.mixmonitor(call, "parity.wav")
    ami.mixmonitor_mute(call)
    ami.mixmonitor_unmute(call)
    ami.mixmonitor_stop(call, recording)
    ami.redirect(call, "default", "100")
    assert not ami.simple("Hangup", Channel="Local/nobody-1")
