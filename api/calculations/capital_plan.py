"""Calculation `capital_plan`: several years of capital need, self-financed growth and funding actions."""

from typing import Any

from pydantic import Field

from api.calculations.fields import Exact, Inputs, Name, NonNegative, Share
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import decimal_text, exact_text, not_computable, percent_text, plain_text
from engines.capital_plan import Year, capital_plan
from engines.factor_lines import ZERO

DIGITS = 6


class YearLine(Inputs):
    name: Name = ""
    rwa: NonNegative = Field(description="at the year's end")
    profit: Exact = Field(description="after tax; a loss is negative")
    payout: Share = ZERO
    issue: NonNegative = Field(default=ZERO, description="planned already")


class CapitalPlan(Inputs):
    opening_capital: Exact
    target_pct: NonNegative
    years: list[YearLine] = Field(min_length=1)
    is_funded: bool = Field(default=True, description="the need of a year is raised in it and opens the next")


def _compute(inputs: CapitalPlan) -> Result:
    years = [Year(line.rwa, line.profit, line.payout, line.issue) for line in inputs.years]
    found = capital_plan(inputs.opening_capital, years, inputs.target_pct / 100, is_funded=inputs.is_funded)
    rows: list[dict[str, Any]] = []
    reasons = []
    for at, (line, year) in enumerate(zip(inputs.years, found, strict=True), 1):
        name, growth = line.name or str(at), year.self_financed_growth
        reasons += [f"RWA of {name} are 0"] if not year.rwa else []
        reasons += [f"the opening capital of {name} is 0"] if not year.opening else []
        rows.append(
            {
                "year": name,
                "opening_capital": plain_text(year.opening),
                "dividend": plain_text(year.dividend),
                "closing_capital": plain_text(year.closing),
                "rwa": plain_text(year.rwa),
                "ratio_pct": percent_text(year.ratio.value),
                "ratio_exact": exact_text(year.ratio.value),
                "need_margin": plain_text(year.need_margin),
                "capital_need": plain_text(year.capital_need),
                "retain_dividend": plain_text(year.retain),
                "issue": plain_text(year.raise_),
                "self_financed_growth_pct": percent_text(growth.value),
                "self_financed_growth_exact": exact_text(growth.value),
            }
        )
    total = sum((year.capital_need for year in found), ZERO)
    target = {"target_pct": decimal_text(inputs.target_pct, DIGITS), "total_need": plain_text(total)}
    return {**target, "years": rows, **not_computable(reasons)}


CALCULATION = Calculation(
    "capital_plan",
    "Capital plan of several years: need, self-financed growth, funding actions (LIQ-51).",
    (Variant("default", CapitalPlan, _compute),),
    sheets_of("opening_capital", "dividend", "closing_capital", "rwa", "capital_need", "issue"),
)
