"""One connection, in memory: login, replies, events, keepalive, the end."""

from __future__ import annotations

from time import sleep
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.error import ConnectionLost as TransportLost
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides
from zope.interface.verify import verifyObject

from txami import (
    IAMI,
    ActionError,
    ActionTimeout,
    AMIProtocol,
    ConnectionLost,
    Event,
    EventRegistry,
    InvalidAction,
    Login,
    LoginFailed,
    NotConnected,
    ProtocolError,
    Response,
    Secret,
    Timeouts,
)
from txami.dispatch import ODDITIES_LOGGED
from txami.inbox import TURN
from txami.message import Message

BANNER = b"Asterisk Call Manager/11.0.0\r\n"


def message(*lines: str) -> bytes:
    """Return a message as it stands on the wire."""
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


class SocketTransport(StringTransport):
    """A transport that can be told to send at once, as long as it has a socket."""

    direct: Any = StringTransport.write

    def writeSomeData(self, data: bytes) -> int:
        self.direct(data)
        return len(data)


class Wire:
    """The server's end of an :class:`AMIProtocol`: reads what it wrote, and writes what it reads."""

    def __init__(self, *, tls: bool = False, transport: Any = None, **options: Any) -> None:
        self.clock = Clock()
        login = Login("admin", Secret("hush"), options.pop("auth", "plain"), options.pop("events", None))
        options.setdefault("timeouts", Timeouts(ping_interval=None))
        self.ami = AMIProtocol(self.clock, login, **options)
        self.transport: Any = transport or StringTransport()
        if tls:
            directlyProvides(self.transport, ISSLTransport)
        self.ami.makeConnection(self.transport)
        self.ready = self.ami.when_ready()

    def sent(self) -> list[Message]:
        """Return the actions written since the last call."""
        data = self.transport.value()
        self.transport.clear()
        return [Message(block) for block in data.split(b"\r\n\r\n") if block]

    def receive(self, *messages: bytes) -> None:
        self.ami.dataReceived(b"".join(messages))

    def answer(self, action: Message, *lines: str, response: str = "Success") -> None:
        self.receive(message(f"Response: {response}", f"ActionID: {action['ActionID']}", *lines))

    def lose(self, reason: Exception | None = None) -> None:
        self.ami.connectionLost(Failure(reason or TransportLost()))

    @property
    def aborted(self) -> bool:
        return bool(self.transport.disconnected or self.transport.disconnecting)


def logged_in(**options: Any) -> Wire:
    """Return a connection that has logged in."""
    wire = Wire(**options)
    wire.receive(BANNER)
    (login,) = wire.sent()
    wire.answer(login, "Message: Authentication accepted")
    return wire


