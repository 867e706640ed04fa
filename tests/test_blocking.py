"""
The client for scripts and threads, over loopback.

Threads come late on a busy machine, by seconds.  So what a test waits for may take its time, what it expects to have
happened it has seen happen, and where something is to come before a timeout does, :class:`MadeUpTime` is the clock.
"""

from __future__ import annotations

import copy
import gc
import inspect
import os
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher

import txami
import txami.blocking
from txami import Event
from txami.blocking import bridge
from txami.blocking.bridge import Crossing, ReactorThread
from txami.blocking.buffer import EventBuffer
from txami.blocking.handlers import HandlerThread
from txami.blocking.session import Session
from txami.interfaces import IAMI
from txami.testing import FakeAsterisk

#: Seconds that nothing takes but what hangs.
PATIENCE = 60.0


def reserved() -> socket.socket:
    """
    Return a socket whose port nobody else on this machine gets by chance, whether somebody listens there or not.

    It is bound, and not listening; he who means to listen there can, as long as both set SO_REUSEADDR, as Twisted does.
    """
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", 0))
    return found


class Server:
    """
    A FakeAsterisk on a port of the loopback interface, with a reactor thread of its own.

    :ivar place: where it is.
    :ivar threads: how many threads there are without a client.
    """

    def __init__(self) -> None:
        self.thread = ReactorThread()
        self.thread.start()
        self.threads = threading.active_count()
        self.fake = FakeAsterisk(self.thread.reactor)
        self.fake.ring_time, self.fake.talk_time = 0.05, 0.1
        # Also after refuse().
        self.reserved = reserved()
        number = self.reserved.getsockname()[1]
        self.place = f"127.0.0.1:{number}"
        endpoint = TCP4ServerEndpoint(self.thread.reactor, number, interface="127.0.0.1")
        self.port: Any = self.thread.submit(lambda: endpoint.listen(self.fake)).wait(PATIENCE)

    def do(self, function: Callable[[], object]) -> Any:
        """Have the server do something, in its thread."""

        async def call() -> object:
            return function()

        return self.thread.submit(call).wait(PATIENCE)

    def emit(self, name: str, **headers: object) -> None:
        self.do(lambda: self.fake.emit(name, headers))

    def cut(self) -> None:
        """Lose all connections."""

        def abort() -> None:
            for session in list(self.fake.sessions):
                transport: Any = session.transport
                transport.abortConnection()

        self.do(abort)

    def refuse(self) -> None:
        """Go away."""
        self.do(self.port.stopListening)
        self.cut()

    def connect(self, **options: Any) -> txami.blocking.BlockingAMI:
        return txami.blocking.connect(self.place, "admin", "secret", **options)

    def stop(self) -> None:
        self.thread.stop()
        self.thread.join(PATIENCE)
        self.reserved.close()


class MadeUpTime:
    """The clock of the clients to come, which stands still but for :meth:`pass_time`; that of threads goes on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._now = 0.0
        self._reactors: list[Any] = []
        new_reactor = bridge.new_reactor

        def new() -> Any:
            reactor = new_reactor()
            reactor.seconds = lambda: self._now
            self._reactors.append(reactor)
            return reactor

        monkeypatch.setattr(bridge, "new_reactor", new)

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass, in any thread."""
        self._now += seconds
        for reactor in self._reactors:
            if reactor.waker is not None:  # it has not ended
                reactor.callFromThread(lambda: None)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Run a server, and see that nothing of the test stays."""
    # So long a slow machine may take for a goodbye, with all that the handlers have left to do.
    monkeypatch.setattr(txami.blocking.BlockingAMI.disconnect, "__defaults__", (PATIENCE,))
    for name in ("_GOODBYE", "_GIVEN_UP"):
        monkeypatch.setattr(f"txami.blocking.client.{name}", PATIENCE)
    before = set(threading.enumerate())
    server = Server()
    yield server
    server.stop()
    until(lambda: set(threading.enumerate()) <= before)


@pytest.fixture
def clock(server: Server, monkeypatch: pytest.MonkeyPatch) -> MadeUpTime:
    """Make up the time of the clients; ask for it before ``ami``."""
    return MadeUpTime(monkeypatch)


@pytest.fixture
def ami(server: Server) -> Iterator[txami.blocking.BlockingAMI]:
    with server.connect() as ami:
        yield ami


@pytest.fixture
def logged() -> Iterator[EventLoggingObserver]:
    observer = EventLoggingObserver()
    globalLogPublisher.addObserver(observer)
    yield observer
    globalLogPublisher.removeObserver(observer)


def until(true: Callable[[], object]) -> None:
    """Wait for other threads."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s"
        time.sleep(0.005)


