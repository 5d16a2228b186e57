"""The price floor of a loan against its formula (LIQ-48)."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.loan_pricing import price_floor
from engines.primitives.errors import InvalidInput

rates = st.integers(0, 2_000).map(lambda bp: Fraction(bp, 10_000))
weights = st.integers(0, 15).map(lambda tenth: Fraction(tenth, 10))


def test_the_example() -> None:
    floor = price_floor(
        Fraction("0.031"),
        Fraction("0.006"),
        Fraction("0.005"),
        risk_weight=Fraction(1),
        target_capital_ratio=Fraction("0.105"),
        hurdle_rate=Fraction("0.12"),
    )
    assert (floor.capital_charge, floor.rate) == (Fraction("0.0126"), Fraction("0.0546"))


@given(rates, rates, rates, weights, rates, rates, rates)
def test_at_the_floor_capital_earns_the_hurdle(
    funds: Fraction,
    loss: Fraction,
    cost: Fraction,
    weight: Fraction,
    target: Fraction,
    hurdle: Fraction,
    more: Fraction,
) -> None:
    floor = price_floor(funds, loss, cost, risk_weight=weight, target_capital_ratio=target, hurdle_rate=hurdle)
    capital = weight * target
    assert floor.rate == funds + loss + cost + capital * hurdle
    assert floor.surplus(floor.rate + more) == more
    if capital:
        assert floor.return_on_capital(floor.rate) == hurdle
        assert floor.return_on_capital(floor.rate + more) == hurdle + more / capital
    else:
        assert floor.return_on_capital(floor.rate) is None


@pytest.mark.parametrize("name", ["expected_loss", "cost", "risk_weight", "target_capital_ratio"])
def test_bad_numbers_are_refused(name: str) -> None:
    numbers = dict.fromkeys(
        ("transfer_rate", "expected_loss", "cost", "risk_weight", "target_capital_ratio", "hurdle_rate"), Fraction(0)
    )
    with pytest.raises(InvalidInput) as caught:
        price_floor(**numbers | {name: Fraction(-1, 100)})
    assert caught.value.facts["field"] == name
