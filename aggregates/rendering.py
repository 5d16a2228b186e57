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
from aggregates.envelope import Envelope
from aggregates.ports import Recorded
from aggregates.risk_asset import RiskAsset, event_id
from aggregates.write_off import WriteOff
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
        aggregate=registry.aggregate_of(recorded.topic),
        key=key,
        version=recorded.originator_version,
        type=registry.TYPE_BY_TOPIC[recorded.topic],
        topic=recorded.topic,
        envelope=event.who,
        payload=outward({k: v for k, v in vars(event).items() if k not in _LIBRARY_FIELDS}),
    )


def outward(attributes: Mapping[str, Any]) -> Json:
    """Event attributes with `…_minor` turned into decimal strings of the event's own `ccy`."""
    ccy = attributes.get("ccy", "")
    return {
        name.removesuffix("_minor"): money(value, ccy) if name.endswith("_minor") else plain(value)
        for name, value in attributes.items()
    }


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


def state_of(aggregate: RiskAsset | WriteOff) -> Json:
    """The present state of an aggregate, in the names of decision E18."""
    return _risk_asset(aggregate) if isinstance(aggregate, RiskAsset) else _write_off(aggregate)


def _risk_asset(asset: RiskAsset) -> Json:
    ccy = asset.ccy
    hold = {"kind": asset.hold_kind, "case_no": asset.hold_case_no} if asset.hold_kind else None
    return {
        "loan_no": asset.loan_no,
        "entity": asset.entity_id,
        "ccy": ccy,
        "customer_no": asset.customer_no,
        "branch": asset.branch,
        "product": asset.product,
        "segment": asset.segment,
        "overdue_since": plain(asset.overdue_since),
        "maturity": plain(asset.maturity),
        "version": asset.version,
        "lifecycle": asset.lifecycle,
        "closed_as": asset.closed_as or None,
        "classification": asset.classification,
        "hold": hold,
        **money(asset.buckets_minor, ccy),
        "memo": money(asset.memo_minor, ccy),
        "fa": to_text(0, ccy),  # foreclosed assets have no aggregate yet
        "rec_cash": to_text(asset.rec_cash_minor, ccy),
        "rec_kind": to_text(asset.rec_kind_minor, ccy),
        "waived": to_text(asset.waived_minor, ccy),
        "written_off": to_text(asset.written_off_minor, ccy),
        "income": to_text(asset.income_minor, ccy),
        "loss": to_text(asset.loss_minor, ccy),
    }


def _write_off(case: WriteOff) -> Json:
    ccy, instruction = case.ccy, case.instruction
    asked = None
    if instruction is not None:
        asked = {
            "instruction_id": instruction.instruction_id,
            "attempt": instruction.attempt,
            "amount": to_text(instruction.amount_minor, ccy),
            "alloc": money(instruction.alloc_minor, ccy),
            "value_date": instruction.value_date.isoformat(),
            "maker": instruction.maker,
            "checker": instruction.checker or None,
        }
    return {
        "write_off_no": case.write_off_no,
        "asset_no": case.asset_no,
        "entity": case.entity_id,
        "ccy": ccy,
        "version": case.version,
        "state": case.stage,
        "write_off_kind": case.write_off_kind,
        "ground": case.ground,
        "book_amount": to_text(case.book_amount_minor, ccy),
        "memo_interest": to_text(case.memo_interest_minor, ccy),
        "claim_snapshot": money(case.claim_snapshot_minor, ccy),
        "snapshot_hash": case.snapshot_hash or None,
        "makers": list(case.makers),
        "reviewers": list(case.reviewers),
        "approver": case.approver or None,
        "approval_no": case.approval_no or None,
        "valid_until": plain(case.valid_until),
        "max_book_amount": to_text(case.max_book_amount_minor, ccy),
        "instruction": asked,
        "core_txn_no": case.core_txn_no or None,
    }
