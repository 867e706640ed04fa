"""From what a user writes to a place to connect to."""

from __future__ import annotations

import datetime
import pathlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest import mock

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import (
    IAddress,
    IHostResolution,
    IOpenSSLServerConnectionCreator,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport, SynchronousResolver
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from twisted.test import iosim
from zope.interface import implementer

from txami.endpoint import parse_endpoint
from txami.errors import InvalidEndpoint


class Resolver(SynchronousResolver):
    """Finds two addresses for every name, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        self.asked.append((hostName, portNumber))
        return super().resolveHostName(resolutionReceiver, hostName, portNumber, addressTypes, transportSemantics)


class Greeted(Protocol):
    """Remembers what it was sent, and why its connection ended."""

    received = b""
    reason: Exception | None = None

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.reason = reason.value  # type: ignore[assignment]


@dataclass
class Dialled:
    """What an endpoint does when it connects."""

    host: str
    port: int
    timeout: float
    build: Callable[[], Any]
    protocol: Greeted
    reactor: MemoryReactorClock = field(repr=False)

    @property
    def kind(self) -> str:
        """``tls`` if the first that goes out is the hello of a handshake."""
        transport = StringTransport()
        self.build().makeConnection(transport)
        hello = transport.value()
        if hello:
            assert hello.startswith(b"\x16\x03")
            return "tls"
        return "tcp"


def dial(endpoint: str, **options: Any) -> Dialled:
    """Parse and connect; the host is the one that is looked up, if one is."""
    reactor = MemoryReactorClock()
    resolver = reactor.nameResolver = Resolver()
    protocol = Greeted()
    parse_endpoint(reactor, endpoint, **options).connect(Factory.forProtocol(lambda: protocol))
    [(host, port, factory, timeout, _)] = reactor.tcpClients
    if resolver.asked:
        [(host, asked_port)] = resolver.asked
        assert asked_port == port

    def build() -> Any:
        return factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", port))

    return Dialled(host, port, timeout, build, protocol, reactor)


@pytest.mark.parametrize(
    ("text", "kind", "host", "port"),
    [
        ("pbx", "tcp", "pbx", 5038),
        ("pbx.example.com", "tcp", "pbx.example.com", 5038),
        ("pbx.example.com:5999", "tcp", "pbx.example.com", 5999),
        ("192.0.2.1", "tcp", "192.0.2.1", 5038),
        ("192.0.2.1:1", "tcp", "192.0.2.1", 1),
        ("pbx:65535", "tcp", "pbx", 65535),
        ("[::1]:5999", "tcp", "::1", 5999),
        ("[::1]", "tcp", "::1", 5038),
        ("::1", "tcp", "::1", 5038),
        ("::", "tcp", "::", 5038),
        ("fe80::1", "tcp", "fe80::1", 5038),
        ("2001:db8::1:5038", "tcp", "2001:db8::1:5038", 5038),
        ("::ffff:192.0.2.1", "tcp", "::ffff:192.0.2.1", 5038),
        ("[fe80::1%eth0]:5999", "tcp", "fe80::1%eth0", 5999),
        ("tcp", "tcp", "tcp", 5038),
        ("tls", "tcp", "tls", 5038),
        ("beef:5999", "tcp", "beef", 5999),
        ("tcp:pbx", "tcp", "pbx", 5038),
        ("tcp:pbx:5999", "tcp", "pbx", 5999),
        ("tcp:[::1]:5999", "tcp", "::1", 5999),
        ("tcp:::1", "tcp", "::1", 5038),
        ("tls:pbx", "tls", "pbx", 5039),
        ("tls:pbx:5999", "tls", "pbx", 5999),
        ("tls:192.0.2.1", "tls", "192.0.2.1", 5039),
        ("tls:[::1]:5039", "tls", "::1", 5039),
        ("tls:[::1]", "tls", "::1", 5039),
        ("tls:fe80::1", "tls", "fe80::1", 5039),
        # Descriptions of Twisted's own.
        ("tcp:example.com:5999:timeout=5", "tcp", "example.com", 5999),
        ("tcp:host=example.com:port=5999", "tcp", "example.com", 5999),
        ("tls:example.com:5999:timeout=5", "tls", "example.com", 5999),
        ("tls:host=example.com:port=5999", "tls", "example.com", 5999),
    ],
)
def test_a_text_names_a_place(text: str, kind: str, host: str, port: int) -> None:
    dialled = dial(text)
    assert (dialled.kind, dialled.host, dialled.port) == (kind, host, port)


@pytest.mark.parametrize("text", ["pbx", "pbx:5999", "[::1]", "tcp:pbx", "tls:pbx"])
def test_each_attempt_has_a_timeout(text: str) -> None:
    assert dial(text).timeout == 30
    assert dial(text, timeout=7).timeout == 7


def test_the_timeout_of_a_description_is_its_own() -> None:
    assert dial("tls:example.com:5039:timeout=5", timeout=7).timeout == 5
    assert dial("tcp:example.com:5039:timeout=5", timeout=7).timeout == 5


def test_a_socket_of_unix() -> None:
    reactor = MemoryReactorClock()
    parse_endpoint(reactor, "unix:/run/ami.sock").connect(Factory.forProtocol(Greeted))
    [(path, _, _, _)] = reactor.unixClients
    assert path == "/run/ami.sock"
    assert reactor.tcpClients == []


def test_a_name_is_looked_up_for_all_kinds_of_addresses() -> None:
    reactor = MemoryReactorClock()
    kinds: list[object] = []

    class Asking(Resolver):
        def resolveHostName(self, *args: Any, **options: Any) -> IHostResolution:
            kinds.append(options.get("addressTypes"))
            return super().resolveHostName(*args, **options)

    reactor.nameResolver = Asking()
    parse_endpoint(reactor, "pbx").connect(Factory.forProtocol(Greeted))
    assert kinds == [None]


def test_an_endpoint_is_returned_as_it_is() -> None:
    endpoint = TCP4ClientEndpoint(MemoryReactorClock(), "example.com", 5038)
    assert parse_endpoint(MemoryReactorClock(), endpoint) is endpoint


def refusal(endpoint: Any, **options: Any) -> str:
    """Return the text with which an endpoint is refused."""
    with pytest.raises(InvalidEndpoint) as caught:
        parse_endpoint(MemoryReactorClock(), endpoint, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "tcp:",
        "tls:",
        ":5038",
        "pbx:",
        "pbx:x",
        "pbx:-1",
        "pbx:5038 ",
        " pbx",
        "my pbx",
        "my pbx:5038",
        "pbx:50 38",
        "tcp:pbx:x",
        "tls:pbx:x",
        "tls:[::1]:x",
        "[::1",
        "::1]",
        "[]",
        "[::1]5038",
        "http://pbx",
        "nosuchkind:pbx:5038",
        "pbx:5038:timeout=5",
        "tcp:pbx:5038:timeout=x",
        "tcp:pbx:5038:nosuchoption=1",
        "tls:pbx:5039:nosuchoption=1",
        "tcp:port=5038",
    ],
)
def test_what_names_no_place_is_refused_with_what_would(text: str) -> None:
    said = refusal(text)
    assert said.startswith(f"{text!r} is no place to connect to (")
    assert said.endswith(
        "write 'host', 'host:port', '[v6]:port', 'tls:host:port', 'unix:/path', "
        "or another of Twisted's client endpoint descriptions"
    )


@pytest.mark.parametrize("place", ["pbx:0", "pbx:65536", "pbx:123456789", "[::1]:0", "[::1]:65536"])
def test_a_port_out_of_range_is_refused(place: str) -> None:
    for kind in ("", "tcp:", "tls:"):
        assert refusal(kind + place) == f"{place!r}: a port is a number from 1 to 65535"


@pytest.mark.parametrize("text", ["cafe:5038:", "a:b:c", "1:2:3", ":::", "1::2::3"])
def test_what_only_looks_like_an_ipv6_address_is_refused(text: str) -> None:
    refusal(text)


@pytest.mark.parametrize("host", ["a" * 64, "a..b", "\u2603", "a." * 200, "\udcff"])
def test_a_name_that_no_certificate_can_have_is_refused(host: str) -> None:
    refusal("tls:" + host)


def test_an_absurd_port_is_refused() -> None:
    refusal("pbx:" + "9" * 5000)


def test_roots_that_are_not_there_are_refused() -> None:
    refusal("tls:pbx:5039:trustRoots=/no/such/directory")


@pytest.mark.parametrize("thing", [None, 5038, b"pbx", ("pbx", 5038)])
def test_a_thing_that_is_no_endpoint_is_refused(thing: object) -> None:
    assert refusal(thing) == f"{thing!r} is neither a text nor an IStreamClientEndpoint"


# -- TLS -------------------------------------------------------------------------------------------------------


@cache
def authority() -> trustme.CA:
    return trustme.CA()


@implementer(IOpenSSLServerConnectionCreator)
@dataclass(frozen=True)
class Identity:
    """What a server has to show."""

    certificate: bytes
    key: bytes = field(repr=False)

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        # Twisted's PrivateCertificate hands pyOpenSSL what that warns of.
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_certificate(x509.load_pem_x509_certificate(self.certificate))
        context.use_privatekey(serialization.load_pem_private_key(self.key, None))  # type: ignore[arg-type]
        return SSL.Connection(context, None)


@cache
def issued() -> Identity:
    """Return a certificate of our authority for ``pbx.example.com`` and for an address."""
    made = authority().issue_cert("pbx.example.com", "::1")
    return Identity(made.cert_chain_pems[0].bytes(), made.private_key_pem.bytes())


@cache
def self_signed() -> Identity:
    """Return a certificate that is its own authority, as many an Asterisk has."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pbx.example.com")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("pbx.example.com")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return Identity(
        certificate.public_bytes(pem),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


class Greeting(Protocol):
    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"Asterisk Call Manager/11.0.0\r\n")


