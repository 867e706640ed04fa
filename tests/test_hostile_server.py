"""
A server, or who passes for one, that means harm: nobody is deceived, nothing raises, and neither time nor memory
goes with the square of what it sends.
"""

from __future__ import annotations

import gc
import gzip
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from math import inf
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from tests.commandline import HOME
from txami import (
    ActionError,
    AMIProtocol,
    ConnectionLost,
    Event,
    Login,
    ProtocolError,
    Response,
    Secret,
    Timeouts,
)
from txami.message import Message

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
#: The output of commands stands raw.
OLD_BANNER = b"Asterisk Call Manager/2.8.0\r\n"
END = b"\r\n\r\n"


class Link:
    """
    A connection that is logged in, and whose server is the test.

    :ivar events: all that was observed.
    """

    def __init__(self, limit: int | None = None, banner: bytes = BANNER) -> None:
        self.clock = Clock()
        self.transport = StringTransport()
        kind = AMIProtocol if limit is None else type("Limited", (AMIProtocol,), {"MAX_MESSAGE": limit})
        self.ami = kind(self.clock, Login("admin", Secret("hush")), timeouts=Timeouts(ping_interval=None))
        self.ami.makeConnection(self.transport)
        self.ami.dataReceived(banner)
        self.receive(b"Response: Success\r\nActionID: %s\r\nMessage: Authentication accepted" % self.action_id())
        self.events: list[Event] = []
        self.ami.on(None, self.events.append)

    def action_id(self) -> bytes:
        """Return the ActionID of the latest action."""
        last = self.transport.value().removesuffix(END).split(END)[-1]
        return Message(last)["ActionID"].encode()

    def receive(self, *messages: bytes) -> None:
        """Take messages, each of which gets its end."""
        self.ami.dataReceived(b"".join(message + END for message in messages))

    def ask(self, name: str = "Ping", **options: Any) -> tuple[list[Any], bytes]:
        """Send an action; return where its result will be, and its ActionID."""
        results: list[Any] = []
        self.ami.action(name, **options).addBoth(results.append)
        return results, self.action_id()


def error_of(results: list[Any]) -> BaseException | None:
    (failure,) = results
    assert isinstance(failure, Failure)
    return failure.value


# -- nobody is deceived --------------------------------------------------------------------------------------

#: What somebody may put into a channel variable, a caller's name or a device's description.  ``%s`` is the ActionID of
#: an action that waits, which a listener may know.
FORGERIES = [
    b"\n\nResponse: Success\nActionID: %s\n\n",
    b"\nResponse: Error\nActionID: %s\nMessage: forged\n\n",
    b"\r\rResponse: Success\rActionID: %s\r\r",
    b"\n\nEvent: Hangup\nChannel: PJSIP/alice-00000001\nActionID: %s\n\n",
    b"\nEvent: QueueStatusComplete\nEventList: Complete\nActionID: %s\n\n",
    b"\x0b\x0bResponse: Success\x0bActionID: %s\x0b\x0b",
    b"\x85\x85Response: Success\x85ActionID: %s\x85\x85",
    b"\xe2\x80\xa8\xe2\x80\xa8Response: Success\xe2\x80\xa8ActionID: %s\xe2\x80\xa8\xe2\x80\xa8",
    b"\x1c\x1dResponse: Success\x1eActionID: %s\x1f",
    b"\n--END COMMAND--\n\nResponse: Success\nActionID: %s\n\n",
    b"\0\0Response: Success\0ActionID: %s\0\0",
    b"Response: Success ActionID: %s",
    b"ActionID: %s",
]


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_value_forges_no_message(forgery: bytes) -> None:
    link = Link()
    results, action_id = link.ask("QueueStatus")
    value = forgery % action_id
    link.receive(b"Event: UserEvent\r\nPrivilege: user,all\r\nText: " + value + b"\r\nLast: 1")
    (event,) = link.events
    assert (event.name, event["Last"], len(event)) == ("UserEvent", "1", 4)
    assert event["Text"].encode("utf-8", "surrogateescape") == value
    assert "Channel" not in event
    assert "EventList" not in event
    assert results == []
    # Nor in the reply itself, to which it does belong.
    link.receive(b"Response: Success\r\nActionID: " + action_id + b"\r\nEventList: start")
    link.receive(b"Event: QueueParams\r\nActionID: " + action_id + b"\r\nQueue: " + value)
    assert results == []
    link.receive(b"Event: QueueStatusComplete\r\nActionID: " + action_id + b"\r\nEventList: Complete")
    (response,) = results
    assert isinstance(response, Response)
    (item,) = response.events
    assert (len(item), len(link.events)) == (3, 1)


