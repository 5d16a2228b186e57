"""Where the threshold lies, what the window forgets, what a scale does not change (LIQ-08)."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.outlier import check_outlier
from engines.primitives.errors import InvalidInput

signed = st.integers(-(10**6), 10**6).map(Fraction)
histories = st.lists(signed, min_size=1, max_size=70)


@given(histories, signed, st.integers(1, 50), signed)
def test_scale_and_shift_change_nothing(history: list[Fraction], value: Fraction, by: int, to: Fraction) -> None:
    moved = check_outlier([one * by + to for one in history], value * by + to)
    assert moved.is_outlier is check_outlier(history, value).is_outlier


@settings(max_examples=25)
@given(st.lists(signed, min_size=60, max_size=60), histories, signed)
def test_only_the_last_sixty_count(recent: list[Fraction], older: list[Fraction], value: Fraction) -> None:
    assert check_outlier([*older, *recent], value) == check_outlier(recent, value)


@given(histories, signed)
def test_less_than_half_of_the_history_cannot_hide_an_outlier(history: list[Fraction], value: Fraction) -> None:
    found = check_outlier([Fraction(0)] * (len(history) + 1) + history, value, window=200)
    assert found.median == 0
    assert found.deviation == 0
    assert found.is_outlier is (value != 0)


def test_the_threshold_itself_is_inside_and_the_floor_too() -> None:
    history = [Fraction(one) for one in (96, 98, 100, 102, 104)]
    edge = 100 + Fraction(14826, 1000)
    assert check_outlier(history, edge).is_outlier is False
    assert check_outlier(history, edge + Fraction(1, 10**9)).is_outlier is True
    flat = [Fraction(7)] * 3
    assert check_outlier(flat, Fraction(9), floor=Fraction(2)).is_outlier is False
    assert check_outlier(flat, Fraction(901, 100), floor=Fraction(2)).is_outlier is True


def test_without_history_nothing_is_said_and_ranges_are_checked() -> None:
    assert check_outlier([], Fraction(1)).is_outlier is None
    with pytest.raises(InvalidInput):
        check_outlier([], Fraction(1), window=0)
    with pytest.raises(InvalidInput):
        check_outlier([], Fraction(1), floor=Fraction(-1))
