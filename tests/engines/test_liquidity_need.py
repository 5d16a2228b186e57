"""Need by class, by period and at large: floors, signs, and averages against a day-by-day walk (LIQ-28 to 30)."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.liquidity_need import (
    CLASSES,
    WEIGHT_SETS,
    Funding,
    FundingClass,
    FundingGap,
    daily_average,
    funding_need,
    liquidity_need,
)
from engines.primitives.errors import InvalidInput

START = date(2024, 1, 1)

amounts = st.integers(0, 10**12).map(lambda cents: Fraction(cents, 100))
signed = st.integers(-(10**12), 10**12).map(lambda cents: Fraction(cents, 100))
books = st.fixed_dictionaries({name: st.builds(Funding, amounts, amounts) for name in CLASSES})


@given(books, amounts)
def test_the_prudent_set_never_asks_for_less(book: dict[FundingClass, Funding], new_loans: Fraction) -> None:
    lenient, prudent = (liquidity_need(book, new_loans, WEIGHT_SETS[name]) for name in "AB")
    assert prudent.total_need >= lenient.total_need >= new_loans
    assert prudent.total_need - prudent.liability_need == new_loans


@given(books, amounts, st.sampled_from(CLASSES))
def test_a_reserve_above_its_balance_frees_nothing_elsewhere(
    book: dict[FundingClass, Funding], new_loans: Fraction, name: FundingClass
) -> None:
    covered = book | {name: Funding(Fraction(1), Fraction(2))}
    need = liquidity_need(covered, new_loans, WEIGHT_SETS["B"])
    rest = liquidity_need(book, new_loans, WEIGHT_SETS["B"] | {name: Fraction(0)})
    assert need.by_class[name] == 0
    assert need.total_need == rest.total_need


@given(st.lists(signed), st.lists(signed))
def test_what_one_side_needs_the_other_has(uses: list[Fraction], sources: list[Fraction]) -> None:
    assert funding_need(uses, sources) == -funding_need(sources, uses)
    assert funding_need([*uses, *sources], sources) == sum(uses, Fraction(0))


@given(amounts, amounts, amounts)
def test_liquid_assets_must_be_funded_too(loans: Fraction, core: Fraction, liquid: Fraction) -> None:
    found = FundingGap(loans, core, liquid)
    assert found.borrowing_need - found.gap == liquid


@given(st.dictionaries(st.integers(0, 60), amounts, min_size=1), st.integers(0, 40))
def test_the_average_is_that_of_a_walk_through_every_day(rows: dict[int, Fraction], after: int) -> None:
    closings = [(START + timedelta(ahead), rows[ahead]) for ahead in sorted(rows)]
    end = closings[-1][0] + timedelta(after)
    by_day, standing, walked = dict(closings), Fraction(0), []
    day = closings[0][0]
    while day <= end:
        standing = by_day.get(day, standing)
        walked.append(standing)
        day += timedelta(1)
    assert daily_average(closings, end) == sum(walked) / len(walked)


@pytest.mark.parametrize(
    ("days", "record"), [([], None), ([3, 3], "closings[1]"), ([3, 2], "closings[1]"), ([11], "closings[0]")]
)
def test_bad_closings_are_named(days: list[int], record: str | None) -> None:
    with pytest.raises(InvalidInput) as caught:
        daily_average([(START + timedelta(day), Fraction(1)) for day in days], START + timedelta(10))
    assert caught.value.facts.get("record") == record
