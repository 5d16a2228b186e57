"""Decision events as the audit topic tells them, for tests of recovery cash: of scenarios, of walks, by hand."""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import msgspec

from aggregates.assets import Assets
from projections.recovery_cash import RecoveryCashState, fold
from projections.recovery_records import Decision, decode_decision

ALL_EVENTS = 1_000_000


def published(app: Assets) -> list[bytes]:
    """Values of the audit topic, in the order of the log."""
    return [msgspec.json.encode(event.to_json()) for event in app.published_after(0, ALL_EVENTS)]


def decisions(values: Iterable[bytes]) -> list[Decision]:
    return [decode_decision(value) for value in values]


def folded(found: Sequence[Decision], state: RecoveryCashState | None = None) -> RecoveryCashState:
    """All of them in one batch, from offset 0."""
    return fold(state or RecoveryCashState(), list(enumerate(found)), 0, len(found))


def decision(
    position: int,
    aggregate: str,
    key: str,
    event: str,
    *,
    on: str = "2024-01-02",
    entity: str = "BANK",
    **payload: Any,
) -> Decision:
    """One event by hand; money as decimal text."""
    return Decision(
        id=f"event-{position}",
        position=position,
        recorded_at=f"{on}T00:00:00.000000Z",
        aggregate=aggregate,
        key=key,
        type=event,
        valid_on=date.fromisoformat(on),
        org="3301",
        entity=entity,
        payload={"ccy": "CNY"} | payload,
    )


def value_of(found: Decision) -> bytes:
    """As the audit topic has it."""
    body = {name: getattr(found, name) for name in ("id", "position", "recorded_at", "aggregate", "key", "type")}
    more = {"valid_on": found.valid_on.isoformat(), "org": found.org, "entity": found.entity}
    return json.dumps(body | more | {"payload": found.payload, "version": 1, "actor": "U-1"}).encode()
