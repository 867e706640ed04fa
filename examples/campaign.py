"""
Call many numbers, a few at a time, and report what became of each call.

Run it as ``python examples/campaign.py HOST USERNAME CHANNELS < numbers``: CHANNELS is what is dialled, with
``{}`` for the number, such as ``PJSIP/{}@provider``.  Who answers hears the message of extension 100.  It takes
the secret from ``TXAMI_SECRET``, or asks.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable
from getpass import getpass
from typing import Any

from twisted.internet import defer, task

import txami

#: Calls at once, and seconds between the beginnings of two.
AT_ONCE = 10
PACE = 0.5


async def main(reactor: Any, host: str, username: str, secret: str, channels: str, numbers: Iterable[str]) -> None:
    """Place all the calls."""
    todo = [number.strip() for number in numbers if number.strip()]
    tally: Counter[str] = Counter()
    places = defer.DeferredSemaphore(AT_ONCE)
    try:
        ami = await txami.connect(reactor, host, username, secret, events="call")

        async def call_one(number: str) -> None:
            tally[await outcome_of(ami, channels.format(number), number)] += 1
            show_progress(tally, len(todo))

        calls = []
        for number in todo:
            calls.append(places.run(call_one, number))
            await task.deferLater(reactor, PACE)
        await defer.gatherResults(calls, consumeErrors=True)
        await ami.logoff()
    except txami.AMIError as error:
        raise SystemExit(str(error)) from None
    print("\n" * sys.stdout.isatty() + "\n".join(f"{count:6} {status}" for status, count in tally.most_common()))


async def outcome_of(ami: txami.AMIProtocol, channel: str, number: str) -> str:
    """Place one call and return what became of it, in a word or two."""
    try:
        call = await ami.originate(channel, context="default", exten=100, variables={"number": number}, ring_time=20)
        return (await call.outcome).status
    except txami.AMIError as error:
        return str(error)


def show_progress(tally: Counter[str], total: int) -> None:
    """Redraw the line of progress, if there is a terminal to draw it on."""
    if sys.stdout.isatty():
        print(f"\r{tally.total()} of {total}: {tally['answered']} answered", end="", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    host, username, channels = sys.argv[1:]
    task.react(main, (host, username, os.environ.get("TXAMI_SECRET") or getpass("Secret: "), channels, sys.stdin))
