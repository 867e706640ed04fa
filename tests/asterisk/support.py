"""
What the tests against real servers share: which servers there are, and how to reach them.

By default these are the two of :mod:`tests.asterisk.lab`.  With ``TXAMI_ASTERISK`` in the environment it is the
one that this names: an endpoint such as ``pbx:5038``, with ``TXAMI_ASTERISK_USERNAME`` and
``TXAMI_ASTERISK_SECRET``, and the extensions of ``conf/extensions.conf`` in its dialplan.  Tests that need more
than such a server offers (other users, TLS, the right to kill it) then say so and skip.

With ``TXAMI_REQUIRE_ASTERISK`` set, a server that is not there is a failure.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, TestCase

from tests.asterisk import lab
from txami import AMIProtocol, AMIService, Event, connect

CaseT = TypeVar("CaseT", bound="AsteriskCase")

EXTERNAL = os.environ.get("TXAMI_ASTERISK")
REQUIRED = bool(os.environ.get("TXAMI_REQUIRE_ASTERISK"))


def on_each_server(case: type[CaseT]) -> type[CaseT]:
    """Have the tests of a class run once on each server."""
    for version in ("external",) if EXTERNAL else ("22", "16"):
        name = f"{case.__name__}On{version.capitalize()}"
        attributes = {"version": version, "__test__": True, "__module__": case.__module__}
        setattr(sys.modules[case.__module__], name, type(name, (case,), attributes))
    return case


class AsteriskCase(TestCase):
    """
    A test against a real server.

    :cvar version: ``"22"``, ``"16"`` or ``"external"``.
    """

    __test__ = False
    version = ""
    timeout = 300
    reactor: Any = reactor

    def setUp(self) -> None:
        reason = None if EXTERNAL else lab.available()
        if reason is not None:
            if REQUIRED:
                self.fail(f"TXAMI_REQUIRE_ASTERISK is set, but: {reason}")
            raise SkipTest(reason)

    def mktemp(self) -> str:
        """Return a path in a directory that goes with the test; trial's own would stay in the checkout."""
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        return os.path.join(directory, "file")

    @property
    def server(self) -> lab.Server:
        """The server that all tests share; only the lab's have more than an endpoint and one user."""
        self.need_lab("this test needs the lab's users")
        return lab.server(self.version)

    def need_lab(self, why: str) -> None:
        """Skip if the server is somebody else's."""
        if EXTERNAL:
            raise SkipTest(why)

    def spare(self, **options: Any) -> lab.Server:
        """Return a running server of this test's own, to be maltreated."""
        self.need_lab("this test kills its server")
        server = lab.spare(self.version, **options)
        self.addCleanup(server.stop)
        server.start()
        return server

    def place(self, server: lab.Server | None = None) -> str:
        """Return the endpoint of a server."""
        if EXTERNAL and server is None:
            return EXTERNAL
        server = server or self.server
        return f"{server.host}:{server.port}"

    def credentials(self, user: str, server: lab.Server | None = None) -> tuple[str, str]:
        """Return the name and the secret of a user."""
        if EXTERNAL and user == "admin":
            return os.environ.get("TXAMI_ASTERISK_USERNAME", "admin"), os.environ.get("TXAMI_ASTERISK_SECRET", "")
        return user, (server or self.server).users[user]

    async def connect(
        self, user: str = "admin", *, server: lab.Server | None = None, tls: bool = False, **options: Any
    ) -> AMIProtocol:
        """Return a connection that is closed when the test ends."""
        place = self.place(server)
        if tls:
            server = server or self.server
            place = f"tls:localhost:{server.tls_port}"
            options.setdefault("ca_file", str(server.ca_file))
        ami = await connect(self.reactor, place, *self.credentials(user, server), **options)
        self.addCleanup(ami.logoff)
        return ami

    def start_service(self, server: lab.Server, **options: Any) -> AMIService:
        """Return a service that is stopped when the test ends."""
        options.setdefault("ping_interval", 1)
        options.setdefault("ping_timeout", 10)
        service = AMIService(self.reactor, self.place(server), *self.credentials("admin", server), **options)
        service.startService()
        self.addCleanup(service.stopService)
        return service

    async def sleep(self, seconds: float) -> None:
        """Let the reactor run."""
        await deferLater(self.reactor, seconds)

    async def until(self, true: Callable[[], object], seconds: float = 60) -> None:
        """Let the reactor run until something is true."""
        deadline = self.reactor.seconds() + seconds
        while not true():
            if self.reactor.seconds() > deadline:
                self.fail(f"not within {seconds} s: {true}")
            await self.sleep(0.02)

    async def failure(self, awaitable: Awaitable[object], error: type[Exception]) -> Any:
        """Return the error that is expected."""
        try:
            result = await awaitable
        except error as raised:
            return raised
        raise AssertionError(f"{error.__name__} expected, got {result!r}")


def collect(ami: AMIProtocol | AMIService, names: str | None = None, **options: Any) -> list[Event]:
    """Return a list that fills with the events to come."""
    events: list[Event] = []
    ami.on(names, events.append, **options)
    return events
