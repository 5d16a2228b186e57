"""The largest customers against a plain sort; shares cumulate and never pass one (LIQ-27)."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.concentration import Balance, largest
from engines.primitives.errors import InvalidInput

balances = st.lists(
    st.builds(
        Balance,
        st.sampled_from("ABCDEFGH"),
        st.sampled_from([Fraction(0), Fraction(1), Fraction(5, 2), Fraction(1, 100), Fraction(7, 3)]),  # with ties
        st.sampled_from(["", "G1", "G2"]),
    ),
    max_size=20,
)


@given(balances, st.integers(1, 10), st.integers(0, 2**32))
def test_the_largest_are_those_of_a_sort_in_any_order_of_input(rows: list[Balance], top: int, seed: int) -> None:
    names = sorted({row.group or row.customer for row in rows})
    sums = {name: sum(row.amount for row in rows if (row.group or row.customer) == name) for name in names}
    expected = sorted(sums.items(), key=lambda item: -item[1])[:top]  # stable: of equals the lower id first
    shuffled = Random(seed).sample(rows, len(rows))
    assert [(one.customer, one.amount) for one in largest(shuffled, top)] == expected


@given(balances, st.integers(1, 10))
def test_shares_fall_and_cumulate(rows: list[Balance], top: int) -> None:
    found = largest(rows, top)
    assert [one.rank for one in found] == list(range(1, len(found) + 1))
    shares = [one.share.numerator for one in found]
    assert shares == sorted(shares, reverse=True)
    assert [one.cumulative.numerator for one in found] == [sum(shares[: at + 1]) for at in range(len(shares))]
    if len(found) < top and found and found[0].amount:
        assert found[-1].cumulative.value == 1  # all customers are in the table


def test_a_negative_balance_and_a_total_too_small_are_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        largest([Balance("A", Fraction(1)), Balance("B", Fraction(-1))], 1)
    assert caught.value.facts == {"field": "balances[1].amount", "record": "balances[1]"}
    with pytest.raises(InvalidInput, match="more than the total"):
        largest([Balance("A", Fraction(2))], 1, Fraction(1))
