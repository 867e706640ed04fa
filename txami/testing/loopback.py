"""The fake on a real port: for clients with a reactor of their own, and for those that have none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.threads import blockingCallFromThread
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory

if TYPE_CHECKING:
    from .fake import FakeAsterisk

P = ParamSpec("P")
T = TypeVar("T")


class Place:
    """
    Where a fake listens.

    :ivar host: the address.
    :ivar port: the port.
    :ivar address: both, as :func:`txami.connect` takes them; with TLS in front of them ``"tls:"``.
    """

    def __init__(self, fake: FakeAsterisk, reactor: Any, listening: Any, has_tls: bool) -> None:
        host = listening.getHost()
        self.fake = fake
        self.reactor = reactor
        self.host: str = host.host
        self.port: int = host.port
        bare = f"[{self.host}]" if ":" in self.host else self.host
        self.address = f"{'tls:' if has_tls else ''}{bare}:{self.port}"
        self._listening = listening

    def stop(self) -> Deferred[None]:
        """
        Listen no more, and end what is going on.

        :return: fires when nobody can connect any more.
        """
        self.fake.stop()
        stopping: Deferred[None] = maybeDeferred(self._listening.stopListening).addCallback(lambda _: None)
        return stopping

    def call(self, function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """
        Call a method of the fake from another thread than that of its reactor, such as ``fake.emit``.

        :param function: what to call.
        :param arguments: for it.
        :param keywords: for it.
        :return: what it returns.
        """
        result: T = blockingCallFromThread(self.reactor, function, *arguments, **keywords)
        return result


def listen(fake: FakeAsterisk, reactor: Any, port: int, interface: str, tls: Any) -> Deferred[Place]:
    """Listen, see :meth:`FakeAsterisk.listen`."""
    fake.clock = reactor
    factory: Any = fake
    if tls is not None:
        from twisted.internet.ssl import DefaultOpenSSLContextFactory  # needs pyOpenSSL
        from twisted.protocols.tls import TLSMemoryBIOFactory

        if isinstance(tls, (str, os.PathLike)):
            tls = DefaultOpenSSLContextFactory(os.fspath(tls), os.fspath(tls))
        # With the reactor: the default is the global one, which may be another, or not run at all.
        factory = SlowStart(fake, TLSMemoryBIOFactory(tls, False, fake, clock=reactor))
    kind = TCP6ServerEndpoint if ":" in interface else TCP4ServerEndpoint
    listening: Deferred[Any] = kind(reactor, port, interface=interface).listen(factory)
    return listening.addCallback(lambda found: Place(fake, reactor, found, tls is not None))


@contextmanager
def serving(
    fake: FakeAsterisk | None = None, *, port: int = 0, interface: str = "127.0.0.1", tls: Any = None
) -> Iterator[Place]:
    """
    Run a fake on a real port of this machine, with a reactor and a thread of its own, for tests that block.

    :param fake: the fake, whose clock becomes that reactor; by default a new one.
    :param port: where; 0 for any that is free.
    :param interface: the address.
    :param tls: see :meth:`FakeAsterisk.listen`.
    :return: a context manager, which gives the :class:`Place`.
    """
    from ..blocking.bridge import ReactorThread  # only here a thread is needed
    from .fake import FakeAsterisk

    served = FakeAsterisk() if fake is None else fake
    thread = ReactorThread()
    thread.start()
    try:
        place: Place = thread.submit(lambda: served.listen(thread.reactor, port, interface, tls)).wait(None)
        try:
            yield place
        finally:
            thread.submit(place.stop).wait(None)
    finally:
        thread.stop()
        thread.join()


class SlowStart(WrappingFactory["_SlowStart"]):
    """Holds back what clients send at first, so that the TLS handshake is slow."""

    noisy = False

    def __init__(self, fake: FakeAsterisk, wrapped: Any) -> None:
        super().__init__(wrapped)
        self.fake = fake
        self.protocol = _SlowStart


class _SlowStart(ProtocolWrapper):
    """A connection of which nothing is read for some time."""

    def __init__(self, factory: SlowStart, wrapped: Any) -> None:
        super().__init__(factory, wrapped)
        self._fake = factory.fake
        self._held: list[bytes] | None = []
        self._call: Any = None

    def makeConnection(self, transport: Any) -> None:
        """Begin to wait."""
        seconds = self._fake.faults.slow_tls
        if seconds:
            self._call = self._fake.clock.callLater(seconds, self._begin)
        else:
            self._held = None
        super().makeConnection(transport)

    def dataReceived(self, data: bytes) -> None:
        """Hold back data, until it is time."""
        if self._held is None:
            super().dataReceived(data)
        else:
            self._held.append(data)

    def connectionLost(self, reason: Any) -> None:  # type: ignore[override]
        """Wait no more."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        super().connectionLost(reason)

    def _begin(self) -> None:
        held, self._held = self._held or [], None
        for data in held:
            super().dataReceived(data)
