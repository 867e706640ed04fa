"""StarPy's ``manager`` on txami, in memory: how it outlives its connections."""

from __future__ import annotations

import gc
from itertools import pairwise
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from tests.test_starpy import SECRET, World, logged, world
from txami import ConnectionLost, NotConnected
from txami.starpy import manager
from txami.testing import FakeSession

__all__ = ["logged", "world"]


def test_every_deferred_fails_once_when_the_connection_is_lost(world: World) -> None:
    world.server.never_answer("Status")
    ami = world.login()
    results: list[Any] = []
    messages: list[Any] = []

    def again(result: Any) -> Any:
        results.append(result)
        return ami.ping().addBoth(results.append)

    for _ in range(3):
        ami.status().addBoth(again)
        ami.sendDeferred({"action": "Status"}).addBoth(again)
        ami.sendMessage({"action": "Status"}, messages.append)
    ami.sendMessage({"action": "Status"})
    world.run()
    world.cut()
    assert [result.check(ConnectionLost) for result in results] == [ConnectionLost] * 6
    assert [type(message) for message in messages] == [ConnectionLost] * 3
    world.run(5)
    # What was asked for in the errbacks waited for the next connection.
    assert [result["ping"] for result in results[6:]] == ["Pong"] * 6
    gc.collect()


def test_the_program_holds_one_object_through_every_reconnection(world: World) -> None:
    ami = world.login()
    heard: list[Any] = []
    ami.registerEvent("A", lambda protocol, event: heard.append(protocol))
    for _ in range(3):
        world.cut()
        assert ami.transport is None
        world.run(5)
        world.server.emit("A")
        world.run()
    assert heard == [ami, ami, ami]
    assert world.result(ami.ping())["ping"] == "Pong"
    assert ami.transport is not None


def test_it_goes_on_after_failed_attempts_and_waits_longer_each_time(world: World) -> None:
    attempts: list[float] = []
    connect = world.network.connectTCP

    def noting(*arguments: Any, **named: Any) -> Any:
        attempts.append(world.network.seconds())
        return connect(*arguments, **named)

    ami = world.login()
    world.network.connectTCP = noting  # type: ignore[method-assign]
    world.factory.maxDelay = 30
    world.factory.resetDelay()
    world.go_away()
    world.run(300)
    waits = [later - earlier for earlier, later in pairwise(attempts)]
    assert waits[:3] == sorted(waits[:3])
    assert waits[0] > 1.5
    assert max(waits) < 31
    assert waits[-1] > 25
    world.come_back()
    world.run(31)
    assert world.result(ami.ping())["ping"] == "Pong"


def test_an_action_waits_for_a_connection_but_not_for_ever(world: World) -> None:
    world.factory.maxDelay = 5
    ami = world.login()
    world.go_away()
    began = world.network.seconds()
    assert isinstance(world.error(ami.originate("X/1")), NotConnected)
    assert world.network.seconds() - began == 30
    waiting = ami.originate("X/1", nowait=True)
    world.come_back()
    assert world.result(waiting)["response"] == "Success"
    assert world.sent() == ["login", "originate"]


def test_the_waits_begin_anew_with_a_login_only(world: World) -> None:
    """A server that accepts connections and drops them is not hammered."""
    world.login()
    attempts: list[float] = []

    class Closing(FakeSession):
        def connectionMade(self) -> None:
            attempts.append(world.network.seconds())
            self.server.sessions.append(self)
            self.transport.loseConnection()  # type: ignore[union-attr]

    world.server.buildProtocol = lambda addr: Closing(world.server)  # type: ignore[method-assign]
    world.cut()
    world.run(120)
    assert 4 <= len(attempts) <= 7


def test_a_login_refused_after_a_restart_is_tried_again_slowly(world: World) -> None:
    ami = world.login()
    world.server.users = {}
    refused: list[float] = []
    answer = world.server.answers["login"]

    def noting(session: FakeSession, action: Any) -> None:
        refused.append(world.network.seconds())
        answer(session, action)

    world.server.answer("Login", noting)
    world.cut()
    world.run(200)
    assert 2 <= len(refused) <= 5
    world.server.users = {"admin": SECRET}
    world.run(70)
    assert world.result(ami.ping())["ping"] == "Pong"


