"""Targets with a connection: one that is logged in and busy, and one that logs in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.error import ConnectionLost as TransportLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import LogEvent, globalLogPublisher
from twisted.python.failure import Failure

from txami import (
    AMIError,
    AMIProtocol,
    AsyncAGI,
    Event,
    EventStream,
    Response,
    Subscription,
)
from txami.errors import InvalidAction
from txami.login import Login, Secret
from txami.replies import BARE, NEED_BARRIER
from txami.timeouts import Timeouts

from .rooms import ACTIONS, byte
from .steps import steps

VERSIONS: Final = ("11.0.0", "1.1", "2.6.0", "7.0.3", "", "1.0")
EVENTS: Final = (None, "Hangup", "*", "Queue*", ("Newchannel", "h*"), "FullyBooted", "PeerEntry", "UserEvent")
#: Seconds.
TIMES: Final = (0.0, 0.25, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
PAUSES: Final = (*TIMES, 0.0, 0.0, 0.001, 0.5, 3.0, 7.0, 29.0, 3600.0)

#: Stands for the ActionID of one of the connection's own actions, which cannot be guessed.  The recordings have
#: such ActionIDs.
_PLACEHOLDER: Final = re.compile(rb"(?<=ActionID: )x(\d{1,2})")
_SENT_ID: Final = re.compile(rb"\r\nActionID: ([^\r]*)\r\n")

#: What an observer that fails raises.
_FAULT: Final = "fault of an observer"


class _Connection(AMIProtocol):
    """One that gives up on a long message soon."""

    MAX_MESSAGE = 4096


class _Transport(StringTransport):
    """
    One that knows what was done to it.

    :ivar aborted: whether nothing more can be received.
    """

    aborted = False

    def abortConnection(self) -> None:
        """Take note."""
        self.aborted = True
        self.disconnecting = True

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Do nothing."""


class Result:
    """What became of a Deferred, which must fire once."""

    def __init__(self, deferred: Deferred[Any], key: bytes = b"", name: str = "") -> None:
        self.deferred = deferred
        self.key = key
        self.name = name
        self.outcomes: list[object] = []
        deferred.addBoth(self.outcomes.append)


@contextmanager
def _no_failure_logged() -> Iterator[list[LogEvent]]:
    """Only the failures of observers that are made to fail may be logged."""
    failures: list[LogEvent] = []

    def collect(event: LogEvent) -> None:
        if "log_failure" in event:
            failures.append(event)

    globalLogPublisher.addObserver(collect)  # type: ignore[arg-type]
    try:
        yield failures
    finally:
        globalLogPublisher.removeObserver(collect)  # type: ignore[arg-type]
    for event in failures:
        failure = event["log_failure"]
        # What drives a call may fail as the server likes it: that is told by AMIErrors, logged for the user.
        if str(failure.value) != _FAULT and not isinstance(failure.value, AMIError):
            raise AssertionError(f"logged: {event.get('log_format')}") from failure.value