def descriptors() -> int:
    """Count the open files, but for those that are garbage."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def alone(server: Server) -> bool:
    """Whether there is no thread of a client."""
    return threading.active_count() <= server.threads


# -- connecting ------------------------------------------------------------------------------------------------


def test_it_connects_and_says_what_to(server: Server) -> None:
    client = txami.blocking.BlockingAMI(server.place, "admin", "secret")
    assert (client.ami_version, client.banner, client.connected()) == (None, "", False)
    assert repr(client) == f"<BlockingAMI admin@{server.place}, not connected>"
    with client as ami:
        assert ami is client
        assert (ami.ami_version, ami.banner) == ((11, 0, 0), "Asterisk Call Manager/11.0.0")
        assert ami.connected(timeout=PATIENCE)
        assert repr(ami) == f"<BlockingAMI admin@{server.place}, connected>"
        assert ami.connect() is ami
        assert len(server.fake.sessions) == 1
    assert not client.connected()
    client.disconnect()
    assert client.connect().action("Ping")["Ping"] == "Pong"
    client.disconnect()
    until(lambda: not server.fake.sessions)


def test_nothing_stays_of_fifty_connections(server: Server) -> None:
    server.connect().disconnect()
    # The server's end, too.
    until(lambda: alone(server) and not server.fake.sessions)
    before = descriptors()
    for _ in range(50):
        with server.connect() as ami:
            ami.action("Ping")
        assert alone(server)
    until(lambda: descriptors() <= before)


def test_a_disconnect_that_is_quicker_than_the_connect(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    client = txami.blocking.BlockingAMI(server.place, "admin", "secret")
    begin = Session.open

    def disconnected_before(self: Session, *arguments: Any) -> None:
        client.disconnect(timeout=0.1)
        begin(self, *arguments)

    monkeypatch.setattr(Session, "open", disconnected_before)
    before = descriptors()
    with pytest.raises(txami.NotConnected, match="closed meanwhile"):
        client.connect()
    monkeypatch.setattr(Session, "open", begin)
    until(lambda: alone(server))
    until(lambda: descriptors() <= before)
    with client:
        assert client.action("Ping").ok


def test_ctrl_c_between_the_threads(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: HandlerThread) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(HandlerThread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        server.connect()
    until(lambda: alone(server))


def test_two_clients_at_once(server: Server) -> None:
    with server.connect() as one, server.connect() as other:
        assert one.action("Ping").ok
        one.disconnect()
        assert other.action("Ping").ok


def test_nobody_answers(server: Server) -> None:
    server.refuse()
    client = txami.blocking.BlockingAMI(server.place, "admin", "secret")
    failures: list[Exception] = []
    client.on_connect_failed(failures.append)
    with pytest.raises(txami.NotConnected, match="cannot connect to") as caught:
        client.connect()
    assert failures == [caught.value] == [client.error]


def test_a_wrong_secret_is_refused_and_not_shown(server: Server) -> None:
    with pytest.raises(txami.LoginFailed) as caught:
        txami.blocking.connect(server.place, "admin", "wrong horse")
    for entry in caught.traceback[1:]:
        assert "wrong horse" not in str(entry.locals), entry


def test_a_server_that_says_nothing(server: Server, clock: MadeUpTime, monkeypatch: pytest.MonkeyPatch) -> None:
    server.fake.banner = None
    pass_time_once_connected(monkeypatch, clock, PATIENCE)
    with pytest.raises(txami.ProtocolError, match="no login within 60 s, not even a greeting"):
        server.connect(timeout=PATIENCE)


def pass_time_once_connected(monkeypatch: pytest.MonkeyPatch, clock: MadeUpTime, seconds: float) -> None:
    """Let so much time pass when a client has made its connection, and before it has read anything."""
    made = txami.AMIProtocol.connectionMade

    def connected(self: txami.AMIProtocol) -> None:
        made(self)
        clock.pass_time(seconds)

    monkeypatch.setattr(txami.AMIProtocol, "connectionMade", connected)


@pytest.mark.parametrize("endpoint", ["tls:pbx:5039:trustRoots=/etc", "ssl:pbx:5039", 5038])
def test_what_is_for_another_reactor_is_refused(endpoint: Any) -> None:
    with pytest.raises(txami.InvalidEndpoint):
        txami.blocking.BlockingAMI(endpoint, "admin", "secret")


def test_bad_options_are_refused(server: Server) -> None:
    with pytest.raises(ValueError, match="-1"):
        server.connect(timeout=-1)
    with pytest.raises(ValueError, match="-1"):
        server.connect(limit=-1)
    with pytest.raises(TypeError):
        txami.blocking.connect(server.place, "admin", None)  # type: ignore[arg-type]
    with pytest.raises(txami.InvalidEndpoint):
        txami.blocking.connect("no such place", "admin", "secret")
    with pytest.raises(txami.InvalidEndpoint, match="set where you read it"):
        txami.blocking.connect(None, "admin", "secret")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="limit='many'"):
        server.connect(limit="many")
    with pytest.raises(ValueError, match="timeout=None"):
        server.connect(timeout=None)


def test_times_to_wait(ami: txami.blocking.BlockingAMI) -> None:
    """Even one that no clock of Python's can hold is a time; what is none is named."""
    assert ami.get_event(float("inf")).name == "FullyBooted"
    assert ami.get_response(ami.send_action("Ping"), 1e300).ok
    assert ami.run(lambda ami: ami.action("Ping"), float("inf")).ok
    for wrong in ("soon", float("nan")):
        with pytest.raises(ValueError, match=f"timeout={wrong!r}"):
            ami.get_event(wrong)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=f"timeout={wrong!r}"):
            ami.run(lambda ami: ami.action("Ping"), wrong)  # type: ignore[arg-type]


