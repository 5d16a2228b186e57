"""Calculation `liquidity_need`: liquidity to hold against each class of funding, and for new loans."""

from typing import Literal

from pydantic import Field

from api.calculations.fields import Inputs, NonNegative, Share
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import plain_text
from engines.liquidity_need import CLASSES, DEFAULT_WEIGHT_SET, WEIGHT_SETS, Funding, FundingClass, liquidity_need


class FundingLine(Inputs):
    balance: NonNegative
    required_reserve: NonNegative


class Weights(Inputs):
    hot: Share
    volatile: Share
    core: Share


class LiquidityNeed(Inputs):
    hot: FundingLine = Field(description="hot money: leaves first")
    volatile: FundingLine = Field(description="vulnerable funds: a part may leave")
    core: FundingLine = Field(description="stable funds")
    new_loans: NonNegative = Field(description="the largest probable amount")
    weight_set: Literal["A", "B"] = Field(default=DEFAULT_WEIGHT_SET, description="A .80/.30/.15, B .95/.30/.15")
    weights: Weights | None = Field(default=None, description="the bank's own, in place of a set")


def _compute(inputs: LiquidityNeed) -> Result:
    lines: dict[FundingClass, FundingLine] = {"hot": inputs.hot, "volatile": inputs.volatile, "core": inputs.core}
    own = inputs.weights
    weights = WEIGHT_SETS[inputs.weight_set]
    if own is not None:
        weights = {"hot": own.hot, "volatile": own.volatile, "core": own.core}
    funding = {name: Funding(line.balance, line.required_reserve) for name, line in lines.items()}
    need = liquidity_need(funding, inputs.new_loans, weights)
    return {
        "weight_set": inputs.weight_set if own is None else "own",
        **{f"{name}_need": plain_text(need.by_class[name]) for name in CLASSES},
        "liability_need": plain_text(need.liability_need),
        "new_loans": plain_text(need.new_loans),
        "total_need": plain_text(need.total_need),
    }


CALCULATION = Calculation(
    "liquidity_need",
    "Liquidity need by the structure-of-funds method (LIQ-28).",
    (Variant("default", LiquidityNeed, _compute),),
)
