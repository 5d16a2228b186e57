"""Who acts, and the envelope that every stored event carries. Not for authentication: `infra.security` does
that.

The envelope is one parameter of every `@event` method, since the library refuses `**kwargs` there (decision
E4).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from eventsourcing.persistence import JSONTranscoder, Transcoding

#: Role codes of spec/risk-assets.md 2.1, in its order; then those of liquidity (LIQ-43, spec/platform.md).
ROLES: Mapping[str, str] = {
    "AM": "asset-preservation manager",
    "BR": "branch reviewer",
    "HM": "head-office asset-management handler",
    "HA": "head-office approver",
    "RM": "risk-management department",
    "CM": "credit-management department",
    "LG": "legal officer",
    "CS": "committee secretary",
    "CV": "committee voter",
    "CC": "committee chair",
    "DP": "distribution post",
    "FK": "keeper of foreclosed assets",
    "FN": "finance maker",
    "FC": "finance checker",
    "IA": "internal audit",
    "SA": "system administrator",
    "OP": "operations engineer",
    "SY": "system process",
    "WF": "workflow-system callback",
    "CB": "core-banking callback",
    "EX": "other external system",
    "TR": "treasury",
    "AC": "asset and liability committee",
}

ENVELOPE_SCHEMA = 1
EVERY_ENTITY = "*"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated actor: who, in which roles, of which organisation, for which legal entities.

    `entities` names entity ids, or is `("*",)` for all of them; `organisation` is `-` where none applies.
    """

    actor: str
    roles: tuple[str, ...]
    organisation: str = "-"
    entities: tuple[str, ...] = ()

    def may_act_for(self, entity: str) -> bool:
        return EVERY_ENTITY in self.entities or entity in self.entities


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every event says about its making (spec/risk-assets.md section 0, decision E2).

    `valid_on` is when the fact is true in the business; when it was recorded stands in the store's leaf
    beside the event. `causation_id` is the event id of the event that this one follows by itself, or empty.
    """

    actor: str
    role: str
    org: str
    entity: str
    cmd_id: str
    correlation_id: str
    causation_id: str
    reason: str
    docs: tuple[str, ...]
    valid_on: date
    schema: int = ENVELOPE_SCHEMA

    def on(self, valid_on: date) -> "Envelope":
        return replace(self, valid_on=valid_on)

    def following(self, causation_id: str) -> "Envelope":
        """Envelope of a step that the system takes by itself because of another event (process managers,
        3.22)."""
        return replace(self, actor="system", role="SY", causation_id=causation_id)


class EnvelopeTranscoding(Transcoding):
    type = Envelope
    name = "envelope"

    def encode(self, obj: Any) -> Any:
        return {
            "actor": obj.actor,
            "role": obj.role,
            "org": obj.org,
            "entity": obj.entity,
            "cmd_id": obj.cmd_id,
            "correlation_id": obj.correlation_id,
            "causation_id": obj.causation_id,
            "reason": obj.reason,
            "docs": list(obj.docs),
            "valid_on": obj.valid_on.isoformat(),
            "schema": obj.schema,
        }

    def decode(self, data: Any) -> Envelope:
        fields = dict(data)
        fields["docs"] = tuple(fields["docs"])
        fields["valid_on"] = date.fromisoformat(fields["valid_on"])
        return Envelope(**fields)


class DateTranscoding(Transcoding):
    type = date
    name = "date_iso"

    def encode(self, obj: Any) -> Any:
        return obj.isoformat()

    def decode(self, data: Any) -> date:
        return date.fromisoformat(data)


def register_transcodings(transcoder: JSONTranscoder) -> None:
    """The richer types that our events hold beyond the library's UUID, Decimal and datetime."""
    transcoder.register(EnvelopeTranscoding())
    transcoder.register(DateTranscoding())
