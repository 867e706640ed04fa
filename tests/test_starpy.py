"""StarPy's ``manager`` on txami, in memory: its behaviour, and what StarPy gets wrong."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import twisted.internet
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher

import txami
from tests.memory import MemoryNetwork
from tests.network import network as memory_endpoint
from txami import ActionTimeout, ConnectionLost, InvalidAction, NotConnected, ProtocolError
from txami.starpy import manager
from txami.starpy.error import AMICommandFailure
from txami.testing import FakeAsterisk, FakeSession

SECRET = "hush-hush"


class World:
    """A network with a server on it, and programs that log in there."""

    def __init__(self, version: str = "11.0.0") -> None:
        self.network = MemoryNetwork()
        self.server = FakeAsterisk(self.network, {"admin": SECRET}, version)
        self.port: Any = self.network.listenTCP(5038, self.server)
        self.factory = self.make()

    def make(self, secret: str = SECRET, **options: Any) -> manager.AMIFactory:
        return manager.AMIFactory("admin", secret, reactor=self.network, **options)

    def login(self, factory: manager.AMIFactory | None = None) -> Any:
        """Return the protocol of the factory, or raise."""
        if factory is not None:
            self.factory = factory
        return self.result(self.factory.login("pbx"))

    def result(self, waiting: Deferred[Any]) -> Any:
        return self.network.result_of(waiting)

    def error(self, waiting: Deferred[Any]) -> Any:
        """Return the exception that a Deferred fails with."""
        with pytest.raises(BaseException) as raised:  # noqa: PT011
            self.network.result_of(waiting)
        return raised.value

    def run(self, seconds: float = 0.1) -> None:
        self.network.pass_time(seconds)

    @property
    def session(self) -> FakeSession:
        """The server's side of the only connection."""
        (session,) = self.server.sessions
        return session

    def cut(self) -> None:
        """Lose the connection."""
        self.session.transport.loseConnection()  # type: ignore[union-attr]
        self.run(0)

    def go_away(self) -> None:
        """Lose the connection and accept no other."""
        self.result(self.port.stopListening())
        self.cut()

    def come_back(self) -> None:
        self.port = self.network.listenTCP(5038, self.server)

    def sent(self) -> list[str]:
        """Return the names of what was sent on this connection."""
        return [action["Action"].lower() for action in self.session.actions]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """Return everything that was logged, in both ways, as text."""
    caplog.set_level(logging.DEBUG, "AMI")
    observer = EventLoggingObserver()
    globalLogPublisher.addObserver(observer)
    yield lambda: "\n".join([*caplog.messages, *(formatEvent(event) for event in observer)])
    globalLogPublisher.removeObserver(observer)


# -- login -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plaintext", [True, False])
def test_login(world: World, plaintext: bool) -> None:
    factory = world.make(id="office", plaintext_login=plaintext)
    ami = world.login(factory)
    assert isinstance(ami, manager.AMIProtocol)
    assert (ami.factory, ami.id, ami.amiVersion) == (factory, "office", "11.0.0")
    assert world.sent() == (["login"] if plaintext else ["challenge", "login"])
    assert ("Key" in world.session.actions[-1]) is not plaintext
    assert world.result(ami.login())["response"] == "Success"


@pytest.mark.parametrize("plaintext", [True, False])
def test_a_login_that_is_refused_is_not_repeated(world: World, plaintext: bool, logged: Any) -> None:
    error = world.error(world.make("wrong-secret", plaintext_login=plaintext).login())
    assert isinstance(error, AMICommandFailure)
    assert error.args[0] == {"response": "Error", "message": "Authentication failed"}
    assert str(error) == "Asterisk says: Authentication failed"
    world.run(1000)
    assert world.server.sessions == []
    assert world.network.getDelayedCalls() == []
    assert "wrong-secret" not in logged() + repr(error)


def test_nobody_listens_and_the_caller_tries_again(world: World) -> None:
    world.result(world.port.stopListening())
    assert isinstance(world.error(world.factory.login("pbx")), ConnectionRefusedError)
    world.run(1000)
    assert world.network.getDelayedCalls() == []
    world.come_back()
    assert world.result(world.login().ping())["ping"] == "Pong"
    assert len(world.server.sessions) == 1


