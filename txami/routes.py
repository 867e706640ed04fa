"""
By what an event is routed: its head.

Many thousand events a second are looked at no further than that, so the head is one cut and one look-up away: it is
bytes as they came, not a name.
"""

from __future__ import annotations

from .message import Event, encode
from .subscription import Subscription

#: Ends what :func:`head_of` cuts off: the value of ``Privilege`` of an event that was queued for all sessions
#: (``main/manager.c: authority_to_str``).
END_OF_HEAD = b",all\r\n"

#: How long a head may be that has a privilege; the longest of Asterisk 22 has some 70 bytes.
HEAD_SIZE = 128


def head_of(raw: bytes) -> bytes:
    """
    Return by what an event is routed: its first two lines, the name and the privilege, up to ``,all``, if it was
    queued for all sessions; else what its name would be as a first line.
    """
    head, end, _ = raw[:HEAD_SIZE].partition(END_OF_HEAD)
    if end and head.startswith(b"Event: ") and head.count(b"\r\n") == 1 and b"\r\nPrivilege: " in head:
        return head
    return b"Event: " + encode(Event(raw).name)


def name_of_head(head: bytes) -> bytes:
    """Return the name of the events that have this head, as it is spelt on the wire."""
    return head[7:].partition(b"\r\n")[0]


class Route:
    """
    Where the events of one head go.

    :ivar name: the name of these events.
    :ivar subscriptions: whom they concern.
    :ivar count: how many came; kept by whoever looks the route up.
    """

    __slots__ = ("count", "name", "subscriptions")

    def __init__(self, name: str, subscriptions: tuple[Subscription, ...]) -> None:
        self.name = name
        self.subscriptions = subscriptions
        self.count = 0
