"""The laboratory itself: are the servers what the other tests take them for?

Raw sockets only, so that nothing of txami can hide a fault of the servers, or have
one hidden.
"""

from __future__ import annotations

import os
import pathlib
import socket
import ssl
import subprocess
import sys
import typing

import pytest

from tests.asterisk import debian, lab

VERSIONS = tuple(debian.SUITES)

Message = list[str]


@pytest.fixture(autouse=True)
def _servers_available() -> None:
    """Skip where no server can run, except where that must not happen."""
    reason = lab.available()
    if reason is not None and "TXAMI_REQUIRE_ASTERISK" in os.environ:
        pytest.fail(reason)
    elif reason is not None:
        pytest.skip(reason)


class Session:
    """A connection that is logged in."""

    def __init__(self, server: lab.Server, user: str, *, tls: bool = False, events: str = "off") -> None:
        port = server.tls_port if tls else server.port
        self.link = socket.create_connection((server.host, port), timeout=60)
        if tls:
            context = ssl.create_default_context(cafile=str(server.ca_file))
            self.link = context.wrap_socket(self.link, server_hostname=server.host)
        self._stream = self.link.makefile("rb")
        self.banner = self._stream.readline()
        secret = server.users[user]
        self.login = self.action("Login", f"Username: {user}", f"Secret: {secret}", f"Events: {events}")

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self.link.close()

    def action(self, name: str, *lines: str) -> Message:
        """Run an action and return its response."""
        self.link.sendall("\r\n".join([f"Action: {name}", *lines, "", ""]).encode())
        return self.until("Response:")

    def items(self, name: str) -> list[Message]:
        """Run a list action and return the events, the last of which completes it."""
        assert "EventList: start" in self.action(name)
        events = [self._message()]
        while "EventList: Complete" not in events[-1]:
            events.append(self._message())
        return events

    def until(self, start: str) -> Message:
        """Return the next message whose first line starts like this."""
        while True:
            message = self._message()
            if message and message[0].startswith(start):
                return message

    def _message(self) -> Message:
        """Read a message: its lines, without the empty one that ends it."""
        lines: Message = []
        for line in self._stream:
            if line == b"\r\n":
                return lines
            lines.append(line.decode().strip())
        raise EOFError


def originate(session: Session, exten: str) -> Message:
    """Have extension 100 called and connected to another one."""
    lines = ("Context: default", f"Exten: {exten}", "Priority: 1", "Async: yes")
    return session.action("Originate", "Channel: Local/100@default", *lines)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
def test_everybody_gets_in(version: str, tls: bool) -> None:
    server = lab.server(version)
    for user in server.users:
        with Session(server, user, tls=tls) as session:
            assert session.login[0] == "Response: Success"
            assert "Ping: Pong" in session.action("Ping")


@pytest.mark.parametrize("version", VERSIONS)
def test_classes_are_narrow(version: str) -> None:
    with Session(lab.server(version), "watcher") as session:
        assert "Message: Permission denied" in session.action("Command", "Command: core show uptime")
        assert session.items("QueueStatus")
    with Session(lab.server(version), "caller") as session:
        assert "Message: Permission denied" in session.action("CoreStatus")
        assert originate(session, "101")[0] == "Response: Success"


@pytest.mark.parametrize("version", VERSIONS)
def test_single_has_one_session(version: str) -> None:
    server = lab.server(version)
    with Session(server, "single"), Session(server, "single") as second:
        assert "Message: Login Already In Use" in second.login


LISTS = {
    "Agents": "Agent: 1001",
    "IAXpeers": "ObjectName: iris",
    "Parkinglots": "Name: quick",
    "PJSIPShowEndpoints": "ObjectName: alice",
    "QueueStatus": "Location: Local/103@default",
    "SIPpeers": "ObjectName: sally",
    "VoicemailUsersList": "VoiceMailbox: 101",
}


@pytest.mark.parametrize("version", VERSIONS)
def test_lists_have_items(version: str) -> None:
    with Session(lab.server(version), "admin") as session:
        commands = session.action("ListCommands")
        for name, line in LISTS.items():
            if any(command.startswith(f"{name}:") for command in commands):
                assert any(line in item for item in session.items(name)), name
        for name in ("CoreShowChannels", "ParkedCalls"):
            assert session.items(name)


def test_what_only_one_version_has() -> None:
    has: dict[str, str] = {}
    for version in VERSIONS:
        with Session(lab.server(version), "admin") as session:
            has[version] = "\n".join(session.action("ListCommands"))
    assert "SIPpeers:" in has["16"]
    assert "SIPpeers:" not in has["22"]
    assert "CoreShowChannelMap:" in has["22"]


