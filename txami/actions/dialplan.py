"""The dialplan."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from twisted.internet.defer import Deferred

from ..message import Event
from ..records import record
from .base import DEFAULT_TIMEOUT, ActionBase
from .reading import items, maybe_number, unless

Kind = Literal["step", "hint", "include", "switch", "ignore pattern"]

#: Which header tells that an item is no step of an extension (``main/manager.c: manager_show_dialplan_helper``).
_KINDS: dict[str, Kind] = {"IncludeContext": "include", "Switch": "switch", "IgnorePattern": "ignore pattern"}


@record(frozen=True)
class DialplanEntry:
    """
    A line of the dialplan.

    :ivar kind: ``"step"``, ``"hint"``, ``"include"``, ``"switch"`` or ``"ignore pattern"``.
    :ivar context: where it stands.
    :ivar exten: of which extension it is; ``""`` if it is of none.
    :ivar priority: the number of a step, else ``None``.
    :ivar label: the step's, ``""`` if it has none.
    :ivar application: what a step runs, else ``""``.
    :ivar data: the application's arguments; the devices of a hint; the context that is included; the switch; the
        pattern.
    :ivar registrar: who made it, such as ``"pbx_config"``.
    :ivar event: where all this is from.
    """

    kind: Kind
    context: str
    exten: str
    priority: int | None
    label: str
    application: str
    data: str
    registrar: str
    event: Event = field(repr=False, compare=False)

    @classmethod
    def from_event(cls, event: Event) -> DialplanEntry:
        """Read a ``ListDialplan``."""
        application, data = event.get("Application", ""), event.get("AppData", "")
        kind: Kind = "step"
        if event.get("Priority") == "hint":
            kind, application, data = "hint", "", application
        for header, other in _KINDS.items():
            if header in event:
                kind, data = other, event[header]
        return cls(
            kind=kind,
            context=event.get("Context", ""),
            exten=event.get("Extension", ""),
            priority=maybe_number(event, "Priority"),
            label=event.get("ExtensionLabel", ""),
            application=application,
            data=data,
            registrar=event.get("Registrar", ""),
            event=event,
        )


class DialplanActions(ActionBase):
    """The dialplan."""

    def dialplan(
        self, context: str | None = None, exten: str | int | None = None, *, timeout: float | None = DEFAULT_TIMEOUT
    ) -> Deferred[list[DialplanEntry]]:
        """
        Look at the dialplan.

        :param context: the only context of interest, with those that it includes if there is an ``exten``.
        :param exten: the only extension of interest; patterns that match it count.
        :param timeout: seconds for the whole list.
        :return: fires with a :class:`~txami.actions.DialplanEntry` for each line; empty if there is no such
            context or extension.
        """
        asked = self.action("ShowDialPlan", Context=context, Extension=exten, timeout=timeout)
        return unless(asked, "Did not find context", "Did not find extension").addCallback(
            lambda response: [DialplanEntry.from_event(event) for event in items(response)]
        )
