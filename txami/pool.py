""":class:`AMIPool`: several servers, each with a connection that is kept up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

from .actions import DEFAULT_TIMEOUT
from .gap import LinkObserver, LinkObservers
from .login import Secret
from .message import Event, Response
from .observers import EventRegistry
from .observing import Observing
from .service import AMIService
from .stats import Health, Stats
from .subscription import Subscription
from .wire import Fields, HeaderValue, pairs_of


class PoolRegistry(EventRegistry):
    """The observers of all servers of a pool."""

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__(clock)
        self.members: set[MemberRegistry] = set()

    def forget_routes(self, subscription: Subscription | None = None) -> None:
        """Have the members' routes worked out anew, which lead to these observers as well."""
        super().forget_routes(subscription)
        for member in self.members:
            member.forget_routes(subscription)


class MemberRegistry(EventRegistry):
    """
    The observers of one server of a pool, and those of the pool.

    :param pool: the latter.
    :param server: the name that the server's events have.
    """

    def __init__(self, pool: PoolRegistry, server: str) -> None:
        super().__init__(pool.clock)
        self._pool = pool
        # A type for each server, so that no event has to carry the name.
        self.event_type = type("Event", (Event,), {"__slots__": (), "__module__": Event.__module__, "server": server})
        pool.members.add(self)

    def concerned(self, folded: str) -> list[Subscription]:
        """Return the subscriptions to this server, and those to all."""
        shared = self._pool.concerned(folded) if self in self._pool.members else ()
        return [*super().concerned(folded), *shared]

    def leave(self) -> None:
        """Leave the pool: its observers get no more events from here."""
        self._pool.members.discard(self)
        self.forget_routes()


class AMIPool(Observing, MultiService):
    """
    Named servers, each an :class:`~txami.AMIService` with a connection and a state of its own.

    What is observed here is observed on all of them, those that are added later included, and the name of the
    server is in ``event.server``.  ``pool["name"]`` is the service of one, with all its methods.

    :param reactor: the reactor.
    :param options: for every service, see :class:`~txami.AMIService`.
    """

    registry: PoolRegistry

    def __init__(self, reactor: Any, **options: Any) -> None:
        super().__init__()
        self.registry = PoolRegistry(reactor)
        self._reactor = reactor
        self._options = options
        self._servers: dict[str, AMIService] = {}
        self._connected_observers = LinkObservers()
        self._disconnected_observers = LinkObservers()

    # -- its servers -----------------------------------------------------------------------------------

    def add(
        self, name: str, endpoint: str | IStreamClientEndpoint, username: str, secret: str | Secret, **options: Any
    ) -> AMIService:
        """
        Add a server, and connect to it if the pool runs.

        :param name: a name for it.
        :param options: see :class:`~txami.AMIService`; those of the pool hold if they are not given here.
        :return: its service.
        :raises ValueError: if there is one of that name, or an option is none.
        """
        if name in self._servers:
            raise ValueError(f"there is a server {name!r} already")
        registry = MemberRegistry(self.registry, name)
        try:
            options = {**self._options, **options, "registry": registry}
            service = AMIService(self._reactor, endpoint, username, secret, **options)
        except BaseException:
            registry.leave()
            raise
        service.on_connected(lambda gap: self._connected_observers.tell(name, gap))
        service.on_disconnected(lambda reason: self._disconnected_observers.tell(name, reason))
        service.setName(name)
        self._servers[name] = service
        service.setServiceParent(self)
        return service

    def remove(self, name: str) -> Deferred[None]:
        """
        Log off from a server and forget it.

        :return: fires when its connection is closed.
        :raises KeyError: if there is no server of that name.
        """
        service = self._servers.pop(name)

        def closed(_: object) -> None:
            assert isinstance(service.registry, MemberRegistry)
            service.registry.leave()

        return maybeDeferred(service.disownServiceParent).addCallback(closed)

    @property
    def servers(self) -> Mapping[str, AMIService]:
        """The services by name, as they are now."""
        return dict(self._servers)

    def __getitem__(self, name: str) -> AMIService:
        return self._servers[name]

    def __contains__(self, name: object) -> bool:
        return name in self._servers

    def __len__(self) -> int:
        return len(self._servers)

    def __bool__(self) -> bool:
        return True

    @property
    def health(self) -> dict[str, Health]:
        """How the connection to each server is."""
        return {name: service.health for name, service in self._servers.items()}

    @property
    def stats(self) -> dict[str, Stats]:
        """What happened with each server."""
        return {name: service.stats for name, service in self._servers.items()}

    @property
    def events_dropped(self) -> int:
        """How many events the pool's own :meth:`events` dropped; each server's stats have those of its own."""
        return self.registry.dropped

    # -- running ---------------------------------------------------------------------------------------

    def startService(self) -> None:
        """Connect to all servers, and keep connected."""
        self.registry.begin()
        super().startService()

    def stopService(self) -> Deferred[None]:
        """
        Log off from all servers.

        :return: fires when all connections are closed.
        """
        self.registry.end(None)
        stopping: Deferred[Any] = super().stopService()
        return stopping.addCallback(lambda _: None)

    def on_connected(self, observer: Callable[[str, Any], object]) -> LinkObserver:
        """
        Call the observer with a server's name and a :class:`~txami.Gap` whenever a connection has logged in.

        :return: see :meth:`txami.AMIService.on_connected`.
        """
        return self._connected_observers.add(observer)

    def on_disconnected(self, observer: Callable[[str, Exception], object]) -> LinkObserver:
        """
        Call the observer with a server's name and the reason whenever a connection is lost.

        :return: see :meth:`txami.AMIService.on_connected`.
        """
        return self._disconnected_observers.add(observer)

    # -- actions ---------------------------------------------------------------------------------------

    def action(
        self,
        name: str,
        fields: Fields | None = None,
        /,
        *,
        server: str,
        timeout: float | None = DEFAULT_TIMEOUT,
        check: bool = True,
        **headers: HeaderValue,
    ) -> Deferred[Response]:
        """
        Send an action to a server, see :meth:`txami.AMIService.action`.

        :param server: its name.
        :raises KeyError: if there is no server of that name.
        """
        return self._servers[server].action(name, fields, timeout=timeout, check=check, **headers)

    def action_on_all(
        self,
        name: str,
        fields: Fields | None = None,
        /,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        check: bool = True,
        **headers: HeaderValue,
    ) -> Deferred[dict[str, Response | Exception]]:
        """
        Send an action to all servers at once, see :meth:`txami.AMIService.action`.

        :return: fires, when all have answered or failed, with the response of each server, or its error; it
            never fails.  A server that is down takes as long as the timeout.
        :raises InvalidAction: at once, if the action cannot be sent safely.
        """
        pairs = pairs_of(fields)
        replies: dict[str, Deferred[Any]] = {}
        for server, service in self._servers.items():
            replies[server] = service.action(name, pairs, timeout=timeout, check=check, **headers)
        everything: Deferred[Any] = DeferredList(
            [reply.addErrback(lambda failure: failure.value) for reply in replies.values()]
        )
        return everything.addCallback(
            lambda results: {server: result for server, (_, result) in zip(replies, results, strict=True)}
        )
