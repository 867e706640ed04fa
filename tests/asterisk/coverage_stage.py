"""
What actions are tried on: calls, bridges, conferences, parked calls, mailboxes, and so on.

Each prop is made when the first row asks for it, by its name, and told by its parts: a row writes
``{call.channel}`` where the name of a channel is wanted that answers and waits.
"""

from __future__ import annotations

import pathlib
import re
import socket
import string
from collections.abc import Iterable, Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.asterisk import lab
from txami import AMIProtocol, Call, Event

#: What app_voicemail keeps beside the sound of a message.
_MESSAGE: Final = """[message]
origmailbox=100
context=default
macrocontext=
exten=100
priority=1
callerchan=Local/100@default
callerid="Alice" <100>
origdate=
origtime=1700000000
category=
msg_id=1700000000-00000001
duration=1
"""


class Prop(dict[str, str]):
    """One of them: its parts are items, and attributes for :meth:`str.format`."""

    def __getattr__(self, name: str) -> str:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def props_of(templates: Iterable[str]) -> list[str]:
    """Return the names of the props that some templates speak of."""
    names = [name for text in templates for _, name, _, _ in string.Formatter().parse(text) if name]
    return list(dict.fromkeys(re.split(r"[.\[]", name, maxsplit=1)[0] for name in names))


