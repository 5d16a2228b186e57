"""Stored events and aggregates as the world sees them: JSON, money as decimal strings, no `_minor` (decision
E1).

Used by HTTP, the audit topic and the command line alike, so that they cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from aggregates import registry
from aggregates.claim_state import ClaimState
from aggregates.envelope import Envelope
from aggregates.ports import Recorded
from aggregates.steps.case import Case, event_id
from aggregates.steps.fields import stored
from engines.primitives.money import to_text

Json = dict[str, Any]

_LIBRARY_FIELDS = ("originator_id", "originator_version", "originator_topic", "timestamp", "who")


@dataclass(frozen=True, slots=True)
class EventView:
    """One stored event, decoded and placed: what happened, to what, when it counts and when it became
    known."""

    position: int
    recorded_at: datetime
    stream_id: UUID
    aggregate: str
    key: str
    version: int
    type: str
    topic: str
    envelope: Envelope
    payload: Mapping[str, Any]

    @property
    def id(self) -> UUID:
        return event_id(self.stream_id, self.version)

    def to_json(self) -> Json:
        who = self.envelope
        return {
            "id": str(self.id),
            "position": self.position,
            "recorded_at": instant(self.recorded_at),
            "aggregate": self.aggregate,
            "key": self.key,
            "version": self.version,
            "type": self.type,
            "valid_on": who.valid_on.isoformat(),
            "actor": who.actor,
            "role": who.role,
            "org": who.org,
            "entity": who.entity,
            "cmd_id": who.cmd_id,
            "correlation_id": who.correlation_id,
            "causation_id": who.causation_id,
            "reason": who.reason,
            "docs": list(who.docs),
            "schema": who.schema,
            "payload": dict(self.payload),
        }


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds, ending in Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


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


def outward(attributes: Mapping[str, Any]) -> Json:
    """Event attributes with `…_minor` turned into decimal strings of the event's own `ccy`, also inside records."""
    ccy = attributes.get("ccy", "")
    return {name.removesuffix("_minor"): _outward(name, value, ccy) for name, value in attributes.items()}


def _outward(name: str, value: Any, ccy: str) -> Any:
    if value is None:
        return None
    if name.endswith("_minor"):
        return money(value, ccy)
    if isinstance(value, Mapping):
        return {inner.removesuffix("_minor"): _outward(inner, item, ccy) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_outward("", item, ccy) for item in value]
    return plain(value)


def money(value: Any, ccy: str) -> Any:
    if isinstance(value, Mapping):
        return {bucket: to_text(minor, ccy) for bucket, minor in value.items()}
    return to_text(value, ccy)


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


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
