"""
:class:`FakeAsterisk`: a manager interface without an exchange, for demonstrations and for tests.

It is a server factory: listen with it on a real port, or join it in memory with
``twisted.test.iosim.connect``.  It logs in, answers the actions in :data:`ANSWERS` and those that you script,
and plays calls whose events have the order and the headers of real ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Literal

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver

from .message import Message, encode
from .wire import MAX_LINE

Headers = Mapping[str, object] | Iterable[tuple[str, object]]
Answer = Callable[["FakeSession", Message], None]
Behaviour = Literal["answer", "busy", "no answer", "congestion", "fail"]

#: Actions that need no login (``main/manager.c: process_message``).
_OPEN: Final = frozenset({"login", "logoff", "challenge"})

_STATES: Final = {"Down": 0, "Ring": 4, "Ringing": 5, "Up": 6, "Busy": 7}

#: For each way a call can go: the ``Reason`` of OriginateResponse, and the cause of the hang-up.
_FAILURES: Final = {
    "busy": (5, 17, "User busy"),
    "no answer": (3, 19, "User alerting, no answer"),
    "congestion": (8, 34, "Circuit/channel congestion"),
    "fail": (0, 0, "Unknown"),
}


@dataclass
class FakeChannel:
    """A channel of the fake exchange; the names of its fields are those of the events."""

    name: str
    uniqueid: str
    context: str = "default"
    exten: str = "s"
    caller: str = "<unknown>"
    state: str = "Down"
    application: str = ""
    data: str = ""
    since: float = 0.0
    variables: dict[str, str] = field(default_factory=dict)

    def snapshot(self) -> list[tuple[str, object]]:
        """Return the headers that tell of a channel, as ``main/manager_channels.c`` writes them."""
        return [
            ("Channel", self.name),
            ("ChannelState", _STATES[self.state]),
            ("ChannelStateDesc", self.state),
            ("CallerIDNum", self.caller),
            ("CallerIDName", "<unknown>"),
            ("ConnectedLineNum", "<unknown>"),
            ("ConnectedLineName", "<unknown>"),
            ("Language", "en"),
            ("AccountCode", ""),
            ("Context", self.context),
            ("Exten", self.exten),
            ("Priority", 1),
            ("Uniqueid", self.uniqueid),
            ("Linkedid", self.uniqueid),
        ]


def render(headers: Headers) -> bytes:
    """Return a message as Asterisk writes it."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return encode("".join(f"{name}: {value}\r\n" for name, value in pairs)) + b"\r\n"