class Session:
    """
    A connection, and all that was asked of it.

    :param version: the AMI version to greet with.
    :param auth: how it logs in.
    :param pings: whether it sends pings.
    """

    def __init__(self, version: str, auth: Literal["plain", "md5"] = "plain", *, pings: bool = False) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.transport = _Transport()
        login = Login("admin", Secret("hush"), auth)
        self.ami = _Connection(self.clock, login, timeouts=Timeouts(ping_interval=30.0 if pings else None))
        self.lost = False
        self.results: list[Result] = []
        self.subscriptions: list[Subscription] = []
        self.observed: list[Event] = []
        self.streams: list[EventStream] = []
        self.banner = b"Asterisk Call Manager/" + version.encode() + b"\r\n"
        self.results.append(Result(self.ami.when_ready()))
        self.results.append(Result(self.ami.when_disconnected()))
        self.ami.makeConnection(self.transport)

    # -- what the server does --------------------------------------------------------------------------

    @property
    def sent(self) -> list[bytes]:
        """The ActionIDs that the server has read."""
        return _SENT_ID.findall(self.transport.value())

    def receive(self, data: bytes, *, by_bytes: bool = False) -> None:
        """Let bytes arrive, own ActionIDs put in."""
        sent = self.sent

        def own(found: re.Match[bytes]) -> bytes:
            return sent[int(found[1]) % len(sent)] if sent else found[0]

        data = _PLACEHOLDER.sub(own, data)
        for piece in [data[at : at + 1] for at in range(len(data))] if by_bytes else [data]:
            if not self.transport.aborted and not self.lost:
                self.ami.dataReceived(piece)
                assert self.transport.producerState == "producing", "the connection does not read on"

    def log_in(self) -> None:
        """Let the server accept the login."""
        self.receive(self.banner)
        self.receive(b"Response: Success\r\nActionID: x0\r\nMessage: Authentication accepted\r\n\r\n")
        assert self.ami.logged_in

    def lose(self, reason: Exception) -> None:
        """Lose the connection."""
        if not self.lost:
            self.lost = True
            self.ami.connectionLost(Failure(reason))

    # -- what the user does ----------------------------------------------------------------------------

    def act(self, number: int) -> None:
        """Send an action."""
        name = ACTIONS[(number + len(self.results)) % len(ACTIONS)]
        before = len(self.sent)
        deferred = self.ami.action(name, timeout=(None, 1.0, 5.0)[number % 3], check=number % 2 == 0)
        sent = self.sent
        self.results.append(Result(deferred, sent[before] if len(sent) > before else b"", name.lower()))

    def cancel(self, number: int) -> None:
        """Cancel something."""
        self.results[number % len(self.results)].deferred.cancel()

    def cancel_latest(self, number: int) -> None:
        """Cancel something that was begun lately."""
        self.cancel(-1 - number)

    def observe(self, number: int) -> None:
        """Observe events, with an observer that does what an observer may do."""
        kind, names = number % 4, EVENTS[number // 2]

        def observer(event: Event) -> None:
            assert subscription.active or kind == 1, "called after it was cancelled"
            self.observed.append(event)
            if kind == 2:
                raise ValueError(_FAULT)
            if kind == 3:
                for other in self.subscriptions[::2]:
                    other.cancel()
                self.cancel(len(self.observed))

        if kind == 1:
            subscription = self.ami.once(names, observer)
        elif number == 12:
            subscription = self.ami.on_unhandled(observer)
        else:
            subscription = self.ami.on(names, observer, where={"Privilege": "call,all"} if number == 4 else None)
        self.subscriptions.append(subscription)

    def unobserve(self, number: int) -> None:
        """Cancel an observer."""
        if self.subscriptions:
            self.subscriptions[number % len(self.subscriptions)].cancel()

    def wait(self, number: int) -> None:
        """Wait for an event."""
        names, timeout = EVENTS[number % len(EVENTS)], None if number < 8 else float(number - 8)
        self.results.append(Result(self.ami.wait_for(names, timeout=timeout)))

    def read(self, number: int) -> None:
        """Read events one after the other."""
        stream = self.ami.events(
            EVENTS[number % len(EVENTS)], limit=2, overflow="error" if number > 7 else "drop_oldest"
        )
        self.streams.append(stream)

        async def read() -> None:
            async for event in stream:
                self.observed.append(event)

        self.results.append(Result(Deferred.fromCoroutine(read())))

    def close(self, number: int) -> None:
        """Close a stream."""
        if self.streams:
            self.streams[number % len(self.streams)].close()

    def drive(self, number: int) -> None:
        """Drive calls in AsyncAGI."""

        async def handler(session: Any) -> None:
            await session.answer()
            await session.get_variable("X")
            if number % 2:
                raise ValueError(_FAULT)

        AsyncAGI(self.ami, handler, after_failure="hangup" if number > 7 else "break")

    def log_off(self, number: int) -> None:
        """Log off."""
        self.results.append(Result(self.ami.logoff()))

    def pass_time(self, number: int) -> None:
        """Let time pass."""
        self.clock.advance(PAUSES[number])

    def vanish(self, number: int) -> None:
        """Lose the connection."""
        self.lose(TransportLost() if number % 2 else ConnectionDone())

    # -- what must hold --------------------------------------------------------------------------------

    def end(self) -> None:
        """Lose the connection: everything has fired once, and nothing is left."""
        self.lose(ConnectionDone())
        assert self.ami.pending == 0
        self.clock.advance(3600.0)
        assert self.clock.getDelayedCalls() == [], "a delayed call is left"
        for result in self.results:
            assert len(result.outcomes) == 1, f"{result.name} fired {len(result.outcomes)} times"
            check_outcome(result)
        counters = self.ami.counters
        assert counters.replies + counters.timeouts <= counters.actions


def check_outcome(result: Result) -> None:
    """An action ends in its own reply, or in an error of ours."""
    (outcome,) = result.outcomes
    if isinstance(outcome, Failure):
        assert isinstance(outcome.value, (AMIError, CancelledError)), f"{result.name} failed with {outcome.value!r}"
        assert str(outcome.value) or isinstance(outcome.value, CancelledError)
        assert not isinstance(outcome.value, InvalidAction)
        outcome = getattr(outcome.value, "response", None)
    if isinstance(outcome, Response) and outcome.raw and result.name not in BARE:
        own = re.compile(rb"\r\nActionID: " + re.escape(result.key) + rb"(\r\n|\Z)")
        assert own.search(outcome.raw), f"{result.name} got the reply to another action"
    if isinstance(outcome, Response) and not outcome.raw and not outcome.events and outcome.completion is None:
        assert result.name in NEED_BARRIER, f"{result.name} got an empty reply"


#: By number.  The first two only receive.
_HAPPENINGS: Final[tuple[Callable[[Session, int], object], ...]] = (
    lambda session, number: None,
    lambda session, number: None,
    Session.act,
    Session.cancel,
    Session.cancel_latest,
    Session.pass_time,
    Session.observe,
    Session.unobserve,
    Session.wait,
    Session.read,
    Session.close,
    Session.act,
    Session.drive,
    Session.log_off,
    Session.vanish,
    Session.act,
)


def protocol(data: bytes) -> None:
    """Whatever a server sends to a connection that is logged in and busy."""
    flags = byte(data, 0)
    with _no_failure_logged():
        session = Session(VERSIONS[flags % len(VERSIONS)], pings=flags > 127)
        session.log_in()
        _run(session, data[1:])


def login(data: bytes) -> None:
    """Whatever a server greets with and answers to a login."""
    with _no_failure_logged():
        session = Session("", "md5" if byte(data, 0) % 2 else "plain")
        _run(session, data[1:])
        accepted = session.results[0].outcomes
        if accepted and accepted[0] is session.ami:
            assert len(session.sent) >= 1 + byte(data, 0) % 2, "logged in without a login"


def _run(session: Session, data: bytes) -> None:
    for what, number, received in steps(data):
        _HAPPENINGS[what](session, number)
        session.receive(received, by_bytes=what == 1)
        assert len(session.observed) < 100_000
    session.end()
