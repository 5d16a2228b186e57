"""The balance sheet with the best net interest income that keeps liquidity, capital and other limits (LIQ-47).

Every ratio limit is linear in the balances, the caps of the LCR included: its stock is the least of three sums and
its outflow the greater of two, so the limit is kept if each pair keeps it. Shadow prices say what a limit costs.
Not for what the limits should be, nor for what customers would take: that is in the bounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from engines.balance_sheet_items import INFLOW_CAP, SheetRatios, Weights, check_weights, sheet_ratios
from engines.ftp_margins import Side
from engines.linear_programme import Conflict, Constraint, Optimum, Variable, solve
from engines.primitives.errors import InvalidInput

ZERO, ONE = Fraction(0), Fraction(1)

#: Level 2 is at most 40% of the stock, Level 2B at most 15% (BCBS 238 paragraphs 46-54).
LEVEL_1_TO_STOCK = Fraction(100, 60)
LEVELS_1_AND_2A_TO_STOCK = Fraction(100, 85)

SIDES: tuple[Side, Side] = ("asset", "liability")
Column = Mapping[str, Fraction]  # coefficient by item


@dataclass(frozen=True, slots=True)
class Item:
    """A balance to choose between its bounds, or a given `amount`."""

    name: str
    rate: Fraction  # earned by an asset, paid on a liability, a year
    weights: Weights
    minimum: Fraction = ZERO
    maximum: Fraction | None = None
    amount: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Fractions (1 is 100%); None: no limit."""

    loan_to_deposit_max: Fraction | None = None
    liquidity_ratio_min: Fraction | None = None
    liquidity_coverage_min: Fraction | None = None
    liquidity_gap_ratio_min: Fraction | None = None
    net_stable_funding_min: Fraction | None = None
    capital_adequacy_min: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    items: Sequence[Item]
    capital: Fraction = ZERO  # funds the assets beside the liabilities, and counts for the capital ratio
    limits: Limits = field(default_factory=Limits)
    constraints: Sequence[Constraint] = ()  # the bank's own, over item names
    other_risk_weighted_assets: Fraction = ZERO


@dataclass(frozen=True, slots=True)
class BestSheet:
    optimum: Optimum  # its objective is the income
    ratios: SheetRatios


def best_sheet(plan: Plan) -> BestSheet | Conflict:
    """The mix with the most income a year, exact; or the fewest conditions that contradict each other.

    The sheet balances: assets are liabilities plus capital.

    Raises:
        InvalidInput: income has no upper end; a weight, bound or amount out of range; a name stands twice or nowhere.
    Source: LIQ-47, a linear programme beyond the seed.
    """
    _check(plan)
    variables = [_variable(item) for item in plan.items]
    found = solve(variables, [*_given(plan.items), _balance(plan), *_limits(plan), *plan.constraints])
    if isinstance(found, Conflict):
        return found
    sheet = [(item.weights, found.values[item.name]) for item in plan.items]
    return BestSheet(
        found, sheet_ratios(sheet, plan.capital, other_risk_weighted_assets=plan.other_risk_weighted_assets)
    )


def trade_off(plan: Plan, limit: str, values: Sequence[Fraction]) -> list[BestSheet | Conflict]:
    """The best sheet at each value of one limit: what income a safer ratio costs.

    Args:
        limit: a field of `Limits`.
    Raises:
        InvalidInput: as `best_sheet`, or there is no such limit.
    """
    if limit not in Limits.__dataclass_fields__:
        raise InvalidInput(f"want one of {', '.join(Limits.__dataclass_fields__)}", field="trade_off.limit")
    limits = [replace(plan.limits, **{limit: value}) for value in values]
    return [best_sheet(replace(plan, limits=one)) for one in limits]


def _variable(item: Item) -> Variable:
    """A given amount is a constraint, which has a shadow price: what one unit more of it would earn."""
    worth = item.rate if item.weights.side == "asset" else -item.rate
    if item.amount is not None:
        return Variable(item.name, worth, None, None)
    return Variable(item.name, worth, item.minimum, item.maximum)


def _given(items: Sequence[Item]) -> list[Constraint]:
    return [
        Constraint(f"amount of {item.name}", {item.name: ONE}, "=", item.amount)
        for item in items
        if item.amount is not None
    ]


def _balance(plan: Plan) -> Constraint:
    signs = {item.name: ONE if item.weights.side == "asset" else -ONE for item in plan.items}
    return Constraint("balance", signs, "=", plan.capital)


