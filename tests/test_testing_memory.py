"""Connections to a FakeAsterisk in memory, and its time."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, LoopingCall

import txami
from txami.testing import FakeAsterisk
from txami.testing.memory import logged_in


def test_connecting_takes_a_turn() -> None:
    fake = FakeAsterisk()
    connecting = txami.connect(fake.clock, fake.endpoint(), "admin", "secret")
    assert not connecting.called
    assert fake.sessions == []
    ami = fake.result_of(connecting)
    assert ami.logged_in
    assert fake.sessions[0].username == "admin"
    fake.result_of(ami.logoff())
    fake.finish()


def test_two_servers_of_one_time() -> None:
    berlin = FakeAsterisk()
    paris = FakeAsterisk(berlin.clock, version="5.0.4")
    first, second = (txami.connect(berlin.clock, fake.endpoint(), "admin", "secret") for fake in (berlin, paris))
    assert berlin.result_of(first).version == (11, 0, 0)
    assert berlin.result_of(second).version == (5, 0, 4)
    berlin.stop()
    paris.finish()


def test_a_server_that_is_down() -> None:
    fake = FakeAsterisk()
    fake.accepts = False
    with pytest.raises(txami.NotConnected, match="a FakeAsterisk in memory: Connection was refused"):
        fake.result_of(txami.connect(fake.clock, fake.endpoint(), "admin", "secret"))
    service = txami.AMIService(fake.clock, fake.endpoint(), "admin", "secret")
    service.startService()
    fake.advance(10)
    fake.accepts = True
    assert fake.result_of(service.when_ready()).logged_in
    fake.result_of(service.stopService())
    fake.finish()


def test_an_attempt_that_is_given_up() -> None:
    fake = FakeAsterisk()
    endpoint = fake.endpoint()
    service = txami.AMIService(fake.clock, endpoint, "admin", "secret")
    service.startService()
    fake.result_of(service.stopService())
    assert (endpoint.cancelled, endpoint.attempts) == (1, [])
    fake.finish()


def test_time_passes_step_by_step() -> None:
    fake = FakeAsterisk()
    times: list[float] = []
    call = LoopingCall(lambda: times.append(fake.clock.seconds()))
    call.clock = fake.clock
    call.start(3, now=False)
    fake.advance(10)
    assert times == [3, 6, 9]
    assert fake.clock.seconds() == 10
    call.stop()


def test_the_result_of_a_coroutine() -> None:
    fake = FakeAsterisk()

    async def place() -> str:
        ami = await txami.connect(fake.clock, fake.endpoint(), "admin", "secret")
        call = await ami.originate("PJSIP/alice", context="default", exten="200")
        status = (await call.outcome).status
        await call.ended
        await ami.logoff()
        return status

    assert fake.result_of(place()) == "answered"
    assert fake.clock.seconds() == fake.ring_time + fake.talk_time
    fake.finish()


def test_the_result_is_an_error() -> None:
    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        FakeAsterisk().result_of(fail())


def test_what_never_comes() -> None:
    fake = FakeAsterisk()
    never: Deferred[None] = Deferred()
    with pytest.raises(AssertionError, match="nothing is left that could happen"):
        fake.result_of(never)
    call = LoopingCall(lambda: None)
    call.clock = fake.clock
    call.start(60)
    with pytest.raises(AssertionError, match="not come within 3600 s"):
        fake.result_of(never)
    assert fake.clock.seconds() <= 3600
    call.stop()


def test_a_reactor_is_no_clock() -> None:
    fake = FakeAsterisk(cast(Any, object()))
    for what in (fake.flush, fake.finish, lambda: fake.advance(1), lambda: fake.result_of(Deferred())):
        with pytest.raises(TypeError, match="the fake's clock is a reactor"):
            what()


def test_calls_of_the_fake_end_with_it() -> None:
    fake = FakeAsterisk()
    fake.dial("PJSIP/alice", "PJSIP/bob")
    fake.finish()
    assert fake.clock.getDelayedCalls() == []


def test_what_is_left() -> None:
    fake = FakeAsterisk()
    service = txami.AMIService(fake.clock, fake.endpoint(), "admin", "secret")
    service.startService()
    fake.result_of(service.when_ready())
    with pytest.raises(AssertionError, match=r"something is still to happen; is all stopped\? .* 0x"):
        fake.finish()
    fake.result_of(service.stopService())
    fake.finish()


def test_actions_without_an_answer() -> None:
    fake = FakeAsterisk(users={"boss": "hush"})
    fake.never_answer("Status")
    session = ExitStack()
    ami = session.enter_context(logged_in(fake))
    ami.action("Ping")
    ami.action("Status").addErrback(lambda _: None)
    with pytest.raises(AssertionError, match="1 of the actions that were sent"):
        session.close()
    assert fake.sessions == []
    fake.finish()


def test_the_clock_may_be_that_of_the_test() -> None:
    clock = Clock()
    clock.advance(5)
    fake = FakeAsterisk(clock)
    fake.advance(1)
    assert clock.seconds() == 6
