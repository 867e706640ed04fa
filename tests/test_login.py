"""Who logs in: the headers, the events mask, and a secret that does not show."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterable

from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from txami.login import EVENT_CLASSES, Login, Secret, tidy_mask


class FieldsTests(SynchronousTestCase):
    def test_plain_sends_the_secret(self) -> None:
        login = Login("admin", Secret("sesame"))
        self.assertIs(login.needs_challenge, False)
        self.assertEqual(list(login.fields().items()), [("Username", "admin"), ("Secret", "sesame"), ("Events", None)])

    def test_md5_sends_the_digest_of_challenge_and_secret_in_lower_case(self) -> None:
        login = Login("admin", Secret("sesame"), "md5", "on")
        self.assertIs(login.needs_challenge, True)
        self.assertEqual(
            list(login.fields("123456789").items()),
            [
                ("Username", "admin"),
                ("AuthType", "MD5"),
                ("Key", "b10a7568b0032c847cd50c22c4bb3fd4"),
                ("Events", "on"),
            ],
        )

    def test_md5_takes_the_bytes_of_a_secret_in_utf_8(self) -> None:
        login = Login("admin", Secret("s\u00e9same"), "md5")
        self.assertEqual(login.fields("123456789")["Key"], "13fed8eee191bf581a6f281ffd788fe4")

    def test_the_events_mask_is_tidied(self) -> None:
        self.assertEqual(Login("admin", Secret("x"), events="Call, system").fields()["Events"], "call,system")
        with self.assertRaises(ValueError):
            Login("admin", Secret("x"), events="")

    def test_another_kind_of_login_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "^auth='sha256' must be 'plain' or 'md5'$"):
            Login("admin", Secret("x"), "sha256")  # type: ignore[arg-type]


class MaskTests(SynchronousTestCase):
    def assert_tidy(self, events: str | Iterable[str] | None, mask: str | None) -> None:
        """Check the mask, and that there is nothing to warn of."""
        with capturedLogs() as logs:
            self.assertEqual(tidy_mask(events), mask)
        self.assertEqual(logs, [])

    def test_none_stays_none(self) -> None:
        self.assert_tidy(None, None)

    def test_on_and_off_stay(self) -> None:
        self.assert_tidy("on", "on")
        self.assert_tidy("off", "off")
        self.assert_tidy(" Off ", "off")

    def test_blanks_and_empty_names_go(self) -> None:
        self.assert_tidy("call, system", "call,system")
        self.assert_tidy(",call,, system\t,", "call,system")

    def test_case_is_lower(self) -> None:
        self.assert_tidy("CALL,System", "call,system")

    def test_several_names(self) -> None:
        self.assert_tidy(["call", " System ", ""], "call,system")
        self.assert_tidy((name for name in ("call", "agent")), "call,agent")

    def test_names_with_commas_among_several(self) -> None:
        self.assert_tidy(["call, system", "agent"], "call,system,agent")

    def test_every_class_is_known(self) -> None:
        self.assertEqual(len(EVENT_CLASSES), 21)
        self.assert_tidy(sorted(EVENT_CLASSES), ",".join(sorted(EVENT_CLASSES)))

    def test_no_name_at_all_is_refused(self) -> None:
        # Asterisk would take it for all classes.
        for events in ("", " ", ",", " , ,", [], [""], [" ", ""]):
            with self.assertRaisesRegex(ValueError, "names no class of events; use None for all and 'off' for none"):
                tidy_mask(events)

    def test_unknown_names_are_sent_with_a_warning(self) -> None:
        with capturedLogs() as logs:
            self.assertEqual(tidy_mask("call,cal, SYSTEMS"), "call,cal,systems")
        [event] = logs
        self.assertEqual(event["log_level"], LogLevel.warn)
        self.assertEqual(
            formatEvent(event),
            "Asterisk ignores event classes that it does not know: cal, systems; "
            "it knows " + ", ".join(sorted(EVENT_CLASSES)),
        )


class SecretTests(SynchronousTestCase):
    def test_it_shows_itself_only_to_who_asks(self) -> None:
        secret = Secret("sesame")
        self.assertEqual(secret.reveal(), "sesame")
        for text in (repr(secret), str(secret), f"{secret}", f"{secret!r}", "%s %r" % (secret, secret)):  # noqa: UP031
            self.assertNotIn("sesame", text)
        self.assertEqual(repr(secret), "<secret>")

    def test_a_secret_of_a_secret_is_the_same(self) -> None:
        self.assertEqual(Secret(Secret("sesame")).reveal(), "sesame")

    def test_it_has_no_attributes_to_be_dumped(self) -> None:
        with self.assertRaises(TypeError):
            vars(Secret("sesame"))

    def test_it_cannot_be_pickled_nor_copied(self) -> None:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with self.assertRaisesRegex(TypeError, "^a Secret is not to be stored$"):
                pickle.dumps(Secret("sesame"), protocol)
        with self.assertRaises(TypeError):
            copy.deepcopy(Secret("sesame"))

    def test_a_login_does_not_show_it(self) -> None:
        login = Login("admin", Secret("sesame"))
        self.assertEqual(repr(login), "Login(username='admin', secret=<secret>, auth='plain', events=None)")
        with self.assertRaises(TypeError):
            pickle.dumps(login)

    def test_a_login_made_with_a_plain_text_does_not_show_it(self) -> None:
        login = Login("admin", "sesame")  # type: ignore[arg-type]
        self.assertNotIn("sesame", repr(login))
        self.assertEqual(login.fields()["Secret"], "sesame")

    def test_a_secret_that_is_no_text_is_refused(self) -> None:
        for value in (None, b"hush"):
            with self.assertRaisesRegex(TypeError, type(value).__name__) as refused:
                Secret(value)  # type: ignore[arg-type]
            self.assertNotIn("hush", str(refused.exception))
