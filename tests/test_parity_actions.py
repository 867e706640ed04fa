"""Rows of the parity table: how Asterisk::AMI sends actions and waits for their responses."""

from __future__ import annotations

from typing import Any

import pytest

import txami
import txami.blocking
from tests.parity import talking
from tests.test_blocking import PATIENCE, MadeUpTime, Server, ami, clock, server, until
from txami import Message

__all__ = ["ami", "clock", "server"]

AMI = txami.blocking.BlockingAMI


def sent(server: Server, name: str) -> Message:
    """Return the latest action of a name that came."""
    return server.fake.actions(name)[-1]


def test_an_action_is_its_name_and_its_headers(ami: AMI, server: Server) -> None:
    ami.action("UserEvent", {"X-Campaign": 7}, UserEvent="Dialled", Note=None)
    action = sent(server, "UserEvent")
    assert [name for name in action.keys() if name != "ActionID"] == ["Action", "X-Campaign", "UserEvent"]  # noqa: SIM118


def test_an_action_id_of_ones_own(ami: AMI, server: Server) -> None:
    with pytest.raises(txami.InvalidAction, match="txami makes the ActionIDs"):
        ami.action("Ping", ActionID=7)
    handle = ami.send_action("Ping", userdata=7)
    assert (ami.get_response(handle)["Ping"], handle.userdata) == ("Pong", 7)


def test_a_header_that_is_repeated(ami: AMI, server: Server) -> None:
    ami.action("UserEvent", UserEvent="Test", Number=["1", 2])
    assert sent(server, "UserEvent").get_all("Number") == ["1", "2"]


def test_the_action_id_is_sent_second(ami: AMI, server: Server) -> None:
    ami.action("Ping")
    assert sent(server, "Ping").keys() == ["Action", "ActionID"]
    with pytest.raises(txami.InvalidAction, match="at most 1022"):
        ami.action("Ping", Text="x" * 1100)
    with pytest.raises(txami.InvalidAction, match="at most 128"):
        ami.action("UserEvent", UserEvent="Test", Number=list(range(130)))


def test_a_line_end_in_a_value(ami: AMI, server: Server) -> None:
    with pytest.raises(txami.InvalidAction, match="line feed"):
        ami.action("UserEvent", UserEvent="x\nAction: Originate")
    assert server.fake.actions("UserEvent") == []


def test_async(ami: AMI, server: Server) -> None:
    response = ami.action("Originate", Channel="PJSIP/alice", Application="Wait", Data="1", Async=True)
    assert response.message == "Originate successfully queued"
    assert sent(server, "Originate")["Async"] == "true"
    call = ami.originate("PJSIP/alice", application="Wait", data="1")
    assert sent(server, "Originate")["Async"] == "true"
    assert call.outcome().answered


def test_timeout_is_a_keyword_and_no_header(ami: AMI, server: Server) -> None:
    ami.action(
        "Originate", Channel="PJSIP/alice", Application="Wait", Data="1", Async=True, Timeout=15_000, timeout=PATIENCE
    )
    assert sent(server, "Originate")["Timeout"] == "15000"
    assert "timeout" not in sent(server, "Originate").keys()  # noqa: SIM118


def test_send_action_and_get_response(ami: AMI) -> None:
    handle = ami.send_action("Ping")
    assert ami.get_response(handle)["Ping"] == "Pong"
    assert ami.get_response(handle) is ami.get_response(handle)


def test_without_an_id_it_is_the_last_one_sent(ami: AMI) -> None:
    ami.send_action("Hangup", Channel="PJSIP/nobody")
    ami.send_action("Ping")
    assert ami.get_response()["Ping"] == "Pong"
    assert ami.check_response() is True


def test_check_response(ami: AMI, server: Server) -> None:
    server.fake.never_answer("Slow")
    assert ami.check_response(ami.send_action("Ping")) is True
    assert ami.check_response(ami.send_action("Hangup", Channel="PJSIP/nobody")) is False
    with pytest.raises(txami.ActionTimeout):
        ami.check_response(ami.send_action("Slow"), timeout=0.02)


