"""The short cuts that most messages take: what comes of them is what comes of the long way."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from tests.test_hostile_server import END, Link
from txami import ActionError, Event, EventRegistry, ProtocolError, Response
from txami.replies import Collector
from txami.wire import Framer

START = b"Response: Success\r\nActionID: %s\r\nEventList: start"

#: Messages of a list, and others that carry its ActionID.
OF_A_LIST = (
    START,
    b"Event: Item\r\nActionID: %s\r\nNumber: 1",
    b"Event: Item\r\nActionID: %s",
    b"Event: Item\r\nActionID: %s\r\nNumber: 2\r\nText: EventList: Complete",
    b"Event: Item\r\nNumber: 3\r\nActionID: %s",
    b"Event: Item\r\nPrivilege: Call\r\nActionID: %s\r\nNumber: 4",
    b"Event: OtherItem\r\nActionID: %s\r\nNumber: 5",
    b"Event: Item\r\nActionID: %s\r\nEventList: Complete\r\nListItems: 6",
    b"Event: Item\r\nActionID: %s\r\nNumber: 7\r\nEventList: Complete",
    b"Event: Item\r\nActionID: %s\r\nNumber: 8\r\nEvent: ListComplete\r\nEventList: Complete\r\nListItems: 8",
    b"Event: ListComplete\r\nActionID: %s\r\nEventList: Complete\r\nListItems: 9",
    b"Event: ListComplete\r\nEventList: Cancelled\r\nActionID: %s",
    b"Response: Error\r\nActionID: %s\r\nMessage: Nothing more",
)

OF_OTHERS = (
    b"Event: Item\r\nPrivilege: call,all\r\nNumber: 10",
    b"Event: Item\r\nNumber: 11",
    b"Response: Success\r\nActionID: of another",
)

#: Which of two lists a message is for, and which message.
messages_of_lists = st.tuples(st.sampled_from((0, 0, 1)), st.sampled_from((*OF_A_LIST, *OF_A_LIST[1:5], *OF_OTHERS)))


def told(response: Response) -> tuple[object, ...]:
    """Return all that a reply holds."""
    completion = response.completion and response.completion.raw
    return response.raw, [item.raw for item in response.events], completion, response.complete


def reply_of(results: list[Any]) -> tuple[object, ...] | None:
    """Return what the reply to an action holds, an error's too; ``None`` if it has not come."""
    if not results:
        return None
    (result,) = results
    response = result if isinstance(result, Response) else result.value.response
    return told(response)


@settings(max_examples=300)
@given(st.lists(messages_of_lists, max_size=30), st.integers(1, 300))
def test_a_list_is_what_its_collector_says_whatever_comes_between(pairs: list[tuple[int, bytes]], size: int) -> None:
    link = Link()
    # Two ActionIDs of which one begins with the other.
    asked = [link.ask("List", timeout=None) for _ in range(19)][::18]
    assert asked[1][1].startswith(asked[0][1])
    collectors = [Collector("List", (11, 0, 0)) for _ in range(2)]
    expected: list[tuple[object, ...] | None] = [None, None]
    late = 0
    stream = b""
    for number, form in [(0, START), (1, START), *pairs]:
        if form in OF_OTHERS:
            stream += form + END
            continue
        message = form % asked[number][1]
        stream += message + END
        if expected[number] is not None:
            late += 1
            continue
        collector = collectors[number]
        add = collector.add_response if message.startswith(b"R") else collector.add_event
        if add(message):
            reply = collector.reply()
            assert reply is not None
            expected[number] = told(reply)
    for at in range(0, len(stream), size):
        link.ami.dataReceived(stream[at : at + size])
    assert [reply_of(results) for results, _ in asked] == expected
    assert link.ami.counters.late == late


def test_a_list_whose_last_item_lacks_its_blank_line_ends() -> None:
    link = Link()
    results, key = link.ask("List")
    item = b"Event: Item\r\nActionID: %s\r\nText: %s" % (key, b"x" * 400)
    end = b"Event: ListComplete\r\nActionID: %s\r\nEventList: Complete\r\nListItems: 3" % key
    link.receive(START % key, item, item, item[:100] + b"\r\n" + end)
    assert [len(each.events) for each in results] == [2]


