"""The report about queues, as its user runs it, on a network in memory."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest
from twisted.internet import task

from tests.memory import MemoryNetwork
from tests.test_actions_queues import CALLER, MEMBER, PARAMS
from txami.testing import FakeAsterisk, FakeSession

EXAMPLE = str(Path(__file__).parents[1] / "examples/queue_report.py")

REPORT = [
    "support (ringall): 1 wait, 9 served",
    "  Alice                in use, 4 calls",
    "    1. 4711            waits for 33 s",
    "sales (ringall): 1 wait, 9 served",
    "  Alice                paused: lunch, 4 calls",
]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> MemoryNetwork:
    """Take the place of the reactor."""
    network = MemoryNetwork()
    monkeypatch.setattr(task, "react", network.react)
    monkeypatch.setenv("TXAMI_SECRET", "secret")
    return network


@pytest.fixture
def server(network: MemoryNetwork) -> FakeAsterisk:
    """Answer with two queues."""
    texts = [
        *(PARAMS.format("support"), MEMBER.format("support", 2, 0), CALLER.format("support")),
        *(PARAMS.format("sales"), MEMBER.format("sales", 1, 1)),
    ]
    events = [text.replace("\n", "\nActionID: {ActionID}\n", 1) for text in [*texts, "Done\nEventList: Complete"]]
    server = network.fake()
    server.answer(
        "QueueStatus",
        "\n\nEvent: ".join(["Response: Success\nActionID: {ActionID}\nEventList: start", *events]),
    )
    return server


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """Run the example; return its exit code."""
    monkeypatch.setattr(sys, "argv", [EXAMPLE, *arguments])
    with pytest.raises(SystemExit) as ending:
        runpy.run_path(EXAMPLE, run_name="__main__")
    return ending.value.code


def test_once(server: FakeAsterisk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "pbx.example.com", "admin") == 0
    assert capsys.readouterr().out.splitlines() == REPORT
    assert server.sessions == []


def test_until_interrupted(
    network: MemoryNetwork,
    server: FakeAsterisk,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    network.callLater(25, network.interrupt)
    assert run(monkeypatch, "pbx.example.com", "admin", "10") == 0
    assert capsys.readouterr().out.splitlines() == REPORT * 3
    assert server.sessions == []


def test_arguments_and_errors(server: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "python examples/queue_report.py HOST USERNAME" in str(run(monkeypatch))

    def refuse(session: FakeSession, action: object) -> None:
        session.respond(session.actions[-1], "Error", {"Message": "Permission denied"})

    server.answer("QueueStatus", refuse)
    assert str(run(monkeypatch, "pbx.example.com", "admin")).startswith("QueueStatus: Asterisk says: Permission denied")
