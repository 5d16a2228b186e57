"""Calculation `sources_and_uses`: the funding need of a period, or of several and cumulated."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from pydantic import Field

from api.calculations.fields import Exact, Inputs, Name
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import plain_text
from engines.liquidity_need import funding_need


class Component(Inputs):
    name: Name = ""
    amount: Exact = Field(description="a change may be negative")


class Period(Inputs):
    """One period."""

    uses: list[Component] = Field(description="new loans, withdrawals, reserves to place")
    sources: list[Component] = Field(description="new deposits, loan repayments")


class NamedPeriod(Period):
    name: Name = ""


class Periods(Inputs):
    """Periods in their order."""

    periods: list[NamedPeriod]


def _of_period(inputs: Period) -> Result:
    return _shown(inputs)


def _of_periods(inputs: Periods) -> Result:
    rows, cumulative = [], Fraction(0)
    for period in inputs.periods:
        cumulative += _need(period)
        row = {"name": period.name, **_shown(period), "cumulative_funding_need": plain_text(cumulative)}
        rows.append(row)
    return {"periods": rows}


def _shown(period: Period) -> dict[str, Any]:
    need = _need(period)
    return {
        "uses": plain_text(sum(_amounts(period.uses), Fraction(0))),
        "sources": plain_text(sum(_amounts(period.sources), Fraction(0))),
        "funding_need": plain_text(need),
        "position": "SHORTAGE" if need > 0 else "SURPLUS" if need < 0 else "BALANCED",
    }


def _need(period: Period) -> Fraction:
    return funding_need(_amounts(period.uses), _amounts(period.sources))


def _amounts(components: Sequence[Component]) -> list[Fraction]:
    return [component.amount for component in components]


CALCULATION = Calculation(
    "sources_and_uses",
    "Funding need of a period: uses less sources of funds (LIQ-29).",
    (Variant("period", Period, _of_period), Variant("periods", Periods, _of_periods)),
)
