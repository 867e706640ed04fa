"""Start the server and the drivers, each in a process of its own, and check what they report."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .works import Checks

_ROOT: Final = Path(__file__).parent.parent


class Failed(Exception):
    """
    A driver did not do its work.

    :ivar reason: why.
    :ivar cost: what it cost nevertheless, if only the text is wrong of what it read.
    """

    def __init__(self, reason: str, cost: Cost | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cost = cost


@dataclass(frozen=True)
class Server:
    """Where the server is."""

    port: int
    tls_port: int
    ca_file: str


@contextlib.contextmanager
def serving(tls: bool = False) -> Iterator[Server]:
    """Run a replay server."""
    with tempfile.TemporaryDirectory() as directory:
        ca_file = str(Path(directory, "ca.pem"))
        command = [sys.executable, "-m", "benchmarks.server", *(["--ca", ca_file] if tls else [])]
        with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                yield Server(**json.loads(process.stdout.readline()), ca_file=ca_file)
            finally:
                process.stdin.close()


@dataclass(frozen=True)
class Cost:
    """
    What a work cost.

    :ivar cpu: seconds of the client's processor.
    :ivar wall: seconds from its beginning to its end.
    :ivar checks: what the driver reported besides.
    """

    cpu: float
    wall: float
    checks: Checks


def drive(command: list[str], orders: dict[str, Any], expected: Checks, timeout: float = 180) -> Cost:
    """
    Run a driver.

    :param command: its program.
    :param orders: see :class:`benchmarks.drivers.measuring.Orders`.
    :param expected: what it must report; further checks are handed over.
    :param timeout: seconds that it may take.
    :raises Failed: if it fails, or if its checks are not the expected ones.
    """
    try:
        done = subprocess.run(
            [*command, json.dumps(orders)], cwd=_ROOT, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"not done within {timeout:g} s") from None
    if done.returncode:
        raise Failed((done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1])
    reported = json.loads(done.stdout.strip().splitlines()[-1])
    cost = Cost(**reported)
    for name, value in expected.items():
        found = cost.checks.get(name)
        if found != value:
            # Only who read it all, if wrongly, has a cost that can be compared.
            whole = isinstance(found, list) and found[0] == value[0]
            raise Failed(f"the work was not done: {_difference(name, found, value)}", cost if whole else None)
    return cost


def _difference(name: str, found: object, expected: object) -> str:
    """Say what is wrong with a check."""
    if isinstance(found, list) and isinstance(expected, list):
        if found[0] == expected[0]:
            return f"the number of {name} is right, their text is not"
        found, expected = found[0], expected[0]
    return f"{name} is {found}, not {expected}"
