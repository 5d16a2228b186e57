"""Calculation `liquidity_gap_ratio`: the mismatch of the next 90 days against the assets that mature in them."""

from fractions import Fraction
from typing import Literal

from pydantic import Field

from api.calculations.fields import Day, Exact, Inputs, Name, NonNegative
from api.calculations.ratio_results import minimum_keys, ratio_keys_or_reason
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import plain_text
from engines.indicators import Maturing, WithinWindow, liquidity_gap_ratio, within_window
from engines.primitives.errors import InvalidInput


class _Gap(Inputs):
    minimum_pct: Exact = Fraction(-10)
    exclude_demand_deposit_core: bool = Field(default=False, description="leave the behavioural core out")
    demand_deposit_core: NonNegative | None = Field(default=None, description="needed where it is left out")


class Sums(_Gap):
    """What matures within 90 days, already summed."""

    assets_90d: NonNegative
    off_balance_assets_90d: NonNegative = Fraction(0)
    liabilities_90d: NonNegative
    off_balance_liabilities_90d: NonNegative = Fraction(0)


class Item(Inputs):
    name: Name = ""
    side: Literal["asset", "liability", "obs_in", "obs_out"]
    amount: NonNegative
    date: Day = Field(description="contractual maturity; what is payable on demand matures on `as_of`")
    adjusted_date: Day | None = Field(default=None, description="moved to a business day; default: `date`")


class Items(_Gap):
    """Items with their dates; the window is 0 to 90 days from `as_of`, both included."""

    as_of: Day
    items: list[Item]


def _of_sums(inputs: Sums) -> Result:
    due = WithinWindow(
        inputs.assets_90d,
        inputs.off_balance_assets_90d,
        inputs.liabilities_90d,
        inputs.off_balance_liabilities_90d,
    )
    return _result(inputs, due)


def _of_items(inputs: Items) -> Result:
    dated = [Maturing(item.side, item.amount, item.date, item.adjusted_date or item.date) for item in inputs.items]
    due, overdue = within_window(dated, inputs.as_of)
    return _result(inputs, due) | {"overdue_not_counted": plain_text(overdue)}


def _result(inputs: _Gap, due: WithinWindow) -> Result:
    core = Fraction(0)
    if inputs.exclude_demand_deposit_core:
        if inputs.demand_deposit_core is None:
            raise InvalidInput("the core to leave out is missing", field="demand_deposit_core")
        core = inputs.demand_deposit_core
    ratio = liquidity_gap_ratio(due, demand_deposit_core=core)
    return {
        "assets_90d": plain_text(ratio.denominator),
        "liabilities_90d": plain_text(ratio.denominator - ratio.numerator),
        "liquidity_gap_90d": plain_text(ratio.numerator),
        **ratio_keys_or_reason("liquidity_gap_ratio", ratio, "assets that mature within 90 days"),
        **minimum_keys(ratio, inputs.minimum_pct),
    }


CALCULATION = Calculation(
    "liquidity_gap_ratio",
    "90-day gap, on and off balance, over maturing assets (LIQ-24).",
    (Variant("sums", Sums, _of_sums), Variant("items", Items, _of_items)),
)
