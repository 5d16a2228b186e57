"""Liquidity coverage ratio: stock of HQLA over the net cash outflows of 30 stressed days (LIQ-19).

Exact: no rounding inside, caps as exact quotients (decision Q1). An asset counts once: what is in the stock gives
no inflow; that is for whoever makes the lines. Amounts that need a rule of their own before they become a line
(insured deposits, facilities, lending obligations) are made by `engines.lcr_lines`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from engines.factor_lines import ZERO, Amount, Line, Ratio, WeighedLine, check_amount, check_share, total, weigh
from engines.factor_tables import FactorTable
from engines.primitives.errors import InvalidInput

Level = Literal["1", "2A", "2B", "none"]  # none: not HQLA

CATEGORY_BY_LEVEL: dict[Level, str] = {"1": "HQLA Level 1", "2A": "HQLA Level 2A", "2B": "HQLA Level 2B"}
OUTFLOW, INFLOW = ("outflow",), ("inflow",)


@dataclass(frozen=True, slots=True)
class Levels:
    """Market values after haircut. Adjusted ones may be negative: an unwound repo takes its cash from Level 1."""

    level1: Fraction = ZERO
    level2a: Fraction = ZERO
    level2b: Fraction = ZERO

    def plus(self, level: Level, amount: Fraction) -> "Levels":
        return Levels(
            self.level1 + (amount if level == "1" else 0),
            self.level2a + (amount if level == "2A" else 0),
            self.level2b + (amount if level == "2B" else 0),
        )

    @property
    def total(self) -> Fraction:
        return self.level1 + self.level2a + self.level2b


@dataclass(frozen=True, slots=True)
class Leg:
    """What changes hands on one side of a deal: cash has level 1 and factor 1."""

    level: Level
    market_value: Amount
    factor: Fraction = Fraction(1)

    @property
    def value(self) -> Fraction:
        return self.market_value * self.factor


@dataclass(frozen=True, slots=True)
class SecuredDeal:
    """A repo (cash received, collateral given), reverse repo or collateral swap, as it began."""

    received: Leg
    given: Leg
    days_to_maturity: int
    is_swap: bool = False


@dataclass(frozen=True, slots=True)
class HqlaStock:
    held: Levels
    adjusted: Levels  # after unwinding; sizes the caps only
    cap15_adjustment: Fraction
    cap40_adjustment: Fraction

    @property
    def floor_amount(self) -> Fraction:
        """What the formula would be below zero (decision Q9); 0 for any ordinary book."""
        return max(ZERO, self.cap15_adjustment + self.cap40_adjustment - self.held.total)

    @property
    def amount(self) -> Fraction:
        return self.held.total - self.cap15_adjustment - self.cap40_adjustment + self.floor_amount


@dataclass(frozen=True, slots=True)
class NetCashOutflows:
    outflows: Fraction
    inflows: Fraction
    inflow_cap: Fraction  # an amount

    @property
    def recognised_inflows(self) -> Fraction:
        return min(self.inflows, self.inflow_cap)

    @property
    def amount(self) -> Fraction:
        return self.outflows - self.recognised_inflows

    @property
    def cap_binds(self) -> bool:
        """Equality does not bind: nothing is cut off."""
        return self.inflows > self.inflow_cap


@dataclass(frozen=True, slots=True)
class LiquidityCoverage:
    hqla: tuple[WeighedLine, ...]
    outflow_lines: tuple[WeighedLine, ...]
    inflow_lines: tuple[WeighedLine, ...]
    stock: HqlaStock
    net: NetCashOutflows
    ratio: Ratio


def liquidity_coverage(
    hqla: Sequence[Line],
    outflows: Sequence[Line],
    inflows: Sequence[Line],
    table: FactorTable,
    *,
    deals: Sequence[SecuredDeal] = (),
    minimum: Fraction | None = None,
    inflow_cap: Fraction | None = None,
    level2_share_cap: Fraction | None = None,
    level2b_share_cap: Fraction | None = None,
    horizon_days: int | None = None,
) -> LiquidityCoverage:
    """The ratio with all that leads to it. Caps and horizon that are None come from the table.

    Args:
        hqla: market values before haircut, >= 0. outflows, inflows: amounts before run-off and inflow factors, >= 0.
        deals: for the unwinding only: their cash flows stand in `outflows` and `inflows` already (decision Q14).
    Raises:
        InvalidInput: as `factor_lines.weigh`, `unwind`, `hqla_stock` and `net_cash_outflows`.
    Source: BCBS 238 paragraphs 16-17, 46-54, 69, 144, Annex 1 and 4.
    """
    assets = weigh(hqla, table, record="hqla", categories=tuple(CATEGORY_BY_LEVEL.values()))
    out = weigh(outflows, table, record="outflows", categories=OUTFLOW)
    in_ = weigh(inflows, table, record="inflows", categories=INFLOW)
    held = Levels(*(total(assets, category) for category in CATEGORY_BY_LEVEL.values()))
    horizon = table.parameter("horizon_days") if horizon_days is None else horizon_days
    stock = hqla_stock(
        held,
        unwind(held, deals, horizon_days=int(horizon)),
        level2_share_cap=_either(level2_share_cap, table, "level2_share_cap"),
        level2b_share_cap=_either(level2b_share_cap, table, "level2b_share_cap"),
    )
    net = net_cash_outflows(total(out), total(in_), inflow_cap=_either(inflow_cap, table, "inflow_cap"))
    return LiquidityCoverage(assets, out, in_, stock, net, Ratio(stock.amount, net.amount, minimum))


def unwind(held: Levels, deals: Sequence[SecuredDeal], *, horizon_days: int) -> Levels:
    """The levels as if every secured deal that matures within the horizon, its last day included, were undone.

    What was given comes back, what was received goes; a leg that is not HQLA moves nothing, and a repo or reverse
    repo whose collateral is not HQLA is left out with its cash.

    Raises:
        InvalidInput: `record` as `sft[2]`: a negative value or term, or a factor outside 0..1.
    Source: BCBS 238 Annex 1 paragraphs 2-5.
    """
    adjusted = held
    for at, deal in enumerate(deals):
        record = f"sft[{at}]"
        if deal.days_to_maturity < 0:
            message = "days_to_maturity may not be negative"
            raise InvalidInput(message, field=f"{record}.days_to_maturity", record=record)
        for name, leg in (("received", deal.received), ("given", deal.given)):
            check_amount(leg.market_value, f"{record}.{name}.market_value", record)
            check_share(leg.factor, f"{record}.{name}.factor", record)
        outside_hqla = "none" in (deal.received.level, deal.given.level) and not deal.is_swap
        if deal.days_to_maturity > horizon_days or outside_hqla:
            continue
        adjusted = adjusted.plus(deal.given.level, deal.given.value)
        adjusted = adjusted.plus(deal.received.level, -deal.received.value)
    return adjusted


def hqla_stock(
    held: Levels,
    adjusted: Levels | None = None,
    *,
    level2_share_cap: Fraction = Fraction(40, 100),
    level2b_share_cap: Fraction = Fraction(15, 100),
) -> HqlaStock:
    """The stock after the caps on Level 2 and Level 2B, which the adjusted amounts size.

    At a cap of b of the total, Level 2B is b / (1 - b) of the other assets (15/85); where the cap c on Level 2 binds
    as well, Level 1 is 1 - c of the total, so Level 2B is at most b / (1 - c) of it (15/60), Level 2 c / (1 - c).

    Raises:
        InvalidInput: a cap is outside 0..1, Level 2 may be the whole stock, or Level 2B more than Level 2.
    Source: BCBS 238 paragraphs 46-48 and Annex 1 paragraph 4.
    """
    for name, cap in (("level2_share_cap", level2_share_cap), ("level2b_share_cap", level2b_share_cap)):
        if check_share(cap, name) == 1:
            raise InvalidInput(f"{name} must be below 1", field=name)
    if level2b_share_cap > level2_share_cap:
        raise InvalidInput("level2b_share_cap may not be above level2_share_cap", field="level2b_share_cap")
    given = held if adjusted is None else adjusted
    above_2b = given.level2b - level2b_share_cap / (1 - level2b_share_cap) * (given.level1 + given.level2a)
    above_2b_at_both = given.level2b - level2b_share_cap / (1 - level2_share_cap) * given.level1
    cap15 = max(above_2b, above_2b_at_both, ZERO)
    above_2 = given.level2a + given.level2b - cap15 - level2_share_cap / (1 - level2_share_cap) * given.level1
    return HqlaStock(held, given, cap15, max(above_2, ZERO))


def net_cash_outflows(
    outflows: Fraction, inflows: Fraction, *, inflow_cap: Fraction = Fraction(75, 100)
) -> NetCashOutflows:
    """Outflows less inflows, of which at most `inflow_cap` of the outflows count. Factors are applied already.

    Raises:
        InvalidInput: a flow is negative, the cap outside 0..1.
    Source: BCBS 238 paragraphs 69 and 144.
    """
    cap = check_share(inflow_cap, "inflow_cap") * check_amount(outflows, "outflows")
    return NetCashOutflows(outflows, check_amount(inflows, "inflows"), cap)


def _either(given: Fraction | None, table: FactorTable, name: str) -> Fraction:
    return table.parameter(name) if given is None else given
