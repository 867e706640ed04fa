"""The ground of the model: a scripted server, the network, the time, and the ledger that is compared."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.error import ConnectionLost as TransportLost
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher

from tests.model import EPSILON, Ask, Fault, Link, Outcome, ScriptedSession, Stream, Watch, message
from txami import AMIProtocol, Message
from txami.testing import MemoryEndpoint

TIMEOUTS: Final = (None, 0.5, 4.0, 20.0, 45.0)

#: Chooses one of however many there are.
numbers = st.integers(0, 1_000)
#: How many bytes arrive at a time; 0 is for all.
pieces = st.one_of(st.just([0]), st.lists(st.integers(0, 60), max_size=4))
#: How an attempt to connect ends.
attempts = st.sampled_from(
    ["Success"] * 6 + ["Error Authentication failed", "Error Login Already In Use", "silence", "refuse"]
)


class Machine(RuleBasedStateMachine):
    """What all rules stand on."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.net = MemoryEndpoint(self.clock, self)  # type: ignore[arg-type]
        self.ami: Any = None
        self.links: list[Link] = []
        self.asks: list[Ask] = []
        self.open_asks: list[Ask] = []
        self.watches: list[Watch] = []
        self.log: list[tuple[int, str]] = []
        self.expected_log: list[tuple[int, str]] = []
        self.others: list[Outcome] = []
        self.serial = 0
        self.logins = 0
        # What the server does with a login, and whether it has fallen silent.
        self.login_answer = "Success"
        self.deaf = False
        # Why nothing more will come, as the name of an error.
        self.over: str | None = None
        self.ended = False
        self.late = self.unmatched = 0
        self.failures: list[LogEvent] = []
        globalLogPublisher.addObserver(self._log_event)  # type: ignore[arg-type]

    def _log_event(self, event: LogEvent) -> None:
        if "log_failure" in event and not isinstance(event["log_failure"].value, Fault):
            self.failures.append(event)

    # -- the server ------------------------------------------------------------------------------------

    def buildProtocol(self, addr: object) -> ScriptedSession:
        """Build the server's side of a connection."""
        return ScriptedSession(self.received)

    def received(self, session: ScriptedSession, action: Message) -> None:
        """Answer what needs no script."""
        name, key = action["Action"], action["ActionID"]
        link = next((link for link in self.links if link.session is session), None)
        if name == "Login" and self.login_answer != "silence":
            response, _, text = self.login_answer.partition(" ")
            session.transport.write(message(f"Response: {response}", f"ActionID: {key}", f"Message: {text}"))  # type: ignore[union-attr]
            if response == "Error":
                session.transport.loseConnection()  # type: ignore[union-attr]
        elif name == "Ping" and link is not None and not self.deaf:
            before = session.actions[-2]
            if before["Action"] in ("FAXSession", "SKINNYshowline"):
                link.pings.append((self.asks[int(before["Token"])], key))
            else:
                link.queue.append((message("Response: Success", f"ActionID: {key}"), lambda: None))
        elif name == "Logoff" and not self.deaf:
            session.transport.write(message("Response: Goodbye", f"ActionID: {key}"))  # type: ignore[union-attr]
            session.transport.loseConnection()  # type: ignore[union-attr]

    @property
    def link(self) -> Link | None:
        """The connection that is logged in."""
        return next((link for link in self.links if link.up and not link.closing), None)

    def settle(self) -> None:
        """Let both sides talk, and bring the ledger up to date."""
        for _ in range(10):
            before = sum(len(link.session.actions) for link in self.links)
            self.net.flush()
            for link in self.links:
                self._read_actions(link)
            if before == sum(len(link.session.actions) for link in self.links):
                break
        for link in list(self.links):
            if link.session.lost:
                self.links.remove(link)
                self.link_lost(link)

    def _read_actions(self, link: Link) -> None:
        for action in link.session.actions[link.seen :]:
            if "Token" in action:
                ask = self.asks[int(action["Token"])]
                assert ask.link is None, "sent twice"
                assert ask.open, "sent though it was over"
                ask.link, ask.action_id = link, action["ActionID"]
        link.seen = len(link.session.actions)

    def link_lost(self, link: Link) -> None:
        """Let all that was sent on a connection fail."""
        for ask in self.open_asks:
            if ask.link is link:
                ask.expect("ConnectionLost sent=True")

    def fail_waiting(self, description: str, end: str) -> None:
        """
        Let nothing more come.

        :param description: what actions fail with.
        :param end: how streams end.
        """
        self.over = description
        self.ended = True
        for ask in self.open_asks:
            if ask.link is None:
                ask.expect(description)
        for watch in self.watches:
            if watch.kind == "wait" and watch.active:
                watch.active = False
                watch.expect(self.no_events)
            elif isinstance(watch, Stream) and watch.active:
                watch.finish(end)

    @property
    def no_events(self) -> str:
        """What those get who wait for events that cannot come; a stop is a lost connection to them."""
        return "LoginFailed" if self.over == "LoginFailed" else "ConnectionLost"

    @invariant()
    def the_ledger_holds(self) -> None:
        """Everything has fired that must, once, with its own; and nothing else."""
        self.settle()
        for outcome in [*self.open_asks, *self.watches, *self.others]:
            outcome.check() if not isinstance(outcome, Watch) or outcome.kind == "wait" else None
        for watch in self.watches:
            if isinstance(watch, Stream):
                assert watch.subscription.dropped == (watch.dropped if watch.overflow == "drop_oldest" else 0)
                for read in watch.reads:
                    read.check()
        assert self.log == self.expected_log, "observers were called with something else"
        self.log.clear()
        self.expected_log.clear()
        assert not self.failures, self.failures[0]
        self.open_asks = [ask for ask in self.open_asks if ask.open]
        self.check_counters()

    def check_counters(self) -> None:
        """Compare numbers."""
        link = self.link
        if link is not None:
            counters = self.connection().counters
            assert counters.actions == len(link.session.actions)
            assert counters.replies + counters.timeouts <= counters.actions
            assert (counters.late, counters.unmatched) == (self.late, self.unmatched)
            waiting = sum(ask.link is link for ask in self.open_asks)
            assert waiting <= self.connection().pending <= len(link.session.actions)

    def happens(self, name: str, colour: str, serial: str) -> None:
        """Work out what an event does."""
        raise NotImplementedError

    def connection(self) -> AMIProtocol:
        """Return the client's side of the connection that is logged in."""
        raise NotImplementedError

    # -- the network and the time ----------------------------------------------------------------------

    @precondition(lambda self: self.net.attempts)
    @rule(answer=attempts)
    def decide(self, answer: str) -> None:
        """Let an attempt to connect succeed, and the login perhaps."""
        if answer == "refuse":
            self.refuse()
            return
        self.login_answer = answer
        self.deaf = False
        pump = self.net.accept(greet=False)
        link = Link(pump.server, pump)
        self.links.append(link)
        self.late = self.unmatched = 0
        pump.flush()
        self.login_answer = "silence"
        if answer == "Success":
            link.up = True
            self.logins += 1
        self.after_login(link, answer)

    def after_login(self, link: Link, answer: str) -> None:
        """Take note of how a login ended."""
        raise NotImplementedError

    def refuse(self) -> None:
        """Let an attempt to connect fail."""
        self.net.refuse()

    @precondition(lambda self: self.links)
    @rule(kind=st.sampled_from(["clean", "unclean", "silence", "end"]), unlikely=st.booleans())
    def trouble(self, kind: str, unlikely: bool) -> None:
        """Lose the connection: what has not arrived never will.  Or let it die, or end it."""
        link = self.links[-1]
        if unlikely:
            return
        if kind == "silence":
            self.deaf = self.deaf or link.up  # no more pings are answered
        elif kind == "end":
            if link.up and not link.closing:
                self.end()
        else:
            if kind == "unclean":
                link.pump.clientIO.disconnectReason = TransportLost()
            link.pump.serverIO.disconnecting = True
            link.pump.flush()
            self.settle()

    def end(self) -> None:
        """Let the user end the connection."""
        raise NotImplementedError

    @rule(seconds=st.sampled_from([0.25, 0.5, 1.0, 4.0, 10.0, 40.0]))
    def pass_time(self, seconds: float) -> None:
        """Let time pass, each thing at its time."""
        end = self.clock.seconds() + seconds
        while True:
            self.arrive()
            due = min([call.getTime() for call in self.clock.getDelayedCalls()] + [end])
            if due > end or due == end == self.clock.seconds():
                break
            self.clock.advance(max(due - self.clock.seconds(), 0))
            self._expire()
            self.settle()
            if due == end:
                break
        self.arrive()

    def arrive(self) -> None:
        """Let all that was sent arrive, unless the server has fallen silent."""
        if not self.deaf and self.link is not None:
            self.link.arrive([0])

    def _expire(self) -> None:
        now = self.clock.seconds()
        for ask in self.open_asks:
            # When the connection is lost at the very deadline it is a matter of taste which came first.
            if (
                ask.deadline is not None
                and ask.deadline <= now + EPSILON
                and not (ask.deadline > now and not ask.fired)
            ):
                if ask.fired == ["ConnectionLost sent=True"]:
                    ask.expect(ask.fired[0])
                ask.time_out()
        for watch in self.watches:
            if watch.active and watch.deadline is not None and watch.deadline <= now:
                watch.active = False
                watch.expect("EventTimeout")

    # -- the end ---------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Nothing is pending, and nothing left to be called."""
        try:
            self.finish()
            self.the_ledger_holds()
            for ask in self.asks:
                assert len(ask.fired) == 1, f"{ask} has fired {len(ask.fired)} times"
            for watch in self.watches:
                watch.cancel()
                assert watch.kind != "wait" or len(watch.fired) == 1
            assert self.clock.getDelayedCalls() == []
            if self.ami is not None:
                assert self.ami.registry.concerned("alpha") == []
        finally:
            globalLogPublisher.removeObserver(self._log_event)  # type: ignore[arg-type]

    def finish(self) -> None:
        """Stop."""
        raise NotImplementedError
