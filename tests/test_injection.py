"""
Nothing that a caller passes on from a stranger makes Asterisk read anything but a value.

What there is to call is found by looking: a method that is new is tested as soon as it is there, with every
parameter that it has.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from tests.agi import FakeAGI, split
from tests.commandline import Shell
from tests.network import network
from txami import AMIPool, AMIProtocol, AMIService, AsyncAGI, InvalidAction, Login, connect
from txami.agisession import AGISession
from txami.interfaces import IAMI
from txami.message import Message
from txami.originate import Call, escape_value
from txami.testing import FakeSession
from txami.wire import MAX_LINE, MAX_LINES

#: Stands in everything that must not arrive.
MARK = "smuggled"

#: What no value may be, whatever it is for.
BAD_VALUES = {
    "CR": f"x\r{MARK}",
    "LF": f"x\n{MARK}",
    "CRLF": f"x\r\n{MARK}: 1",
    "NUL": f"x\0{MARK}",
    "an action": f"x\r\n\r\nAction: Originate\r\nApplication: System\r\nData: {MARK}\r\n\r\n",
    "an end": f"{MARK}\r\n",
    "a beginning": f"\n{MARK}",
    "too long": f"{MARK}-" * MAX_LINE,
    "half a pair": f"{MARK}\ud800",
    # surrogateescape would make bytes of U+DC80 to U+DCFF; of these it must make none.
    "a surrogate like CR LF": f"{MARK}\udc0d\udc0a",
}

#: What no header's name may be.
BAD_NAMES = {
    **BAD_VALUES,
    "colon": f"{MARK}: 1",
    "colon alone": f"{MARK}:",
    "blank in front": f" {MARK}",
    "blank behind": f"{MARK} ",
    "tab": f"{MARK}\t",
    "empty": "",
    "Action": "Action",
    "ActionID": "actionid",
    "no-break space": f"\xa0{MARK}",
    "line separator": f"{MARK}\u2028",
}

#: Methods that put nothing on the wire.
LOCAL = frozenset(
    "on once on_unhandled on_fully_booted on_shutdown on_reload on_connected on_disconnected on_ping_timeout "
    "wait_for events when_ready when_disconnected when_ended link logoff remember_filter remember_mask "
    # What changes a pool but sends nothing of it, and what events and other methods tell a session and a call.
    "pool.add pool.remove agi.begin agi.executed agi.end call.place".split()
)

#: Parameters that do not go there, of methods that do.
LOCAL_PARAMETERS = frozenset({"timeout", "check", "wait", "server"})

#: What is compared with what the server has told, and not sent.
COMPARED = frozenset({"service.allowed.action", "connection.allowed.action"})

#: Names, which an error may repeat, as it may not a value.
REPEATED = frozenset(
    {f"{method}.name" for method in ("action", "action_on_all")}
    | {f"add_filter.{name}" for name in ("action", "event", "header", "method")}
    | {"set_event_mask.events"}
)

#: What is cut off, as blanks are.
TIDIED = frozenset({"set_event_mask: an end", "set_event_mask: a beginning"})

#: Types of which no text is.
NUMBERS = frozenset({"int", "float", "bool", "Moment", "None"})

#: What a method has to be called with, where "1" will not do for each parameter without a default.
NEEDED: dict[str, dict[str, Any]] = {
    "originate": {"channel": "PJSIP/alice", "context": "default", "exten": "1"},
    "originate.application": {"channel": "PJSIP/alice", "application": "1"},
    "originate.data": {"channel": "PJSIP/alice", "application": "1", "data": "1"},
    "add_filter": {"action": "include", "event": "Hangup"},
    "add_filter.header": {"action": "include", "event": "Hangup", "header": "1", "value": "1"},
    "add_filter.value": {"action": "include", "event": "Hangup", "header": "1", "value": "1"},
    "absolute_timeout": {"channel": "1", "seconds": 1},
    "queue_penalty": {"interface": "1", "penalty": 1},
    "queue_ring_in_use": {"interface": "1", "ring": True},
    "redirect.extra_priority": {"channel": "1", "context": "1", "exten": "1", "extra_exten": "1"},
    "db_tree.key": {"family": "1", "key": "1"},
    "set_event_mask": {"events": "call"},
    "record_file": {"filename": "1"},
    "say_datetime.timezone": {"moment": 1, "format": "1", "timezone": "1"},
    "say_date": {"moment": 1},
    "say_time": {"moment": 1},
    "say_datetime": {"moment": 1},
}


#: What has methods that put something on the wire.
KINDS: dict[str, type] = {
    "service": AMIService,
    "connection": AMIProtocol,
    "pool": AMIPool,
    "agi": AGISession,
    "call": Call,
}


@dataclass(frozen=True)
class Entry:
    """
    A parameter of a public method.

    :ivar kind: a key of :data:`KINDS`.
    :ivar method: the name of the method.
    :ivar parameter: the parameter's.
    :ivar annotation: what it takes.
    """

    kind: str
    method: str
    parameter: str
    annotation: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.method}.{self.parameter}"

    @property
    def takes_text(self) -> bool:
        """Whether a stranger's text may be passed there."""
        return not NUMBERS.issuperset(re.findall(r"\w+", self.annotation))

    def call(self, subject: object, value: str | None = None) -> object:
        """Call the method with this value for the parameter; without one, with a value that is all right."""
        method = getattr(subject, self.method)
        parameters = inspect.signature(method).parameters
        needed = NEEDED.get(f"{self.method}.{self.parameter}") or NEEDED.get(self.method) or {}
        named: dict[str, Any] = {}
        placed: list[Any] = []
        in_place = any(each.kind in (each.POSITIONAL_ONLY, each.VAR_POSITIONAL) for each in parameters.values())
        for name, parameter in parameters.items():
            has_default = parameter.default is not parameter.empty
            optional = has_default or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            if name == self.parameter and value is not None:
                argument = self._wrapped(value)
            elif name in needed:
                argument = needed[name]
            elif name == self.parameter and isinstance(parameter.default, str) and parameter.default:
                argument = parameter.default
            elif name == self.parameter:
                argument = self._wrapped("1") if self.takes_text else 1
            elif not optional:
                argument = "1"
            else:
                continue
            if parameter.kind is parameter.VAR_KEYWORD:
                named["Header"] = argument
            elif in_place and parameter.kind is not parameter.KEYWORD_ONLY:
                placed.append(argument)
            else:
                named[name] = argument
        return method(*placed, **named)

    def _wrapped(self, value: str) -> object:
        if any(word in self.annotation for word in ("Mapping", "Fields", "Variables")):
            return {"X": value}
        return [value] if self.annotation.startswith("Iterable") else value


