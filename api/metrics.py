"""The API's own metrics, in a registry of its own. Workers have theirs, on their own port.

Labels have few values: routes by their template, never by path; no entity, no account.
"""

from collections.abc import Iterator
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams.views import RiskView
from streams.views_live import LiveView

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    def __init__(self, live: LiveView) -> None:
        self.registry = CollectorRegistry()
        self.stream_clients = Gauge(
            "tidemark_stream_clients", "open live streams (SSE and WebSocket)", registry=self.registry
        )
        self.stream_events = Counter(
            "tidemark_stream_events_total", "events sent to live streams", ["event"], registry=self.registry
        )
        self.stream_stalled = Counter(
            "tidemark_stream_stalled_total",
            "streams closed because the client took nothing",
            registry=self.registry,
        )
        self.requests = Counter(
            "tidemark_http_requests_total",
            "answers by route and status",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "tidemark_http_request_seconds",
            "time to the end of the answer, live streams left out",
            ["route"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.registry.register(_ViewCollector(live))

    def text(self) -> bytes:
        return generate_latest(self.registry)


class _ViewCollector(Collector):
    """What the view knows, read when asked for."""

    def __init__(self, live: LiveView) -> None:
        self._live = live

    def describe(self) -> list[Metric]:
        return []  # the names are known without reading the view

    def collect(self) -> Iterator[Metric]:
        status = self._live.status
        yield GaugeMetricFamily("tidemark_view_ready", "1 when the view has caught up", value=status.ready)
        yield GaugeMetricFamily(
            "tidemark_view_behind_records",
            "records of the view's topics still to read",
            status.records_behind,
        )
        yield GaugeMetricFamily(
            "tidemark_view_lag_records", "entries not in the live positions yet", self._live.lag_records()
        )
        counters, gaps = self._live.read(_counters)
        for name, (text, value) in counters.items():
            yield CounterMetricFamily(f"tidemark_view_{name}", text, value)
        yield GaugeMetricFamily("tidemark_alert_sequence_gaps", "alerts missing below the newest", gaps)


def _counters(view: RiskView) -> tuple[dict[str, tuple[str, int]], int]:
    book = view.alert_book
    return {
        "ticks_applied": ("whole ticks applied", view.ticks_applied),
        "stale_records": ("records of an overtaken log or fold version", view.stale),
        "undecodable_records": ("records of our own topics that cannot be read", view.undecodable),
        "alerts": ("alerts seen, each once", book.count),
        "alert_repeats": ("alerts seen again and dropped", book.repeats),
        "alert_conflicts": ("another alert under a known sequence", book.conflicts),
    }, sum(book.missing().values())


class MeasureRequests:
    """ASGI middleware: counts answers and times them."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        status, is_stream = 500, False

        async def watched(message: Message) -> None:
            nonlocal status, is_stream
            if message["type"] == "http.response.start":
                status = message["status"]
                is_stream = (b"content-type", b"text/event-stream; charset=utf-8") in message["headers"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(scope["method"], route, str(status)).inc()
            if not is_stream:
                self._metrics.request_seconds.labels(route).observe(perf_counter() - started)
