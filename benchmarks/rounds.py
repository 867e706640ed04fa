"""Run the works in rounds, so that a machine that is busy for a while is busy for all clients alike."""

from __future__ import annotations

import sys
from collections.abc import Callable

from .clients import Client
from .results import Results
from .running import Cost, Failed, Server, drive
from .works import Work

#: Starts a client's program: see :meth:`Client.command`.
Command = Callable[[Client], list[str]]


def measure(server: Server, results: Results, rounds: int, command: Command) -> None:
    """
    Measure every work with every client, in several rounds, the clients in rotating order.

    :raises Failed: if a floor or txami does not do its work: only a peer may fail.
    """
    for turn in range(rounds):
        for work in results.works:
            able = [client for client in results.clients if client.does(work.name)]
            start = turn % len(able) if able else 0
            for client in able[start:] + able[:start]:
                _measure_one(server, results, work, client, command(client))
                progress(f"round {turn + 1} of {rounds}: {work.name}, {client.name}")
    progress("")


def _measure_one(server: Server, results: Results, work: Work, client: Client, command: list[str]) -> None:
    key = work.name, client.name
    if key in results.failures and not results.costs[key]:
        return
    part = work.scaled(client.shares.get(work.name, 1))
    try:
        cost: Cost | None = run(server, part, client, command)
    except Failed as failed:
        if not client.is_peer:
            raise Failed(f"{client.name}, {work.name}: {failed.reason}", failed.cost) from None
        results.failures[key] = client.notes.get(work.name, failed.reason)
        cost = failed.cost
    if cost is not None:
        results.costs[key].append(cost.cpu / part.count * 1e6)


def run(server: Server, work: Work, client: Client, command: list[str]) -> Cost:
    """Do a work once."""
    orders = {"work": work.name, "host": "127.0.0.1", "port": server.port, "size": work.size, "repeat": work.repeat}
    return drive(command, orders, work.expected(client.name))


def progress(text: str) -> None:
    """Tell a person who waits how far it is."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
