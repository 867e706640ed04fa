"""
How an action is examined: what a row of the table says, and whether the client's reply is that.

The rows are in :mod:`tests.asterisk.coverage_reading`, :mod:`tests.asterisk.coverage_calling` and
:mod:`tests.asterisk.coverage_changing`; what they are tried on is made by :mod:`tests.asterisk.coverage_stage`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from tests.asterisk.coverage_stage import Prop, Stage, props_of
from txami import AMIError, AMIProtocol, ConnectionLost, InvalidAction, Message, Response

Headers = Mapping[str, str]
Props = Mapping[str, Prop]

#: Opens the text of a reply that is a success although a header was left out.
OK: Final = "ok: "

#: Stands for any value but none.
ANY: Final = "*"

#: Seconds in which an action must be answered, and in which its effect must show.
TIMEOUT: Final = 10.0


@dataclass(frozen=True)
class Then:
    """
    What another action shows afterwards.

    :ivar has: headers that the response or one of the items has.
    :ivar says: the response's message.
    """

    action: str
    fields: Headers = field(default_factory=dict)
    has: Headers = field(default_factory=dict)
    says: str | None = None


@dataclass(frozen=True)
class Row:
    """
    An action and its reply.  All texts may speak of props, as in ``{call.channel}``.

    :ivar says: the response's message; ``None`` where it has none.
    :ivar has: headers of the response.
    :ivar items: the names of the items, each with headers that at least one item of this name has.
    :ivar ends: the name of the event that ends the reply.
    :ivar reply: the kind of reply, if it is neither a plain response nor a list.
    :ivar missing: what the server says without a header, by header; by version where they differ.
    :ivar surplus: how many messages come after the reply is complete, by header left out, ``""`` for none.
    :ivar needs: props that no text speaks of.
    :ivar then: what another action shows afterwards.
    :ivar note: what a reader should know of the row.
    :ivar on: the versions that have the action, or that behave so.
    """

    action: str
    fields: Headers = field(default_factory=dict)
    says: str | None = None
    has: Headers = field(default_factory=dict)
    items: Mapping[str, Headers] = field(default_factory=dict)
    ends: str = ""
    reply: str = ""
    missing: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict)
    surplus: Mapping[str, int] = field(default_factory=dict)
    needs: str = ""
    then: Then | None = None
    note: str = ""
    on: str = "22 16"

    @property
    def kind(self) -> str:
        """The kind of reply."""
        return self.reply or ("list" if self.ends else "response")

    @property
    def props(self) -> list[str]:
        """The names of the props it needs."""
        texts = [*self.fields.values(), *self.has.values()]
        texts += [value for headers in self.items.values() for value in headers.values()]
        return [*self.needs.split(), *props_of(texts)]


@dataclass
class Finding:
    """
    What came of a row.

    :ivar kind: the kind of reply that came.
    :ivar items: how many items it had.
    :ivar missing: what the server said without a header.
    :ivar faults: what was wrong.
    """

    row: Row
    kind: str = ""
    items: int = 0
    missing: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """One word, or the faults."""
        return "; ".join(self.faults) or "whole"


def kind_of(reply: Response | AMIError) -> str:
    """Tell what kind of reply came."""
    if isinstance(reply, InvalidAction):
        return "refused"
    if isinstance(reply, ConnectionLost):
        return "closed"
    if not isinstance(reply, Response):
        return type(reply).__name__
    if reply.completion is not None:
        return "list" if "EventList" in reply.completion else "response and event"
    if not reply.raw:
        return "none, ping"
    if "Response" not in reply:
        return "bare text"
    if reply["Response"] == "Goodbye":
        return "closing"
    if reply.output:
        return "output" if reply.ok else "error with output"
    return "response" if reply.ok else "error"


def lines_of(reply: Response | AMIError) -> list[str]:
    """Return all lines of a reply but the blank ones and its ActionID, as a line parser sees them."""
    if not isinstance(reply, Response):
        return [repr(reply)]
    messages: list[Message] = [reply, *reply.events]
    if reply.completion is not None:
        messages.append(reply.completion)
    return plain_lines(b"\r\n".join(message.raw for message in messages))


def plain_lines(data: bytes) -> list[str]:
    """Return the lines of some bytes but the blank ones and ActionIDs, wherever a line may end."""
    lines = data.decode(errors="surrogateescape").replace("\r", "").split("\n")
    return [line for line in lines if line and not line.startswith("ActionID:")]


#: Headers that time changes.
_VOLATILE: Final = (
    *("AnsweredTime", "Challenge", "Duration", "LongestHoldTime", "ParkingDuration", "ParkingTimeout"),
    *("RegExpire", "Seconds", "Timestamp", "Wait"),
)


def differences(some: list[str], others: list[str]) -> Iterator[str]:
    """Yield what differs in the lines of two replies to the same action, but for what time changes."""
    if len(some) != len(others):
        yield f"{len(some)} lines against {len(others)}"
        return
    for one, other in zip(some, others, strict=True):
        name = one.partition(":")[0]
        if one != other and not (name in _VOLATILE and other.startswith(f"{name}:")):
            yield f"{one!r} against {other!r}"


def has_headers(message: Message, wanted: Headers) -> bool:
    """Tell whether a message has headers with these values."""
    return all(
        value in message.get_all(name) or (value == ANY and message.get(name, "") != "")
        for name, value in wanted.items()
    )


class Examiner:
    """
    Examines the replies on one connection.

    :param ami: the connection.
    :param version: of the server.
    :param stage: the props.
    :param sleep: lets the reactor run for some seconds.
    """

    def __init__(
        self,
        ami: AMIProtocol,
        version: str,
        stage: Stage,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._ami = ami
        self._version = version
        self._stage = stage
        self._sleep = sleep

    def ask(self, row: Row, fields: Headers) -> Deferred[list[str]]:
        """Send the action of a row and return the lines of its reply."""
        return self._reply(row.action, fields).addCallback(lines_of)

    def left(self) -> list[str]:
        """Return what is left on the connection when all has been answered."""
        found = {"pending": self._ami.pending, "timeouts": self._ami.counters.timeouts}
        return [f"{number} {name}" for name, number in found.items() if number]

    async def examine(self, row: Row) -> Finding:
        """Run an action without each header that it needs, and then with all."""
        finding = Finding(row)
        props = await self._stage.set_up(row.props)
        for name in row.missing:
            await self._examine_without(row, name, props, finding)
        before = self.strays
        reply = await self._reply(row.action, filled(row.fields, props))
        finding.kind = kind_of(reply)
        finding.items = len(reply.events) if isinstance(reply, Response) else 0
        finding.faults += faults_of(reply, row, props)
        finding.faults += await self._left_behind(row, "", before)
        if row.then is not None:
            finding.faults += await self._effect(row.then, props)
        return finding

    async def _examine_without(self, row: Row, name: str, props: Props, finding: Finding) -> None:
        """Run an action without one of the headers that it needs."""
        expected = row.missing[name]
        if not isinstance(expected, str):
            expected = expected[self._version]
        before = self.strays
        fields = {header: value for header, value in filled(row.fields, props).items() if header != name}
        reply = await self._reply(row.action, fields)
        if isinstance(reply, Response):
            said = (OK if reply.ok else "") + reply.message
            whole = reply.complete or not reply.raw
        else:
            said, whole = f"{type(reply).__name__}: {reply}", False
        finding.missing[name] = said
        if said != expected:
            finding.faults.append(f"without {name}: {said!r} instead of {expected!r}")
        if not whole:
            finding.faults.append(f"without {name}: not whole")
        finding.faults += await self._left_behind(row, name, before)

    def _reply(self, action: str, fields: Headers) -> Deferred[Response | AMIError]:
        """Return what comes of an action, whatever it is."""
        return maybeDeferred(self._ami.action, action, fields, timeout=TIMEOUT, check=False).addErrback(_error)

    @property
    def strays(self) -> int:
        """How many messages could not be given to anybody."""
        return self._ami.counters.late + self._ami.counters.unmatched

    async def _left_behind(self, row: Row, without: str, before: int) -> list[str]:
        """Return what an action has left behind that the next would stumble over."""
        if row.reply in ("closing", "closed"):
            await self._ami.when_disconnected()
            return self.left()
        pong = await self._reply("Ping", {})
        faults = [] if isinstance(pong, Response) and pong.get("Ping") == "Pong" else [f"then a ping: {pong!r}"]
        stray = self.strays - before
        if stray != row.surplus.get(without, 0):
            faults.append(f"{stray} stray messages{without and ' without ' + without}")
        return faults + self.left()

    async def _effect(self, then: Then, props: Props) -> list[str]:
        """Return why the effect of an action cannot be seen, after having waited for it."""
        wanted = filled(then.has, props)
        reply = None
        for _ in range(100):
            reply = await self._reply(then.action, filled(then.fields, props))
            if (
                isinstance(reply, Response)
                and (then.says is None or reply.message == then.says.format_map(props))
                and any(has_headers(message, wanted) for message in (reply, *reply.events))
            ):
                return []
            await self._sleep(TIMEOUT / 100)
        return [f"then {then.action}: {reply!r}"]


def _error(failure: Failure) -> AMIError:
    """Return an error of the client's as a result."""
    failure.trap(AMIError)
    assert isinstance(failure.value, AMIError)
    return failure.value


