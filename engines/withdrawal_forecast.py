"""Large withdrawals of the days ahead: what reservations and the same weekday of past weeks let expect (LIQ-03).

Not for the approval of a reservation, nor for the outstanding ones of the live position: `projections.reservations`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from types import MappingProxyType
from typing import Literal

from engines.indicators import Ratio
from engines.primitives.errors import InvalidInput

Status = Literal["draft", "submitted", "approved", "partial", "executed", "rejected", "cancelled", "expired"]

#: How likely a reserved withdrawal is to come, by status. Others are closed: nothing is to come.
PROBABILITY_BY_STATUS: Mapping[Status, Fraction] = MappingProxyType(
    {
        "draft": Fraction(20, 100),
        "submitted": Fraction(60, 100),
        "approved": Fraction(95, 100),
        "partial": Fraction(95, 100),  # approved: what is left of it may still come
    }
)
WEEKS = 4
ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Amounts in one currency, >= 0. `executed` is the part already withdrawn."""

    status: Status
    amount: Fraction
    executed: Fraction = ZERO

    @property
    def outstanding(self) -> Fraction:
        """More executed than reserved is not an error: nothing is outstanding then."""
        return max(ZERO, self.amount - self.executed) if self.status in PROBABILITY_BY_STATUS else ZERO


@dataclass(frozen=True, slots=True)
class WithdrawalForecast:
    """Outflows of one day, >= 0. Without history both parts that come from it are 0, and `weeks` says so."""

    weeks: int  # how many same weekdays the history had
    usual: Fraction  # mean of the unreserved withdrawals on them
    highest: Fraction  # the most of them
    reserved_expected: Fraction
    reserved_open: Fraction

    @property
    def expected(self) -> Fraction:
        return self.reserved_expected + self.usual

    @property
    def worst(self) -> Fraction:
        return self.reserved_open + self.highest


def withdrawal_forecast(
    reservations: Sequence[Reservation],
    unreserved: Sequence[Fraction],
    probabilities: Mapping[Status, Fraction] = PROBABILITY_BY_STATUS,
) -> WithdrawalForecast:
    """Expected and worst outflow of one day, one currency and one organisation.

    `expected = sum of outstanding * p(status) + mean(unreserved)`, `worst = sum of outstanding + max(unreserved)`.
    Worst cases of two organisations do not add up to that of both: forecast those from both together.

    Args:
        reservations: for that day.
        unreserved: totals of that weekday in the last weeks, each >= 0; of days without a withdrawal 0.
        probabilities: of each open status, 0..1.
    Raises:
        InvalidInput: a negative amount, a probability outside 0..1 or missing.
    Source: LIQ-03.
    """
    for status in PROBABILITY_BY_STATUS:
        if not 0 <= probabilities.get(status, Fraction(-1)) <= 1:
            raise InvalidInput("want a probability from 0 to 1", field=f"probabilities.{status}")
    for at, one in enumerate(reservations):
        if one.amount < 0 or one.executed < 0:
            record, wrong = f"reservations[{at}]", "amount" if one.amount < 0 else "executed"
            raise InvalidInput("an amount is negative", field=f"{record}.{wrong}", record=record)
    if any(amount < 0 for amount in unreserved):
        raise InvalidInput("an amount is negative", field="history")
    return WithdrawalForecast(
        weeks=len(unreserved),
        usual=sum(unreserved, ZERO) / len(unreserved) if unreserved else ZERO,
        highest=max(unreserved, default=ZERO),
        reserved_expected=sum(
            (probabilities[one.status] * one.outstanding for one in reservations if one.outstanding), ZERO
        ),
        reserved_open=sum((one.outstanding for one in reservations), ZERO),
    )


def same_weekdays(day: date, as_of: date, first: date, weeks: int = WEEKS) -> list[date]:
    """Days of the history with the weekday of `day`: the last `weeks` of them up to `as_of`, newest first.

    Args:
        day: forecast for, after `as_of`.
        as_of: the last day of the history; first: its first day: none before it is returned.
    Raises:
        InvalidInput: `day` is not after `as_of`, or no week is asked for.
    """
    if day <= as_of:
        raise InvalidInput("want a day after as_of", field="days")
    if weeks < 1:
        raise InvalidInput("want one week or more", field="weeks")
    newest = as_of - timedelta(days=(as_of.weekday() - day.weekday()) % 7)
    found = [newest - timedelta(weeks=back) for back in range(weeks)]
    return [one for one in found if one >= first]


@dataclass(frozen=True, slots=True)
class HitRate:
    """How much of the large withdrawals had been announced; values are null where there was none."""

    by_amount: Ratio
    by_count: Ratio


def hit_rate(reserved: Collection[Fraction], unreserved: Collection[Fraction]) -> HitRate:
    """`reserved executed / all large executed`, of the amounts that left in a period. Source: LIQ-03."""
    announced = sum(reserved, ZERO)
    return HitRate(
        Ratio(announced, announced + sum(unreserved, ZERO)),
        Ratio(Fraction(len(reserved)), Fraction(len(reserved) + len(unreserved))),
    )
