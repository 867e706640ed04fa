"""Connections in memory: no network, and time passes when the test says so."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, IOPump, connect, makeFakeClient
from zope.interface import implementer

from .. import client
from .session import FakeSession

if TYPE_CHECKING:
    from ..protocol import AMIProtocol
    from .fake import FakeAsterisk

T = TypeVar("T")

#: Seconds of made-up time after which what is waited for is taken never to come.
LIMIT = 3600.0


class _ServerTransport(FakeTransport):
    """A transport of which what is written in pieces arrives in pieces."""

    def getOutBuffer(self) -> Any:
        """Return the oldest piece."""
        return self.stream.pop(0) if self.stream else super().getOutBuffer()


def _tell_when_used(transport: FakeTransport, tell: Callable[[], None]) -> None:
    """Have somebody told whenever there is something to pass on."""

    def telling(method: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: object) -> None:
            method(*arguments)
            tell()

        return call

    for name in ("write", "loseConnection", "abortConnection"):
        setattr(transport, name, telling(getattr(transport, name)))


@implementer(IStreamClientEndpoint)
class MemoryEndpoint:
    """
    An endpoint to a :class:`~txami.testing.FakeAsterisk`, without a network.

    :param clock: passes the time.
    :param server: the fake.
    :param automatic: whether attempts succeed and data flows by themselves, in the next turn of the clock; else the
        test says when, with :meth:`accept`, :meth:`refuse` and :meth:`flush`.
    :ivar attempts: those under way, oldest first.
    :ivar pumps: the connections that were made; closed ones too.
    :ivar cancelled: how many attempts were given up by the client.
    """

    def __init__(self, clock: Any, server: FakeAsterisk, automatic: bool = False) -> None:
        self.clock = clock
        self.server = server
        self.attempts: list[tuple[IProtocolFactory, Deferred[Any]]] = []
        self.pumps: list[IOPump] = []
        self.cancelled = 0
        self._automatic = automatic
        self._wakes = False

    def __repr__(self) -> str:
        return "a FakeAsterisk in memory"

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
        """Begin an attempt."""

        def cancel(_: object) -> None:
            self.cancelled += 1
            self.attempts.remove(attempt)

        deferred: Deferred[Any] = Deferred(cancel)
        attempt = (factory, deferred)
        self.attempts.append(attempt)
        if self._automatic:
            self.clock.callLater(0, self._decide, attempt)
        return deferred

    def _decide(self, attempt: tuple[IProtocolFactory, Deferred[Any]]) -> None:
        if attempt in self.attempts:
            if self.server.accepts:
                self.accept()
            else:
                self.refuse()

    def accept(self, greet: bool = True) -> IOPump:
        """
        Let the oldest attempt succeed.

        :param greet: whether both sides then talk until they have no more to say.
        """
        factory, deferred = self.attempts.pop(0)
        client: Any = factory.buildProtocol(None)  # type: ignore[arg-type]
        server = self.server.buildProtocol(None)
        ends = (_ServerTransport(server, isServer=True), makeFakeClient(client))
        if self._automatic:
            for end in ends:
                _tell_when_used(end, self._wake)
        pump: IOPump = connect(server, ends[0], client, ends[1], greet=False, clock=self.clock)
        self.pumps.append(pump)
        deferred.callback(client)
        if self._automatic:
            self._wake()
        elif greet:
            self._pump(pump)
        return pump

    def refuse(self) -> None:
        """Let the oldest attempt fail."""
        self.attempts.pop(0)[1].errback(Failure(ConnectionRefusedError()))

    def advance(self, seconds: float) -> None:
        """Let time pass, and both sides talk."""
        self.clock.advance(seconds)
        self.flush()

    def flush(self) -> None:
        """Let both sides of every connection talk."""
        for pump in self.pumps:
            self._pump(pump)

    def cut(self) -> None:
        """Lose the latest connection, as if the server had gone."""
        pump = self.pumps[-1]
        pump.serverIO.disconnecting = True
        self._pump(pump)

    @property
    def session(self) -> FakeSession:
        """The server's side of the latest connection."""
        server = self.pumps[-1].server
        assert isinstance(server, FakeSession)
        return server

    def _pump(self, pump: IOPump) -> None:
        while pump.pump(advanceClock=not self._automatic):
            pass

    def _wake(self) -> None:
        if not self._wakes:
            self._wakes = True
            self.clock.callLater(0, self._woken)

    def _woken(self) -> None:
        self._wakes = False
        self.flush()
        self.pumps = [pump for pump in self.pumps if not pump.serverIO.disconnected and not pump.clientIO.disconnected]


