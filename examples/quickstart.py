"""
Log in, ping, list the channels, run a command of the CLI, log off.

Run it as ``python examples/quickstart.py HOST USERNAME``.  It takes the secret from ``TXAMI_SECRET``, or asks.
"""

from __future__ import annotations

import os
import sys
from getpass import getpass
from typing import Any

from twisted.internet import task

import txami


async def main(reactor: Any, host: str, username: str, secret: str) -> None:
    """Talk to a manager interface for a moment."""
    try:
        ami = await txami.connect(reactor, host, username, secret)
        print(f"Connected to {ami.banner}")

        pong = await ami.action("Ping")
        print(f"Ping: {pong['Ping']}")

        channels = await ami.action("CoreShowChannels")
        print(f"{len(channels.events)} channels are up")
        for event in channels.events:
            print(f"  {event['Channel']}  {event['ChannelStateDesc']}  {event['Duration']}")

        uptime = await ami.command("core show uptime")
        print("\n".join(uptime.output))

        await ami.logoff()
    except txami.AMIError as error:
        raise SystemExit(str(error)) from None  # it says what to look at


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    task.react(main, (*sys.argv[1:], os.environ.get("TXAMI_SECRET") or getpass("Secret: ")))