class FakeSession(LineReceiver):
    """
    One client's connection.

    :ivar server: the :class:`FakeAsterisk`.
    :ivar username: who has logged in, ``""`` before.
    :ivar actions: what was received, as :class:`~txami.Message` each.
    """

    def __init__(self, server: FakeAsterisk) -> None:
        self.server = server
        self.username = ""
        self.actions: list[Message] = []
        self._mask: frozenset[str] | None = frozenset()
        self._challenge = ""
        self._lines: list[bytes] = []
        self._too_long = False

    def connectionMade(self) -> None:
        """Greet."""
        self.server.sessions.append(self)
        if self.server.banner is not None:
            self.sendLine(encode(self.server.banner))

    def connectionLost(self, reason: object = None) -> None:
        """Forget the session."""
        self.server.sessions.remove(self)

    def lineReceived(self, line: bytes) -> None:
        """Gather lines up to the empty one."""
        if line:
            self._too_long = self._too_long or len(line) > MAX_LINE
            self._lines.append(line)
            return
        action = Message(b"\r\n".join(self._lines))
        too_long, self._too_long = self._too_long, False
        self._lines = []
        if too_long:
            self.respond(action, "Error", {"Message": "Failed to parse message: line too long"})
        else:
            self.actions.append(action)
            self._handle(action)

    def _handle(self, action: Message) -> None:
        name = action.get("Action", "").lower()
        if not name:
            self.respond(action, "Error", {"Message": "Missing action in request"})
        elif not self.username and name not in _OPEN:
            self.respond(action, "Error", {"Message": "Permission denied"})
        elif name in self.server.answers:
            self.server.answers[name](self, action)
        else:
            text = f"Invalid/unknown command: {action['Action']}. Use Action: ListCommands to show available commands."
            self.respond(action, "Error", {"Message": text})

    # -- writing ---------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        if self.transport is not None:
            self.transport.write(data)

    def respond(self, action: Message, response: str, headers: Headers = ()) -> None:
        """Send a response, with the ActionID on its second line, as Asterisk does."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        self.write(render([("Response", response), *self._action_id(action), *pairs]))

    def respond_with_list(
        self, action: Message, item: str, items: Iterable[Headers], completion: str, message: str = ""
    ) -> None:
        """Send a whole list: the response, an event for each item, and the event that ends it."""
        self.respond(action, "Success", {"EventList": "start", "Message": message or f"{item} list will follow"})
        items = list(items)
        for headers in items:
            pairs = headers.items() if isinstance(headers, Mapping) else headers
            self.write(render([("Event", item), *self._action_id(action), *pairs]))
        self.write(
            render(
                [("Event", completion), *self._action_id(action), ("EventList", "Complete"), ("ListItems", len(items))]
            )
        )

    def send_event(self, data: bytes, classes: str) -> None:
        """Send an event if this session gets events of all its classes."""
        if self.username and (self._mask is None or self._mask.issuperset(classes.split(","))):
            self.write(data)

    def _set_mask(self, mask: str) -> None:
        """Take the classes as Asterisk does: exactly as they are written (``main/manager.c: get_perm``)."""
        if mask.lower() in ("", "on"):
            self._mask = None
        else:
            self._mask = frozenset(mask.split(","))

    def _action_id(self, action: Message) -> list[tuple[str, object]]:
        action_id = action.get("ActionID")
        return [("ActionID", action_id)] if action_id else []

    # -- the actions of the connection itself ----------------------------------------------------------

    def challenge(self, action: Message) -> None:
        """Answer ``Challenge``."""
        if action.get("AuthType", "").lower() != "md5":
            self.respond(action, "Error", {"Message": "Must specify AuthType"})
        else:
            self._challenge = self._challenge or "840415273"
            self.respond(action, "Success", {"Challenge": self._challenge})

    def login(self, action: Message) -> None:
        """Answer ``Login``, and close the connection if it is refused."""
        username = action.get("Username", "")
        secret = self.server.users.get(username)
        if secret is None or not self._is_proven(action, secret):
            self.respond(action, "Error", {"Message": "Authentication failed"})
            self._close()
            return
        self.username = username
        self._set_mask(action.get("Events", ""))
        self.respond(action, "Success", {"Message": "Authentication accepted"})
        booted = {"Event": "FullyBooted", "Privilege": "system,all", "Uptime": 60, "Status": "Fully Booted"}
        self.send_event(render(booted), "system")

    def _is_proven(self, action: Message, secret: str) -> bool:
        if action.get("AuthType", "").lower() == "md5":
            digest = hashlib.md5(encode(self._challenge + secret), usedforsecurity=False).hexdigest()
            return bool(self._challenge) and action.get("Key") == digest
        return action.get("Secret") == secret

    def logoff(self, action: Message) -> None:
        """Answer ``Logoff`` and close."""
        self.respond(action, "Goodbye", {"Message": "Thanks for all the fish."})
        self._close()

    def events(self, action: Message) -> None:
        """Answer ``Events``."""
        mask = action.get("EventMask", "")
        if not mask:
            self.respond(action, "Error", {"Message": "Invalid event mask"})
            return
        self._set_mask(mask)
        self.respond(action, "Success", {"Events": "Off" if mask.lower() == "off" else "On"})

    def _close(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()


class FakeAsterisk(Factory):
    """
    A manager interface without an exchange.

    :param clock: the reactor, or a ``Clock``; calls take time.
    :param users: names and secrets.
    :param version: the AMI version to greet with.  Below 3 the output of commands has the old form.
    :ivar banner: what it greets with; ``None`` for not at all.
    :ivar sessions: the connections there are.
    :ivar channels: the channels there are, by name.
    :ivar commands: what each CLI command prints.
    :ivar phones: how a call to a channel goes: ``"answer"`` (the default), ``"busy"``, ``"no answer"``,
        ``"congestion"`` or ``"fail"``.
    :ivar answers: what answers each action, by its name in lower case; see :meth:`answer`.
    :ivar ring_time: seconds until a call is answered, or is not.
    :ivar talk_time: seconds that an answered call lasts.
    """

    noisy = False

    def __init__(self, clock: IReactorTime, users: Mapping[str, str] | None = None, version: str = "11.0.0") -> None:
        self.banner: str | None = f"Asterisk Call Manager/{version}"
        self.users = dict(users or {"admin": "secret"})
        self.sessions: list[FakeSession] = []
        self.channels: dict[str, FakeChannel] = {}
        self.commands: dict[str, str] = {"core show uptime": "System uptime: 1 minute, 5 seconds"}
        self.phones: dict[str, Behaviour] = {}
        self.answers: dict[str, Answer] = dict(ANSWERS)
        self.old_commands = int(version.split(".")[0]) < 3
        self.ring_time = 0.5
        self.talk_time = 2.0
        self.clock = clock
        self._serial = count(1)

    def buildProtocol(self, addr: IAddress | None) -> FakeSession:
        """Build the server's side of a connection."""
        return FakeSession(self)

    def answer(self, action: str, answer: Answer | str | bytes) -> None:
        """
        Script the answer to an action.

        :param action: its name.
        :param answer: a function of the session and the action, which writes it; or text, whose lines are
            sent with CRLF and in which ``{ActionID}`` stands for the action's own; or bytes, likewise, but
            sent as they are.
        """
        if isinstance(answer, str):
            lines = answer.strip("\n").replace("\n", "\r\n")
            answer = encode(lines + "\r\n\r\n")
        if isinstance(answer, bytes):
            script = answer
            self.answers[action.lower()] = lambda session, request: session.write(
                script.replace(b"{ActionID}", encode(request.get("ActionID", "")))
            )
        else:
            self.answers[action.lower()] = answer

    def never_answer(self, action: str) -> None:
        """Let an action stay without any answer."""
        self.answers[action.lower()] = lambda session, request: None

    def emit(self, event: str, headers: Headers = (), privilege: str = "call") -> None:
        """Queue an event for every session that gets events."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        data = render([("Event", event), ("Privilege", f"{privilege},all"), *pairs])
        for session in list(self.sessions):
            session.send_event(data, privilege)

    def add_channel(self, name: str, **attributes: Any) -> FakeChannel:
        """Add a channel, with its ``Newchannel``."""
        attributes.setdefault("uniqueid", f"{int(self.clock.seconds())}.{next(self._serial)}")
        channel = FakeChannel(name, since=self.clock.seconds(), **attributes)
        self.channels[name] = channel
        self.emit("Newchannel", channel.snapshot())
        return channel

    def set_state(self, channel: FakeChannel, state: str) -> None:
        """Change a channel's state, with its ``Newstate``."""
        channel.state = state
        self.emit("Newstate", channel.snapshot())

    def hang_up(self, channel: FakeChannel, cause: int = 16, text: str = "Normal Clearing") -> None:
        """End a channel, with its ``Hangup``, unless it is gone already."""
        if self.channels.pop(channel.name, None) is not None:
            self.emit("Hangup", [*channel.snapshot(), ("Cause", cause), ("Cause-txt", text)])

    # -- a call ----------------------------------------------------------------------------------------

    def place_call(self, action: Message) -> None:
        """Play the call that an asynchronous Originate asked for."""
        dialled = action["Channel"]
        behaviour = self.phones.get(dialled, "answer")
        if behaviour == "fail":
            self._originate_response(action, dialled, action.get("ChannelId", "<unknown>"), 0)
            return
        attributes = {"uniqueid": action["ChannelId"]} if "ChannelId" in action else {}
        channel = self.add_channel(
            f"{dialled}-{next(self._serial):08x}",
            context=action.get("Context", "default"),
            exten=action.get("Exten", "s"),
            variables=dict(_assignments(action.get_all("Variable"))),
            **attributes,
        )
        self._later(0.1, lambda: self.set_state(channel, "Ringing"))
        if behaviour == "answer":
            self._later(self.ring_time, lambda: self._answered(action, channel))
        else:
            self._later(self.ring_time, lambda: self._not_answered(action, channel, behaviour))

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        self.clock.callLater(seconds, what)

    def _answered(self, action: Message, channel: FakeChannel) -> None:
        if channel.name not in self.channels:
            self._originate_response(action, action["Channel"], channel.uniqueid, 1)
            return
        self.set_state(channel, "Up")
        self._originate_response(action, channel.name, channel.uniqueid, 4)
        channel.application = action.get("Application", "Wait")
        channel.data = action.get("Data", "")
        steps = [("Extension", channel.exten), ("Application", channel.application), ("AppData", channel.data)]
        self.emit("Newexten", [*channel.snapshot(), *steps], "dialplan")
        self._later(self.talk_time, lambda: self.hang_up(channel))

    def _not_answered(self, action: Message, channel: FakeChannel, behaviour: Behaviour) -> None:
        reason, cause, text = _FAILURES[behaviour]
        self.hang_up(channel, cause, text)
        self._originate_response(action, action["Channel"], channel.uniqueid, reason)

    def _originate_response(self, action: Message, channel: str, uniqueid: str, reason: int) -> None:
        target = [(name, action[name]) for name in ("Application", "Data", "Context", "Exten") if name in action]
        self.emit(
            "OriginateResponse",
            [
                ("ActionID", action.get("ActionID", "")),
                ("Response", "Success" if reason == 4 else "Failure"),
                ("Channel", channel),
                *target,
                ("Reason", reason),
                ("Uniqueid", uniqueid),
                ("CallerIDNum", "<unknown>"),
                ("CallerIDName", "<unknown>"),
            ],
        )


