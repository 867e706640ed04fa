"""What ``import txami`` loads, and what it leaves for later."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import txami

ROOT = Path(__file__).parent.parent

#: Public names whose modules most programs do without, and these modules.
LATER = {
    "AGIResult": "txami.agi",
    "AGISession": "txami.agisession",
    "AMIPool": "txami.pool",
    "AsyncAGI": "txami.asyncagi",
}


def fresh(program: str) -> str:
    """Run a program in an interpreter of its own, and return what it prints."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_what_few_programs_use_is_not_loaded() -> None:
    loaded = fresh("import sys, txami; print(*sys.modules)").split()
    assert "txami.protocol" in loaded
    assert not {*LATER.values(), "txami.agicommands", "txami.catalogue", "txami.config"} & {*loaded}
    # Nor what takes the standard library long.
    assert not {"secrets", "argparse", "ssl", "asyncio"} & {*loaded} - {*_by_twisted()}


def _by_twisted() -> list[str]:
    return fresh("import sys, twisted.application.internet, twisted.internet.endpoints; print(*sys.modules)").split()


@pytest.mark.parametrize(("name", "module"), LATER.items())
@pytest.mark.parametrize("way", ["import txami; found = txami.{0}", "from txami import {0} as found"])
def test_it_is_loaded_when_it_is_asked_for(name: str, module: str, way: str) -> None:
    asked = f"{way.format(name)}; import txami; print(found.__module__, found is vars(txami)['{name}'])"
    assert fresh(asked) == f"{module} True"


def test_all_public_names_are_there() -> None:
    assert fresh("from txami import *; import txami; print({*txami.__all__} - {*globals()})") == "set()"
    assert {*txami.__all__} <= {*dir(txami)}
    assert fresh("import txami; print({*txami.__all__} - {*dir(txami)})") == "set()"
    assert dir(txami) == sorted({*dir(txami)})


def test_no_other_name_is_there() -> None:
    with pytest.raises(AttributeError, match=r"^module 'txami' has no attribute 'AMIPol'$"):
        getattr(txami, "AMIPol")  # noqa: B009
    with pytest.raises(ImportError, match="cannot import name 'AMIPol' from 'txami'"):
        from txami import AMIPol  # type: ignore[attr-defined]  # noqa: F401