def test_responses_in_any_order(ami: AMI) -> None:
    handles = [ami.send_action("Command", Command=f"core show {number}", check=False) for number in range(100)]
    for number in reversed(range(100)):
        assert f"core show {number}'" in ami.get_response(handles[number]).output[0]


def test_action_and_simple_action(ami: AMI, server: Server) -> None:
    server.fake.never_answer("Slow")
    assert ami.action("Ping")["Ping"] == "Pong"
    assert (ami.simple("Ping"), ami.simple("Hangup", Channel="PJSIP/nobody")) == (True, False)
    with pytest.raises(txami.ActionTimeout):
        ami.simple("Slow", timeout=0.02)


def test_a_bad_response(ami: AMI) -> None:
    with pytest.raises(txami.ActionError) as caught:
        ami.action("Hangup", Channel="PJSIP/nobody")
    assert caught.value.response.message == "No such channel"
    response = ami.action("Hangup", Channel="PJSIP/nobody", check=False)
    assert (response.ok, response.message) == (False, "No such channel")


def test_callback_and_user_data(ami: AMI) -> None:
    seen: list[object] = []

    def answered(handle: txami.blocking.Handle) -> None:
        seen.append((handle.userdata, ami.get_response(handle)["Ping"]))

    ami.send_action("Ping", callback=answered, userdata={"client": 7})
    until(lambda: seen == [({"client": 7}, "Pong")])


BEGINNING = "Response: Success\nActionID: {ActionID}\nEventList: start\n\nEvent: Item\nActionID: {ActionID}\nName: one"


def test_a_callback_at_the_timeout(clock: MadeUpTime, ami: AMI, server: Server) -> None:
    server.fake.answer("Slow", BEGINNING)
    told: list[txami.blocking.Handle] = []
    ami.send_action("Slow", timeout=0.05, callback=told.append)
    ami.action("Ping")  # answered after what there is of the reply
    clock.pass_time(0.05)
    until(lambda: told)
    with pytest.raises(txami.ActionTimeout) as caught:
        ami.get_response(told[0])
    partial = caught.value.partial
    assert partial is not None
    assert (partial.complete, [item["Name"] for item in partial.events]) == (False, ["one"])


def test_what_comes_after_the_timeout() -> None:
    with talking() as (fake, ami):
        begun: list[Any] = []
        fake.answer("Slow", lambda session, action: begun.append((session, action)))
        with pytest.raises(txami.ActionTimeout):
            fake.result_of(ami.action("Slow", timeout=1))
        session, action = begun[0]
        session.respond(action, "Success", {"Message": "late"})
        assert fake.result_of(ami.action("Ping"))["Ping"] == "Pong"
        assert (ami.counters.late, ami.pending) == (1, 0)


def test_the_wait_of_one_caller(clock: MadeUpTime, ami: AMI, server: Server) -> None:
    server.fake.answer("Slow", BEGINNING)
    handle = ami.send_action("Slow", timeout=0.3)
    with pytest.raises(txami.ActionTimeout) as caught:
        ami.get_response(handle, timeout=0.02)
    assert caught.value.partial is None
    ami.action("Ping")
    clock.pass_time(0.3)
    with pytest.raises(txami.ActionTimeout) as caught:
        ami.get_response(handle)
    assert caught.value.partial is not None


def test_no_callback_is_needed_for_a_timeout(ami: AMI, server: Server) -> None:
    server.fake.never_answer("Slow")
    handle = ami.send_action("Slow", timeout=0.05)
    with pytest.raises(txami.ActionTimeout, match=r"no reply within 0\.05 s"):
        ami.get_response(handle)


def test_a_response_given_up(ami: AMI, server: Server) -> None:
    server.fake.never_answer("Slow")
    handle = ami.send_action("Slow")
    handle.cancel()
    with pytest.raises(txami.AMIError, match="given up"):
        ami.get_response(handle)
