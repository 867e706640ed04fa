"""
What holds for the whole suite: a test that lets a secret be seen fails, and none fails because the machine is slow.

Looked at are all log events, warnings and what is printed, of every test.  A test that shows one on purpose, to see
that it would be found, says so: ``@pytest.mark.shows_a_secret``.
"""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Generator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings

from tests.secretwatch import SecretWatch
from txami import plaintext

_watch = SecretWatch()
_watching = ExitStack()
_warned: list[str] = []


# Of twisted.internet.testing.StringTransport, which is no machine to warn of.
plaintext._given.add(("192.168.1.1", 54321))


# How long an example takes is up to the machine.  The gate tries the same examples in each run, so that what fails
# there fails again; elsewhere each run tries others.
settings.register_profile(
    "patient",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="TXAMI_SAME_EXAMPLES" in os.environ,
)
settings.load_profile("patient")

# What a shell runs in the background ignores Ctrl-C, and so would the programs that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "shows_a_secret: shows a secret on purpose")
    _watching.enter_context(_watch.watching())


def pytest_unconfigure() -> None:
    _watching.close()


def pytest_warning_recorded(warning_message: warnings.WarningMessage, nodeid: str) -> None:
    # This comes when the test is over, and only if a warning is no failure anyway.
    if any(secret in str(warning_message.message) for secret in _watch.secrets):
        _warned.append(nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _warned:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for nodeid in _warned:
        terminalreporter.write_line(f"ERROR {nodeid} - a secret was seen in a warning")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "teardown":
        for where, text in report.sections:
            _watch.show(where, text)
        leaks = _watch.leaks()
        if leaks and item.get_closest_marker("shows_a_secret") is None:
            report.outcome = "failed"
            report.longrepr = "\n".join(["a secret was seen:", *leaks])
    return report
