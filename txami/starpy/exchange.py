"""
Dictionaries out, dictionaries in: :class:`Exchange`, what ``AMIProtocol`` does whatever the action.

A message that came is a ``dict`` of text with lower-case keys.  Of a header that is repeated the last line counts,
as StarPy's programs are used to; ``ami.service`` has the others.  Bytes that are no UTF-8 become lone surrogates,
and are the same bytes again when they are sent.
"""

from __future__ import annotations

import functools
import logging
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from .. import message as wire
from ..actions import DEFAULT_TIMEOUT
from ..errors import ConnectionLost, InvalidAction
from ..replies import BLOCKING, refuse_unframed
from ..subscription import Subscription
from ..wire import HeaderValue, encode_action
from .error import AMICommandFailure

if TYPE_CHECKING:
    from .connection import Connection

T = TypeVar("T")

#: A message that came.
Message = dict[str, Any]
#: An action to be sent: names and values, where a list of pairs may repeat a name.
Action = Mapping[str, object] | Sequence[Sequence[Any]]
#: What is called with the protocol and an event.
Handler = Callable[[Any, Message], object]

log = logging.getLogger("AMI")

#: Actions whose reply may take as long as it likes: what they do takes that long.
_PATIENT = BLOCKING | {"waitevent"}

#: How many ActionIDs of the past are known by the names that the program gave to them.
_REMEMBERED = 1000


class deferredErrorResp(Deferred[T]):
    """What :meth:`Exchange.sendDeferred` returns: a Deferred that may have a say in errors of Asterisk's."""

    def registerError(self, function: Callable[[T], object]) -> None:
        """Call the function with the answer, too, if it is ``Response: Error``."""

        def look(answer: T) -> T:
            if isinstance(answer, dict) and answer.get("response") == "Error":
                function(answer)
            return answer

        self.addCallback(look)


