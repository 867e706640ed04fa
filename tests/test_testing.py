"""FakeAsterisk keeps the manners of a real one."""

from __future__ import annotations

import hashlib

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.trial.unittest import SynchronousTestCase

from txami.message import Message
from txami.testing import FakeAsterisk, FakeSession, Manners, User


class FakeCase(SynchronousTestCase):
    version = "11.0.0"

    def setUp(self) -> None:
        self.clock = Clock()
        self.server = FakeAsterisk(self.clock, {"admin": "hush"}, self.version)
        self.session, self.transport = self.join(self.server)
        self.assertEqual(self.heard(), f"Asterisk Call Manager/{self.version}\r\n".encode())

    def join(self, server: FakeAsterisk) -> tuple[FakeSession, StringTransportWithDisconnection]:
        session, transport = server.buildProtocol(None), StringTransportWithDisconnection()
        transport.protocol = session
        session.makeConnection(transport)
        return session, transport

    def heard(self) -> bytes:
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def say(self, *lines: str) -> list[Message]:
        """Send an action and return the messages that come at once."""
        self.session.dataReceived("\r\n".join([*lines, "", ""]).encode())
        return [Message(block) for block in self.heard().split(b"\r\n\r\n") if block]

    def log_in(self) -> None:
        replies = self.say("Action: Login", "ActionID: 1", "Username: admin", "Secret: hush")
        self.assertEqual(replies[0].items()[0], ("Response", "Success"))


