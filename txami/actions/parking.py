"""Parked calls and where they are parked."""

from __future__ import annotations

from dataclasses import field

from twisted.internet.defer import Deferred

from ..message import Event
from ..records import record
from .base import DEFAULT_TIMEOUT, ActionBase
from .channels import Channel
from .reading import done, known, milliseconds, number


@record(frozen=True)
class ParkedCall:
    """
    A call that is parked, at one moment.

    :ivar space: the number to dial to get it.
    :ivar lot: the name of the parking lot.
    :ivar channel: the :class:`~txami.actions.Channel` that waits.
    :ivar parker: where the call goes back to, as a dial string; ``""`` if it is not known.
    :ivar parked_for: seconds so far.
    :ivar time_left: seconds until it goes back.
    :ivar event: where all this is from.
    """

    space: int
    lot: str
    channel: Channel
    parker: str
    parked_for: int
    time_left: int
    event: Event = field(repr=False, compare=False)

    @classmethod
    def from_event(cls, event: Event) -> ParkedCall:
        """Read a ``ParkedCall``."""
        return cls(
            space=number(event, "ParkingSpace"),
            lot=event.get("Parkinglot", ""),
            channel=Channel.from_event(event, "Parkee"),
            parker=known(event, "ParkerDialString"),
            parked_for=number(event, "ParkingDuration"),
            time_left=number(event, "ParkingTimeout"),
            event=event,
        )


@record(frozen=True)
class ParkingLot:
    """
    A parking lot.

    :ivar first_space: the lowest number.
    :ivar last_space: the highest number.
    :ivar park_time: seconds after which a call goes back.
    :ivar event: where all this is from.
    """

    name: str
    first_space: int
    last_space: int
    park_time: int
    event: Event = field(repr=False, compare=False)

    @classmethod
    def from_event(cls, event: Event) -> ParkingLot:
        """Read a ``Parkinglot``."""
        return cls(
            name=event.get("Name", ""),
            first_space=number(event, "StartSpace"),
            last_space=number(event, "StopSpace"),
            park_time=number(event, "Timeout"),
            event=event,
        )


class ParkingActions(ActionBase):
    """Parked calls and where they are parked (Asterisk 12 and later)."""

    def park(
        self,
        channel: str,
        *,
        lot: str | None = None,
        space: int | None = None,
        park_time: float | None = None,
        announce_channel: str | None = None,
        timeout_channel: str | None = None,
    ) -> Deferred[None]:
        """
        Park a channel.

        :param channel: its name or its Uniqueid.
        :param lot: the parking lot; by default that of the channel, or ``"default"``.
        :param space: where in the lot; by default wherever there is room.  Old servers take no notice.
        :param park_time: seconds after which it goes back; by default that of the lot.
        :param announce_channel: the channel that is told where.
        :param timeout_channel: the channel that it goes back to, rather than whom it talked to.
        :return: fails with :class:`~txami.ActionError` if there is no such channel, lot or room.
        """
        return done(
            self.action(
                "Park",
                Channel=channel,
                Parkinglot=lot,
                ParkingSpace=space,
                Timeout=milliseconds(park_time),
                AnnounceChannel=announce_channel,
                TimeoutChannel=timeout_channel,
            )
        )

    def parked_calls(
        self, lot: str | None = None, *, timeout: float | None = DEFAULT_TIMEOUT
    ) -> Deferred[list[ParkedCall]]:
        """
        Look at the calls that are parked.

        :param lot: in which parking lot; by default in all of them.
        :param timeout: seconds for the whole list.
        :return: fires with a :class:`~txami.actions.ParkedCall` for each; fails with
            :class:`~txami.ActionError` if there is no such lot.
        """
        asked = self.action("ParkedCalls", ParkingLot=lot, timeout=timeout)
        return asked.addCallback(lambda response: [ParkedCall.from_event(event) for event in response.events])

    def parking_lots(self) -> Deferred[dict[str, ParkingLot]]:
        """
        Look at the parking lots.

        :return: fires with a :class:`~txami.actions.ParkingLot` for each name.
        """
        asked = self.action("Parkinglots")
        return asked.addCallback(
            lambda response: {lot.name: lot for lot in map(ParkingLot.from_event, response.events)}
        )
