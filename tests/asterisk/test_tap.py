"""``twistd txami`` and ``twist txami``: installed, run as processes, against real servers."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from twisted.internet.defer import maybeDeferred
from twisted.internet.threads import deferToThread
from twisted.protocols.portforward import ProxyFactory, ProxyServer
from twisted.trial.unittest import SkipTest

from tests.asterisk import lab
from tests.asterisk.support import REQUIRED, AsteriskCase, on_each_server
from tests.installed import environment, installed, why_not
from tests.test_blocking import reserved
from txami import AMIProtocol

HANDLERS = """
def main(service):
    @service.on("UserEvent")
    def happened(event):
        print("main of", service.name, "got", event["UserEvent"], flush=True)

async def greet(service):
    ami = await service.when_ready()
    print("greeted by", ami.banner, flush=True)
"""


class Overheard(ProxyServer):
    """Passes on what a client sends, and keeps it."""

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        factory: Any = self.factory
        factory.heard += data
        super().dataReceived(data)


class Wiretap(ProxyFactory):
    """A port in front of a server's, which keeps what clients send."""

    protocol = Overheard
    noisy = False
    heard = b""


class Daemons(AsteriskCase):
    """What runs and looks after daemons."""

    def setUp(self) -> None:
        super().setUp()
        reason = why_not()
        if reason is not None:
            if REQUIRED:
                self.fail(reason)
            raise SkipTest(reason)
        # Not mktemp(), whose folder stays, for there are secrets in this one.
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "handlers.py").write_text(HANDLERS)

    def start(self, how: str, command: list[str], arguments: list[str], **variables: str) -> subprocess.Popen[bytes]:
        """Start a daemon whose output is in the file ``out``."""
        with open(self.folder / "out", "wb") as out, open(self.folder / "err", "wb") as err:
            process = subprocess.Popen(
                [installed(how).script(command[0]), *command[1:], "txami", *arguments],
                cwd=self.folder,
                env=environment(PYTHONPATH=str(self.folder), **variables),
                stdout=out,
                stderr=err,
            )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def free_port(self) -> int:
        """Return a port that nobody listens on, or can get by chance before the test is over."""
        found = reserved()
        self.addCleanup(found.close)
        return int(found.getsockname()[1])

    def text(self, name: str = "out") -> str:
        """Return what is in a file so far."""
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    async def shows(self, text: str, name: str = "out") -> None:
        """Wait for a text in a file."""
        try:
            await self.until(lambda: text in self.text(name))
        except self.failureException:
            self.fail(f"{text!r} is not in {name}: {self.text(name)}{self.text('err')}")

    async def ends(self, process: subprocess.Popen[bytes]) -> None:
        """Send SIGTERM, and wait for the end that it should bring."""
        process.terminate()
        await self.until(lambda: process.poll() is not None)
        # Both commands end themselves by the signal that they got, once all is done.
        self.assertEqual((process.returncode, self.text("err")), (-signal.SIGTERM, ""))

    def login(self, server: lab.Server | None = None) -> list[str]:
        """Return the options that name a server, and write the secret."""
        username, secret = self.credentials("admin", server)
        path = self.folder / "secret"
        path.write_text(secret + "\n")
        path.chmod(0o600)
        return ["--endpoint", self.place(server), "--username", username, "--secret-file", str(path)]

    async def say(self, ami: AMIProtocol, name: str) -> None:
        """Have the server send an event."""
        await ami.action("UserEvent", UserEvent=name)