class FakeAsteriskTests(FakeCase):
    def test_only_some_actions_run_before_the_login(self) -> None:
        (reply,) = self.say("Action: Ping", "ActionID: 7")
        self.assertEqual(reply.items(), [("Response", "Error"), ("ActionID", "7"), ("Message", "Permission denied")])

    def test_login_is_followed_by_fully_booted(self) -> None:
        replies = self.say("Action: Login", "Username: admin", "Secret: hush")
        self.assertEqual(replies[0].items(), [("Response", "Success"), ("Message", "Authentication accepted")])
        self.assertEqual(replies[1]["Event"], "FullyBooted")

    def test_a_wrong_login_is_refused_and_closed(self) -> None:
        for lines in (["Username: admin", "Secret: wrong"], ["Username: nobody"], ["Username: admin", "AuthType: MD5"]):
            self.setUp()
            (reply,) = self.say("Action: Login", *lines)
            self.assertEqual((reply["Response"], reply["Message"]), ("Error", "Authentication failed"))
            self.assertFalse(self.transport.connected)
            self.assertEqual(self.server.sessions, [])

    def test_md5(self) -> None:
        (refused,) = self.say("Action: Challenge")
        self.assertEqual(refused["Message"], "Must specify AuthType")
        first, second = (self.say("Action: Challenge", "AuthType: md5")[0]["Challenge"] for _ in range(2))
        self.assertEqual(first, second)
        key = hashlib.md5((first + "hush").encode()).hexdigest()
        reply, _ = self.say("Action: Login", "AuthType: MD5", "Username: admin", f"Key: {key}")
        self.assertEqual(reply["Response"], "Success")

    def test_an_unknown_action_and_none_at_all(self) -> None:
        self.log_in()
        (unknown,), (missing,) = self.say("Action: Foo"), self.say("Foo: Bar")
        self.assertTrue(unknown["Message"].startswith("Invalid/unknown command: Foo."))
        self.assertEqual(missing["Message"], "Missing action in request")

    def test_a_line_that_is_too_long(self) -> None:
        self.log_in()
        (reply,) = self.say("Action: Ping", "ActionID: 7", "X: " + "x" * 1020)
        self.assertEqual((reply["ActionID"], reply["Message"]), ("7", "Failed to parse message: line too long"))
        self.assertEqual(self.say("Action: Ping")[0]["Ping"], "Pong")

    def test_commands_in_both_dialects(self) -> None:
        self.log_in()
        self.server.commands["show it"] = "a\n\nb"
        (good,), (bad,) = self.say("Action: Command", "Command: show it"), self.say("Action: Command", "Command: x")
        self.assertEqual((good["Response"], good.get_all("Output")), ("Success", ["a", "", "b"]))
        self.assertEqual(bad["Response"], "Error")
        self.server = FakeAsterisk(self.clock, {"admin": "hush"}, "1.3")
        self.session, self.transport = self.join(self.server)
        self.heard()
        self.log_in()
        self.server.commands["show it"] = "a\n\nb"
        self.session.dataReceived(b"Action: Command\r\nActionID: 7\r\nCommand: show it\r\n\r\n")
        self.assertEqual(
            self.heard(),
            b"Response: Follows\r\nPrivilege: Command\r\nActionID: 7\r\na\n\nb\n--END COMMAND--\r\n\r\n",
        )

    def test_scripted_answers(self) -> None:
        self.log_in()
        self.server.answer("A", "Response: Success\nActionID: {ActionID}\nKey: value")
        self.server.answer("B", b"Response: Success\r\nActionID: {ActionID}\r\nRaw: \xff\r\n\r\n")
        self.server.answer("C", lambda session, action: session.respond(action, "Success", [("Echo", action["Key"])]))
        self.server.never_answer("D")
        self.assertEqual(self.say("Action: A", "ActionID: 1")[0].items()[1:], [("ActionID", "1"), ("Key", "value")])
        self.assertTrue(self.say("Action: B", "ActionID: 2")[0].raw.endswith(b"Raw: \xff"))
        self.assertEqual(self.say("Action: C", "ActionID: 3", "Key: x")[0]["Echo"], "x")
        self.assertEqual(self.say("Action: D"), [])

    def test_events_reach_those_who_want_them(self) -> None:
        self.server.emit("Early")
        self.log_in()
        self.server.emit("Hangup", {"Channel": "a"})
        self.assertEqual(self.heard(), b"Event: Hangup\r\nPrivilege: call,all\r\nChannel: a\r\n\r\n")
        self.assertEqual(self.say("Action: Events", "EventMask: off")[0]["Events"], "Off")
        self.server.emit("Hangup")
        self.assertEqual(self.heard(), b"")
        self.assertEqual(self.say("Action: Events")[0]["Message"], "Invalid event mask")

    def test_only_events_of_the_classes_asked_for_come(self) -> None:
        self.log_in()
        # The blank makes " agent" a class of its own, which nobody has.
        self.say("Action: Events", "EventMask: call, agent")
        for event, classes in (("A", "call"), ("B", "agent"), ("C", "call,user")):
            self.server.emit(event, privilege=classes)
        self.assertEqual(self.heard(), b"Event: A\r\nPrivilege: call,all\r\n\r\n")

    def test_a_user_event_copies_what_was_sent(self) -> None:
        self.log_in()
        reply, event = self.say("Action: UserEvent", "ActionID: 9", "UserEvent: x", "A: 1", "A: 2")
        self.assertEqual(reply["Message"], "Event Sent")
        self.assertEqual(
            event.items()[1:],
            [("Privilege", "user,all"), ("UserEvent", "x"), ("ActionID", "9"), ("A", "1"), ("A", "2")],
        )

    def test_a_call_from_the_ring_to_the_hangup(self) -> None:
        self.log_in()
        (reply,) = self.say("Action: Originate")
        self.assertEqual(reply["Message"], "Channel not specified")
        replies = self.say(
            "Action: Originate", "ActionID: 5", "Channel: P/a", "ChannelId: u", "Exten: 9", "Async: true"
        )
        for seconds in (0.1, 0.4, 2.0):
            self.clock.advance(seconds)
            replies += [Message(block) for block in self.heard().split(b"\r\n\r\n") if block]
        self.assertEqual(
            [message.values()[0] for message in replies],
            """Success Newchannel Newexten DialBegin Newstate DialState Newstate OriginateResponse DialEnd Newexten
            SoftHangupRequest Hangup""".split(),
        )
        self.assertEqual({message.get("Uniqueid", message.get("DestUniqueid")) for message in replies[1:]}, {"u"})
        self.assertEqual(replies[7]["Reason"], "4")
        self.assertEqual(self.server.channels, {})

    def test_channels_are_listed_and_hung_up(self) -> None:
        self.log_in()
        self.server.add_channel("P/a", uniqueid="u", state="Up", application="Dial", data="x")
        self.clock.advance(3725)
        self.heard()
        start, item, end = self.say("Action: CoreShowChannels", "ActionID: 1")
        self.assertEqual(start["EventList"], "start")
        self.assertEqual((item["Channel"], item["Duration"], item["Application"]), ("P/a", "01:02:05", "Dial"))
        self.assertEqual((end["EventList"], end["ListItems"]), ("Complete", "1"))
        reply, event = self.say("Action: Hangup", "Channel: u", "Cause: 17")
        self.assertEqual((reply["Response"], event["Event"], event["Cause"]), ("Success", "Hangup", "17"))
        self.assertEqual(self.say("Action: Hangup", "Channel: u")[0]["Message"], "No such channel")

    def test_logoff(self) -> None:
        (reply,) = self.say("Action: Logoff")
        self.assertEqual(reply["Response"], "Goodbye")
        self.assertFalse(self.transport.connected)


