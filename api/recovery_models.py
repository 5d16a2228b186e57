"""Answers about recovery cash as pydantic models: the contract of what goes out (see `api.models`)."""

from datetime import date
from typing import Literal

from api.models import Amount, Answer, Offsets, Provenance

SeverityName = Literal["mild", "moderate", "severe"]


class Policy(Answer):
    versions: list[str]  # of the estimates in force on the rows' dates
    in_force: bool  # false: before the first one's time
    digest: str


class Inflow(Answer):
    on: date
    amount: Amount


class DisposalRow(Answer):
    kind: str
    case: str
    entity: str
    organisation: str
    currency: str
    loans: list[str]
    stage: str
    stage_on: date
    opened_on: date
    closed_on: date | None
    basis: str  # where the promise comes from
    promised: Amount
    first_promised: Amount
    received: Amount
    outstanding: Amount
    overdue: Amount
    stated: Amount | None  # what the closing event said had come in
    missed: Amount | None  # promised first, less received; null while the disposal is open
    first_due_on: date | None
    due_on: date | None
    days_late: int
    probability: str | None  # null once it is closed
    counted: str | None  # n/d of its loan notes that no more certain disposal counts
    covered_by: list[str]
    expected: Amount
    expected_exact: str  # n/d, minor units
    inflows: list[Inflow]
    as_of: date


class TotalRow(Answer):
    entity: str
    currency: str
    kind: str | None = None
    organisation: str | None = None
    disposals: int
    promised: Amount
    received: Amount
    outstanding: Amount
    overdue: Amount
    expected: Amount


class Recoveries(Answer):
    as_of: date | None
    offsets: Offsets
    log: dict[str, str]
    by: Literal["case", "kind", "organisation", "entity"]
    severity: SeverityName | None
    policy: Policy
    total: int  # disposals in the answer, on this page or not
    rows: list[DisposalRow] | list[TotalRow]
    cursor: str | None  # of the next page; null: this is the last
    provenance: Provenance


class StressRow(Answer):
    entity: str
    currency: str
    horizon_days: int
    severity: SeverityName | None
    amount: Amount


class StressInputs(Answer):
    as_of: date | None
    offsets: Offsets
    log: dict[str, str]
    policy: Policy
    rows: list[StressRow]
    provenance: Provenance


class DecisionEvent(Answer):
    id: str
    type: str
    aggregate: str
    key: str
    valid_on: date
    recorded_at: str
    position: int
    offset: int


class ChangePart(Answer):
    cause: Literal["DECISION", "ROLL"]
    disposal: str
    event: DecisionEvent | None  # null: a new business date
    received: Amount
    expected: Amount  # change of the gap
    difference: Amount  # both together: where `closes`, what was realised less what was expected
    difference_exact: str
    closes: bool


class ChangeRow(Answer):
    entity: str
    currency: str
    before: Amount
    after: Amount
    residual: str  # 0/1
    parts: list[ChangePart]


class RecoveryChanges(Answer):
    as_of: date | None
    offsets: Offsets
    from_offsets: Offsets
    log: dict[str, str]
    policy: Policy
    rows: list[ChangeRow]
    provenance: Provenance
