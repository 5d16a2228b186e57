"""The first recorded cut that contains a record, and what turned at it: figures told, lights, alerts, cases, plans.

Cuts grow, so that the first one is found by halving. Alerts are those that the view holds. A cut contains many
records: what turned at it turned with all of them, and no single one is its cause.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from streams import topics
from streams.cut_reader import PlacedCut, RecentCuts
from streams.cut_records import RiskCut
from streams.limit_responses import breach_no, plan_no
from streams.views_ratios import GROUP
from streams.views_wire import Alert

READ_AT_ONCE = 64
RATIOS = frozenset({"lcr", "nsfr"})
#: Totals of a cut that a record of a log may move.
METRICS: Mapping[str, frozenset[str]] = {
    topics.TXN: RATIOS | {"position", "projected_eod"},
    topics.CONTRACT: RATIOS | {"cumulative_gap_minimum"},
    topics.RESERVATION: frozenset({"projected_eod"}),
    topics.HOLDING: RATIOS,
    topics.PRICE: RATIOS,
    topics.RESERVE: RATIOS,
    topics.FX: RATIOS,
}
Which = Literal["positions", "ratios"]


def contains(cut: RiskCut, which: Which, place: str, offset: int) -> bool:
    vector = cut.position_offsets if which == "positions" else cut.offsets
    return vector.get(place, 0) > offset


def first_cut(recent: RecentCuts, which: Which, place: str, offset: int) -> PlacedCut | None:
    """The first recorded cut whose positions, or ratios and gaps, contain the record; None: none does yet.

    Raises Unavailable: the log of cuts does not answer.
    """
    newest = recent(None, 1)
    if not newest or not contains(newest[0].cut, which, place, offset):
        return None
    found, low = newest[0], 0  # cuts below `low` do not contain it
    while found.offset - low > READ_AT_ONCE:
        middle = (low + found.offset) // 2
        below = recent(middle + 1, 1)
        if below and contains(below[0].cut, which, place, offset):
            found = below[0]
        else:
            low = middle + 1
    for one in recent(found.offset, READ_AT_ONCE):  # newest first
        if not contains(one.cut, which, place, offset):
            break
        found = one
    return found


@dataclass(frozen=True, slots=True)
class AlertPart:
    """`part`: `raised` it, `corrected` it, or was an `entry` of its window, with that entry's amount."""

    alert: Alert
    part: Literal["raised", "corrected", "entry"]
    amount: str


def alerts_of_entry(alerts: Iterable[Alert], topic: str, partition: int, offset: int) -> Iterator[AlertPart]:
    """Large-flow alerts that an entry raised, corrected, or was part of, among those that the view holds."""
    for alert in alerts:
        source = alert.source
        if (source.topic, source.partition) != (topic, partition) or alert.limit is not None:
            continue
        if source.offset == offset + 1:
            yield AlertPart(alert, "corrected" if alert.kind == "corrected" else "raised", alert.amount)
            continue
        for entry in alert.entries:
            if entry.offset == offset:
                yield AlertPart(alert, "entry", entry.amount)


def turned_at(alerts: Iterable[Alert], cut: int, causes: frozenset[str] = frozenset()) -> Iterator[Mapping[str, Any]]:
    """Limits whose light changed at a cut, or that a large flow of `causes` broke; the case and plan they start."""
    for alert in alerts:
        facts = alert.limit
        if facts is None or (facts.cut != cut and facts.cause not in causes):
            continue
        is_break = facts.light == "red"
        yield {
            "alert_id": alert.alert_id,
            "limit_id": facts.limit_id,
            "metric": facts.metric,
            "scope": facts.scope,
            "entity": alert.entity,
            "currency": alert.currency,
            "value": facts.value,
            "light_before": facts.light_before,
            "light": facts.light,
            "cause": facts.cause,
            "case": breach_no(facts) if is_break and alert.rule == "limit" else None,
            "plan": plan_no(facts) if is_break and facts.plan else None,
        }


def told_totals(cut: RiskCut, entity: str, topic: str) -> list[dict[str, Any]]:
    """Totals named by a cut (those that changed), of the record's entity and the group, that its log may move."""
    metrics = METRICS.get(topic, frozenset())
    return [msgspec.to_builtins(one) for one in cut.totals if one.entity in (entity, GROUP) and one.metric in metrics]
