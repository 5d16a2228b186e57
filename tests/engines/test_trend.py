"""The line through points on a line, invariances, and when a limit is met (LIQ-41)."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from engines.trend import days_to_breach, trend

signed = st.integers(-1_000, 1_000).map(lambda tenths: Fraction(tenths, 10))
days = st.lists(st.integers(0, 400), min_size=2, max_size=12, unique=True).map(sorted)


@given(days, signed, signed)
def test_points_on_a_line_have_its_slope(at: list[int], start: Fraction, slope: Fraction) -> None:
    found = trend(at, [start + slope * day for day in at])
    assert found.slope.value == slope
    assert found.r_squared.value == (1 if slope else None)
    assert found.value_after(10) == start + slope * (at[-1] + 10)


@given(days, st.data())
def test_r_squared_is_a_share_and_the_day_of_counting_does_not_matter(at: list[int], data: st.DataObject) -> None:
    values = data.draw(st.lists(signed, min_size=len(at), max_size=len(at)))
    found = trend(at, values)
    assert found.r_squared.value is None or 0 <= found.r_squared.value <= 1
    assert trend([day + 1_000 for day in at], values) == found


@given(signed, st.integers(1, 500).map(lambda tenths: Fraction(tenths, 10)), signed)
def test_the_limit_is_kept_until_the_day_and_lost_on_or_after_it(
    last: Fraction, pace: Fraction, limit: Fraction
) -> None:
    falling = trend([0, 1], [last + pace, last])
    found = days_to_breach(falling, minimum=limit)
    assert found is not None
    if last < limit:
        assert found == 0
    else:
        assert last - pace * found <= limit
        assert found == 0 or last - pace * (found - 1) > limit
    rising = trend([0, 1], [-last - pace, -last])
    assert days_to_breach(rising, maximum=-limit) == found  # the mirror image


def test_moving_away_or_standing_still_never_breaches() -> None:
    rising = trend([0, 1], [Fraction(1), Fraction(2)])
    assert days_to_breach(rising, minimum=Fraction(0)) is None
    assert days_to_breach(rising) is None
    assert days_to_breach(rising, minimum=Fraction(0), maximum=Fraction(4)) == 2
    assert days_to_breach(rising, minimum=Fraction(3)) == 0  # below it already
    still = trend([0, 1], [Fraction(2), Fraction(2)])
    assert days_to_breach(still, minimum=Fraction(2)) is None
    one = trend([0], [Fraction(2)])
    assert (one.slope.value, one.value_after(1), days_to_breach(one, minimum=Fraction(1))) == (None, None, None)


def test_days_rise_and_go_with_values() -> None:
    with pytest.raises(InvalidInput) as caught:
        trend([0, 2, 2], [Fraction(1)] * 3)
    assert caught.value.facts["field"] == "dates[2]"
    for at in ([], [0]):
        with pytest.raises(InvalidInput):
            trend(at, [])
