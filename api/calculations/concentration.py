"""Calculation `concentration`: the largest depositors or borrowers, connected customers as one, and their shares."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field

from api.calculations.fields import Inputs, Name, NonNegative, PositiveCount
from api.calculations.ratio_results import ratio_keys
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import not_computable, percent_text, plain_text
from engines.concentration import Balance, Ranked, largest
from engines.indicators import Ratio

Dimension = Literal["currency", "business_line", "product"]


class BalanceLine(Inputs):
    customer: Name
    group: Name = Field(default="", description="connected customers share one; empty: stands alone")
    amount: NonNegative
    currency: Name = "-"
    business_line: Name = "-"
    product: Name = "-"


class Population(Inputs):
    """All balances in one unit; `total` where only the largest are given."""

    balances: list[BalanceLine]
    top: PositiveCount = 10
    total: NonNegative | None = Field(default=None, description="of the same population; default: the sum")


class Populations(Inputs):
    """One table for each combination of the dimensions in `by`; its total is the sum of its balances."""

    balances: list[BalanceLine]
    by: list[Dimension] = Field(min_length=1)
    top: PositiveCount = 10


def _of_population(inputs: Population) -> Result:
    return _table(inputs.balances, inputs.top, inputs.total)


def _of_populations(inputs: Populations) -> Result:
    by = list(dict.fromkeys(inputs.by))
    parts: dict[tuple[str, ...], list[BalanceLine]] = {}
    for line in inputs.balances:
        parts.setdefault(tuple(getattr(line, name) for name in by), []).append(line)
    tables = [dict(zip(by, key, strict=True)) | _table(parts[key], inputs.top, None) for key in sorted(parts)]
    return {"populations": tables}


def _table(lines: Sequence[BalanceLine], top: int, total: Fraction | None) -> dict[str, Any]:
    whole = sum((line.amount for line in lines), Fraction(0)) if total is None else total
    ranked = largest([Balance(line.customer, line.amount, line.group) for line in lines], top, whole)
    counted = sum((one.amount for one in ranked), Fraction(0))
    return {
        "total": plain_text(whole),
        "counted": plain_text(counted),
        **ratio_keys("top_share", Ratio(counted, whole)),
        "customers": [_row(one) for one in ranked],
        **not_computable([] if whole else ["the total is 0"]),
    }


def _row(one: Ranked) -> dict[str, Any]:
    return {
        "rank": one.rank,
        "customer": one.customer,
        "amount": plain_text(one.amount),
        "share_pct": percent_text(one.share.value),
        "cumulative_share_pct": percent_text(one.cumulative.value),
    }


CALCULATION = Calculation(
    "concentration",
    "Largest deposit or loan customers and their cumulative share (LIQ-27).",
    (Variant("population", Population, _of_population), Variant("by_dimension", Populations, _of_populations)),
)