@pytest.mark.parametrize("how", ["completed", "cancelled", "timed out", "lost"])
def test_a_deferred_that_is_kept_does_not_keep_the_items(how: str) -> None:
    link = Link()
    kept = []
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(5):
            kept.append(link.ami.action("List", timeout=5).addBoth(lambda _: None))
            key = link.action_id()
            link.receive(START % key, *[b"Event: Item\r\nActionID: %s\r\nText: %s" % (key, b"x" * 500)] * 500)
            if how == "completed":
                link.receive(b"Event: ListComplete\r\nActionID: %s\r\nEventList: Complete" % key)
            elif how == "cancelled":
                kept[-1].cancel()
        if how == "timed out":
            link.clock.advance(5)
        elif how == "lost":
            link.ami.connectionLost()
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert all(deferred.called for deferred in kept)
    assert after - before < 100_000


def test_a_list_that_ends_with_an_error_has_its_items_once() -> None:
    link = Link()
    results, key = link.ask("List")
    item = b"Event: Item\r\nActionID: %s\r\nNumber: 1" % key
    error = b"Response: Error\r\nActionID: %s\r\nMessage: no" % key
    link.receive(START % key, item, item, error, item, error)
    (failure,) = results
    assert isinstance(failure.value, ActionError)
    assert len(failure.value.response.events) == 2
    assert link.ami.counters.late == 2


def test_items_of_a_list_that_was_cancelled_are_late() -> None:
    link = Link()
    deferred = link.ami.action("List")
    deferred.addErrback(lambda _: None)
    key = link.action_id()
    item = b"Event: Item\r\nActionID: %s\r\nNumber: 1" % key
    link.receive(START % key, item, item)
    deferred.cancel()
    link.receive(item, item)
    assert link.ami.counters.late == 2
    assert link.events == []


@pytest.mark.parametrize("after", [b"", b"\r\nNumber: 1"])
def test_an_event_with_our_prefix_and_no_number_is_late(after: bytes) -> None:
    link = Link()
    _, key = link.ask("List")
    prefix = key[: key.index(b"-") + 1]
    link.receive(
        b"Event: Item\r\nActionID: " + prefix + after, b"Event: Item\r\nText: x\r\nActionID: " + prefix + after
    )
    assert link.events == []
    assert link.ami.counters.late == 2


@pytest.mark.parametrize(
    "raw", [b"foo: a\r\nFoo: ", b"Event: X\r\nfoo: a\r\nFoo: ", b"Foo: \r\nfoo: a", b"foo: a\r\nFoo: \r\nA: b"]
)
def test_a_header_that_is_spelt_as_asked_comes_first_when_it_is_empty_too(raw: bytes) -> None:
    event = Event(raw)
    assert (event.get("Foo"), event.get("foo"), event.get("FOO")) == ("", "a", event.get_all("foo")[0])


def test_names_of_a_megabyte_are_delivered_and_forgotten() -> None:
    link = Link()
    for number in range(20):
        link.receive(b"Event: N%d%s" % (number, b"x" * 1_000_000))
    assert [event.name[:3].rstrip("x") for event in link.events] == [f"N{number}" for number in range(20)]
    registry = link.ami.registry
    remembered = sum(map(len, registry.routes)) + sum(map(len, registry.count_by_name()))
    assert remembered < 1_000_000


def test_the_time_of_an_observer_that_declines_is_not_the_next_ones() -> None:
    now = [0.0]
    registry = EventRegistry(Clock(), slow_after=0.1)

    def decline(event: Event) -> bool:
        now[0] += 1
        return False

    registry.on("Hangup", print, where=decline)
    event = Event(b"Event: Hangup")
    with mock.patch("txami.observers.perf_counter", side_effect=lambda: now[0]):
        assert registry.deliver(registry.resolve(b"Event: Hangup").subscriptions, event, 0.0) == 1.0


pieces = st.sampled_from([b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"a", b"bcdefgh", b"Event: x"])


@given(st.lists(pieces).map(b"".join), st.lists(st.integers(1, 12), min_size=1), st.integers(4, 30), st.booleans())
def test_a_framer_cuts_and_refuses_alike_whatever_it_expects(
    data: bytes, sizes: list[int], limit: int, expects_raw_output: bool
) -> None:
    framer = Framer(limit)
    framer.expects_raw_output = expects_raw_output
    *whole, rest = data.split(END)
    got: list[bytes] = []
    refused = False
    at = 0
    while at < len(data) and not refused:
        size = sizes[len(got) % len(sizes)]
        try:
            got += framer.feed(data[at : at + size])
        except ProtocolError:
            refused = True
        at += size
    # Of what has no end yet, up to three bytes may be the beginning of the end.
    too_long = any(len(message) > limit for message in whole) or len(rest) - 3 > limit
    assert refused == too_long
    assert refused or got == whole
