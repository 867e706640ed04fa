"""Whom TLS trusts: nobody gets to see the secret who has not proved to be the server."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.test import iosim

from tests.test_endpoint import Identity, Resolver
from txami import AMIError, AMIPool, AMIProtocol, AMIService, ConnectionLost, ProtocolError, connect
from txami.testing import FakeAsterisk

NAME = "pbx.example.com"
SECRET = "hush-hush-never-shown"
DAY = datetime.timedelta(days=1)


def identity(names: list[str], begins: int = -1, ends: int = 1, authority: bool = False) -> Identity:
    """
    Make a certificate that signs itself.

    :param begins: the day from which it is valid, seen from today.
    :param ends: the day until which it is.
    :param authority: whether it may sign others.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins * DAY)
        .not_valid_after(now + ends * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Identity(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


@cache
def authority() -> trustme.CA:
    return trustme.CA()


def signed(*names: str, **options: Any) -> Identity:
    """Return a certificate of our authority."""
    made = authority().issue_cert(*names, **options)
    return Identity(made.cert_chain_pems[0].bytes(), made.private_key_pem.bytes())


@cache
def own() -> Identity:
    return identity([NAME])


@pytest.fixture
def trusted(tmp_path: Path) -> Callable[[bytes], str]:
    """Return what writes certificates into a file to trust."""

    def write(certificates: bytes) -> str:
        path = tmp_path / "trusted.pem"
        path.write_bytes(certificates)
        return str(path)

    return write


class Meeting:
    """
    A client that logs in at a server, in memory.

    :ivar server: a FakeAsterisk.
    :ivar wire: what the client has put on the wire.
    :ivar results: what came of it.
    """

    def __init__(self, place: str, shown: Identity | None, **options: Any) -> None:
        self.reactor = MemoryReactorClock()
        self.reactor.nameResolver = Resolver()
        self.server = FakeAsterisk(self.reactor, {"admin": SECRET})
        self.results: list[Any] = []
        self.connecting = self.open(place, **options)
        self.connecting.addBoth(self.results.append)
        self._meet(shown)

    def open(self, place: str, **options: Any) -> Deferred[AMIProtocol]:
        return connect(self.reactor, place, "admin", SECRET, ping_interval=None, **options)

    def _meet(self, shown: Identity | None) -> None:
        """Let the server answer, and show a certificate if it has one."""
        host, port, factory, _, _ = self.reactor.tcpClients[-1]
        address = IPv4Address("TCP", host, port)
        server: Any = self.server
        if shown is not None:
            server = TLSMemoryBIOFactory(shown, False, self.server, self.reactor)
        theirs, ours = server.buildProtocol(address), factory.buildProtocol(address)
        end = iosim.FakeTransport(ours, isServer=False)
        self.wire = bytearray()
        write = end.write

        def tapped(data: bytes) -> None:
            self.wire.extend(data)
            write(data)

        end.write = tapped  # type: ignore[method-assign]
        self.pump = iosim.connect(theirs, iosim.FakeTransport(theirs, isServer=True), ours, end)
        for _ in range(10):
            self.pump.flush()
            self.reactor.advance(0)

    @property
    def actions(self) -> list[str]:
        """The names of the actions that the server could read."""
        return [action["Action"] for session in self.server.sessions for action in session.actions]

    def refused(self) -> AMIError:
        """See that the login failed before it began, and return why."""
        (failure,) = self.results
        assert isinstance(failure, Failure)
        assert isinstance(failure.value, AMIError)
        assert self.actions == []
        assert SECRET.encode() not in self.wire
        assert b"Login" not in self.wire
        assert SECRET not in str(failure.value)
        assert self.reactor.getDelayedCalls() == []
        return failure.value

    def logged_in(self) -> None:
        """See that the login went well, and in secret."""
        (ami,) = self.results
        assert isinstance(ami, AMIProtocol)
        assert ami.logged_in
        assert self.actions == ["Login"]
        assert SECRET.encode() not in self.wire


UNTRUSTED = (
    "the connection to Asterisk was lost: [('SSL routines', '', 'certificate verify failed')] (the server's "
    "certificate is not to be trusted: it has expired, or nobody who is known here has signed it; name a file with it, "
    "if it is self-signed, or with its authority's by ca_file=)"
)


def ago(days: int) -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc) - days * DAY


#: What a server may show, and whether our authority is trusted.
IMPOSTORS: dict[str, tuple[Callable[[], Identity], bool]] = {
    "self-signed": (own, False),
    "self-signed, of an authority's kind": (lambda: identity([NAME], authority=True), False),
    "self-signed, and another is trusted": (own, True),
    "of an authority that is not trusted": (lambda: signed(NAME), False),
    "of another authority of the same name": (
        lambda: Identity(
            (made := trustme.CA().issue_cert(NAME)).cert_chain_pems[0].bytes(), made.private_key_pem.bytes()
        ),
        True,
    ),
    "expired": (lambda: signed(NAME, not_after=ago(1)), True),
    "not valid yet": (lambda: signed(NAME, not_before=ago(-1), not_after=ago(-9)), True),
}


@pytest.mark.parametrize("what", IMPOSTORS)
def test_who_cannot_prove_to_be_the_server_learns_nothing(what: str, trusted: Callable[[bytes], str]) -> None:
    show, with_authority = IMPOSTORS[what]
    options = {"ca_file": trusted(authority().cert_pem.bytes())} if with_authority else {}
    error = Meeting(f"tls:{NAME}", show(), **options).refused()
    assert isinstance(error, ConnectionLost)
    assert str(error) == UNTRUSTED


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("tls:other.example.com", [NAME]),
        (f"tls:{NAME}", ["*.pbx.example.com", "example.com"]),
        (f"tls:{NAME}", ["xpbx.example.com", "pbx.example.com.evil.example"]),
        ("tls:192.0.2.1", [NAME, "192.0.2.2"]),
        ("tls:[2001:db8::1]", [NAME, "2001:db8::2"]),
    ],
)
def test_a_server_of_another_name_learns_nothing(place: str, names: list[str], trusted: Callable[[bytes], str]) -> None:
    error = Meeting(place, signed(*names), ca_file=trusted(authority().cert_pem.bytes())).refused()
    assert isinstance(error, ConnectionLost)
    assert str(error).endswith("(the server's certificate is for another name: connect by one of those that are in it)")


