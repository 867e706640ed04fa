"""Calls driven through AsyncAGI, in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, Literal

import pytest
from twisted.internet.defer import CancelledError, Deferred, gatherResults, succeed
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.agi import FakeAGI, FakeCall
from tests.network import network
from txami import (
    ActionError,
    ActionTimeout,
    AGIError,
    AGIHangup,
    AGIResult,
    AGISession,
    AGITruncated,
    AMIService,
    AsyncAGI,
    ConnectionLost,
    InvalidAction,
)
from txami.agicommands import AGICommands
from txami.asyncagi import serve

Failures = (AGIError, AGIHangup, ConnectionLost, ActionError, ActionTimeout)


class AGICase(SynchronousTestCase):
    """Has a connection and calls; a call's handler does what the test says and waits for it to let go."""

    version = "11.0.0"

    def setUp(self) -> None:
        self.net = network(self.version)
        self.service = AMIService(self.net.clock, self.net, "admin", "hush", ping_interval=None)
        self.service.startService()
        self.net.accept()
        ami = self.service.connection
        assert ami is not None
        self.ami = ami
        self.fake = FakeAGI(self.net.server, old=self.version.startswith("1."))
        self.sessions: list[AGISession] = []
        self.let_go: list[Deferred[None]] = []

    async def hold(self, session: AGISession) -> None:
        """Keep a call until the test lets it go."""
        self.sessions.append(session)
        self.let_go.append(Deferred())
        await self.let_go[-1]

    def enter(self, *keys: str, held: bool = False, **environment: str) -> tuple[FakeCall, AGISession]:
        """Let a call enter that the test drives."""
        if not self.sessions:
            AsyncAGI(self.ami, self.hold)
        call = self.fake.call(*keys, held=held, **environment)
        self.net.flush()
        return call, self.sessions[-1]

    def run_handler(self, handler: Callable[[AGISession], Any], *keys: str, **options: Any) -> FakeCall:
        """Let a call enter that a handler drives."""
        AsyncAGI(self.ami, handler, **options)
        call = self.fake.call(*keys)
        self.net.flush()
        return call

    def result(self, waiting: Deferred[Any]) -> Any:
        self.net.flush()
        return self.successResultOf(waiting)

    def error(self, waiting: Deferred[Any], kind: Any = Failures) -> Any:
        self.net.flush()
        failure = self.failureResultOf(waiting)
        self.assertIsInstance(failure.value, kind)
        return failure.value


