"""Installs Asterisk from Debian's packages, each release in a directory of its own.

Two suites of Debian carry the two releases that the tests want. ``debootstrap``
unpacks a minimal system with Asterisk for each; servers are then run from there
with ``chroot`` (see :mod:`tests.asterisk.lab`). The host is not touched, except
for the package ``debootstrap`` itself.
"""

from __future__ import annotations

import collections.abc
import fcntl
import os
import pathlib
import shutil
import subprocess

#: which suite of Debian has which release of Asterisk
SUITES = {"22": "sid", "16": "bullseye"}

_APT = pathlib.Path("/etc/apt")
_SCHEMES = ("http://", "https://")
_MIRROR_LIST = "mirror+file:"


class LabError(Exception):
    """A server could not be installed, configured or started."""


def home() -> pathlib.Path:
    """Say where the installations are: ``TXAMI_LAB``, or a directory for caches."""
    return pathlib.Path(os.environ.get("TXAMI_LAB", "/var/cache/txami")).resolve()


def root(version: str) -> pathlib.Path:
    """Return the root directory of the system that holds a release.

    :param version: a key of :data:`SUITES`.
    """
    return home() / SUITES[version]


def installed(version: str) -> bool:
    """Tell whether a release of Asterisk is there and complete."""
    return (root(version) / "usr/sbin/asterisk").exists()


def install() -> None:
    """Install every release that is missing, all at the same time.

    Interrupted at any point it leaves nothing that the next call would take for an
    installation.

    :raises LabError: when not run by root, or when Debian's tools fail.
    """
    if all(map(installed, SUITES)):
        return
    if os.geteuid() != 0:
        raise LabError("installing Asterisk needs root")
    home().mkdir(parents=True, exist_ok=True)
    with open(home() / "install.lock", "w") as lock:
        # Somebody else may be at it; what they finish we need not do.
        fcntl.flock(lock, fcntl.LOCK_EX)
        _need_debootstrap()
        missing = [suite for version, suite in SUITES.items() if not installed(version)]
        _bootstrap(missing, lock.fileno())


def _need_debootstrap() -> None:
    """Install ``debootstrap`` on the host unless it is there."""
    if shutil.which("debootstrap", path=_environment()["PATH"]):
        return
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "debootstrap"]):
        done = subprocess.run(
            command,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise LabError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}")