class Exchange:
    """
    Sends actions and hands out events.

    :ivar service: the :class:`txami.AMIService` below, through which all of txami can be used on this connection.
    :ivar eventTypeCallbacks: the functions registered for each name, and for ``None``.
    :ivar amiVersion: the version in the server's greeting, such as ``"11.0.0"``; ``None`` before the first.
    :ivar hostName: the name of this machine, a part of the ActionIDs.
    :ivar count: how many ActionIDs were made.
    :ivar actionIDCallbacks: empty: nobody is forgotten when the connection is lost.  It is there for classes that
        replace ``connectionLost()`` and call whom they find in it.
    :ivar renewing: whether the first that is registered takes the place of all from before the login.
    """

    service: Connection
    amiVersion: str | None = None
    count = 0

    def __init__(self, *arguments: object, **named: object) -> None:
        self.hostName = socket.gethostname()
        self._handlers: dict[str | None, list[tuple[Handler, Subscription]]] = {}
        self._names: dict[str, str] = {}
        self.actionIDCallbacks: dict[str, Callable[[Any], object]] = {}
        self.renewing = False

    # -- events ----------------------------------------------------------------------------------------

    @property
    def eventTypeCallbacks(self) -> dict[str | None, list[Handler]]:
        """The functions registered for each name."""
        return {name: [function for function, _ in handlers] for name, handlers in self._handlers.items()}

    def registerEvent(self, event: str | Iterable[str | None] | None, function: Handler) -> None:
        """
        Call a function with this object and every event of a name.

        It stays registered through every reconnect.  Its failure is logged; other functions are called all the same.

        :param event: a name, a sequence of names, or ``None`` for all events.
        :param function: called with ``(ami, event)``; may be an ``async def``.
        """

        @functools.wraps(function)
        def observer(event: wire.Event) -> object:
            try:
                return function(self, self._as_dict(event))
            except Exception:
                log.exception("the handler %r failed on an event %s", function, event.name)
                return None

        if self.renewing:
            self.forget()
        for name in _names(event):
            handler = function, self.service.on(name, observer)
            self._handlers.setdefault(name, []).append(handler)

    def deregisterEvent(self, event: str | Iterable[str | None] | None, function: Handler | None = None) -> bool:
        """
        Undo :meth:`registerEvent`.

        :param event: see there.
        :param function: the function, or ``None`` for all that are registered for these names.
        :return: whether something was registered for each of the names.
        """
        success = True
        for name in _names(event):
            if name not in self._handlers:
                success = False
                continue
            kept = []
            for handler in self._handlers.pop(name):
                if function is None or handler[0] == function:
                    handler[1].cancel()
                else:
                    kept.append(handler)
            if kept:
                self._handlers[name] = kept
        return success

    def forget(self) -> None:
        """Undo every :meth:`registerEvent`."""
        self.renewing = False
        self.deregisterEvent(list(self._handlers))

    def _publish(self, event: wire.Event) -> None:
        """Hand an item of a list to the handlers, from whom StarPy does not keep it, unlike txami."""
        for name in (event.name, None):
            handlers = self._handlers.get(name, ())
            self.service.registry.deliver(tuple(subscription for _, subscription in handlers), event, perf_counter())

    # -- actions ---------------------------------------------------------------------------------------

    def generateActionId(self) -> str:
        """Return an ActionID that this object has not used before."""
        self.count += 1
        return f"{self.hostName}-{id(self)}-{self.count}"

    def sendMessage(self, message: Action, responseCallback: Callable[[Any], object] | None = None) -> str:
        """
        Send an action.

        While there is no connection it waits for one, as long as any action of txami does.  One that may have
        reached Asterisk is never sent twice.

        :param message: a mapping or pairs; its names are sent in lower case.
        :param responseCallback: called with every message of the reply, or with the exception that ended the wait
            for it.
        :return: the ActionID, under which the reply and later events come; ``message`` may name it.  (On the wire
            it is another: txami's are unique among all clients.)
        :raises InvalidAction: if the action cannot be sent safely; nothing is sent.
        """
        action_id, _ = self._send(message, responseCallback)
        return action_id

    def sendDeferred(self, message: Action) -> deferredErrorResp[Any]:
        """
        Send an action, see :meth:`sendMessage`.

        :return: fires with the response, a dictionary, be it ``Success`` or ``Error``; see :meth:`errorUnlessResponse`.
            Fails with an :class:`~txami.AMIError` if there is none: :class:`~txami.ConnectionLost`,
            :class:`~txami.ActionTimeout`, :class:`~txami.NotConnected`, :class:`~txami.InvalidAction`.
        """
        answer: deferredErrorResp[Any] = deferredErrorResp()

        def received(message: Message | Exception) -> None:
            if answer.called:
                return
            if isinstance(message, Exception):
                answer.errback(message)
            else:
                answer.callback(message)

        self._send_for(answer, message, received)
        return answer

    def collectDeferred(self, message: Action, stopEvent: str) -> Deferred[list[Message]]:
        """
        Send an action whose reply is a list, see :meth:`sendMessage`.

        :param stopEvent: the event that ends it.  It may be one that comes by itself, like ``OriginateResponse``.
        :return: fires with the response, the items and ``stopEvent``, in this order.  Fails with
            :class:`~txami.starpy.error.AMICommandFailure` on ``Response: Error``, and like :meth:`sendDeferred`.
        """
        collected: Deferred[list[Message]] = Deferred()
        messages: list[Message] = []
        at_the_end: list[Callable[[], object]] = []
        collected.addBoth(_after, at_the_end)

        def received(message: Message | Exception) -> None:
            if collected.called:
                return
            if isinstance(message, Exception):
                collected.errback(message)
            elif message.get("response") == "Error":
                collected.errback(AMICommandFailure(message))
            else:
                messages.append(message)
                if message.get("event") == stopEvent:
                    collected.callback(messages)

        def replied(response: wire.Response | None) -> None:
            if response is None or collected.called:
                return
            if response.completion is not None:
                collected.callback(messages)  # its end has another name here
                return
            mine = {"ActionID": response.action_id}
            waiting = self.service.on(stopEvent, lambda event: received(self._as_dict(event)), where=mine)
            lost = self.service.when_disconnected()
            lost.addCallbacks(lambda reason: received(ConnectionLost(stopEvent, True, reason)), lambda _: None)
            at_the_end.extend((waiting.cancel, lost.cancel))

        replying = self._send_for(collected, message, received)
        if replying is not None:
            replying.addCallback(replied)
        return collected

    def cleanup(self, result: T, actionid: str) -> T:
        """Return the result: there is nothing to be cleaned up.  For classes with a ``collectDeferred()`` of theirs."""
        return result

    def errorUnlessResponse(self, message: Any, expected: str = "Success") -> Any:
        """
        Pass on a response that is as expected.

        :param expected: what ``message["response"]`` must be.  ``"Follows"`` also stands for the ``Success`` that
            a CLI command is answered with since Asterisk 14.
        :raises AMICommandFailure: if it is something else.
        """
        if isinstance(message, dict):
            response = message.get("response")
            if response != expected and not (expected == "Follows" and response == "Success" and " " in message):
                raise AMICommandFailure(message)
        return message

    def _send_for(
        self, result: Deferred[Any], message: Action, received: Callable[[Any], object]
    ) -> Deferred[wire.Response | None] | None:
        """Send an action on behalf of a Deferred, which fails if that cannot be."""
        try:
            return self._send(message, received)[1]
        except InvalidAction:
            result.errback(Failure())
            return None

    def _send(
        self, message: Action, received: Callable[[Any], object] | None
    ) -> tuple[str, Deferred[wire.Response | None]]:
        """Send an action; the Deferred fires when everything that belongs to the reply has been handed out."""
        pairs = list(message.items() if isinstance(message, Mapping) else message)
        fields = [(str(name).lower(), _value(value)) for name, value in pairs]
        name = next((str(value) for header, value in fields if header == "action"), "")
        named = next((str(value) for header, value in fields if header == "actionid"), None)
        action_id = named or self.generateActionId()
        fields = [pair for pair in fields if pair[0] not in ("action", "actionid")]
        refuse_unframed(name)
        encode_action(name, "", fields)
        timeout = None if name.lower() in _PATIENT else DEFAULT_TIMEOUT

        def replied(response: wire.Response) -> wire.Response:
            self._names[response.action_id] = action_id
            if len(self._names) > _REMEMBERED:
                del self._names[next(iter(self._names))]
            completion = [] if response.completion is None else [response.completion]
            for part in (response, *response.events, *completion):
                hand_over(self._as_dict(part, name))
                if isinstance(part, wire.Event):
                    self._publish(part)
            return response

        def hand_over(message: Message | BaseException | None) -> None:
            try:
                if received is not None:
                    received(message)
            except Exception:
                log.exception("the callback for %s failed", name)

        def failed(failure: Failure) -> None:
            if received is None:
                log.warning("%s", failure.value)
            hand_over(failure.value)

        reply = self.service.link().addCallback(lambda link: link.action(name, fields, timeout=timeout, check=False))
        return action_id, reply.addCallbacks(replied, failed)

    def _as_dict(self, message: wire.Message, action: str = "") -> Message:
        """Return a message as a program of StarPy's knows it."""
        found: Message = {name.lower().strip(): value.strip() for name, value in message.items() if name}
        if "actionid" in found:
            found["actionid"] = self._names.get(found["actionid"], found["actionid"])
        if action.lower() == "command" and isinstance(message, wire.Response):
            found[" "] = [line for line in message.output if line]
        return found


def _names(event: str | Iterable[str | None] | None) -> list[str | None]:
    return [event] if event is None or isinstance(event, str) else list(event)


def _value(value: object) -> HeaderValue:
    """Return what is sent for a value: text, whatever it is."""
    return value if isinstance(value, bytes) else str(value)


def _after(result: T, steps: list[Callable[[], object]]) -> T:
    """Take these steps whatever the result is."""
    for step in steps:
        step()
    return result
