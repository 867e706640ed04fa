"""What the connection and the service have in common, as an interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from .message import Event, Response
    from .observers import Names, Observer, Subscription, Where
    from .originate import Call
    from .streams import EventStream, Overflow
    from .wire import Fields, HeaderValue


class IAMI(Interface):
    """
    A manager interface to talk to: :class:`~txami.AMIProtocol` while its connection lasts,
    :class:`~txami.AMIService` for as long as it runs.
    """

    def action(
        name: str,
        fields: Fields | None = None,
        /,
        *,
        timeout: float | None = None,
        check: bool = True,
        **headers: HeaderValue,
    ) -> Deferred[Response]:
        """Send an action; the Deferred fires with its whole reply."""

    def command(command: str, *, timeout: float | None = None, check: bool = True) -> Deferred[Response]:
        """Run a CLI command; its lines are the response's ``output``."""

    def originate(channel: str) -> Deferred[Call]:
        """Place a call, with the options of :meth:`txami.AMIProtocol.originate`."""

    def on(names: Names, observer: Observer | None = None, *, where: Where = None) -> Subscription:
        """Observe events."""

    def once(names: Names, observer: Observer | None = None, *, where: Where = None) -> Subscription:
        """Observe one event."""

    def on_unhandled(observer: Observer) -> Subscription:
        """Observe the events that nobody else does."""

    def wait_for(names: Names, where: Where = None, timeout: float | None = None) -> Deferred[Event]:
        """Wait for an event."""

    def events(
        names: Names = None, where: Where = None, *, limit: int = 1000, overflow: Overflow = "drop_oldest"
    ) -> EventStream:
        """Iterate over events."""

    def when_disconnected() -> Deferred[Exception]:
        """Wait for the connection to end."""