def test_what_listens_is_no_manager(world: World) -> None:
    world.server.banner = "no greeting of Asterisk's " * 1000
    assert isinstance(world.error(world.factory.login()), ProtocolError)


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ((), ("localhost", 5038, 5, None)),
        (("192.0.2.1", 5039, 7, "192.0.2.9"), ("192.0.2.1", 5039, 7, "192.0.2.9")),
        (("::1", "5040"), ("::1", 5040, 5, None)),
    ],
)
def test_where_it_connects(
    world: World, monkeypatch: pytest.MonkeyPatch, arguments: tuple[Any, ...], place: tuple[Any, ...]
) -> None:
    seen: list[Any] = []

    def endpoint(reactor: Any, host: str, port: int, **named: Any) -> Any:
        seen.append((host, port, named["timeout"], named["bindAddress"]))
        return HostnameEndpoint(reactor, "pbx", 5038)

    monkeypatch.setattr(manager, "HostnameEndpoint", endpoint)
    assert world.result(world.factory.login(*arguments)).amiVersion == "11.0.0"
    assert seen == [place]


def test_what_txami_connects_to_will_do(world: World) -> None:
    assert world.result(world.factory.login("tcp:pbx:5038")).amiVersion == "11.0.0"
    with pytest.raises(txami.InvalidEndpoint):
        world.factory.login("carrier:pigeon")


def test_an_endpoint_will_do(world: World) -> None:
    net = memory_endpoint()
    results: list[Any] = []
    manager.AMIFactory("admin", "hush", reactor=net.clock).login(net).addCallback(results.append)
    net.accept()
    assert isinstance(results[0], manager.AMIProtocol)


def test_the_global_reactor_is_taken_when_it_is_needed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twisted.internet, "reactor", world.network, raising=False)
    factory = manager.AMIFactory("admin", SECRET)
    assert world.result(factory.login()).amiVersion == "11.0.0"


def test_importing_it_installs_no_reactor() -> None:
    import subprocess

    code = "import sys; from txami.starpy import manager; print('twisted.internet.reactor' in sys.modules)"
    home = Path(txami.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=home, check=True)
    assert done.stdout == "False\n"


def test_a_login_may_be_cancelled_or_given_up(world: World) -> None:
    for attempt in range(2):
        world.server.banner = None
        waiting = world.factory.login()
        world.run()
        if attempt:
            waiting.cancel()
            assert isinstance(world.error(waiting), CancelledError)
        else:
            waiting.addErrback(lambda failure: failure.trap(NotConnected))
            world.factory.stopTrying()
            world.result(waiting)
        world.run(10)
        assert world.server.sessions == []


# -- events ----------------------------------------------------------------------------------------------


def test_events_are_dictionaries_with_lower_case_keys(world: World) -> None:
    ami = world.login()
    heard: list[Any] = []
    ami.registerEvent("Hangup", lambda *arguments: heard.append(("one", *arguments)))
    ami.registerEvent(("Newchannel", "Hangup"), lambda *arguments: heard.append(("several", *arguments)))
    ami.registerEvent(None, lambda *arguments: heard.append(("all", *arguments)))
    world.server.hang_up(world.server.add_channel("PJSIP/Alice-00000001"))
    world.run()
    assert [(who, event["event"]) for who, _, event in heard] == [
        ("several", "Newchannel"),
        ("all", "Newchannel"),
        ("one", "Hangup"),
        ("several", "Hangup"),
        ("all", "Hangup"),
    ]
    assert all(protocol is ami and type(event) is dict for _, protocol, event in heard)
    assert heard[-1][2]["channel"] == "PJSIP/Alice-00000001"
    assert heard[-1][2]["cause-txt"] == "Normal Clearing"


def test_deregistering(world: World) -> None:
    ami = world.login()
    heard: list[str] = []

    def one(_: Any, event: Any) -> None:
        heard.append("one")

    def other(_: Any, event: Any) -> None:
        heard.append("other")

    ami.registerEvent(("A", "B"), one)
    ami.registerEvent("A", one)
    ami.registerEvent("A", other)
    ami.registerEvent(None, other)
    assert ami.eventTypeCallbacks == {"A": [one, one, other], "B": [one], None: [other]}
    assert ami.deregisterEvent("A", one)
    assert ami.deregisterEvent(None)
    assert not ami.deregisterEvent("C")
    assert not ami.deregisterEvent(("B", "C"), one)
    assert ami.eventTypeCallbacks == {"A": [other]}
    world.server.emit("A")
    world.server.emit("B")
    world.run()
    assert heard == ["other"]


