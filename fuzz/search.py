"""
One search, in a process of its own: libFuzzer ends the process that it runs in.

Here txami is imported first, with its code instrumented, so nothing above may import it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def search(name: str, launcher: str) -> None:
    """
    Search as the command line's options say; never return.

    :param name: the target's name.
    :param launcher: an executable that does the same, which libFuzzer calls for parts of a merge.
    """
    atheris: Any = import_module("atheris")  # an extra, without types
    with atheris.instrument_imports(include=["txami"]):
        from .targets import TARGETS
    from twisted.logger import globalLogBeginner

    # Else the log is kept until somebody asks for it.
    globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)
    atheris.Setup([launcher, *sys.argv[3:]], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    search(*sys.argv[1:3])