class Stage:
    """
    The props of one server.

    :param reactor: the reactor.
    :param ami: a connection that hears all events; not the one that is examined.
    :param server: the server.
    """

    def __init__(self, reactor: Any, ami: AMIProtocol, server: lab.Server) -> None:
        self._reactor = reactor
        self._ami = ami
        self._server = server
        self._props: dict[str, Prop] = {}
        self._subscriber: socket.socket | None = None

    async def set_up(self, names: Iterable[str]) -> Mapping[str, Prop]:
        """Return props, having made those that are not there."""
        for name in names:
            if name not in self._props:
                self._props[name] = await getattr(self, f"_make_{name}")()
        return self._props

    def close(self) -> None:
        """Leave the stage."""
        if self._subscriber is not None:
            self._subscriber.close()

    async def clear(self) -> None:
        """Hang up all calls and forget all props."""
        self._props.clear()
        await self._ami.action("Hangup", Channel="/./", check=False)
        while (await self._ami.action("CoreShowChannels")).events:
            await deferLater(self._reactor, 0.01)

    # -- calls -----------------------------------------------------------------------------------------

    async def _call(self, extension: int, application: str = "Wait", data: str = "300") -> Call:
        """Return a call to an extension, answered."""
        call = await self._ami.originate(f"Local/{extension}@default/n", application=application, data=data)
        await call.outcome
        return call

    def _heard(self, name: str, **where: str) -> Deferred[Event]:
        """Return an event to come."""
        return self._ami.wait_for(name, where=where, timeout=10)

    async def _channel(self, call: Call) -> str:
        """Return the name of a call's channel."""
        return (await call.outcome).channel

    async def _make_call(self) -> Prop:
        call = await self._call(100)
        return Prop(channel=await self._channel(call), uniqueid=call.uniqueid)

    async def _make_phone(self) -> Prop:
        registration = await self._make_registration()
        rings = self._heard("Newexten", Exten="103", Application="Ringing")
        # The one who is called is this server again, for which dora is a caller it knows.
        channel = f"PJSIP/{registration.user}/sip:103@{self._server.host}:{self._server.pjsip_port}"
        await self._ami.originate(channel, application="Wait", data="300", caller_id="<dora>")
        return Prop(channel=(await rings)["Channel"])

    async def _make_pair(self) -> Prop:
        first, second = await self._call(100), await self._call(100)
        return Prop(first=await self._channel(first), second=await self._channel(second))

    async def _make_bridge(self) -> Prop:
        entered = self._heard("BridgeEnter", Exten="106")
        await self._call(106)
        event = await entered
        while True:
            peers = (await self._ami.action("BridgeInfo", BridgeUniqueid=event["BridgeUniqueid"])).events
            inner = [peer["Channel"] for peer in peers if peer["Channel"] != event["Channel"]]
            if inner:
                return Prop(id=event["BridgeUniqueid"], outer=event["Channel"], inner=inner[0])
            await deferLater(self._reactor, 0.01)

    async def _make_conference(self) -> Prop:
        joined = self._heard("ConfbridgeJoin", Conference="room1")
        await self._call(108)
        return Prop(room="room1", channel=(await joined)["Channel"])

    async def _make_recorded_conference(self) -> Prop:
        conference = await self._make_conference()
        # It is refused until the mixing has begun.
        fields = {"Conference": conference.room, "RecordFile": self._path("spool/monitor/conference.wav")}
        while not (await self._ami.action("ConfbridgeStartRecord", fields, check=False)).ok:
            await deferLater(self._reactor, 0.05)
        return conference

    async def _make_parked(self) -> Prop:
        parked = self._heard("ParkedCall")
        await self._call(110)
        event = await parked
        return Prop(channel=event["ParkeeChannel"], space=event["ParkingSpace"], lot=event["Parkinglot"])

    async def _make_caller(self) -> Prop:
        joined = self._heard("QueueCallerJoin", Queue="sales")
        await self._call(100, application="Queue", data="sales")
        return Prop(queue="sales", channel=(await joined)["Channel"])

    async def _make_member(self) -> Prop:
        await self._ami.action("QueueAdd", Queue="sales", Interface="Local/105@default")
        return Prop(interface="Local/105@default")

    async def _make_agent(self) -> Prop:
        logged_in = self._heard("AgentLogin", Agent="1001")
        await self._call(120)
        return Prop(id="1001", channel=(await logged_in)["Channel"])

    async def _make_agi(self) -> Prop:
        started = self._heard("AsyncAGIStart")
        await self._call(107)
        return Prop(channel=(await started)["Channel"])

    async def _make_playing(self) -> Prop:
        began = self._heard("Newexten", Application="ControlPlayback")
        await self._call(115)
        return Prop(channel=(await began)["Channel"])

    async def _make_fax(self) -> Prop:
        await self._call(116)
        while True:
            sessions = (await self._ami.action("FAXSessions")).events
            if sessions:
                return Prop(session=sessions[0]["SessionNumber"], channel=sessions[0]["Channel"])
            await deferLater(self._reactor, 0.01)

    async def _make_recorded(self) -> Prop:
        channel = await self._channel(await self._call(100))
        reply = await self._ami.action("MixMonitor", Channel=channel, File=self._path("spool/monitor/mixed.wav"))
        return Prop(channel=channel, id=reply.get("MixMonitorID", ""))

    async def _make_monitored(self) -> Prop:
        channel = await self._channel(await self._call(100))
        await self._ami.action("Monitor", Channel=channel, File="monitored")
        return Prop(channel=channel)

    # -- what is kept ----------------------------------------------------------------------------------

    def _path(self, name: str) -> str:
        """Return the path of a file as the server sees it."""
        return str(self._server.base / name)

    async def _make_file(self) -> Prop:
        return Prop(recording=self._path("spool/monitor/recording.wav"))

    async def _make_key(self) -> Prop:
        await self._ami.action("DBPut", Family="txami", Key="colour", Val="red")
        await self._ami.action("DBPut", Family="txami", Key="shape", Val="round, and: wide")
        return Prop(family="txami", name="colour", value="red")

    async def _make_extension(self) -> Prop:
        fields = {"Context": "made", "Extension": "200", "Priority": "1", "Application": "NoOp"}
        await self._ami.action("DialplanExtensionAdd", {**fields, "ApplicationData": "x", "Replace": "yes"})
        return Prop(context="made", number="200")

    async def _make_config(self) -> Prop:
        text = "[first](!)\nname = value\nname = other\n\n[second](first)\nlike = this, and: that\n"
        self._write("etc/txami.conf", text)
        return Prop(file="txami.conf")

    async def _make_states(self) -> Prop:
        await self._ami.action("Setvar", Variable="DEVICE_STATE(Custom:hundred)", Value="BUSY")
        await self._ami.action("Setvar", Variable="PRESENCE_STATE(CustomPresence:alice)", Value="away,out,to lunch")
        return Prop(device="Custom:hundred", provider="CustomPresence:alice")

    async def _make_noise(self) -> Prop:
        self._reactor.callLater(0.2, self._ami.action, "UserEvent", UserEvent="Noise")
        return Prop()

    async def _make_broken_events(self) -> Prop:
        change = {"Action-000000": "Append", "Cat-000000": "general"}
        change |= {"Var-000000": "brokeneventsaction", "Value-000000": "yes"}
        files = {"SrcFilename": "manager.conf", "DstFilename": "manager.conf"}
        await self._ami.action("UpdateConfig", {**files, **change})
        await self._ami.action("Reload", Module="manager")
        return Prop()

    async def _make_message(self) -> Prop:
        for name, content in (("msg0000.txt", _MESSAGE), ("msg0000.wav", "")):
            self._write(f"spool/voicemail/default/100/INBOX/{name}", content)
        await self._ami.action("VoicemailRefresh", check=False)
        return Prop(context="default", mailbox="100", id="1700000000-00000001")

    def _write(self, name: str, text: str) -> None:
        """Write a file of the server's."""
        file: pathlib.Path = self._server.directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    # -- registrations and subscriptions ------------------------------------------------------------------

    async def _make_registration(self) -> Prop:
        # To register is to unregister first, so a registration that is under way must not be disturbed.
        if not await self._is_registered():
            await self._ami.action("PJSIPRegister", Registration="trunk")
            while not await self._is_registered():
                pass
        return Prop(name="trunk", user="carol")

    async def _is_registered(self) -> bool:
        """Tell whether both sides of the registration know of it, or will within a second."""
        for _ in range(20):
            trunks = await self._ami.action("PJSIPShowRegistrationsOutbound")
            aors = await self._ami.action("PJSIPShowAors")
            if trunks.events[0]["Status"] == "Registered" and any("carol/" in aor["Contacts"] for aor in aors.events):
                return True
            await deferLater(self._reactor, 0.05)
        return False

    async def _make_iax(self) -> Prop:
        await self._registry("IAXregistry")
        return Prop(user="iris")

    async def _make_sip(self) -> Prop:
        await self._registry("SIPshowregistry")
        return Prop(user="sally")

    async def _registry(self, action: str) -> None:
        """Wait until all registrations in a list have succeeded."""
        while {entry["State"] for entry in (await self._ami.action(action)).events} != {"Registered"}:
            await deferLater(self._reactor, 0.05)

    async def _make_closed(self) -> Prop:
        await self._ami.action("PJSIPSetMaintenance", Endpoint="alice", State="on")
        return Prop(endpoint="alice")

    async def _make_subscription(self) -> Prop:
        self._subscriber = subscribe(self._server.host, self._server.pjsip_port, "dora", "100")
        while not (await self._ami.action("PJSIPShowSubscriptionsInbound")).events:
            await deferLater(self._reactor, 0.05)
        return Prop(user="dora")


def subscribe(host: str, port: int, user: str, extension: str) -> socket.socket:
    """
    Subscribe to the presence of an extension, as a phone does.

    :return: what the phone listens on; nothing reads it.
    """
    phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    phone.bind((host, 0))
    mine = phone.getsockname()[1]
    lines = [
        f"SUBSCRIBE sip:{extension}@{host}:{port} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{mine};branch=z9hG4bK-{mine};rport",
        f"From: <sip:{user}@{host}>;tag={mine}",
        f"To: <sip:{extension}@{host}>",
        f"Contact: <sip:{user}@{host}:{mine}>",
        f"Call-ID: {mine}@{host}",
        "CSeq: 1 SUBSCRIBE",
        "Event: presence",
        "Accept: application/pidf+xml",
        "Expires: 600",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    phone.sendto("\r\n".join([*lines, "", ""]).encode(), (host, port))
    return phone
