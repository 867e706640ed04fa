"""
Who wants which event.

:class:`EventRegistry` holds the observers and hands events to them.  It outlives connections: a service keeps
one through every reconnect.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from time import perf_counter

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from .errors import ConnectionLost, EventTimeout
from .message import Event, decode
from .routes import Route, head_of, name_of_head
from .slow import SlowObservers
from .streams import EventStream, Overflow, Streams
from .subscription import Names, Observer, Subscription, Where, name_of

#: Heads in the routing table, and bytes of each.  Asterisk has 252 names, of 34 bytes at most; a peer that makes up
#: names must not fill the memory, with many or with long ones.
_MAX_ROUTES = 4096
_MAX_HEAD = 1024


class EventRegistry:
    """
    Holds the observers of events.

    :param clock: for the timeouts of :meth:`wait_for`; the reactor, or a ``Clock``.
    :param slow_after: seconds that an observer may take before it is logged and counted.
    :ivar clock: the same clock.
    :ivar routes: for each head of an event that was seen, see :func:`head_of`, the subscriptions that it concerns.
        The connection looks here for every event, so that an event nobody wants costs one dictionary look-up
        however many observers there are; :meth:`resolve` fills in what is missing.
    :ivar event_type: what the events are made as.
    :ivar slow_after: as above.
    :ivar slow: the observers that took longer.
    """

    _log = Logger()

    event_type: type[Event] = Event

    def __init__(self, clock: IReactorTime, slow_after: float = 0.1) -> None:
        self.routes: dict[bytes, Route] = {}
        # How many events of each name came by routes that are forgotten.
        self._counts: dict[str, int] = {}
        self.slow_after = slow_after
        self.slow = SlowObservers(clock)
        self.clock = clock
        self._named: dict[str, dict[Subscription, None]] = {}
        self._patterned: dict[Subscription, None] = {}
        self._heads: dict[str, set[bytes]] = {}
        self._waiting: dict[Deferred[Event], Callable[[Exception], None]] = {}
        self._streams = Streams()
        # Why no event can come, for those who would wait for one.
        self._ended: Exception | None = None

    def on(self, names: Names, observer: Observer | None = None, *, where: Where = None) -> Subscription:
        """
        Call the observer with every event of these names.

        An observer that fails is logged and stays; an ``async def`` observer is run, and its failure is
        logged.  Observers are called in the order in which they were added.

        :param names: ``None`` for all events, a name, a glob, or several.
        :param observer: called with the :class:`~txami.Event`; left out, the result is a decorator for it.
        :param where: only events for which this function is true, or that have these headers.
        :return: a :class:`Subscription`, whose ``cancel()`` ends it.
        :raises ValueError: if a name is none.
        """
        return Subscription(self, names, observer, where)

    def once(self, names: Names, observer: Observer | None = None, *, where: Where = None) -> Subscription:
        """Like :meth:`on`, for the first such event only."""
        return Subscription(self, names, observer, where, once=True)

    def on_unhandled(self, observer: Observer) -> Subscription:
        """Call the observer with every event that no other observer got."""
        return Subscription(self, None, observer, None, fallback=True)

    def wait_for(self, names: Names, where: Where = None, timeout: float | None = None) -> Deferred[Event]:
        """
        Wait for an event.

        :param names: see :meth:`on`.
        :param where: see :meth:`on`.
        :param timeout: seconds, ``None`` to wait as long as it takes.
        :return: fires with the :class:`~txami.Event`; fails with :class:`~txami.EventTimeout`, or with
            :class:`~txami.ConnectionLost` when no event can come any more.  May be cancelled.
        """
        if self._ended is not None:
            return fail(self._ended.with_traceback(None))  # else it would grow with each who awaits it
        timer: IDelayedCall | None = None

        def finish() -> None:
            subscription.cancel()
            self._waiting.pop(waiter, None)
            if timer is not None and timer.active():
                timer.cancel()

        def give_up(error: Exception) -> None:
            finish()
            waiter.errback(error)

        def happened(event: Event) -> None:
            finish()
            waiter.callback(event)

        waiter: Deferred[Event] = Deferred(lambda _: finish())
        if names is None:
            shown = ""
        elif isinstance(names, str):
            shown = names
        else:
            names = tuple(names)
            shown = ", ".join(map(str, names))
        subscription = self.on(names, happened, where=where)
        self._waiting[waiter] = give_up
        if timeout is not None:
            timer = self.clock.callLater(max(timeout, 0), lambda: give_up(EventTimeout(shown, timeout)))
        return waiter

    def events(
        self, names: Names = None, where: Where = None, *, limit: int = 1000, overflow: Overflow = "drop_oldest"
    ) -> EventStream:
        """
        Return the events to come as an asynchronous iterator: ``async for event in ami.events("Hangup")``.

        The connection is never held up for a slow reader (Asterisk would cut it off after 100 ms), so the
        queue between the two is bounded.

        :param names: see :meth:`on`.
        :param where: see :meth:`on`.
        :param limit: how many events may wait to be read.
        :param overflow: what happens to one too many: ``"drop_oldest"`` drops the oldest and counts it in
            ``dropped``; ``"error"`` ends the iteration with :class:`~txami.EventsDropped`.
        """
        stream = EventStream(self._streams, limit, overflow)
        stream.read_from(self.on(names, where=where))
        if self._ended is not None:
            stream.end(self._ended)
        return stream

    @property
    def dropped(self) -> int:
        """How many events the iterators of :meth:`events` dropped."""
        return self._streams.dropped

    def count_by_name(self) -> dict[str, int]:
        """Return how many events of each name came, observed or not; names of more than a kilobyte are left out."""
        by_name = dict(self._counts)
        for route in self.routes.values():
            by_name[route.name] = by_name.get(route.name, 0) + route.count
        return by_name

    def end(self, error: Exception | None) -> None:
        """
        Tell those who wait for events that none will come.

        :param error: why; ``None`` lets iterators end normally.
        """
        self._ended = error or ConnectionLost(None, False)
        waiting, self._waiting = self._waiting, {}
        for waiter, give_up in waiting.items():
            if not waiter.called:  # one told before may have cancelled it
                give_up(self._ended)
        self._streams.end(error)

    def begin(self) -> None:
        """Undo :meth:`end`: events can come again."""
        self._ended = None

    def publish(self, event: Event) -> None:
        """Count an event and hand it to whom it concerns."""
        head = head_of(event.raw)
        route = self.routes.get(head)
        if route is None:
            route = self.resolve(head)
        route.count += 1
        if route.subscriptions:
            self.deliver(route.subscriptions, event, perf_counter())

    def resolve(self, head: bytes) -> Route:
        """Work out who is concerned by an event with this head, and remember it, unless it is too long."""
        if len(self.routes) >= _MAX_ROUTES:
            self.forget_routes()
        if len(self._counts) >= _MAX_ROUTES:
            self._counts.clear()
        name = decode(name_of_head(head))
        folded = name.lower()
        # dict.fromkeys: one subscription may name the event and match it by a glob, too.
        unique = dict.fromkeys(self.concerned(folded))
        route = Route(name, tuple(sorted(unique, key=lambda each: (each.fallback, each.serial))))
        if len(head) <= _MAX_HEAD:  # a name may have as many bytes as a message
            self.routes[head] = route
            self._heads.setdefault(folded, set()).add(head)
        return route

    def concerned(self, folded: str) -> list[Subscription]:
        """Return the subscriptions that an event of this name, folded, concerns."""
        # A copy: a stream that is garbage may be collected, and so cancelled, at any point of a loop.
        globs = [each for each in list(self._patterned) if any(p.match(folded) for p in each.patterns)]
        return [*self._named.get(folded, ()), *globs]

    def deliver(self, subscriptions: tuple[Subscription, ...], event: Event, began: float) -> float:
        """
        Hand an event to whom it concerns; nothing that an observer does comes back from here.

        :param began: since when the time of the first of them counts, by ``perf_counter``.
        :return: when the last of them was done, or had declined.
        """
        handled = declined = False
        for subscription in subscriptions:
            # One that was cancelled meanwhile, by an observer before it, is called no more.
            if not subscription.active:
                continue
            try:
                if subscription.is_plain:
                    handled = True
                elif (handled and subscription.fallback) or not subscription.admits(event):
                    declined = True
                    continue
                else:
                    handled = handled or not subscription.fallback
                result = subscription.observer(event)  # type: ignore[misc] # active, so it has one
                if result is not None:
                    self._follow(result, subscription, event)
            except Exception:
                self._log.failure(
                    "the observer {observer} failed on {event}",
                    observer=name_of(subscription.observer),
                    event=event,
                )
            ended = perf_counter()
            if ended - began > self.slow_after:
                self.slow.add(name_of(subscription.observer), ended - began, event)
            began = ended
        # To decline takes time, too: a where= may be slow.
        return perf_counter() if declined else began

    def _follow(self, result: object, subscription: Subscription, event: Event) -> None:
        """See an asynchronous observer through, so that its failure is not lost."""
        if isinstance(result, Coroutine):
            result = Deferred.fromCoroutine(result)
        if isinstance(result, Deferred):
            result.addErrback(
                lambda failure: self._log.failure(
                    "the observer {observer} failed on {event}",
                    failure,
                    observer=name_of(subscription.observer),
                    event=event,
                )
            )

    def add(self, subscription: Subscription) -> None:
        """Let a subscription take part; what making one does."""
        for name in subscription.names:
            self._named.setdefault(name, {})[subscription] = None
        if subscription.patterns:
            self._patterned[subscription] = None
        self.forget_routes(subscription)

    def remove(self, subscription: Subscription) -> None:
        """Undo :meth:`on`; what :meth:`Subscription.cancel` calls."""
        for name in subscription.names:
            observers = self._named.get(name, {})
            observers.pop(subscription, None)
            if not observers:
                self._named.pop(name, None)
        self._patterned.pop(subscription, None)
        self.forget_routes(subscription)

    def forget_routes(self, subscription: Subscription | None = None) -> None:
        """Have the routes that a subscription concerns worked out anew, or all; a glob may concern any."""
        if subscription is None or subscription.patterns:
            forgotten = list(self.routes)
            self._heads.clear()
        else:
            forgotten = [head for name in subscription.names for head in self._heads.pop(name, ())]
        for head in forgotten:
            # A stream that is garbage may be collected, and its routes forgotten, in the middle of this.
            route = self.routes.pop(head, None)
            if route is not None:
                self._counts[route.name] = self._counts.get(route.name, 0) + route.count
