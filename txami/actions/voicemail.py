"""Mailboxes of voicemail."""

from __future__ import annotations

from dataclasses import field

from twisted.internet.defer import Deferred

from ..message import Event, Response
from ..records import record
from .base import DEFAULT_TIMEOUT, ActionBase
from .reading import number


@record(frozen=True)
class MailboxCount:
    """
    How many messages a mailbox has.

    :ivar new: those not heard yet.
    :ivar old: those that were.
    :ivar urgent: those that are urgent.
    :ivar event: the response where this is from.
    """

    mailbox: str
    new: int
    old: int
    urgent: int
    event: Response = field(repr=False, compare=False)

    @classmethod
    def from_response(cls, response: Response) -> MailboxCount:
        """Read the reply to ``MailboxCount``."""
        return cls(
            mailbox=response.get("Mailbox", ""),
            new=number(response, "NewMessages"),
            old=number(response, "OldMessages"),
            urgent=number(response, "UrgMessages"),
            event=response,
        )


@record(frozen=True)
class VoicemailUser:
    """
    Who has a mailbox.

    :ivar mailbox: its number.
    :ivar context: the context of voicemail that it is in.
    :ivar full_name: whose it is.
    :ivar new: how many messages are not heard yet.
    :ivar old: how many are.
    :ivar event: where all this is from.
    """

    mailbox: str
    context: str
    full_name: str
    email: str
    new: int
    old: int
    event: Event = field(repr=False, compare=False)

    @classmethod
    def from_event(cls, event: Event) -> VoicemailUser:
        """Read a ``VoicemailUserEntry``."""
        return cls(
            mailbox=event.get("VoiceMailbox", ""),
            context=event.get("VMContext", ""),
            full_name=event.get("Fullname", ""),
            email=event.get("Email", ""),
            new=number(event, "NewMessageCount"),
            old=number(event, "OldMessageCount"),
            event=event,
        )


class VoicemailActions(ActionBase):
    """
    Mailboxes of voicemail.

    A mailbox is named as ``"100@default"``.  Asterisk does not say if there is none of that name: it has no
    messages.
    """

    def mailbox_status(self, mailbox: str) -> Deferred[bool]:
        """
        Tell whether there are messages not heard yet.

        :param mailbox: such as ``"100@default"``, or several with commas.
        :return: fires with whether any of them has some.
        """
        return self.action("MailboxStatus", Mailbox=mailbox).addCallback(
            lambda response: number(response, "Waiting") > 0
        )

    def mailbox_count(self, mailbox: str) -> Deferred[MailboxCount]:
        """
        Count messages.

        :param mailbox: such as ``"100@default"``.
        :return: fires with a :class:`~txami.actions.MailboxCount`.
        """
        return self.action("MailboxCount", Mailbox=mailbox).addCallback(MailboxCount.from_response)

    def voicemail_users(self, *, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[dict[str, VoicemailUser]]:
        """
        Look at who has a mailbox.

        :param timeout: seconds for the whole list.
        :return: fires with a :class:`~txami.actions.VoicemailUser` for each mailbox, such as ``"100@default"``;
            fails with :class:`~txami.ActionError` where voicemail is not loaded.
        """
        asked = self.action("VoicemailUsersList", timeout=timeout)
        return asked.addCallback(
            lambda response: {
                f"{user.mailbox}@{user.context}": user for user in map(VoicemailUser.from_event, response.events)
            }
        )
