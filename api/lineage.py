"""Traces as the API tells them: what an entry or a decision touched, amounts as decimal strings (docs/lineage.md).

Not for finding it out: `streams.lineage_effects`, `streams.lineage_cuts` and `streams.lineage_events` do.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from api.figures import Body
from api.services import Services
from engines.primitives.errors import InvalidInput, Unavailable
from engines.primitives.money import to_text
from projections.entry_batch import POSITION_DIMENSIONS
from streams import gap_changes, topics
from streams.cut_picture import POSITION_TOPICS
from streams.cut_reader import PlacedCut
from streams.gap_changes import PAST
from streams.instants import day_text
from streams.lineage_cuts import AlertPart, Which, alerts_of_entry, first_cut, told_totals, turned_at
from streams.lineage_effects import DepositEffect, Effects, FlowEffect, PositionEffect, effects_of
from streams.past_gap import CELL, flow_date
from streams.ratio_changes import explained
from streams.ratio_items import Figure
from streams.views import RATIO_TOPICS, SOURCE_TOPIC, RiskView
from streams.views_entries import Entry
from streams.views_ratios import Scope
from streams.views_wire import Alert

DEPOSIT_CELL = ("entity", "currency", "owner", "customer_class", "product", "organisation", "business_line")
CONTAINED_IN: Mapping[Which, frozenset[str]] = {
    "positions": frozenset(SOURCE_TOPIC[topic] for topic in POSITION_TOPICS if topic in SOURCE_TOPIC),
    "ratios": frozenset(SOURCE_TOPIC[topic] for topic in RATIO_TOPICS if topic in SOURCE_TOPIC),
}


def entry_trace(ours: Services, found: Entry, *, ratios: bool) -> Body:
    """Every figure that a record touched.

    Args:
        found: the record, which the caller has judged the reader may see.
        ratios: also what it did to the lines of LCR and NSFR: two whole cuts are folded for it.
    Raises InvalidInput, NotFound, Unavailable: as `effects_of` and the log of cuts.
    """
    place = f"{found.topic}/{found.partition}"
    body: Body = {"place": place, "offset": found.offset, "appended_at": found.appended_at, "record": found.record}
    if found.topic not in topics.FOLDED:
        return body | {"verdict": "not folded", "reason": f"{found.topic} moves no live figure by itself"}
    if ours.changes is None:
        raise Unavailable("a trace needs the replay, and there is none here")
    reader = ours.changes
    effects = effects_of(reader.replay, reader.logs, reader.batches, found.topic, found.partition, found.offset)
    alerts, as_of = ours.live.read(lambda view: (list(_alerts(view)), view.as_of(None)))
    parts = list(alerts_of_entry(alerts, found.topic, found.partition, found.offset))
    day = None if found.entity is None else as_of.of(found.entity)
    cuts = {which: _cut(ours, which, found) for which in CONTAINED_IN if found.topic in CONTAINED_IN[which]}
    causes = frozenset(one.alert.alert_id for one in parts if one.part == "raised")
    limits = [
        row
        for one in {placed.offset: placed for placed in cuts.values() if placed}.values()
        for row in turned_at(alerts, one.offset, causes)
        if row["entity"] in (found.entity, "-")
    ]
    return body | {
        "verdict": effects.verdict,
        "reason": effects.reason,
        "late": effects.late,
        "reversal": effects.reversal,
        "positions": [_position(one) for one in effects.positions],
        "deposits": [_deposit(one) for one in effects.deposits],
        "gap": {
            "as_of": None if day is None else day.isoformat(),
            "rows": [
                _flow(one, None if day is None else gap_changes.window_of(one.day, day)) for one in effects.flows
            ],
        },
        "published": [{"topic": topic, "before": old, "after": new} for topic, old, new in effects.published],
        "alerts": _alert_rows(effects, parts),
        "cuts": {which: _cut_row(placed, found) for which, placed in cuts.items()},
        "limits": limits,
        "ratios": list(_ratio_rows(ours, found, cuts.get("ratios"))) if ratios else None,
    }


def _alerts(view: RiskView) -> Iterator[Alert]:
    for held in view.alert_book.partitions.values():
        yield from held.alerts


def _position(one: PositionEffect) -> Body:
    cell = dict(zip(POSITION_DIMENSIONS, one.key, strict=True))
    currency = cell["currency"]
    return cell | {
        "intragroup": cell["intragroup"] == "true",
        "value_date": day_text(one.value_day),
        "settled": to_text(one.settled_minor, currency),
        "pending_in": to_text(one.pending_in_minor, currency),
        "pending_out": to_text(one.pending_out_minor, currency),
    }


def _deposit(one: DepositEffect) -> Body:
    cell = dict(zip(DEPOSIT_CELL, one.cell, strict=True))
    return cell | {"part": one.part, "amount": to_text(one.minor, cell["currency"])}


def _flow(one: FlowEffect, window: str | None) -> Body:
    """`bucket` as the entity's business date of today sees it; `paid`: the day is past."""
    cell = dict(zip((*CELL, "currency"), one.cell, strict=True))
    paid = {"bucket": None, "paid": True} if window == PAST else {"bucket": window, "paid": False}
    return cell | {"flow_date": flow_date(one.day), "net": to_text(one.minor, cell["currency"])} | paid