class LoginTests(SynchronousTestCase):
    def test_it_says_nothing_before_the_greeting(self) -> None:
        wire = Wire()
        self.assertEqual(wire.sent(), [])
        self.assertNoResult(wire.ready)

    def test_a_plain_login_sends_the_secret_and_the_tidied_mask(self) -> None:
        wire = Wire(events="call, system")
        wire.receive(BANNER)
        (login,) = wire.sent()
        self.assertEqual(login.keys(), ["Action", "ActionID", "Username", "Secret", "Events"])
        self.assertEqual((login["Username"], login["Secret"], login["Events"]), ("admin", "hush", "call,system"))

    def test_the_connection_is_ready_when_the_login_is_accepted(self) -> None:
        wire = logged_in()
        self.assertIs(self.successResultOf(wire.ready), wire.ami)
        self.assertIs(self.successResultOf(wire.ami.when_ready()), wire.ami)
        self.assertTrue(wire.ami.logged_in)
        self.assertEqual((wire.ami.version, wire.ami.banner), ((11, 0, 0), "Asterisk Call Manager/11.0.0"))

    def test_an_md5_login_answers_the_challenge_and_never_sends_the_secret(self) -> None:
        wire = Wire(auth="md5")
        wire.receive(BANNER)
        (challenge,) = wire.sent()
        self.assertEqual((challenge["Action"], challenge["AuthType"]), ("Challenge", "MD5"))
        wire.answer(challenge, "Challenge: 123456789")
        (login,) = wire.sent()
        # printf 123456789hush | md5sum
        self.assertEqual((login["AuthType"], login["Key"]), ("MD5", "7a51118b706117bd5aeff1b334671d2a"))
        self.assertNotIn(b"hush", login.raw)
        wire.answer(login)
        self.successResultOf(wire.ready)

    def test_a_refusal_fails_the_login_and_closes(self) -> None:
        for auth in ("plain", "md5"):
            wire = Wire(auth=auth)
            wire.receive(BANNER)
            (first,) = wire.sent()
            wire.answer(first, "Message: Authentication failed", response="Error")
            error = self.failureResultOf(wire.ready, LoginFailed).value
            self.assertEqual(
                (error.username, error.message, error.temporary), ("admin", "Authentication failed", False)
            )
            self.assertTrue(wire.aborted)
            wire.lose()
            self.failureResultOf(wire.ami.when_ready(), LoginFailed)

    def test_some_refusals_pass(self) -> None:
        for text in ("Login Already In Use", "Asterisk is shutting down"):
            wire = Wire()
            wire.receive(BANNER)
            wire.answer(wire.sent()[0], f"Message: {text}", response="Error")
            self.assertTrue(self.failureResultOf(wire.ready, LoginFailed).value.temporary)

    def test_no_login_in_time_is_an_error(self) -> None:
        for greeting, text in ((b"", "not even a greeting"), (BANNER, "no login within 30 s")):
            wire = Wire()
            wire.receive(greeting)
            wire.clock.advance(29.9)
            self.assertNoResult(wire.ready)
            wire.clock.advance(0.1)
            self.assertIn(text, str(self.failureResultOf(wire.ready, ProtocolError).value))
            self.assertTrue(wire.aborted)

    def test_a_challenge_that_is_handed_out_when_all_is_over_sends_nothing(self) -> None:
        for end, error in ((Wire.lose, ConnectionLost), (lambda wire: wire.ami.logoff(), NotConnected)):
            wire = Wire(auth="md5", transport=SocketTransport())
            wire.receive(BANNER)
            challenge = wire.sent()[0]

            def be_slow(_: object, clock: Clock = wire.clock) -> None:
                clock.rightNow += 1
                sleep(TURN)

            wire.ami.registry.on("Slow", be_slow)
            answer = message("Response: Success", f"ActionID: {challenge['ActionID']}", "Challenge: 1")
            wire.receive(message("Event: Slow", "Privilege: call,all"), answer)
            self.assertEqual(wire.ami.backlog, len(answer) - len(b"\r\n\r\n"))
            end(wire)
            wire.transport.direct = None  # as a socket that is gone
            wire.clock.advance(0)
            self.assertEqual(wire.ami.backlog, 0)
            self.failureResultOf(wire.ready, error)

    def test_a_loss_before_the_login_says_so(self) -> None:
        for greeting in (b"", BANNER):
            wire = Wire()
            wire.receive(greeting)
            wire.lose(ConnectionDone())
            error = self.failureResultOf(wire.ready, ConnectionLost).value
            self.assertIsInstance(error.reason, ConnectionDone)
            self.assertEqual(wire.clock.getDelayedCalls(), [])

    def test_an_endless_greeting_is_given_up(self) -> None:
        wire = Wire()
        wire.receive(b"x" * 20_000)
        self.failureResultOf(wire.ready, ProtocolError)
        self.assertTrue(wire.aborted)

    def test_any_greeting_will_do(self) -> None:
        for line, version in ((b"PBX Call Manager/2", (2,)), (b"\xff", None), (b"", None)):
            wire = Wire()
            wire.receive(line + b"\r\n")
            wire.answer(wire.sent()[0])
            self.successResultOf(wire.ready)
            self.assertEqual(wire.ami.version, version)

    def test_an_acceptance_after_giving_up_changes_nothing(self) -> None:
        wire = Wire()
        wire.receive(BANNER)
        (login,) = wire.sent()
        closed = wire.ami.logoff()
        self.failureResultOf(wire.ready, NotConnected)
        wire.answer(login)
        self.assertFalse(wire.ami.logged_in)
        wire.lose()
        self.successResultOf(closed)

    def test_fully_booted_is_an_event_like_others(self) -> None:
        wire = Wire()
        seen: list[Event] = []
        wire.ami.on("FullyBooted", seen.append)
        wire.receive(BANNER)
        (login,) = wire.sent()
        booted = message("Event: FullyBooted", "Privilege: system,all", "Status: Fully Booted")
        wire.receive(message("Response: Success", f"ActionID: {login['ActionID']}"), booted)
        self.assertEqual([event["Status"] for event in seen], ["Fully Booted"])

    def test_it_keeps_to_the_interface(self) -> None:
        verifyObject(IAMI, Wire().ami)


class ActionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.wire = logged_in()
        self.ami = self.wire.ami

    def test_a_timeout_that_is_none_is_refused_before_anything_is_sent(self) -> None:
        with self.assertRaisesRegex(ValueError, "timeout='soon'"):
            self.ami.action("Ping", timeout="soon")  # type: ignore[arg-type]
        self.assertEqual(self.ami.pending, 0)

    def test_the_reply_fires_the_deferred(self) -> None:
        pong = self.ami.action("Ping")
        (ping,) = self.wire.sent()
        self.assertNoResult(pong)
        self.wire.answer(ping, "Ping: Pong")
        response = self.successResultOf(pong)
        self.assertEqual((response["Ping"], response.action_id), ("Pong", ping["ActionID"]))

    def test_headers_come_from_the_mapping_the_pairs_and_the_keywords(self) -> None:
        self.ami.action("A", {"Odd-Name": "1"}, Channel="c", Async=True, Priority=2)
        self.ami.action("B", [("Variable", "a=1"), ("Variable", "b=2")], Data=["x", b"y"])
        first, second = self.wire.sent()
        self.assertEqual(first.items()[2:], [("Odd-Name", "1"), ("Channel", "c"), ("Async", "true"), ("Priority", "2")])
        self.assertEqual(second.items()[2:], [("Variable", "a=1"), ("Variable", "b=2"), ("Data", "x"), ("Data", "y")])

    def test_action_ids_are_second_short_and_never_the_same(self) -> None:
        other = logged_in()
        for _ in range(50):
            self.ami.action("Ping")
            other.ami.action("Ping")
        sent = self.wire.sent() + other.sent()
        ids = [action.items()[1] for action in sent]
        self.assertEqual({name for name, _ in ids}, {"ActionID"})
        self.assertEqual(len({value for _, value in ids}), 100)
        self.assertLessEqual(max(len(value) for _, value in ids), 64)

    def test_an_error_fails_it_with_all_that_came(self) -> None:
        failed = self.ami.action("Originate", Channel="x")
        self.wire.answer(self.wire.sent()[0], "Message: Permission denied", "More: 1", response="Error")
        error = self.failureResultOf(failed, ActionError).value
        self.assertEqual((error.action, error.response["More"]), ("Originate", "1"))
        self.assertIn("write class", str(error))

    def test_an_error_can_be_asked_for_as_a_response(self) -> None:
        answered = self.ami.action("Originate", check=False)
        self.wire.answer(self.wire.sent()[0], "Message: no", response="Error")
        self.assertFalse(self.successResultOf(answered).ok)

    def test_a_list_is_one_result(self) -> None:
        listed = self.ami.action("CoreShowChannels")
        key = self.wire.sent()[0]["ActionID"]
        self.wire.receive(message("Response: Success", f"ActionID: {key}", "EventList: start"))
        self.wire.receive(message("Event: CoreShowChannel", f"ActionID: {key}", "Channel: a"))
        self.wire.receive(message("Event: CoreShowChannel", "Channel: b", f"ActionID: {key}"))
        self.assertNoResult(listed)
        self.wire.receive(message("Event: CoreShowChannelsComplete", f"ActionID: {key}", "EventList: Complete"))
        response = self.successResultOf(listed)
        self.assertEqual([event["Channel"] for event in response.events], ["a", "b"])
        assert response.completion is not None
        self.assertEqual(response.completion.name, "CoreShowChannelsComplete")

    def test_items_go_to_no_observer(self) -> None:
        seen: list[Event] = []
        self.ami.on(None, seen.append)
        self.ami.action("Status")
        key = self.wire.sent()[0]["ActionID"]
        self.wire.receive(message("Response: Success", f"ActionID: {key}", "EventList: start"))
        # The only items that have a Privilege are these and those of SIPpeerstatus.
        self.wire.receive(message("Event: Status", "Privilege: Call", "Channel: a", f"ActionID: {key}"))
        self.wire.receive(message("Event: StatusComplete", f"ActionID: {key}", "EventList: Complete"))
        self.assertEqual(seen, [])

    def test_peers_with_a_privilege_are_items(self) -> None:
        seen: list[Event] = []
        self.ami.on("PeerStatus", seen.append)
        listed = self.ami.action("SIPpeerstatus")
        key = self.wire.sent()[0]["ActionID"]
        self.wire.receive(message("Response: Success", f"ActionID: {key}", "EventList: start"))
        self.wire.receive(message("Event: PeerStatus", "Privilege: System", "Peer: SIP/a", f"ActionID: {key}"))
        self.wire.receive(message("Event: PeerStatus", "Privilege: system,all", "Peer: SIP/b"))
        self.wire.receive(message("Event: SIPpeerstatusComplete", f"ActionID: {key}", "EventList: Complete"))
        self.assertEqual([event["Peer"] for event in self.successResultOf(listed).events], ["SIP/a"])
        self.assertEqual([event["Peer"] for event in seen], ["SIP/b"])

    def test_replies_without_a_head_belong_to_the_action_that_is_answered_so(self) -> None:
        self.wire.receive(message("Channeltype: SKINNY", "ObjectName: stray"))
        none, one = self.ami.action("SKINNYshowdevice", Device="none"), self.ami.action("SKINNYshowline", Line="1")
        barriers = [sent["ActionID"] for sent in self.wire.sent() if sent["Action"] == "Ping"]
        self.wire.receive(b"\r\n\r\n")
        self.wire.receive(message("Response: Success", f"ActionID: {barriers[0]}", "Ping: Pong"))
        self.assertEqual(self.successResultOf(none).raw, b"")
        self.wire.receive(message("Channeltype: SKINNY", "ObjectName: 1") + b"\r\n\r\n")
        self.assertEqual(self.successResultOf(one)["ObjectName"], "1")
        self.wire.receive(message("Response: Success", f"ActionID: {barriers[1]}", "Ping: Pong"))
        self.assertEqual((self.ami.pending, self.ami.counters.unmatched, self.ami.counters.late), (0, 1, 0))

    def test_an_event_of_another_session_with_our_action_id_is_no_reply(self) -> None:
        seen: list[Event] = []
        self.ami.on(None, seen.append)
        listed = self.ami.action("CoreShowChannels")
        key = self.wire.sent()[0]["ActionID"]
        forged = message("Event: UserEvent", "Privilege: user,all", f"ActionID: {key}", "EventList: Complete")
        self.wire.receive(forged)
        self.wire.receive(message("Response: Success", f"ActionID: {key}", "EventList: start"))
        self.wire.receive(forged)
        self.wire.receive(message("Event: CoreShowChannelsComplete", f"ActionID: {key}", "EventList: Complete"))
        self.assertEqual(self.successResultOf(listed).events, [])
        self.assertEqual([event.name for event in seen], ["UserEvent", "UserEvent"])

    def test_peers_without_an_action_id_belong_to_the_list_that_is_open(self) -> None:
        seen: list[Event] = []
        self.ami.on("PeerEntry", seen.append)
        self.wire.receive(message("Event: PeerEntry", "ObjectName: stray"))
        listed = self.ami.action("IAXpeers")
        key = self.wire.sent()[0]["ActionID"]
        self.wire.receive(message("Response: Success", f"ActionID: {key}", "EventList: start"))
        self.wire.receive(message("Event: PeerEntry", "Channeltype: IAX2", "ObjectName: a"))
        self.wire.receive(message("Event: PeerlistComplete", f"ActionID: {key}", "EventList: Complete"))
        self.wire.receive(message("Event: PeerEntry", "ObjectName: stray too"))
        self.assertEqual([event["ObjectName"] for event in self.successResultOf(listed).events], ["a"])
        self.assertEqual([event["ObjectName"] for event in seen], ["stray", "stray too"])

    def test_replies_find_their_action_in_any_order(self) -> None:
        waiting = [self.ami.action("Ping") for _ in range(5)]
        sent = self.wire.sent()
        for number in (3, 0, 4, 1, 2):
            self.wire.answer(sent[number], f"Number: {number}")
        self.assertEqual([self.successResultOf(each)["Number"] for each in waiting], ["0", "1", "2", "3", "4"])
        self.assertEqual(self.ami.pending, 0)

    def test_a_timeout_hands_over_the_part_that_came(self) -> None:
        listed = self.ami.action("CoreShowChannels", timeout=5)
        silent = self.ami.action("Ping", timeout=5)
        key = self.wire.sent()[0]["ActionID"]
        self.wire.receive(message("Response: Success", f"ActionID: {key}", "EventList: start"))
        self.wire.receive(message("Event: CoreShowChannel", f"ActionID: {key}", "Channel: a"))
        self.wire.clock.advance(4.9)
        self.assertNoResult(listed)
        self.wire.clock.advance(0.1)
        error = self.failureResultOf(listed, ActionTimeout).value
        self.assertFalse(error.partial.complete)
        self.assertEqual([event["Channel"] for event in error.partial.events], ["a"])
        self.assertIsNone(self.failureResultOf(silent, ActionTimeout).value.partial)
        self.assertEqual(self.ami.counters.timeouts, 2)

    def test_the_default_timeout_is_the_connections(self) -> None:
        wire = logged_in(timeouts=Timeouts(action=2, ping_interval=None))
        short, long, endless = wire.ami.action("A"), wire.ami.action("B", timeout=3), wire.ami.action("C", timeout=None)
        wire.clock.advance(2)
        self.failureResultOf(short, ActionTimeout)
        self.assertNoResult(long)
        wire.clock.advance(1)
        self.failureResultOf(long, ActionTimeout)
        wire.clock.advance(10_000)
        self.assertNoResult(endless)

    def test_what_comes_late_is_dropped_and_counted(self) -> None:
        seen: list[Event] = []
        self.ami.on(None, seen.append)
        listed = self.ami.action("CoreShowChannels", timeout=1)
        key = self.wire.sent()[0]["ActionID"]
        self.wire.clock.advance(1)
        self.failureResultOf(listed, ActionTimeout)
        self.wire.receive(message("Response: Success", f"ActionID: {key}", "EventList: start"))
        self.wire.receive(message("Event: CoreShowChannel", f"ActionID: {key}", "Channel: a"))
        self.wire.receive(message("Event: CoreShowChannelsComplete", f"ActionID: {key}", "EventList: Complete"))
        self.assertEqual((self.ami.counters.late, seen), (3, []))

    def test_a_second_reply_is_dropped_and_counted(self) -> None:
        sent = self.ami.action("JabberSend")
        (action,) = self.wire.sent()
        self.wire.answer(action)
        self.wire.answer(action, response="Error")
        self.assertTrue(self.successResultOf(sent).ok)
        self.assertEqual(self.ami.counters.late, 1)

    def test_a_reply_to_nobody_is_dropped_and_counted(self) -> None:
        self.wire.receive(message("Response: Error", "Message: Missing action in request"))
        self.wire.receive(message("Response: Success", "ActionID: 1"))
        self.wire.receive(message("no colon", "at all"))
        self.assertEqual(self.ami.counters.unmatched, 3)

    def test_what_makes_no_sense_does_not_fill_the_log(self) -> None:
        with capturedLogs() as logs:
            for _ in range(100):
                self.wire.receive(b"nonsense\r\n\r\n")
        self.assertEqual(self.ami.counters.unmatched, 100)
        self.assertEqual(len(logs), ODDITIES_LOGGED)

    def test_cancelling_gives_up_the_reply(self) -> None:
        listed = self.ami.action("CoreShowChannels")
        (action,) = self.wire.sent()
        listed.cancel()
        self.failureResultOf(listed, CancelledError)
        self.wire.answer(action, "EventList: start")
        self.assertEqual((self.ami.pending, self.ami.counters.late), (0, 1))

    def test_an_action_that_asterisk_may_never_answer_ends_at_the_barrier(self) -> None:
        masked = self.ami.action("Events", EventMask="on")
        events, ping = self.wire.sent()
        self.assertEqual((events["Action"], ping["Action"]), ("Events", "Ping"))
        self.wire.answer(ping)
        response = self.successResultOf(masked)
        self.assertEqual((response.ok, response.complete, response.raw), (True, False, b""))

    def test_an_action_that_asterisk_may_never_answer_is_answered_first_as_a_rule(self) -> None:
        masked = self.ami.action("Events", EventMask="on")
        events, ping = self.wire.sent()
        self.wire.answer(events, "Events: On")
        self.assertEqual(self.successResultOf(masked)["Events"], "On")
        self.wire.answer(ping)
        self.assertEqual(self.ami.counters.late, 0)

    def test_a_fax_session_that_does_not_come_ends_at_the_barrier(self) -> None:
        asked = self.ami.action("FAXSession", SessionNumber=1)
        fax, ping = self.wire.sent()
        self.wire.answer(fax)
        self.assertNoResult(asked)
        self.wire.answer(ping)
        self.assertEqual(self.successResultOf(asked).events, [])

    def test_an_unframed_reply_is_refused(self) -> None:
        with self.assertRaises(InvalidAction):
            self.ami.action("IAXnetstats")
        self.assertEqual(self.wire.sent(), [])

    def test_a_name_that_is_no_text_is_refused(self) -> None:
        with self.assertRaises(InvalidAction):
            logged_in().ami.action(None)  # type: ignore[arg-type]

    def test_what_cannot_be_sent_safely_is_refused_at_once(self) -> None:
        refused: list[tuple[str, Any]] = [
            ("Ping\r\nAction: Logoff", None),
            ("Setvar", {"Value": "a\r\nAction: Logoff"}),
            ("Setvar", {"Value": "a\nb"}),
            ("Setvar", {"Value": "a\0b"}),
            ("Setvar", {"Va\r\nlue": "a"}),
            ("Setvar", {"Va:lue": "a"}),
            ("Setvar", {"Value": "x" * (1023 - len("Value: "))}),
            ("Setvar", [("Variable", "x")] * 127),
            ("Ping", {"ActionID": "1"}),
        ]
        for name, fields in refused:
            with self.assertRaises(InvalidAction):
                self.ami.action(name, fields)
        self.assertEqual((self.wire.sent(), self.ami.pending), ([], 0))
        self.ami.action("Setvar", {"Value": "x" * (1022 - len("Value: "))})
        self.ami.action("Setvar", [("Variable", "x")] * 126)
        self.assertEqual(len(self.wire.sent()), 2)

    def test_a_command_has_its_output_in_both_dialects(self) -> None:
        new, old = self.ami.command("core show uptime"), self.ami.command("core show uptime")
        first, second = self.wire.sent()
        self.assertEqual((first["Action"], first["Command"]), ("Command", "core show uptime"))
        self.wire.answer(first, "Message: Command output follows", "Output: a", "Output: ", "Output:  b: c")
        output = "a\n\r\n\r\n b: c--END COMMAND--"
        head = ("Response: Follows", "Privilege: Command", f"ActionID: {second['ActionID']}")
        self.wire.receive(message(*head, output))
        self.assertEqual(self.successResultOf(new).output, ["a", "", " b: c"])
        self.assertEqual(self.successResultOf(old).output, ["a", "", "", " b: c"])

    def test_a_failed_command_keeps_its_output(self) -> None:
        failed = self.ami.command("no such")
        self.wire.answer(self.wire.sent()[0], "Output: No such command", response="Error")
        error = self.failureResultOf(failed, ActionError).value
        self.assertEqual(error.response.output, ["No such command"])
        self.assertIn("No such command", str(error))

    def test_before_the_login_and_after_the_end_it_is_not_connected(self) -> None:
        for wire in (Wire(), logged_in()):
            wire.receive(b"")
            if wire.ami.logged_in:
                wire.lose()
            self.failureResultOf(wire.ami.action("Ping"), NotConnected)
            with self.assertRaises(InvalidAction):
                wire.ami.action("Ping\n")
            self.assertEqual([action["Action"] for action in wire.sent()], [])


