"""Positions build on each other, the corridor's advice just reaches its edge, averages come out (LIQ-07, LIQ-10)."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from engines.reserves import FundsChange, Reserve, four_positions, needed_average, reserve_action

amounts = st.integers(0, 10**12).map(lambda cents: Fraction(cents, 100))
positive = st.integers(1, 10**12).map(lambda cents: Fraction(cents, 100))
signed = st.integers(-(10**12), 10**12).map(lambda cents: Fraction(cents, 100))
ratios = st.integers(0, 1_000).map(lambda thousandths: Fraction(thousandths, 1_000))


@given(amounts, amounts, amounts, amounts, amounts)
def test_each_position_builds_on_the_one_before(
    balance: Fraction, required: Fraction, vault: Fraction, due: Fraction, limit: Fraction
) -> None:
    found = four_positions(balance, required, vault, due, limit)
    assert found.excess_reserves + required == balance
    assert found.lendable + limit == found.available == balance + vault + due - required


@given(amounts, signed, signed, ratios)
def test_with_an_unchanged_ratio_only_new_deposits_ask_for_reserves(
    before: Fraction, deposits: Fraction, loans: Fraction, ratio: Fraction
) -> None:
    change = FundsChange(before, deposits, loans, ratio, ratio)
    assert change.surplus == deposits * (1 - ratio) - loans


@given(amounts, amounts, signed, ratios, ratios)
def test_a_higher_ratio_never_helps(
    before: Fraction, deposits: Fraction, loans: Fraction, one: Fraction, other: Fraction
) -> None:
    low, high = sorted((one, other))
    lower, higher = (FundsChange(before, deposits, loans, low, after).surplus for after in (low, high))
    assert higher <= lower


@given(amounts, amounts, positive, ratios, ratios)
def test_the_advice_brings_the_ratio_just_to_the_edge(
    balance: Fraction, required: Fraction, deposits: Fraction, one: Fraction, other: Fraction
) -> None:
    low, high = sorted((one, other))
    advice = reserve_action(Reserve(balance, required, deposits), low, high)
    assert advice is not None
    action, amount = advice
    assert amount >= 0
    moved = {"RAISE": amount, "PLACE": -amount, "HOLD": Fraction(0)}[action]
    ratio = Reserve(balance + moved, required, deposits).excess_ratio.value
    assert ratio is not None
    edge = {"RAISE": low, "PLACE": high, "HOLD": ratio}[action]
    assert ratio == edge
    assert low <= ratio <= high


def test_without_deposits_there_is_no_advice_and_a_corridor_has_its_order() -> None:
    reserve = Reserve(Fraction(1), Fraction(0), Fraction(0))
    assert reserve_action(reserve, Fraction(0), Fraction(1)) is None
    with pytest.raises(InvalidInput):
        reserve_action(reserve, Fraction(1), Fraction(0))


@given(amounts, st.lists(amounts, max_size=9), st.integers(1, 10))
def test_holding_the_needed_average_meets_the_requirement(
    required: Fraction, balances: list[Fraction], more: int
) -> None:
    days = len(balances) + more
    needed = needed_average(required, balances, days).value
    assert needed is not None
    assert sum([*balances, *[needed] * more], Fraction(0)) / days == required


def test_more_balances_than_days_are_refused() -> None:
    with pytest.raises(InvalidInput, match="more balances"):
        needed_average(Fraction(1), [Fraction(1)] * 2, 1)
