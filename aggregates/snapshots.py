"""Snapshots of aggregates that live long, so that a command need not fold ten thousand events first.

A snapshot is a saving, never a source: events alone decide, losing all snapshots loses nothing, and one of another
`FORMAT` is not read. It names the chain at its event, so that `audit verify` can fold again and compare (decision
E7). One snapshot is kept for each aggregate, the newest.
"""

from dataclasses import dataclass, fields
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import CanSnapshotAggregate, DomainEvent
from eventsourcing.persistence import JSONTranscoder, Transcoding
from eventsourcing.utils import register_topic, resolve_topic

from aggregates.claim import Effect
from aggregates.claim_state import Applied, Left
from aggregates.customer import CustomerFile, RiskCustomer
from aggregates.foreclosed_asset import ForeclosedAsset
from aggregates.litigation import LitigationCase
from aggregates.risk_asset import RiskAsset
from aggregates.steps.case import Case, kebab

#: Raise it whenever an event of a kept kind changes the state otherwise than before: a test compares states.
FORMAT = 1
PURPOSE = f"snapshots_{FORMAT}"  # a table of its own for each format
EVENTS_BETWEEN = 200
KEPT: tuple[type[Case], ...] = (RiskAsset, RiskCustomer, CustomerFile, ForeclosedAsset, LitigationCase)
TOPIC_BY_KIND = {kind: kebab(kind.NAME) for kind in KEPT}

for _kind, _topic in TOPIC_BY_KIND.items():
    register_topic(_topic, _kind)


@dataclass(frozen=True)
class CaseSnapshot(CanSnapshotAggregate[UUID], DomainEvent):
    """State of one aggregate after its event `originator_version`; `chain` is the log's chain there, in hex."""

    topic: str
    state: dict[str, Any]
    chain: str

    TOPIC: ClassVar[str] = "case-snapshot"

    @classmethod
    def of(cls, case: Case, chain: bytes) -> "CaseSnapshot":
        state = {name: value for name, value in vars(case).items() if name not in _OF_THE_LIBRARY}
        at = case.modified_on
        return cls(case.id, case.version, at, TOPIC_BY_KIND[type(case)], state, chain.hex())

    def mutate(self, _: None) -> Case:
        kind: type[Case] = resolve_topic(self.topic)
        case = kind.__new__(kind)
        vars(case).update(self.state, _id=self.originator_id, _version=self.originator_version, _pending_events=[])
        return case


_OF_THE_LIBRARY = ("_id", "_version", "_pending_events")
register_topic(CaseSnapshot.TOPIC, CaseSnapshot)


class _RecordTranscoding(Transcoding):
    """Our own small records inside a state."""

    def __init__(self, kind: type[Any]) -> None:
        self.type, self.name = kind, f"claim.{kebab(kind.__name__)}"
        self._fields = tuple(field.name for field in fields(kind))

    def encode(self, obj: Any) -> Any:
        return {name: getattr(obj, name) for name in self._fields}  # `asdict` copies all of it, slowly

    def decode(self, data: Any) -> Any:
        return self.type(**data)


def register_transcodings(transcoder: JSONTranscoder) -> None:
    for kind in (Effect, Applied, Left):
        transcoder.register(_RecordTranscoding(kind))


def is_due(case: Case, events: int) -> bool:
    """Whether the last `events` events of an aggregate crossed the place where one is taken."""
    return type(case) in TOPIC_BY_KIND and case.version // EVENTS_BETWEEN > (case.version - events) // EVENTS_BETWEEN
