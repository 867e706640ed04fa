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
from typing import Final

from .errors import InvalidAction
from .message import Event, Response

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

#: Items that do not carry the ActionID (``channels/chan_iax2.c: __iax2_show_peers``), by action: they are
#: told by their name and by having no ``Privilege``, which every asynchronous event has.
ANONYMOUS_ITEMS: Final = {
    "iaxpeers": "PeerEntry",
    "iaxpeerlist": "PeerEntry",
}

#: Items of lists that have a ``Privilege`` on their second line, as queued events have it, but another value:
#: that of a queued event ends with ``,all`` (``main/manager.c: action_status``; ``channels/chan_sip.c:
#: manager_sip_peer_status``).
WITH_PRIVILEGE: Final = (b"Event: Status\r\n", b"Event: PeerStatus\r\n")
_PRIVILEGES_OF_ITEMS: Final = (("Privilege", "Call"), ("Privilege", "System"))

#: Actions whose reply has neither a frame nor an ActionID, so that it would run into the next message.
UNFRAMED: Final = {
    "iaxnetstats": "iax2 show netstats",
    "queues": "queue show",
}


def is_queued(event: Event) -> bool:
    """Tell whether an event was queued for all sessions, rather than written as a part of a reply."""
    headers = event.items()
    return len(headers) > 1 and headers[1][0].lower() == "privilege" and headers[1] not in _PRIVILEGES_OF_ITEMS


def refuse_unframed(action: str) -> None:
    """
    Refuse the actions whose reply cannot be told from other messages.

    :raises InvalidAction: naming the CLI command that prints the same.
    """
    command = UNFRAMED.get(str(action).lower())
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

_REPAIRS: Final[dict[str, Callable[[bytes], list[bytes]]]] = {
    "agents": _split_call_started,
    "coreshowchannelmap": _split_channel_map,
    "skinnydevices": _split_skinny,
    "skinnylines": _split_skinny,
}


class Collector:
    """
    Gathers the reply to one action.

    :param action: the action's name.
    :param version: the server's AMI version; ``None`` if it is not known.
    """

    __slots__ = (
        "_announced",
        "_completion",
        "_ends_with",
        "_in_list",
        "_in_unmarked_list",
        "_items",
        "_marked",
        "_repair",
        "_response",
        "action",
    )

    def __init__(self, action: str, version: tuple[int, ...] | None = None) -> None:
        key = action.lower()
        self.action = action
        self._marked = version is not None and version >= ALL_LISTS_MARKED
        self._announced = ANNOUNCED.get(key)
        self._ends_with = ENDED_BY_EVENT.get(key)
        self._repair = _REPAIRS.get(key)
        self._in_list = self._in_unmarked_list = False
        self._response: bytes | None = None
        self._items: list[bytes] = []
        self._completion: bytes | None = None

    @property
    def has_response(self) -> bool:
        """Whether the response itself has come."""
        return self._response is not None

    def add_response(self, raw: bytes) -> bool:
        """
        Take a response with the action's ActionID.

        :return: whether the reply is complete.
        """
        first = self._response is None
        self._response = raw
        if not first:
            # An Error in the middle of a list ends it (CoreShowChannelMap, ShowDialPlan, PJSIPShowEndpoint).
            # Whatever may follow is late.
            return True
        if self._announced is not None and self._announced in raw:
            return False
        if self._ends_with is None and self._marked and b"\r\nEventList: " not in raw:
            return True
        return self._is_complete(Response(raw))

    def _is_complete(self, response: Response) -> bool:
        if not response.ok:
            return True
        if response.get("EventList", "").lower() == "start":
            self._in_list = True
        elif self._ends_with is None and not self._marked and "follow" in response.message.lower():
            self._ends_with = UNMARKED_LISTS.get(self.action.lower())
            self._in_unmarked_list = self._ends_with is not None
        return not self._in_list and self._ends_with is None

    def add_event(self, raw: bytes) -> bool:
        """
        Take an event that belongs to the reply.

        :return: whether the reply is complete.
        """
        if self._repair is None:
            return self._add_item(raw)
        item, *glued = self._repair(raw)
        ended = [self._add_item(item)]
        ended += [self.add_response(each) if each.startswith(b"R") else self._add_item(each) for each in glued]
        return any(ended)

    def _add_item(self, raw: bytes) -> bool:
        if self._in_list:
            # Only the end of a list has this header, and "Complete" is its only value there; a comment in
            # manager.c names "cancelled", which would mean the same to us.
            ended = b"\r\nEventList: " in raw and Event(raw).get("EventList", "").lower() != "start"
        else:
            ended = self._ends_with is not None and Event(raw).name == self._ends_with
        if ended:
            self._completion = raw
        else:
            self._items.append(raw)
        return ended

    def result(self, complete: bool = True) -> Response | None:
        """
        Return what has been gathered.

        :param complete: whether that is all; false hands over a part.
        :return: ``None`` if nothing has come at all.
        """
        if self._response is None and not self._items and self._completion is None:
            return None
        completion = Event(self._completion) if self._completion is not None else None
        if completion is not None and completion.get("EventList", "").lower() == "cancelled":
            complete = False
        broken = completion is None and (self._in_list or self._in_unmarked_list)
        events = list(map(Event, self._items))
        return Response(self._response or b"", events, completion, complete and not broken)
