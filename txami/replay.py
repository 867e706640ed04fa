"""
:class:`Replay`: a stored session, served again.

It is a :class:`~txami.testing.FakeAsterisk` that lets anybody log in and then says what the recorded server said:
events at their pace, and the reply to an action when the client sends the action that was recorded.  A client that
does what the recorded one did sees the same messages in the same order, at whatever speed.
"""

from __future__ import annotations

import os
from collections import ChainMap, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime

from .blots import BLOT
from .message import Message, decode, encode
from .testing import FakeAsterisk, FakeSession
from .transcript import Entry, read
from .waiters import Waiters
from .wire import END_OF_MESSAGE, Framer, strip_blank_lines

#: The speed at which nothing is waited for, but what the client has to send.
FULL: Final = float("inf")

#: Seconds that are none: sums of times are not exact.
_TICK: Final = 1e-6

#: What the connection itself is about; these are not played but done.
_OWN: Final = frozenset({"login", "logoff", "challenge"})

#: Headers whose values clients make up, and servers repeat: at another time they are others.
_MADE_UP: Final = ("ActionID", "ChannelId", "OtherChannelId")


@dataclass(eq=False)
class Asked:
    """An action of the recorded client, and what was the reply to it."""

    time: float
    message: Message
    reply: list[Said] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the action, in lower case."""
        return self.message.get("Action", "").lower()

    def is_like(self, action: Message, user: str, recorded_user: str) -> bool:
        """
        Tell whether an action has the same fields, but for those that are made up or blotted, and for the name of
        the user, who may ask about himself.
        """
        ours, theirs = _fields(self.message), _fields(action)
        return len(ours) == len(theirs) and all(
            name == other and (value == asked or decode(BLOT) in value or asked.replace(user, recorded_user) == value)
            for (name, value), (other, asked) in zip(ours, theirs, strict=True)
        )


@dataclass(eq=False)
class Said:
    """A message of the recorded server: a part of a reply to an action, or an event for everybody."""

    time: float
    raw: bytes
    action: Asked | None = None

    @property
    def is_for_all(self) -> bool:
        """Whether it was queued for all sessions: then ``Privilege`` comes second; Status has it in its items."""
        lines = self.raw.split(b"\r\n", 2)
        return (
            self.raw.startswith(b"Event: ")
            and lines[0] != b"Event: Status"
            and lines[1:2] != []
            and (lines[1].startswith(b"Privilege: "))
        )

    @property
    def classes(self) -> str:
        """The classes of an event for all."""
        return Message(self.raw).get("Privilege", "").removesuffix(",all")


class Session:
    """
    One connection of a recording.

    :param entries: what went over its wire.
    :ivar banner: what the server greeted with, ``None`` if the recording begins later.
    :ivar steps: what was asked and said behind the login, in order.
    :ivar login: the login, if it was recorded.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.banner: str | None = None
        self.steps: list[Asked | Said] = []
        self.login: Asked | None = None
        self._asked: dict[str, Asked] = {}
        self._framer = Framer()
        opened = False
        for entry in entries:
            if entry.direction == "--":
                opened = True
            elif entry.direction == "<<" and opened:
                self.banner, opened = decode(entry.data).rstrip("\r\n"), False
            elif entry.direction == "<<":
                for raw in self._framer.feed(entry.data):
                    self._add_said(entry.time, strip_blank_lines(raw))
            elif entry.data.endswith(END_OF_MESSAGE):
                self._add_asked(Asked(entry.time, Message(entry.data[: -len(END_OF_MESSAGE)])))

    @property
    def asked(self) -> list[Asked]:
        """The actions, in order."""
        return [step for step in self.steps if isinstance(step, Asked)]

    def _add_asked(self, asked: Asked) -> None:
        self._asked[asked.message.get("ActionID", "")] = asked
        if asked.name == "login":
            self.login = asked
        elif asked.name not in _OWN:
            self.steps.append(asked)

    def _add_said(self, time: float, raw: bytes) -> None:
        if not raw:
            return
        said = Said(time, raw)
        if not said.is_for_all:
            action_id = Message(raw).get("ActionID")
            # There are lists whose items have none.
            last = next(reversed(self._asked.values()), None)
            said.action = last if action_id is None else self._asked.get(action_id)
        if said.action is not None:
            said.action.reply.append(said)
        if said.action is None or said.action.name not in _OWN:
            self.steps.append(said)