class ReceivingTests(SynchronousTestCase):
    def test_extra_blank_lines_are_skipped(self) -> None:
        wire = logged_in()
        seen: list[Event] = []
        wire.ami.on("Hangup", seen.append)
        event = message("Event: Hangup", "Privilege: call,all")
        wire.receive(event, b"\r\n", event, b"\r\n\r\n", event)
        self.assertEqual(len(seen), 3)
        self.assertEqual(wire.ami.counters.unmatched, 0)

    def test_the_first_header_decides_what_a_message_is(self) -> None:
        wire = logged_in()
        seen: list[Event] = []
        wire.ami.on("OriginateResponse", seen.append)
        pinged = wire.ami.action("Ping")
        key = wire.sent()[0]["ActionID"]
        wire.receive(
            message("Event: OriginateResponse", "Privilege: call,all", f"ActionID: {key}", "Response: Success"),
        )
        self.assertNoResult(pinged)
        self.assertEqual(len(seen), 1)

    def test_a_second_event_header_changes_nothing(self) -> None:
        wire = logged_in()
        seen: list[Event] = []
        wire.ami.on(None, seen.append)
        wire.receive(message("Event: UserEvent", "Privilege: user,all", "Event: Hangup", "Privilege: call,all"))
        self.assertEqual(
            [(event.name, event.get_all("Event")) for event in seen], [("UserEvent", ["UserEvent", "Hangup"])]
        )

    def test_a_value_with_line_feeds_forges_nothing(self) -> None:
        wire = logged_in()
        asked, other = wire.ami.action("Getvar", Variable="X"), wire.ami.action("Ping")
        getvar, ping = wire.sent()
        wire.answer(getvar, f"Variable: X\r\nValue: a\n\nResponse: Success\nActionID: {ping['ActionID']}\n\nb")
        self.assertEqual(self.successResultOf(asked)["Value"].count("\n"), 5)
        self.assertNoResult(other)

    def test_a_failing_observer_stops_nothing(self) -> None:
        wire = logged_in()
        wire.ami.on("Hangup", lambda event: 1 / 0)
        pinged = wire.ami.action("Ping")
        key = wire.sent()[0]["ActionID"]
        wire.receive(message("Event: Hangup", "Privilege: call,all"), message("Response: Success", f"ActionID: {key}"))
        self.successResultOf(pinged)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_message_without_end_ends_the_connection(self) -> None:
        self.patch(AMIProtocol, "MAX_MESSAGE", 1000)
        wire = logged_in()
        pinged = wire.ami.action("Ping")
        wire.receive(b"Event: X\r\nA: " + b"x" * 1000)
        self.assertTrue(wire.aborted)
        wire.lose()
        error = self.failureResultOf(pinged, ConnectionLost).value
        self.assertIsInstance(error.reason, ProtocolError)

    def test_reading_is_never_paused(self) -> None:
        wire = logged_in()
        wire.ami.events("*", limit=1)
        for _ in range(1000):
            wire.receive(message("Event: Hangup", "Privilege: call,all"))
        self.assertEqual(wire.transport.producerState, "producing")

    def test_observers_may_be_added_and_cancelled_while_events_are_handed_out(self) -> None:
        wire = logged_in()
        seen: list[str] = []

        def first(event: Event) -> None:
            seen.append("first")
            second.cancel()
            wire.ami.on("Hangup", lambda event: seen.append("third"))

        wire.ami.once("Hangup", first)
        second = wire.ami.on("Hangup", lambda event: seen.append("second"))
        wire.receive(message("Event: Hangup", "Privilege: call,all") * 2)
        self.assertEqual(seen, ["first", "third"])

    @settings(max_examples=50, deadline=None)
    @given(st.data())
    def test_each_deferred_gets_its_own_reply_however_they_interleave(self, data: st.DataObject) -> None:
        wire = logged_in()
        actions = data.draw(st.lists(st.sampled_from(["Ping", "CoreShowChannels"]), min_size=1, max_size=8))
        waiting = [wire.ami.action(name) for name in actions]
        scripts = [_script(action, number) for number, action in enumerate(wire.sent())]
        stream = b""
        while any(scripts):
            number = data.draw(st.sampled_from([number for number, script in enumerate(scripts) if script]))
            stream += scripts[number].pop(0)
        at = 0
        while at < len(stream):
            size = data.draw(st.integers(1, 200))
            wire.receive(stream[at : at + size])
            at += size
        for number, deferred in enumerate(waiting):
            response = self.successResultOf(deferred)
            self.assertEqual(response["Number"], str(number))
            self.assertEqual(
                [event["Item"] for event in response.events], [f"{number}.{i}" for i in range(len(response.events))]
            )
            self.assertEqual(len(response.events), 2 if actions[number] == "CoreShowChannels" else 0)


