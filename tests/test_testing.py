"""FakeAsterisk keeps the manners of a real one."""

from __future__ import annotations

import hashlib

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.trial.unittest import SynchronousTestCase

from txami.message import Message
from txami.testing import FakeAsterisk, FakeSession


class FakeAsteriskTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.server = FakeAsterisk(self.clock, {"admin": "hush"})
        self.session, self.transport = self.join(self.server)
        self.assertEqual(self.heard(), b"Asterisk Call Manager/11.0.0\r\n")

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
            ["Success", "Newchannel", "Newstate", "Newstate", "OriginateResponse", "Newexten", "Hangup"],
        )
        self.assertEqual({message["Uniqueid"] for message in replies[1:]}, {"u"})
        self.assertEqual(replies[4]["Reason"], "4")
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
