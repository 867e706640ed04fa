"""
A menu for callers: it asks for a PIN and tells the balance, or puts them through to a person.

Run it as ``python examples/ivr_asyncagi.py HOST USERNAME``; it takes the secret from ``TXAMI_SECRET``, or asks.
In the dialplan ``AGI(agi:async,balance)`` brings callers here, and what follows is where they go afterwards.
"""

from __future__ import annotations

import os
import sys
from getpass import getpass
from typing import Any

from twisted.internet import defer, task

import txami
from txami.asyncagi import AsyncAGI

BALANCES = {"1234": 250, "0042": 7}


async def menu(session: txami.AGISession) -> None:
    """Serve one caller; many are served at once."""
    caller = session.environment["agi_callerid"]
    print(f"{caller}: enters")
    try:
        await session.answer()
        for _ in range(3):
            pin = await session.get_data("vm-password", timeout=5, max_digits=4)
            if pin in BALANCES:
                print(f"{caller}: is told the balance")
                await session.say_number(BALANCES[pin])
                await session.set_variable("IVR_RESULT", "balance")
                return
            await session.stream_file("vm-incorrect")
        print(f"{caller}: goes to the operator")
        await session.set_extension(200)
        await session.set_priority(1)
    except txami.AGIHangup:
        print(f"{caller}: hung up")


async def main(reactor: Any, host: str, username: str, secret: str) -> None:
    """Serve callers until Ctrl-C, through any number of connections."""
    service = txami.AMIService(reactor, host, username, secret, events="agi,call,dialplan")
    service.startService()
    try:
        await service.when_ready()
    except txami.AMIError as error:
        raise SystemExit(str(error)) from None
    agi = AsyncAGI(service, menu, where={"agi_arg_1": "balance"})
    print("waiting for callers")

    stopped: defer.Deferred[None] = defer.Deferred()

    async def stop() -> None:
        await agi.close()  # nobody is thrown out: who is in the menu may finish it
        await service.stopService()
        stopped.callback(None)

    reactor.addSystemEventTrigger("before", "shutdown", lambda: defer.ensureDeferred(stop()))
    await stopped


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    task.react(main, (*sys.argv[1:], os.environ.get("TXAMI_SECRET") or getpass("Secret: ")))
