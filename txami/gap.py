"""What a service tells of its connection: that it is up, after which :class:`Gap`, and that it is down."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from .records import record

if TYPE_CHECKING:
    from .protocol import AMIProtocol


@record(frozen=True)
class Gap:
    """
    A new connection, and the time for which nobody listened before it.

    Events of that time are not told again: what matters has to be looked at anew.  On the first connection
    there is no gap, and all but ``connection`` is ``None``.

    :ivar connection: the connection that is up now.
    :ivar since: when the connection before was last heard, in seconds since the epoch.  One that vanished
        without a word is heard last long before its loss is found out.
    :ivar until: when the new connection was logged in.
    :ivar reason: why the connection before was lost.
    """

    connection: AMIProtocol
    since: float | None = None
    until: float | None = None
    reason: Exception | None = None

    @property
    def seconds(self) -> float:
        """How long the gap is, 0 on the first connection."""
        return 0.0 if self.since is None or self.until is None else self.until - self.since


class LinkObserver:
    """One who is told of the connection.  Calling it calls the observer: a decorated function stays usable."""

    def __init__(self, observer: Callable[..., object], observers: LinkObservers) -> None:
        self._observer = observer
        self._observers = observers

    def cancel(self) -> None:
        """Be told no more.  Can be called at any time and more than once."""
        self._observers.remove(self)

    def __call__(self, *subject: Any) -> Any:
        return self._observer(*subject)


class LinkObservers:
    """Those who are told of one kind of thing, in the order in which they were added."""

    _log = Logger()

    def __init__(self) -> None:
        self._all: dict[LinkObserver, None] = {}

    def add(self, observer: Callable[..., object]) -> LinkObserver:
        """Add one, who may be an ``async def``."""
        added = LinkObserver(observer, self)
        self._all[added] = None
        return added

    def remove(self, observer: LinkObserver) -> None:
        """Remove one, if it is there."""
        self._all.pop(observer, None)

    def tell(self, *subject: object) -> None:
        """Tell them all; nothing that they do comes back from here."""
        for observer in list(self._all):
            if observer in self._all:  # else cancelled by one before
                Deferred.fromCoroutine(_call(observer, subject)).addErrback(
                    lambda failure: self._log.failure("an observer of the connection failed", failure)
                )


async def _call(observer: LinkObserver, subject: tuple[object, ...]) -> None:
    """Call an observer and see it through if it is asynchronous."""
    result = observer(*subject)
    if isinstance(result, (Coroutine, Deferred)):
        await result
