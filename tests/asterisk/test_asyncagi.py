"""AsyncAGI, channel variables and their escapes, on real servers."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, gatherResults

from tests.asterisk.support import AsteriskCase, collect, on_each_server
from txami import (
    ActionError,
    AGIError,
    AGIHangup,
    AGISession,
    AGITruncated,
    AMIError,
    AMIProtocol,
    AsyncAGI,
    Call,
    ConnectionLost,
    Event,
    unescape,
)
from txami.agi import quote

EXAMPLES = Path(__file__).parents[2] / "examples"

#: What can be in a variable: all that a line of AMI can carry.
VALUES = st.text(
    st.one_of(
        st.sampled_from("+%\"'\\?(){}[]$,;=& \t"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"),
    ),
    max_size=60,
)


def some_values(count: int) -> list[str]:
    """Return values that hypothesis makes up, always the same."""
    values: list[str] = []

    @settings(
        max_examples=count, database=None, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(VALUES)
    def take(value: str) -> None:
        values.append(value)

    take()
    return values


class AGICase(AsteriskCase):
    """Drives calls."""

    def call(self, ami: AMIProtocol, **variables: str) -> Deferred[Call]:
        """Place a call whose second leg enters AsyncAGI."""
        return ami.originate("Local/107@default/n", application="Wait", data="60", variables=variables)

    def begun(self, ami: AMIProtocol, command: str) -> Deferred[Event]:
        """Return what fires when Asterisk begins a command; to be asked for before it is sent."""
        return ami.wait_for("AGIExecStart", where=lambda event: event["Command"].startswith(command), timeout=60)

    async def enter(self, **variables: str) -> tuple[AMIProtocol, AGISession]:
        """Return the session of a call that ends with the test."""
        # Asterisk may keep an event until there is more to do, see docs/asyncagi.rst.
        ami = await self.connect(ping_interval=1)
        entered: Deferred[AGISession] = Deferred()
        over: Deferred[None] = Deferred()

        async def hold(session: AGISession) -> None:
            entered.callback(session)
            await over

        agi = AsyncAGI(ami, hold)
        call = await self.call(ami, **variables)

        async def end() -> None:
            over.callback(None)
            await agi.close()
            if ami.logged_in:
                await ami.action("Hangup", Channel=call.uniqueid, check=False)

        self.addCleanup(lambda: Deferred.fromCoroutine(end()))
        return ami, await entered


@on_each_server
class Sessions(AGICase):
    async def test_ten_calls_at_once_and_none_swapped(self) -> None:
        ami = await self.connect(ping_interval=1)
        heard: dict[str, list[str]] = {}

        async def menu(session: AGISession) -> None:
            await session.answer()
            await session.set_variable("MINE", session.uniqueid)
            digits = await session.get_data("beep", timeout=60, max_digits=4)
            # Queued at once.
            mine, status = session.get_variable("MINE"), session.channel_status()
            await session.set_variable("DIGITS", digits)
            heard[session.uniqueid] = [
                digits,
                str(await mine),
                str(await status),
                str(await session.get_variable("DIGITS")),
            ]

        agi = AsyncAGI(ami, menu)
        getting = collect(ami, "AGIExecStart", where=lambda event: event["Command"].startswith("GET DATA"))
        calls = await gatherResults([self.call(ami) for _ in range(10)])
        await self.until(lambda: len(getting) == 10)
        await self.sleep(1)
        expected = {}
        for number, call in enumerate(calls):
            expected[f"{call.uniqueid};2"] = digits = f"{number}{7 * number % 10}{number}5"
            peer = (await call.outcome).channel
            for digit in digits:
                await ami.action("PlayDTMF", Channel=peer, Digit=digit)
                await self.sleep(0.01)
        await self.until(lambda: len(heard) == 10)
        self.assertEqual(heard, {unique: [digits, unique, "6", digits] for unique, digits in expected.items()})
        await agi.close()
        # The dialplan went on, to a Hangup.
        await gatherResults([call.ended for call in calls])

    async def test_a_menu(self) -> None:
        ami, session = await self.enter()
        self.assertEqual(session.environment["agi_extension"], "107")
        self.assertEqual(session.environment["agi_uniqueid"], session.uniqueid)
        await session.answer()
        self.assertEqual(await session.channel_status(), 6)
        self.assertIsNone(await session.channel_status("No/such"))
        self.assertEqual((await session.stream_file("beep")).digit, "")
        self.assertEqual(await session.get_data("beep", timeout=0.1), "")
        self.assertEqual(await session.wait_for_digit(0.1), "")
        begun = self.begun(ami, "WAIT FOR DIGIT")
        pressed = session.wait_for_digit(60)
        await begun
        await ami.action("PlayDTMF", Channel=session.channel.replace(";2", ";1"), Digit="#")
        self.assertEqual(await pressed, "#")
        self.assertEqual(await session.say_digits(1), "")
        self.assertEqual((await session.application("Set", "A=1")).result, "0")
        self.assertEqual(await session.get_full_variable("${A}${A} of ${EXTEN}"), "11 of 107")
        self.assertEqual(await session.get_variable("CALLERID(num)"), "")
        self.assertIsNone(await session.get_variable("NOSUCHVARIABLE"))
        self.assertIsNone(await session.get_variable("NOSUCHFUNCTION()"))
        await session.database_put("txami", session.uniqueid, 'a "b"+')
        self.assertEqual(await session.database_get("txami", session.uniqueid), 'a "b"+')
        await session.database_del("txami", session.uniqueid)
        self.assertIsNone(await session.database_get("txami", session.uniqueid))
        await session.verbose("hello")
        await session.noop()

    async def test_recording(self) -> None:
        self.need_lab("this test writes a file")
        _, session = await self.enter()
        recorded = await session.record_file(f"{self.server.base}/spool/tmp/mine", timeout=0.2, silence=1)
        self.assertEqual((recorded.digit, recorded.data), ("", "timeout"))
        self.assertTrue((self.server.directory / "spool/tmp/mine.wav").exists())

    async def test_the_example(self) -> None:
        ami = await self.connect(ping_interval=1)
        menu = runpy.run_path(str(EXAMPLES / "ivr_asyncagi.py"))["menu"]
        agi = AsyncAGI(ami, menu, where={"agi_arg_1": "balance"})
        asked = ami.wait_for("AGIExecStart", where=lambda event: "vm-password" in event["Command"], timeout=60)
        told = ami.wait_for("VarSet", where={"Variable": "IVR_RESULT", "Value": "balance"}, timeout=60)
        call = await ami.originate("Local/100@default/n", application="AGI", data="agi:async,balance")
        caller = (await asked)["Channel"]
        await self.sleep(0.5)
        for digit in "0042":
            await ami.action("PlayDTMF", Channel=caller.replace(";1", ";2"), Digit=digit)
        self.assertEqual((await told)["Uniqueid"], call.uniqueid)
        await agi.close()
        await call.ended

    async def test_the_dialplan_goes_on_where_it_is_told_to(self) -> None:
        ami = await self.connect(ping_interval=1)
        steps = collect(ami, "Newexten", where={"Extension": "101", "Application": "Wait"})

        async def menu(session: AGISession) -> None:
            await session.set_context("default")
            await session.set_extension(101)
            await session.set_priority(1)

        agi = AsyncAGI(ami, menu)
        call = await self.call(ami)
        await self.until(lambda: [step for step in steps if step["Uniqueid"] == f"{call.uniqueid};2"])
        await agi.close()
        await call.hangup()

    async def test_refusals(self) -> None:
        _, session = await self.enter()
        error = await self.failure(session.execute("NO SUCH COMMAND"), AGIError)
        self.assertEqual(error.code, 510)
        for wrong in (session.execute("STREAM FILE"), session.execute("RECORD FILE"), session.say_digits("x")):
            error = await self.failure(wrong, AGIError)
            self.assertEqual((error.code, error.result.raw[:4]), (520, "520-"))
            self.assertGreater(len(error.usage), 30)
        error = await self.failure(session.application("NoSuchApplication"), AGIError)
        self.assertEqual(error.result.result, "-2")
        error = await self.failure(session.get_data("no-such-sound"), AGIError)
        self.assertEqual(error.result.result, "-1")
        await session.noop()

    async def test_a_missing_sound_ends_the_session(self) -> None:
        _, session = await self.enter()
        error = await self.failure(session.stream_file("no-such-sound"), AGIError)
        self.assertIn("is there such a sound file?", str(error))
        self.assertIsInstance(await session.when_ended(), AGIHangup)

    async def test_a_hang_up_in_the_middle(self) -> None:
        ami, session = await self.enter()
        begun = self.begun(ami, "EXEC")
        pending: list[Deferred[Any]] = [session.application("Wait", 600), *(session.noop() for _ in range(3))]
        await begun
        await ami.action("Hangup", Channel=session.channel)
        errors = [await self.failure(waiting, AGIHangup) for waiting in pending]
        self.assertEqual(str(errors[0]), "EXEC: the call hung up before the result")
        self.assertEqual({error.command for error in errors[1:]}, {"NOOP"})
        self.assertFalse((await self.failure(session.noop(), AGIHangup)).sent)

    async def test_a_handler_may_hang_up(self) -> None:
        ami = await self.connect(ping_interval=1)
        agi = AsyncAGI(ami, lambda session: session.hangup())
        call = await self.call(ami)
        await call.ended
        await agi.close()

    async def test_a_call_may_be_redirected(self) -> None:
        ami, session = await self.enter()
        begun = self.begun(ami, "EXEC")
        waiting = session.application("Wait", 600)
        await begun
        await ami.action("Redirect", Channel=session.channel, Context="default", Exten="101", Priority=1)
        await self.failure(waiting, AMIError)
        self.assertIsInstance(await session.when_ended(), AGIHangup)

    async def test_what_the_user_may_not_do(self) -> None:
        self.need_lab("this test needs the lab's users")
        _, session = await self.enter()
        other = await self.connect("watcher")
        error = await self.failure(other.action("AGI", Channel=session.channel, Command="NOOP"), ActionError)
        self.assertIn("write class", str(error))

    async def test_a_channel_that_is_not_in_asyncagi(self) -> None:
        ami, session = await self.enter()
        for channel in ("No/such", session.channel.replace(";2", ";1")):
            lost = AGISession(ami, session.event)
            lost.channel = channel
            self.assertFalse((await self.failure(lost.noop(), AGIHangup)).sent)

    async def test_the_connection_is_lost(self) -> None:
        ami, session = await self.enter()
        other = await self.connect()
        begun = self.begun(ami, "EXEC")
        waiting = session.application("Wait", 600)
        await begun
        assert ami.transport is not None
        ami.transport.abortConnection()  # type: ignore[attr-defined]
        self.assertTrue((await self.failure(waiting, ConnectionLost)).sent)
        await other.action("Hangup", Channel=session.channel)


@on_each_server
class Values(AGICase):
    async def test_a_variable_is_read_back_as_it_was_set(self) -> None:
        ami, session = await self.enter()
        values = ["", '+%"\\', "a+b %20 100%", " lead and trail ", "ünï ✓", "x) endpos=5", "\udcff\udcfe", "$[1+1]"]
        values += some_values(300)

        def write(value: str) -> list[Deferred[Any]]:
            return [
                session.set_variable("TXAMI", value),
                session.get_variable("TXAMI"),
                session.get_full_variable("${TXAMI}"),
            ]

        for start in range(0, len(values), 20):
            # Queued together, for Asterisk looks for commands ten times a second when there is no sound.
            written = [write(value) for value in values[start : start + 20]]
            for value, (_, read, full) in zip(values[start : start + 20], written, strict=True):
                self.assertEqual((await read, await full), (value, value))
        for value in values[:8] + values[8::10]:
            await session.set_variable("TXAMI", value)
            getvar = await ami.action("Getvar", Channel=session.channel, Variable="TXAMI")
            self.assertEqual(getvar["Value"], value)

    async def test_long_values(self) -> None:
        _, session = await self.enter()
        for name in "ABC":
            await session.set_variable(name, name * 900)
        long = await session.get_full_variable("${A}${B}${C}")
        self.assertEqual(long, "A" * 900 + "B" * 900 + "C" * 900)
        mixed = gatherResults([session.get_full_variable("${A}${B}"), session.get_variable("C")])
        self.assertEqual(await mixed, ["A" * 900 + "B" * 900, "C" * 900])
        await session.set_variable("D", "%" * 900)
        await self.failure(session.get_variable("D"), AGITruncated)
        self.assertEqual(await session.get_variable("A"), "A" * 900)

    async def test_the_longest_command(self) -> None:
        _, session = await self.enter()
        room = 1013 - len(f"SET VARIABLE {quote('X')} {quote('')}")
        await session.set_variable("X", "x" * room)
        self.assertEqual(await session.get_variable("X"), "x" * room)

    async def test_escapes_in_events(self) -> None:
        ami, session = await self.enter()
        events = collect(ami, where={"Uniqueid": session.uniqueid})
        value = 'O\'Brien "quoted" back\\slash why? \ttab'
        await session.set_variable("CALLTAG", value)
        await session.set_variable("CALLERID(name)", value)
        await session.noop()
        tag = next(event for event in events if event.name == "VarSet" and event["Variable"] == "CALLTAG")
        named = events[-1]
        for escaped in (tag["Value"], named.variables["CALLTAG"], named["CallerIDName"]):
            self.assertEqual(escaped, 'O\\\'Brien \\"quoted\\" back\\\\slash why\\? \\ttab')
            self.assertEqual(unescape(escaped), value)
        read = await ami.action("Getvar", Channel=session.channel, Variable="CALLTAG")
        self.assertEqual(read["Value"], value)

    async def test_the_variables_of_the_other_channel(self) -> None:
        ami = await self.connect(ping_interval=1)
        bridges = collect(ami, "LocalBridge")
        call = await ami.originate("Local/100@default/n", application="Wait", data="5", variables={"_CALLTAG": "a'b"})
        await call.outcome
        mine = next(each for each in bridges if each["LocalOneUniqueid"] == call.uniqueid)
        self.assertEqual(mine.variables, {})
        for whose in ("LocalOne", "LocalTwo"):
            self.assertEqual(mine.variables_of(whose), {"CALLTAG": "a\\'b"})
        await call.hangup()
