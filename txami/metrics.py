"""
The numbers of services and pools for Prometheus.  It needs ``pip install 'txami[metrics]'``.

:class:`AMICollector` is for a registry of one's own; :func:`serve_metrics` is all that a program without one
needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from twisted.internet.interfaces import IListeningPort
from twisted.web.pages import notFound
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

try:
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector
except ImportError as error:
    raise ImportError("txami.metrics needs prometheus_client: pip install 'txami[metrics]'") from error

from .pool import AMIPool
from .service import AMIService
from .stats import Stats

#: The numbers that are one a server: kind, name, attribute of :class:`Stats`, and what it is.
_NUMBERS = (
    (GaugeMetricFamily, "up", "up", "Whether the connection is up and logged in."),
    (GaugeMetricFamily, "connected_since_seconds", "connected_since", "When it was logged in, since the epoch."),
    (GaugeMetricFamily, "actions_pending", "pending", "Actions that wait for their reply."),
    (GaugeMetricFamily, "waiting", "waiting", "Actions and others that wait for a connection."),
    (GaugeMetricFamily, "ping_round_trip_seconds", "ping_round_trip", "How long the last keepalive ping took."),
    (CounterMetricFamily, "reconnects", "reconnects", "Logins after the first."),
    (CounterMetricFamily, "logins_failed", "logins_failed", "Logins that Asterisk refused."),
    (CounterMetricFamily, "actions", "actions", "Actions sent."),
    (CounterMetricFamily, "actions_answered", "answered", "Replies delivered, errors included."),
    (CounterMetricFamily, "actions_timed_out", "timed_out", "Actions without a complete reply in time."),
    (CounterMetricFamily, "late", "late", "Messages dropped because their action was over."),
    (CounterMetricFamily, "unmatched", "unmatched", "Messages dropped because they were for no action."),
    (CounterMetricFamily, "messages", "messages", "Messages received."),
    (CounterMetricFamily, "received_bytes", "received", "Bytes received."),
    (CounterMetricFamily, "events_dropped", "events_dropped", "Events dropped by queues that were full."),
)

#: Those that are several a server: name, label, attribute, and what it is.
_NUMBERS_BY_NAME = (
    ("events", "event", "events", "Events received, by name."),
    ("slow_observers", "observer", "slow_observers", "Calls of observers that took too long, by name."),
)


class AMICollector(Collector):
    """
    Collects the numbers whenever Prometheus asks, each with the label ``server``.

    :param source: a pool, or a service; the label of a service without a name is empty.
    :param prefix: what the names of the metrics begin with.
    """

    def __init__(self, source: AMIService | AMIPool, prefix: str = "txami") -> None:
        self._source = source
        self._prefix = prefix

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the names are fixed, and nobody has to collect to learn them."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Return the numbers as they are now."""
        stats = self._stats()
        for kind, name, attribute, text in _NUMBERS:
            metric = kind(f"{self._prefix}_{name}", text, labels=["server"])
            for server, numbers in stats.items():
                value = getattr(numbers, attribute)
                if value is not None:
                    metric.add_metric([server], value)
            if attribute == "events_dropped" and isinstance(self._source, AMIPool):
                metric.add_metric([""], self._source.events_dropped)  # by those who iterate over all
            yield metric
        for name, label, attribute, text in _NUMBERS_BY_NAME:
            metric = CounterMetricFamily(f"{self._prefix}_{name}", text, labels=["server", label])
            for server, numbers in stats.items():
                for key, value in getattr(numbers, attribute).items():
                    metric.add_metric([server, _printable(key)], value)
            yield metric

    def _stats(self) -> Mapping[str, Stats]:
        if isinstance(self._source, AMIPool):
            return self._source.stats
        return {str(self._source.name or ""): self._source.stats}


def _printable(name: str) -> str:
    """Return a name as text that can be encoded; Asterisk's are, but a peer may send any bytes."""
    return name.encode("utf-8", "backslashreplace").decode()


class MetricsResource(Resource):
    """
    Answers each GET with the metrics of a registry.

    Unlike that of ``prometheus_client`` it does so in the reactor's thread, where the numbers change.
    """

    isLeaf = True

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._registry = registry

    def render_GET(self, request: Request) -> bytes:
        """Return the metrics as text."""
        request.setHeader("Content-Type", CONTENT_TYPE_LATEST)
        return generate_latest(self._registry)


class _QuietSite(Site):
    """A site that logs no line for each request."""

    noisy = False

    def log(self, request: object) -> None:
        """Do nothing."""


def serve_metrics(
    reactor: Any,
    port: int,
    source: AMIService | AMIPool,
    *,
    interface: str = "127.0.0.1",
    registry: CollectorRegistry | None = None,
) -> IListeningPort:
    """
    Serve the numbers at ``http://interface:port/metrics``.

    :param reactor: the reactor.
    :param port: where to listen; 0 for any.
    :param source: see :class:`AMICollector`.
    :param interface: the address to listen on.  Whoever reaches it may read: there is no password.
    :param registry: one with more metrics to serve; by default there are these only.
    :return: the port, whose ``stopListening()`` ends it.
    :raises CannotListenError: if the port is taken.
    """
    registry = CollectorRegistry() if registry is None else registry
    registry.register(AMICollector(source))
    root = notFound()
    root.putChild(b"metrics", MetricsResource(registry))
    listening: IListeningPort = reactor.listenTCP(port, _QuietSite(root), interface=interface)
    return listening
