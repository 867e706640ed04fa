"""Choosing which events Asterisk sends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from twisted.internet.defer import Deferred

from ..selection import EventFilter, Method
from .base import ActionBase


class EventActions(ActionBase):
    """Choosing which events Asterisk sends."""

    def set_event_mask(self, events: str | Iterable[str] | None) -> Deferred[None]:
        """
        Change the events mask of the login.  A service uses it for later connections, too.

        :param events: ``"on"`` or ``None`` for all that the user may read, ``"off"``, or classes such as
            ``"call,agent"``.
        :return: fails like :meth:`action`, and with :class:`ValueError` if no class is named.
        """

        async def set_mask() -> None:
            link = await self.link()
            await link.selection.set_mask(events)
            self.remember_mask(link.selection.mask)

        return Deferred.fromCoroutine(set_mask())

    def add_filter(
        self,
        action: Literal["include", "exclude"],
        *,
        event: str | None = None,
        header: str | None = None,
        value: str | None = None,
        method: Method = "exact",
    ) -> Deferred[None]:
        """
        Have Asterisk send only some events, or not send some.

        As soon as one filter includes, only events that such a filter matches are sent; and of these, none
        that a filter which excludes matches.  Filters cannot be removed: they last as long as the connection.
        A service applies them to later connections, too.  They hold for events only, never for replies.
        Needs the write class ``system``.

        :param action: ``"include"`` or ``"exclude"``.
        :param event: the event's name, exactly as Asterisk spells it; left out, any event.
        :param header: a header whose value is compared.
        :param value: what it is compared with.
        :param method: ``"exact"``, ``"starts_with"``, ``"ends_with"``, ``"contains"``, or ``"regex"`` for a
            POSIX extended regular expression.
        :return: fires when Asterisk has taken it; fails like :meth:`action`.
        :raises InvalidAction: at once, if there is no such filter.
        """
        selected = EventFilter(action, event, header, value, method)

        async def add() -> None:
            link = await self.link()
            await link.selection.add(selected)
            self.remember_filter(selected)

        return Deferred.fromCoroutine(add())
