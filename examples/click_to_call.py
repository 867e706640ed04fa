"""
Call a phone and, when it answers, connect it to an extension; hang up after a while.

Run it as ``python examples/click_to_call.py HOST USERNAME CHANNEL EXTEN [CONTEXT]``, for instance with
``PJSIP/alice 200``.  It takes the secret from ``TXAMI_SECRET``, or asks.
"""

from __future__ import annotations

import os
import sys
from getpass import getpass
from typing import Any

from twisted.internet import defer, task

import txami

#: Seconds that the phone may ring, and that the call may last.
RING_TIME = 20.0
TALK_TIME = 60.0


async def main(
    reactor: Any, host: str, username: str, secret: str, channel: str, exten: str, context: str = "default"
) -> None:
    """Place one call and see it through."""
    try:
        ami = await txami.connect(reactor, host, username, secret, events="call")
        call = await ami.originate(
            channel, context=context, exten=exten, caller_id=f"Click to call <{exten}>", ring_time=RING_TIME
        )
        print(f"{channel} is called")
        outcome = await call.outcome
        print(f"{channel}: {outcome.status}")
        if outcome.answered:
            print(await talk(reactor, call))
        await ami.logoff()
    except txami.AMIError as error:
        raise SystemExit(str(error)) from None


async def talk(reactor: Any, call: txami.Call) -> str:
    """Wait for the call to end, or end it."""
    try:
        hangup = await call.ended.addTimeout(TALK_TIME, reactor)
    except defer.TimeoutError:
        await call.hangup()
        return f"hung up after {TALK_TIME:g} s"
    return f"it ended: {hangup['Cause-txt']}"


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    host, username, *rest = sys.argv[1:]
    task.react(main, (host, username, os.environ.get("TXAMI_SECRET") or getpass("Secret: "), *rest))
