"""Alerts as Prometheus sees them, counted when asked for: open by severity, and the time it took to acknowledge."""

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.alert_centre import AlertCentre, figures
from engines.primitives.errors import Unavailable
from streams.views_live import LiveView

DAYS = 7


class AlertCentreCollector(Collector):
    def __init__(self, live: LiveView, centre: AlertCentre, clock: Callable[[], datetime]) -> None:
        self._live, self._centre, self._clock = live, centre, clock

    def describe(self) -> list[Metric]:
        return []  # the names are known without reading the view

    def collect(self) -> Iterator[Metric]:
        try:
            found = figures(self._live, self._centre, self._clock(), None, DAYS)
        except Unavailable:  # not loaded yet, or the store does not answer: no figure rather than a wrong one
            return
        still_open = GaugeMetricFamily(
            "tidemark_alerts_open",
            "alerts that nobody resolved and that did not expire",
            labels=["severity", "state"],
        )
        for severity, states in found["open"].items():
            for state, count in states.items():
                still_open.add_metric([severity, state], count)
        count = GaugeMetricFamily(
            "tidemark_alerts_acknowledged", "alerts acknowledged in the last seven days", labels=["severity"]
        )
        seconds = GaugeMetricFamily(
            "tidemark_alert_acknowledge_seconds",
            "from raised to acknowledged, in the last seven days",
            labels=["severity", "quantile"],
        )
        for severity, spread in found["acknowledged"].items():
            count.add_metric([severity], spread["count"])
            for quantile, name in (("0.5", "median_s"), ("0.95", "p95_s")):
                if spread[name] is not None:
                    seconds.add_metric([severity, quantile], spread[name])
        yield from (still_open, count, seconds)
