"""A program as it was written for StarPy, on real servers: as it is, in a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import ProcessProtocol
from twisted.protocols.portforward import ProxyFactory
from twisted.python.failure import Failure

from tests.asterisk import lab
from txami import ConnectionLost
from txami.starpy import manager
from txami.starpy.error import AMICommandFailure

from .support import AsteriskCase, on_each_server

HOME = Path(__file__).parents[2]
PROGRAM = HOME / "examples" / "starpy_style.py"


class Run(ProcessProtocol):
    """A process; something happens when it prints a certain line."""

    def __init__(self, prompt: str, then: Callable[[], object]) -> None:
        self.output = ""
        self.ended: Deferred[int] = Deferred()
        self._prompt: str | None = prompt
        self._then = then

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Gather what is printed."""
        self.output += data.decode()
        if self._prompt is not None and self._prompt in self.output:
            self._prompt = None
            self._then()

    def processEnded(self, reason: Failure) -> None:
        """Return the exit code."""
        self.ended.callback(getattr(reason.value, "exitCode", -1))


class Relay(ProxyFactory):
    """Passes connections on, until it cuts them."""

    noisy = False

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._connections: list[Any] = []

    def buildProtocol(self, addr: Any) -> Any:
        """Keep hold of the connection."""
        connection = super().buildProtocol(addr)
        self._connections.append(connection)
        return connection

    def cut(self) -> None:
        """Let go of all at once."""
        for connection in self._connections:
            connection.transport.abortConnection()


