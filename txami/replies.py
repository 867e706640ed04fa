"""
When is the reply to an action complete?

One :class:`Collector` serves one action: it is handed the response and the events that carry the action's
ActionID and says when that is all.  No Twisted, no I/O, no clock.

Most replies are one message, or a list that marks itself with ``EventList: start`` and
``EventList: Complete``.  The tables below are the exceptions, each with the place in Asterisk's source.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from .errors import InvalidAction
from .message import Event, Events, Response
from .records import record

#: Since this AMI version (Asterisk 13.2) every list marks itself.
ALL_LISTS_MARKED: Final = (2, 7)

#: Replies that are one response and one event that carries the ActionID but no ``EventList``
#: (``res/res_fax.c: manager_fax_stats``, ``manager_fax_session``; ``main/manager.c: action_waitevent``), or that
#: event alone (``main/data.c: manager_data_get``, Asterisk 1.8 to 14).
ENDED_BY_EVENT: Final = {
    "dataget": "DataGet Tree",
    "faxstats": "FAXStats",
    "faxsession": "FAXSession",
    "waitevent": "WaitEventComplete",
}

#: Lists that bear no mark before Asterisk 13.2, with the event that ends each.  DBGet has one item and, in
#: 1.4, nothing behind it.
UNMARKED_LISTS: Final = {
    "agents": "AgentsComplete",
    "bridgeinfo": "BridgeInfoComplete",
    "bridgelist": "BridgeListComplete",
    "dahdishowchannels": "DAHDIShowChannelsComplete",
    "dbget": "DBGetResponse",
    "iaxpeerlist": "PeerlistComplete",
    "iaxpeers": "PeerlistComplete",
    "parkedcalls": "ParkedCallsComplete",
    "parkinglots": "ParkinglotsComplete",
    "prishowspans": "PRIShowSpansComplete",
    "queuestatus": "QueueStatusComplete",
    "queuesummary": "QueueSummaryComplete",
    "sippeers": "PeerlistComplete",
    "sippeerstatus": "SIPpeerstatusComplete",
    "status": "StatusComplete",
    "voicemailuserslist": "VoicemailUserEntryComplete",
    "zapshowchannels": "ZapShowChannelsComplete",
}

#: Replies that may never come, or never end: only the answer to a later action proves that nothing more will
#: follow, because Asterisk handles the actions of a connection one after another.
#: FAXSession: ``res/res_fax_spandsp.c`` returns early on failure.  Events: silent for some masks with
#: ``brokeneventsaction=yes`` in manager.conf.  SKINNYshowdevice, SKINNYshowline: silent for what does not exist.
NEED_BARRIER: Final = frozenset({"faxsession", "events", "skinnyshowdevice", "skinnyshowline"})

#: Replies that are one message without ``Response`` and ActionID, with what it begins with
#: (``channels/chan_skinny.c: manager_skinny_show_device``, ``manager_skinny_show_line``).  They need the barrier,
#: too: what comes before the answer to the ping behind an action cannot be for a later one.
BARE: Final = {
    "skinnyshowdevice": b"Channeltype: SKINNY\r\n",
    "skinnyshowline": b"Channeltype: SKINNY\r\n",
}

#: Actions whose first response may only announce the one that tells the result, with what the former holds
#: (``res/res_xmpp.c: manager_jabber_send``).
ANNOUNCED: Final = {"jabbersend": b"\r\nMessage: Attempting to send "}

#: Actions that can hold up everything behind them on the same connection for longer than a ping may take,
#: because Asterisk serves a connection with one thread.  WaitEvent is none: it ends as soon as a ping arrives.
BLOCKING: Final = frozenset({"command", "moduleload", "originate", "pjsipqualify", "reload"})

#: What makes Asterisk answer an Originate at once, without waiting for the call (``main/manager.c:
#: action_originate``; ``main/utils.c: ast_true``).
_ASYNC: Final = re.compile(rb"\r\nAsync: *(?:yes|true|y|t|1|on)\r\n", re.IGNORECASE)

#: Items that do not carry the ActionID (``channels/chan_iax2.c: __iax2_show_peers``), by action: they are
#: told by their name and by having no ``Privilege``, which every asynchronous event has.
ANONYMOUS_ITEMS: Final = {
    "iaxpeers": "PeerEntry",
    "iaxpeerlist": "PeerEntry",
}

#: Second lines of items of lists that have a ``Privilege`` there, as queued events have it, but with another
#: value: that of a queued event ends with ``,all`` (``main/manager.c: action_status``; ``channels/chan_sip.c:
#: manager_sip_peer_status``).
_PRIVILEGES_OF_ITEMS: Final = (b"Privilege: Call", b"Privilege: System")

#: Actions whose reply has neither a frame nor an ActionID, so that it would run into the next message.
UNFRAMED: Final = {
    "iaxnetstats": "iax2 show netstats",
    "queues": "queue show",
}


def is_queued(event: bytes) -> bool:
    """Tell whether an event was queued for all sessions, rather than written as a part of a reply."""
    _, _, rest = event.partition(b"\r\n")
    return rest[:10].lower() == b"privilege:" and rest.partition(b"\r\n")[0] not in _PRIVILEGES_OF_ITEMS


def is_blocking(action: str, data: bytes) -> bool:
    """
    Tell whether an action can hold up what is sent after it.

    :param action: its name.
    :param data: the action as it is sent.
    """
    return rules_of(action).is_blocking and not (action.lower() == "originate" and _ASYNC.search(data))


def refuse_unframed(action: str) -> None:
    """
    Refuse the actions whose reply cannot be told from other messages.

    :raises InvalidAction: naming the CLI command that prints the same.
    """
    command = UNFRAMED.get(action.lower()) if isinstance(action, str) else None
    if command is not None:
        raise InvalidAction(
            f"{action}: Asterisk answers it with bare text that cannot be told from other messages; "
            f"use command({command!r}), which prints the same"
        )


def _split_call_started(item: bytes) -> list[bytes]:
    """
    Give the ``LoggedInTime`` of an agent its own line: ``apps/app_agent_pool.c: action_agents`` ends the
    line before with LF only.
    """
    head, found, tail = item.partition(b"\nLoggedInTime: ")
    if found and not head.endswith(b"\r"):
        return [head + b"\r\nLoggedInTime: " + tail]
    return [item]


def _split_channel_map(item: bytes) -> list[bytes]:
    """
    Cut items apart that Asterisk 18.19 to 18.23, 20.4 to 20.8 and 21.0 to 21.3 end with CRLF LF
    (``main/manager.c: action_coreshowchannelmap``).
    """
    return _GLUE.split(item)


def _split_skinny(item: bytes) -> list[bytes]:
    """
    Cut apart what has no blank line between: all items and the end of the list
    (``channels/chan_skinny.c: manager_skinny_show_devices``, ``manager_skinny_show_lines``).
    """
    return _NO_BLANK_LINE.split(item)


_NO_BLANK_LINE: Final = re.compile(rb"\r\n(?=Event: (?:Device|Line)(?:Entry|listComplete)\r\n)")

#: What stands between them, seen from what follows: the next item, the completion, or an error in its place.
_GLUE: Final = re.compile(rb"\r\n\n(?=Event: CoreShowChannelMap|Response: Error\r\n)")

#: What the start of a list and its end have, and no item: right behind the event's name and the ActionID
#: (``main/manager.c: astman_send_list_complete_start``).
LIST_MARK: Final = b"EventList: "
_MARK: Final = b"\r\n" + LIST_MARK

_REPAIRS: Final[dict[str, Callable[[bytes], list[bytes]]]] = {
    "agents": _split_call_started,
    "coreshowchannelmap": _split_channel_map,
    "skinnydevices": _split_skinny,
    "skinnylines": _split_skinny,
}


@record(frozen=True)
class Rules:
    """
    What the tables say of one action.

    :ivar announced: see :data:`ANNOUNCED`.
    :ivar ends_with: see :data:`ENDED_BY_EVENT`.
    :ivar unmarked_list_ends_with: see :data:`UNMARKED_LISTS`.
    :ivar bare: see :data:`BARE`.
    :ivar anonymous_item: see :data:`ANONYMOUS_ITEMS`.
    :ivar repair: cuts an item where Asterisk failed to.
    :ivar has_output: whether it is the one whose reply is the output of a CLI command.
    :ivar needs_barrier: see :data:`NEED_BARRIER`.
    :ivar is_blocking: see :data:`BLOCKING`.
    :ivar is_unframed: see :data:`UNFRAMED`.
    """

    announced: bytes | None
    ends_with: str | None
    unmarked_list_ends_with: str | None
    bare: bytes | None
    anonymous_item: str | None
    repair: Callable[[bytes], list[bytes]] | None
    has_output: bool
    needs_barrier: bool
    is_blocking: bool
    is_unframed: bool


@lru_cache(maxsize=1024)
def rules_of(action: str) -> Rules:
    """Return what the tables say of an action; remembered, for all the look-ups took a tenth of sending a ping."""
    key = action.lower()
    return Rules(
        ANNOUNCED.get(key),
        ENDED_BY_EVENT.get(key),
        UNMARKED_LISTS.get(key),
        BARE.get(key),
        ANONYMOUS_ITEMS.get(key),
        _REPAIRS.get(key),
        key == "command",
        key in NEED_BARRIER,
        key in BLOCKING,
        key in UNFRAMED,
    )


class Collector:
    """
    Gathers the reply to one action.

    :param action: the action's name.
    :param version: the server's AMI version; ``None`` if it is not known.
    :ivar rules: what is special about the action.
    :ivar response: the response itself, once it has come.
    """

    __slots__ = ("_completion", "_ends_with", "_in_list", "_items", "_marked", "action", "response", "rules")

    def __init__(self, action: str, version: tuple[int, ...] | None = None) -> None:
        self.action = action
        self.rules = rules = rules_of(action)
        self._marked = version is not None and version >= ALL_LISTS_MARKED
        # The event that ends the reply, if the response does not; in a marked list its mark does.
        self._ends_with = rules.ends_with
        self._in_list = False
        self.response: bytes | None = None
        # A list when there is a first item: most replies have none.
        self._items: list[bytes] | None = None
        self._completion: bytes | None = None

    @property
    def has_response(self) -> bool:
        """Whether the response itself has come."""
        return self.response is not None

    @property
    def open_list(self) -> list[bytes] | None:
        """What the next items may be appended to, if they are not the end and need no mending."""
        return self._items if self._in_list and self.rules.repair is None else None

    def add_response(self, raw: bytes) -> bool:
        """
        Take a response with the action's ActionID.

        :return: whether the reply is complete.
        """
        first = self.response is None
        self.response = raw
        if not first:
            # An Error in the middle of a list ends it (CoreShowChannelMap, ShowDialPlan, PJSIPShowEndpoint).
            # Whatever may follow is late.
            return True
        if self.rules.announced is not None and self.rules.announced in raw:
            return False
        if self._ends_with is None and self._marked and _MARK not in raw:
            return True
        return self._is_complete(Response(raw))

    def _is_complete(self, response: Response) -> bool:
        if not response.ok:
            return True
        if response.get("EventList", "").lower() == "start":
            self._in_list = True
        elif self._ends_with is None and not self._marked and "follow" in response.message.lower():
            self._ends_with = self.rules.unmarked_list_ends_with
        return not self._in_list and self._ends_with is None

    def add_event(self, raw: bytes) -> bool:
        """
        Take an event that belongs to the reply.

        :return: whether the reply is complete.
        """
        if self.rules.repair is None:
            return self._add_item(raw)
        item, *glued = self.rules.repair(raw)
        ended = [self._add_item(item)]
        ended += [self.add_response(each) if each.startswith(b"R") else self._add_item(each) for each in glued]
        return any(ended)

    def _add_item(self, raw: bytes) -> bool:
        if self._in_list:
            # Only the end of a list has this header, and "Complete" is its only value there; a comment in
            # manager.c names "cancelled", which would mean the same to us.
            ended = raw.find(_MARK, 0, 512) >= 0 and Event(raw).get("EventList", "").lower() != "start"
        else:
            ended = self._ends_with is not None and Event(raw).name == self._ends_with
        if ended:
            self._completion = raw
        elif self._items is None:
            self._items = [raw]
        else:
            self._items.append(raw)
        return ended

    def reply(self, complete: bool = True) -> Response | None:
        """
        Return what has been gathered.

        :param complete: whether that is all; false hands over a part.
        :return: ``None`` if nothing has come at all.
        """
        if self._items is None and self._completion is None:
            if self.response is None:
                return None
            if not self._in_list:
                return Response(self.response, complete=complete and self._ends_with is self.rules.ends_with)
        completion = Event(self._completion) if self._completion is not None else None
        if completion is not None and completion.get("EventList", "").lower() == "cancelled":
            complete = False
        in_list = self._in_list or self._ends_with is not self.rules.ends_with
        broken = in_list and completion is None
        return Response(self.response or b"", Events(tuple(self._items or ())), completion, complete and not broken)

    def forget(self) -> None:
        """Let go of what has been gathered, when the reply is over."""
        self.response = self._items = self._completion = None