def entries() -> list[Entry]:
    """Return every parameter of every public method that is not on one of the lists above."""
    return [
        Entry(kind, name, parameter.name, str(parameter.annotation))
        for kind, subject in KINDS.items()
        for name, method in inspect.getmembers(subject, inspect.isfunction)
        if method.__module__.startswith("txami.") and name == name.lower() and not name.startswith("_")
        if name not in LOCAL and f"{kind}.{name}" not in LOCAL
        for parameter in inspect.signature(method).parameters.values()
        if parameter.name != "self" and parameter.name not in LOCAL_PARAMETERS
    ]


ENTRIES = [entry for entry in entries() if str(entry) not in COMPARED]
TEXTS = [entry for entry in ENTRIES if entry.takes_text]


class Bench:
    """
    What is called, all of it on connections to servers in memory.

    :ivar subjects: one of each kind.
    """

    def __init__(self) -> None:
        self.net = network()
        endpoint, options = self.net, dict[str, Any](ping_interval=None)
        service = AMIService(self.net.clock, endpoint, "admin", "hush", **options)
        service.startService()
        self.net.accept()
        self.service = service
        assert service.connection is not None
        pool = AMIPool(self.net.clock, **options)
        pool.startService()
        pool.add("1", endpoint, "admin", "hush")
        self.net.accept()
        sessions: list[AGISession] = []
        AsyncAGI(service, lambda session: sessions.append(session) or Deferred())  # type: ignore[func-returns-value]
        FakeAGI(self.net.server).call(held=True)
        calls: list[Call] = []
        service.originate("PJSIP/alice", context="default", exten="1").addCallback(calls.append)
        self.net.flush()
        self.connection = service.connection
        self.pool = pool
        self.agi = sessions[0]
        self.subjects: dict[str, object] = {
            "service": service,
            "connection": self.connection,
            "pool": pool,
            "agi": self.agi,
            "call": calls[0],
        }

    @property
    def arrived(self) -> list[Message]:
        """The actions that all servers have got."""
        self.net.flush()
        return [action for session in self.net.server.sessions for action in session.actions]

    def sent(self, name: str) -> Message:
        """Return the latest of the actions of a name that have arrived."""
        return [action for action in self.arrived if action["Action"] == name][-1]

    @property
    def unfinished(self) -> tuple[int, int]:
        """How many actions wait for a reply, and how many calls for their time."""
        return self.connection.pending, len(self.net.clock.getDelayedCalls())

    def attempt(self, call: Callable[[], object]) -> object:
        """Return the error that comes of a call at once, whichever way, or ``None``."""
        try:
            result = call()
        except Exception as error:
            return error
        errors: list[Failure] = []
        if isinstance(result, Deferred):
            result.addErrback(errors.append)
        self.net.flush()
        return errors[0].value if errors else None

    def refuse(self, call: Callable[[], object], *kinds: type[Exception]) -> str:
        """See that a call is refused, that nothing is sent and nothing left over; return what is said."""
        arrived, unfinished = len(self.arrived), self.unfinished
        error = self.attempt(call)
        assert isinstance(error, kinds or InvalidAction), error
        assert self.arrived[arrived:] == []
        assert self.unfinished == unfinished
        return str(error)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def test_there_are_enough_of_them() -> None:
    assert len(TEXTS) >= 200
    assert len(TEXTS) * len(BAD_VALUES) >= 2000
    # Whatever IAMI promises is among them, if it takes a text that goes to the server.
    methods = {entry.method for entry in TEXTS if entry.kind == "service"}
    assert {"action", "command", "originate", "db_put", "user_event", "add_filter", "set_event_mask"} <= methods
    assert methods <= {*IAMI.names(), "allowed"}


