"""What all subcommands share: options on either side of the name, profiles, refusals, help, completion."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.commandline import SECRET, Shell
from txami import catalogue

NAMES = (
    "ping",
    "action",
    "command",
    "events",
    "originate",
    "top",
    "actions",
    "events-info",
    "demo",
    "completion",
)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    """Give a shell whose environment says nothing."""
    shell = Shell(monkeypatch, capsys, tmp_path)
    for name in ("HOST", "USERNAME", "SECRET"):
        monkeypatch.delenv(f"TXAMI_{name}")
    return shell


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Give a file with the secret."""
    path = tmp_path / "secret.txt"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def profiles(tmp_path: Path, secret: Path) -> Path:
    """Give a configuration with two profiles."""
    path = tmp_path / "servers.toml"
    head = 'username = "admin"\nsecret_file = "secret.txt"\n'
    path.write_text(f'[servers.office]\nhost = "office"\n{head}[servers.lab]\nhost = "lab:5999"\n{head}')
    return path


# -- where options stand -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "--host pbx --username admin --secret-file {} --json ping",
        "ping --host pbx --username admin --secret-file {} --json",
        "--username admin --json --host pbx ping --secret-file={}",
        "--host nowhere:1 --username nobody --secret-file {} ping --host pbx --username admin --json",
        "--host tcp:pbx --username admin --auth md5 --events off --timeout 5 --json ping --no-color --secret-file {}",
    ],
)
def test_options_before_and_behind_the_name(shell: Shell, secret: Path, line: str) -> None:
    assert json.loads(shell.printed(line.format(secret)))["count"] == 1


def test_the_environment(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("HOST", "nowhere:1"), ("USERNAME", "admin"), ("SECRET", SECRET)):
        monkeypatch.setenv(f"TXAMI_{name}", value)
    shell.printed("ping --host pbx")


def test_profiles(shell: Shell, profiles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.printed(f"--config {profiles} --profile office ping")
    shell.printed(f"ping --config {profiles} --profile lab --host pbx")
    assert "1. Log in to office as admin" in shell.printed(f"--config {profiles} --profile office demo")
    code, _, err = shell.type(f"--config {profiles} --profile lab ping")
    assert (code, err.count("\n")) == (1, 1)
    assert "cannot connect to lab:5999" in err
    monkeypatch.setenv("TXAMI_CONFIG", str(profiles))
    shell.printed("--profile office ping")


def test_the_environment_sends_no_profile_elsewhere(
    shell: Shell, profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("HOST", "nowhere:1"), ("USERNAME", "nobody"), ("SECRET", "theirs")):
        monkeypatch.setenv(f"TXAMI_{name}", value)
    shell.printed(f"--config {profiles} --profile office ping")
    assert "nowhere:1" in refused(shell, f"--config {profiles} --profile office --host nowhere:1 ping", code=1)


# -- refusals ----------------------------------------------------------------------------------------------


def refused(shell: Shell, line: str, code: int = 2) -> str:
    """Return the one line that a command line is refused with."""
    found, out, err = shell.type(line)
    assert (found, out) == (code, "")
    assert re.fullmatch(r"txami: [^\n]+\n", err)
    return err


def test_nothing_to_do(shell: Shell) -> None:
    code, out, err = shell.type("")
    assert (code, out) == (2, "")
    assert err.startswith("usage: txami")


@pytest.mark.parametrize(
    "line",
    [
        "--secret hush ping",
        "--secret=hush ping",
        "ping --secret hush",
        "--secretfile hush ping",
        "--password hush ping",
        "--password=hush ping",
        "ping --password hush",
        "--auth hush ping",
        "hush",
        "completion hush",
        'completion "hush\'"',
        "--json=hush ping",
        "--timeout hush ping",
        "ping --count hush",
    ],
)
def test_what_may_be_a_secret_is_not_repeated(shell: Shell, line: str) -> None:
    assert "hush" not in refused(shell, line)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("ping", "no host"),
        ("--host pbx ping", "no username"),
        ("--host pbx --username admin ping", "no secret"),
        ("--host pbx --username admin --secret-file /nowhere ping", "/nowhere cannot be read"),
        ("--config /nowhere.toml ping", "/nowhere.toml cannot be read"),
        ("--profile nowhere ping", "no profile 'nowhere'"),
        ("ping --count 0", "a number, at least 1"),
        ("ping --timeout 0", "more than 0"),
        ("ping --timeout nan", "more than 0"),
        ("ping --nonsense", "unknown arguments: --nonsense"),
        ("ping nonsense", "unknown arguments"),
        ("action", "required: NAME"),
        ("completion", "required: shell"),
        ("events --where nonsense", "NAME=VALUE"),
        ("top --nonsense", "unknown arguments"),
    ],
)
def test_misuse(shell: Shell, line: str, complaint: str) -> None:
    assert complaint in refused(shell, line)


