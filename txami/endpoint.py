"""Where to connect: from what a user writes to an endpoint of Twisted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from twisted.internet.abstract import isIPv6Address
from twisted.internet.endpoints import HostnameEndpoint, clientFromString, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint

from .errors import InvalidEndpoint

#: ``main/manager.c: DEFAULT_MANAGER_PORT`` and the port of ``tlsbindaddr``.
DEFAULT_PORT: Final = 5038
DEFAULT_TLS_PORT: Final = 5039

_HOST = re.compile(r"(?P<host>[^\[\]:/=\s]+)(:(?P<port>\d{1,9}))?")
_V6_BRACKETED = re.compile(r"\[(?P<host>[0-9A-Fa-f:.%\w]+)\](:(?P<port>\d{1,9}))?")
_V6_BARE = re.compile(r"(?P<host>[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)(?P<port>(?!))?")
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def parse_endpoint(
    reactor: Any, endpoint: str | IStreamClientEndpoint, *, timeout: float = 30.0, ca_file: str | None = None
) -> IStreamClientEndpoint:
    """
    Return the endpoint that a text names.

    :param reactor: the reactor.
    :param endpoint: ``"host"``, ``"host:port"``, ``"[v6]:port"``, the same behind ``"tcp:"`` or ``"tls:"``,
        any other description that Twisted knows, such as ``"unix:/path"``, or an endpoint, which is returned
        as it is.  A name is looked up for IPv6 and IPv4 alike, and whichever answers first is taken.  The
        default port is 5038, for TLS 5039.  TLS verifies the certificate and the name.
    :param timeout: seconds for each attempt to connect.
    :param ca_file: a PEM file with the certificates to trust instead of the system's, for TLS; the server's
        own certificate will do if it is self-signed.
    :raises InvalidEndpoint: if the text names none.
    """
    if not isinstance(endpoint, str):
        if not IStreamClientEndpoint.providedBy(endpoint):
            raise InvalidEndpoint(f"{endpoint!r} is neither a text nor an IStreamClientEndpoint")
        if ca_file is not None:
            raise InvalidEndpoint("ca_file= goes with an endpoint that is given as text, not with an object")
        return endpoint
    kind, separator, rest = endpoint.partition(":")
    if separator and kind in ("tcp", "tls"):
        place = _host_and_port(rest, DEFAULT_TLS_PORT if kind == "tls" else DEFAULT_PORT)
    else:
        kind, place = "tcp", _host_and_port(endpoint, DEFAULT_PORT)
    if kind != "tls" and ca_file is not None:
        raise InvalidEndpoint(f"ca_file= is for TLS, but {endpoint!r} is not: write 'tls:' in front")
    if place is None:
        return _from_description(reactor, endpoint, ca_file)
    plain = HostnameEndpoint(reactor, *place, timeout=timeout)
    return plain if kind == "tcp" else _with_tls(reactor, place[0], plain, ca_file)


def _host_and_port(text: str, default: int) -> tuple[str, int] | None:
    """Return the two, or ``None`` if the text has another form."""
    for form in (_HOST, _V6_BRACKETED, _V6_BARE):
        found = form.fullmatch(text)
        if found and (form is not _V6_BARE or isIPv6Address(text)):
            port = int(found["port"] or default)
            if not 0 < port < 65536:
                raise InvalidEndpoint(f"{text!r}: a port is a number from 1 to 65535")
            return found["host"], port
    return None


def _from_description(reactor: Any, description: str, ca_file: str | None) -> IStreamClientEndpoint:
    if ca_file is not None:
        raise InvalidEndpoint(
            f"{description!r} has options of its own: use trustRoots= there, or ca_file= without them"
        )
    try:
        endpoint: IStreamClientEndpoint = clientFromString(reactor, description)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise InvalidEndpoint(
            f"{description!r} is no place to connect to ({error}); write 'host', 'host:port', '[v6]:port', "
            "'tls:host:port', 'unix:/path', or another of Twisted's client endpoint descriptions"
        ) from error
    return endpoint


def _with_tls(reactor: Any, host: str, plain: IStreamClientEndpoint, ca_file: str | None) -> IStreamClientEndpoint:
    try:
        from OpenSSL.crypto import Error as CryptoError
        from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
    except ImportError as error:
        raise InvalidEndpoint("TLS needs more packages: pip install 'txami[tls]'") from error
    trust = None
    if ca_file is not None:
        certificates = _CERTIFICATE.findall(Path(ca_file).read_bytes())
        if not certificates:
            raise InvalidEndpoint(f"ca_file={ca_file!r} holds no certificate in PEM form")
        try:
            trust = trustRootFromCertificates([Certificate.loadPEM(each) for each in certificates])
        except CryptoError as error:
            raise InvalidEndpoint(f"ca_file={ca_file!r} holds a certificate that cannot be read: {error}") from error
    try:
        options = optionsForClientTLS(host, trustRoot=trust)
    except UnicodeError as error:
        raise InvalidEndpoint(f"{host!r} is not the name of a host ({error})") from error
    # By default it would take the global reactor, which need not be the one that runs.
    return wrapClientTLS(options, plain, clock=reactor)
