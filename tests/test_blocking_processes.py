"""The client for scripts, as scripts: what only shows in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import trustme
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.protocols.tls import TLSMemoryBIOFactory

from tests.test_blocking import PATIENCE, Server, logged, server, until
from tests.test_endpoint import Identity
from txami import Message
from txami.testing import FakeSession

__all__ = ["logged", "server"]

HOME = Path(__file__).parents[1]
BEGIN = """
import os, signal, sys, threading, time
import txami.blocking
place, *rest = sys.argv[1:]

def until(true):
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.005)

def threads_left():
    until(lambda: threading.active_count() == 1)
    return threading.active_count()

def say_when_main_waits(what):
    # Ctrl-C is for one who waits, and not for one who is about to.
    def waits():
        frame = sys._current_frames()[threading.main_thread().ident]
        return frame.f_code is threading.Condition.wait.__code__

    def watch():
        until(waits)
        print(what, flush=True)

    threading.Thread(target=watch, daemon=True).start()

def global_reactor_was_used():
    # Twisted's HostnameEndpoint and LoopingCall install it, but it must neither run nor have anything to do.
    reactor = sys.modules.get("twisted.internet.reactor")
    return reactor is not None and bool(reactor._startedBefore or reactor.running or reactor.getDelayedCalls())
"""


class Script:
    """
    A program that runs.

    :param program: begins with ``place``, where the server is.
    """

    def __init__(self, program: str, *arguments: str) -> None:
        # A fork in a process with threads is what some of them are about; Python 3.12 warns of it.
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", BEGIN + textwrap.dedent(program)]
        self.process = subprocess.Popen(
            [*command, *arguments],
            cwd=HOME,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(HOME)},
        )

    def line(self) -> str:
        """Return the next line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self, code: int = 0) -> tuple[str, str]:
        """Return what it prints, and expect it to end soon."""
        out, err = self.process.communicate(timeout=2 * PATIENCE)
        assert self.process.returncode == code, err
        return out, err


def sessions(server: Server) -> int:
    return len(server.fake.sessions)


def test_a_plain_script_that_leaves_the_global_reactor_alone(server: Server) -> None:
    script = Script(
        """
        with txami.blocking.connect(place, "admin", "secret") as ami:
            print(ami.action("Ping")["Ping"], ami.run(lambda ami: ami.ping()) < 60)
        print(global_reactor_was_used(), threads_left())
        """,
        server.place,
    )
    assert script.end() == ("Pong True\nFalse 1\n", "")


