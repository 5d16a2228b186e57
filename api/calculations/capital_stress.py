"""Calculation `capital_stress`: capital after an extreme market shock, the buffer needed, ways to close the gap."""

from fractions import Fraction
from typing import Any

from pydantic import Field

from api.calculations.fields import Exact, Inputs, Name, NonNegative, Share
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import decimal_or_null, decimal_text, exact_text, not_computable, percent_text, plain_text
from engines.capital_stress import Bonds, Credit, capital_stress, years_to_retain
from engines.factor_lines import ZERO

DIGITS = 6


class BondLine(Inputs):
    name: Name = ""
    market_value: NonNegative
    modified_duration: NonNegative = Field(description="years")
    yield_rise_bp: Exact


class ExposureLine(Inputs):
    name: Name = ""
    exposure: NonNegative
    loss_rate: Share


class CapitalStress(Inputs):
    capital: Exact = Field(description="before the shock, of the tier that the target is for")
    rwa: NonNegative
    bonds: list[BondLine] = Field(default=[])
    exposures: list[ExposureLine] = Field(default=[])
    tax_rate: Share = Field(description="relief on the loss; 0 without a profit to set it against")
    migration: NonNegative = Field(description="growth of RWA as ratings fall")
    target_pct: NonNegative = Fraction(21, 2)
    yearly_profit: Exact = Field(default=ZERO, description="after tax, for the years that retaining takes")
    payout: Share = ZERO


def _compute(inputs: CapitalStress) -> Result:
    found = capital_stress(
        inputs.capital,
        inputs.rwa,
        [Bonds(line.market_value, line.modified_duration, line.yield_rise_bp) for line in inputs.bonds],
        [Credit(line.exposure, line.loss_rate) for line in inputs.exposures],
        tax_rate=inputs.tax_rate,
        migration=inputs.migration,
        target=inputs.target_pct / 100,
    )
    named = [("bonds", line.name) for line in inputs.bonds] + [("exposures", line.name) for line in inputs.exposures]
    losses: list[dict[str, Any]] = [
        {"source": source, "name": name, "loss": plain_text(loss)}
        for (source, name), loss in zip(named, (*found.bond_losses, *found.credit_losses), strict=True)
    ]
    years = years_to_retain(found.buffer_needed, inputs.yearly_profit, inputs.payout)
    return {
        "loss": plain_text(found.loss),
        "loss_after_tax": plain_text(inputs.capital - found.capital),
        "capital_after": plain_text(found.capital),
        "rwa_after": plain_text(found.rwa),
        "ratio_before_pct": percent_text(inputs.capital / inputs.rwa if inputs.rwa else None),
        "ratio_after_pct": percent_text(found.ratio.value),
        "ratio_after_exact": exact_text(found.ratio.value),
        "target_pct": decimal_text(inputs.target_pct, DIGITS),
        "meets_target": found.ratio.is_at_least(found.target),
        "buffer_needed": plain_text(found.buffer_needed),
        "losses": losses,
        "options": [
            {"option": "retain_profit", "amount": plain_text(found.buffer_needed), "years": years},
            {"option": "issue_capital", "amount": plain_text(found.buffer_needed), "years": None},
            {"option": "shrink_rwa", "amount": decimal_or_null(found.rwa_to_shrink, DIGITS), "years": None},
        ],
        **not_computable([] if found.rwa else ["risk-weighted assets are 0"]),
    }


CALCULATION = Calculation(
    "capital_stress",
    "Capital adequacy after an extreme market shock, and the buffer to build (LIQ-50).",
    (Variant("default", CapitalStress, _compute),),
    sheets_of("loss", "amount"),
)