STOLEN = [
    b"Event: OriginateResponse\r\nPrivilege: call,all\r\nActionID: %s\r\nResponse: Success",
    b"Event: QueueStatusComplete\r\nPrivilege: agent,all\r\nActionID: %s\r\nEventList: Complete",
    b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: x\r\nActionID: %s\r\nEventList: Complete",
    b"Event: UserEvent\r\nPrivilege: user,all\r\nResponse: Error\r\nActionID: %s",
    b"event: UserEvent\r\nprivilege: user,all\r\nActionID: %s\r\nEventList: Complete",
    b"EVENT:QueueStatusComplete\r\nPRIVILEGE:agent,all\r\nActionID: %s\r\nEventList: Complete",
]


@pytest.mark.parametrize("stolen", STOLEN)
def test_an_event_of_another_session_that_uses_our_action_id_is_an_event(stolen: bytes) -> None:
    link = Link()
    results, action_id = link.ask("QueueStatus")
    link.receive(b"Response: Success\r\nActionID: " + action_id + b"\r\nEventList: start")
    link.receive(stolen % action_id)
    assert results == []
    assert len(link.events) == 1
    link.receive(b"Event: QueueStatusComplete\r\nActionID: " + action_id + b"\r\nEventList: Complete")
    assert results[0].events == []


@pytest.mark.parametrize(
    "key",
    [
        b"%s0",
        b"0%s",
        b"%s ",
        b" %s",
        b"%s\n",
        b"%s\nActionID: x",
        b"x%s",
        b"X-%s",
        b"",
    ],
)
def test_an_action_id_that_is_nearly_ours_is_not(key: bytes) -> None:
    link = Link()
    results, action_id = link.ask()
    link.receive(b"Response: Success\r\nActionID: " + key.replace(b"%s", action_id))
    assert results == []
    link.receive(b"Response: Success\r\nX-ActionID: " + action_id)
    link.receive(b"Response: Success\r\nX: y\nActionID: " + action_id)
    assert results == []
    link.receive(b"Response: Success\r\nActionID: " + action_id)
    assert len(results) == 1


def test_the_first_of_a_repeated_header_counts() -> None:
    link = Link()
    results, action_id = link.ask()
    other, other_id = link.ask()
    link.receive(
        b"Response: Error\r\nActionID: %s\r\nMessage: no\r\nResponse: Success\r\nActionID: %s\r\nMessage: yes"
        % (action_id, other_id)
    )
    error = error_of(results)
    assert isinstance(error, ActionError)
    assert error.response.message == "no"
    assert error.response.get_all("Response") == ["Error", "Success"]
    assert other == []


def test_an_answer_twice_is_an_answer_once() -> None:
    link = Link()
    results, action_id = link.ask()
    link.receive(*[b"Response: Success\r\nActionID: " + action_id] * 1000)
    assert len(results) == 1
    assert link.ami.counters.late == 999


# -- nothing grows without a bound -----------------------------------------------------------------------------


def chunks(data: bytes, size: int = 65536) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def swallow(size: int, make: Callable[[int], bytes]) -> float:
    """Return the seconds that it takes to receive what is made for a size, by chunks; and look at it all."""
    link = Link(banner=OLD_BANNER if make is output_that_follows else BANNER)
    results, action_id = link.ask("CoreShowChannels")
    pieces = chunks(make(size).replace(b"@", action_id))
    gc.disable()  # how long it takes is none of our doing
    try:
        began = time.process_time()
        for piece in pieces:
            link.ami.dataReceived(piece)
        for message in [*link.events, *(result for result in results if isinstance(result, Response))]:
            message.get("Nothing")
            message.get_all("Nothing")
            repr(message)
        return time.process_time() - began
    finally:
        gc.enable()


def many_headers(count: int) -> bytes:
    return b"Event: X\r\nPrivilege: x,all\r\n" + b"a: b\r\n" * count + b"\r\n"


def one_header_repeated(count: int) -> bytes:
    return b"Response: Success\r\nActionID: @\r\n" + b"Response: Success\r\n" * count + b"\r\n"


def huge_name(count: int) -> bytes:
    return b"Event: X\r\nPrivilege: x,all\r\n" + b"a" * count + b": b\r\n\r\n"


def many_colons(count: int) -> bytes:
    return b"Event: X\r\nPrivilege: x,all\r\n" + b":" * count + END


