"""A program that goes through all that can happen, and everything that could be found out about it afterwards."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from twisted.internet import defer
from twisted.logger import LogEvent, capturedLogs, eventAsJSON, formatEvent
from twisted.python.failure import Failure

from tests.network import MemoryEndpoint, network
from txami import AMIError, AMIFactory, AMIProtocol, AMIService, InvalidAction, Login, Secret, Transcript, connect

SECRET = "hush-hush-never-shown"

#: What the walk through memory does not enter: the one place where it has to be, the other side, and programs.
_KEPT_OUT = (Secret, types.ModuleType, types.CodeType, types.FrameType, type)


def reachable(*roots: object) -> Iterator[object]:
    """Return all that can be got at from some objects, as a debugger would."""
    seen: dict[int, object] = {}
    waiting = list(roots)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, _KEPT_OUT) or _is_theirs(thing):
            continue
        seen[id(thing)] = thing
        yield thing
        if isinstance(thing, types.FunctionType):
            waiting += [thing.__closure__, thing.__defaults__]
        else:
            waiting += gc.get_referents(thing)


def _is_theirs(thing: object) -> bool:
    return type(thing).__module__.startswith(("tests.", "txami.testing", "twisted.test", "_pytest"))


class Life:
    """
    A service that lives through logins, right and wrong, actions that go well and badly, and lost connections.

    :ivar results: all that came of it.
    :ivar lines: the transcript.
    """

    def __init__(self, auth: Literal["plain", "md5"], right: bool) -> None:
        self.net = network()
        self.net.server.users["admin"] = SECRET if right else "another"
        self.lines: list[object] = []
        self.results: list[Any] = []
        self.service = AMIService(
            self.net.clock,
            self.net,
            "admin",
            Secret(SECRET),
            auth=auth,
            ping_interval=10,
            transcript=Transcript(self.lines.append),
            after_login_failed="retry",
        )
        self.service.on_connected(self.results.append)
        self.service.on_disconnected(self.results.append)
        self.service.on("Broken", self.observe)
        self.service.when_ready().addBoth(self.results.append)

    def observe(self, _: object) -> None:
        raise RuntimeError("the observer fails")

    def live(self) -> None:
        """Go through all of it."""
        net, service = self.net, self.service
        service.startService()
        net.refuse()
        net.advance(2)
        net.accept()
        for name in ("Ping", "NoSuch", "Silent"):
            service.action(name, timeout=5).addBoth(self.results.append)
        service.action("UserEvent", UserEvent="x", Secret=SECRET).addBoth(self.results.append)
        for bad in ({"Secret": SECRET + "\n"}, {"A": object()}, {"A": SECRET * 100}):
            try:
                service.action("Setvar", bad)  # type: ignore[arg-type]
            except InvalidAction as error:
                self.results.append(error)
        net.flush()
        net.server.emit("Broken", {"Secret": SECRET})
        net.server.never_answer("Ping")
        net.advance(40)
        if net.attempts:
            net.accept()
        service.action("Sleep").addBoth(self.results.append)
        if net.pumps:
            net.cut()
        net.advance(120)

    def end(self) -> None:
        """Stop."""
        self.service.stopService().addBoth(self.results.append)
        self.net.flush()


def texts_of(thing: object) -> Iterator[str]:
    """Return what somebody might print of a thing."""
    if isinstance(thing, (str, bytes, bytearray)):
        yield repr(thing)
        return
    for show in (repr, str):
        try:
            yield show(thing)
        except Exception as error:  # a namedtuple that is being built, a proxy of what is gone
            yield repr(error)
    if isinstance(thing, BaseException):
        thing = Failure(thing)
    if isinstance(thing, Failure):
        for detail in ("brief", "default", "verbose"):
            yield thing.getTraceback(detail=detail)


def texts_of_log(event: LogEvent) -> Iterator[str]:
    yield from (formatEvent(event), repr(event), eventAsJSON(event))
    for value in event.values():
        yield from texts_of(value)


@pytest.fixture(params=[False, True], ids=["", "debugging"])
def debugging(request: pytest.FixtureRequest) -> Iterator[bool]:
    """With and without what Twisted keeps of every frame when Deferreds are debugged."""
    defer.setDebugging(request.param)
    yield request.param
    defer.setDebugging(False)


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("auth", ["plain", "md5"])
def test_it_is_nowhere(auth: Literal["plain", "md5"], right: bool, debugging: bool) -> None:
    with capturedLogs() as logs:
        life = Life(auth, right)
        life.live()
        before = list(reachable(life.service, life.results, life.net.pumps[-1].client))
        found = [thing for thing in before if any(SECRET in text for text in texts_of(thing))]
        assert found == []
        life.end()
    found = [thing for thing in life.results if any(SECRET in text for text in texts_of(thing))]
    assert found == []
    assert len(before) > 500
    assert any(isinstance(thing, Login) for thing in before)
    assert len(logs) >= 2
    assert not any(SECRET in text for event in logs for text in texts_of_log(event))
    assert len(life.lines) > (15 if right else 4)
    assert SECRET not in repr(life.lines)
    assert "blotted" in repr(life.lines)


def test_the_walk_finds_what_is_there() -> None:
    life = Life("plain", True)
    life.live()
    life.results.append({"somewhere": [(SECRET,)]})
    assert any(SECRET in text for thing in reachable(life.service, life.results) for text in texts_of(thing))


def test_what_knows_it_is_not_stored_nor_copied() -> None:
    life = Life("plain", True)
    life.live()
    factory = AMIFactory(life.net.clock, Login("admin", Secret(SECRET)))
    connection = life.net.pumps[-1].client
    for thing in (life.service, connection, factory, factory.login, Secret(SECRET)):
        for dump in (pickle.dumps, copy.deepcopy):
            with pytest.raises(Exception) as refused:  # noqa: PT011
                dump(thing)
            assert SECRET not in str(refused.value)
        with pytest.raises(TypeError):
            json.dumps(thing)


@pytest.mark.parametrize("auth", ["plain", "md5"])
def test_no_error_of_a_login_has_it(auth: Literal["plain", "md5"], debugging: bool) -> None:
    def refused(net: MemoryEndpoint) -> None:
        net.server.users.clear()
        net.accept()

    def lost(net: MemoryEndpoint) -> None:
        net.accept(greet=False).pump()
        net.cut()

    def silent(net: MemoryEndpoint) -> None:
        net.server.never_answer("Login")
        net.accept()
        net.advance(60)

    def nonsense(net: MemoryEndpoint) -> None:
        client = net.accept(greet=False).client
        client.dataReceived(b"Hello\r\n" + SECRET.encode() + b"\r\n\r\n")
        client.dataReceived(b"x" * AMIProtocol.MAX_MESSAGE)
        client.dataReceived(b"x" * 10)
        net.cut()

    for attack in (refused, lost, silent, nonsense, MemoryEndpoint.refuse):
        net = network()
        net.server.users["admin"] = SECRET
        errors: list[Failure] = []
        connecting = connect(net.clock, net, "admin", Secret(SECRET), auth=auth)
        connecting.addErrback(errors.append)
        attack(net)
        (failure,) = errors
        assert isinstance(failure.value, AMIError)
        assert not any(SECRET in text for text in [*texts_of(failure), *texts_of(failure.value)]), attack


def test_a_transcript_in_a_file_has_none(tmp_path: Path) -> None:
    path = tmp_path / "ami.log"
    net = network()
    net.server.users["admin"] = SECRET
    service = AMIService(net.clock, net, "admin", SECRET, transcript=path, ping_interval=None)
    service.startService()
    net.accept()
    service.action("UserEvent", UserEvent="x", Text=f"it is {SECRET}!")
    net.flush()
    service.stopService()
    net.flush()
    text = path.read_text()
    assert "UserEvent" in text
    assert SECRET not in text
