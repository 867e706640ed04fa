"""What the page about scripts tells a user to type, typed; and its example, run."""

from __future__ import annotations

import getpass
import re
import runpy
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import txami
import txami.blocking
from tests.test_blocking import Server, server, until
from tests.test_readme import HOME, blocks

__all__ = ["server"]


class Printed(list[str]):
    """The lines that any thread prints: ``capsys`` loses what another prints just while it is read."""

    def __call__(self, *what: object) -> None:
        self.extend(" ".join(map(str, what)).splitlines())

    def take(self) -> list[str]:
        """Return those that were not taken yet."""
        return [self.pop(0) for _ in range(len(self))]


@pytest.fixture
def names(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let every host be the server; return what the names on the page stand for, with a ``print`` that gathers."""
    original = txami.blocking.BlockingAMI.__init__

    def init(self: txami.blocking.BlockingAMI, endpoint: str, *args: Any, **options: Any) -> None:
        original(self, server.place, *args, **options)

    monkeypatch.setattr(txami.blocking.BlockingAMI, "__init__", init)
    monkeypatch.setenv("TXAMI_SECRET", "secret")
    server.fake.answer("DBGet", "Response: Error\nActionID: {ActionID}\nMessage: Database entry not found")
    return {"txami": txami, "secret": "secret", "print": Printed()}


def test_the_page(server: Server, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    printed = names["print"]
    begin, run, many, simple, call, read, own, handle, client = blocks(HOME / "docs" / "blocking.rst")
    server.do(lambda: server.fake.add_channel("PJSIP/bob-00000001", state="Up"))
    exec(begin, names)
    assert printed.take() == ["Pong", "['System uptime: 1 minute, 5 seconds']", "PJSIP/bob-00000001 Up"]

    with server.connect() as names["ami"]:
        exec(run, names)
        assert names["number"] is None
        exec(many, names)
        exec(simple, names)
        exec(call, names)
        exec(read, names)
        lines = printed.take()
        assert lines[100:103] == ["not hung up", "answered", "Normal Clearing"]
        assert lines[103] == "FullyBooted"
        assert lines[-2:] == ["Hangup", "0 were dropped because nobody read them"]

        with ThreadPoolExecutor(1) as pool, monkeypatch.context() as patched:
            events, originate = names["ami"].events, names["ami"].originate

            def and_then_a_call(*arguments: Any, **options: Any) -> Any:
                found = events(*arguments, **options)
                calls.append(pool.submit(originate, "PJSIP/carol", application="Wait", data="1"))
                return found

            calls: list[Any] = []
            patched.setattr(names["ami"], "events", and_then_a_call)
            exec(own, names)
            assert calls[0].result()
        assert [line.split()[0] for line in printed.take()] == ["Newchannel", "Hangup"]

        exec(handle.replace("    hung_up.cancel()", "").replace("hung_up.cancel()", ""), names)
        server.do(lambda: server.fake.hang_up(next(iter(server.fake.channels.values()))))
        until(lambda: "PJSIP/bob-00000001 Pong" in printed)
        names["hung_up"].cancel()

    printed.take()
    connected = txami.blocking.BlockingAMI.connected

    def connected_once_told(self: txami.blocking.BlockingAMI, timeout: float) -> bool:
        # The handlers' thread may be so late that it finds the client disconnected, and without a version.
        until(lambda: printed)
        return connected(self, timeout)

    monkeypatch.setattr(txami.blocking.BlockingAMI, "connected", connected_once_told)
    exec(client, names)
    assert printed[:2] == ["up (11, 0, 0)", "True"]
    assert sorted(line.split()[0] for line in printed) == ["True", "down:", "down:", "up", "up"]


def test_the_example(
    server: Server, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(HOME / "examples" / "blocking_script.py")
    server.do(lambda: server.fake.add_channel("PJSIP/bob-00000001", state="Up"))
    monkeypatch.delenv("TXAMI_SECRET")
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "secret")
    monkeypatch.setattr(sys, "argv", [path, "pbx.example.com", "admin", "60"])
    get_event = txami.blocking.BlockingAMI.get_event
    # It watches for a minute, in which nothing happens.
    monkeypatch.setattr(txami.blocking.BlockingAMI, "get_event", lambda self, timeout: get_event(self, 0))
    runpy.run_path(path, run_name="__main__")
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "Connected to Asterisk Call Manager/11.0.0"
    assert printed[1].startswith("1000 of 1000 pings answered in ")
    assert re.fullmatch(r"  PJSIP/bob-00000001  Up  \d\d:\d\d:\d\d", printed[2])
    assert printed[3:] == ["* FullyBooted "]
    server.fake.users.clear()
    with pytest.raises(SystemExit, match="refused to log in"):
        runpy.run_path(path, run_name="__main__")
