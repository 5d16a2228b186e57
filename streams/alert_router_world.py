"""Subscriptions, teams, silences and what was done about alerts, as the event store has them, for routing.

A filter that cannot be compiled binds nothing, and is told of once. Not for deciding: `projections.alert_routing`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import structlog

from aggregates.alert import Alert, alert_key
from aggregates.assets import Assets, translated
from engines.primitives.errors import InvalidInput
from engines.work_calendar import WorkCalendar
from projections.alert_routing import Life
from projections.alert_routing_world import Silence, Subscribed, Team, World, silence_of, subscription_of, team_of

log = structlog.get_logger()

KINDS = ("AlertSubscription", "AlertTeam", "AlertSilence")


class Worlds:
    """Reads what is in force; parses again only what changed."""

    def __init__(self, app: Assets, calendar: WorkCalendar) -> None:
        self._app, self._calendar = app, calendar
        self._parsed: dict[tuple[str, str], tuple[int, Any]] = {}
        self.broken: set[str] = set()

    def now(self) -> World:
        """Raises Unavailable."""
        with translated(), self._app.model.current() as model:
            found = {kind: {case.key: self._known(kind, case) for case in model.of_kind(kind)} for kind in KINDS}
        silences = tuple(one for one in found["AlertSilence"].values() if one is not None)
        return World(self._calendar, found["AlertSubscription"], silences, found["AlertTeam"])

    def lives(self, alerts: Iterable[tuple[str, str]]) -> dict[str, Life]:
        """What was done about these alerts, each with its entity."""
        lives = {}
        for alert_id, entity in alerts:
            case = self._app.find("Alert", alert_key(alert_id, entity))
            if isinstance(case, Alert):
                lives[alert_id] = Life(acted_at(case))
        return lives

    def _known(self, kind: str, case: Any) -> Any:
        known = self._parsed.get((kind, case.key))
        if known is None or known[0] != case.version:
            known = self._parsed[kind, case.key] = (case.version, self._parse(kind, case))
        return known[1]

    def _parse(self, kind: str, case: Any) -> Any:
        if kind == "AlertTeam":
            return teams_of(case)
        name = f"{kind}/{case.key}"
        try:
            parsed = subscribed_of(case) if kind == "AlertSubscription" else _silence(case)
        except InvalidInput as error:
            self.broken.add(name)
            log.warning("alert_filter_unreadable", of=name, reason=str(error))
            return Subscribed(()) if kind == "AlertSubscription" else None
        self.broken.discard(name)
        return parsed


def subscribed_of(case: Any) -> Subscribed:
    """A subscription with all its versions. Raises InvalidInput: a filter that is none."""
    kept = {"team": case.facts.get("team")}
    return Subscribed(tuple(subscription_of(case.key, version | kept) for version in case.versions), case.ended_at)


def teams_of(case: Any) -> tuple[Team, ...]:
    return tuple(team_of(version) for version in case.versions)


def acted_at(case: Alert) -> datetime | None:
    """When somebody first took the alert up since it was raised or reopened."""
    return min((at for at in (case.acknowledged_at, case.resolved_at) if at is not None), default=None)


def _silence(case: Any) -> Silence | None:
    if case.in_force_at is None:
        return None
    facts: Mapping[str, Any] = case.facts
    return silence_of(case.key, facts, case.in_force_at, case.ended_at)
