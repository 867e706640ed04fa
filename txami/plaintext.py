"""A word to those who send their secret through a network that others may listen to."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import ISSLTransport
from twisted.logger import Logger

if TYPE_CHECKING:
    from .login import Login

_log: Final = Logger()

#: How many hosts a process warns of: a program that dials all day must fill neither its memory nor its log.
_LIMIT: Final = 1000

#: Host and port of each warning given.
_given: Final[set[tuple[str, int]]] = set()


def warn_of_plaintext(login: Login, transport: Any) -> None:
    """
    Log a warning, once for each server and process, if a login shows its secret to the network.

    It does with ``auth="plain"`` over a connection of IP that has no TLS and leaves the machine.  It is the peer's
    address that tells, for any name may stand for the loopback interface.

    :param login: what is about to be sent.
    :param transport: where to; one whose peer has no IP address, such as a socket of Unix, is trusted.
    """
    if login.needs_challenge or ISSLTransport.providedBy(transport):
        return
    peer = transport.getPeer()
    if not isinstance(peer, (IPv4Address, IPv6Address)) or _is_loopback(peer.host):
        return
    server = (peer.host, peer.port)
    if server not in _given and len(_given) < _LIMIT:
        _given.add(server)
        _log.warn(
            "the secret of {username!r} goes to {host} port {port} as plain text, for whoever listens on the way: "
            "connect to 'tls:...', or hide it with auth=\"md5\"",
            username=login.username,
            host=peer.host,
            port=peer.port,
        )


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
