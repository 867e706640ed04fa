"""
The package as its users have it: installed by pip, in an environment of its own that has what it needs and no more.

Nothing is downloaded: what it needs is copied from the environment that the tests run in.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from txami.config import VARIABLES

HOME = Path(__file__).parents[1]

_SOURCES = ("txami", "pytest_txami.py", "twisted", "setup.py", "setup.cfg", "README.rst", "LICENSE")
_NEEDED = ("Twisted", "pyOpenSSL", "service-identity", "prometheus_client", "tomli", "setuptools")


class Installed:
    """
    A clean environment with the package.

    :param editable: whether it is installed by ``pip install -e``, or from a wheel.
    """

    def __init__(self, editable: bool) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="txami-installed-"))
        atexit.register(shutil.rmtree, self._directory)
        self._environment = self._directory / "venv"
        venv.create(self._environment, symlinks=True, with_pip=False)
        self.python = self._environment / "bin" / "python"
        for name in _closure(_NEEDED):
            self._copy(name)
        self._install(self._copy_of_the_sources(), editable)

    def script(self, name: str) -> str:
        """Return the path of a command."""
        return str(self._environment / "bin" / name)

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, far from the sources."""
        return subprocess.run(
            [self.script(command), *arguments],
            cwd=self._directory,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def _copy_of_the_sources(self) -> Path:
        """Copy, for building leaves things behind that would get into the next wheel."""
        copy = self._directory / "checkout"
        copy.mkdir()
        for name in _SOURCES:
            if (HOME / name).is_dir():
                shutil.copytree(HOME / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "dropin.cache"))
            else:
                shutil.copy(HOME / name, copy)
        return copy

    def _install(self, source: Path, editable: bool) -> None:
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "--quiet", "--disable-pip-version-check"]
        # The last of these is what newer versions of pip do anyway.
        how = ["--no-index", "--no-deps", "--no-build-isolation", "--use-pep517", *(["-e"] if editable else [])]
        done = subprocess.run(
            [*pip, "install", *how, str(source)], capture_output=True, text=True, check=False, env=environment()
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _copy(self, name: str) -> None:
        """Copy a distribution, with its commands."""
        found = distribution(name)
        (site,) = self._environment.glob("lib/python*/site-packages")
        for file in found.files or ():
            source = Path(str(found.locate_file(file)))
            if file.parts[0] != "..":
                target = site / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
            elif source.parent.name == "bin":
                _, _, program = source.read_text().partition("\n")
                script = self._environment / "bin" / source.name
                script.write_text(f"#!{self.python}\n{program}")
                script.chmod(0o755)


def environment(**variables: str) -> dict[str, str]:
    """Return this environment without what would change how txami is found, or what it does."""
    unwanted = {"PYTHONPATH", "TXAMI_CONFIG", *VARIABLES}
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return {**kept, "HOME": "/nonexistent", **variables}


@cache
def installed(how: str) -> Installed:
    """
    Return the environment that the whole process shares.

    :param how: ``"wheel"`` or ``"editable"``.
    """
    return Installed(how == "editable")


def why_not() -> str | None:
    """Say why nothing can be installed here; ``None`` if it can."""
    try:
        distribution("pip")
        # Older ones need more to build a wheel, and do not know all of our metadata.
        if Version(distribution("setuptools").version) >= Version("77"):
            return None
    except PackageNotFoundError:
        pass
    return "the tests that install the package need pip and setuptools 77: pip install 'txami[test]'"


def _closure(names: tuple[str, ...]) -> set[str]:
    """Return these distributions, as far as they are here, with all that they need."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        try:
            needs = [Requirement(text) for text in distribution(name).requires or ()]
        except PackageNotFoundError:
            continue
        if name not in found:
            found.add(name)
            waiting += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return found
