"""
Everything that can go wrong, as exceptions.

All descend from :class:`AMIError`.  Each says which action it is about and what to do next, and none repeats
a header value that the caller sent: a value may be a secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .message import Response


class AMIError(Exception):
    """The root of all errors of txami."""


class InvalidAction(AMIError, ValueError):
    """The caller's fault: the action cannot be sent safely, or cannot work.  Raised before anything is sent."""


class InvalidEndpoint(AMIError, ValueError):
    """The caller's fault: the text does not name a place to connect to."""


class ActionError(AMIError):
    """
    Asterisk answered ``Response: Error``.

    :ivar response: the whole :class:`~txami.Response`, with all its headers, the ``Output`` of a failed
        command and the events that came before the error.
    :ivar action: the name of the action.
    """

    def __init__(self, action: str, response: Response) -> None:
        self.action = action
        self.response = response
        super().__init__(action, response)

    def __str__(self) -> str:
        text = self.response.message or "\n".join(self.response.output) or "no reason given"
        hint = _HINTS.get(text.lower().rstrip("."), "")
        return f"{self.action}: Asterisk says: {text}{hint}"


_HINTS = {
    "permission denied": " (the user lacks a write class for this action: see 'write =' in manager.conf)",
    "extension does not exist": " (check Context, Exten and Priority: 'dialplan show EXTEN@CONTEXT')",
    "asterisk is shutting down": " (try again when it is up)",
}


class ActionTimeout(AMIError, TimeoutError):
    """
    No complete reply came in time.  Whether Asterisk carried the action out is unknown.

    :ivar action: the name of the action.
    :ivar timeout: seconds waited.
    :ivar partial: what had come of the reply as a :class:`~txami.Response` with ``complete`` false, or
        ``None`` if nothing had.
    """

    def __init__(self, action: str, timeout: float, partial: Response | None = None) -> None:
        self.action = action
        self.timeout = timeout
        self.partial = partial
        super().__init__(action, timeout)

    def __str__(self) -> str:
        got = "no reply" if self.partial is None else f"only a part of the reply ({len(self.partial.events)} events)"
        return f"{self.action}: {got} within {self.timeout:g} s; give a longer timeout= if the action is slow"


class EventTimeout(AMIError, TimeoutError):
    """
    The awaited event did not come in time.

    :ivar names: what was waited for.
    :ivar timeout: seconds waited.
    """

    def __init__(self, names: str, timeout: float) -> None:
        self.names = names
        self.timeout = timeout
        super().__init__(names, timeout)

    def __str__(self) -> str:
        return (
            f"no event {self.names + ' ' if self.names else ''}that matches came within {self.timeout:g} s; "
            "check the events mask and the user's read classes"
        )


class EventsDropped(AMIError):
    """
    A bounded queue of events was full and was told to fail rather than to drop.

    :ivar limit: how many events the queue holds.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(limit)

    def __str__(self) -> str:
        return f"more than {self.limit} events were waiting to be read; read faster, or ask for a larger limit="


class ConnectionLost(AMIError):
    """
    The connection ended before the reply was complete.

    :ivar action: the name of the action, or ``None`` if the error is not about an action.
    :ivar sent: whether the action may have reached Asterisk.  If true the outcome is unknown: look before
        you send it again.  If false it certainly was not carried out.
    :ivar reason: why the connection ended (an exception), where known.
    """

    def __init__(self, action: str | None, sent: bool, reason: BaseException | None = None) -> None:
        self.action = action
        self.sent = sent
        self.reason = reason
        super().__init__(action, sent, reason)

    def __str__(self) -> str:
        why = f": {_describe(self.reason)}" if self.reason is not None else ""
        if self.action is None:
            return f"the connection to Asterisk was lost{why}"
        fate = "the outcome is unknown, look before you repeat it" if self.sent else "it was not sent"
        return f"{self.action}: the connection to Asterisk was lost before the reply ({fate}){why}"


class NotConnected(AMIError):
    """There is no connection to send on; nothing was sent."""


class LoginFailed(AMIError):
    """
    Asterisk refused the login.  It never says why: the user name, the secret, the address that manager.conf
    permits, or ``allowmultiplelogin=no`` may be the cause.

    :ivar message: what Asterisk said.
    :ivar temporary: whether the refusal passes by itself: the name is logged in elsewhere and may not be twice
        (perhaps by a connection that Asterisk has not yet found to be dead), or Asterisk is shutting down.
    """

    def __init__(self, username: str, message: str) -> None:
        self.username = username
        self.message = message
        self.temporary = message.lower().startswith(("login already in use", "asterisk is shutting down"))
        super().__init__(username, message)

    def __str__(self) -> str:
        return (
            f"Asterisk refused to log in {self.username!r}: {self.message}; "
            "check the name, the secret and the permit= and deny= lines of this user in manager.conf"
        )


class ProtocolError(AMIError):
    """Asterisk's fault, or not Asterisk: what arrived cannot be the manager interface."""


def _describe(reason: BaseException) -> str:
    """Return the text of an exception, whose class says it all when it has none."""
    return str(reason) or type(reason).__name__
