"""Answers about past moments and of the daily report: bodies of other addresses, put together at one cut."""

from pydantic import BaseModel, ConfigDict, JsonValue

from api.models import Alert, Amount, Answer, Gap, GapRow, Offsets, PositionRow, Positions, Provenance
from api.ratio_models import LiquidAssetRow, PositionsRow, RatioRow, Ratios


class LimitRow(Answer):
    """A limit whose light is not green, by its newest alert."""

    limit_id: str
    metric: str
    scope: str
    entity: str
    currency: str
    light: str
    value: str | None
    minimum: str | None
    maximum: str | None
    headroom: str | None
    as_of: str | None
    cut: int
    alert_id: str
    incident: str | None
    breach_no: str | None
    plan_no: str | None
    reason: str


class Limits(Answer):
    offsets: Offsets
    log: dict[str, str]
    rows: list[LimitRow]
    provenance: Provenance


class MovedRatio(Answer):
    figure: str
    scope: str
    entity: str
    currency: str
    before_pct: str | None
    now_pct: str | None


class DailyReport(Answer):
    as_of: str | None
    offsets: Offsets
    log: dict[str, str]
    positions: list[PositionRow]
    gap: list[GapRow]
    buckets: list[str]
    ratios: list[RatioRow]
    four_positions: list[PositionsRow]
    liquid_assets: list[LiquidAssetRow]
    moved: list[MovedRatio] | None = None
    provenance: Provenance


class Part(BaseModel):
    """The body that the figure's own address answers."""

    model_config = ConfigDict(extra="allow")

    offsets: Offsets
    provenance: Provenance


class AlertsPart(Part):
    alerts: list[Alert]


class PastPage(BaseModel):
    """The whole page as it was: what was not there yet is absent."""

    model_config = ConfigDict(extra="allow")

    at: str | None
    offsets: Offsets
    log: dict[str, str]
    positions: Positions
    gap: Gap
    ratios: Ratios


class ReplayedCut(Answer):
    cut: int
    taken_at: str
    same: bool
    published_digest: str
    digest: str
    cause: str | None
    reason: str
    difference: JsonValue


class Replayed(BaseModel):
    """Whether the log gives the figure again; of recorded cuts, one row each in `cuts` (docs/time-travel.md)."""

    model_config = ConfigDict(extra="allow")

    figure: str | None = None
    same: bool | None = None
    published_digest: str | None = None
    digest: str | None = None
    bytes_same: bool | None = None
    cause: str | None = None
    reason: str | None = None
    difference: JsonValue = None
    changed_records: list[JsonValue] = []
    offsets: Offsets | None = None
    answer: dict[str, JsonValue] | None = None
    cuts: list[ReplayedCut] = []


class PlanPreview(BaseModel):
    """A contingency plan simulated forward, and ranked with its alternatives; amounts in `ccy`."""

    model_config = ConfigDict(extra="allow")

    ccy: str
    as_of: str
    strategy: str
    need: Amount
    raised: Amount
    residual: Amount
    cost_in_horizon: Amount
    lines: list[dict[str, JsonValue]]
    path: list[dict[str, JsonValue]]
    ranking: list[dict[str, JsonValue]]
    simulation_digest: str


class Health(Answer):
    status: str


class Ready(Answer):
    status: str
    reason: str
    records_behind: int
    warnings: list[str]
