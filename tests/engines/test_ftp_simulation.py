"""Trial curves on new business, with and without customers' reaction (LIQ-45)."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.ftp_curve import Curve
from engines.ftp_margins import Side
from engines.ftp_methods import AddOns, Market, MatchedMaturity, RequiredReserve, WeightedByFlows
from engines.ftp_simulation import NewBusiness, simulate_curve
from engines.primitives.errors import InvalidInput

YEAR = Fraction(1)
BASE = Market({"CNY": Curve((YEAR,), (Fraction("0.03"),))})
METHOD = MatchedMaturity("CNY", YEAR)

sides: st.SearchStrategy[Side] = st.sampled_from(["asset", "liability"])
rates = st.integers(-200, 900).map(lambda bp: Fraction(bp, 10_000))
business = st.lists(
    st.builds(
        NewBusiness,
        sides,
        st.integers(0, 10**12).map(lambda cents: Fraction(cents, 100)),
        rates,
        st.just(METHOD),
        st.none() | st.builds(AddOns, rates, rates, rates),
        st.none() | st.builds(RequiredReserve, st.sampled_from([Fraction(0), Fraction(8, 100)]), rates),
        st.integers(0, 10).map(lambda part: Fraction(part, 10)),
        st.integers(-8, 8).map(Fraction),
        st.sampled_from(["A", "B"]),
    ),
    max_size=5,
)


def shifted(bp: int) -> Market:
    return Market({"CNY": BASE.curves["CNY"].shifted(Fraction(bp, 10_000))})


LOANS = NewBusiness("asset", Fraction(400), Fraction("0.05"), METHOD, line="lending")
DEPOSITS = NewBusiness("liability", Fraction(300), Fraction("0.015"), METHOD, line="savings")


def test_the_example_without_reaction() -> None:
    found = simulate_curve([LOANS, DEPOSITS], BASE, shifted(25)).without_reaction
    assert found.margin_changes == (Fraction(-1), Fraction("0.75"))
    assert found.margin_change_by_line == {"lending": Fraction(-1), "savings": Fraction("0.75")}
    assert found.treasury_change == Fraction("0.25")
    assert found.net_interest_income_change == 0


def test_the_example_with_reaction() -> None:
    """Pass-through 60% of +25 bp, -8% of volume per 100 bp: 395.2, interest income +0.3528."""
    loans = replace(LOANS, pass_through=Fraction("0.6"), elasticity=Fraction(-8))
    found = simulate_curve([loans], BASE, shifted(25)).with_reaction
    assert (found.after[0].balance, found.after[0].customer_rate) == (Fraction("395.2"), Fraction("0.0515"))
    assert found.interest_changes == (Fraction("0.3528"),)
    assert found.net_volume_change == Fraction("-4.8")


def test_the_change_of_volume_is_funded_or_placed() -> None:
    loans = replace(LOANS, pass_through=Fraction("0.6"), elasticity=Fraction(-8))
    free, placed = (
        simulate_curve([loans], BASE, shifted(25), balancing_rate=Fraction(rate)).with_reaction
        for rate in ("0", "0.02")
    )
    assert placed.treasury_change - free.treasury_change == Fraction("4.8") * Fraction("0.02")
    grown = simulate_curve([loans], BASE, shifted(-25), balancing_rate=Fraction("0.02")).with_reaction
    assert grown.net_volume_change == Fraction("4.8")
    assert grown.trial.own_deals == -Fraction("4.8") * Fraction("0.02")


@given(business, st.integers(-100, 100), rates)
def test_nothing_is_lost_between_lines_and_treasury(lines: list[NewBusiness], bp: int, balancing: Fraction) -> None:
    found = simulate_curve(lines, BASE, shifted(bp), balancing_rate=balancing)
    for outcome in (found.without_reaction, found.with_reaction):
        whole = outcome.margin_change + outcome.treasury_change
        assert whole == outcome.net_interest_income_change
        assert sum(outcome.margin_changes, Fraction(0)) == outcome.margin_change
        assert sum(outcome.margin_change_by_line.values(), Fraction(0)) == outcome.margin_change
        balancing_income = outcome.trial.own_deals
        assert outcome.net_interest_income_change == sum(outcome.interest_changes, Fraction(0)) + balancing_income
    assert found.without_reaction.net_interest_income_change == 0
    for line, change in zip(lines, found.without_reaction.margin_changes, strict=True):
        kept = 1 if line.reserve is None else 1 - line.reserve.ratio
        sign = -1 if line.side == "asset" else 1
        assert change == sign * line.volume * kept * Fraction(bp, 10_000)


@given(business)
def test_the_same_curve_changes_nothing(lines: list[NewBusiness]) -> None:
    found = simulate_curve(lines, BASE, BASE)
    for outcome in (found.without_reaction, found.with_reaction):
        assert outcome.after == outcome.before
        assert outcome.margin_change == outcome.treasury_change == 0


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (replace(LOANS, volume=Fraction(-1)), "new_business[1].volume"),
        (replace(LOANS, pass_through=YEAR, elasticity=Fraction(-500)), "new_business[1].elasticity"),
        (replace(LOANS, method=MatchedMaturity("USD", YEAR)), "new_business[1].curve"),
        (replace(LOANS, method=WeightedByFlows("CNY", [])), "new_business[1].method"),
    ],
)
def test_bad_business_is_refused(line: NewBusiness, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        simulate_curve([LOANS, line], BASE, shifted(25))
    assert caught.value.facts == {"field": field, "record": "new_business[1]"}
