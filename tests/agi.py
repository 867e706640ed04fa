"""AsyncAGI on a FakeAsterisk: calls with a queue of commands, and a pipe that replies go through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from urllib.parse import quote

from txami import Message
from txami.message import decode, encode
from txami.testing import FakeAsterisk, FakeChannel, FakeSession

#: The reply to a command, given its words.
Script = Callable[[list[str]], str]


def split(text: str) -> list[str]:
    """Return the words of a command as Asterisk reads them."""
    words: list[list[str]] = []
    quoted = inside = False
    characters = iter(text)
    for character in characters:
        if character in " \t" and not quoted:
            inside = False
            continue
        if not inside:
            words.append([])
            inside = True
        if character == '"':
            quoted = not quoted
        else:
            words[-1].append(next(characters, "") if character == "\\" else character)
    return ["".join(word) for word in words]


class FakeCall:
    """
    A call in ``AGI(agi:async)``.

    :ivar commands: what it was asked to do, as words each.
    :ivar scripts: what replies to the commands that begin with these words.
    :ivar keys: what the caller will press in each ``GET DATA`` to come.
    :ivar variables: those of the channel.
    :ivar held: whether commands stay in the queue.
    """

    def __init__(self, fake: FakeAGI, channel: FakeChannel) -> None:
        self.fake = fake
        self.channel = channel
        self.commands: list[list[str]] = []
        self.scripts: dict[str, Script | str] = {}
        self.keys: list[str] = []
        self.variables: dict[str, str] = {}
        self.held = False
        self.queue: list[tuple[str, str]] = []
        self.ended = ""
        self._pipe = bytearray()

    def environment(self, **more: str) -> None:
        """Tell that the call is there."""
        names = {"request": "async", "channel": self.channel.name, "uniqueid": self.channel.uniqueid}
        names |= {"callerid": self.channel.caller, "extension": self.channel.exten, **more}
        self._pipe += encode("".join(f"agi_{name}: {value}\n" for name, value in names.items()) + "\n")
        self._emit("Start", [("Env", self._read())])

    def go_on(self, commands: int = 1000) -> None:
        """Carry out commands of the queue."""
        while self.queue and commands and not self.ended:
            commands -= 1
            text, command_id = self.queue.pop(0)
            words = split(text)
            self.commands.append(words)
            self._pipe += encode(self._reply(words))
            identity = [("CommandID" if self.fake.old else "CommandId", command_id)] if command_id else []
            self._emit("Exec", [*identity, ("Result", self._read())])
            if words[:2] == ["ASYNCAGI", "BREAK"]:
                self.end("break")
            elif words == ["HANGUP"]:
                self.hang_up()

    def release(self) -> None:
        """Carry out all commands, and those to come at once."""
        self.held = False
        self.go_on()

    def end(self, why: str) -> None:
        """Leave AsyncAGI."""
        if not self.ended:
            self.ended = why
            self._emit("End")

    def hang_up(self, request: bool = True) -> None:
        """Hang up."""
        if request and not self.fake.old:
            self.fake.server.emit("HangupRequest", self.channel.snapshot())
        self.end("hangup")
        self.fake.server.hang_up(self.channel)

    def _reply(self, words: list[str]) -> str:
        for name, script in self.scripts.items():
            if words[: len(name.split())] == name.split():
                return script if isinstance(script, str) else script(words)
        match words:
            case ["SET", "VARIABLE", name, value]:
                self.variables[name] = value
                return "200 result=1\n"
            case ["GET", "VARIABLE", name]:
                return f"200 result=1 ({self.variables[name]})\n" if name in self.variables else "200 result=0\n"
            case ["GET", "DATA", *_]:
                return f"200 result={self.keys.pop(0)}\n" if self.keys else "200 result= (timeout)\n"
            case ["STREAM", "FILE", *_]:
                return "200 result=0 endpos=8000\n"
        return "200 result=0\n"

    def _read(self) -> str:
        """Read what one read of Asterisk reads, and encode what its buffer holds."""
        chunk = bytes(self._pipe[:1024])
        del self._pipe[:1024]
        encoded = ""
        for byte in chunk:
            more = quote(bytes([byte]), safe="-_.!~*'()")
            if len(encoded) >= 2047 or (len(more) > 1 and len(encoded) >= 2045):
                break
            encoded += more
        return encoded

    def _emit(self, what: str, headers: list[tuple[str, str]] | None = None) -> None:
        if self.fake.old:
            start: list[tuple[str, object]] = [("SubEvent", what), ("Channel", self.channel.name)]
            self.fake.server.emit("AsyncAGI", [*start, *(headers or [])], "agi")
        else:
            self.fake.server.emit(f"AsyncAGI{what}", [*self.channel.snapshot(), *(headers or [])], "agi")


class FakeAGI:
    """
    What ``res_agi`` adds to a server.

    :param server: the server.
    :param old: whether it is Asterisk 11 or before.
    :ivar calls: the calls that came, oldest first.
    """

    def __init__(self, server: FakeAsterisk, old: bool = False) -> None:
        self.server = server
        self.old = old
        self.calls: list[FakeCall] = []
        self._numbers: Iterator[int] = count(1)
        server.answer("AGI", self._agi)

    def call(self, *keys: str, held: bool = False, **environment: str) -> FakeCall:
        """Let a call enter, whose caller will press these keys."""
        channel = self.server.add_channel(f"PJSIP/alice-{next(self._numbers):08x}", state="Up", caller="100")
        call = FakeCall(self, channel)
        call.keys += keys
        call.held = held
        self.calls.append(call)
        call.environment(**environment)
        return call

    def _agi(self, session: FakeSession, action: Message) -> None:
        call = next((each for each in self.calls if each.channel.name == action.get("Channel")), None)
        if call is None or call.channel.name not in self.server.channels:
            session.respond(action, "Error", {"Message": f"Channel {action.get('Channel')} does not exist."})
            return
        call.queue.append((decode(encode(action["Command"])), action.get("CommandID", "")))
        session.respond(action, "Success", {"Message": "Added AGI command to queue"})
        if not call.held:
            call.go_on()
