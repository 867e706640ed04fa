"""The promises that a server can show, on real ones."""

from __future__ import annotations

import base64
import io

from twisted.internet.defer import gatherResults
from twisted.internet.task import deferLater

from tests.asterisk.support import AsteriskCase, collect, on_each_server
from txami import (
    ActionError,
    ActionTimeout,
    AMIError,
    ConnectionLost,
    Event,
    InvalidAction,
    LoginFailed,
    NotConnected,
    connect,
)
from txami.demo import demo
from txami.login import Secret


@on_each_server
class Login(AsteriskCase):
    async def test_plain(self) -> None:
        ami = await self.connect()
        self.assertTrue(ami.banner.startswith("Asterisk Call Manager/"), ami.banner)
        self.assertEqual((await ami.action("Ping"))["Ping"], "Pong")

    async def test_the_version_is_known(self) -> None:
        self.need_lab("only the lab's versions are known")
        ami = await self.connect()
        self.assertEqual(ami.version, {"22": (11, 0, 0), "16": (5, 0, 4)}[self.version])

    async def test_md5(self) -> None:
        ami = await self.connect(auth="md5")
        self.assertEqual((await ami.action("Ping"))["Ping"], "Pong")

    async def test_tls(self) -> None:
        for auth in ("plain", "md5"):
            ami = await self.connect(tls=True, auth=auth)
            self.assertEqual((await ami.action("Ping"))["Ping"], "Pong")

    async def test_tls_verifies(self) -> None:
        error = await self.failure(self.connect(tls=True, ca_file=None), ConnectionLost)
        self.assertIn("certificate verify failed", str(error))

    async def test_a_name_that_is_not_found(self) -> None:
        server = self.server
        place = f"tls:{server.host}.nip.invalid:{server.tls_port}"
        await self.failure(connect(self.reactor, place, "admin", "x", ca_file=str(server.ca_file)), NotConnected)

    async def test_a_wrong_secret_and_an_unknown_user_are_refused(self) -> None:
        for auth in ("plain", "md5"):
            for user in (self.credentials("admin")[0], "nobody"):
                attempt = connect(self.reactor, self.place(), user, "wrong", auth=auth)
                error = await self.failure(attempt, LoginFailed)
                self.assertEqual((error.username, error.message), (user, "Authentication failed"))
                self.assertNotIn("wrong", str(error))

    async def test_a_user_who_may_be_there_once_is_told_to_wait(self) -> None:
        await self.connect("single")
        error = await self.failure(self.connect("single"), LoginFailed)
        self.assertTrue(error.temporary)

    async def test_a_port_where_nobody_listens(self) -> None:
        attempt = connect(self.reactor, "127.0.0.1:1", "admin", "x")
        self.assertIn("is Asterisk running", str(await self.failure(attempt, NotConnected)))

    async def test_the_mask_works_although_it_was_written_with_blanks(self) -> None:
        ami = await self.connect(events="call, user, system")
        events = collect(ami, "UserEvent")
        await ami.action("UserEvent", UserEvent="Blank")
        await self.until(lambda: events)

    async def test_events_can_be_off(self) -> None:
        ami = await self.connect(events="off")
        events = collect(ami)
        await ami.action("UserEvent", UserEvent="Off")
        await ami.action("Ping")
        await self.sleep(0.2)
        self.assertEqual(events, [])

    async def test_logoff_closes(self) -> None:
        ami = await self.connect()
        await ami.logoff()
        await self.failure(ami.action("Ping"), NotConnected)

    async def test_logging_off_again_does_nothing(self) -> None:
        for tls in (False, True):
            ami = await self.connect(tls=tls)
            await ami.logoff()
            await self.sleep(0.1)
            await ami.logoff()


