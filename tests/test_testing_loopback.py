"""A FakeAsterisk on real ports of this machine."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import trustme
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

import txami
from tests.test_blocking import reserved
from txami import ConnectionLost, NotConnected, ProtocolError
from txami.testing import FakeAsterisk, Faults, Place, serving

LOGIN = b"Action: Login\r\nUsername: admin\r\nSecret: secret\r\n\r\n"


class Authority:
    """
    Makes certificates.

    :ivar server: the file for the server.
    :ivar client: the file for the client.
    """

    def __init__(self) -> None:
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1", "localhost")
        self._folder = TemporaryDirectory()
        self.server = Path(self._folder.name) / "server.pem"
        self.client = Path(self._folder.name) / "ca.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(str(self.server))
        authority.cert_pem.write_to_path(str(self.client))

    def forget(self) -> None:
        """Remove the files."""
        self._folder.cleanup()


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    """Give certificates to a test."""
    authority = Authority()
    yield authority
    authority.forget()


# -- with a reactor ----------------------------------------------------------------------------------------


class ReactorTests(TestCase):
    """What a test does that runs the reactor, as those of trial and pytest-twisted do."""

    timeout = 120

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.fake = FakeAsterisk(reactor)

    async def listening(self, **how: Any) -> Place:
        """Listen, until the test is over."""
        place = await self.fake.listen(self.reactor, **how)
        self.addCleanup(place.stop)
        return place

    def test_tcp(self) -> Deferred[None]:
        async def run() -> None:
            place = await self.listening()
            self.assertEqual(place.address, f"127.0.0.1:{place.port}")
            ami = await txami.connect(self.reactor, place.address, "admin", "secret")
            self.fake.ring_time = self.fake.talk_time = 0.01
            call = await ami.originate("PJSIP/alice", context="default", exten="200")
            self.assertTrue((await call.outcome).answered)
            await call.ended
            await ami.logoff()

        return ensureDeferred(run())

    def test_ipv6(self) -> Deferred[None]:
        async def run() -> None:
            place = await self.listening(interface="::1")
            self.assertEqual(place.address, f"[::1]:{place.port}")
            ami = await txami.connect(self.reactor, place.address, "admin", "secret")
            await ami.logoff()

        return ensureDeferred(run())

    def test_pieces_and_half_open(self) -> Deferred[None]:
        async def run() -> None:
            place = await self.listening()
            self.fake.faults.split = 3
            ami = await txami.connect(self.reactor, place.address, "admin", "secret")
            self.assertEqual((await ami.action("Ping"))["Ping"], "Pong")
            await ami.logoff()
            ami = await txami.connect(
                self.reactor, place.address, "admin", "secret", ping_interval=0.2, ping_timeout=0.2
            )
            self.fake.faults.half_open = True
            lost = await ami.when_disconnected()
            self.assertIsInstance(lost, ConnectionLost)
            self.fake.faults = Faults()

        return ensureDeferred(run())

    def test_tls(self) -> Deferred[None]:
        async def run() -> None:
            authority = Authority()
            self.addCleanup(authority.forget)
            place = await self.listening(tls=authority.server)
            self.assertEqual(place.address, f"tls:127.0.0.1:{place.port}")
            for seconds in (0.0, 0.1):
                self.fake.faults.slow_tls = seconds
                ami = await txami.connect(self.reactor, place.address, "admin", "secret", ca_file=str(authority.client))
                self.assertEqual((await ami.action("Ping"))["Ping"], "Pong")
                await ami.logoff()

        return ensureDeferred(run())

    def test_tls_that_is_too_slow(self) -> Deferred[None]:
        async def run() -> None:
            authority = Authority()
            self.addCleanup(authority.forget)
            place = await self.listening(tls=authority.server)
            self.fake.faults.slow_tls = 30
            connecting = txami.connect(
                self.reactor, place.address, "admin", "secret", ca_file=str(authority.client), timeout=0.2
            )
            with self.assertRaises((ProtocolError, NotConnected)):
                await connecting
            await deferLater(self.reactor, 0.05)
            self.assertEqual(self.fake.actions(), [])

        return ensureDeferred(run())


# -- without one -------------------------------------------------------------------------------------------


def hear(connection: socket.socket, last: bytes) -> bytes:
    """Return what is heard up to some bytes."""
    data = b""
    while last not in data:
        piece = connection.recv(4096)
        if not piece:
            break
        data += piece
    return data


def test_a_blocking_client() -> None:
    fake = FakeAsterisk(users={"admin": "secret"}, version="5.0.4")
    with serving(fake) as place, socket.create_connection((place.host, place.port), timeout=60) as connection:
        assert hear(connection, b"\r\n") == b"Asterisk Call Manager/5.0.4\r\n"
        connection.sendall(LOGIN)
        assert b"Authentication accepted" in hear(connection, b"Fully Booted\r\n\r\n")
        place.call(fake.emit, "Hangup", {"Channel": "a"})
        assert hear(connection, b"\r\n\r\n") == b"Event: Hangup\r\nPrivilege: call,all\r\nChannel: a\r\n\r\n"
        assert [action["Action"] for action in fake.actions()] == ["Login"]


def test_one_of_its_own_and_its_end() -> None:
    before = threading.active_count()
    with reserved() as port:
        with serving(port=port.getsockname()[1]) as place:
            connection = socket.create_connection((place.host, place.port), timeout=60)
            hear(connection, b"\r\n")
            assert place.fake.banner == "Asterisk Call Manager/11.0.0"
        assert connection.recv(1) == b""
        connection.close()
        assert threading.active_count() <= before
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((place.host, place.port), timeout=60)


def test_an_error_of_the_test_is_not_hidden() -> None:
    before = threading.active_count()
    with pytest.raises(KeyError), serving():
        raise KeyError("x")
    assert threading.active_count() <= before


def test_a_port_that_is_taken() -> None:
    before = threading.active_count()
    with serving() as place, pytest.raises(Exception, match="in use"), serving(port=place.port):
        pass
    assert threading.active_count() <= before


def test_errors_of_calls_come_back() -> None:
    with serving() as place, pytest.raises(ValueError, match="give the fake a version"):
        place.call(FakeAsterisk(version="1.1").dial, "SIP/a", "SIP/b")


def test_tls_without_a_reactor(authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.client))
    with (
        serving(tls=authority.server) as place,
        socket.create_connection((place.host, place.port), timeout=60) as bare,
        context.wrap_socket(bare, server_hostname="127.0.0.1") as connection,
    ):
        assert hear(connection, b"\r\n") == b"Asterisk Call Manager/11.0.0\r\n"
        connection.sendall(LOGIN)
        assert b"Authentication accepted" in hear(connection, b"\r\n\r\n")


def test_slow_tls_on_the_wire(authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.client))
    fake = FakeAsterisk(faults=Faults(slow_tls=0.3))
    with serving(fake, tls=authority.server) as place:
        start = time.monotonic()
        with (
            socket.create_connection((place.host, place.port), timeout=60) as bare,
            context.wrap_socket(bare, server_hostname="127.0.0.1") as connection,
        ):
            assert time.monotonic() - start > 0.25
            assert hear(connection, b"\r\n") == b"Asterisk Call Manager/11.0.0\r\n"
