"""Answers about aggregates: their states, their stored events, commands and what came of them."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.models import Amount, Answer


class State(BaseModel):
    """The present state of an aggregate: these, and the fields of its kind, by its table in docs/risk-assets.md."""

    model_config = ConfigDict(extra="allow")

    entity: str | None = None
    ccy: str | None = None
    branch: str | None = None
    version: int | None = Field(None, description="its ETag: give it back as `If-Match` with the next command")


class CaseState(State):
    """Of every kind but the risk asset; its business key stands under the name of its kind, as `breach_no`."""

    state: str | None = Field(None, description="the stage that it is in")


class Hold(Answer):
    kind: str
    case_no: str


class RiskAsset(State):
    """One loan note with its balances; amounts are in its currency."""

    loan_no: str
    customer_no: str | None = None
    product: str | None = None
    segment: str | None = None
    overdue_since: date | None = None
    maturity: date | None = None
    lifecycle: str | None = None
    closed_as: str | None = None
    classification: str | None = None
    hold: Hold | None = None
    tags: list[str] = Field(default_factory=list)
    manager: str | None = None
    principal: Amount | None = None
    interest_on: Amount | None = None
    interest_off: Amount | None = None
    penalty: Amount | None = None
    compound: Amount | None = None
    costs: Amount | None = None
    memo: dict[str, Amount] = Field(default_factory=dict)


class StoredEvent(Answer):
    """What was decided: when, by whom, as what; `payload` holds the fields of its type."""

    id: str
    position: int = Field(description="its place in the log of decisions")
    recorded_at: str
    aggregate: str
    key: str
    version: int
    type: str
    valid_on: str
    actor: str
    role: str
    org: str
    entity: str
    cmd_id: str
    correlation_id: str
    causation_id: str
    reason: str
    docs: list[str]
    schema_version: int = Field(alias="schema")
    payload: dict[str, JsonValue]


class History(Answer):
    """Oldest first."""

    events: list[StoredEvent]


class Outcome(Answer):
    """What a command stored; `repeated`: it had been stored before, and nothing was stored now."""

    cmd_id: str
    aggregate: str
    key: str
    repeated: bool
    events: list[StoredEvent]


class CommandAnswer(Outcome):
    state: State


class Page(Answer):
    """`cursor` goes into the parameter `cursor` for the next page; null: this is the last."""

    cursor: str | None


class States(Page):
    rows: list[CaseState]


class RiskAssets(Page):
    rows: list[RiskAsset]


class BatchItem(Answer):
    """What became of one command; `not-stored`: another one of the batch was refused."""

    number: int = Field(description="its place in the batch, from 0")
    cmd_id: str
    result: str = Field(pattern="^(stored|repeated|refused|not-stored)$")
    outcome: Outcome | None = None
    problem: dict[str, Any] | None = Field(None, description="a problem document")


class BatchAnswer(Answer):
    stored: int
    repeated: int
    refused: int
    not_stored: int
    items: list[BatchItem]


class FieldChange(Answer):
    field: str
    before: JsonValue
    after: JsonValue


class TimelineStep(StoredEvent):
    changes: list[FieldChange]


class Timeline(Answer):
    """The timeline of a case, and the state that these events make."""

    aggregate: str
    key: str
    as_of: str | None
    known_at: str | None
    position: int
    events: list[TimelineStep]
    events_that_count_later: int
    state: State
