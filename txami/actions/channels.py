"""Looking at channels, and acting on one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Literal

from twisted.internet.defer import Deferred

from ..errors import InvalidAction
from ..escapes import unescape
from ..message import Event, Response
from ..records import record
from .base import DEFAULT_TIMEOUT, ActionBase
from .reading import done, duration, exact, items, known, milliseconds, number, unless

Direction = Literal["in", "out", "all"]

_DIGITS = frozenset("0123456789*#ABCDabcd")


@record(frozen=True)
class Channel:
    """
    A channel, at one moment.

    A ``repr`` does not show the variables, for a value may be a secret.

    :ivar name: such as ``"PJSIP/alice-00000001"``.
    :ivar uniqueid: the channel's.
    :ivar linkedid: that of the call it belongs to.
    :ivar state: ``"Down"``, ``"Ring"``, ``"Ringing"``, ``"Up"``, ``"Busy"`` and so on.
    :ivar caller_id_number: ``""`` if it is not known, as with the next three.
    :ivar caller_id_name: without the escapes of :func:`txami.unescape`.
    :ivar connected_line_number: whom the channel talks to.
    :ivar connected_line_name: likewise.
    :ivar context: where it is in the dialplan, with ``exten`` and ``priority``.
    :ivar application: what it runs, with ``data``; ``""`` where Asterisk does not say.
    :ivar duration: its age in seconds, ``None`` where Asterisk does not say.
    :ivar bridge_id: the bridge it is in, ``""`` for none.
    :ivar variables: those of ``channelvars`` in manager.conf, and those that were asked for.
    :ivar event: where all this is from.
    """

    name: str
    uniqueid: str
    linkedid: str
    state: str
    caller_id_number: str
    caller_id_name: str
    connected_line_number: str
    connected_line_name: str
    account_code: str
    context: str
    exten: str
    priority: int
    application: str
    data: str
    duration: int | None
    bridge_id: str
    variables: Mapping[str, str] = field(repr=False)
    event: Event = field(repr=False, compare=False)

    @classmethod
    def from_event(cls, event: Event, prefix: str = "", bridge_id: str = "") -> Channel:
        """
        Read a channel out of an event.

        :param event: any that tells of a channel.
        :param prefix: what the headers begin with, such as ``"Parkee"`` or ``"Dest"``.
        :param bridge_id: the bridge, if it is known from elsewhere.
        """
        return cls(
            name=event.get(prefix + "Channel", ""),
            uniqueid=event.get(prefix + "Uniqueid", ""),
            linkedid=event.get(prefix + "Linkedid", ""),
            state=event.get(prefix + "ChannelStateDesc", ""),
            caller_id_number=known(event, prefix + "CallerIDNum"),
            caller_id_name=unescape(known(event, prefix + "CallerIDName")),
            connected_line_number=known(event, prefix + "ConnectedLineNum"),
            connected_line_name=unescape(known(event, prefix + "ConnectedLineName")),
            account_code=event.get(prefix + "AccountCode", ""),
            context=event.get(prefix + "Context", ""),
            exten=event.get(prefix + "Exten", ""),
            priority=number(event, prefix + "Priority"),
            application=event.get("Application", ""),
            data=event.get("ApplicationData", event.get("Data", "")),
            duration=duration(event, "Duration", "Seconds"),
            bridge_id=bridge_id or event.get("BridgeId", ""),
            variables=_variables(event, prefix),
            event=event,
        )


def _variables(event: Event, prefix: str) -> dict[str, str]:
    """Return the variables of a snapshot, which are escaped, and those that Status was asked for, which are not."""
    snapshot = event.variables_of(prefix) if prefix else event.variables
    found = {name: unescape(value) for name, value in snapshot.items()}
    for line in event.get_all("Variable"):
        name, _, value = line.partition("=")
        # main/manager.c: generate_status prints a null pointer for a variable that is not set.
        if value != "(null)":
            found[name] = value
    return found


class ChannelActions(ActionBase):
    """
    Looking at channels, and acting on one of them.

    A channel is named by its name or by its Uniqueid.  Where there is no such channel the methods fail with
    :class:`~txami.ActionError`, unless they say otherwise.
    """

    def channels(self, *, timeout: float | None = DEFAULT_TIMEOUT) -> Deferred[dict[str, Channel]]:
        """
        Look at all channels.

        :param timeout: seconds for the whole list.
        :return: fires with a :class:`~txami.actions.Channel` for each name.
        """
        return self.action("CoreShowChannels", timeout=timeout).addCallback(_channels)

    def channel(self, channel: str, variables: Iterable[str] = ()) -> Deferred[Channel | None]:
        """
        Look at one channel.

        :param channel: its name or its Uniqueid.
        :param variables: names of channel variables and functions to look at, such as ``"CALLERID(all)"``;
            those that are not set are left out.
        :return: fires with a :class:`~txami.actions.Channel`, ``None`` if there is no such channel.
        """
        asked = self.action("Status", Channel=channel, Variables=",".join(variables) or None)
        return unless(asked, "No such channel").addCallback(
            lambda response: next(iter(_channels(response).values()), None)
        )

    def hangup(self, channel: str, cause: int | None = None) -> Deferred[int]:
        """
        End a channel, or several.

        :param channel: its name, its Uniqueid, or ``"/regex/"`` for all whose names match.
        :param cause: the cause of ISDN (Q.850), such as 17 for busy; by default normal clearing.
        :return: fires with how many there were, which may be none only for a regular expression.
        """
        ended = self.action("Hangup", Channel=channel, Cause=cause)
        return ended.addCallback(lambda response: 1 if response.completion is None else len(response.events))

    def get_variable(self, name: str, channel: str | None = None) -> Deferred[str]:
        """
        Read a variable or a function.

        :param name: such as ``"CALLERID(num)"``.
        :param channel: whose; a global variable if there is none.
        :return: fires with its value, ``""`` if it is not set: Asterisk makes no difference.
        """
        asked = self.action("Getvar", Channel=channel, Variable=name)
        return asked.addCallback(lambda response: response.get("Value", ""))

    def set_variable(self, name: str, value: object, channel: str | None = None) -> Deferred[None]:
        """
        Set a variable or a function.

        :param name: such as ``"CALLERID(num)"``.
        :param value: passed on as ``str()`` shows it, and as it is: unlike the variables of an Originate it
            needs no escaping.
        :param channel: whose; a global variable if there is none.
        :raises InvalidAction: at once, if the value begins with a blank, which cannot be sent.
        """
        return done(self.action("Setvar", Channel=channel, Variable=name, Value=exact("set_variable", value)))

    def send_text(self, channel: str, text: str) -> Deferred[None]:
        """
        Send a text to a channel.

        :param channel: its name or its Uniqueid.
        :param text: one line.
        """
        return done(self.action("SendText", Channel=channel, Message=text))

    def play_dtmf(
        self, channel: str, digits: str, *, duration: float | None = None, receive: bool = False
    ) -> Deferred[None]:
        """
        Play digits to a channel.

        :param channel: its name or its Uniqueid.
        :param digits: of ``0123456789*#ABCD``.
        :param duration: seconds that each lasts, by default a tenth.
        :param receive: whether they are taken as if they came from the channel, where the server knows that.
        :return: fires when the last one was played; a channel that ends meanwhile is an error.
        :raises InvalidAction: at once, for other digits: Asterisk would take the first of a text, whatever it is,
            and report success (``main/manager.c: action_play_dtmf``).
        """
        if not digits or not _DIGITS.issuperset(digits):
            raise InvalidAction("play_dtmf: there are the digits 0 to 9, *, # and A to D")

        async def play() -> None:
            # One after the other: Asterisk answers when the digit has ended and does nothing else on the
            # connection meanwhile (main/channel.c: ast_senddigit_external), so a ping must get in between.
            for digit in digits:
                await self.action(
                    "PlayDTMF",
                    Channel=channel,
                    Digit=digit,
                    Duration=milliseconds(duration),
                    Receive=True if receive else None,
                )

        return Deferred.fromCoroutine(play())

    def mute(self, channel: str, direction: Direction = "all") -> Deferred[None]:
        """
        Silence a channel.

        :param channel: its name or its Uniqueid.
        :param direction: ``"in"`` for what comes from it, ``"out"`` for what goes to it, or ``"all"``.
        """
        return done(self.action("MuteAudio", Channel=channel, Direction=direction, State="on"))

    def unmute(self, channel: str, direction: Direction = "all") -> Deferred[None]:
        """Undo :meth:`mute`."""
        return done(self.action("MuteAudio", Channel=channel, Direction=direction, State="off"))

    def absolute_timeout(self, channel: str, seconds: float | None) -> Deferred[None]:
        """
        Have a channel hung up after a time.

        :param channel: its name or its Uniqueid.
        :param seconds: from now; ``None`` to let it live.
        """
        if seconds is None:
            # The action refuses 0 (main/manager.c: action_timeout); the function takes it.
            return self.set_variable("TIMEOUT(absolute)", 0, channel)
        return done(self.action("AbsoluteTimeout", Channel=channel, Timeout=f"{seconds:.3f}"))

    def local_optimize_away(self, channel: str) -> Deferred[None]:
        """
        Have Asterisk take a Local channel out of the call as soon as it is not needed.

        :param channel: its name or its Uniqueid.
        """
        return done(self.action("LocalOptimizeAway", Channel=channel))


def _channels(response: Response | None) -> dict[str, Channel]:
    return {channel.name: channel for channel in map(Channel.from_event, items(response))}
