"""
The benchmarks: that every driver does the whole of its work, and that one which does not is found out.

Nothing here looks at a clock.  The peers are not tried, for they need not be installed.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import unittest
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from benchmarks import chart, rounds, tables, traffic
from benchmarks.__main__ import main
from benchmarks.clients import CLIENTS, Client
from benchmarks.drivers.measuring import SAMPLE, Sample, digest
from benchmarks.promises import Comparison, promises
from benchmarks.results import Promise, Results
from benchmarks.running import Failed, Server, drive, serving
from benchmarks.server import Session
from benchmarks.works import WORKS, Work

OUR_OWN = [client for client in CLIENTS if not client.is_peer]
TINY = 0.002


def in_parallel(function: Callable[..., object], *arguments: Iterable[Any]) -> None:
    """Call a function with each of the arguments, a few at a time: most of the time goes into starting processes."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(function, *arguments))


def work_of(name: str) -> Work:
    """Return a work, small."""
    return next(work for work in WORKS if work.name == name).scaled(TINY)


class DriverTests(unittest.TestCase):
    """The drivers, against a real server process."""

    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        running = contextlib.ExitStack()
        cls.addClassCleanup(running.close)
        cls.server = running.enter_context(serving(tls=True))

    def test_every_work_is_done(self) -> None:
        pairs = [(work.scaled(TINY), client) for work in WORKS for client in OUR_OWN if client.does(work.name)]
        self.assertEqual({work.name for work, _ in pairs}, {work.name for work in WORKS})
        in_parallel(
            lambda work, client: rounds.run(self.server, work, client, client.command()), *zip(*pairs, strict=True)
        )

    def test_every_promise_is_measured(self) -> None:
        # Of the others only the numbers differ from these.
        names = {"tls", "pending", "items"}
        if sys.platform.startswith("linux"):
            names |= {"connections", "memory"}  # which look into /proc
        wanted = [each for each in promises(TINY) if each.name in names]
        self.assertEqual(len(wanted), len(names))
        in_parallel(lambda each: self.assertGreater(each.keep(self.server, 1).limit, 0), wanted)

    def refused(self, expected: dict[str, Any], work: str = "hangup", **orders: object) -> str:
        """Return why a driver of txami is refused that does some work, if another was expected."""
        command = CLIENTS[2].command()
        given = {"work": work, "host": "127.0.0.1", "port": self.server.port, "size": 100, **orders}
        with self.assertRaises(Failed) as caught:
            drive(command, given, expected)
        return caught.exception.reason

    def test_a_driver_that_does_less_is_found_out(self) -> None:
        whole = work_of("hangup").proof(400, 1)
        found = work_of("hangup").proof(100, 1)["hangups"][0]
        self.assertEqual(self.refused(whole), f"the work was not done: hangups is {found}, not {whole['hangups'][0]}")

    def test_a_driver_that_reads_something_else_is_found_out(self) -> None:
        other = {"hangups": [work_of("hangup").proof(100, 1)["hangups"][0], 1]}
        self.assertEqual(
            self.refused(other), "the work was not done: the number of hangups is right, their text is not"
        )

    def test_a_driver_that_reports_another_work_is_found_out(self) -> None:
        expected = work_of("hangup").proof(100, 1)
        self.assertIn(f"hangups is None, not {expected['hangups']}", self.refused(expected, work="all"))

    def test_a_driver_that_fails_says_why(self) -> None:
        self.assertIn("no attribute 'nothing'", self.refused({}, work="nothing"))

    def test_a_driver_that_hangs_is_ended(self) -> None:
        with self.assertRaisesRegex(Failed, r"not done within 0\.1 s"):
            drive([sys.executable, "-c", "import time; time.sleep(60)"], {}, {}, timeout=0.1)

    def test_our_own_must_not_fail(self) -> None:
        results = Results([work_of("hangup")], [CLIENTS[2]])
        with self.assertRaisesRegex(Failed, "txami, hangup: the work was not done"):
            rounds.measure(self.server, results, 1, lambda client: liar(hangups=[1, 2]))

    def failing_peer(self, found: int, **notes: str) -> Results:
        """Return the results of two rounds with a peer that says to have read so many hangups."""
        peer = Client("peer", "Peer", module="peer", notes=notes)
        results = Results([work_of("hangup")], [peer])
        rounds.measure(self.server, results, 2, lambda client: liar(hangups=[found, 1]))
        return results

    def test_a_peer_may_do_less_and_has_no_cost_then(self) -> None:
        results = self.failing_peer(1)
        self.assertRegex(results.failures["hangup", "peer"], "hangups is 1, not")
        self.assertEqual(results.costs["hangup", "peer"], [])

    def test_a_peer_may_read_wrongly(self) -> None:
        work = work_of("hangup")
        results = self.failing_peer(work.expected("peer")["hangups"][0], hangup="it forgets names")
        self.assertEqual(results.failures["hangup", "peer"], "it forgets names")
        self.assertEqual(results.costs["hangup", "peer"], [1e6 / work.count] * 2)

    def test_the_command_line(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            files = {kind: Path(directory, kind) for kind in ("json", "rst", "svg")}
            printed = io.StringIO()
            arguments = ["--quick", "--rounds", "1", "--works", "command", "--clients", "txami,bare"]
            with contextlib.redirect_stdout(printed):
                status = main([*arguments, *(f"--{kind}={file}" for kind, file in files.items())])
            self.assertEqual(status, 0)
            self.assertIn("line of a command's 10,000", printed.getvalue())
            self.assertIn("line of a command", files["rst"].read_text())
            ElementTree.parse(files["svg"])
            figures = json.loads(files["json"].read_text())
            self.assertEqual([each["client"] for each in figures["works"]], ["bare", "txami"])
            self.assertTrue(all(len(each["microseconds"]) == 1 for each in figures["works"]))


def liar(**checks: object) -> list[str]:
    """Return a driver that does nothing and reports what it likes."""
    report = json.dumps({"cpu": 1.0, "wall": 1.0, "checks": checks})
    return [sys.executable, "-c", f"print({report!r})"]


class CommandLineTests(unittest.TestCase):
    """What is refused."""

    def test_unknown_names(self) -> None:
        self.assertRegex(str(main(["--works", "hangup,juggle"])), "no work 'juggle'; there are hangup, all, ")
        self.assertRegex(str(main(["--clients", "telnet"])), "no client 'telnet'; there are bare, ")
        self.assertRegex(str(main(["--promises", "moon"])), "no promise 'moon'; there are tls, ")


class TrafficTests(unittest.TestCase):
    """What was recorded."""

    def test_size(self) -> None:
        self.assertLess(traffic.RECORDING.stat().st_size, 1 << 20)

    def test_events_are_typical(self) -> None:
        events = traffic.events()
        self.assertGreater(len(events), 5000)
        self.assertAlmostEqual(sum(map(len, events)) / len(events), 410, delta=30)
        self.assertAlmostEqual(sum(event.count(b"\r\n") + 1 for event in events) / len(events), 18, delta=1)
        self.assertGreater(len({event.partition(b"\r\n")[0] for event in events}), 30)

    def test_no_secret_in_it(self) -> None:
        for message in traffic.messages():
            self.assertNotRegex(message, rb"(?i)\r\n(secret|key|password|md5[a-z]*):")

    def test_what_ends_a_replay_is_not_recorded(self) -> None:
        self.assertFalse([event for event in traffic.events() if event.startswith(b"Event: UserEvent\r\n")])


class SessionTests(unittest.TestCase):
    """The server's side, byte by byte."""

    def answers(self, *chunks: bytes) -> list[bytes]:
        """Return the messages that a session answers with."""
        session = Session()
        return b"".join(b"".join(session.feed(chunk)) for chunk in chunks).split(traffic.END)[:-1]

    def test_pings_in_pieces(self) -> None:
        pings = b"".join(b"Action: Ping\r\nActionID: %d\r\n\r\n" % number for number in range(5))
        whole = self.answers(pings)
        self.assertEqual(whole[4], b"Response: Success\r\nActionID: 4\r\nPing: Pong\r\nTimestamp: 5")
        for cut in range(1, len(pings)):
            self.assertEqual(self.answers(pings[:cut], pings[cut:]), whole)

    def test_pings_between_others(self) -> None:
        actions = ["Action: Ping\nActionID: 1\n\n", "Action: Other\nActionID: 2\n\n", "actionid: 3\naction: ping\n\n"]
        asked = "".join(actions).replace("\n", "\r\n").encode()
        lines = [answer.split(b"\r\n") for answer in self.answers(asked)]
        self.assertEqual([each[1] for each in lines], [b"ActionID: 1", b"ActionID: 2", b"ActionID: 3"])
        self.assertEqual(lines[2][-1], b"Timestamp: 2")


class ProofTests(unittest.TestCase):
    """What drivers report of what they read."""

    def test_one_event_of_some_is_kept_whole(self) -> None:
        sample = Sample()
        for number in range(1, 2 * SAMPLE + 1):
            sample.add([("Event", "Dial"), ("Number", f" {number}"), ("ChanVariable", {"a": "1", "b": "2"})])
        kept = [["chanvariable", "a=1,b=2", "event", "Dial", "number", str(number)] for number in (SAMPLE, 2 * SAMPLE)]
        self.assertEqual(sample.checks(), {"events": 2 * SAMPLE, "headers": 6 * SAMPLE, "sample": kept[0] + kept[1]})

    def test_a_digest_tells_number_text_and_order(self) -> None:
        digests = [digest(texts) for texts in (["a", "b"], ["b", "a"], ["a"], ["a", "c"], ["a\udcff", "b"])]
        self.assertEqual(len({tuple(each) for each in digests}), len(digests))
        self.assertEqual(digests[0][0], 2)


class PageTests(unittest.TestCase):
    """The page of the documentation."""

    def test_it_shows_what_is_measured(self) -> None:
        docs = Path(__file__).parent.parent / "docs"
        page, table, picture = ((docs / name).read_text() for name in _PAGE)
        for work in WORKS:
            self.assertIn(f"*{work.title}*\n", page)
            self.assertIn(work.title, table)
            self.assertIn(work.title, picture)
        for each in promises():
            self.assertIn(each.title, table)


_PAGE = ("performance.rst", "performance-table.inc", "performance.svg")


class TableTests(unittest.TestCase):
    """Tables and charts of figures that are known."""

    def setUp(self) -> None:
        peer = Client("peer", "Peer & Sons", module="peer")
        self.results = Results([WORKS[0], WORKS[2]], [*OUR_OWN, peer])
        self.results.costs.update(
            {
                ("hangup", "bare"): [1.0, 2.0, 1.0],
                ("hangup", "txami"): [2.0, 4.0, 3.0],
                ("hangup", "peer"): [50.0],
                ("headers", "dict"): [4.0],
                ("headers", "txami"): [8.0],
            }
        )
        self.results.failures.update({("hangup", "peer"): "too late", ("headers", "peer"): "it broke"})

    def test_ratio_is_the_median_of_the_rounds(self) -> None:
        self.assertEqual(self.results.ratio(WORKS[0], CLIENTS[2]), 2.0)
        self.assertIsNone(self.results.ratio(WORKS[1], CLIENTS[2]))

    def test_rows(self) -> None:
        costs = tables.Costs(self.results)
        self.assertEqual(
            costs.rows,
            [
                ["microseconds", "bare Protocol", "txami", "Peer & Sons", "txami : floor", "target"],
                [WORKS[0].title, "1.00", "3.00", "fails, 50.0 (1)", "2.00", "2.5, met"],
                [WORKS[2].title, "4.00", "8.00", "fails (2)", "2.00", "1.1, missed"],
            ],
        )
        self.assertEqual(costs.notes, ["Peer & Sons: too late.", "Peer & Sons: it broke."])

    def test_text_and_rst(self) -> None:
        rows = [["a", "b"], ["long", "1"]]
        self.assertEqual(tables.as_text(rows), "a     b\n----  -\nlong  1")
        self.assertIn("   * - long\n     - 1\n", tables.as_rst(rows))

    def test_promises(self) -> None:
        found = [Promise("memory", "21 KiB", 21, 20, "at most 20"), Promise("import", "1 ms", 1, 1.2, "at most 1.2")]
        self.assertEqual(
            [row[2] for row in tables.promises(found)], ["target", "at most 20, missed", "at most 1.2, met"]
        )

    def test_chart(self) -> None:
        picture = ElementTree.fromstring(chart.as_svg(self.results))
        texts = ["".join(each.itertext()) for each in picture.iter("{http://www.w3.org/2000/svg}text")]
        self.assertIn("Peer & Sons", texts)
        self.assertIn(WORKS[0].title, texts)
        self.assertEqual(len(list(picture.iter("{http://www.w3.org/2000/svg}rect"))), 6)
        self.assertIn("#", chart.as_text(self.results))

    def test_every_comparison_compares(self) -> None:
        for each in promises():
            if isinstance(each, Comparison):
                labels = [case.label for case in each.cases]
                self.assertEqual(len(set(labels)), len(labels), each.name)


if __name__ == "__main__":
    unittest.main()
