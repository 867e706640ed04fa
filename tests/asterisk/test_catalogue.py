"""The catalogue and the real servers say the same."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.logger import capturedLogs

from tests.asterisk import debian
from tests.asterisk.support import AsteriskCase, on_each_server
from txami import ActionError, AMIProtocol, catalogue

HOME = Path(__file__).parents[2]
DOCUMENTATION = "usr/share/asterisk/documentation/core-en_US.xml"


async def release(ami: AMIProtocol) -> str:
    """Return the version of a server, such as ``"22.10.1"``."""
    found = re.match(r"Asterisk (\d+\.\d+\.\d+)", (await ami.command("core show version")).output[0])
    assert found is not None
    return found.group(1)


@on_each_server
class Catalogue(AsteriskCase):
    async def test_every_action_and_who_may_run_it(self) -> None:
        ami = await self.connect()
        version = await release(ami)
        commands = (await ami.action("ListCommands")).items()[2:]
        self.assertGreater(len(commands), 100)
        for name, text in commands:
            info = catalogue.action(name)
            assert info is not None, name
            self.assertEqual(info.name, name)
            self.assertTrue(info.in_version(version), name)
            found = re.search(r"\(Priv: (.*)\)$", text)
            assert found is not None, text
            self.assertEqual(set(found.group(1).split(",")) - {"all", "<none>"}, set(info.privilege), name)

    async def test_the_documented_events(self) -> None:
        ami = await self.connect()
        lines = (await ami.command("manager show events")).output
        names = {name for line in lines[2:] if line.startswith("  ") for name in line.split()}
        self.assertGreater(len(names), 100)
        known = [info.name.lower() for info in catalogue.events()]
        # The table cuts long names off.
        unknown = [name for name in names if not any(each.startswith(name.lower()) for each in known)]
        self.assertEqual(unknown, [])

    async def test_what_is_missing_is_named(self) -> None:
        ami = await self.connect("watcher")
        error = await self.failure(ami.action("AbsoluteTimeout", Channel="x", Timeout=1), ActionError)
        self.assertIn("write class for this action: one of system, call;", str(error))

    async def test_asterisk_says_nothing_of_a_misspelled_header_but_we_do(self) -> None:
        ami = await self.connect()
        with capturedLogs() as logged:
            await ami.action("QueueStatus", {f"Queeu{self.version}": "x"})
        self.assertEqual([event["header"] for event in logged if "header" in event], [f"Queeu{self.version}"])


class BuildTests(AsteriskCase):
    __test__ = True

    def test_what_is_shipped_is_what_is_built(self) -> None:
        self.need_lab("this test reads the documentation of the lab's servers")
        documented = [
            f"{version}={debian.root(version.split('.')[0]) / DOCUMENTATION}" for version in ("16.28.0", "22.10.1")
        ]
        tool = HOME / "tools" / "build_catalogue.py"
        with tempfile.TemporaryDirectory() as directory:
            built = Path(directory, "catalogue.json")
            subprocess.run([sys.executable, tool, built, *documented], check=True)
            self.assertEqual(built.read_text(), (HOME / "txami" / "catalogue.json").read_text())