@on_each_server
class Replies(AsteriskCase):
    async def test_a_thousand_pings_at_once(self) -> None:
        ami = await self.connect()
        replies = await gatherResults([ami.action("Ping") for _ in range(1000)])
        self.assertEqual({reply["Ping"] for reply in replies}, {"Pong"})
        self.assertEqual(len({reply.action_id for reply in replies}), 1000)

    async def test_a_thousand_pings_at_once_over_tls(self) -> None:
        ami = await self.connect(tls=True)
        replies = await gatherResults([ami.action("Ping") for _ in range(1000)])
        self.assertEqual(len({reply.action_id for reply in replies}), 1000)

    async def test_what_the_user_may_not_do(self) -> None:
        ami = await self.connect("watcher")
        error = await self.failure(ami.command("core show uptime"), ActionError)
        self.assertEqual(error.response.message, "Permission denied")
        self.assertIn("write class", str(error))
        self.assertEqual((await ami.action("Ping"))["Ping"], "Pong")

    async def test_an_action_that_does_not_exist(self) -> None:
        ami = await self.connect()
        error = await self.failure(ami.action("NoSuchAction"), ActionError)
        self.assertIn("NoSuchAction", str(error))

    async def test_a_list_of_nothing(self) -> None:
        ami = await self.connect(server=self.spare(pjsip=False))
        channels = await ami.action("CoreShowChannels")
        self.assertEqual((channels.events, channels.complete), ([], True))
        error = await self.failure(ami.action("PJSIPShowEndpoints"), ActionError)
        self.assertEqual(error.response.message, "No endpoints found")

    async def test_lists_are_whole(self) -> None:
        self.need_lab("only the lab's queues and endpoints are known")
        ami = await self.connect()
        queues = await ami.action("QueueStatus")
        self.assertEqual({event["Queue"] for event in queues.events}, {"support", "sales"})
        self.assertEqual(len([event for event in queues.events if event.name == "QueueMember"]), 2)
        endpoints = await ami.action("PJSIPShowEndpoints")
        self.assertIn("alice", {event["ObjectName"] for event in endpoints.events})
        peers = await ami.action("IAXpeers")
        self.assertEqual({event.name for event in peers.events}, {"PeerEntry"})
        self.assertEqual(len(peers.events), int(peers.completion["ListItems"]))  # type: ignore[index]

    async def test_commands_good_and_bad(self) -> None:
        ami = await self.connect()
        uptime = await ami.command("core show uptime")
        self.assertTrue(uptime.output[0].startswith("System uptime:"), uptime.output)
        self.assertGreater(len((await ami.command("core show help")).output), 300)
        error = await self.failure(ami.command("no such command"), ActionError)
        self.assertIn("No such command", error.response.output[0])
        self.assertFalse((await ami.command("no such command", check=False)).ok)

    async def test_irregular_replies(self) -> None:
        ami = await self.connect()
        stats = await ami.action("FAXStats")
        self.assertEqual([event.name for event in stats.events], [])
        assert stats.completion is not None
        self.assertIn("CurrentSessions", stats.completion)
        await ami.action("FAXSessions")
        await self.failure(ami.action("FAXSession", SessionNumber=99), ActionError)
        self.assertEqual((await ami.action("Events", EventMask="on"))["Events"], "On")
        with self.assertRaises(InvalidAction):
            ami.action("IAXnetstats")
        rules = await ami.action("QueueRule")
        self.assertTrue(rules.ok)
        self.assertEqual((await ami.action("Ping"))["Ping"], "Pong")

    async def test_waiting_for_an_event_on_the_server(self) -> None:
        ami, other = await self.connect(), await self.connect()
        events = collect(ami, "UserEvent")
        waited = ami.action("WaitEvent", Timeout=10)
        await other.action("UserEvent", UserEvent="Awaited")
        reply = await waited
        assert reply.completion is not None
        self.assertEqual(reply.completion.name, "WaitEventComplete")
        await self.until(lambda: events)

    async def test_the_limits_are_those_of_asterisk(self) -> None:
        ami = await self.connect()
        self.assertTrue((await ami.action("Ping", {"Filler": "x" * (1022 - len("Filler: "))})).ok)
        self.assertTrue((await ami.action("Ping", [("Filler", "x")] * 126)).ok)
        with self.assertRaises(InvalidAction):
            ami.action("Ping", {"Filler": "x" * (1023 - len("Filler: "))})
        with self.assertRaises(InvalidAction):
            ami.action("Ping", [("Filler", "x")] * 127)
        self.assertEqual((await ami.action("Ping"))["Ping"], "Pong")
        self.assertEqual(ami.counters.unmatched, 0)

    async def test_a_timeout_and_a_cancel_do_not_confuse_what_follows(self) -> None:
        ami = await self.connect()
        await self.failure(ami.action("CoreShowChannels", timeout=0), ActionTimeout)
        cancelled = ami.action("QueueStatus")
        cancelled.addErrback(lambda _: None)
        cancelled.cancel()
        self.assertEqual((await ami.action("Ping"))["Ping"], "Pong")
        self.assertGreaterEqual(ami.counters.late, 2)


