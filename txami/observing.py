"""The methods for observing events, of whatever has an :class:`~txami.EventRegistry`."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from .message import Event
from .observers import EventRegistry
from .streams import EventStream, Overflow
from .subscription import Names, Observer, Subscription, Where


class Observing:
    """Offers the methods of its ``registry`` as its own."""

    registry: EventRegistry

    def on_fully_booted(self, observer: Observer) -> Subscription:
        """
        Call the observer when Asterisk has booted: with ``FullyBooted``, which each login brings as well, at
        once or as soon as that is so.  It needs read class ``system``.
        """
        return self.on("FullyBooted", observer)

    def on_reload(self, observer: Observer) -> Subscription:
        """Call the observer with ``Reload`` when a module has read its configuration anew (class ``system``)."""
        return self.on("Reload", observer)

    def on_shutdown(self, observer: Observer) -> Subscription:
        """Call the observer with ``Shutdown`` when Asterisk is about to stop or to restart (class ``system``)."""
        return self.on("Shutdown", observer)

    def on(self, names: Names, observer: Observer | None = None, *, where: Where = None) -> Subscription:
        """See :meth:`~txami.EventRegistry.on`."""
        return self.registry.on(names, observer, where=where)

    def once(self, names: Names, observer: Observer | None = None, *, where: Where = None) -> Subscription:
        """See :meth:`~txami.EventRegistry.once`."""
        return self.registry.once(names, observer, where=where)

    def on_unhandled(self, observer: Observer) -> Subscription:
        """See :meth:`~txami.EventRegistry.on_unhandled`."""
        return self.registry.on_unhandled(observer)

    def wait_for(self, names: Names, where: Where = None, timeout: float | None = None) -> Deferred[Event]:
        """See :meth:`~txami.EventRegistry.wait_for`."""
        return self.registry.wait_for(names, where, timeout)

    def events(
        self, names: Names = None, where: Where = None, *, limit: int = 1000, overflow: Overflow = "drop_oldest"
    ) -> EventStream:
        """See :meth:`~txami.EventRegistry.events`."""
        return self.registry.events(names, where, limit=limit, overflow=overflow)
