"""Conversations that a test expects of a client."""

from __future__ import annotations

import re

import pytest

import txami
from txami import ActionError, ActionTimeout
from txami.testing import FakeAsterisk


@pytest.fixture
def fake() -> FakeAsterisk:
    """Give a fake to a test."""
    return FakeAsterisk()


@pytest.fixture
def ami(fake: FakeAsterisk) -> txami.AMIProtocol:
    """Give a client to a test."""
    return fake.result_of(txami.connect(fake.clock, fake.endpoint(), "admin", "secret", ping_interval=None))


def said(fake: FakeAsterisk) -> str:
    """Return what the script complains of."""
    with pytest.raises(AssertionError) as raised:
        fake.check_script()
    fake.check_script()  # once is enough
    return str(raised.value).removeprefix("the client did not keep to the script: ")


def test_a_conversation(fake: FakeAsterisk, ami: txami.AMIProtocol) -> None:
    fake.expect("QueuePause", Interface="PJSIP/alice", Paused=True).respond(Message="Interface paused").event(
        "QueueMemberPause", {"Queue": "sales", "Paused": 1}, "agent"
    )
    fake.expect("QueueStatus", {"Queue": "sales"}).respond_with_list(
        "QueueMember", [{"Name": "Alice"}, {"Name": "Bob"}], "QueueStatusComplete"
    )
    fake.expect("DBGet").say("Response: Error\nActionID: {ActionID}\nMessage: Database entry not found")
    fake.expect("Logoff").after(2).respond("Goodbye").hang_up()

    paused = ami.wait_for("QueueMemberPause")
    assert fake.result_of(ami.action("QueuePause", Interface="PJSIP/alice", Paused=True)).message == "Interface paused"
    assert fake.result_of(paused)["Queue"] == "sales"
    members = fake.result_of(ami.action("QueueStatus", Queue="sales"))
    assert [event["Name"] for event in members.events] == ["Alice", "Bob"]
    with pytest.raises(ActionError, match="Database entry not found"):
        fake.result_of(ami.action("DBGet", Family="a", Key="b"))
    start = fake.clock.seconds()
    fake.result_of(ami.logoff())
    assert fake.clock.seconds() - start == 2
    fake.check_script()
    fake.finish()


def test_what_is_said_later(fake: FakeAsterisk, ami: txami.AMIProtocol) -> None:
    fake.expect("Originate").respond().after(3).event("A").after(4).event("B")
    times = []
    ami.on(["A", "B"], lambda event: times.append(fake.clock.seconds()))
    start = fake.clock.seconds()
    fake.result_of(ami.action("Originate", Channel="PJSIP/alice"))
    fake.advance(10)
    assert [time - start for time in times] == [3, 7]


def test_a_step_that_says_nothing(fake: FakeAsterisk, ami: txami.AMIProtocol) -> None:
    fake.expect("Status")
    with pytest.raises(ActionTimeout):
        fake.result_of(ami.action("Status", timeout=3))
    fake.check_script()


def test_another_action_comes(fake: FakeAsterisk, ami: txami.AMIProtocol) -> None:
    fake.expect("QueuePause", Interface="PJSIP/alice").respond()
    with pytest.raises(ActionError, match=r"FakeAsterisk: QueuePause \(Interface: PJSIP/alice\) was expected"):
        fake.result_of(ami.action("QueueRemove", Queue="sales", Interface="PJSIP/alice"))
    assert said(fake) == (
        "QueuePause (Interface: PJSIP/alice) was expected, QueueRemove came; "
        "QueuePause (Interface: PJSIP/alice) was expected, and did not come"
    )


def test_other_headers_come(fake: FakeAsterisk, ami: txami.AMIProtocol) -> None:
    fake.expect("QueuePause", Interface="PJSIP/alice", Paused=True, Reason=None, Queue="sales")
    with pytest.raises(ActionError):
        fake.result_of(ami.action("QueuePause", Interface="PJSIP/bob", Paused=True, Reason="lunch"))
    assert said(fake).split("; ")[0] == (
        "QueuePause (Interface: PJSIP/alice, Paused: true, Reason: (none), Queue: sales) was expected, "
        "QueuePause came with Interface: PJSIP/bob, Reason: lunch, Queue: (none)"
    )


def test_more_comes(fake: FakeAsterisk, ami: txami.AMIProtocol) -> None:
    fake.expect("Status").respond()
    fake.result_of(ami.action("Status"))
    with pytest.raises(ActionError):
        fake.result_of(ami.action("CoreStatus"))
    assert said(fake) == "nothing more was expected, CoreStatus came"
    # It is over: what there is without a script answers again.
    assert fake.result_of(ami.action("Ping"))["Ping"] == "Pong"
    with pytest.raises(ActionError, match="Invalid/unknown command"):
        fake.result_of(ami.action("CoreStatus"))


def test_nothing_comes(fake: FakeAsterisk) -> None:
    fake.expect("Ping")
    with pytest.raises(AssertionError, match="Ping was expected, and did not come"):
        fake.finish()


def test_what_a_client_says_by_itself_is_no_part_of_it(fake: FakeAsterisk, ami: txami.AMIProtocol) -> None:
    fake.expect("Status").respond()
    assert fake.result_of(ami.action("Ping"))["Ping"] == "Pong"
    fake.result_of(txami.connect(fake.clock, fake.endpoint(), "admin", "secret"))
    fake.result_of(ami.action("Status"))
    fake.check_script()


def test_unless_it_says_so(fake: FakeAsterisk, ami: txami.AMIProtocol) -> None:
    fake.expect("Ping").respond(headers={"Ping": "Pang"})
    assert fake.result_of(ami.action("Ping"))["Ping"] == "Pang"
    assert fake.result_of(ami.action("Ping"))["Ping"] == "Pong"
    fake.check_script()


def test_headers_by_a_function_and_repeated_ones(fake: FakeAsterisk, ami: txami.AMIProtocol) -> None:
    def is_local(channel: str) -> bool:
        return channel.startswith("Local/")

    for _ in range(2):
        fake.expect("Originate", Channel=is_local, Variable=["a=1", "b=2"], Priority=1).respond()
    fake.result_of(ami.action("Originate", Channel="Local/1@a", Variable=["a=1", "b=2"], Priority=1))
    with pytest.raises(
        ActionError, match=re.escape("Originate (Channel: (is_local), Variable: a=1, b=2, Priority: 1)")
    ):
        fake.result_of(ami.action("Originate", Channel="SIP/1@a", Variable=["a=1"], Priority=1))
    assert "Originate came with Channel: SIP/1@a, Variable: a=1; " in said(fake)


def test_what_was_received(fake: FakeAsterisk, ami: txami.AMIProtocol) -> None:
    fake.result_of(ami.action("Ping"))
    fake.result_of(ami.action("UserEvent", UserEvent="x"))
    assert [action["Action"] for action in fake.actions()] == ["Login", "Ping", "UserEvent"]
    assert [action["UserEvent"] for action in fake.actions("userevent")] == ["x"]
    assert fake.actions("Originate") == []
