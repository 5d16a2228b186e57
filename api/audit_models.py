"""Answers for auditors and data platforms: proofs, verification, the archive, what an entry or a decision touched,
the access log, personal data."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.decision_models import CaseState, FieldChange, StoredEvent
from api.models import Amount, Answer, Offsets

JsonObject = dict[str, JsonValue]


class Verification(BaseModel):
    """`report`: docs/audit-proofs.md, once it is done."""

    model_config = ConfigDict(extra="allow")

    state: Literal["none", "running", "done", "failed"]
    started_at: str | None = None
    ended_at: str | None = None
    by: str | None = None
    done: int | None = None
    total: int | None = None
    report: JsonObject | None = None
    error: str | None = None


class AuditStatus(Answer):
    size: int
    position: int
    keys: list[str]
    own_key_signs: bool
    witnesses: list[JsonObject | str]
    witnesses_required: int
    cosigned_size: int | None
    verification: Verification


class ProofSubject(Answer):
    aggregate: str
    key: str
    stream_id: str


class Proof(Answer):
    """Self-contained: `GET /audit/verifier` checks it (docs/audit-proofs.md)."""

    kind: str
    version: int
    subject: ProofSubject
    logs: list[JsonObject]
    items: list[JsonObject]


class ArchiveSegment(BaseModel):
    """One archived file: its range, digest and Merkle root (docs/archive.md)."""

    model_config = ConfigDict(extra="allow")

    topic: str
    partition: int


class ArchiveSegments(Answer):
    rows: list[ArchiveSegment]
    truncated: bool
    cursor: str | None


class AccessRow(Answer):
    record_id: str
    occurred_at: str
    action: str
    actor: str
    via: str
    roles: list[str] = Field(default_factory=list)
    organisation: str = ""
    entities: list[str] = Field(default_factory=list)
    address: str = ""
    route: str = ""
    status: int = 0
    aggregate: str = ""
    key: str = ""
    command: str = ""
    cmd_id: str = ""
    guard: str = ""
    code: str = ""


class AccessLog(Answer):
    rows: list[AccessRow]
    cursor: str | None


class SubjectRow(Answer):
    subject: str
    token: str
    keys: int
    destroyed: int


class Subjects(Answer):
    rows: list[SubjectRow]
    cursor: str | None


class CustomerNo(Answer):
    customer_no: str


class CustomerNos(Answer):
    rows: list[CustomerNo]
    cursor: str | None


class PrivacyStatus(Answer):
    subjects: int
    erased: int
    keys: int
    keys_destroyed: int
    requests: list[CaseState]
    cursor: str | None


class EntryTrace(Answer):
    """docs/lineage.md. Of a record that moves no live figure by itself there is the verdict alone."""

    place: str
    offset: int
    appended_at: str | None
    record: JsonValue
    verdict: str
    reason: str | None
    late: bool | None = None
    reversal: bool | None = None
    positions: list[JsonObject] = Field(default_factory=list)
    deposits: list[JsonObject] = Field(default_factory=list)
    gap: JsonObject | None = None
    published: list[JsonObject] = Field(default_factory=list)
    alerts: list[JsonObject] = Field(default_factory=list)
    cuts: dict[str, JsonObject | None] = Field(default_factory=dict)
    limits: list[JsonObject] = Field(default_factory=list)
    ratios: list[JsonObject] | None = None


class Place(Answer):
    topic: str
    partition: int
    offset: int


class EntryPlaces(Answer):
    txn: str
    topic: str
    entries: list[Place]


class CommandEvents(Answer):
    cmd_id: str
    events: list[JsonObject]


class Searched(Answer):
    start: int = Field(alias="from")
    end: int = Field(alias="to")


class ExpectedCash(Answer):
    aggregate: str
    key: str
    entity: str
    currency: str
    stage: str
    received: Amount
    expected_before: list[JsonObject]
    expected_after: list[JsonObject]


class EventTrace(Answer):
    """docs/lineage.md."""

    event: StoredEvent
    changed: list[FieldChange]
    command: CommandEvents
    caused_by: JsonObject | None
    caused: list[JsonObject]
    searched: Searched
    postings: list[JsonObject]
    messages: list[JsonObject]
    documents: list[JsonValue]
    timers: list[JsonObject]
    ledgers: list[JsonObject]
    recovery_cash: list[ExpectedCash]


class CutTotal(Answer):
    metric: str
    scope: Literal["currency", "entity", "group"]
    entity: str
    currency: str
    as_of: str = ""
    value: str | None = None
    numerator: str | None = None
    denominator: str | None = None


class Cut(BaseModel):
    """A recorded cut, `RiskCut` of /asyncapi.json: totals that changed, at these offsets."""

    model_config = ConfigDict(extra="allow")

    offset: int
    epoch: int
    number: int
    taken_at: str
    event_time: str | None = None
    whole: bool = False
    offsets: Offsets
    position_offsets: Offsets
    logs: dict[str, str]
    totals: list[CutTotal] = Field(default_factory=list)
    gone: list[CutTotal] = Field(default_factory=list)
    flows: list[JsonObject] = Field(default_factory=list)
    assets: list[JsonObject] = Field(default_factory=list)


class Cuts(Answer):
    cuts: list[Cut]
    cursor: int | None = Field(description="of the next page; null: this is the last")
