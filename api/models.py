"""Requests and answers as pydantic models: the check of what comes in, the contract of what goes out.

Answers are encoded from the figures themselves, not through these; a test holds both equal.
"""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.moments import IsoDay

Amount = str  # a decimal string; a JSON number would lose digits in a browser
Offsets = dict[str, int]  # {"topic/partition": next offset}


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Me(Answer):
    actor: str
    roles: list[str]
    entities: list[str]
    organisation: str


class Provenance(Answer):
    result_id: str
    as_of: date | None
    engine_version: str
    config_version: str
    input_digest: str
    scenario_id: str | None
    digest: str | None = None  # of the rows, whatever their order: what a replay reproduces (docs/time-travel.md)
    asked: dict[str, Any] | None = None
    folds: dict[str, int] | None = None  # version of the fold of each source topic
    days: dict[str, date] | None = None  # business date of each entity in the figure
    offsets_of: dict[str, Offsets] | None = None  # where ticks of one source were caught apart
    trust: dict[str, Any] | None = None  # worst state of the sources it stands on, and which are not fresh


class PositionRow(Answer):
    entity: str
    currency: str
    organisation: str | None = None
    business_line: str | None = None
    product: str | None = None
    customer: str | None = None
    account: str | None = None
    position: Amount
    pending_in: Amount
    pending_out: Amount
    reserved: Amount | None = None
    projected_eod: Amount | None = None
    as_of: date | None


class Positions(Answer):
    as_of: date | None
    offsets: Offsets
    log: dict[str, str]
    by: list[str]
    rows: list[PositionRow]
    last_event_time: str | None
    lag_records: int
    provenance: Provenance


class MovementRow(Answer):
    entity: str
    currency: str
    value_date: date
    movement: Amount
    position: Amount


class PositionsByDate(Answer):
    offsets: Offsets
    log: dict[str, str]
    rows: list[MovementRow]
    provenance: Provenance


class GapRow(Answer):
    entity: str
    currency: str
    organisation: str | None = None
    business_line: str | None = None
    product: str | None = None
    bucket: str
    inflow: Amount
    outflow: Amount
    gap: Amount
    cumulative: Amount | None
    contracts: int
    recoveries: Amount | None = None  # part of the inflow, in views that expect them


class Gap(Answer):
    as_of: date | None
    offsets: Offsets
    log: dict[str, str]
    by: list[str]
    buckets: list[str]
    rows: list[GapRow]
    last_event_time: str | None
    provenance: Provenance
    view: Literal["contractual", "behavioural", "stressed"] = "contractual"
    severity: str | None = None  # of the stressed view
    policy: dict[str, Any] | None = None  # of the views that expect recoveries


class Source(Answer):
    topic: str
    partition: int
    offset: int
    log: str
    fold: int


class WithdrawalRow(Answer):
    entity: str
    organisation: str
    customer: str
    currency: str
    rolling: Amount
    threshold: Amount
    window_minutes: int
    above: bool
    event_time: str
    source: Source
    decision: Literal["RELEASE", "QUEUE"] | None  # null: nothing to decide, or the available position is not known
    actions: list[str]
    decision_reason: str
    available: Amount | None  # before this outflow (LIQ-07)
    post: Amount | None
    floor: Amount | None
    floor_is_set: bool | None  # false: no minimum operating balance is set, 0 is used
    shortfall: Amount | None


class ReservedRow(Answer):
    """What an organisation has approved to leave up to the business date, judged as one."""

    entity: str
    organisation: str
    currency: str
    amount: Amount
    decision: Literal["RELEASE", "QUEUE"] | None
    actions: list[str]
    decision_reason: str
    available: Amount | None
    post: Amount | None
    floor: Amount | None
    floor_is_set: bool | None
    shortfall: Amount | None


class Withdrawals(Answer):
    offsets: Offsets
    log: dict[str, str]
    rows: list[WithdrawalRow]
    reservations: list[ReservedRow]
    provenance: Provenance


class AlertEntry(Answer):
    offset: int
    event_time: str
    amount: Amount


class AlertBase(Answer):
    alert_id: str
    kind: Literal["raised", "corrected", "eased", "cleared"]
    rule: str
    rule_version: str
    sequence: int
    entity: str
    organisation: str
    customer: str
    customer_class: str
    account: str
    currency: str
    amount: Amount
    threshold: Amount
    event_time: str
    txn_id: str
    reason: str
    source: Source
    rolling: Amount | None = None
    window_minutes: int | None = None
    late: bool = False
    corrects: str | None = None
    appended_at: str | None = None
    limit: dict[str, Any] | None = Field(None, description="of an alert on a limit: `LimitFacts` of /asyncapi.json")
    severity: Literal["INFO", "WARNING", "CRITICAL"]
    rule_facts: dict[str, Any] | None = Field(
        None, description="of an alert by a rule of people: `RuleFacts` of /asyncapi.json"
    )


class Alert(AlertBase):
    entries: list[AlertEntry] = []


class Alerts(Answer):
    offsets: Offsets
    log: dict[str, str]
    cursor: str | None
    vector: str
    alerts: list[Alert]
    provenance: Provenance


class Entry(Answer):
    topic: str
    partition: int
    offset: int
    appended_at: str | None
    key: str | None
    record: Any
    headers: dict[str, str] = {}


class ResolvedEntry(Entry):
    event_time: str
    amount: Amount
    problem: str | None = None


class AlertDetail(AlertBase):
    entries: list[ResolvedEntry]


class Rows(BaseModel):
    rows: list[dict[str, Any]]


class History(BaseModel):
    events: list[dict[str, Any]]


class Command(BaseModel):
    """A command on an aggregate. The actor and the role come from the token."""

    model_config = ConfigDict(extra="forbid", strict=True)

    cmd_id: str = Field("", max_length=200, description="idempotency key, chosen by the caller, or `Idempotency-Key`")
    aggregate: str = Field(min_length=1, max_length=100, description="kind of aggregate, as RiskAsset")
    key: str = Field(min_length=1, max_length=200, description="its business key, as the loan number")
    command: str = Field(min_length=1, max_length=100, description="as ProposeWriteOff")
    payload: dict[str, Any] = Field(default_factory=dict, description="the command's fields")
    valid_on: IsoDay | None = Field(None, description="when it is true in the business")
    role: str | None = Field(None, max_length=10, description="one of the token's; default: the first fitting")
    reason: str = Field("", max_length=2_000, description="why, kept with the event")
    docs: list[str] = Field(default_factory=list, max_length=100, description="documents it stands on")


class CommandAnswer(BaseModel):
    cmd_id: str
    aggregate: str
    key: str
    repeated: bool
    events: list[dict[str, Any]]
    state: dict[str, Any]
