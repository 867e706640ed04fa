"""Looking at queues, their members and callers."""

from __future__ import annotations

from dataclasses import field
from typing import Final

from twisted.internet.defer import Deferred

from ..message import Event, Response
from ..records import record
from .base import DEFAULT_TIMEOUT, ActionBase
from .reading import decimal, is_yes, known, moment, number

#: ``enum ast_device_state`` of ``include/asterisk/devicestate.h``, by number.
MEMBER_STATES: Final = (
    "unknown",
    "not in use",
    "in use",
    "busy",
    "invalid",
    "unavailable",
    "ringing",
    "ringing and in use",
    "on hold",
)


@record(frozen=True)
class QueueMember:
    """
    A member of a queue, at one moment.

    :ivar interface: what is dialled, such as ``"PJSIP/alice"``.
    :ivar name: the member's name; the interface if there is none.
    :ivar state_interface: the device whose state is looked at.
    :ivar membership: ``"static"``, ``"dynamic"`` or ``"realtime"``.
    :ivar status: the number of the device's state.
    :ivar paused_reason: ``""`` if none was given.
    :ivar in_call: whether the member talks to a caller of this queue.
    :ivar calls_taken: since the statistics were reset.
    :ivar last_call: when the last call ended, in seconds since 1970; ``None`` for never.
    :ivar last_pause: when the last pause began, likewise.
    :ivar logged_in_since: likewise.
    :ivar wrapup_time: seconds of rest after a call.
    :ivar event: where all this is from.
    """

    interface: str
    name: str
    state_interface: str
    membership: str
    penalty: int
    status: int
    paused: bool
    paused_reason: str
    in_call: bool
    calls_taken: int
    last_call: int | None
    last_pause: int | None
    logged_in_since: int | None
    wrapup_time: int
    event: Event = field(repr=False, compare=False)

    @property
    def state(self) -> str:
        """The device's state: ``"not in use"``, ``"in use"``, ``"ringing"``, ``"unavailable"`` and so on."""
        return MEMBER_STATES[self.status] if 0 <= self.status < len(MEMBER_STATES) else MEMBER_STATES[0]

    @classmethod
    def from_event(cls, event: Event) -> QueueMember:
        """Read a ``QueueMember``."""
        interface = event.get("Location", "")
        return cls(
            interface=interface,
            name=event.get("Name", interface),
            state_interface=event.get("StateInterface", interface),
            membership=event.get("Membership", ""),
            penalty=number(event, "Penalty"),
            status=number(event, "Status"),
            paused=is_yes(event, "Paused"),
            paused_reason=event.get("PausedReason", ""),
            in_call=is_yes(event, "InCall"),
            calls_taken=number(event, "CallsTaken"),
            last_call=moment(event, "LastCall"),
            last_pause=moment(event, "LastPause"),
            logged_in_since=moment(event, "LoginTime"),
            wrapup_time=number(event, "Wrapuptime"),
            event=event,
        )


@record(frozen=True)
class QueueCaller:
    """
    Somebody who waits in a queue.

    :ivar position: 1 for who is next.
    :ivar channel: the name of the channel.
    :ivar wait: seconds waited so far.
    :ivar event: where all this is from.
    """

    position: int
    channel: str
    uniqueid: str
    caller_id_number: str
    caller_id_name: str
    wait: int
    priority: int
    event: Event = field(repr=False, compare=False)

    @classmethod
    def from_event(cls, event: Event) -> QueueCaller:
        """Read a ``QueueEntry``."""
        return cls(
            position=number(event, "Position"),
            channel=event.get("Channel", ""),
            uniqueid=event.get("Uniqueid", ""),
            caller_id_number=known(event, "CallerIDNum"),
            caller_id_name=known(event, "CallerIDName"),
            wait=number(event, "Wait"),
            priority=number(event, "Priority"),
            event=event,
        )


