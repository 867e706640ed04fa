"""The faults of a FakeAsterisk: that they happen on the wire, and what a client makes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.endpoints import connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

import txami
from txami import ActionTimeout, ConnectionLost, LoginFailed, Message
from txami.testing import FakeAsterisk, Faults, MemoryEndpoint

LOGIN = b"Action: Login\r\nActionID: 1\r\nUsername: admin\r\nSecret: secret\r\n\r\n"
PING = b"Action: Ping\r\nActionID: 2\r\n\r\n"
PONG = b"Response: Success\r\nActionID: 2\r\nPing: Pong\r\nTimestamp: 1795348142.000000\r\n\r\n"
HANGUP = b"Event: Hangup\r\nPrivilege: call,all\r\nChannel: a\r\n\r\n"


class Ear(Protocol):
    """
    A client that does nothing by itself.

    :ivar heard: the pieces that arrived, with their times.
    :ivar lost: whether the connection was closed.
    """

    def __init__(self, fake: FakeAsterisk) -> None:
        self.fake = fake
        self.heard: list[tuple[float, bytes]] = []
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        self.heard.append((self.fake.clock.seconds(), data))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True

    def take(self) -> bytes:
        """Return what arrived since the last time."""
        data = b"".join(piece for _, piece in self.heard)
        self.heard.clear()
        return data

    def say(self, data: bytes) -> bytes:
        """Say something and return what arrives at once."""
        assert self.transport is not None
        self.transport.write(data)
        self.fake.flush()
        return self.take()


def connected(fake: FakeAsterisk) -> Ear:
    """Return somebody who listens, and has heard the greeting."""
    ear = Ear(fake)
    fake.result_of(connectProtocol(fake.endpoint(), ear))
    fake.flush()
    assert ear.take() == b"Asterisk Call Manager/11.0.0\r\n"
    return ear


@pytest.fixture
def fake() -> FakeAsterisk:
    """Give a fake to a test."""
    return FakeAsterisk()


@pytest.fixture
def ear(fake: FakeAsterisk) -> Ear:
    """Give a test somebody who is logged in and listens."""
    ear = connected(fake)
    ear.say(LOGIN)
    return ear


@pytest.fixture
def ami(fake: FakeAsterisk) -> txami.AMIProtocol:
    """Give a client to a test."""
    return fake.result_of(
        txami.connect(fake.clock, fake.endpoint(), "admin", "secret", action_timeout=10, ping_interval=None)
    )


def failure_of(fake: FakeAsterisk, waiting: Any, kind: type[Exception]) -> Any:
    """Return the error of what has to fail."""
    with pytest.raises(kind) as raised:
        fake.result_of(waiting)
    return raised.value


def test_nothing_goes_wrong_by_itself(fake: FakeAsterisk, ear: Ear) -> None:
    assert ear.say(PING) == PONG
    assert fake.faults == Faults()


# -- split -------------------------------------------------------------------------------------------------


def test_split_on_the_wire(fake: FakeAsterisk, ear: Ear) -> None:
    fake.faults.split = 1
    ear.transport.write(PING)  # type: ignore[union-attr]
    fake.flush()
    assert [piece for _, piece in ear.heard] == [bytes([byte]) for byte in PONG]
    ear.take()
    fake.faults = Faults(split=(2, 9), seed=7)
    ear.transport.write(PING)  # type: ignore[union-attr]
    fake.flush()
    sizes = [len(piece) for _, piece in ear.heard]
    assert ear.take() == PONG
    assert set(sizes[:-1]) <= set(range(2, 10))
    assert len(set(sizes)) > 2


@pytest.mark.parametrize("split", [1, 2, 3, 7, (1, 5)])
def test_split_for_a_client(fake: FakeAsterisk, ami: txami.AMIProtocol, split: int | tuple[int, int]) -> None:
    for number in range(3):
        fake.add_channel(f"PJSIP/a-{number}")
    fake.faults.split = split
    channels = fake.result_of(ami.action("CoreShowChannels"))
    assert [event["Channel"] for event in channels.events] == ["PJSIP/a-0", "PJSIP/a-1", "PJSIP/a-2"]
    # The greeting, too.
    fake.result_of(txami.connect(fake.clock, fake.endpoint(), "admin", "secret"))


def test_split_when_the_test_moves_the_data() -> None:
    clock = Clock()
    fake = FakeAsterisk(clock, faults=Faults(split=5))
    endpoint = MemoryEndpoint(clock, fake)
    ear = Ear(fake)
    connectProtocol(endpoint, ear)
    endpoint.accept()
    assert [piece for _, piece in ear.heard[:3]] == [b"Aster", b"isk C", b"all M"]


# -- delay -------------------------------------------------------------------------------------------------


def test_delay_on_the_wire(fake: FakeAsterisk, ear: Ear) -> None:
    start = fake.clock.seconds()
    fake.faults.delay = 2.5
    assert ear.say(PING) == b""
    fake.faults.delay = 0.0
    fake.advance(1)
    assert ear.say(PING) == b"", "what comes later must not overtake it"
    fake.advance(10)
    assert ear.heard == [(start + 2.5, PONG), (start + 2.5, PONG)]
    ear.take()
    fake.faults = Faults(delay=(1, 3))
    for _ in range(20):
        fake.emit("Hangup", {"Channel": "a"})
    start = fake.clock.seconds()
    fake.advance(10)
    times = [time - start for time, _ in ear.heard]
    assert len(times) == 20
    assert all(1 <= time <= 3 for time in times)
    assert times == sorted(times)


def test_delay_for_a_client(fake: FakeAsterisk, ami: txami.AMIProtocol) -> None:
    fake.faults.delay = 9
    start = fake.clock.seconds()
    assert fake.result_of(ami.action("Ping"))["Ping"] == "Pong"
    assert fake.clock.seconds() - start == 9
    fake.faults.delay = 11
    failure_of(fake, ami.action("Ping"), ActionTimeout)
    fake.advance(5)
    assert ami.counters.unmatched + ami.counters.late == 1


# -- drop, duplicate, junk ---------------------------------------------------------------------------------


def is_hangup(message: Message) -> bool:
    """Tell whether a message is one."""
    return message.get("Event") == "Hangup"


def test_drop_on_the_wire(fake: FakeAsterisk, ear: Ear) -> None:
    fake.faults.drop = is_hangup
    fake.emit("Hangup", {"Channel": "a"})
    assert ear.say(PING) == PONG


def test_drop_for_a_client(fake: FakeAsterisk, ami: txami.AMIProtocol) -> None:
    fake.faults.drop = lambda message: message.get("Ping") == "Pong"
    failure_of(fake, ami.action("Ping"), ActionTimeout)
    fake.faults.drop = lambda message: message.get("EventList") == "Complete"
    fake.add_channel("PJSIP/a-1")
    error = failure_of(fake, ami.action("CoreShowChannels"), ActionTimeout)
    assert [event["Channel"] for event in error.partial.events] == ["PJSIP/a-1"]


def test_duplicate_on_the_wire(fake: FakeAsterisk, ear: Ear) -> None:
    fake.faults.duplicate = is_hangup
    fake.emit("Hangup", {"Channel": "a"})
    assert ear.say(PING) == HANGUP + HANGUP + PONG


def test_duplicate_for_a_client(fake: FakeAsterisk, ami: txami.AMIProtocol) -> None:
    fake.faults.duplicate = lambda message: True
    first, second = ami.action("Ping"), ami.action("UserEvent", UserEvent="x")
    assert fake.result_of(first)["Ping"] == "Pong"
    assert fake.result_of(second).message == "Event Sent"
    assert ami.counters.unmatched + ami.counters.late == 2


def test_junk_on_the_wire(fake: FakeAsterisk, ear: Ear) -> None:
    fake.faults.junk = b"\x00\xff\r\n\r\n"
    assert ear.say(PING) == b"\x00\xff\r\n\r\n" + PONG


@pytest.mark.parametrize("junk", [b"\r\n\r\n", b"\x00\xff\r\n\r\n", b"no colon\r\n: \r\n\r\n", b"Event\r\n\r\n"])
def test_junk_for_a_client(fake: FakeAsterisk, ami: txami.AMIProtocol, junk: bytes) -> None:
    fake.faults.junk = junk
    fake.add_channel("PJSIP/a-1")
    assert len(fake.result_of(ami.action("CoreShowChannels")).events) == 1
    assert ami.logged_in


# -- lists -------------------------------------------------------------------------------------------------


def listed(ear: Ear) -> list[str]:
    """Return the channels of the list, or what else a message is."""
    data = ear.say(b"Action: CoreShowChannels\r\n\r\n")
    return [Message(raw).get("Channel", "-") for raw in data.split(b"\r\n\r\n") if raw]


def test_reordered_lists(fake: FakeAsterisk, ear: Ear, ami: txami.AMIProtocol) -> None:
    names = [f"PJSIP/a-{number}" for number in range(8)]
    for name in names:
        fake.add_channel(name)
    fake.flush()
    ear.take()
    assert listed(ear) == ["-", *names, "-"]
    fake.faults.reorder_lists = True
    found = listed(ear)
    assert found != ["-", *names, "-"]
    assert (found[0], sorted(found[1:-1]), found[-1]) == ("-", names, "-")
    channels = fake.result_of(ami.action("CoreShowChannels"))
    assert sorted(event["Channel"] for event in channels.events) == names


def test_the_same_seed_the_same_faults() -> None:
    found = []
    for seed in (1, 1, 2):
        faults = Faults(split=(1, 9), delay=(0, 1), reorder_lists=True, seed=seed)
        items = b"".join(b"Event: %d\r\n\r\n" % number for number in range(9))
        found.append((faults.choose(b"Response: x\r\n\r\n" + items), faults.pieces(items), faults.lateness()))
    assert found[0] == found[1] != found[2]


# -- the end -----------------------------------------------------------------------------------------------


def test_cut_on_the_wire(fake: FakeAsterisk, ear: Ear) -> None:
    fake.faults.cut_after = b"Ping: Po"
    assert ear.say(PING + PING) == PONG[: PONG.index(b"Ping: Po") + len(b"Ping: Po")]
    assert ear.lost
    assert fake.faults.cut_after is None


def test_cut_after_so_many_bytes(fake: FakeAsterisk, ear: Ear) -> None:
    fake.faults.cut_after = len(PONG) + 10
    assert ear.say(PING) == PONG
    assert ear.say(PING) == PONG[:10]
    assert ear.lost


def test_cut_for_a_client(fake: FakeAsterisk, ami: txami.AMIProtocol) -> None:
    fake.add_channel("PJSIP/a-1")
    fake.faults.cut_after = b"Event: CoreShowChannel\r\nActi"
    error = failure_of(fake, ami.action("CoreShowChannels"), ConnectionLost)
    assert (error.action, error.sent) == ("CoreShowChannels", True)


def test_a_service_comes_back_after_a_cut(fake: FakeAsterisk) -> None:
    service = txami.AMIService(fake.clock, fake.endpoint(), "admin", "secret")
    service.startService()
    fake.result_of(service.when_ready())
    fake.faults.cut_after = b"Ping"
    failure_of(fake, service.action("Ping"), ConnectionLost)
    assert fake.result_of(service.action("Ping"))["Ping"] == "Pong"
    fake.result_of(service.stopService())
    fake.finish()


@pytest.mark.parametrize("silent", [{"Ping"}, ["ping"], {"*"}])
def test_silent(fake: FakeAsterisk, ear: Ear, ami: txami.AMIProtocol, silent: Any) -> None:
    fake.faults.silent = silent
    assert ear.say(PING) == b""
    failure_of(fake, ami.action("Ping"), ActionTimeout)
    assert len(fake.actions("Ping")) == 2
    assert (ear.say(b"Action: Logoff\r\n\r\n") == b"") is (silent == {"*"})


@pytest.mark.parametrize(
    ("refuse", "text"), [(True, "Authentication failed"), ("Login Already In Use", "Login Already In Use")]
)
def test_refused_login(fake: FakeAsterisk, refuse: bool | str, text: str) -> None:
    fake.faults.refuse_login = refuse
    ear = connected(fake)
    assert ear.say(LOGIN) == f"Response: Error\r\nActionID: 1\r\nMessage: {text}\r\n\r\n".encode()
    assert ear.lost
    error = failure_of(fake, txami.connect(fake.clock, fake.endpoint(), "admin", "secret"), LoginFailed)
    assert text in str(error)


def test_half_open_on_the_wire(fake: FakeAsterisk, ear: Ear) -> None:
    fake.faults.half_open = True
    fake.emit("Hangup")
    fake.sessions[0].close()
    assert ear.say(PING) == b""
    fake.advance(600)
    assert not ear.lost
    assert fake.actions("Ping") == []


def test_half_open_for_a_client(fake: FakeAsterisk) -> None:
    ami = fake.result_of(txami.connect(fake.clock, fake.endpoint(), "admin", "secret", ping_interval=30))
    lost = ami.when_disconnected()
    start = fake.clock.seconds()
    fake.faults.half_open = True
    error = fake.result_of(lost)
    assert isinstance(error, ConnectionLost)
    assert 30 <= fake.clock.seconds() - start <= 60


def test_what_was_late_is_not_written_to_who_has_gone(fake: FakeAsterisk, ear: Ear) -> None:
    fake.faults.delay = 5
    ear.say(PING)
    ear.transport.loseConnection()  # type: ignore[union-attr]
    fake.flush()
    assert fake.clock.getDelayedCalls() == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda faults: setattr(faults, "split", 1),
        lambda faults: setattr(faults, "delay", 1.0),
        lambda faults: setattr(faults, "drop", is_hangup),
        lambda faults: setattr(faults, "duplicate", is_hangup),
        lambda faults: setattr(faults, "reorder_lists", True),
        lambda faults: setattr(faults, "junk", b"x"),
        lambda faults: setattr(faults, "cut_after", 0),
        lambda faults: setattr(faults, "half_open", True),
    ],
)
def test_the_short_way_is_for_a_wire_without_faults(spoil: Callable[[Faults], None]) -> None:
    faults = Faults()
    assert faults.spares_messages
    spoil(faults)
    assert not faults.spares_messages


def test_pieces_of_nothing() -> None:
    assert Faults(split=0, junk=b"x").pieces(b"abc") == [b"abc"]
    assert b"".join(Faults(split=(0, 2)).pieces(b"abc" * 9)) == b"abc" * 9


def test_a_fault_that_is_misspelled() -> None:
    with pytest.raises(AttributeError):
        Faults().spilt = 1  # type: ignore[attr-defined]
