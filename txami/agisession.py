""":class:`AGISession`: one call in AsyncAGI."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from itertools import count
from typing import Final

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from .agi import AGIResult, Replies, Reply, parse_environment
from .agicommands import AGICommands
from .errors import ActionError, ActionTimeout, AGIError, AGIHangup, AGITruncated, AMIError, ConnectionLost
from .message import Event
from .protocol import AMIProtocol
from .waiters import OneShot

#: Seconds in which an event tells whether it was a hang-up that made a command fail.
_GRACE: Final = 0.5

_HUNG_UP = "the call hung up"
_RELEASED = "the call was given back to the dialplan"
_LEFT = "the call left AsyncAGI (it hung up, was redirected, or a command failed)"


class _Command:
    """
    A command that was sent.

    :ivar answered: whether its result came, whole or not.
    """

    def __init__(self, name: str = "", command_id: str = "") -> None:
        self.name = name
        self.command_id = command_id
        self.answered = False
        # Cancelling it gives up the result only: Asterisk carries the command out.
        self.deferred: Deferred[Reply[_Command]] = Deferred(lambda _: None)

    def succeed(self, reply: Reply[_Command]) -> None:
        """Deliver the reply, unless the command was given up before."""
        if not self.deferred.called:
            self.deferred.callback(reply)

    def fail(self, error: Exception) -> None:
        """Fail, unless the command was given up before."""
        if not self.deferred.called:
            self.deferred.errback(error)


class AGISession(AGICommands):
    """
    One call in AsyncAGI.

    Asterisk queues its commands and runs them one by one, so several may be sent at once.

    :param link: the connection that told of the call.
    :param event: the event that did.
    :ivar event: ``AsyncAGIStart``, up to Asterisk 11 ``AsyncAGI``.
    :ivar channel: the name of the call's channel.
    :ivar uniqueid: its Uniqueid.
    :ivar hung_up: whether events, of class ``call``, have said that the call hangs up.
    :ivar environment: what the call enters with: ``agi_callerid``, ``agi_extension``, ``agi_arg_1`` and so on.
    """

    def __init__(self, link: AMIProtocol, event: Event) -> None:
        self.event = event
        self.channel = event.get("Channel", "")
        self.uniqueid = event.get("Uniqueid", "")
        self.environment: Mapping[str, str] = {}
        self.hung_up = False
        self._link = link
        self._leaving = ""
        # Why nothing can be sent any more.
        self._why_over: Callable[[str, bool], AMIError] | None = None
        self._ended: OneShot[AMIError] = OneShot()
        self._prefix = os.urandom(8).hex()
        self._serial = count(1)
        self._commands: dict[str, _Command] = {}
        self._replies: Replies[_Command] = Replies()
        self._lost = link.when_disconnected()
        self._lost.addCallbacks(self._connection_lost, lambda _: None)

    def __repr__(self) -> str:
        return f"<AGISession of {self.channel}{'' if self.active else ', over'}>"

    @property
    def active(self) -> bool:
        """Whether the call is still in AsyncAGI, as far as is known."""
        return self._why_over is None

    def when_ended(self) -> Deferred[AMIError]:
        """
        Wait for the call to leave AsyncAGI.

        :return: a new Deferred, which fires with the reason, :class:`~txami.AGIHangup` or
            :class:`~txami.ConnectionLost`; it never fails.
        """
        return self._ended.wait()

    # -- commands --------------------------------------------------------------------------------------

    def break_(self) -> Deferred[None]:
        """
        Give the call back to the dialplan, which goes on behind ``AGI(agi:async)``, once the commands that were
        sent before are done.

        :return: fires when the call has left, also if it hangs up meanwhile.
        """
        return Deferred.fromCoroutine(self._leave("ASYNCAGI BREAK", _RELEASED))

    def hangup(self) -> Deferred[None]:
        """
        Hang up, once the commands that were sent before are done.

        For a hang-up at once there is the action of that name, which needs the write class ``call``.

        :return: fires when the call has left.
        """
        return Deferred.fromCoroutine(self._leave("HANGUP", _HUNG_UP))

    async def _leave(self, command: str, reason: str) -> None:
        if self.active and not self._leaving:
            sent = self._send(command, command, None)
            # What is queued behind stays there, and would run if the call came to AsyncAGI again.
            self._leaving = reason
            try:
                await sent
            except (AGIHangup, AGITruncated):
                pass  # the call leaves nevertheless
            except AMIError:
                if self.active:
                    self._leaving = ""
                    raise
        await self.when_ended()

    def _send(self, name: str, text: str, timeout: float | None) -> Deferred[AGIResult]:
        if self._leaving:
            return fail(AGIHangup(name, False, self._leaving))
        if self._why_over is not None:
            return fail(self._why_over(name, False))
        command = self._new_command(name)
        queued = self._link.action("AGI", Channel=self.channel, Command=text, CommandID=command.command_id)
        self._commands[command.command_id] = command
        queued.addErrback(self._not_queued, command)
        result = command.deferred.addCallback(self._read)
        if timeout is not None:
            clock = self._link.registry.clock
            result.addTimeout(timeout, clock, lambda *_: _raise_timeout(name, timeout))
        return result

    def _new_command(self, name: str) -> _Command:
        return _Command(name, f"{self._prefix}-{next(self._serial)}")

    def _not_queued(self, failure: Failure, command: _Command) -> None:
        self._commands.pop(command.command_id, None)
        error = failure.value if isinstance(failure.value, Exception) else Exception(str(failure.value))
        if isinstance(error, ActionError) and _is_gone(error.response.message):
            # The events that say so are on their way, or hidden.
            command.fail(AGIHangup(command.name, False, self._reason()))
            self.end()
        else:
            command.fail(error)

    def _read(self, reply: Reply[_Command]) -> AGIResult:
        """Return the result of a command, or raise what it means."""
        name, result = reply.key.name, AGIResult.parse(reply.text)
        if not reply.whole:
            raise AGITruncated(name, result)
        if self.hung_up and (result.result == "-1" or result.code == 0):
            raise AGIHangup(name, True, _HUNG_UP)
        if result.code != 200:
            raise AGIError(name, result)
        return result

    def _failed(self, command: str, result: AGIResult) -> Deferred[AGIResult]:
        error = AGIError(command, result)
        if result.result != "-1":
            return fail(error)
        # A hang-up or a missing sound file?  The variable that Asterisk sets as the call leaves tells.
        told = self._link.registry.wait_for(("HangupRequest", "VarSet"), self._tells_of_the_end, _GRACE)
        return told.addCallbacks(
            lambda event: fail(error if event.get("Value") == "FAILURE" else AGIHangup(command, True, _HUNG_UP)),
            lambda _: fail(error),
        )

    def _tells_of_the_end(self, event: Event) -> bool:
        is_mine = event.get("Uniqueid") == self.uniqueid or event.get("Channel") == self.channel
        return is_mine and (event.name == "HangupRequest" or event.get("Variable") == "AGISTATUS")

    # -- what the events say ---------------------------------------------------------------------------

    def begin(self, encoded: str) -> Deferred[AGISession]:
        """
        Take the environment.

        :param encoded: the header ``Env``.
        :return: fires with this session when it can be handed out.  If the environment was cut, its rest will come
            with the result of a command.
        """
        start = self._new_command("AGI")
        self._commands[start.command_id] = start
        begun = start.deferred.addCallback(self._take_environment)
        self._take(start, encoded)
        return begun

    def _take_environment(self, reply: Reply[_Command]) -> AGISession:
        self.environment = parse_environment(reply.text)
        self.uniqueid = self.uniqueid or self.environment.get("agi_uniqueid", "")
        return self

    def executed(self, event: Event) -> None:
        """Take the result of a command, be it ours or that of somebody else who drives the call."""
        command = self._commands.get(event.get("CommandID", ""))
        self._take(command or _Command(), event.get("Result", ""))

    def _take(self, command: _Command, encoded: str) -> None:
        command.answered = True
        for reply in self._replies.feed(command, encoded):
            self._commands.pop(reply.key.command_id, None)
            reply.key.succeed(reply)
        if self._replies.incomplete and all(each.answered for each in self._commands.values()):
            # Only the next reply brings the rest.
            self._send("NOOP", "NOOP", None).addErrback(lambda _: None)

    def end(self) -> None:
        """Take note that the call has left AsyncAGI."""
        reason = self._reason()
        self._end(lambda command, sent: AGIHangup(command, sent, reason))

    def _reason(self) -> str:
        return _HUNG_UP if self.hung_up else self._leaving or _LEFT

    def _connection_lost(self, reason: Exception) -> None:
        self._end(lambda command, sent: ConnectionLost(command, sent, reason))

    def _end(self, why: Callable[[str | None, bool], AMIError]) -> None:
        if self._why_over is not None:
            return
        self._why_over = why
        self._leaving = ""
        self._lost.cancel()
        commands, self._commands = self._commands, {}
        for command in commands.values():
            command.fail(why(command.name, True))
        self._ended.succeed(why(None, True))


def _is_gone(message: str) -> bool:
    """Tell whether the action AGI was refused because there is no such call in AsyncAGI (any more)."""
    return message.startswith(("Channel ", "Failed to add AGI command"))


def _raise_timeout(name: str, timeout: float) -> AGIResult:
    raise ActionTimeout(name, timeout)
