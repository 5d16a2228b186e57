"""Calculation `funding_gap`: loans that core deposits do not fund, and what must be borrowed."""

from fractions import Fraction

from pydantic import Field

from api.calculations.fields import Day, Inputs, NonNegative
from api.calculations.ratio_results import AVERAGE_DIGITS
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import decimal_text, exact_text
from engines.liquidity_need import FundingGap, daily_average


class Averages(Inputs):
    """Daily averages over the reporting period are known."""

    average_loans: NonNegative
    average_core_deposits: NonNegative
    liquid_assets: NonNegative


class ClosingLine(Inputs):
    date: Day
    loans: NonNegative
    core_deposits: NonNegative


class Closings(Inputs):
    """Daily closings from the first day of the period; a day without one keeps the balance before it."""

    closings: list[ClosingLine]
    period_end: Day
    liquid_assets: NonNegative = Field(description="at the end of the period")


def _of_averages(inputs: Averages) -> Result:
    return _result(FundingGap(inputs.average_loans, inputs.average_core_deposits, inputs.liquid_assets))


def _of_closings(inputs: Closings) -> Result:
    loans = daily_average([(line.date, line.loans) for line in inputs.closings], inputs.period_end)
    core = daily_average([(line.date, line.core_deposits) for line in inputs.closings], inputs.period_end)
    return _result(FundingGap(loans, core, inputs.liquid_assets))


def _result(found: FundingGap) -> Result:
    def text(value: Fraction) -> str:
        return decimal_text(value, AVERAGE_DIGITS)

    return {
        "average_loans": text(found.average_loans),
        "average_core_deposits": text(found.average_core_deposits),
        "funding_gap": text(found.gap),
        "funding_gap_exact": exact_text(found.gap),
        "borrowing_need": text(found.borrowing_need),
        "borrowing_need_exact": exact_text(found.borrowing_need),
    }


CALCULATION = Calculation(
    "funding_gap",
    "Average loans less average core deposits, and the borrowing need (LIQ-30).",
    (Variant("averages", Averages, _of_averages), Variant("closings", Closings, _of_closings)),
)
