"""
A TCP proxy that does to a connection what networks do: cuts, stalls, delays and splits, at a byte of one's choice.

It forwards bytes and knows nothing of what they mean, so it serves TLS as well.  What a connection is to suffer
is planned beforehand (:attr:`ChaosProxy.plans`), or happens to all that are up (:meth:`ChaosProxy.strike`).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

Direction = Literal["up", "down"]
Kind = Literal["fin", "rst", "stall", "delay", "split"]

_LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True)
class Fault:
    """
    What happens to a connection.

    :ivar kind: ``"fin"`` closes both ends in order, ``"rst"`` resets them, ``"stall"`` forwards nothing more in
        either direction while both ends stay open, ``"delay"`` holds the direction up once, and ``"split"``
        forwards each byte on its own from there on.
    :ivar direction: whose bytes are counted: ``"up"`` to Asterisk, ``"down"`` from it.
    :ivar offset: how many of them are forwarded before it happens.
    :ivar seconds: how long a delay takes.
    """

    kind: Kind
    direction: Direction = "down"
    offset: int = 0
    seconds: float = 0.02


class ChaosProxy(Factory):
    """
    Listens on a port of its own and forwards to another.

    :param reactor: the reactor.
    :param target: the port to forward to.
    :ivar plans: what the next connections are to suffer, one plan each; a connection without a plan suffers
        nothing.
    :ivar links: the connections that are up.
    :ivar happened: how many faults did happen.
    :ivar forwarded: how many bytes were forwarded, by direction.
    """

    noisy = False

    def __init__(self, reactor: Any, target: int) -> None:
        self.reactor = reactor
        self.target = TCP4ClientEndpoint(reactor, _LOOPBACK, target)
        self.plans: deque[Sequence[Fault]] = deque()
        self.links: set[_Link] = set()
        self.happened = 0
        self.forwarded: Counter[Direction] = Counter()
        self._listening = reactor.listenTCP(0, self, interface=_LOOPBACK)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listening.getHost().port)

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Begin a link to the target."""
        return _Link(self, self.plans.popleft() if self.plans else ()).ends["up"]

    def strike(self, kind: Kind, seconds: float = 0.02) -> None:
        """Let a fault happen now, on each connection that is up."""
        for link in list(self.links):
            link.suffer(Fault(kind, seconds=seconds))

    def stop(self) -> Any:
        """Cut all connections and listen no more; return a Deferred for when the port is closed."""
        for link in list(self.links):
            link.cut("rst")
        return self._listening.stopListening()


class _Link:
    """
    One connection through the proxy.

    :ivar ends: by the direction of what it receives, the client's end ``"up"`` and Asterisk's end ``"down"``.
    :ivar lanes: by direction.
    """

    def __init__(self, proxy: ChaosProxy, plan: Sequence[Fault]) -> None:
        self.proxy = proxy
        self.ends: dict[Direction, _End] = {"up": _End(self, "up"), "down": _End(self, "down")}
        self.lanes: dict[Direction, _Lane] = {
            way: _Lane(self, way, [fault for fault in plan if fault.direction == way]) for way in self.ends
        }
        self._closed = False

    def connected(self, way: Direction) -> None:
        """Take note that one of the ends is there."""
        if way == "up":
            self.proxy.links.add(self)
            attempt = connectProtocol(self.proxy.target, self.ends["down"])
            attempt.addErrback(lambda _: self.cut("rst"))
        elif self._closed:
            self.cut("rst")
        else:
            self.lanes["up"].begin(self.ends["down"].transport)
            self.lanes["down"].begin(self.ends["up"].transport)

    def suffer(self, fault: Fault) -> None:
        """Let a fault happen."""
        self.proxy.happened += 1
        if fault.kind in ("fin", "rst"):
            self.cut(fault.kind)
            return
        for way, lane in self.lanes.items():
            if fault.kind == "stall":
                lane.stalled = True
            elif way == fault.direction:
                lane.slow_down(fault)

    def cut(self, kind: Kind) -> None:
        """Close both ends; in order, or at once and for both to notice."""
        self._closed = True
        self.proxy.links.discard(self)
        for end in self.ends.values():
            transport: Any = end.transport
            if transport is not None:
                (transport.abortConnection if kind == "rst" else transport.loseConnection)()


class _End(Protocol):
    """One of the two ends."""

    def __init__(self, link: _Link, way: Direction) -> None:
        self._link = link
        self._way = way

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.setTcpNoDelay(True)
        self._link.connected(self._way)

    def dataReceived(self, data: bytes) -> None:
        self._link.lanes[self._way].take(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._link.cut("fin")


class _Lane:
    """What flows one way."""

    def __init__(self, link: _Link, way: Direction, faults: Sequence[Fault]) -> None:
        self.stalled = False
        self._link = link
        self._way = way
        self._forwarded = 0
        self._faults = deque(sorted(faults, key=lambda fault: fault.offset))
        self._held = bytearray()
        self._write: Callable[[bytes], object] | None = None
        self._single = False
        self._waiting = False

    def begin(self, transport: Any) -> None:
        """Forward to this transport from now on."""
        self._write = transport.write
        self._pump()

    def take(self, data: bytes) -> None:
        """Forward these bytes when their time has come."""
        self._held += data
        self._pump()

    def slow_down(self, fault: Fault) -> None:
        """Suffer a delay, or be split from now on."""
        if fault.kind == "split":
            self._single = True
        else:
            self._pause(fault.seconds)

    def _pause(self, seconds: float) -> None:
        if not self._waiting:
            self._waiting = True
            self._link.proxy.reactor.callLater(seconds, self._go_on)

    def _go_on(self) -> None:
        self._waiting = False
        self._pump()

    def _pump(self) -> None:
        """Forward what may be forwarded, and meet the faults on the way."""
        while self._write is not None and not self.stalled and not self._waiting:
            if self._faults and self._faults[0].offset <= self._forwarded:
                self._link.suffer(self._faults.popleft())
                continue
            if not self._held:
                return
            room = self._faults[0].offset - self._forwarded if self._faults else len(self._held)
            piece = bytes(self._held[: 1 if self._single else room])
            del self._held[: len(piece)]
            self._forwarded += len(piece)
            self._link.proxy.forwarded[self._way] += len(piece)
            self._write(piece)
            if self._single:
                self._pause(0)
