"""Exact products and quotients against Python's fractions."""

from fractions import Fraction

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from engines.exact_ratio import DIVISOR_MAX, half_up, times_ratio_half_up


def rounded(value: Fraction) -> int:
    size = abs(value) + Fraction(1, 2)
    return (size.numerator // size.denominator) * (1 if value >= 0 else -1)


@given(
    st.integers(-(2**54), 2**54),
    st.integers(-(10**14), 10**14),
    st.sampled_from([1, 2, 7, 360 * 10**9, 365 * 10**9]),
)
@example(2**54, 10**9, DIVISOR_MAX)
@example(1, 1, 2)
@example(-1, 1, 2)
def test_products_are_exact(amount: int, numerator: int, divisor: int) -> None:
    exact = rounded(Fraction(amount * numerator, divisor))
    if abs(exact) < 2**62:
        found = times_ratio_half_up(np.array([amount]), np.array([numerator]), divisor)
        assert found.tolist() == [exact]
    assert half_up(amount * numerator, divisor) == exact
