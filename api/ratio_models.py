"""Answers about liquidity ratios as pydantic models: the contract of what goes out (see `api.models`)."""

from datetime import date
from typing import Literal

from api.models import Amount, Answer, Offsets, Provenance

ScopeKind = Literal["currency", "entity", "group", "organisation", "business_line"]
Side = Literal["numerator", "denominator"]


class LimitState(Answer):
    limit_id: str
    minimum_pct: str | None
    maximum_pct: str | None
    headroom_pct: str | None
    light: Literal["green", "amber", "red"] | None  # null: the figure is not computable


class RatioRow(Answer):
    """Amounts are in `currency`; but for a currency's row they are converted at the mid rate of the cut."""

    figure: Literal["lcr", "nsfr"]
    scope: ScopeKind
    entity: str  # `-` for the group
    currency: str
    as_of: date
    ratio_pct: str | None
    ratio_exact: str | None  # n/d
    numerator: Amount | None
    denominator: Amount | None
    minimum_pct: str | None
    meets_minimum: bool | None
    surplus: Amount | None
    limits: list[LimitState]
    unmapped: Amount  # what no entry of the mapping takes
    table_version: str
    table_in_force: bool  # false: before its time
    mapping_version: str
    member: str | None = None  # which organisation or business line; `-`: what is one sum of the entity
    status: str | None = None
    reason: str | None = None
    level1: Amount | None = None  # LCR only, as the next thirteen
    level2a: Amount | None = None
    level2b: Amount | None = None
    adjusted_level1: Amount | None = None  # secured deals within the horizon undone: sizes the caps
    adjusted_level2a: Amount | None = None
    adjusted_level2b: Amount | None = None
    cap15_adjustment: Amount | None = None
    cap40_adjustment: Amount | None = None
    outflows: Amount | None = None
    inflows: Amount | None = None
    inflow_cap: Amount | None = None
    recognised_inflows: Amount | None = None
    inflow_cap_binds: bool | None = None
    note: str | None = None
    available_stable_funding: Amount | None = None  # NSFR only
    required_stable_funding: Amount | None = None


class PositionsRow(Answer):
    """The four positions without the surplus, which is of a period (LIQ-07)."""

    entity: str
    currency: str
    as_of: date
    excess_reserves: Amount | None
    base_position: Amount | None
    available_position: Amount | None
    lendable_position: Amount | None
    status: str | None = None
    reason: str | None = None


class Together(Answer):
    """An entity beside its organisations or business lines. What they lack or have too much is the caps' doing."""

    figure: Literal["lcr", "nsfr"]
    entity: str
    currency: str
    ratio_pct: str | None = None
    numerator: Amount | None = None
    numerator_of_parts: Amount | None = None
    caps_on_numerator: Amount | None = None
    denominator: Amount | None = None
    denominator_of_parts: Amount | None = None
    caps_on_denominator: Amount | None = None
    status: str | None = None
    reason: str | None = None


class Ratios(Answer):
    as_of: date | None
    offsets: Offsets
    log: dict[str, str]
    rows: list[RatioRow]
    positions: list[PositionsRow]
    together: list[Together] | None = None  # by organisation or business line only
    last_event_time: str | None
    provenance: Provenance


class PartOfLine(Answer):
    of: str  # what it is an amount of
    amount: Amount


class AsideAmount(PartOfLine):
    reason: str


class RatioLine(Answer):
    code: str
    name: str
    category: str
    amount: Amount
    factor: str
    weighted: Amount
    of: list[PartOfLine]


class RatioDetailRow(RatioRow):
    lines: dict[str, list[RatioLine]]  # hqla, outflows, inflows; asf, rsf
    not_counted: list[AsideAmount]
    unmapped_amounts: list[AsideAmount]


class RatioDetail(Answer):
    as_of: date | None
    offsets: Offsets
    log: dict[str, str]
    rows: list[RatioDetailRow]
    together: list[Together] | None = None
    last_event_time: str | None
    provenance: Provenance


class LiquidAssetRow(Answer):
    scope: ScopeKind
    entity: str
    currency: str
    member: str | None = None
    as_of: date
    asset: str
    hqla_level: str
    line: str
    market_value: Amount
    unencumbered: Amount
    haircut_pct: str | None
    liquidity_value: Amount
    share_pct: str | None


class LiquidAssets(Answer):
    as_of: date | None
    offsets: Offsets
    log: dict[str, str]
    rows: list[LiquidAssetRow]
    last_event_time: str | None
    provenance: Provenance


class ChangePart(Answer):
    """Of an entry, of a cause without one, or of all smaller entries of a line together."""

    cause: Literal["ROLL", "TAG", "PRICE", "FX", "FACTOR", "ENTRY", "CAP"]
    line: str
    side: Side
    entry: str | None
    place: str | None  # topic/partition
    offset: int | None
    flags: list[Literal["late", "correction", "reversal"]]
    entries: int
    amount: Amount  # change of the side
    ratio_share_pct: str | None


class ChangesRow(Answer):
    figure: Literal["lcr", "nsfr"]
    scope: ScopeKind
    entity: str
    currency: str
    as_of: date
    as_of_before: date
    before_pct: str | None
    after_pct: str | None
    change_pct: str | None
    change_exact: str | None
    numerator_change: Amount
    denominator_change: Amount
    residual: Amount  # always 0
    parts: list[ChangePart]


class RatioChanges(Answer):
    as_of: date | None
    offsets: Offsets
    offsets_before: Offsets
    log: dict[str, str]
    rows: list[ChangesRow]
    provenance: Provenance
