"""One call placed: accepted, its outcome, its end."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, Literal
from weakref import WeakMethod

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from .errors import ConnectionLost, InvalidAction
from .message import Event, Response
from .records import record
from .streams import EventStream, Overflow
from .subscription import Names
from .waiters import OneShot
from .wire import HeaderValue

if TYPE_CHECKING:
    from .actions.base import ActionBase

#: Values are passed as ``str()`` shows them.
Variables = Mapping[str, object] | Iterable[tuple[str, object]]
Status = Literal["answered", "busy", "no answer", "congestion", "hung up", "failed"]

#: Seconds; what Asterisk takes when no ``Timeout`` is sent.
DEFAULT_RING_TIME: Final = 30.0

#: A variable, or a function with its arguments, as they pass the splitter of :func:`escape_value` unharmed.
_NAME: Final = re.compile(r'[^\s=,"\\()\[\]]+(?:\([^="\\()\[\]]*\))?')

#: The headers by which an event names a channel of a call.
_CHANNEL_HEADERS: Final = ("Uniqueid", "Linkedid", "DestUniqueid", "DestLinkedid")

#: Seconds beyond the ring time in which the outcome must have come.
_GRACE: Final = 15.0

#: ``Reason`` of OriginateResponse is a number of ``enum ast_control_frame_type`` (``main/pbx.c:
#: pbx_dial_reason``); 0 stands for all other failures, such as an unknown technology or number.
REASONS: Final[dict[str, Status]] = {
    "4": "answered",
    "5": "busy",
    "3": "no answer",
    "8": "congestion",
    "1": "hung up",
    "0": "failed",
}


@record(frozen=True)
class Outcome:
    """
    What became of a call.

    :ivar status: ``"answered"``, ``"busy"``, ``"no answer"``, ``"congestion"``, ``"hung up"`` (by the called
        party, before answering) or ``"failed"``.
    :ivar event: the ``OriginateResponse`` that said so.
    """

    status: Status
    event: Event

    @property
    def answered(self) -> bool:
        """Whether somebody answered."""
        return self.status == "answered"

    @property
    def channel(self) -> str:
        """The name of the channel if it was answered, else what was dialled."""
        return self.event.get("Channel", "")


class Call:
    """
    A call that was placed.

    :ivar channel: what was dialled.
    :ivar uniqueid: the Uniqueid of its channel, known beforehand: no event of the call can be missed.
    """

    def __init__(self, ami: ActionBase, channel: str, uniqueid: str) -> None:
        self.channel = channel
        self.uniqueid = uniqueid
        self._ami = ami
        self._action_id = ""
        self._outcome: OneShot[Outcome] = OneShot()
        self._ended: OneShot[Event] = OneShot()
        self._exists = False

    @property
    def outcome(self) -> Deferred[Outcome]:
        """
        What becomes of the call, as a new Deferred.

        It fires with an :class:`Outcome`, whatever that is, and fails only if it cannot be known: with
        :class:`~txami.ConnectionLost` or :class:`~txami.EventTimeout`.
        """
        return self._outcome.wait()

    def events(self, names: Names = None, *, limit: int = 1000, overflow: Overflow = "drop_oldest") -> EventStream:
        """
        Return the events of this call, until it ends, as an asynchronous iterator.

        Those are the events that name its channel, or any channel that Asterisk has linked to it.  Asked for
        as soon as the call is placed, it misses none.

        :param names: see :meth:`txami.EventRegistry.on`.
        :param limit: see :meth:`txami.EventRegistry.events`.
        :param overflow: see :meth:`txami.EventRegistry.events`.
        """
        registry = self._ami.registry
        stream = registry.events(names, self._concerns, limit=limit, overflow=overflow)
        # In the next turn: the Hangup that ends the call is on its way to the stream, too.  Weakly: a stream that
        # nobody reads any more is held by nobody.
        weakly = WeakMethod(stream.close)

        def close() -> None:
            method = weakly()
            if method is not None:
                method()

        self.ended.addBoth(lambda _: registry.clock.callLater(0, close))
        return stream

    def _concerns(self, event: Event) -> bool:
        return any(event.get(header) == self.uniqueid for header in _CHANNEL_HEADERS)

    @property
    def ended(self) -> Deferred[Event]:
        """
        The end of the call, as a new Deferred.

        It fires with the ``Hangup`` of the call's channel, or with the ``OriginateResponse`` if there never
        was a channel; and fails with :class:`~txami.ConnectionLost` if the end was not seen.
        """
        return self._ended.wait()

    def hangup(self, cause: int = 16) -> Deferred[Response]:
        """
        End the call.

        :param cause: the cause of ISDN (Q.850); 16 is normal clearing.
        :return: fails with :class:`~txami.ActionError` if there is no such channel (any more).
        """
        return self._ami.action("Hangup", Channel=self.uniqueid, Cause=cause)

    def __repr__(self) -> str:
        return f"<Call to {self.channel} as {self.uniqueid}>"

    def place(self, fields: list[tuple[str, HeaderValue]], ring_time: float, timeout: float | None) -> Deferred[Call]:
        """
        Send the action.

        :param fields: see :func:`originate_fields`.
        :param ring_time: seconds that the channel may ring.
        :param timeout: seconds for Asterisk to accept the action.
        :return: fires with this call when Asterisk has said that it will place it.
        """
        return self._ami.action("Originate", fields, timeout=timeout).addCallback(self._accepted, ring_time)

    def _accepted(self, response: Response, ring_time: float) -> Call:
        # Early enough, since Asterisk writes a response before all events that its action causes, and not
        # earlier, since the action may have waited for a connection, or outlived one that it had not left on.
        self._action_id = response.action_id
        registry = self._ami.registry
        mine = {"Uniqueid": self.uniqueid}
        self._watched = [
            registry.once("Newchannel", self._begun, where=mine),
            registry.once("Hangup", self._hung_up, where=mine),
        ]
        self._response = registry.wait_for("OriginateResponse", self._is_mine, ring_time + _GRACE)
        self._lost = self._ami.when_disconnected()
        self._response.addCallbacks(self._decided, self._undecided)
        self._lost.addCallbacks(self._connection_lost, lambda _: None)
        return self

    def _stop_watching(self) -> None:
        self._lost.cancel()
        for subscription in self._watched:
            subscription.cancel()

    def _is_mine(self, event: Event) -> bool:
        # By its Uniqueid, which is ours even if there never was a channel; by the ActionID for Asterisk 11
        # and before, which knew no ChannelId.
        return event.get("Uniqueid") == self.uniqueid or (
            self._action_id != "" and event.get("ActionID") == self._action_id
        )

    def _begun(self, _: Event) -> None:
        self._exists = True

    def _hung_up(self, event: Event) -> None:
        self._ended.succeed(event)
        if self._outcome.fired:
            self._stop_watching()

    def _decided(self, event: Event) -> None:
        outcome = Outcome(REASONS.get(event.get("Reason", ""), "failed"), event)
        if not self._exists and not outcome.answered:
            self._ended.succeed(event)
        if self._ended.fired:
            self._stop_watching()
        self._outcome.succeed(outcome)

    def _undecided(self, failure: Failure) -> None:
        error = failure.value if isinstance(failure.value, Exception) else Exception(str(failure.value))
        self._outcome.fail(error)
        if not self._exists:
            self._ended.fail(error)
            self._stop_watching()

    def _connection_lost(self, reason: Exception) -> None:
        self._stop_watching()
        error = ConnectionLost("Originate", True, reason)
        self._ended.fail(error)
        self._outcome.fail(error)
        self._response.cancel()


def new_uniqueid() -> str:
    """Return a Uniqueid that is not used twice, whoever else makes some."""
    return f"txami-{os.urandom(12).hex()}"


def originate_fields(
    channel: str,
    uniqueid: str,
    context: str | None,
    exten: str | int | None,
    priority: str | int,
    application: str | None,
    data: str | None,
    variables: Variables | None,
    caller_id: str | None,
    ring_time: float,
) -> list[tuple[str, HeaderValue]]:
    """
    Return the headers of an asynchronous Originate.

    :raises InvalidAction: if it is not clear where the call goes, or a variable cannot have such a name.
    """
    target: list[tuple[str, HeaderValue]]
    if application is not None and context is None and exten is None:
        target = [("Application", application), ("Data", data)]
    elif application is None and context is not None and exten is not None:
        target = [("Context", context), ("Exten", exten), ("Priority", priority)]
    else:
        raise InvalidAction("originate: give either application= (and data=), or both context= and exten=")
    return [
        ("Channel", channel),
        *target,
        ("Async", True),
        ("ChannelId", uniqueid),
        ("Timeout", round(ring_time * 1000)),
        ("CallerID", caller_id),
        ("Variable", [f"{_checked(name)}={escape_value(value)}" for name, value in _pairs(variables)]),
    ]


def _pairs(variables: Variables | None) -> Iterable[tuple[str, object]]:
    if variables is None:
        return ()
    return variables.items() if isinstance(variables, Mapping) else variables


def _checked(name: str) -> str:
    """Refuse a name that Asterisk would read as another one, or as several variables."""
    if not _NAME.fullmatch(name):
        raise InvalidAction(f"originate: {name[:80]!a} is not the name of a variable or a function")
    return name


def escape_value(value: object) -> str:
    """
    Return a variable's value such that the dialplan reads exactly this value.

    ``Variable`` goes through the splitter of dialplan arguments (``main/app.c: __ast_app_separate_args``),
    which removes quotes and splits at commas, unless a backslash says otherwise.
    """
    return "".join("\\" + character if character in '\\",()[]' else character for character in str(value))
