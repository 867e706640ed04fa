"""The source distribution, in which all tests can be run."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.installed import HOME, environment, why_not

#: What is left where things were built or run, and is nobody's source.
LEFTOVERS = shutil.ignore_patterns("__pycache__", "*.py[cod]", "dropin.cache", "_build", "found", "_trial_temp*")
FOLDERS = (".ci", "benchmarks", "docs", "examples", "fuzz", "tests", "tools", "twisted", "txami")
FILES = ("LICENSE", "MANIFEST.in", "NEWS.rst", "README.rst", "pytest_txami.py", "ruff.toml", "setup.cfg", "setup.py")


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_it_has_all_that_the_tests_read(tmp_path: Path) -> None:
    checkout, made = tmp_path / "checkout", tmp_path / "made"
    for name in FOLDERS:
        shutil.copytree(HOME / name, checkout / name, ignore=LEFTOVERS)
    for name in FILES:
        shutil.copy(HOME / name, checkout)
    sources = {str(path.relative_to(checkout)) for path in checkout.rglob("*") if path.is_file()}
    for folder in ("docs/_build", "fuzz/found", "tests/__pycache__"):
        (checkout / folder).mkdir()
        (checkout / folder / "left.pyc").touch()
    done = subprocess.run(
        [sys.executable, "setup.py", "--quiet", "sdist", "--formats=tar", "--dist-dir", str(made)],
        cwd=checkout,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (archive,) = made.iterdir()
    with tarfile.open(archive) as opened:
        packed = {name.partition("/")[2] for name in opened.getnames() if not opened.getmember(name).isdir()}
    added = {name for name in packed if name.startswith("txami.egg-info/")} | {"PKG-INFO"}
    assert packed - added == sources
