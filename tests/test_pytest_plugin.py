"""The fixtures of pytest, in runs of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).parents[1]

pytest_plugins = ["pytester"]

GOOD = """
    import pytest
    from txami import ActionError
    from txami.testing import User

    def test_in_memory(fake_asterisk, ami):
        fake_asterisk.phones["PJSIP/alice"] = "busy"
        call = fake_asterisk.result_of(ami.originate("PJSIP/alice", context="default", exten="200"))
        assert fake_asterisk.result_of(call.outcome).status == "busy"
        assert fake_asterisk.clock.seconds() == fake_asterisk.ring_time

    def test_scripted(fake_asterisk, ami):
        fake_asterisk.expect("QueuePause", Interface="PJSIP/alice").respond(Message="Paused")
        assert fake_asterisk.result_of(ami.action("QueuePause", Interface="PJSIP/alice")).message == "Paused"

    @pytest.mark.fake_asterisk(version="5.0.4", users={"boss": User("hush", write="call")})
    def test_marked(fake_asterisk, ami):
        assert (ami.version, ami.username) == ((5, 0, 4), "boss")
        with pytest.raises(ActionError, match="Permission denied"):
            fake_asterisk.result_of(ami.action("Command", Command="core show uptime"))

    def test_not_used():
        pass
"""

BAD = """
    import txami

    def test_unanswered(fake_asterisk, ami):
        fake_asterisk.never_answer("Status")
        ami.action("Status").addErrback(lambda _: None)

    def test_unplayed(fake_asterisk):
        fake_asterisk.expect("QueuePause")

    def test_not_stopped(fake_asterisk):
        service = txami.AMIService(fake_asterisk.clock, fake_asterisk.endpoint(), "admin", "secret")
        service.startService()
        fake_asterisk.result_of(service.when_ready())

    def test_later(fake_asterisk, ami):
        fake_asterisk.clock.callLater(5, print)
"""


def run(pytester: pytest.Pytester, test: str) -> pytest.RunResult:
    """Run tests in a process of their own, with the plugin."""
    pytester.makepyfile(test)
    pytester.makeini("[pytest]\naddopts = --strict-markers -p pytest_txami\nfilterwarnings = error\n")
    return pytester.runpytest_subprocess("-q")


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the checkout found by the runs, whose folder is another."""
    monkeypatch.setenv("PYTHONPATH", str(HOME))
    # An installed txami has an entry point, by which the plugin would be loaded twice.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def test_the_fixtures(pytester: pytest.Pytester) -> None:
    run(pytester, GOOD).assert_outcomes(passed=4)


def test_what_is_left_is_an_error(pytester: pytest.Pytester) -> None:
    result = run(pytester, BAD)
    result.assert_outcomes(passed=4, errors=4)
    result.stdout.fnmatch_lines_random(
        [
            "*AssertionError: 1 of the actions that were sent have not been answered",
            "*AssertionError: the client did not keep to the script: QueuePause was expected, and did not come",
            "*AssertionError: something is still to happen; is all stopped?*",
        ]
    )
    assert str(result.stdout).count("Error: something is still to happen; is all stopped?") >= 2


def test_the_fixtures_are_listed(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\naddopts = -p pytest_txami\n")
    listed = pytester.runpytest_subprocess("--fixtures", "-q")
    listed.stdout.fnmatch_lines(["fake_asterisk*", "ami*"])
    markers = pytester.runpytest_subprocess("--markers")
    markers.stdout.fnmatch_lines(["@pytest.mark.fake_asterisk(users=..., version=..., faults=...)*"])


def test_it_costs_nothing_who_does_not_use_it() -> None:
    """Neither txami nor Twisted are imported by a run that has nothing to do with them."""
    program = """if True:
        import pytest, sys
        before = set(sys.modules)
        import pytest_txami
        print(sorted(set(sys.modules) - before))
    """
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=HOME, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "['pytest_txami']"
