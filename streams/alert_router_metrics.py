"""What the router says of itself to Prometheus."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from projections.alert_notification import Notification
from projections.alert_routing import Routing, Told


class RouterMetrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = self.registry
        self.alerts = Counter("tidemark_alert_router_alerts_total", "Alerts that were routed.", registry=own)
        self.notifications = Counter(
            "tidemark_alert_router_notifications_total",
            "Notifications that were decided.",
            ["purpose", "channel"],
            registry=own,
        )
        self.acts = Counter(
            "tidemark_alert_router_acts_total", "Acts on alerts that followed by themselves.", ["act"], registry=own
        )
        self.silenced = Gauge(
            "tidemark_alert_router_silenced", "Alerts held back from a subscription since it took over.", registry=own
        )
        self.waiting = Gauge(
            "tidemark_alert_router_waiting",
            "What is gathered or may fall due: bundles, escalations.",
            ["what"],
            registry=own,
        )
        self.broken = Gauge(
            "tidemark_alert_router_broken_filters",
            "Subscriptions and silences whose expression binds nothing.",
            registry=own,
        )

    def stepped(
        self, routing: Routing, notifications: Sequence[Notification], told: Sequence[Told], broken: int
    ) -> None:
        self.alerts.inc(len(told))
        for one in notifications:
            self.notifications.labels(one.purpose, one.channel).inc()
        self.silenced.set(routing.silenced)
        for what, count in routing.counts().items():
            self.waiting.labels(what).set(count)
        self.broken.set(broken)
