"""Vectors of spec/risk-assets.md 7.2, and what every split must keep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.proration import prorate


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (3_000_000_00, [4_000_000_00, 2_500_000_00, 1_300_000_00], [1_538_461_54, 961_538_46, 500_000_00]),
        (100_000_00, [3, 3, 1], [42_857_14, 42_857_14, 14_285_72]),
        (5, [1, 1, 1], [2, 2, 1]),
        (0, [1, 2], [0, 0]),
        (7, [0, 1], [0, 7]),
    ],
)
def test_vectors_of_the_specification(amount: int, weights: list[int], parts: list[int]) -> None:
    assert list(prorate(amount, {f"{place}": weight for place, weight in enumerate(weights)}).values()) == parts


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**12), min_size=1, max_size=20).filter(any))
def test_parts_sum_to_the_amount_and_lie_within_a_cent_of_their_share(amount: int, weights: list[int]) -> None:
    by_key = {f"{place:02}": weight for place, weight in enumerate(weights)}
    parts = prorate(amount, by_key)
    assert sum(parts.values()) == amount
    whole = sum(weights)
    for key, part in parts.items():
        assert abs(part * whole - amount * by_key[key]) < whole
    assert parts == prorate(amount, dict(reversed(by_key.items())))
