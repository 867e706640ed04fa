""":class:`BlockingCall`: one call placed, for those who wait."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from ..actions import DEFAULT_TIMEOUT
from ..errors import NotConnected
from ..message import Event, Response
from ..originate import Call, Outcome

if TYPE_CHECKING:
    from .client import BlockingAMI

T = TypeVar("T")


class BlockingCall:
    """
    A call that was placed.

    :ivar channel: what was dialled.
    :ivar uniqueid: the Uniqueid of its channel, known before the call begins.
    """

    def __init__(self, ami: BlockingAMI, call: Call) -> None:
        self.channel = call.channel
        self.uniqueid = call.uniqueid
        self._ami = ami
        self._call = call
        self._pid = os.getpid()

    def outcome(self, timeout: float | None = None) -> Outcome:
        """
        Wait for what becomes of the call.

        :param timeout: seconds; by default the time for which it may ring, and a little more.
        :raises ActionTimeout: if it is not known by then.
        :raises ConnectionLost: if it cannot be known.
        :raises NotConnected: in the child of a fork.
        """
        return self._wait(lambda: self._call.outcome, timeout, "outcome")

    def ended(self, timeout: float | None = None) -> Event:
        """
        Wait for the end of the call: the ``Hangup`` of its channel, or what said that there never was one.

        :param timeout: seconds; ``None`` to wait as long as it takes.
        :raises ActionTimeout: if it goes on.
        :raises ConnectionLost: if the end was not seen.
        :raises NotConnected: in the child of a fork.
        """
        return self._wait(lambda: self._call.ended, timeout, "ended")

    def hangup(self, cause: int = 16, *, timeout: float | None = DEFAULT_TIMEOUT) -> Response:
        """
        End the call.

        :param cause: the cause of ISDN (Q.850); 16 is normal clearing.
        :param timeout: seconds.
        :raises ActionError: if there is no such channel (any more).
        """
        return self._ami.action("Hangup", Channel=self.uniqueid, Cause=cause, timeout=timeout)

    def _wait(self, result: Callable[[], Awaitable[T]], timeout: float | None, what: str) -> T:
        # After a fork the child may have a connection of its own, where nothing is known of the call.
        if os.getpid() != self._pid:
            raise NotConnected(f"{what}: process {self._pid}, whose child this one is, placed the call; ask there")
        return self._ami.run(lambda _: result(), timeout, what=what)

    def __repr__(self) -> str:
        return f"<BlockingCall to {self.channel} as {self.uniqueid}>"