@pytest.mark.parametrize("line", ["ping", "events", "command x", "action Ping", "originate a --application b", "top"])
def test_a_login_that_is_refused(shell: Shell, secret: Path, line: str) -> None:
    secret.write_text("hush-hush")
    err = refused(shell, f"--host pbx --username admin --secret-file {secret} {line}", code=1)
    assert "refused to log in 'admin'" in err
    assert "hush-hush" not in err


@pytest.mark.parametrize("place", ["nowhere:1", "pbx:99999", "no such place"])
@pytest.mark.parametrize("line", ["ping", "events"])
def test_nobody_there(shell: Shell, secret: Path, place: str, line: str) -> None:
    refused(shell, f"--host '{place}' --username admin --secret-file {secret} {line}", code=1)


def test_a_secret_that_everybody_can_read_is_warned_of(shell: Shell, secret: Path) -> None:
    secret.chmod(0o644)
    code, _, err = shell.type(f"--host pbx --username admin --secret-file {secret} ping")
    assert (code, err.count("\n")) == (0, 1)
    assert "everybody on this machine can read the secret" in err


# -- help and completion -----------------------------------------------------------------------------------


def test_help(shell: Shell) -> None:
    out = shell.printed("--help")
    assert all(re.search(rf"^    {name}\b", out, re.MULTILINE) for name in NAMES)
    assert "exit codes:" in out
    for name in NAMES:
        out = shell.printed(f"{name} --help")
        assert f"usage: txami {name}" in out
        assert f"{name}" in out[out.index("examples:\n  txami ") :]


def completed(tmp_path: Path, script: str, *words: str) -> list[str]:
    """Return what bash completes the last word to."""
    (tmp_path / "script").write_text(script)
    program = (
        'source "$0"; COMP_WORDS=(txami "$@"); COMP_CWORD=$#; _txami 2>/dev/null; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", program, str(tmp_path / "script"), *words], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_bash(shell: Shell, tmp_path: Path) -> None:
    script = shell.printed("completion bash")
    for words, expected in (
        (["pi"], ["ping"]),
        (["--sec"], ["--secret-file"]),
        (["ping", "--co"], ["--config", "--count"]),
        (["--profile", "action", "ev"], ["events", "events-info"]),
        (["--json", "action", "QueueA"], ["QueueAdd"]),
        (["action", "QueueAdd", "Inter"], ["Interface="]),
        (["actions", "Ori"], ["Originate"]),
        (["events-info", "Hangup"], [info.name for info in catalogue.events() if info.name.startswith("Hangup")]),
        (["events", "--name", "QueueMemberA"], ["QueueMemberAdded"]),
        (["ping", "--auth", ""], ["plain", "md5"]),
        (["completion", ""], ["bash", "zsh"]),
        (["ping", "--ca-file", ""], []),
    ):
        found = completed(tmp_path, script, *words)
        assert set(expected) <= set(found), words
        assert all(each.startswith(words[-1]) for each in found)
    first = completed(tmp_path, script, "")
    assert set(NAMES) <= set(first)
    assert {"--host", "--json"} <= {each for each in first if each not in NAMES}


def test_zsh(shell: Shell, tmp_path: Path) -> None:
    script = shell.printed("completion zsh")
    assert script.startswith("#compdef txami\n")
    bash = shell.printed("completion bash")
    # What finds the words is the same, and is tested there.
    assert script.split("\n_txami() {")[0].removeprefix("#compdef txami\n") == bash.split("\n_txami() {")[0]
    assert shell.json("completion zsh") == {"shell": "zsh", "script": script}


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
def test_zsh_itself(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "_txami").write_text(shell.printed("completion zsh"))
    typist = textwrap.dedent("""\
        zmodload zsh/zpty
        zpty shell zsh -f -i
        # Keys that are pressed before a line is read are for the terminal, to which some mean something else.
        zpty -w shell 'zle-line-init() { print awaiting keys >$TTY }; zle -N zle-line-init'
        zpty -w shell "PS1=; fpath=($1 \\$fpath); autoload -U compinit; compinit -D -u; print initial''ised"
        zpty -r shell line "*initialised*awaiting keys*"
        zpty -w -n shell $'txami ori\\tPJSIP/a --exte\\t\\x15txami --json action QueueAd\\tInterf\\t'
        zpty -r shell line "*Interf*ace=*" && print -r -- $line
        zpty -d shell
        """)
    done = subprocess.run(["zsh", "-f", "-c", typist, "-", str(tmp_path)], capture_output=True, text=True, timeout=120)
    shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]|[\a\b\r]", "", done.stdout)
    assert re.search(r"txami originate +PJSIP/a --exten ", shown)
    assert re.search(r"txami --json action QueueAdd +Interface=", shown)