class SessionTests(AGICase):
    def test_a_call_is_handed_to_the_handler(self) -> None:
        call, session = self.enter(arg_1="menu", calleridname="J+n & 50% ✓")
        self.assertEqual((session.channel, session.uniqueid), (call.channel.name, call.channel.uniqueid))
        self.assertEqual(session.environment["agi_callerid"], "100")
        self.assertEqual(session.environment["agi_arg_1"], "menu")
        self.assertEqual(session.environment["agi_calleridname"], "J+n & 50% ✓")
        self.assertIn(session.event.name, ("AsyncAGIStart", "AsyncAGI"))
        self.assertTrue(session.active)
        self.assertIn(call.channel.name, repr(session))

    def test_the_dialplan_goes_on_when_the_handler_is_done(self) -> None:
        async def menu(session: AGISession) -> None:
            await session.answer()

        call = self.run_handler(menu)
        self.assertEqual(call.commands, [["ANSWER"], ["ASYNCAGI", "BREAK"]])
        self.assertEqual(call.ended, "break")

    def test_a_handler_may_return_a_deferred_or_nothing(self) -> None:
        self.assertEqual(self.run_handler(lambda session: session.noop()).commands[0], ["NOOP"])
        self.assertEqual(self.run_handler(lambda session: None, where={"agi_callerid": "1"}).commands[0], ["NOOP"])

    def test_a_handler_may_let_go_itself(self) -> None:
        async def menu(session: AGISession) -> None:
            await session.break_()
            await session.break_()
            await session.hangup()
            self.assertFalse(session.active)

        self.assertEqual(self.run_handler(menu).commands, [["ASYNCAGI", "BREAK"]])

    def test_a_handler_may_hang_up(self) -> None:
        call = self.run_handler(lambda session: session.hangup())
        self.assertEqual((call.commands, call.ended), ([["HANGUP"]], "hangup"))

    def test_ten_calls_at_once_and_none_swapped(self) -> None:
        said: dict[str, list[str | None]] = {}

        async def menu(session: AGISession) -> None:
            digits = await session.get_data("enter", timeout=5, max_digits=4)
            await session.set_variable("DIGITS", digits)
            said[session.uniqueid] = [digits, await session.get_variable("DIGITS")]

        AsyncAGI(self.ami, menu)
        calls = [self.fake.call(f"{number:04}", held=True) for number in range(10)]
        for _ in range(10):
            for call in reversed(calls):
                self.net.flush()
                call.go_on(1)
        self.net.flush()
        self.assertEqual(said, {call.channel.uniqueid: [f"{n:04}"] * 2 for n, call in enumerate(calls)})
        self.assertEqual({call.ended for call in calls}, {"break"})

    def test_commands_sent_at_once_are_answered_each(self) -> None:
        _, session = self.enter()
        for number in range(20):
            session.set_variable(f"V{number}", number)
        values = gatherResults([session.get_variable(f"V{number}") for number in range(20)])
        self.assertEqual(self.result(values), [str(number) for number in range(20)])

    def test_only_the_calls_that_are_wanted(self) -> None:
        taken: list[AGISession] = []
        AsyncAGI(self.ami, taken.append, where={"agi_arg_1": "menu"})
        AsyncAGI(self.ami, taken.append, where=lambda session: session.environment.get("agi_arg_1") == "other")
        calls = [self.fake.call(arg_1=name) for name in ("menu", "other", "third")] + [self.fake.call()]
        self.net.flush()
        self.assertEqual([session.channel for session in taken], [call.channel.name for call in calls[:2]])
        self.assertEqual([call.ended for call in calls], ["break", "break", "", ""])

    def test_a_predicate_that_fails_is_logged(self) -> None:
        with capturedLogs() as logs:
            call = self.run_handler(lambda session: None, where=lambda session: session.environment["no"] == "x")
        self.assertEqual(call.commands, [])
        self.assertIn("where= failed", formatEvent(logs[-1]))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_the_decorator(self) -> None:
        @serve(self.ami, where={"agi_extension": "s"})
        async def menu(session: AGISession) -> str:
            return session.channel

        call = self.fake.call()
        self.net.flush()
        self.assertEqual(call.ended, "break")
        _, session = self.enter()
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(menu(session))), session.channel)  # type: ignore[arg-type]

    def test_the_end_can_be_waited_for(self) -> None:
        call, session = self.enter()
        ended = session.when_ended()
        self.assertNoResult(ended)
        call.hang_up()
        self.assertIsInstance(self.result(ended), AGIHangup)
        self.assertIn("over", repr(session))

    def test_a_call_may_come_again(self) -> None:
        call, session = self.enter()
        self.let_go[0].callback(None)
        self.net.flush()
        call.ended = ""
        call.environment()
        self.net.flush()
        self.assertEqual(len(self.sessions), 2)
        self.assertEqual((session.active, self.sessions[1].active), (False, True))
        self.result(self.sessions[1].noop())

    def test_a_call_that_comes_again_although_its_end_was_not_seen(self) -> None:
        call, session = self.enter(held=True)
        waiting = session.noop()
        call.environment()
        self.error(waiting, AGIHangup)
        self.assertTrue(self.sessions[1].active)


class OldSessionTests(SessionTests):
    """The same with the events of Asterisk 11 and before."""

    version = "1.3"


