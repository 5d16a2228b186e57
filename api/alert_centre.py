"""The alert centre: alerts of the live view with what was done about them, from the log of decisions.

An alert that nobody acted on has no aggregate: its state follows from its incident and its age. Not for routing
(`streams.alert_router`), which reads the same log by itself, nor for acts (`api.alert_centre_acts`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from threading import Lock
from typing import Any, Literal
from uuid import UUID

import msgspec

from aggregates.alert import Alert as AlertCase
from aggregates.alert import alert_key
from aggregates.envelope import Principal
from aggregates.ports import DecisionRecorder, Recorded
from aggregates.rendering import instant
from api.alert_silences import is_silenced
from api.services import Services
from engines.work_calendar import WorkCalendar
from projections.alert_routing import EXPIRES_AFTER
from projections.alert_routing_facts import incident_of, is_clearing, raised_at, severity_of
from projections.alert_routing_world import AlertPredicate, Silence, alert_predicate
from projections.alert_severity import Severity
from streams.views import RiskView
from streams.views_alerts import parse_vector, vector_text
from streams.views_live import LiveView
from streams.views_wire import CUT_LANE, Alert

State = Literal["RAISED", "ACKNOWLEDGED", "RESOLVED", "EXPIRED"]
OPEN: tuple[State, ...] = ("RAISED", "ACKNOWLEDGED")
TOPICS = "alert."  # of the events of the aggregate Alert
PULL_LIMIT = 1_000
CHUNK = 1_000  # alerts taken at once: the view waits meanwhile
SCANNED_MAX = 100_000  # looked at for one page: a rare filter then takes several
KEPT_MAX = 50_000  # of a lane, for what is open


class AlertCentre:
    """What was done about alerts, folded from the log of decisions. For use by several threads."""

    def __init__(
        self, decisions: DecisionRecorder, decode: Callable[[Recorded], Any], calendar: WorkCalendar
    ) -> None:
        self._decisions, self._decode, self.calendar = decisions, decode, calendar
        self._lock = Lock()
        self._position = 0
        self._cases: dict[UUID, AlertCase] = {}

    def cases(self) -> Mapping[UUID, AlertCase]:
        """By their streams, as the log is now. Raises Unavailable."""
        with self._lock:
            while batch := self._decisions.select_recorded(start=self._position + 1, limit=PULL_LIMIT):
                for recorded in batch:
                    if recorded.topic.startswith(TOPICS):
                        known = self._cases.get(recorded.originator_id)
                        self._cases[recorded.originator_id] = self._decode(recorded).mutate(known)
                    self._position = recorded.position
            return dict(self._cases)


class Life(msgspec.Struct):
    """What was done about an alert so far."""

    state: State
    severity: Severity
    version: int = 0  # of its aggregate; 0: nobody acted
    acknowledged_by: str | None = None
    acknowledged_at: str | None = None
    resolved_by: str | None = None
    resolved_at: str | None = None
    how: str | None = None
    comments: int = 0
    level: int = 0  # the highest that was told
    delivery_failures: int = 0
    silenced: bool = False  # a silence held it back from delivery when it was raised


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts of the centre; None: all. `predicates`: at least one of them says yes."""

    entities: frozenset[str] | None = None
    states: frozenset[str] | None = None
    severities: frozenset[str] | None = None
    rule: str | None = None
    predicates: Sequence[AlertPredicate] | None = None
    silenced: bool | None = None


class Lives:
    """The lives of alerts at one moment."""

    def __init__(
        self,
        of_cuts: Sequence[Alert],
        cases: Mapping[UUID, AlertCase],
        now: datetime,
        silences: Sequence[Silence] = (),
    ) -> None:
        """`of_cuts`: the alerts in the lane of the recorded cuts, where incidents begin and end."""
        self._cases, self._now, self._silences = cases, now, silences
        self._cleared = {incident: alert for alert in of_cuts if (incident := cleared_incident(alert))}

    def of(self, alert: Alert, record: Mapping[str, Any]) -> Life:
        """`record`: the alert as a JSON object."""
        life = self._of(alert, record)
        life.silenced = is_silenced(record, self._silences)
        return life

    def _of(self, alert: Alert, record: Mapping[str, Any]) -> Life:
        severity = severity_of(record)
        case = self._cases.get(AlertCase.stream_id(alert_key(alert.alert_id, alert.entity)))
        if case is None:
            clearing = self._cleared.get(incident_of(record))
            if clearing is not None:
                at = clearing.appended_at or clearing.event_time
                return Life("RESOLVED", severity, resolved_by="system", resolved_at=at, how="CLEARED")
            after = EXPIRES_AFTER.get(severity)
            is_old = after is not None and self._now - raised_at(record) >= after
            return Life("EXPIRED" if is_old else "RAISED", severity)
        state: Any = case.stage
        return Life(
            state,
            severity,
            case.version,
            case.acknowledged_by or None,
            None if case.acknowledged_at is None else instant(case.acknowledged_at),
            case.resolved_by or None,
            None if case.resolved_at is None else instant(case.resolved_at),
            case.facts.get("how") if state == "RESOLVED" else None,
            len(case.comments),
            max((one["level"] for one in case.escalations), default=0),
            case.failures,
        )


def cleared_incident(alert: Alert) -> str:
    """The incident that this alert ends; empty: none."""
    return incident_of(record_of(alert)) if alert.kind == "cleared" else ""


