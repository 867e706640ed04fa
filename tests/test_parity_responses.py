"""Rows of the parity table: what is in a response, and when it is complete."""

from __future__ import annotations

import pytest

import txami
from tests.parity import replied, talking
from txami.testing import FakeSession

LIST = """Response: Success
ActionID: {ActionID}
EventList: start
Message: Items will follow

Event: Item
ActionID: {ActionID}
Name: one

Event: SomethingIncomplete
ActionID: {ActionID}

Event: ItemsComplete
ActionID: {ActionID}
EventList: Complete
ListItems: 2"""


def test_response_message_and_action_id() -> None:
    response = replied("Response: Success\nActionID: {ActionID}\nPrivilege: Command\nMessage: done")
    assert (response["Response"], response.message, response["Privilege"]) == ("Success", "done", "Command")
    assert response.action_id == response["ActionID"] != ""


def test_parsed() -> None:
    response = replied("Response: Success\nActionID: {ActionID}\nUniqueid: 7.1\nCallerID: ")
    assert (response["Uniqueid"], response["uniqueID"]) == ("7.1", "7.1")
    assert (response["CallerID"], response.get("Account"), "Account" in response) == ("", None, False)
    assert list(response) == ["Response", "ActionID", "Uniqueid", "CallerID"]


def test_events_of_a_list() -> None:
    response = replied(LIST)
    assert [event.name for event in response.events] == ["Item", "SomethingIncomplete"]
    assert response.completion is not None
    assert response.completion["ListItems"] == "2"


@pytest.mark.parametrize("version", ["11.0.0", "5.0.4", "1.1"])
def test_cmd(version: str) -> None:
    with talking(version) as (fake, ami):
        fake.commands["show"] = "one\n\n two\nthree"
        assert fake.result_of(ami.command("show")).output == ["one", "", " two", "three"]


def test_a_command_that_fails() -> None:
    with talking() as (fake, ami):
        with pytest.raises(txami.ActionError) as caught:
            fake.result_of(ami.command("nonsense"))
        assert caught.value.response.output[0].startswith("No such command")


def test_completed() -> None:
    assert replied(LIST).complete
    with talking() as (fake, ami):
        fake.answer("Anything", LIST.rpartition("\n\n")[0])
        with pytest.raises(txami.ActionTimeout) as caught:
            fake.result_of(ami.action("Anything", timeout=5))
        partial = caught.value.partial
        assert partial is not None
        assert (partial.complete, len(partial.events)) == (False, 2)


@pytest.mark.parametrize("text", ["Success", "Follows", "Goodbye", "Events Off", "Pong"])
def test_good(text: str) -> None:
    ending = "\n--END COMMAND--" if text == "Follows" else ""
    assert replied(f"Response: {text}\nActionID: {{ActionID}}{ending}").ok


def test_good_only_when_complete() -> None:
    cancelled = LIST.rpartition("\n\n")[0] + "\n\nEvent: ItemsCancelled\nActionID: {ActionID}\nEventList: cancelled"
    response = replied(cancelled)
    assert (response.ok, response.complete) == (True, False)


def test_not_good() -> None:
    assert not replied("Response: Error\nActionID: {ActionID}\nMessage: no").ok


@pytest.mark.parametrize("fate", ["busy", "no answer", "congestion", "fail"])
def test_good_of_a_call_that_failed(fate: str) -> None:
    with talking() as (fake, ami):
        fake.phones["PJSIP/alice"] = fate  # type: ignore[assignment]
        call = fake.result_of(ami.originate("PJSIP/alice", context="default", exten="200"))
        outcome = fake.result_of(call.outcome)
        assert (outcome.answered, outcome.status) == (False, "failed" if fate == "fail" else fate)


def test_follow_in_a_message() -> None:
    assert replied("Response: Success\nActionID: {ActionID}\nMessage: I follow you").message == "I follow you"


def test_a_list_without_a_mark() -> None:
    def status(session: FakeSession, action: txami.Message) -> None:
        session.respond_with_list(action, "Status", [{"Channel": "SIP/a-1"}], "StatusComplete")

    with talking("1.1") as (fake, ami):
        fake.answer("Status", status)
        response = fake.result_of(ami.action("Status"))
        assert "EventList" not in response
        assert [event["Channel"] for event in response.events] == ["SIP/a-1"]


@pytest.mark.parametrize("ending", ["", "\n\nEvent: DBGetComplete\nActionID: {ActionID}\nEventList: Complete"])
def test_db_get_response(ending: str) -> None:
    start = "EventList: start\n" if ending else ""
    with talking("11.0.0" if ending else "1.0") as (fake, ami):
        fake.answer(
            "DBGet",
            f"Response: Success\nActionID: {{ActionID}}\n{start}Message: Result will follow\n\n"
            f"Event: DBGetResponse\nActionID: {{ActionID}}\nFamily: a\nKey: b\nVal: 7{ending}",
        )
        assert fake.result_of(ami.db_get("a", "b")) == "7"


def test_originate_response() -> None:
    with talking() as (fake, ami):
        seen: list[txami.Event] = []
        ami.on("OriginateResponse", seen.append)
        call = fake.result_of(ami.originate("PJSIP/alice", context="default", exten="200"))
        outcome = fake.result_of(call.outcome)
        assert [event["Uniqueid"] for event in seen] == [outcome.event["Uniqueid"]] == [call.uniqueid]


def test_a_header_of_a_response_that_is_repeated() -> None:
    response = replied("Response: Success\nActionID: {ActionID}\nLine: one\nLine: two\nLine: three")
    assert response["Line"] == "one"
    assert response.get_all("line") == ["one", "two", "three"]


def test_bytes_that_are_no_utf_8() -> None:
    with talking() as (fake, ami):
        fake.answer("Anything", b"Response: Success\r\nActionID: {ActionID}\r\nName: M\xfcller\r\n\r\n")
        name = fake.result_of(ami.action("Anything"))["Name"]
        assert name.encode("utf-8", "surrogateescape") == b"M\xfcller"
        fake.result_of(ami.user_event("Test", {"Name": name}))
        assert b"Name: M\xfcller" in fake.actions("UserEvent")[0].raw
