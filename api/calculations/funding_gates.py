"""Calculation `funding_gates`: how the three gates of funding meet a need, at what cost, and what stays unmet."""

from typing import Any

from pydantic import Field

from api.calculations.fields import Count, NonNegative
from api.calculations.funding_lines import FundingInputs, amount_text, market_of, sources_of
from api.calculations.registry import Calculation, Result, Sheet, Variant
from api.calculations.texts import exact_text, not_computable, percent_text
from engines.funding_gates import Gate, Order, Use, fund

GATE_NAMES = {Gate.CENTRAL_BANK: "central bank", Gate.INTERBANK: "interbank", Gate.BOND_MARKET: "bond market"}


class FundingGates(FundingInputs):
    """A need against all gates at once; `contingency_plan` does it day by day."""

    need: NonNegative
    within_days: Count | None = Field(default=None, description="leave out what takes longer")


def _compute(inputs: FundingGates) -> Result:
    found = fund(
        inputs.need,
        sources_of(inputs),
        market_of(inputs),
        order=Order(inputs.order),
        within_days=inputs.within_days,
    )
    cost = found.weighted_cost
    drawn = dict.fromkeys(Gate, inputs.need * 0)
    sold = pledged = inputs.need * 0
    for draw in found.draws:
        drawn[draw.source.gate] += draw.amount
        sold += draw.securities if draw.source.use is Use.SALE else 0
        pledged += draw.securities if draw.source.use is Use.PLEDGE else 0
    gates = [
        {
            "gate": gate.value,
            "name": GATE_NAMES[gate],
            "capacity": amount_text(found.capacity_by_gate[gate]),
            "use": amount_text(drawn[gate]),
        }
        for gate in Gate
    ]
    draws: list[dict[str, Any]] = [
        {
            "source": draw.source.name,
            "gate": draw.source.gate.value,
            "action": draw.source.action,
            "lead_days": draw.source.lead_days,
            "rate_pct": percent_text(draw.source.rate),
            "amount": amount_text(draw.amount),
            "annual_cost": amount_text(draw.amount * draw.source.rate),
            "securities": draw.source.securities or None,
            "market_value": amount_text(draw.securities) if draw.source.securities else None,
        }
        for draw in found.draws
    ]
    return {
        "need": amount_text(inputs.need),
        "raised": amount_text(inputs.need - found.unmet),
        "unmet": amount_text(found.unmet),
        "weighted_cost_pct": percent_text(cost),
        "weighted_cost_exact": exact_text(cost),
        "market_value_sold": amount_text(sold),
        "market_value_pledged": amount_text(pledged),
        "gates": gates,
        "draws": draws,
        "too_late": [source.name for source in found.too_late],
    } | not_computable([] if found.draws else ["nothing is raised"])


def _sheets(result: Result) -> list[Sheet]:
    gates = [{key: str(cell) for key, cell in row.items()} for row in result["gates"]]
    draws = [{key: None if cell is None else str(cell) for key, cell in row.items()} for row in result["draws"]]
    columns = ("source", "action", "gate", "lead_days", "rate_pct", "amount", "annual_cost", "market_value")
    totals = [{"figure": key, "value": result[key]} for key in ("need", "raised", "unmet", "weighted_cost_pct")]
    return [
        Sheet("Gates", ("gate", "name", "capacity", "use"), gates, ("capacity", "use")),
        Sheet("Draws, in order", columns, draws, ("amount", "annual_cost", "market_value")),
        Sheet("Funding", ("figure", "value"), totals, ("value",)),
    ]


CALCULATION = Calculation(
    "funding_gates",
    "A need met by central bank, interbank and bond market: draws, cost, unmet (LIQ-39).",
    (Variant("default", FundingGates, _compute),),
    _sheets,
)
