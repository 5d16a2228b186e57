"""Core liabilities: what stays at least three months, and the part of demand deposits that never left (LIQ-25).

The ratio to total liabilities is an indicator of the supervisor; the behavioural core with decay, for views of the
maturity gap, is `engines.behaviour`.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

from engines.indicators import Ratio
from engines.primitives.errors import InvalidInput

HISTORY_MONTHS = 12
CORE_MONTHS = 3
DEMAND_SHARE = Fraction(1, 2)  # of the supervisory variant: half of demand deposits count


@dataclass(frozen=True, slots=True)
class Closing:
    """A closing balance; it stands until the next one."""

    day: date
    balance: Fraction


@dataclass(frozen=True, slots=True)
class DemandLow:
    """The lowest closing balance of the twelve months, and how much of them the history covers."""

    balance: Fraction | None  # null: no closing at all
    is_complete: bool  # a closing stands on the first day of the window
    closings: int  # used: those in the window and the one in force when it opens
    longest_gap_days: int  # between two closings used, or from the last to the date: a low in between is not seen


def core_liability_ratio(
    time_deposits_3m: Fraction, issued_bonds_3m: Fraction, demand_core: Fraction, total_liabilities: Fraction
) -> Ratio:
    """Time deposits and bonds with three months or more left and the core of demand deposits, over liabilities.

    Source: LIQ-25.
    """
    return Ratio(time_deposits_3m + issued_bonds_3m + demand_core, total_liabilities)


def months_from(day: date, months: int) -> date:
    """The same day of the month, `months` later or (negative) earlier; the month's last where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def is_core_term(maturity: date, as_of: date) -> bool:
    """Three calendar months or more left, the day itself included (spec section 1, Days)."""
    return maturity >= months_from(as_of, CORE_MONTHS)


def demand_low(history: Sequence[Closing], as_of: date) -> DemandLow:
    """The lowest demand-deposit balance from `as_of` less twelve months to `as_of`, both included.

    Raises:
        InvalidInput: a closing after `as_of`, a negative balance, or a day that stands twice.
    Source: LIQ-25.
    """
    seen: set[date] = set()
    for at, closing in enumerate(history):
        record = f"demand_balances[{at}]"
        if closing.day > as_of:
            raise InvalidInput(f"{closing.day} is after {as_of}", field=f"{record}.date", record=record)
        if closing.day in seen:
            raise InvalidInput(f"{closing.day} has two balances", field=f"{record}.date", record=record)
        if closing.balance < 0:
            raise InvalidInput("a balance is negative", field=f"{record}.balance", record=record)
        seen.add(closing.day)
    opens = months_from(as_of, -HISTORY_MONTHS)
    ordered = sorted(history, key=lambda closing: closing.day)
    before = [closing for closing in ordered if closing.day <= opens]
    used = before[-1:] + [closing for closing in ordered if closing.day > opens]
    if not used:
        return DemandLow(None, is_complete=False, closings=0, longest_gap_days=0)
    days = [closing.day for closing in used] + [as_of]
    gap = max((later - earlier for earlier, later in pairwise(days)), default=timedelta())
    return DemandLow(min(closing.balance for closing in used), bool(before), len(used), gap.days)
