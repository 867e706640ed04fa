"""What every :class:`~txami.testing.FakeAsterisk` answers from the start."""

from __future__ import annotations

from typing import Final

from .. import catalogue
from ..message import Message, encode
from .session import Answer, FakeSession
from .writing import render


def _ping(session: FakeSession, action: Message) -> None:
    if session.server.manners.is_first:
        session.respond(action, "Pong")
    else:
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


def _list_commands(session: FakeSession, action: Message) -> None:
    """Tell what the user may send (``main/manager.c: action_listcommands``)."""
    known = [catalogue.action(name) for name in sorted(session.server.answers) if session.may_send(name)]
    session.respond(action, "Success", [(each.name, "(Priv: <none>)") for each in known if each is not None])


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
            session.server.end(channel, int(action.get("Cause", "16")))
            return
    session.respond(action, "Error", {"Message": "No such channel"})


def _user_event(session: FakeSession, action: Message) -> None:
    session.respond(action, "Success", {"Message": "Event Sent"})
    copied = [(name, value) for name, value in action.items() if name.lower() not in ("action", "userevent")]
    session.server.emit("UserEvent", [("UserEvent", action.get("UserEvent", "")), *copied], "user")


ANSWERS: Final[dict[str, Answer]] = {
    "challenge": FakeSession.challenge,
    "command": _command,
    "coreshowchannels": _core_show_channels,
    "events": FakeSession.events,
    "hangup": _hangup,
    "listcommands": _list_commands,
    "login": FakeSession.login,
    "logoff": FakeSession.logoff,
    "originate": _originate,
    "ping": _ping,
    "userevent": _user_event,
}
