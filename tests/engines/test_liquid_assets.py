"""Values never rise when less is free, shares add up to one, coverage cumulates (LIQ-17, LIQ-18)."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.liquid_assets import TIER_OF_KIND, Holding, check_holdings, shares, tier_amounts, tier_coverage
from engines.primitives.errors import InvalidInput

amounts = st.integers(0, 10**12).map(lambda cents: Fraction(cents, 100))
parts = st.integers(0, 1_000).map(lambda thousandths: Fraction(thousandths, 1_000))


@st.composite
def holdings(draw: st.DrawFn) -> Holding:
    face = draw(amounts)
    return Holding(
        face, face * draw(parts), draw(amounts), draw(parts), draw(st.sampled_from([Fraction(1), Fraction(7)]))
    )


@given(holdings())
def test_market_value_is_at_least_the_free_part_and_that_at_least_what_it_brings(holding: Holding) -> None:
    check_holdings([holding])
    assert holding.market_value >= holding.unencumbered_market_value >= holding.liquidity_value >= 0


@given(holdings())
def test_what_is_free_and_what_is_pledged_is_what_is_held(holding: Holding) -> None:
    pledged = Holding(holding.encumbered_face, Fraction(0), holding.dirty_price, holding.haircut, holding.fx)
    assert holding.unencumbered_market_value + pledged.market_value == holding.market_value


@given(st.lists(amounts, min_size=1))
def test_shares_add_up_to_one(values: list[Fraction]) -> None:
    found = shares(values)
    if any(values):
        assert sum(share for share in found if share is not None) == 1
    else:
        assert found == [None] * len(values)


@pytest.mark.parametrize(
    ("holding", "field"),
    [
        (Holding(Fraction(-1), Fraction(0), Fraction(1), Fraction(0)), "face"),
        (Holding(Fraction(1), Fraction(2), Fraction(1), Fraction(0)), "encumbered_face"),
        (Holding(Fraction(1), Fraction(0), Fraction(-1), Fraction(0)), "dirty_price"),
        (Holding(Fraction(1), Fraction(0), Fraction(1), Fraction(11, 10)), "haircut"),
        (Holding(Fraction(1), Fraction(0), Fraction(1), Fraction(0), Fraction(-1)), "fx"),
    ],
)
def test_a_bad_holding_is_named(holding: Holding, field: str) -> None:
    good = Holding(Fraction(1), Fraction(1), Fraction(0), Fraction(1))
    with pytest.raises(InvalidInput) as caught:
        check_holdings([good, holding])
    assert caught.value.facts == {"field": f"holdings[1].{field}", "record": "holdings[1]"}


@given(st.lists(st.tuples(st.sampled_from(sorted(TIER_OF_KIND)), amounts)))
def test_every_line_is_in_one_tier(lines: list[tuple[str, Fraction]]) -> None:
    found = tier_amounts(lines)  # type: ignore[arg-type]
    assert len(found) == 3
    assert sum(found) == sum(amount for _, amount in lines)


@given(st.lists(st.tuples(amounts, amounts), min_size=1))
def test_a_later_tier_counts_the_earlier_ones(rows: list[tuple[Fraction, Fraction]]) -> None:
    found = tier_coverage([amount for amount, _ in rows], [outflow for _, outflow in rows])
    held = [ratio.numerator for ratio in found]
    assert held == sorted(held)
    assert held[-1] == sum(amount for amount, _ in rows)


def test_each_tier_needs_an_outflow() -> None:
    with pytest.raises(InvalidInput, match="one outflow a tier"):
        tier_coverage([Fraction(1)], [])
