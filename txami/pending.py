"""Which actions wait for their reply, and which message belongs to which of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from .deadlines import Deadlines
from .errors import ActionError, ActionTimeout, ConnectionLost
from .message import Event, Response
from .replies import Collector

#: Seconds for which a blocking action that timed out may still keep Asterisk from answering a ping.
ABANDONED: Final = 60.0


@dataclass
class Counters:
    """
    What happened on a connection, as plain numbers.

    :ivar actions: actions sent.
    :ivar replies: replies delivered, errors included.
    :ivar timeouts: actions that got no complete reply in time.
    :ivar late: messages dropped because their action was over (timed out, cancelled, or answered already).
    :ivar unmatched: messages dropped because they were for no action of this connection.
    :ivar messages: messages received.
    :ivar received: bytes received.
    """

    actions: int = 0
    replies: int = 0
    timeouts: int = 0
    late: int = 0
    unmatched: int = 0
    messages: int = 0
    received: int = 0

    def __add__(self, other: Counters) -> Counters:
        mine, others = astuple(self), astuple(other)
        return Counters(*(one + another for one, another in zip(mine, others, strict=True)))


class _Reply(Deferred[Response]):
    """The Deferred of an action, which knows the action's key: a closure for each would be three objects more."""

    key: bytes


class _Waiting(Collector):
    """
    A reply that is waited for.

    One object with what gathers it, since one more for each action is a twentieth of the time for a ping.
    """

    __slots__ = ("check", "deferred", "is_blocking", "timeout")

    def __init__(
        self,
        action: str,
        version: tuple[int, ...] | None,
        deferred: Deferred[Response],
        timeout: float | None,
        check: bool,
        is_blocking: bool,
    ) -> None:
        Collector.__init__(self, action, version)
        self.is_blocking = is_blocking
        self.deferred = deferred
        self.timeout = timeout
        self.check = check


