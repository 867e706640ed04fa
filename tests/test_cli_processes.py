"""The command line as a process: on a terminal, in a pipe, and interrupted."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.commandline import FAKE, HOME, process_environment, txami_process

#: Seconds that nothing takes but what hangs.
PATIENCE = 120

Environment = dict[str, str]


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    """Run a fake; return an environment that names it."""
    with subprocess.Popen(
        [sys.executable, "-c", FAKE], cwd=HOME, env=process_environment(), stdout=subprocess.PIPE, text=True
    ) as fake:
        assert fake.stdout is not None
        host = f"127.0.0.1:{fake.stdout.readline().strip()}"
        try:
            yield process_environment(
                TXAMI_HOST=host, TXAMI_USERNAME="admin", TXAMI_SECRET="secret", TERM="xterm", COLUMNS="100", LINES="24"
            )
        finally:
            fake.kill()


class Terminal:
    """A program on a terminal."""

    def __init__(self, environment: Environment, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        self.shown = ""
        self.process = subprocess.Popen(
            txami_process(*arguments), cwd=HOME, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)

    def until(self, true: Callable[[str], object]) -> None:
        """Read until what is shown has something, or the program ends."""
        deadline = time.monotonic() + PATIENCE
        while not true(self.shown):
            ready, _, _ = select.select([self._ours], [], [], max(deadline - time.monotonic(), 0))
            assert ready, f"it is not shown: {self.shown}"
            try:
                self.shown += os.read(self._ours, 65536).decode()
            except OSError:
                break  # the other end is closed

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def end(self) -> int:
        """Return the exit code when it has ended."""
        self.until(lambda _: False)
        os.close(self._ours)
        return self.process.wait(PATIENCE)


def run(command: list[str], environment: Environment) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(command, cwd=HOME, env=environment, capture_output=True, text=True, timeout=PATIENCE)


def drawings(shown: str) -> list[str]:
    """Return what was drawn on the screen, time after time; the last may not be all there yet."""
    return shown.split("\033[H")[1:-1]


def times(drawing: str) -> list[str]:
    """Return the durations on a screen."""
    return re.findall(r"\d\d:\d\d:\d\d", drawing)


def test_top_draws_and_ends(environment: Environment) -> None:
    terminal = Terminal(environment, "top")

    def is_live(shown: str) -> bool:
        # It has ticked, and new channels have come, without a new list.
        screens = drawings(shown)
        return len(screens) > 2 and "PJSIP/bob-" in screens[-1] and times(screens[0]) != times(screens[-1])

    terminal.until(is_live)
    last = drawings(terminal.shown)[-1]
    terminal.type("xq")
    assert terminal.end() == 0
    assert terminal.shown.startswith("\033[?1049h\033[?25l")
    assert terminal.shown.endswith("\033[?25h\033[?1049l")
    assert "Traceback" not in terminal.shown
    assert is_live(terminal.shown)
    assert "PJSIP/alice-00000001" in last


def test_top_is_interrupted(environment: Environment) -> None:
    terminal = Terminal(environment, "--no-color", "top")
    terminal.until(drawings)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert terminal.shown.endswith("\033[?25h\033[?1049l")
    assert "\033[1m" not in terminal.shown


def test_progress_is_for_terminals(environment: Environment) -> None:
    line = ("originate", "PJSIP/carol", "--application", "Wait", "--wait")
    terminal = Terminal(environment, *line)
    assert terminal.end() == 0
    # Once a second, but a second that was missed is left out.
    assert re.search(r"PJSIP/carol talks \.\.\. [1-9]\d* s", terminal.shown)
    done = run(txami_process(*line), environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "PJSIP/carol: answered\nended: Normal Clearing\n", "")


def test_colour_is_for_terminals(environment: Environment) -> None:
    for arguments, coloured in ((["ping"], True), (["ping", "--no-color"], False)):
        terminal = Terminal(environment, *arguments)
        assert terminal.end() == 0
        assert ("\033[32m" in terminal.shown) is coloured


def test_events_are_interrupted(environment: Environment) -> None:
    with subprocess.Popen(
        txami_process("events", "--json"), cwd=HOME, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["Event"]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (130, b"")
    assert all(json.loads(line) for line in out.splitlines())


@pytest.mark.parametrize("line", ["events", "--json events", "action CoreShowChannels", "actions"])
def test_a_broken_pipe_is_quiet(environment: Environment, tmp_path: Path, line: str) -> None:
    done = run(["sh", "-c", f"{sys.executable} -m txami {line} | head -1"], environment)
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")


def test_the_secret_is_not_in_the_list_of_processes(environment: Environment, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("secret")
    file.chmod(0o600)
    without = {name: value for name, value in environment.items() if name != "TXAMI_SECRET"}
    arguments = txami_process("--secret-file", str(file), "events", "--name", "Newchannel", "--json")
    with subprocess.Popen(arguments, cwd=tmp_path, env=without, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        seen = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
        process.terminate()
    assert b"events" in seen
    assert b"secret" not in seen
