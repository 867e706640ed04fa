"""What tests of tables share: the rows of a page, where the tests that they name are, and short conversations."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import txami
from tests.test_readme import HOME
from txami.testing import FakeAsterisk

PAGE = HOME / "docs" / "parity.rst"

_TABLE = re.compile(r"^\.\. list-table::\n(?:   :.*\n)*\n((?:   .*\n|\n)+)", re.MULTILINE)
_NAMED = re.compile(r"``(tests/[\w/]+\.py)::([\w:]+)``")


@dataclass(frozen=True)
class Row:
    """
    A row of the table.

    :ivar cells: what stands in it, without its tests.
    :ivar tests: the tests that it names: file, and function or class and method.
    """

    cells: tuple[str, ...]
    tests: tuple[tuple[str, str], ...]


def rows(page: Path = PAGE) -> list[Row]:
    """Return all rows of a page, without the heads of the tables."""
    found = []
    for table in _TABLE.findall(page.read_text(encoding="utf-8")):
        _, *items = re.split(r"^\* - ", textwrap.dedent(table), flags=re.MULTILINE)[1:]
        found += [_row(item) for item in items]
    return found


def _row(item: str) -> Row:
    *cells, last = [" ".join(cell.split()) for cell in re.split(r"^  -(?: |$)", item, flags=re.MULTILINE)]
    return Row(tuple(cells), tuple(_NAMED.findall(last)))


@lru_cache
def names_of_tests(path: str) -> frozenset[str]:
    """Return the functions of a module, and the methods of its classes as ``Class::method``."""
    names = set()
    for node in ast.parse((HOME / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {
                f"{node.name}::{each.name}"
                for each in node.body
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            }
    return frozenset(name for name in names if name.rpartition("::")[2].startswith("test_"))


def modules() -> list[str]:
    """Return the modules whose tests are all there for the table's sake."""
    found = [*HOME.glob("tests/test_parity_[!pg]*.py"), HOME / "tests" / "asterisk" / "test_parity.py"]
    return [str(path.relative_to(HOME)) for path in sorted(map(Path, found))]


@contextmanager
def talking(version: str = "11.0.0", **options: Any) -> Iterator[tuple[FakeAsterisk, txami.AMIProtocol]]:
    """Give a server in memory, and a connection to it with these options."""
    fake = FakeAsterisk(version=version)
    ami = fake.result_of(txami.connect(fake.clock, fake.endpoint(), "admin", "secret", **options))
    yield fake, ami
    fake.result_of(ami.logoff())


def replied(script: str, version: str = "11.0.0") -> txami.Response:
    """Return what becomes of a reply."""
    with talking(version) as (fake, ami):
        fake.answer("Anything", script)
        return fake.result_of(ami.action("Anything", check=False))
