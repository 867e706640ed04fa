"""``txami record`` and ``txami replay``, in memory."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.commandline import SECRET, Shell
from txami import connect
from txami.transcript import Entry, read


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    """Give a shell."""
    return Shell(monkeypatch, capsys, tmp_path)


def test_record_for_a_while(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "session.ami"
    shell.network.callLater(2, shell.server.add_channel, "PJSIP/alice-1")
    shell.network.callLater(20, shell.server.add_channel, "PJSIP/alice-2")
    out = shell.printed(f"record {file} --duration 5 --action CoreShowChannels")
    assert out == f"{file}: 6 messages, 2 events\n"
    text = file.read_text()
    assert SECRET not in text
    assert [text.count(f"PJSIP/alice-{number}\n") for number in (1, 2)] == [1, 0]
    assert text.endswith("-- closed\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read(file)[-1].time >= 5


def test_record_so_many(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "session.ami"
    for number in range(10):
        shell.network.callLater(number + 1, shell.server.add_channel, f"PJSIP/alice-{number}")
    assert shell.json(f"record {file} --count 4")["events"] == 4
    assert shell.network.seconds() < 5


def test_record_what_cannot_be(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "session.ami"
    file.touch()
    code, _, err = shell.type(f"record {file} --duration 1")
    assert (code, "there already" in err) == (2, True)
    code, _, err = shell.type(f"record {tmp_path}/none/x --duration 1")
    assert (code, "No such file" in err) == (1, True)
    # A login that is refused leaves no file.
    file.unlink()
    shell.server.users["admin"] = "another"
    assert shell.type(f"record {file} --duration 1")[0] == 1
    assert not file.exists()


def test_a_connection_that_is_lost_before_all_came_fails(shell: Shell, tmp_path: Path) -> None:
    shell.network.callLater(3, shell.lose_connections)
    code, _, err = shell.type(f"record {tmp_path}/session.ami --count 100")
    assert (code, err) == (1, "txami: 1 of 100 events came\n")


def test_a_connection_that_is_lost_before_the_time_is_over_fails(shell: Shell, tmp_path: Path) -> None:
    shell.network.callLater(3, shell.lose_connections)
    code, _, err = shell.type(f"record {tmp_path}/session.ami --duration 100")
    assert (code, err) == (1, "txami: the connection was lost before the end\n")


def test_what_ends_before_the_connection_leaves_no_file(shell: Shell, tmp_path: Path) -> None:
    code, _, err = shell.type(f"record {tmp_path}/session.ami --ca-file {tmp_path}/none --host tls:lab:5039")
    assert (code, "No such file" in err) == (1, True)
    assert not (tmp_path / "session.ami").exists()


def test_replay(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "session.ami"
    shell.network.callLater(2, shell.server.add_channel, "PJSIP/alice-1")
    shell.printed(f"record {file} --duration 5")
    for speed, expected in (("original", 2.0), ("full", 0.0), ("2.0", 1.0)):
        entries: list[Entry] = []
        came = shell.network.seconds() + 1
        shell.network.callLater(1, lambda entries=entries: Deferred.fromCoroutine(look_on(shell, entries)))
        assert "127.0.0.1:7777, to any user" in shell.printed(f"replay {file} --port 7777 --speed {speed} --once")
        (seen,) = [entry.time for entry in entries if b"PJSIP/alice-1" in entry.data]
        assert seen - came == pytest.approx(expected, abs=0.01)


async def look_on(shell: Shell, entries: list[Entry]) -> None:
    """Be a client for three seconds."""
    ami = await connect(shell.network, "pbx:7777", "anybody", "any secret", transcript=entries.append)
    await deferLater(shell.network, 3)
    await ami.logoff()


def test_replay_what_cannot_be(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "session.ami"
    assert shell.type(f"replay {file}")[0] == 1
    file.write_text("hello\n")
    code, _, err = shell.type(f"replay {file}")
    assert (code, "line 1 is no line of a transcript" in err) == (1, True)
    for wrong in ("--port x", "--port 70000", "--speed 0", "--speed slow"):
        assert shell.type(f"replay {file} {wrong}")[0] == 2
