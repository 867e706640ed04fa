"""The clients that are compared, and how each is started."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_DRIVERS: Final = Path(__file__).with_name("drivers")


@dataclass(frozen=True)
class Client:
    """
    One client.

    :ivar name: what the command line calls it.
    :ivar title: what tables call it.
    :ivar works: the works that make sense with it; ``None`` for all.
    :ivar module: what its interpreter must be able to import; empty for what is our own.
    :ivar shares: how much of which work it gets, for that would take minutes; the cost is that of an item.
    :ivar notes: what is known of works that it cannot do, or not without an error.
    """

    name: str
    title: str
    works: frozenset[str] | None = None
    module: str = ""
    shares: Mapping[str, float] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_peer(self) -> bool:
        """Whether it is another project's."""
        return bool(self.module)

    def does(self, work: str) -> bool:
        """Tell whether it can be asked for a work."""
        return self.works is None or work in self.works

    def command(self, python: str = sys.executable) -> list[str]:
        """
        Return the program that drives it.

        :param python: the interpreter that has the peers.
        """
        if self.name == "telephony":
            return ["perl", str(_DRIVERS / "telephony.pl")]
        driver = "bare" if self.name == "dict" else self.name.replace("-", "_")
        return [python if self.is_peer else sys.executable, "-m", f"benchmarks.drivers.{driver}"]

    def is_installed(self, python: str = sys.executable) -> bool:
        """Tell whether a peer can be run."""
        if not self.is_peer:
            return True
        probe = [python, "-c", f"import {self.module}"]
        if self.name == "telephony":
            probe = ["perl", f"-M{self.module}", "-e1"]
        return shutil.which(probe[0]) is not None and not subprocess.run(probe, capture_output=True).returncode


_ALL_BUT_HEADERS: Final = frozenset({"hangup", "all", "pipelined", "sequential", "list", "command"})

_TENTH: Final = dict.fromkeys(("hangup", "all", "headers", "list"), 0.1)

CLIENTS: Final = (
    Client("bare", "bare Protocol", works=_ALL_BUT_HEADERS),
    Client("dict", "plain dict", works=frozenset({"headers"})),
    Client("txami", "txami"),
    Client(
        "panoramisk",
        "panoramisk",
        module="panoramisk",
        shares=_TENTH,
        notes={
            "headers": "an empty header at the end of an event is lost, and one named content is added",
            "command": "blanks at the end of the output are lost",
        },
    ),
    Client(
        "pystrix",
        "pystrix",
        module="pystrix.ami",
        shares={**_TENTH, "sequential": 0.005},
        notes={
            "pipelined": "each call waits for its reply",
            "list": "it sleeps 20 ms after each item, so that no minute is enough",
            "command": "only the last line of the output is there",
        },
    ),
    Client(
        "asterisk-ami",
        "asterisk-ami",
        module="asterisk.ami",
        shares={**_TENTH, "command": 0.1},
        notes={"command": "blanks at the start and the end of each line are lost"},
    ),
    Client("telephony", "Telephony::Asterisk::AMI", module="Telephony::Asterisk::AMI", shares=_TENTH),
)
