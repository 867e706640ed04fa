"""A shell to type ``txami`` in, with a server in memory that answers at any host."""

from __future__ import annotations

import fnmatch
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import LoopingCall

from tests.memory import MemoryNetwork
from txami import cli
from txami.testing import FakeAsterisk

HOME = Path(__file__).parents[1]

#: A fake exchange as a process: it prints its port, and a channel comes every half second.
FAKE = """
from twisted.internet import reactor, task
from txami.testing import FakeAsterisk
server = FakeAsterisk(reactor)
server.add_channel("PJSIP/alice-00000001", exten="200", state="Up", application="Wait", data="1")
names = (f"PJSIP/bob-{number:08}" for number in range(10**6))
task.LoopingCall(lambda: server.add_channel(next(names), exten="201")).start(0.5, now=False)
print(reactor.listenTCP(0, server, interface="127.0.0.1").getHost().port, flush=True)
reactor.run()
"""


#: What the environment of a :class:`Shell` has.
SECRET = "hush-hush-hush"


class Shell:
    """
    Runs command lines, each as :func:`txami.cli.main` does.

    The environment names the server and its user; the home is empty.

    :ivar network: what stands in for the reactor.
    :ivar server: the fake.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path) -> None:
        self.network = MemoryNetwork()
        self.server: FakeAsterisk = self.network.fake()
        self.server.users["admin"] = SECRET
        self._capsys = capsys
        monkeypatch.setattr(cli, "react", self.network.react)
        for name in [name for name in os.environ if name.startswith("TXAMI_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(home))
        for name, value in (("HOST", "pbx"), ("USERNAME", "admin"), ("SECRET", SECRET)):
            monkeypatch.setenv(f"TXAMI_{name}", value)

    def run(self, *arguments: str) -> tuple[object, str, str]:
        """Return the exit code, what is printed, and what is complained of."""
        with pytest.raises(SystemExit) as ending:
            cli.main(arguments)
        printed = self._capsys.readouterr()
        assert self.server.sessions == [], "it has not logged off"
        assert SECRET not in printed.out + printed.err
        return ending.value.code, printed.out, printed.err

    def type(self, line: str) -> tuple[object, str, str]:
        """Run a line as it is typed, without the leading ``txami``."""
        return self.run(*shlex.split(line))

    def printed(self, line: str) -> str:
        """Return what a line that is all right prints."""
        code, out, err = self.type(line)
        assert (code, err) == (0, ""), (out, err)
        return out

    def json(self, line: str) -> Any:
        """Return the one line of JSON that a line prints."""
        (value,) = map(json.loads, self.printed(f"--json {line}").splitlines())
        return value

    def lose_connections(self) -> None:
        """Cut all connections."""
        for session in list(self.server.sessions):
            assert session.transport is not None
            session.transport.loseConnection()

    def every_second(self, what: Callable[[], object]) -> LoopingCall:
        """Let something happen again and again."""
        call = LoopingCall(what)
        call.clock = self.network
        call.start(1, now=False).addErrback(lambda failure: pytest.fail(str(failure)))
        return call


def txami_process(*arguments: str) -> list[str]:
    """Return what starts a command line as a process."""
    return [sys.executable, "-m", "txami", *arguments]


def process_environment(**variables: str) -> dict[str, str]:
    """Return this environment, without what is meant for txami, and with these variables."""
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR" and not name.startswith("TXAMI_")}
    return kept | {"PYTHONPATH": str(HOME)} | variables


def in_order(patterns: Iterable[str], lines: list[str]) -> None:
    """Find a line for each pattern, one after the other; ``...`` stands for anything."""
    rest = iter(lines)
    for pattern in patterns:
        glob = pattern.replace("[", "[[]").replace("...", "*")
        assert any(fnmatch.fnmatchcase(line.rstrip(), glob) for line in rest), f"{pattern!r} is not in {lines}"
