"""Who logs in: the user's name, the secret, and the events asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

from twisted.logger import Logger

from .errors import InvalidAction
from .message import encode
from .records import record
from .wire import encode_action

_log = Logger()

#: The classes of events, ``perms[]`` in Asterisk's ``main/manager.c``, with the two pseudo classes.
EVENT_CLASSES = frozenset(
    "agent agi aoc call cc cdr command config dialplan dtmf log message originate reporting security system test "
    "user verbose all none".split()
)

_SWITCHES = frozenset({"on", "off"})


class Secret:
    """
    A text that shows itself only to who asks with :meth:`reveal`, so that no repr and no traceback has it.

    :param value: the text, or another ``Secret``.
    :raises TypeError: if it is neither, such as the ``None`` of an environment variable that is not set.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str | Secret) -> None:
        if not isinstance(value, (str, Secret)):
            raise TypeError(f"a secret must be str, not {type(value).__name__}; is it set where you read it from?")
        self._value: str = value._value if isinstance(value, Secret) else value

    def reveal(self) -> str:
        """Return the text."""
        return self._value

    def __repr__(self) -> str:
        return "<secret>"

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not to be stored")


def tidy_mask(events: str | Iterable[str] | None) -> str | None:
    """
    Return an events mask that Asterisk reads as it was meant.

    ``main/manager.c: get_perm`` compares class names with their blanks, so that ``call, system`` would select
    ``call`` only, and reads an empty name as all classes.

    :param events: ``"on"``, ``"off"``, class names with commas or as a list, or ``None`` for all that the
        user may read.
    :raises ValueError: if there is no class name in it, or what cannot be one.
    """
    if events is None:
        return None
    text = events if isinstance(events, str) else ",".join(events)
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in names:
        if not name.isprintable():
            raise InvalidAction(f"events: {name[:80]!a} is not the name of a class of events")
    if not names:
        raise ValueError(f"events={text!r} names no class of events; use None for all and 'off' for none")
    unknown = [name for name in names if name not in EVENT_CLASSES and name not in _SWITCHES]
    if unknown:
        _log.warn(
            "Asterisk ignores event classes that it does not know: {unknown}; it knows {known}",
            unknown=", ".join(unknown),
            known=", ".join(sorted(EVENT_CLASSES)),
        )
    return ",".join(names)


@record(frozen=True)
class Login:
    """
    How to log in.

    :ivar username: the name of a section of manager.conf.
    :ivar secret: its secret.
    :ivar auth: ``"plain"`` sends the secret as it is; ``"md5"`` sends a digest of it and of a challenge.
    :ivar events: see :func:`tidy_mask`.
    :raises InvalidAction: if Asterisk would not read it as it is meant, such as a secret with a line feed.
    :raises ValueError: if ``auth`` is neither, or ``events`` makes no sense.
    """

    username: str
    secret: Secret
    auth: Literal["plain", "md5"] = "plain"
    events: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "secret", Secret(self.secret))
        object.__setattr__(self, "events", tidy_mask(self.events))
        if self.auth not in ("plain", "md5"):
            raise ValueError(f"auth={self.auth!r} must be 'plain' or 'md5'")
        fault = self._fault()
        if fault:
            raise InvalidAction(fault)

    def _fault(self) -> str:
        """Return why it cannot be sent; as text, for the error's own frames hold the secret."""
        try:
            encode_action("Login", "", self.fields())
        except InvalidAction as error:
            return str(error)
        return ""

    @property
    def needs_challenge(self) -> bool:
        """Whether a ``Challenge`` has to be asked for first."""
        return self.auth == "md5"

    def fields(self, challenge: str = "") -> dict[str, str | None]:
        """
        Return the headers of the Login action.

        :param challenge: what the server answered to ``Challenge``; its bytes and the secret's, hashed and
            in lower-case hexadecimal, make the key (``main/manager.c: authenticate``).
        """
        fields: dict[str, str | None] = {"Username": self.username}
        if self.needs_challenge:
            digest = hashlib.md5(encode(challenge + self.secret.reveal()), usedforsecurity=False)
            fields.update({"AuthType": "MD5", "Key": digest.hexdigest()})
        else:
            fields["Secret"] = self.secret.reveal()
        fields["Events"] = self.events
        return fields
