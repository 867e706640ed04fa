"""
AsyncAGI: calls driven over the manager interface.

A call enters ``AGI(agi:async)`` in the dialplan; :class:`AsyncAGI` makes an :class:`~txami.AGISession` of it and hands
that to a function, whose end gives the call back to the dialplan.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Literal

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from .agisession import AGISession
from .errors import AGIHangup, ConnectionLost
from .message import Event
from .protocol import AMIProtocol
from .service import AMIService
from .waiters import Waiters

#: What a call is driven by; mostly an ``async def``.
Handler = Callable[[AGISession], object]
#: Which calls: a function of the session, or a mapping of its environment's names to the values they must have.
Where = Callable[[AGISession], object] | Mapping[str, str] | None

#: Up to Asterisk 11 all three are one event, and ``SubEvent`` tells which it is.
_EVENTS = ("AsyncAGIStart", "AsyncAGIExec", "AsyncAGIEnd", "AsyncAGI")
_HANGUPS = ("HangupRequest", "SoftHangupRequest", "Hangup")


class AsyncAGI:
    """
    Hands the calls that enter ``AGI(agi:async)`` to a function.

    The user needs the read and the write class ``agi``; with ``call`` and ``dialplan`` a hang-up can always be told
    from a failure.  Calls that entered before, or while a service was not connected, are not seen: Asterisk tells of
    each once.

    :param ami: a connection, or a service: then for all its connections.
    :param handler: called with each :class:`~txami.AGISession`, mostly an ``async def``.  When it is done the call is
        given back to the dialplan.
    :param where: only these calls: a function of the session, or values that its environment must have, such as
        ``{"agi_arg_1": "menu"}`` for ``AGI(agi:async,menu)``.  The others are left to other programs.
    :param after_failure: what happens to a call whose handler fails, which is logged: ``"break"`` gives it back to
        the dialplan, ``"hangup"`` hangs up.
    """

    _log = Logger()

    def __init__(
        self,
        ami: AMIProtocol | AMIService,
        handler: Handler,
        *,
        where: Where = None,
        after_failure: Literal["break", "hangup"] = "break",
    ) -> None:
        self._ami = ami
        self._handler = handler
        self._where = _predicate(where)
        self._after_failure = after_failure
        self._sessions: dict[str, AGISession] = {}
        self._driven: set[AGISession] = set()
        self._closing = False
        self._idle: Waiters[None] = Waiters()
        self._subscriptions = [ami.on(_EVENTS, self._happened), ami.on(_HANGUPS, self._hung_up)]
        Deferred.fromCoroutine(self._warn_if_deaf()).addErrback(lambda _: None)

    def __call__(self, session: AGISession) -> object:
        """Call the handler, so that a decorated function stays usable."""
        return self._handler(session)

    @property
    def sessions(self) -> list[AGISession]:
        """The calls that are driven now."""
        return list(self._driven)

    def close(self) -> Deferred[None]:
        """
        Take no more calls.

        :return: fires when the handlers of those that were taken are done.
        """
        self._closing = True
        done = self._idle.wait()
        self._rest()
        return done

    def _rest(self) -> None:
        """Stop listening when the last call is done."""
        if self._closing and not self._driven:
            for subscription in self._subscriptions:
                subscription.cancel()
            self._idle.succeed(None)

    async def _warn_if_deaf(self) -> None:
        link = await self._ami.link()
        if not await link.selection.shows("agi"):
            self._log.warn(
                "no calls will be seen: the events mask leaves out the class agi, or {user} may not read it",
                user=link.username,
            )

    # -- events ----------------------------------------------------------------------------------------

    def _happened(self, event: Event) -> None:
        what = (event.get("SubEvent") or event.name[len("AsyncAGI") :]).lower()
        if what == "start":
            self._ami.link().addCallback(self._entered, event).addErrback(
                lambda failure: self._log.failure("a call could not be taken", failure)
            )
            return
        session = self._session_of(event)
        if session is not None and what == "exec":
            session.executed(event)
        elif session is not None and what == "end":
            session.end()

    def _hung_up(self, event: Event) -> None:
        session = self._session_of(event)
        if session is not None:
            session.hung_up = True
            if event.name == "Hangup":
                session.end()

    def _session_of(self, event: Event) -> AGISession | None:
        """Return whose event it is; up to Asterisk 11 most have only the channel's name."""
        by_uniqueid = self._sessions.get(event.get("Uniqueid", ""))
        return by_uniqueid or self._sessions.get(event.get("Channel", ""))

    # -- a call ----------------------------------------------------------------------------------------

    def _entered(self, link: AMIProtocol, event: Event) -> None:
        stale = self._session_of(event)
        if stale is not None:
            stale.end()
        if self._closing:
            return
        session = AGISession(link, event)
        key = session.uniqueid or session.channel
        self._sessions[key] = session
        session.when_ended().addCallback(lambda _: self._sessions.pop(key, None))
        session.begin(event.get("Env", "")).addCallbacks(self._begun, lambda _: None)

    def _begun(self, session: AGISession) -> None:
        if self._closing or not self._wants(session):
            session.end()
            return
        self._driven.add(session)
        Deferred.fromCoroutine(self._drive(session)).addCallbacks(
            lambda _: None,
            lambda failure: self._log.failure("{session} could not be given back", failure, session=session),
        ).addCallback(lambda _: self._driven_out(session))

    def _wants(self, session: AGISession) -> bool:
        try:
            return bool(self._where(session))
        except Exception:
            self._log.failure("where= failed on {session}", session=session)
            return False

    async def _drive(self, session: AGISession) -> None:
        release = session.break_
        try:
            result = self._handler(session)
            if isinstance(result, (Coroutine, Deferred)):
                await result
        except Exception as error:
            # That the call went away is how most calls end.
            if session.active or not isinstance(error, (AGIHangup, ConnectionLost)):
                self._log.failure("the handler of {session} failed", session=session)
            if self._after_failure == "hangup":
                release = session.hangup
        await release()

    def _driven_out(self, session: AGISession) -> None:
        self._driven.discard(session)
        self._rest()


def serve(
    ami: AMIProtocol | AMIService, *, where: Where = None, after_failure: Literal["break", "hangup"] = "break"
) -> Callable[[Handler], AsyncAGI]:
    """
    Return a decorator that makes an :class:`AsyncAGI` of a handler.

    :param ami: see :class:`AsyncAGI`.
    :param where: see :class:`AsyncAGI`.
    :param after_failure: see :class:`AsyncAGI`.
    """
    return lambda handler: AsyncAGI(ami, handler, where=where, after_failure=after_failure)


def _predicate(where: Where) -> Callable[[AGISession], object]:
    if callable(where):
        return where
    wanted = dict(where or {})
    return lambda session: all(session.environment.get(name) == value for name, value in wanted.items())