def _assignments(variables: Iterable[str]) -> Iterable[tuple[str, str]]:
    for variable in variables:
        name, _, value = variable.partition("=")
        yield name, value


# -- what answers the actions --------------------------------------------------------------------------


def _ping(session: FakeSession, action: Message) -> None:
    session.respond(action, "Success", {"Ping": "Pong", "Timestamp": "1795348142.000000"})


def _command(session: FakeSession, action: Message) -> None:
    command = action.get("Command", "")
    output = session.server.commands.get(command)
    lines = [f"No such command '{command}' (type 'core show help {command}' for other possible commands)"]
    lines = lines if output is None else output.split("\n")
    if session.server.old_commands:
        head = render([("Response", "Follows"), ("Privilege", "Command"), ("ActionID", action.get("ActionID", ""))])
        session.write(head[:-2] + encode("\n".join(lines)) + b"\n--END COMMAND--\r\n\r\n")
    else:
        result = "Error" if output is None else "Success"
        session.respond(action, result, [("Message", "Command output follows"), *(("Output", line) for line in lines)])


def _core_show_channels(session: FakeSession, action: Message) -> None:
    now = session.server.clock.seconds()
    session.respond_with_list(
        action,
        "CoreShowChannel",
        [
            [
                *channel.snapshot(),
                ("Application", channel.application),
                ("ApplicationData", channel.data),
                ("Duration", _clock_time(now - channel.since)),
                ("BridgeId", ""),
            ]
            for channel in session.server.channels.values()
        ],
        "CoreShowChannelsComplete",
        "Channels will follow",
    )