def _script(action: Message, number: int) -> list[bytes]:
    """Return the messages of a reply."""
    key = f"ActionID: {action['ActionID']}"
    if action["Action"] == "Ping":
        return [message("Response: Success", key, f"Number: {number}")]
    return [
        message("Response: Success", key, "EventList: start", f"Number: {number}"),
        message("Event: CoreShowChannel", key, f"Item: {number}.0"),
        message("Event: CoreShowChannel", f"Item: {number}.1", key),
        message("Event: CoreShowChannelsComplete", key, "EventList: Complete"),
    ]


class LossTests(SynchronousTestCase):
    def test_everything_pending_fails_and_says_what_was_cut(self) -> None:
        wire = logged_in()
        pinged, listed = wire.ami.action("Ping"), wire.ami.action("CoreShowChannels")
        wire.answer(wire.sent()[1], "EventList: start")
        closed = wire.ami.when_disconnected()
        wire.lose()
        for deferred, name in ((pinged, "Ping"), (listed, "CoreShowChannels")):
            error = self.failureResultOf(deferred, ConnectionLost).value
            self.assertEqual((error.action, error.sent), (name, True))
            self.assertIsInstance(error.reason, TransportLost)
        self.assertIsInstance(self.successResultOf(closed), TransportLost)
        self.assertEqual(wire.clock.getDelayedCalls(), [])

    def test_what_is_asked_for_while_failing_fails_too(self) -> None:
        wire = logged_in()
        again: list[Deferred[Response]] = []
        wire.ami.action("Ping").addErrback(lambda _: again.append(wire.ami.action("Ping")))
        wire.lose()
        self.failureResultOf(again[0], NotConnected)

    def test_those_who_wait_for_events_are_told(self) -> None:
        wire = logged_in()
        waiting = wire.ami.wait_for("Hangup", timeout=60)
        reading = Deferred.fromCoroutine(wire.ami.events("Hangup").__anext__())
        wire.lose()
        self.failureResultOf(waiting, ConnectionLost)
        self.failureResultOf(reading, ConnectionLost)
        self.assertEqual(wire.clock.getDelayedCalls(), [])

    def test_who_waits_for_events_after_the_loss_is_told_at_once(self) -> None:
        wire = logged_in()
        wire.lose()
        self.failureResultOf(wire.ami.wait_for("Hangup"), ConnectionLost)
        self.failureResultOf(Deferred.fromCoroutine(wire.ami.events("Hangup").__anext__()), ConnectionLost)

    def test_who_is_told_may_cancel_what_others_wait_for(self) -> None:
        wire = logged_in()
        first, second, third = (wire.ami.action("Ping") for _ in range(3))
        first.addErrback(lambda _: second.cancel())
        wire.lose()
        self.successResultOf(first)
        self.failureResultOf(second, CancelledError)
        self.failureResultOf(third, ConnectionLost)

    def test_a_registry_that_is_shared_goes_on(self) -> None:
        registry = EventRegistry(Clock())
        wire = logged_in(registry=registry)
        waiting = registry.wait_for("Hangup")
        wire.lose()
        self.assertNoResult(waiting)

    def test_over_tls_what_had_not_left_was_not_sent(self) -> None:
        wire = logged_in(tls=True)
        wire.clock.advance(0)
        first = wire.ami.action("Ping", Data="x" * 900)
        second = wire.ami.action("Ping", Data="x" * 900)
        self.assertEqual(len(wire.sent()), 1)
        wire.lose()
        self.assertTrue(self.failureResultOf(first, ConnectionLost).value.sent)
        self.assertFalse(self.failureResultOf(second, ConnectionLost).value.sent)

    def test_over_tls_a_cancelled_action_that_had_not_left_is_not_sent(self) -> None:
        wire = logged_in(tls=True)
        wire.clock.advance(0)
        wire.ami.action("First", Data="x" * 900)
        second = wire.ami.action("Second", Data="x" * 900)
        wire.ami.action("Third")
        second.cancel()
        self.failureResultOf(second, CancelledError)
        (first,) = wire.sent()
        self.assertEqual(first["Action"], "First")
        wire.answer(first)
        wire.clock.advance(0)
        self.assertEqual([action["Action"] for action in wire.sent()], ["Third"])

    def test_logoff_says_goodbye_and_then_closes(self) -> None:
        wire = logged_in()
        stream = wire.ami.events("Hangup")
        closed = wire.ami.logoff()
        (logoff,) = wire.sent()
        self.assertEqual(logoff["Action"], "Logoff")
        self.failureResultOf(wire.ami.action("Ping"), NotConnected)
        self.failureResultOf(wire.ami.when_ready(), NotConnected)
        wire.answer(logoff, response="Goodbye")
        self.assertTrue(wire.transport.disconnecting)
        self.assertNoResult(closed)
        wire.lose(ConnectionDone())
        self.assertIsNone(self.successResultOf(closed))
        self.assertIsNone(self.successResultOf(wire.ami.logoff()))
        self.failureResultOf(Deferred.fromCoroutine(stream.__anext__()), StopAsyncIteration)

    def test_a_logoff_without_an_answer_is_cut(self) -> None:
        wire = logged_in()
        closed = wire.ami.logoff()
        wire.clock.advance(5)
        self.assertTrue(wire.aborted)
        wire.lose()
        self.successResultOf(closed)
        self.assertEqual(wire.clock.getDelayedCalls(), [])

    def test_a_goodbye_without_a_close_is_cut(self) -> None:
        wire = logged_in()
        wire.ami.logoff()
        wire.answer(wire.sent()[0], response="Goodbye")
        self.assertFalse(wire.transport.disconnected)
        wire.clock.advance(5)
        self.assertTrue(wire.transport.disconnected)

    def test_a_logoff_after_the_loss_leaves_the_transport_alone(self) -> None:
        # That of TLS, for one, fails when it is aborted after its end.
        wire = logged_in(tls=True)
        wire.lose()
        self.successResultOf(wire.ami.logoff())
        self.assertFalse(wire.aborted)

    def test_a_loss_during_logoff_is_a_good_end(self) -> None:
        wire = logged_in()
        closed = wire.ami.logoff()
        wire.lose()
        self.successResultOf(closed)

    def test_logoff_before_the_transport_is_there(self) -> None:
        ami = AMIProtocol(Clock(), Login("admin", Secret("hush")))
        ami.logoff()
        self.failureResultOf(ami.when_ready(), NotConnected)


