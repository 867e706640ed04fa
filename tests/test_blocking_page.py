"""What the page about scripts tells a user to type, typed; and its example, run."""

from __future__ import annotations

import getpass
import runpy
import sys
import threading
from typing import Any

import pytest

import txami
import txami.blocking
from tests.test_blocking import Server, server, until
from tests.test_readme import HOME, blocks

__all__ = ["server"]


@pytest.fixture
def names(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let every host be the server; return what the names on the page stand for."""
    original = txami.blocking.BlockingAMI.__init__

    def init(self: txami.blocking.BlockingAMI, endpoint: str, *args: Any, **options: Any) -> None:
        original(self, server.place, *args, **options)

    monkeypatch.setattr(txami.blocking.BlockingAMI, "__init__", init)
    monkeypatch.setenv("TXAMI_SECRET", "secret")
    server.fake.answer("DBGet", "Response: Error\nActionID: {ActionID}\nMessage: Database entry not found")
    return {"txami": txami, "secret": "secret"}


def test_the_page(server: Server, names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    begin, run, many, simple, call, read, own, handle, client = blocks(HOME / "docs" / "blocking.rst")
    server.do(lambda: server.fake.add_channel("PJSIP/bob-00000001", state="Up"))
    exec(begin, names)
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["Pong", "['System uptime: 1 minute, 5 seconds']", "PJSIP/bob-00000001 Up"]

    with server.connect() as names["ami"]:
        exec(run, names)
        assert names["number"] is None
        exec(many, names)
        exec(simple, names)
        exec(call, names)
        exec(read, names)
        printed = capsys.readouterr().out.splitlines()
        assert printed[100:103] == ["not hung up", "answered", "Normal Clearing"]
        assert printed[103] == "FullyBooted"
        assert printed[-2:] == ["Hangup", "0 were dropped because nobody read them"]

        calls = threading.Timer(0.2, lambda: names["ami"].originate("PJSIP/carol", application="Wait", data="1"))
        calls.start()
        exec(own, names)
        calls.join()
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["Newchannel", "Hangup"]

        exec(handle.replace("    hung_up.cancel()", "").replace("hung_up.cancel()", ""), names)
        server.do(lambda: server.fake.hang_up(next(iter(server.fake.channels.values()))))
        until(lambda: "PJSIP/bob-00000001 Pong\n" in capsys.readouterr().out)
        names["hung_up"].cancel()

    exec(client, names)
    # Two threads print here, so that lines may be mixed; and the other may be too late to see the second version.
    text = capsys.readouterr().out
    assert (text.count("up"), text.count("down:"), text.count("True")) == (2, 2, 1)
    assert "(11, 0, 0)" in text


def test_the_example(
    server: Server, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(HOME / "examples" / "blocking_script.py")
    server.do(lambda: server.fake.add_channel("PJSIP/bob-00000001", state="Up"))
    monkeypatch.delenv("TXAMI_SECRET")
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "secret")
    monkeypatch.setattr(sys, "argv", [path, "pbx.example.com", "admin", "0.1"])
    runpy.run_path(path, run_name="__main__")
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "Connected to Asterisk Call Manager/11.0.0"
    assert printed[1].startswith("1000 of 1000 pings answered in ")
    assert printed[2:] == ["  PJSIP/bob-00000001  Up  00:00:00", "* FullyBooted "]
    server.fake.users.clear()
    with pytest.raises(SystemExit, match="refused to log in"):
        runpy.run_path(path, run_name="__main__")