def _environment() -> dict[str, str]:
    """Return an environment in which administrative commands are found, and ask nothing."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    return {**os.environ, "PATH": path, "DEBIAN_FRONTEND": "noninteractive"}


def _bootstrap(suites: list[str], lock: int) -> None:
    """Run one ``debootstrap`` for each suite and wait for all of them."""
    archive = mirror()
    for suite in suites:
        _remove(_partial(suite))
    running = {suite: _debootstrap(suite, archive, lock) for suite in suites}
    try:
        for process in running.values():
            process.wait()
    finally:
        for process in running.values():
            # Only after an interruption; debootstrap unmounts when it is told to go.
            process.terminate()
            process.wait()
    for suite, process in running.items():
        if process.returncode:
            raise LabError(f"debootstrap {suite} failed:\n{tail(_log(suite))}")
        _finish(suite)


def _debootstrap(suite: str, archive: str, lock: int) -> subprocess.Popen[bytes]:
    """Start to unpack a suite into its ``.partial`` directory."""
    command = ["debootstrap", "--variant=minbase", "--include=asterisk"]
    with open(_log(suite), "wb") as log:
        return subprocess.Popen(
            [*command, suite, str(_partial(suite)), archive],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Should this process be killed, the lock lives as long as its children.
            pass_fds=[lock],
        )


def _finish(suite: str) -> None:
    """Turn a complete ``.partial`` directory into the installation."""
    partial = _partial(suite)
    _unmount_below(partial)
    for package in partial.glob("var/cache/apt/archives/*.deb"):
        package.unlink()
    partial.rename(home() / suite)


def _partial(suite: str) -> pathlib.Path:
    """Return the directory in which a suite is unpacked."""
    return home() / f"{suite}.partial"


def _log(suite: str) -> pathlib.Path:
    """Return the file with what ``debootstrap`` said about a suite."""
    return home() / f"{suite}.log"


def _remove(directory: pathlib.Path) -> None:
    """Remove what an interrupted ``debootstrap`` left, but nothing mounted there."""
    _unmount_below(directory)
    if directory.exists():
        shutil.rmtree(directory)


def _unmount_below(directory: pathlib.Path) -> None:
    """Unmount what is mounted below a directory.

    :raises LabError: when something stays mounted.
    """
    for mounted in reversed(_mounts_below(directory)):
        subprocess.run(["umount", mounted], env=_environment(), stderr=subprocess.DEVNULL)
    left = _mounts_below(directory)
    if left:
        raise LabError(f"cannot unmount {', '.join(left)}")


def _mounts_below(directory: pathlib.Path) -> list[str]:
    """List the mount points below a directory, in the order of mounting."""
    try:
        lines = pathlib.Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return []
    points = [line.split()[1].encode().decode("unicode_escape") for line in lines]
    return [point for point in points if point.startswith(f"{directory}/")]


def tail(file: pathlib.Path, lines: int = 30) -> str:
    """Return the last lines of a text file, or nothing if it cannot be read."""
    try:
        text = file.read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def mirror(apt: pathlib.Path = _APT) -> str:
    """Find the Debian archive that the host itself uses.

    :param apt: apt's directory of configuration.
    :raises LabError: when apt's sources name none.
    """
    found = [_resolved(uri) for uri in _archives(apt)]
    usable = [uri for uri in found if uri.startswith(_SCHEMES)]
    # Others use the names of Debian's suites and components too, so a directory
    # that is called like Debian's own comes first.
    usable.sort(key=lambda uri: not uri.rstrip("/").endswith("/debian"))
    if not usable:
        raise LabError(f"no Debian archive in the apt sources of {apt}")
    return usable[0]


def _archives(apt: pathlib.Path) -> collections.abc.Iterator[str]:
    """Yield the URIs in apt's sources that offer a whole suite of Debian's."""
    lists = [apt / "sources.list", *sorted(apt.glob("sources.list.d/*.list"))]
    for file in filter(pathlib.Path.is_file, lists):
        yield from _one_line(file.read_text())
    for file in sorted(apt.glob("sources.list.d/*.sources")):
        yield from _deb822(file.read_text())


def _one_line(text: str) -> collections.abc.Iterator[str]:
    """Yield the archives of a ``.list`` file: ``deb [options] URI suite component``."""
    for line in text.splitlines():
        kind, rest = (*line.partition("#")[0].split(maxsplit=1), "", "")[:2]
        if rest.startswith("["):
            rest = rest.partition("]")[2]
        words = rest.split()
        if kind == "deb" and len(words) > 2 and _is_archive(words[1:2], words[2:]):
            yield words[0]


def _deb822(text: str) -> collections.abc.Iterator[str]:
    """Yield the archives of a ``.sources`` file: paragraphs of ``Name: value``."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for paragraph in "\n".join(lines).split("\n\n"):
        fields = _fields(paragraph)
        enabled = fields.get("enabled", ["yes"]) != ["no"]
        archive = _is_archive(fields.get("suites", []), fields.get("components", []))
        if enabled and archive and "deb" in fields.get("types", []):
            yield from fields.get("uris", [])


def _fields(paragraph: str) -> dict[str, list[str]]:
    """Return the words of each field of a paragraph, by lower-case name."""
    fields: dict[str, list[str]] = {}
    words: list[str] = []
    for line in paragraph.splitlines():
        if not line[:1].isspace():
            name, _, line = line.partition(":")
            words = fields.setdefault(name.lower(), [])
        words.extend(line.split())
    return fields


def _is_archive(suites: list[str], components: list[str]) -> bool:
    """Tell Debian's archive from its security updates and from other people's."""
    plain = [suite for suite in suites if "/" not in suite and "-" not in suite]
    return bool(plain) and "main" in components


def _resolved(uri: str) -> str:
    """Return the first archive of a list of mirrors; any other URI as it is."""
    if not uri.startswith(_MIRROR_LIST):
        return uri
    text = pathlib.Path(uri.removeprefix(_MIRROR_LIST)).read_text()
    return text.split()[0] if text.split() else uri
