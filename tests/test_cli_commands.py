"""The subcommands that talk to a server, in memory: what they print in either form, and their exit codes."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path

import pytest

from tests.commandline import Shell
from txami import Message
from txami.testing import FakeSession


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    """Give a shell."""
    return Shell(monkeypatch, capsys, tmp_path)


# -- ping --------------------------------------------------------------------------------------------------


def test_ping(shell: Shell) -> None:
    assert re.fullmatch(r"Asterisk Call Manager/11\.0\.0: \d+\.\d ms\n", shell.printed("ping"))
    began = shell.network.seconds()
    lines = shell.printed("--json ping --count 3 --interval 5").splitlines()
    assert [json.loads(line)["count"] for line in lines] == [1, 2, 3]
    assert shell.network.seconds() - began >= 10


def test_no_answer_in_time(shell: Shell) -> None:
    shell.server.never_answer("Ping")
    began = shell.network.seconds()
    code, out, err = shell.type("ping --timeout 2.5")
    assert (code, out) == (1, "")
    assert re.fullmatch(r"txami: Ping: no reply within 2\.5 s; .*\n", err)
    assert shell.network.seconds() - began < 5


# -- action ------------------------------------------------------------------------------------------------


def test_action(shell: Shell) -> None:
    shell.server.add_channel("PJSIP/alice-1", state="Up", exten="200")
    out = shell.printed("action CoreShowChannels")
    head, item = out.split("\n\n")
    assert head.startswith("Response: Success\nEventList: start\n")
    assert item.startswith("Event: CoreShowChannel\nChannel: PJSIP/alice-1\n")
    assert "ActionID" not in out

    shown = shell.json("action CoreShowChannels")
    assert shown["ok"] is True
    assert shown["response"]["EventList"] == "start"
    assert [event["Channel"] for event in shown["events"]] == ["PJSIP/alice-1"]
    assert shown["completion"]["ListItems"] == "1"


def test_headers_may_be_repeated(shell: Shell) -> None:
    received: list[list[str]] = []

    def answer(session: FakeSession, action: object) -> None:
        received.append(session.actions[-1].get_all("Variable"))
        session.respond(session.actions[-1], "Success", [("Line", "1"), ("LINE", "2"), ("Other", "a=b")])

    shell.server.answer("Originate", answer)
    shown = shell.json("action Originate Channel=PJSIP/a Variable=a=1 Variable=b=2")
    assert received == [["a=1", "b=2"]]
    assert (shown["response"]["Line"], shown["response"]["Other"]) == (["1", "2"], "a=b")


def test_an_action_that_fails(shell: Shell) -> None:
    shell.server.answer("QueueAdd", "Response: Error\nActionID: {ActionID}\nMessage: Unable to add interface")
    complaint = "txami: QueueAdd: Asterisk says: Unable to add interface\n"
    assert shell.type("action QueueAdd Queue=a Interface=b") == (1, "", complaint)
    code, out, err = shell.type("action QueueAdd Queue=a Interface=b --json")
    assert (code, err) == (1, complaint)
    assert json.loads(out)["ok"] is False
    assert json.loads(out)["response"]["Message"] == "Unable to add interface"


def test_a_header_that_an_action_does_not_know_is_warned_of(shell: Shell) -> None:
    code, _, err = shell.type("action Ping Pnig=1")
    assert (code, err.count("\n")) == (0, 1)
    assert err.startswith("txami: Ping does not know the header 'Pnig'")


@pytest.mark.parametrize("headers", ["Nonsense", "=1", "a=1 Secret=hush"])
def test_headers_that_are_none(shell: Shell, headers: str) -> None:
    code, out, err = shell.type(f"action Ping {headers}")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "hush" not in err


def test_what_a_terminal_would_obey_is_not_printed(shell: Shell) -> None:
    shell.server.answer("Ping", b"Response: Success\r\nActionID: {ActionID}\r\nName: \x1b[2J\xff\r\n\r\n")
    assert "Name: ?[2J?" in shell.printed("action Ping")


# -- command -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("old", [False, True])
def test_command(shell: Shell, old: bool) -> None:
    shell.server.old_commands = old
    shell.server.commands["core show uptime"] = "System uptime: 1 minute\n  Last reload: never"
    assert shell.printed("command 'core show uptime'") == "System uptime: 1 minute\n  Last reload: never\n"
    assert shell.json("command 'core show uptime'") == {
        "command": "core show uptime",
        "ok": True,
        "output": ["System uptime: 1 minute", "  Last reload: never"],
    }


@pytest.mark.parametrize("old", [False, True])
def test_the_action_of_a_command(shell: Shell, old: bool) -> None:
    shell.server.old_commands = old
    assert shell.printed("action Command 'Command=core show uptime'").endswith("System uptime: 1 minute, 5 seconds\n")


def test_a_command_that_fails(shell: Shell) -> None:
    code, out, err = shell.type("command 'core nonsense'")
    assert (code, err) == (1, "txami: Asterisk says that the command failed\n")
    assert out.startswith("No such command 'core nonsense'")
    shell.server.answer("Command", "Response: Error\nActionID: {ActionID}\nMessage: Permission denied")
    code, out, err = shell.type("command 'core show uptime'")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "the user lacks a write class" in err


# -- events ------------------------------------------------------------------------------------------------


def calls(shell: Shell) -> None:
    """Let something happen every second."""
    names = iter(range(10**6))

    def call() -> None:
        number = next(names)
        channel = shell.server.add_channel(f"PJSIP/a-{number}", exten=str(number % 2))
        shell.server.hang_up(channel)

    shell.every_second(call)


def test_events(shell: Shell) -> None:
    calls(shell)
    lines = shell.printed("events --name 'New*' --name Hangup --count 4").splitlines()
    assert [line.split()[1] for line in lines] == ["Newchannel", "Hangup"] * 2
    assert re.match(r"\d\d:\d\d:\d\d  Newchannel +Channel=PJSIP/a-\d+ ", lines[0])


def test_events_by_their_headers(shell: Shell) -> None:
    calls(shell)
    out = shell.printed("--json events --name Hangup --where Exten=1 --where Cause=16 --where Cause=17 --count 3")
    shown = [json.loads(line) for line in out.splitlines()]
    assert [(event["Event"], event["Exten"]) for event in shown] == [("Hangup", "1")] * 3


def test_events_for_some_time(shell: Shell) -> None:
    calls(shell)
    out = shell.printed("events --name Hangup --timeout 5.5")
    assert out.count("Hangup") == 5
    code, out, err = shell.type("events --name Hangup --count 50 --timeout 5.5")
    assert (code, out.count("Hangup"), err) == (1, 5, "txami: 5 of 50 events within 5.5 s\n")


def test_events_of_other_kinds_show_what_they_have(shell: Shell) -> None:
    shell.every_second(lambda: shell.server.emit("QueueMemberPause", {"Queue": "q", "Paused": 1}, "agent"))
    line = shell.printed("events --name 'Queue*' --count 1")
    assert line.split()[1:] == ["QueueMemberPause", "Queue=q", "Paused=1"]


def test_events_go_on_after_a_loss(shell: Shell) -> None:
    calls(shell)

    shell.network.callLater(3.5, shell.lose_connections)
    code, out, err = shell.type("events --name Hangup --count 8")
    assert (code, out.count("Hangup")) == (0, 8)
    assert re.fullmatch(r"txami: lost the connection to pbx: .*\n", err)


def test_an_interrupt(shell: Shell) -> None:
    calls(shell)
    shell.network.callLater(3.5, shell.network.interrupt)
    code, out, err = shell.type("events --name Hangup")
    assert (code, out.count("Hangup"), err) == (130, 3, "")


# -- originate ---------------------------------------------------------------------------------------------


def test_originate(shell: Shell) -> None:
    assert shell.printed("originate PJSIP/bob --exten 101 --context default") == "PJSIP/bob: answered\n"
    began = shell.network.seconds()
    out = shell.printed("originate PJSIP/bob --application Wait --data 1 --variable a=1 --variable b=x,y --wait")
    assert out == "PJSIP/bob: answered\nended: Normal Clearing\n"
    assert shell.network.seconds() - began > 2


def test_originate_for_programs(shell: Shell) -> None:
    shown = shell.json("originate PJSIP/bob --exten 101 --context default --caller-id 'Bob <7>'")
    assert (shown["status"], shown["answered"], shown["ended"]) == ("answered", True, None)
    assert shown["event"]["Uniqueid"] == shown["uniqueid"]
    shown = shell.json("originate PJSIP/bob --exten 101 --context default --wait")
    assert shown["ended"]["Event"] == "Hangup"


@pytest.mark.parametrize("behaviour", ["busy", "no answer"])
def test_a_call_that_is_not_answered(shell: Shell, behaviour: str) -> None:
    shell.server.phones["PJSIP/bob"] = behaviour  # type: ignore[assignment]
    line = "originate PJSIP/bob --application Wait --ring-time 5"
    assert shell.type(line) == (3, f"PJSIP/bob: {behaviour}\n", "")
    code, out, _ = shell.type(f"--json {line} --wait")
    assert (code, json.loads(out)["status"]) == (3, behaviour)


@pytest.mark.parametrize(
    "arguments",
    ["", "--exten 1", "--context c", "--exten 1 --context c --application A", "--application A --variable a"],
)
def test_calls_that_cannot_be_placed(shell: Shell, arguments: str) -> None:
    code, out, err = shell.type(f"originate PJSIP/bob {arguments}")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_a_call_that_asterisk_refuses(shell: Shell) -> None:
    shell.server.answer("Originate", "Response: Error\nActionID: {ActionID}\nMessage: Extension does not exist.")
    code, out, err = shell.type("originate PJSIP/bob --exten 1 --context c")
    assert (code, out) == (1, "")
    assert "Extension does not exist" in err


# -- top ---------------------------------------------------------------------------------------------------


def test_top_where_there_is_no_terminal(shell: Shell) -> None:
    shell.server.add_channel("PJSIP/alice-1", state="Up", exten="200", application="Dial", data="x", caller="7")
    shell.network.advance(65)
    shell.server.add_channel("PJSIP/bob-2", state="Ringing")
    title, alice, bob, summary = shell.printed("top").splitlines()
    assert title.split() == ["CHANNEL", "STATE", "CALLER", "EXTENSION", "APPLICATION", "DURATION"]
    assert alice.split() == ["PJSIP/alice-1", "Up", "7", "200@default", "Dial(x)", "00:01:05"]
    assert bob.split()[-1] == "00:00:00"
    assert summary == "2 channels, 2 calls"
    shown = shell.json("top")
    assert [channel["Channel"] for channel in shown["channels"]] == ["PJSIP/alice-1", "PJSIP/bob-2"]
    assert shown["calls"] == 2


class Terminal(io.StringIO):
    """A terminal without a keyboard; each drawing is a screen."""

    def isatty(self) -> bool:
        """Say yes."""
        return True

    @property
    def screens(self) -> list[list[str]]:
        """What was drawn, line by line, without what steers the terminal."""
        drawn = self.getvalue().split("\033[H")[1:]
        return [[re.sub(r"\033\[[\d?;]*[A-Za-z]", "", line) for line in each.split("\r\n")] for each in drawn]


def on_a_terminal(shell: Shell, line: str) -> tuple[object, str, Terminal]:
    """Return the exit code, what is complained of, and the terminal."""
    with contextlib.redirect_stdout(Terminal()) as terminal:
        code, _, err = shell.type(line)
    return code, err, terminal


def test_top_on_a_terminal(shell: Shell) -> None:
    listed: list[object] = []
    listing = shell.server.answers["coreshowchannels"]

    def answer(session: FakeSession, action: Message) -> None:
        listed.append(action)
        listing(session, action)

    shell.server.answer("CoreShowChannels", answer)
    alice = shell.server.add_channel("PJSIP/alice-1", state="Ring", exten="200")
    shell.network.callLater(2.1, lambda: shell.server.set_state(alice, "Up"))
    shell.network.callLater(3.1, lambda: shell.server.add_channel("PJSIP/bob-2"))
    shell.network.callLater(4.1, lambda: shell.server.hang_up(alice))
    shell.network.callLater(6.1, shell.network.interrupt)
    code, err, terminal = on_a_terminal(shell, "top")
    assert (code, err) == (130, "")
    tables = ["\n".join(screen) for screen in terminal.screens]
    for texts in (["pbx: 1 channel, 1 call   q ends"], ["Ring", "00:00:00"], ["Up", "00:00:02"], ["alice", "bob"]):
        assert any(all(text in table for text in texts) for table in tables), texts
    assert "alice" not in tables[-1]
    assert len(listed) == 1


def test_top_says_that_the_connection_is_lost_and_lists_anew(shell: Shell) -> None:
    alice = shell.server.add_channel("PJSIP/alice-1")

    def lose() -> None:
        shell.lose_connections()
        # While nobody sees it.
        shell.server.hang_up(alice)
        shell.server.add_channel("PJSIP/bob-2")

    shell.network.callLater(2.1, lose)
    shell.network.callLater(20, shell.network.interrupt)
    code, err, terminal = on_a_terminal(shell, "top")
    assert (code, err.count("lost the connection")) == (130, 1)
    assert any("pbx (no connection)" in screen[0] for screen in terminal.screens)
    assert "bob" in "".join(terminal.screens[-1])
    assert "alice" not in "".join(terminal.screens[-1])


def test_top_without_the_right_to_list(shell: Shell) -> None:
    shell.server.answer("CoreShowChannels", "Response: Error\nActionID: {ActionID}\nMessage: Permission denied")
    code, err, terminal = on_a_terminal(shell, "top")
    assert (code, err.count("\n")) == (1, 1)
    assert "CoreShowChannels: Asterisk says: Permission denied" in err
    assert terminal.getvalue().endswith("\033[?25h\033[?1049l")


def test_a_screen_that_is_too_small(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("LINES", "5")
    for number in range(50):
        shell.server.add_channel(f"PJSIP/with-a-long-name-{number}")
    shell.network.callLater(2, shell.network.interrupt)
    code, _, terminal = on_a_terminal(shell, "top")
    assert code == 130
    assert len(terminal.screens[-1]) == 5
    assert max(map(len, terminal.screens[-1])) <= 20


# -- demo --------------------------------------------------------------------------------------------------


def test_the_demo_for_programs(shell: Shell) -> None:
    lines = [json.loads(line) for line in shell.printed("demo --json").splitlines()]
    assert {"text": "outcome: answered"} in lines
    assert "Hangup" in [line.get("Event") for line in lines]


def test_the_demo_needs_no_environment_and_heeds_none(shell: Shell) -> None:
    assert "A FakeAsterisk listens" in shell.printed("demo")
    assert "1. Log in to elsewhere as admin" in shell.printed("--host elsewhere demo")
