"""Quantiles against the standard library, exact and in any order."""

import statistics
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from engines.quantiles import median, median_absolute_deviation, quantile

numbers = st.lists(st.integers(-(10**9), 10**9).map(lambda cents: Fraction(cents, 100)), min_size=2, max_size=30)


@given(numbers, st.integers(1, 9))
def test_deciles_are_those_of_the_inclusive_method(values: list[Fraction], tenth: int) -> None:
    wanted = statistics.quantiles(values, n=10, method="inclusive")[tenth - 1]
    assert quantile(values, Fraction(tenth, 10)) == wanted


@given(numbers)
def test_the_ends_and_the_middle(values: list[Fraction]) -> None:
    assert (quantile(values, Fraction(0)), quantile(values, Fraction(1))) == (min(values), max(values))
    assert median(values) == statistics.median(values)


@given(numbers, st.randoms(use_true_random=False))
def test_order_does_not_matter(values: list[Fraction], random: Random) -> None:
    shuffled = sorted(values, key=lambda _: random.random())
    assert median_absolute_deviation(shuffled) == median_absolute_deviation(values)


def test_nothing_has_no_quantile_and_a_probability_has_its_range() -> None:
    assert quantile([], Fraction(1, 2)) is median([]) is median_absolute_deviation([]) is None
    for wrong in (Fraction(-1, 10), Fraction(11, 10)):
        with pytest.raises(InvalidInput):
            quantile([Fraction(1)], wrong)