class CommandTests(AGICase):
    def test_what_is_sent(self) -> None:
        call, session = self.enter()
        moment = datetime(2020, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
        sent: list[tuple[Deferred[Any], list[str]]] = [
            (session.command('SEND TEXT "a b"'), ["SEND", "TEXT", "a b"]),
            (session.execute("SEND TEXT", 'a "b" \\ c', "", 5), ["SEND", "TEXT", 'a "b" \\ c', "", "5"]),
            (session.application("Dial", "PJSIP/alice", 30), ["EXEC", "Dial", "PJSIP/alice,30"]),
            (session.application("Answer"), ["EXEC", "Answer"]),
            (session.answer(), ["ANSWER"]),
            (session.channel_status(), ["CHANNEL", "STATUS"]),
            (session.channel_status("x"), ["CHANNEL", "STATUS", "x"]),
            (session.set_context("c"), ["SET", "CONTEXT", "c"]),
            (session.set_extension(200), ["SET", "EXTENSION", "200"]),
            (session.set_priority("n"), ["SET", "PRIORITY", "n"]),
            (session.get_variable("X"), ["GET", "VARIABLE", "X"]),
            (session.get_full_variable("${X}"), ["GET", "FULL", "VARIABLE", "${X}"]),
            (session.get_full_variable("${X}", "c"), ["GET", "FULL", "VARIABLE", "${X}", "c"]),
            (session.set_variable("X", 1), ["SET", "VARIABLE", "X", "1"]),
            (session.stream_file("hello", "0#", 80), ["STREAM", "FILE", "hello", "0#", "80"]),
            (session.get_option("hello", "12", 2.5), ["GET", "OPTION", "hello", "12", "2500"]),
            (session.get_data("hello"), ["GET", "DATA", "hello"]),
            (session.get_data("hello", timeout=5), ["GET", "DATA", "hello", "5000"]),
            (session.get_data("hello", max_digits=4), ["GET", "DATA", "hello", "0", "4"]),
            (session.wait_for_digit(), ["WAIT", "FOR", "DIGIT", "-1"]),
            (session.wait_for_digit(0.5), ["WAIT", "FOR", "DIGIT", "500"]),
            (session.record_file("f"), ["RECORD", "FILE", "f", "wav", "#", "-1"]),
            (
                session.record_file("f", "gsm", "*", timeout=60, offset=8, beep=True, silence=3),
                ["RECORD", "FILE", "f", "gsm", "*", "60000", "8", "BEEP", "s=3"],
            ),
            (session.say_digits("007", "1"), ["SAY", "DIGITS", "007", "1"]),
            (session.say_number(7), ["SAY", "NUMBER", "7", ""]),
            (session.say_number(7, gender="f"), ["SAY", "NUMBER", "7", "", "f"]),
            (session.say_alpha("ab"), ["SAY", "ALPHA", "ab", ""]),
            (session.say_phonetic("ab"), ["SAY", "PHONETIC", "ab", ""]),
            (session.say_date(moment), ["SAY", "DATE", "1577934245", ""]),
            (session.say_time(1577934245.9), ["SAY", "TIME", "1577934245", ""]),
            (session.say_datetime(moment), ["SAY", "DATETIME", "1577934245", ""]),
            (session.say_datetime(0, "1", "Y", "UTC"), ["SAY", "DATETIME", "0", "1", "Y", "UTC"]),
            (session.database_get("f", "k"), ["DATABASE", "GET", "f", "k"]),
            (session.database_put("f", "k", "v w"), ["DATABASE", "PUT", "f", "k", "v w"]),
            (session.database_del("f", "k"), ["DATABASE", "DEL", "f", "k"]),
            (session.verbose("hello", 3), ["VERBOSE", "hello", "3"]),
            (session.noop(), ["NOOP"]),
        ]
        for waiting, _ in sent:
            waiting.addErrback(lambda failure: failure.trap(AGIError))
        self.net.flush()
        self.assertEqual(call.commands, [words for _, words in sent])

    def test_what_comes_back(self) -> None:
        call, session = self.enter()

        def reply(text: str, waiting: Callable[[], Deferred[Any]]) -> Any:
            call.scripts[""] = f"200 result={text}\n"
            return self.result(waiting())

        self.assertEqual(reply("6", session.channel_status), 6)
        self.assertIsNone(reply("-1", lambda: session.channel_status("x")))
        self.assertEqual(reply("1 (a)", lambda: session.get_variable("X")), "a")
        self.assertEqual(reply("1 ()", lambda: session.get_variable("X")), "")
        self.assertIsNone(reply("0", lambda: session.get_variable("X")))
        self.assertEqual(reply("1 (a (b) c)", lambda: session.get_full_variable("X")), "a (b) c")
        self.assertEqual(reply("53", session.wait_for_digit), "5")
        self.assertEqual(reply("0", session.wait_for_digit), "")
        self.assertEqual(reply("42", lambda: session.say_digits(1)), "*")
        self.assertEqual(reply("0012", lambda: session.get_data("x")), "0012")
        self.assertEqual(reply("12 (timeout)", lambda: session.get_data("x")), "12")
        self.assertEqual(reply(" (timeout)", lambda: session.get_data("x")), "")
        self.assertEqual(reply("1 (v)", lambda: session.database_get("f", "k")), "v")
        self.assertIsNone(reply("1", lambda: session.database_put("f", "k", "v")))
        streamed = reply("35 endpos=80", lambda: session.stream_file("x"))
        self.assertEqual((streamed.digit, streamed.endpos), ("#", 80))
        recorded = reply("0 (timeout) endpos=16000", lambda: session.record_file("x"))
        self.assertEqual((recorded.digit, recorded.data, recorded.endpos), ("", "timeout", 16000))
        raw = reply("-1", lambda: session.execute("ANYTHING"))
        self.assertEqual(raw, AGIResult(200, "-1", None, None, "200 result=-1\n"))

    def test_failures(self) -> None:
        call, session = self.enter()
        commands: list[tuple[str, Callable[[], Deferred[Any]]]] = [
            ("-1", lambda: session.stream_file("x")),
            ("-1", lambda: session.get_data("x")),
            ("-2", lambda: session.application("NoSuchApp")),
            ("-1", session.answer),
            ("0", lambda: session.database_put("f", "k", "v")),
            ("0", lambda: session.database_del("f", "k")),
        ]
        for result, command in commands:
            call.scripts[""] = f"200 result={result}\n"
            waiting = command()
            self.net.flush()
            # Only what follows tells whether it was a hang-up.
            self.net.advance(1)
            error = self.error(waiting, AGIError)
            self.assertEqual((error.code, error.result.result), (200, result))
            self.assertIn(f"{error.command}: it failed, result={result}", str(error))

    def test_an_unknown_command(self) -> None:
        call, session = self.enter()
        call.scripts[""] = "510 Invalid or unknown command\n"
        error = self.error(session.execute("PLAYBACK", "secret"), AGIError)
        self.assertEqual((error.code, error.command), (510, "PLAYBACK"))
        self.assertIn("applications are run by application()", str(error))
        self.assertNotIn("secret", str(error) + repr(error))

    def test_wrong_arguments(self) -> None:
        call, session = self.enter()
        text = "520-Invalid command syntax.  Proper usage follows:\nSend\ntext.\n520 End of proper usage.\n"
        call.scripts[""] = text
        error = self.error(session.command("send text"), AGIError)
        self.assertEqual((error.code, error.command, error.usage, error.result.raw), (520, "SEND", "Send\ntext.", text))
        call.scripts[""] = "520 Invalid command syntax.  Proper usage not available.\n"
        self.assertEqual(self.error(session.command("x"), AGIError).usage, "")

    def test_other_refusals(self) -> None:
        call, session = self.enter()
        call.scripts[""] = "511 Command Not Permitted on a dead channel or intercept routine\n"
        self.assertIn("Asterisk says: 511 Command Not Permitted", str(self.error(session.noop(), AGIError)))
        call.scripts[""] = ""
        error = self.error(session.noop(), AGIError)
        self.assertEqual((error.code, str(error)), (0, "NOOP: Asterisk says: nothing"))

    def test_what_cannot_be_sent_is_refused_at_once(self) -> None:
        call, session = self.enter()
        for text in ("a\rb", "a\nb", "a\0b", "a" * 1000, "ä" * 500, "\ud800"):
            with self.assertRaises(InvalidAction):
                session.set_variable("X", text)
            with self.assertRaises(InvalidAction):
                session.command(text * 2)
        with self.assertRaises(InvalidAction):
            session.set_variable("", "x")
        self.net.flush()
        self.assertEqual(call.commands, [])
        # "Command: " and the text are 1022 bytes.
        self.result(session.command("X" * 1013))
        with self.assertRaises(InvalidAction):
            session.command("X" * 1014)

    def test_a_timeout(self) -> None:
        call, session = self.enter(held=True)
        slow, quick = session.execute("NOOP", timeout=2), session.get_variable("X")
        self.net.advance(2)
        error = self.error(slow, ActionTimeout)
        self.assertEqual((error.action, error.timeout), ("NOOP", 2))
        self.assertNoResult(quick)
        call.go_on()
        self.assertIsNone(self.result(quick))

    def test_cancelling_gives_up_the_result(self) -> None:
        call, session = self.enter(held=True)
        one, other = session.noop(), session.noop()
        one.cancel()
        self.failureResultOf(one, CancelledError)
        self.net.flush()
        call.go_on()
        self.assertIsNone(self.result(other))

    def test_a_long_value_is_put_together(self) -> None:
        call, session = self.enter()
        call.variables["X"] = "x" * 5000
        self.assertEqual(self.result(session.get_variable("X")), "x" * 5000)
        self.assertEqual(self.result(gatherResults([session.get_variable("X"), session.get_variable("Y")]))[1], None)
        self.assertIn(["NOOP"], call.commands)

    def test_a_value_that_cannot_be_passed_is_said_to_be_cut(self) -> None:
        call, session = self.enter()
        call.variables |= {"X": "%" * 900, "Y": "y"}
        error = self.error(session.get_variable("X"), AGITruncated)
        self.assertTrue(error.result.data is None or error.result.data.startswith("%%"))
        self.assertIn("too long", str(error))
        self.assertEqual(self.result(session.get_variable("Y")), "y")

    def test_a_result_that_is_cut_does_not_keep_a_call_from_leaving(self) -> None:
        call, session = self.enter()
        call.variables["X"] = "%" * 900
        value, left = session.get_variable("X"), session.break_()
        self.error(value, AGITruncated)
        self.assertIsNone(self.result(left))

    def test_a_long_environment(self) -> None:
        call, session = self.enter(arg_1="a" * 600, arg_2="b" * 600)
        self.assertEqual(session.environment["agi_arg_2"], "b" * 600)
        self.assertEqual(call.commands, [["NOOP"]])
        self.assertEqual(self.result(session.channel_status()), 0)

    def test_an_environment_that_cannot_be_passed(self) -> None:
        _, session = self.enter(arg_1="%" * 900)
        self.assertEqual(session.environment["agi_callerid"], "100")
        self.assertNotIn("agi_arg_1", session.environment)
        self.assertIsNone(self.result(session.get_variable("Y")))

    def test_the_commands_of_others_do_not_disturb(self) -> None:
        call, session = self.enter()
        for foreign in ("", "theirs"):
            call.queue.append(("GET VARIABLE X", foreign))
        call.variables["X"] = "x" * 1500
        call.go_on()
        self.assertIsNone(self.result(session.get_variable("Y")))
        self.assertEqual(self.result(session.get_variable("X")), "x" * 1500)


class OldCommandTests(CommandTests):
    """The same with the events of Asterisk 11 and before."""

    version = "1.3"


class EndTests(AGICase):
    def test_a_hang_up_fails_what_is_pending(self) -> None:
        call, session = self.enter(held=True)
        pending: list[Deferred[Any]] = [session.noop(), session.stream_file("x"), session.execute("NOOP", timeout=60)]
        self.net.flush()
        call.hang_up()
        for waiting, name in zip(pending, ["NOOP", "STREAM FILE", "NOOP"], strict=True):
            error = self.error(waiting, AGIHangup)
            self.assertEqual(str(error), f"{name}: the call hung up before the result")
            self.assertTrue(error.sent)
        later = self.error(session.noop(), AGIHangup)
        self.assertEqual((later.sent, str(later)), (False, "NOOP: the call hung up; it was not sent"))
        self.assertTrue(session.hung_up)
        self.result(session.break_())
        # The timer of the command is gone; that of the action looks after itself.
        self.assertEqual([each for each in self.net.clock.getDelayedCalls() if each.getTime() > 30], [])

    def test_a_hang_up_while_it_leaves(self) -> None:
        call, session = self.enter(held=True)
        given_up, left = session.noop(), session.break_()
        given_up.cancel()
        self.failureResultOf(given_up, CancelledError)
        late = self.error(session.noop(), AGIHangup)
        self.assertEqual(str(late), "NOOP: the call was given back to the dialplan; it was not sent")
        self.assertNoResult(left)
        call.hang_up()
        self.result(left)
        self.assertEqual(str(self.result(session.when_ended())), "the call hung up")

    def test_a_command_that_fails_because_of_a_hang_up(self) -> None:
        call, session = self.enter(held=True)
        played, executed = session.stream_file("x"), session.execute("NOOP")
        self.net.flush()
        self.net.server.emit("HangupRequest", call.channel.snapshot())
        call.scripts[""] = "200 result=-1 endpos=5\n"
        call.go_on(1)
        self.error(played, AGIHangup)
        call.scripts[""] = ""
        call.go_on(1)
        self.error(executed, AGIHangup)

    def test_what_a_failure_was_is_told_after_it(self) -> None:
        for name, headers, kind in [
            ("VarSet", {"Variable": "AGISTATUS", "Value": "HANGUP"}, AGIHangup),
            ("VarSet", {"Variable": "AGISTATUS", "Value": "FAILURE"}, AGIError),
            ("HangupRequest", {}, AGIHangup),
        ]:
            call, session = self.enter()
            call.scripts[""] = "200 result=-1\n"
            played = session.get_data("x")
            self.net.flush()
            call.end("failure")
            for other in ({"Uniqueid": "other"}, {"Variable": "X"}):
                mine = {"Channel": session.channel, "Uniqueid": session.uniqueid}
                self.net.server.emit("VarSet", {**mine, "Variable": "AGISTATUS", "Channel": "x", **other}, "dialplan")
            self.net.advance(0.4)
            self.assertNoResult(played)
            self.net.server.emit(name, {**mine, **headers}, "dialplan")
            self.error(played, kind)

    def test_a_command_that_fails_and_the_connection_is_lost(self) -> None:
        call, session = self.enter()
        call.scripts[""] = "200 result=-1\n"
        played = session.get_data("x")
        self.net.advance(0.1)
        self.service.stopService()
        self.net.advance(0.6)
        self.error(played, AGIError)

    def test_a_call_that_is_redirected(self) -> None:
        call, session = self.enter(held=True)
        waiting = session.noop()
        self.net.flush()
        call.end("redirect")
        self.assertIn("it hung up, was redirected", str(self.error(waiting, AGIHangup)))
        self.assertFalse(session.hung_up)

    def test_a_hang_up_ends_it_although_asyncagi_does_not_say_so(self) -> None:
        call, session = self.enter(held=True)
        waiting = session.noop()
        self.net.flush()
        self.net.server.hang_up(call.channel)
        self.error(waiting, AGIHangup)

    def test_a_hang_up_of_another_call_is_nothing(self) -> None:
        _, session = self.enter(held=True)
        other = self.fake.call()
        self.net.flush()
        waiting = session.noop()
        other.hang_up()
        self.net.flush()
        self.assertNoResult(waiting)

    def test_a_channel_that_is_gone(self) -> None:
        for message in ("Channel PJSIP/x does not exist.", "Failed to add AGI command to channel PJSIP/x queue"):
            _, session = self.enter()
            self.net.server.answer("AGI", f"Response: Error\nActionID: {{ActionID}}\nMessage: {message}")
            first, second = session.noop(), session.noop()
            self.assertFalse(self.error(first, AGIHangup).sent)
            self.error(second, AGIHangup)
            self.assertFalse(session.active)
            self.net.server.answer("AGI", self.fake._agi)

    def test_a_user_who_may_not(self) -> None:
        self.net.server.answer("AGI", "Response: Error\nActionID: {ActionID}\nMessage: Permission denied")
        _, session = self.enter()
        self.assertIn("write class", str(self.error(session.noop(), ActionError)))
        self.error(session.break_(), ActionError)
        self.assertTrue(session.active)

    def test_an_action_that_is_not_answered(self) -> None:
        self.net.server.never_answer("AGI")
        call, session = self.enter()
        waiting = session.noop()
        self.net.advance(30)
        self.error(waiting, ActionTimeout)
        # It was carried out nevertheless.
        self.net.server.emit("AsyncAGIExec", [*call.channel.snapshot(), ("CommandId", "?"), ("Result", "200%0A")])
        self.net.flush()

    def test_the_connection_is_lost(self) -> None:
        _, session = self.enter(held=True)
        queued = session.noop()
        self.net.flush()
        sent = session.noop()
        self.net.cut()
        for waiting, name in ((queued, "NOOP"), (sent, "AGI")):
            error = self.error(waiting, ConnectionLost)
            self.assertEqual((error.action, error.sent), (name, True))
        error = self.error(session.noop(), ConnectionLost)
        self.assertFalse(error.sent)
        self.assertIsInstance(self.result(session.when_ended()), ConnectionLost)

    def test_a_service_goes_on_with_the_calls_of_the_next_connection(self) -> None:
        AsyncAGI(self.service, self.hold)
        first = self.fake.call(held=True)
        self.net.flush()
        self.net.cut()
        missed = self.fake.call()
        self.net.advance(60)
        self.net.accept()
        second = self.fake.call()
        self.net.flush()
        self.assertEqual([each.channel for each in self.sessions], [each.channel.name for each in (first, second)])
        self.assertFalse(self.sessions[0].active)
        self.result(self.sessions[1].noop())
        self.assertEqual((first.commands, missed.commands, second.commands), ([], [], [["NOOP"]]))

    def test_logging_off_ends_it(self) -> None:
        _, session = self.enter(held=True)
        waiting = session.noop()
        self.service.stopService()
        self.error(waiting, ConnectionLost)


class HandlerTests(AGICase):
    def fail_with(self, after_failure: Literal["break", "hangup"] = "break") -> FakeCall:
        async def menu(session: AGISession) -> None:
            raise RuntimeError("oops")

        call = self.run_handler(menu, after_failure=after_failure)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        return call

    def test_a_failure_is_logged_and_the_dialplan_goes_on(self) -> None:
        self.assertEqual(self.fail_with().commands, [["ASYNCAGI", "BREAK"]])

    def test_a_failure_may_hang_up(self) -> None:
        self.assertEqual(self.fail_with("hangup").commands, [["HANGUP"]])

    def test_a_handler_that_is_no_coroutine_may_fail_too(self) -> None:
        def menu(session: AGISession) -> None:
            raise RuntimeError("oops")

        self.assertEqual(self.run_handler(menu).ended, "break")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_that_the_call_went_away_is_no_failure(self) -> None:
        async def menu(session: AGISession) -> None:
            await session.wait_for_digit()

        with capturedLogs() as logs:
            AsyncAGI(self.ami, menu)
            calls = [self.fake.call(held=True), self.fake.call(held=True)]
            self.net.flush()
            calls[0].hang_up()
            self.net.flush()
            self.net.cut()
        self.assertEqual([each for each in logs if each["log_level"] >= LogLevel.error], [])

    def test_a_call_that_cannot_be_given_back_is_logged(self) -> None:
        self.net.server.answer("AGI", "Response: Error\nActionID: {ActionID}\nMessage: Permission denied")
        with capturedLogs() as logs:
            self.run_handler(lambda session: None)
        self.assertIn("could not be given back", formatEvent(logs[-1]))
        self.assertEqual(len(self.flushLoggedErrors(ActionError)), 1)

    def test_close_waits_for_the_handlers(self) -> None:
        agi = AsyncAGI(self.ami, self.hold)
        call = self.fake.call()
        self.net.flush()
        self.assertEqual(agi.sessions, self.sessions)
        closed = agi.close()
        self.assertNoResult(closed)
        later = self.fake.call()
        self.net.flush()
        self.let_go[0].callback(None)
        self.result(closed)
        self.result(agi.close())
        self.assertEqual((len(self.sessions), call.ended, later.commands), (1, "break", []))
        self.assertEqual((agi.sessions, self.service.registry._named), ([], {}))

    def test_who_would_see_no_calls_is_told(self) -> None:
        for mask, output, warned in [
            (None, "read perm: call,user", True),
            (None, "read perm: call,agi", False),
            (None, "read perm: all", False),
            (None, "no such user", False),
            ("call", "read perm: all", True),
        ]:
            net = network()
            net.server.commands["manager show user admin"] = output
            service = AMIService(net.clock, net, "admin", "hush", ping_interval=None, events=mask)
            service.startService()
            net.accept()
            with capturedLogs() as logs:
                AsyncAGI(service, lambda session: None)
                net.flush()
            self.assertEqual(any("no calls will be seen" in formatEvent(each) for each in logs), warned)

    def test_events_out_of_place_are_survived(self) -> None:
        AsyncAGI(self.ami, self.hold)
        for name in ("AsyncAGI", "AsyncAGIStart", "AsyncAGIExec", "AsyncAGIEnd", "AsyncAGI"):
            for headers in ({}, {"SubEvent": "Start"}, {"Uniqueid": "1"}, {"Channel": "x", "Result": "%zz"}):
                self.net.server.emit(name, headers, "agi")
        self.net.server.emit("Hangup")
        self.net.flush()
        self.assertEqual(self.result(self.ami.action("Ping"))["Ping"], "Pong")


def test_the_commands_alone_send_nothing() -> None:
    with pytest.raises(TypeError):
        AGICommands().noop()


def test_the_commands_of_another_kind_of_session() -> None:
    class Script(AGICommands):
        def _send(self, name: str, text: str, timeout: float | None) -> Deferred[AGIResult]:
            return succeed(AGIResult.parse("200 result=-1\n"))

    errors: list[Any] = []
    Script().answer().addErrback(errors.append)
    assert errors[0].value.command == "ANSWER"
