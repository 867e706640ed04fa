"""Sessions with real servers: taken down without secrets, and served again."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import TCP4ServerEndpoint

from tests.asterisk.support import AsteriskCase, on_each_server
from tests.asterisk.test_cli import CommandLine
from txami import AMIProtocol, Message, connect
from txami.replay import FULL, Replay, Session, load
from txami.transcript import Entry, Transcript, read

#: Values that no two clients have in common.
_MADE_UP = ("ActionID", "ChannelId")


def messages(entries: list[Entry]) -> list[Message]:
    """Return what was received, but for the greeting."""
    pieces = [entry.data for entry in entries if entry.direction == "<<"][1:]
    return [Message(piece.removesuffix(b"\r\n\r\n")) for piece in pieces if piece.strip()]


def shape(message: Message, made_up: set[str]) -> list[tuple[str, str]]:
    """Return the headers, without the values that clients make up."""
    return [(name, "" if name in _MADE_UP or value in made_up else value) for name, value in message.items()]


@on_each_server
class Sessions(AsteriskCase):
    def path(self) -> Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return Path(folder.name) / "session.ami"

    async def work(self, ami: AMIProtocol) -> str:
        """Do a bit of everything, and return the Uniqueid that was made up."""
        call = await ami.originate("Local/101@default", application="Wait", data="1", variables={"PIN": "471147"})
        await ami.action("CoreShowChannels")
        assert (await call.outcome).answered
        await call.ended
        await ami.command("core show uptime")
        await ami.action("GetConfig", Filename="manager.conf")
        await ami.action("PJSIPShowEndpoints")
        await ami.action("NoSuchAction", check=False)
        # Until Asterisk has told all there is.
        await ami.action("UserEvent", UserEvent="TheEnd")
        await self.sleep(0.5)
        return call.uniqueid

    async def record(self, path: Path, **options: Any) -> tuple[list[Entry], str]:
        ami = await self.connect(transcript=Transcript(path, rotate=0), ping_interval=None, **options)
        uniqueid = await self.work(ami)
        await ami.logoff()
        return read(path), uniqueid

    async def replay(self, sessions: list[Session], speed: float) -> tuple[list[Entry], str, float]:
        """Do the same with a replay, and return what was seen, and how long it took."""
        port: Any = await TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1").listen(
            Replay(self.reactor, sessions, speed=speed)
        )
        self.addCleanup(port.stopListening)
        entries: list[Entry] = []
        began = self.reactor.seconds()
        ami = await connect(
            self.reactor,
            f"127.0.0.1:{port.getHost().port}",
            "anybody",
            "any secret",
            transcript=entries.append,
            ping_interval=None,
        )
        uniqueid = await self.work(ami)
        await ami.logoff()
        return entries, uniqueid, self.reactor.seconds() - began

    async def test_a_session_is_seen_again(self) -> None:
        path = self.path()
        first, uniqueid = await self.record(path)
        expected = [shape(message, {uniqueid}) for message in messages(first)]
        self.assertGreater(len(expected), 30)
        for speed in (1.0, FULL):
            again, uniqueid, took = await self.replay(load(path), speed)
            self.assertEqual([shape(message, {uniqueid}) for message in messages(again)], expected)
            took_first = first[-1].time - first[0].time
            if speed == 1.0:
                self.assertGreater(took, took_first - 1)
            self.assertLess(took, took_first + 60)

    async def test_no_secret_is_in_it(self) -> None:
        for auth in ("plain", "md5"):
            path = self.path()
            await self.record(path, auth=auth)
            text = path.read_text()
            for hidden in (self.credentials("admin")[1], "471147"):
                self.assertTrue(hidden)
                self.assertNotIn(hidden, text)
            self.assertIn("<blotted>", text)

    async def test_no_secret_of_the_lab_is_in_it(self) -> None:
        server = self.server
        path = self.path()
        ami = await self.connect(transcript=Transcript(path))
        for name, fields in (
            ("GetConfig", {"Filename": "manager.conf"}),
            ("GetConfigJSON", {"Filename": "manager.conf"}),
            ("GetConfig", {"Filename": "pjsip.conf"}),
            ("GetConfig", {"Filename": "voicemail.conf"}),
            ("PJSIPShowAuths", {}),
            ("PJSIPShowEndpoint", {"Endpoint": "alice"}),
            ("Command", {"Command": "manager show user admin"}),
            ("Command", {"Command": "pjsip show auth alice"}),
            ("Command", {"Command": "sip show users"}),
            ("Command", {"Command": "iax2 show users"}),
        ):
            await ami.action(name, fields, check=False)
        await ami.logoff()
        text = path.read_text()
        for user, secret in server.users.items():
            self.assertNotIn(secret, text, user)
        self.assertIn("Action: PJSIPShowAuths", text)

    async def test_over_tls(self) -> None:
        self.need_lab("only the lab's certificate is known")
        entries: list[Entry] = []
        ami = await self.connect(tls=True, transcript=entries.append)
        await ami.action("Ping")
        await ami.logoff()
        text = "".join(entry.text for entry in entries)
        for line in (">> Action: Login", "<< Ping: Pong", ">> Action: Logoff", "-- closed"):
            self.assertIn(line, text)

    async def test_it_is_no_burden(self) -> None:
        """A thousand replies with a transcript arrive as they do without."""
        path = self.path()
        ami = await self.connect(transcript=path)
        replies = [ami.action("Ping") for _ in range(1000)]
        for reply in replies:
            await reply
        await ami.logoff()
        self.assertEqual(path.read_text().count("<< Ping: Pong\n"), 1000)


@on_each_server
class Processes(CommandLine):
    async def test_record_and_replay(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = f"{folder}/session.ami"
            recording = self.start(f"--json record {file} --duration 4 --action CoreStatus")
            ami = await self.connect()
            await self.until(lambda: os.path.exists(file) and "CoreStatus" in Path(file).read_text())
            call = await ami.originate("Local/101@default", application="Wait", data="1")
            await call.ended
            self.assertEqual(await recording.code, 0, recording.err)
            recorded = [message for message in messages(read(Path(file))) if message.get("Event")]
            self.assertIn(call.uniqueid, [message.get("Uniqueid") for message in recorded])
            self.assertNotIn(self.secret.decode(), Path(file).read_text())

            serving = self.start(f"--json replay {file} --port 0 --speed full --once")
            await self.until(lambda: serving.out.endswith(b"\n"))
            entries: list[Entry] = []
            client = await connect(
                self.reactor, json.loads(serving.out)["host"], "anybody", "any secret", transcript=entries.append
            )
            status = await client.action("CoreStatus")
            self.assertIn("CoreStartupTime", status)
            await self.until(lambda: sum("Event" in message for message in messages(entries)) >= len(recorded))
            await client.logoff()
            self.assertEqual(await serving.code, 0, serving.err)
            seen = [message.items() for message in messages(entries) if message.get("Event")]
            self.assertEqual(seen, [message.items() for message in recorded])
