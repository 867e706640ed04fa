"""
Every action that a real server has, run; see :mod:`tests.asterisk.coverage`.

With ``TXAMI_WRITE_COVERAGE`` in the environment what came of it is written to ``docs/coverage.rst``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread

from tests.asterisk.coverage import Examiner, Finding, Row, differences, filled
from tests.asterisk.coverage_calling import CALLING
from tests.asterisk.coverage_changing import CHANGING, ENDING
from tests.asterisk.coverage_raw import RawSession
from tests.asterisk.coverage_reading import READING
from tests.asterisk.coverage_report import text_table, write_document
from tests.asterisk.coverage_stage import Stage
from tests.asterisk.lab import Server
from tests.asterisk.support import AsteriskCase, on_each_server

#: What came of the rows on each server, and what the servers say of themselves.
_findings: dict[str, list[Finding]] = {}
_versions: dict[str, str] = {}


def tearDownModule() -> None:
    """Show the tables, and write them down if that is wanted and both servers were asked for all."""
    for version, findings in _findings.items():
        print(f"\n\n{_versions[version]}\n", *text_table(findings), sep="\n")
    if os.environ.get("TXAMI_WRITE_COVERAGE"):
        for version in ("22", "16"):
            if [finding.row for finding in _findings[version]] != rows_of(version):
                raise RuntimeError(f"not all rows were run on Asterisk {version}; nothing is written")
        write_document(_versions, _findings)


def rows_of(version: str, rows: Iterable[Row] = (*CALLING, *CHANGING, *ENDING, *READING)) -> list[Row]:
    """Return the rows of a server, in the order in which the tests run them."""
    return [row for row in rows if version in row.on.split()]


#: Replies that end the connection, or the server.
_LAST = ("closing", "closed")


@on_each_server
class Coverage(AsteriskCase):
    timeout = 170

    async def set_stage(self, server: Server) -> Stage:
        """Return a stage on a server."""
        ami = await self.connect(server=server)
        says = (await ami.command("core show version")).output[0]
        _versions[self.version] = " ".join(says.split()[:2])
        stage = Stage(self.reactor, ami, server)
        self.addCleanup(stage.close)
        return stage

    async def examiner(self, server: Server, stage: Stage, tls: bool = False) -> Examiner:
        """Return an examiner with a connection of its own."""
        ami = await self.connect(server=server, tls=tls, ping_interval=None)
        return Examiner(ami, self.version, stage, self.sleep)

    def conclude(self, findings: list[Finding], others: Iterable[str] = ()) -> None:
        """Keep what was found, and fail if anything was not as it should."""
        _findings.setdefault(self.version, []).extend(findings)
        faults = [f"{finding.row.action}: {fault}" for finding in findings for fault in finding.faults]
        faults += others
        self.assertEqual(faults, [], "\n".join(["", *faults]))

    async def test_there_is_a_row_for_every_action(self) -> None:
        self.need_lab("only the actions of the lab's servers are known")
        ami = await self.connect()
        actions = set((await ami.action("ListCommands")).keys()) - {"Response", "ActionID"}
        self.assertEqual(actions, {row.action for row in rows_of(self.version)})
        self.assertEqual(len(actions), {"22": 135, "16": 138}[self.version])

    async def test_what_reads(self) -> None:
        server = self.spare()
        stage = await self.set_stage(server)
        examiner = await self.examiner(server, stage)
        rows = rows_of(self.version, READING)
        props = await stage.set_up(name for row in rows for name in row.props)
        findings = [await examiner.examine(row) for row in rows]
        asked = [(row, filled(row.fields, props)) for row in rows if row.reply != "refused"]
        raw = await deferToThread(ask_raw, server, asked)
        singly = [await examiner.ask(row, fields) for row, fields in asked]
        others, faults = {"a raw session": raw}, []
        for name, asking in {"at once": examiner, "over TLS": await self.examiner(server, stage, tls=True)}.items():
            others[name] = await gatherResults([asking.ask(row, fields) for row, fields in asked])
            faults += [f"{name}: {fault}" for fault in (*asking.left(), *["strays"] * asking.strays)]
        self.conclude(findings, [*faults, *compare(asked, singly, others)])

    async def test_what_changes(self) -> None:
        server = self.spare()
        stage = await self.set_stage(server)
        examiner = await self.examiner(server, stage)
        findings = []
        for row in rows_of(self.version, (*CALLING, *CHANGING, *ENDING)):
            findings.append(await examiner.examine(row))
            if row.reply not in _LAST:
                await stage.clear()
            elif row.reply == "closing":
                examiner = await self.examiner(server, stage)
        self.conclude(findings)


Asked = list[tuple[Row, dict[str, str]]]


def ask_raw(server: Server, asked: Asked) -> list[list[str]]:
    """Return the lines of the replies to some actions as a session sees them that knows nothing of txami."""
    with RawSession(server) as session:
        return [session.ask(row.action, fields) for row, fields in asked]


def compare(asked: Asked, replies: list[list[str]], others: Mapping[str, list[list[str]]]) -> Iterable[str]:
    """Yield what differs between replies to the same actions."""
    for name, theirs in others.items():
        for (row, fields), one, other in zip(asked, replies, theirs, strict=True):
            for difference in differences(one, other):
                yield f"{row.action} {fields}, {name}: {difference}"
