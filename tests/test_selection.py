"""Which events Asterisk is asked to send."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.network import network
from txami import ActionError, AMIProtocol, AMIService, InvalidAction, connect
from txami.message import Message
from txami.selection import EventFilter
from txami.testing import FakeSession


@pytest.mark.parametrize(
    ("criteria", "new", "old"),
    [
        (
            {"event": "Newexten"},
            {"MatchCriteria": "action(exclude),name(Newexten),method(none)"},
            "!^Event: Newexten[[:cntrl:]]",
        ),
        (
            {"event": "VarSet", "header": "Variable", "value": "A.B"},
            {"MatchCriteria": "action(exclude),name(VarSet),header(Variable),method(exact)", "Filter": "A.B"},
            r"!^Event: VarSet[[:cntrl:]].*[[:cntrl:]]Variable: (A\.B)[[:cntrl:]]",
        ),
        (
            {"header": "Channel", "value": "PJSIP/a", "method": "starts_with"},
            {"MatchCriteria": "action(exclude),header(Channel),method(starts_with)", "Filter": "PJSIP/a"},
            "![[:cntrl:]]Channel: (PJSIP/a)",
        ),
        (
            {"header": "Channel", "value": ";2", "method": "ends_with"},
            {"MatchCriteria": "action(exclude),header(Channel),method(ends_with)", "Filter": ";2"},
            "![[:cntrl:]]Channel: [^[:cntrl:]]*(;2)[[:cntrl:]]",
        ),
        (
            {"header": "Channel", "value": "x", "method": "contains"},
            {"MatchCriteria": "action(exclude),header(Channel),method(contains)", "Filter": "x"},
            "![[:cntrl:]]Channel: [^[:cntrl:]]*(x)",
        ),
        (
            {"header": "Channel", "value": "a|b", "method": "regex"},
            {"MatchCriteria": "action(exclude),header(Channel),method(regex)", "Filter": "a|b"},
            "![[:cntrl:]]Channel: [^[:cntrl:]]*(a|b)",
        ),
        (
            {"header": "Channel", "value": "^a|b$", "method": "regex"},
            {"MatchCriteria": "action(exclude),header(Channel),method(regex)", "Filter": "^a|b$"},
            "![[:cntrl:]]Channel: (a|b)[[:cntrl:]]",
        ),
    ],
)
def test_a_filter_in_both_syntaxes(criteria: dict[str, Any], new: dict[str, str], old: str) -> None:
    excluding, including = EventFilter("exclude", **criteria), EventFilter("include", **criteria)
    assert excluding.fields(True) == {"Operation": "Add", **new}
    assert excluding.fields(False) == {"Operation": "Add", "Filter": old}
    assert including.fields(True)["MatchCriteria"] == new["MatchCriteria"].replace("exclude", "include")
    assert including.fields(False) == {"Operation": "Add", "Filter": old[1:]}


def test_a_value_that_begins_with_a_blank_needs_the_old_syntax() -> None:
    selected = EventFilter("exclude", "Newexten", "AppData", " x", "contains")
    assert selected.fields(True) == selected.fields(False)


@pytest.mark.parametrize(
    "criteria",
    [
        {},
        {"header": "Channel"},
        {"value": "x"},
        {"header": "Channel", "value": ""},
        {"event": "New state"},
        {"event": ""},
        {"event": "A,B"},
        {"header": "A(b)", "value": "x"},
        {"event": "A", "method": "like"},
    ],
)
def test_what_is_no_filter_is_refused(criteria: dict[str, Any]) -> None:
    with pytest.raises(InvalidAction):
        EventFilter("include", **criteria)
    with pytest.raises(InvalidAction):
        EventFilter("hide", event="A")  # type: ignore[arg-type]


def matches(selected: EventFilter, event: bytes) -> bool:
    """Read the old syntax as regcomp() does, of which Python's is a superset here."""
    expression = selected.expression().removeprefix("!").replace("[^[:cntrl:]]", r"[^\x00-\x1f]")
    return bool(re.search(expression.replace("[[:cntrl:]]", r"[\x00-\x1f]"), event.decode(), re.DOTALL))


WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="(),"), min_size=1, max_size=8)


