"""How an item of the balance sheet counts in each ratio, and the ratios and gaps of a whole sheet of such items.

For sheets that are planned or simulated: an item is one balance with fixed weights. The reported ratios of real
positions, line by line with factor tables, are `engines.lcr`, `nsfr`, `liquidity_ratio` and `capital`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from engines.buckets import BUCKETS
from engines.ftp_margins import Side
from engines.indicators import Ratio, WithinWindow, liquidity_gap_ratio, loan_to_deposit
from engines.lcr import Level, Levels, hqla_stock, net_cash_outflows
from engines.primitives.errors import InvalidInput

ZERO = Fraction(0)
INFLOW_CAP = Fraction(75, 100)

#: Buckets within 90 days of the date, for the gap ratio; what is overdue is not counted (LIQ-24).
WITHIN_90_DAYS = ("ON", "D2_7", "D8_30", "D31_90")

SHARES = ("liquid_share", "hqla_factor", "thirty_day_flow_rate", "stable_funding_factor", "reprices_within_year")


@dataclass(frozen=True, slots=True)
class Weights:
    """Of one unit of an item; on the liability side the same fields count for the other half of each ratio."""

    side: Side
    is_loan: bool = False
    is_deposit: bool = False
    liquid_share: Fraction = ZERO  # liquid asset, or liquid liability, of the liquidity ratio
    hqla_level: Level = "none"
    hqla_factor: Fraction = Fraction(1)  # what the haircut leaves
    thirty_day_flow_rate: Fraction = ZERO  # inflow of an asset, run-off of a liability, for the LCR
    stable_funding_factor: Fraction = ZERO  # RSF of an asset, ASF of a liability, for the NSFR
    risk_weight: Fraction = ZERO
    reprices_within_year: Fraction = ZERO
    due_share_by_bucket: Mapping[str, Fraction] = field(default_factory=dict)  # by BUCKETS; what is left is undated

    @property
    def due_within_90_days(self) -> Fraction:
        return sum((self.due_share_by_bucket.get(name, ZERO) for name in WITHIN_90_DAYS), ZERO)


@dataclass(frozen=True, slots=True)
class SheetRatios:
    loan_to_deposit: Ratio
    liquidity_ratio: Ratio
    liquidity_coverage: Ratio
    liquidity_gap_ratio: Ratio
    net_stable_funding: Ratio
    capital_adequacy: Ratio
    gap_by_bucket: Mapping[str, Fraction]  # inflow - outflow: assets less liabilities that fall due (LIQ-12)
    repricing_gap_within_year: Fraction  # assets less liabilities


def sheet_ratios(
    sheet: Sequence[tuple[Weights, Fraction]], capital: Fraction, *, other_risk_weighted_assets: Fraction = ZERO
) -> SheetRatios:
    """Ratios as numerator and denominator, and gaps; capital is stable funding in full.

    Args:
        sheet: items with their balances >= 0, one unit, on balance sheet.
        capital: all that counts for the capital ratio; may be negative.
        other_risk_weighted_assets: of market and operational risk.
    Raises:
        InvalidInput: a balance is negative; as `check_weights`.
    Source: LIQ-12, 19 to 21, 23, 24, 49.
    """
    for at, (weights, balance) in enumerate(sheet):
        check_weights(weights, f"items[{at}]")
        if balance < 0:
            raise InvalidInput("a balance may not be negative", field=f"items[{at}]", record=f"items[{at}]")
    assets = [(weights, balance) for weights, balance in sheet if weights.side == "asset"]
    liabilities = [(weights, balance) for weights, balance in sheet if weights.side == "liability"]
    levels = Levels()
    for weights, balance in assets:
        levels = levels.plus(weights.hqla_level, balance * weights.hqla_factor)
    due = [_sum(side, "due_within_90_days") for side in (assets, liabilities)]
    flows = [_sum(side, "thirty_day_flow_rate") for side in (liabilities, assets)]
    return SheetRatios(
        loan_to_deposit(_sum(assets, "is_loan"), _sum(liabilities, "is_deposit")),
        Ratio(_sum(assets, "liquid_share"), _sum(liabilities, "liquid_share")),
        Ratio(hqla_stock(levels).amount, net_cash_outflows(*flows, inflow_cap=INFLOW_CAP).amount),
        liquidity_gap_ratio(WithinWindow(due[0], ZERO, due[1], ZERO)),
        Ratio(
            _sum(liabilities, "stable_funding_factor") + capital,
            _sum(assets, "stable_funding_factor"),
        ),
        Ratio(capital, _sum(assets, "risk_weight") + other_risk_weighted_assets),
        _gaps(sheet),
        _sum(assets, "reprices_within_year") - _sum(liabilities, "reprices_within_year"),
    )


def check_weights(weights: Weights, record: str) -> None:
    """Raises InvalidInput for a share outside 0..1, an unknown bucket, due shares above 1, a negative risk weight."""
    for name in SHARES:
        if not 0 <= getattr(weights, name) <= 1:
            raise InvalidInput("want a share from 0 to 1", field=f"{record}.{name}", record=record)
    if weights.risk_weight < 0:
        raise InvalidInput("may not be negative", field=f"{record}.risk_weight", record=record)
    field_name = f"{record}.due_share_by_bucket"
    for name, share in weights.due_share_by_bucket.items():
        if name not in BUCKETS:
            raise InvalidInput(f"want one of {', '.join(BUCKETS)}", field=f"{field_name}.{name}", record=record)
        if share < 0:
            raise InvalidInput("may not be negative", field=f"{field_name}.{name}", record=record)
    if sum(weights.due_share_by_bucket.values(), ZERO) > 1:
        raise InvalidInput("the shares that fall due are more than the whole", field=field_name, record=record)


def _gaps(sheet: Sequence[tuple[Weights, Fraction]]) -> dict[str, Fraction]:
    gaps = dict.fromkeys(BUCKETS, ZERO)
    for weights, balance in sheet:
        signed = balance if weights.side == "asset" else -balance
        dated = sum(weights.due_share_by_bucket.values(), ZERO)
        gaps["UNDATED"] += signed * (1 - dated)
        for name, share in weights.due_share_by_bucket.items():
            gaps[name] += signed * share
    return gaps


def _sum(side: Sequence[tuple[Weights, Fraction]], name: str) -> Fraction:
    weighed = ((getattr(weights, name), balance) for weights, balance in side)
    return sum((balance * weight for weight, balance in weighed if weight), ZERO)
