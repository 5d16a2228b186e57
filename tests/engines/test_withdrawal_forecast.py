"""Expected never passes worst; closed reservations count nothing; which days a weekday's history has (LIQ-03)."""

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from engines.withdrawal_forecast import (
    PROBABILITY_BY_STATUS,
    Reservation,
    hit_rate,
    same_weekdays,
    withdrawal_forecast,
)

amounts = st.integers(0, 10**10).map(lambda cents: Fraction(cents, 100))
open_statuses = st.sampled_from(sorted(PROBABILITY_BY_STATUS))
closed_statuses = st.sampled_from(["executed", "rejected", "cancelled", "expired"])
reservations = st.lists(st.builds(Reservation, open_statuses | closed_statuses, amounts, amounts), max_size=8)
days = st.dates(date(2020, 1, 1), date(2030, 1, 1))


@given(reservations, st.lists(amounts, max_size=5))
def test_what_is_expected_is_never_above_the_worst(lines: list[Reservation], history: list[Fraction]) -> None:
    found = withdrawal_forecast(lines, history)
    assert 0 <= found.expected <= found.worst
    assert found.weeks == len(history)


@given(reservations, st.lists(amounts, max_size=5), closed_statuses, amounts)
def test_a_closed_reservation_changes_nothing(
    lines: list[Reservation], history: list[Fraction], status: str, amount: Fraction
) -> None:
    more = [*lines, Reservation(status, amount)]  # type: ignore[arg-type]
    assert withdrawal_forecast(more, history) == withdrawal_forecast(lines, history)


def test_of_a_partial_one_the_rest_is_still_to_come() -> None:
    lines = [Reservation("partial", Fraction(100), Fraction(60)), Reservation("partial", Fraction(10), Fraction(11))]
    found = withdrawal_forecast(lines, [])
    assert found.reserved_expected == found.expected == 38
    assert found.reserved_open == found.worst == 40


@given(days, st.integers(1, 30), st.integers(1, 8))
def test_history_is_of_the_same_weekday_and_not_after_as_of(as_of: date, ahead: int, weeks: int) -> None:
    day = as_of + timedelta(days=ahead)
    found = same_weekdays(day, as_of, date.min, weeks)
    assert len(found) == weeks
    assert all(one.weekday() == day.weekday() and one <= as_of for one in found)
    assert (as_of - found[0]).days < 7
    assert all((newer - older).days == 7 for newer, older in pairwise(found))


def test_days_before_the_history_are_no_zeros() -> None:
    monday = date(2024, 3, 4)
    assert same_weekdays(monday, date(2024, 3, 1), date(2024, 2, 19)) == [date(2024, 2, 26), date(2024, 2, 19)]


@given(st.lists(amounts, max_size=5), st.lists(amounts, max_size=5))
def test_the_hit_rate_and_its_complement_make_one(reserved: list[Fraction], unreserved: list[Fraction]) -> None:
    one, other = hit_rate(reserved, unreserved), hit_rate(unreserved, reserved)
    for hit, missed in ((one.by_amount.value, other.by_amount.value), (one.by_count.value, other.by_count.value)):
        assert (hit is None) is (missed is None)
        assert hit is None or missed is None or hit + missed == 1


def test_what_is_out_of_range_is_named() -> None:
    with pytest.raises(InvalidInput) as caught:
        withdrawal_forecast([Reservation("draft", Fraction(1)), Reservation("draft", Fraction(-1))], [])
    assert caught.value.facts == {"field": "reservations[1].amount", "record": "reservations[1]"}
    with pytest.raises(InvalidInput):
        withdrawal_forecast([], [Fraction(-1)])
    with pytest.raises(InvalidInput, match="probability"):
        withdrawal_forecast([], [], {**PROBABILITY_BY_STATUS, "draft": Fraction(2)})
    with pytest.raises(InvalidInput, match="after as_of"):
        same_weekdays(date(2024, 3, 1), date(2024, 3, 1), date(2024, 1, 1))
