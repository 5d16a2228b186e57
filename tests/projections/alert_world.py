"""Alerts, subscriptions, silences and teams for tests of routing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from engines.work_calendar import WorkCalendar, work_calendar
from projections.alert_notification import Notification
from projections.alert_routing import Told
from projections.alert_routing_world import (
    Silence,
    Subscribed,
    Subscription,
    Team,
    World,
    silence_of,
    subscription_of,
    team_of,
)

START = datetime(2026, 11, 22, 4, tzinfo=UTC)  # a Sunday, noon in Shanghai
CALENDAR: WorkCalendar = work_calendar(
    START.date(), datetime(2027, 12, 31, tzinfo=UTC).date(), [datetime(2026, 11, 24, tzinfo=UTC).date()], []
)


class Outbox:
    """As `infra.deliveries` keeps notifications: of a group, alerts that are known already are left out."""

    def __init__(self) -> None:
        self.known: set[tuple[str, str, str, str]] = set()
        self.kept: list[tuple[Notification, tuple[str, ...]]] = []

    def put(self, notifications: Sequence[Notification]) -> int:
        before = len(self.kept)
        for one in notifications:
            keys = {(alert_id, one.subscription, one.channel, one.purpose): alert_id for alert_id in one.alert_ids}
            fresh = tuple(alert_id for key, alert_id in keys.items() if key not in self.known)
            self.known |= keys.keys()
            if fresh:
                self.kept.append((one, fresh))
        return len(self.kept) - before


def alert(number: int, *, kind: str = "raised", light: str | None = None, **changed: Any) -> dict[str, Any]:
    """A large flow, or with a light an alert on a limit."""
    record: dict[str, Any] = {
        "alert_id": f"A-{number}", "kind": kind, "rule": "large-flow-single", "rule_version": "1", "sequence": number,
        "entity": "NORTH", "organisation": "HQ", "customer": "C1", "customer_class": "CORPORATE", "account": "1",
        "currency": "CNY", "amount": "5000000.00", "threshold": "1000000.00", "event_time": "2026-11-22T04:00:00Z",
        "txn_id": "T", "reason": "a large outflow",
    }  # fmt: skip
    if light is not None:
        before = {"red": "green", "amber": "green", "green": "red"}[light]
        limit = {"limit_id": "lcr", "metric": "lcr", "scope": "entity", "light": light, "light_before": before}
        record |= {"rule": "limit", "limit": limit | {"incident": changed.pop("incident", f"A-{number}")}}
    return record | changed


def told(number: int, *, after: timedelta = timedelta(0), partition: int = 0, **changed: Any) -> Told:
    return Told(partition, number, START + after, alert(number, **changed))


def subscription(key: str = "S1", *, since: datetime = START, **content: Any) -> Subscription:
    usual = {
        "since": since,
        "filter": "true",
        "entities": ["*"],
        "channels": [{"channel": "webhook", "target": "https://example.org/hook"}],
        "critical_waits": True,
        "time_zone": "UTC",
    }
    return subscription_of(key, usual | content)


def silence(minutes_from: int = 0, minutes_until: int = 60, **content: Any) -> Silence:
    usual = {
        "matcher": "true",
        "entities": ["*"],
        "starts_at": (START + timedelta(minutes=minutes_from)).isoformat(),
        "ends_at": (START + timedelta(minutes=minutes_until)).isoformat(),
    }
    return silence_of("Q1", usual | content, START, None)


def team(*minutes: int, since: datetime = START) -> Team:
    """Ann by e-mail at each level, Bob by SMS from the second on."""
    members = [
        {"person": "ann", "channel": "email", "target": "ann@example.org", "language": "zh"},
        {"person": "bob", "channel": "sms", "target": "+8613800000000"},
    ]
    levels = [
        {"after_minutes": after, "persons": ["ann", "bob"][: number + 1]} for number, after in enumerate(minutes)
    ]
    return team_of({"since": since, "members": members, "levels": levels})


def world(*subscriptions: Subscription | Subscribed, silences: tuple[Silence, ...] = (), **teams: Team) -> World:
    subscribed = [one if isinstance(one, Subscribed) else Subscribed((one,)) for one in subscriptions]
    return World(
        CALENDAR,
        {one.versions[0].key: one for one in subscribed},
        silences,
        {name: (one,) for name, one in teams.items()},
    )