@pytest.mark.parametrize(
    ("place", "names"),
    [
        (f"tls:{NAME}", [NAME]),
        (f"tls:{NAME}:5999", ["a.example.com", NAME]),
        (f"tls:{NAME}", ["*.example.com"]),
        ("tls:192.0.2.1", ["192.0.2.1"]),
        ("tls:[2001:db8::1]", ["2001:db8::1"]),
    ],
)
def test_the_authority_of_a_file_vouches_for_the_server(
    place: str, names: list[str], trusted: Callable[[bytes], str]
) -> None:
    Meeting(place, signed(*names), ca_file=trusted(authority().cert_pem.bytes())).logged_in()


def test_a_certificate_can_be_pinned(trusted: Callable[[bytes], str]) -> None:
    pin = trusted(own().certificate)
    Meeting(f"tls:{NAME}", own(), ca_file=pin).logged_in()
    for other in (identity([NAME]), signed(NAME), identity([NAME], authority=True)):
        assert str(Meeting(f"tls:{NAME}", other, ca_file=pin).refused()) == UNTRUSTED


def test_a_pin_is_for_its_name_and_its_time_only(trusted: Callable[[bytes], str]) -> None:
    assert "another name" in str(Meeting("tls:other.example.com", own(), ca_file=trusted(own().certificate)).refused())
    old = identity([NAME], begins=-9, ends=-1)
    assert str(Meeting(f"tls:{NAME}", old, ca_file=trusted(old.certificate)).refused()) == UNTRUSTED


def test_a_server_without_tls_is_told_nothing() -> None:
    error = Meeting(f"tls:{NAME}", None).refused()
    assert isinstance(error, ConnectionLost)
    assert str(error).endswith(
        "(what answers there does not speak TLS: check the port, and tlsenable= and tlsbindaddr= in manager.conf)"
    )


def test_a_server_with_tls_is_told_nothing_in_plain_text() -> None:
    """It waits for a greeting, which waits for a handshake."""
    meeting = Meeting(NAME, own())
    assert meeting.results == []
    assert meeting.wire == b""
    meeting.reactor.advance(30)
    error = meeting.refused()
    assert isinstance(error, ProtocolError)
    assert str(error) == "no login within 30 s, not even a greeting: is this Asterisk's manager port?"


class Service(Meeting):
    """A service in place of a connection."""

    def open(self, place: str, **options: Any) -> Deferred[AMIProtocol]:
        self.service = AMIService(self.reactor, place, "admin", SECRET, ping_interval=None, **options)
        self.service.startService()
        return self.service.when_ready()


class Pool(Meeting):
    """A pool in place of a connection."""

    def open(self, place: str, **options: Any) -> Deferred[AMIProtocol]:
        pool = AMIPool(self.reactor, ping_interval=None, **options)
        pool.startService()
        self.service = pool.add("berlin", place, "admin", SECRET)
        return self.service.when_ready()


@pytest.mark.parametrize("kind", [Service, Pool])
def test_what_is_kept_up_verifies_as_well(kind: type[Service | Pool], trusted: Callable[[bytes], str]) -> None:
    pin = trusted(own().certificate)
    kind(f"tls:{NAME}", own(), ca_file=pin).logged_in()
    for options in ({}, {"ca_file": pin}):
        meeting = kind(f"tls:{NAME}", identity([NAME]), **options)
        assert meeting.results == []
        assert meeting.actions == []
        assert SECRET.encode() not in meeting.wire
        assert b"Login" not in meeting.wire
        assert str(meeting.service.health.reason) == UNTRUSTED
