"""The low of twelve months against a day-by-day walk, and the edges of three calendar months (LIQ-25)."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.core_liabilities import Closing, demand_low, is_core_term, months_from
from engines.primitives.errors import InvalidInput

AS_OF = date(2024, 2, 29)

histories = st.dictionaries(st.integers(0, 500), st.integers(0, 10**6), max_size=30).map(
    lambda rows: [Closing(AS_OF - timedelta(ago), Fraction(balance)) for ago, balance in rows.items()]
)


@given(histories, st.randoms(use_true_random=False))
def test_the_low_is_that_of_a_walk_through_every_day(history: list[Closing], random: object) -> None:
    by_day = {closing.day: closing.balance for closing in history}
    opens = date(2023, 2, 28)  # 29 February less twelve months, clipped
    standing, walked = None, []
    day = AS_OF - timedelta(500)
    while day <= AS_OF:
        standing = by_day.get(day, standing)
        if day >= opens and standing is not None:
            walked.append(standing)
        day += timedelta(1)
    random.shuffle(history)  # type: ignore[attr-defined]
    found = demand_low(history, AS_OF)
    assert found.balance == (min(walked) if walked else None)
    assert found.is_complete == (len(walked) == (AS_OF - opens).days + 1)


@given(histories)
def test_one_more_closing_in_the_window_never_raises_the_low(history: list[Closing]) -> None:
    before = demand_low([one for one in history if one.day != AS_OF], AS_OF).balance
    after = demand_low([*(one for one in history if one.day != AS_OF), Closing(AS_OF, Fraction(7))], AS_OF).balance
    assert after == (Fraction(7) if before is None else min(before, Fraction(7)))


@pytest.mark.parametrize(
    ("history", "field"),
    [
        ([Closing(date(2024, 3, 1), Fraction(1))], "date"),
        ([Closing(AS_OF, Fraction(-1))], "balance"),
    ],
)
def test_a_bad_closing_is_named(history: list[Closing], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        demand_low(history, AS_OF)
    assert caught.value.facts == {"field": f"demand_balances[0].{field}", "record": "demand_balances[0]"}


def test_two_balances_of_a_day_are_refused() -> None:
    with pytest.raises(InvalidInput, match="two balances") as caught:
        demand_low([Closing(AS_OF, Fraction(1)), Closing(AS_OF, Fraction(1))], AS_OF)
    assert caught.value.facts["record"] == "demand_balances[1]"


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2024, 3, 31), 3, date(2024, 6, 30)),
        (date(2023, 11, 30), 3, date(2024, 2, 29)),
        (date(2024, 12, 15), 1, date(2025, 1, 15)),
        (date(2024, 2, 29), -12, date(2023, 2, 28)),
        (date(2024, 1, 31), -2, date(2023, 11, 30)),
    ],
)
def test_months_are_clipped_to_the_last_day(day: date, months: int, expected: date) -> None:
    assert months_from(day, months) == expected


def test_three_months_and_90_days_are_not_the_same() -> None:
    """Spec section 10, finding 16: each rule keeps its own unit."""
    as_of = date(2024, 5, 1)
    assert not is_core_term(as_of + timedelta(91), as_of)
    assert is_core_term(as_of + timedelta(92), as_of)
    assert is_core_term(date(2023, 2, 1) + timedelta(89), date(2023, 2, 1))  # within 90 days and core as well
