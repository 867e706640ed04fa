"""
Events at full speed, thousands of actions under way, and observers that are slow.

``TXAMI_FLOOD`` says how many events, a million for one.  The user is one that Asterisk cuts off when a write to it
takes longer than a tenth of a second, as is everybody whom manager.conf does not give a ``writetimeout``;
``TXAMI_FLOOD_USER=admin`` is given five seconds.

What gets one cut off, on two processors, with 60,000 to 100,000 events a second: a pause of 0.7 to 1 s, for the kernels
keep 40,000 events and no more; and with these full, to read less than a third of Asterisk's send buffer (4 MB) in a
tenth of a second, which is to do it at the pace of these observers.  So nothing here keeps the reactor busy for long:
the actions are sent before the flood, fifty at a time, and the garbage collector leaves alone what pytest has in memory
(590 ms were seen).
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from tests.asterisk import flood
from tests.asterisk.storm import together
from tests.asterisk.support import AsteriskCase, on_each_server
from txami import AMIProtocol, Event, EventsDropped
from txami.streams import EventStream

_EVENTS: Final = int(os.environ.get("TXAMI_FLOOD", "60000"))
_USER: Final = os.environ.get("TXAMI_FLOOD_USER", "slowpoke")
_SENDERS: Final = 2
_PENDING: Final = 10_000


class Witness:
    """An observer that is prompt, and looks whether the numbers of each sender are complete and in order."""

    def __init__(self) -> None:
        self.next = dict.fromkeys(map(str, range(_SENDERS)), 0)
        self.wrong: list[str] = []

    def __call__(self, event: Event) -> None:
        sender, serial = event["Sender"], int(event["Serial"])
        if serial != self.next[sender]:
            self.wrong.append(f"{sender}: {serial} after {self.next[sender] - 1}")
        self.next[sender] = serial + 1

    @property
    def total(self) -> int:
        return sum(self.next.values())


class Pipeline:
    """
    Keeps a number of actions waiting for their answers, each of which is another one.

    :ivar answered: how many were answered.
    :ivar least: how many were pending at least, from when it was full until the flood was over.
    :ivar wrong: the answers that were another's.
    """

    def __init__(self, ami: AMIProtocol, size: int, is_over: Callable[[], bool]) -> None:
        self.answered = 0
        self.is_full = False
        self.least = size
        self.wrong: list[str] = []
        self._ami = ami
        self._size = size
        self._is_over = is_over
        self._asking: list[Deferred[None]] = []
        self._failures: list[Failure] = []
        self._number = 0

    async def fill(self) -> None:
        """Send the first actions, some at a time, as a program would; each answer makes for another action."""
        while len(self._asking) < self._size and not self._failures:
            for _ in range(50):
                asking = Deferred.fromCoroutine(self._ask_again_and_again())
                self._asking.append(asking.addErrback(self._failures.append))
            await deferLater(self._ami.registry.clock, 0)
        self.is_full = True

    async def drain(self) -> None:
        """Wait for the last answers, which come when the flood is over."""
        await DeferredList(self._asking)
        for failure in self._failures:
            failure.raiseException()

    async def _ask_again_and_again(self) -> None:
        while not self._is_over():
            self._number += 1
            number = self._number
            value = await self._ami.get_variable(f"MATH({number}*3,i)")
            self.answered += 1
            if value != str(number * 3):
                self.wrong.append(f"{number}: {value}")
            if self.is_full and not self._is_over():
                self.least = min(self.least, self._ami.pending)


@on_each_server
class Floods(AsteriskCase):
    timeout = 1200

    def setUp(self) -> None:
        super().setUp()
        # To look through all that pytest keeps takes the collector half a second at a bad time.
        gc.collect()
        gc.freeze()
        self.addCleanup(gc.unfreeze)

    async def test_nothing_is_lost(self) -> None:
        server = self.server
        ami = await self.connect(_USER, events="user", action_timeout=None)
        count = _EVENTS // _SENDERS
        witness = Witness()
        slow = 0

        def be_slow(event: Event) -> None:
            nonlocal slow
            if event["Serial"].endswith("00"):
                slow += 1
                time.sleep(0.002)

        ami.on("UserEvent", be_slow)
        ami.on("UserEvent", witness)
        stream = ami.events("UserEvent", limit=1000)
        strict = ami.events("UserEvent", limit=1000, overflow="error")

        def is_over() -> bool:
            return witness.total >= _EVENTS or not ami.logged_in

        pipeline = Pipeline(ami, _PENDING, is_over)
        await pipeline.fill()
        began, cpu = time.perf_counter(), time.process_time()
        senders = [flood.start(server, sender, count) for sender in range(_SENDERS)]
        for sender in senders:
            self.addCleanup(_end, sender)
        took: list[float] = []
        reading = Deferred.fromCoroutine(self.read(stream))
        await together([pipeline.drain(), self.read_strictly(strict), self.flooded(is_over, stream, took)])
        received = await reading
        cpu = time.process_time() - cpu
        print(
            f"\nAsterisk {self.version}: {_EVENTS:,} events, {_EVENTS / (took[0] - began):,.0f}/s, "
            f"CPU {cpu:.1f} s; {pipeline.answered:,} actions answered, at least {pipeline.least:,} pending; the slow "
            f"observer held things up {slow} times; the bounded reader got {received:,}, {stream.dropped:,} dropped",
            file=sys.stderr,
        )
        self.assertEqual(witness.wrong, [])
        self.assertEqual(witness.next, dict.fromkeys(map(str, range(_SENDERS)), count))
        self.assertEqual(pipeline.wrong, [])
        self.assertGreaterEqual(pipeline.answered, _PENDING)
        # The one that was just answered is about to be replaced.
        self.assertGreaterEqual(pipeline.least, _PENDING - 1)
        self.assertEqual(received + stream.dropped, _EVENTS)
        self.assertGreater(stream.dropped, 0)
        self.assertTrue(ami.logged_in)
        # A keepalive ping has to queue up behind ten thousand actions, and may time out there.
        self.assertEqual((ami.counters.unmatched, ami.counters.late), (0, ami.counters.timeouts))

    async def flooded(self, is_over: Callable[[], bool], stream: EventStream, took: list[float]) -> None:
        """Wait for the last event, and let the slow reader go home."""
        await self.until(is_over, self.timeout - 10)
        took.append(time.perf_counter())
        stream.close()

    async def read(self, stream: EventStream) -> int:
        """Read events more slowly than they come; return how many."""
        received = 0
        async for _ in stream:
            received += 1
            if received % 10 == 0:
                await self.sleep(0.005)
        return received

    async def read_strictly(self, stream: EventStream) -> None:
        """Read nothing for a while from a queue that does not drop: it must say so, and end."""
        await self.sleep(1)
        with self.assertRaises(EventsDropped):
            async for _ in stream:
                await self.sleep(0.005)


def _end(process: subprocess.Popen[bytes]) -> None:
    """See a process through."""
    process.kill()
    process.wait()
