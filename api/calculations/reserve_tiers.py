"""Calculation `reserve_tiers`: the liquidity reserve in tiers, each measured against the stress of its horizon."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from pydantic import Field

from api.calculations.fields import Inputs, Name, NonNegative, Positive
from api.calculations.ratio_results import ratio_keys
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import not_computable, plain_text
from engines.liquid_assets import Kind, tier_amounts, tier_coverage
from engines.primitives.errors import InvalidInput

OUTFLOW = "stressed net outflow from now to the tier's horizon; 0 for a net inflow"


class Tier(Inputs):
    name: Name = ""
    amount: NonNegative
    outflow: NonNegative = Field(description=OUTFLOW)
    target_pct: Positive = Fraction(100)


class Tiers(Inputs):
    """Tiers of the bank's own making, the quickest first."""

    tiers: list[Tier] = Field(min_length=1)


class Line(Inputs):
    name: Name = ""
    kind: Kind
    amount: NonNegative


class Lines(Inputs):
    """Assets by kind, put into three tiers: same day, within 7 days, within 30 days."""

    lines: list[Line]
    outflows: list[NonNegative] = Field(description=f"one a tier: {OUTFLOW}")
    target_pct: Positive = Fraction(100)


def _of_tiers(inputs: Tiers) -> Result:
    amounts, outflows = [tier.amount for tier in inputs.tiers], [tier.outflow for tier in inputs.tiers]
    targets = [tier.target_pct for tier in inputs.tiers]
    return _result([tier.name for tier in inputs.tiers], amounts, outflows, targets)


def _of_lines(inputs: Lines) -> Result:
    amounts = tier_amounts([(line.kind, line.amount) for line in inputs.lines])
    if len(inputs.outflows) != len(amounts):
        raise InvalidInput(f"want {len(amounts)} outflows, one a tier", field="outflows")
    names = ["same_day", "within_7_days", "within_30_days"]
    return _result(names, amounts, inputs.outflows, [inputs.target_pct] * len(names))


def _result(
    names: Sequence[str], amounts: Sequence[Fraction], outflows: Sequence[Fraction], targets: Sequence[Fraction]
) -> Result:
    rows: list[dict[str, Any]] = []
    reasons = []
    coverage = tier_coverage(amounts, outflows)
    for at, (name, amount, cover, target) in enumerate(zip(names, amounts, coverage, targets, strict=True), 1):
        rows.append(
            {
                "tier": at,
                "name": name,
                "amount": plain_text(amount),
                "cumulative_amount": plain_text(cover.numerator),
                "outflow": plain_text(cover.denominator),
                **ratio_keys("coverage", cover),
                "meets_target": cover.is_at_least(target / 100),
            }
        )
        if not cover.denominator:
            reasons.append(f"the outflow of tier {at} is 0")
    return {"tiers": rows, **not_computable(reasons)}


CALCULATION = Calculation(
    "reserve_tiers",
    "Tiered liquidity reserve and its coverage of stressed outflows (LIQ-18).",
    (Variant("tiers", Tiers, _of_tiers), Variant("lines", Lines, _of_lines)),
)