def shake_hands(dialled: Dialled, identity: Identity) -> Greeted:
    """Connect to a server in memory that greets; return the client's side."""
    # TLS in Twisted joins small writes by a delayed call, hence the clock.
    clock = Clock()
    factory = TLSMemoryBIOFactory(identity, False, Factory.forProtocol(Greeting), clock)
    server, client = factory.buildProtocol(None), dialled.build()
    pump = iosim.connect(
        server, iosim.FakeTransport(server, isServer=True), client, iosim.FakeTransport(client, isServer=False)
    )
    pump.flush()
    clock.advance(0)
    pump.flush()
    return dialled.protocol


def assert_trusted(protocol: Greeted) -> None:
    assert protocol.received == b"Asterisk Call Manager/11.0.0\r\n"
    assert protocol.reason is None


def assert_refused(protocol: Greeted, why: str) -> None:
    assert protocol.received == b""
    assert protocol.reason is not None
    assert why in repr(protocol.reason)


@pytest.fixture
def ca_file(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "ca.pem"
    path.write_bytes(authority().cert_pem.bytes())
    return str(path)


@pytest.mark.parametrize("text", ["tls:pbx.example.com", "tls:[::1]", "tls:::1"])
def test_a_server_with_a_certificate_of_the_ca_file_is_trusted(text: str, ca_file: str) -> None:
    assert_trusted(shake_hands(dial(text, ca_file=ca_file), issued()))


def test_any_certificate_in_the_ca_file_will_do(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "several.pem"
    pems = [trustme.CA().cert_pem.bytes(), authority().cert_pem.bytes()]
    path.write_bytes(b"# a remark\r\n" + b"\nanother\n".join(pems).replace(b"\n", b"\r\n"))
    assert_trusted(shake_hands(dial("tls:pbx.example.com", ca_file=str(path)), issued()))


def test_a_self_signed_certificate_can_be_named_itself(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "server.pem"
    path.write_bytes(self_signed().certificate)
    assert_trusted(shake_hands(dial("tls:pbx.example.com", ca_file=str(path)), self_signed()))


def test_a_server_with_another_name_is_refused(ca_file: str) -> None:
    protocol = shake_hands(dial("tls:other.example.com", ca_file=ca_file), issued())
    assert_refused(protocol, "Error")


def test_a_server_of_another_authority_is_refused(ca_file: str) -> None:
    protocol = shake_hands(dial("tls:pbx.example.com", ca_file=ca_file), self_signed())
    assert isinstance(protocol.reason, SSL.Error)
    assert_refused(protocol, "certificate verify failed")


def test_without_a_ca_file_an_unknown_authority_is_refused() -> None:
    protocol = shake_hands(dial("tls:pbx.example.com"), issued())
    assert isinstance(protocol.reason, SSL.Error)
    assert_refused(protocol, "certificate verify failed")


@pytest.mark.parametrize("text", ["pbx", "pbx:5039", "tcp:pbx", "[::1]", "unix:/run/ami.sock", "tls"])
def test_a_ca_file_is_for_tls(text: str, ca_file: str) -> None:
    assert refusal(text, ca_file=ca_file) == f"ca_file= is for TLS, but {text!r} is not: write 'tls:' in front"


def test_a_ca_file_does_not_go_with_options(ca_file: str) -> None:
    text = "tls:pbx:5039:timeout=5"
    assert refusal(text, ca_file=ca_file) == (
        f"{text!r} has options of its own: use trustRoots= there, or ca_file= without them"
    )


def test_a_ca_file_does_not_go_with_an_object(ca_file: str) -> None:
    endpoint = TCP4ClientEndpoint(MemoryReactorClock(), "example.com", 5038)
    assert IStreamClientEndpoint.providedBy(endpoint)
    assert refusal(endpoint, ca_file=ca_file) == (
        "ca_file= goes with an endpoint that is given as text, not with an object"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no certificate\n",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n",
    ],
)
def test_a_ca_file_without_a_certificate_is_refused(content: bytes, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(content)
    assert refusal("tls:pbx", ca_file=str(path)) == f"ca_file={str(path)!r} holds no certificate in PEM form"


def test_a_ca_file_with_a_broken_certificate_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert str(path) in refusal("tls:pbx", ca_file=str(path))


def test_a_ca_file_that_is_not_there_is_an_error_of_the_system(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError):
        parse_endpoint(MemoryReactorClock(), "tls:pbx", ca_file=str(tmp_path / "none.pem"))


def test_tls_without_its_packages_says_what_to_install() -> None:
    with mock.patch.dict(sys.modules, {"twisted.internet.ssl": None}):
        assert refusal("tls:pbx") == "TLS needs more packages: pip install 'txami[tls]'"
        assert isinstance(parse_endpoint(MemoryReactorClock(), "pbx"), object)
