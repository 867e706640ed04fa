"""
Which events Asterisk sends: the mask of classes, and filters.

Both are Asterisk's own doing, so what they leave out costs nothing on the way.  They hold for one connection;
a service applies them anew to each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Literal

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from .errors import ActionError, InvalidAction
from .login import tidy_mask
from .message import Response
from .records import record
from .waiters import OneShot
from .wire import encode_action

if TYPE_CHECKING:
    from .actions.base import ActionBase

_log = Logger()

Method = Literal["exact", "starts_with", "ends_with", "contains", "regex"]

#: What the new syntax takes for its own between the parentheses (``main/manager.c: manager_add_filter``).
_SYNTAX: Final = re.compile(r"[\s(),]")

#: What a POSIX extended regular expression takes for syntax.
_SPECIAL: Final = re.compile(r"([\\.^$*+?()\[\]{}|])")

#: A user's name that the CLI takes for one word.
_PLAIN: Final = re.compile(r"[\w.@-]+")

#: The events that :meth:`~txami.AMIProtocol.originate` lives on, and what each tells.
OF_CALLS: Final = {"OriginateResponse": "what became of a call", "Hangup": "when a call has ended"}


@record(frozen=True)
class EventFilter:
    """
    Events that Asterisk is to send, or not to send.

    As soon as there is one that includes, only events that one of those matches are sent; and of these, none
    that a filter which excludes matches.

    :ivar action: ``"include"`` or ``"exclude"``.
    :ivar event: the event's name, exactly as Asterisk spells it, or ``None`` for any.
    :ivar header: the header whose value is looked at, or ``None`` for none.
    :ivar value: what that value is compared with.
    :ivar method: how; ``"regex"`` takes a POSIX extended regular expression.
    :raises InvalidAction: if it would match every event, or cannot be written in Asterisk's syntax.
    """

    action: Literal["include", "exclude"]
    event: str | None = None
    header: str | None = None
    value: str | None = None
    method: Method = "exact"

    def __post_init__(self) -> None:
        if self.action not in ("include", "exclude"):
            raise InvalidAction(f"a filter is to 'include' or to 'exclude', not to {self.action!r}")
        if self.method not in ("exact", "starts_with", "ends_with", "contains", "regex"):
            raise InvalidAction(f"{self.method!r} is no method of a filter")
        if self.event is None and self.header is None:
            raise InvalidAction("a filter needs event= or header=: without them it would match every event")
        if (self.header is None) != (not self.value):
            raise InvalidAction("a filter needs header= and value= together")
        for text in (self.event, self.header):
            if text is not None and (not text or _SYNTAX.search(text)):
                raise InvalidAction(f"{text!r} cannot stand in a filter: blanks, commas and parentheses are its syntax")
        # Now, and not when the server has been asked which syntax it knows.
        encode_action("Filter", "", self.fields(True))

    def fields(self, has_criteria: bool) -> dict[str, str]:
        """
        Return the headers of the Filter action.

        :param has_criteria: whether the server knows ``MatchCriteria``.  One that does not would ignore it,
            and turn a filter that excludes into one that includes.
        """
        # Asterisk skips blanks in front of a value (main/manager.c: __astman_get_header); the old syntax has none.
        if not has_criteria or (self.value or "-")[0] <= " ":
            return {"Operation": "Add", "Filter": self.expression()}
        criteria = [f"action({self.action})"]
        if self.event is not None:
            criteria.append(f"name({self.event})")
        if self.header is None:
            return {"Operation": "Add", "MatchCriteria": ",".join([*criteria, "method(none)"])}
        criteria += [f"header({self.header})", f"method({self.method})"]
        return {"Operation": "Add", "MatchCriteria": ",".join(criteria), "Filter": self.value or ""}

    def expression(self) -> str:
        """
        Return the filter in the syntax of before, which every server knows: one regular expression for the
        whole text of an event, in which no line end can be written but ``[[:cntrl:]]`` matches its half.
        """
        parts = []
        if self.event is not None:
            parts.append(f"^Event: {_SPECIAL.sub(_escaped, self.event)}[[:cntrl:]]")
        if self.header is not None and self.value is not None:
            parts.append(f"[[:cntrl:]]{_SPECIAL.sub(_escaped, self.header)}: {self._value_expression(self.value)}")
        return ("!" if self.action == "exclude" else "") + ".*".join(parts)

    def _value_expression(self, value: str) -> str:
        """Return what matches a header's value up to, at most, the end of its line."""
        at_start = self.method in ("exact", "starts_with")
        at_end = self.method in ("exact", "ends_with")
        if self.method == "regex":
            # Its anchors mean the ends of the value, which are not those of the event.
            at_start, at_end = value.startswith("^"), value.endswith("$") and not value.endswith(r"\$")
            value = value.removeprefix("^")
            value = value.removesuffix("$") if at_end else value
        else:
            value = _SPECIAL.sub(_escaped, value)
        return ("" if at_start else "[^[:cntrl:]]*") + f"({value})" + ("[[:cntrl:]]" if at_end else "")

    def lets_through(self, event: str) -> bool:
        """Whether it may let events of a name through, as far as the name tells."""
        if self.action == "include":
            return self.event is None or self.event == event
        return self.event != event or self.header is not None