def _clock_time(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}"


def _originate(session: FakeSession, action: Message) -> None:
    if "Channel" not in action:
        session.respond(action, "Error", {"Message": "Channel not specified"})
        return
    session.respond(action, "Success", {"Message": "Originate successfully queued"})
    session.server.place_call(action)


def _hangup(session: FakeSession, action: Message) -> None:
    wanted = action.get("Channel", "")
    for channel in list(session.server.channels.values()):
        if wanted in (channel.name, channel.uniqueid):
            session.respond(action, "Success", {"Message": "Channel Hungup"})
            session.server.hang_up(channel, int(action.get("Cause", "16")))
            return
    session.respond(action, "Error", {"Message": "No such channel"})


def _user_event(session: FakeSession, action: Message) -> None:
    session.respond(action, "Success", {"Message": "Event Sent"})
    copied = [(name, value) for name, value in action.items() if name.lower() not in ("action", "userevent")]
    session.server.emit("UserEvent", [("UserEvent", action.get("UserEvent", "")), *copied], "user")


#: What every :class:`FakeAsterisk` answers from the start.
ANSWERS: Final[dict[str, Answer]] = {
    "challenge": FakeSession.challenge,
    "command": _command,
    "coreshowchannels": _core_show_channels,
    "events": FakeSession.events,
    "hangup": _hangup,
    "login": FakeSession.login,
    "logoff": FakeSession.logoff,
    "originate": _originate,
    "ping": _ping,
    "userevent": _user_event,
}
