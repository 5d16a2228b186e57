"""Answers of the work lists, each at one position of the decision log."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.decision_models import Hold
from api.models import Amount, Answer


class AtPosition(Answer):
    position: int
    recorded_at: str | None
    trust: dict[str, Any] | None = Field(
        None, description="worst state of the sources of the log of decisions, and which are not fresh"
    )


class Paged(AtPosition):
    cursor: str | None = Field(description="of the next page; null: this is the last")


class Todo(Answer):
    kind: str
    aggregate: str
    key: str
    entity: str
    org: str | None
    roles: list[str]
    commands: list[str]
    since: date | None
    version: int
    since_at: str | None
    assignee: str | None
    level: str | None
    due_on: date | None
    asset_nos: list[str]
    customer_nos: list[str]
    amount: Amount | None
    ccy: str | None
    state: str | None
    detail: dict[str, JsonValue]
    id: str
    days_left: int | None
    colour: str | None
    days_waiting: int | None
    mine: bool


class TodoRows(Answer):
    total: int
    counts: dict[str, int]
    rows: list[Todo]


class Todos(Paged, TodoRows):
    pass


class Deadline(Answer):
    rule_code: str
    aggregate: str
    key: str
    subject: str
    entity: str
    org: str | None
    roles: list[str]
    owner: str | None
    act_by: date | None
    due_on: date | None
    days_left: int | None
    days_to_due: int | None
    colour: str
    state: str
    asset_nos: list[str]
    is_term: bool
    reminders: int
    version: int


class DeadlineRows(Answer):
    total: int
    counts: dict[str, int]
    rows: list[Deadline]


class Deadlines(Paged, DeadlineRows):
    pass


class Done(Answer):
    position: int
    recorded_at: str
    valid_on: str
    aggregate: str
    key: str
    version: int
    type: str
    actor: str
    role: str
    org: str


class DoneList(Paged):
    rows: list[Done]


class Message(Answer):
    deadline_no: str
    rule_code: str
    subject: str
    act_by: str | None
    legal_due_on: str | None
    step: int | None
    method: str | None
    to: str | None
    message_id: str | None
    sent_on: str | None
    recorded_at: str
    position: int
    delivery: str | None


class Notice(Answer):
    notice_no: str
    published_on: str | None
    title: str | None
    body: str | None
    until_date: str | None


class MessageRows(Answer):
    rows: list[Message]
    notices: list[Notice]


class Messages(Paged, MessageRows):
    pass


class StockRow(BaseModel):
    """A group of the stock; the dimensions asked stand beside these."""

    model_config = ConfigDict(extra="allow")

    ccy: str
    count: int
    claim: Amount
    memo: Amount
    costs: Amount
    principal: Amount
    interest_on: Amount
    interest_off: Amount
    penalty: Amount
    compound: Amount


class MovedRow(BaseModel):
    """A group of what moved in the period; the dimensions asked stand beside these."""

    model_config = ConfigDict(extra="allow")

    ccy: str
    count: int
    amount: Amount
    recovery: Amount
    reduction: Amount
    written_off: Amount


class Period(Answer):
    start: date
    end: date


class Totals(AtPosition):
    period: Period
    stock: list[StockRow]
    moved: list[MovedRow]


class Target(Answer):
    target_no: str
    entity: str
    org: str | None
    ccy: str
    state: str
    level: str | None
    kind: str | None
    campaign: str | None
    period_start: str | None
    period_end: str | None
    parent_no: str | None
    amount: Amount | None
    actual: Amount | None
    completion: str | None
    time_progress: str | None
    gap: Amount | None
    nodes: list[JsonValue]
    rank: int | None


class TargetGroup(Answer):
    entity: str
    ccy: str
    kind: str | None
    level: str | None
    campaign: str | None
    period_start: str | None
    period_end: str | None
    targets: int
    amount: Amount
    actual: Amount
    completion: str | None


class PlanRows(Answer):
    groups: list[TargetGroup]
    rows: list[Target]


class WorkPlan(Paged, PlanRows):
    pass


class BranchRank(Answer):
    ccy: str
    rank: int
    org: str | None
    amount: Amount


class CustomerRank(Answer):
    ccy: str
    rank: int
    customer_no: str | None
    claim: Amount
    assets: int


class Rankings(Paged):
    kind: str
    period: Period
    branches: list[BranchRank]
    customers: list[CustomerRank]


class Home(AtPosition):
    """The start page."""

    todos: TodoRows
    deadlines: DeadlineRows
    messages: MessageRows
    stock: list[StockRow]
    moved: list[MovedRow]
    period: Period
    plan: PlanRows
    branches: list[BranchRank]
    customers: list[CustomerRank]
    layout: dict[str, JsonValue] | None = Field(description="the reader's own `widgets` and `shortcuts`")


class Found(Answer):
    aggregate: str
    key: str
    entity: str
    org: str | None
    ccy: str | None
    state: str | None
    open: bool
    since: str | None
    version: int
    changed_at: int
    asset_nos: list[str]
    customer_no: str | None
    tags: list[str]
    classification: str | None = None
    claim: Amount | None = None


class SearchPage(AtPosition):
    rows: list[Found]
    cursor: int | None = Field(description="of the next page; null: this is the last")


class TagCount(Answer):
    aggregate: str
    tag: str
    count: int


class Tags(Paged):
    rows: list[TagCount]


class Claim(Answer):
    loan_no: str
    customer_no: str | None
    entity: str
    org: str | None
    ccy: str
    version: int
    lifecycle: str
    closed_as: str | None
    classification: str | None
    overdue_since: str | None
    manager: str | None
    hold: Hold | None
    tags: list[str]
    claim: Amount
    memo: Amount
    buckets: dict[str, Amount]
    memo_buckets: dict[str, Amount]


class CustomerWork(AtPosition):
    """One customer on one body."""

    model_config = ConfigDict(extra="allow")

    customer_no: str
    tags: list[str]
    totals: list[dict[str, JsonValue]]
    claims: list[Claim]
    cases: list[Found]
    deadlines: list[Deadline]
    timeline: list[Done]


class AssetWork(AtPosition):
    """One loan note: the place of every yuan, cases, deadlines, what happened."""

    model_config = ConfigDict(extra="allow")

    loan_no: str
    customer_no: str | None
    entity: str
    ccy: str
    version: int
    lifecycle: str
    tags: list[str]
    claim: Amount
    memo: Amount
    buckets: dict[str, Amount]
    claim_places: list[dict[str, JsonValue]]
    memo_places: list[dict[str, JsonValue]]
    cases: list[Found]
    deadlines: list[Deadline]
    timeline: list[Done]