def _alert_rows(effects: Effects, parts: list[AlertPart]) -> list[Body]:
    """What the fold raised again here, and what the view holds: an alert whose window has the entry."""
    rows: dict[str, Body] = {
        row["alert_id"]: {"part": "corrected" if row["kind"] == "corrected" else "raised", **_of_alert(row)}
        for row in effects.alerts
    }
    for one in parts:
        known = _of_alert(msgspec.to_builtins(one.alert))
        rows.setdefault(one.alert.alert_id, {"part": one.part, **known, "contributed": one.amount})
    return list(rows.values())


def _of_alert(row: Mapping[str, Any]) -> Body:
    names = ("alert_id", "kind", "rule", "amount", "rolling", "threshold", "currency", "event_time", "reason")
    return {name: row.get(name) for name in names}


def _cut(ours: Services, which: Which, found: Entry) -> PlacedCut | None:
    if ours.recent_cuts is None:
        return None
    return first_cut(ours.recent_cuts, which, f"{found.topic}/{found.partition}", found.offset)


def _cut_row(placed: PlacedCut | None, found: Entry) -> Body | None:
    """None: no cut is recorded that contains it."""
    if placed is None:
        return None
    cut = placed.cut
    totals = told_totals(cut, found.entity or "-", found.topic)
    return {"cut": placed.offset, "taken_at": cut.taken_at, "offsets": cut.offsets, "changed": totals}


def _ratio_rows(ours: Services, found: Entry, placed: PlacedCut | None) -> Iterator[Body]:
    """The record's own parts of LCR and NSFR: the first cut that has it, without it and with it as the last one."""
    if ours.ratio_cuts is None or ours.ratio_policy is None or placed is None:
        return
    place = f"{found.topic}/{found.partition}"
    before, after = ({**placed.cut.offsets, place: end} for end in (found.offset, found.offset + 1))
    two = ours.ratio_cuts(before, after)

    def wanted(scope: Scope) -> bool:
        return scope.entity in (found.entity, "-")

    figures: tuple[Figure, ...] = ("lcr", "nsfr")
    for figure in figures:
        for one in explained(figure, two, ours.ratio_policy, wanted):
            for part in one.explanation.parts:
                yield {
                    "figure": figure,
                    "scope": one.scope.kind,
                    "entity": one.scope.entity,
                    "currency": one.scope.currency,
                    "cause": part.cause,
                    "line": part.line,
                    "side": part.side,
                    "amount_minor_exact": str(part.amount),
                }


def recovery_rows(ours: Services, position: int) -> list[Body]:
    """What an event did to expected cash (the behavioural gap): each disposal before and after it."""

    def ask(view: RiskView) -> list[Body]:
        known: dict[tuple[str, str], Any] = {}
        for move in view.recoveries.picture().moves:
            if move.position == position:
                return [_disposal(one, known.get(one.id)) for one in move.changed]
            known.update((one.id, one) for one in move.changed)
        return []

    return ours.live.read(ask)


def _disposal(after: Any, before: Any) -> Body:
    def promises(one: Any) -> list[Body]:
        return [
            {"due_on": p.due_on and p.due_on.isoformat(), "amount": to_text(p.amount_minor, one.currency)}
            for p in (one.outstanding if one else ())
        ]

    received = after.received_minor - (before.received_minor if before else 0)
    return {
        "aggregate": after.aggregate,
        "key": after.key,
        "entity": after.entity,
        "currency": after.currency,
        "stage": after.stage,
        "received": to_text(received, after.currency),
        "expected_before": promises(before),
        "expected_after": promises(after),
    }


def place_of(text: str) -> tuple[str, int, int]:
    """`TOPIC/PARTITION/OFFSET`. Raises InvalidInput."""
    topic, partition, offset = (["", "", "", *text.rsplit("/", 2)])[-3:]
    if not topic or not partition.isdigit() or not offset.isdigit():
        raise InvalidInput(f"{text!r:.80} is not TOPIC/PARTITION/OFFSET", field="place")
    return topic, int(partition), int(offset)