def load(path: str | os.PathLike[str]) -> list[Session]:
    """
    Return the sessions of a recording.

    :raises OSError: if it cannot be read.
    :raises ValueError: if it is no transcript, or nothing was said in it.
    """
    sessions: list[list[Entry]] = [[]]
    for entry in read(path):
        if entry.direction == "--" and entry.data.startswith(b"opened"):
            sessions.append([])
        sessions[-1].append(entry)
    found = [session for session in map(Session, sessions) if session.banner is not None or session.steps]
    if not found:
        raise ValueError(f"{os.fspath(path)!r} holds no session")
    return found


class Replay(FakeAsterisk):
    """
    Serves recorded sessions: the first to who connects first, and so on; the last again to all later ones.

    :param clock: the reactor, or a ``Clock``.
    :param sessions: see :func:`load`.
    :param speed: 1 for the original pace, 2 for twice that, :data:`FULL` for as fast as the client reads.
    :param patience: seconds for which all waits for an action of the recording before it goes on without.
    :raises ValueError: if the speed is not above 0, or there is no session.
    """

    def __init__(
        self, clock: IReactorTime, sessions: Iterable[Session], *, speed: float = 1.0, patience: float = 1.0
    ) -> None:
        super().__init__(clock)
        self.recorded = list(sessions)
        if not self.recorded or not speed > 0:
            raise ValueError(f"there must be a session, and speed={speed} above 0")
        self.speed = speed
        self.patience = patience
        self._served = 0
        self._left: Waiters[None] = Waiters()
        for name in list(self.answers):
            if name not in (*_OWN, "ping", "events"):
                del self.answers[name]
        self.answers["login"] = lambda session, action: session.login(action)

    def buildProtocol(self, addr: IAddress | None) -> ReplaySession:
        """Build the server's side of a connection, for the next of the sessions."""
        session = self.recorded[min(self._served, len(self.recorded) - 1)]
        self._served += 1
        return ReplaySession(self, session)

    def when_left(self) -> Deferred[None]:
        """
        Wait for a client to go.

        :return: a new Deferred.
        """
        return self._left.wait()

    def client_left(self) -> None:
        """Tell those who wait for it."""
        self._left.succeed(None)


class ReplaySession(FakeSession):
    """
    One client's connection.

    :param replay: the server.
    :param recorded: what to play.
    """

    def __init__(self, replay: Replay, recorded: Session) -> None:
        super().__init__(replay)
        self._replay = replay
        self._recorded = recorded
        self._player = Player(self, replay, recorded)

    def connectionMade(self) -> None:
        """Greet as it was recorded."""
        if self._recorded.banner is None:
            super().connectionMade()
        else:
            self.server.sessions.append(self)
            self.sendLine(encode(self._recorded.banner))

    def connectionLost(self, reason: object = None) -> None:
        """Play no more."""
        super().connectionLost(reason)
        self._player.stop()
        self._replay.client_left()

    def login(self, action: Message) -> None:
        """Let anybody in, and play."""
        login = self._recorded.login
        self.username = action.get("Username", "") or "anybody"
        self._set_mask(action.get("Events", ""))
        if login is None or not login.reply:
            self.respond(action, "Success", {"Message": "Authentication accepted"})
        else:
            for said in login.reply:
                self.say(said, _made_up(login.message, action))
        self._player.start()

    def say(self, said: Said, ids: Mapping[bytes, bytes]) -> None:
        """
        Send a message of the recording.

        :param ids: what to write in the place of values that clients make up.
        """
        lines = [line.partition(b": ") for line in said.raw.split(b"\r\n")]
        data = b"\r\n".join([name + colon + ids.get(value, value) for name, colon, value in lines]) + END_OF_MESSAGE
        if said.is_for_all:
            self.send_event(data, said.classes)
        else:
            self.write(data)

    def _handle(self, action: Message) -> None:
        name = action.get("Action", "").lower()
        if name == "events":
            self._set_mask(action.get("EventMask", ""))
        if not self.username or name in _OWN or not self._player.ask(action):
            super()._handle(action)


