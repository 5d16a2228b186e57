"""Answers about ledgers, exports of them and saved views. Which columns a ledger has, `GET /ledgers` says."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.models import Amount, Answer


class Column(Answer):
    name: str
    title: str
    title_zh: str
    kind: str
    personal: bool
    summed: bool


class LedgerAbout(Answer):
    name: str
    title: str
    title_zh: str
    id: str
    key: list[str]
    sort: str | list[str] | None
    fed_by: JsonValue
    columns: list[Column]


class LedgerList(Answer):
    ledgers: list[LedgerAbout]


class Ledger(Answer):
    """`position` is the place of the log of decisions; `totals` and `row_count` are of all rows asked."""

    name: str
    title: str
    title_zh: str
    as_of: str
    known_at: str
    position: int
    row_count: int
    columns: list[Column]
    rows: list[dict[str, JsonValue]]
    totals: dict[str, dict[str, Amount]] = Field(description="by currency")
    cursor: str | None = Field(None, description="of the next page; null: this is the last")


class SupplementCell(Answer):
    supplement_no: str
    row_key: str
    field: str
    period: str | None
    system: str | None
    effective: str | None
    problem: str | None
    reason: str
    evidence: str | list[str] | None
    maker: str
    approver: str | None
    approved_position: int | None
    valid_until: str | None


class Supplements(Answer):
    name: str
    as_of: str
    known_at: str
    position: int
    share_pct: str | None
    cells: list[SupplementCell]


class ExportJob(Answer):
    job_no: str
    file_name: str
    media_type: str
    entity: str | None
    state: str
    rows: int
    done: int
    size: int
    sha256: str | None
    error: str | None
    finished_at: str | None
    file: str = Field(description="where the file is, once it is done")


class ExportJobs(Answer):
    exports: list[ExportJob]


class AskedOfLedger(Answer):
    joins: list[str] = Field(default_factory=list)
    where: list[str] = Field(default_factory=list)
    group_by: list[str] = Field(default_factory=list)
    columns: list[str] = Field(default_factory=list)
    sort: list[str] = Field(default_factory=list)


class SavedView(Answer):
    view_no: str
    ledger: str
    title: str
    query: AskedOfLedger
    with_supplements: bool
    maker: str
    entity: str
    shared_with: list[str] | None
    state: str


class SavedViews(Answer):
    views: list[SavedView]
    cursor: str | None


class ToldEvent(BaseModel):
    """An event behind a row."""

    model_config = ConfigDict(extra="allow")

    position: int
    recorded_at: str
    valid_on: str


class ColumnChange(Answer):
    column: str
    member: str | None
    counts_on: str
    how: Literal["set", "add"]
    value: JsonValue
    before: JsonValue
    after: JsonValue


class ExplainedEvent(ToldEvent):
    changes: list[ColumnChange]


class Stamp(Answer):
    name: str
    as_of: str
    known_at: str
    position: int


class ExplainedRow(Stamp):
    key: str
    row: dict[str, JsonValue]
    derived: dict[str, JsonValue] = Field(description="columns that follow from others, and how")
    events: list[ExplainedEvent]


class CellDifference(Answer):
    column: str
    before: JsonValue
    after: JsonValue


class RowDifference(Answer):
    key: str
    kind: str
    cells: list[CellDifference]
    events: list[ToldEvent]


class LedgerDifference(Answer):
    first: Stamp
    second: Stamp
    count: int
    rows: list[RowDifference]
