"""What balance_sheet_optimisation and balance_sheet_simulation share at `calc`: items' weights, a sheet's ratios."""

from fractions import Fraction
from typing import Literal

from pydantic import Field

from api.calculations.fields import Inputs, Name, NonNegative, Share
from api.calculations.texts import decimal_text, exact_text, not_computable, percent_text
from engines.balance_sheet_items import SheetRatios, Weights
from engines.indicators import Ratio

DIGITS = 6

#: By name in results, why it is null.
RATIOS = {
    "loan_to_deposit": "deposits are 0",
    "liquidity_ratio": "liquid liabilities are 0",
    "liquidity_coverage": "net cash outflows are 0",
    "liquidity_gap_ratio": "assets due within 90 days are 0",
    "net_stable_funding": "required stable funding is 0",
    "capital_adequacy": "risk-weighted assets are 0",
}


class Weighted(Inputs):
    """How the item counts; what is left out counts nothing."""

    side: Literal["asset", "liability"]
    is_loan: bool = False
    is_deposit: bool = False
    liquid_share: Share = Field(default=Fraction(0), description="liquid asset or liquid liability")
    hqla_level: Literal["1", "2A", "2B", "none"] = "none"
    hqla_factor: Share = Field(default=Fraction(1), description="what the haircut leaves")
    thirty_day_flow_rate: Share = Field(default=Fraction(0), description="inflow of an asset, run-off of a liability")
    stable_funding_factor: Share = Field(default=Fraction(0), description="RSF of an asset, ASF of a liability")
    risk_weight: NonNegative = Fraction(0)
    reprices_within_year: Share = Fraction(0)
    due_share_by_bucket: dict[Name, Share] = Field(default={}, description='as {"ON": "0.2"}; the rest is undated')

    def weights(self) -> Weights:
        return Weights(
            self.side,
            self.is_loan,
            self.is_deposit,
            self.liquid_share,
            self.hqla_level,
            self.hqla_factor,
            self.thirty_day_flow_rate,
            self.stable_funding_factor,
            self.risk_weight,
            self.reprices_within_year,
            self.due_share_by_bucket,
        )


def ratio_of(ratios: SheetRatios, name: str) -> Ratio:
    found: Ratio = getattr(ratios, name)
    return found


def ratios_result(ratios: SheetRatios) -> dict[str, str | None]:
    """Each ratio in per cent, null with a reason where its denominator is 0 (decision Q5), and the repricing gap."""
    shown = {f"{name}_pct": percent_text(ratio_of(ratios, name).value) for name in RATIOS}
    zero = [reason for name, reason in RATIOS.items() if not ratio_of(ratios, name).denominator]
    gap = {"repricing_gap_1_year": decimal_text(ratios.repricing_gap_within_year, DIGITS)}
    return shown | gap | not_computable(zero)


def exact_ratios_result(ratios: SheetRatios) -> dict[str, str | None]:
    return {f"{name}_exact": exact_text(ratio_of(ratios, name).value) for name in RATIOS}
