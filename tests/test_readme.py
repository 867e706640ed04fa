"""What the README and the quick start tell a user to type, typed."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
import textwrap
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import MultiService
from twisted.internet import task

import txami
from tests.memory import MemoryNetwork
from txami import cli, tap
from txami.testing import FakeAsterisk

HOME = Path(__file__).parents[1]
README = HOME / "README.rst"
QUICKSTART = HOME / "docs" / "quickstart.rst"

INSTALL_AND_RUN = "python3 -m venv .venv && .venv/bin/pip install '.[tls]' && .venv/bin/python -m txami demo"
INSTALL_AND_TEST = ".venv/bin/pip install '.[test]' && .venv/bin/python -m pytest"


def blocks(path: Path) -> list[str]:
    """Return the blocks of Python in a text."""
    found = re.findall(
        r"^\.\. code-block:: python\n\n((?:    .*\n|\n)+)", path.read_text(encoding="utf-8"), re.MULTILINE
    )
    return [textwrap.dedent(block) for block in found]


class Reader:
    """
    Someone who types what a text says, with a server that answers at any host.

    :ivar names: what the names in the text stand for.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.network = MemoryNetwork()
        self.server: FakeAsterisk = self.network.fake()
        self.application = MultiService()
        self.application.startService()
        self.names: dict[str, Any] = {
            "__name__": "typed",
            "application": self.application,
            "reactor": self.network,
            "secret": "secret",
            "txami": txami,
        }
        monkeypatch.setattr(task, "react", self.network.react)
        monkeypatch.setenv("TXAMI_SECRET", "secret")

    def type(self, block: str) -> None:
        """Run a block, which may await, or be a whole program."""
        code = compile(block, "block", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        waiting = eval(code, self.names)
        if inspect.iscoroutine(waiting):
            self.network.result_of(waiting)

    def type_program(self, block: str) -> None:
        """Run a block that ends with ``task.react(main)``."""
        with pytest.raises(SystemExit) as ending:
            self.type(block)
        assert ending.value.code == 0

    @contextmanager
    def traffic(self) -> Iterator[None]:
        """Let a phone be called, answer and hang up, all the time."""
        call = task.LoopingCall(self._one_call)
        call.clock = self.network
        call.start(1, now=False)
        yield
        call.stop()

    def _one_call(self) -> None:
        channel = self.server.add_channel("PJSIP/bob-00000009")
        self.server.set_state(channel, "Up")
        self.server.hang_up(channel)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Give a reader to a test."""
    return Reader(monkeypatch)


def test_readme(reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    program, service, pool = blocks(README)
    reader.server.add_channel("PJSIP/bob-00000001", state="Up")

    reader.type_program(program)
    assert capsys.readouterr().out.splitlines() == [
        "Pong",
        "PJSIP/bob-00000001 00:00:00",
        "['System uptime: 1 minute, 5 seconds']",
        "PJSIP/alice-00000002 Ringing",
        "PJSIP/alice-00000002 Up",
        "Normal Clearing",
    ]
    assert reader.server.sessions == []

    reader.type(service)
    reader.server.hang_up(next(iter(reader.server.channels.values())))
    reader.network.result_of(reader.application.stopService())
    assert capsys.readouterr().out.splitlines()[0] == "<Event 'Hangup'>"
    assert reader.server.sessions == []

    reader.application = reader.names["application"] = MultiService()
    reader.application.startService()
    reader.type(pool)
    reader.server.hang_up(reader.server.add_channel("PJSIP/carol-00000003"))
    reader.network.pass_time(1)
    reader.network.result_of(reader.application.stopService())
    printed = capsys.readouterr().out.splitlines()
    for server in ("berlin", "paris"):
        assert f"{server} is up; events are missing since None" in printed
        assert f"{server} PJSIP/carol-00000003" in printed
        assert reader.names["answers"][server]["Ping"] == "Pong"
    assert "2 answers" in printed  # to the login and to the ping
    assert reader.server.sessions == []


def test_quickstart(reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    program, *others, testing = blocks(QUICKSTART)
    reader.type_program(program)
    with reader.traffic():
        for block in others:
            reader.type(block)
    reader.network.result_of(reader.application.stopService())
    printed = capsys.readouterr().out.splitlines()
    for line in (
        "Asterisk Call Manager/11.0.0 (11, 0, 0)",
        "Pong 1795348142.000000",
        "System uptime: 1 minute, 5 seconds",
        "answered",
        "No such channel",
        "False No such channel",
    ):
        assert line in printed

    reader.type(testing)
    cases = unittest.defaultTestLoader.loadTestsFromTestCase(reader.names["BusyTests"])
    result = unittest.TestResult()
    cases.run(result)
    assert (result.testsRun, result.errors, result.failures) == (1, [], [])


def test_the_lines_that_ci_runs() -> None:
    lines = [line.strip() for line in README.read_text(encoding="utf-8").splitlines()]
    assert INSTALL_AND_RUN in lines
    assert INSTALL_AND_TEST in lines


@pytest.mark.parametrize("name", [name for name in txami.__all__ if not name.startswith("_")])
def test_the_reference_is_complete(name: str) -> None:
    reference = (HOME / "docs" / "api.rst").read_text(encoding="utf-8")
    assert re.search(rf"^\.\. auto(function|class|exception):: {name}(\(\))?$", reference, re.MULTILINE)


def test_the_command_lines_for_production_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TXAMI_SECRET", "secret")
    monkeypatch.delenv("TXAMI_SECRET_FILE", raising=False)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    secret.chmod(0o600)
    lines = [
        line.strip()
        for line in README.read_text(encoding="utf-8").splitlines()
        if re.match(r"    (twistd|txami) ", line)
    ]
    assert [line.split()[0] for line in lines] == ["twistd", "txami"]
    _, _, _, *arguments = shlex.split(lines[0].replace("FILE", str(secret)))
    options = tap.Options()
    options.parseOptions(arguments[: arguments.index("--app")])
    parsed = cli.build_parser().parse_args(shlex.split(lines[1])[1:])
    assert (parsed.profile, parsed.json, parsed.run.__module__) == ("office", True, "txami.commands.events")