@pytest.mark.parametrize("version", VERSIONS)
def test_variables_and_database(version: str) -> None:
    with Session(lab.server(version), "admin") as session:
        session.action("Setvar", "Variable: LAB_TEST", "Value: 1")
        assert "Value: 1" in session.action("Getvar", "Variable: LAB_TEST")
        session.action("Command", "Command: database put lab key value")
        assert "Output: Value: value" in session.action("Command", "Command: database get lab key")


@pytest.mark.parametrize(
    ("exten", "event", "line"),
    [
        ("101", "OriginateResponse", "Response: Success"),
        ("106", "BridgeEnter", "BridgeNumChannels: 2"),
        ("107", "AsyncAGIStart", "Exten: 107"),
        ("108", "ConfbridgeJoin", "Conference: room1"),
        ("109", "AgentConnect", "MemberName: Hundred"),
        ("110", "ParkedCall", "Parkinglot: default"),
        ("112", "UserEvent", "Key: value"),
        ("114", "ParkedCallTimeOut", "Parkinglot: quick"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_extensions(version: str, exten: str, event: str, line: str) -> None:
    with Session(lab.server(version), "admin", events="on") as session:
        assert originate(session, exten)[0] == "Response: Success"
        while line not in session.until(f"Event: {event}"):
            pass
        session.action("Hangup", "Channel: /^Local/")


@pytest.mark.parametrize("version", VERSIONS)
def test_rooms_and_lots_fill(version: str) -> None:
    with Session(lab.server(version), "admin", events="on") as session:
        originate(session, "108")
        session.until("Event: ConfbridgeJoin")
        assert "Conference: room1" in session.items("ConfbridgeListRooms")[0]
        originate(session, "110")
        session.until("Event: ParkedCall")
        assert "Event: ParkedCall" in session.items("ParkedCalls")[0]
        session.action("Hangup", "Channel: /^Local/")


@pytest.mark.parametrize("version", VERSIONS)
def test_outcomes(version: str) -> None:
    with Session(lab.server(version), "admin", events="call") as session:
        for exten, reason in {"101": 4, "102": 5, "103": 3, "104": 8}.items():
            lines = ("Application: Wait", "Data: 1", "Timeout: 1000", "Async: yes")
            session.action("Originate", f"Channel: Local/{exten}@default", *lines)
            assert f"Reason: {reason}" in session.until("Event: OriginateResponse"), exten


@pytest.mark.parametrize("version", VERSIONS)
def test_a_bare_spare_in_good_and_bad_times(version: str) -> None:
    shared = lab.server(version)
    with lab.spare(version, pjsip=False) as server:
        assert server.port != shared.port
        with Session(server, "admin") as session:
            assert session.action("PJSIPShowEndpoints")[0] == "Response: Error"
            _freeze(server, session)
        server.restart()
        with Session(server, "admin", tls=True) as session:
            assert session.login[0] == "Response: Success"
        directory, pid = server.secrets_file.parent.parent, typing.cast("int", server.pid)
        assert directory.exists()
    assert not directory.exists()
    assert not pathlib.Path(f"/proc/{pid}").exists()
    assert shared.pid is not None


def _freeze(server: lab.Server, session: Session) -> None:
    """See that a stopped server keeps the connection and its silence."""
    server.pause()
    session.link.settimeout(0.3)
    session.link.sendall(b"Action: Ping\r\n\r\n")
    with pytest.raises(TimeoutError):
        session.link.recv(1, socket.MSG_PEEK)
    server.resume()
    session.link.settimeout(20)
    assert session.link.recv(1, socket.MSG_PEEK) == b"R"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_run_that_died_leaves_nothing(version: str) -> None:
    code = (
        "import os, sys; from tests.asterisk import lab; server = lab.server(sys.argv[1]);"
        "print(server.pid, server.secrets_file, flush=True); os.kill(os.getpid(), 9)"
    )
    ran = subprocess.run([sys.executable, "-c", code, version], stdout=subprocess.PIPE, text=True, cwd=_checkout())
    pid, secrets_file = ran.stdout.split()
    assert pid.isdigit()
    with lab.spare(version):
        assert not pathlib.Path(f"/proc/{pid}/exe").exists()
        assert not pathlib.Path(secrets_file).exists()


def _checkout() -> pathlib.Path:
    """Return the directory from which the package of tests can be imported."""
    return pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_server_that_cannot_boot_says_why(version: str) -> None:
    server = lab.spare(version)
    with socket.create_server((server.host, server.port)), pytest.raises(lab.LabError, match="did not boot"):
        server.start(timeout=1)
    assert server.pid is None
    assert not server.log_file.exists()
