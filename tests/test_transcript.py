"""What went over the wire: complete, readable, without secrets, and never in the way."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import Logger, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests import corpus
from tests.network import network
from tests.test_protocol import BANNER, Wire, logged_in, message
from txami import AMIService, Secret, Transcript, connect
from txami.blots import BLOT, Blotter
from txami.transcript import Entry, Recorder, escape, parse, read, unescape

SECRET = "hush-hush-never-shown"
MARK = b"MARKED-never-to-be-seen"

#: Messages whose every MARK is a secret, by what they are.
SECRETIVE = {
    "plain login": b"Action: Login\r\nActionID: 1\r\nUsername: admin\r\nSecret: %b\r\nEvents: on",
    "md5 login": b"Action: Login\r\nActionID: 1\r\nUsername: admin\r\nAuthType: MD5\r\nkey: %b",
    "challenge": b"Response: Success\r\nActionID: 1\r\nChallenge: %b",
    "auth of an endpoint": (
        b"Event: AuthDetail\r\nUsername: alice\r\nPassword: %b\r\nMd5Cred: %b\r\nPasswordDigest: MD5:x:%b\r\n"
        b"OauthSecret: %b\r\nRefreshToken: %b"
    ),
    "new password of a mailbox": b"Event: VoicemailPasswordChange\r\nPrivilege: system,user,all\r\nNewPassword: %b",
    "wrong answer to a challenge": (
        b"Event: ChallengeResponseFailed\r\nPrivilege: security,all\r\nChallenge: %b\r\nResponse: %b\r\n"
        b"ExpectedResponse: %b"
    ),
    "wrong password": b"Event: InvalidPassword\r\nChallenge: %b\r\nReceivedChallenge: %b\r\nReceivedHash: %b",
    "lines of a configuration": (
        b"Response: Success\r\nLine-000000-000000: secret=%b\r\nLine-000000-000001: md5secret = %b\r\n"
        b"Line-000001-000000: 100=%b,Alice\r\nLine-000001-000001: register=alice:%b@example.com\r\n"
        b"Line-000001-000002: pin=%b\r\nLine-000001-000003: dbpass=%b\r\nLine-000001-000004: conf=1,%b"
    ),
    "configuration as JSON": (
        b'Response: Success\r\nJSON: {"a":{"host":"h","secret":"%b\\"%b","auth_token":"%b"},"default":{"100":"%b"}}'
    ),
    "change of a configuration": (
        b"Action: UpdateConfig\r\nVar-000000: secret\r\nValue-000000: %b\r\nMatch-000000: %b\r\n"
        b"Value-000001: %b,Alice\r\nVar-000001: 100"
    ),
    "variable of a call": b"Event: VarSet\r\nPrivilege: dialplan,all\r\nVariable: USER_PIN\r\nValue: %b",
    "variable set, value first": b"Action: Setvar\r\nValue: %b\r\nVariable: DB_PASSWORD",
    "variables of a new call": b"Action: Originate\r\nVariable: PASSWORD=%b,%b\r\nVariable: X=1",
    "variables in events": b"Event: Hangup\r\nChanVariable: PIN=%b\r\nChanVariable(IAX2/h:1-1): API_KEY=%b",
    "dialplan": b"Event: Newexten\r\nPrivilege: dialplan,all\r\nApplication: Authenticate\r\nAppData: %b",
    "variables whose names are one word": b"Event: Hangup\r\nChanVariable: MYPIN=%b\r\nChanVariable: SIPPASS=%b"
    b"\r\nChanVariable: ACCESSPIN=%b\r\nChanVariable: VMPINS2=%b\r\nChanVariable: USERPASSWORD=%b",
    "variable whose name is one word": b"Event: VarSet\r\nPrivilege: dialplan,all\r\nVariable: LDAPPWD\r\nValue: %b",
    "dialplan that sets": b"Event: Newexten\r\nPrivilege: dialplan,all\r\nApplication: Set\r\nAppData: pin=%b",
    "database": b"Action: DBPut\r\nFamily: passwords\r\nKey: alice\r\nVal: %b",
    "database by command": b"Action: Command\r\nCommand: database put users alice/password %b",
    "AGI": b'Action: AGI\r\nCommand: SET VARIABLE "PIN" "%b"',
    "output of a command": (
        b"Response: Success\r\nMessage: Command output follows\r\nOutput:  password        : %b\r\n"
        b"Output: Secret => %b\r\nOutput: sip:alice:%b@example.com"
    ),
    "table": (
        b"Response: Success\r\nMessage: Command output follows\r\n"
        b"Output: Username                   Secret                     Accountcode\r\n"
        b"Output: alice                      %b    100\r\nOutput: bob                                   200"
    ),
    "output of old": b"Response: Follows\r\nPrivilege: Command\r\n  Secret : %b\n  Host: h\n--END COMMAND--",
    "whatever a user event has": b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: x\r\nMyPassphrase: %b",
}

#: Messages in which nothing is one.
HARMLESS = [
    b"Response: Success\r\nPing: Pong\r\nTimestamp: 1.0",
    b"Event: SuccessfulAuth\r\nPrivilege: security,all\r\nUsingPassword: 1\r\nSessionID: 0x1",
    b"Event: VarSet\r\nPrivilege: dialplan,all\r\nVariable: SPINNING\r\nValue: 1",
    b"Event: VarSet\r\nPrivilege: dialplan,all\r\nVariable: SPIN\r\nValue: 1",
    b"Event: Hangup\r\nChanVariable: COMPASS=1\r\nChanVariable: PINEAPPLE=1\r\nChanVariable: DND_BYPASS=1"
    b"\r\nChanVariable: hairpin=yes\r\nChanVariable: ENCOMPASS=1\r\nChanVariable: WHEEL_SPIN=1",
    b"Action: DBPut\r\nFamily: cfim\r\nKey: 100\r\nVal: 200",
    b"Event: DBGetResponse\r\nFamily: cfim\r\nKey: 100\r\nVal: 200",
    b"Event: VoicemailPasswordChange\r\nMailbox: 100",
    b"Event: AuthDetail\r\nAuthType: userpass\r\nNonceLifetime: 32\r\nPassword: ",
    b"Response: Success\r\nLine-000000-000000: host=10.0.0.1\r\nLine-000000-000001: exten=100,1,Answer()",
    b"Event: ContactStatus\r\nURI: sip:alice@10.0.0.1:5060;transport=udp",
    b"Response: Error\r\nMessage: Authentication failed",
]


class Taken:
    """A connection in memory with a transcript."""

    def __init__(self, target: Any = None, **options: Any) -> None:
        self.entries: list[Entry] = []
        tls = options.pop("tls", False)
        login = {name: options.pop(name) for name in ("auth",) if name in options}
        self.wire = Wire(tls=tls, transcript=Transcript(target or self.entries.append, **options), **login)

    def log_in(self) -> Wire:
        self.wire.receive(BANNER)
        (login,) = self.wire.sent()
        self.wire.answer(login)
        return self.wire

    @property
    def text(self) -> str:
        return "".join(entry.text for entry in self.entries)


def taken_down(stream: bytes, sizes: list[int], direction: Literal["<<", ">>"] = "<<") -> list[Entry]:
    """Return the entries of a stream that comes in chunks of these sizes."""
    entries: list[Entry] = []
    clock = Clock()
    recorder = Recorder(Transcript(entries.append), clock, Blotter(), Blotter())
    recorder.open(StringTransport())
    while stream:
        size = sizes.pop(0) if sizes else len(stream)
        (recorder.received if direction == "<<" else recorder.sent)(stream[:size])
        stream = stream[size:]
    recorder.close()
    return entries


class FormatTests(SynchronousTestCase):
    def test_it_can_be_read(self) -> None:
        taken = Taken()
        taken.wire.clock.rightNow = 1795359845.123456
        wire = taken.log_in()
        wire.receive(message("Event: Hangup", "Privilege: call,all", "Cause-txt: a\nb"))
        wire.lose()
        action_id = taken.entries[2].data.split(b"\r\n")[1].decode()
        late = "2026-11-22T15:04:05.123456+00:00"
        expected = [
            "1970-01-01T00:00:00.000000+00:00 -- opened",
            f"{late} << Asterisk Call Manager/11.0.0",
            *[f"{late} >> {line}" for line in ("Action: Login", action_id, "Username: admin", "Secret: <blotted>")],
            f"{late} >>",
            f"{late} << Response: Success",
            f"{late} << {action_id}",
            f"{late} <<",
            *[f"{late} << {line}" for line in ("Event: Hangup", "Privilege: call,all", "Cause-txt: a\\nb")],
            f"{late} <<",
            f"{late} -- closed",
        ]
        self.assertEqual(taken.text.splitlines(), expected)
        self.assertEqual(list(parse(taken.text.splitlines(keepends=True))), taken.entries)

    @given(st.binary(max_size=80))
    def test_what_is_escaped_comes_back(self, data: bytes) -> None:
        text = escape(data)
        self.assertEqual(unescape(text), data)
        self.assertTrue("\r" not in text and "\n" not in text and "\x1b" not in text and not text.endswith(" "))
        text.encode()

    def test_text_stays_as_it_is(self) -> None:
        for text in ("Channel: PJSIP/zoë-1", "CallerIDName: 日本語", "a: b \\ c"):
            self.assertEqual(escape(text.encode()), text.replace("\\", "\\\\"))
        self.assertEqual(escape(b"\xff\xc2\x85\x1b[2J\xe2\x80\xa8 "), r"\xff\xc2\x85\x1b[2J\xe2\x80\xa8\x20")

    def test_what_is_no_transcript_is_refused_and_what_was_cut_short_is_read(self) -> None:
        for line in ("hello\n", "2026-11-22 << x\n\n", "x << y\n", "\n"):
            with self.assertRaises(ValueError) as caught:
                list(parse([line, "\n"]))
            self.assertIn("line", str(caught.exception))
        entry = Entry(1.5, "<<", b"Event: X\r\n\r\n")
        self.assertEqual(list(parse([*entry.text.splitlines(True), entry.text[:20]])), [entry])

    def test_a_name_stands_in_each_line(self) -> None:
        entries: list[Entry] = []
        for name in ("office", "plant"):
            Transcript(entries.append, name=name).write(1.0, "<<", b"Event: X\r\n\r\n")
        self.assertTrue(entries[0].text.startswith("1970-01-01T00:00:01.000000+00:00 office << Event: X\n"))
        text = "".join(entry.text for entry in entries)
        self.assertEqual(list(parse(text.splitlines(True))), entries)
        for wrong in ("a b", "<<", "-x", "\n"):
            self.assertRaises(ValueError, Transcript, print, name=wrong)

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(st.sampled_from([*corpus.MESSAGES.values(), b"", b"\r\nEvent: Late", b"X: \\", b"a ", *HARMLESS])),
        st.binary(max_size=12),
        st.lists(st.integers(1, 40), max_size=60),
        st.sampled_from(["<<", ">>"]),
    )
    def test_any_stream_in_any_chunks_comes_back(
        self, messages: list[bytes], rest: bytes, sizes: list[int], direction: Literal["<<", ">>"]
    ) -> None:
        stream = BANNER * (direction == "<<") + b"".join(raw + b"\r\n\r\n" for raw in messages) + rest
        entries = taken_down(stream, sizes, direction)
        self.assertEqual(entries, taken_down(stream, [], direction))
        self.assertEqual(b"".join(each.data for each in entries if each.direction == direction), stream)
        text = "".join(entry.text for entry in entries)
        self.assertEqual(list(parse(text.splitlines(True) if text.isascii() else _lines(text))), entries)

    def test_every_recording_comes_back(self) -> None:
        for name in corpus.RECORDED:
            stream = corpus.recording(name)
            entries = taken_down(BANNER + stream, [1000] * (len(stream) // 1000))
            self.assertEqual(entries, list(parse(_lines("".join(entry.text for entry in entries)))))
            shown = b"".join(entry.data for entry in entries if entry.direction == "<<")
            self.assertEqual(shown.count(b"\r\n"), (BANNER + stream).count(b"\r\n"))


def _lines(text: str) -> list[str]:
    return [line + "\n" for line in text.split("\n")[:-1]]


class BlotTests(SynchronousTestCase):
    def test_no_secret_of_any_kind(self) -> None:
        for what, template in SECRETIVE.items():
            raw = template.replace(b"%b", MARK) + b"\r\n\r\n"
            blotted = Blotter().blot(raw)
            self.assertNotIn(MARK, blotted, what)
            self.assertIn(BLOT, blotted, what)
            self.assertEqual(blotted.count(b"\r\n"), raw.count(b"\r\n"), what)
            names = [line.partition(b":")[0] for line in raw.split(b"\r\n")]
            self.assertEqual([line.partition(b":")[0] for line in blotted.split(b"\r\n")], names, what)

    def test_the_harmless_stays(self) -> None:
        for raw in (*HARMLESS, *corpus.MESSAGES.values()):
            self.assertEqual(Blotter().blot(raw + b"\r\n\r\n"), raw + b"\r\n\r\n")

    def test_the_output_of_old_goes_on_behind_a_blank_line(self) -> None:
        blotter = Blotter()
        parts = [
            b"Response: Follows\r\nPrivilege: Command\r\na\n\r\n\r\n",
            b" secret: %b\n--END COMMAND--\r\n\r\n" % MARK,
        ]
        blotted = b"".join(map(blotter.blot, parts))
        self.assertTrue(blotted.endswith(b" secret: <blotted>\n--END COMMAND--\r\n\r\n"))
        self.assertEqual(blotter.blot(b"Secret: x\ny\r\n"), b"Secret: <blotted>\r\n")

    def test_what_authorizes_a_request(self) -> None:
        for line in (b"Authorization: Bearer 0xSECRET", b"Variable: PJSIP_HEADER(add,Authorization)=Basic 0xSECRET"):
            self.assertNotIn(b"0xSECRET", Blotter().blot(b"Event: X\r\n" + line + b"\r\n\r\n"))

    def test_own_names_and_texts(self) -> None:
        blotter = Blotter([Secret("4711")], ["X-Card", "CARD*"])
        raw = b"Event: UserEvent\r\nx-card: 1\r\nX-Cards: 2\r\nChanVariable: CARDNUMBER=3\r\nValue: 94711\r\n\r\n"
        self.assertEqual(
            blotter.blot(raw),
            b"Event: UserEvent\r\nx-card: <blotted>\r\nX-Cards: 2\r\nChanVariable: CARDNUMBER=<blotted>\r\n"
            b"Value: 9<blotted>\r\n\r\n",
        )

    @given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=4).filter(str.strip), st.data())
    def test_the_secret_of_the_login_wherever_it_stands(self, text: str, data: Any) -> None:
        raw = data.draw(st.sampled_from([b"Message: no %b here", b"%b", b"%b: x", b"Event: %b", b"Response: %b: %b"]))
        secret = text.encode()
        blotted = Blotter([Secret(text)]).blot(raw.replace(b"%b", secret) + b"\r\n\r\n")
        left = blotted.replace(BLOT, b"")
        if not any(part in b"Message: no  here: x Event: Response: " for part in (secret,)):
            self.assertNotIn(secret, left)

    def test_odd_secrets(self) -> None:
        for text in ("", "\ud800", "a: b", 'q"\\'):
            blotted = Blotter([Secret(text)]).blot(b'Message: a: b q\\"\\\\\r\n\r\n')
            self.assertTrue(blotted.startswith(b"Message: "))
        self.assertEqual(Blotter([Secret('q"\\')]).blot(b'X: q\\"\\\\ q%22%5C'), b"X: <blotted> <blotted>")
        # One that is short has to stand alone.
        self.assertEqual(Blotter([Secret("y")]).blot(b"Event: my y-y, y"), b"Event: my %b-%b, %b" % (BLOT, BLOT, BLOT))
        self.assertEqual(Blotter([Secret("Event")]).blot(b"Event: Event\r\n"), b"Event: <blotted>\r\n")

    def test_it_is_quick_with_long_lines(self) -> None:
        for part in (b"secret", b"pin ", b'"secret', b"a:", b"=>", b"set variable ", b"//a"):
            Blotter(names=["a*"]).blot(b"JSON: " + part * 20000)

    def test_a_whole_life_without_the_secret(self) -> None:
        for auth in ("plain", "md5"):
            for right in (True, False):
                net = network()
                net.server.users["admin"] = SECRET if right else "another"
                net.server.answer("Echo", f"Response: Error\nActionID: {{ActionID}}\nMessage: it is {SECRET}!")
                entries: list[Entry] = []
                service = AMIService(
                    net.clock, net, "admin", SECRET, auth=auth, transcript=entries.append, after_login_failed="retry"
                )
                service.startService()
                for _ in range(2):
                    net.accept()
                    service.action("Echo").addErrback(lambda _: None)
                    service.action("UserEvent", UserEvent="x", Note=SECRET).addErrback(lambda _: None)
                    net.flush()
                    net.cut()
                    net.advance(61)
                service.stopService()
                net.flush()
                text = "".join(entry.text for entry in entries)
                digest = hashlib.md5(b"840415273" + SECRET.encode()).hexdigest()
                for hidden in (SECRET, digest):
                    self.assertNotIn(hidden, text)
                self.assertIn(">> Action: Login", text)
                self.assertEqual("<blotted>!" in text, right)
                self.assertGreaterEqual(text.count("-- opened"), 2)


class TargetTests(SynchronousTestCase):
    def path(self) -> Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return Path(folder.name) / "ami.log"

    def test_a_file_is_for_nobody_else_and_is_rotated(self) -> None:
        path = self.path()
        wire = Taken(str(path), rotate=2000, keep=3).log_in()
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        for number in range(100):
            wire.receive(message("Event: X", "Privilege: call,all", f"Number: {number}"))
        wire.lose()
        files = sorted(path.parent.iterdir())
        self.assertEqual([file.name for file in files], ["ami.log", "ami.log.1", "ami.log.2", "ami.log.3"])
        self.assertEqual({stat.S_IMODE(os.stat(file).st_mode) for file in files}, {0o600})
        for file in files:
            self.assertLess(file.stat().st_size, 2300)
            # No message is cut in two.
            self.assertLessEqual({entry.data.count(b"\r\n") for entry in read(file)}, {1, 4})
        newest = read(path)[-2].data
        self.assertIn(b"Number: 99", newest)

    def test_a_file_that_is_there_is_added_to_and_keeps_its_mode(self) -> None:
        path = self.path()
        Taken(path).log_in().lose()
        path.chmod(0o640)
        Taken(path).log_in().lose()
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o640)
        self.assertEqual([entry.data for entry in read(path)].count(b"opened\r\n"), 2)

    def test_several_can_share_a_file(self) -> None:
        path = self.path()
        berlin, paris = Taken(path, name="berlin").log_in(), Taken(str(path), name="paris").log_in()
        for number in range(5):
            berlin.receive(message("Event: B", "Privilege: call,all", f"Number: {number}"))
            paris.receive(message("Event: P", "Privilege: call,all", f"Number: {number}"))
        berlin.lose()
        paris.receive(message("Event: P", "Privilege: call,all", "Number: 5"))
        paris.lose()
        entries = read(path)
        for name, kind, count in (("berlin", b"Event: B", 5), ("paris", b"Event: P", 6)):
            own = [entry.data for entry in entries if entry.name == name]
            self.assertEqual(sum(data.startswith(kind) for data in own), count)
            self.assertEqual((own[0], own[-1]), (b"opened\r\n", b"closed\r\n"))

    def test_a_file_that_cannot_be_opened_is_told_at_once(self) -> None:
        net = network()
        for make in (connect, AMIService):
            with self.assertRaises(OSError):
                make(net.clock, net, "admin", "x", transcript=self.path().parent / "none" / "ami.log")

    def test_a_logger(self) -> None:
        with capturedLogs() as captured:
            Taken(Logger("wire"), name="office").log_in().receive(message("Event: {x}", "A: b\nc"))
        texts = [formatEvent(event) for event in captured if event["log_namespace"] == "wire"]
        self.assertEqual(texts[0], "office -- opened")
        self.assertEqual(texts[-1], "office << Event: {x}\nA: b\\nc")

    def test_what_can_be_written_to(self) -> None:
        path = self.path()
        with open(path, "wb") as out:
            Taken(out).log_in()
        self.assertEqual(len(read(path)), 4)

    def test_connect_and_the_service_pass_it_on(self) -> None:
        for make in (connect, AMIService):
            net = network()
            entries: list[Entry] = []
            made: Any = make(net.clock, net, "admin", "hush", transcript=entries.append)
            if isinstance(made, AMIService):
                made.startService()
            net.accept()
            self.assertIn(b"Authentication accepted", b"".join(entry.data for entry in entries))


class HarmTests(SynchronousTestCase):
    def test_one_that_fails_is_logged_once_and_disturbs_nothing(self) -> None:
        for error in (OSError(28, "No space left on device"), ValueError("mine")):
            calls: list[Entry] = []

            def fail(entry: Entry, error: Exception = error, calls: list[Entry] = calls) -> None:
                calls.append(entry)
                if len(calls) > 3:
                    raise error

            with capturedLogs() as captured:
                taken = Taken(fail)
                wire = taken.log_in()
                pong = wire.ami.action("Ping")
                wire.answer(wire.sent()[0], "Ping: Pong")
                self.assertEqual(self.successResultOf(pong)["Ping"], "Pong")
                wire.lose()
            self.assertEqual(len(calls), 4)
            lines = [event for event in captured if "transcript" in formatEvent(event)]
            self.assertEqual(len(lines), 1)
            self.assertEqual(len(self.flushLoggedErrors(type(error))), 1)

    def test_it_stays_off_for_the_connections_to_come(self) -> None:
        calls: list[Entry] = []

        def fail(entry: Entry) -> None:
            calls.append(entry)
            raise OSError

        transcript = Transcript(fail)
        for _ in range(3):
            logged_in_with(transcript)
        self.assertEqual(len(calls), 1)
        self.assertTrue(transcript.failed)
        self.flushLoggedErrors(OSError)

    def test_a_callable_may_send_actions(self) -> None:
        taken = Taken()
        wire = taken.log_in()
        taken.wire.ami.on("X", lambda _: wire.ami.action("Ping"))
        wire.receive(message("Event: X", "Privilege: call,all"))
        self.assertIn(">> Action: Ping", taken.text)

    def test_when_off_nothing_is_in_the_way(self) -> None:
        wire = logged_in()
        self.assertNotIn("dataReceived", vars(wire.ami))
        self.assertIsNone(vars(wire.ami)["_recorder"])
        self.assertIs(vars(wire.ami)["_outbox"]._transport, wire.transport)

    def test_it_lets_go_of_a_connection_that_is_lost(self) -> None:
        taken = Taken()
        wire = taken.log_in()
        self.assertIn("dataReceived", vars(wire.ami))
        wire.lose()
        self.assertNotIn("dataReceived", vars(wire.ami))

    def test_what_was_left_incomplete_is_kept(self) -> None:
        taken = Taken()
        wire = taken.log_in()
        wire.receive(b"Event: Hang")
        wire.lose()
        self.assertEqual(taken.text.splitlines()[-2], "1970-01-01T00:00:00.000000+00:00 << Event: Hang\\")

    def test_paced_output_is_there_when_it_leaves(self) -> None:
        taken = Taken(tls=True)
        wire = taken.log_in()
        wire.clock.advance(1)
        wire.sent()
        for number in range(3):
            wire.ami.action("UserEvent", UserEvent=str(number), Text="x" * 900)
        withdrawn = wire.ami.action("UserEvent", UserEvent="never", Text="x" * 900)
        withdrawn.addErrback(lambda _: None).cancel()
        sent = [entry for entry in taken.entries if b"UserEvent: " in entry.data]
        self.assertEqual(len(sent), 1)
        for _ in range(3):
            wire.clock.advance(0.5)
            for action in wire.sent():
                wire.answer(action)
        sent = [entry for entry in taken.entries if b"UserEvent: " in entry.data]
        self.assertEqual([entry.time for entry in sent], [1, 1.5, 2])
        self.assertNotIn("never", taken.text)


def logged_in_with(transcript: Transcript) -> Wire:
    return logged_in(transcript=transcript)
