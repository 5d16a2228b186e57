"""One stored event as the world sees it: JSON, money as decimal strings, no `_minor` (decision E1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from aggregates.envelope import Envelope
from aggregates.steps.case import event_id
from engines.primitives.money import to_text

Json = dict[str, Any]


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
