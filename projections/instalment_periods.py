"""The payment periods of many level loans, as year fractions, in one flat column.

From the tables of the vectorised engine where these reach (1900 to 2300), else by its functions for single days; both
give the same numbers.
"""

import numpy as np
from numpy.typing import NDArray

from engines.actus.dates import add_months, civil
from engines.actus.day_counts import year_fraction
from engines.actus.portfolio_columns import DAY_MAX, DAY_MIN
from engines.actus.portfolio_schedules import MONTH_DAYS, MONTH_START, YEAR_MIN, Conventions
from projections.contract_terms import ACTUS_DAY_COUNTS, Integers, Table

_MONTH_FIRST = (YEAR_MIN - 1) * 12  # of the tables, counted from the year 0


def level_periods(terms: Table, payments: Integers) -> NDArray[np.float64]:
    """Year fractions between payments every `months` from the start, the last one at maturity.

    Args:
        terms: start_day, maturity_day, months, day_count.
        payments: how many each contract has, >= 1.
    Returns:
        float64, one element a payment, contract after contract.
    """
    row = np.repeat(np.arange(len(payments)), payments)
    first = np.cumsum(payments) - payments
    ahead = (np.arange(len(row)) - first[row] + 1) * terms["months"][row]
    start, maturity = terms["start_day"], terms["maturity_day"]
    in_tables = bool(np.all((start >= DAY_MIN) & (maturity <= DAY_MAX)))
    ends = _later(start, ahead, row) if in_tables else add_months(start[row], ahead)
    ends[first + payments - 1] = maturity
    starts = np.empty_like(ends)
    starts[1:] = ends[:-1]
    starts[first] = start
    fractions = np.zeros(len(row))
    day_count = terms["day_count"][row]
    for place, convention in enumerate(ACTUS_DAY_COUNTS):
        at = np.flatnonzero(day_count == place)
        if not len(at):
            continue
        days = starts[at], ends[at], maturity[row[at]]
        if in_tables:
            axis = Conventions(end_of_month=False, convention="NOS", day_count=convention)
            fractions[at] = (axis.axis_end(days[1], days[2]) - axis.axis(days[0])) / axis.denominator
        else:
            fractions[at] = year_fraction(days[0], days[1], convention, days[2])
    return fractions


def _later(start: Integers, months: Integers, row: Integers) -> Integers:
    """`add_months(start[row], months)`; what is beyond the tables is after every maturity, at their end."""
    year, month, day = civil(start)
    place = np.minimum((year * 12 + month - 1 - _MONTH_FIRST)[row] + months, len(MONTH_START) - 1)
    moved: Integers = MONTH_START[place] + np.minimum(day[row], MONTH_DAYS[place]) - 1
    return moved
