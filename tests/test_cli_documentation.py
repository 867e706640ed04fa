"""What the documentation of the command line shows to be typed, typed."""

from __future__ import annotations

import os
import re
import shlex
import textwrap
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.commandline import HOME, SECRET, Shell, in_order
from txami.cli import SUBCOMMANDS, build_parser

PAGE = HOME / "docs" / "cli.rst"


def typed() -> list[tuple[str, list[str]]]:
    """Return each line that is typed, and what is shown below it."""
    text = PAGE.read_text(encoding="utf-8")
    sessions: list[tuple[str, list[str]]] = []
    for block in re.findall(r"::\n\n((?:    .*\n|\n)+)", text):
        for line in textwrap.dedent(block).rstrip().splitlines():
            if line.startswith("$ "):
                sessions.append((line.removeprefix("$ "), []))
            elif sessions:
                sessions[-1][1].append(line)
    return sessions


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    """Give the shell of a reader who did what the page says."""
    shell = Shell(monkeypatch, capsys, tmp_path)
    for path in (tmp_path / ".ami-secret", tmp_path / ".config" / "office.secret"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(SECRET)
        path.chmod(0o600)
    profile = re.search(r"code-block:: toml\n\n((?:    .*\n|\n)+)", PAGE.read_text(encoding="utf-8"))
    assert profile is not None
    # The server in memory speaks no TLS.
    text = textwrap.dedent(profile.group(1)).replace("tls:pbx.example.com:5039", "pbx.example.com")
    (tmp_path / ".config" / "txami.toml").write_text(text)
    shell.server.add_channel("PJSIP/alice-0000002a", exten="200", state="Up", application="Dial", caller="200")
    shell.server.phones["PJSIP/busy"] = "busy"
    refusal = "Response: Error\nActionID: {ActionID}\nMessage: 'Interface' not specified."
    shell.server.answer("QueueAdd", refusal)
    return shell


def traffic(shell: Shell) -> None:
    """Have a call come, ring and go every second."""
    names = iter(range(10**6))

    def call() -> None:
        channel = shell.server.add_channel(f"PJSIP/{next(names)}")
        shell.server.set_state(channel, "Ringing")
        shell.server.hang_up(channel)

    shell.every_second(call)


def test_what_the_page_shows(shell: Shell) -> None:
    traffic(shell)
    code: object = None
    for line, shown in typed():
        if line == "echo $?":
            assert shown == [str(code)]
        elif line.startswith("txami "):
            code, out, err = shell.run(*map(os.path.expanduser, shlex.split(line)[1:]))
            in_order(shown, [*err.splitlines(), *out.splitlines()])


def test_the_page_shows_every_subcommand() -> None:
    lines = [line for line, _ in typed()]
    for name in subcommands(build_parser().format_help()):
        if name in ("record", "replay"):
            continue  # see the page on transcripts
        assert any(re.search(rf"^txami (-\S+ \S+ |--json )*{name}\b", line) for line in lines), name
    assert len(lines) > len(SUBCOMMANDS)


def subcommands(text: str) -> Iterable[str]:
    """Return the names that help shows."""
    return re.findall(r"^    ([a-z][a-z-]+)(?: |$)", text[text.index("subcommands:") : text.index("examples:")], re.M)
