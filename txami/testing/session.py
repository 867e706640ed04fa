""":class:`FakeSession`: one client's connection to the fake."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from twisted.protocols.basic import LineReceiver

from ..message import Message, encode
from ..wire import MAX_LINE
from .faults import FaultyWire
from .users import User, classes
from .writing import Headers, pairs, render

if TYPE_CHECKING:
    from .fake import FakeAsterisk

Answer = Callable[["FakeSession", Message], None]

#: Actions that need no login (``main/manager.c: process_message``).
_OPEN: Final = frozenset({"login", "logoff", "challenge"})


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
        self._user = User("")
        self._mask: frozenset[str] | None = frozenset()
        self._challenge = ""
        self._lines: list[bytes] = []
        self._too_long = False
        self._wire: FaultyWire | None = None

    def makeConnection(self, transport: Any) -> None:
        """Take the transport, behind which things may go wrong."""
        self._wire = FaultyWire(self.server, transport)
        super().makeConnection(transport)

    def connectionMade(self) -> None:
        """Greet."""
        self.server.sessions.append(self)
        if self.server.banner is not None:
            self.sendLine(encode(self.server.banner))

    def connectionLost(self, reason: object = None) -> None:
        """Forget the session."""
        self.server.sessions.remove(self)
        if self._wire is not None:
            self._wire.stop()

    def dataReceived(self, data: bytes) -> None:
        """Take data, unless the server has disappeared."""
        if not self.server.faults.half_open:
            super().dataReceived(data)

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
            self.server.note(action)
            if not self.server.faults.silences(action.get("Action", "")):
                self._handle(action)

    def _handle(self, action: Message) -> None:
        name = action.get("Action", "").lower()
        if not name:
            self.respond(action, "Error", {"Message": "Missing action in request"})
        elif not self.username and name not in _OPEN:
            first = self.server.manners.is_first
            self.respond(action, "Error", {"Message": "Authentication Required" if first else "Permission denied"})
        elif self.server.script.takes(self, action):
            pass
        elif name not in self.server.answers:
            text = f"Invalid/unknown command: {action['Action']}. Use Action: ListCommands to show available commands."
            self.respond(action, "Error", {"Message": text})
        elif not self.may_send(name):
            self.respond(action, "Error", {"Message": "Permission denied"})
        else:
            self.server.answers[name](self, action)

    def may_send(self, action: str) -> bool:
        """Tell whether who has logged in may send an action."""
        return self._user.may_send(action)

    # -- writing ---------------------------------------------------------------------------------------

    def sendLine(self, line: bytes) -> None:
        """Send a line of its own: the greeting."""
        self.write(line + b"\r\n")

    def write(self, data: bytes) -> None:
        """Send messages, or bytes of any kind, as they are."""
        if self._wire is not None:
            self._wire.write(data)

    def respond(self, action: Message, response: str, headers: Headers = ()) -> None:
        """Send a response, with the ActionID on its second line, as Asterisk does."""
        self.write(render([("Response", response), *self._action_id(action), *pairs(headers)]))

    def respond_with_list(
        self, action: Message, item: str, items: Iterable[Headers], completion: str, message: str = ""
    ) -> None:
        """
        Send a whole list: the response, an event for each item, and the event that ends it.

        :param action: what is answered.
        :param item: the name of the events.
        :param items: the headers of each.
        :param completion: the name of the event that ends it.
        :param message: of the response.
        """
        is_marked = self.server.manners.marks_list(action.get("Action", ""))
        mine = self._action_id(action)
        rendered = [render([("Event", item), *mine, *pairs(headers)]) for headers in items]
        start = [("EventList", "start")] if is_marked else []
        end = [("EventList", "Complete"), ("ListItems", len(rendered))] if is_marked else []
        text = ("Message", message or f"{item} list will follow")
        self.write(
            render([("Response", "Success"), *mine, *start, text])
            + b"".join(rendered)
            + render([("Event", completion), *mine, *end])
        )

    def send_event(self, data: bytes, privilege: str) -> None:
        """Send an event if this session gets events of all its classes."""
        wanted = frozenset(privilege.split(","))
        if self.username and (self._mask is None or self._mask >= wanted) and self._user.may_read(wanted):
            self.write(data)

    def close(self) -> None:
        """Close the connection, when all that was written has left."""
        if self._wire is not None:
            self._wire.close()

    def _set_mask(self, mask: str) -> None:
        self._mask = None if mask.lower() in ("", "on") else classes(mask)

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
        user = self.server.users.get(username)
        user = User(user) if isinstance(user, str) else user
        refusal = self.server.faults.refusal
        if refusal is not None or user is None or not self._is_proven(action, user.secret):
            self.respond(action, "Error", {"Message": refusal or "Authentication failed"})
            self.close()
            return
        self.username = username
        self._user = user
        self._set_mask(action.get("Events", ""))
        self.respond(action, "Success", {"Message": "Authentication accepted"})
        if not self.server.manners.is_first:
            self.send_event(render(self._fully_booted()), "system")

    def _fully_booted(self) -> Headers:
        reloaded = [("LastReload", 60)] if self.server.manners.has_last_reload else []
        booted = [("Event", "FullyBooted"), ("Privilege", "system,all"), ("Uptime", 60)]
        return [*booted, *reloaded, ("Status", "Fully Booted")]

    def _is_proven(self, action: Message, secret: str) -> bool:
        if action.get("AuthType", "").lower() == "md5":
            digest = hashlib.md5(encode(self._challenge + secret), usedforsecurity=False).hexdigest()
            return bool(self._challenge) and action.get("Key") == digest
        return action.get("Secret") == secret

    def logoff(self, action: Message) -> None:
        """Answer ``Logoff`` and close."""
        if self.server.manners.is_first:
            self.respond(action, "Success", {"Message": "See ya"})
        else:
            self.respond(action, "Goodbye", {"Message": "Thanks for all the fish."})
        self.close()

    def events(self, action: Message) -> None:
        """Answer ``Events``."""
        mask = action.get("EventMask", "")
        if not mask:
            self.respond(action, "Error", {"Message": "Invalid event mask"})
            return
        self._set_mask(mask)
        state = "Off" if mask.lower() == "off" else "On"
        if self.server.manners.is_first:
            self.respond(action, f"Events {state}")
        else:
            self.respond(action, "Success", {"Events": state})
