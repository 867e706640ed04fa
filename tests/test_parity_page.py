"""The page of parity: every row names tests that exist, and every test that is there for a row is named by one."""

from __future__ import annotations

import re

import pytest

from tests.parity import PAGE, Row, modules, names_of_tests, rows
from txami.blocking import BlockingAMI

ROWS = rows()
COMMON = [row for row in ROWS if row.cells[1].startswith("``ami.") and len(row.cells) == 3]


def test_the_rows_are_read() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(ROWS) == text.count("\n   * - ") - text.count(":header-rows: 1")
    assert len(ROWS) > 120
    assert len(COMMON) > 35


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.cells[0])
def test_a_row_names_its_tests(row: Row) -> None:
    assert row.tests, f"no test shows: {row.cells[0]}"
    for path, name in row.tests:
        assert name in names_of_tests(path), f"{path} has no {name}"


def test_no_test_is_without_a_row() -> None:
    named = {test for row in ROWS for test in row.tests}
    there = {(path, name) for path in modules() for name in names_of_tests(path)}
    assert len(modules()) == 6
    assert there - named == set()


@pytest.mark.parametrize("row", COMMON, ids=lambda row: row.cells[0])
def test_a_method_that_is_named_exists(row: Row) -> None:
    methods = re.findall(r"``ami\.(\w+)\(", f"{row.cells[1]} {row.cells[2]}")
    assert methods
    for method in methods:
        assert hasattr(BlockingAMI, method), method
