"""The warning for those whose secret could be read on the way."""

from __future__ import annotations

from typing import Any, Literal
from unittest import mock

from twisted.internet.address import HostnameAddress, IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress, ISSLTransport
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from txami import AMIFactory, AMIPool, AMIProtocol, AMIService, Login, Secret, connect, plaintext

PBX = IPv4Address("TCP", "192.0.2.7", 5038)
BANNER = b"Asterisk Call Manager/11.0.0\r\n"


class PlaintextTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(plaintext, "_given", set())

    def warnings(self, peer: IAddress, auth: Literal["plain", "md5"] = "plain", tls: bool = False) -> list[str]:
        """Return what is warned of when a server there greets."""
        link = AMIProtocol(Clock(), Login("admin", Secret("sesame, open up"), auth))
        return self.greet(link, peer, tls)

    def greet(self, link: Any, peer: IAddress, tls: bool = False) -> list[str]:
        transport = StringTransport(peerAddress=peer)
        if tls:
            alsoProvides(transport, ISSLTransport)
        with capturedLogs() as logs:
            link.makeConnection(transport)
            link.dataReceived(BANNER)
        self.assertTrue(all(event["log_level"] is LogLevel.warn for event in logs))
        return [formatEvent(event) for event in logs]

    def test_who_sends_a_secret_to_another_machine_is_told_what_to_do(self) -> None:
        self.assertEqual(
            self.warnings(PBX),
            [
                "the secret of 'admin' goes to 192.0.2.7 port 5038 as plain text, for whoever listens on the way: "
                "connect to 'tls:...', or hide it with auth=\"md5\""
            ],
        )

    def test_once_for_each_server(self) -> None:
        self.warnings(PBX)
        self.assertEqual(self.warnings(PBX), [])
        self.assertEqual(len(self.warnings(IPv4Address("TCP", "192.0.2.7", 5039))), 1)
        self.assertEqual(len(self.warnings(IPv4Address("TCP", "192.0.2.8", 5038))), 1)

    def test_no_more_than_a_log_can_bear(self) -> None:
        with mock.patch.object(plaintext, "_LIMIT", 3):
            told = [self.warnings(IPv4Address("TCP", f"192.0.2.{host}", 5038)) for host in range(10)]
        self.assertEqual(len(list(filter(None, told))), 3)
        self.assertEqual(len(plaintext._given), 3)

    def test_other_machines(self) -> None:
        for host in ("10.0.0.1", "192.168.1.1", "128.0.0.1", "0.0.0.0"):
            self.assertEqual(len(self.warnings(IPv4Address("TCP", host, 5038))), 1, host)
        for host in ("2001:db8::1", "fe80::1%eth0", "::ffff:192.0.2.1", "::2"):
            self.assertEqual(len(self.warnings(IPv6Address("TCP", host, 5038))), 1, host)

    def test_what_does_not_leave_the_machine_is_all_right(self) -> None:
        for host in ("127.0.0.1", "127.9.9.9"):
            self.assertEqual(self.warnings(IPv4Address("TCP", host, 5038)), [])
        for host in ("::1", "::ffff:127.0.0.1", "::1%lo"):
            self.assertEqual(self.warnings(IPv6Address("TCP", host, 5038)), [])
        for peer in (UNIXAddress("/run/ami.sock"), HostnameAddress(b"pbx", 5038)):
            self.assertEqual(self.warnings(peer), [])

    def test_what_hides_the_secret_is_all_right(self) -> None:
        self.assertEqual(self.warnings(PBX, "md5"), [])
        self.assertEqual(self.warnings(PBX, tls=True), [])

    def test_it_comes_before_the_secret_leaves(self) -> None:
        link = AMIProtocol(Clock(), Login("admin", Secret("sesame, open up")))
        transport = StringTransport(peerAddress=PBX)
        sent_before: list[bytes] = []

        def warned(*_: object, **__: object) -> None:
            sent_before.append(transport.value())

        with mock.patch.object(plaintext._log, "warn", warned):
            link.makeConnection(transport)
            self.assertEqual(sent_before, [])
            link.dataReceived(BANNER)
        self.assertEqual(sent_before, [b""])
        self.assertIn(b"sesame", transport.value())
        self.assertNotIn("sesame", repr(plaintext._given))

    def test_every_way_to_connect_warns(self) -> None:
        reactor = MemoryReactorClock()
        ways: list[Any] = [
            lambda: connect(reactor, "192.0.2.1", "admin", "sesame, open up").addErrback(lambda _: None),
            lambda: AMIService(reactor, "192.0.2.2", "admin", "sesame, open up").startService(),
            lambda: reactor.connectTCP("192.0.2.3", 5038, AMIFactory(reactor, Login("admin", Secret("sesame")))),
        ]
        pool = AMIPool(reactor)
        pool.startService()
        ways.append(lambda: pool.add("berlin", "192.0.2.4", "admin", "sesame, open up"))
        for number, way in enumerate(ways, 1):
            way()
            reactor.advance(0)
            factory = reactor.tcpClients[-1][2]
            peer = IPv4Address("TCP", f"192.0.2.{number}", 5038)
            (told,) = self.greet(factory.buildProtocol(peer), peer)
            self.assertIn(peer.host, told)
            self.assertEqual(self.warnings(peer), [])  # nor does the next connection
