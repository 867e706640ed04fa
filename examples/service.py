"""
A daemon that logs the end of every call, through any number of connections.

Run it as ``twistd -ny examples/service.py``, with ``TXAMI_HOST``, ``TXAMI_USERNAME`` and ``TXAMI_SECRET`` in
the environment.  Restart Asterisk meanwhile, and it goes on.
"""

from __future__ import annotations

import os

from twisted.application.service import Application
from twisted.internet import reactor
from twisted.logger import Logger

import txami

log = Logger("calls")

service = txami.AMIService(
    reactor, os.environ["TXAMI_HOST"], os.environ["TXAMI_USERNAME"], os.environ["TXAMI_SECRET"], events="call"
)


@service.on_connected
async def connected(gap: txami.Gap) -> None:
    """Look at what there is: it may have changed while nobody watched."""
    ami = gap.connection
    channels = await ami.action("CoreShowChannels")
    log.info("connected to {banner}, {count} channels are up", banner=ami.banner, count=len(channels.events))
    if gap.since is not None:
        log.warn("calls that ended within {seconds:.1f} s are not logged", seconds=gap.seconds)


@service.on_disconnected
def disconnected(reason: Exception) -> None:
    """Remember that events are missed until the connection is back."""
    log.warn("disconnected: {reason}", reason=reason)


@service.on("Hangup")
def hung_up(event: txami.Event) -> None:
    """Log the end of a call."""
    log.info("{channel}: {cause}", channel=event["Channel"], cause=event["Cause-txt"])


application = Application("calls")
service.setServiceParent(application)
