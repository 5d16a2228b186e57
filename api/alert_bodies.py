"""The list of alerts and the limits that are at work, as the API sends them, of a view as it is or as it was.

Not for raising them: that is what folds do (`projections.large_flows`, `projections.limit_watch`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.figures import Body, Query
from projections.limit_cuts import WITHDRAWAL
from streams.limit_responses import breach_no, plan_no
from streams.schemas import LimitFacts
from streams.topics import ALERT, CUT
from streams.views import RiskView
from streams.views_alerts import parse_vector, vector_text
from streams.views_wire import CUT_LANE, Alert


@dataclass(frozen=True, slots=True)
class AlertPage:
    """Which alerts: at most `limit`, older than the cursor `before`, newer than the vector `after`."""

    limit: int = 100
    before: str | None = None
    after: str | None = None

    def canonical(self) -> Body:
        return {"limit": self.limit, "before": self.before, "after": self.after}


def alerts(view: RiskView, query: Query, asked: AlertPage) -> Body:
    """One page, newest first. Raises InvalidInput: a vector that cannot be read."""
    bounds = None if asked.before is None else parse_vector(asked.before, "before")
    start = {} if asked.after is None else parse_vector(asked.after, "after")
    book, entities = view.alert_book, query.filters.get("entity")
    left = {lane: newest + 1 for lane, newest in book.vector().items()} if bounds is None else dict(bounds)
    page: list[Alert] = []
    more = False
    for alert in book.newest_first(bounds, start):
        if entities is not None and alert.entity not in entities:
            left[alert.lane] = alert.sequence
        elif len(page) == asked.limit:
            more = True
            break
        else:
            page.append(alert)
            left[alert.lane] = alert.sequence
    return {
        "offsets": view.offsets(ALERT),
        "log": view.logs(ALERT),
        "cursor": vector_text(left) if more else None,
        "vector": vector_text(book.vector()),
        "alerts": page,
    }


def limits(view: RiskView, query: Query) -> Body:
    """Limits whose light is not green, by the newest alert of each limit and figure; the worst first."""
    entities = query.filters.get("entity")
    held = view.alert_book.partitions.get(CUT_LANE)
    told = [(alert, alert.limit) for alert in (held.alerts if held else []) if alert.limit is not None]
    newest = {
        (facts.limit_id, facts.metric, facts.scope, alert.entity, alert.currency): (alert, facts)
        for alert, facts in told
        if facts.metric != WITHDRAWAL
    }
    rows = [
        row(alert, facts)
        for alert, facts in newest.values()
        if alert.kind != "cleared" and (entities is None or alert.entity in entities)
    ]
    cuts = {place: offset for place, offset in view.offsets(ALERT).items() if CUT in place}
    logs = {place: log for place, log in view.logs(ALERT).items() if place in cuts}
    shown = sorted(rows, key=lambda one: (one["light"] != "red", one["limit_id"]))
    return {"offsets": cuts, "log": logs, "rows": shown}


def row(alert: Alert, facts: LimitFacts) -> Mapping[str, Any]:
    """One incident as it stands."""
    return {
        "limit_id": facts.limit_id,
        "metric": facts.metric,
        "scope": facts.scope,
        "entity": alert.entity,
        "currency": alert.currency,
        "light": facts.light,
        "value": facts.value,
        "minimum": facts.minimum,
        "maximum": facts.maximum,
        "headroom": facts.headroom,
        "as_of": facts.as_of,
        "cut": facts.cut,
        "alert_id": alert.alert_id,
        "incident": facts.incident,
        "breach_no": breach_no(facts),
        "plan_no": plan_no(facts),
        "reason": alert.reason,
    }
