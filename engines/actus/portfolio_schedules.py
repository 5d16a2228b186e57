"""Schedules of many contracts of one shape: one row a contract, one column a time.

`cycles.schedule` and `Context.event`, said in arrays of whole days. A day's month, its shift to a business day and
its place on the axis of a day count come from tables that the one-contract functions themselves fill.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from engines.actus import day_counts
from engines.actus.calendars import calculates_after_shift, shift_day
from engines.actus.cycles import Cycle
from engines.actus.dates import civil, day_number, is_month_end
from engines.actus.portfolio_columns import ABSENT, DAY_MIN, Days, narrow

YEAR_MIN, YEAR_MAX = 1900, 2300
TABLE_DAYS = np.arange(DAY_MIN - 31, day_number(YEAR_MAX, 12, 31) + 1)
FIRST_DAY = int(TABLE_DAYS[0])
_MONTHS = np.arange(YEAR_MIN * 12 - 12, YEAR_MAX * 12 + 12)
_MONTH_FIRST = int(_MONTHS[0])
MONTH_START = narrow(day_number(_MONTHS // 12, _MONTHS % 12 + 1, 1))
MONTH_DAYS = np.diff(MONTH_START, append=MONTH_START[-1] + 31)
MONTH_OF_DAY = narrow(np.searchsorted(MONTH_START, TABLE_DAYS, side="right") - 1)  # a place in MONTH_START

Flags = NDArray[np.bool_]


@cache
def shift_table(convention: str) -> Days:
    """The business day of each of TABLE_DAYS."""
    return narrow(TABLE_DAYS if convention == "NOS" else shift_day(TABLE_DAYS, convention, "MF"))


@cache
def axis_table(day_count: str | None) -> tuple[Days, Days, int]:
    """Each of TABLE_DAYS as a place on the axis of a day count, the same were it the maturity, and the denominator.

    Every convention counts from place to place: Y(s, t) is (place of t - place of s) / denominator, where t takes its
    place as the maturity if it is it (30E360ISDA).
    """
    if day_count is None:
        zeros = narrow(np.zeros_like(TABLE_DAYS))
        return zeros, zeros, 1
    origin = np.full_like(TABLE_DAYS, day_number(2001, 1, 1))
    axis, denominator = day_counts.year_fraction_ratio(origin, TABLE_DAYS, day_count, np.full_like(origin, ABSENT))
    as_maturity, _ = day_counts.year_fraction_ratio(origin, TABLE_DAYS, day_count, TABLE_DAYS)
    return narrow(axis), narrow(as_maturity), denominator


def at(table: Days, days: Days) -> Days:
    """A table's entries for days."""
    found: Days = table[days - FIRST_DAY]
    return found


@dataclass(frozen=True, slots=True)
class Conventions:
    """Business days and day count of a shape."""

    end_of_month: bool
    convention: str
    day_count: str | None

    def shift(self, days: Days) -> Days:
        """When an event scheduled on a day happens."""
        return days if self.convention == "NOS" else at(shift_table(self.convention), days)

    def counted(self, days: Days) -> Days:
        """The day for which year fractions count an event scheduled on a day: `Context.day`."""
        return self.shift(days) if calculates_after_shift(self.convention) else days

    def axis(self, days: Days) -> Days:
        """The place on the axis of the day count of a day that year fractions count, as the start of a period."""
        return at(axis_table(self.day_count)[0], days)

    def axis_end(self, days: Days, maturity: Days) -> Days:
        """As the end of a period, `maturity` being the day of the maturity."""
        axis, as_maturity, _ = axis_table(self.day_count)
        places = at(axis, days)
        if self.day_count == "30E360ISDA":
            places = np.where(days == maturity, at(as_maturity, days), places)
        return places

    @property
    def denominator(self) -> int:
        return axis_table(self.day_count)[2]


def after(days: Days, cycle: Cycle, times: Days | int, *, end_of_month: bool) -> Days:
    """`Period.after` for days: so many cycles later, counted from each day itself. Shapes broadcast."""
    if not cycle.months:
        return days + cycle.days * times
    month, day_of_month = _month(days, end_of_month=end_of_month)
    return _in_month(month + cycle.months * times, day_of_month)


def _month(days: Days, *, end_of_month: bool) -> tuple[Days, Days]:
    """The month, counted from the year 0, and the day of the month to keep: 31 or more keeps a month's end."""
    year, month, day_of_month = civil(days)
    kept = day_of_month + 31 * is_month_end(days) if end_of_month else day_of_month
    return year * 12 + month - 1, kept


def _in_month(month: Days, day_of_month: Days) -> Days:
    # Beyond the tables lies only what comes after every maturity.
    place = np.minimum(month - _MONTH_FIRST, len(MONTH_START) - 1)
    moved: Days = MONTH_START[place] + np.minimum(day_of_month, MONTH_DAYS[place]) - 1
    return moved


def passed(start: Days, cycle: Cycle, day: Days, *, end_of_month: bool) -> Days:
    """How many of the times start, start + c, start + 2c, ... lie on or before a day."""
    if not cycle.months:
        by_days: Days = np.maximum((day - start) // cycle.days + 1, 0)
        return by_days
    whole = (_month(day, end_of_month=False)[0] - _month(start, end_of_month=False)[0]) // cycle.months
    whole = np.maximum(whole, -1)
    reached: Days = (
        whole + (after(start, cycle, whole, end_of_month=end_of_month) <= day) * (whole >= 0) + (whole < 0)
    )
    return reached
