"""Dates, calendars, day counts and cycles, against published examples and naive reckoning."""

import calendar
from datetime import date, timedelta
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.actus import calendars, day_counts
from engines.actus.cycles import Cycle, Period, parse_cycle, parse_period, schedule
from engines.actus.dates import (
    accrual_day,
    add_months,
    civil,
    day_number,
    is_month_end,
    parse_instant,
    show_day,
    show_instant,
)

EPOCH = date(1970, 1, 1)
dates = st.dates(date(1600, 1, 1), date(2400, 12, 31))


def number(day: date) -> int:
    return (day - EPOCH).days


def day(text: str) -> int:
    return number(date.fromisoformat(text))


# Dates


@given(dates)
def test_civil_and_day_number_are_the_calendar_of_the_standard_library(some: date) -> None:
    assert civil(number(some)) == (some.year, some.month, some.day)
    assert day_number(some.year, some.month, some.day) == number(some)
    assert is_month_end(number(some)) == (some.day == calendar.monthrange(some.year, some.month)[1])


@given(dates, st.integers(-2_000, 2_000), st.integers(0, 1))
def test_adding_months_keeps_the_day_or_takes_the_months_last(some: date, months: int, to_end: int) -> None:
    index = some.year * 12 + some.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    want = date(year, month + 1, last if to_end else min(some.day, last))
    assert show_day(add_months(number(some), months, to_end)) == want.isoformat()


@given(st.lists(dates, min_size=1), st.integers(-500, 500))
def test_arrays_of_days_give_what_single_days_give(some: list[date], months: int) -> None:
    numbers = [number(each) for each in some]
    array = np.array(numbers, np.int64)
    assert add_months(array, months).tolist() == [add_months(each, months) for each in numbers]
    assert is_month_end(array).tolist() == [is_month_end(each) for each in numbers]
    for convention in calendars.CONVENTIONS:
        shifted = calendars.shift_day(array, convention, "MF")
        assert shifted.tolist() == [calendars.shift_day(each, convention, "MF") for each in numbers]


def test_instants_are_read_and_shown() -> None:
    assert parse_instant("1970-01-02") == parse_instant(" 1970-01-02T00:00 ") == parse_instant("1970-01-02T00:00:00")
    assert show_instant(parse_instant("2013-09-14T23:59:59")) == "2013-09-14T23:59:59"
    assert show_instant(parse_instant("1969-12-31T12:34:56")) == "1969-12-31T12:34:56"
    for text in ("2013-02-30", "2013-1-1", "2013-01-01T24:00:01", "2013-01-01T10:60", "", "yesterday", "2013-13-01"):
        with pytest.raises(ValueError):  # noqa: PT011
            parse_instant(text)


def test_techspec_2_8_the_end_of_a_day_is_midnight() -> None:
    following = day("2013-09-15")
    for text in ("2013-09-14T23:59:59", "2013-09-14T24:00:00", "2013-09-15T00:00:00", "2013-09-15T17:00:00"):
        assert accrual_day(parse_instant(text)) == following


# Calendars


@given(dates, st.sampled_from(calendars.CONVENTIONS))
def test_shifts_find_the_business_day_that_their_names_say(some: date, convention: str) -> None:
    assert calendars.shift_day(number(some), convention, "NC") == number(some)
    shifted = EPOCH + timedelta(calendars.shift_day(number(some), convention, "MF"))

    def step(days: int) -> date:
        found = some
        while found.weekday() > 4:
            found += timedelta(days)
        return found

    if convention == "NOS":
        want = some
    else:
        first = 1 if convention.endswith("F") else -1
        want = step(first)
        if "M" in convention and want.month != some.month:
            want = step(-first)
    assert shifted == want


# Day counts


@pytest.mark.parametrize(
    ("start", "end", "convention", "want"),
    [  # 2006 ISDA definitions, section 4.16(g) and (h)
        ("2007-01-15", "2007-01-30", "30E360", Fraction(15, 360)),
        ("2007-01-15", "2007-02-15", "30E360", Fraction(30, 360)),
        ("2007-09-30", "2008-03-31", "30E360", Fraction(180, 360)),
        ("2007-09-30", "2007-10-31", "30E360", Fraction(30, 360)),
        ("2007-01-31", "2007-02-28", "30E360", Fraction(28, 360)),
        ("2007-02-28", "2007-03-31", "30E360", Fraction(32, 360)),
        ("2006-08-31", "2007-02-28", "30E360", Fraction(178, 360)),
        ("2007-02-28", "2007-03-31", "30E360ISDA", Fraction(30, 360)),
        ("2006-08-31", "2007-02-28", "30E360ISDA", Fraction(180, 360)),
        ("2007-08-31", "2008-02-29", "30E360ISDA", Fraction(179, 360)),  # the last of February, but the maturity
        ("2003-11-01", "2004-05-01", "AA", Fraction(61, 365) + Fraction(121, 366)),  # ISDA memo, 1998
        ("1999-02-01", "1999-07-01", "AA", Fraction(150, 365)),  # same
        ("1999-07-30", "2000-01-30", "AA", Fraction(155, 365) + Fraction(29, 366)),  # same
        ("2012-12-30", "2013-01-09", "AA", Fraction(2, 366) + Fraction(8, 365)),
        ("2013-01-31", "2013-03-01", "A360", Fraction(29, 360)),
        ("2013-01-31", "2013-03-01", "A365", Fraction(29, 365)),
        ("2013-01-31", "2013-02-28", "28E336", Fraction(28, 336)),
        ("2013-01-15", "2014-01-15", "28E336", Fraction(1)),
    ],
)
def test_day_counts_of_published_examples(start: str, end: str, convention: str, want: Fraction) -> None:
    numerator, denominator = day_counts.year_fraction_ratio(day(start), day(end), convention, day("2008-02-29"))
    assert Fraction(numerator, denominator) == want
    assert day_counts.year_fraction(day(start), day(end), convention, day("2008-02-29")) == float(want)


