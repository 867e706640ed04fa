"""The ground that the methods stand on: ``action()``, ``command()``, and what the two users of AMI supply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred

from ..message import Response
from ..observers import EventRegistry
from ..wire import Fields, HeaderValue

if TYPE_CHECKING:
    from ..protocol import AMIProtocol
    from ..selection import EventFilter

#: Stands for "the default timeout of the connection" where ``None`` means "no timeout".
DEFAULT_TIMEOUT: Final[Any] = object()


class ActionBase:
    """All that the methods need of :class:`~txami.AMIProtocol` and :class:`~txami.AMIService`."""

    registry: EventRegistry

    def action(
        self,
        name: str,
        fields: Fields | None = None,
        /,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        check: bool = True,
        **headers: HeaderValue,
    ) -> Deferred[Response]:
        """Send an action; supplied by the class that this one is mixed into."""
        raise TypeError("ActionBase is to be mixed into a class that has action()")

    def when_disconnected(self) -> Deferred[Exception]:
        """Wait for the end of the connection; supplied by the class that this one is mixed into."""
        raise TypeError("ActionBase is to be mixed into a class that has when_disconnected()")

    def link(self, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[AMIProtocol]:
        """Return the connection, when it is there; supplied by the class this one is mixed into."""
        raise TypeError("ActionBase is to be mixed into a class that has link()")

    def remember_mask(self, mask: str | None) -> None:
        """Take note of a new events mask; of interest to what outlives a connection."""

    def remember_filter(self, selected: EventFilter) -> None:
        """Take note of a filter; of interest to what outlives a connection."""

    def command(
        self, command: str, *, timeout: float | None = DEFAULT_TIMEOUT, check: bool = True
    ) -> Deferred[Response]:
        """
        Run a CLI command.

        :param command: such as ``"core show uptime"``.
        :param timeout: seconds, see :meth:`action`.
        :param check: see :meth:`action`.  Asterisk 14 and later report a command that fails; the error's
            ``response.output`` has what it printed.
        :return: fires with a :class:`~txami.Response`, whose ``output`` is the list of lines.
        """
        return self.action("Command", {"Command": command}, timeout=timeout, check=check)
