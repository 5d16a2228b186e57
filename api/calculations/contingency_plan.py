"""Calculation `contingency_plan`: what to draw, sell, repo and issue by when, simulated and ranked with alternatives.

`simulation_keys` and `ranking_rows` also render the preview of `/api/v1/plans`, so that both read alike.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from pydantic import Field

from api.calculations.fields import Count, Exact, Inputs, NonNegative, PositiveCount
from api.calculations.funding_lines import FundingInputs, amount_text, market_of, sources_of
from api.calculations.registry import Calculation, Result, Sheet, Variant
from api.calculations.texts import exact_text, not_computable, percent_text
from engines.contingency_plan import (
    COST_ORDER,
    GATE_ORDER,
    HORIZON_DAYS_MAX,
    YEAR_DAYS,
    Outlook,
    Ranked,
    Reason,
    Simulation,
    compare,
)
from engines.primitives.errors import InvalidInput

Text = Callable[[Fraction], str]


class _Plan(FundingInputs):
    start_day: Count = Field(default=0, description="nothing can be ordered before")
    year_days: Count = Field(default=YEAR_DAYS, description="365 or 360")


class WithSurplus(_Plan):
    """The projected surplus of day 1, 2, …, before any of the sources, over `limit`."""

    surplus: list[Exact] = Field(min_length=1, max_length=HORIZON_DAYS_MAX)
    limit: Exact = Fraction(0)


class WithShortfall(_Plan):
    """One shortfall on one day."""

    shortfall: NonNegative
    day: PositiveCount = Field(le=HORIZON_DAYS_MAX)


class StressDay(Inputs):
    day: PositiveCount
    surplus: Exact
    counterbalancing_capacity: Exact = Field(default=Fraction(0), description="not used")
    cumulative_net_flow: Exact = Field(default=Fraction(0), description="not used")


class WithStress(_Plan):
    """`path` as `survival_horizon` gives it; the sources must not be part of its buffers."""

    path: list[StressDay] = Field(min_length=1, max_length=HORIZON_DAYS_MAX)
    limit: Exact = Fraction(0)


def _of_surplus(inputs: WithSurplus) -> Result:
    return _result(inputs, [surplus - inputs.limit for surplus in inputs.surplus])


def _of_shortfall(inputs: WithShortfall) -> Result:
    return _result(inputs, [*[Fraction(0)] * (inputs.day - 1), -inputs.shortfall])


def _of_stress(inputs: WithStress) -> Result:
    for at, row in enumerate(inputs.path):
        if row.day != at + 1:
            record = f"path[{at}]"
            raise InvalidInput("want every day, from 1", field=f"{record}.day", record=record)
    return _result(inputs, [row.surplus - inputs.limit for row in inputs.path])


def _result(inputs: _Plan, surplus: Sequence[Fraction]) -> Result:
    outlook = Outlook(surplus, inputs.start_day, inputs.year_days)
    ranked = compare(outlook, sources_of(inputs), market_of(inputs))
    wanted = COST_ORDER if inputs.order == "cost" else GATE_ORDER
    chosen = next(one.simulation for one in ranked if one.simulation.strategy == wanted)
    first = outlook.first_shortfall_day
    too_late = [
        source.name
        for source in sources_of(inputs)
        if first is not None and inputs.start_day + source.lead_days > first
    ]
    return (
        {"shortfall": amount_text(outlook.shortfall), "first_shortfall_day": first}
        | simulation_keys(chosen, amount_text)
        | {"too_late_for_first_shortfall": too_late, "ranking": ranking_rows(ranked, amount_text)}
        | not_computable([] if chosen.lines else ["nothing is raised"])
    )


def simulation_keys(found: Simulation, text: Text) -> dict[str, Any]:
    """One simulated strategy as JSON; `text` writes amounts."""
    return {
        "strategy": found.strategy.name,
        "need": text(found.need),
        "raised": text(found.raised),
        "residual": text(found.residual),
        "weighted_cost_pct": percent_text(found.weighted_cost),
        "weighted_cost_exact": exact_text(found.weighted_cost),
        "cost_in_horizon": text(found.cost),
        "uncovered": text(found.uncovered),
        "days_below": found.days_below,
        "first_day_below": found.first_day_below,
        "restored_on_day": found.restored_on,
        "lines": [
            {
                "step": step,
                "action": line.draw.source.action,
                "source": line.draw.source.name,
                "gate": line.draw.source.gate.value,
                "amount": text(line.draw.amount),
                "order_by_day": line.order_by,
                "needed_on_day": line.needed_on,
                "rate_pct": percent_text(line.draw.source.rate),
                "securities": line.draw.source.securities or None,
                "market_value": amount_text_or_null(line.draw.securities, text, line.securities_left),
                "covered": text(line.covered),
                "capacity_left": text(line.capacity_left),
                "securities_left": amount_text_or_null(line.securities_left, text, line.securities_left),
            }
            for step, line in enumerate(found.lines, 1)
        ],
        "path": [
            {
                "day": row.day,
                "before": text(row.before),
                "drawn": text(row.drawn),
                "repaid": text(row.repaid),
                "after": text(row.after),
            }
            for row in found.path
        ],
        "left_by_gate": {str(gate.value): text(left) for gate, left in found.left_by_gate.items()},
        "free_securities_left": {name: text(left) for name, left in sorted(found.free_securities_left.items())},
    }


def amount_text_or_null(value: Fraction | None, text: Text, present: Fraction | None) -> str | None:
    return None if value is None or present is None else text(value)


def ranking_rows(ranked: Sequence[Ranked], text: Text) -> list[dict[str, Any]]:
    return [
        {
            "rank": one.rank,
            "strategy": one.simulation.strategy.name,
            "uncovered": text(one.simulation.uncovered),
            "days_below": one.simulation.days_below,
            "cost_in_horizon": text(one.simulation.cost),
            "weighted_cost_pct": percent_text(one.simulation.weighted_cost),
            "reasons": _reasons(one.reasons, text),
        }
        for one in ranked
    ]


def _reasons(reasons: Mapping[Reason, Fraction], text: Text) -> list[str]:
    found = []
    for reason, figure in reasons.items():
        if reason in (Reason.UNCOVERED, Reason.COSTS_MORE):
            found.append(f"{reason.value}: {text(figure)}")
        elif reason is Reason.DAYS_BELOW:
            found.append(f"{reason.value}: {figure}")
        else:
            found.append(reason.value)
    return found


def _sheets(result: Result) -> list[Sheet]:
    def cells(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str | None]]:
        return [{key: None if cell is None else str(cell) for key, cell in row.items()} for row in rows]

    totals = ("shortfall", "need", "raised", "residual", "weighted_cost_pct", "cost_in_horizon")
    lines = ("step", "action", "source", "gate", "order_by_day", "needed_on_day", "rate_pct", "amount", "covered")
    ranking = [row | {"reasons": "; ".join(row["reasons"])} for row in result["ranking"]]
    ranked = ("rank", "strategy", "uncovered", "days_below", "cost_in_horizon", "weighted_cost_pct", "reasons")
    path = ("day", "before", "drawn", "repaid", "after")
    return [
        Sheet("Plan", lines, cells(result["lines"]), ("amount", "covered")),
        Sheet("Figures", ("figure", "value"), [{"figure": key, "value": result[key]} for key in totals], ("value",)),
        Sheet("Surplus over the limit, day by day", path, cells(result["path"]), path[1:]),
        Sheet("Alternatives", ranked, cells(ranking), ("uncovered", "cost_in_horizon")),
    ]


CALCULATION = Calculation(
    "contingency_plan",
    "A shortfall path met day by day, simulated forward and ranked with its alternatives (LIQ-40).",
    (
        Variant("surplus", WithSurplus, _of_surplus),
        Variant("shortfall", WithShortfall, _of_shortfall),
        Variant("stress", WithStress, _of_stress),
    ),
    _sheets,
)
