""":class:`User`: a section of manager.conf, and who may see and do what."""

from __future__ import annotations

from dataclasses import dataclass, field

from .. import catalogue


def classes(text: str) -> frozenset[str] | None:
    """
    Return the classes that a text names, exactly as they are written (``main/manager.c: get_perm``).

    :return: ``None`` for all.
    """
    names = frozenset(text.split(","))
    return None if "all" in names else names


@dataclass(frozen=True)
class User:
    """
    Who may log in.

    :param secret: the secret.
    :param read: the classes of the events that come, with commas and without blanks; by default all.
    :param write: the classes of the actions that are not refused; by default all.
    """

    secret: str = field(repr=False)
    read: str = "all"
    write: str = "all"

    def may_read(self, wanted: frozenset[str]) -> bool:
        """Tell whether an event comes: the user has all its classes (``main/manager.c: process_events``)."""
        readable = classes(self.read)
        return readable is None or readable >= wanted

    def may_send(self, action: str) -> bool:
        """Tell whether an action is allowed: it has no class, or the user has any one (``process_message``)."""
        known = catalogue.action(action)
        writable = classes(self.write)
        return known is None or not known.privilege or writable is None or not writable.isdisjoint(known.privilege)
