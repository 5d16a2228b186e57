"""`tidemark calc liquidity_ratio`: liquid assets over liquid liabilities 流动性比例 (LIQ-21)."""

from api.calculations.fields import NonNegative
from api.calculations.liquidity_lines import (
    FactorLine,
    Overrides,
    RatioInputs,
    amount_text,
    in_force,
    minimum,
    provenance,
    ratio_result,
    sheets,
)
from api.calculations.registry import Calculation, Result, Variant
from engines.liquidity_ratio import liquidity_ratio

NAME = "liquidity_ratio"


class Liquidity(RatioInputs):
    """Balances, and interbank positions due within one month: gross here, or net as a line LR.A.04 or LR.L.03."""

    assets: list[FactorLine]
    liabilities: list[FactorLine]
    interbank_claims_1m: NonNegative | None = None
    interbank_debts_1m: NonNegative | None = None


def _liquidity(inputs: Liquidity) -> Result:
    table, overrides = in_force(NAME, inputs), Overrides()
    found = liquidity_ratio(
        [line.line() for line in inputs.assets],
        [line.line() for line in inputs.liabilities],
        table,
        interbank_claims=inputs.interbank_claims_1m,
        interbank_debts=inputs.interbank_debts_1m,
        minimum=minimum(NAME, inputs, overrides),
    )
    lines = (*found.asset_lines, *found.liability_lines)
    overrides.add_lines(lines)
    return {
        "net_interbank_asset": amount_text(found.net_interbank_asset),
        "net_interbank_liability": amount_text(found.net_interbank_liability),
        "liquid_assets": amount_text(found.ratio.numerator),
        "liquid_liabilities": amount_text(found.ratio.denominator),
        **ratio_result(NAME, found.ratio, "liquid liabilities are 0"),
        **provenance(table, overrides, lines),
    }


CALCULATION = Calculation(
    NAME,
    "Liquidity ratio: liquid assets over liquid liabilities within one month (LIQ-21).",
    (Variant("liquidity", Liquidity, _liquidity),),
    sheets,
)
