"""The convenience methods: each does on real servers what it says."""

from __future__ import annotations

import runpy
from collections.abc import Awaitable, Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TypeVar

from txami import ActionError, AMIProtocol, Call, InvalidAction
from txami.actions import Channel
from txami.actions.database import shown

from .support import AsteriskCase, collect, on_each_server

T = TypeVar("T")

NOBODY = "Local/nobody@nowhere-00000000;1"


class ActionsCase(AsteriskCase):
    """A test with calls of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.need_lab("this test needs the queues, endpoints and files of the lab")

    async def place_call(self, ami: AMIProtocol, exten: int, **options: object) -> Call:
        """Return a call that is answered: one leg runs Echo, the other is at the extension."""
        call = await ami.originate(f"Local/{exten}@default/n", context="default", exten=111, **options)  # type: ignore[arg-type]
        self.assertTrue((await call.outcome).answered)
        self.addCleanup(ami.hangup, f"/^Local.{exten}@default/")
        return call

    async def name_of(self, ami: AMIProtocol, call: Call) -> str:
        """Return the name of the leg that runs Echo."""
        channel = await ami.channel(call.uniqueid)
        assert channel is not None
        return channel.name

    async def eventually(self, ask: Callable[[], Awaitable[T]], is_so: Callable[[T], object]) -> T:
        """Ask again and again until the answer is as expected."""
        for _ in range(1200):
            answer = await ask()
            if is_so(answer):
                return answer
            await self.sleep(0.05)
        raise AssertionError(f"still {answer!r}")

    async def refused(self, *attempts: object) -> list[str]:
        """Return what Asterisk says to each."""
        errors = [await self.failure(attempt, ActionError) for attempt in attempts]  # type: ignore[arg-type]
        return [error.response.message for error in errors]


@on_each_server
class Channels(ActionsCase):
    async def test_all_channels_and_one(self) -> None:
        ami = await self.connect()
        call = await self.place_call(ami, 106, caller_id="O'Brien <4711>", variables={"CALLTAG": "it's"})
        await ami.set_variable("CALLERID(name)", "O'Brien \\ ü?", call.uniqueid)
        channels = await self.eventually(
            ami.channels, lambda found: any(each.bridge_id and each.application == "Dial" for each in found.values())
        )
        near = next(channel for channel in channels.values() if channel.uniqueid == call.uniqueid)
        self.assertEqual(channels[near.name], near)
        self.assertEqual((near.state, near.context, near.exten, near.application), ("Up", "default", "111", "Echo"))
        self.assertEqual((near.caller_id_number, near.caller_id_name), ("4711", "O'Brien \\ ü?"))
        self.assertEqual((near.priority, near.linkedid, near.bridge_id), (2, call.uniqueid, ""))
        self.assertEqual(near.variables, {"CALLTAG": "it's"})
        self.assertIn(near.duration, range(30))
        dialling = next(channel for channel in channels.values() if channel.application == "Dial")
        self.assertEqual(dialling.data, "Local/100@default")
        self.assertNotEqual(dialling.bridge_id, "")

        for name in (near.name, near.uniqueid):
            one = await ami.channel(name, ["CALLTAG", "CALLERID(name)", "NOT_SET"])
            assert one is not None
            self.assertEqual(one.variables, {"CALLTAG": "it's", "CALLERID(name)": "O'Brien \\ ü?"})
            self.assertEqual(self.main_part(one), self.main_part(near))
        self.assertIsNone(await ami.channel(NOBODY))

    def main_part(self, channel: Channel) -> object:
        return (channel.name, channel.uniqueid, channel.state, channel.caller_id_name, channel.application)

    async def test_hangup(self) -> None:
        ami = await self.connect()
        hangups = collect(ami, "Hangup")
        call = await self.place_call(ami, 100)
        self.assertEqual(await ami.hangup(call.uniqueid, 17), 1)
        await self.until(lambda: hangups)
        self.assertEqual(hangups[0]["Cause"], "17")
        other = await self.place_call(ami, 100)
        # Two, unless the end of one is quicker than the list.
        self.assertIn(await ami.hangup("/^Local.100@default/"), (1, 2))
        await other.ended
        self.assertEqual(await ami.hangup("/^Local.100@default/"), 0)
        self.assertEqual(await self.refused(ami.hangup(NOBODY)), ["No such channel"])
        await self.refused(ami.hangup("/(/"))

    async def test_variables(self) -> None:
        ami = await self.connect()
        call = await self.place_call(ami, 100)
        for value in ("", "a, b\\c\"d'e", "x " * 400, "ü|;&=", 7):
            await ami.set_variable("TXAMI_TEST", value, call.uniqueid)
            self.assertEqual(await ami.get_variable("TXAMI_TEST", call.uniqueid), str(value))
        self.assertEqual(await ami.get_variable("CHANNEL(state)", call.uniqueid), "Up")
        self.assertEqual(await ami.get_variable("NOT_SET", call.uniqueid), "")
        await ami.set_variable("TXAMI_GLOBAL", "everybody's")
        self.assertEqual(await ami.get_variable("TXAMI_GLOBAL"), "everybody's")
        self.assertRaises(InvalidAction, ami.set_variable, "TXAMI_GLOBAL", " blank")
        await self.refused(
            ami.get_variable("X", NOBODY), ami.set_variable("X", 1, NOBODY), ami.set_variable("NO_SUCH(x)", 1)
        )

    async def test_text_digits_and_silence(self) -> None:
        ami = await self.connect()
        digits = collect(ami, "DTMFEnd", where={"Direction": "Received"})
        call = await self.place_call(ami, 100)
        await ami.send_text(call.uniqueid, "hello")
        await ami.play_dtmf(call.uniqueid, "1*D", duration=0.05)
        await self.until(lambda: len(digits) >= 3)
        self.assertEqual([digit["Digit"] for digit in digits], ["1", "*", "D"])
        await ami.play_dtmf(call.uniqueid, "9", receive=True)
        for direction in ("in", "out", "all"):
            await ami.mute(call.uniqueid, direction)
            await ami.unmute(call.uniqueid, direction)
        await ami.local_optimize_away(call.uniqueid)
        await self.refused(
            ami.send_text(NOBODY, "hello"),
            ami.play_dtmf(NOBODY, "12"),
            ami.mute(NOBODY),
            ami.unmute(NOBODY),
            ami.local_optimize_away(NOBODY),
        )

    async def test_the_absolute_timeout(self) -> None:
        ami = await self.connect()
        call, other = await self.place_call(ami, 100), await self.place_call(ami, 100)
        await ami.absolute_timeout(call.uniqueid, 0.5)
        await call.ended.addTimeout(60, self.reactor)
        name = (await other.outcome).channel
        await ami.absolute_timeout(other.uniqueid, 600)
        self.assertGreater(float(await ami.get_variable("TIMEOUT(absolute)", name) or 0), 60)
        await ami.absolute_timeout(other.uniqueid, None)
        self.assertEqual(float(await ami.get_variable("TIMEOUT(absolute)", name) or 0), 0)
        await self.refused(ami.absolute_timeout(NOBODY, 1), ami.absolute_timeout(NOBODY, None))


@on_each_server
class Transfers(ActionsCase):
    async def test_redirect(self) -> None:
        ami = await self.connect()
        call, other = await self.place_call(ami, 100), await self.place_call(ami, 100)
        await ami.redirect(call.uniqueid, "default", 100)
        await self.until_at(ami, call, "100")
        await ami.redirect(call.uniqueid, "default", 111, extra_channel=other.uniqueid)
        await self.until_at(ami, call, "111")
        await self.until_at(ami, other, "111")
        await ami.redirect(
            call.uniqueid, "default", 100, 2, extra_channel=other.uniqueid, extra_context="default", extra_exten=108
        )
        await self.until_at(ami, call, "100")
        await self.until_at(ami, other, "108")
        await self.refused(
            ami.redirect(NOBODY, "default", 100), ami.redirect(call.uniqueid, "default", 100, extra_channel=NOBODY)
        )

    async def until_at(self, ami: AMIProtocol, call: Call, exten: str) -> None:
        await self.eventually(
            lambda: ami.channel(call.uniqueid), lambda channel: channel is not None and channel.exten == exten
        )

    async def test_bridges_and_transfers(self) -> None:
        ami = await self.connect()
        entered = collect(ami, "BridgeEnter")
        call, other = await self.place_call(ami, 100), await self.place_call(ami, 100)
        await ami.bridge(call.uniqueid, other.uniqueid)
        await self.until(lambda: len(entered) >= 2)
        bridge = (await ami.bridges())[entered[-1]["BridgeUniqueid"]]
        self.assertEqual((bridge.kind, bridge.creator, bridge.name), ("basic", "", ""))
        self.assertEqual({channel.uniqueid for channel in bridge.channels.values()}, {call.uniqueid, other.uniqueid})
        self.assertEqual({channel.bridge_id for channel in bridge.channels.values()}, {bridge.bridge_id})

        name = await self.name_of(ami, call)
        await ami.attended_transfer(name, "default", 103)
        await ami.cancel_attended_transfer(name)
        await ami.blind_transfer(name, "default", 111)
        await self.until_at(ami, other, "111")
        await self.refused(
            ami.bridge(NOBODY, other.uniqueid),
            ami.bridge(other.uniqueid, NOBODY),
            ami.attended_transfer(NOBODY, "default", 100),
            ami.cancel_attended_transfer(NOBODY),
            # It talks to nobody.
            ami.blind_transfer(await self.name_of(ami, other), "default", 100),
            ami.blind_transfer(NOBODY, "default", 100),
        )

    async def test_the_bridge_of_a_conference(self) -> None:
        ami = await self.connect()
        await self.place_call(ami, 108)
        bridges = await self.eventually(ami.bridges, lambda found: [each for each in found.values() if each.channels])
        (bridge,) = (bridge for bridge in bridges.values() if bridge.name == "room1")
        self.assertEqual((bridge.kind, bridge.creator), ("base", "ConfBridge"))
        self.assertTrue(any(name.startswith("Local/108@") for name in bridge.channels))


@on_each_server
class Queues(ActionsCase):
    async def test_a_queue_with_its_members_and_callers(self) -> None:
        ami = await self.connect()
        # A queue whose only member never answers.
        await ami.queue_add("sales", "Local/103@default", name="Ringer", penalty=3)
        self.addCleanup(ami.queue_remove, "sales", "Local/103@default")
        joined = collect(ami, "QueueCallerJoin")
        for caller in ("Ann <4711>", "Bob <4712>"):
            call = await ami.originate("Local/100@default/n", application="Queue", data="sales", caller_id=caller)
            self.addCleanup(ami.hangup, "/^Local.100@default/")
            await call.outcome
        await self.until(lambda: len(joined) == 2)
        queues = await ami.queues()
        self.assertEqual(set(queues), {"support", "sales"})
        queue = queues["sales"]
        self.assertEqual((queue.strategy, queue.waiting, queue.max_callers), ("leastrecent", 2, 0))
        self.assertEqual([caller.position for caller in queue.callers], [1, 2])
        self.assertEqual([caller.caller_id_name for caller in queue.callers], ["Ann", "Bob"])
        self.assertEqual([caller.caller_id_number for caller in queue.callers], ["4711", "4712"])
        self.assertEqual([caller.channel for caller in queue.callers], [event["Channel"] for event in joined])
        self.assertIn(queue.callers[0].wait, range(30))
        member = queue.members["Local/103@default"]
        self.assertEqual((member.name, member.penalty, member.membership), ("Ringer", 3, "dynamic"))
        self.assertEqual((member.paused, member.last_call, member.in_call), (False, None, False))
        self.assertEqual({member.name for member in queues["support"].members.values()}, {"Hundred", "Ringer"})

        self.assertEqual(set(await ami.queues("sales")), {"sales"})
        self.assertEqual(await ami.queues("no such queue"), {})
        summary = (await ami.queue_summary())["sales"]
        self.assertEqual((summary.callers, summary.logged_in), (2, 1))
        self.assertEqual(await ami.queue_summary("no such queue"), {})

    async def test_the_example(self) -> None:
        example = runpy.run_path(str(Path(__file__).parents[2] / "examples/queue_report.py"))
        with redirect_stdout(StringIO()) as out:
            await example["main"](self.reactor, self.place(), *self.credentials("admin"))
        lines = out.getvalue().splitlines()
        self.assertEqual(
            [line.partition(":")[0] for line in lines if line[0] != " "], ["support (ringall)", "sales (leastrecent)"]
        )
        self.assertIn("  Hundred ", out.getvalue())

    async def test_members(self) -> None:
        ami = await self.connect()
        bob = "Local/101@default"
        await ami.queue_add("sales", bob, paused=True, reason="late", state_interface="Custom:bob")
        member = (await ami.queues("sales"))["sales"].members[bob]
        self.assertEqual((member.paused, member.state_interface), (True, "Custom:bob"))
        await ami.queue_unpause(bob)
        await ami.queue_pause(bob, "sales", "lunch")
        member = (await ami.queues("sales"))["sales"].members[bob]
        self.assertEqual((member.paused, member.paused_reason, member.state), (True, "lunch", "unknown"))
        self.assertIsNotNone(member.last_pause)
        self.assertFalse(await ami.queue_toggle_pause(bob, "sales"))
        self.assertTrue(await ami.queue_toggle_pause(bob, "sales", "tea"))
        await ami.queue_penalty(bob, 7)
        await ami.queue_ring_in_use(bob, False, "sales")
        self.assertEqual((await ami.queues("sales"))["sales"].members[bob].penalty, 7)
        said = await self.refused(ami.queue_add("sales", bob), ami.queue_add("no such queue", bob))
        self.assertEqual([text.rpartition(": ")[2] for text in said], ["Already there", "No such queue"])
        await ami.queue_remove("sales", bob)
        await self.refused(
            ami.queue_remove("sales", bob),
            ami.queue_remove("support", "Local/100@default"),
            ami.queue_pause(bob),
            ami.queue_unpause(bob, "sales"),
            ami.queue_toggle_pause(bob, "sales"),
            ami.queue_toggle_pause(bob, "no such queue"),
            ami.queue_penalty(bob, 1),
            ami.queue_ring_in_use(bob, True),
        )

    async def test_the_log_and_the_configuration(self) -> None:
        ami = await self.connect()
        await ami.queue_log("sales", "TXAMI", uniqueid="1.1", interface="PJSIP/alice", message="hello")
        await ami.queue_reset("sales")
        await ami.queue_reset()
        await ami.queue_reload("sales", members=True)
        await ami.queue_reload()
        self.assertEqual(set(await ami.queues()), {"support", "sales"})


@on_each_server
class Conferences(ActionsCase):
    async def test_a_conference(self) -> None:
        ami = await self.connect()
        self.assertEqual(await ami.conferences(), {})
        self.assertEqual(await ami.conference_members("room1"), {})
        await self.place_call(ami, 108)
        await self.place_call(ami, 108)
        members = await self.eventually(lambda: ami.conference_members("room1"), lambda found: len(found) == 2)
        conference = (await ami.conferences())["room1"]
        self.assertEqual((conference.parties, conference.marked, conference.locked), (2, 0, False))
        self.assertEqual(await ami.conference_members("room2"), {})
        name, member = next(iter(members.items()))
        self.assertEqual((member.channel.name, member.channel.exten, member.admin), (name, "108", False))
        self.assertIn(member.duration, range(30))

        await ami.conference_mute("room1", name)
        muted = {name for name, member in (await ami.conference_members("room1")).items() if member.muted}
        self.assertEqual(muted, {name})
        await ami.conference_unmute("room1", name)
        await ami.conference_lock("room1")
        self.assertTrue((await ami.conferences())["room1"].locked)
        await ami.conference_unlock("room1")
        await ami.conference_start_recording("room1")
        await self.refused(ami.conference_start_recording("room1"))
        await ami.conference_stop_recording("room1")
        await self.refused(ami.conference_stop_recording("room1"))
        await self.refused(
            ami.conference_mute("room1", NOBODY), ami.conference_unmute("room1", NOBODY), ami.conference_lock("room2")
        )
        await ami.conference_kick("room1", name)
        await self.refused(ami.conference_kick("room1", NOBODY), ami.conference_unlock("room2"))
        await ami.conference_kick("room1", "all")


@on_each_server
class Parking(ActionsCase):
    async def test_a_parked_call(self) -> None:
        ami = await self.connect()
        self.assertEqual(await ami.parked_calls(), [])
        call, other = await self.place_call(ami, 100), await self.place_call(ami, 100)
        parked = collect(ami, "ParkedCall")
        name = await self.name_of(ami, other)
        await ami.park(call.uniqueid, lot="default", space=710, park_time=7, timeout_channel=name)
        await self.until(lambda: parked)
        (one,) = await ami.parked_calls()
        self.assertEqual((one.channel.uniqueid, one.channel.state), (call.uniqueid, "Up"))
        # 16.28 takes no notice of the space.
        self.assertEqual((one.lot, one.space), ("default", 701 if self.version == "16" else 710))
        self.assertEqual(one.parker, "Local/100@default")
        self.assertIn(one.time_left, range(5, 8))
        self.assertIn(one.parked_for, range(3))
        self.assertEqual(await ami.parked_calls("quick"), [])
        await self.refused(
            ami.park(NOBODY), ami.park(other.uniqueid, lot="no such lot"), ami.parked_calls("no such lot")
        )

    async def test_the_lots(self) -> None:
        lots = await (await self.connect()).parking_lots()
        self.assertEqual(set(lots), {"default", "quick"})
        quick = lots["quick"]
        self.assertEqual((quick.first_space, quick.last_space, quick.park_time), (751, 770, 2))


@on_each_server
class Recording(ActionsCase):
    async def test_a_recording(self) -> None:
        ami = await self.connect()
        call = await self.place_call(ami, 100)
        recording = await ami.mixmonitor(call.uniqueid, "txami-test.wav", options="b")
        other = await ami.mixmonitor(call.uniqueid, "txami-other.wav", options="i(MINE)")
        self.assertTrue(recording.startswith("0x"))
        self.assertNotEqual(recording, other)
        self.assertEqual(await ami.get_variable("MINE", call.uniqueid), other)
        await ami.mixmonitor_mute(call.uniqueid, "read", recording)
        await ami.mixmonitor_unmute(call.uniqueid, "read", recording)
        await ami.mixmonitor_mute(call.uniqueid)
        await ami.mixmonitor_stop(call.uniqueid, recording)
        await self.refused(ami.mixmonitor_stop(call.uniqueid, recording))
        await ami.mixmonitor_stop(call.uniqueid)
        await self.refused(
            ami.mixmonitor_stop(call.uniqueid),
            ami.mixmonitor(NOBODY, "x.wav"),
            ami.mixmonitor_mute(NOBODY),
            ami.mixmonitor_unmute(NOBODY),
        )


@on_each_server
class Database(ActionsCase):
    async def test_entries(self) -> None:
        ami = await self.connect()
        self.addCleanup(ami.db_delete_tree, "txami")
        for value in ("", "v", "two  words ", "a: b", "ü", "x" * 900):
            await ami.db_put("txami", "key", value)
            self.assertEqual(await ami.db_get("txami", "key"), value)
        self.assertRaises(InvalidAction, ami.db_put, "txami", "key", " v")
        self.assertIsNone(await ami.db_get("txami", "no such key"))
        self.assertTrue(await ami.db_delete("txami", "key"))
        self.assertFalse(await ami.db_delete("txami", "key"))
        self.assertIsNone(await ami.db_get("txami", "key"))

    async def test_trees(self) -> None:
        ami = await self.connect()
        for family in ("txami", "tXami", "t_ami"):
            self.addCleanup(ami.db_delete_tree, family)
            await ami.db_put(family, "one", 1)
        await ami.db_put("txami", "deep/two", 2)
        await ami.db_put("txami", "deeper", 3)
        await ami.db_put("txami/deep", "k" * 60, "4: four")
        long = "deep/" + "k" * 60
        whole = {"one": "1", "deep/two": "2", "deeper": "3", long: "4: four"}
        self.assertEqual(await ami.db_tree("txami"), whole)
        self.assertEqual(await ami.db_tree("t_ami"), {"one": "1"})
        self.assertEqual(await ami.db_tree("txami", "deep"), {"deep/two": "2", long: "4: four"})
        self.assertEqual(await ami.db_tree("no such family"), {})
        everything = await ami.db_tree()
        self.assertEqual(everything["txami/deep/two"], "2")
        lines = (await ami.command("database show")).output
        self.assertEqual({path[1:]: value for path, value in shown(lines)}, everything)

        self.assertTrue(await ami.db_delete_tree("txami", "deep"))
        self.assertEqual(await ami.db_tree("txami"), {"one": "1", "deeper": "3"})
        # It takes tXami and txami along, as its documentation says.
        self.assertTrue(await ami.db_delete_tree("t_ami"))
        self.assertEqual(await ami.db_tree("txami"), {})
        self.assertFalse(await ami.db_delete_tree("txami"))

    async def test_what_the_user_may_not_read_is_not_nothing(self) -> None:
        ami = await self.connect("watcher")
        said = await self.refused(
            ami.db_get("txami", "key"), ami.db_tree(), ami.db_delete("a", "b"), ami.endpoints(), ami.conferences()
        )
        self.assertEqual(set(said), {"Permission denied"})


@on_each_server
class Endpoints(ActionsCase):
    async def test_endpoints(self) -> None:
        ami = await self.connect()
        endpoints = await ami.endpoints()
        alice = endpoints["alice"]
        self.assertEqual((alice.state, alice.transport), ("Not in use", "udp"))
        self.assertEqual((alice.aors, alice.auths), (("alice",), ("alice",)))
        self.assertEqual(alice.contacts, ("alice/sip:alice@127.0.0.1:9",))
        self.assertEqual(alice.active_channels, None if self.version == "16" else 0)
        self.assertEqual((endpoints["bob"].state, endpoints["bob"].contacts), ("Unavailable", ()))

        detail = await ami.endpoint("alice")
        assert detail is not None
        self.assertEqual((detail.name, detail.state), ("alice", "Not in use"))
        self.assertEqual(detail.event["Context"], "default")
        self.assertEqual([aor["MaxContacts"] for aor in detail.aors], ["2"])
        self.assertEqual([transport["Protocol"] for transport in detail.transports], ["udp"])
        (contact,) = detail.contacts
        self.assertEqual((contact.aor, contact.endpoint), ("alice", "alice"))
        self.assertEqual((contact.uri, contact.status), ("sip:alice@127.0.0.1:9", "NonQualified"))
        self.assertEqual((contact.round_trip, contact.expires), (None, None))
        self.assertNotIn(detail.auths[0]["Password"], repr(detail))
        self.assertIsNone(await ami.endpoint("nobody"))
        await ami.endpoint_qualify("alice")
        await ami.endpoint_notify("alice", "check-sync", {"Content-Type": "text/plain", "Content": "hello"})
        await self.refused(ami.endpoint_qualify("nobody"), ami.endpoint_notify("nobody", "check-sync"))

    async def test_no_endpoints(self) -> None:
        ami = await self.connect(server=self.spare(pjsip=False))
        self.assertEqual(await ami.endpoints(), {})
        self.assertEqual(await ami.contacts(), [])
        self.assertEqual(await ami.inbound_registrations(), [])
        self.assertEqual(await ami.outbound_registrations(), {})

    async def test_registrations(self) -> None:
        # The server registers with itself, as carol.
        ami = await self.connect()
        registrations = await self.eventually(
            ami.outbound_registrations, lambda found: found["trunk"].status == "Registered"
        )
        trunk = registrations["trunk"]
        self.assertTrue(trunk.server_uri.startswith("sip:127.0.0.1:"))
        self.assertTrue(trunk.client_uri.startswith("sip:carol@"))
        for contacts in (await ami.contacts(), await ami.inbound_registrations()):
            (contact,) = (contact for contact in contacts if contact.aor == "carol")
            self.assertEqual((contact.endpoint, contact.status), ("carol", "NonQualified"))
            self.assertTrue(contact.uri.startswith("sip:"))
            self.assertEqual(contact.user_agent, "lab")
            assert contact.expires is not None
            self.assertGreater(contact.expires, 1_600_000_000)


@on_each_server
class Peers(ActionsCase):
    async def test_sip(self) -> None:
        ami = await self.connect()
        if self.version != "16":
            said = await self.refused(ami.sip_peers(), ami.sip_peer("simon"), ami.sip_notify("simon", "check-sync"))
            self.assertTrue(all(text.startswith("Invalid/unknown command: SIP") for text in said))
            return
        peers = await ami.sip_peers()
        self.assertEqual(set(peers), {"sally", "simon"})
        simon = peers["simon"]
        self.assertEqual((simon.technology, simon.address, simon.port), ("SIP", "127.0.0.1", 9))
        self.assertEqual((simon.dynamic, peers["sally"].dynamic, simon.status), (False, True, "Unmonitored"))
        detail = await ami.sip_peer("simon")
        assert detail is not None
        self.assertEqual(detail["SIP-DTMFmode"], "rfc2833")
        self.assertIsNone(await ami.sip_peer("nobody"))
        await ami.sip_notify("simon", "check-sync", {"Content-Type": "text/plain"})

    async def test_iax(self) -> None:
        peers = await (await self.connect()).iax_peers()
        self.assertEqual(set(peers), {"iris", "ivan"})
        ivan = peers["ivan"]
        self.assertEqual((ivan.technology, ivan.address, ivan.port, ivan.dynamic), ("IAX2", "127.0.0.1", 9, False))
        self.assertTrue(peers["iris"].dynamic)


@on_each_server
class States(ActionsCase):
    async def test_extensions(self) -> None:
        ami = await self.connect()
        state = await ami.extension_state(100, "default")
        self.assertEqual((state.exten, state.context, state.hint), ("100", "default", "Custom:hundred"))
        self.assertEqual((state.status, state.text), (0, "Idle"))
        await ami.set_variable("DEVICE_STATE(Custom:hundred)", "INUSE")
        self.addCleanup(ami.set_variable, "DEVICE_STATE(Custom:hundred)", "NOT_INUSE")
        await self.eventually(ami.device_states, lambda found: found["Custom:hundred"] == "INUSE")
        await self.eventually(lambda: ami.extension_state(100, "default"), lambda state: state.text == "InUse")
        self.assertEqual((await ami.extension_state(103, "default")).status, -1)
        states = {(state.exten, state.context): state for state in await ami.extension_states()}
        self.assertEqual(states["102", "default"].status, 4)
        self.assertEqual(states["100", "default"].text, "InUse")

    async def test_presence(self) -> None:
        ami = await self.connect()
        alice = "CustomPresence:alice"
        self.addCleanup(ami.set_variable, f"PRESENCE_STATE({alice})", "not_set")
        await ami.set_variable(f"PRESENCE_STATE({alice})", 'away,lu\'nch,back at "one"')
        presence = await ami.presence(alice)
        self.assertEqual((presence.state, presence.subtype, presence.message), ("away", "lu'nch", 'back at "one"'))
        self.assertEqual((await ami.presences())[alice], presence)
        await self.refused(ami.presence("nobody"))


@on_each_server
class Dialplan(ActionsCase):
    async def test_the_dialplan(self) -> None:
        ami = await self.connect()
        hint, *steps = await ami.dialplan("default", 101)
        self.assertEqual((hint.kind, hint.priority, hint.data), ("hint", None, "PJSIP/alice,CustomPresence:alice"))
        self.assertEqual([step.priority for step in steps], [1, 2, 3])
        self.assertEqual([step.application for step in steps], ["Answer", "Wait", "Hangup"])
        self.assertEqual((steps[1].data, steps[1].exten, steps[1].registrar), ("0.5", "101", "pbx_config"))
        entries = await ami.dialplan("default")
        self.assertEqual([entry.data for entry in entries if entry.kind == "include"], ["parkedcalls"])
        self.assertEqual([entry.exten for entry in entries if entry.label == "again"], ["115"])
        self.assertGreater({entry.context for entry in await ami.dialplan()}, {"default", "campaign", "parkedcalls"})
        self.assertEqual({entry.exten for entry in await ami.dialplan("campaign", 4711)}, {"_X!"})
        self.assertEqual(await ami.dialplan("nowhere"), [])
        self.assertEqual(await ami.dialplan("default", "nobody"), [])


@on_each_server
class Voicemail(ActionsCase):
    async def test_mailboxes(self) -> None:
        ami = await self.connect()
        self.assertFalse(await ami.mailbox_status("100@default"))
        count = await ami.mailbox_count("100@default")
        self.assertEqual((count.mailbox, count.new, count.old, count.urgent), ("100@default", 0, 0, 0))
        if not await ami.module_check("app_voicemail"):
            # Debian's package for 16 comes without it.
            await self.refused(ami.voicemail_users())
            return
        users = await ami.voicemail_users()
        alice = users["100@default"]
        self.assertEqual((alice.mailbox, alice.context, alice.full_name), ("100", "default", "Alice"))
        self.assertEqual((alice.email, alice.new, alice.old), ("alice@example.com", 0, 0))


@on_each_server
class Server(ActionsCase):
    async def test_the_server(self) -> None:
        ami = await self.connect()
        self.assertLess(await ami.ping(), 5)
        status = await ami.core_status()
        assert status.started is not None
        self.assertGreater(status.started.year, 2020)
        self.assertEqual(status.processed_calls is None, self.version == "16")
        settings = await ami.core_settings()
        self.assertTrue(settings.asterisk_version.startswith(self.version))
        self.assertEqual(ami.version, tuple(map(int, settings.ami_version.split("."))))
        self.assertEqual((settings.max_calls, settings.max_load, settings.http), (None, None, True))

    async def test_what_one_may_do(self) -> None:
        commands = await (await self.connect()).commands()
        self.assertEqual(commands["Hangup"], ("system", "call"))
        self.assertEqual(commands["Ping"], ())
        self.assertEqual("SIPpeers" in commands, self.version == "16")
        self.assertNotIn("Hangup", await (await self.connect("watcher")).commands())

    async def test_modules(self) -> None:
        ami = await self.connect()
        self.assertTrue(await ami.module_check("app_queue"))
        self.assertFalse(await ami.module_check("app_nothing"))
        await ami.module_unload("app_milliwatt")
        self.assertFalse(await ami.module_check("app_milliwatt"))
        await ami.module_load("app_milliwatt.so")
        self.assertTrue(await ami.module_check("app_milliwatt"))
        await ami.module_reload("app_queue")
        await ami.reload("app_queue")
        await self.refused(
            ami.module_load("app_nothing"),
            ami.module_unload("app_nothing"),
            ami.module_reload("app_nothing"),
            ami.reload("nothing"),
        )

    async def test_configuration(self) -> None:
        ami = await self.connect()
        general, support, sales = await ami.get_config("queues.conf")
        self.assertEqual((general.name, support.name, sales.name), ("general", "support", "sales"))
        self.assertEqual(support.get("strategy"), "ringall")
        self.assertEqual(len(support.get_all("member")), 2)
        self.assertEqual([each.name for each in await ami.get_config("queues.conf", "sales")], ["sales"])
        self.assertEqual(await ami.get_config("queues.conf", "nothing"), [])
        endpoints = await ami.get_config("pjsip_endpoints.conf")
        self.assertEqual([each.get("type") for each in endpoints if each.name == "alice"], ["endpoint", "auth", "aor"])
        login = next(each for each in endpoints if each.get("type") == "auth")
        self.assertEqual(login.templates, ("login",))
        self.assertNotIn(str(login.get("password")), repr(endpoints))
        await self.refused(ami.get_config("nothing.conf"))

    async def test_user_events(self) -> None:
        ami = await self.connect()
        events = collect(ami, "UserEvent")
        await ami.user_event("Dialled", {"X-Campaign": 7, "Number": ["100", "101"]})
        await self.until(lambda: events)
        self.assertEqual((events[0]["UserEvent"], events[0]["X-Campaign"]), ("Dialled", "7"))
        self.assertEqual(events[0].get_all("Number"), ["100", "101"])
