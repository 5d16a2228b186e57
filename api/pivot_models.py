"""Shapes of pivots and dashboards over HTTP, for OpenAPI and for checking what comes in.

A question is checked by `infra.pivot_definition`, which names the part that is wrong; here it is any object.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aggregates.dashboard import TILES_MAX
from api.models import Answer, Offsets
from infra.exports import Language
from infra.pivot_fields import Grain, Kind
from projections.ledgers.table import Kind as CellKind

FormName = Literal["csv", "xlsx", "json", "parquet", "pdf"]
ScheduledForm = Literal["XLSX", "PDF", "CSV", "PARQUET", "JSON"]
Every = Literal["DAILY", "WEEKLY", "MONTHLY"]
Question = Annotated[
    dict[str, Any],
    Field(
        description="source, rows, columns, measures, where, top, sort, …: docs/reports.md has the parts",
        examples=[{"source": "positions", "rows": ["currency"], "measures": ["sum(position)"]}],
    ),
]
Cell = str | int | None  # a decimal string, a count; null: no figure
Members = list[str]  # outermost first; fewer than dimensions: a subtotal's


# --- Asked ---------------------------------------------------------------------------------------------------------


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Asked(Body):
    definition: Question


class Drilled(Asked):
    row: list[str] = Field(default_factory=list, max_length=6, description="members of the rows, outermost first")
    column: list[str] = Field(default_factory=list, max_length=3)
    limit: int = Field(100, ge=1, le=1_000)
    offset: int = Field(0, ge=0, le=10**9)


class Taken(Asked):
    form: FormName = "xlsx"
    language: Language = "zh"
    title: str = Field("", max_length=200)


class Command(Body):
    cmd_id: str = Field(min_length=1, max_length=64, description="idempotency key, chosen by the caller")


class Saved(Command):
    pivot_no: str = Field(min_length=1, max_length=64)
    title: str = Field(min_length=1, max_length=200)
    definition: Question
    entity: str | None = Field(
        None, max_length=64, description="where it is kept; default: the first of the reader's"
    )


class Shared(Command):
    roles: list[str] = Field(default_factory=list, max_length=50, description="none: everyone who may read")


class Scheduled(Command):
    every: Every
    form: ScheduledForm = "XLSX"
    language: Literal["ZH", "EN"] = "ZH"
    keep: int = Field(30, ge=1, le=400, description="files that are kept")


class Arranged(Command):
    dashboard_no: str = Field(min_length=1, max_length=64)
    title: str = Field(min_length=1, max_length=200)
    tiles: list[dict[str, Any]] = Field(max_length=TILES_MAX)
    entity: str | None = Field(None, max_length=64)


# --- Answered ------------------------------------------------------------------------------------------------------


class Named(Answer):
    name: str
    title: str
    title_zh: str


class SourceField(Named):
    kind: Kind
    grain: Grain | None = Field(description="of a date: the period that its members are")
    personal: bool


class Source(Named):
    closing_date: str | None = Field(description="the field by which a balance is closed")
    has_currency: bool
    fields: list[SourceField]


class Sources(Answer):
    sources: list[Source]


class Top(Answer):
    dimension: str
    count: int
    by: str
    others: bool


class When(Answer):
    """What is not said is now."""

    as_of: date | None = None
    known_at: str | None = None
    at_offsets: Offsets | None = None


class Definition(When):
    """A question as it was understood."""

    source: str
    rows: list[str]
    columns: list[str]
    measures: list[str]
    where: list[str]
    top: Top | None = None
    sort: str | None = None
    reporting_currency: str | None = None
    compare: When | None = None


class Axis(Named):
    personal: bool


class MeasureTold(Answer):
    name: str
    kind: CellKind
    titles: list[str] = Field(min_length=2, max_length=2, description="English, Chinese")


class TableRow(Answer):
    members: Members
    cells: list[list[Cell]] = Field(description="by column path, then by measure")


class Cut(Answer):
    """What an answer stands on."""

    offsets: Offsets
    log: dict[str, str]
    days: dict[str, date]
    as_of: date | None
    known_at: datetime
    position: int


class PivotProvenance(Answer):
    digest: str = Field(description="the same definition at the same cut has the same")
    engine_version: str
    config_version: str
    trust: dict[str, Any] | None = None  # worst state of the sources it stands on, and which are not fresh


class PivotAnswer(Answer):
    definition: Definition
    source: Named
    rows: list[Axis]
    columns: list[Axis]
    measures: list[MeasureTold]
    column_paths: list[Members]
    table: list[TableRow]
    missing_rates: list[str]
    cut: Cut
    compared_with: Cut | None
    rates: dict[str, str] | None = Field(description="by currency, into the reporting currency")
    masked: bool
    provenance: PivotProvenance


class TitledAnswer(PivotAnswer):
    title: str


class Behind(Answer):
    columns: list[str]
    rows: list[dict[str, str | int | bool | None]]
    row_count: int
    cut: Cut
    members: dict[str, str]


class KeptReport(Answer):
    title: str
    maker: str
    entity: str
    shared_with: list[str] | None = Field(description="roles; null: nobody, none: everyone who may read")
    is_own: bool


class Schedule(Answer):
    every: Every
    form: ScheduledForm
    language: Literal["ZH", "EN"]
    keep: int


class KeptPivot(KeptReport):
    pivot_no: str
    definition: Definition
    revision: int | None
    schedule: Schedule | None
    delivered: date | None = Field(description="the newest business date that its schedule made a file of")


class KeptPivots(Answer):
    pivots: list[KeptPivot]
    cursor: str | None


class Revision(Answer):
    revision: int
    title: str
    definition: Definition
    by: str
    recorded_at: datetime


class WholePivot(KeptPivot):
    revisions: list[Revision] = Field(description="newest first")


class DeliveredFile(Answer):
    business_date: date
    of_revision: int
    digest: str
    file_name: str
    size: int
    file: str = Field(description="its address")


class DeliveredFiles(Answer):
    deliveries: list[DeliveredFile]


class Tile(Answer):
    kind: Literal["PIVOT", "CHART", "FIGURE", "RATIO", "ALERTS"]
    ref: str = ""
    title: str = ""
    chart: Literal["-", "BAR", "STACKED", "LINE", "HEAT"] = "-"
    x: int
    y: int
    width: int
    height: int


class KeptDashboard(KeptReport):
    dashboard_no: str
    tiles: list[Tile]


class KeptDashboards(Answer):
    dashboards: list[KeptDashboard]
    cursor: str | None