def bare_line_feeds(count: int) -> bytes:
    return b"Event: X\r\nPrivilege: x,all\r\nY: " + b"\n\n" * count + END


def almost_ends(count: int) -> bytes:
    return b"Event: X\r\nPrivilege: x,all\r\nY: " + b"\r\n\r" * count + END


def empty_messages(count: int) -> bytes:
    return END * count


def blank_lines(count: int) -> bytes:
    return b"\r\n" * count


def names_made_up(count: int) -> bytes:
    return b"".join(b"Event: N%d\r\nPrivilege: x,all\r\n\r\n" % number for number in range(count))


def junk(count: int) -> bytes:
    return b"".join(b"%d\r\n\r\n" % number for number in range(count))


def a_huge_list(count: int) -> bytes:
    item = b"Event: CoreShowChannel\r\nActionID: @\r\nListItems: 999999999999999999999\r\n\r\n"
    start = b"Response: Success\r\nActionID: @\r\nEventList: start\r\nListItems: " + b"9" * 5000 + END
    return start + item * count + b"Event: CoreShowChannelsComplete\r\nActionID: @\r\nEventList: Complete\r\n\r\n"


def answers_to_nobody(count: int) -> bytes:
    return b"".join(b"Response: Success\r\nActionID: x-%d\r\n\r\n" % number for number in range(count))


def output_that_follows(count: int) -> bytes:
    return b"Response: Follows\r\nActionID: @\r\n" + b"line\n\r\n\r\n" * count + b"--END COMMAND--\r\n\r\n"


GROWING: dict[Callable[[int], bytes], int] = {
    many_headers: 200_000,
    one_header_repeated: 100_000,
    huge_name: 4_000_000,
    many_colons: 4_000_000,
    bare_line_feeds: 2_000_000,
    almost_ends: 200_000,
    empty_messages: 150_000,
    blank_lines: 300_000,
    # More than the tables of names hold.
    names_made_up: 12_000,
    junk: 10_000,
    a_huge_list: 40_000,
    answers_to_nobody: 30_000,
    output_that_follows: 100_000,
}


@pytest.mark.parametrize("make", GROWING, ids=lambda make: make.__name__)
def test_twice_as_much_takes_about_twice_as_long(make: Callable[[int], bytes]) -> None:
    size = GROWING[make]
    # The best of some: another process may get in between.  Quadratic would be 4, or 16 for twice that.
    once, twice = inf, inf
    for _ in range(12):
        once, twice = min(once, swallow(size, make)), min(twice, swallow(2 * size, make))
        if twice <= 3 * max(once, 0.002):
            return
    pytest.fail(f"{make.__name__}: twice as much takes {twice / once:.1f} times as long")


def test_a_chunk_of_one_byte_costs_no_search_from_the_beginning() -> None:
    def seconds(size: int) -> float:
        link = Link()
        link.ami.dataReceived(b"x" * size)
        began = time.process_time()
        for _ in range(3000):
            link.ami.dataReceived(b"x")
        return time.process_time() - began

    assert any(seconds(8_000_000) <= 3 * max(seconds(1_000_000), 0.002) for _ in range(12))


def test_names_that_are_made_up_are_forgotten() -> None:
    link = Link()
    for number in range(20_000):
        link.receive(b"Event: N%d\r\nPrivilege: x,all" % number)
    assert len(link.events) == 20_000
    tables = [table for table in vars(link.ami.registry).values() if isinstance(table, dict)]
    assert len(tables) > 3
    assert max(map(len, tables)) <= 4096


def test_greeting_without_end_is_given_up() -> None:
    clock = Clock()
    transport = StringTransport()
    ami = AMIProtocol(clock, Login("admin", Secret("hush")))
    ami.makeConnection(transport)
    for _ in range(100):
        if not transport.disconnected:
            ami.dataReceived(b"Asterisk Call Manager/" + b"1" * 1000)
    assert transport.disconnected
    assert transport.value() == b"", "the login is for who has greeted"
    error = error_of([_result(ami.when_ready())])
    assert isinstance(error, ProtocolError)
    assert "check the port" in str(error)


def _result(deferred: Deferred[Any]) -> Any:
    results: list[Any] = []
    deferred.addBoth(results.append)
    return results[0]


