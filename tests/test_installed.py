"""Both ways of installing the package, and the commands that it then offers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import txami
from tests.installed import Installed, installed, why_not

COMMANDS = ("twistd", "twist")


@pytest.fixture(params=["wheel", "editable"])
def package(request: pytest.FixtureRequest) -> Installed:
    """Install the package, or say why that cannot be."""
    reason = why_not()
    if reason is not None:
        if "TXAMI_REQUIRE_ASTERISK" in os.environ:
            pytest.fail(reason)
        pytest.skip(reason)
    return installed(str(request.param))


def test_the_command_line(package: Installed) -> None:
    done = package.run("txami", "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"txami {txami.__version__}\n", "")


def test_it_is_not_the_checkout_of_the_tests(package: Installed) -> None:
    done = package.run("python", "-c", "import txami; print(txami.__file__)")
    assert done.stdout.strip() != txami.__file__


@pytest.mark.parametrize("command", COMMANDS)
def test_the_subcommand(package: Installed, command: str) -> None:
    shown = package.run(command, "--help")
    assert "Asterisk's manager interface: your handlers" in shown.stdout.replace("\n", " ").replace("  ", "")
    done = package.run(command, "txami", "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"txami {txami.__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--endpoint", "pbx", "--username", "admin"],
            "txami: no secret: name a file with --secret-file, or set TXAMI_SECRET\n",
        ),
        (
            ["--app", "nowhere"],
            "txami: the app 'nowhere': there is no module 'nowhere'; install it, or put its folder on PYTHONPATH\n",
        ),
        (["--config", "/no/such"], "txami: the configuration /no/such cannot be read: No such file or directory\n"),
        (["--nonsense"], "txami: option --nonsense not recognized; see --help\n"),
    ],
)
def test_mistakes_are_one_line(package: Installed, command: str, arguments: list[str], said: str) -> None:
    done = package.run(command, "txami", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_everything_is_installed(package: Installed) -> None:
    done = package.run("python", "-c", "import txami; print(txami.__file__)")
    ours, theirs = Path(txami.__file__).parent, Path(done.stdout.strip()).parent
    assert files(ours) == files(theirs)


def files(folder: Path) -> set[Path]:
    """Return what a wheel should have of a package."""
    return {path.relative_to(folder) for path in folder.rglob("*.*") if path.suffix in (".json", ".py", ".typed")}