@given(dates, st.integers(0, 1_500))
def test_actual_actual_counts_each_day_by_its_year(start: date, length: int) -> None:
    days = [start + timedelta(after) for after in range(length)]
    want = sum((Fraction(1, 366 if calendar.isleap(each.year) else 365) for each in days), Fraction(0))
    end = number(start) + length
    assert Fraction(*day_counts.year_fraction_ratio(number(start), end, "AA", end)) == want


@given(st.lists(st.tuples(dates, dates, dates), min_size=1), st.sampled_from(day_counts.CONVENTIONS))
def test_year_fractions_of_arrays_are_those_of_single_days_bit_for_bit(
    some: list[tuple[date, date, date]], convention: str
) -> None:
    rows = [tuple(map(number, row)) for row in some]
    starts, ends, maturities = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    together = day_counts.year_fraction(starts, ends, convention, maturities)
    alone = [day_counts.year_fraction(start, end, convention, maturity) for start, end, maturity in rows]
    assert together.tobytes() == np.array(alone, np.float64).tobytes()


# Cycles


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("P1ML0", Cycle(1, 0, long_stub=True)),
        (" P1ML1 ", Cycle(1, 0, long_stub=False)),
        ("P2WL1", Cycle(0, 14, long_stub=False)),
        ("P10DL1", Cycle(0, 10, long_stub=False)),
        ("P1QL0", Cycle(3, 0, long_stub=True)),
        ("P1Y6ML0", Cycle(18, 0, long_stub=True)),
        ("P1Y", Cycle(12, 0, long_stub=False)),
        ("1M+", Cycle(1, 0, long_stub=True)),
        ("2H-", Cycle(12, 0, long_stub=False)),
    ],
)
def test_cycles_are_read(text: str, want: Cycle) -> None:
    assert parse_cycle(text) == want


@pytest.mark.parametrize(
    "text", ["", "P", "PL0", "P0DL0", "P0ML1", "1M", "P1ML2", "P-1ML0", "P1.5ML0", "P99999YL0", "M1"]
)
def test_what_is_no_cycle_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_cycle(text)


def test_periods_pass_over_a_stub() -> None:
    assert parse_period("P5DL0") == parse_period("P5D") == Period(0, 5)
    assert parse_period("P0D") == Period(0, 0)


def times(start: str, cycle: str, end: str, *, end_of_month: bool = False, with_end: bool = True) -> list[str]:
    found = schedule(
        parse_instant(start), parse_cycle(cycle), parse_instant(end), end_of_month=end_of_month, with_end=with_end
    )
    return [show_instant(time)[:10] for time in found]


def test_techspec_3_1_a_long_stub_joins_the_broken_period_a_short_one_keeps_it() -> None:
    assert times("2013-01-01", "P1ML0", "2013-04-15") == ["2013-01-01", "2013-02-01", "2013-03-01", "2013-04-15"]
    assert times("2013-01-01", "P1ML1", "2013-03-15") == ["2013-01-01", "2013-02-01", "2013-03-01", "2013-03-15"]
    whole = ["2013-01-01", "2013-02-01", "2013-03-01"]
    assert times("2013-01-01", "P1ML0", "2013-03-01") == times("2013-01-01", "P1ML1", "2013-03-01") == whole
    assert times("2013-01-01", "P1ML0", "2013-01-20") == ["2013-01-01", "2013-01-20"]  # the anchor stays
    assert times("2013-01-01", "P1ML0", "2013-04-15", with_end=False) == ["2013-01-01", "2013-02-01", "2013-03-01"]


def test_techspec_3_3_end_of_month_moves_a_short_months_end_and_same_day_keeps_the_day() -> None:
    april = ("2013-04-30", "P1ML1", "2013-08-01")
    assert times(*april, end_of_month=True)[:4] == ["2013-04-30", "2013-05-31", "2013-06-30", "2013-07-31"]
    assert times(*april)[:4] == ["2013-04-30", "2013-05-30", "2013-06-30", "2013-07-30"]
    january = ("2012-01-31", "P1ML1", "2012-05-01")
    months = ["2012-01-31", "2012-02-29", "2012-03-31", "2012-04-30"]
    assert times(*january)[:4] == times(*january, end_of_month=True)[:4] == months
    assert times("2013-02-28", "P2WL1", "2013-03-20", end_of_month=True)[1] == "2013-03-14"
    assert times("2013-03-30", "P1ML1", "2013-05-01", end_of_month=True)[1] == "2013-04-30"


def test_a_schedule_without_an_end_is_its_start_and_without_a_cycle_start_and_end() -> None:
    assert schedule(None, None, None) == []
    assert schedule(7, parse_cycle("P1DL1"), None) == [7]
    assert schedule(7, None, 9) == [7, 9]
    assert schedule(7, None, 9, with_end=False) == [7]
    assert schedule(None, None, 9) == schedule(9, None, 9) == schedule(10, parse_cycle("P1DL1"), 9) == [9]


def test_a_schedule_of_ages_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 100000 times"):
        times("0001-01-01", "P1DL1", "2013-01-01")