class Player:
    """
    Goes through the steps of a session, for one client.

    It waits at each action until the client sends it, so that what the server said after it is said after it
    again.  A client that does something else is not waited for longer than the patience.  What it asks out of turn
    is answered as soon as the replies under way are complete, for Asterisk does one action after the other.

    :param session: the client's connection.
    :param replay: tells speed and patience.
    :param recorded: what to play.
    """

    def __init__(self, session: ReplaySession, replay: Replay, recorded: Session) -> None:
        self._session = session
        self._clock = replay.clock
        self._speed = replay.speed
        self._patience = replay.patience
        self._steps = deque(recorded.steps)
        self._all = recorded.asked
        self._unasked = dict.fromkeys(self._all)
        self._user = recorded.login.message.get("Username", "") if recorded.login else ""
        # The actions whose replies are being given in turn, with the client's ids.
        self._under_way: dict[Asked, dict[bytes, bytes]] = {}
        self._out_of_turn: deque[tuple[Asked, dict[bytes, bytes]]] = deque()
        self._ids: dict[bytes, bytes] = {}
        first = recorded.login.reply[-1:] if recorded.login else recorded.steps[:1]
        self._began = first[0].time if first else 0.0
        # When the client saw the beginning, or would have, had it been as quick as the recorded one.
        self._origin = 0.0
        # Whether to wait for pings: those of a keepalive come at another time, if at all.
        self._pings = True
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Play from now on."""
        self._origin = self._clock.seconds()
        self._play()

    def stop(self) -> None:
        """Play no more."""
        self._steps.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def ask(self, action: Message) -> bool:
        """
        Take an action of the client.

        :return: whether it is in the recording.
        """
        asked = self._find(action)
        if asked is None:
            return False
        self._play()
        ids = _made_up(asked.message, action)
        self._ids |= ids
        if self._steps and self._steps[0] is asked:
            self._steps.popleft()
            # Whatever comes later is as much later as this came late.
            self._origin = max(self._origin, self._clock.seconds() - self._offset(asked))
            if asked.reply:
                self._under_way[asked] = ids
        else:
            self._out_of_turn.append((asked, ids))
        self._unasked.pop(asked, None)
        self._play()
        return True

    def _find(self, action: Message) -> Asked | None:
        """Return the next action of the recording that is like this one, or else one that was asked before."""
        name, user = action.get("Action", "").lower(), self._session.username
        for candidates in (self._unasked, self._all):
            for asked in candidates:
                if asked.name == name and asked.is_like(action, user, self._user):
                    return asked
        return None

    def _offset(self, step: Asked | Said) -> float:
        return (step.time - self._began) / self._speed

    def _play(self) -> None:
        """Take all the steps that are due."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self._answer_out_of_turn()
        while self._steps:
            step = self._steps[0]
            if not self._is_void(step):
                patience = self._patience if isinstance(step, Asked) else 0.0
                wait = self._origin + self._offset(step) + patience - self._clock.seconds()
                if wait > _TICK:
                    self._call = self._clock.callLater(wait, self._called)
                    return
                if isinstance(step, Said):
                    self._say(step)
                elif step.name == "ping":
                    self._pings = False
            self._steps.popleft()
            self._answer_out_of_turn()

    def _is_void(self, step: Asked | Said) -> bool:
        """Tell whether a step is not to be waited for: it was taken out of turn, or nobody asked."""
        if isinstance(step, Asked):
            return step not in self._unasked or (step.name == "ping" and not self._pings)
        return step.action is not None and step.action not in self._under_way

    def _say(self, said: Said) -> None:
        ids = {}
        if said.action is not None:
            ids = self._under_way[said.action]
            if said is said.action.reply[-1]:
                del self._under_way[said.action]
        # An item of a list may be about the call that another action placed.
        self._session.say(said, ChainMap(ids, self._ids))

    def _answer_out_of_turn(self) -> None:
        while self._out_of_turn and not self._under_way:
            asked, ids = self._out_of_turn.popleft()
            for said in asked.reply:
                self._session.say(said, ChainMap(ids, self._ids))

    def _called(self) -> None:
        self._call = None
        self._play()


def _fields(action: Message) -> list[tuple[str, str]]:
    """Return the fields of an action that tell it from others, in an order that does not matter."""
    left_out = {"action", *(name.lower() for name in _MADE_UP)}
    return sorted(
        ((name.lower(), value) for name, value in action.items() if name.lower() not in left_out),
        key=lambda pair: pair[0],
    )


def _made_up(recorded: Message, action: Message) -> dict[bytes, bytes]:
    """Return what the client wrote where the recorded one wrote something else that it had made up."""
    return {encode(recorded[name]): encode(action[name]) for name in _MADE_UP if name in recorded and name in action}