@pytest.fixture
def tls(server: Server, tmp_path: Path) -> tuple[str, str]:
    """Serve over TLS as well; return the place and the file with the authority."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    identity = Identity(issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes())
    reactor = server.thread.reactor
    factory = TLSMemoryBIOFactory(identity, False, server.fake, clock=reactor)
    endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    port = server.thread.submit(lambda: endpoint.listen(factory)).wait(PATIENCE)
    return f"tls:127.0.0.1:{port.getHost().port}", str(tmp_path / "ca.pem")


def test_tls_leaves_the_global_reactor_alone(tls: tuple[str, str]) -> None:
    script = Script(
        """
        with txami.blocking.connect(place, "admin", "secret", ca_file=rest[0]) as ami:
            print(len([ami.action("Ping") for _ in range(100)]))
        print(global_reactor_was_used(), threads_left())
        """,
        *tls,
    )
    assert script.end() == ("100\nFalse 1\n", "")


def test_importing_txami_does_not_import_this() -> None:
    out, _ = Script("", "").end()
    assert out == ""
    code = "import sys, txami; print('txami.blocking' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], cwd=HOME, capture_output=True, text=True, check=True)
    assert printed.stdout == "False\n"


def test_a_forgotten_client_logs_off_at_exit(server: Server) -> None:
    logoffs: list[object] = []
    answer = server.fake.answers["logoff"]

    def log_off(session: FakeSession, action: Message) -> None:
        logoffs.append(action)
        answer(session, action)

    server.fake.answers["logoff"] = log_off
    script = Script(
        """
        # Two seconds for all of it, by default; see the next test.
        txami.blocking.session.EXIT = 60
        one = txami.blocking.connect(place, "admin", "secret")
        other = txami.blocking.connect(place, "admin", "secret", reconnect=True)
        one.on("Test", lambda event: time.sleep(60))
        print("up", flush=True)
        """,
        server.place,
    )
    script.end()
    assert len(logoffs) == 2
    until(lambda: sessions(server) == 0)


def test_a_server_that_says_no_goodbye_does_not_hold_up_the_exit(server: Server) -> None:
    server.fake.never_answer("Logoff")
    script = Script(
        """
        ami = [txami.blocking.connect(place, "admin", "secret") for _ in range(3)]
        for each in ami:
            # By the connection's own clock, on which it would be cut after some seconds, no time passes any more.
            each._session.thread.reactor.seconds = float
        print("up", flush=True)
        """,
        server.place,
    )
    assert script.line() == "up"
    script.end()


def test_the_look_up_of_a_name_that_hangs_does_not_hold_up_the_exit(server: Server) -> None:
    script = Script(
        """
        import socket
        from twisted.internet import _resolver
        _resolver.GAIResolver.__init__.__defaults__ = (None, lambda *args: time.sleep(600))
        try:
            txami.blocking.connect("pbx.example.com", "admin", "secret", timeout=0.2)
        except txami.NotConnected as error:
            print(error, flush=True)
        """,
        server.place,
    )
    assert script.line() == "no connection to pbx.example.com within 0.2 s"
    script.end()


def test_ctrl_c_ends_the_wait_and_closes_the_connection(server: Server) -> None:
    server.fake.never_answer("QueueStatus")
    script = Script(
        """
        with txami.blocking.connect(place, "admin", "secret") as ami:
            try:
                say_when_main_waits("waiting")
                ami.action("QueueStatus", timeout=None)
            except KeyboardInterrupt:
                print("interrupted", ami.run(lambda ami: ami.ping()) < 60, flush=True)
                async def pending(ami):
                    return ami.pending
                print(ami.run(pending), flush=True)
                ami.get_event()
                say_when_main_waits("waiting for an event")
                ami.get_event()
        """,
        server.place,
    )
    assert script.line() == "waiting"
    script.process.send_signal(signal.SIGINT)
    assert script.line() == "interrupted True"
    assert script.line() == "0"
    assert script.line() == "waiting for an event"
    script.process.send_signal(signal.SIGINT)
    _, err = script.end(-signal.SIGINT)
    assert err.rstrip().endswith("KeyboardInterrupt")
    until(lambda: sessions(server) == 0)


def test_ctrl_c_while_connecting(server: Server) -> None:
    server.fake.banner = None
    script = Script(
        """
        say_when_main_waits("connecting")
        try:
            txami.blocking.connect(place, "admin", "secret")
        except KeyboardInterrupt:
            print("interrupted", threads_left())
        """,
        server.place,
    )
    assert script.line() == "connecting"
    until(lambda: sessions(server) == 1)
    script.process.send_signal(signal.SIGINT)
    assert script.end()[0] == "interrupted 1\n"


def test_no_handler_of_a_signal_is_changed_nor_the_log(server: Server) -> None:
    script = Script(
        """
        from twisted.logger import globalLogPublisher
        from twisted.python import threadable
        before = [signal.getsignal(each) for each in signal.valid_signals()], list(globalLogPublisher._observers)
        with txami.blocking.connect(place, "admin", "secret") as ami:
            ami.action("Ping")
            after = [signal.getsignal(each) for each in signal.valid_signals()], list(globalLogPublisher._observers)
            print(before == after, threadable.ioThread)
        """,
        server.place,
    )
    assert script.end()[0] == "True None\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")
def test_a_fork(server: Server) -> None:
    script = Script(
        """
        ami = txami.blocking.connect(place, "admin", "secret")
        seen = []
        ami.on("Test", lambda event: seen.append(event["From"]))
        child = os.fork()
        if child == 0:
            ours = {os.readlink(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd")
                    if os.path.exists(f"/proc/self/fd/{each}")}
            print([each for each in ours if "socket" in each])
            for call in (lambda: ami.action("Ping"), ami.get_event, lambda: ami.events("Test")):
                try:
                    call()
                except txami.NotConnected as error:
                    print(str(os.getppid()) in str(error))
            print(ami.connected(), ami)
            with ami.connect():
                ami.user_event("Hello")
                print(ami.action("Ping")["Ping"], ami.get_event(60).name)
            sys.exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        print(ami.action("Ping")["Ping"], ami.connected())
        ami.disconnect()
        print(threads_left())
        """,
        server.place,
    )
    out, err = script.end()
    assert err == ""
    shown = f"<BlockingAMI admin@{server.place}, not connected>"
    assert out.splitlines() == [
        "[]", "True", "True", "True", f"False {shown}", "Pong FullyBooted", "7", "Pong True", "1",
    ]  # fmt: skip
    until(lambda: sessions(server) == 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")
def test_a_fork_while_other_threads_hold_the_locks(server: Server) -> None:
    script = Script(
        """
        import gc
        ami = txami.blocking.connect(place, "admin", "secret")
        events = ami.events("Test")
        held, done = threading.Event(), threading.Event()

        def hold():
            with ami._session.thread._lock, ami._connecting, ami._listeners.buffer._changed, events._buffer._changed:
                held.set()
                done.wait()

        threading.Thread(target=hold, daemon=True).start()
        held.wait()
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            ami.on("Test", print).cancel()
            with ami.connect():
                try:
                    next(events)
                except txami.NotConnected as error:
                    print(error)
                del events
                gc.collect()
                print(ami.action("Ping")["Ping"])
            sys.exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        done.set()
        """,
        server.place,
    )
    out, err = script.end()
    assert err == ""
    assert out.splitlines() == [
        "these are the events of the parent process; connect(), and call events() again", "Pong", "7",
    ]  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")
def test_what_the_parent_asked_for_is_answered_there(server: Server) -> None:
    server.fake.never_answer("Sleep")
    script = Script(
        """
        ami = txami.blocking.connect(place, "admin", "secret")
        done, pending = ami.send_action("Ping"), ami.send_action("Sleep")
        ami.get_response(done)
        call = ami.originate("PJSIP/alice", context="default", exten="200")
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            with ami.connect():
                for wait in (lambda: ami.get_response(pending), ami.get_response, call.outcome, call.ended):
                    try:
                        wait()
                    except txami.NotConnected as error:
                        print(str(error).replace(str(os.getppid()), "PARENT"))
                print(ami.get_response(done)["Ping"])
            sys.exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        print(call.outcome().status, pending.done)
        ami.disconnect()
        """,
        server.place,
    )
    out, err = script.end()
    assert err == ""
    asked = "the parent process asked for this, and is answered"
    placed = "process PARENT, whose child this one is, placed the call; ask there"
    assert out.splitlines() == [
        asked, asked, f"outcome: {placed}", f"ended: {placed}", "Pong", "7", "answered False",
    ]  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")
def test_a_child_that_lives_on_does_not_keep_the_parents_connection(server: Server) -> None:
    script = Script(
        """
        ami = txami.blocking.connect(place, "admin", "secret")
        child = os.fork()
        if child == 0:
            os.close(1), os.close(2)
            time.sleep(600)
            os._exit(0)
        print(child, flush=True)
        os.kill(os.getpid(), 9)
        """,
        server.place,
    )
    out, _ = script.end(-signal.SIGKILL)
    try:
        until(lambda: sessions(server) == 0)
    finally:
        os.kill(int(out), signal.SIGKILL)


def test_beside_an_application_that_runs_the_reactor(server: Server) -> None:
    script = Script(
        """
        from twisted.internet import reactor, task, threads
        from twisted.python.threadable import isInIOThread

        def work():
            with txami.blocking.connect(place, "admin", "secret") as ami:
                return ami.action("Ping")["Ping"], isInIOThread()

        async def main(reactor):
            print(await threads.deferToThread(work), isInIOThread())
            ami = await threads.deferToThread(txami.blocking.connect, place, "admin", "secret")
            for call in (work, lambda: ami.action("Ping"), ami.disconnect):
                try:
                    call()
                except txami.blocking.WouldBlock as error:
                    print("deferToThread" in str(error))
            other = await txami.connect(reactor, place, "admin", "secret")
            print((await other.action("Ping"))["Ping"])
            await other.logoff()
            await threads.deferToThread(ami.disconnect)

        task.react(main)
        """,
        server.place,
    )
    assert script.end() == ("('Pong', False) True\nTrue\nTrue\nTrue\nPong\n", "")


def test_in_a_cell_of_a_notebook(server: Server) -> None:
    script = Script(
        """
        import asyncio

        async def cell():
            with txami.blocking.connect(place, "admin", "secret") as ami:
                print(ami.action("Ping")["Ping"])

        asyncio.run(cell())
        """,
        server.place,
    )
    assert script.end() == ("Pong\n", "")
