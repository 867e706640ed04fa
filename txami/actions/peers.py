"""Peers of chan_sip, which Asterisk had up to version 20, and of IAX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from twisted.internet.defer import Deferred

from ..message import Event, Response
from ..records import record
from .base import DEFAULT_TIMEOUT, ActionBase
from .endpoints import notify_variables
from .reading import done, is_yes, known, maybe_number, unless


@record(frozen=True)
class Peer:
    """
    A peer of chan_sip or IAX.

    :ivar technology: ``"SIP"`` or ``"IAX2"``.
    :ivar address: its IP address, ``""`` while it is not known.
    :ivar port: likewise, ``None``.
    :ivar dynamic: whether it registers.
    :ivar status: such as ``"OK (3 ms)"``, ``"UNREACHABLE"`` or ``"Unmonitored"``.
    :ivar event: where all this is from.
    """

    name: str
    technology: str
    address: str
    port: int | None
    dynamic: bool
    status: str
    description: str
    event: Event = field(repr=False, compare=False)

    @classmethod
    def from_event(cls, event: Event) -> Peer:
        """Read a ``PeerEntry``."""
        return cls(
            name=event.get("ObjectName", ""),
            technology=event.get("Channeltype", ""),
            address=known(event, "IPaddress"),
            port=maybe_number(event, "IPport") or None,
            dynamic=is_yes(event, "Dynamic"),
            status=event.get("Status", ""),
            description=event.get("Description", ""),
            event=event,
        )


class PeerActions(ActionBase):
    """
    Peers of chan_sip, which Asterisk had up to version 20, and of IAX.

    Where the module is not there the methods fail with :class:`~txami.ActionError`: the action is unknown.
    """

    def sip_peers(self, *, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[dict[str, Peer]]:
        """
        Look at the peers of chan_sip.

        :param timeout: seconds for the whole list.
        :return: fires with a :class:`~txami.actions.Peer` for each name.
        """
        return self.action("SIPpeers", timeout=timeout).addCallback(_peers)

    def sip_peer(self, name: str) -> Deferred[Response | None]:
        """
        Look at one peer of chan_sip.

        :param name: such as ``"alice"``.
        :return: fires with the response, whose headers are the peer's options; ``None`` if there is no such
            peer.
        """
        return unless(self.action("SIPshowpeer", Peer=name), f"Peer {name} not found")

    def sip_notify(self, name: str, event: str, headers: Mapping[str, object] | None = None) -> Deferred[None]:
        """
        Send a NOTIFY to a peer of chan_sip.

        :param name: such as ``"alice"``; one without an address is an :class:`~txami.ActionError`.
        :param event: such as ``"check-sync"``.
        :param headers: further headers of SIP, and the body as ``Content``.
        """
        return done(self.action("SIPnotify", Channel=name, Variable=notify_variables(event, headers)))

    def iax_peers(self, *, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[dict[str, Peer]]:
        """
        Look at the peers of IAX.

        :param timeout: seconds for the whole list.
        :return: fires with a :class:`~txami.actions.Peer` for each name.
        """
        return self.action("IAXpeers", timeout=timeout).addCallback(_peers)


def _peers(response: Response) -> dict[str, Peer]:
    return {peer.name: peer for peer in map(Peer.from_event, response.events)}