@pytest.mark.parametrize("entry", TEXTS, ids=str)
def test_a_text_is_refused_in_every_place(entry: Entry, bench: Bench) -> None:
    for what, value in BAD_VALUES.items():
        if f"{entry.method}: {what}" in TIDIED:
            continue
        said = bench.refuse(partial(entry.call, bench.subjects[entry.kind], value))
        assert f"{entry.method}.{entry.parameter}" in REPEATED or MARK not in said, "a value may be a secret"


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if not entry.takes_text], ids=str)
def test_a_text_in_place_of_a_number_gets_no_further(entry: Entry) -> None:
    bench = Bench()
    for value in BAD_VALUES.values():
        bench.attempt(partial(entry.call, bench.subjects[entry.kind], value))
        assert not [action for action in bench.arrived if MARK.encode() in action.raw]


@pytest.mark.parametrize("entry", TEXTS, ids=str)
def test_what_is_harmless_is_sent_from_there(entry: Entry) -> None:
    """Else the tests above would prove nothing."""
    bench = Bench()
    before = len(bench.arrived)
    bench.attempt(lambda: entry.call(bench.subjects[entry.kind]))
    assert len(bench.arrived) > before


# -- names of headers, and the shape of an action ------------------------------------------------------------

#: Where a caller names headers, by what is called and how it takes them.
NAMING: dict[str, Callable[[Bench, str], object]] = {
    "connection, mapping": lambda bench, name: bench.connection.action("UserEvent", {name: "1"}),
    "connection, pairs": lambda bench, name: bench.connection.action("UserEvent", [("A", "1"), (name, "1")]),
    "connection, keyword": lambda bench, name: bench.connection.action("UserEvent", **dict[str, Any]({name: "1"})),
    "service, mapping": lambda bench, name: bench.service.action("UserEvent", {name: "1"}),
    "service, keyword": lambda bench, name: bench.service.action("UserEvent", **dict[str, Any]({name: "1"})),
    "user_event": lambda bench, name: bench.service.user_event("E", {name: "1"}),
    "originate": lambda bench, name: bench.service.originate("L/1", application="Wait", fields={name: "1"}),
    "pool.action": lambda bench, name: bench.pool.action("UserEvent", {name: "1"}, server="1"),
    "pool.action_on_all": lambda bench, name: bench.pool.action_on_all("UserEvent", {name: "1"}),
}


