"""The numbers for Prometheus, scraped over the loopback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.network import network
from txami import AMIPool, AMIService
from txami.metrics import AMICollector, serve_metrics

Numbers = dict[tuple[str, ...], float]


def read(text: str) -> Numbers:
    """Return the value of each sample, by its name and the values of its labels."""
    return _values(text_string_to_metric_families(text))


def collected(collector: AMICollector) -> Numbers:
    """Return the same without the text."""
    return _values(collector.collect())


def _values(families: Iterable[Metric]) -> Numbers:
    samples = [sample for family in families for sample in family.samples]
    # The server first: as text they come in the order of the alphabet.
    by_labels = [(sample, dict(sorted(sample.labels.items(), reverse=True))) for sample in samples]
    return {(sample.name, *labels.values()): sample.value for sample, labels in by_labels}


class CollectorTests(SynchronousTestCase):
    def test_a_service(self) -> None:
        net = network()
        service = AMIService(net.clock, net, "admin", "hush", ping_interval=None)
        service.startService()
        numbers = collected(AMICollector(service))
        self.assertEqual(numbers["txami_up", ""], 0)
        self.assertNotIn(("txami_connected_since_seconds", ""), numbers)
        net.advance(5)
        net.accept()
        for name in ("Hangup", "Hangup", "Odd"):
            net.server.emit(name)
        net.session.write(b"Event: \xff\r\nPrivilege: call,all\r\n\r\n")
        net.flush()
        service.setName("berlin")
        numbers = collected(AMICollector(service, prefix="ami"))
        self.assertEqual(numbers["ami_up", "berlin"], 1)
        self.assertEqual(numbers["ami_connected_since_seconds", "berlin"], 5)
        self.assertEqual(numbers["ami_actions_total", "berlin"], 1)
        self.assertEqual(numbers["ami_events_total", "berlin", "Hangup"], 2)
        self.assertEqual(numbers["ami_events_total", "berlin", "\\udcff"], 1)

    def test_a_pool_has_a_label_for_each_server(self) -> None:
        pool = AMIPool(network().clock)
        for name in ("berlin", "paris"):
            pool.add(name, network(), "admin", "hush")
        numbers = collected(AMICollector(pool))
        self.assertEqual({name: numbers["txami_up", name] for name in pool.servers}, {"berlin": 0, "paris": 0})

    def test_what_the_pools_own_iterators_dropped_has_no_server(self) -> None:
        net = network()
        pool = AMIPool(net.clock, ping_interval=None, slow_after=60)
        pool.add("berlin", net, "admin", "hush")
        stream = pool.events("Hangup", limit=1)
        pool.startService()
        net.accept()
        for _ in range(3):
            net.server.emit("Hangup")
        net.flush()
        numbers = collected(AMICollector(pool))
        self.assertEqual(numbers["txami_events_dropped_total", ""], 2)
        self.assertEqual(numbers["txami_events_dropped_total", "berlin"], 0)
        stream.close()

    def test_it_can_be_registered_twice_with_different_prefixes(self) -> None:
        pool, registry = AMIPool(network().clock), CollectorRegistry()
        registry.register(AMICollector(pool))
        registry.register(AMICollector(pool, prefix="other"))


class ScrapeTests(TestCase):
    async def scrape(self, port: Any, path: str = "metrics") -> Any:
        """Get a page, as Prometheus does, and return the whole answer."""
        url = f"http://127.0.0.1:{port.getHost().port}/{path}"
        return await deferToThread(_get, url)

    async def test_a_scrape(self) -> None:
        net = network()
        service = AMIService(net.clock, net, "admin", "hush", ping_interval=None)
        service.startService()
        net.accept()
        net.server.emit("Hangup")
        net.flush()
        port: Any = serve_metrics(reactor, 0, service)
        self.addCleanup(port.stopListening)
        self.assertEqual(port.getHost().host, "127.0.0.1")
        with capturedLogs() as logs:
            kind, text = await self.scrape(port)
            with self.assertRaisesRegex(HTTPError, "404") as caught:
                await self.scrape(port, "other")
            caught.exception.close()
        self.assertTrue(kind.startswith("text/plain"))
        numbers = read(text)
        self.assertEqual(numbers["txami_up", ""], 1)
        self.assertEqual(numbers["txami_events_total", "", "Hangup"], 1)
        self.assertEqual([log for log in logs if "txami" in log["log_namespace"]], [])
        net.cut()
        self.assertEqual(read((await self.scrape(port))[1])["txami_up", ""], 0)


def _get(url: str) -> tuple[str, str]:
    """Return the type of a page and its text."""
    with urlopen(url, timeout=60) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def test_without_prometheus_client_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['prometheus_client'] = None; import txami.metrics"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip().endswith("pip install 'txami[metrics]'")