@record(frozen=True)
class Queue:
    """
    A queue, at one moment.

    :ivar max_callers: how many may wait; 0 for any number.
    :ivar waiting: how many do.
    :ivar hold_time: seconds that callers wait on average.
    :ivar talk_time: seconds that calls last on average.
    :ivar completed: calls since the statistics were reset.
    :ivar abandoned: callers who gave up since then.
    :ivar service_level: seconds within which a call should be answered.
    :ivar service_level_performance: per cent of the calls for which this was so.
    :ivar members: by interface.
    :ivar callers: who waits, first come first.
    :ivar event: where this is from; each member and caller has its own.
    """

    name: str
    strategy: str
    max_callers: int
    waiting: int
    hold_time: int
    talk_time: int
    completed: int
    abandoned: int
    service_level: int
    service_level_performance: float
    weight: int
    members: dict[str, QueueMember]
    callers: list[QueueCaller]
    event: Event = field(repr=False, compare=False)

    @classmethod
    def from_event(cls, event: Event) -> Queue:
        """Read a ``QueueParams``, without members and callers."""
        return cls(
            name=event.get("Queue", ""),
            strategy=event.get("Strategy", ""),
            max_callers=number(event, "Max"),
            waiting=number(event, "Calls"),
            hold_time=number(event, "Holdtime"),
            talk_time=number(event, "TalkTime"),
            completed=number(event, "Completed"),
            abandoned=number(event, "Abandoned"),
            service_level=number(event, "ServiceLevel"),
            service_level_performance=decimal(event, "ServicelevelPerf") or 0.0,
            weight=number(event, "Weight"),
            members={},
            callers=[],
            event=event,
        )


@record(frozen=True)
class QueueSummary:
    """
    A queue in short.

    :ivar logged_in: how many members are there.
    :ivar available: how many could take a call.
    :ivar callers: how many wait.
    :ivar hold_time: seconds that callers wait on average.
    :ivar talk_time: seconds that calls last on average.
    :ivar longest_hold_time: seconds that the first in line has waited.
    :ivar event: where all this is from.
    """

    name: str
    logged_in: int
    available: int
    callers: int
    hold_time: int
    talk_time: int
    longest_hold_time: int
    event: Event = field(repr=False, compare=False)

    @classmethod
    def from_event(cls, event: Event) -> QueueSummary:
        """Read a ``QueueSummary``."""
        return cls(
            name=event.get("Queue", ""),
            logged_in=number(event, "LoggedIn"),
            available=number(event, "Available"),
            callers=number(event, "Callers"),
            hold_time=number(event, "HoldTime"),
            talk_time=number(event, "TalkTime"),
            longest_hold_time=number(event, "LongestHoldTime"),
            event=event,
        )


class QueueStatusActions(ActionBase):
    """Looking at queues, their members and callers."""

    def queues(
        self, queue: str | None = None, *, timeout: float | None = DEFAULT_TIMEOUT
    ) -> Deferred[dict[str, Queue]]:
        """
        Look at all queues with their members and callers, or at one.

        :param queue: the name of the only one of interest.
        :param timeout: seconds for the whole list.
        :return: fires with a :class:`~txami.actions.Queue` for each name; empty if there is none.
        """
        return self.action("QueueStatus", Queue=queue, timeout=timeout).addCallback(_queues)

    def queue_summary(
        self, queue: str | None = None, *, timeout: float | None = DEFAULT_TIMEOUT
    ) -> Deferred[dict[str, QueueSummary]]:
        """
        Count members and callers.

        :param queue: the name of the only one of interest.
        :param timeout: seconds for the whole list.
        :return: fires with a :class:`~txami.actions.QueueSummary` for each name.
        """
        asked = self.action("QueueSummary", Queue=queue, timeout=timeout)
        return asked.addCallback(
            lambda response: {each.name: each for each in map(QueueSummary.from_event, response.events)}
        )


def _queues(response: Response) -> dict[str, Queue]:
    """Gather what comes flat: each queue, its members, its callers."""
    queues: dict[str, Queue] = {}
    for event in response.events:
        if event.name == "QueueParams":
            queue = Queue.from_event(event)
            queues[queue.name] = queue
        elif event.name == "QueueMember":
            member = QueueMember.from_event(event)
            queues[event["Queue"]].members[member.interface] = member
        elif event.name == "QueueEntry":
            queues[event["Queue"]].callers.append(QueueCaller.from_event(event))
    return queues