def test_on_reconnect_hands_over_a_deferred_and_registering_again_does_not_double(world: World) -> None:
    logins: list[Deferred[Any]] = []
    heard: list[Any] = []

    def connected(ami: Any) -> Any:
        ami.registerEvent("A", lambda _, event: heard.append(event))  # a new function each time
        return ami

    def lost(login: Deferred[Any]) -> None:
        logins.append(login.addCallback(connected))

    ami = world.result(world.make(on_reconnect=lost).login().addCallback(connected))
    for number in range(3):
        world.cut()
        assert len(logins) == number + 1
        assert world.result(logins[-1]) is ami
        del heard[:]
        world.server.emit("A")
        world.run()
        assert len(heard) == 1


def test_a_factory_that_hangs_something_on_the_next_login(world: World) -> None:
    heard: list[Any] = []

    class Factory(manager.AMIFactory):
        def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
            super().clientConnectionLost(connector, reason)
            self.loginDefer.addCallback(connected)

    def connected(ami: Any) -> Any:
        ami.registerEvent("A", lambda _, event: heard.append(event))
        return ami

    world.result(Factory("admin", SECRET, reactor=world.network).login().addCallback(connected))
    world.cut()
    world.run(5)
    world.server.emit("A")
    world.run()
    assert len(heard) == 1


def test_a_factory_that_reconnects_by_itself_is_left_to_do_so(world: World) -> None:
    told: list[str] = []

    class Factory(manager.AMIFactory):
        def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
            told.append(f"lost: {type(reason.value).__name__}")

        def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
            told.append(f"failed: {type(reason.value).__name__}")

    world.login(Factory("admin", SECRET, reactor=world.network))
    world.go_away()
    world.run(1000)
    assert told == ["lost: ConnectionDone"]
    world.factory.login("pbx")
    world.run(1000)
    assert told == ["lost: ConnectionDone", "failed: ConnectionRefusedError"]
    world.come_back()
    assert world.result(world.login().ping())["ping"] == "Pong"


def test_a_factory_that_retries_by_itself_does_it_no_harm(world: World) -> None:
    class Factory(manager.AMIFactory):
        def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
            self.retry(connector)

    world.result(world.port.stopListening())
    world.factory = Factory("admin", SECRET, reactor=world.network)
    waiting = world.factory.login()
    world.run(100)
    world.come_back()
    assert world.result(world.result(waiting).ping())["ping"] == "Pong"
    assert len(world.server.sessions) == 1


def test_hooks_that_fail_are_logged(world: World, logged: Any) -> None:
    class Protocol(manager.AMIProtocol):
        def connectionLost(self, reason: Any = None) -> None:
            raise RuntimeError("a broken hook")

    world.factory.protocol = Protocol
    ami = world.login()
    world.cut()
    world.run(5)
    assert "connectionLost" in logged()
    assert world.result(ami.ping())["ping"] == "Pong"


def test_a_protocol_of_ones_own_is_told_of_every_connection(world: World) -> None:
    told: list[str] = []

    class Protocol(manager.AMIProtocol):
        def connectionMade(self) -> None:
            told.append(f"made, {self.amiVersion}")

        def connectionLost(self, reason: Any = None) -> None:
            told.append(f"lost: {type(reason.value).__name__}")

    world.factory.protocol = Protocol
    ami = world.login()
    assert isinstance(ami, Protocol)
    world.cut()
    world.run(5)
    world.result(ami.logoff())
    assert told == ["made, 11.0.0", "lost: ConnectionDone", "made, 11.0.0", "lost: NotConnected"]


def test_a_protocol_that_registers_in_connection_made_is_not_called_twice(world: World) -> None:
    heard: list[Any] = []

    class Protocol(manager.AMIProtocol):
        def connectionMade(self) -> None:
            super().connectionMade()
            self.registerEvent("A", lambda _, event: heard.append(event))
            self.registerEvent("B", lambda _, event: heard.append(event))

    world.factory.protocol = Protocol
    ami = world.login()
    for _ in range(2):
        world.cut()
        world.run(5)
        world.server.emit("A")
        world.server.emit("B")
        world.run()
        assert [event["event"] for event in heard] == ["A", "B"]
        del heard[:]
    ami.registerEvent("A", lambda _, event: heard.append(event))  # long after the login it is one more
    world.server.emit("A")
    world.run()
    assert len(heard) == 2


