"""Calculation `adjusted_liquidity_ratio`: the liquidity ratio after taking off what is not really usable."""

from fractions import Fraction
from typing import Literal

from pydantic import Field

from api.calculations.fields import Inputs, Name, NonNegative, Positive
from api.calculations.ratio_results import minimum_keys, ratio_keys_or_reason
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import plain_text
from engines.indicators import Adjustment, adjusted_liquidity_ratio


class AdjustmentLine(Inputs):
    name: Name = Field(default="", description="what it is: encumbered, haircut, secured by encumbered assets")
    side: Literal["asset", "liability"]
    amount: NonNegative = Field(description="what is taken off")


class AdjustedLiquidityRatio(Inputs):
    """`minimum_pct` adds a target: without it the ratio is monitored only."""

    liquid_assets: NonNegative
    liquid_liabilities: NonNegative
    adjustments: list[AdjustmentLine]
    minimum_pct: Positive | None = Field(default=None, description="per cent; banks use 100 or 25")


def _compute(inputs: AdjustedLiquidityRatio) -> Result:
    lines = [Adjustment(line.side, line.amount) for line in inputs.adjustments]
    ratio = adjusted_liquidity_ratio(inputs.liquid_assets, inputs.liquid_liabilities, lines)
    result: Result = {
        "adjusted_liquid_assets": plain_text(ratio.numerator),
        "adjusted_liquid_liabilities": plain_text(ratio.denominator),
        **ratio_keys_or_reason("adjusted_liquidity_ratio", ratio, "adjusted liquid liabilities"),
    }
    minimum: Fraction | None = inputs.minimum_pct
    return result | (minimum_keys(ratio, minimum) if minimum is not None else {})


CALCULATION = Calculation(
    "adjusted_liquidity_ratio",
    "Liquidity ratio less encumbered assets, haircuts and secured liabilities (LIQ-22).",
    (Variant("default", AdjustedLiquidityRatio, _compute),),
)
