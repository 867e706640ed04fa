"""Placing calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from twisted.internet.defer import Deferred

from ..errors import InvalidAction
from ..originate import DEFAULT_RING_TIME, Call, Variables, new_uniqueid, originate_fields
from ..wire import HeaderValue, encode_action
from .base import DEFAULT_TIMEOUT, ActionBase


class CallActions(ActionBase):
    """Placing calls."""

    def originate(
        self,
        channel: str,
        *,
        context: str | None = None,
        exten: str | int | None = None,
        priority: str | int = 1,
        application: str | None = None,
        data: str | None = None,
        variables: Variables | None = None,
        caller_id: str | None = None,
        ring_time: float = DEFAULT_RING_TIME,
        account: str | None = None,
        codecs: str | Iterable[str] | None = None,
        early_media: bool = False,
        channel_id: str | None = None,
        wait: bool = False,
        fields: Mapping[str, HeaderValue] | None = None,
        timeout: float | None = DEFAULT_TIMEOUT,
    ) -> Deferred[Call]:
        """
        Place a call.

        Its outcome is an event of class ``call``: a user who may not read that class, or a connection whose
        events mask leaves it out, is refused before anything is sent, as far as it can be told (a user who
        may not run CLI commands cannot be looked up).

        :param channel: whom to call first, such as ``"PJSIP/alice"``.
        :param context: where the channel goes when it answers, with ``exten`` and ``priority``.
        :param exten: the extension there.
        :param priority: a number or a label.
        :param application: what runs instead of an extension, with ``data``.
        :param data: the application's arguments.
        :param variables: channel variables; the dialplan reads exactly these values, for what Asterisk would
            take for syntax is escaped.
        :param caller_id: ``"Name <number>"``.
        :param ring_time: seconds that the channel may ring.
        :param account: the account code.
        :param codecs: names of codecs.
        :param early_media: whether early media counts as an answer.
        :param channel_id: the channel's Uniqueid; by default one that is made up and is not used twice.
        :param wait: refused if true, because a synchronous Originate holds up all replies and events of the
            connection until somebody answers; await ``call.outcome``.
        :param fields: further headers.
        :param timeout: seconds for Asterisk to accept the action.
        :return: fires with a :class:`~txami.Call` when Asterisk has accepted it; what becomes of it is
            ``call.outcome``.  Fails like :meth:`action`, and with :class:`~txami.InvalidAction` if the
            outcome could not be seen.
        :raises InvalidAction: at once, if the call cannot be placed so.
        """
        if wait:
            raise InvalidAction(
                "originate: wait=True would freeze the connection until somebody answers; "
                "leave it out and await call.outcome, which also tells busy from no answer"
            )
        call = Call(self, channel, channel_id or new_uniqueid())
        headers = originate_fields(
            channel, call.uniqueid, context, exten, priority, application, data, variables, caller_id, ring_time
        )
        headers += [
            ("Account", account),
            ("Codecs", codecs if codecs is None or isinstance(codecs, str) else ",".join(codecs)),
            ("EarlyMedia", True if early_media else None),
            *(fields or {}).items(),
        ]
        encode_action("Originate", "", headers)

        async def place() -> Call:
            link = await self.link(timeout)
            if not await link.selection.shows("call"):
                raise InvalidAction(
                    "originate: the outcome is an event of class 'call', which this connection does not get; "
                    "see events= of the login, and 'read =' of the user in manager.conf"
                )
            return await call.place(headers, ring_time, timeout)

        return Deferred.fromCoroutine(place())
