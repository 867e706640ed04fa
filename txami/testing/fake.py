""":class:`FakeAsterisk`: a manager interface without an exchange."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock

from ..message import Message
from .answers import ANSWERS
from .calls import Behaviour, Dialling, PlacedCall
from .channels import FakeChannel, Pairs
from .faults import Faults
from .manners import Manners
from .memory import InMemory
from .script import Expected, Script, Step
from .session import Answer, FakeSession
from .users import User
from .writing import Headers, from_script, pairs, render_event

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from .loopback import Place


#: How many actions it knows of those that came.
MEMORY: Final = 10_000


class FakeAsterisk(InMemory, Factory):
    """
    A manager interface without an exchange.

    It logs in, answers the actions in :data:`~txami.testing.ANSWERS` and those that you script, and plays calls.
    Clients reach it in memory, through :meth:`endpoint`, or by the loopback, see :meth:`listen`.

    :param clock: the reactor, or a ``Clock``; by default a ``Clock`` of its own.
    :param users: who may log in: names, and secrets or :class:`User`; by default ``admin`` with ``secret``.
    :param version: the AMI version to greet with; see :class:`Manners`.
    :param faults: what goes wrong.
    :ivar banner: what it greets with; ``None`` for not at all.
    :ivar sessions: the connections there are.
    :ivar channels: the channels there are, by name.
    :ivar commands: what each CLI command prints.
    :ivar phones: how a call to a channel goes: ``"answer"`` (the default), ``"busy"``, ``"no answer"``,
        ``"congestion"`` or ``"fail"``.
    :ivar answers: what answers each action, by its name in lower case; see :meth:`answer`.
    :ivar script: the conversation that is expected; see :meth:`expect`.
    :ivar ring_time: seconds until a call is answered, or is not.
    :ivar talk_time: seconds that an answered call lasts.
    :raises ValueError: if the version is none.
    """

    noisy = False

    def __init__(
        self,
        clock: IReactorTime | None = None,
        users: Mapping[str, str | User] | None = None,
        version: str = "11.0.0",
        faults: Faults | None = None,
    ) -> None:
        self.manners = Manners(version)
        self.banner: str | None = f"Asterisk Call Manager/{version}"
        self.users: dict[str, str | User] = dict(users or {"admin": "secret"})
        self.faults = faults or Faults()
        self.sessions: list[FakeSession] = []
        self.channels: dict[str, FakeChannel] = {}
        self.commands: dict[str, str] = {"core show uptime": "System uptime: 1 minute, 5 seconds"}
        self.phones: dict[str, Behaviour] = {}
        self.answers: dict[str, Answer] = dict(ANSWERS)
        self.script = Script()
        self.old_commands = self.manners.has_old_commands
        self.ring_time = 0.5
        self.talk_time = 2.0
        self.clock: Any = Clock() if clock is None else clock
        self._serial = count(1)
        self._calls: list[IDelayedCall] = []
        self._dialled: list[Dialling] = []
        # As bytes: a fake may run for long, and hardly anything of it is ever looked at.
        self._received: deque[bytes] = deque(maxlen=MEMORY)

    def buildProtocol(self, addr: IAddress | None) -> FakeSession:
        """Build the server's side of a connection."""
        return FakeSession(self)

    def listen(self, reactor: Any, port: int = 0, interface: str = "127.0.0.1", tls: Any = None) -> Deferred[Place]:
        """
        Listen on a real port of this machine.

        :param reactor: the reactor; from now on it is the fake's clock too.
        :param port: where; 0 for any that is free.
        :param interface: the address.
        :param tls: the file with a certificate and its key, as PEM, or a context factory of Twisted; without it
            there is no TLS.
        :raises OpenSSL.SSL.Error: at once, if there is no certificate in it, or no key.
        :return: fires with the :class:`Place`.
        """
        from .loopback import listen  # only here sockets are needed

        return listen(self, reactor, port, interface, tls)

    # -- what it answers, and what it was asked ----------------------------------------------------------

    def answer(self, action: str, answer: Answer | str | bytes) -> None:
        """
        Script the answer to an action, however often it comes.

        :param action: its name.
        :param answer: a function of the session and the action, which writes it; or text, whose lines are
            sent with CRLF and in which ``{ActionID}`` stands for the action's own; or bytes, likewise, but
            sent as they are.
        """
        if isinstance(answer, (str, bytes)):
            script = answer
            self.answers[action.lower()] = lambda session, request: session.write(
                from_script(script, request.get("ActionID", ""))
            )
        else:
            self.answers[action.lower()] = answer

    def never_answer(self, action: str) -> None:
        """Let an action stay without any answer."""
        self.answers[action.lower()] = lambda session, request: None

    def expect(self, action: str, headers: Mapping[str, Expected] = MappingProxyType({}), /, **more: Expected) -> Step:
        """
        Expect an action, after those that are expected already, and say what is said then.

        :param action: its name.
        :param headers: what it must have: a text, a number or a bool as clients write it, a list for a header that
            repeats, ``None`` for one that must not be there, or a function that tells whether a text is right.
        :param more: more of them.
        :return: says nothing, until you let it.
        """
        return self.script.add(action, {**dict(headers), **more})

    def check_script(self) -> None:
        """
        Check that the conversation was the one that was expected, to its end.

        :raises AssertionError: names what was expected, and what came.
        """
        self.script.check()

    def actions(self, name: str | None = None) -> list[Message]:
        """
        Return the actions that came, on whatever connection, oldest first; of 10,000 at most.

        :param name: of those that are wanted; without it, all.
        """
        came = map(Message, self._received)
        return [action for action in came if name is None or action.get("Action", "").lower() == name.lower()]

    def note(self, action: Message) -> None:
        """Take down what a client asked for."""
        self._received.append(action.raw)

    # -- events ------------------------------------------------------------------------------------------

    def emit(self, event: str, headers: Headers = (), privilege: str = "call") -> None:
        """
        Queue an event for every session that gets such events.

        :param event: its name.
        :param headers: the others.
        :param privilege: its classes, with commas.
        """
        data = render_event(event, privilege, headers)
        for session in list(self.sessions):
            session.send_event(data, privilege)

    def add_channel(self, name: str, **attributes: Any) -> FakeChannel:
        """
        Add a channel, with its ``Newchannel``.

        :param name: such as ``"PJSIP/alice-00000001"``.
        :param attributes: see :class:`FakeChannel`.
        """
        attributes.setdefault("uniqueid", f"{int(self.clock.seconds())}.{next(self._serial)}")
        channel = FakeChannel(name, since=self.clock.seconds(), **attributes)
        self.channels[name] = channel
        self._tell("Newchannel", channel)
        return channel

    def set_state(self, channel: FakeChannel, state: str) -> None:
        """Change a channel's state, with its ``Newstate``."""
        channel.state = state
        self._tell("Newstate", channel)

    def run(self, channel: FakeChannel, application: str, data: str = "") -> None:
        """Let a channel run an application of the dialplan, with its ``Newexten``."""
        channel.application, channel.data = application, data
        steps: Pairs = [("Extension", channel.exten), ("Application", application), ("AppData", data)]
        self._tell("Newexten", channel, steps, self.manners.class_of_newexten)

    def hang_up(self, channel: FakeChannel, cause: int = 16, text: str = "Normal Clearing", more: Headers = ()) -> None:
        """
        End a channel, with its ``Hangup``, unless it is gone already.

        :param channel: which.
        :param cause: the cause of ISDN (Q.850).
        :param text: the same in words.
        :param more: more headers.
        """
        if self.channels.pop(channel.name, None) is not None:
            self._tell("Hangup", channel, [("Cause", cause), ("Cause-txt", text), *pairs(more)])

    def end(self, channel: FakeChannel, cause: int = 16) -> None:
        """End a channel and the call that it is in, as the action Hangup does."""
        for call in self._dialled:
            if channel in (call.caller, call.callee):
                call.end(by="caller" if channel is call.caller else "callee")
        self.hang_up(channel, cause)

    def _tell(self, event: str, channel: FakeChannel, more: Pairs | None = None, privilege: str = "call") -> None:
        headers = channel.snapshot() if self.manners.has_snapshots else channel.old_headers(event)
        self.emit(event, [*headers, *(more or [])], privilege)

    # -- calls -------------------------------------------------------------------------------------------

    def place_call(self, action: Message) -> None:
        """Play the call that an asynchronous Originate asked for."""
        PlacedCall(self, action, self.phones.get(action["Channel"], "answer")).begin()

    def dial(
        self, caller: str, callee: str, exten: str = "201", *, number: str = "200", context: str = "default"
    ) -> Dialling:
        """
        Let a phone call another, which does what :attr:`phones` says of it.

        :param caller: the phone that calls, such as ``"PJSIP/alice"``.
        :param callee: the phone that is called, such as ``"PJSIP/bob"``.
        :param exten: what was dialled.
        :param number: the number of the caller.
        :param context: of the dialplan.
        :return: ends the call before its time.
        :raises ValueError: if the fake is an Asterisk 11 or before: its two-party events are not known to it.
        """
        if not self.manners.has_snapshots:
            raise ValueError("dial() plays calls of Asterisk 12 and later: give the fake a version from 2.0.0 on")
        channel = self.add_channel(self.channel_name(caller), state="Ring", caller=number, exten=exten, context=context)
        self._dialled = [call for call in self._dialled if not call.is_over]
        self._dialled.append(Dialling(self, channel, callee, self.phones.get(callee, "answer")))
        return self._dialled[-1]

    def channel_name(self, dialled: str) -> str:
        """Return a name for a channel to a phone, which no other has."""
        return f"{dialled}-{next(self._serial):08x}"

    def bridge_id(self) -> str:
        """Return a name for a bridge, which no other has."""
        return f"{next(self._serial):08x}-0000-4000-8000-000000000000"

    def later(self, seconds: float, what: Any) -> None:
        """Let something happen after some seconds, unless the fake is stopped before."""
        self._calls = [call for call in self._calls if call.active()]
        self._calls.append(self.clock.callLater(seconds, what))

    def stop(self) -> None:
        """End what is going on: calls go no further, and connections are closed."""
        for call in self._calls:
            if call.active():
                call.cancel()
        for session in list(self.sessions):
            session.close()
