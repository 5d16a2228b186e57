"""Answers of the withdrawal desk. Amounts are decimal strings in the row's currency; what is not known is null."""

from datetime import date
from typing import Any, Literal

from pydantic import Field

from api.decision_models import CaseState, StoredEvent
from api.models import Amount, Answer, Offsets


class Trusted(Answer):
    """Figures of the live view: at which cut, and whether their sources can be trusted now."""

    offsets: Offsets
    trust: dict[str, Any] | None = Field(
        None, description="worst state of the sources that these figures stand on, and which are not fresh"
    )


class Impact(Answer):
    """The position before and after a withdrawal: `available` is the bank's in that currency (LIQ-07),
    `projected_eod` the branch's (LIQ-01)."""

    amount: Amount
    projected_eod_before: Amount | None = None
    projected_eod_after: Amount | None = None
    available_before: Amount | None = None
    available_after: Amount | None = None
    floor: Amount | None = None
    floor_is_set: bool | None = None
    shortfall: Amount | None = None
    decision: Literal["RELEASE", "QUEUE"] | None = None
    actions: list[str] = Field(default_factory=list)
    decision_reason: str = ""


class Approval(Answer):
    level: str
    actor: str
    revision: int


class Task(Answer):
    reservation_no: str
    entity: str
    ccy: str
    customer_no: str
    account_id: str
    organisation: str
    amount: Amount
    executed: Amount
    outstanding: Amount = Field(description="approved and not executed: what the figures reserve")
    value_date: date
    purpose: str
    channel: str
    state: str
    status: str
    is_open: bool
    delegated_to: str | None
    levels: list[str] = Field(description="approvals that the amount needs, in order")
    needs: str | None = Field(description="the level that decides now")
    mine: bool = Field(description="whether this reader may decide it now")
    may: list[Literal["submit", "amend", "cancel"]] = Field(
        description="what this reader's roles may do with it beside deciding, in its present state"
    )
    seen: str = Field(description="version of the task: give it back with a decision")
    source: Literal["desk", "channel"]
    revision: int
    approvals: list[Approval]
    legs: list[str] = Field(description="entries that executed it")
    proof_needed: bool
    requester: str | None


class ShownTask(Task):
    impact: Impact


class Tasks(Trusted):
    log: dict[str, str]
    as_of: dict[str, date]
    may_announce: bool = Field(description="whether this reader's roles announce withdrawals")
    rows: list[ShownTask]
    cursor: str | None
    total: int


class TaskInFull(Trusted):
    task: ShownTask
    history: list[StoredEvent]


class Done(Answer):
    """What a command led to; `repeated`: it had been given before."""

    cmd_id: str
    aggregate: str
    key: str
    repeated: bool
    events: list[StoredEvent]
    task: Task


class ForecastDay(Answer):
    date: date
    ccy: str
    organisation: str | None = Field(description="null: all together; worst cases of branches do not add up to it")
    base: Amount
    reserved_expected: Amount
    expected: Amount
    reserved_open: Amount
    worst: Amount
    weeks_of_history: int


class HitRate(Answer):
    ccy: str
    hit_rate_pct: str
    announced: Amount
    unannounced: Amount


class Forecast(Trusted):
    as_of: date
    history_from: date | None
    days: list[ForecastDay]
    hit_rates: list[HitRate]


class DispatchNode(Answer):
    node: str
    available: Amount
    target: Amount


class Transfer(Answer):
    transfer_id: str
    source: str
    destination: str
    amount: Amount
    cost_bp: str


class Lacking(Answer):
    """A plan that nobody proposed yet."""

    entity: str
    ccy: str
    nodes: list[DispatchNode]
    transfers: list[Transfer]
    moved: Amount
    uncovered: dict[str, Amount]
    cost: Amount


class Dispatch(Trusted):
    lacking: list[Lacking]
    proposals: list[CaseState]


class Proposed(Answer):
    proposal: dict[str, Any]
