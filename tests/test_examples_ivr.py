"""The menu of ``examples/ivr_asyncagi.py``, on a network in memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.agi import FakeAGI, FakeCall
from tests.memory import MemoryNetwork
from tests.test_examples import HOST, Run, network, run, server
from txami.testing import FakeAsterisk

__all__ = ["network", "run", "server"]


@pytest.fixture
def agi(server: FakeAsterisk) -> FakeAGI:
    """Have calls enter the menu."""
    return FakeAGI(server)


def serve(network: MemoryNetwork, run: Run, *steps: Callable[[], object]) -> list[str]:
    """Run the example while one thing happens after the other; return what it prints."""
    for number, step in enumerate(steps, 1):
        network.callLater(5 * number, step)
    network.callLater(5 * len(steps) + 5, network.interrupt)
    code, lines = run("ivr_asyncagi.py", HOST, "admin")
    assert (code, lines[0]) == (0, "waiting for callers")
    return lines[1:]


def test_a_caller_is_told_the_balance(network: MemoryNetwork, agi: FakeAGI, run: Run) -> None:
    lines = serve(network, run, lambda: agi.call("0042", arg_1="balance"))
    assert lines == ["100: enters", "100: is told the balance"]
    call = agi.calls[0]
    assert call.commands == [
        ["ANSWER"],
        ["GET", "DATA", "vm-password", "5000", "4"],
        ["SAY", "NUMBER", "7", ""],
        ["SET", "VARIABLE", "IVR_RESULT", "balance"],
        ["ASYNCAGI", "BREAK"],
    ]
    assert (call.ended, call.variables) == ("break", {"IVR_RESULT": "balance"})
    assert agi.server.sessions == []


def test_a_caller_is_put_through(network: MemoryNetwork, agi: FakeAGI, run: Run) -> None:
    lines = serve(network, run, lambda: agi.call("9", "99", "999", arg_1="balance"))
    assert lines == ["100: enters", "100: goes to the operator"]
    assert agi.calls[0].commands[-3:] == [
        ["SET", "EXTENSION", "200"],
        ["SET", "PRIORITY", "1"],
        ["ASYNCAGI", "BREAK"],
    ]


def test_several_callers_and_one_hangs_up(network: MemoryNetwork, agi: FakeAGI, run: Run) -> None:
    calls: list[FakeCall] = []
    lines = serve(
        network,
        run,
        lambda: calls.extend(agi.call(pin, held=True, arg_1="balance") for pin in ("1234", "0042")),
        lambda: calls[0].go_on(2),
        lambda: calls[0].hang_up(),
        lambda: calls[1].go_on(1),
        lambda: calls[1].release(),
    )
    assert lines == ["100: enters", "100: enters", "100: hung up", "100: is told the balance"]
    assert [call.ended for call in calls] == ["hangup", "break"]


def test_calls_for_others_are_left_alone(network: MemoryNetwork, agi: FakeAGI, run: Run) -> None:
    assert serve(network, run, lambda: agi.call("1234", arg_1="other")) == []
    assert agi.calls[0].commands == []


def test_who_is_in_the_menu_at_the_end_may_finish(network: MemoryNetwork, agi: FakeAGI, run: Run) -> None:
    calls: list[FakeCall] = []
    network.callLater(20, lambda: calls[0].release())
    lines = serve(network, run, lambda: calls.append(agi.call("1234", held=True, arg_1="balance")))
    assert lines == ["100: enters", "100: is told the balance"]


def test_wrong_arguments(run: Run) -> None:
    assert "python examples/ivr_asyncagi.py HOST USERNAME" in str(run("ivr_asyncagi.py")[0])


def test_login_refused(server: FakeAsterisk, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TXAMI_SECRET", "not the right one")
    code = str(run("ivr_asyncagi.py", HOST, "admin")[0])
    assert code.startswith("Asterisk refused to log in 'admin'")
    assert "not the right one" not in code
