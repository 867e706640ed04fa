"""Placing calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from twisted.internet.defer import Deferred

from ..originate import DEFAULT_RING_TIME, Call, Variables, new_uniqueid, originate_fields
from ..wire import HeaderValue
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
        fields: Mapping[str, HeaderValue] | None = None,
        timeout: float | None = DEFAULT_TIMEOUT,
    ) -> Deferred[Call]:
        """
        Place a call.

        The call is placed asynchronously: a synchronous Originate would hold up all replies and events of the
        connection until somebody answers.

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
        :param fields: further headers.
        :param timeout: seconds for Asterisk to accept the action.
        :return: fires with a :class:`~txami.Call` when Asterisk has accepted it; what becomes of it is
            ``call.outcome``.  Fails like :meth:`action`.
        :raises InvalidAction: at once, if the call cannot be placed so.
        """
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
        return call.place(headers, ring_time, timeout)
