"""Parts as shown: they add up to the total, each within a unit of itself, and turn with the sign."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.shown_parts import rounded, shown_parts

fractions = st.fractions(-1_000, 1_000, max_denominator=50)


@given(st.lists(fractions, min_size=1, max_size=12), fractions)
def test_parts_add_up_to_the_difference_of_the_rounded_ends(parts: list[Fraction], start: Fraction) -> None:
    total = rounded(start + sum(parts), 2) - rounded(start, 2)
    shown = shown_parts(parts, total, 2)
    assert sum(shown) == total
    assert all(abs(one - part) < Fraction(2, 100) for one, part in zip(shown, parts, strict=True))
    assert all(one.denominator in {1, 2, 4, 5, 10, 20, 25, 50, 100} for one in shown)
    assert shown_parts([-part for part in parts], -total, 2) == [-one for one in shown]


@given(st.lists(fractions, max_size=12))
def test_to_the_rounded_sum_each_part_stays_within_one_unit(parts: list[Fraction]) -> None:
    shown = shown_parts(parts, rounded(sum(parts, Fraction(0)), 0), 0)
    assert all(abs(one - part) < 1 for one, part in zip(shown, parts, strict=True))


def test_what_lost_most_gets_the_unit_and_the_first_of_equals() -> None:
    third = Fraction(1, 3)
    assert shown_parts([third, third, third], Fraction(1), 0) == [1, 0, 0]
    assert shown_parts([third, 2 * third], Fraction(1), 0) == [0, 1]
    assert shown_parts([-third, -2 * third], Fraction(-1), 0) == [0, -1]
    assert shown_parts([Fraction(5, 4)], Fraction(2), 0) == [2]


def test_a_total_of_other_digits_or_of_no_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be shown"):
        shown_parts([Fraction(1, 3)], Fraction(1, 3), 2)
    with pytest.raises(ValueError, match="cannot be shown"):
        shown_parts([], Fraction(1), 2)
    assert shown_parts([], Fraction(0), 2) == []