class PendingActions:
    """
    The actions of one connection that wait for their reply.

    :param clock: the reactor, or a ``Clock``.
    :param counters: kept up to date.
    :param withdraw: called with the key of an action that is given up; returns whether it had not left yet.
    :ivar version: the server's AMI version, once it is known.
    """

    def __init__(self, clock: IReactorTime, counters: Counters, withdraw: Callable[[bytes], bool]) -> None:
        self.version: tuple[int, ...] | None = None
        self._clock = clock
        self._counters = counters
        self._withdraw = withdraw
        self._pending: dict[bytes, _Waiting] = {}
        self._deadlines = Deadlines(clock, self._time_out)
        self._canceller: Callable[[Deferred[Response]], None] = self._cancel
        # Blocking actions that were given up, and until when Asterisk may still be busy with them.
        self._abandoned: dict[bytes, float] = {}
        # How many of them get items without an ActionID.
        self._anonymous = 0
        # Random, because Asterisk broadcasts some events with their ActionID to every session: two clients
        # that count 1, 2, 3 would complete each other's actions.
        self._prefix = os.urandom(8).hex() + "-"
        self._mark = b"\r\nActionID: " + self._prefix.encode()
        self._serial = 0
        # What the last item of a list began with, and its action's key.
        # At first what no message begins with, since a blank line ends it.
        self._last_item = b"\r\n\r\n", b""

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, key: bytes) -> bool:
        return key in self._pending

    def next_action_id(self) -> str:
        """Return an ActionID that was never used before."""
        self._serial += 1
        return f"{self._prefix}{self._serial}"

    def add(self, key: bytes, name: str, timeout: float | None, check: bool, is_blocking: bool) -> Deferred[Response]:
        """
        Let an action wait.

        :param key: its ActionID.
        :param name: its name.
        :param timeout: seconds, or ``None``.
        :param check: whether an error response fails the Deferred.
        :param is_blocking: whether it may hold up what is sent after it.
        """
        deferred = _Reply(self._canceller)
        deferred.key = key
        if timeout is not None:
            # First: it refuses what is no number, and then nothing may stay behind.
            self._deadlines.add(key, timeout)
        action = self._pending[key] = _Waiting(name, self.version, deferred, timeout, check, is_blocking)
        if action.rules.anonymous_item is not None:
            self._anonymous += 1
        self._counters.actions += 1
        return deferred

    def take(self, raw: bytes) -> bool:
        """
        Take a message whose second line is an ActionID of this connection, as that of nearly every response and item
        is; of an event that was queued for all sessions it is the privilege.

        :return: whether it is one, waited for or not.
        """
        # The items of a list follow one another, and begin with the same two lines: to compare these with those of
        # the one before takes a fifth of the time for looking at them anew.
        lines, key = self._last_item
        if raw.startswith(lines):
            self._add(key, raw, is_event=True)
            return True
        at = raw.find(b"\r\n")
        if not raw.startswith(self._mark, at):
            return False
        is_event = raw.startswith(b"Event: ")
        if not is_event and not raw.startswith(b"Response: "):
            return False
        end = raw.find(b"\r\n", at + 12)
        key = raw[at + 12 : end] if end >= 0 else raw[at + 12 :]
        if is_event and end >= 0:
            self._last_item = raw[: end + 2], key
        self._add(key, raw, is_event)
        return True

    def take_items(self, messages: list[bytes]) -> list[bytes]:
        """
        Take those messages that are items of the list that is under way.

        :return: the others, in order.
        """
        lines, key = self._last_item
        action = self._pending.get(key)
        return messages if action is None else action.add_items(lines, key, messages)

    def _add(self, key: bytes, raw: bytes, is_event: bool) -> None:
        """Add a message to the reply that it belongs to."""
        action = self._pending.get(key)
        if action is None:
            self._counters.late += 1
            if not is_event:
                self._abandoned.pop(key, None)
        elif action.add_event(raw) if is_event else action.add_response(raw):
            self.finish(key)

    def take_response(self, raw: bytes) -> None:
        """Take a response, whosever it is."""
        key = self._own_action_id(raw)
        if key is None:
            self._counters.unmatched += 1
        else:
            self._add(key, raw, is_event=False)

    def take_part(self, raw: bytes) -> bool:
        """
        Take an event that was not queued for all sessions.

        :return: whether it is a part of a reply, waited for or not.
        """
        key = self._own_action_id(raw) or (self._anonymous_list(raw) if self._anonymous else None)
        if key is None:
            return False
        self._add(key, raw, is_event=True)
        return True

    def take_bare(self, raw: bytes) -> bool:
        """
        Take a message that is neither response nor event.

        :return: whether it is the reply to an action that is answered so, see ``BARE`` in :mod:`txami.replies`.
        """
        for key, action in self._pending.items():
            start = action.rules.bare
            if start is not None and raw.startswith(start):
                action.add_response(raw)
                self.finish(key)
                return True
        return False

    def finish(self, key: bytes) -> None:
        """Deliver the reply to an action, complete as it is."""
        action = self._take(key)
        if action is None:
            return
        self._counters.replies += 1
        # What is empty was never to come: see replies.NEED_BARRIER.
        response = action.result() or Response(b"", complete=False)
        if action.check and (not response.ok or (not response.complete and response.raw)):
            action.deferred.errback(ActionError(action.action, response))
        else:
            action.deferred.callback(response)

    def fail_all(self, reason: Exception) -> None:
        """Fail all of them, for the connection is lost."""
        self._deadlines.close()
        # Detached first: who asks anew from an errback must find an empty table, not half of this one.
        pending, self._pending = self._pending, {}
        for key, action in pending.items():
            sent = not self._withdraw(key)
            if not action.deferred.called:  # one told before may have cancelled it
                action.deferred.errback(ConnectionLost(action.action, sent, reason))

    def blockers(self) -> set[bytes]:
        """Return the actions that Asterisk may be busy with for long, also if we wait for them no more."""
        now = self._clock.seconds()
        self._abandoned = {key: until for key, until in self._abandoned.items() if until > now}
        waiting = {key for key, action in self._pending.items() if action.is_blocking}
        return waiting | set(self._abandoned)

    def _cancel(self, deferred: Deferred[Response]) -> None:
        assert isinstance(deferred, _Reply)
        self._take(deferred.key)

    def _take(self, key: bytes) -> _Waiting | None:
        """Forget an action; what may still come for it is late."""
        action = self._pending.pop(key, None)
        if action is not None:
            if action.timeout is not None:
                self._deadlines.discard(key, action.timeout)
            if action.rules.anonymous_item is not None:
                self._anonymous -= 1
            if action.response is None and not self._withdraw(key) and action.is_blocking:
                self._abandoned[key] = self._clock.seconds() + ABANDONED
        return action

    def _time_out(self, key: bytes) -> None:
        action = self._take(key)
        if action is not None and action.timeout is not None:
            self._counters.timeouts += 1
            partial = action.result(complete=False)
            action.deferred.errback(ActionTimeout(action.action, action.timeout, partial))

    def _own_action_id(self, raw: bytes) -> bytes | None:
        """Return the ActionID of a message if it is one of this connection's."""
        at = raw.find(self._mark)
        if at < 0:
            return None
        start = at + len(b"\r\nActionID: ")
        end = raw.find(b"\r\n", start)
        return raw[start:end] if end >= 0 else raw[start:]

    def _anonymous_list(self, raw: bytes) -> bytes | None:
        """Return the action that an item without ActionID belongs to: the oldest that gets such items."""
        event = Event(raw)
        if "ActionID" not in event:
            for key, action in self._pending.items():
                if action.rules.anonymous_item == event.name and action.has_response:
                    return key
        return None
