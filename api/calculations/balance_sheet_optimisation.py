"""Calculation `balance_sheet_optimisation`: the mix with the best income within liquidity and capital limits."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field

from api.calculations.fields import Exact, Inputs, Name, NonNegative
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.sheet_fields import Weighted, exact_ratios_result, ratios_result
from api.calculations.texts import decimal_or_null, decimal_text, exact_text, plain_text
from engines.balance_sheet_optimisation import BestSheet, Item, Limits, Plan, best_sheet, trade_off
from engines.linear_programme import Bound, Condition, Conflict, Constraint, Priced
from engines.primitives.errors import InvalidInput

DIGITS = 6

#: An exact programme of this size takes seconds at worst; the number of digits grows with it.
ITEMS_MAX, CONSTRAINTS_MAX, POINTS_MAX = 40, 40, 12


class ItemLine(Weighted):
    """A balance to choose between `minimum` and `maximum`, or a given `amount`."""

    name: Name
    rate: Exact = Field(description="earned by an asset, paid on a liability, a year")
    amount: NonNegative | None = None
    minimum: NonNegative = Fraction(0)
    maximum: NonNegative | None = None


class LimitLines(Inputs):
    """Fractions: 1 is 100%. A limit that is left out does not apply."""

    loan_to_deposit_max: NonNegative | None = None
    liquidity_ratio_min: NonNegative | None = None
    liquidity_coverage_min: NonNegative | None = None
    liquidity_gap_ratio_min: Exact | None = None
    net_stable_funding_min: NonNegative | None = None
    capital_adequacy_min: NonNegative | None = None


class ConstraintLine(Inputs):
    """`sum coefficient x item` against the limit."""

    name: Name
    coefficients: dict[Name, Exact]
    sense: Literal["<=", ">=", "="]
    limit: Exact


class TradeOff(Inputs):
    """The best mix at each value of one limit."""

    limit: Name = Field(description="one of the names of limits")
    values: list[Exact] = Field(min_length=1, max_length=POINTS_MAX)


class Sheet(Inputs):
    """Assets are liabilities plus capital."""

    items: list[ItemLine] = Field(min_length=1, max_length=ITEMS_MAX)
    capital: NonNegative = Fraction(0)
    limits: LimitLines = Field(default_factory=LimitLines)
    constraints: list[ConstraintLine] = Field(default=[], max_length=CONSTRAINTS_MAX)
    other_risk_weighted_assets: NonNegative = Fraction(0)
    trade_off: TradeOff | None = None


def _compute(inputs: Sheet) -> Result:
    plan = _plan(inputs)
    found = best_sheet(plan)
    shown = _conflict(found) if isinstance(found, Conflict) else _best(plan, found)
    if inputs.trade_off is not None:
        points = trade_off(plan, inputs.trade_off.limit, inputs.trade_off.values)
        pairs = zip(inputs.trade_off.values, points, strict=True)
        shown["trade_off"] = [_point(plan, value, point) for value, point in pairs]
    return shown


def _plan(inputs: Sheet) -> Plan:
    items = []
    for at, line in enumerate(inputs.items):
        if line.amount is not None and (line.minimum or line.maximum is not None):
            record = f"items[{at}]"
            raise InvalidInput("want an amount or bounds, not both", field=f"{record}.amount", record=record)
        items.append(Item(line.name, line.rate, line.weights(), line.minimum, line.maximum, line.amount))
    limits = Limits(**{name: getattr(inputs.limits, name) for name in LimitLines.model_fields})
    own = [Constraint(line.name, line.coefficients, line.sense, line.limit) for line in inputs.constraints]
    return Plan(items, inputs.capital, limits, own, inputs.other_risk_weighted_assets)


def _conflict(found: Conflict) -> Result:
    """Without any one of these conditions the others can be kept."""
    return {"status": "INFEASIBLE", "income": None, "conflict": [_name(one) for one in found.conditions]}


def _best(plan: Plan, found: BestSheet) -> Result:
    optimum = found.optimum
    conditions = [*optimum.constraints, *optimum.bounds]
    return {
        "status": "OPTIMAL",
        "income": _text(optimum.objective),
        "income_exact": exact_text(optimum.objective),
        "binding": _binding(conditions),
        "is_unique": optimum.is_unique,
        "is_degenerate": optimum.is_degenerate,
        "mix": [_mix(item, optimum.values[item.name]) for item in plan.items],
        "conditions": [_condition(one) for one in conditions],
        "ratios": ratios_result(found.ratios) | exact_ratios_result(found.ratios),
    }


def _mix(item: Item, amount: Fraction) -> dict[str, str]:
    return {
        "name": item.name,
        "side": item.weights.side,
        "amount": _text(amount),
        "amount_exact": f"{amount.numerator}/{amount.denominator}",
        "interest": _text(amount * item.rate),
    }


def _binding(conditions: Sequence[Priced]) -> list[str]:
    """What holds income back: inequalities without slack. Equalities always bind and say nothing."""
    return [_name(one.condition) for one in conditions if one.is_binding and not _is_equality(one.condition)]


def _condition(one: Priced) -> dict[str, Any]:
    return {
        "name": _name(one.condition),
        "sense": "=" if _is_equality(one.condition) else _sense(one.condition),
        "slack": _text(one.slack),
        "shadow_price": _text(one.shadow_price),
        "shadow_price_exact": exact_text(one.shadow_price),
    }


def _is_equality(condition: Condition) -> bool:
    return isinstance(condition, Constraint) and condition.sense == "="


def _sense(condition: Condition) -> str:
    if isinstance(condition, Constraint):
        return condition.sense
    return ">=" if condition.edge == "lower" else "<="


def _name(condition: Condition) -> str:
    if isinstance(condition, Bound):
        return f"{'minimum' if condition.edge == 'lower' else 'maximum'} of {condition.variable}"
    return condition.name


def _point(plan: Plan, value: Fraction, found: BestSheet | Conflict) -> dict[str, str | None]:
    is_possible = isinstance(found, BestSheet)
    amounts = found.optimum.values if isinstance(found, BestSheet) else {}
    income = found.optimum.objective if isinstance(found, BestSheet) else None
    return {
        "limit": plain_text(value),
        "status": "OPTIMAL" if is_possible else "INFEASIBLE",
        "income": decimal_or_null(income, DIGITS),
        **{f"amount of {item.name}": decimal_or_null(amounts.get(item.name), DIGITS) for item in plan.items},
    }


def _text(amount: Fraction) -> str:
    return decimal_text(amount, DIGITS)


CALCULATION = Calculation(
    "balance_sheet_optimisation",
    "Best income within liquidity, capital and other limits; shadow prices or the conflict (LIQ-47).",
    (Variant("default", Sheet, _compute),),
    sheets_of("amount", "interest", "slack", "shadow_price", "income"),
)
