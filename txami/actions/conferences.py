"""Conferences of ConfBridge."""

from __future__ import annotations

from dataclasses import field

from twisted.internet.defer import Deferred

from ..message import Event, Response
from ..records import record
from .base import DEFAULT_TIMEOUT, ActionBase
from .channels import Channel
from .reading import done, duration, is_yes, items, number, unless


@record(frozen=True)
class Conference:
    """
    A conference, at one moment.

    :ivar parties: how many take part.
    :ivar marked: how many of them are marked users.
    :ivar locked: whether only administrators may join.
    :ivar muted: whether all who join are muted.
    :ivar event: where all this is from.
    """

    name: str
    parties: int
    marked: int
    locked: bool
    muted: bool
    event: Event = field(repr=False, compare=False)

    @classmethod
    def from_event(cls, event: Event) -> Conference:
        """Read a ``ConfbridgeListRooms``."""
        return cls(
            name=event.get("Conference", ""),
            parties=number(event, "Parties"),
            marked=number(event, "Marked"),
            locked=is_yes(event, "Locked"),
            muted=is_yes(event, "Muted"),
            event=event,
        )


@record(frozen=True)
class ConferenceMember:
    """
    Somebody in a conference, at one moment.

    :ivar channel: the :class:`~txami.actions.Channel`.
    :ivar admin: whether it is an administrator.
    :ivar marked: whether it is a marked user.
    :ivar waiting: whether it waits for a marked user.
    :ivar muted: whether nobody hears it.
    :ivar talking: whether it talks; known only where the user's profile has ``talk_detection_events``.
    :ivar duration: seconds since it was answered.
    :ivar event: where all this is from.
    """

    channel: Channel
    admin: bool
    marked: bool
    waiting: bool
    muted: bool
    talking: bool
    duration: int | None
    event: Event = field(repr=False, compare=False)

    @classmethod
    def from_event(cls, event: Event) -> ConferenceMember:
        """Read a ``ConfbridgeList``."""
        return cls(
            channel=Channel.from_event(event),
            admin=is_yes(event, "Admin"),
            marked=is_yes(event, "MarkedUser"),
            waiting=is_yes(event, "Waiting"),
            muted=is_yes(event, "Muted"),
            talking=is_yes(event, "Talking"),
            duration=duration(event, "AnsweredTime"),
            event=event,
        )


class ConferenceActions(ActionBase):
    """
    Conferences of ConfBridge.

    A member is named by the channel's name (not by its Uniqueid).  A conference or a member that is not there
    is an :class:`~txami.ActionError` where something was to be changed.
    """

    def conferences(self, *, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[dict[str, Conference]]:
        """
        Look at all conferences.

        :param timeout: seconds for the whole list.
        :return: fires with a :class:`~txami.actions.Conference` for each name; empty if there is none.
        """
        asked = self.action("ConfbridgeListRooms", timeout=timeout)
        return unless(asked, "No active conferences").addCallback(
            lambda response: {each.name: each for each in map(Conference.from_event, items(response))}
        )

    def conference_members(
        self, conference: str, *, timeout: float | None = DEFAULT_TIMEOUT
    ) -> Deferred[dict[str, ConferenceMember]]:
        """
        Look at who is in a conference.

        :param conference: its name.
        :param timeout: seconds for the whole list.
        :return: fires with a :class:`~txami.actions.ConferenceMember` for each channel's name; empty if there
            is no such conference.
        """
        asked = self.action("ConfbridgeList", Conference=conference, timeout=timeout)
        return unless(asked, "No Conference by that name found", "No active conferences").addCallback(_members)

    def conference_mute(self, conference: str, channel: str) -> Deferred[None]:
        """
        Let nobody hear a member.

        :param conference: its name.
        :param channel: the member's, ``"all"``, or ``"participants"`` for all who are no administrators.
        """
        return done(self.action("ConfbridgeMute", Conference=conference, Channel=channel))

    def conference_unmute(self, conference: str, channel: str) -> Deferred[None]:
        """Undo :meth:`conference_mute`."""
        return done(self.action("ConfbridgeUnmute", Conference=conference, Channel=channel))

    def conference_kick(self, conference: str, channel: str) -> Deferred[None]:
        """
        Throw a member out.

        :param conference: its name.
        :param channel: the member's, ``"all"``, or ``"participants"``.
        """
        return done(self.action("ConfbridgeKick", Conference=conference, Channel=channel))

    def conference_lock(self, conference: str) -> Deferred[None]:
        """
        Let only administrators join from now on.

        :param conference: its name.
        """
        return done(self.action("ConfbridgeLock", Conference=conference))

    def conference_unlock(self, conference: str) -> Deferred[None]:
        """Undo :meth:`conference_lock`."""
        return done(self.action("ConfbridgeUnlock", Conference=conference))

    def conference_start_recording(self, conference: str, file: str | None = None) -> Deferred[None]:
        """
        Record a conference.  One that is being recorded is an error.

        :param conference: its name.
        :param file: the file's path, or its name in the directory for recordings; by default that of the
            bridge's profile.
        """
        return done(self.action("ConfbridgeStartRecord", Conference=conference, RecordFile=file))

    def conference_stop_recording(self, conference: str) -> Deferred[None]:
        """Undo :meth:`conference_start_recording`.  A conference that is not recorded is an error."""
        return done(self.action("ConfbridgeStopRecord", Conference=conference))


def _members(response: Response | None) -> dict[str, ConferenceMember]:
    return {member.channel.name: member for member in map(ConferenceMember.from_event, items(response))}