#: What no manager interface sends, with no end.
ENDLESS = {
    "no blank line": b"Event: X\r\nPrivilege: x,all\r\n" + b"Y: z\r\n" * 1000,
    "no line end": b"y" * 1000,
    "output that follows": b"Response: Follows\r\nPrivilege: Command\r\n" + b"line\n\r\n\r\n" * 1000,
    "headers without a value": b":\r\n" * 1000,
    "NUL": b"\0" * 1000,
}


@pytest.mark.parametrize("what", ENDLESS)
def test_a_message_without_end_is_given_up(what: str) -> None:
    limit = 1_000_000
    link = Link(limit, OLD_BANNER)
    # Raw output is looked for once a command was sent.
    results, _ = link.ask("Command", Command="core show help")
    start, rest = ENDLESS[what], ENDLESS[what].removeprefix(b"Response: Follows\r\nPrivilege: Command\r\n")
    link.ami.dataReceived(start)
    received = 0
    while not link.transport.disconnected:
        assert received <= limit + len(rest), "it is read further and further"
        link.ami.dataReceived(rest)
        received += len(rest)
    assert f"more than {limit} bytes" in str(link.ami._reason)
    link.ami.connectionLost(Failure(ConnectionError()))
    error = error_of(results)
    assert isinstance(error, ConnectionLost)
    assert isinstance(error.reason, ProtocolError)
    assert link.clock.getDelayedCalls() == []


def compressed(seed: int) -> bytes:
    return gzip.compress(random.Random(seed).randbytes(50_000) + many_headers(1000), mtime=0)


def test_compressed_nonsense_is_swallowed() -> None:
    chance = random.Random(1)
    for seed in range(40):
        link = Link(100_000)
        results, action_id = link.ask()
        data = compressed(seed) if seed % 2 else chance.randbytes(60_000).replace(b"\0", END)
        for piece in chunks(data, chance.randint(1, 5000)):
            link.ami.dataReceived(piece)
        for event in link.events:
            assert isinstance([event.items(), event.name, event.variables, repr(event)], list)
        assert results == []
        link.receive(b"", b"Response: Success\r\nActionID: " + action_id)
        assert len(results) == 1, "it goes on where the nonsense ends"


#: Run by itself, since the memory of a process that has done much tells little.
MEASURED = """
import re
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from txami import AMIProtocol, Login, Secret

ami = AMIProtocol(Clock(), Login("admin", Secret("hush")))
transport = StringTransport()
ami.makeConnection(transport)
ami.dataReceived(b"Asterisk Call Manager/11.0.0\\r\\n")

def peak():
    # Of this program: getrusage() tells of the one that started it, if that had more.
    with open("/proc/self/status") as status:
        return int(re.search("VmHWM: *(.*) kB", status.read())[1])

before = peak()
{attack}
print((peak() - before) // 1024, int(transport.disconnected))
"""


def megabytes(attack: str) -> tuple[int, bool]:
    """Return by how much memory grows at most, and whether the connection was given up."""
    environment = os.environ | {"PYTHONPATH": str(HOME)}
    run = subprocess.run(
        [sys.executable, "-c", MEASURED.format(attack=attack)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    grown, given_up = map(int, run.stdout.split())
    return grown, bool(given_up)


def test_ten_million_headers_in_a_message_nobody_looks_at() -> None:
    """60 MB of it, just below the limit: once as what came, once as the message."""
    grown, given_up = megabytes(
        "ami.dataReceived(b'Event: X\\r\\nPrivilege: x,all\\r\\n')\n"
        "for _ in range(1000):\n"
        "    ami.dataReceived(b'a: b\\r\\n' * 10_000)\n"
        "ami.dataReceived(b'\\r\\n')\n"
        "assert ami.counters.messages == 1\n"
    )
    assert not given_up
    assert grown < 250


def test_a_gigabyte_without_end_is_given_up_long_before() -> None:
    grown, given_up = megabytes(
        "for _ in range(1024):\n"
        "    if transport.disconnected:\n"
        "        break\n"
        "    ami.dataReceived(b'a: b\\r\\n' * 174_763)\n"
    )
    assert given_up
    assert grown < 200


def test_half_a_million_events_and_answers_leave_nothing_behind() -> None:
    grown, given_up = megabytes(
        "for number in range(20):\n"
        "    name = b'N%d' % number\n"
        "    ami.dataReceived((b'Event: ' + name + b'\\r\\nPrivilege: x,all\\r\\n\\r\\n') * 20_000)\n"
        "    ami.dataReceived((b'Response: Success\\r\\nActionID: ' + name + b'\\r\\n\\r\\n') * 10_000)\n"
    )
    assert not given_up
    assert grown < 40
