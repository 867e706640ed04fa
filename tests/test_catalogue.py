"""The catalogue, and what rests on it: the advice on headers and classes, and two subcommands."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

import pytest
from twisted.logger import LogEvent, capturedLogs, formatEvent

from tests.corpus import RECORDED, frames, recording
from tests.test_protocol import logged_in
from txami import ActionError, Event, Response, advice, catalogue, cli, replies

CLASSES = set(
    "system call log verbose command agent user config dtmf reporting cdr dialplan originate agi cc aoc test "
    "message security".split()
)

#: Headers that any event may have.
COMMON = {"event", "privilege", "timestamp", "actionid", "systemname"}

#: One to import first, in a process of its own.
LOADED = "from txami.catalogue import _data; print(_data.cache_info().currsize)"

Run = Callable[..., tuple[object, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line; return its exit code, what it prints, and what it complains of."""

    def run_it(*arguments: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ending:
            cli.main(arguments)
        printed = capsys.readouterr()
        return ending.value.code, printed.out, printed.err

    return run_it


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sequence[LogEvent]]:
    """Forget the warnings of other tests, and collect those of this one."""
    monkeypatch.setattr(advice, "_given", set())
    with capturedLogs() as logged:
        yield logged


def python(program: str) -> str:
    """Return what a fresh Python prints."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def look_up_action(name: str) -> catalogue.ActionInfo:
    found = catalogue.action(name)
    assert found is not None
    return found


def look_up_event(name: str) -> catalogue.EventInfo:
    found = catalogue.event(name)
    assert found is not None
    return found


# -- what is in it -----------------------------------------------------------------------------------------


def test_it_is_small_and_not_loaded_with_the_package() -> None:
    assert (files("txami") / "catalogue.json").stat().st_size < 120_000  # type: ignore[attr-defined]
    assert python(f"import txami; {LOADED}") == "0\n"
    assert python(f"from txami.catalogue import action; action('Ping'); {LOADED}") == "1\n"


def test_it_needs_no_twisted() -> None:
    source = (files("txami") / "catalogue.py").read_text()
    assert "import twisted" not in source
    assert "from twisted" not in source


def test_an_action() -> None:
    originate = look_up_action("Originate")
    assert originate.required == ("Channel",)
    assert {"Exten", "Variable", "ChannelId", "PreDialGoSub"} <= set(originate.optional)
    assert originate.privilege == ("originate",)
    assert (originate.reply, originate.completion) == ("response, outcome later", "OriginateResponse")
    assert (originate.since, originate.until, originate.free) == (("0.2.0",), None, False)


def test_a_list() -> None:
    status = look_up_action("QueueStatus")
    assert (status.reply, status.items) == ("list", ("QueueParams", "QueueMember", "QueueEntry"))
    assert status.completion == "QueueStatusComplete"
    assert status.privilege == ()


def test_an_event() -> None:
    hangup = look_up_event("Hangup")
    assert hangup.classes == ("call",)
    assert {"Channel", "Uniqueid", "Linkedid", "ChanVariable", "Cause", "Cause-txt"} <= set(hangup.headers)
    assert {"DestChannel", "DestUniqueid"} <= set(look_up_event("DialBegin").headers)
    assert {"BridgeUniqueid", "BridgeNumChannels", "Channel"} <= set(look_up_event("BridgeEnter").headers)
    # Included from other events.
    assert {"Severity", "SessionID", "RemoteAddress"} <= set(look_up_event("SuccessfulAuth").headers)
    assert look_up_event("AuthDetail").item_of == ("PJSIPShowEndpoint", "PJSIPShowRegistrationsOutbound")
    assert look_up_event("OriginateResponse").completes == ("Originate",)


def test_names_are_found_in_any_case_and_spelled_as_on_the_wire() -> None:
    assert look_up_action("ORIGINATE").name == "Originate"
    assert look_up_event("NewExten").name == "Newexten"
    assert catalogue.action("Orignate") is None
    assert catalogue.event("NoSuch") is None


def test_the_nearest_name() -> None:
    names = [each.name for each in catalogue.actions()]
    assert catalogue.nearest("ORIGNATE", names) == "Originate"
    assert catalogue.nearest("coreshowchannel", names) == "CoreShowChannels"
    assert catalogue.nearest("xyzzy", names) is None


@pytest.mark.parametrize(
    ("name", "had", "had_not"),
    [
        ("Originate", ["1.4.0", "16.28.0", "23.0.0"], ["0.1.0"]),
        ("SIPpeers", ["1.8.0", "16.28.0", "20.21.0"], ["21.0.0", "22.10.1"]),
        ("CoreShowChannelMap", ["18.19.0", "20.4.0", "21.0.0"], ["16.28.0", "18.18.1", "19.9.0", "20.3.0"]),
        ("DBGetTree", ["16.28.0", "20.0.0"], ["16.27.0", "17.9.0"]),
        ("Queues", ["1.4.40", "14.7.8"], ["15.0.0"]),
        ("ZapHangup", ["1.4.21"], ["1.6.0.1", "11.0.0"]),
    ],
)
def test_which_versions_have_an_action(name: str, had: list[str], had_not: list[str]) -> None:
    info = look_up_action(name)
    assert [each for each in had if not info.in_version(each)] == []
    assert [each for each in had_not if info.in_version(each)] == []


def test_what_is_said_of_actions_and_of_events_agrees() -> None:
    for info in catalogue.actions():
        assert set(info.privilege) <= CLASSES, info
        assert not set(info.required) & set(info.optional), info
        assert bool(info.items or info.completion) == (info.reply not in ("response", "text")), info
        for name in info.items:
            assert info.name in look_up_event(name).item_of
        if info.completion is not None:
            assert info.name in look_up_event(info.completion).completes
    for event in catalogue.events():
        assert set(event.classes) <= CLASSES, event
        assert event.classes or event.item_of or event.completes, event
        for name in (*event.item_of, *event.completes):
            assert event.name in (*look_up_action(name).items, look_up_action(name).completion)


def test_it_holds_names_and_no_sentences() -> None:
    infos: list[catalogue.ActionInfo | catalogue.EventInfo] = [*catalogue.actions(), *catalogue.events()]
    for info in infos:
        for key, value in asdict(info).items():
            for text in value if isinstance(value, tuple) else ():
                assert re.fullmatch(r"[\w.()-]+", text), (info.name, key, text)


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_event_is_known(name: str) -> None:
    for message in frames(recording(name)):
        if message.startswith(b"Event:"):
            event = Event(message)
            info = look_up_event(event.name)
            assert info.name == event.name
            if info.classes and "Privilege" in event:
                assert set(event["Privilege"].split(",")) == {*info.classes, "all"}
            else:
                assert info.item_of or info.completes or info.name == "FullyBooted"
            known = {header.lower() for header in info.headers} | COMMON
            unknown = {key for key in event.keys() if key.lower().partition("(")[0] not in known}  # noqa: SIM118
            assert info.free or not unknown, (event.name, unknown)


# -- what replies.py knows for itself ----------------------------------------------------------------------


def test_the_ends_of_lists_are_those_of_the_reply_tables() -> None:
    # What 1.4 to 13.1 sends for DBGet ends with its only item.
    exceptions = {"dbget": "DBGetResponse"}
    for name, end in replies.UNMARKED_LISTS.items():
        info = look_up_action(name)
        assert info.reply == "list"
        assert end == exceptions.get(name, info.completion)


def test_the_kinds_of_reply_are_those_of_the_reply_tables() -> None:
    of_kind: dict[str, set[str]] = {}
    for info in catalogue.actions():
        of_kind.setdefault(info.reply, set()).add(info.name.lower())
    assert of_kind["response and event"] == set(replies.ENDED_BY_EVENT)
    assert of_kind["text"] == set(replies.UNFRAMED)
    for name, end in replies.ENDED_BY_EVENT.items():
        assert look_up_action(name).completion == end
    for name, item in replies.ANONYMOUS_ITEMS.items():
        assert look_up_action(name).items == (item,)
    for name in replies.NEED_BARRIER | replies.BLOCKING | set(replies.UNFRAMED):
        look_up_action(name)


# -- the advice --------------------------------------------------------------------------------------------


def test_an_unknown_header_is_warned_of_once(warnings: Sequence[LogEvent]) -> None:
    wire = logged_in()
    for name in ("Originate", "originate"):
        for header in ("Chanel", "CHANEL"):
            wire.ami.action(name, {header: "hush", "Context": "x"})
    (event,) = warnings
    assert formatEvent(event) == "Originate does not know the header 'Chanel'; is it 'Channel'?"
    assert event["log_level"].name == "warn"
    assert "hush" not in repr(event)
    assert len(wire.sent()) == 4


def test_a_header_that_is_like_no_other(warnings: Sequence[LogEvent]) -> None:
    logged_in().ami.action("CoreStatus", Xyzzy=1)
    assert [formatEvent(event) for event in warnings] == [
        "CoreStatus does not know the header 'Xyzzy'; see 'txami actions CoreStatus'"
    ]


@pytest.mark.parametrize(
    ("action", "headers"),
    [
        ("Ping", {}),
        ("Originate", {"CHANNEL": 1, "variable": ["a=1", "b=2"], "PreDialGoSub": 1, "SuppressEvents": 1}),
        ("QueueAdd", {"Wrapuptime": 1}),  # not documented
        ("SIPpeerstatus", {"Peer": 1}),  # gone
        ("AOCMessage", {"UnitAmount(0)": 1, "UnitAmount(31)": 1}),
        ("UserEvent", {"UserEvent": 1, "Anything": 1}),
        ("UpdateConfig", {"Action-000000": 1, "Cat-000001": 1}),
        ("NoSuchAction", {"Anything": 1}),
    ],
)
def test_known_headers_are_not_warned_of(warnings: Sequence[LogEvent], action: str, headers: dict[str, int]) -> None:
    logged_in().ami.action(action, headers)
    assert not warnings


def test_pairs_are_read_only_once(warnings: Sequence[LogEvent]) -> None:
    wire = logged_in()
    wire.ami.action("Setvar", iter([("Variable", "a"), ("Valeu", "b")]), Channel="c")
    (sent,) = wire.sent()
    assert sent.keys()[2:] == ["Variable", "Valeu", "Channel"]
    assert [formatEvent(event) for event in warnings] == ["Setvar does not know the header 'Valeu'; is it 'Value'?"]


def test_the_memory_of_warnings_is_bounded(warnings: Sequence[LogEvent], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advice, "_LIMIT", 10)
    for number in range(100):
        advice.warn_of_unknown_headers("Ping", [(f"X{number}", "")])
    assert len(warnings) == 10


def test_logging_in_needs_no_catalogue() -> None:
    program = "from tests.test_protocol import logged_in; logged_in().ami.action('Ping')"
    assert python(f"{program}; {LOADED}") == "0\n"


@pytest.mark.parametrize(
    ("action", "hint"),
    [
        ("AbsoluteTimeout", ": one of system, call; see 'write ='"),
        ("Command", ": command; see 'write ='"),
        ("NoSuchAction", ": see 'write ='"),
        ("QueueStatus", ": see 'write ='"),  # asks for none: its module is being unloaded
    ],
)
def test_a_refusal_names_the_missing_classes(action: str, hint: str) -> None:
    error = ActionError(action, Response(b"Response: Error\r\nMessage: Permission denied"))
    assert f"the user lacks a write class for this action{hint} in manager.conf" in str(error)


# -- the subcommands ---------------------------------------------------------------------------------------


def test_all_actions(run: Run) -> None:
    code, out, err = run("actions")
    assert (code, err) == (0, "")
    title, *lines = out.splitlines()
    assert title.split() == ["ACTION", "REPLY", "WRITE", "CLASSES", "SINCE"]
    assert [line.split()[0] for line in lines] == [info.name for info in catalogue.actions()]
    assert re.search(r"^SIPpeers +list +system reporting +1\.2\.0 \(until 20\)$", out, re.MULTILINE)


def test_one_action(run: Run) -> None:
    code, out, err = run("actions", "queueADD")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "QueueAdd"
    assert "  required        Queue, Interface\n" in out
    assert "StateInterface" in out
    assert re.search(r"optional +any others\n", run("actions", "UserEvent")[1])
    assert "  outcome         OriginateResponse\n" in run("actions", "Originate")[1]
    assert "  write classes   none needed\n" in run("actions", "Ping")[1]


def test_all_events(run: Run) -> None:
    code, out, err = run("events-info")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[1:]] == [info.name.split()[0] for info in catalogue.events()]


def test_one_event(run: Run) -> None:
    code, out, err = run("events-info", "newexten")
    assert (code, err) == (0, "")
    assert out.splitlines()[:2] == ["Newexten", "  read classes    dialplan"]
    assert "only a part of replies" in run("events-info", "QueueParams")[1]


def test_the_documentation_shows_what_is_printed(run: Run) -> None:
    page = (Path(__file__).parents[1] / "docs" / "catalogue.rst").read_text(encoding="utf-8")
    found = re.search(r"\$ txami actions QueueAdd\n(.*?)\n\n", page, re.DOTALL)
    assert found is not None
    assert textwrap.dedent(found.group(1)) == run("actions", "QueueAdd")[1].rstrip()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("actions", "Orignate"), "txami: no action 'Orignate' is known; is it 'Originate'?\n"),
        (("events-info", "Hungup"), "txami: no event 'Hungup' is known; is it 'Hangup'?\n"),
        (("actions", "xyzzy"), "txami: no action 'xyzzy' is known\n"),
    ],
)
def test_an_unknown_name(run: Run, arguments: tuple[str, str], complaint: str) -> None:
    assert run(*arguments) == (1, "", complaint)


def test_json(run: Run) -> None:
    (one, all_of_them) = (json.loads(run("actions", *which, "--json")[1]) for which in (["Ping"], []))
    assert one["name"] == "Ping"
    assert one in all_of_them
    assert len(all_of_them) == len(catalogue.actions())
    assert json.loads(run("events-info", "Hangup", "--json")[1])["classes"] == ["call"]


def test_the_reader_may_stop_reading(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    process = subprocess.run(
        f"{sys.executable} -m txami actions | head -1", shell=True, capture_output=True, text=True, check=True
    )
    assert process.stdout.startswith("ACTION")
    assert process.stderr == ""

    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

        def fileno(self) -> int:
            return spare.fileno()

    with open("/dev/null", "w") as spare:
        monkeypatch.setattr(sys, "stdout", Closed())
        assert run("actions", "Ping")[0] == 1


@pytest.mark.parametrize(
    ("version", "there"), [("22.10.1-rc1", True), ("certified-18.9-cert5", False), ("16.28.0~dfsg", False)]
)
def test_versions_as_servers_give_them(version: str, there: bool) -> None:
    info = catalogue.action("CoreShowChannelMap")
    assert info is not None
    assert info.in_version(version) is there
    with pytest.raises(ValueError, match="GIT-master"):
        info.in_version("GIT-master")
