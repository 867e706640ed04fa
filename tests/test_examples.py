"""Every example, as its user runs it, on a network in memory."""

from __future__ import annotations

import getpass
import io
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import twisted.internet
from twisted.application.service import IService
from twisted.internet import task
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher

from tests.memory import MemoryNetwork
from txami.testing import Behaviour, FakeAsterisk

EXAMPLES = Path(__file__).parents[1] / "examples"
HOST = "pbx.example.com"

Run = Callable[..., tuple[object, list[str]]]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> MemoryNetwork:
    """Take the place of the reactor."""
    network = MemoryNetwork()
    monkeypatch.setattr(task, "react", network.react)
    monkeypatch.setattr(twisted.internet, "reactor", network, raising=False)
    monkeypatch.setenv("TXAMI_HOST", HOST)
    monkeypatch.setenv("TXAMI_USERNAME", "admin")
    monkeypatch.setenv("TXAMI_SECRET", "secret")
    return network


@pytest.fixture
def server(network: MemoryNetwork) -> FakeAsterisk:
    """Answer at ``HOST``."""
    return network.fake()


@pytest.fixture
def logged() -> Iterator[Callable[[], list[str]]]:
    """Collect what is logged."""
    observer = EventLoggingObserver()
    globalLogPublisher.addObserver(observer)
    yield lambda: [formatEvent(event) for event in observer]
    globalLogPublisher.removeObserver(observer)