def test_a_handler_that_fails_is_logged_and_disturbs_nobody(world: World, logged: Any) -> None:
    ami = world.login()
    heard: list[Any] = []

    def broken(ami: Any, event: Any) -> None:
        raise RuntimeError("broken handler")

    ami.registerEvent("A", broken)
    ami.registerEvent("A", lambda _, event: heard.append(event))
    world.server.emit("A")
    world.server.emit("A")
    world.run()
    assert len(heard) == 2
    assert "broken" in logged()


def test_a_handler_may_be_asynchronous_and_act(world: World) -> None:
    ami = world.login()
    heard: list[Any] = []

    async def ask(ami: Any, event: Any) -> None:
        heard.append((await ami.ping())["ping"])

    ami.registerEvent("A", ask)
    world.server.emit("A")
    world.run()
    assert heard == ["Pong"]


def test_the_last_of_repeated_headers_counts_and_txami_has_all(world: World) -> None:
    ami = world.login()
    heard: list[Any] = []
    ami.registerEvent("A", lambda _, event: heard.append(event["chanvariable"]))
    ami.service.on("A", lambda event: heard.append(event.get_all("ChanVariable")))
    world.server.emit("A", [("ChanVariable", "a=1"), ("ChanVariable", "b=2")])
    world.run()
    assert heard == ["b=2", ["a=1", "b=2"]]


def test_bytes_that_are_no_text_come_and_go(world: World) -> None:
    ami = world.login()
    heard: list[Any] = []
    ami.registerEvent("A", lambda _, event: heard.append(event["name"]))
    world.session.write(b"Event: A\r\nPrivilege: call,all\r\nName: J\xfcrgen\r\n\r\n")
    world.run()
    assert heard == ["J\udcfcrgen"]
    ami.hangup(heard[0]).addErrback(lambda failure: None)
    world.run()
    assert world.session.actions[-1].raw.endswith(b"J\xfcrgen")
    assert world.result(ami.ping())["ping"] == "Pong"


# -- sending ---------------------------------------------------------------------------------------------


def test_send_deferred_and_what_follows(world: World) -> None:
    ami = world.login()
    answer = world.result(ami.sendDeferred({"Action": "Ping"}).addCallback(ami.errorUnlessResponse))
    assert (answer["response"], answer["ping"]) == ("Success", "Pong")
    refused = world.result(ami.sendDeferred({"Action": "Hangup", "Channel": "X"}))
    assert refused["response"] == "Error"
    error = world.error(ami.hangup("X"))
    assert isinstance(error, AMICommandFailure)
    assert error.args[0]["message"] == "No such channel"
    assert ami.errorUnlessResponse(None) is None


def test_an_action_id_of_ones_own(world: World) -> None:
    ami = world.login()
    answers: list[Any] = []
    assert ami.sendMessage({"action": "Ping", "actionid": "mine-1"}, answers.append) == "mine-1"
    assert ami.sendMessage([("action", "Ping"), ("ActionID", "mine-2")], answers.append) == "mine-2"
    named = ami.sendMessage({"action": "Ping"}, answers.append)
    world.run()
    assert [answer["actionid"] for answer in answers] == ["mine-1", "mine-2", named]
    assert named.startswith(f"{ami.hostName}-")


def test_pairs_may_repeat_a_header_and_values_may_be_anything(world: World) -> None:
    ami = world.login()
    call = [["action", "Originate"], ("channel", "X/1"), ("variable", "a=1"), ("variable", "b=2"), ("async", True)]
    heard: list[Any] = []
    ami.registerEvent("OriginateResponse", lambda _, event: heard.append(event))
    action_id = ami.sendMessage([*call, ("priority", 1), ("account", None)])
    world.run(5)
    sent = world.session.actions[-1]
    assert sent.get_all("variable") == ["a=1", "b=2"]
    assert (sent["async"], sent["priority"], sent["account"]) == ("True", "1", "None")
    assert [(event["response"], event["actionid"]) for event in heard] == [("Success", action_id)]


def test_register_error(world: World) -> None:
    ami = world.login()
    told: list[Any] = []
    for message in ({"action": "Ping"}, {"action": "Hangup", "channel": "X"}):
        ami.sendDeferred(message).registerError(told.append)
    world.run()
    assert [message["message"] for message in told] == ["No such channel"]


def test_nothing_unsafe_is_sent(world: World) -> None:
    ami = world.login()
    forged = {"action": "Ping", "x": "1\r\nAction: Logoff"}
    with pytest.raises(InvalidAction, match="would end the line"):
        ami.sendMessage(forged)
    with pytest.raises(InvalidAction, match="queue show"):
        ami.sendMessage({"action": "Queues"})
    for waiting in (
        ami.sendDeferred(forged),
        ami.collectDeferred(forged, "End"),
        ami.setVar("X", "V", "1\n2"),
        ami.sendDeferred({"action": "Queues"}),
        ami.sendDeferred({"channel": "X"}),
    ):
        assert isinstance(world.error(waiting), InvalidAction)
    assert world.sent() == ["login"]


