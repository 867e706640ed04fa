""":class:`Script`: a conversation that a test expects, line by line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from ..message import Message
from .writing import Headers, from_script, pairs

if TYPE_CHECKING:
    from .session import FakeSession

#: What an expected header may be compared with: a value, which is written as clients write it; several, for a
#: header that repeats; ``None`` if it must not be there; or a function of its text.
Expected = str | int | bool | Iterable[str] | Callable[[str], bool] | None

#: What clients say by themselves; it is no part of a script that does not name it.
_BY_ITSELF: Final = frozenset({"login", "challenge", "logoff", "ping", "events"})


class Step:
    """
    An action that is expected, and what is said then.

    Its methods return it, so that they can be written one after the other.

    :param name: of the action.
    :param headers: what it must have; more does no harm.
    """

    def __init__(self, name: str, headers: dict[str, Expected]) -> None:
        self.name = name
        self._headers = headers
        self._wait = 0.0
        self._says: list[tuple[float, Callable[[FakeSession, Message], None]]] = []

    def respond(self, response: str = "Success", headers: Headers = (), **more: object) -> Step:
        """
        Let the server send a response, with the ActionID.

        :param response: ``"Success"`` or ``"Error"``.
        :param headers: of the response.
        :param more: more of them, such as ``Message="Paused"``.
        """
        written = [*pairs(headers), *more.items()]
        return self._add(lambda session, action: session.respond(action, response, written))

    def respond_with_list(self, item: str, items: Iterable[Headers], completion: str, message: str = "") -> Step:
        """Let the server send a whole list, see :meth:`FakeSession.respond_with_list`."""
        written = list(items)
        return self._add(lambda session, action: session.respond_with_list(action, item, written, completion, message))

    def event(self, name: str, headers: Headers = (), privilege: str = "call", **more: object) -> Step:
        """
        Let the server send an event to every session that gets such events.

        :param name: of the event.
        :param headers: of the event.
        :param privilege: its classes.
        :param more: more headers.
        """
        written = [*pairs(headers), *more.items()]
        return self._add(lambda session, action: session.server.emit(name, written, privilege))

    def say(self, text: str | bytes) -> Step:
        """Let the server send text or bytes, see :meth:`FakeAsterisk.answer`."""
        return self._add(lambda session, action: session.write(from_script(text, action.get("ActionID", ""))))

    def hang_up(self) -> Step:
        """Let the server close the connection."""
        return self._add(lambda session, action: session.close())

    def after(self, seconds: float) -> Step:
        """Let so much time pass before what comes next."""
        self._wait += seconds
        return self

    def _add(self, what: Callable[[FakeSession, Message], None]) -> Step:
        self._says.append((self._wait, what))
        return self

    def play(self, session: FakeSession, action: Message) -> None:
        """Say it all."""
        for seconds, what in self._says:
            if seconds:
                session.server.later(seconds, lambda what=what: what(session, action))
            else:
                what(session, action)

    def deviations(self, action: Message) -> list[str]:
        """Return the headers in which an action is not what was expected, as they came."""
        return [
            f"{name}: {', '.join(action.get_all(name)) if name in action else '(none)'}"
            for name, expected in self._headers.items()
            if not _is_like(expected, action.get_all(name))
        ]

    def __str__(self) -> str:
        headers = [f"{name}: {_shown(expected)}" for name, expected in self._headers.items()]
        return f"{self.name} ({', '.join(headers)})" if headers else self.name


class Script:
    """
    The conversation that is expected.

    While there is one, an action that is not its next is answered with an error that says so, and
    :meth:`check` fails.
    """

    def __init__(self) -> None:
        self._steps: deque[Step] = deque()
        self._began = False
        self._deviations: list[str] = []

    def add(self, name: str, headers: dict[str, Expected]) -> Step:
        """Expect an action behind all others."""
        step = Step(name, headers)
        self._steps.append(step)
        self._began = True
        return step

    def takes(self, session: FakeSession, action: Message) -> bool:
        """Play the step that an action asks for; tell whether the script is about this action at all."""
        name = action["Action"]
        step = self._steps[0] if self._steps else None
        is_next = step is not None and step.name.lower() == name.lower()
        if not self._began or (name.lower() in _BY_ITSELF and not is_next):
            return False
        if step is None:
            self._deviate(session, action, f"nothing more was expected, {name} came")
        elif not is_next:
            self._deviate(session, action, f"{step} was expected, {name} came")
        elif differing := step.deviations(action):
            self._deviate(session, action, f"{step} was expected, {name} came with {', '.join(differing)}")
        else:
            self._steps.popleft()
            step.play(session, action)
        return True

    def check(self) -> None:
        """
        Check that all was said, and nothing else.

        :raises AssertionError: names what was expected, and what came.
        """
        left = [f"{step} was expected, and did not come" for step in self._steps]
        wrong, self._deviations = self._deviations + left, []
        self._steps.clear()
        self._began = False
        if wrong:
            raise AssertionError("the client did not keep to the script: " + "; ".join(wrong))

    def _deviate(self, session: FakeSession, action: Message, text: str) -> None:
        self._deviations.append(text)
        session.respond(action, "Error", {"Message": f"FakeAsterisk: {text}"})


def _is_like(expected: Expected, came: list[str]) -> bool:
    if expected is None:
        return not came
    if callable(expected):
        return bool(came) and expected(came[0])
    if isinstance(expected, (str, int)):
        return came[:1] == [_shown(expected)]
    return came == list(expected)


def _shown(expected: Expected) -> str:
    if isinstance(expected, bool):
        return "true" if expected else "false"
    if isinstance(expected, (str, int)):
        return str(expected)
    if expected is None:
        return "(none)"
    if callable(expected):
        return f"({getattr(expected, '__name__', 'as a function says')})"
    return ", ".join(expected)