def test_a_disconnect_with_a_bad_time_leaves_the_connection_as_it_is(server: Server) -> None:
    ami = server.connect()
    wrong: Any = "soon"
    for timeout in (wrong, float("nan")):
        with pytest.raises(ValueError, match="is no time to wait"):
            ami.disconnect(timeout)
    assert ami.action("Ping").ok
    ami.disconnect(None)
    ami.connect().disconnect(float("inf"))


def test_it_cannot_be_handed_to_another_process(ami: txami.blocking.BlockingAMI) -> None:
    for hand_over in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError, match=r"call connect\(\) there"):
            hand_over(ami)


@pytest.mark.parametrize("reconnect", [False, True])
def test_one_that_is_forgotten_is_closed(server: Server, reconnect: bool) -> None:
    ami = server.connect(reconnect=reconnect)
    assert next(ami.events(timeout=PATIENCE)).name == "FullyBooted"
    ami.on("Test", print).cancel()
    ami.on_disconnected(print).cancel()
    ami.events("Test").close()
    assert ami.action("Ping").ok
    del ami
    gc.collect()
    until(lambda: not server.fake.sessions)
    until(lambda: threading.active_count() == server.threads)


def test_one_that_is_lost_and_forgotten_leaves_nothing(server: Server) -> None:
    ami = server.connect()
    server.cut()
    until(lambda: not server.fake.sessions)
    del ami
    gc.collect()
    until(lambda: threading.active_count() == server.threads)


def test_one_that_is_still_needed_is_not_closed(server: Server) -> None:
    server.fake.never_answer("Sleep")
    answered = threading.Event()
    needed: list[Any] = [
        server.connect().events(),
        server.connect().events("Test"),
        server.connect().on("Test", print),
        server.connect().on_disconnected(lambda reason: None),
        server.connect().originate("PJSIP/alice", context="default", exten="200"),
        server.connect().send_action("Sleep", callback=lambda handle: answered.set()),
    ]
    gc.collect()
    server.emit("Begin")
    time.sleep(0.05)
    assert len(server.fake.sessions) == len(needed)
    assert not answered.is_set()
    for each in needed:
        if not isinstance(each, (txami.blocking.Events, txami.blocking.BlockingCall)):
            each.cancel()
    assert answered.wait(PATIENCE)
    del each
    needed.clear()
    until(lambda: gc.collect() >= 0 and not server.fake.sessions)
    until(lambda: threading.active_count() == server.threads)


# -- actions ---------------------------------------------------------------------------------------------------


def test_actions_and_what_they_raise(ami: txami.blocking.BlockingAMI, server: Server) -> None:
    assert ami.action("Ping", {"X-Campaign": 7})["Ping"] == "Pong"
    assert ami.command("core show uptime").output == ["System uptime: 1 minute, 5 seconds"]
    with pytest.raises(txami.ActionError, match="No such channel"):
        ami.action("Hangup", Channel="PJSIP/nobody")
    assert ami.action("Hangup", Channel="PJSIP/nobody", check=False).message == "No such channel"
    with pytest.raises(txami.InvalidAction):
        ami.action("Ping", Text="a\r\nb")
    server.fake.never_answer("QueueStatus")
    with pytest.raises(txami.ActionTimeout, match=r"QueueStatus: no reply within 0\.05 s"):
        ami.action("QueueStatus", timeout=0.05)
    assert ami.simple("Ping")
    assert not ami.simple("Hangup", Channel="PJSIP/nobody")
    with pytest.raises(txami.ActionTimeout):
        ami.simple("QueueStatus", timeout=0.05)


def test_a_timeout_has_what_came(clock: MadeUpTime, ami: txami.blocking.BlockingAMI, server: Server) -> None:
    server.fake.answer(
        "QueueStatus", "Response: Success\nActionID: {ActionID}\nEventList: start\nMessage: Queue status will follow"
    )
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ami.action, "QueueStatus", timeout=0.1)
        until(lambda: server.fake.actions("QueueStatus"))
        ami.action("Ping")  # answered after it
        clock.pass_time(0.1)
        timeout = waiting.exception(PATIENCE)
    assert isinstance(timeout, txami.ActionTimeout)
    assert timeout.partial is not None
    assert not timeout.partial.complete


