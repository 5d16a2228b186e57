"""Calculation `withdrawal_forecast`: large withdrawals to expect, at worst, and how many were announced."""

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from pydantic import Field

from api.calculations.fields import Day, Inputs, Name, NonNegative, PositiveCount, Share
from api.calculations.ratio_results import AVERAGE_DIGITS, ratio_keys
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import decimal_text, not_computable, plain_text
from engines.primitives.errors import InvalidInput
from engines.withdrawal_forecast import (
    PROBABILITY_BY_STATUS,
    WEEKS,
    ZERO,
    Reservation,
    Status,
    WithdrawalForecast,
    hit_rate,
    same_weekdays,
    withdrawal_forecast,
)


class Announced(Inputs):
    status: Status
    amount: NonNegative
    executed_amount: NonNegative = ZERO


class DatedReservation(Announced):
    value_date: Day
    ccy: Name = "CNY"
    organisation: Name = ""


class Withdrawal(Inputs):
    """A large one that nobody had announced."""

    date: Day
    amount: NonNegative
    ccy: Name = "CNY"
    organisation: Name = ""


class Executed(Inputs):
    """Large withdrawals of a period, for the hit rate."""

    reserved: list[NonNegative]
    unreserved: list[NonNegative]


class Common(Inputs):
    draft_probability: Share = PROBABILITY_BY_STATUS["draft"]
    submitted_probability: Share = PROBABILITY_BY_STATUS["submitted"]
    approved_probability: Share = Field(
        default=PROBABILITY_BY_STATUS["approved"], description="also of what is left of partial ones"
    )
    executed: Executed | None = None


class OneDay(Common):
    """One day, one currency."""

    reservations: list[Announced] = Field(description="for that day")
    unreserved: list[NonNegative] = Field(description="totals of the same weekday in the last weeks")


class Calendar(Common):
    """Several days; a row for all organisations and, where they are named, for each."""

    as_of: Day = Field(description="last day of the history")
    days: list[Day]
    reservations: list[DatedReservation]
    history: list[Withdrawal]
    history_from: Day | None = Field(default=None, description="default: the first day in it; later days count as 0")
    weeks: PositiveCount = WEEKS


def _one_day(inputs: OneDay) -> Result:
    lines = [_reservation(line) for line in inputs.reservations]
    found = withdrawal_forecast(lines, inputs.unreserved, _probabilities(inputs))
    return _figures(found) | _hit_rate(inputs)


def _calendar(inputs: Calendar) -> Result:
    for at, line in enumerate(inputs.history):
        if line.date > inputs.as_of:
            record = f"history[{at}]"
            raise InvalidInput("is after as_of", field=f"{record}.date", record=record)
    first = inputs.history_from or min((line.date for line in inputs.history), default=inputs.as_of)
    everything: list[DatedReservation | Withdrawal] = [*inputs.reservations, *inputs.history]
    rows = []
    for day in sorted(set(inputs.days)):
        weekdays = same_weekdays(day, inputs.as_of, first, inputs.weeks)
        for currency in sorted({line.ccy for line in everything}):
            named = sorted({line.organisation for line in everything if line.ccy == currency and line.organisation})
            for organisation in (None, *named):
                found = _of_cell(inputs, day, weekdays, currency, organisation)
                cell = {"date": day.isoformat(), "ccy": currency, "organisation": organisation}
                rows.append(cell | _figures(found))
    return {"days": rows} | _hit_rate(inputs)


def _of_cell(
    inputs: Calendar, day: date, weekdays: Sequence[date], currency: str, organisation: str | None
) -> WithdrawalForecast:
    def is_inside(line: DatedReservation | Withdrawal) -> bool:
        return line.ccy == currency and organisation in (None, line.organisation)

    lines = [line for line in inputs.reservations if is_inside(line) and line.value_date == day]
    history = [line for line in inputs.history if is_inside(line)]
    totals = [sum((line.amount for line in history if line.date == one), ZERO) for one in weekdays]
    return withdrawal_forecast([_reservation(line) for line in lines], totals, _probabilities(inputs))


def _reservation(line: Announced) -> Reservation:
    return Reservation(line.status, line.amount, line.executed_amount)


def _probabilities(inputs: Common) -> Mapping[Status, Fraction]:
    return {
        "draft": inputs.draft_probability,
        "submitted": inputs.submitted_probability,
        "approved": inputs.approved_probability,
        "partial": inputs.approved_probability,
    }


def _figures(found: WithdrawalForecast) -> dict[str, Any]:
    return {
        "base": decimal_text(found.usual, AVERAGE_DIGITS),
        "reserved_expected": plain_text(found.reserved_expected),
        "expected": decimal_text(found.expected, AVERAGE_DIGITS),
        "reserved_open": plain_text(found.reserved_open),
        "worst": plain_text(found.worst),
        "weeks_of_history": found.weeks,
    }


def _hit_rate(inputs: Common) -> dict[str, Any]:
    if inputs.executed is None:
        return {}
    found = hit_rate(inputs.executed.reserved, inputs.executed.unreserved)
    reasons = [] if found.by_count.denominator else ["there was no large withdrawal"]
    if not reasons and not found.by_amount.denominator:
        reasons = ["the large withdrawals are 0"]
    shown = ratio_keys("hit_rate_amount", found.by_amount) | ratio_keys("hit_rate_count", found.by_count)
    return shown | not_computable(reasons)


CALCULATION = Calculation(
    "withdrawal_forecast",
    "Large withdrawals to expect and at worst, by day, currency and organisation; hit rate (LIQ-03).",
    (Variant("day", OneDay, _one_day), Variant("calendar", Calendar, _calendar)),
    sheets_of("base", "reserved_expected", "expected", "reserved_open", "worst"),
)
