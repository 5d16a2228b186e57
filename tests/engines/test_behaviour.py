"""Formulas of customer behaviour: inverses, bounds, edges; the worked examples run through `calc` in tests/api."""

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.behaviour import (
    conditional_prepayment_rate,
    core_lowest,
    core_statistical,
    drawdown,
    moving_core,
    remaining_core,
    roll_off,
    single_monthly_mortality,
    withdrawal_rate,
)
from engines.primitives.errors import InvalidInput

shares = st.floats(0, 1)
balances = st.lists(st.integers(0, 10**9).map(lambda cents: Fraction(cents, 100)), min_size=12, max_size=24)


@given(st.lists(shares, max_size=8))
def test_mortality_inverts_to_the_annual_rate(rates: list[float]) -> None:
    annual = np.array(rates)
    monthly = single_monthly_mortality(annual)
    assert np.all((monthly >= 0) & (monthly <= 1))
    assert np.allclose(conditional_prepayment_rate(monthly), annual, atol=1e-12)


def test_mortality_to_twelve_digits() -> None:
    with localcontext(prec=40):
        exact = 1 - Decimal("0.88") ** (1 / Decimal(12))
    assert abs(Decimal(single_monthly_mortality(np.array([0.12]))[0]) - exact) < Decimal("1e-15")


@pytest.mark.parametrize("wrong", [-0.01, 1.01, float("nan")])
def test_rates_outside_the_unit_interval_are_refused(wrong: float) -> None:
    for formula in (single_monthly_mortality, conditional_prepayment_rate):
        with pytest.raises(InvalidInput):
            formula(np.array([0.1, wrong]))


@given(balances)
def test_moving_core_is_the_lowest_of_its_window(history: list[Fraction]) -> None:
    moving = moving_core(history)
    assert moving[:11] == [None] * 11
    for end in range(12, len(history) + 1):
        assert moving[end - 1] == sorted(history[end - 12 : end])[0]
    assert moving[-1] == core_lowest(history)


@given(balances, st.fractions(Fraction(51, 100), Fraction(99, 100), max_denominator=100))
def test_statistical_core_is_below_the_mean_and_scales(history: list[Fraction], confidence: Fraction) -> None:
    found = core_statistical(history, confidence)
    assert 0 <= found.core <= float(found.mean) * (1 + 1e-12)
    assert found.core >= core_statistical(history, Fraction(999, 1_000)).core
    doubled = core_statistical([2 * balance for balance in history], confidence)
    assert doubled.core == pytest.approx(2 * found.core, rel=1e-9, abs=1e-6)


def test_constant_balances_are_all_core() -> None:
    found = core_statistical([Fraction(7)] * 12, Fraction(99, 100))
    assert (found.standard_deviation, found.core) == (0.0, 7.0)
    assert core_statistical([Fraction(1), Fraction(100)], Fraction(99, 100)).core == 0.0  # never below 0
    assert core_statistical([Fraction(9), *[Fraction(7)] * 3], Fraction(99, 100), months=3).core == 7.0


def test_core_wants_a_whole_window_of_deposits() -> None:
    for history, months in (([Fraction(1)] * 11, 12), ([Fraction(1)] * 11 + [Fraction(-1)], 12), ([], 0)):
        with pytest.raises(InvalidInput):
            core_lowest(history, months)
    for history, confidence in (([Fraction(1)], "0.99"), ([Fraction(1)] * 3, "0.5"), ([Fraction(1)] * 3, "1")):
        with pytest.raises(InvalidInput):
            core_statistical(history, Fraction(confidence))


def test_decay_never_grows() -> None:
    left = remaining_core(np.array([900.0]), 0.05, np.arange(0.0, 13.0))
    assert left[0] == 900
    assert np.all(np.diff(left) < 0)
    for wrong in (-0.01, float("nan")):
        with pytest.raises(InvalidInput):
            remaining_core(np.array([900.0]), wrong, np.array([1.0]))


def test_withdrawal_rate_is_floored_and_capped() -> None:
    base, sensitivity = Fraction(1, 200), Fraction(3, 2)
    assert withdrawal_rate(base, sensitivity, Fraction(1, 100)) == Fraction(1, 50)
    assert withdrawal_rate(base, sensitivity, Fraction(-1, 100)) == base
    assert withdrawal_rate(base, sensitivity, Fraction(9)) == 1
    for wrong in ((Fraction(-1), sensitivity), (Fraction(2), sensitivity), (base, Fraction(-1))):
        with pytest.raises(InvalidInput):
            withdrawal_rate(*wrong, Fraction(0))


def test_shares_are_checked_by_name() -> None:
    assert roll_off(Fraction(500), Fraction(85, 100)) == 75
    assert drawdown(Fraction(1_000), Fraction(5, 100)) == 50
    for formula, field in ((roll_off, "rollover"), (drawdown, "drawdown_rate")):
        with pytest.raises(InvalidInput) as caught:
            formula(Fraction(1), Fraction(11, 10))
        assert caught.value.facts["field"] == field
