"""Ratios add by their parts, the gap ratio falls with liabilities, the window keeps its edges (LIQ-22 to 31)."""

from dataclasses import fields, replace
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.indicators import (
    DIRECTIONS,
    Adjustment,
    Balances,
    Maturing,
    Ratio,
    WithinWindow,
    adjusted_liquidity_ratio,
    excess_reserve_ratio,
    liquidity_change,
    liquidity_gap_ratio,
    liquidity_indicators,
    within_window,
)
from engines.primitives.errors import InvalidInput

AS_OF = date(2024, 1, 31)

amounts = st.integers(0, 10**18).map(lambda cents: Fraction(cents, 100))
positive = st.integers(1, 10**18).map(lambda cents: Fraction(cents, 100))
windows = st.builds(WithinWindow, positive, amounts, amounts, amounts)
sheets = st.builds(Balances, *[positive] * len(fields(Balances)))


@given(st.lists(st.tuples(amounts, positive), min_size=1))
def test_ratios_add_by_their_parts(parts: list[tuple[Fraction, Fraction]]) -> None:
    total = Ratio(Fraction(0), Fraction(0))
    for numerator, denominator in parts:
        total += Ratio(numerator, denominator)
    assert total.value == sum(n for n, _ in parts) / sum(d for _, d in parts)
    values = [n / d for n, d in parts]
    assert min(values) <= total.value <= max(values)


def test_branches_are_not_averaged() -> None:
    """LIQ-60, example: 20/100 and 45/60 are 40.625%, not the mean 47.5%."""
    assert (Ratio(Fraction(20), Fraction(100)) + Ratio(Fraction(45), Fraction(60))).value == Fraction(40625, 100_000)


def test_no_denominator_no_value_and_no_verdict() -> None:
    empty = Ratio(Fraction(3), Fraction(0))
    assert (empty.value, empty.is_at_least(Fraction(0)), empty.is_at_most(Fraction(9))) == (None, None, None)


@given(windows, amounts, st.sampled_from(["liabilities", "off_balance_liabilities"]))
def test_the_gap_ratio_never_rises_with_a_liability(due: WithinWindow, more: Fraction, name: str) -> None:
    raised = replace(due, **{name: getattr(due, name) + more})
    assert liquidity_gap_ratio(raised).value <= liquidity_gap_ratio(due).value  # type: ignore[operator]


@given(windows, amounts, st.sampled_from(["assets", "off_balance_assets"]))
def test_the_gap_ratio_never_falls_with_an_asset(due: WithinWindow, more: Fraction, name: str) -> None:
    raised = replace(due, **{name: getattr(due, name) + more})
    assert liquidity_gap_ratio(raised).value >= liquidity_gap_ratio(due).value  # type: ignore[operator]


@given(windows)
def test_leaving_all_demand_deposits_out_leaves_the_off_balance_ones(due: WithinWindow) -> None:
    found = liquidity_gap_ratio(due, demand_deposit_core=due.liabilities)
    assert found.denominator - found.numerator == due.off_balance_liabilities


@pytest.mark.parametrize("core", [Fraction(-1), Fraction(6)])
def test_the_core_is_a_part_of_the_liabilities(core: Fraction) -> None:
    due = WithinWindow(Fraction(9), Fraction(0), Fraction(5), Fraction(3))
    with pytest.raises(InvalidInput, match="core of demand deposits"):
        liquidity_gap_ratio(due, demand_deposit_core=core)


@pytest.mark.parametrize(("ahead", "counts"), [(-1, False), (0, True), (90, True), (91, False)])
@pytest.mark.parametrize("side", ["asset", "liability", "obs_in", "obs_out"])
def test_the_window_has_0_to_90_days(side: str, ahead: int, counts: bool) -> None:
    day = AS_OF + timedelta(ahead)
    due, overdue = within_window([Maturing(side, Fraction(5), day, day)], AS_OF)  # type: ignore[arg-type]
    counted = due.assets + due.off_balance_assets + due.liabilities + due.off_balance_liabilities
    assert counted == (5 if counts else 0)
    assert overdue == (5 if ahead < 0 else 0)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["asset", "liability", "obs_in", "obs_out"]),
            amounts,
            st.integers(0, 100),
            st.integers(-3, 3),
        )
    )
)
def test_a_calendar_never_flatters_the_gap(rows: list[tuple[str, Fraction, int, int]]) -> None:
    def gap(shift: bool) -> Fraction:
        items = []
        for side, amount, ahead, moved in rows:
            day = AS_OF + timedelta(ahead + 5)  # five days on: a moved date is never overdue
            items.append(Maturing(side, amount, day, day + timedelta(moved) if shift else day))  # type: ignore[arg-type]
        return liquidity_gap_ratio(within_window(items, AS_OF)[0]).numerator

    assert gap(shift=True) <= gap(shift=False)


@given(amounts, amounts, amounts, amounts)
def test_an_adjustment_that_takes_from_both_sides_alike_is_exact(
    assets: Fraction, liabilities: Fraction, first: Fraction, second: Fraction
) -> None:
    lines = [Adjustment("asset", first), Adjustment("liability", second), Adjustment("asset", second)]
    found = adjusted_liquidity_ratio(assets + first + second, liabilities + second, lines)
    assert (found.numerator, found.denominator) == (assets, liabilities)


@pytest.mark.parametrize("amount", [Fraction(-1), Fraction(11)])
def test_an_adjustment_out_of_range_is_named(amount: Fraction) -> None:
    with pytest.raises(InvalidInput) as caught:
        adjusted_liquidity_ratio(Fraction(10), Fraction(10), [Adjustment("asset", amount)])
    assert caught.value.facts == {"field": "adjustments[0].amount", "record": "adjustments[0]"}


def test_a_shortfall_of_reserves_is_negative() -> None:
    assert excess_reserve_ratio(Fraction(-5), Fraction(100)).value == Fraction(-1, 20)


MORE_LIQUID = {
    "cash": "cash_position",
    "due_from_banks": "cash_position",
    "interbank_lent": "net_federal_funds",
    "government_bonds": "liquid_securities",
    "core_deposits": "core_deposits",
    "time_deposits": "deposit_composition",
    "total_securities": "pledged_securities",
    "total_deposits": "brokered_deposits",
}
LESS_LIQUID = {
    "interbank_borrowed": "net_federal_funds",
    "loans_and_leases": "capacity",
    "pledged_securities": "pledged_securities",
    "brokered_deposits": "brokered_deposits",
    "demand_deposits": "deposit_composition",
}


@given(sheets, positive, st.sampled_from(sorted(MORE_LIQUID | LESS_LIQUID)))
def test_each_balance_moves_its_indicator_the_way_the_deck_says(sheet: Balances, more: Fraction, name: str) -> None:
    before = liquidity_indicators(sheet)
    after = liquidity_indicators(replace(sheet, **{name: getattr(sheet, name) + more}))
    moved = {one for one in DIRECTIONS if before[one].value != after[one].value}
    expected = (MORE_LIQUID | LESS_LIQUID)[name]
    assert moved == {expected}
    change = after[expected].value - before[expected].value  # type: ignore[operator]
    assert liquidity_change(expected, change) == (1 if name in MORE_LIQUID else -1)


def test_a_negative_balance_is_named() -> None:
    sheet = Balances(*[Fraction(1)] * len(fields(Balances)))
    with pytest.raises(InvalidInput) as caught:
        liquidity_indicators(replace(sheet, core_deposits=Fraction(-1)))
    assert caught.value.facts == {"field": "core_deposits"}