@on_each_server
class OneServer(Daemons):
    async def runs_handlers(self, how: str, command: list[str]) -> None:
        """Events come to the handlers, and SIGTERM makes the daemon log off."""
        tap = Wiretap("", 0)
        host, _, port = self.place().rpartition(":")
        tap.host, tap.port = host, int(port)
        listening: Any = self.reactor.listenTCP(0, tap, interface="127.0.0.1")
        self.addCleanup(lambda: maybeDeferred(listening.stopListening))
        _, _, *who = self.login()
        (self.folder / "secret").chmod(0o644)
        where = ["--endpoint", f"127.0.0.1:{listening.getHost().port}"]
        process = self.start(how, command, [*where, *who, "--app", "handlers", "--app", "handlers:greet"])
        await self.shows("greeted by Asterisk Call Manager/")
        await self.shows("everybody on this machine can read the secret in")
        await self.say(await self.connect(), "Hello")
        await self.shows("main of 127.0.0.1:")
        await self.shows("got Hello")
        self.assertNotIn(b"Action: Logoff", tap.heard)
        await self.ends(process)
        self.assertEqual(tap.heard.count(b"Action: Login"), 1)
        self.assertEqual(tap.heard.count(b"Action: Logoff"), 1)
        self.assertNotIn(self.credentials("admin")[1], self.text())
        self.assertNotIn("Traceback", self.text())

    async def test_twistd_from_a_wheel(self) -> None:
        await self.runs_handlers("wheel", ["twistd", "-n"])

    async def test_twistd_from_an_editable_install(self) -> None:
        await self.runs_handlers("editable", ["twistd", "-n"])

    async def test_twist_from_a_wheel(self) -> None:
        await self.runs_handlers("wheel", ["twist"])

    async def test_twist_from_an_editable_install(self) -> None:
        await self.runs_handlers("editable", ["twist"])

    async def test_in_the_background(self) -> None:
        self.start("wheel", ["twistd", "--logfile=log"], [*self.login(), "--app", "handlers"]).wait(120)
        pid_file = self.folder / "twistd.pid"
        await self.shows("connected to", "log")
        await self.say(await self.connect(), "Hello")
        await self.shows("got Hello", "log")
        subprocess.run(["kill", pid_file.read_text()], check=True)
        await self.until(lambda: not pid_file.exists())
        self.assertNotIn("Traceback", self.text("log"))

    async def test_lines_of_json(self) -> None:
        process = self.start("wheel", ["twistd", "-n", "--logfile=log"], self.login())
        await self.shows("connected to", "log")
        ami = await self.connect()
        await ami.action("UserEvent", [("UserEvent", "Hello"), ("Header", "1"), ("Header", "2")])
        await self.shows("Hello")
        await self.ends(process)
        lines = [json.loads(line) for line in self.text().splitlines()]
        (hello,) = (line for line in lines if line["event"] == "UserEvent")
        self.assertEqual(hello["server"], self.place())
        self.assertEqual(hello["headers"]["Header"], ["1", "2"])
        self.assertLess(abs(hello["time"] - self.reactor.seconds()), 600)

    async def test_everything_in_the_configuration(self) -> None:
        self.login()
        username = self.credentials("admin")[0]
        servers = "".join(
            f'[servers.{name}]\nhost = "{self.place()}"\nusername = "{username}"\nsecret_file = "secret"\n'
            for name in ("office", "branch")
        )
        (self.folder / "txami.toml").write_text(f'apps = ["handlers"]\ndefault = "office"\n{servers}')
        config = str(self.folder / "txami.toml")
        process = self.start("wheel", ["twist"], ["--profile=office", "--profile=branch"], TXAMI_CONFIG=config)
        await self.until(lambda: self.text().count("connected to") == 2)
        await self.say(await self.connect(), "Hello")
        await self.shows("main of office got Hello")
        await self.shows("main of branch got Hello")
        await self.ends(process)

    async def test_tls(self) -> None:
        _, _, *who = self.login()
        where = ["--endpoint", f"tls:localhost:{self.server.tls_port}", "--ca-file", str(self.server.ca_file)]
        process = self.start("wheel", ["twist"], [*where, *who, "--app=handlers:greet"])
        await self.shows("greeted by Asterisk Call Manager/")
        await self.ends(process)

    async def test_metrics(self) -> None:
        arguments = [*self.login(), "--app=handlers", f"--metrics-port={self.free_port()}"]
        process = self.start("wheel", ["twist"], arguments)
        await self.shows("connected to")
        url = f"http://127.0.0.1:{arguments[-1].partition('=')[2]}/metrics"
        answer = await deferToThread(lambda: urlopen(url, timeout=60).read().decode())
        self.assertIn(f'txami_up{{server="{self.place()}"}} 1.0', answer)
        taken = installed("wheel").run("twist", "txami", *arguments[:-2], arguments[-1])
        self.assertEqual((taken.returncode, taken.stdout), (1, ""))
        self.assertRegex(taken.stderr, r"^txami: --metrics-port \d+: .*in use\n$")
        await self.ends(process)

    async def test_a_refused_login(self) -> None:
        where = self.login()
        (self.folder / "secret").write_text("wrong\n")
        process = self.start("wheel", ["twistd", "-n"], [*where, "--app", "handlers"])
        await self.shows("Asterisk refused to log in")
        self.assertNotIn("Traceback", self.text())
        await self.ends(process)


@on_each_server
class Restarted(Daemons):
    async def test_handlers_go_on_after_the_server_was_killed(self) -> None:
        server = self.spare(pjsip=False)
        process = self.start("wheel", ["twistd", "-n"], [*self.login(server), "--app", "handlers"])
        await self.shows("connected to")
        await self.say(await self.connect(server=server), "Before")
        await self.shows("got Before")

        server.kill()
        await self.shows("lost the connection to")
        server.start()
        await self.until(lambda: self.text().count("connected to") > 1)
        await self.say(await self.connect(server=server), "After")
        await self.shows("got After")
        self.assertEqual(self.text().count("got After"), 1)
        self.assertNotIn("Traceback", self.text())
        await self.ends(process)
