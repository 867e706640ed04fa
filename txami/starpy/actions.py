"""
A method for each action: names, arguments and results are StarPy's.

Most fire with the response, a dictionary, and fail with :class:`~txami.starpy.error.AMICommandFailure` unless it is
``Success``; those that say "list" fire with a list of the response, the items and the event that ends it.  Actions
that Asterisk has since given up (SIP, MeetMe, Monitor, …) are sent all the same: an old server may know them.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from .error import AMICommandFailure
from .exchange import Exchange, Message

Answer = Deferred[Message]
Answers = Deferred[list[Message]]


class Actions(Exchange):
    """Sends the actions."""

    def _ask(self, action: str, /, **headers: object) -> Answer:
        """Send an action with those headers that are not ``None``; the response must be ``Success``."""
        return self.sendDeferred(_given(action, headers)).addCallback(self.errorUnlessResponse)

    def _list(self, action: str, end: str, /, **headers: object) -> Answers:
        """Send an action whose reply is a list."""
        return self.collectDeferred(_given(action, headers), end)

    def action(self, action: str, **action_args: object) -> Answer:
        """Send any action."""
        return self.sendDeferred({**action_args, "action": action}).addCallback(self.errorUnlessResponse)

    # -- calls -----------------------------------------------------------------------------------------

    def originate(
        self,
        channel: str,
        context: str | None = None,
        exten: object = None,
        priority: object = None,
        timeout: float | None = None,
        callerid: str | None = None,
        account: str | None = None,
        application: str | None = None,
        data: str | None = None,
        variable: Mapping[str, object] = {},
        nowait: bool = False,
        channelid: str | None = None,
        otherchannelid: str | None = None,
        codecs: str | None = None,
    ) -> Answer:
        """
        Place a call.

        :param timeout: seconds that it may ring.
        :param variable: names and values of channel variables.
        :param nowait: whether Asterisk answers at once; what becomes of the call then says ``OriginateResponse``.
            Otherwise the answer, and whatever is asked for meanwhile, waits until the call is answered or has failed.
        """
        target = {"context": context, "exten": exten, "priority": priority, "application": application, "data": data}
        options = {"callerid": callerid, "account": account, "async": nowait, "codecs": codecs}
        ids = {"channelid": channelid, "otherchannelid": otherchannelid}
        milliseconds = None if timeout is None else int(timeout * 1000)
        headers = _given("originate", {"channel": channel, **target, **options, **ids, "timeout": milliseconds})
        variables = [("variable", f"{name}={value}") for name, value in variable.items()]
        return self.sendDeferred([*headers.items(), *variables]).addCallback(self.errorUnlessResponse)

    def hangup(self, channel: str) -> Answer:
        """Hang a channel up."""
        return self._ask("hangup", channel=channel)

    def redirect(
        self, channel: str, context: str, exten: object, priority: object, extraChannel: str | None = None
    ) -> Answer:
        """Send a channel, and another with it, to a place in the dialplan."""
        place = {"context": context, "exten": exten, "priority": priority}
        return self._ask("redirect", channel=channel, extrachannel=extraChannel, **place)

    def absoluteTimeout(self, channel: str, timeout: object) -> Answer:
        """Have a channel hung up after so many seconds."""
        return self._ask("absolutetimeout", channel=channel, timeout=timeout)

    def playDTMF(self, channel: str, digit: object) -> Answer:
        """Play a DTMF digit on a channel."""
        return self._ask("playdtmf", channel=channel, digit=digit)

    def status(self, channel: str | None = None) -> Answers:
        """List one channel or all."""
        return self._list("status", "StatusComplete", channel=channel or None)

    def getVar(self, channel: str | None, variable: str) -> Deferred[str | None]:
        """Return the value of a channel's variable, or of a global one if ``channel`` is ``None``."""

        def value(message: Message) -> str | None:
            # Before Asterisk 1.4 the value stood under the name of the variable.
            found = message.get("value", message.get(variable.lower()))
            if found is None:
                raise AMICommandFailure(message)
            return None if found == "(null)" else str(found)

        return self._ask("getvar", channel=channel or None, variable=variable).addCallback(value)

    def setVar(self, channel: str | None, variable: str, value: object) -> Answer:
        """Set a channel's variable, or a global one if ``channel`` is ``None``."""
        return self._ask("setvar", channel=channel or None, variable=variable, value=str(value))

    def setCDRUserField(self, channel: str, userField: object, append: object = True) -> Answer:
        """Set the user field of a channel's CDR, or add to it."""
        return self._ask("setcdruserfield", channel=channel, userfield=userField, append=_true_or_false(append))

    # -- parking ---------------------------------------------------------------------------------------

    def park(self, channel: str, channel2: str, timeout: object) -> Answer:
        """Park a channel; after so many milliseconds it comes back to ``channel2``."""
        return self._ask("park", channel=channel, channel2=channel2, timeout=timeout)

    def parkedCall(self) -> Answer:
        """Send ``ParkedCall``, which no Asterisk knows; what was meant is the event of this name."""
        return self._ask("parkedcall")

    def unParkedCall(self) -> Answer:
        """Send ``UnParkedCall``, see :meth:`parkedCall`."""
        return self._ask("unparkedcall")

    def parkedCalls(self) -> Answers:
        """List the parked calls."""
        return self._list("parkedcalls", "ParkedCallsComplete")

    # -- recording -------------------------------------------------------------------------------------

    def monitor(self, channel: str, file: str, format: str, mix: object) -> Answer:
        """Record a channel to a file."""
        return self._ask("monitor", channel=channel, file=file, format=format, mix=mix)

    def stopMonitor(self, channel: str) -> Answer:
        """End the recording of a channel."""
        return self._ask("stopmonitor", channel=channel)

    def pauseMonitor(self, channel: str) -> Answer:
        """Pause the recording of a channel."""
        return self._ask("pausemonitor", channel=channel)

    def unpauseMonitor(self, channel: str) -> Answer:
        """Go on with the recording of a channel."""
        return self._ask("unpausemonitor", channel=channel)

    def changeMonitor(self, channel: str, filename: str) -> Answer:
        """Record a channel to another file from now on."""
        return self._ask("changemonitor", channel=channel, filename=filename)

    # -- queues and agents -----------------------------------------------------------------------------

    def queueAdd(
        self,
        queue: str,
        interface: str,
        penalty: object = 0,
        paused: object = True,
        membername: str | None = None,
        stateinterface: str | None = None,
    ) -> Answer:
        """Add a member to a queue: a paused one, unless told otherwise."""
        member = {"interface": interface, "membername": membername, "stateinterface": stateinterface}
        return self._ask("queueadd", queue=queue, penalty=penalty, paused=_true_or_false(paused), **member)

    def queueRemove(self, queue: str, interface: str) -> Answer:
        """Remove a member from a queue."""
        return self._ask("queueremove", queue=queue, interface=interface)

    def queuePause(self, queue: str | None, interface: str, paused: object = True, reason: str | None = None) -> Answer:
        """Pause a member of a queue, or let it go on."""
        return self._ask("queuepause", queue=queue, interface=interface, paused=_true_or_false(paused), reason=reason)

    def queuePenalty(self, interface: str, penalty: object, queue: str | None = None) -> Answer:
        """Set the penalty of a member, in one queue or in all."""
        return self._ask("queuepenalty", interface=interface, penalty=penalty, queue=queue)

    def queueLog(
        self,
        queue: str,
        event: str,
        uniqueid: str | None = None,
        interface: str | None = None,
        msg: str | None = None,
    ) -> Answer:
        """Write a line to the queue log."""
        return self._ask("queuelog", queue=queue, event=event, uniqueid=uniqueid, interface=interface, message=msg)

    def queues(self) -> Deferred[list[str]]:
        """
        Return what ``queue show`` prints, line by line.

        The action ``Queues`` prints the same, but as bare text that can be told from no other message.
        """
        return self.command("queue show")

    def queueStatus(self, queue: str | None = None, member: str | None = None) -> Answers:
        """List queues with their members and callers."""
        return self._list("queuestatus", "QueueStatusComplete", queue=queue, member=member)

    def agents(self) -> Answers:
        """List the agents."""
        return self._list("agents", "AgentsComplete")

    def agentLogoff(self, agent: str, soft: object) -> Answer:
        """Log an agent off, after the call if ``soft``."""
        return self._ask("agentlogoff", agent=agent, soft="true" if soft in (True, "yes", 1) else "false")

    # -- database and configuration --------------------------------------------------------------------

    def dbGet(self, family: str, key: str) -> Deferred[str | None]:
        """Return a value of Asterisk's database, ``None`` if there is none."""

        def value(messages: list[Message]) -> str | None:
            return next((str(each["val"]) for each in messages if "val" in each), None)

        def refused(failure: Failure) -> None:
            failure.trap(AMICommandFailure)

        # By the response's ActionID, so that nobody gets the value of another's key.
        return self._list("dbget", "DBGetResponse", family=family, key=key).addCallbacks(value, refused)

    def dbPut(self, family: str, key: str, value: object) -> Answer:
        """Set a value of Asterisk's database."""
        return self._ask("dbput", family=family, key=key, val=value)

    def dbDel(self, family: str, key: str) -> Answer:
        """Delete a key of Asterisk's database."""
        return self._ask("dbdel", family=family, key=key)

    def dbDelTree(self, family: str, key: str | None = None) -> Answer:
        """Delete a family of Asterisk's database, or what is below a key."""
        return self._ask("dbdeltree", family=family, key=key)

    def getConfig(self, filename: str) -> Answer:
        """Return a configuration file."""
        return self._ask("getconfig", filename=filename)

    def updateConfig(
        self,
        srcfile: str,
        dstfile: str,
        reload: object,
        headers: Mapping[str, object] = {},
    ) -> Answer:
        """
        Change a configuration file.

        :param headers: ``Action-000000``, ``Cat-000000``, ``Var-000000``, ``Value-000000``, ``Match-000000``, ….
        """
        files = {"srcfilename": srcfile, "dstfilename": dstfile}
        return self._ask("updateconfig", **files, reload="yes" if reload in (True, "yes", 1) else "no", **headers)

    # -- peers, mailboxes, extensions, conferences -----------------------------------------------------

    def sipPeers(self) -> Answers:
        """List the peers of ``chan_sip``."""
        return self._list("sippeers", "PeerlistComplete")

    def sipShowPeers(self, peer: str) -> Answer:
        """Return what is known of a peer of ``chan_sip``."""
        return self._ask("sipshowpeer", peer=peer)

    def extensionState(self, exten: object, context: str) -> Answer:
        """Return the state of an extension's hint, as ``status``: -1 for no hint, 0 for idle, 1 for in use, …."""
        return self._ask("extensionstate", exten=exten, context=context)

    def mailboxCount(self, mailbox: str) -> Answer:
        """Return how many messages a mailbox has."""
        return self._ask("mailboxcount", mailbox=mailbox)

    def mailboxStatus(self, mailbox: str) -> Answer:
        """Return whether a mailbox has messages waiting."""
        return self._ask("mailboxstatus", mailbox=mailbox)

    def meetmeMute(self, meetme: object, usernum: object) -> Answer:
        """Mute one who takes part; fires with the response whatever it is."""
        return self.sendDeferred({"action": "meetmemute", "meetme": meetme, "usernum": usernum})

    def meetmeUnmute(self, meetme: object, usernum: object) -> Answer:
        """Undo :meth:`meetmeMute`."""
        return self.sendDeferred({"action": "meetmeunmute", "meetme": meetme, "usernum": usernum})

    # -- the server and its events ---------------------------------------------------------------------

    def command(self, command: str) -> Deferred[list[str]]:
        """Return what a CLI command prints: its lines, without the empty ones."""
        reply = self.sendDeferred({"action": "command", "command": command})
        return reply.addCallback(self.errorUnlessResponse, expected="Follows").addCallback(lambda message: message[" "])

    def ping(self) -> Answer:
        """See whether Asterisk answers."""
        # AMI 1.0 has a response of its own for it.
        expected = "Pong" if self.amiVersion == "1.0" else "Success"
        return self.sendDeferred({"action": "ping"}).addCallback(self.errorUnlessResponse, expected=expected)

    def listCommands(self) -> Answer:
        """Return the actions there are: a key for each, besides ``response``."""
        return self._ask("listcommands").addCallback(
            lambda message: {name: value for name, value in message.items() if name != "actionid"}
        )

    def events(self, eventmask: object = False) -> Answer:
        """Select events, also for the connections to come: all, none, or classes such as ``"call,agent"``."""
        mask = {"True": "on", "1": "on", "False": "off", "0": "off"}.get(str(eventmask), str(eventmask))

        def selected(message: Message) -> Message:
            self.service.remember_mask(mask)
            return message

        return self._ask("events", eventmask=mask).addCallback(selected)

    def userEvent(self, event: str, **headers: object) -> str:
        """Send an event of one's own to all; returns the ActionID, without waiting for the answer."""
        return self.sendMessage({"action": "userevent", "userevent": event, **headers})

    def waitEvent(self, timeout: object) -> Answers:
        """Wait for events, so many seconds at most; the list may be empty."""
        return self._list("waitevent", "WaitEventComplete", timeout=timeout)

    # -- DAHDI -----------------------------------------------------------------------------------------

    def dahdiDNDoff(self, channel: object) -> Answer:
        """Let a DAHDI channel be disturbed."""
        return self._ask("dahdidndoff", dahdichannel=channel)

    def dahdiDNDon(self, channel: object) -> Answer:
        """Let a DAHDI channel not be disturbed."""
        return self._ask("dahdidndon", dahdichannel=channel)

    def dahdiDialOffhook(self, channel: object, number: object) -> Answer:
        """Dial on a DAHDI channel that is off hook."""
        return self._ask("dahdidialoffhook", dahdichannel=channel, number=number)

    def dahdiHangup(self, channel: object) -> Answer:
        """Hang a DAHDI channel up."""
        return self._ask("dahdihangup", dahdichannel=channel)

    def dahdiRestart(self, channel: object) -> Answer:
        """Restart the DAHDI channels, which ends all calls on them."""
        return self._ask("dahdirestart", dahdichannel=channel)

    def dahdiShowChannels(self) -> Answers:
        """List the DAHDI channels."""
        return self._list("dahdishowchannels", "DAHDIShowChannelsComplete")

    def dahdiTransfer(self, channel: object) -> Answer:
        """Transfer a DAHDI channel."""
        return self._ask("dahditransfer", dahdichannel=channel)


def _given(action: str, headers: Mapping[str, object]) -> dict[str, object]:
    """Return an action with the headers that have a value."""
    return {"action": action, **{name: value for name, value in headers.items() if value is not None}}


def _true_or_false(value: object) -> str:
    """Return what StarPy makes of a flag: ``True``, ``"true"`` and 1 are true."""
    return "true" if value in (True, "true", 1) else "false"
