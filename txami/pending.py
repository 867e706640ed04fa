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
from .replies import LIST_MARK, Collector

#: Seconds for which a blocking action that timed out may still keep Asterisk from answering a ping.
ABANDONED: Final = 60.0

#: What the items of the list that is under way begin with, and where they go.  At first what no message begins with,
#: since a blank line ends it.
_NO_LIST: Final[tuple[bytes, list[bytes]]] = b"\r\n\r\n", []

#: In how many of its last bytes an item is searched for the mark of the end, which would be there if the blank line
#: between the two were missing, as it is in some lists of Asterisk; see the repairs in :mod:`txami.replies`.
_END_SIZE: Final = 160


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


class PendingAction(Collector, Deferred[Response]):
    """
    An action that waits for its reply: the Deferred that the caller got, which gathers the reply itself.

    One object, for each more would cost a twentieth of the time for a ping, and be visited by the garbage collector as
    long as the action waits.  When that is over it forgets what it gathered, for callers may keep it.

    :ivar key: what tells it from the connection's other actions.
    """

    __slots__ = ("check", "is_blocking", "key", "timeout")

    def __init__(
        self,
        key: bytes,
        name: str,
        version: tuple[int, ...] | None,
        timeout: float | None,
        check: bool,
        is_blocking: bool,
        canceller: Callable[[Deferred[Response]], None],
    ) -> None:
        Deferred.__init__(self, canceller)
        Collector.__init__(self, name, version)
        self.key = key
        self.timeout = timeout
        self.check = check
        self.is_blocking = is_blocking


class PendingActions:
    """
    The actions of one connection that wait for their reply.

    :param clock: the reactor, or a ``Clock``.
    :param counters: kept up to date.
    :param withdraw: called with the key of an action that is given up; returns whether it had not left yet.
    :ivar version: the server's AMI version, once it is known.
    :ivar answered: the key of the action that was answered last.
    """

    def __init__(self, clock: IReactorTime, counters: Counters, withdraw: Callable[[bytes], bool]) -> None:
        self.version: tuple[int, ...] | None = None
        self.answered = b""
        self._clock = clock
        self._counters = counters
        self._withdraw = withdraw
        self._pending: dict[bytes, PendingAction] = {}
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
        self._list = _NO_LIST

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, key: bytes) -> bool:
        return key in self._pending

    def next_action_id(self) -> tuple[str, bytes]:
        """Return an ActionID that was never used before, and its key: what it does not share with the others."""
        self._serial = serial = self._serial + 1
        return f"{self._prefix}{serial}", b"%d" % serial

    def add(self, key: bytes, name: str, timeout: float | None, check: bool, is_blocking: bool) -> PendingAction:
        """
        Let an action wait.

        :param key: the key of its ActionID.
        :param name: its name.
        :param timeout: seconds, or ``None``.
        :param check: whether an error response fails the Deferred.
        :param is_blocking: whether it may hold up what is sent after it.
        """
        if timeout is not None:
            # First: it refuses what is no number, and then nothing may stay behind.
            self._deadlines.add(key, timeout)
        action = PendingAction(key, name, self.version, timeout, check, is_blocking, self._canceller)
        self._pending[key] = action
        if action.rules.anonymous_item is not None:
            self._anonymous += 1
        self._counters.actions += 1
        return action

    def take(self, raw: bytes) -> bool:
        """
        Take a message whose second line is an ActionID of this connection, as that of nearly every response and item
        is; of an event that was queued for all sessions it is the privilege.

        :return: whether it is one, waited for or not.
        """
        # The items of a list follow one another, and begin with the same two lines: to compare these with those of
        # the one before takes a fifth of the time for looking at them anew.
        lines, items = self._list
        if raw.startswith(lines) and raw.find(LIST_MARK, -_END_SIZE) < 0:
            items.append(raw)
            return True
        first, found, rest = raw.partition(self._mark)
        if not found or b"\r\n" in first:
            return False
        is_event = first.startswith(b"Event: ")
        if not is_event and not first.startswith(b"Response: "):
            return False
        key = rest.partition(b"\r\n")[0]
        self._add(key, raw, is_event)
        if is_event:
            self._expect_more(first + found + key + b"\r\n", key)
        return True

    def _expect_more(self, lines: bytes, key: bytes) -> None:
        """Remember what an item began with, if it was one and not the last."""
        action = self._pending.get(key)
        items = None if action is None else action.open_list
        if items is not None:
            self._list = lines, items

    def _add(self, key: bytes, raw: bytes, is_event: bool) -> None:
        """Add a message to the reply that it belongs to."""
        if not is_event:
            self.answered = key
        action = self._pending.get(key)
        if action is None:
            self._counters.late += 1
            if not is_event:
                self._abandoned.pop(key, None)
        elif action.add_event(raw) if is_event else action.add_response(raw):
            self.finish(key)

    def take_response(self, raw: bytes) -> None:
        """Take a response, whosever it is."""
        key = self.own_action_id(raw)
        if key is None:
            self._counters.unmatched += 1
        else:
            self._add(key, raw, is_event=False)

    def take_part(self, raw: bytes) -> bool:
        """
        Take an event that was not queued for all sessions.

        :return: whether it is a part of a reply, waited for or not.
        """
        key = self.own_action_id(raw)
        if key is None and self._anonymous:
            key = self._anonymous_list(raw)
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
        action = self._remove(key)
        if action is None:
            return
        self._counters.replies += 1
        # What is empty was never to come: see replies.NEED_BARRIER.
        response = action.reply() or Response(b"", complete=False)
        action.forget()
        if action.check and (not response.ok or (not response.complete and response.raw)):
            action.errback(ActionError(action.action, response))
        else:
            action.callback(response)

    def fail_all(self, reason: Exception) -> None:
        """Fail all of them, for the connection is lost."""
        self._deadlines.close()
        self._list = _NO_LIST
        # Detached first: who asks anew from an errback must find an empty table, not half of this one.
        pending, self._pending = self._pending, {}
        for key, action in pending.items():
            sent = not self._withdraw(key)
            action.forget()
            if not action.called:  # one told before may have cancelled it
                action.errback(ConnectionLost(action.action, sent, reason))

    def blockers(self) -> set[bytes]:
        """Return the actions that Asterisk may be busy with for long, also if we wait for them no more."""
        now = self._clock.seconds()
        self._abandoned = {key: until for key, until in self._abandoned.items() if until > now}
        waiting = {key for key, action in self._pending.items() if action.is_blocking}
        return waiting | set(self._abandoned)

    def _cancel(self, deferred: Deferred[Response]) -> None:
        assert isinstance(deferred, PendingAction)
        self._remove(deferred.key)
        deferred.forget()

    def _remove(self, key: bytes) -> PendingAction | None:
        """Forget an action; what may still come for it is late."""
        self._list = _NO_LIST
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
        action = self._remove(key)
        if action is not None and action.timeout is not None:
            self._counters.timeouts += 1
            partial = action.reply(complete=False)
            action.forget()
            action.errback(ActionTimeout(action.action, action.timeout, partial))

    def own_action_id(self, raw: bytes) -> bytes | None:
        """Return the ActionID of a message if it is one of this connection's."""
        at = raw.find(self._mark)
        if at < 0:
            return None
        start = at + len(self._mark)
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
