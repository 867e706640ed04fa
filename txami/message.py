"""
What arrived: :class:`Message`, :class:`Event` and :class:`Response`.

A message keeps the bytes it was framed from and looks at them only when asked.  Most events are never looked
at, and most of the others for one or two headers: finding those costs a search, not a parse of twenty lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar, overload

from .headers import NEEDLES, Headers, split_headers

T = TypeVar("T")

#: Values of ``Response:`` that mean failure.  ``Failure`` is JabberSend's of 1.4; all other values that were
#: ever in use (Success, Goodbye, Follows, Pong, Events On, Events Off) mean that it went well.
_FAILURES = frozenset({"error", "failure", "failed"})

_FOLLOWS = b"Response: Follows\r\n"


def decode(data: bytes) -> str:
    """
    Turn bytes from the wire into text that can be turned back into the same bytes.

    AMI has no charset: values are passed on as they came from a phone or a database.
    """
    try:
        return data.decode()  # half the price of naming the error handler, which is almost never needed
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """
    Undo :func:`decode`.

    :raises UnicodeEncodeError: if the text holds half a surrogate pair.
    """
    return text.encode("utf-8", "surrogateescape")


def _fold(name: str) -> bytes:
    """Return a name without case, which ends with ASCII as it does in Asterisk."""
    return encode(name).lower()


class Message:
    """
    One message: an ordered, case-insensitive, multi-valued mapping of header names to text.

    ``message[name]`` and :meth:`get` give the first value of a name, rather of one that is spelt just like that
    than of one in another case or of one without a blank behind the colon; :meth:`get_all` gives all of them;
    iteration, :meth:`items` and ``len()`` count every line.  An empty value is ``""``.  A line without a colon (some
    actions write them) has the name ``""``.

    :ivar raw: the bytes as they came, without the blank line that ends a message.
    """

    __slots__ = ("_headers", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._headers: Headers | None = None

    def _header_bytes(self) -> bytes:
        """Return the part of the message that is made of header lines."""
        return self.raw

    def items(self) -> Headers:
        """Return every header as ``(name, value)``, in the order of the wire, names as they were spelt."""
        headers = self._headers
        if headers is None:
            text = decode(self._header_bytes())
            headers = self._headers = split_headers(text) if text else Headers()
        return headers

    def keys(self) -> list[str]:
        """Return the name of every header, repeated ones repeatedly."""
        return list(self.items().names)

    def values(self) -> list[str]:
        """Return the value of every header."""
        return list(self.items().values)

    def get_all(self, name: str) -> list[str]:
        """Return all values of a header, in order; an empty list if there is none."""
        try:
            folded = _fold(name)
        except UnicodeEncodeError:
            return []
        return [value for key, value in self.items() if _fold(key) == folded]

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: T) -> str | T: ...
    def get(self, name: str, default: object = None) -> object:
        """Return the first value of a header, or the default."""
        needle = NEEDLES[name]
        if needle is not None:
            first, initial, later, folded = needle
            raw = self.raw
            # One cut in front of the value and one behind it: 0.35 us.  That the first line is another header is
            # nearly always seen from its first byte (startswith: 0.05 more).
            rest = raw.partition(later)[2]
            if rest and (raw[0] != initial or not raw.startswith(first)):
                value = rest.partition(b"\r\n")[0]
                try:
                    return value.decode()  # what decode() does, for most
                except UnicodeDecodeError:
                    return decode(value)
            if raw.startswith(first):
                return decode(raw[len(first) :].partition(b"\r\n")[0])
            if raw.endswith(later):
                return ""  # nothing is behind it, as if it had not been found
            lowered = raw.lower()
            if folded not in lowered and not lowered.startswith(folded[2:]):
                return default
        return next(iter(self.get_all(name)), default)

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.items())

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        # No values: some are secrets (PJSIPShowAuths sends passwords).
        return f"<{type(self).__name__} of {len(self)} headers>"


Mapping.register(Message)


class Event(Message):
    """
    An event, or an item of a list.

    :param raw: see :class:`Message`.
    :param name: the name, if it is known already.
    :ivar raw: see :class:`Message`.
    :cvar server: the name of the server that it came from, in an :class:`~txami.AMIPool`; else ``""``.
    """

    __slots__ = ("_name",)

    server: ClassVar[str] = ""

    def __init__(self, raw: bytes, name: str | None = None) -> None:
        # Not by super().__init__(), which would double the price of an event.
        self.raw = raw
        self._headers = None
        self._name = name

    @property
    def name(self) -> str:
        """What happened: the value of the first header, such as ``Hangup``."""
        name = self._name
        if name is None:
            name = self._name = self._read_name()
        return name

    def _read_name(self) -> str:
        name, colon, value = self.raw.partition(b"\r\n")[0].partition(b":")
        if colon and name.lower() == b"event":
            return decode(value.removeprefix(b" "))
        return self.get("Event", "")

    @property
    def variables(self) -> dict[str, str]:
        """
        The channel variables that Asterisk adds for ``channelvars`` of manager.conf, and those of
        ``OriginateResponse``.

        Both spellings are read: ``ChanVariable: name=value`` (12 and later) and
        ``ChanVariable(channel): name=value`` (before, and still in some events).  Those of the other channels
        of an event have :meth:`variables_of`.  Values of the first spelling are escaped since 13.5: see
        :func:`txami.unescape`.
        """
        return self._variables(lambda name: name == b"chanvariable" or name.startswith(b"chanvariable("))

    def variables_of(self, whose: str) -> dict[str, str]:
        """
        The channel variables of one of the channels that the event is about.

        :param whose: what stands in front of this channel's headers, such as ``"Dest"`` (``DestChannel``,
            ``DestChanVariable``), ``"LocalOne"`` or ``"Parkee"``; or, for Asterisk 11 and before, the channel's
            name (``ChanVariable(SIP/bob-00000002)``).
        """
        names = (_fold(f"{whose}ChanVariable"), _fold(f"ChanVariable({whose})"))
        return self._variables(lambda name: name in names)

    def _variables(self, wanted: Callable[[bytes], bool]) -> dict[str, str]:
        """Return the variables of the headers whose folded names are wanted."""
        found: dict[str, str] = {}
        for name, value in self.items():
            if wanted(_fold(name)):
                variable, _, content = value.partition("=")
                found.setdefault(variable, content)
        return found

    def __repr__(self) -> str:
        return f"<Event {self.name!r}>"


class Events(Sequence[Event]):
    """
    The items of a list, each made when it is looked at.

    Ten thousand events in a list are ten thousand objects that the garbage collector visits time and again, a third
    of what the list costs; bytes it need not visit.

    :param raws: the bytes of each.
    """

    __slots__ = ("raws",)

    def __init__(self, raws: Sequence[bytes] = ()) -> None:
        self.raws = raws

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> Events: ...
    def __getitem__(self, index: int | slice) -> Event | Events:
        return Events(self.raws[index]) if isinstance(index, slice) else Event(self.raws[index])

    def __len__(self) -> int:
        return len(self.raws)

    def __iter__(self) -> Iterator[Event]:
        return map(Event, self.raws)

    def __contains__(self, event: object) -> bool:
        return _bytes_of(event) in self.raws

    def index(self, event: object, start: int = 0, stop: int | None = None) -> int:
        """
        Return where an event is.

        :raises ValueError: if it is not there.
        """
        return self.raws.index(_bytes_of(event), start, len(self.raws) if stop is None else stop)

    def count(self, event: object) -> int:
        """Return how many times an event is there."""
        return self.raws.count(_bytes_of(event))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return list(self.raws) == list(map(_bytes_of, other))

    __hash__ = None  # type: ignore[assignment] # as that of a list

    def __repr__(self) -> str:
        return f"<{len(self)} events>"


def _bytes_of(event: object) -> Any:
    """Return by what items are compared, for the objects are new each time."""
    return event.raw if isinstance(event, Event) else event


_NO_EVENTS = Events()


class Response(Message):
    """
    The whole reply to an action: the response's own headers and everything that belongs to it.

    :ivar events: the items of a list, without the event that ends it.
    :ivar completion: the event that ended the list, if there was one.
    :ivar complete: false only for what :class:`~txami.ActionTimeout` and :class:`~txami.ActionError` hand over
        of a list that did not reach its end.
    """

    __slots__ = ("complete", "completion", "events")

    def __init__(
        self,
        raw: bytes,
        events: Sequence[Event] = _NO_EVENTS,
        completion: Event | None = None,
        complete: bool = True,
    ) -> None:
        self.raw = raw
        self._headers = None
        self.events = events
        self.completion = completion
        self.complete = complete

    @property
    def ok(self) -> bool:
        """Whether Asterisk reports success.  (A few actions report a failure as success: read the message.)"""
        if self.raw.startswith(b"Response: Success\r\n"):
            return True
        return self.get("Response", "").lower() not in _FAILURES

    @property
    def message(self) -> str:
        """The text for people, ``""`` if there is none.  Some sixty actions end it with a line feed: removed."""
        text = self.get("Message", "")
        return text[:-1] if text.endswith("\n") else text

    @property
    def action_id(self) -> str:
        """The ActionID that the action was sent with, ``""`` if the reply has none."""
        return self.get("ActionID", "")

    @property
    def output(self) -> list[str]:
        """
        What a CLI command printed, line by line, also when it failed.

        Since Asterisk 14 each line is an ``Output`` header; before, the text stood raw between
        ``Response: Follows`` and ``--END COMMAND--`` (``main/manager.c: action_command``).
        """
        if self.raw.startswith(_FOLLOWS):
            return self._output_that_follows()
        return [line[8:] for line in decode(self.raw).split("\r\n") if line.startswith("Output: ")]

    def _output_that_follows(self) -> list[str]:
        text = decode(self.raw[self._end_of_headers() :])
        marker = text.rfind("--END COMMAND--")
        if marker >= 0:
            text = text[:marker]
        lines = [line.removesuffix("\r") for line in text.split("\n")]
        return lines[:-1] if lines[-1] == "" else lines

    def _end_of_headers(self) -> int:
        """
        Return where the raw output starts: behind ``Response``, ``Privilege`` and ``ActionID``, the only
        headers that Asterisk writes there, each once.
        """
        at = len(_FOLLOWS)
        for header in (b"Privilege: ", b"ActionID: "):
            end = self.raw.find(b"\r\n", at)
            if self.raw.startswith(header, at) and end >= 0:
                at = end + 2
        return at

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: T) -> str | T: ...
    def get(self, name: str, default: object = None) -> object:
        """Return the first value of a header, or the default."""
        if self.raw.startswith(_FOLLOWS):
            return next(iter(self.get_all(name)), default)
        return super().get(name, default)

    def _header_bytes(self) -> bytes:
        if self.raw.startswith(_FOLLOWS):
            return self.raw[: self._end_of_headers() - 2]
        return self.raw

    def __repr__(self) -> str:
        state = "" if self.complete else ", incomplete"
        return f"<Response {self.get('Response', '')!r} with {len(self.events)} events{state}>"
