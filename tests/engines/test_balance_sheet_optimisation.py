"""The best sheet: the worked example, limits against the ratios themselves, brute force on a grid (LIQ-47)."""

from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.balance_sheet_items import SheetRatios, Weights, sheet_ratios
from engines.balance_sheet_optimisation import BestSheet, Item, Limits, Plan, best_sheet, trade_off
from engines.linear_programme import Bound, Conflict, Constraint
from engines.primitives.errors import InvalidInput

ONE = Fraction(1)
LOANS = Item("loans", Fraction("0.05"), Weights("asset", is_loan=True))
BONDS = Item("bonds", Fraction("0.03"), Weights("asset", liquid_share=ONE))
DEPOSITS = Item(
    "deposits", Fraction(0), Weights("liability", is_deposit=True, liquid_share=ONE), amount=Fraction(800)
)
EXAMPLE = Plan(
    [LOANS, BONDS, DEPOSITS],
    Fraction(200),
    Limits(loan_to_deposit_max=Fraction("0.75"), liquidity_ratio_min=Fraction("0.25")),
)

shares = st.integers(0, 4).map(lambda part: Fraction(part, 4))
near_shares = st.integers(0, 2).map(lambda part: {"ON": Fraction(part, 2)})


def weights(side: str) -> st.SearchStrategy[Weights]:
    return st.builds(
        Weights,
        st.just(side),
        st.booleans(),
        st.booleans(),
        shares,
        st.sampled_from(["1", "2A", "2B", "none"]),
        shares,
        shares,
        shares,
        shares,
        shares,
        near_shares,
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Two assets, two liabilities of at most 4 units each, and any limits."""
    items = []
    for at, side in enumerate(("asset", "asset", "liability", "liability")):
        rate = Fraction(draw(st.integers(-1, 9)), 100)
        minimum = Fraction(draw(st.integers(0, 1)))
        maximum = Fraction(draw(st.integers(1, 4)))
        items.append(Item(f"x{at}", rate, draw(weights(side)), minimum, maximum))
    limit = st.none() | st.integers(0, 6).map(lambda part: Fraction(part, 4))
    limits = Limits(*(draw(limit) for _ in range(6)))
    return Plan(items, Fraction(draw(st.integers(0, 3))), limits, (), Fraction(draw(st.integers(0, 2))))


def keeps(ratios: SheetRatios, limits: Limits) -> bool:
    """The limits on the ratios as defined; where there is nothing to divide by, `0 >= least x 0` and so on."""
    checks = [
        (ratios.liquidity_ratio, limits.liquidity_ratio_min),
        (ratios.liquidity_coverage, limits.liquidity_coverage_min),
        (ratios.liquidity_gap_ratio, limits.liquidity_gap_ratio_min),
        (ratios.net_stable_funding, limits.net_stable_funding_min),
        (ratios.capital_adequacy, limits.capital_adequacy_min),
    ]
    most = limits.loan_to_deposit_max
    deposits = ratios.loan_to_deposit
    return all(least is None or one.numerator >= least * one.denominator for one, least in checks) and (
        most is None or deposits.numerator <= most * deposits.denominator
    )


def ratios_of(plan: Plan, amounts: list[Fraction]) -> SheetRatios:
    sheet = [(item.weights, amount) for item, amount in zip(plan.items, amounts, strict=True)]
    return sheet_ratios(sheet, plan.capital, other_risk_weighted_assets=plan.other_risk_weighted_assets)


def income(plan: Plan, amounts: list[Fraction]) -> Fraction:
    pairs = zip(plan.items, amounts, strict=True)
    return sum((one.rate * x * (1 if one.weights.side == "asset" else -1) for one, x in pairs), Fraction(0))


def test_the_example() -> None:
    found = best_sheet(EXAMPLE)
    assert isinstance(found, BestSheet)
    assert found.optimum.values == {"loans": Fraction(600), "bonds": Fraction(400), "deposits": Fraction(800)}
    assert found.optimum.objective == 42
    price_by_name = {
        one.condition.name: one.shadow_price
        for one in found.optimum.constraints
        if isinstance(one.condition, Constraint)
    }
    # A unit of room for loans turns a bond into a loan; a unit of deposits also brings three quarters of such room.
    assert price_by_name["loan_to_deposit"] == Fraction("0.02")
    assert price_by_name["amount of deposits"] == Fraction("0.045")
    assert price_by_name["liquidity_ratio"] == 0


@given(plans())
def test_the_best_keeps_every_limit_and_no_grid_point_is_better(plan: Plan) -> None:
    found = best_sheet(plan)
    grid = [
        [Fraction(unit) for unit in range(5) if item.minimum <= unit <= (item.maximum or 0)] for item in plan.items
    ]
    points = [list(point) for point in product(*grid)]
    possible = [
        point
        for point in points
        if point[0] + point[1] == point[2] + point[3] + plan.capital and keeps(ratios_of(plan, point), plan.limits)
    ]
    if isinstance(found, Conflict):
        assert not possible
        assert found.conditions
        return
    amounts = [found.optimum.values[item.name] for item in plan.items]
    assert amounts[0] + amounts[1] == amounts[2] + amounts[3] + plan.capital
    assert keeps(found.ratios, plan.limits)
    assert found.ratios == ratios_of(plan, amounts)
    assert found.optimum.objective == income(plan, amounts)
    assert all(income(plan, point) <= found.optimum.objective for point in possible)


@st.composite
def given_sheets(draw: st.DrawFn) -> tuple[Plan, bool]:
    """All amounts given, capital what balances them, and the least or most a ratio's own value or next to it."""
    sides = draw(st.lists(st.sampled_from(["asset", "liability"]), min_size=2, max_size=5))
    units = st.integers(1, 40).map(Fraction)
    items = [Item(f"x{at}", Fraction(0), draw(weights(side)), amount=draw(units)) for at, side in enumerate(sides)]
    amounts = [item.amount or Fraction(0) for item in items]
    signs = [1 if item.weights.side == "asset" else -1 for item in items]
    capital = sum((amount * sign for amount, sign in zip(amounts, signs, strict=True)), Fraction(0))
    plan = Plan(items, capital)
    ratios = ratios_of(plan, amounts)
    name = draw(st.sampled_from(sorted(Limits.__dataclass_fields__)))
    value = getattr(ratios, name.rpartition("_")[0]).value
    limit = (Fraction(1) if value is None else value) + draw(st.sampled_from([-1, 0, 1])) * Fraction(1, 1000)
    limits = replace(Limits(), **{name: limit})
    return replace(plan, limits=limits), keeps(ratios, limits)


@given(given_sheets())
def test_a_given_sheet_is_possible_if_its_ratios_keep_the_limit(sheet: tuple[Plan, bool]) -> None:
    """Caps of the LCR included: each row is as strict as the ratio, to a thousandth."""
    plan, is_possible = sheet
    if plan.limits.liquidity_coverage_min is not None and plan.limits.liquidity_coverage_min < 0:
        return  # a minimum below 0 is none
    assert isinstance(best_sheet(plan), BestSheet) == is_possible


def test_inflows_offset_three_quarters_of_outflows_at_most() -> None:
    cash = Item("cash", Fraction(0), Weights("asset", hqla_level="1"))
    placed = Item("placed", Fraction("0.02"), Weights("asset", thirty_day_flow_rate=ONE))
    deposits = Item("deposits", Fraction(0), Weights("liability", thirty_day_flow_rate=ONE), amount=Fraction(100))
    found = best_sheet(Plan([cash, placed, deposits], limits=Limits(liquidity_coverage_min=ONE)))
    assert isinstance(found, BestSheet)
    assert found.optimum.values["cash"] == 25
    binding = [one.condition for one in found.optimum.constraints if one.is_binding]
    assert "liquidity_coverage/inflow_cap" in [one.name for one in binding if isinstance(one, Constraint)]


def test_a_conflict_names_the_fewest() -> None:
    found = best_sheet(replace(EXAMPLE, items=[replace(LOANS, minimum=Fraction(650)), BONDS, DEPOSITS]))
    assert isinstance(found, Conflict)
    names = [one.name if isinstance(one, Constraint) else (one.edge, one.variable) for one in found.conditions]
    assert names == ["amount of deposits", "loan_to_deposit", ("lower", "loans")]
    assert Bound("loans", "lower") in found.conditions


def test_a_safer_ratio_costs_income() -> None:
    found = trade_off(EXAMPLE, "liquidity_ratio_min", [Fraction(part, 10) for part in (2, 5, 6, 8, 13)])
    incomes = [one.optimum.objective if isinstance(one, BestSheet) else None for one in found]
    assert incomes == [42, 42, Fraction("40.4"), Fraction("37.2"), None]


def test_the_banks_own_constraints_count() -> None:
    share = Constraint("loans at most half", {"loans": ONE}, "<=", Fraction(500))
    found = best_sheet(replace(EXAMPLE, constraints=[share]))
    assert isinstance(found, BestSheet)
    assert found.optimum.objective == 40


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"items": [LOANS, LOANS]}, "items[1].name"),
        ({"items": [replace(LOANS, minimum=-ONE)]}, "items[0].minimum"),
        ({"items": [replace(DEPOSITS, amount=-ONE)]}, "items[0].amount"),
        ({"items": [replace(LOANS, maximum=ONE, minimum=Fraction(2))]}, "items[0].maximum"),
        ({"items": [replace(LOANS, weights=Weights("asset", liquid_share=Fraction(2)))]}, "items[0].liquid_share"),
        ({"constraints": [Constraint("balance", {}, "<=", ONE)]}, "constraints[0].name"),
        ({"constraints": [Constraint("own", {"shares": ONE}, "<=", ONE)]}, "constraints[0].coefficients.shares"),
        ({"items": [LOANS, replace(DEPOSITS, amount=None)], "limits": Limits()}, "constraints"),
    ],
)
def test_bad_plans_are_refused(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        best_sheet(replace(EXAMPLE, **changed))
    assert caught.value.facts["field"] == field


def test_an_unknown_limit_has_no_trade_off() -> None:
    with pytest.raises(InvalidInput):
        trade_off(EXAMPLE, "leverage", [ONE])