@given(WORDS, WORDS, WORDS, st.sampled_from(["exact", "starts_with", "ends_with", "contains"]))
def test_the_old_syntax_means_the_same(name: str, value: str, wanted: str, method: Any) -> None:
    event = f"Event: {name}\r\nPrivilege: call,all\r\nKey: {value}\r\nOther: {wanted}\r\n".encode()
    selected = EventFilter("include", name, "Key", wanted, method)
    expected = {
        "exact": value == wanted,
        "starts_with": value.startswith(wanted),
        "ends_with": value.endswith(wanted),
        "contains": wanted in value,
    }[method]
    assert matches(selected, event) is expected
    assert not matches(EventFilter("include", name + "x", "Key", value), event)


class SelectionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.net = network()
        self.filters: list[dict[str, str]] = []
        self.knows_criteria = True
        self.net.server.answer("Filter", self.answer)

    def answer(self, session: FakeSession, action: Message) -> None:
        """Answer a Filter action as a new server does, or as an old one, which knows no MatchCriteria."""
        self.filters.append(dict(action.items()[2:]))
        if self.knows_criteria and action.get("MatchCriteria") == "none()":
            session.respond(action, "Error", {"Message": "Filter was formatted incorrectly."})
        elif not self.knows_criteria and action.get("Filter") == "(":
            session.respond(action, "Error", {"Message": "Filter did not compile."})
        else:
            session.respond(action, "Success", {"Message": "Added"})

    def connection(self, **options: Any) -> AMIProtocol:
        connecting = connect(self.net.clock, self.net, "admin", "hush", ping_interval=None, **options)
        self.net.accept()
        return self.successResultOf(connecting)

    def test_a_server_is_asked_once_what_it_knows(self) -> None:
        for self.knows_criteria in (True, False):
            self.filters.clear()
            ami = self.connection()
            done = [ami.add_filter("exclude", event="VarSet")]
            self.net.flush()
            done.append(ami.add_filter("exclude", event="Newexten"))
            self.net.flush()
            for each in done:
                self.assertIsNone(self.successResultOf(each))
            selected = [EventFilter("exclude", name).fields(self.knows_criteria) for name in ("VarSet", "Newexten")]
            self.assertEqual(self.filters[1:], selected)

    def test_a_refusal_is_an_error(self) -> None:
        self.net.server.answer("Filter", "Response: Error\nActionID: {ActionID}\nMessage: Permission denied")
        ami = self.connection()
        adding = ami.add_filter("exclude", event="VarSet")
        self.net.flush()
        self.failureResultOf(adding, ActionError)
        self.assertEqual(ami.selection.filters, [])

    def test_a_service_applies_them_to_each_connection(self) -> None:
        service = AMIService(self.net.clock, self.net, "admin", "hush", ping_interval=None)
        service.startService()
        adding = service.add_filter("exclude", event="VarSet")
        masking = service.set_event_mask("call, agent")
        self.net.accept()
        self.successResultOf(adding)
        self.successResultOf(masking)
        self.net.cut()
        self.net.advance(2)
        self.filters.clear()
        self.net.accept()
        self.assertEqual(self.filters[1:], [EventFilter("exclude", "VarSet").fields(True)])
        self.assertEqual(self.net.session.actions[0]["Events"], "call,agent")

    def test_one_that_is_asked_for_on_each_connection_is_remembered_once(self) -> None:
        service = AMIService(self.net.clock, self.net, "admin", "hush", ping_interval=None)
        service.on_connected(lambda gap: service.add_filter("exclude", event="VarSet"))
        service.startService()
        for _ in range(5):
            self.net.accept()
            self.net.cut()
            self.net.advance(2)
        self.filters.clear()
        self.net.accept()
        wanted = EventFilter("exclude", "VarSet").fields(True)
        self.assertEqual(self.filters.count(wanted), 2)  # the service's own and the observer's

    def test_a_filter_that_a_later_connection_refuses_is_logged(self) -> None:
        service = AMIService(self.net.clock, self.net, "admin", "hush", ping_interval=None)
        service.startService()
        service.add_filter("exclude", event="VarSet")
        self.net.accept()
        self.net.cut()
        self.net.advance(2)
        self.net.server.answer("Filter", "Response: Error\nActionID: {ActionID}\nMessage: Permission denied")
        self.net.accept()
        self.assertTrue(service.logged_in)
        self.assertEqual(len(self.flushLoggedErrors(ActionError)), 1)

    def test_who_hides_the_outcomes_of_calls_is_warned(self) -> None:
        for filters, warned in (
            ([("include", "Hangup")], True),
            ([("include", "Hangup"), ("include", "OriginateResponse")], True),
            ([("include", "OriginateResponse"), ("include", "Hangup")], False),
            ([("exclude", "OriginateResponse")], True),
            ([("exclude", "VarSet")], False),
        ):
            ami = self.connection()
            with capturedLogs() as captured:
                for action, event in filters:
                    ami.add_filter(action, event=event)  # type: ignore[arg-type]
                    self.net.flush()
            lines = [formatEvent(event) for event in captured]
            self.assertEqual(any("hide OriginateResponse" in line for line in lines), warned, filters)

    def test_who_hides_the_ends_of_calls_is_warned(self) -> None:
        ami = self.connection()
        with capturedLogs() as captured:
            ami.add_filter("exclude", event="Hangup")
            self.net.flush()
        (line,) = [formatEvent(event) for event in captured]
        self.assertIn("hide Hangup, so originate() will not learn when a call has ended", line)

    def test_the_mask_can_be_changed(self) -> None:
        ami = self.connection(events="off")
        self.assertEqual(ami.selection.mask, "off")
        for events, sent in (("call, agent", "call,agent"), (None, "on"), (["user"], "user")):
            changing = ami.set_event_mask(events)
            self.net.flush()
            self.successResultOf(changing)
            masks = [action["EventMask"] for action in self.net.session.actions if "EventMask" in action]
            self.assertEqual(masks[-1], sent)
        self.failureResultOf(ami.set_event_mask(","), ValueError)


