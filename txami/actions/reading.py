"""Reading what Asterisk writes: numbers, switches, names, durations, and errors that say "there is none"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.python.failure import Failure

from ..errors import ActionError, InvalidAction
from ..message import Event, Message, Response

T = TypeVar("T")

#: What stands where nothing is known (``main/manager_channels.c``, ``main/manager.c``, ``apps/app_queue.c``).
_UNKNOWN: Final = frozenset({"<unknown>", "unknown", "<no name>", "(null)", "-none-"})

#: What Asterisk takes for yes (``main/utils.c: ast_true``).
_YES: Final = frozenset({"yes", "true", "y", "t", "1", "on"})


def done(reply: Deferred[Response]) -> Deferred[None]:
    """Leave out a response that says no more than that all is well."""
    return reply.addCallback(lambda _: None)


def unless(reply: Deferred[Response], *messages: str) -> Deferred[Response | None]:
    """
    Take an error whose message begins with one of these for ``None``: there is nothing.

    Asterisk has one kind of Error for "there is none" and for "you may not know".
    """

    def look(failure: Failure) -> None:
        error = failure.value
        if not isinstance(error, ActionError) or not error.response.message.startswith(messages):
            failure.raiseException()

    return reply.addErrback(look)


def succeeded(reply: Deferred[Response], *messages: str) -> Deferred[bool]:
    """Tell whether it went well; false for the errors of :func:`unless`."""
    return unless(reply, *messages).addCallback(lambda response: response is not None)


def together(waiting: Sequence[Deferred[T]]) -> Deferred[list[T]]:
    """Wait for several replies; fails with the error of the first that fails."""

    def unwrap(failure: Failure) -> Failure:
        return failure.value.subFailure if isinstance(failure.value, FirstError) else failure

    return gatherResults(waiting, consumeErrors=True).addErrback(unwrap)


def items(response: Response | None, name: str | None = None) -> list[Event]:
    """Return the items of a list, those of one name if it is given."""
    if response is None:
        return []
    return [event for event in response.events if name is None or event.name == name]


def number(message: Message, header: str, default: int = 0) -> int:
    """Return a whole number; the default if there is none."""
    found = maybe_number(message, header)
    return default if found is None else found


def maybe_number(message: Message, header: str) -> int | None:
    """Return a whole number, or ``None`` if there is none."""
    return _whole(message.get(header, ""))


def moment(message: Message, header: str) -> int | None:
    """Return a time in seconds since 1970, or ``None`` for never, which Asterisk writes as 0."""
    return maybe_number(message, header) or None


def decimal(message: Message, header: str) -> float | None:
    """Return a number, or ``None`` if there is none."""
    try:
        return float(message.get(header, ""))
    except ValueError:
        return None


def duration(message: Message, *headers: str) -> int | None:
    """Return the seconds of the first of these headers that has any: ``01:02:03``, or a number."""
    for header in headers:
        parts = [_whole(part) for part in message.get(header, "").split(":")]
        if None not in parts:
            seconds = 0
            for part in parts:
                seconds = seconds * 60 + (part or 0)
            return seconds
    return None


def is_yes(message: Message, header: str) -> bool:
    """Tell whether a switch is on."""
    return message.get(header, "").lower() in _YES


def known(message: Message, header: str) -> str:
    """Return a text; ``""`` for what Asterisk writes when it knows none, such as ``<unknown>``."""
    value = message.get(header, "")
    return "" if value.lower() in _UNKNOWN else value


def words(message: Message, header: str) -> tuple[str, ...]:
    """Return the parts of a list with commas."""
    return tuple(part.strip() for part in message.get(header, "").split(",") if part.strip())


def exact(method: str, value: object) -> str:
    """
    Return a value as text, if Asterisk would read exactly that.

    :raises InvalidAction: if it begins with blanks, which Asterisk skips (``main/manager.c:
        __astman_get_header``).
    """
    text = str(value)
    if text[:1] and text[0] <= " ":
        raise InvalidAction(f"{method}: the value begins with a blank, which Asterisk would skip")
    return text


def milliseconds(seconds: float | None) -> int | None:
    """Return what actions that count in milliseconds want."""
    return None if seconds is None else round(seconds * 1000)


def _whole(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
