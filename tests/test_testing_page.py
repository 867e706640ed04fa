"""What the page about testing tells a user to type, typed."""

from __future__ import annotations

from typing import Any

import pytest

import txami
from tests.memory import MemoryNetwork
from tests.test_readme import HOME, blocks
from txami.testing import FakeAsterisk

pytest_plugins = ["pytester"]

PAGE = HOME / "docs" / "testing.rst"


def test_the_tests(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HOME))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    typed = "\n".join(block for block in blocks(PAGE) if "async def test_" not in block)
    pytester.makepyfile(typed)
    pytester.makeini("[pytest]\naddopts = --strict-markers -p pytest_txami\nfilterwarnings = error\n")
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=typed.count("def test_"))


def test_over_the_loopback() -> None:
    network = MemoryNetwork()
    names: dict[str, Any] = {"txami": txami, "FakeAsterisk": FakeAsterisk}
    (block,) = (block for block in blocks(PAGE) if "async def test_" in block)
    exec(block, names)
    network.result_of(names["test_over_the_loopback"](network))
    assert network.tcpServers == []


def test_what_a_script_complains_of() -> None:
    fake = FakeAsterisk()
    ami = fake.result_of(txami.connect(fake.clock, fake.endpoint(), "admin", "secret"))
    fake.expect("QueueStatus", Queue="sales")
    fake.result_of(ami.action("QueueStatus", check=False, Queue="support"))
    with pytest.raises(AssertionError) as raised:
        fake.check_script()
    assert f"    {str(raised.value).split(';')[0]}\n" in PAGE.read_text(encoding="utf-8")