def test_responses_out_of_order_and_more_than_once(ami: txami.blocking.BlockingAMI) -> None:
    handles = [ami.send_action("Command", Command=f"core show {number}", check=False) for number in range(100)]
    for number in reversed(range(100)):
        assert f"core show {number}" in ami.get_response(handles[number]).output[0]
    assert ami.get_response(handles[0]) is ami.get_response(handles[0])
    assert handles[0].done
    assert repr(handles[0]) == "<Handle of Command, done>"
    refused = ami.send_action("Hangup", Channel="PJSIP/nobody")
    assert ami.check_response(refused) is False
    assert ami.check_response(ami.send_action("Ping")) is True
    depths = set()
    for _ in range(5):
        with pytest.raises(txami.ActionError) as caught:
            ami.get_response(refused)
        depths.add(len(caught.traceback))
    assert len(depths) == 1


def test_without_a_handle_it_is_the_latest_of_this_thread(ami: txami.blocking.BlockingAMI) -> None:
    with pytest.raises(txami.InvalidAction, match="give the handle"):
        ami.get_response()
    ami.send_action("Command", Command="core show uptime")
    ami.send_action("Hangup", Channel="PJSIP/nobody")
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(lambda: (ami.send_action("Ping"), ami.get_response())[1])
        assert other.result(PATIENCE)["Ping"] == "Pong"
    with ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(ami.get_response).exception(PATIENCE), txami.InvalidAction)
    assert ami.check_response() is False
    with pytest.raises(txami.ActionError, match="No such channel"):
        ami.get_response()
    ami.send_action("Ping")
    assert ami.get_response(timeout=PATIENCE)["Ping"] == "Pong"
    assert ami.check_response(timeout=PATIENCE) is True


def test_who_waits_for_a_handle_may_give_up_and_come_back(ami: txami.blocking.BlockingAMI, server: Server) -> None:
    requests: list[Any] = []
    server.fake.answer("QueueStatus", lambda session, action: requests.append((session, action)))
    handle = ami.send_action("QueueStatus")
    with pytest.raises(txami.ActionTimeout, match=r"0\.05 s"):
        ami.get_response(handle, 0.05)
    until(lambda: requests)
    session, action = requests[0]
    server.do(lambda: session.respond(action, "Success", {"Message": "late"}))
    assert ami.get_response(handle, PATIENCE).message == "late"

    given_up = ami.send_action("QueueStatus")
    given_up.cancel()
    with pytest.raises(txami.AMIError, match="given up"):
        ami.get_response(given_up)
    until(lambda: ami.run(_pending) == 0)


async def _pending(ami: Any) -> int:
    return int(ami.pending)


def test_handles_that_are_dropped_leave_nothing(ami: txami.blocking.BlockingAMI) -> None:
    for _ in range(100):
        ami.send_action("Hangup", Channel="PJSIP/nobody")
    ami.action("Ping")
    session = ami._session
    assert session is not None
    until(lambda: not session.thread._crossings)


def test_a_callback_gets_the_handle_with_the_users_data(ami: txami.blocking.BlockingAMI) -> None:
    seen: list[object] = []

    def answered(handle: txami.blocking.Handle) -> None:
        seen.append((handle.userdata, ami.get_response(handle)["Ping"], threading.current_thread().name))

    ami.send_action("Ping", callback=answered, userdata={"client": 7})
    until(lambda: seen)
    assert seen == [({"client": 7}, "Pong", "txami handlers")]


def test_all_methods_of_the_interface_are_there(ami: txami.blocking.BlockingAMI, server: Server) -> None:
    for name in IAMI.names():
        assert name in dir(ami)
        assert callable(getattr(ami, name))
        if name not in ("events", "on", "once", "originate") and not name.startswith("on_"):
            assert "timeout" in inspect.signature(getattr(txami.blocking.BlockingAMI, name)).parameters
    assert (
        str(inspect.signature(ami.db_get))
        == "(family: 'str', key: 'str', *, timeout: 'float | None' = None) -> 'str | None'"
    )
    assert "Read an entry" in (inspect.getdoc(ami.db_get) or "")
    server.fake.answer("DBGet", "Response: Error\nActionID: {ActionID}\nMessage: Database entry not found")
    assert ami.db_get("family", "key") is None
    assert ami.run(lambda ami: ami.db_get("family", "key"), timeout=PATIENCE) is None
    server.do(lambda: server.fake.add_channel("PJSIP/alice-1"))
    assert list(ami.channels(timeout=PATIENCE)) == ["PJSIP/alice-1"]
    server.fake.never_answer("DBGet")
    with pytest.raises(txami.ActionTimeout, match=r"db_get: no reply within 0\.05 s"):
        ami.db_get("family", "key", timeout=0.05)
    until(lambda: ami.run(_pending) == 0)
    with pytest.raises(AttributeError):
        ami.no_such_method()