class InMemory:
    """
    What a fake is for clients of the same program: an endpoint, and the time.

    :ivar clock: passes the time.
    :ivar accepts: whether clients may connect in memory; else they are refused.
    """

    clock: Any
    accepts = True

    def endpoint(self) -> MemoryEndpoint:
        """Return an endpoint that connects to the fake without a network; data flows in turns of its clock."""
        return MemoryEndpoint(self.clock, cast("FakeAsterisk", self), automatic=True)

    def flush(self) -> None:
        """
        Let all that is to be done now be done: data arrives, and answers to it.

        :raises TypeError: if the fake's clock is a reactor, which lets time pass by itself.
        """
        clock = self._made_up_time()
        while any(call.getTime() <= clock.seconds() for call in clock.getDelayedCalls()):
            clock.advance(0)

    def advance(self, seconds: float) -> None:
        """
        Let time pass, and whatever is due happen at its time.

        :param seconds: how much.
        :raises TypeError: if the fake's clock is a reactor, which lets time pass by itself.
        """
        clock = self._made_up_time()
        end = clock.seconds() + seconds
        self.flush()
        while (due := self._next_due()) is not None and due <= end:
            clock.advance(due - clock.seconds())
            self.flush()
        clock.advance(max(end - clock.seconds(), 0))
        self.flush()

    def result_of(self, waiting: Deferred[T] | Coroutine[Any, Any, T]) -> T:
        """
        Let time pass until a Deferred has fired or a coroutine has ended, and no longer.

        :param waiting: the Deferred or the coroutine.
        :return: its result.
        :raises Exception: whatever it fails with.
        :raises AssertionError: if nothing is left that could happen, or not within an hour.
        :raises TypeError: if the fake's clock is a reactor, which lets time pass by itself.
        """
        clock = self._made_up_time()
        results: list[Any] = []
        ensureDeferred(waiting).addBoth(results.append)
        end = clock.seconds() + LIMIT
        self.flush()
        while not results:
            due = self._next_due()
            if due is None:
                raise AssertionError("this never comes: nothing is left that could happen")
            if due > end:
                raise AssertionError(f"this does not come within {LIMIT:g} s")
            clock.advance(due - clock.seconds())
            self.flush()
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return cast(T, results[0])

    def finish(self) -> None:
        """
        Close all connections, and check that nothing is left of the test.

        :raises AssertionError: if the script was not played to its end, or something is still to happen, such as
            the next attempt of a service that nobody stopped.
        :raises TypeError: if the fake's clock is a reactor, which lets time pass by itself.
        """
        clock = self._made_up_time()
        self.flush()
        self.stop()
        self.flush()
        left = [f"{call} in {call.getTime() - clock.seconds():g} s" for call in clock.getDelayedCalls()]
        self.check_script()
        if left:
            raise AssertionError(f"something is still to happen; is all stopped? {'; '.join(left)}")

    def stop(self) -> None:
        """End what is going on: calls go no further, and connections are closed."""
        raise NotImplementedError

    def check_script(self) -> None:
        """Check that the conversation was the one that was expected."""
        raise NotImplementedError

    def _next_due(self) -> float | None:
        return min((call.getTime() for call in self.clock.getDelayedCalls()), default=None)

    def _made_up_time(self) -> Clock:
        if not isinstance(self.clock, Clock):
            raise TypeError("the fake's clock is a reactor, whose time passes by itself: this is for a Clock")
        return self.clock


@contextmanager
def logged_in(fake: FakeAsterisk) -> Iterator[AMIProtocol]:
    """
    Log in as the first user of a fake, and off at the end.

    :raises AssertionError: then, if an action has not been answered.
    """
    username, user = next(iter(fake.users.items()))
    secret = user if isinstance(user, str) else user.secret
    ami = fake.result_of(client.connect(fake.clock, fake.endpoint(), username, secret))
    yield ami
    fake.flush()
    pending = ami.pending
    fake.result_of(ami.logoff())
    if pending:
        raise AssertionError(f"{pending} of the actions that were sent have not been answered")