class PermissionTests(FakeCase):
    """Who may see and do what, see ``main/manager.c: process_message`` and ``process_events``."""

    def setUp(self) -> None:
        super().setUp()
        self.server.users["admin"] = User("hush", read="call,agent", write="originate,user")

    def test_actions_need_any_one_of_their_classes(self) -> None:
        self.log_in()
        self.server.answer("QueuePause", "Response: Success\nActionID: {ActionID}")
        for lines, answer in (
            (["Action: QueuePause"], "Permission denied"),
            (["Action: Command", "Command: x"], "Permission denied"),
            (["Action: Originate"], "Channel not specified"),
            (
                ["Action: NoSuch"],
                "Invalid/unknown command: NoSuch. Use Action: ListCommands to show available commands.",
            ),
        ):
            self.assertEqual(self.say(*lines)[0]["Message"], answer)
        self.assertEqual(self.say("Action: Ping")[0]["Ping"], "Pong")

    def test_one_class_of_several_is_enough(self) -> None:
        self.server.users["admin"] = User("hush", write="call")
        self.log_in()
        self.assertEqual(self.say("Action: Hangup", "Channel: u")[0]["Message"], "No such channel")

    def test_the_actions_that_are_allowed_are_listed(self) -> None:
        self.log_in()
        (listed,) = self.say("Action: ListCommands")
        self.assertIn("Originate", listed)
        self.assertNotIn("Command", listed)

    def test_events_need_all_their_classes(self) -> None:
        self.log_in()
        for event, classes in (("A", "call"), ("B", "agent"), ("C", "call,user"), ("D", "system")):
            self.server.emit(event, privilege=classes)
        self.assertEqual(
            self.heard(), b"Event: A\r\nPrivilege: call,all\r\n\r\nEvent: B\r\nPrivilege: agent,all\r\n\r\n"
        )
        self.say("Action: Events", "EventMask: agent,system")
        self.server.emit("A")
        self.server.emit("D", privilege="system")
        self.assertEqual(self.heard(), b"")

    def test_blanks_between_classes_are_a_mistake_here_too(self) -> None:
        self.server.users["admin"] = User("hush", read="system, call")
        self.log_in()
        self.server.emit("A")
        self.assertEqual(self.heard(), b"")

    def test_the_secret_is_not_shown(self) -> None:
        self.assertNotIn("hush", repr(User("hush")))


class FirstManagerTests(FakeCase):
    """Asterisk 1.4, as ``main/manager.c`` of that time wrote."""

    version = "1.0"

    def test_its_manners(self) -> None:
        self.assertEqual(self.say("Action: Ping")[0]["Message"], "Authentication Required")
        self.assertEqual(len(self.say("Action: Login", "Username: admin", "Secret: hush")), 1)
        self.assertEqual(self.say("Action: Ping")[0]["Response"], "Pong")
        self.assertEqual(self.say("Action: Events", "EventMask: on")[0]["Response"], "Events On")
        self.assertEqual(self.say("Action: Events", "EventMask: off")[0]["Response"], "Events Off")
        start, end = self.say("Action: CoreShowChannels", "ActionID: 1")
        self.assertEqual((start.get("EventList"), end.items()[1:]), (None, [("ActionID", "1")]))
        self.assertEqual(self.say("Action: Logoff")[0]["Message"], "See ya")


class OldManagerTests(FakeCase):
    """Asterisk 11."""

    version = "1.3"

    def test_only_some_lists_are_marked(self) -> None:
        self.log_in()
        answer = lambda session, action: session.respond_with_list(action, "Item", [{"A": 1}], "Done")  # noqa: E731
        for name in ("QueueStatus", "CoreShowChannels"):
            self.server.answer(name, answer)
        start, item, end = self.say("Action: QueueStatus", "ActionID: 1")
        self.assertEqual((start["Message"], item["A"]), ("Item list will follow", "1"))
        self.assertNotIn("EventList", start)
        self.assertNotIn("EventList", end)
        self.assertEqual(self.say("Action: CoreShowChannels")[-1]["EventList"], "Complete")

    def test_channels_have_few_headers(self) -> None:
        self.log_in()
        channel = self.server.add_channel("SIP/a", uniqueid="u")
        self.server.run(channel, "Wait", "1")
        self.server.hang_up(channel)
        events = [Message(block) for block in self.heard().split(b"\r\n\r\n") if block]
        self.assertEqual([event["Privilege"] for event in events], ["call,all"] * 3)
        self.assertEqual([len(event) for event in events], [11, 9, 10])
        self.assertEqual(events[2].items()[-2:], [("Cause", "16"), ("Cause-txt", "Normal Clearing")])


class MannersTests(SynchronousTestCase):
    def test_what_changes_when(self) -> None:
        for version, changed in (
            ("1.1", lambda manners: not manners.is_first),
            ("1.1", lambda manners: manners.marks_list("CoreShowChannels")),
            ("2.0.0", lambda manners: manners.has_snapshots),
            ("2.0.0", lambda manners: manners.no_uniqueid == "<unknown>"),
            ("2.7.0", lambda manners: manners.marks_list("Status")),
            ("3.1.0", lambda manners: not manners.has_old_commands),
            ("3.1.0", lambda manners: manners.has_last_reload),
            ("5.0.0", lambda manners: manners.class_of_newexten == "dialplan"),
            ("11.0.0", lambda manners: manners.tells_tech_cause),
        ):
            known = [
                "1.0",
                "1.1",
                "1.3",
                "2.0.0",
                "2.6.0",
                "2.7.0",
                "2.10.6",
                "3.1.0",
                "4.0.3",
                "5.0.0",
                "10.0.0",
                "11.0.0",
            ]
            self.assertEqual(
                [changed(Manners(each)) for each in known],
                [number >= known.index(version) for number in range(len(known))],
                version,
            )

    def test_no_version(self) -> None:
        with self.assertRaisesRegex(ValueError, r"^'22-cert' is no AMI version: write it like 11\.0\.0"):
            FakeAsterisk(version="22-cert")
