"""The client for scripts and threads, on real servers.  Plain tests: those of trial run in the reactor's thread."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import txami
import txami.blocking
from tests.asterisk import lab
from tests.asterisk.support import EXTERNAL, REQUIRED
from tests.test_blocking import PATIENCE, until
from txami import Event

HOME = Path(__file__).parents[2]


@pytest.fixture(params=["22", "16"])
def server(request: pytest.FixtureRequest) -> lab.Server:
    """Return each server."""
    reason = "these tests need the lab's servers" if EXTERNAL else lab.available()
    if reason is not None:
        if REQUIRED and not EXTERNAL:
            pytest.fail(f"TXAMI_REQUIRE_ASTERISK is set, but: {reason}")
        pytest.skip(reason)
    return lab.server(request.param)


def connect(server: lab.Server, tls: bool = False, **options: Any) -> txami.blocking.BlockingAMI:
    place = f"{server.host}:{server.port}"
    if tls:
        place = f"tls:localhost:{server.tls_port}"
        options["ca_file"] = str(server.ca_file)
    return txami.blocking.connect(place, "admin", server.users["admin"], **options)


@pytest.fixture
def ami(server: lab.Server) -> Iterator[txami.blocking.BlockingAMI]:
    with connect(server) as ami:
        yield ami


def test_what_a_script_does(ami: txami.blocking.BlockingAMI, server: lab.Server) -> None:
    assert ami.ami_version == {"22": (11, 0, 0), "16": (5, 0, 4)}[server.version]
    assert ami.action("Ping")["Ping"] == "Pong"
    assert ami.connected()
    assert ami.command("core show uptime").output[0].startswith("System uptime:")
    assert not ami.simple("Hangup", Channel="PJSIP/nobody-1")
    ami.db_put("txami-blocking", "key", "value")
    assert ami.db_get("txami-blocking", "key", timeout=PATIENCE) == "value"
    assert ami.run(lambda ami: ami.db_tree("txami-blocking")) == {"key": "value"}
    assert ami.db_delete_tree("txami-blocking")
    assert set(ami.queues(timeout=PATIENCE)) == {"support", "sales"}
    assert ami.action("CoreShowChannels").complete
    assert "Ping" in ami.commands(timeout=PATIENCE)


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("reconnect", [False, True], ids=["once", "reconnect"])
def test_eight_threads_with_a_thousand_actions_each(server: lab.Server, tls: bool, reconnect: bool) -> None:
    numbers = range(500)

    def write(thread: int) -> bool:
        handles = [
            client.send_action(
                "Setvar", Variable=f"TXAMI_{thread}_{number}", Value=f"{thread} and {number}", timeout=120
            )
            for number in numbers
        ]
        return all(map(client.check_response, handles))

    def read(thread: int) -> int:
        handles = {
            number: client.send_action("Getvar", Variable=f"TXAMI_{thread}_{number}", timeout=120) for number in numbers
        }
        # Out of order, so that nobody gets the next one by chance.
        found = [(number, client.get_response(handles[number])["Value"]) for number in reversed(numbers)]
        return sum(value == f"{thread} and {number}" for number, value in found)

    # Without pings, which would have to queue up behind all of that.
    options: dict[str, Any] = {"reconnect": reconnect, "events": "off", "ping_interval": None}
    with connect(server, tls, **options) as client, ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write, range(8)))
        assert list(pool.map(read, range(8))) == [500] * 8
        assert client.action("Ping")["Ping"] == "Pong"


def test_a_call_and_its_events(ami: txami.blocking.BlockingAMI) -> None:
    hung_up: list[tuple[str, str]] = []
    done = threading.Event()

    @ami.on("Hangup")
    def hangup(event: Event) -> None:
        hung_up.append((event["Uniqueid"], ami.action("Ping")["Ping"]))
        if event["Uniqueid"] == call.uniqueid:
            done.set()

    with ami.events("Newchannel", timeout=PATIENCE) as begun:
        call = ami.originate("Local/100@default/n", application="Wait", data="60", variables={"campaign": "7"})
        outcome = call.outcome()
        assert outcome.answered
        assert next(event for event in begun if event["Uniqueid"] == call.uniqueid)["Channel"] == outcome.channel
    assert ami.get_variable("campaign", outcome.channel) == "7"
    call.hangup()
    assert call.ended(timeout=PATIENCE).name == "Hangup"
    assert done.wait(PATIENCE)
    assert (call.uniqueid, "Pong") in hung_up
    names = set()
    while "Hangup" not in names:
        names.add(ami.get_event(PATIENCE).name)
    assert {"FullyBooted", "Newchannel", "OriginateResponse"} <= names


def test_events_over_tls(server: lab.Server) -> None:
    with connect(server, tls=True) as ami, ami.events("UserEvent", timeout=PATIENCE) as events:
        for number in range(200):
            ami.send_action("UserEvent", UserEvent="Blocking", Number=number)
        assert [next(events)["Number"] for _ in range(200)] == [str(number) for number in range(200)]


def test_a_wrong_secret(server: lab.Server) -> None:
    threads = threading.active_count()
    with pytest.raises(txami.LoginFailed):
        txami.blocking.connect(f"{server.host}:{server.port}", "admin", "wrong")
    until(lambda: threading.active_count() <= threads)


def test_a_crash_and_a_connection_that_comes_back(server: lab.Server) -> None:
    with lab.spare(server.version) as spare, connect(spare, reconnect=True) as again, connect(spare) as once:
        seen: list[Event] = []
        again.on("UserEvent", seen.append)
        # Synchronous, so that no reply comes before the crash, whatever else happens on the server.
        waiting = once.send_action(
            "Originate", Channel="Local/103@default/n", Application="Wait", Timeout=60_000, timeout=60
        )
        # Else it might be sent too late for this connection.
        assert once.run(pending) == 1
        spare.kill()
        with pytest.raises(txami.ConnectionLost):
            once.get_response(waiting)
        with pytest.raises(txami.NotConnected):
            once.action("Ping")
        spare.start()
        assert once.connect().action("Ping")["Ping"] == "Pong"
        assert again.action("Ping", timeout=60)["Ping"] == "Pong"
        once.user_event("After")
        until(lambda: seen)
        assert seen[0]["UserEvent"] == "After"


async def pending(ami: Any) -> int:
    return int(ami.pending)


PROGRAM = """
import os, sys, threading
import txami.blocking
place, tls, ca_file = sys.argv[1:]
secret = os.environ["TXAMI_SECRET"]
ami = txami.blocking.connect(place, "admin", secret)
child = os.fork()
if child == 0:
    try:
        ami.action("Ping")
    except txami.NotConnected:
        ami.connect()
    print(ami.action("Ping")["Ping"], flush=True)
    sys.exit()
print(os.waitpid(child, 0)[1], ami.action("Ping")["Ping"], flush=True)
with txami.blocking.connect(tls, "admin", secret, ca_file=ca_file) as other:
    print(len(other.action("CoreShowChannels").events) >= 0, len(other.command("core show help").output) > 300)
"""


def test_a_script_that_forks_and_forgets(server: lab.Server) -> None:
    places = [f"{server.host}:{server.port}", f"tls:localhost:{server.tls_port}", str(server.ca_file)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM, *places],
        cwd=HOME,
        env={**os.environ, "PYTHONPATH": str(HOME), "TXAMI_SECRET": server.users["admin"]},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["Pong", "0 Pong", "True True"]