class KeepaliveTests(SynchronousTestCase):
    timeouts = Timeouts(ping_interval=30, ping=10)

    def test_pings_are_sent_and_their_round_trip_is_known(self) -> None:
        wire = logged_in(timeouts=self.timeouts)
        self.assertIsNone(wire.ami.ping_round_trip)
        for _ in range(3):
            wire.clock.advance(30)
            (ping,) = wire.sent()
            self.assertEqual(ping["Action"], "Ping")
            wire.clock.advance(0.25)
            wire.answer(ping)
            self.assertEqual(wire.ami.ping_round_trip, 0.25)
            wire.clock.advance(-0.25)

    def test_an_unanswered_ping_cuts_the_connection(self) -> None:
        wire = logged_in(timeouts=self.timeouts)
        told = wire.ami.on_ping_timeout()
        pending = wire.ami.action("CoreShowChannels", timeout=None)
        wire.clock.advance(30)
        wire.clock.advance(9.9)
        self.assertNoResult(told)
        wire.clock.advance(0.1)
        self.assertIsNone(self.successResultOf(told))
        self.assertTrue(wire.aborted)
        wire.lose()
        self.assertIn("no answer to a ping", str(self.failureResultOf(pending, ConnectionLost).value))
        self.assertEqual(wire.clock.getDelayedCalls(), [])

    def test_a_pong_that_lay_there_while_the_reactor_was_held_up_counts(self) -> None:
        wire = logged_in(timeouts=self.timeouts)
        action = wire.ami.action("CoreSettings", timeout=15)
        wire.clock.advance(30 - 20)
        wire.answer(wire.sent()[0])
        self.successResultOf(action)
        wire.clock.advance(20)
        late = wire.ami.action("CoreSettings", timeout=15)
        ping, settings = wire.sent()
        # Delayed calls are made before anything is read.
        for each in (ping, settings):
            wire.clock.callLater(25, wire.answer, each)
        wire.clock.advance(25)
        self.assertFalse(wire.aborted)
        self.successResultOf(late)
        self.assertEqual(wire.ami.counters.timeouts, 0)

    def test_a_blocking_action_excuses_it(self) -> None:
        wire = logged_in(timeouts=self.timeouts)
        call = wire.ami.action("Originate", Channel="x", timeout=100)
        wire.clock.pump([30, 10, 20, 10])
        self.assertFalse(wire.aborted)
        wire.answer(wire.sent()[0])
        self.successResultOf(call)

    def test_a_blocking_action_that_timed_out_excuses_it_until_its_late_reply(self) -> None:
        wire = logged_in(timeouts=self.timeouts)
        call = wire.ami.action("Originate", Channel="x", timeout=35)
        (originate,) = wire.sent()
        wire.clock.pump([30, 5, 5])
        self.failureResultOf(call, ActionTimeout)
        self.assertFalse(wire.aborted)
        wire.answer(originate)
        for ping in wire.sent():
            wire.answer(ping)
        wire.clock.advance(20)
        wire.clock.advance(10)
        self.assertTrue(wire.aborted)

    def test_a_blocking_action_that_timed_out_is_no_excuse_for_ever(self) -> None:
        wire = logged_in(timeouts=self.timeouts)
        wire.ami.action("Originate", Channel="x", timeout=5).addErrback(lambda _: None)
        wire.clock.advance(5)
        wire.clock.pump([25, 10])
        self.assertFalse(wire.aborted)
        wire.clock.pump([20, 10, 20, 10])
        self.assertTrue(wire.aborted)

    def test_no_interval_means_no_pings(self) -> None:
        wire = logged_in()
        wire.clock.advance(10_000)
        self.assertEqual(wire.sent(), [])

    def test_waiting_for_an_event_on_the_server_is_no_excuse(self) -> None:
        # Asterisk ends a WaitEvent when a ping arrives.
        wire = logged_in(timeouts=self.timeouts)
        wire.ami.action("WaitEvent", timeout=None).addErrback(lambda _: None)
        wire.clock.pump([30, 10])
        self.assertTrue(wire.aborted)

    def test_times_that_are_none_are_refused(self) -> None:
        for name, seconds in (("ping_interval", 0), ("ping_interval", -1), ("login", -1), ("action", -0.1)):
            with self.assertRaisesRegex(ValueError, name):
                Timeouts(**{name: seconds})


class SecretTests(SynchronousTestCase):
    def test_nothing_that_is_shown_holds_the_secret(self) -> None:
        wire = logged_in()
        secret = "hush"
        shown = [repr(wire.ami), repr(wire.ami._login), str(wire.ami._login), repr(vars(wire.ami))]
        failed = Wire()
        failed.receive(BANNER)
        failed.answer(failed.sent()[0], "Message: Authentication failed", response="Error")
        failure = self.failureResultOf(failed.ready)
        shown += [failure.getTraceback(), failure.getErrorMessage(), repr(failure.value)]
        self.assertFalse([text for text in shown if secret in text])