@on_each_server
class Programs(AsteriskCase):
    """The example, from login to logoff."""

    async def run_program(self, server: lab.Server, interruption: Callable[[], object], port: int) -> list[str]:
        process = Run("cut the connection now", lambda: self.reactor.callLater(0, interruption))
        environment = {**os.environ, "TXAMI_SECRET": server.users["admin"], "PYTHONPATH": str(HOME)}
        command = [sys.executable, str(PROGRAM), server.host, str(port), "admin"]
        self.reactor.spawnProcess(process, sys.executable, command, environment)
        self.assertEqual(await process.ended, 0, process.output)
        return process.output.splitlines()

    async def check(self, server: lab.Server, interruption: Callable[[], object], port: int) -> None:
        self.assertEqual(
            await self.run_program(server, interruption, port),
            [
                "logged in as office",
                "originate: Success",
                "listed: True StatusComplete",
                "variable: hello",
                "redirect: Success",
                "hung up",
                "command: System uptime",
                "cut the connection now",
                "back again",
                "StillHere - the handlers are, too",
                "Goodbye",
            ],
        )

    async def test_with_a_crash_and_a_restart_in_the_middle(self) -> None:
        server = self.spare()
        await self.check(server, server.restart, server.port)

    async def test_with_the_connection_cut_in_the_middle(self) -> None:
        relay = Relay(self.server.host, self.server.port)
        port = self.reactor.listenTCP(0, relay, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        await self.check(self.server, relay.cut, port.getHost().port)


@on_each_server
class Jobs(AsteriskCase):
    """What StarPy cannot do here, and this can."""

    async def login(self, server: lab.Server | None = None, **options: Any) -> Any:
        server = server or self.server
        factory = manager.AMIFactory("admin", server.users["admin"], reactor=self.reactor, **options)
        ami = await factory.login(server.host, server.port)
        self.addCleanup(ami.logoff)
        return ami

    async def test_md5(self) -> None:
        ami = await self.login(plaintext_login=False)
        self.assertEqual((await ami.ping())["response"], "Success")

    async def test_a_wrong_secret(self) -> None:
        for plaintext in (True, False):
            factory = manager.AMIFactory("admin", "wrong", plaintext_login=plaintext)
            attempt = factory.login(self.server.host, self.server.port)
            error = await self.failure(attempt, AMICommandFailure)
            self.assertEqual(error.args[0]["message"], "Authentication failed")

    async def test_nobody_listens(self) -> None:
        await self.failure(manager.AMIFactory("admin", "x").login("127.0.0.1", 1), ConnectionRefusedError)

    async def test_tls(self) -> None:
        self.need_lab("this test needs the lab's certificate")
        from txami import parse_endpoint

        factory = manager.AMIFactory("admin", self.server.users["admin"])
        place = parse_endpoint(self.reactor, f"tls:localhost:{self.server.tls_port}", ca_file=str(self.server.ca_file))
        ami = await factory.login(place)
        self.assertEqual((await ami.ping())["ping"], "Pong")
        await ami.logoff()

    async def test_commands(self) -> None:
        ami = await self.login()
        lines = await ami.command("core show uptime")
        self.assertTrue(lines[0].startswith("System uptime"), lines)
        self.assertGreater(sum(map(len, await ami.command("core show applications"))), 10_000)
        self.assertGreater(sum(map(len, await ami.command("core show help"))), 16_384)
        error = await self.failure(ami.command("no such command"), AMICommandFailure)
        self.assertIn("No such command", str(error))

    async def test_the_database(self) -> None:
        ami = await self.login()
        wanted = [ami.dbPut("starpy", f"key{number}", f"value {number}") for number in range(5)]
        for each in wanted:
            await each
        # All at once: each gets its own.
        values = [ami.dbGet("starpy", f"key{number}") for number in range(5)]
        self.assertEqual([await each for each in values], [f"value {number}" for number in range(5)])
        self.assertIsNone(await ami.dbGet("starpy", "nothing"))
        await ami.dbDelTree("starpy")
        self.assertIsNone(await ami.dbGet("starpy", "key0"))

    async def test_the_outcome_of_a_call_collected_with_it(self) -> None:
        ami = await self.login()
        call = {"channel": "Local/101@default", "context": "default", "exten": "111", "priority": 1, "async": True}
        messages = await ami.collectDeferred({"action": "Originate", **call}, "OriginateResponse")
        self.assertEqual([each["response"] for each in messages], ["Success", "Success"])
        self.assertEqual(messages[0]["actionid"], messages[1]["actionid"])

    async def test_a_call_that_is_waited_for(self) -> None:
        ami = await self.login()
        error = await self.failure(
            ami.originate("Local/102@default", "default", "111", 1, timeout=10), AMICommandFailure
        )
        self.assertEqual(error.args[0]["response"], "Error")
        placed = await ami.originate("Local/101@default", application="Wait", data="0.1", timeout=10)
        self.assertEqual(placed["response"], "Success")

    async def test_lists_and_what_else_is_asked_often(self) -> None:
        ami = await self.login()
        events: list[dict[str, str]] = []
        ami.registerEvent("QueueParams", lambda _, event: events.append(event))
        queues = await ami.queueStatus()
        self.assertEqual((queues[0]["response"], queues[-1]["event"]), ("Success", "QueueStatusComplete"))
        self.assertEqual(len(events), sum(each.get("event") == "QueueParams" for each in queues))
        self.assertIn("originate", await ami.listCommands())
        self.assertTrue(await ami.queues())
        self.assertEqual((await ami.parkedCalls())[-1]["event"], "ParkedCallsComplete")
        self.assertEqual((await ami.extensionState(100, "default"))["exten"], "100")
        self.assertEqual((await ami.waitEvent(1))[-1]["event"], "WaitEventComplete")
        self.assertEqual((await ami.events("call,user"))["response"], "Success")
        await ami.setVar(None, "STARPY", "global")
        self.assertEqual(await ami.getVar(None, "STARPY"), "global")

    async def test_a_restart_while_calls_wait(self) -> None:
        server = self.spare()
        told: list[Any] = []

        def again(login: Deferred[Any]) -> None:
            login.addCallback(told.append)

        ami = await self.login(server, on_reconnect=again)
        waiting = ami.waitEvent(60)
        server.restart()
        await self.failure(waiting, ConnectionLost)
        await self.until(lambda: told)
        self.assertIs(told[0], ami)
        self.assertEqual((await ami.ping())["response"], "Success")
