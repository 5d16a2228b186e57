"""Answers about contracts as pydantic models: the contract of what goes out (see `api.models`)."""

from datetime import date
from typing import Any

from pydantic import Field

from api.models import Amount, Answer, Offsets, Provenance


class GapFlow(Answer):
    flow_date: str  # ISO date, DEMAND or UNDATED
    kind: str
    amount: Amount  # inflow positive


class GapContractRow(Answer):
    entity: str
    organisation: str
    business_line: str
    product: str
    currency: str
    contract_id: str
    inflow: Amount
    outflow: Amount
    gap: Amount
    flow_dates: int
    flows: list[GapFlow] | None = None


class GapTotal(Answer):
    entity: str
    currency: str
    inflow: Amount
    outflow: Amount
    gap: Amount
    contracts: int  # as the gap counts them: once for each flow date
    distinct_contracts: int


class GapContracts(Answer):
    as_of: date | None
    offsets: Offsets
    log: dict[str, str]
    bucket: str | None
    totals: list[GapTotal]
    rows: list[GapContractRow]
    next: int | None = Field(deprecated=True, description="`start` of the next page: now `cursor`")
    cursor: str | None = Field(description="of the next page; null: this is the last")
    provenance: Provenance


class RecordPlace(Answer):
    topic: str
    partition: int
    offset: int | None  # null: further back than is searched


class FormulaLine(Answer):
    target: str
    formula: str
    numbers: str
    result: str
    source: str


class FlowExplanation(Answer):
    source: str  # section, table row and functions of the ACTUS technical specification
    formulas: list[FormulaLine]
    before: dict[str, str]  # the states that changed, by their symbols
    after: dict[str, str]


class ContractFlow(Answer):
    flow_date: str
    event_type: str | None  # null: entered the gap without an event, as payable on demand
    payoff: str | None  # all digits of the engine; null where no event is
    currency: str  # of the flow
    kind: str | None
    booked: Amount | None  # null: no amount of this event is booked
    rounding: str | None  # booked - payoff
    bucket: str | None
    in_gap: bool
    explanation: FlowExplanation | None = None


class ContractFlows(Answer):
    entity: str
    contract_id: str
    organisation: str
    business_line: str
    product: str
    currency: str
    side: str
    closed: bool
    as_of: date | None
    offsets: Offsets
    log: dict[str, str]
    record: RecordPlace
    terms: dict[str, Any]  # by the ACTUS dictionary
    flows: list[ContractFlow]
    provenance: Provenance
