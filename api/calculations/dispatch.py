"""Calculation `dispatch`: cheapest transfers between branches or accounts that cover their deficits."""

from fractions import Fraction
from typing import Any

from pydantic import Field

from api.calculations.fields import Exact, Inputs, Name, NonNegative
from api.calculations.intraday_inputs import Time
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import plain_text
from engines.dispatch import ZERO, Node, Plan, Route, dispatch

BASIS_POINTS = 10_000


class NodeLine(Inputs):
    node: Name
    ccy: Name = "CNY"
    available: Exact
    target: Exact = ZERO


class RouteLine(Inputs):
    """Money can go this way only where there is a route."""

    source: Name
    destination: Name
    ccy: Name = "CNY"
    cost_bp: NonNegative
    cut_off: Time | None = Field(default=None, description="last time of day at which it is open")


class Dispatch(Inputs):
    nodes: list[NodeLine]
    routes: list[RouteLine]
    at: Time | None = Field(default=None, description="time of day; default: cut-offs are not looked at")


def _compute(inputs: Dispatch) -> Result:
    nodes = [Node(line.node, line.available, line.target, line.ccy) for line in inputs.nodes]
    routes = [Route(line.source, line.destination, line.cost_bp, line.cut_off, line.ccy) for line in inputs.routes]
    plans = dispatch(nodes, routes, inputs.at)
    return {
        "currencies": [_totals(plan) for plan in plans],
        "transfers": [
            {
                "ccy": plan.currency,
                "source": one.source,
                "destination": one.destination,
                "amount": plain_text(one.amount),
                "cost_bp": plain_text(one.cost_bp),
            }
            for plan in plans
            for one in plan.transfers
        ],
        "uncovered": [row for plan in plans for row in _left(plan, plan.uncovered)],
        "unused": [row for plan in plans for row in _left(plan, plan.unused)],
    }


def _totals(plan: Plan) -> dict[str, Any]:
    return {
        "ccy": plan.currency,
        "moved": plain_text(sum((one.amount for one in plan.transfers), ZERO)),
        "cost_amount_bp": plain_text(plan.cost_amount_bp),
        "cost": plain_text(plan.cost_amount_bp / BASIS_POINTS),
        "uncovered": plain_text(sum(plan.uncovered.values(), ZERO)),
        "unused": plain_text(sum(plan.unused.values(), ZERO)),
    }


def _left(plan: Plan, by_node: dict[str, Fraction]) -> list[dict[str, str]]:
    return [{"ccy": plan.currency, "node": name, "amount": plain_text(amount)} for name, amount in by_node.items()]


CALCULATION = Calculation(
    "dispatch",
    "Cheapest transfers from surplus to deficit, currency by currency, and what stays uncovered (LIQ-06).",
    (Variant("default", Dispatch, _compute),),
    sheets_of("amount", "cost_bp", "moved", "cost_amount_bp", "cost", "uncovered", "unused"),
)