class VisibilityTests(SynchronousTestCase):
    def place(self, events: str | None, read: str | None, answered: str = "Output") -> Any:
        """Place a call with a mask, as a user who may read these classes; ``None`` may not look it up."""
        net = network()
        if read is not None:
            net.server.commands["manager show user admin"] = f"   username: admin\n  read perm: {read}\n"
        connecting = connect(net.clock, net, "admin", "hush", events=events, ping_interval=None)
        net.accept()
        placing = self.successResultOf(connecting).originate("PJSIP/a", application="Wait")
        net.flush()
        sent = [action["Action"] for action in net.session.actions]
        return placing, sent.count("Originate")

    def test_who_can_see_the_outcome_may_place_calls(self) -> None:
        for events, read in ((None, "call,all"), ("on", "system,call"), ("call", "call"), ("all", "all"), (None, None)):
            placing, sent = self.place(events, read)
            self.successResultOf(placing)
            self.assertEqual(sent, 1)

    def test_who_cannot_is_told_at_once_and_nothing_is_sent(self) -> None:
        for events, read in (("off", "all"), ("agent,user", "all"), (None, "agent"), (None, "<none>")):
            placing, sent = self.place(events, read)
            error = self.failureResultOf(placing, InvalidAction).value
            self.assertIn("class 'call'", str(error))
            self.assertEqual(sent, 0)

    def test_the_user_is_looked_up_once_a_connection(self) -> None:
        net = network()
        connecting = connect(net.clock, net, "admin", "hush", ping_interval=None)
        net.accept()
        ami = self.successResultOf(connecting)
        placing = [ami.originate("PJSIP/a", application="Wait") for _ in range(3)]
        net.flush()
        for each in placing:
            self.successResultOf(each)
        self.assertEqual([action["Action"] for action in net.session.actions].count("Command"), 1)

    def test_a_name_that_the_cli_takes_for_two_is_not_looked_up(self) -> None:
        net = network()
        net.server.users["two words"] = "hush"
        connecting = connect(net.clock, net, "two words", "hush", ping_interval=None)
        net.accept()
        placing = self.successResultOf(connecting).originate("PJSIP/a", application="Wait")
        net.flush()
        self.successResultOf(placing)
        self.assertNotIn("Command", [action["Action"] for action in net.session.actions])

    def test_waiting_for_the_answer_is_refused_with_an_explanation(self) -> None:
        net = network()
        connecting = connect(net.clock, net, "admin", "hush", ping_interval=None)
        net.accept()
        with self.assertRaisesRegex(InvalidAction, "freeze"):
            self.successResultOf(connecting).originate("PJSIP/a", application="Wait", wait=True)
