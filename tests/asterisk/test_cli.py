"""Every subcommand as a process, against real servers."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from tests.asterisk import lab
from tests.asterisk.support import AsteriskCase, on_each_server
from tests.commandline import HOME, process_environment, txami_process
from txami import catalogue


class Running(ProcessProtocol):
    """
    A command line that runs.

    :ivar out: what it has printed.
    :ivar err: what it has complained of.
    """

    def __init__(self) -> None:
        self.out = b""
        self.err = b""
        self.code: Deferred[int | None] = Deferred()

    def outReceived(self, data: bytes) -> None:
        self.out += data

    def errReceived(self, data: bytes) -> None:
        self.err += data

    def processEnded(self, reason: Failure) -> None:
        self.code.callback(getattr(reason.value, "exitCode", None))


class CommandLine(AsteriskCase):
    """A test that runs processes; the secret comes from a file, and is nowhere else."""

    def start(self, line: str, server: lab.Server | None = None, **options: Any) -> Running:
        """Start a command line, as a shell would."""
        username, secret = self.credentials("admin", server)
        # Only we may read it, and it does not stay.
        file = tempfile.NamedTemporaryFile("w")  # noqa: SIM115
        self.addCleanup(file.close)
        file.write(secret)
        file.flush()
        running = Running()
        arguments = ["--host", self.place(server), "--username", username, "--secret-file", file.name]
        command = txami_process(*arguments, *shlex.split(line))
        self.secret = secret.encode()
        environment = process_environment(COLUMNS="120", LINES="40", TERM="xterm")
        self.process = self.reactor.spawnProcess(running, command[0], command, environment, str(HOME), **options)
        cmdline = Path(f"/proc/{self.process.pid}/cmdline")
        if cmdline.exists():
            self.assertNotIn(self.secret, cmdline.read_bytes())
        return running

    async def run_it(self, line: str, code: int = 0) -> tuple[str, str]:
        """Return what a command line prints and complains of."""
        running = self.start(line)
        self.assertEqual(await running.code, code, (running.out, running.err))
        self.assertNotIn(self.secret, running.out + running.err)
        self.assertNotIn(b"Traceback", running.err)
        return running.out.decode(), running.err.decode()

    async def json_of(self, line: str, code: int = 0) -> list[Any]:
        """Return the objects that it prints."""
        out, _ = await self.run_it(line, code)
        return [json.loads(each) for each in out.splitlines()]


@on_each_server
class Subcommands(CommandLine):
    async def test_ping(self) -> None:
        out, err = await self.run_it("ping")
        self.assertRegex(out, r"^Asterisk Call Manager/[\d.]+: [\d.]+ ms\n$")
        self.assertEqual(err, "")
        objects = await self.json_of("--json ping --count 3 --interval 0.1")
        self.assertEqual([each["count"] for each in objects], [1, 2, 3])

    async def test_action(self) -> None:
        out, _ = await self.run_it("action CoreSettings")
        self.assertIn("Response: Success\n", out)
        self.assertIn("AsteriskVersion: ", out)
        (shown,) = await self.json_of("action CoreShowChannels --json")
        self.assertEqual(shown["completion"]["Event"], "CoreShowChannelsComplete")
        self.assertEqual(len(shown["events"]), int(shown["completion"]["ListItems"]))
        (shown,) = await self.json_of("--json action ListCommands")
        self.assertIn("QueueAdd", shown["response"])

    async def test_an_action_that_fails(self) -> None:
        out, err = await self.run_it("action Hangup Channel=PJSIP/nobody-1", 1)
        self.assertEqual(out, "")
        self.assertRegex(err, r"^txami: Hangup: Asterisk says: No such channel.*\n$")
        (shown,) = await self.json_of("--json action Hangup Channel=PJSIP/nobody-1", 1)
        self.assertFalse(shown["ok"])

    async def test_command(self) -> None:
        out, _ = await self.run_it("command 'core show uptime'")
        self.assertRegex(out, r"^System uptime: ")
        (shown,) = await self.json_of("--json command 'core show uptime'")
        self.assertTrue(shown["ok"])
        self.assertRegex(shown["output"][0], "^System uptime: ")
        out, err = await self.run_it("command nonsense", 1)
        self.assertIn("No such command", out)
        self.assertEqual(err.count("\n"), 1)

    async def test_originate(self) -> None:
        out, _ = await self.run_it("originate Local/101@default --context default --exten 101 --wait")
        self.assertRegex(out, r"^Local/101@default: answered\nended: .+\n$")
        (shown,) = await self.json_of("--json originate Local/101@default --application Wait --data 0.2 --wait")
        self.assertTrue(shown["answered"])
        self.assertEqual(shown["ended"]["Uniqueid"], shown["uniqueid"])
        out, _ = await self.run_it("originate Local/103@default --application Wait --data 1 --ring-time 1", 3)
        self.assertEqual(out, "Local/103@default: no answer\n")
        (shown,) = await self.json_of("--json originate Local/102@default --application Wait --data 1", 3)
        self.assertEqual((shown["status"], shown["answered"]), ("busy", False))

    async def test_events(self) -> None:
        ami = await self.connect()
        for line in ("events --name UserEvent --where UserEvent=Cli --count 2 --timeout 30", "events --name UserEvent"):
            running = self.start(f"--json {line}")
            while running.out.count(b"\n") < 2:
                await ami.action("UserEvent", {"UserEvent": "Cli", "Key": "a"})
                await self.sleep(0.1)
            if "--count" not in line:
                self.process.signalProcess("INT")
            self.assertEqual(await running.code, 0 if "--count" in line else 130)
            self.assertEqual(running.err, b"")
            events = [json.loads(each) for each in running.out.splitlines()]
            self.assertEqual({each["Key"] for each in events}, {"a"})
        out, err = await self.run_it("events --name NoSuchEvent --count 1 --timeout 0.5", 1)
        self.assertEqual((out, err), ("", "txami: 0 of 1 events within 0.5 s\n"))

    async def test_top_prints_once(self) -> None:
        ami = await self.connect()
        call = await ami.originate("Local/100@default", application="Wait", data="30")
        self.addCleanup(call.hangup)
        await call.outcome
        out, _ = await self.run_it("top")
        self.assertRegex(out.splitlines()[0], "^CHANNEL +STATE +CALLER")
        self.assertIn("Local/100@default-", out)
        (shown,) = await self.json_of("--json top")
        self.assertIn(call.uniqueid, [each["Uniqueid"] for each in shown["channels"]])

    async def test_top_is_live(self) -> None:
        ami = await self.connect()
        ours, theirs = pty.openpty()
        os.set_blocking(ours, False)
        self.addCleanup(os.close, ours)
        running = self.start("top", childFDs={0: theirs, 1: theirs, 2: "r"})
        os.close(theirs)
        shown = b""

        def screen() -> str:
            nonlocal shown
            # Until there is nothing new, or the other end is closed.
            with contextlib.suppress(OSError):
                while data := os.read(ours, 1 << 20):
                    shown += data
            return shown.decode(errors="replace").split("\033[H")[-1]

        await self.until(lambda: "q ends" in screen())
        call = await ami.originate("Local/100@default", application="Wait", data="30")
        await call.outcome
        channel = (await ami.action("Status", Channel=call.uniqueid, check=False)).events
        name = channel[0]["Channel"] if channel else "Local/100@default-"
        await self.until(lambda: name in screen())
        await call.hangup()
        await self.until(lambda: name not in screen())
        os.write(ours, b"q")
        self.assertEqual(await running.code, 0, running.err)
        screen()
        self.assertTrue(shown.endswith(b"\033[?25h\033[?1049l"))

    async def test_demo(self) -> None:
        out, err = await self.run_it("demo --channel Local/101@default")
        self.assertIn("outcome: answered", out)
        self.assertTrue(out.endswith("Logged off.\n"))
        self.assertEqual(err, "")
        self.assertTrue(await self.json_of("--json demo --channel Local/101@default"))

    async def test_what_needs_no_server(self) -> None:
        out, _ = await self.run_it("actions Ping --json")
        self.assertEqual(json.loads(out)["name"], "Ping")
        out, _ = await self.run_it("events-info --json")
        self.assertEqual(len(json.loads(out)), len(catalogue.events()))
        out, _ = await self.run_it("completion bash")
        self.assertEqual(subprocess.run(["bash", "-n"], input=out, text=True, check=False).returncode, 0)

    async def test_a_login_that_is_refused(self) -> None:
        out, err = await self.run_it("ping --username nobody", 1)
        self.assertEqual(out, "")
        self.assertRegex(err, r"^txami: Asterisk refused to log in 'nobody': Authentication failed.*\n$")

    async def test_tls(self) -> None:
        self.need_lab("only the lab's certificates are known")
        place = f"tls:localhost:{self.server.tls_port}"
        out, _ = await self.run_it(f"ping --auth md5 --host {place} --ca-file {self.server.ca_file}")
        self.assertIn(" ms\n", out)


@on_each_server
class Losses(CommandLine):
    async def test_events_go_on_after_a_restart(self) -> None:
        server = self.spare()
        running = self.start("--json events --name FullyBooted --name UserEvent", server=server)
        await self.until(lambda: running.out)
        server.restart()
        ami = await self.connect(server=server)
        while b"Again" not in running.out:
            await ami.action("UserEvent", UserEvent="Again")
            await self.sleep(0.1)
        self.process.signalProcess("INT")
        self.assertEqual(await running.code, 130)
        for line in running.out.splitlines():
            json.loads(line)
        self.assertRegex(running.err.decode(), r"^txami: lost the connection to .*\n")
        self.assertNotIn("Traceback", running.err.decode())