@pytest.mark.parametrize("where", NAMING)
@pytest.mark.parametrize("what", BAD_NAMES)
def test_a_name_is_refused_wherever_a_header_is_named(what: str, where: str, bench: Bench) -> None:
    bench.refuse(lambda: NAMING[where](bench, BAD_NAMES[what]))


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ([("A", str(number)) for number in range(MAX_LINES - 1)], "129 lines"),
        ([("A", list(map(str, range(MAX_LINES - 1))))], "129 lines"),
        ([("A", "x" * (MAX_LINE - 2))], "1023 bytes"),
        ([("A", b"x" * (MAX_LINE - 2))], "1023 bytes"),
        ([("A", "\u00e4" * 510)], "1023 bytes"),
        ([("A", b"x\r\nB: 1")], "a carriage return"),
        ([("A", b"x\n")], "a line feed"),
        ([("A", b"\0")], "a NUL byte"),
        ([("A", ["1", "2\r\nB: 1"])], "a carriage return"),
        ([("A", ["1", b"2\n"])], "a line feed"),
        ([("A", ("1", "2\0"))], "a NUL byte"),
        ([("A", 10**5000)], "too many digits"),
        ([("A", 1.5)], "float"),
        ([("A", object())], "object"),
        ([("A", {"B": "1"})], "dict"),
        ([("A", [["1"]])], "list"),
        ([("A", bytearray(b"1"))], "bytearray"),
        ([("ACTION", "Ping")], "not yours to set"),
        ([("ActionID", "1")], "not yours to set"),
        ([(b"A", "1")], "bytes"),
        ([(1, "1")], "int"),
    ],
)
def test_an_action_that_asterisk_would_read_otherwise_is_refused(headers: Any, said: str, bench: Bench) -> None:
    for subject in (bench.connection, bench.service):
        assert said in bench.refuse(partial(subject.action, "UserEvent", headers))
    assert said in bench.refuse(lambda: bench.pool.action_on_all("UserEvent", headers))


@pytest.mark.parametrize("name", ["", " ", "\t", "\x01", " Queues", "\tQueues", " Ping", "Queues", "IAXnetstats"])
def test_the_name_of_an_action_is_not_empty_and_means_what_it_seems_to(name: str, bench: Bench) -> None:
    """Asterisk skips blanks in front, so that one would reach an action whose reply has no end."""
    bench.refuse(lambda: bench.service.action(name))


class Sly(str):
    """Is harmless to look at."""

    def __radd__(self, other: str) -> str:
        return other + f"x\r\n{MARK}: 1"

    def __str__(self) -> str:
        return f"x\r\n{MARK}: 1"


def test_it_is_the_bytes_that_count_and_not_what_a_text_pretends(bench: Bench) -> None:
    bench.refuse(lambda: bench.connection.action("UserEvent", A=Sly("x")))


# -- what has a syntax of its own ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", "a,b", "a=b", 'a"b', "a b", "a\\", "a(b", "a)", "a[0]", "a\r\nb", "a\nb", "a\0", "a(b=c)", "a\u2028"]
)
def test_the_name_of_a_variable_is_one(name: str, bench: Bench) -> None:
    variables: list[Any] = [{name: "1"}, [("A", "1"), (name, "1")]]
    for each in variables:
        bench.refuse(partial(bench.service.originate, "L/1", application="Wait", variables=each))


@pytest.mark.parametrize("value", ["1,B=2", '"1,B=2', "(1,B=2", "[1],B=2", "1\\,B=2", "1\\", '1"', ")],(["])
def test_the_value_of_a_variable_is_nothing_but_that(value: str) -> None:
    bench = Bench()
    bench.service.originate("L/1", application="Wait", variables={"A": value})
    (sent,) = bench.sent("Originate").get_all("Variable")
    name, _, escaped = sent.partition("=")
    # Each backslash protects what follows, and nothing that splits is left without.
    assert re.sub(r"\\(.)", r"\1", escaped) == value
    assert not re.search(r'[\\",()\[\]]', re.sub(r"\\.", "", escaped))
    assert name == "A"


@pytest.mark.parametrize(
    "call",
    [
        lambda ami: ami.mixmonitor("PJSIP/alice-00000001", "a.wav,,System"),
        lambda ami: ami.mixmonitor("PJSIP/alice-00000001", "a.wav", options="b,System"),
        lambda ami: ami.play_dtmf("PJSIP/alice-00000001", "1\r\n"),
        lambda ami: ami.play_dtmf("PJSIP/alice-00000001", "1,2"),
        lambda ami: ami.db_put("family", "key", " value"),
        lambda ami: ami.db_put("family", "key", "\tvalue"),
        lambda ami: ami.set_variable("A", "\x01value"),
        lambda ami: ami.add_filter("include", event="a),header(b"),
        lambda ami: ami.add_filter("exclude", header="a,method(regex)", value="."),
        lambda ami: ami.add_filter("exclude", header="a b", value="."),
        lambda ami: ami.originate("L/1", application="Wait", context="default", exten="1"),
        lambda ami: ami.originate("L/1", application="Wait", exten="1"),
    ],
)
def test_what_would_end_a_part_of_a_value_is_refused(call: Callable[[AMIService], object], bench: Bench) -> None:
    bench.refuse(lambda: call(bench.service))


