"""The states of extensions, of devices, and of people's presence."""

from __future__ import annotations

from dataclasses import field

from twisted.internet.defer import Deferred

from ..escapes import unescape
from ..message import Event, Message, Response
from ..records import record
from .base import DEFAULT_TIMEOUT, ActionBase
from .reading import items, number, unless


@record(frozen=True)
class ExtensionState:
    """
    What the hint of an extension says.

    :ivar status: bits of ``enum ast_extension_states`` (``include/asterisk/pbx.h``): 0 idle, 1 in use, 2 busy,
        4 unavailable, 8 ringing, 16 on hold; -1 if there is no hint, -2 if it was removed.
    :ivar text: the same as Asterisk puts it, such as ``"Idle"`` or ``"InUse&Ringing"``.
    :ivar hint: the devices that it goes by, such as ``"PJSIP/alice"``.
    :ivar event: where all this is from: an event or a response.
    """

    exten: str
    context: str
    status: int
    text: str
    hint: str
    event: Message = field(repr=False, compare=False)

    @classmethod
    def from_event(cls, event: Message) -> ExtensionState:
        """Read an ``ExtensionStatus`` or the reply to ``ExtensionState``."""
        return cls(
            exten=event.get("Exten", ""),
            context=event.get("Context", ""),
            status=number(event, "Status", -1),
            text=event.get("StatusText", ""),
            hint=event.get("Hint", ""),
            event=event,
        )


@record(frozen=True)
class Presence:
    """
    Somebody's presence.

    :ivar state: ``"available"``, ``"away"``, ``"dnd"``, ``"not_set"`` and so on.
    :ivar subtype: such as ``"lunch"``.
    :ivar message: such as ``"back at one"``.
    :ivar event: where all this is from: an event or a response.
    """

    provider: str
    state: str
    subtype: str
    message: str
    event: Message = field(repr=False, compare=False)


class StateActions(ActionBase):
    """The states of extensions, of devices, and of people's presence."""

    def extension_state(self, exten: str | int, context: str) -> Deferred[ExtensionState]:
        """
        Look at the state of an extension that has a hint.

        :param exten: the extension.
        :param context: where it is.
        :return: fires with an :class:`~txami.actions.ExtensionState`; its status is -1 if there is no hint.
        """
        asked = self.action("ExtensionState", Exten=exten, Context=context)
        return asked.addCallback(ExtensionState.from_event)

    def extension_states(self, *, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[list[ExtensionState]]:
        """
        Look at the states of all extensions that have a hint.

        :param timeout: seconds for the whole list.
        :return: fires with an :class:`~txami.actions.ExtensionState` for each; empty if there is none.
        """
        asked = self.action("ExtensionStateList", timeout=timeout)
        return unless(asked, "No dialplan hints are available").addCallback(
            lambda response: [ExtensionState.from_event(event) for event in items(response)]
        )

    def device_states(self, *, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[dict[str, str]]:
        """
        Look at the states of all devices that Asterisk has heard of.

        :param timeout: seconds for the whole list.
        :return: fires with a state for each device, such as ``{"PJSIP/alice": "NOT_INUSE"}``.
        """
        asked = self.action("DeviceStateList", timeout=timeout)
        return asked.addCallback(
            lambda response: {event.get("Device", ""): event.get("State", "") for event in response.events}
        )

    def presence(self, provider: str) -> Deferred[Presence]:
        """
        Look at somebody's presence.

        :param provider: such as ``"CustomPresence:alice"``.
        :return: fires with a :class:`~txami.actions.Presence`; fails with :class:`~txami.ActionError` if there is
            no such provider.
        """
        return self.action("PresenceState", Provider=provider).addCallback(
            lambda response: Presence(
                provider=provider,
                state=response.get("State", ""),
                subtype=response.get("Subtype", ""),
                # The first Message is that of the response itself (main/manager.c: action_presencestate).
                message=response.get("PresenceMessage", ""),
                event=response,
            )
        )

    def presences(self, *, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[dict[str, Presence]]:
        """
        Look at the presence of all whose presence was ever set.

        :param timeout: seconds for the whole list.
        :return: fires with a :class:`~txami.actions.Presence` for each provider.
        """
        return self.action("PresenceStateList", timeout=timeout).addCallback(_presences)


def _presences(response: Response) -> dict[str, Presence]:
    return {each.provider: each for each in map(_presence, response.events)}


def _presence(event: Event) -> Presence:
    """Read a ``PresenceStateChange``, whose texts are escaped (``main/presencestate.c: presence_state_to_ami``)."""
    return Presence(
        provider=event.get("Presentity", ""),
        state=event.get("Status", ""),
        subtype=unescape(event.get("Subtype", "")),
        message=unescape(event.get("Message", "")),
        event=event,
    )
