"""
What Asterisk's manager interface has: every action and every event, with their headers.

It is read from ``catalogue.json``, which ``tools/build_catalogue.py`` makes, when something is first asked for.
No Twisted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

#: What answers an action:
#:
#: ``"response"``
#:     one message;
#: ``"list"``
#:     a response, items, and the event that ends them;
#: ``"response or list"``
#:     a list if the header ``Channel`` is a pattern between slashes;
#: ``"response and event"``
#:     a response, and one event that ends the reply;
#: ``"response, outcome later"``
#:     a response as soon as the job is queued; an event for all tells the outcome;
#: ``"text"``
#:     bare text that cannot be told from other messages.
ReplyKind = Literal["response", "list", "response or list", "response and event", "response, outcome later", "text"]


_RELEASE: Final = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True)
class ActionInfo:
    """
    What is known of an action, all versions taken together.

    :ivar name: as Asterisk spells it.
    :ivar required: the headers that it needs.
    :ivar optional: the other headers that it reads.
    :ivar privilege: the write classes, of which the user needs any one; empty if everybody may.
    :ivar reply: the kind of its reply.
    :ivar items: the events that make up the list, or tell the outcome in between.
    :ivar completion: the event that ends the reply, or tells the outcome.
    :ivar since: the first releases that have it, one for each branch that got it.
    :ivar until: the last branch that has it; ``None`` if the newest has.
    :ivar free: whether it takes headers of any name.
    """

    name: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    privilege: tuple[str, ...] = ()
    reply: ReplyKind = "response"
    items: tuple[str, ...] = ()
    completion: str | None = None
    since: tuple[str, ...] = ()
    until: str | None = None
    free: bool = False

    def in_version(self, version: str) -> bool:
        """
        Tell whether an Asterisk has it.

        :param version: such as ``"18.20.1"``, at least with its minor number.
        :raises ValueError: if there is no number in it.
        """
        return in_version(version, self.since, self.until)


@dataclass(frozen=True)
class EventInfo:
    """
    What is known of an event, all versions taken together.

    :ivar name: as it is on the wire.
    :ivar classes: the read classes, all of which the user needs; empty if it only comes as a part of replies.
    :ivar headers: its own headers; ``Privilege``, ``Timestamp``, ``SystemName`` and the like go without saying.
    :ivar item_of: the actions whose replies it is an item of.
    :ivar completes: the actions whose replies it ends, or whose outcome it tells.
    :ivar since: the first releases that document it, which may be later than they send it; empty if unknown.
    :ivar until: the last branch that has it; ``None`` if the newest has.
    :ivar free: whether it may have headers of any name.
    """

    name: str
    classes: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    item_of: tuple[str, ...] = ()
    completes: tuple[str, ...] = ()
    since: tuple[str, ...] = ()
    until: str | None = None
    free: bool = False


def action(name: str) -> ActionInfo | None:
    """
    Look an action up.

    :param name: in any case.
    :return: ``None`` if it is not known.
    """
    known = _index("actions").get(name.lower())
    return None if known is None else _action(known)


def event(name: str) -> EventInfo | None:
    """
    Look an event up.

    :param name: in any case.
    :return: ``None`` if it is not known.
    """
    known = _index("events").get(name.lower())
    return None if known is None else _event(known)


def actions() -> tuple[ActionInfo, ...]:
    """Return all actions, by name."""
    return tuple(map(_action, _index("actions").values()))


def events() -> tuple[EventInfo, ...]:
    """Return all events, by name."""
    return tuple(map(_event, _index("events").values()))


def nearest(name: str, names: Iterable[str]) -> str | None:
    """
    Return the name that was probably meant.

    :param name: what was written, in any case.
    :param names: what there is.
    :return: ``None`` if nothing is like it.
    """
    # Only those who mistype need it.
    from difflib import get_close_matches

    spelled = {each.lower(): each for each in names}
    found = get_close_matches(name.lower(), spelled, n=1)
    return spelled[found[0]] if found else None


def in_version(version: str, since: Iterable[str], until: str | None) -> bool:
    """
    Tell whether a version has what came with some releases and went after a branch.

    :param version: a release, such as ``"18.20.1"``.
    :param since: the first releases, one for each branch that got it; none if it was always there.
    :param until: the last branch; ``None`` if it never went.
    :raises ValueError: if there is no number in the version.
    """
    release = _numbers(version)
    if not release:
        raise ValueError(f"{version!r} is no version of Asterisk: write it like 18.20.1")
    last = _numbers(until or "")
    if last and release[: len(last)] > last:
        return False
    firsts = sorted(map(_numbers, since))
    # Before a branch got it, only the later branches have it all along.
    same_branch = [first for first in firsts if first[0] == release[0]]
    return release >= (same_branch or firsts[-1:] or [()])[0]


def _numbers(version: str) -> tuple[int, ...]:
    """Return a version in a form that compares, without what may stand around it (``certified-``, ``-rc1``)."""
    found = _RELEASE.search(version)
    return tuple(int(number) for number in found[0].split(".")) if found else ()


@cache
def _data() -> dict[str, Any]:
    """Return what the file holds: names in strings with blanks between them, nothing where there is nothing."""
    data: dict[str, Any] = json.loads((files(__package__) / "catalogue.json").read_bytes())
    return data


@cache
def _index(kind: Literal["actions", "events"]) -> dict[str, str]:
    """Return the names by their lower case."""
    return {name.lower(): name for name in _data()[kind]}


@cache
def _action(name: str) -> ActionInfo:
    return ActionInfo(name, **_split(_data()["actions"][name]))


@cache
def _event(name: str) -> EventInfo:
    return EventInfo(name, **_split(_data()["events"][name]))


def _split(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an entry, the names apart."""
    return {key: value if key in _WHOLE else tuple(_expand(value.split())) for key, value in entry.items()}


#: Fields that are no lists of names.
_WHOLE = frozenset({"reply", "completion", "until", "free"})


def _expand(names: Iterable[str]) -> Iterable[str]:
    """Replace what stands for the headers of a channel (``@``) or a bridge (``#``), with the prefix they have."""
    for name in names:
        snapshot = _data()["snapshots"].get(name[0])
        if snapshot is None:
            yield name
        else:
            yield from (name[1:] + each for each in snapshot.split())
