"""The watch over the suite sees what it is to see."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from twisted.logger import Logger
from twisted.python.failure import Failure

from tests.commandline import HOME
from tests.secretwatch import SecretWatch
from txami import Secret

SECRET = "for-the-watch-of-the-suite"

pytestmark = pytest.mark.shows_a_secret

LEAKING = f"""
import logging, sys, warnings
import pytest
from twisted.logger import Logger
from txami import Secret

secret = Secret("{SECRET}").reveal()

def test_log(): Logger().debug("it is {{it}}", it=secret)
def test_value(): Logger().info("it is hidden", it=[secret])
def test_logging(): logging.getLogger("some.where").error("it is %s", secret)
def test_stdout(): print(secret)
def test_stderr(): print(secret, file=sys.stderr)
def test_warning(): warnings.warn(secret)
def test_quiet(): pass
@pytest.mark.shows_a_secret
def test_on_purpose(): print(secret)
def test_after_it(): print("nothing")
"""


def test_a_test_that_shows_a_secret_fails_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "test_leaking.py").write_text(LEAKING)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rE", "-p", "tests.conftest", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=HOME,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    lines = run.stdout.splitlines()
    failed = {line.split("::")[1].split(" ")[0] for line in lines if line.startswith("ERROR ") and "::" in line}
    assert failed == {f"test_{name}" for name in ("log", "value", "logging", "stdout", "stderr", "warning")}, run.stdout
    assert "a secret was seen:" in lines
    assert run.returncode == 1


def test_it_sees_tracebacks_and_says_where_without_repeating_it() -> None:
    watch = SecretWatch()
    with watch.watching():
        Secret(SECRET)
        try:
            raise ValueError(f"cannot log in with {SECRET}")
        except ValueError:
            Logger().failure("it failed", Failure())
            logging.getLogger("some.where").exception("it failed")
    leaks = watch.leaks()
    assert {leak.partition(":")[0] for leak in leaks} == {"log", "traceback", "values of the log"}
    assert not any(SECRET in leak for leak in leaks)
    assert watch.leaks() == []


def test_an_ordinary_word_is_no_secret() -> None:
    watch = SecretWatch()
    with watch.watching():
        for word in ("secret", "hush-hush", "xxxxxxxxxxxxxxxx"):
            Secret(word)
        Secret(Secret(SECRET))
    assert watch.secrets == {SECRET}
    Secret("another-" + SECRET)
    assert watch.secrets == {SECRET}
