"""The path adds up, the band holds past errors, the level lies among what it smooths; accuracy (LIQ-04)."""

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.forecast_accuracy import forecast_accuracy
from engines.position_forecast import DayFlows, position_bands, position_path, smoothed_level
from engines.primitives.errors import InvalidInput

amounts = st.integers(0, 10**10).map(lambda cents: Fraction(cents, 100))
signed = st.integers(-(10**10), 10**10).map(lambda cents: Fraction(cents, 100))
day_flows = st.builds(DayFlows, amounts, amounts, amounts, signed, signed, signed)
pairs = st.lists(st.tuples(signed, signed), min_size=1, max_size=20)


@given(signed, st.lists(day_flows, max_size=6), st.integers(0, 6))
def test_a_path_goes_on_where_another_ended(opening: Fraction, days: list[DayFlows], cut: int) -> None:
    path = position_path(opening, days)
    first = position_path(opening, days[:cut])
    assert path == first + position_path([opening, *first][-1], days[cut:])


@given(signed, amounts, st.sampled_from(["contractual_in", "contractual_out", "reservations"]))
def test_only_inflow_raises_the_position(opening: Fraction, amount: Fraction, name: str) -> None:
    (position,) = position_path(opening, [DayFlows(**{name: amount})])
    assert position == (opening + amount if name == "contractual_in" else opening - amount)


def test_a_higher_requirement_binds_money_and_a_negative_outflow_is_refused() -> None:
    assert position_path(Fraction(10), [DayFlows(required_reserve_change=Fraction(-8))]) == [18]
    with pytest.raises(InvalidInput) as caught:
        position_path(Fraction(10), [DayFlows(), DayFlows(contractual_out=Fraction(-1))])
    assert caught.value.facts == {"field": "days[1].contractual_out", "record": "days[1]"}


@given(signed, st.lists(signed, min_size=10, max_size=40))
def test_a_tenth_of_past_errors_falls_outside_on_either_side(position: Fraction, errors: list[Fraction]) -> None:
    (band,) = position_bands([position], {1: errors})
    assert band.low is not None
    assert band.high is not None
    actuals = [position - error for error in errors]
    outside_max = ceil(Fraction(len(errors) - 1, 10))
    assert sum(actual < band.low for actual in actuals) <= outside_max
    assert sum(actual > band.high for actual in actuals) <= outside_max


def test_each_step_has_its_own_errors_and_few_errors_make_no_band() -> None:
    errors = {1: [Fraction(one) for one in range(11)], 2: [Fraction(1)] * 9}
    one, two, three = position_bands([Fraction(100)] * 3, errors)
    assert (one.low, one.high) == (Fraction(91), Fraction(99))  # too high by 1 to 9: the band lies below
    assert one.errors_used == 11
    assert (two.low, two.high, two.errors_used) == (None, None, 9)
    assert three.errors_used == 0
    with pytest.raises(InvalidInput):
        position_bands([], {}, low=Fraction(9, 10), high=Fraction(1, 10))


@given(signed, st.lists(signed, min_size=1, max_size=20), st.integers(0, 10).map(lambda tenth: Fraction(tenth, 10)))
def test_the_level_lies_among_what_it_smooths(level: Fraction, seen: list[Fraction], alpha: Fraction) -> None:
    found = smoothed_level(level, seen, alpha)
    assert min(level, *seen) <= found <= max(level, *seen)
    assert smoothed_level(level, seen, Fraction(1)) == seen[-1]
    assert smoothed_level(level, seen, Fraction(0)) == level


def test_an_alpha_has_its_range() -> None:
    with pytest.raises(InvalidInput):
        smoothed_level(Fraction(1), [], Fraction(11, 10))


@given(pairs, signed)
def test_a_shift_of_all_forecasts_is_bias_and_bias_is_within_the_mean_error(
    given_: list[tuple[Fraction, Fraction]], shift: Fraction
) -> None:
    forecasts, actuals = [list(one) for one in zip(*given_, strict=True)]
    found = forecast_accuracy(forecasts, actuals)
    shifted = forecast_accuracy([one + shift for one in forecasts], actuals)
    bias, error = found.bias.value, found.mean_absolute_error.value
    assert bias is not None
    assert error is not None
    assert shifted.bias.value == bias + shift
    assert abs(bias) <= error


def test_accuracy_without_forecasts_or_actuals() -> None:
    assert forecast_accuracy([], []).bias.value is None
    nothing_came = forecast_accuracy([Fraction(3)], [Fraction(0)])
    assert nothing_came.wape.value is None
    assert nothing_came.bias.value == 3
    with pytest.raises(InvalidInput):
        forecast_accuracy([Fraction(1)], [])