def _escaped(found: re.Match[str]) -> str:
    return "\\" + found[1]


class Selection:
    """
    What one connection gets.

    :param ami: the connection.
    :param username: who is logged in.
    :param mask: the events mask of the login, tidied.
    :ivar mask: the mask in force.
    :ivar filters: the filters that Asterisk has accepted; it can remove none.
    """

    def __init__(self, ami: ActionBase, username: str, mask: str | None) -> None:
        self.mask = mask
        self.filters: list[EventFilter] = []
        self._ami = ami
        self._username = username
        self._criteria: bool | None = None
        self._readable: OneShot[frozenset[str] | None] | None = None

    async def set_mask(self, events: str | Iterable[str] | None) -> None:
        """
        Change the mask.

        :param events: see :func:`~txami.login.tidy_mask`.
        :raises ValueError: if there is no class name in it.
        :raises ActionError: if Asterisk refuses it.
        """
        mask = tidy_mask(events)
        await self._ami.action("Events", EventMask=mask or "on")
        self.mask = mask

    async def add(self, selected: EventFilter) -> None:
        """
        Add a filter.

        :raises ActionError: if Asterisk refuses it.
        """
        await self._ami.action("Filter", selected.fields(await self._knows_criteria()))
        self.filters.append(selected)
        self._warn_of_hidden_outcomes()

    async def _knows_criteria(self) -> bool:
        """
        Find out whether the server knows ``MatchCriteria`` (18.26, 20.11, 21.6, 22.1 and later).

        The AMI version does not tell: it is the same for all of 22.  So we ask for a filter that cannot be
        added either way: who knows the header finds fault with that, who does not with the parenthesis.
        """
        if self._criteria is not None:
            return self._criteria
        probe = {"Operation": "Add", "MatchCriteria": "none()", "Filter": "("}
        reply = await self._ami.action("Filter", probe, check=False)
        if reply.message.lower().startswith("permission denied"):
            raise ActionError("Filter", reply)
        self._criteria = "compile" not in reply.message.lower()
        return self._criteria

    def _warn_of_hidden_outcomes(self) -> None:
        including = [each for each in self.filters if each.action == "include"]
        excluding = [each for each in self.filters if each.action == "exclude"]
        for event, purpose in OF_CALLS.items():
            missing = including and not any(each.lets_through(event) for each in including)
            if missing or not all(each.lets_through(event) for each in excluding):
                _log.warn(
                    "the event filters hide {event}, so originate() will not learn {purpose}; include it",
                    event=event,
                    purpose=purpose,
                )

    async def shows(self, event_class: str) -> bool:
        """
        Tell whether events of a class get through: false if the mask leaves it out or the user may not read
        it.  A user who may not run CLI commands cannot be looked up, and gets the benefit of the doubt.
        """
        wanted = {event_class, "all"}
        if self.mask is not None and self.mask != "on" and wanted.isdisjoint(self.mask.split(",")):
            return False
        readable = await self._look_up()
        return readable is None or not wanted.isdisjoint(readable)

    def _look_up(self) -> Deferred[frozenset[str] | None]:
        """Return the classes that the user may read, if they can be told; asked once a connection."""
        if not _PLAIN.fullmatch(self._username):
            return succeed(None)  # the CLI would take it for several words
        if self._readable is None:
            self._readable = OneShot()
            asked = self._ami.command(f"manager show user {self._username}", check=False)
            asked.addCallback(_read_classes).addErrback(lambda _: None).addCallback(self._readable.succeed)
        return self._readable.wait()


def _read_classes(response: Response) -> frozenset[str] | None:
    """Return the classes of the line ``read perm: call,user`` of ``manager show user``."""
    for line in response.output:
        name, _, value = line.partition(":")
        if name.strip().lower() == "read perm":
            return frozenset(value.strip().lower().split(","))
    return None
