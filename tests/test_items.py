"""Items of a list are told by what the one before began with; that must not show."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from txami import ActionError, Event, Response

from .test_inbox import FileTransport, Turns
from .test_protocol import Wire, message

ITEM = "Event: Item"
EVENT = ("Event: Hangup", "Privilege: call,all")

#: What may come between the start of a list and its end, besides items.
OTHERS = {
    "event": EVENT,
    "another kind": ("Event: OtherItem", "{id}"),
    "a stranger's item": (ITEM, "ActionID: not-ours"),
    "an item of an action that is over": (ITEM, "ActionID: {gone}"),
    "an item whose value names the mark": (ITEM, "{id}", "Text: EventList: Complete"),
}


class List:
    """A list that is under way: ``action`` was sent, and its reply has begun."""

    def __init__(self, action: str = "CoreShowChannels") -> None:
        self.wire = Wire()
        self.log_in()
        cancelled = self.wire.ami.action(action)
        self.gone = self.wire.sent()[0]["ActionID"]
        cancelled.addErrback(lambda _: None).cancel()
        self.results: list[Response] = []
        self.errors: list[ActionError] = []
        self.wire.ami.action(action).addCallbacks(self.results.append, lambda f: self.errors.append(f.value))
        self.action = self.wire.sent()[0]
        self.id = f"ActionID: {self.action['ActionID']}"
        self.wire.answer(self.action, "EventList: start")

    def log_in(self) -> None:
        self.wire.receive(b"Asterisk Call Manager/11.0.0\r\n")
        self.wire.answer(self.wire.sent()[0])

    def item(self, number: int) -> bytes:
        return message(ITEM, self.id, f"Number: {number}")

    def other(self, kind: str) -> bytes:
        return message(*[line.format(id=self.id, gone=self.gone) for line in OTHERS[kind]])

    def end(self, name: str = "ItemsComplete") -> bytes:
        return message(f"Event: {name}", self.id, "EventList: Complete")

    @property
    def numbers(self) -> list[str | None]:
        (response,) = self.results
        return [item.get("Number", item.name) for item in response.events]


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    """Cut bytes into pieces of these sizes, again and again."""
    at = 0
    while at < len(data):
        for size in sizes:
            yield data[at : at + size]
            at += size


@given(
    kinds=st.lists(st.sampled_from(["item", "item", "item", *OTHERS]), max_size=30),
    sizes=st.lists(st.integers(1, 2000), min_size=1, max_size=5),
    end=st.sampled_from(["ItemsComplete", "Item"]),
)
def test_a_list_is_the_same_however_its_bytes_come(kinds: list[str], sizes: list[int], end: str) -> None:
    seen = []
    for pieces in ([1], sizes, [100_000]):
        given_list = List()
        events: list[Event] = []
        given_list.wire.ami.on(None, events.append)
        parts = [given_list.item(n) if kind == "item" else given_list.other(kind) for n, kind in enumerate(kinds)]
        for piece in cut(b"".join([*parts, given_list.end(end), message(*EVENT)]), pieces):
            given_list.wire.receive(piece)
        (response,) = given_list.results
        assert response.complete
        assert response.completion is not None
        counters = given_list.wire.ami.counters
        seen.append(
            (given_list.numbers, [event.name for event in events], counters.late, counters.unmatched, counters.messages)
        )
    assert seen[0] == seen[1] == seen[2]
    assert [n for n in seen[0][0] if n is not None and n.isdigit()] == [
        str(n) for n, kind in enumerate(kinds) if kind == "item"
    ]


def test_an_error_among_the_items_ends_the_list() -> None:
    under_way = List()
    under_way.wire.receive(under_way.item(0))
    error = message("Response: Error", under_way.id, "Message: gone")
    under_way.wire.receive(under_way.item(1) + under_way.item(2) + error + message(*EVENT))
    (failed,) = under_way.errors
    assert [item["Number"] for item in failed.response.events] == ["0", "1", "2"]
    assert under_way.wire.ami.pending == 0


def test_items_do_not_overtake_those_that_wait_behind_slow_observers() -> None:
    under_way = List()
    wire = under_way.wire
    clock = Turns()
    inbox = wire.ami._inbox
    inbox._clock = clock
    inbox.open(FileTransport())
    # Each message takes a whole turn.
    hand_out = inbox._hand_out
    inbox._hand_out = lambda messages, _: hand_out(messages, 0.0)

    def observe(event: Event) -> None:
        clock.rightNow += 1

    wire.ami.on("Hangup", observe)
    wire.receive(under_way.item(0))
    wire.receive(message(*EVENT), under_way.other("another kind"), under_way.item(1))
    assert wire.ami.backlog > 0
    wire.receive(under_way.item(2), under_way.item(3))
    wire.receive(under_way.end())
    while clock.calls:
        clock.take_one()
    assert under_way.numbers == ["0", "OtherItem", "1", "2", "3"]


def test_items_that_have_to_be_mended_are_mended_also_when_many_come_at_once() -> None:
    under_way = List("Agents")
    items = [message("Event: Agents", under_way.id, f"Name: {n}\nLoggedInTime: {n}") for n in range(20)]
    under_way.wire.receive(items[0])
    under_way.wire.receive(*items[1:])
    under_way.wire.receive(under_way.end("AgentsComplete"))
    (response,) = under_way.results
    assert [(item["Name"], item["LoggedInTime"]) for item in response.events] == [(str(n), str(n)) for n in range(20)]


def test_a_list_that_was_cancelled_in_its_middle_takes_nothing_more() -> None:
    under_way = List()
    wire = under_way.wire
    wire.receive(under_way.item(0))
    second = wire.ami.action("CoreShowChannels")
    answers: list[Response] = []
    second.addCallback(answers.append)
    (sent,) = wire.sent()
    waiting = next(iter(wire.ami._pending._pending.values()))
    waiting.addErrback(lambda _: None)
    waiting.cancel()
    late = wire.ami.counters.late
    wire.receive(under_way.item(1) + under_way.item(2) + under_way.end())
    assert wire.ami.counters.late == late + 3
    theirs = f"ActionID: {sent['ActionID']}"
    wire.answer(sent, "EventList: start")
    wire.receive(message(ITEM, theirs, "Number: 7"), message("Event: ItemsComplete", theirs, "EventList: Complete"))
    assert [item["Number"] for item in answers[0].events] == ["7"]
