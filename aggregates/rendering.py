"""Stored events and aggregates as JSON, by what the registry knows of their tables (decisions E1, E18).

Used by HTTP, the audit topic and the command line alike, so that they cannot disagree.
"""

from typing import Any

from aggregates import registry
from aggregates.claim_state import ClaimState
from aggregates.event_view import EventView, Json, instant, money, outward, plain
from aggregates.ports import Recorded
from aggregates.steps.case import Case
from aggregates.steps.fields import stored
from engines.primitives.money import to_text

__all__ = ["EventView", "Json", "instant", "money", "outward", "plain", "state_of", "view"]

_LIBRARY_FIELDS = ("originator_id", "originator_version", "originator_topic", "timestamp", "who")


def view(recorded: Recorded, event: Any, key: str) -> EventView:
    return EventView(
        position=recorded.position,
        recorded_at=recorded.recorded_at,
        stream_id=recorded.originator_id,
        aggregate=registry.kind_of(recorded.topic).NAME,
        key=key,
        version=recorded.originator_version,
        type=registry.TYPE_BY_TOPIC[recorded.topic],
        topic=recorded.topic,
        envelope=event.who,
        payload=outward({k: v for k, v in vars(event).items() if k not in _LIBRARY_FIELDS}),
    )


def state_of(case: Case) -> Json:
    """The present state of an aggregate, in the names of decision E18."""
    if isinstance(case, ClaimState):
        return _risk_asset(case)
    ccy = case.ccy
    specs = {spec.name: spec for event in case.EVENTS.values() for spec in event.ROW.fields}
    facts = {name: value for name, value in case.facts.items() if name in specs}
    return {
        case.KEY: case.key,
        "entity": case.entity_id,
        "branch": case.branch,
        "ccy": ccy,
        "version": case.version,
        "state": case.stage,
        **outward(stored(facts, list(specs.values())) | {"ccy": ccy}),
        **{part.replace(" ", "_") + "s": list(people) for part, people in sorted(case.people.items())},
        **outward(case.extra() | {"ccy": ccy}),
    }


def _risk_asset(asset: ClaimState) -> Json:
    ccy = asset.ccy
    hold = {"kind": asset.hold_kind, "case_no": asset.hold_case_no} if asset.hold_kind else None
    facts = asset.facts
    return {
        "loan_no": asset.loan_no,
        "entity": asset.entity_id,
        "ccy": ccy,
        "customer_no": facts.get("customer_no"),
        "branch": asset.branch,
        "product": facts.get("product"),
        "segment": facts.get("segment"),
        "overdue_since": plain(asset.overdue_since),
        "maturity": plain(facts.get("maturity")),
        "version": asset.version,
        "lifecycle": asset.lifecycle,
        "closed_as": asset.closed_as or None,
        "classification": asset.classification,
        "hold": hold,
        "tags": list(asset.tags),
        "manager": asset.manager or None,
        **money(asset.buckets_minor, ccy),
        "memo": money(asset.memo_minor, ccy),
        "fa": to_text(0, ccy),
        "rec_cash": to_text(asset.rec_cash_minor, ccy),
        "rec_kind": to_text(asset.rec_kind_minor, ccy),
        "waived": to_text(asset.waived_minor, ccy),
        "written_off": to_text(asset.written_off_minor, ccy),
        "income": to_text(asset.income_minor, ccy),
        "loss": to_text(asset.loss_minor, ccy),
    }