@pytest.fixture
def run(network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run an example with the arguments that follow its name; return its exit code and what it prints."""

    def run_it(name: str, *arguments: str) -> tuple[object, list[str]]:
        path = str(EXAMPLES / name)
        monkeypatch.setattr(sys, "argv", [path, *arguments])
        with pytest.raises(SystemExit) as ending:
            runpy.run_path(path, run_name="__main__")
        return ending.value.code, capsys.readouterr().out.splitlines()

    return run_it


def actions(server: FakeAsterisk) -> list[str]:
    """Note which actions arrive from now on."""
    seen: list[str] = []

    def noting(name: str, answer: Any) -> Any:
        def answer_it(session: Any, action: Any) -> None:
            seen.append(action["Action"])
            answer(session, action)

        return answer_it

    server.answers = {name: noting(name, answer) for name, answer in server.answers.items()}
    return seen


def test_quickstart(server: FakeAsterisk, run: Run) -> None:
    server.add_channel("PJSIP/alice-00000001", state="Up")
    seen = actions(server)
    assert run("quickstart.py", HOST, "admin") == (
        0,
        [
            "Connected to Asterisk Call Manager/11.0.0",
            "Ping: Pong",
            "1 channels are up",
            "  PJSIP/alice-00000001  Up  00:00:00",
            "System uptime: 1 minute, 5 seconds",
        ],
    )
    assert seen == ["Login", "Ping", "CoreShowChannels", "Command", "Logoff"]
    assert server.sessions == []


def test_quickstart_without_the_right_to_run_commands(server: FakeAsterisk, run: Run) -> None:
    server.answer("Command", "Response: Error\nActionID: {ActionID}\nMessage: Permission denied")
    code, lines = run("quickstart.py", HOST, "admin")
    assert str(code).startswith("Command: Asterisk says: Permission denied")
    assert lines[1] == "Ping: Pong"


def test_the_secret_is_asked_for(server: FakeAsterisk, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TXAMI_SECRET")
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "secret")
    assert run("quickstart.py", HOST, "admin")[0] == 0


PROGRAMS = pytest.mark.parametrize(
    ("name", "arguments"),
    [("quickstart.py", ()), ("watch_calls.py", ("PJSIP/",)), ("click_to_call.py", ("PJSIP/alice", "200"))],
)


@PROGRAMS
def test_wrong_arguments(run: Run, name: str, arguments: tuple[str, ...]) -> None:
    assert f"python examples/{name} HOST USERNAME" in str(run(name)[0])


@PROGRAMS
def test_nobody_listens(run: Run, name: str, arguments: tuple[str, ...]) -> None:
    code = str(run(name, HOST, "admin", *arguments)[0])
    assert code.startswith(f"cannot connect to {HOST}: ")
    assert "\n" not in code


@PROGRAMS
def test_login_refused(
    server: FakeAsterisk, run: Run, monkeypatch: pytest.MonkeyPatch, name: str, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TXAMI_SECRET", "not the right one")
    code = str(run(name, HOST, "admin", *arguments)[0])
    assert code.startswith("Asterisk refused to log in 'admin': Authentication failed")
    assert "not the right one" not in code


def test_watch_calls(network: MemoryNetwork, server: FakeAsterisk, run: Run) -> None:
    def traffic() -> None:
        for name in ("PJSIP/bob-00000001", "PJSIP/alice-00000002"):
            channel = server.add_channel(name)
            server.set_state(channel, "Up")
            server.emit("DialEnd", {"Channel": name, "DialStatus": "ANSWER"})
            server.hang_up(channel)

    network.callLater(5, traffic)
    assert run("watch_calls.py", HOST, "admin", "PJSIP/alice", "2") == (
        0,
        [
            "PJSIP/alice-00000002: Up",
            "PJSIP/alice-00000002: DialEnd ANSWER",
            "PJSIP/alice-00000002: Normal Clearing",
            "2 events, and 5 that were not watched:",
            "       2 Newchannel",
            "       1 Newstate",
            "       1 DialEnd",
            "       1 Hangup",
        ],
    )
    assert server.sessions == []


def test_watch_calls_until_interrupted(network: MemoryNetwork, server: FakeAsterisk, run: Run) -> None:
    network.callLater(5, server.add_channel, "PJSIP/alice-00000001")
    network.callLater(10, network.interrupt)
    code, lines = run("watch_calls.py", HOST, "admin", "PJSIP/alice")
    assert code == 0
    assert lines[0] == "0 events, and 1 that were not watched:"
    assert server.sessions == []


def test_watch_calls_until_the_connection_is_lost(network: MemoryNetwork, server: FakeAsterisk, run: Run) -> None:
    network.callLater(5, lambda: server.sessions[0].transport.loseConnection())  # type: ignore[union-attr]
    assert str(run("watch_calls.py", HOST, "admin", "PJSIP/alice")[0]).startswith("the connection to Asterisk was lost")


def test_click_to_call(server: FakeAsterisk, run: Run) -> None:
    assert run("click_to_call.py", HOST, "admin", "PJSIP/alice", "200") == (
        0,
        ["PJSIP/alice is called", "PJSIP/alice: answered", "it ended: Normal Clearing"],
    )
    assert server.sessions == []


def test_click_to_call_hangs_up(server: FakeAsterisk, run: Run) -> None:
    server.talk_time = 600
    code, lines = run("click_to_call.py", HOST, "admin", "PJSIP/alice", "200")
    assert (code, lines[-1]) == (0, "hung up after 60 s")
    assert server.channels == {}


@pytest.mark.parametrize("behaviour", ["busy", "no answer", "congestion"])
def test_click_to_call_in_vain(server: FakeAsterisk, run: Run, behaviour: Behaviour) -> None:
    server.phones["PJSIP/alice"] = behaviour
    assert run("click_to_call.py", HOST, "admin", "PJSIP/alice", "200", "internal") == (
        0,
        ["PJSIP/alice is called", f"PJSIP/alice: {behaviour}"],
    )
    assert server.sessions == []


def test_service(network: MemoryNetwork, server: FakeAsterisk, logged: Callable[[], list[str]]) -> None:
    service = IService(runpy.run_path(str(EXAMPLES / "service.py"))["application"])
    service.startService()
    network.pass_time(1)
    assert "connected to Asterisk Call Manager/11.0.0, 0 channels are up" in logged()

    server.hang_up(server.add_channel("PJSIP/alice-00000001"))
    network.pass_time(1)
    assert logged()[-1] == "PJSIP/alice-00000001: Normal Clearing"

    server.sessions[0].transport.loseConnection()  # type: ignore[union-attr]
    network.pass_time(60)
    assert any(line.startswith("disconnected: ") for line in logged())
    server.hang_up(server.add_channel("PJSIP/bob-00000002"))
    network.pass_time(1)
    assert logged()[-1] == "PJSIP/bob-00000002: Normal Clearing"

    network.result_of(service.stopService())
    assert server.sessions == []
    assert network.getDelayedCalls() == []
    assert not any("secret" in line for line in logged())


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_examples_are_short(path: Path) -> None:
    # A program written for StarPy has StarPy's length.
    limit = 120 if path.name == "starpy_style.py" else 70
    assert len(path.read_text().splitlines()) < limit


def test_campaign(server: FakeAsterisk, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    behaviours: dict[str, Behaviour] = {"1": "busy", "2": "no answer", "3": "fail", "7": "busy"}
    server.phones.update({f"PJSIP/{number}@provider": way for number, way in behaviours.items()})
    numbers = [str(number) for number in range(25)]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join([*numbers, ""]) + "\n"))
    seen = actions(server)
    code, lines = run("campaign.py", HOST, "admin", "PJSIP/{}@provider")
    assert (code, lines) == (0, ["    21 answered", "     2 busy", "     1 no answer", "     1 failed"])
    assert seen.count("Originate") == 25
    assert server.sessions == []


def test_campaign_is_refused(server: FakeAsterisk, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer("Originate", "Response: Error\nActionID: {ActionID}\nMessage: Extension does not exist.")
    monkeypatch.setattr(sys, "stdin", io.StringIO("1\n2\n"))
    code, lines = run("campaign.py", HOST, "admin", "PJSIP/{}")
    assert code == 0
    assert [line[:6] for line in lines] == ["     2"]
    assert "Extension does not exist" in lines[0]


def test_campaign_does_not_ask_for_more_than_so_many_at_once(
    network: MemoryNetwork, server: FakeAsterisk, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.ring_time = 15
    most = 0
    place = server.place_call

    def counting(action: Any) -> None:
        nonlocal most
        place(action)
        most = max(most, sum(channel.state != "Up" for channel in server.channels.values()))

    monkeypatch.setattr(server, "place_call", counting)
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(str(number) for number in range(60))))
    assert run("campaign.py", HOST, "admin", "PJSIP/{}")[1] == ["    60 answered"]
    assert most == 10
