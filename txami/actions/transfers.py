"""Sending channels elsewhere, and connecting them."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from twisted.internet.defer import Deferred

from ..message import Event, Response
from ..records import record
from ..wire import encode_action
from .base import DEFAULT_TIMEOUT, ActionBase
from .channels import Channel
from .reading import done, known, together, unless


@record(frozen=True)
class Bridge:
    """
    A bridge, at one moment.

    :ivar bridge_id: its BridgeUniqueid.
    :ivar kind: ``"basic"`` for a call, ``"base"`` for a conference, ``"parking"`` and so on.
    :ivar technology: such as ``"simple_bridge"``.
    :ivar creator: such as ``"ConfBridge"``, ``""`` for a call.
    :ivar name: such as the name of the conference, ``""`` for a call.
    :ivar channels: who is in it, by name.
    :ivar event: where all this is from; each channel has its own.
    """

    bridge_id: str
    kind: str
    technology: str
    creator: str
    name: str
    channels: dict[str, Channel]
    event: Event = field(repr=False, compare=False)

    @classmethod
    def from_response(cls, event: Event, response: Response) -> Bridge:
        """
        Read a bridge.

        :param event: of ``BridgeList``.
        :param response: of ``BridgeInfo``.
        """
        bridge_id = event.get("BridgeUniqueid", "")
        members = [Channel.from_event(item, bridge_id=bridge_id) for item in response.events]
        return cls(
            bridge_id=bridge_id,
            kind=event.get("BridgeType", ""),
            technology=event.get("BridgeTechnology", ""),
            creator=known(event, "BridgeCreator"),
            name=known(event, "BridgeName"),
            channels={channel.name: channel for channel in members},
            event=event,
        )


class TransferActions(ActionBase):
    """
    Sending channels elsewhere, and connecting them.

    A channel is named by its name or by its Uniqueid; that there is no such channel is an
    :class:`~txami.ActionError`.
    """

    def redirect(
        self,
        channel: str,
        context: str,
        exten: str | int,
        priority: str | int = 1,
        *,
        extra_channel: str | None = None,
        extra_context: str | None = None,
        extra_exten: str | int | None = None,
        extra_priority: str | int = 1,
    ) -> Deferred[None]:
        """
        Send a channel, or the two of a call, elsewhere in the dialplan.

        Asterisk does not look whether there is such an extension: the channel finds out, and is hung up.

        :param channel: its name or its Uniqueid.
        :param context: where it goes, with ``exten`` and ``priority`` (a number or a label).
        :param extra_channel: the other channel of the call, which otherwise is hung up or goes on by itself.
        :param extra_context: where that goes, with ``extra_exten`` and ``extra_priority``; by default to the
            same place.
        """
        return done(
            self.action(
                "Redirect",
                Channel=channel,
                Context=context,
                Exten=exten,
                Priority=priority,
                ExtraChannel=extra_channel,
                ExtraContext=extra_context,
                ExtraExten=extra_exten,
                ExtraPriority=None if extra_exten is None else extra_priority,
            )
        )

    def blind_transfer(self, channel: str, context: str, exten: str | int) -> Deferred[None]:
        """
        Transfer whom a channel talks to, as if the phone had done it.

        Asterisk does not look whether there is such an extension.

        :param channel: who transfers, and is out of the call then; one that is in no bridge is an error.
        :param context: where the others go, with ``exten``.
        """
        return done(self.action("BlindTransfer", Channel=channel, Context=context, Exten=exten))

    def attended_transfer(self, channel: str, context: str, exten: str | int) -> Deferred[None]:
        """
        Let a channel transfer whom it talks to after asking there first.

        Asterisk acts as if the channel had dialled the keys of ``atxfer`` in features.conf (``main/manager.c:
        action_atxfer``): it must be in a bridge and have the right to transfer, such as by the options ``t``
        and ``T`` of Dial.  The transfer is complete when the channel hangs up.

        :param channel: who transfers.
        :param context: whom it asks, with ``exten``.
        :return: fires when Asterisk has taken note; that the channel may not transfer is not reported.
        """
        return done(self.action("Atxfer", Channel=channel, Context=context, Exten=exten))

    def cancel_attended_transfer(self, channel: str) -> Deferred[None]:
        """
        End an attended transfer that is under way, and go back to the call.

        :param channel: who transfers.
        :return: fires when Asterisk has taken note; that there was nothing to cancel is not reported.
        """
        return done(self.action("CancelAtxfer", Channel=channel))

    def bridge(
        self, channel1: str, channel2: str, tone: Literal["no", "channel1", "channel2", "both"] = "no"
    ) -> Deferred[None]:
        """
        Connect two channels, out of whatever they are in.

        :param channel1: one of them.
        :param channel2: the other.
        :param tone: who hears a tone first.
        """
        # Before Asterisk is asked for their names.
        encode_action("Bridge", "", {"Channel1": channel1, "Channel2": channel2, "Tone": tone})

        async def connect() -> None:
            names = [await self._name_of(channel) for channel in (channel1, channel2)]
            await self.action("Bridge", Channel1=names[0], Channel2=names[1], Tone=tone)

        return Deferred.fromCoroutine(connect())

    async def _name_of(self, channel: str) -> str:
        """
        Return a channel's name.

        Bridge takes any channel whose name or Uniqueid begins so (``main/features.c: action_bridge``): that of
        ``1700000000.1`` may be the one of ``1700000000.17``.  A whole name is nobody else's beginning.
        """
        if "/" in channel:
            return channel
        return (await self.action("Status", Channel=channel)).events[0]["Channel"]

    def bridges(self, *, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[dict[str, Bridge]]:
        """
        Look at all bridges (Asterisk 12 and later).

        :param timeout: seconds for each list.
        :return: fires with a :class:`~txami.actions.Bridge` for each BridgeUniqueid.
        """

        async def look() -> dict[str, Bridge]:
            listed = (await self.action("BridgeList", timeout=timeout)).events
            asked = [
                self.action("BridgeInfo", BridgeUniqueid=event["BridgeUniqueid"], timeout=timeout) for event in listed
            ]
            # One may be gone by now.
            found = await together([unless(reply, "Specified BridgeUniqueid not found") for reply in asked])
            return {
                event["BridgeUniqueid"]: Bridge.from_response(event, info)
                for event, info in zip(listed, found, strict=True)
                if info is not None
            }

        return Deferred.fromCoroutine(look())