@pytest.mark.parametrize("separator", [",", "=x,Event=", '"', "\\", "(", "[", '",B="'])
def test_a_header_of_a_notify_is_one_header(separator: str) -> None:
    """It goes through the splitter that the variables of a call go through."""
    value = f"1{separator}Subscription-State=active"
    bench = Bench()
    for method, action in (("endpoint_notify", "PJSIPNotify"), ("sip_notify", "SIPnotify")):
        getattr(bench.service, method)("alice", "check-sync", {"X": value})
        event, header = bench.sent(action).get_all("Variable")
        assert event == "Event=check-sync"
        assert header == f"X={escape_value(value)}"


@pytest.mark.parametrize("header", ["X,Event", "X=1,Event", 'X"', "X\\", "X(", "X[", "", "X Y", "X\r\nY"])
def test_the_name_of_a_header_of_a_notify_is_one(header: str, bench: Bench) -> None:
    bench.refuse(lambda: bench.service.endpoint_notify("alice", "check-sync", {header: "1"}))
    bench.refuse(lambda: bench.service.sip_notify("alice", "check-sync", {header: "1"}))


@pytest.mark.parametrize("argument", ['"', '" "1', "\\", '\\"', '1" "2', " ", "", "1 2", '\\\\" x', "a\tb"])
def test_an_argument_of_agi_is_one_argument(argument: str) -> None:
    bench = Bench()
    bench.agi.execute("NOOP", argument, "next")
    bench.agi.set_variable("A", argument)
    commands = [action["Command"] for action in bench.arrived if action["Action"] == "AGI"][-2:]
    assert [split(command) for command in commands] == [["NOOP", argument, "next"], ["SET", "VARIABLE", "A", argument]]


# -- logging in, and the command line ------------------------------------------------------------------------


@pytest.mark.parametrize("what", BAD_VALUES)
@pytest.mark.parametrize("parameter", ["username", "secret", "events"])
def test_a_login_that_is_none_is_refused(parameter: str, what: str) -> None:
    if parameter == "events" and f"set_event_mask: {what}" in TIDIED:
        return
    # Something else for the secret, since what is not one is shown.
    value = BAD_VALUES[what].replace(MARK, "kept-to-itself") if parameter == "secret" else BAD_VALUES[what]
    options: dict[str, Any] = {"username": "admin", "secret": "hush", parameter: value}
    net = network()
    pool = AMIPool(net.clock)
    pool.startService()
    ways: list[Callable[[], object]] = [
        lambda: connect(net.clock, net, **options),
        lambda: AMIService(net.clock, net, **options),
        lambda: pool.add("1", net, **options),
        lambda: Login(**options),
    ]
    for way in ways:
        with pytest.raises(InvalidAction) as refused:
            way()
        assert parameter == "events" or not re.search(f"{MARK}|kept-to", str(refused.value))
        assert net.attempts == []


@pytest.mark.parametrize("what", [what for what in BAD_VALUES if what != "NUL"])
@pytest.mark.parametrize(
    "words",
    [
        ["action", "UserEvent", "UserEvent={}"],
        ["action", "UserEvent", "{}=1"],
        ["action", "{}"],
        ["command", "{}"],
        ["originate", "{}", "--context", "default", "--exten", "1"],
        ["originate", "L/1", "--context", "{}", "--exten", "1"],
        ["originate", "L/1", "--context", "default", "--exten", "{}"],
        ["originate", "L/1", "--context", "default", "--exten", "1", "--priority", "{}"],
        ["originate", "L/1", "--application", "{}"],
        ["originate", "L/1", "--application", "Wait", "--data", "{}"],
        ["originate", "L/1", "--application", "Wait", "--variable", "A={}"],
        ["originate", "L/1", "--application", "Wait", "--variable", "{}=1"],
        ["originate", "L/1", "--application", "Wait", "--caller-id", "{}"],
        ["--username", "{}", "ping"],
        ["--events", "{}", "ping"],
    ],
    ids=" ".join,
)
def test_a_word_of_the_command_line_is_refused(
    words: list[str], what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if "--events" in words and f"set_event_mask: {what}" in TIDIED:
        return
    shell = Shell(monkeypatch, capsys, tmp_path)
    arrived: list[Message] = []
    handle = FakeSession._handle

    def noted(session: FakeSession, action: Message) -> None:
        arrived.append(action)
        handle(session, action)

    monkeypatch.setattr(FakeSession, "_handle", noted)
    code, out, err = shell.run(*(word.replace("{}", BAD_VALUES[what]) for word in words))
    assert (code, out) == (1, "") or code == 2, (code, out, err)
    assert err.startswith("txami: "), err
    assert {action["Action"] for action in arrived} <= {"Login", "Logoff"}
    assert not any(MARK.encode() in action.raw for action in arrived)
