"""
Print every queue with its members and the callers who wait, once or again and again.

Run it as ``python examples/queue_report.py HOST USERNAME [SECONDS]``; with SECONDS it goes on until Ctrl-C.  It
takes the secret from ``TXAMI_SECRET``, or asks.
"""

from __future__ import annotations

import os
import sys
from getpass import getpass
from typing import Any

from twisted.internet import task

import txami
from txami.actions import Queue


async def main(reactor: Any, host: str, username: str, secret: str, seconds: float | str = 0) -> None:
    """Report once, or every so many seconds."""
    try:
        ami = await txami.connect(reactor, host, username, secret, events="off")
        # Ctrl-C logs off, which ends the connection and with it the next report.
        reactor.addSystemEventTrigger("before", "shutdown", ami.logoff)
        while ami.logged_in:
            for queue in (await ami.queues()).values():
                print("\n".join(report(queue)))
            if not float(seconds):
                await ami.logoff()
            else:
                await task.deferLater(reactor, float(seconds))
    except txami.AMIError as error:
        raise SystemExit(str(error)) from None


def report(queue: Queue) -> list[str]:
    """Return what there is to say about a queue, line by line."""
    lines = [f"{queue.name} ({queue.strategy}): {queue.waiting} wait, {queue.completed} served"]
    for member in queue.members.values():
        state = f"paused: {member.paused_reason or 'no reason given'}" if member.paused else member.state
        lines.append(f"  {member.name:20} {state}, {member.calls_taken} calls")
    for caller in queue.callers:
        name = caller.caller_id_name or caller.caller_id_number or "somebody"
        lines.append(f"  {caller.position:3}. {name:15} waits for {caller.wait} s")
    return lines


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    host, username, *rest = sys.argv[1:]
    task.react(main, (host, username, os.environ.get("TXAMI_SECRET") or getpass("Secret: "), *rest))
