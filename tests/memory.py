"""A network in memory: programs run on it unchanged, at once, and in the time that they mean to take."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, NoReturn

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.test.iosim import ConnectionCompleter, IOPump

from txami.testing import FakeAsterisk

#: Seconds of made-up time after which a program is taken to hang.
LIMIT = 3600.0


Listener = tuple[int, Any, int, str]


class MemoryPort:
    """A port that a :class:`MemoryNetwork` listens on."""

    def __init__(self, listener: Listener, listeners: list[Listener]) -> None:
        self._listener = listener
        self._listeners = listeners

    def getHost(self) -> IPv4Address:
        """Return where it listens."""
        return IPv4Address("TCP", "127.0.0.1", self._listener[0])

    def stopListening(self) -> Deferred[None]:
        """Refuse who comes from now on."""
        self._listeners.remove(self._listener)
        return succeed(None)


class MemoryNetwork(MemoryReactorClock):
    """
    A reactor on which whoever connects to a port reaches whoever listens there, whatever the host's name.

    Time passes only while something is waited for, and then jumps to the next call that is due.
    """

    def __init__(self) -> None:
        super().__init__()
        self._completer = ConnectionCompleter(self)
        self._pumps: list[IOPump] = []

    def fake(self, port: int = 5038) -> FakeAsterisk:
        """Put a FakeAsterisk on a port; ``admin`` may log in with ``secret``."""
        server = FakeAsterisk(self, {"admin": "secret"})
        self.listenTCP(port, server)
        return server

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> MemoryPort:
        """Listen, for port 0 on a port that is made up."""
        listener = (port or 40000 + len(self.tcpServers), factory, backlog, interface)
        self.tcpServers.append(listener)
        return MemoryPort(listener, self.tcpServers)

    def react(self, main: Callable[..., Any], argv: Iterable[object] = ()) -> NoReturn:
        """Stand in for :func:`twisted.internet.task.react`; an error is raised, where that would log it."""
        self.result_of(main(self, *argv))
        raise SystemExit(0)

    def result_of(self, waiting: Deferred[Any] | Coroutine[Any, Any, Any]) -> Any:
        """Let data arrive and time pass until the result is there."""
        results: list[Any] = []
        ensureDeferred(waiting).addBoth(results.append)
        self._go_on(lambda: bool(results))
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass."""
        passed: list[None] = []
        self.callLater(seconds, passed.append, None)
        self._go_on(lambda: bool(passed))

    def interrupt(self) -> None:
        """Begin what a reactor does before it shuts down, as at Ctrl-C."""
        for trigger, arguments, keywords in self.triggers.get("before", {}).get("shutdown", []):
            trigger(*arguments, **keywords)

    def _go_on(self, is_done: Callable[[], bool]) -> None:
        while not is_done():
            if not self._data_moves():
                self._time_jumps()
        while self._data_moves():
            pass

    def _data_moves(self) -> bool:
        before = len(self._pumps)
        while (pump := self._completer.succeedOnce(greet=False)) is not None:
            self._pumps.append(pump)
        refused = len(self.tcpClients)
        for _ in range(refused):
            self._completer.failOnce()
        moved = [pump.pump(advanceClock=False) for pump in self._pumps]
        return len(self._pumps) > before or refused > 0 or any(moved)

    def _time_jumps(self) -> None:
        due = [call.getTime() for call in self.getDelayedCalls()]
        assert due, "the program waits for what never comes"
        assert min(due) < LIMIT, f"the program does not end within {LIMIT:g} s"
        self.advance(max(min(due) - self.seconds(), 0))
