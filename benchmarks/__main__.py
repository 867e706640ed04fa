"""``python -m benchmarks``: run them, and print tables and a chart."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from . import chart, tables
from .clients import CLIENTS, Client
from .promises import promises
from .results import Promise, Results
from .rounds import measure
from .running import Failed, serving
from .works import WORKS


def main(arguments: list[str]) -> int | str:
    """
    Do what the command line says.

    :return: the exit status, or what is wrong.
    """
    options = _parser().parse_args(arguments)
    try:
        factor = 0.1 if options.quick else 1
        works = [work.scaled(factor) for work in _chosen(WORKS, options.works, "work")]
        # Who asks for some works wants just these.
        names = "none" if options.works and not options.promises else options.promises
        wanted = [each for each in _chosen(promises(factor), names, "promise") if options.long or not each.long]
        python = _peers(options.peers) if options.peers else sys.executable
        clients = _clients(options.clients, python) if works else []
        results = Results(works, clients)
        with serving(tls=any(each.needs_tls for each in wanted)) as server:
            measure(server, results, options.rounds, lambda client: client.command(python))
            found = [each.keep(server, options.rounds) for each in wanted]
    except (Failed, ValueError) as error:
        return str(error)
    _print(results, found, options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure txami, floors that nobody can be cheaper than, and the other clients that are installed.",
    )
    add = parser.add_argument
    add("--works", default="", help=f"some of {_names(WORKS)}, with commas between; or 'none'")
    add("--clients", default="", help=f"some of {_names(CLIENTS)}, with commas between")
    add("--promises", default="", help=f"some of {_names(promises())}, with commas between; or 'none'")
    add("--rounds", type=int, default=5, help="how often everything is measured (default: %(default)s)")
    add("--quick", action="store_true", help="a tenth of the work: to see that it runs")
    add("--long", action="store_true", help="ten million events as well, for the memory")
    add("--peers", metavar="DIR", help="a virtual environment with the other clients; it is made if it is not there")
    add("--json", metavar="FILE", help="write all figures there")
    add("--rst", metavar="FILE", help="write the tables there, in reStructuredText")
    add("--svg", metavar="FILE", help="write the chart there")
    return parser


def _names(known: Any) -> str:
    return ", ".join(each.name for each in known)


def _chosen(known: Any, names: str, kind: str) -> list[Any]:
    """
    Return those that are named; all if none is.

    :raises ValueError: if there is no such thing.
    """
    if names == "none":
        return []
    wanted = names.split(",") if names else [each.name for each in known]
    for name in wanted:
        if name not in {each.name for each in known}:
            raise ValueError(f"there is no {kind} {name!r}; there are {_names(known)}")
    return [each for each in known if each.name in wanted]


def _clients(names: str, python: str) -> list[Client]:
    """Return the clients to measure: those that are named, or all that are installed."""
    clients = _chosen(CLIENTS, names, "client")
    if any(client.name == "bare" for client in clients):
        # The floor of the one work where bare is none.
        clients = [client for client in CLIENTS if client in clients or client.name == "dict"]
    missing = [client for client in clients if not client.is_installed(python)]
    for client in missing:
        print(f"{client.title} is not installed", file=sys.stderr)
    return [client for client in clients if client not in missing]


def _peers(directory: str) -> str:
    """Return the interpreter of an environment with the peers that pip brings; make it if it is not there."""
    python = Path(directory, "bin", "python")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
        names = [client.name for client in CLIENTS if client.is_peer and client.name != "telephony"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *names], check=True)
    return str(python)


def _print(results: Results, found: list[Promise], options: argparse.Namespace) -> None:
    costs = tables.Costs(results)
    kept = tables.promises(found)
    if results.costs:
        print(tables.as_text(costs.rows), *_notes(costs), "", chart.as_text(results), sep="\n")
    if found:
        print("", tables.as_text(kept), sep="\n")
    if options.json:
        figures = {"works": results.as_json(), "promises": [{**vars(each), "met": each.met} for each in found]}
        Path(options.json).write_text(json.dumps({"machine": _machine(), **figures}, indent=1) + "\n")
    if options.rst:
        parts = [tables.as_rst(costs.rows), *(f"{note}\n" for note in _notes(costs)), tables.as_rst(kept), _machine()]
        Path(options.rst).write_text("\n".join(parts) + "\n")
    if options.svg:
        Path(options.svg).write_text(chart.as_svg(results))


def _notes(costs: tables.Costs) -> list[str]:
    return [f"({number}) {note}" for number, note in enumerate(costs.notes, 1)]


def _machine() -> str:
    """Say where it was measured."""
    import twisted

    return f"Measured with Python {platform.python_version()} and Twisted {twisted.__version__}."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
