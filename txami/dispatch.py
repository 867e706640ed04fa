""":class:`Dispatcher`: each message goes to whom it concerns, an action or the observers of an event."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from typing import Final

from twisted.logger import Logger

from .message import Message
from .observers import EventRegistry
from .pending import Counters, PendingActions
from .replies import is_queued
from .routes import END_OF_HEAD
from .wire import strip_blank_lines

#: How many messages that make no sense are logged of one connection; a peer that sends nothing else must not fill
#: the log.
ODDITIES_LOGGED: Final = 10


class Dispatcher:
    """
    Tells what a message is, in as few steps as that takes.

    :param pending: the actions that wait.
    :param registry: the observers.
    :param counters: kept up to date.
    """

    _log = Logger()

    def __init__(self, pending: PendingActions, registry: EventRegistry, counters: Counters) -> None:
        self._pending = pending
        self._registry = registry
        self._counters = counters

    def hand_out(self, messages: Iterator[bytes], until: float) -> bool:
        """Hand each message to whom it concerns; return whether the time sufficed for all."""
        pending = self._pending
        registry = self._registry
        routes = registry.routes
        event_type = registry.event_type
        now = perf_counter()
        for message in messages:
            # Only an event that Asterisk queues for all sessions begins with a name and a privilege that ends with
            # ",all", whatever ActionID it carries.  So one cut and one look-up tell it from what is part of a reply,
            # and tell whom it concerns (0.25 us; line after line took 0.9).  The rest finds no route.
            head, end, _ = message.partition(END_OF_HEAD)
            route = routes.get(head) if end else None
            if route is None:
                if not pending.take(message):
                    self._take_other(message)
                # What the reply set going is not the time of the next event's observer.
                now = perf_counter()
            else:
                route.count += 1
                if not route.subscriptions:
                    continue
                now = registry.deliver(route.subscriptions, event_type(message, route.name), now)
            if now > until:
                return False
        return True

    def _take_other(self, raw: bytes) -> None:
        """Take a message that is neither an event with a route nor marked as a part of a reply."""
        raw = strip_blank_lines(raw)
        kind = raw.partition(b":")[0].lower()
        if kind == b"response":
            self._pending.take_response(raw)
        elif kind == b"event":
            if is_queued(raw) or not self._pending.take_part(raw):
                self._registry.publish(self._registry.event_type(raw))
        elif raw and not self._pending.take_bare(raw):
            self._counters.unmatched += 1
            if self._counters.unmatched <= ODDITIES_LOGGED:
                self._log.debug("dropped a message that is neither event nor response: {message}", message=Message(raw))
