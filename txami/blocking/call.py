""":class:`BlockingCall`: one call placed, for those who wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..actions import DEFAULT_TIMEOUT
from ..message import Event, Response
from ..originate import Call, Outcome

if TYPE_CHECKING:
    from .client import BlockingAMI


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

    def outcome(self, timeout: float | None = None) -> Outcome:
        """
        Wait for what becomes of the call.

        :param timeout: seconds; by default the time for which it may ring, and a little more.
        :raises ActionTimeout: if it is not known by then.
        :raises ConnectionLost: if it cannot be known.
        """
        return self._ami.run(lambda _: self._call.outcome, timeout, what="outcome")

    def ended(self, timeout: float | None = None) -> Event:
        """
        Wait for the end of the call: the ``Hangup`` of its channel, or what said that there never was one.

        :param timeout: seconds; ``None`` to wait as long as it takes.
        :raises ActionTimeout: if it goes on.
        :raises ConnectionLost: if the end was not seen.
        """
        return self._ami.run(lambda _: self._call.ended, timeout, what="ended")

    def hangup(self, cause: int = 16, *, timeout: float | None = DEFAULT_TIMEOUT) -> Response:
        """
        End the call.

        :param cause: the cause of ISDN (Q.850); 16 is normal clearing.
        :param timeout: seconds.
        :raises ActionError: if there is no such channel (any more).
        """
        return self._ami.action("Hangup", Channel=self.uniqueid, Cause=cause, timeout=timeout)

    def __repr__(self) -> str:
        return f"<BlockingCall to {self.channel} as {self.uniqueid}>"
