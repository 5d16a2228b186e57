"""Year fractions Y(s, t) under the day count conventions of the ACTUS dictionary.

Each is an integer numerator and one division, so that an int and an int64 array give the same float64 (Q18).
Days come from `dates.accrual_day`. The order of days is free: Y(t, s) is -Y(s, t) where the convention allows it.
Source: techspec 3.6 Year Fraction Convention; dictionary, term dayCountConvention (IPDC).
"""

from typing import overload

import numpy as np
from numpy.typing import NDArray

from engines.actus.arithmetic import Integers, lesser
from engines.actus.dates import civil, is_month_end

CONVENTIONS = ("AA", "A360", "A365", "30E360ISDA", "30E360", "28E336")


@overload
def year_fraction(start: int, end: int, convention: str, maturity: int) -> float: ...
@overload
def year_fraction(
    start: NDArray[np.int64], end: NDArray[np.int64], convention: str, maturity: NDArray[np.int64]
) -> NDArray[np.float64]: ...


def year_fraction(start: Integers, end: Integers, convention: str, maturity: Integers) -> float | NDArray[np.float64]:
    """The part of a year from one day to another.

    Args:
        start, end, maturity: days since 1970-01-01, ints or arrays of one shape; only 30E360ISDA reads `maturity`.
        convention: one of CONVENTIONS.
    """
    numerator, denominator = year_fraction_ratio(start, end, convention, maturity)
    return numerator / denominator


def year_fraction_ratio(start: Integers, end: Integers, convention: str, maturity: Integers) -> tuple[Integers, int]:
    """The integer numerator and denominator of `year_fraction`."""
    match convention:
        case "A360":
            return end - start, 360
        case "A365":
            return end - start, 365
        case "AA":
            return _actual_actual(start, end), 365 * 366
        case "30E360":
            return _months_of(start, end, 30), 360
        case "28E336":
            return _months_of(start, end, 28), 336
        case _:
            return _thirty_isda(start, end, maturity), 360


def _months_of(start: Integers, end: Integers, length: int) -> Integers:
    """Days where every month has `length` days and later ones of the month count as the last."""
    (year, month, day), (end_year, end_month, end_day) = civil(start), civil(end)
    months = 12 * (end_year - year) + end_month - month
    return length * months + lesser(end_day, length) - lesser(day, length)


def _thirty_isda(start: Integers, end: Integers, maturity: Integers) -> Integers:
    """30E/360 ISDA: a month's last day is its 30th, but for a last of February that is the maturity."""
    (year, month, day), (end_year, end_month, end_day) = civil(start), civil(end)
    at_maturity_in_february = (1 - lesser(abs(end - maturity), 1)) * (1 - lesser(abs(end_month - 2), 1))
    moved = is_month_end(end) * (1 - at_maturity_in_february)
    days = end_day + moved * (30 - end_day) - day - is_month_end(start) * (30 - day)
    return 360 * (end_year - year) + 30 * (end_month - month) + days


def _actual_actual(start: Integers, end: Integers) -> Integers:
    """Actual/actual ISDA over 365 x 366: days in leap years are 366ths, all others 365ths."""
    in_leap_years = _leap_year_days(end) - _leap_year_days(start)
    return 366 * (end - start) - in_leap_years


def _leap_year_days(day: Integers) -> Integers:
    """How many days before this one lie in leap years, counted from the year 0."""
    year = civil(day)[0]
    before = year - 1
    leap_years = before // 4 - before // 100 + before // 400
    first_day = 365 * before + leap_years - 719_162  # 1 January of `year`
    is_leap = (year // 4 - before // 4) - (year // 100 - before // 100) + (year // 400 - before // 400)
    days: Integers = 366 * leap_years + is_leap * (day - first_day)
    return days
