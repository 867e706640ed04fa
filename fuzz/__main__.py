"""
Search for inputs that break something.

``python -m fuzz TARGET|all [OPTIONS] [FOLDERS]``: the options are libFuzzer's, such as ``-max_total_time=20`` (seconds)
or ``-runs=1000000``; what a search finds interesting goes to the first folder.  It begins with the saved corpus.
It ends with status 0, or at the first input that breaks something, which is kept in ``fuzz/found``.

``python -m fuzz minimise TARGET [FOLDERS]``: make the saved corpus anew, from it, the seeds and the folders.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from . import corpus
from .mutations import WORDS

FOUND: Final = Path(__file__).with_name("found")

#: One input must be done within so many seconds, and the process stay within so many MiB.
_LIMITS: Final = ("-timeout=10", "-rss_limit_mb=1024", f"-max_len={corpus.MAX_SIZE}", "-print_final_stats=1")
_NAMES: Final = ("framer", "message", "wire", "replies", "agi", "escapes", "protocol", "login")


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; return the status."""
    what, *rest = arguments or ["help"]
    if what == "all":
        return max(subprocess.call([sys.executable, "-m", "fuzz", name, *rest]) for name in _NAMES)
    if what == "minimise" and rest and rest[0] in _NAMES:
        return _minimise(rest[0], rest[1:])
    if what in _NAMES:
        return _search(what, rest)
    print(__doc__, "TARGET: ", ", ".join(_NAMES), sep="\n")
    return 2


def _search(name: str, arguments: Sequence[str]) -> int:
    FOUND.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder, words = Path(scratch, "corpus"), Path(scratch, "words")
        _write(folder, corpus.load(name) or corpus.seeds(name))
        words.write_text("".join(f'"{_quoted(word)}"\n' for word in WORDS))
        options = [argument for argument in arguments if argument.startswith("-")]
        folders = [argument for argument in arguments if not argument.startswith("-")]
        limits = [*_LIMITS, f"-dict={words}", f"-artifact_prefix={FOUND}/{name}-"]
        # What is new goes to the first.
        launcher = Path(scratch, "launcher")
        launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fuzz.search {name} "$0" "$@"\n')
        launcher.chmod(0o755)
        return subprocess.call([launcher, *limits, *options, *folders, str(folder)])


def _minimise(name: str, folders: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        known, least = Path(scratch, "known"), Path(scratch, "least")
        _write(known, [*corpus.load(name), *corpus.seeds(name)])
        least.mkdir()
        status = _search(name, ["-merge=1", str(least), str(known), *folders])
        if status == 0:
            path = corpus.save(name, [path.read_bytes() for path in least.iterdir()])
            print(f"{path}: {len(corpus.load(name))} inputs, {path.stat().st_size} bytes")
        return status


def _write(folder: Path, inputs: Iterable[bytes]) -> None:
    folder.mkdir()
    for number, data in enumerate(inputs):
        (folder / str(number)).write_bytes(data)


def _quoted(word: bytes) -> str:
    return "".join(f"\\x{code:02x}" for code in word)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
