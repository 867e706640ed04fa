"""What the page for users of panoramisk tells them to type, typed; also on asyncio's loop."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import txami.blocking
from tests.agi import FakeAGI
from tests.test_readme import HOME, Reader, blocks, reader
from txami.testing import FakeAsterisk, serving

__all__ = ["reader"]

PAGE = HOME / "docs" / "from_panoramisk.rst"


def nothing(server: FakeAsterisk) -> None:
    """Let nothing happen."""


def a_call_ends(server: FakeAsterisk) -> None:
    server.hang_up(server.add_channel("PJSIP/carol-00000003"))


def the_connection_is_lost(server: FakeAsterisk) -> None:
    for session in list(server.sessions):
        session.transport.loseConnection()  # type: ignore[union-attr]


def a_call_enters(server: FakeAsterisk) -> None:
    FakeAGI(server).call()


#: For each job of the page: what happens once its block has run, and what it prints.
JOBS: list[tuple[Callable[[FakeAsterisk], None], list[str]]] = [
    (nothing, ["(11, 0, 0)"]),
    (nothing, ["No such channel"]),
    (nothing, ["PJSIP/bob-00000001"]),
    (nothing, ["['System uptime: 1 minute, 5 seconds']"]),
    (a_call_ends, ["PJSIP/carol-00000003 Normal Clearing"]),
    (nothing, ["answered"]),
    (nothing, ["Newchannel", "...", "Hangup"]),
    (a_call_enters, ["PJSIP/alice-00000001"]),
    (the_connection_is_lost, ["connected", "events are missed from now on", "connected"]),
    (nothing, ["Goodbye"]),
]


def test_no_job_is_left_out() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("\n~~~~") == text.count(".. code-block:: python3\n") == len(JOBS)
    assert len(blocks(PAGE)) == len(JOBS) + 1


@pytest.mark.parametrize("job", range(len(JOBS)))
def test_a_job(reader: Reader, capsys: pytest.CaptureFixture[str], job: int) -> None:
    happens, expected = JOBS[job]
    reader.network.listenTCP(5039, reader.server)
    reader.server.add_channel("PJSIP/bob-00000001", state="Up")
    connecting, *others = blocks(PAGE)
    if job:
        reader.type(connecting)
        capsys.readouterr()
        # TLS itself is for a real server.
        reader.type(others[job - 1].replace("tls:", "tcp:"))
    else:
        reader.type(connecting)
    happens(reader.server)
    reader.network.pass_time(10)
    printed = capsys.readouterr().out.splitlines()
    if "..." in expected:
        printed[1:-1] = ["..."]
    assert printed == expected


def test_on_the_loop_of_asyncio(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(blocks(PAGE)[-1], encoding="utf-8")
    with serving() as place:
        done = subprocess.run(
            [sys.executable, str(program), place.address],
            env={**os.environ, "PYTHONPATH": str(HOME), "TXAMI_SECRET": "secret"},
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "Pong\n", "")


def test_in_a_thread_of_asyncio() -> None:
    async def ping() -> str:
        response = await asyncio.to_thread(ami.action, "Ping")
        return response["Ping"]

    with serving() as place, txami.blocking.connect(place.address, "admin", "secret") as ami:
        assert asyncio.run(ping()) == "Pong"
