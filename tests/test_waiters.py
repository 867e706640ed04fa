"""Results that many wait for."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from txami.waiters import OneShot, Waiters


class WaitersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.waiters: Waiters[str] = Waiters()

    def test_each_who_waits_has_a_deferred_of_their_own(self) -> None:
        first, second = self.waiters.wait(), self.waiters.wait()
        self.assertIsNot(first, second)
        first.addCallback(lambda result: result + " changed")
        self.waiters.succeed("result")
        self.assertEqual(self.successResultOf(first), "result changed")
        self.assertEqual(self.successResultOf(second), "result")

    def test_a_failure_reaches_all(self) -> None:
        first, second = self.waiters.wait(), self.waiters.wait()
        error = RuntimeError()
        self.waiters.fail(error)
        self.assertIs(self.failureResultOf(first).value, error)
        self.assertIs(self.failureResultOf(second).value, error)

    def test_who_comes_late_waits_for_the_next_result(self) -> None:
        self.waiters.succeed("missed")
        self.waiters.fail(RuntimeError("missed"))
        waiter = self.waiters.wait()
        self.assertNoResult(waiter)
        self.waiters.succeed("next")
        self.waiters.succeed("one after")
        self.assertEqual(self.successResultOf(waiter), "next")

    def test_cancelling_one_is_nobody_elses_matter(self) -> None:
        first, second = self.waiters.wait(), self.waiters.wait()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.waiters.succeed("result")
        self.assertEqual(self.successResultOf(second), "result")

    def test_who_is_told_may_wait_anew(self) -> None:
        again: list[Deferred[str]] = []
        self.waiters.wait().addCallback(lambda _: again.append(self.waiters.wait()))
        self.waiters.succeed("first")
        self.assertNoResult(again[0])
        again[0].addErrback(lambda _: again.append(self.waiters.wait()))
        self.waiters.fail(RuntimeError())
        self.assertNoResult(again[1])
        self.waiters.succeed("third")
        self.assertEqual(self.successResultOf(again[1]), "third")

    def test_who_is_told_may_cancel_another_who_waits(self) -> None:
        first, second, third = (self.waiters.wait() for _ in range(3))
        first.addCallback(lambda _: second.cancel())
        self.waiters.succeed("result")
        self.failureResultOf(second, CancelledError)
        self.assertEqual(self.successResultOf(third), "result")

    def test_who_is_failed_may_cancel_another_who_waits(self) -> None:
        first, second, third = (self.waiters.wait() for _ in range(3))
        first.addErrback(lambda _: second.cancel())
        self.waiters.fail(RuntimeError())
        self.failureResultOf(second, CancelledError)
        self.failureResultOf(third, RuntimeError)


class OneShotTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.shot: OneShot[str] = OneShot()

    def test_the_result_reaches_those_before_and_those_after(self) -> None:
        before = [self.shot.wait(), self.shot.wait()]
        self.assertIs(self.shot.fired, False)
        self.shot.succeed("result")
        self.assertIs(self.shot.fired, True)
        for waiter in [*before, self.shot.wait(), self.shot.wait()]:
            self.assertEqual(self.successResultOf(waiter), "result")

    def test_an_error_reaches_those_before_and_those_after(self) -> None:
        before = self.shot.wait()
        error = RuntimeError()
        self.shot.fail(error)
        self.assertIs(self.shot.fired, True)
        self.assertIs(self.failureResultOf(before).value, error)
        self.assertIs(self.failureResultOf(self.shot.wait()).value, error)

    def test_the_first_result_stays(self) -> None:
        self.shot.succeed("first")
        self.shot.succeed("second")
        self.shot.fail(RuntimeError())
        self.assertEqual(self.successResultOf(self.shot.wait()), "first")

    def test_the_first_error_stays(self) -> None:
        self.shot.fail(RuntimeError())
        self.shot.succeed("second")
        self.failureResultOf(self.shot.wait(), RuntimeError)

    def test_cancelling_one_is_nobody_elses_matter(self) -> None:
        first, second = self.shot.wait(), self.shot.wait()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.shot.succeed("result")
        self.assertEqual(self.successResultOf(second), "result")

    def test_who_is_told_may_wait_anew_and_gets_the_result_again(self) -> None:
        again: list[Deferred[str]] = []
        self.shot.wait().addCallback(lambda _: again.append(self.shot.wait()))
        other = self.shot.wait()
        self.shot.succeed("result")
        self.assertEqual(self.successResultOf(again[0]), "result")
        self.assertEqual(self.successResultOf(other), "result")

    def test_who_is_told_may_try_to_change_the_result_in_vain(self) -> None:
        self.shot.wait().addCallback(lambda _: self.shot.fail(RuntimeError()))
        other = self.shot.wait()
        self.shot.succeed("result")
        self.assertEqual(self.successResultOf(other), "result")

    def test_what_one_does_to_the_result_is_nobody_elses_matter(self) -> None:
        self.shot.succeed("result")
        self.shot.wait().addCallback(lambda _: None)
        self.assertEqual(self.successResultOf(self.shot.wait()), "result")
