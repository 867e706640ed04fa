"""
Print what happens to the channels whose names start with a prefix.

Run it as ``python examples/watch_calls.py HOST USERNAME PREFIX [COUNT]``, with a prefix such as ``PJSIP/alice``.
It ends after COUNT events, or with Ctrl-C.  It takes the secret from ``TXAMI_SECRET``, or asks.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from getpass import getpass
from typing import Any

from twisted.internet import task

import txami


async def main(reactor: Any, host: str, username: str, secret: str, prefix: str, count: int | str = 0) -> None:
    """Watch the channels of one prefix."""
    try:
        ami = await txami.connect(reactor, host, username, secret, events="call")
        # A loop over events ends when we log off: here, at Ctrl-C.
        reactor.addSystemEventTrigger("before", "shutdown", ami.logoff)
        await watch(ami, prefix, int(count))
        await ami.logoff()
    except txami.AMIError as error:
        raise SystemExit(str(error)) from None


async def watch(ami: txami.AMIProtocol, prefix: str, count: int) -> None:
    """Print so many events, or all of them, and count the others."""
    others: Counter[str] = Counter()

    def is_watched(event: txami.Event) -> bool:
        return event.get("Channel", "").startswith(prefix)

    @ami.on("Dial*", where=is_watched)
    def dialled(event: txami.Event) -> None:
        print(f"{event['Channel']}: {event.name} {event.get('DialStatus', '')}")

    @ami.on_unhandled
    def tally(event: txami.Event) -> None:
        others[event.name] += 1

    seen = 0
    async with ami.events(("Newstate", "Hangup"), where=is_watched) as events:
        async for event in events:
            print(f"{event['Channel']}: {event.get('Cause-txt') or event['ChannelStateDesc']}")
            seen += 1
            if seen == count:
                break
    print(f"{seen} events, and {others.total()} that were not watched:")
    for name, number in others.most_common():
        print(f"  {number:6} {name}")


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    host, username, *rest = sys.argv[1:]
    task.react(main, (host, username, os.environ.get("TXAMI_SECRET") or getpass("Secret: "), *rest))
