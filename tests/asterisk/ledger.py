"""
A ledger of actions: how each ended for its caller, to be held against what Asterisk wrote down.

Every action carries a key of its own in a header that Asterisk ignores.  Asterisk writes each action that it
receives into its log, which :func:`write_down_actions` sees to; and the extensions of the context ``ledger`` write
down who called them, so that the line is on the disk before the call is answered.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from itertools import count
from typing import Final, Literal

from tests.asterisk import lab
from txami import ActionError, ActionTimeout, AMIProtocol, AMIService, ConnectionLost, NotConnected, Response

#: ``refused`` is answered with an error, ``unknown`` may have been carried out, ``unsent`` may not.
End = Literal["pending", "answered", "refused", "unknown", "unsent"]

_KEY: Final = re.compile(rb"^Ledger: (\d+)$", re.MULTILINE)
_keys = count(10_000_000)
#: Seconds by which an outage may be felt before and after.
_GRACE: Final = 1.0


class Entry:
    """
    One action.

    :ivar action: its name.
    :ivar end: how it ended.
    :ivar at: when, by the ledger's clock.
    """

    def __init__(self, action: str) -> None:
        self.action = action
        self.end: End = "pending"
        self.at = 0.0

    def __repr__(self) -> str:
        return f"<{self.action} {self.end} at {self.at:.3f}>"


class Ledger:
    """
    The actions of one test.

    :param seconds: the clock.
    :ivar entries: by key.
    :ivar wrong: answers that are not those to their actions.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.entries: dict[str, Entry] = {}
        self.wrong: list[str] = []
        self._seconds = seconds

    @property
    def ends(self) -> Counter[str]:
        """How many actions ended in which way."""
        return Counter(entry.end for entry in self.entries.values())

    async def ask(
        self, ami: AMIProtocol | AMIService, name: str, is_right: Callable[[Response], object], **headers: object
    ) -> End:
        """
        Run an action and take down how it ended.

        :param is_right: whether a response is the right answer.
        :param headers: its headers; ``{key}`` in a value stands for the action's key.
        """
        key = str(next(_keys))
        entry = self.entries[key] = Entry(f"{name}, not waiting" if headers.get("Async") == "true" else name)
        fields = {header: str(value).replace("{key}", key) for header, value in headers.items()}
        try:
            response = await ami.action(name, {**fields, "Ledger": key})
        except ActionError:
            entry.end = "refused"
        except ActionTimeout:
            entry.end = "unknown"
        except ConnectionLost as lost:
            entry.end = "unknown" if lost.sent else "unsent"
        except NotConnected:
            entry.end = "unsent"
        else:
            entry.end = "answered"
            if not is_right(response):
                self.wrong.append(f"{name} {fields} was answered {response!r} with {response.events!r}")
        entry.at = self._seconds()
        return entry.end

    # -- questions that tell their own answer ----------------------------------------------------------

    def ping(self, ami: AMIProtocol | AMIService) -> Awaitable[End]:
        return self.ask(ami, "Ping", lambda reply: reply["Ping"] == "Pong")

    def compute(self, ami: AMIProtocol | AMIService, or_nothing: bool = False) -> Awaitable[End]:
        """Ask for a number that nobody else asks for; a server that is booting may know of no arithmetic yet."""
        number = next(_keys)
        right = {str(number * 3), "" if or_nothing else str(number * 3)}
        return self.ask(ami, "Getvar", lambda reply: reply["Value"] in right, Variable=f"MATH({number}*3,i)")

    def list_queues(self, ami: AMIProtocol | AMIService, or_nothing: bool = False) -> Awaitable[End]:
        def is_whole(reply: Response) -> bool:
            names = [event["Queue"] for event in reply.events]
            return reply.complete and (sorted(names) == ["sales", "support"] or (or_nothing and not names))

        return self.ask(ami, "QueueSummary", is_whole)

    def command(self, ami: AMIProtocol | AMIService) -> Awaitable[End]:
        return self.ask(
            ami, "Command", lambda reply: reply.output[0].startswith("Asterisk "), Command="core show version"
        )

    def call(self, ami: AMIProtocol | AMIService, wait: bool = False) -> Awaitable[End]:
        """Call an extension that writes down the key; with ``wait`` the answer says that it has."""
        return self.ask(
            ami,
            "Originate",
            lambda reply: reply.message == "Originate successfully queued",
            Channel="Local/{key}@ledger/n",
            Application="Wait",
            Data="0",
            Async="false" if wait else "true",
        )

    def user_event(self, ami: AMIProtocol | AMIService, name: str) -> Awaitable[End]:
        return self.ask(ami, "UserEvent", lambda reply: reply.ok, UserEvent=name)

    # -- the audit -------------------------------------------------------------------------------------

    def audit(self, server: lab.Server, outages: Collection[tuple[float, float]] = ()) -> list[str]:
        """
        Hold the ledger against what Asterisk wrote down.

        :param outages: when the server was killed, and when it had booted again.  That costs it the end of its log
            and what it was about to do, and a server that boots does not yet do all that it accepts.
        :return: what does not agree.
        """
        received, ran = actions_received(server), calls_received(server)
        found = [f"a wrong answer: {wrong}" for wrong in self.wrong]
        for key, entry in self.entries.items():
            times = {"received": received[key]}
            if entry.action.startswith("Originate"):
                times["carried out"] = ran[key]
            excused = any(down - _GRACE <= entry.at <= up + _GRACE for down, up in outages)
            for what, number in times.items():
                least, most = _allowed(entry.end, what)
                if number > most or (number < least and not excused):
                    near = min((abs(entry.at - moment) for outage in outages for moment in outage), default=None)
                    found.append(f"{key} {entry} was {what} {number} times; the nearest outage is {near} s away")
            if entry.end == "pending":
                found.append(f"{key} {entry} never ended")
        return found


def _allowed(end: End, what: str) -> tuple[int, int]:
    """Return how often, at least and at most, Asterisk may have seen an action that ended so."""
    if end == "unsent":
        return 0, 0
    return (1 if end == "answered" or (end == "refused" and what == "received") else 0), 1


def actions_received(server: lab.Server) -> Counter[str]:
    """Count in Asterisk's log how often it received each action that has a key."""
    return Counter(key.decode() for key in _KEY.findall(server.log_file.read_bytes()))


def calls_received(server: lab.Server) -> Counter[str]:
    """Count how often each extension of the context ``ledger`` was called."""
    ledger = server.directory / "log/ledger"
    return Counter(ledger.read_text().split()) if ledger.exists() else Counter()


def write_down_actions(server: lab.Server) -> None:
    """Have a server that runs write each action into its log, from now on and after every restart."""
    configuration = server.directory / "etc/manager.conf"
    configuration.write_text(configuration.read_text().replace("[general]", "[general]\ndebug = yes", 1))
    server.restart()