@on_each_server
class Forgery(AsteriskCase):
    async def test_a_variable_forges_no_message(self) -> None:
        ami = await self.connect()
        text = "a\n\nResponse: Success\nActionID: 1\n\nEvent: Hangup\n\n"
        encoded = base64.b64encode(text.encode()).decode()
        events = collect(ami, "Hangup")
        reply = await ami.action("Getvar", Variable=f"BASE64_DECODE({encoded})")
        self.assertEqual(reply["Value"], text)
        await ami.action("Ping")
        self.assertEqual((events, ami.counters.unmatched), ([], 0))

    async def test_a_user_event_with_a_second_event_header(self) -> None:
        ami, other = await self.connect(), await self.connect()
        events = collect(ami, where={"UserEvent": "Forged"})
        await other.action("UserEvent", [("UserEvent", "Forged"), ("Event", "Hangup"), ("Privilege", "call,all")])
        await self.until(lambda: events)
        self.assertEqual((events[0].name, events[0].get_all("Event")), ("UserEvent", ["UserEvent", "Hangup"]))

    async def test_a_user_event_with_our_action_id_is_no_reply(self) -> None:
        ami, other = await self.connect(), await self.connect(auth="plain")
        seen = collect(ami, "UserEvent")
        # A reply that is long in coming, so that the forgery comes while we wait for it.
        waiting = ami.action("WaitEvent", Timeout=5)
        (key,) = ami._pending._pending
        # The client would refuse a caller's ActionID, so this is written past it.
        assert other.transport is not None
        for extra in (b"EventList: Complete", b"Response: Success", b"Event: WaitEventComplete"):
            other.transport.write(
                b"Action: UserEvent\r\nActionID: " + key + b"\r\nUserEvent: Forged\r\n" + extra + b"\r\n\r\n"
            )
        reply = await waiting
        assert reply.completion is not None
        self.assertEqual((reply.completion.name, list(reply.events)), ("WaitEventComplete", []))
        await self.until(lambda: len(seen) >= 3)
        self.assertEqual([event["ActionID"].encode() for event in seen], [key] * 3)

    async def test_a_user_event_with_our_action_id_is_no_list_item(self) -> None:
        ami, other = await self.connect(), await self.connect()
        seen = collect(ami, "UserEvent")
        assert other.transport is not None
        for _ in range(20):
            listed = ami.action("QueueStatus")
            (key,) = ami._pending._pending
            forged = b"Action: UserEvent\r\nActionID: " + key + b"\r\nUserEvent: Forged\r\nEventList: Complete\r\n\r\n"
            other.transport.write(forged * 5)
            reply = await listed
            self.assertNotIn("UserEvent", {event.name for event in reply.events})
            assert reply.completion is not None
            self.assertEqual(reply.completion.name, "QueueStatusComplete")
        await self.until(lambda: len(seen) >= 100)


@on_each_server
class Calls(AsteriskCase):
    async def test_a_call_with_variables_and_its_events(self) -> None:
        ami = await self.connect()
        variables = {f"V{number}": f"value {number}, with (all) [that] \"needs\" 'care' \\ " for number in range(20)}
        seen: list[Event] = []
        ami.on(["Newchannel", "VarSet", "DialBegin", "Hangup", "OriginateResponse"], seen.append)
        call = await ami.originate("Local/100@default", context="default", exten="101", variables=variables)
        outcome = await call.outcome
        self.assertEqual(outcome.status, "answered")
        channel = outcome.channel
        for name, value in variables.items():
            self.assertEqual((await ami.action("Getvar", Channel=channel, Variable=name))["Value"], value)
        await ami.wait_for("Hangup", where={"Uniqueid": call.uniqueid}, timeout=20)
        own = [event.name for event in seen if event.get("Uniqueid") == call.uniqueid]
        self.assertEqual((own[0], own[-1]), ("Newchannel", "Hangup"))
        set_by_us = {event["Variable"] for event in seen if event.name == "VarSet"}
        self.assertLessEqual(set(variables), set_by_us)

    async def test_outcomes(self) -> None:
        ami = await self.connect()
        for exten, status in (("101", "answered"), ("102", "busy"), ("104", "congestion"), ("103", "no answer")):
            call = await ami.originate(
                f"Local/{exten}@default/n", application="Wait", data="0.1", ring_time=2 if exten == "103" else 20
            )
            self.assertEqual((exten, (await call.outcome).status), (exten, status))
        for channel in ("NoSuchTech/1", "Local/no-such@default"):
            call = await ami.originate(channel, application="Wait", data="1")
            self.assertEqual((await call.outcome).status, "failed")

    async def test_a_call_to_nowhere_is_refused(self) -> None:
        ami = await self.connect()
        placed = ami.originate("Local/100@default", context="default", exten="no-such")
        self.assertIn("dialplan show", str(await self.failure(placed, ActionError)))

    async def test_a_call_is_hung_up_by_its_uniqueid(self) -> None:
        ami = await self.connect()
        call = await ami.originate("Local/100@default/n", application="Wait", data="60")
        self.assertTrue((await call.outcome).answered)
        hung_up = ami.wait_for("Hangup", where={"Uniqueid": call.uniqueid}, timeout=10)
        await call.hangup()
        await hung_up

    async def test_six_kilobytes_over_tls(self) -> None:
        ami = await self.connect(tls=True)
        variables = {f"V{number}": str(number) * 300 for number in range(1, 10)} | {"V10": "x" * 900, "V11": "y" * 1000}
        call = await ami.originate("Local/100@default/n", application="Wait", data="60", variables=variables)
        channel = (await call.outcome).channel
        for name, value in variables.items():
            self.assertEqual((await ami.action("Getvar", Channel=channel, Variable=name))["Value"], value)
        await call.hangup()

    async def test_the_demonstration(self) -> None:
        out = io.StringIO()
        user, secret = self.credentials("admin")
        await demo(self.reactor, self.place(), user, Secret(secret), out, "Local/101@default")
        text = out.getvalue()
        for part in ("Asterisk Call Manager/", "System uptime", "outcome: answered", "* Hangup", "Logged off."):
            self.assertIn(part, text)


