"""Statement, forecast and effects of the treasury, without residual (LIQ-46)."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from engines.treasury_pnl import (
    SIGN_BY_KIND,
    Earning,
    Holding,
    Kind,
    Position,
    Statement,
    effects,
    forecast,
    mark_to_market,
)

MONTHS = 3

amounts = st.integers(0, 10**12).map(lambda cents: Fraction(cents, 100))
rates = st.integers(-200, 900).map(lambda bp: Fraction(bp, 10_000))
shares = st.sampled_from([Fraction(1, 12), Fraction(28, 365), Fraction(31, 365)])
earnings = st.builds(Earning, amounts, rates, shares)
kinds: st.SearchStrategy[Kind] = st.sampled_from(list(SIGN_BY_KIND))


def monthly(values: st.SearchStrategy[Fraction], count: int = MONTHS) -> st.SearchStrategy[list[Fraction]]:
    return st.lists(values, min_size=count, max_size=count)


positions = st.lists(
    st.builds(Position, st.just("p"), kinds, monthly(amounts), rates, st.none() | st.just("SHIBOR")), max_size=4
)
holdings = st.lists(
    st.builds(Holding, st.just("h"), monthly(amounts), st.integers(0, 9).map(Fraction), st.just("CGB")), max_size=2
)
paths = st.fixed_dictionaries({name: monthly(rates, MONTHS + 1) for name in ("SHIBOR", "CGB")})


def test_the_example() -> None:
    marked = mark_to_market(Fraction(4), Fraction(300), Fraction("0.001"))
    lines: dict[Kind, Fraction] = {
        "ftp_received": Fraction(32),
        "ftp_paid": Fraction("-19.2"),
        "investment": Fraction(9),
        "external_funding": Fraction("-5.2"),
    }
    assert marked == Fraction("-1.2")
    assert Statement(lines, marked).total == Fraction("15.4")


def test_the_effects_of_the_example() -> None:
    found = effects(Earning(Fraction(100), Fraction("0.03")), Earning(Fraction(110), Fraction("0.032")))
    assert [found.volume, found.rate, found.mix, found.days] == [
        Fraction(text) for text in ("0.3", "0.2", "0.02", "0")
    ]
    assert found.total == Fraction("0.52")


@given(earnings, earnings, st.sampled_from([1, -1]))
def test_effects_leave_no_residual(before: Earning, after: Earning, sign: int) -> None:
    found = effects(before, after, sign=sign)
    assert found.total == sign * (after.interest - before.interest)
    if before.balance == after.balance:
        assert found.volume == found.mix == 0
    if before.rate == after.rate:
        assert found.rate == found.mix == 0
    if before.year_share == after.year_share:
        assert found.days == 0


@given(monthly(shares), positions, holdings, paths)
def test_a_forecast_is_the_plain_sum_and_explains_each_month(
    lengths: list[Fraction], book: list[Position], bonds: list[Holding], path: dict[str, list[Fraction]]
) -> None:
    found = forecast(lengths, book, bonds, path)
    for at, month in enumerate(found):
        total = Fraction(0)
        for one in book:
            rate = one.rate + (path[one.index][at + 1] if one.index else 0)
            total += SIGN_BY_KIND[one.kind] * one.balances[at] * rate * lengths[at]
        for bond in bonds:
            moved = path[bond.index][at + 1] - path[bond.index][at]
            total -= bond.modified_duration * bond.market_values[at] * moved
        assert month.statement.total == total
        if at:
            assert month.change == total - found[at - 1].statement.total
            assert len(month.effects_by_position) == len(book)
    assert found[0].effects_by_position == ()
    assert found[0].change == 0


LENGTHS = [Fraction(1, 12)] * MONTHS
FLAT = [Fraction(1)] * MONTHS


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"year_shares": [*LENGTHS[:2], Fraction(0)]}, "months[2].year_share"),
        ({"positions": [Position("p", "ftp_paid", FLAT[:2], Fraction(0))]}, "positions[0].balances"),
        ({"positions": [Position("p", "ftp_paid", [*FLAT[:2], Fraction(-1)], Fraction(0))]}, "positions[0].balances"),
        ({"positions": [Position("p", "ftp_paid", FLAT, Fraction(0), "LPR")]}, "positions[0].index"),
        ({"holdings": [Holding("h", FLAT, Fraction(1), "LPR")]}, "holdings[0].index"),
        ({"rate_path": {"LPR": FLAT}}, "rate_path.LPR"),
    ],
)
def test_bad_plans_are_refused(changed: dict[str, Any], field: str) -> None:
    plan: dict[str, Any] = {"year_shares": LENGTHS, "positions": [], "holdings": [], "rate_path": {}}
    with pytest.raises(InvalidInput) as caught:
        forecast(**plan | changed)
    assert caught.value.facts["field"] == field