def test_a_call(ami: txami.blocking.BlockingAMI, server: Server) -> None:
    server.fake.ring_time = server.fake.talk_time = PATIENCE
    call = ami.originate("PJSIP/alice", context="default", exten="200", variables={"campaign": 7})
    assert call.channel == "PJSIP/alice"
    assert call.uniqueid in repr(call)
    with pytest.raises(txami.ActionTimeout):
        call.outcome(timeout=0.001)
    server.fake.ring_time = 0.05
    call = ami.originate("PJSIP/alice", context="default", exten="200")
    assert call.outcome().status == "answered"
    assert call.hangup().ok
    assert call.ended(timeout=PATIENCE)["Uniqueid"] == call.uniqueid
    server.fake.phones["PJSIP/bob"] = "busy"
    assert ami.originate("PJSIP/bob", application="Wait", data="1").outcome().status == "busy"


# -- events ----------------------------------------------------------------------------------------------------


def test_events_since_the_login_are_kept_for_who_reads_them(ami: txami.blocking.BlockingAMI, server: Server) -> None:
    assert ami.get_event(PATIENCE).name == "FullyBooted"
    for number in range(3):
        server.emit("Test", Number=number)
    assert ami.get_event(PATIENCE)["Number"] == "0"
    with ami.events(timeout=PATIENCE) as events:
        assert [next(events)["Number"], next(events)["Number"]] == ["1", "2"]
    with pytest.raises(txami.EventTimeout):
        ami.get_event(0.02)
    server.emit("Test", Number=3)
    assert ami.get_event(PATIENCE)["Number"] == "3"


def test_events_of_a_name_have_a_buffer_of_their_own(ami: txami.blocking.BlockingAMI, server: Server) -> None:
    with ami.events("Test", {"Number": ["1", "2"]}, timeout=PATIENCE) as events, ami.events(["Test"], limit=2) as few:
        for number in range(4):
            server.emit("Test", Number=number)
        assert [next(events)["Number"], next(events)["Number"]] == ["1", "2"]
        with pytest.raises(txami.EventTimeout, match="no event Test that matches"):
            ami.events("Test", timeout=0.01).__next__()
        assert [next(few)["Number"], next(few)["Number"]] == ["2", "3"]
        assert few.dropped == 2
    assert list(events) == []
    with pytest.raises(ValueError, match="not the name of an event"):
        ami.events("")
    routes = ami.run(_observers)
    ami.events("Test")
    until(lambda: ami.run(_observers) == routes)


async def _observers(ami: Any) -> int:
    return len(ami.registry.concerned("test"))


def test_the_buffer_is_bounded(server: Server) -> None:
    with server.connect(limit=2) as ami:
        for number in range(5):
            server.emit("Test", Number=number)
        until(lambda: ami.dropped == 4)  # FullyBooted, too
        assert [ami.get_event(PATIENCE)["Number"], ami.get_event(PATIENCE)["Number"]] == ["3", "4"]
    with server.connect(limit=0) as ami:
        seen: list[Event] = []
        ami.on_unhandled(seen.append)
        server.emit("Test")
        until(lambda: seen)
        assert ami.dropped == 0
        with pytest.raises(ValueError, match="limit=0 keeps no events"):
            ami.get_event(0.01)
        with ami.events("Test", limit=0, timeout=0.01) as none, pytest.raises(ValueError, match="limit=0 keeps no"):
            next(none)


def test_one_who_reads_too_slowly_is_told_once(logged: EventLoggingObserver) -> None:
    buffer = EventBuffer(1, lambda: None)
    event = Event(b"Event: Test\r\n\r\n")

    def warnings() -> int:
        return sum("a reader of events is too slow" in formatEvent(each) for each in logged)

    for _ in range(3):
        buffer.put(event)
    assert warnings() == 0
    assert buffer.take(0) is event
    for _ in range(3):
        buffer.put(event)
    assert warnings() == 1


def test_loops_end_at_the_disconnect_and_fail_at_a_loss(server: Server) -> None:
    client = server.connect()
    events, own = client.events(), client.events("Test")
    server.emit("Test")
    until(lambda: len(client._listeners.buffer) == 2)
    client.disconnect()
    assert [event.name for event in events] == ["FullyBooted", "Test"]
    assert [event.name for event in own] == ["Test"]
    with pytest.raises(txami.NotConnected):
        client.get_event()
    with pytest.raises(txami.NotConnected):
        client.events("Test")
    client.connect()
    own = client.events("Test")
    assert client.get_event(PATIENCE).name == "FullyBooted"
    server.cut()
    for reading in (client.get_event, client.events().__next__, own.__next__):
        with pytest.raises(txami.ConnectionLost):
            reading()
    client.disconnect()


