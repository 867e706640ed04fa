"""A stored session, served again: the same messages in the same order, at the pace that was asked for."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from tests.memory import MemoryNetwork
from txami import ActionError, AMIProtocol, Message, connect
from txami.replay import FULL, Replay, Session, load
from txami.transcript import Entry

Client = Callable[[MemoryNetwork, AMIProtocol], Coroutine[Any, Any, object]]


class Seen:
    """What a client saw: every message in the order of its arrival, and when."""

    def __init__(self, net: MemoryNetwork) -> None:
        self.net = net
        self.messages: list[tuple[float, Message]] = []
        self.entries: list[Entry] = []

    def take(self, entry: Entry) -> None:
        self.entries.append(entry)
        if entry.direction == "<<" and b": " in entry.data:
            self.messages.append((entry.time, Message(entry.data.removesuffix(b"\r\n\r\n"))))

    @property
    def shapes(self) -> list[tuple[str, ...]]:
        """What each message is: its names, and the values that no two runs have in common left out."""
        return [
            tuple(f"{name}: {value}" if not name.endswith(("ActionID", "ChannelId", "Uniqueid", "Linkedid")) else name
                  for name, value in message.items())
            for _, message in self.messages
        ]  # fmt: skip


def run(client: Client, serve: Callable[[MemoryNetwork], Any], **options: Any) -> Seen:
    """Let a client talk to a server, and return what it saw."""
    net = MemoryNetwork()
    net.listenTCP(5038, serve(net))
    seen = Seen(net)

    async def main() -> None:
        options.setdefault("ping_interval", None)
        ami = await connect(net, "pbx", "admin", "secret", transcript=seen.take, **options)
        await client(net, ami)
        await ami.logoff()

    net.result_of(main())
    return seen


def fake(net: MemoryNetwork) -> Any:
    server = net.fake(1)
    server.add_channel("PJSIP/alice-1", state="Up")
    server.answer("Slow", "Response: Success\nActionID: {ActionID}\nMessage: none")
    return server


async def a_day_at_work(net: MemoryNetwork, ami: AMIProtocol) -> None:
    """Do a bit of everything."""
    await ami.action("CoreShowChannels")
    await ami.action("Ping")
    call = await ami.originate("PJSIP/bob", application="Wait", data="1", variables={"PASSWORD": "1234"})
    await ami.command("core show uptime")
    await ami.action("CoreShowChannels")
    assert (await call.outcome).answered
    listed = await ami.action("CoreShowChannels")
    assert call.uniqueid in [event["Uniqueid"] for event in listed.events]
    await ami.action("Ping")
    await call.ended
    await ami.action("NoSuchAction", check=False)
    await ami.action("Command", Command="core show nothing", check=False)


def recorded(client: Client = a_day_at_work, **options: Any) -> tuple[Seen, list[Session]]:
    seen = run(client, fake, **options)
    return seen, [Session(seen.entries)]


def replaying(sessions: list[Session], speed: float = 1.0) -> Callable[[MemoryNetwork], Replay]:
    return lambda net: Replay(net, sessions, speed=speed)


class ReplayTests(SynchronousTestCase):
    def test_the_same_client_sees_the_same_at_any_speed(self) -> None:
        first, sessions = recorded()
        self.assertGreater(len(first.messages), 15)
        for speed in (1.0, 3.0, FULL):
            again = run(a_day_at_work, replaying(sessions, speed))
            self.assertEqual(again.shapes, first.shapes)

    def test_with_md5_and_with_another_user(self) -> None:
        first, sessions = recorded(auth="md5")
        net = MemoryNetwork()
        net.listenTCP(5038, Replay(net, sessions))
        ami = net.result_of(connect(net, "pbx", "somebody", "else", auth="md5", ping_interval=None))
        self.assertTrue(ami.logged_in)
        again = run(a_day_at_work, replaying(sessions), auth="plain")
        self.assertEqual(again.shapes, [shape for shape in first.shapes if "Challenge" not in shape[-1]])

    def test_a_replay_can_be_recorded_and_replayed(self) -> None:
        first, sessions = recorded()
        second = run(a_day_at_work, replaying(sessions))
        third = run(a_day_at_work, lambda net: Replay(net, [Session(second.entries)]))
        self.assertEqual(third.shapes, first.shapes)

    def test_events_keep_their_pace(self) -> None:
        first, sessions = recorded()
        times = [round(at, 6) for at, _ in first.messages]
        for speed in (1.0, 2.0):
            again = run(a_day_at_work, replaying(sessions, speed))
            self.assertEqual([round(at * speed, 6) for at, _ in again.messages], times)
        again = run(a_day_at_work, replaying(sessions, FULL))
        self.assertLess(again.messages[-1][0], 0.01)
        self.assertGreater(times[-1], 2)

    def test_who_only_looks_on_sees_all_events(self) -> None:
        async def look_on(net: MemoryNetwork, ami: AMIProtocol) -> None:
            await net_sleep(net, 10)

        first, sessions = recorded()
        events = [message["Event"] for _, message in first.messages if "Privilege" in message]
        for speed in (1.0, FULL):
            again = run(look_on, replaying(sessions, speed))
            self.assertEqual([message["Event"] for _, message in again.messages if "Event" in message], events)

    def test_the_mask_of_the_client_counts(self) -> None:
        async def look_on(net: MemoryNetwork, ami: AMIProtocol) -> None:
            await net_sleep(net, 10)

        _, sessions = recorded()
        for mask, some in (("off", False), ("call", True), ("agent", False)):
            again = run(look_on, replaying(sessions), events=mask)
            self.assertEqual([m for _, m in again.messages if m.get("Event") == "Newchannel"] != [], some)

    def test_out_of_turn_and_again(self) -> None:
        async def in_another_order(net: MemoryNetwork, ami: AMIProtocol) -> None:
            for _ in range(2):
                self.assertEqual((await ami.command("core show uptime")).output, ["System uptime: 1 minute, 5 seconds"])
                self.assertIn(len((await ami.action("CoreShowChannels")).events), (1, 2))
                pongs = [ami.action("Ping") for _ in range(5)]
                self.assertEqual({(await pong)["Ping"] for pong in pongs}, {"Pong"})

        _, sessions = recorded()
        for speed in (1.0, FULL):
            run(in_another_order, replaying(sessions, speed))

    def test_what_was_not_recorded_is_refused(self) -> None:
        async def ask(net: MemoryNetwork, ami: AMIProtocol) -> None:
            for name, fields in (("QueueStatus", {}), ("Command", {"Command": "core show version"})):
                with self.assertRaises(ActionError):
                    await ami.action(name, fields)
            self.assertTrue((await ami.action("Ping")).ok)

        run(ask, lambda net: Replay(net, recorded()[1]))

    def test_blots_match_anything(self) -> None:
        async def with_a_secret(net: MemoryNetwork, ami: AMIProtocol) -> None:
            await ami.action("Slow", Password=secret)

        secret = "1"
        _, sessions = recorded(with_a_secret)
        secret = "2"
        run(with_a_secret, replaying(sessions))

    def test_another_user_may_ask_about_himself(self) -> None:
        async def ask(net: MemoryNetwork, ami: AMIProtocol) -> None:
            await ami.action("Slow", User=ami.username)

        _, sessions = recorded(ask)
        net = MemoryNetwork()
        net.listenTCP(5038, Replay(net, sessions))
        ami = net.result_of(connect(net, "pbx", "somebody", "else", ping_interval=None))
        self.assertTrue(net.result_of(ami.action("Slow", User="somebody")).ok)
        net.result_of(
            ami.action("Slow", User="nobody", check=False).addCallback(lambda reply: self.assertFalse(reply.ok))
        )

    def test_each_connection_has_its_session(self) -> None:
        _, (session,) = recorded()
        net = MemoryNetwork()
        other = Session([Entry(0.0, "--", b"opened\r\n"), Entry(0.0, "<<", b"Other/1\r\n")])
        net.listenTCP(5038, Replay(net, [session, other]))
        banners = []
        for _ in range(3):
            ami = net.result_of(connect(net, "pbx", "x", "y", ping_interval=None))
            banners.append(ami.banner)
            net.result_of(ami.logoff())
        self.assertEqual(banners, ["Asterisk Call Manager/11.0.0", "Other/1", "Other/1"])

    def test_nothing_is_left_when_the_client_goes(self) -> None:
        _, sessions = recorded()
        net = MemoryNetwork()
        server = Replay(net, sessions)
        net.listenTCP(5038, server)
        left = server.when_left()
        ami = net.result_of(connect(net, "pbx", "x", "y", ping_interval=None))
        net.result_of(ami.logoff())
        self.successResultOf(left)
        self.assertEqual(([call for call in net.getDelayedCalls() if "Player" in str(call)], server.sessions), ([], []))

    def test_a_recording_that_begins_later(self) -> None:
        first, _ = recorded()
        cut = next(n for n, entry in enumerate(first.entries) if b"CoreShowChannels\r\n" in entry.data)

        async def list_channels(net: MemoryNetwork, ami: AMIProtocol) -> None:
            self.assertEqual(len((await ami.action("CoreShowChannels")).events), 1)

        run(list_channels, lambda net: Replay(net, [Session(first.entries[cut:])]))

    def test_nonsense_is_refused(self) -> None:
        net = MemoryNetwork()
        for speed in (0.0, -1.0, float("nan")):
            self.assertRaises(ValueError, Replay, net, recorded()[1], speed=speed)
        self.assertRaises(ValueError, Replay, net, [])

    def test_files(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "session.ami"
        first, _ = recorded()
        path.write_text("".join(entry.text for entry in first.entries) * 2)
        self.assertEqual(len(load(path)), 2)
        path.write_text("")
        self.assertRaises(ValueError, load, path)
        path.write_bytes(gzip.compress(b"x"))
        self.assertRaises(ValueError, load, path)
        self.assertRaises(OSError, load, path.with_name("none"))


async def net_sleep(net: MemoryNetwork, seconds: float) -> None:
    await deferLater(net, seconds)