def record_of(alert: Alert) -> dict[str, Any]:
    """The alert as the JSON object that routing speaks of."""
    found: dict[str, Any] = msgspec.to_builtins(alert)
    return found


def lives_now(live: LiveView, centre: AlertCentre, now: datetime, silences: Sequence[Silence] = ()) -> Lives:
    """Raises Unavailable."""
    cases = centre.cases()
    return Lives(live.read(lambda view: newest_of(view, CUT_LANE)), cases, now, silences)


def newest_of(view: RiskView, lane: int) -> list[Alert]:
    """The newest alerts of a lane, in the order of their sequences."""
    held = view.alert_book.partitions.get(lane)
    return [] if held is None else held.alerts[-KEPT_MAX:]


def page(live: LiveView, lives: Lives, wanted: Wanted, *, limit: int, cursor: str | None) -> dict[str, Any]:
    """Alerts, newest first, each with its life. Raises InvalidInput: a cursor that cannot be read."""
    bounds = None if cursor is None else parse_vector(cursor, "cursor")
    vector = live.read(lambda view: view.alert_book.vector())
    left = {lane: newest + 1 for lane, newest in vector.items()} if bounds is None else dict(bounds)
    rows: list[dict[str, Any]] = []
    for _ in range(0, SCANNED_MAX, CHUNK):
        chunk = live.read(lambda view: list(islice(view.alert_book.newest_first(left, {}), CHUNK)))
        for alert in chunk:
            if len(rows) == limit:
                return {"rows": rows, "cursor": vector_text(left), "vector": vector_text(vector)}
            left[alert.lane] = alert.sequence
            life = _wanted_life(alert, lives, wanted)
            if life is not None:
                rows.append({"alert": alert, "life": life})
        if len(chunk) < CHUNK:
            return {"rows": rows, "cursor": None, "vector": vector_text(vector)}
    return {"rows": rows, "cursor": vector_text(left), "vector": vector_text(vector)}


def _wanted_life(alert: Alert, lives: Lives, wanted: Wanted) -> Life | None:
    if wanted.entities is not None and alert.entity not in wanted.entities:
        return None
    if wanted.rule is not None and alert.rule != wanted.rule:
        return None
    record = record_of(alert)
    if wanted.severities is not None and severity_of(record) not in wanted.severities:
        return None
    if wanted.predicates is not None and not any(holds(record) for holds in wanted.predicates):
        return None
    life = lives.of(alert, record)
    if wanted.silenced not in (None, life.silenced):
        return None
    return life if wanted.states is None or life.state in wanted.states else None


def open_alerts(live: LiveView, lives: Lives, now: datetime) -> Iterator[tuple[Alert, Life]]:
    """Alerts that somebody has still to look at. Older than the longest expiry only those of the cuts' lane can be:
    the others are never critical."""
    longest = max(EXPIRES_AFTER.values())
    lanes = live.read(lambda view: {lane: newest_of(view, lane) for lane in view.alert_book.partitions})
    for lane, alerts in lanes.items():
        for alert in reversed(alerts):
            record = record_of(alert)
            if lane != CUT_LANE and now - raised_at(record) > longest:
                break
            life = lives.of(alert, record)
            if life.state in OPEN and not is_clearing(record):
                yield alert, life


def figures(live: LiveView, centre: AlertCentre, now: datetime, entities: frozenset[str] | None, days: int) -> Any:
    """Open alerts by severity, and how long it took to acknowledge those acknowledged in the last `days`."""
    lives = lives_now(live, centre, now)
    counts = {str(severity): dict.fromkeys(OPEN, 0) for severity in Severity}
    for alert, life in open_alerts(live, lives, now):
        if entities is None or alert.entity in entities:
            counts[life.severity][life.state] += 1
    seen = [case for case in centre.cases().values() if entities is None or case.entity_id in entities]
    return {"open": counts, "acknowledged": acknowledged(seen, now - timedelta(days=days)), "days": days}


def acknowledged(cases: Sequence[AlertCase], since: datetime) -> dict[str, dict[str, Any]]:
    """By severity: how many were acknowledged since, and the seconds from raised to acknowledged."""
    seconds: dict[str, list[float]] = {str(severity): [] for severity in Severity}
    for case in cases:
        raised, at = case.facts.get("raised_at"), case.acknowledged_at
        if at is not None and at >= since and raised is not None:
            took = (at - datetime.fromisoformat(raised)).total_seconds()
            seconds[case.facts.get("severity", Severity.WARNING)].append(max(took, 0.0))
    return {name: _spread(sorted(found)) for name, found in seconds.items()}


def _spread(ordered: Sequence[float]) -> dict[str, Any]:
    """Nearest-rank quantiles."""
    if not ordered:
        return {"count": 0, "median_s": None, "p95_s": None}
    return {
        "count": len(ordered),
        "median_s": ordered[(len(ordered) - 1) // 2],
        "p95_s": ordered[-(-95 * len(ordered) // 100) - 1],
    }


def own_predicates(ours: Services, reader: Principal) -> list[AlertPredicate]:
    """What the reader subscribed to, alone or in a team."""
    teams = {
        team["team_no"]
        for team in ours.assets.list_cases("AlertTeam", reader=reader, stage="FOUNDED")
        if any(member["person"] == reader.actor for member in team["members"])
    }
    return [
        alert_predicate(one)
        for one in ours.assets.list_cases("AlertSubscription", reader=reader, stage="ACTIVE")
        if one["subscriber"] == reader.actor or one.get("team") in teams
    ]