def test_a_protocol_that_hangs_something_on_the_login_is_not_called_twice(world: World) -> None:
    heard: list[Any] = []

    class Protocol(manager.AMIProtocol):
        def connectionMade(self) -> None:
            self.factory.loginDefer.addCallback(self.connected_now)
            super().connectionMade()

        def connected_now(self, passed_on: Any) -> Any:
            self.registerEvent("A", lambda _, event: heard.append(event))
            return passed_on

    world.factory.protocol = Protocol
    world.login()
    world.cut()
    world.run(5)
    world.server.emit("A")
    world.run()
    assert len(heard) == 1


def test_a_factory_that_uses_its_connector_and_makes_its_own_deferred(world: World) -> None:
    told: list[str] = []

    class Factory(manager.AMIFactory):
        def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
            told.append("lost")
            self.again(connector)

        def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
            told.append("failed")
            self.again(connector)

        def again(self, connector: Any) -> None:
            self.loginDefer = Deferred()
            self.loginDefer.addCallback(lambda ami: told.append(f"back: {ami.connected}"))
            world.network.callLater(10, connector.connect)

    ami = world.login(Factory("admin", SECRET, reactor=world.network))
    world.go_away()
    assert ami.connected is False
    world.run(25)
    world.come_back()
    world.run(10)
    assert told == ["lost", "failed", "failed", "back: True"]
    assert len(world.server.sessions) == 1


def test_a_factory_that_connects_again_at_once(world: World) -> None:
    class Factory(manager.AMIFactory):
        def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
            connector.connect()

    ami = world.login(Factory("admin", SECRET, reactor=world.network))
    world.cut()
    world.run(5)
    assert world.result(ami.ping())["ping"] == "Pong"
    assert len(world.server.sessions) == 1


def test_a_factory_with_an_init_that_calls_no_other(world: World) -> None:
    class Factory(manager.AMIFactory):
        def __init__(self) -> None:
            self.username = "admin"
            self.secret = SECRET  # type: ignore[assignment]
            self._reactor = world.network

    ami = world.login(Factory())
    assert ami.id is None
    world.cut()
    world.run(5)
    assert world.result(ami.ping())["ping"] == "Pong"


def test_a_protocol_that_does_what_starpy_left_undone(world: World) -> None:
    """Classes that were made for StarPy's faults clear its tables themselves, and collect lists themselves."""

    class Protocol(manager.AMIProtocol):
        def connectionLost(self, reason: Any = None) -> None:
            for callback in self.actionIDCallbacks.values():
                callback(reason)
            self.actionIDCallbacks.clear()
            self.eventTypeCallbacks.clear()
            told.append("lost")

        def collectDeferred(self, message: Any, stopEvent: str) -> Deferred[Any]:
            found: list[Any] = []
            collected: Deferred[Any] = Deferred()

            def received(event: Any) -> None:
                if event.get("event") == stopEvent:
                    collected.callback(found)
                elif "event" in event:
                    found.append(event["channel"])

            action_id = self.sendMessage(message, received)
            return collected.addCallbacks(
                self.cleanup, self.cleanup, callbackArgs=(action_id,), errbackArgs=(action_id,)
            )

    told: list[str] = []
    world.factory.protocol = Protocol
    ami = world.login()
    world.server.add_channel("PJSIP/bob-00000001", state="Up")
    listed = ami.collectDeferred({"action": "CoreShowChannels"}, "CoreShowChannelsComplete")
    assert world.result(listed) == ["PJSIP/bob-00000001"]
    world.cut()
    assert told == ["lost"]


def test_logoff_is_for_good(world: World) -> None:
    reconnected: list[Any] = []
    ami = world.login(world.make(on_reconnect=reconnected.append))
    assert world.result(ami.logoff())["response"] == "Goodbye"
    assert world.result(ami.logoff())["response"] == "Goodbye"
    world.run(1000)
    assert (world.server.sessions, reconnected, world.network.getDelayedCalls()) == ([], [], [])
    assert isinstance(world.error(ami.ping()), NotConnected)


def test_stop_trying(world: World) -> None:
    ami = world.login()
    world.factory.stopTrying()
    assert world.result(ami.ping())["ping"] == "Pong"
    ami.transport.loseConnection()
    world.run(1000)
    assert world.server.sessions == []
    assert isinstance(world.error(ami.ping()), NotConnected)


def test_stop_trying_while_it_is_down(world: World) -> None:
    failed: list[Any] = []
    world.login(world.make(on_reconnect=lambda login: login.addErrback(failed.append)))
    world.go_away()
    world.factory.stopTrying()
    world.come_back()
    world.run(100)
    assert world.server.sessions == []
    assert [failure.type for failure in failed] == [NotConnected]
