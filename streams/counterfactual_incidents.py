"""Incidents of limits and what follows from them, as it was beside as it would have been.

An incident runs from green to green; those of both sides that overlap are one row. What follows is read from the
alerts by `streams.limit_responses`, the rules that the house follows them by. Pure.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from streams.counterfactual_compare import Row, Where, matched, order_of, trigger_of
from streams.limit_funding import FundingPolicy
from streams.limit_responses import BREACH, PLAN, breach_no, plan_no, responses, shortfall_of
from streams.schemas import Alert, LimitFacts

NO_SOURCES = FundingPolicy("-", ())


def compared_incidents(real: Sequence[Alert], branch: Sequence[Alert], start: int, end: int) -> list[Row]:
    """Incidents of limits that were open at some time in the cuts [start, end); those that overlap are one row."""
    rows = []
    ours, theirs = (
        {key: [one for one in found if one.overlaps(start, end)] for key, found in _incidents(alerts).items()}
        for alerts in (real, branch)
    )
    for key in sorted(ours.keys() | theirs.keys()):
        waiting = list(theirs.get(key, ()))
        for one in ours.get(key, ()):
            other = next((each for each in waiting if each.overlaps(one.opened, one.ended_before(end))), None)
            if other is not None:
                waiting.remove(other)
            rows.append(_incident_row(key, one, other))
        rows += [_incident_row(key, None, other) for other in waiting]
    return sorted(rows, key=lambda row: (_first(row), row["limit_id"], row["scope"], row["entity"], row["currency"]))


def compared_actions(real: Sequence[Alert], branch: Sequence[Alert], start: int) -> list[Row]:
    """Commands that the alerts on limits from the cut `start` on lead to: cases of breaches, plans proposed."""
    rows = []
    for where, one, other in matched(
        _actions(real, start), _actions(branch, start), lambda action: action.trigger, lambda action: action.order
    ):
        known = one if one is not None else other
        rows.append(
            {
                "where": where,
                "at": known.alert.appended_at or known.alert.event_time,
                "cut": known.facts.cut,
                "limit_id": known.facts.limit_id,
                "entity": known.alert.entity,
                "currency": known.alert.currency,
                "aggregate": known.aggregate,
                "command": known.command,
                "real": None if one is None else one.row(),
                "branch": None if other is None else other.row(),
            }
        )
    return rows


LimitKey = tuple[str, str, str, str, str]


@dataclass(slots=True)
class _Incident:
    """From green to green. `opened` and `ended` are cuts; an incident that is open has no end."""

    alerts: list[tuple[Alert, LimitFacts]]

    @property
    def opened(self) -> int:
        return self.alerts[0][1].cut

    def ended_before(self, end: int) -> int:
        last, facts = self.alerts[-1]
        return facts.cut if last.kind == "cleared" else end

    def overlaps(self, start: int, end: int) -> bool:
        return self.opened < end and self.ended_before(max(end, start + 1)) >= start

    def row(self) -> Row:
        first, facts = self.alerts[0]
        last = self.alerts[-1][0]
        reds = [alert for alert, of in self.alerts if of.light == "red" and alert.kind == "raised"]
        worst = min(
            (of for _, of in self.alerts if of.headroom is not None),
            key=lambda of: Fraction(of.headroom or 0),
            default=facts,
        )
        return {
            "incident": facts.incident,
            "opened_cut": facts.cut,
            "opened_at": _moment(first),
            "red_at": _moment(reds[0]) if reds else None,
            "ended_at": _moment(last) if last.kind == "cleared" else None,
            "worst_value": worst.value,
            "alerts": len(self.alerts),
        }


def _incidents(alerts: Iterable[Alert]) -> dict[LimitKey, list[_Incident]]:
    found: dict[LimitKey, list[_Incident]] = defaultdict(list)
    for alert in alerts:
        facts = alert.limit
        if facts is None or alert.rule != "limit":
            continue
        key = (facts.limit_id, facts.metric, facts.scope, alert.entity, alert.currency)
        held = found[key]
        if not held or held[-1].alerts[-1][1].incident != facts.incident:
            held.append(_Incident([]))
        held[-1].alerts.append((alert, facts))
    return found


def _incident_row(key: LimitKey, one: _Incident | None, other: _Incident | None) -> Row:
    names = dict(zip(("limit_id", "metric", "scope", "entity", "currency"), key, strict=True))
    where: Where = "only_branch" if one is None else "only_real" if other is None else "both"
    real, branch = (None if side is None else side.row() for side in (one, other))
    compared = ("opened_cut", "opened_at", "red_at", "ended_at", "worst_value", "alerts")
    differs = [name for name in compared if real and branch and real[name] != branch[name]]
    return names | {"where": where, "real": real, "branch": branch, "differs": differs}


def _first(row: Mapping[str, Any]) -> int:
    return min(int(side["opened_cut"]) for side in (row["real"], row["branch"]) if side is not None)


# -- what follows ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Action:
    alert: Alert
    facts: LimitFacts
    aggregate: str
    command: str
    key: str

    @property
    def trigger(self) -> Hashable:
        return (self.aggregate, self.command, trigger_of(self.alert))

    @property
    def order(self) -> tuple[Any, ...]:
        return (*order_of(self.alert), self.aggregate)

    def row(self) -> Row:
        """`shortfall` is what a plan is drawn up on, in units of the currency."""
        wanted = shortfall_of(self.facts) if self.aggregate == PLAN else None
        return {"key": self.key, "value": self.facts.value, "shortfall": None if wanted is None else str(wanted)}


def _actions(alerts: Iterable[Alert], start: int) -> list[_Action]:
    """As `streams.limit_response_runner` follows them, with cases and plans that nobody touches in between."""
    known: set[tuple[str, str]] = set()
    found = []
    for alert in alerts:
        facts = alert.limit
        if facts is None:
            continue
        today = date.fromisoformat(_moment(alert)[:10])
        case, plan = (BREACH, breach_no(facts)), (PLAN, plan_no(facts))
        for one in responses(alert, NO_SOURCES, today, is_open=case in known, is_planned=plan in known):
            wanted = one.wanted
            known.add((wanted.aggregate, wanted.key))
            if facts.cut >= start:
                found.append(_Action(alert, facts, wanted.aggregate, wanted.command, wanted.key))
    return found


def _moment(alert: Alert) -> str:
    return alert.appended_at or alert.event_time