def filled(templates: Headers, props: Props) -> dict[str, str]:
    """Return headers with the names of props replaced."""
    return {name: value.format_map(props) for name, value in templates.items()}


def faults_of(reply: Response | AMIError, row: Row, props: Props) -> list[str]:
    """Return what is wrong with the reply to a row's action."""
    if kind_of(reply) != row.kind:
        return [f"{kind_of(reply)} instead of {row.kind}: {reply}"]
    if not isinstance(reply, Response):
        return []
    faults = []
    if not reply.complete and reply.raw:
        faults.append("not whole")
    if row.says is not None and reply.message != row.says.format_map(props):
        faults.append(f"said {reply.message!r}")
    if row.says is None and "Message" in reply and row.kind != "output":
        faults.append(f"said {reply.message!r}, of which the row knows nothing")
    if not has_headers(reply, filled(row.has, props)):
        faults.append(f"lacks {row.has}: {reply.raw!r}")
    return faults + _faults_of_items(reply, row, props)


def _faults_of_items(reply: Response, row: Row, props: Props) -> list[str]:
    """Return what is wrong with the items of a reply."""
    faults = []
    ended = reply.completion.name if reply.completion is not None else ""
    if ended != row.ends:
        faults.append(f"ended by {ended!r}")
    if {event.name for event in reply.events} != set(row.items):
        faults.append(f"items: {sorted({event.name for event in reply.events})}")
    for name, wanted in row.items.items():
        headers = filled(wanted, props)
        if not any(event.name == name and has_headers(event, headers) for event in reply.events):
            faults.append(f"no {name} with {headers}")
    return faults
