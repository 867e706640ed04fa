"""The demonstration: a short conversation with a manager interface, printed as it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TextIO

from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import deferLater

from .client import connect
from .commands.output import Printer
from .errors import ActionError, AMIError
from .login import Secret
from .protocol import AMIProtocol
from .testing import FakeAsterisk


async def demo_with_fake(reactor: Any, out: TextIO | Printer) -> None:
    """Run the demonstration with an exchange that is not there, over a real socket of this machine."""
    say = out if isinstance(out, Printer) else Printer(out)
    server = FakeAsterisk(reactor, {"demo": "not a secret"})
    for name, exten in (("PJSIP/alice-0000002a", "200"), ("PJSIP/bob-0000002b", "201")):
        server.add_channel(name, exten=exten, state="Up", application="Dial", caller=exten)
    port: Any = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(server)
    address = f"127.0.0.1:{port.getHost().port}"
    say(f"A FakeAsterisk listens on {address}; for a real one: python -m txami demo --host HOST --username NAME", "dim")
    try:
        await demo(reactor, address, "demo", Secret("not a secret"), say, "PJSIP/carol")
    finally:
        await maybeDeferred(port.stopListening)


async def demo(
    reactor: Any, host: str, username: str, secret: Secret, out: TextIO | Printer, channel: str, **how: Any
) -> None:
    """
    Log in, list the channels, run a command, place a call, and print its events as they come.

    :param reactor: the reactor.
    :param host: see :func:`~txami.parse_endpoint`.
    :param username: the manager user.
    :param secret: its secret.
    :param out: where to print.
    :param channel: whom to call.
    :param how: more for :func:`~txami.connect`.
    :raises AMIError: if there is no connection, or it is lost.
    """
    say = out if isinstance(out, Printer) else Printer(out)
    say(f"\n1. Log in to {host} as {username}", "heading")
    ami = await connect(reactor, host, username, secret, timeout=10, **how)
    say(f"   {ami.banner}", "good")
    ami.on(None, say.event)
    await _attempt(say, "2. The channels that are up", lambda: _list_channels(ami, say))
    await _attempt(say, "3. A command of the CLI: core show uptime", lambda: _run_command(ami, say))
    await _attempt(say, f"4. A call to {channel}", lambda: _place_call(reactor, ami, say, channel))
    await ami.logoff()
    say("\nLogged off.", "heading")


async def _attempt(say: Printer, heading: str, step: Callable[[], Any]) -> None:
    """Take a step of the demonstration; that Asterisk refuses it does not end the others."""
    say(f"\n{heading}", "heading")
    try:
        await step()
    except ActionError as error:
        say(f"   {error}", "bad")


async def _list_channels(ami: AMIProtocol, say: Printer) -> None:
    channels = await ami.action("CoreShowChannels")
    for event in channels.events:
        say(f"   {event['Channel']:<28} {event['ChannelStateDesc']:<8} {event['Duration']}  {event['Application']}")
    say(f"   {len(channels.events)} channels", "good")


async def _run_command(ami: AMIProtocol, say: Printer) -> None:
    for line in (await ami.command("core show uptime")).output:
        say(f"   {line}", "good")


async def _place_call(reactor: Any, ami: AMIProtocol, say: Printer, channel: str) -> None:
    call = await ami.originate(channel, application="Wait", data="1", ring_time=10)
    say(f"   accepted as {call.uniqueid}", "good")
    try:
        outcome = await call.outcome
        say(f"   outcome: {outcome.status}", "good" if outcome.answered else "bad")
        await call.ended
        # What Asterisk has to say after the hang-up comes at once.
        await deferLater(reactor, 0.2)
    except AMIError as error:
        say(f"   {error}", "bad")