# -- handlers --------------------------------------------------------------------------------------------------


def test_a_loop_that_begins_after_the_loss_fails_at_once(server: Server) -> None:
    ami = server.connect()
    server.cut()
    until(lambda: ami.error)
    with ami.events("Test", timeout=PATIENCE) as events, pytest.raises(txami.ConnectionLost):
        next(events)
    ami.disconnect()


def test_a_loop_that_begins_at_the_moment_of_the_loss_fails_too(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    ami = server.connect()
    original = Crossing.wait

    def wait_and_lose_it(crossing: Crossing[Any], timeout: float | None) -> object:
        result: object = original(crossing, timeout)
        if crossing._thread is not server.thread and not ami.error:
            server.cut()
            until(lambda: ami.error)
        return result

    monkeypatch.setattr(Crossing, "wait", wait_and_lose_it)
    with ami.events("Test", timeout=PATIENCE) as events, pytest.raises(txami.ConnectionLost):
        next(events)
    ami.disconnect()


@pytest.mark.parametrize("late", [False, True])
def test_ctrl_c_before_a_loop_leaves_no_observer(
    ami: txami.blocking.BlockingAMI, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    before = ami.run(_observers)

    def interrupt(crossing: Crossing[Any], timeout: float | None) -> None:
        if late:
            until(crossing.future.done)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Crossing, "wait", interrupt)
        with pytest.raises(KeyboardInterrupt):
            ami.events("Test")
    gc.collect()
    until(lambda: ami.run(_observers) == before)


def test_ctrl_c_at_the_moment_of_sending_ends_the_action(
    ami: txami.blocking.BlockingAMI, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.fake.never_answer("Sleep")
    original = ReactorThread.post
    sent: list[object] = []

    def post_and_interrupt(thread: ReactorThread, function: Callable[[], object]) -> bool:
        done = original(thread, function)
        sent.append(function)
        if len(sent) == 1:
            raise KeyboardInterrupt
        return done

    async def pending(ami: Any) -> int:
        return int(ami.pending)

    with monkeypatch.context() as patched:
        patched.setattr(ReactorThread, "post", post_and_interrupt)
        with pytest.raises(KeyboardInterrupt):
            ami.action("Sleep", timeout=None)
    assert ami.run(pending) == 0


def test_a_second_ctrl_c_leaves_no_thread(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    ami = server.connect()
    with monkeypatch.context() as patched:
        patched.setattr("txami.blocking.session.join", interrupt)
        with pytest.raises(KeyboardInterrupt):
            ami.disconnect()
    until(lambda: threading.active_count() == server.threads)


def test_handlers_may_call_the_client_and_stay_through_connections(server: Server) -> None:
    client = txami.blocking.BlockingAMI(server.place, "admin", "secret")
    seen: list[object] = []
    ups: list[object] = []
    downs: list[Exception] = []
    client.on_connected(ups.append)
    client.on_disconnected(downs.append)

    @client.on("Test")
    def tested(event: Event) -> None:
        seen.append((event["Number"], client.action("Ping")["Ping"]))

    others: list[str] = []
    client.on_unhandled(lambda event: others.append(event.name))
    first: list[Event] = []
    client.once("Test", first.append)
    for number in range(2):
        with client:
            for each in range(2):
                server.emit("Test", Number=2 * number + each)
            until(lambda: len(seen) == 2 * number + 2)  # noqa: B023
    assert seen == [(str(number), "Pong") for number in range(4)]
    assert len(first) == 1
    assert others == ["FullyBooted", "FullyBooted"]
    assert (ups, [str(down) for down in downs]) == ([client, client], ["logged off"] * 2)
    tested.cancel()
    assert "not active" in repr(tested)
    with client:
        server.emit("Test", Number=9)
        until(lambda: others == ["FullyBooted"] * 3 + ["Test"])
    assert len(seen) == 4


def test_a_handler_that_fails_is_logged_and_the_next_event_handled(
    ami: txami.blocking.BlockingAMI, server: Server, logged: EventLoggingObserver
) -> None:
    seen: list[str] = []

    @ami.on("Test")
    def tested(event: Event) -> None:
        seen.append(event["Number"])
        raise SystemExit("no")

    server.emit("Test", Number=1)
    server.emit("Test", Number=2)
    until(lambda: seen == ["1", "2"])
    ami.disconnect()
    failures = [formatEvent(event) for event in logged if "log_failure" in event]
    assert len(failures) == 2
    assert "failed on" in failures[0]


def test_slow_handlers_lose_events_and_hold_nobody_up(server: Server, logged: EventLoggingObserver) -> None:
    begun, gate = threading.Event(), threading.Event()
    seen: list[str] = []

    def slow(event: Event) -> None:
        begun.set()
        gate.wait(PATIENCE)
        seen.append(event["Number"])

    with server.connect(limit=2) as ami:
        ami.on("Test", slow)
        ami.action("Ping")
        server.emit("Test", Number=0)
        assert begun.wait(PATIENCE)
        for number in range(1, 6):
            server.emit("Test", Number=number)
        ami.action("Ping")
        until(lambda: ami.handlers_dropped == 3)
        gate.set()
    assert seen == ["0", "1", "2"]
    assert len([event for event in logged if "handlers are too slow" in formatEvent(event)]) == 1


def test_a_handler_may_disconnect(server: Server) -> None:
    client = server.connect()
    client.on("Test", lambda event: client.disconnect())
    server.emit("Test")
    until(lambda: not client.connected())
    until(lambda: alone(server))


def test_a_handler_observes_when_it_was_added(ami: txami.blocking.BlockingAMI) -> None:
    gate = threading.Event()
    session = ami._session
    assert session is not None
    before = ami.run(_observers)
    session.thread.post(lambda: gate.wait(PATIENCE))
    with ThreadPoolExecutor(1) as pool:
        adding = pool.submit(ami.on, "Test", print)
        time.sleep(0.02)
        assert not adding.done()
        gate.set()
        assert adding.result(PATIENCE).active
    assert ami.run(_observers) == before + 1


def test_a_handler_may_be_added_in_the_reactors_thread(ami: txami.blocking.BlockingAMI, server: Server) -> None:
    seen: list[Event] = []
    ami.once("Begin", print, where=lambda event: bool(ami.on("Test", seen.append)))
    server.emit("Begin")
    ami.action("Ping")
    server.emit("Test")
    until(lambda: seen)


def test_a_handler_that_is_added_while_connecting_is_called_once(
    ami: txami.blocking.BlockingAMI, server: Server
) -> None:
    seen: list[Event] = []
    handler = ami.on("Test", seen.append)
    session = ami._session
    assert session is not None
    session.attach(handler)
    server.emit("Test")
    ami.action("Ping")
    ami.disconnect()
    assert len(seen) == 1


def test_bad_handlers_are_refused(ami: txami.blocking.BlockingAMI) -> None:
    async def later(event: Event) -> None: ...

    with pytest.raises(TypeError, match="without 'async'"):
        ami.on("Test", later)
    with pytest.raises(ValueError, match="not the name of an event"):
        ami.on("")
    with pytest.raises(ValueError, match="3 is not the name of an event"):
        ami.events(["Test", 3])  # type: ignore[list-item]
    wrong: Any = "print"
    for add in (lambda: ami.on("Test", wrong), lambda: ami.on_connected(wrong), lambda: ami.on_ping_timeout(wrong)):
        with pytest.raises(TypeError, match="'print' is no function"):
            add()


def test_a_decorator_takes_one_function_only() -> None:
    seen: list[str] = []
    decorator = txami.blocking.BlockingAMI("pbx", "admin", "secret").on("Hangup")

    def note(event: Event) -> None:
        seen.append(event.name)

    def hung_up(event: Event) -> None:
        raise AssertionError("it is no handler")

    noting = decorator(note)
    with pytest.raises(TypeError, match=r"<Handler .*\.note> has its function: for .*hung_up\(\), call on\(\) once"):
        decorator(hung_up)
    noting(Event(b"Event: Hangup"))
    assert seen == ["Hangup"]


def test_bad_handles_and_callbacks_are_refused(ami: txami.blocking.BlockingAMI, server: Server) -> None:
    wrong: Any = 0
    ami.send_action("Ping")
    with pytest.raises(TypeError, match="0 is no handle"):
        ami.get_response(wrong)
    with pytest.raises(TypeError, match="0 is no function"):
        ami.send_action("Hangup", callback=wrong)
    assert server.fake.actions("Hangup") == []


# -- where it may not be called --------------------------------------------------------------------------------


def test_the_clients_own_reactor_thread_is_refused(ami: txami.blocking.BlockingAMI, server: Server) -> None:
    refused: list[Exception] = []

    def where(event: Event) -> bool:
        for call in (lambda: ami.action("Ping"), ami.disconnect, ami.connect, ami.get_event):
            try:
                call()
            except txami.blocking.WouldBlock as error:
                refused.append(error)
        return True

    ami.on("Test", print, where=where)
    server.emit("Test")
    until(lambda: len(refused) == 4)
    assert "its own reactor thread" in str(refused[0]) or "own reactor thread" in str(refused[0])
    assert ami.action("Ping").ok


# -- the end of a connection -----------------------------------------------------------------------------------


def test_a_lost_connection_is_told_and_made_again(server: Server) -> None:
    client = server.connect()
    downs: list[Exception] = []
    client.on_disconnected(downs.append)
    server.fake.never_answer("QueueStatus")
    waiting = client.send_action("QueueStatus")
    client.action("Ping")
    server.cut()
    with pytest.raises(txami.ConnectionLost) as caught:
        client.get_response(waiting)
    assert caught.value.sent
    until(lambda: downs)
    assert client.error is downs[0]
    with pytest.raises(txami.NotConnected, match="was lost"):
        client.action("Ping")
    assert client.connect().action("Ping").ok
    assert client.error is None
    client.disconnect()


def test_reconnecting_by_itself(server: Server) -> None:
    with server.connect(reconnect=True) as ami:
        # The news of the first login may still be on its way to the handlers' thread, so "up" alone proves nothing.
        news: list[str] = []
        ami.on_connected(lambda _: news.append("up"))
        ami.on_disconnected(lambda _: news.append("down"))
        seen: list[Event] = []
        ami.on("Test", seen.append)
        assert ami.connect() is ami
        server.cut()
        until(lambda: news[-2:] == ["down", "up"])
        assert ami.action("Ping", timeout=PATIENCE).ok
        server.emit("Test")
        until(lambda: seen)
        assert ami.ami_version == (11, 0, 0)
    assert not server.fake.sessions


def test_reconnecting_ends_at_a_login_that_is_refused(server: Server) -> None:
    with server.connect(reconnect=True) as ami:
        assert ami.get_event(PATIENCE).name == "FullyBooted"
        server.fake.users.clear()
        server.cut()
        with pytest.raises(txami.ConnectionLost, match="refused to log in"):
            ami.get_event(PATIENCE)
        assert isinstance(ami.error, txami.LoginFailed)


def test_reconnecting_waits_for_a_server_no_longer_than_it_may(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.refuse()
    client = txami.blocking.BlockingAMI(server.place, "admin", "secret", reconnect=True, timeout=0.1)
    wait = Crossing.wait

    def wait_until_refused(self: Crossing[Any], timeout: float | None) -> Any:
        session = client._session
        if session is not None:
            until(lambda: isinstance(session.ami, txami.AMIService) and session.ami.health.reason)
        return wait(self, timeout)

    monkeypatch.setattr(Crossing, "wait", wait_until_refused)
    with pytest.raises(txami.NotConnected, match=r"within 0.1 s: .*refused"):
        client.connect()


def test_an_unanswered_ping_is_told(server: Server) -> None:
    server.fake.never_answer("Ping")
    ami = txami.blocking.BlockingAMI(server.place, "admin", "secret", ping_interval=0.05, ping_timeout=0.05)
    told: list[object] = []
    ami.on_ping_timeout(told.append)
    with ami:
        until(lambda: told)
        assert told == [ami]
        until(lambda: isinstance(ami.error, txami.ConnectionLost))


def test_disconnect_fails_what_waits_in_other_threads(server: Server) -> None:
    server.fake.never_answer("QueueStatus")
    client = server.connect()
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(client.action, "QueueStatus") for _ in range(4)]
        until(lambda: client.run(_pending) == 4)
        client.disconnect()
        assert {type(each.exception(PATIENCE)) for each in waiting} == {txami.ConnectionLost}


def test_a_server_that_does_not_say_goodbye_is_left_in_time(server: Server, clock: MadeUpTime) -> None:
    server.fake.never_answer("Logoff")
    client = server.connect()
    began = time.monotonic()
    # By the connection's own clock, on which it would be cut after some seconds, no time passes.
    client.disconnect(timeout=0.2)
    assert time.monotonic() - began < PATIENCE
    until(lambda: alone(server))


def test_a_call_that_comes_too_late_is_refused(server: Server) -> None:
    client = server.connect()
    session = client._session
    assert session is not None
    client.disconnect()
    with pytest.raises(txami.NotConnected):
        session.submit("Ping", lambda ami: ami.action("Ping"))
    with pytest.raises(txami.NotConnected, match="not made yet"):
        Session(1, client._listeners).submit("Ping", lambda ami: ami.action("Ping"))


def test_no_answer_is_swapped_between_eight_threads(clock: MadeUpTime, ami: txami.blocking.BlockingAMI) -> None:
    # However long eight thousand of them take, none is given up.
    def work(thread: int) -> int:
        commands = [f"thread {thread} number {number}" for number in range(1000)]
        handles = [ami.send_action("Command", Command=command, check=False) for command in commands]
        answers = [ami.get_response(handle).output[0] for handle in handles]
        return sum(f"'{command}'" in answer for command, answer in zip(commands, answers, strict=True))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [1000] * 8
