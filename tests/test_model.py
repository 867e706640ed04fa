"""
Any interleaving of what users, servers and the network do, compared with a ledger.

``TXAMI_MODEL_EXAMPLES`` sets how many interleavings are tried (300), ``TXAMI_MODEL_STEPS`` how long they are (50);
with ``TXAMI_MODEL_SHRINK`` one that fails is made shorter.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from twisted.internet.defer import Deferred

from tests.machine import attempts
from tests.model import Link, Outcome
from tests.rules import Rules
from txami import AMIProtocol, AMIService, connect


class ServiceMachine(Rules):
    """A service: the connection is made anew, and what was not sent waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.gaps: list[str] = []
        self.expected_gaps: list[str] = []

    @initialize(retry=st.booleans(), answer=attempts)
    def start(self, retry: bool, answer: str) -> None:
        """Make the service and start it."""
        self.retry = retry
        how: Any = "retry" if retry else "stop"
        self.ami = AMIService(self.clock, self.net, "admin", "hush", after_login_failed=how)
        self.ami.on_connected(lambda gap: self.gaps.append("up"))
        self.ami.on_disconnected(lambda reason: self.gaps.append("down"))
        self.ami.startService()
        self.decide(answer)

    def connection(self) -> AMIProtocol:
        """Return the connection that is logged in."""
        assert self.ami.connection is not None
        return self.ami.connection  # type: ignore[no-any-return]

    def check_counters(self) -> None:
        """Compare what is told of the connection, too."""
        super().check_counters()
        assert self.gaps == self.expected_gaps
        assert self.ami is None or self.ami.logged_in == (self.link is not None)
        if self.ami is not None:
            stats = self.ami.stats
            assert stats.reconnects == max(self.logins - 1, 0)
            assert self.over is not None or stats.waiting == sum(ask.link is None for ask in self.open_asks)

    def after_login(self, link: Link, answer: str) -> None:
        """Send what waits, or give up."""
        if answer == "Success":
            self.expected_gaps.append("up")
            self.settle()
            assert all(ask.link is not None for ask in self.open_asks), (
                "the connection is up, but an action was not sent"
            )
        elif answer == "Error Authentication failed" and not self.retry:
            self.fail_waiting("LoginFailed", "LoginFailed")

    def link_lost(self, link: Link) -> None:
        """Tell of the loss."""
        super().link_lost(link)
        if link.up:
            self.expected_gaps.append("down")
        for stopped in self.others:
            stopped.expect("NoneType")

    def end(self) -> None:
        """Stop the service, while whatever goes on."""
        self.arrive()
        if self.link is not None:
            self.link.closing = True
        stopped = Outcome()
        self.others.append(stopped)
        self.fail_waiting("NotConnected", "end")
        stopped.watch(self.ami.stopService())
        self.settle()
        if not self.links:
            stopped.expect("NoneType")

    @precondition(lambda self: not self.ami.running and not self.links)
    @rule()
    def start_anew(self) -> None:
        """Start the service again."""
        self.over, self.ended = None, False
        self.ami.startService()

    def finish(self) -> None:
        """Stop the service."""
        if self.ami is not None:
            if self.ami.running:
                self.end()
            self.pass_time(10.0)
            assert not self.links


class ConnectionMachine(Rules):
    """One connection after the other, each of which ends with all that belongs to it."""

    def __init__(self) -> None:
        super().__init__()
        self.connecting = Outcome()
        self.logged_off = False

    @initialize(answer=attempts)
    def start(self, answer: str) -> None:
        """Connect."""
        self.connecting = Outcome()
        self.others.append(self.connecting)
        for watch in self.watches:
            watch.active = False
        self.ami = None
        self.logged_off = False
        made: Deferred[AMIProtocol] = connect(self.clock, self.net, "admin", "hush")
        self.connecting.watch(made.addCallback(self._made))
        self.decide(answer)

    def _made(self, ami: AMIProtocol) -> AMIProtocol:
        self.ami = ami
        self.over, self.ended = None, False
        return ami

    def connection(self) -> AMIProtocol:
        """Return the connection."""
        return self.ami  # type: ignore[no-any-return]

    def after_login(self, link: Link, answer: str) -> None:
        """Take note of how it ended."""
        if answer == "Success":
            self.connecting.expect("AMIProtocol")
        elif answer != "silence":
            self.connecting.expect("LoginFailed")

    def refuse(self) -> None:
        """Let the attempt fail."""
        super().refuse()
        self.connecting.expect("NotConnected")

    def link_lost(self, link: Link) -> None:
        """Let everything end."""
        super().link_lost(link)
        if self.connecting.open:
            assert self.connecting.fired in (["ConnectionLost"], ["ProtocolError"])
            self.connecting.expect(self.connecting.fired[0])
        if link.up:
            self.fail_waiting("NotConnected", "end" if self.logged_off else "ConnectionLost")
        for outcome in self.others:
            outcome.expect("NoneType")

    def end(self) -> None:
        """Log off."""
        link = self.link
        assert link is not None
        self.arrive()
        link.closing = self.logged_off = True
        self.over = "NotConnected"
        done = Outcome()
        self.others.append(done)
        done.watch(self.ami.logoff())
        self.settle()

    @precondition(lambda self: not self.links and not self.net.attempts)
    @rule(answer=attempts)
    def connect_anew(self, answer: str) -> None:
        """Make another connection."""
        self.start(answer)

    def finish(self) -> None:
        """Log off."""
        if self.net.attempts:
            self.refuse()
        if self.link is not None:
            self.end()
        self.pass_time(40.0)
        assert not self.links


# Shrinking takes minutes: it begins only when asked for.
PHASES = list(Phase) if "TXAMI_MODEL_SHRINK" in os.environ else [Phase.explicit, Phase.reuse, Phase.generate]
bounds = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=PHASES,
    report_multiple_bugs=False,
    max_examples=int(os.environ.get("TXAMI_MODEL_EXAMPLES", "300")),
    stateful_step_count=int(os.environ.get("TXAMI_MODEL_STEPS", "50")),
)

ServiceMachine.TestCase.settings = bounds
ConnectionMachine.TestCase.settings = bounds
TestService = ServiceMachine.TestCase
TestConnection = ConnectionMachine.TestCase