LIST = (
    "Response: Success\nActionID: {ActionID}\nEventList: start\nMessage: Follows\n\n"
    "Event: Status\nPrivilege: Call\nActionID: {ActionID}\nChannel: X/1\n\n"
    "Event: Status\nPrivilege: Call\nActionID: {ActionID}\nChannel: X/2\n\n"
    "Event: StatusComplete\nActionID: {ActionID}\nEventList: Complete\nListItems: 2"
)


def test_a_list_is_collected_and_its_items_are_events_too(world: World, logged: Any) -> None:
    world.server.answer("Status", LIST)
    ami = world.login()
    order: list[Any] = []
    elsewhere: list[Any] = []
    ami.registerEvent(("Status", "StatusComplete"), lambda _, event: order.append(event["event"]))
    ami.registerEvent(None, lambda _, event: order.append("any"))
    ami.service.on("Status", elsewhere.append)
    messages = world.result(ami.status())
    assert [message.get("event") for message in messages] == [None, "Status", "Status", "StatusComplete"]
    assert [message.get("channel") for message in messages[1:3]] == ["X/1", "X/2"]
    assert len({message["actionid"] for message in messages}) == 1
    assert order == ["Status", "any"] * 2 + ["StatusComplete", "any"]
    assert elsewhere == []  # for txami they belong to the reply

    del order[:]
    ami.sendDeferred({"action": "Status"}).addCallback(lambda message: order.append(message["response"]))
    world.run()
    assert order == ["Success", *["Status", "any"] * 2, "StatusComplete", "any"]

    assert len(world.result(ami.collectDeferred({"action": "Status"}, "AnotherName"))) == 4
    assert isinstance(world.error(ami.collectDeferred({"action": "Nonsense"}, "End")), AMICommandFailure)
    assert "failed" not in logged()


def test_an_event_that_comes_by_itself_ends_a_list(world: World) -> None:
    ami = world.login()
    call = {"action": "Originate", "channel": "X/1", "async": True}
    waiting = [ami.collectDeferred(call, "OriginateResponse"), ami.collectDeferred(call, "OriginateResponse")]
    first, second = (world.result(each) for each in waiting)
    assert [message["response"] for message in first] == ["Success", "Success"]
    assert first[0]["actionid"] == first[1]["actionid"] != second[1]["actionid"] == second[0]["actionid"]

    lost = ami.collectDeferred(call, "OriginateResponse")
    world.run(0)
    world.cut()
    assert isinstance(world.error(lost), ConnectionLost)
    assert ami.service.registry.concerned("originateresponse") == []


def test_callbacks_that_fail_are_logged_and_lose_nothing(world: World, logged: Any) -> None:
    world.server.answer("Status", LIST)
    ami = world.login()
    heard: list[Any] = []

    def broken(message: Any) -> None:
        heard.append(message)
        raise RuntimeError("broken callback")

    ami.sendMessage({"action": "Status"}, broken)
    world.run()
    assert len(heard) == 4
    assert "the callback for Status failed" in logged()


# -- results ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.1", "11.0.0"])
def test_commands_of_both_dialects(version: str) -> None:
    world = World(version)
    world.server.commands["database show"] = "/a/b : c\n\n  2 results: found"
    ami = world.login()
    assert world.result(ami.command("database show")) == ["/a/b : c", "  2 results: found"]
    # As a program does that does not use the method.
    message = world.result(
        ami.sendDeferred({"Action": "Command", "Command": "database show"}).addCallback(
            ami.errorUnlessResponse, expected="Follows"
        )
    )
    assert message[" "] == ["/a/b : c", "  2 results: found"]
    world.server.commands["database show"] = "\n".join(f"/family/key{number} : {number}" for number in range(5000))
    assert len(world.result(ami.command("database show"))) == 5000
    assert world.result(ami.ping())["response"] == "Success"


def test_a_command_that_fails_says_what_it_printed(world: World) -> None:
    error = world.error(world.login().command("nonsense"))
    assert isinstance(error, AMICommandFailure)
    assert "No such command 'nonsense'" in str(error)


