"""What the user of a connection may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from .waiters import OneShot

if TYPE_CHECKING:
    from .actions.server import ServerActions


class Permissions:
    """
    The actions that the user of one connection may send, asked for once.

    Asterisk lists just those (``main/manager.c: action_listcommands``).

    :param ami: the connection.
    """

    def __init__(self, ami: ServerActions) -> None:
        self._ami = ami
        self._known: OneShot[frozenset[str]] | None = None

    def allows(self, action: str) -> Deferred[bool]:
        """Tell whether an action is one of them, whatever its case."""
        wanted = action.lower()
        return self._look_up().addCallback(lambda known: wanted in known)

    def _look_up(self) -> Deferred[frozenset[str]]:
        known = self._known
        if known is None:
            known = self._known = OneShot()
            asked = self._ami.commands().addCallback(lambda found: frozenset(map(str.lower, found)))
            asked.addCallbacks(known.succeed, lambda failure: self._failed(failure.value))
        return known.wait()  # on a connection that is closed it has failed by now, and is forgotten

    def _failed(self, error: Exception) -> None:
        """Fail who waits; who asks later asks Asterisk anew."""
        known, self._known = self._known, None
        if known is not None:
            known.fail(error)
