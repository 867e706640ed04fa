"""Tests for the end of a reply: :mod:`txami.replies`."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txami.errors import AMIError, InvalidAction
from txami.message import Event, Message, Response
from txami.replies import ENDED_BY_EVENT, UNFRAMED, UNMARKED_LISTS, Collector, refuse_unframed
from txami.wire import Framer, strip_blank_lines

from .corpus import MESSAGES, frames, recording

NEW = (11, 0, 0)
OLD = (2, 6, 0)
FIRST_MARKED = (2, 7, 0)

SUCCESS = b"Response: Success\r\nActionID: 1"
START = b"Response: Success\r\nActionID: 1\r\nEventList: start\r\nMessage: List will follow"
WILL_FOLLOW = b"Response: Success\r\nActionID: 1\r\nMessage: Events will follow"
ERROR = b"Response: Error\r\nActionID: 1\r\nMessage: Nothing to show"


def item(number: int = 1, name: str = "Item") -> bytes:
    return f"Event: {name}\r\nActionID: 1\r\nNumber: {number}".encode()


def end(name: str = "ListComplete", mark: str = "Complete") -> bytes:
    return f"Event: {name}\r\nActionID: 1\r\nEventList: {mark}\r\nListItems: 2".encode()


def collect(collector: Collector, *messages: bytes) -> Response:
    """Hand over messages of which only the last may complete the reply; return the reply."""
    *others, last = messages
    assert [add(collector, message) for message in others] == [False] * len(others)
    assert add(collector, last) is True
    return result(collector)


def add(collector: Collector, message: bytes) -> bool:
    return collector.add_response(message) if message.startswith(b"Response:") else collector.add_event(message)


def result(collector: Collector, complete: bool = True) -> Response:
    reply = collector.reply(complete)
    assert reply is not None
    return reply


def raws(messages: Iterable[Message]) -> list[bytes]:
    return [message.raw for message in messages]


def raw(message: Message | None) -> bytes | None:
    return None if message is None else message.raw


versions = pytest.mark.parametrize("version", [None, (1, 0), (1, 1), OLD, FIRST_MARKED, NEW])
marked_versions = pytest.mark.parametrize("version", [FIRST_MARKED, (2, 7), (5, 0, 5), NEW])
unmarked_versions = pytest.mark.parametrize("version", [None, (1, 0), (1, 1), (2, 5, 0), OLD, (2, 6)])


# One message.


@versions
@pytest.mark.parametrize(
    "response",
    [
        *(SUCCESS, ERROR, b"Response: Goodbye", b"Response: Pong", b"Response: Events On", b"Response: "),
        *(message for message in MESSAGES.values() if message.startswith(b"Response:")),
    ],
)
def test_one_message_is_a_reply(version: tuple[int, ...] | None, response: bytes) -> None:
    collector = Collector("Ping", version)
    reply = collect(collector, response)
    assert reply.raw == response
    assert (reply.events, reply.completion, reply.complete) == ([], None, True)


def test_a_collector_tells_whether_the_response_has_come() -> None:
    collector = Collector("CoreShowChannels", NEW)
    assert collector.action == "CoreShowChannels"
    assert not collector.has_response
    collector.add_response(START)
    assert collector.has_response
    assert not collector.add_event(item())
    assert collector.has_response


def test_nothing_at_all_is_no_reply() -> None:
    assert Collector("Ping").reply() is None
    assert Collector("Ping").reply(complete=False) is None


@versions
def test_a_word_in_the_text_makes_no_list_of_other_actions(version: tuple[int, ...] | None) -> None:
    response = b"Response: Success\r\nMessage: Command output follows\r\nOutput: x"
    assert collect(Collector("Command", version), response).output == ["x"]


# Lists that mark themselves.


@versions
@pytest.mark.parametrize("mark", ["start", "Start", "START"])
def test_a_list_is_complete_with_the_event_that_says_so(version: tuple[int, ...] | None, mark: str) -> None:
    start = START.replace(b"start", mark.encode())
    reply = collect(Collector("Any", version), start, item(1), item(2), end())
    assert reply.raw == start
    assert raws(reply.events) == [item(1), item(2)]
    assert raw(reply.completion) == end()
    assert reply.complete is True
    assert reply.ok


@pytest.mark.parametrize("mark", ["Complete", "complete", "COMPLETE"])
def test_the_end_of_a_list_is_told_whatever_its_case(mark: str) -> None:
    assert collect(Collector("Any", NEW), START, end(mark=mark)).complete is True


def test_the_mark_may_be_the_last_header() -> None:
    last = b"Event: E\r\nActionID: 1\r\nEventList: Complete"
    assert raw(collect(Collector("Any", NEW), START, last).completion) == last
    assert collect(Collector("Any", NEW), b"Response: Success\r\nEventList: start", last).complete


def test_a_list_may_be_empty() -> None:
    reply = collect(Collector("Any", NEW), START, end())
    assert reply.events == []
    assert reply.complete is True


def test_an_item_that_only_talks_of_its_list_does_not_end_it() -> None:
    items = [
        b"Event: Item\r\nActionID: 1\r\nEventList: start",
        b"Event: Item\r\nActionID: 1\r\nValue: x\nEventList: Complete",
        b"Event: Item\r\nActionID: 1\r\nValue: EventList: Complete",
        b"Event: Item\r\nActionID: 1\r\nXEventList: Complete",
        b"Event: ListComplete\r\nActionID: 1",
    ]
    reply = collect(Collector("Any", NEW), START, *items, end())
    assert raws(reply.events) == items


def test_the_items_of_a_long_list_keep_their_order() -> None:
    items = [item(number) for number in range(10_000)]
    reply = collect(Collector("Any", NEW), START, *items, end())
    assert [event["Number"] for event in reply.events] == [str(number) for number in range(10_000)]


@marked_versions
@pytest.mark.parametrize("action", sorted(UNMARKED_LISTS))
def test_nothing_found_is_one_message_on_servers_that_mark_lists(version: tuple[int, ...], action: str) -> None:
    assert collect(Collector(action, version), WILL_FOLLOW).complete is True


@versions
@pytest.mark.parametrize("response", [ERROR, b"Response: Success\r\nMessage: There are no voicemail users defined."])
@pytest.mark.parametrize("action", ["VoicemailUsersList", "PJSIPShowEndpoints"])
def test_nothing_found_is_one_message(version: tuple[int, ...] | None, response: bytes, action: str) -> None:
    reply = collect(Collector(action, version), response)
    assert (reply.raw, reply.events, reply.complete) == (response, [], True)


def test_an_error_that_claims_to_be_a_list_is_none() -> None:
    response = b"Response: Error\r\nActionID: 1\r\nEventList: start"
    assert collect(Collector("Any", NEW), response).complete is True


@versions
def test_an_error_in_the_middle_ends_a_list(version: tuple[int, ...] | None) -> None:
    reply = collect(Collector("ShowDialPlan", version), START, item(1), item(2), ERROR)
    assert reply.raw == ERROR
    assert not reply.ok
    assert reply.message == "Nothing to show"
    assert raws(reply.events) == [item(1), item(2)]
    assert reply.completion is None
    assert reply.complete is False


def test_a_cancelled_list_ends_incomplete() -> None:
    reply = collect(Collector("Any", NEW), START, item(), end(mark="cancelled"))
    assert raws(reply.events) == [item()]
    assert raw(reply.completion) == end(mark="cancelled")
    assert reply.complete is False
    assert collect(Collector("Any", NEW), START, end(mark="Cancelled")).complete is False


def test_a_part_of_a_list_can_be_had() -> None:
    collector = Collector("Any", NEW)
    collector.add_response(START)
    collector.add_event(item(1))
    part = result(collector, complete=False)
    assert (part.raw, raws(part.events), part.completion, part.complete) == (START, [item(1)], None, False)
    collector.add_event(item(2))
    assert raws(part.events) == [item(1)]
    assert raws(result(collector, complete=False).events) == [item(1), item(2)]


def test_a_list_without_its_end_is_never_complete() -> None:
    collector = Collector("Any", NEW)
    collector.add_response(START)
    assert result(collector).complete is False


def test_items_without_a_response_can_be_had() -> None:
    collector = Collector("Any", NEW)
    assert collector.add_event(item()) is False
    assert not collector.has_response
    part = result(collector, complete=False)
    assert (part.raw, raws(part.events), part.complete) == (b"", [item()], False)


# Two responses.


def test_the_first_of_two_responses_is_the_reply() -> None:
    collector = Collector("JabberSend", OLD)
    assert collect(collector, b"Response: Success\r\nActionID: 1").ok
    # Should the second come all the same, it is an end as well, and what it says counts.
    assert collector.add_response(ERROR) is True
    assert not result(collector).ok


@versions
def test_the_second_response_of_jabber_send_is_the_reply(version: tuple[int, ...] | None) -> None:
    collector = Collector("JabberSend", version)
    announced = b"Response: Success\r\nActionID: 1\r\nMessage: Attempting to send Jabber Message"
    assert collector.add_response(announced) is False
    assert collector.add_response(ERROR) is True
    assert result(collector).raw == ERROR


def test_the_first_error_of_module_load_is_the_reply() -> None:
    collector = Collector("ModuleLoad", NEW)
    assert collect(collector, ERROR).message == "Nothing to show"
    assert collector.add_response(ERROR) is True


# One response and one event.


@versions
@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("FAXStats", "FAXStats"),
        ("faxstats", "FAXStats"),
        ("FAXSession", "FAXSession"),
        ("WaitEvent", "WaitEventComplete"),
    ],
)
def test_one_event_ends_these_replies(version: tuple[int, ...] | None, action: str, name: str) -> None:
    last = item(name=name)
    reply = collect(Collector(action, version), SUCCESS, item(name="Other"), last)
    assert raws(reply.events) == [item(name="Other")]
    assert raw(reply.completion) == last
    assert reply.complete is True


def test_the_event_may_come_alone() -> None:
    reply = collect(Collector("DataGet", OLD), item(name="DataGet Tree"))
    assert (reply.ok, reply.complete, raw(reply.completion)) == (True, True, item(name="DataGet Tree"))


@pytest.mark.parametrize("action", sorted(ENDED_BY_EVENT))
def test_no_event_comes_after_an_error(action: str) -> None:
    assert collect(Collector(action, NEW), ERROR).complete is True


# Lists of old servers.

OLD_ENDS = [
    ("Agents", "AgentsComplete"),
    ("BridgeInfo", "BridgeInfoComplete"),
    ("BridgeList", "BridgeListComplete"),
    ("DAHDIShowChannels", "DAHDIShowChannelsComplete"),
    ("IAXpeerlist", "PeerlistComplete"),
    ("ParkedCalls", "ParkedCallsComplete"),
    ("Parkinglots", "ParkinglotsComplete"),
    ("PRIShowSpans", "PRIShowSpansComplete"),
    ("QueueStatus", "QueueStatusComplete"),
    ("QueueSummary", "QueueSummaryComplete"),
    ("SIPpeers", "PeerlistComplete"),
    ("SIPpeerstatus", "SIPpeerstatusComplete"),
    ("Status", "StatusComplete"),
    ("VoicemailUsersList", "VoicemailUserEntryComplete"),
]


@unmarked_versions
@pytest.mark.parametrize(("action", "name"), OLD_ENDS)
def test_the_name_of_an_event_ends_a_list_of_an_old_server(
    version: tuple[int, ...] | None, action: str, name: str
) -> None:
    last = item(name=name)
    reply = collect(Collector(action, version), WILL_FOLLOW, item(1), item(2), last)
    assert raws(reply.events) == [item(1), item(2)]
    assert raw(reply.completion) == last
    assert reply.complete is True


@unmarked_versions
def test_an_old_server_may_mark_its_lists_as_well(version: tuple[int, ...] | None) -> None:
    reply = collect(Collector("QueueStatus", version), START, item(name="QueueStatusComplete"), end())
    assert raws(reply.events) == [item(name="QueueStatusComplete")]
    assert raw(reply.completion) == end()


@unmarked_versions
@pytest.mark.parametrize("text", [b"Result will follow", b"result will FOLLOW\n"])
def test_the_one_item_of_dbget_is_its_end_on_an_old_server(version: tuple[int, ...] | None, text: bytes) -> None:
    last = b"Event: DBGetResponse\r\nFamily: f\r\nKey: k\r\nVal: v\r\nActionID: 1"
    reply = collect(Collector("DBGet", version), b"Response: Success\r\nActionID: 1\r\nMessage: " + text, last)
    assert raw(reply.completion) == last
    assert reply.complete is True


@unmarked_versions
@pytest.mark.parametrize("response", [SUCCESS, ERROR, ERROR.replace(b"Nothing to show", b"No list will follow")])
@pytest.mark.parametrize("action", ["QueueStatus", "DBGet", "Status"])
def test_a_reply_of_an_old_server_that_announces_nothing_is_one_message(
    version: tuple[int, ...] | None, response: bytes, action: str
) -> None:
    assert collect(Collector(action, version), response).raw == response


@unmarked_versions
def test_an_announcement_counts_for_known_lists_only(version: tuple[int, ...] | None) -> None:
    assert collect(Collector("UserEvent", version), WILL_FOLLOW).complete is True


@unmarked_versions
def test_an_error_in_the_middle_ends_a_list_of_an_old_server(version: tuple[int, ...] | None) -> None:
    reply = collect(Collector("QueueStatus", version), WILL_FOLLOW, item(), ERROR)
    assert not reply.ok
    assert raws(reply.events) == [item()]
    assert reply.complete is False


@unmarked_versions
def test_a_part_of_a_list_of_an_old_server_can_be_had(version: tuple[int, ...] | None) -> None:
    collector = Collector("Status", version)
    collector.add_response(WILL_FOLLOW)
    collector.add_event(item())
    part = result(collector, complete=False)
    assert (raws(part.events), part.completion, part.complete) == ([item()], None, False)


# Repairs.


def test_the_line_feed_of_agents_becomes_a_line_end() -> None:
    broken = MESSAGES["Agents with a line that ends in LF"]
    (agent,) = collect(Collector("Agents", NEW), START, broken, end("AgentsComplete")).events
    assert agent["CallStarted"] == "17"
    assert agent["LoggedInTime"] == "16"
    assert agent["ActionID"] == "1"
    assert agent.raw == broken.replace(b"17\n", b"17\r\n")


def test_agents_that_need_no_repair_stay_as_they_are() -> None:
    agents = [
        b"Event: Agents\r\nAgent: 1\r\nLoggedInTime: 16\r\nActionID: 1",
        b"Event: Agents\r\nAgent: 1\r\nName: a\nb\r\nActionID: 1",
    ]
    assert raws(collect(Collector("agents", NEW), START, *agents, end("AgentsComplete")).events) == agents


def test_the_end_of_a_channel_map_is_found_behind_its_items() -> None:
    glued = MESSAGES["map items that end in CRLF LF"]
    reply = collect(Collector("CoreShowChannelMap", (7, 0, 3)), START, glued)
    assert raws(reply.events) == [
        b"Event: CoreShowChannelMap\r\nActionID: 1\r\nConnectedChannel: a",
        b"Event: CoreShowChannelMap\r\nActionID: 1\r\nConnectedChannel: b",
    ]
    assert raw(reply.completion) == (
        b"Event: CoreShowChannelMapComplete\r\nActionID: 1\r\nEventList: Complete\r\nListItems: 2"
    )
    assert reply.complete is True


def test_a_channel_map_of_a_mended_server_needs_no_repair() -> None:
    items = [item(number, "CoreShowChannelMap") for number in range(3)]
    last = end("CoreShowChannelMapComplete")
    reply = collect(Collector("coreshowchannelmap", NEW), START, *items, last)
    assert raws(reply.events) == items
    assert raw(reply.completion) == last


@versions
@pytest.mark.parametrize(("action", "kind"), [("SKINNYdevices", "Device"), ("skinnylines", "Line")])
def test_a_list_without_blank_lines_is_cut_apart(version: tuple[int, ...] | None, action: str, kind: str) -> None:
    items = [f"Event: {kind}Entry\r\nActionID: 1\r\nObjectName: {number}".encode() for number in range(3)]
    last = end(f"{kind}listComplete")
    reply = collect(Collector(action, version), START, b"\r\n".join([*items, last]))
    assert (raws(reply.events), raw(reply.completion)) == (items, last)
    assert raws(collect(Collector(action, version), START, last).events) == []


def test_other_actions_are_not_repaired() -> None:
    odd = MESSAGES["map items that end in CRLF LF"].replace(b"\r\nEventList: Complete", b"")
    agent = MESSAGES["Agents with a line that ends in LF"]
    assert raws(collect(Collector("Status", NEW), START, odd, agent, end()).events) == [odd, agent]


@versions
def test_iax_peers_are_items_though_they_carry_no_action_id(version: tuple[int, ...] | None) -> None:
    peer = b"Event: PeerEntry\r\nChanneltype: IAX2\r\nObjectName: a"
    last = end("PeerlistComplete")
    reply = collect(Collector("IAXpeers", version), START, peer, peer, last)
    assert raws(reply.events) == [peer, peer]
    assert raw(reply.completion) == last


# Refusals.


@pytest.mark.parametrize(
    ("action", "command"),
    [("IAXnetstats", "iax2 show netstats"), ("iaxNETSTATS", "iax2 show netstats"), ("Queues", "queue show")],
)
def test_an_action_without_a_frame_is_refused_with_the_command_that_does_it(action: str, command: str) -> None:
    with pytest.raises(InvalidAction) as caught:
        refuse_unframed(action)
    assert isinstance(caught.value, AMIError)
    assert str(caught.value).startswith(f"{action}: ")
    assert f"use command('{command}')" in str(caught.value)


@pytest.mark.parametrize("action", ["QueueStatus", "Queue", "IAXpeers", "Command", ""])
def test_other_actions_are_not_refused(action: str) -> None:
    assert action.lower() not in UNFRAMED
    refuse_unframed(action)


# Anything.

odd_messages = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([SUCCESS, START, WILL_FOLLOW, ERROR, item(), end(), end(mark="cancelled"), *MESSAGES.values()]),
)


@given(
    action=st.sampled_from(["Ping", "QueueStatus", "Agents", "CoreShowChannelMap", "FAXStats", "DBGet"]),
    version=st.sampled_from([None, OLD, NEW]),
    messages=st.lists(st.tuples(st.booleans(), odd_messages), min_size=1),
)
def test_no_messages_raise(action: str, version: tuple[int, ...] | None, messages: list[tuple[bool, bytes]]) -> None:
    collector = Collector(action, version)
    responses = [message for is_response, message in messages if is_response]
    for is_response, message in messages:
        ended = collector.add_response(message) if is_response else collector.add_event(message)
        assert isinstance(ended, bool)
    assert collector.has_response is bool(responses)
    reply = collector.reply(complete=False)
    if responses:
        assert reply is not None
        assert reply.raw == responses[-1]
        assert reply.complete is False


# Recordings.


def own_action_id(message: bytes) -> bytes | None:
    """
    Return the ActionID, found line by line, of an action of the observing connection.

    The ids of OriginateResponse are those of another connection that counts in the same way.
    """
    first, *lines = message.split(b"\r\n")
    ids = [line.removeprefix(b"ActionID: ") for line in lines if line.startswith(b"ActionID: x")]
    return ids[0] if ids and first != b"Event: OriginateResponse" else None


@pytest.mark.parametrize("version", [(5, 0, 5), NEW, None])
@pytest.mark.parametrize("size", [1460, 61])
@pytest.mark.parametrize("name", ["snapshots_mid_call", "reconnect_mid_load", "agent_pool", "registrations"])
@pytest.mark.parametrize("server", ["ast16", "ast22"])
def test_every_reply_of_a_recording_is_complete(
    server: str, name: str, size: int, version: tuple[int, ...] | None
) -> None:
    stream = recording(f"{name}.{server}")
    expected: dict[str, list[bytes]] = {}
    for message in frames(stream):
        own = own_action_id(message)
        if own is not None:
            expected.setdefault(own.decode(), []).append(message)
    assert len(expected) >= 2

    framer = Framer()
    waiting: dict[str, Collector] = {}
    replies: dict[str, Response] = {}
    for at in range(0, len(stream), size):
        for message in map(strip_blank_lines, framer.feed(stream[at : at + size])):
            event = Event(message)
            action_id = event.get("ActionID")
            if action_id not in expected or event.name == "OriginateResponse":
                continue
            assert action_id not in replies, "something of a reply comes after its end"
            if add(waiting.setdefault(action_id, Collector("Any", version)), message):
                replies[action_id] = result(waiting.pop(action_id))

    assert waiting == {}
    assert list(replies) == list(expected)
    for action_id, reply in replies.items():
        response, *others = expected[action_id]
        completions = [message for message in others if b"\r\nEventList: Complete" in message]
        assert len(completions) == (1 if b"\r\nEventList: start" in response else 0)
        assert reply.raw == response
        assert reply.complete is True
        assert raws(reply.events) == others[: len(others) - len(completions)]
        assert raw(reply.completion) == (completions[0] if completions else None)
