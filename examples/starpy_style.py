"""
A program as it was written for StarPy: a call is placed, looked at, moved and hung up, and a lost connection outlived.

Run it as ``python examples/starpy_style.py HOST PORT USERNAME [CHANNEL CONTEXT EXTENSION]``.  It takes the secret from
``TXAMI_SECRET``, calls CHANNEL, connects it to the extension, and later sends it there once more.  When it says so,
restart Asterisk or have the connection cut; it goes on by itself.  Only the import is txami's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from typing import Any

from twisted.internet import defer, reactor

from txami.starpy import manager  # was: from starpy import manager

Step = Generator[defer.Deferred[Any], Any, None]


class Program:
    """Does one thing after the other, and notes what the handlers of events are told."""

    def __init__(self, username: str, channel: str, context: str, exten: str) -> None:
        self.factory = manager.AMIFactory(username, os.environ["TXAMI_SECRET"], id="office")
        self.target = channel, context, exten
        self.seen: dict[str, defer.Deferred[dict[str, str]]] = {}

    def main(self, host: str, port: int) -> None:
        """Log in; everything else follows from that."""
        df = self.factory.login(host, port)
        df.addCallback(self.on_login)
        df.addErrback(self.on_failure)
        df.addBoth(lambda _: reactor.stop())

    def on_failure(self, reason: Any) -> None:
        """Say what went wrong."""
        print("failed:", reason.getErrorMessage(), flush=True)

    def on_event(self, ami: Any, event: dict[str, str]) -> None:
        """Wake up who waits for this event."""
        waiting = self.seen.pop(event["event"], None)
        if waiting is not None:
            waiting.callback(event)

    def next(self, event: str) -> defer.Deferred[dict[str, str]]:
        """Wait for an event of a name."""
        self.seen[event] = defer.Deferred()
        return self.seen[event]

    @defer.inlineCallbacks
    def on_login(self, ami: Any) -> Step:
        """Do what there is to do."""
        print("logged in as", ami.id, flush=True)
        # Registered once, before the connection is lost.
        ami.registerEvent(("OriginateResponse", "Hangup", "FullyBooted"), self.on_event)
        ami.registerEvent("UserEvent", self.on_event)
        yield self.call(ami)
        yield self.outlive(ami)
        goodbye = yield ami.logoff()
        print(goodbye["response"], flush=True)

    @defer.inlineCallbacks
    def call(self, ami: Any) -> Step:
        """Place a call, look at it, move it and end it."""
        channel, context, exten = self.target
        outcome = self.next("OriginateResponse")
        yield ami.originate(channel, context, exten, 1, timeout=20, variable={"CALLTAG": "starpy"}, nowait=True)
        answered = yield outcome
        name = answered["channel"]
        print("originate:", answered["response"], flush=True)

        messages = yield ami.status()
        print("listed:", any(each.get("channel") == name for each in messages), messages[-1]["event"], flush=True)

        yield ami.setVar(name, "GREETING", "hello")
        greeting = yield ami.getVar(name, "GREETING")
        print("variable:", greeting, flush=True)

        moved = yield ami.redirect(name, context, exten, 1)
        print("redirect:", moved["response"], flush=True)

        hung_up = self.next("Hangup")
        df = ami.sendDeferred({"action": "Hangup", "channel": name})
        yield df.addCallback(ami.errorUnlessResponse)
        yield hung_up
        print("hung up", flush=True)

        lines = yield ami.command("core show uptime")
        print("command:", lines[0].split(":")[0], flush=True)

    @defer.inlineCallbacks
    def outlive(self, ami: Any) -> Step:
        """Lose the connection, and go on with the same object and the same handlers."""
        booted = self.next("FullyBooted")
        print("cut the connection now", flush=True)
        yield booted
        print("back again", flush=True)
        told = self.next("UserEvent")
        ami.userEvent("StillHere", note="the handlers are, too")
        event = yield told
        print(event["userevent"], "-", event["note"], flush=True)


if __name__ == "__main__":
    if len(sys.argv) not in (4, 7) or "TXAMI_SECRET" not in os.environ:
        sys.exit(__doc__)
    host, port, username, *target = sys.argv[1:]
    program = Program(username, *(target or ("Local/100@default/n", "default", "111")))
    reactor.callWhenRunning(program.main, host, int(port))
    reactor.run()
