"""
Everything that can go wrong, as exceptions.

All descend from :class:`AMIError`.  Each says which action it is about and what to do next, and none repeats
a header value that the caller sent: a value may be a secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .agi import AGIResult
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
        reason = text.lower().rstrip(".")
        hint = _missing_class(self.action) if reason == "permission denied" else _HINTS.get(reason, "")
        return f"{self.action}: Asterisk says: {text}{hint}"


def _missing_class(action: str) -> str:
    """Say which write classes would do, as far as it is known."""
    # Only a refusal needs the catalogue.
    from . import catalogue

    known = catalogue.action(action)
    classes = known.privilege if known is not None else ()
    which = f": {'one of ' if len(classes) > 1 else ''}{', '.join(classes)}; see" if classes else ": see"
    return f" (the user lacks a write class for this action{which} 'write =' in manager.conf)"


_HINTS = {
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
        advice = "check the name, the secret and the permit= and deny= lines of this user in manager.conf"
        if self.temporary:
            advice = "try again later (see allowmultiplelogin= in manager.conf if the name is in use)"
        return f"Asterisk refused to log in {self.username!r}: {self.message}; {advice}"


class ProtocolError(AMIError):
    """Asterisk's fault, or not Asterisk: what arrived cannot be the manager interface."""


class AGIError(AMIError):
    """
    Asterisk refused a command of AGI, or it failed.

    :ivar command: the name of the command.
    :ivar result: the whole :class:`~txami.AGIResult`; its ``raw`` tells the proper usage.
    """

    def __init__(self, command: str, result: AGIResult) -> None:
        self.command = command
        self.result = result
        super().__init__(command, result)

    @property
    def code(self) -> int:
        """510 for an unknown command, 520 for wrong arguments, 200 for one that failed."""
        return self.result.code

    @property
    def usage(self) -> str:
        """What Asterisk says of the proper usage, in its own markup; ``""`` if it says nothing."""
        _, _, rest = self.result.raw.partition("\n")
        return rest.rpartition("520 End of proper usage.")[0].strip()

    def __str__(self) -> str:
        if self.code == 200:
            return f"{self.command}: it failed, result={self.result.result}{_AGI_HINTS.get(self.command, '')}"
        if self.code == 510:
            return f"{self.command}: there is no such command of AGI; applications are run by application()"
        if self.code == 520:
            return f"{self.command}: Asterisk does not take these arguments, see 'usage'"
        return f"{self.command}: Asterisk says: {self.result.raw.strip()[:200] or 'nothing'}"


_NO_SOUND = " (is there such a sound file? or the call hung up)"
_AGI_HINTS = {
    "EXEC": " (-2 means that there is no such application)",
    "GET DATA": _NO_SOUND,
    "GET OPTION": _NO_SOUND,
    "STREAM FILE": _NO_SOUND,
}


class AGITruncated(AGIError):
    """
    A command was carried out, but its result is longer than Asterisk hands on.

    :ivar result: its beginning.
    """

    def __str__(self) -> str:
        return f"{self.command}: the result is too long, Asterisk cut it"


class AGIHangup(AMIError):
    """
    A call left AsyncAGI: it hung up, was given back to the dialplan, or was redirected.

    :ivar command: the name of the command that got no result, or ``None`` if the error is not about a command.
    :ivar sent: whether Asterisk may have begun to carry the command out.
    :ivar reason: what is known of why, as text.
    """

    def __init__(self, command: str | None, sent: bool, reason: str) -> None:
        self.command = command
        self.sent = sent
        self.reason = reason
        super().__init__(command, sent, reason)

    def __str__(self) -> str:
        if self.command is None:
            return self.reason
        return f"{self.command}: {self.reason}{' before the result' if self.sent else '; it was not sent'}"


def _describe(reason: BaseException) -> str:
    """Return the text of an exception, whose class says it all when it has none, and what to do."""
    text = str(reason) or type(reason).__name__
    return text + next((hint for sign, hint in _TLS_HINTS.items() if sign in text), "")


#: By what the errors of OpenSSL and of service-identity say.
_TLS_HINTS = {
    "certificate verify failed": " (the server's certificate is not to be trusted: it has expired, or nobody who is "
    "known here has signed it; name a file with it, if it is self-signed, or with its authority's by ca_file=)",
    "VerificationError": " (the server's certificate is for another name: connect by one of those that are in it)",
    "wrong version number": " (what answers there does not speak TLS: check the port, and tlsenable= and "
    "tlsbindaddr= in manager.conf)",
}
