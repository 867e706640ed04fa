"""What the tests of the convenience methods share: a service in memory, and answers in Asterisk's words."""

from __future__ import annotations

from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.network import network
from txami import ActionError, AMIService

T = TypeVar("T")


class ActionCase(SynchronousTestCase):
    """Has a service that is connected to a FakeAsterisk."""

    def setUp(self) -> None:
        self.net = network()
        self.ami = AMIService(self.net.clock, self.net, "admin", "hush", ping_interval=None)
        self.ami.startService()
        self.net.accept()

    def answer(self, action: str, *messages: str, response: str = "Success") -> None:
        """Script a response with these headers; or, of several texts, a list of events."""
        first, *events = messages
        if events:
            first = f"EventList: start\n{first}"
        texts = [f"Response: {response}\nActionID: {{ActionID}}\n{first}".rstrip("\n")]
        texts += [f"Event: {event}".replace("\n", "\nActionID: {ActionID}\n", 1) for event in events]
        self.net.server.answer(action, "\n\n".join(text.strip("\n") for text in texts))

    def answer_list(self, action: str, *events: str) -> None:
        """Script a list; an event is its name and, below it, its headers."""
        self.answer(action, "Message: it follows", *events, f"{action}Complete\nEventList: Complete")

    def answer_error(self, action: str, message: str) -> None:
        """Script an error."""
        self.answer(action, f"Message: {message}", response="Error")

    def result(self, waiting: Deferred[T]) -> T:
        """Return what the server's answer makes of an action."""
        self.net.flush()
        return self.successResultOf(waiting)

    def refusal(self, waiting: Deferred[Any]) -> str:
        """Return what the server says against an action."""
        self.net.flush()
        error = self.failureResultOf(waiting, ActionError).value
        assert isinstance(error, ActionError)
        return error.response.message

    def sent(self, count: int = 1) -> list[list[tuple[str, str]]]:
        """Return the headers of the latest actions that arrived, without the ActionID."""
        actions = self.net.session.actions[-count:]
        return [[pair for pair in action.items() if pair[0] != "ActionID"] for action in actions]
