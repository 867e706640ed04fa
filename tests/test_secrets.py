"""No secret in anything that is shown: everything logged at debug level, every repr, every error."""

from __future__ import annotations

import traceback
from typing import Literal

from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.network import MemoryEndpoint, network
from txami import AMIService, InvalidAction, Login, Secret, connect

SECRET = "hush-hush-never-shown"


def shown(thing: object, depth: int = 3) -> str:
    """Return all that a curious person would get out of an object by printing it and what it holds."""
    if isinstance(thing, MemoryEndpoint):
        return ""  # the other side, which must know the secret
    texts = [repr(thing), str(thing)]
    if isinstance(thing, BaseException):
        texts += traceback.format_exception(thing)
        texts += [repr(thing.args), shown(thing.__cause__)]
    if depth and hasattr(thing, "__dict__"):
        texts += [shown(value, depth - 1) for value in vars(thing).values()]
    return "\n".join(texts)


def shown_in_log(event: LogEvent) -> str:
    """Return all that a log observer could print of an event."""
    failure = event.get("log_failure")
    details = [failure.getTraceback(), failure.getBriefTraceback()] if isinstance(failure, Failure) else []
    return "\n".join([formatEvent(event), repr(event), *map(shown, event.values()), *details])


class SecretTests(SynchronousTestCase):
    def live(self, net: MemoryEndpoint, auth: Literal["plain", "md5"], secret: str) -> list[object]:
        """Live through what a service can, and return what came of it."""
        service = AMIService(
            net.clock,
            net,
            "admin",
            secret,
            auth=auth,
            ping_interval=10,
        )
        results: list[object] = [service]
        service.on_connected(results.append)
        service.startService()
        net.refuse()
        net.advance(2)
        net.accept()
        for name in ("Ping", "NoSuch"):
            service.action(name).addBoth(results.append)
        service.action("UserEvent", UserEvent="x", Secret=SECRET).addBoth(results.append)
        net.flush()
        try:
            service.action("Setvar", {"Secret": SECRET + "\n"})
        except InvalidAction as error:
            results.append(error)
        service.action("Sleep").addBoth(results.append)
        if net.pumps:
            net.cut()
        net.advance(2)
        results.append(service.stopService())
        net.flush()
        return results

    def test_nothing_that_is_logged_or_shown_has_it(self) -> None:
        modes: tuple[Literal["plain", "md5"], ...] = ("plain", "md5")
        for auth in modes:
            for right in (True, False):
                net = network()
                net.server.users["admin"] = SECRET if right else "another"
                with capturedLogs() as captured:
                    results = self.live(net, auth, SECRET)
                text = "\n".join([*map(shown, results), *map(shown_in_log, captured)])
                self.assertTrue("admin" in text)
                self.assertFalse(SECRET in text)

    def test_it_is_in_what_is_sent_and_nowhere_else(self) -> None:
        net = network()
        connecting = connect(net.clock, net, "admin", SECRET)
        pump = net.accept(greet=False)
        pump.pump()
        sent = pump.clientIO.getOutBuffer()
        self.assertIn(SECRET.encode(), sent)
        self.assertNotIn(SECRET, shown(connecting) + shown(pump.client))

    def test_an_error_while_logging_in_does_not_show_it(self) -> None:
        for secret in (SECRET + "\r\n", SECRET + "\0", SECRET * 100):
            net = network()
            try:
                connect(net.clock, net, "admin", Secret(secret))
            except InvalidAction as error:
                # Not assertRaises, which clears the frames that a tool would report with their variables.
                text = Failure(captureVars=True).getTraceback(detail="verbose")
                self.assertIn("Secret", str(error))
                self.assertNotIn(SECRET, shown(error))
            else:
                self.fail("it is not refused")
            ours = text[text.rindex("client.py") :]
            self.assertIn("__post_init__", ours)
            self.assertNotIn(SECRET, ours)
            self.assertEqual(net.attempts, [])

    def test_the_parts_do_not_show_it(self) -> None:
        login = Login("admin", Secret(SECRET))
        self.assertNotIn(SECRET, shown(login))
        self.assertNotIn(SECRET, f"{login.secret} {login.secret!r} {login}")
        self.assertEqual(login.secret.reveal(), SECRET)

    def test_a_traceback_of_a_failed_login_does_not_show_it(self) -> None:
        net = network()

        async def go() -> None:
            await connect(net.clock, net, "admin", SECRET)

        going = Deferred.fromCoroutine(go())
        net.accept()
        failure = self.failureResultOf(going)
        self.assertNotIn(SECRET, failure.getTraceback(detail="default") + failure.getBriefTraceback())