def _limits(plan: Plan) -> list[Constraint]:
    limits, capital = plan.limits, plan.capital
    rows = []
    if (most := limits.loan_to_deposit_max) is not None:
        row = _sum((ONE, _column(plan, "asset", "is_loan")), (-most, _column(plan, "liability", "is_deposit")))
        rows.append(Constraint("loan_to_deposit", row, "<=", ZERO))
    if (least := limits.liquidity_ratio_min) is not None:
        assets, liabilities = (_column(plan, side, "liquid_share") for side in SIDES)
        rows.append(Constraint("liquidity_ratio", _sum((ONE, assets), (-least, liabilities)), ">=", ZERO))
    if limits.liquidity_coverage_min is not None:
        rows += _coverage(plan, limits.liquidity_coverage_min)
    if (gap := limits.liquidity_gap_ratio_min) is not None:
        assets, liabilities = (_column(plan, side, "due_within_90_days") for side in SIDES)
        rows.append(Constraint("liquidity_gap_ratio", _sum((1 - gap, assets), (-ONE, liabilities)), ">=", ZERO))
    if (stable := limits.net_stable_funding_min) is not None:
        assets, liabilities = (_column(plan, side, "stable_funding_factor") for side in SIDES)
        rows.append(Constraint("net_stable_funding", _sum((stable, assets), (-ONE, liabilities)), "<=", capital))
    if (target := limits.capital_adequacy_min) is not None:
        row = _sum((target, _column(plan, "asset", "risk_weight")))
        room = capital - target * plan.other_risk_weighted_assets
        rows.append(Constraint("capital_adequacy", row, "<=", room))
    return rows


def _coverage(plan: Plan, least: Fraction) -> list[Constraint]:
    """Each sum that may be the stock against each that may be the outflow; those that cannot be are left out."""
    inflows, outflows = (_column(plan, side, "thirty_day_flow_rate") for side in SIDES)
    levels = {item.weights.hqla_level for item in plan.items if item.weights.side == "asset"}
    stocks = {"": _stock(plan, {"1": ONE, "2A": ONE, "2B": ONE})}
    if levels & {"2A", "2B"}:
        stocks["/level_2_cap"] = _stock(plan, {"1": LEVEL_1_TO_STOCK})
    if "2B" in levels:
        stocks["/level_2b_cap"] = _stock(plan, dict.fromkeys(("1", "2A"), LEVELS_1_AND_2A_TO_STOCK))
    needs = {"": _sum((least, outflows), (-least, inflows))}
    if inflows:
        needs["/inflow_cap"] = _sum((least * (1 - INFLOW_CAP), outflows))
    return [
        Constraint(f"liquidity_coverage{cap}{flow}", _sum((ONE, stock), (-ONE, need)), ">=", ZERO)
        for cap, stock in stocks.items()
        for flow, need in needs.items()
    ]


def _stock(plan: Plan, factor_by_level: Mapping[str, Fraction]) -> Column:
    return {
        item.name: factor_by_level[item.weights.hqla_level] * item.weights.hqla_factor
        for item in plan.items
        if item.weights.side == "asset" and item.weights.hqla_level in factor_by_level
    }


def _column(plan: Plan, side: Side, weight: str) -> Column:
    """A weight of each item of a side that has it."""
    found = {item.name: getattr(item.weights, weight) for item in plan.items if item.weights.side == side}
    return {name: Fraction(value) for name, value in found.items() if value}


def _sum(*terms: tuple[Fraction, Column]) -> Column:
    total: dict[str, Fraction] = {}
    for factor, column in terms:
        for name, value in column.items():
            total[name] = total.get(name, ZERO) + factor * value
    return total


def _check(plan: Plan) -> None:
    for at, item in enumerate(plan.items):
        record = f"items[{at}]"
        check_weights(item.weights, record)
        if item.minimum < 0 or (item.amount is not None and item.amount < 0):
            named = "minimum" if item.minimum < 0 else "amount"
            raise InvalidInput("may not be negative", field=f"{record}.{named}", record=record)
        if item.maximum is not None and item.maximum < item.minimum:
            raise InvalidInput("is below the minimum", field=f"{record}.maximum", record=record)
    items = [item.name for item in plan.items]
    built = [row.name for row in (*_given(plan.items), _balance(plan), *_limits(plan))]
    own = [row.name for row in plan.constraints]
    for kind, names, taken in (("items", items, []), ("constraints", own, built)):
        for at, name in enumerate(names):
            if name in taken or name in names[:at]:
                record = f"{kind}[{at}]"
                raise InvalidInput(f"the name {name!r} is taken", field=f"{record}.name", record=record)
    for at, row in enumerate(plan.constraints):
        for name in row.coefficients:
            if name not in items:
                record = f"constraints[{at}]"
                message = f"there is no item {name!r}"
                raise InvalidInput(message, field=f"{record}.coefficients.{name}", record=record)
