"""What the page for users of StarPy tells them to type, typed; and the example, as its user runs it."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Literal

import pytest
import twisted.internet

from tests.memory import MemoryNetwork
from tests.test_readme import HOME, Reader, blocks, reader
from txami.message import Message
from txami.testing import FakeAsterisk, FakeSession

__all__ = ["reader"]

PAGE = HOME / "docs" / "from_starpy.rst"
EXAMPLE = HOME / "examples" / "starpy_style.py"


@pytest.fixture
def user(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Give someone who types to a test, with a server that has a channel."""
    monkeypatch.setattr(twisted.internet, "reactor", reader.network, raising=False)
    reader.network.listenTCP(5039, reader.server)
    teach(reader.server)
    reader.server.add_channel("PJSIP/bob-00000001", state="Up")
    return reader


def teach(server: FakeAsterisk) -> None:
    """Let a server do what the page and the example ask for."""
    variables: dict[str, str] = {}

    def status(session: FakeSession, action: Message) -> None:
        channels = [channel.snapshot() for channel in server.channels.values()]
        session.respond_with_list(action, "Status", channels, "StatusComplete")

    def set_variable(session: FakeSession, action: Message) -> None:
        variables[action["Variable"]] = action["Value"]
        session.respond(action, "Success", {"Message": "Variable Set"})

    def get_variable(session: FakeSession, action: Message) -> None:
        name = action["Variable"]
        session.respond(action, "Success", {"Variable": name, "Value": variables[name]})

    server.answer("Status", status)
    server.answer("Setvar", set_variable)
    server.answer("Getvar", get_variable)
    server.answer("Redirect", "Response: Success\nActionID: {ActionID}\nMessage: Redirect successful")


def nothing(server: FakeAsterisk) -> None:
    """Let nothing happen."""


def a_call_ends(server: FakeAsterisk) -> None:
    server.hang_up(server.add_channel("PJSIP/carol-00000003"))


def the_connection_is_lost(server: FakeAsterisk) -> None:
    for session in list(server.sessions):
        session.transport.loseConnection()  # type: ignore[union-attr]
    server.clock.callLater(5, a_call_ends, server)


#: For each job of the page: what happens once its block has run, and what either style prints.
JOBS = [
    (nothing, ["logged in"]),
    (a_call_ends, ["PJSIP/carol-00000003 Normal Clearing"]),
    (nothing, ["answered"]),
    (nothing, ["PJSIP/bob-00000001"]),
    (nothing, ["System uptime: 1 minute, 5 seconds"]),
    (nothing, ["red"]),
    (nothing, ["redirected"]),
    (nothing, ["No such channel"]),
    (the_connection_is_lost, ["back", "lost", "back", "PJSIP/carol-00000003"]),
    (nothing, ["Goodbye"]),
]


def test_no_job_is_left_out() -> None:
    assert len(blocks(PAGE)) == 2 + 2 * len(JOBS)


@pytest.mark.parametrize("style", [0, 1], ids=["starpy", "txami"])
@pytest.mark.parametrize("job", range(len(JOBS)))
def test_both_styles_do_the_same(
    user: Reader, capsys: pytest.CaptureFixture[str], job: int, style: Literal[0, 1]
) -> None:
    importing, _, *pairs = blocks(PAGE)
    user.type(importing)
    connecting, block = pairs[style], pairs[2 * job + style]
    happens, expected = JOBS[job]
    if job:
        user.type(connecting)
        user.network.pass_time(1)
        capsys.readouterr()
    # TLS itself is for a real server.
    user.type(block.replace("tls:", "tcp:"))
    user.network.pass_time(1)
    happens(user.server)
    user.network.pass_time(10)
    assert capsys.readouterr().out.splitlines() == expected


@pytest.mark.parametrize("style", [0, 1], ids=["starpy", "txami"])
def test_both_styles_say_why_the_login_failed(
    user: Reader, capsys: pytest.CaptureFixture[str], style: Literal[0, 1]
) -> None:
    importing, _, *pairs = blocks(PAGE)
    user.type(importing)
    user.names["secret"] = "wrong"
    user.type(pairs[style])
    user.network.pass_time(1)
    assert "Authentication failed" in capsys.readouterr().out


def test_both_at_once(user: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    importing, both, *_ = blocks(PAGE)
    user.type(importing)
    user.type(both)
    user.network.pass_time(1)
    a_call_ends(user.server)
    user.network.pass_time(1)
    assert capsys.readouterr().out.splitlines() == [
        "StarPy: PJSIP/carol-00000003",
        "txami: PJSIP/carol-00000003",
    ]


def test_the_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    network = MemoryNetwork()
    server = network.fake()
    server.talk_time = 3000
    teach(server)
    monkeypatch.setattr(twisted.internet, "reactor", network, raising=False)
    monkeypatch.setenv("TXAMI_SECRET", "secret")
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), "pbx", "5038", "admin"])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    network.pass_time(5)
    assert capsys.readouterr().out.splitlines()[-1] == "cut the connection now"
    server.sessions[0].transport.loseConnection()  # type: ignore[union-attr]
    network.pass_time(5)
    assert capsys.readouterr().out.splitlines() == ["back again", "StillHere - the handlers are, too", "Goodbye"]
    assert (server.sessions, network.hasStopped) == ([], True)


@pytest.mark.parametrize(
    ("port", "secret", "said"),
    [
        ("5038", "not the right one", "failed: Asterisk says: Authentication failed"),
        ("1", "secret", "failed: Connection was refused by other side."),
    ],
)
def test_the_example_says_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], port: str, secret: str, said: str
) -> None:
    network = MemoryNetwork()
    network.fake()
    monkeypatch.setattr(twisted.internet, "reactor", network, raising=False)
    monkeypatch.setenv("TXAMI_SECRET", secret)
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), "pbx", port, "admin"])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    network.pass_time(5)
    assert capsys.readouterr().out.splitlines() == [said]
    assert network.hasStopped


def test_the_example_needs_to_know_where_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE)])
    monkeypatch.setattr(twisted.internet, "reactor", MemoryNetwork(), raising=False)
    with pytest.raises(SystemExit, match=r"starpy_style.py HOST PORT USERNAME"):
        runpy.run_path(str(EXAMPLE), run_name="__main__")