@on_each_server
class Endurance(AsteriskCase):
    async def test_a_crash_and_a_restart_with_observers_alive(self) -> None:
        server = self.spare()
        service = self.start_service(server)
        downs: list[Exception] = []
        service.on_disconnected(downs.append)
        events = collect(service, "UserEvent")
        await service.action("UserEvent", UserEvent="Before")
        # Synchronous, so that no reply comes before the crash.
        ringing = "Local/103@default/n"
        pending = service.action("Originate", Channel=ringing, Application="Wait", Timeout=60_000, timeout=None)
        await self.sleep(0.2)
        server.kill()
        error = await self.failure(pending, ConnectionLost)
        self.assertTrue(error.sent)
        waiting = service.action("UserEvent", UserEvent="After", timeout=60)
        await self.until(lambda: len(downs) == 1)
        server.start()
        await waiting
        await self.until(lambda: len(events) >= 2)
        self.assertEqual([event["UserEvent"] for event in events], ["Before", "After"])

    async def test_a_stopped_server_is_found_within_the_deadline(self) -> None:
        server = self.spare()
        ami = await self.connect(server=server, ping_interval=1, ping_timeout=1)
        await self.until(lambda: ami.ping_round_trip is not None)
        server.pause()
        self.addCleanup(server.resume)
        began = self.reactor.seconds()
        reason = await ami.when_disconnected()
        took = self.reactor.seconds() - began
        self.assertIsInstance(reason, AMIError)
        self.assertIn("no answer to a ping", str(reason))
        # At the latest one interval until the ping, and its deadline; a busy machine may add to it.
        self.assertLess(took, 1 + 1 + 1)

    async def test_a_blocked_server_is_not_taken_for_a_dead_one(self) -> None:
        ami = await self.connect(ping_interval=0.5, ping_timeout=0.5)
        reply = await ami.action(
            "Originate", Channel="Local/103@default/n", Application="Wait", Timeout=3000, timeout=20, check=False
        )
        self.assertEqual(reply.message, "Originate failed")
        self.assertEqual((await ami.action("Ping"))["Ping"], "Pong")

    async def test_a_reload_keeps_the_session(self) -> None:
        ami = await self.connect(server=self.spare())
        events = collect(ami, "Reload")
        await ami.action("Reload", Module="manager")
        await ami.command("manager reload")
        await self.until(lambda: events)
        self.assertEqual((await ami.action("Ping"))["Ping"], "Pong")

    async def test_a_shutdown_is_reported(self) -> None:
        server = self.spare()
        ami, other = await self.connect(server=server), await self.connect(server=server)
        events = collect(other, "Shutdown")
        # The session that says so is not answered any more; another one hears of it.
        error = await self.failure(ami.command("core stop now"), ConnectionLost)
        self.assertEqual((error.action, error.sent), ("Command", True))
        await other.when_disconnected()
        self.assertEqual([event["Restart"] for event in events], ["False"])

    async def test_a_flood_of_calls_is_read_to_its_end(self) -> None:
        # slowpoke is cut off by Asterisk when it falls behind by a tenth of a second.
        ami = await self.connect("slowpoke")
        began, ended = collect(ami, "Newchannel"), collect(ami, "Hangup")
        calls = [ami.originate("Local/1@campaign/n", application="Wait", data="0.5") for _ in range(50)]
        placed = await gatherResults(calls)
        outcomes = await gatherResults([call.outcome for call in placed])
        self.assertEqual({outcome.status for outcome in outcomes}, {"answered"})
        await self.until(lambda: len(ended) >= 100)
        await deferLater(self.reactor, 0.2)
        self.assertEqual({event["Uniqueid"] for event in began}, {event["Uniqueid"] for event in ended})