def test_ping_of_the_first_version() -> None:
    world = World("1.0")
    world.server.answer("Ping", "Response: Pong\nActionID: {ActionID}")
    ami = world.login()
    assert world.result(ami.ping())["response"] == "Pong"


@pytest.mark.parametrize(
    ("answer", "value"), [("Value: 5", "5"), ("Value: (null)", None), ("COUNT: 6", "6"), ("Value: ", "")]
)
def test_variables(world: World, answer: str, value: str | None) -> None:
    world.server.answer("GetVar", f"Response: Success\nActionID: {{ActionID}}\nVariable: COUNT\n{answer}")
    ami = world.login()
    assert world.result(ami.getVar("X/1", "COUNT")) == value
    assert world.result(ami.getVar(None, "COUNT")) == value
    assert "Channel" not in world.session.actions[-1]


def test_a_variable_without_a_value(world: World) -> None:
    world.server.answer("GetVar", "Response: Success\nActionID: {ActionID}")
    assert isinstance(world.error(world.login().getVar(None, "COUNT")), AMICommandFailure)


def test_values_of_the_database_are_not_mixed_up(world: World) -> None:
    asked: list[Any] = []
    world.server.answer("DBGet", lambda session, action: asked.append(action))
    ami = world.login()
    waiting = [ami.dbGet("f", key) for key in ("a", "b", "c")]
    world.run()
    for action in reversed(asked):
        head = [("Event", "DBGetResponse"), ("ActionID", action["ActionID"]), ("Family", "f"), ("Key", action["key"])]
        if action["key"] == "b":
            world.session.respond(action, "Error", {"Message": "Database entry not found"})
        else:
            items = [[*head[2:], ("Val", f"value of {action['key']}")]]
            world.session.respond_with_list(action, "DBGetResponse", items, "DBGetComplete")
    assert [world.result(each) for each in waiting] == ["value of a", None, "value of c"]
    lost = ami.dbGet("f", "d")
    world.run(0)
    world.cut()
    assert isinstance(world.error(lost), ConnectionLost)


def test_the_list_of_commands_has_no_action_id(world: World) -> None:
    world.server.answer("ListCommands", "Response: Success\nActionID: {ActionID}\nPing: Keepalive.  (Priv: <none>)")
    answer = world.result(world.login().listCommands())
    assert answer == {"response": "Success", "ping": "Keepalive.  (Priv: <none>)"}


def test_a_call_that_is_waited_for_has_no_deadline_but_others_have(world: World) -> None:
    world.server.never_answer("Originate")
    world.server.never_answer("Status")
    ami = world.login()
    call, status = ami.originate("X/1", timeout=60), ami.status()
    answers: list[Any] = []
    call.addBoth(answers.append)
    error = world.error(status)
    assert isinstance(error, ActionTimeout)
    world.run(20)
    assert answers == []
    world.session.respond(world.session.actions[1], "Success", {"Message": "Originate successfully queued"})
    world.run()
    assert answers[0]["response"] == "Success"


# -- secrets and odds and ends ---------------------------------------------------------------------------


@pytest.mark.parametrize("plaintext", [True, False])
def test_the_log_tells_what_goes_over_the_wire_without_the_secret(world: World, logged: Any, plaintext: bool) -> None:
    ami = world.login(world.make(plaintext_login=plaintext))
    world.result(ami.ping())
    world.cut()
    world.run(5)
    text = logged()
    assert ">> Action: Login" in text
    assert "<< Ping: Pong" in text
    assert "lost the connection" in text
    (login,) = (action for action in world.session.actions if action["Action"] == "Login")
    for secret in (SECRET, login.get("Key", SECRET)):
        assert secret not in text
    assert SECRET not in repr(vars(world.factory)) + repr(vars(ami))


def test_without_debugging_nothing_is_taken_down(world: World) -> None:
    assert manager.log.name == "AMI"
    ami = world.login()
    assert ami.service._transcript is None


def test_fastagi_is_elsewhere() -> None:
    with pytest.raises(ImportError, match=r"no 'fastagi'.*AGI\(agi:async\)"):
        from txami.starpy import fastagi  # noqa: F401
    with pytest.raises(ImportError, match="menu"):
        from txami.starpy import menu  # noqa: F401
    with pytest.raises(AttributeError):
        _ = txami.starpy.nonsense
    assert dir(txami.starpy) == ["error", "manager"]


def test_the_errors_are_where_programs_look_for_them() -> None:
    assert manager.error.AMICommandFailure is AMICommandFailure
    assert issubclass(AMICommandFailure, Exception)
    assert str(AMICommandFailure("why not")) == "why not"
