"""The demonstration and the command line around it."""

from __future__ import annotations

import fnmatch
import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import txami
from tests.memory import MemoryNetwork
from txami import cli
from txami.commands.output import Printer
from txami.demo import demo_with_fake
from txami.message import Event
from txami.testing import FakeAsterisk

HOME = Path(__file__).parents[1]
DEMO = [sys.executable, "-m", "txami", "demo"]
HEADINGS = [
    "1. Log in to 127.0.0.1:*",
    "2. The channels that are up",
    "3. A command of the CLI: core show uptime",
    "4. A call to *",
    "Logged off.",
]

Cli = Callable[..., tuple[object, str, str]]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> MemoryNetwork:
    """Take the place of the reactor, and of a secret that is set."""
    network = MemoryNetwork()
    monkeypatch.setattr(cli, "react", network.react)
    monkeypatch.delenv("TXAMI_SECRET", raising=False)
    return network


@pytest.fixture
def server(network: MemoryNetwork) -> FakeAsterisk:
    """Answer at any host."""
    return network.fake()


@pytest.fixture
def run(network: MemoryNetwork, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run the command line; return its exit code, what it prints, and what it complains of."""

    def run_it(*arguments: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ending:
            cli.main(arguments)
        printed = capsys.readouterr()
        return ending.value.code, printed.out, printed.err

    return run_it


def in_order(patterns: list[str], lines: list[str]) -> None:
    """Find a line for each pattern, one after the other."""
    rest = iter(lines)
    for pattern in patterns:
        assert any(fnmatch.fnmatchcase(line, pattern) for line in rest), f"{pattern!r} is not in {lines}"


# -- in memory ---------------------------------------------------------------------------------------------


def test_the_demo(run: Cli) -> None:
    code, out, err = run("demo")
    assert (code, err) == (0, "")
    in_order(HEADINGS, out.splitlines())


def test_the_readme_shows_what_is_printed(run: Cli) -> None:
    readme = (HOME / "README.rst").read_text(encoding="utf-8")
    found = re.search(r"^    2\. The channels.*?\n\n", readme, re.MULTILINE | re.DOTALL)
    assert found
    excerpt = [line.removeprefix("    ").replace("...", "*") for line in found.group().rstrip().splitlines()]
    in_order(excerpt, run("demo")[1].splitlines())


def test_the_demo_stops_listening(network: MemoryNetwork) -> None:
    out = io.StringIO()
    network.result_of(demo_with_fake(network, out))
    assert network.tcpServers == []
    assert network.getDelayedCalls() == []


def test_a_real_server(server: FakeAsterisk, run: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    secret.chmod(0o600)
    code, out, err = run("demo", "--host", "pbx", "--username", "admin", "--secret-file", str(secret))
    assert (code, err) == (0, "")
    in_order(["1. Log in to pbx as admin", *HEADINGS[1:]], out.splitlines())
    assert server.sessions == []

    monkeypatch.setenv("TXAMI_SECRET", "secret")
    code, out, _ = run("demo", "--host", "pbx", "--username", "admin", "--auth", "md5", "--channel", "PJSIP/bob")
    assert code == 0
    in_order(["4. A call to PJSIP/bob", "   outcome: answered"], out.splitlines())


def test_a_user_with_few_rights(server: FakeAsterisk, run: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TXAMI_SECRET", "secret")
    for name in ("Command", "Originate"):
        server.answer(name, "Response: Error\nActionID: {ActionID}\nMessage: Permission denied")
    code, out, err = run("demo", "--host", "pbx", "--username", "admin")
    assert (code, err) == (0, "")
    in_order(HEADINGS[1:], out.splitlines())
    assert out.count("Permission denied") == 2


@pytest.mark.parametrize("behaviour", ["busy", "no answer"])
def test_a_call_that_is_not_answered(
    server: FakeAsterisk, run: Cli, monkeypatch: pytest.MonkeyPatch, behaviour: str
) -> None:
    monkeypatch.setenv("TXAMI_SECRET", "secret")
    server.phones["PJSIP/bob"] = behaviour  # type: ignore[assignment]
    code, out, _ = run("demo", "--host", "pbx", "--username", "admin", "--channel", "PJSIP/bob")
    assert code == 0
    in_order([f"   outcome: {behaviour}", "Logged off."], out.splitlines())


# -- refusals ----------------------------------------------------------------------------------------------


def test_no_command(run: Cli) -> None:
    code, _, err = run()
    assert code == 2
    assert "usage: txami" in err


def test_version(run: Cli) -> None:
    assert run("--version") == (0, f"txami {txami.__version__}\n", "")


def test_a_host_needs_a_username(run: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TXAMI_SECRET", "secret")
    code, out, err = run("demo", "--host", "pbx")
    assert (code, out) == (2, "")
    assert re.fullmatch(r"txami: no username, which is a section of manager\.conf: .*\n", err)


def test_no_secret(run: Cli) -> None:
    code, out, err = run("demo", "--host", "pbx", "--username", "admin")
    assert (code, out) == (2, "")
    assert err == "txami: no secret: name a file with --secret-file, or set TXAMI_SECRET\n"


def test_a_secret_file_that_cannot_be_read(run: Cli, tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        code, out, err = run("demo", "--host", "pbx", "--username", "admin", "--secret-file", str(path))
        assert (code, out) == (2, "")
        assert re.fullmatch(rf"txami: .*{path}.*\n", err)


def test_the_secret_is_no_argument(run: Cli) -> None:
    code, _, err = run("demo", "--host", "pbx", "--username", "admin", "--secret", "hush")
    assert code == 2
    assert err == "txami: a secret is never given on the command line: use --secret-file, or set TXAMI_SECRET\n"


def test_unknown_arguments_are_named_without_their_values(run: Cli) -> None:
    code, _, err = run("demo", "--hsot=hush", "--password", "hush")
    assert (code, err) == (2, "txami: unknown arguments: --hsot --password\n")


def test_what_is_for_a_real_exchange_needs_one(run: Cli) -> None:
    code, _, err = run("demo", "--username", "admin")
    assert (code, err) == (
        2,
        "txami: --username and --secret-file are for a real exchange: name it with --host\n",
    )


@pytest.mark.parametrize("auth", ["plain", "md5"])
def test_login_refused(server: FakeAsterisk, run: Cli, monkeypatch: pytest.MonkeyPatch, auth: str) -> None:
    monkeypatch.setenv("TXAMI_SECRET", "hush-hush")
    code, out, err = run("demo", "--host", "pbx", "--username", "admin", "--auth", auth)
    assert code == 1
    assert re.fullmatch(r"txami: Asterisk refused to log in 'admin': Authentication failed.*\n", err)
    assert "hush-hush" not in out + err


@pytest.mark.parametrize(
    ("host", "complaint"),
    [
        ("pbx:5000", "txami: cannot connect to pbx:5000: .*"),
        ("pbx:99999", "txami: 'pbx:99999': a port is a number from 1 to 65535"),
        ("no such place", "txami: 'no such place' is no place to connect to .*"),
    ],
)
def test_nobody_there(run: Cli, monkeypatch: pytest.MonkeyPatch, host: str, complaint: str) -> None:
    monkeypatch.setenv("TXAMI_SECRET", "hush-hush")
    code, _, err = run("demo", "--host", host, "--username", "admin")
    assert code == 1
    assert re.fullmatch(complaint + "\n", err)


# -- as a process, over the loopback interface -------------------------------------------------------------


def environment(**variables: str) -> dict[str, str]:
    """Return this environment without what decides on colour, and with these variables."""
    return {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TXAMI_SECRET")} | variables


def on_a_terminal(**variables: str) -> tuple[int, str]:
    """Run the demonstration on a terminal; return its exit code and what the terminal shows."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(DEMO, cwd=HOME, env=environment(**variables), stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 65536):
                shown += data
        except OSError:
            pass  # the other end of a terminal that was closed
        finally:
            os.close(ours)
    return process.returncode, shown.decode()


def test_in_a_pipe() -> None:
    done = subprocess.run(DEMO, cwd=HOME, env=environment(), capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    in_order([*HEADINGS[:4], "   outcome: answered", HEADINGS[4]], done.stdout.splitlines())
    assert "\033" not in done.stdout


def test_colour() -> None:
    code, shown = on_a_terminal()
    assert code == 0
    assert "Logged off.\033[0m" in shown
    assert "\033[33m   * Hangup" in shown


def test_no_colour() -> None:
    code, shown = on_a_terminal(NO_COLOR="1")
    assert code == 0
    assert "Logged off." in shown
    assert "\033" not in shown


def test_a_process_that_fails() -> None:
    done = subprocess.run(
        [*DEMO, "--host", "127.0.0.1:1", "--username", "admin"],
        cwd=HOME,
        env=environment(TXAMI_SECRET="hush-hush"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert re.fullmatch(r"txami: cannot connect to 127\.0\.0\.1:1: .*\n", done.stderr)
    assert "hush-hush" not in done.stdout + done.stderr


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    out = io.StringIO()
    Printer(out).event(Event(b"Event: Hangup\r\nChannel: a\x1b[2Jb\nc"))
    assert out.getvalue().rstrip("\n").endswith("Channel=a?[2Jb?c")
