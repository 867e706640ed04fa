"""The page about reliability: its rows name tests that exist, its commands can be run; and what no other test shows."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.interfaces import IHostnameResolver, IHostResolution, IResolutionReceiver
from twisted.internet.testing import MemoryReactorClock
from zope.interface import implementer

from tests.parity import Row, names_of_tests, rows
from tests.test_hostile_server import Link
from tests.test_readme import HOME
from txami import NotConnected, connect

PAGE = HOME / "docs" / "reliability.rst"
TEXT = PAGE.read_text(encoding="utf-8")

ROWS = rows(PAGE)
FAULTS = [row for row in ROWS if len(row.cells) == 2]
FIGURES = [row for row in ROWS if len(row.cells) == 3]

COMMANDS = [" ".join(command.split()) for command in re.findall(r"``((?:[A-Z_]+=\S+ )*python -m [^`]+)``", TEXT)]


def test_the_rows_are_read() -> None:
    assert len(ROWS) == TEXT.count("\n   * - ") - TEXT.count(":header-rows: 1")
    assert len(ROWS) == len(FAULTS) + len(FIGURES)
    assert len(FAULTS) > 50
    assert len(FIGURES) == len(COMMANDS) > 10


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: row.cells[0])
def test_a_fault_names_its_tests(row: Row) -> None:
    assert row.tests, f"no test shows: {row.cells[0]}"
    for path, name in row.tests:
        assert name in names_of_tests(path), f"{path} has no {name}"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_can_be_run(command: str) -> None:
    words = shlex.split(command)
    at = words.index("python")
    variables, module, arguments = words[:at], words[at + 2], words[at + 3 :]
    known, asked = _of_tests(arguments) if module == "pytest" else _of_module(module, arguments)
    for word in [*asked, *(variable.partition("=")[0] for variable in variables)]:
        assert word in known, f"nothing there knows of {word}"


def _of_tests(arguments: list[str]) -> tuple[str, list[str]]:
    """Return the source of the tests that are to run, and the names by which some of them are chosen."""
    files = [HOME / word for word in arguments if word.endswith(".py")]
    assert files
    chosen = arguments[arguments.index("-k") + 1] if "-k" in arguments else ""
    names = [word for word in chosen.split() if word not in ("and", "or")]
    return "".join(file.read_text(encoding="utf-8") for file in files), names


def _of_module(name: str, arguments: list[str]) -> tuple[str, list[str]]:
    """Return the source of what a module runs, and the options that it is to know."""
    spec = find_spec(name)
    if spec is not None and spec.submodule_search_locations:
        spec = find_spec(f"{name}.__main__")
    assert spec is not None, f"there is no {name}"
    assert spec.origin is not None
    options = [word.partition("=")[0] for word in arguments if word.startswith("-")]
    return Path(spec.origin).read_text(encoding="utf-8"), options


def test_a_value_that_has_the_end_of_a_message_ends_it() -> None:
    # Asterisk 22 and 16 answer a Getvar of BASE64_DECODE(...) so.
    link = Link()
    results, action_id = link.ask("Getvar")
    link.receive(b"Response: Success\r\nActionID: %s\r\nValue: a\r\n\r\nEvent: Hangup\r\nX: 1" % action_id)
    assert (results[0]["Value"], [event.name for event in link.events]) == ("a", ["Hangup"])


@implementer(IHostnameResolver, IHostResolution)
class Nowhere:
    """A resolver that finds no address for any name."""

    name = "pbx.example.com"

    def resolveHostName(
        self, resolutionReceiver: IResolutionReceiver, hostName: str, *args: Any, **options: Any
    ) -> IHostResolution:
        resolutionReceiver.resolutionBegan(self)
        resolutionReceiver.resolutionComplete()
        return self

    def cancel(self) -> None:
        raise NotImplementedError


def test_a_name_that_is_not_found() -> None:
    reactor = MemoryReactorClock()
    reactor.nameResolver = Nowhere()
    results: list[Any] = []
    connect(reactor, Nowhere.name, "admin", "hush").addErrback(results.append)
    (failure,) = results
    assert isinstance(failure.value, NotConnected)
    assert str(failure.value).startswith(f"cannot connect to {Nowhere.name}: DNS lookup failed")
    assert (reactor.tcpClients, reactor.getDelayedCalls()) == ([], [])
