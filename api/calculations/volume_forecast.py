"""Calculation `volume_forecast`: business volumes of coming periods from a base, growth and season."""

from fractions import Fraction

from pydantic import Field

from api.calculations.fields import Day, Exact, Inputs, NonNegative, PositiveCount
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import decimal_text
from engines.liquidity_need import daily_average
from engines.volume_forecast import PERIODS_MAX, volume_forecast

DIGITS = 6


class _Assumptions(Inputs):
    growth: Exact = Field(description="of a period, 0.008 is 0.8%")
    periods: PositiveCount = Field(le=PERIODS_MAX)
    seasons: list[NonNegative] = Field(default=[], description="factors of periods 1, 2, ..., repeated")


class FromBase(_Assumptions):
    """The base is known."""

    base: NonNegative = Field(description="volume of the last period, without its season")


class Closing(Inputs):
    date: Day
    balance: NonNegative


class FromBalances(_Assumptions):
    """The base is the average of daily closings; a day without one keeps the balance before it."""

    closings: list[Closing]
    period_end: Day


def _from_base(inputs: FromBase) -> Result:
    return _forecast(inputs, inputs.base)


def _from_balances(inputs: FromBalances) -> Result:
    closings = [(line.date, line.balance) for line in inputs.closings]
    return _forecast(inputs, daily_average(closings, inputs.period_end))


def _forecast(inputs: _Assumptions, base: Fraction) -> Result:
    rows = [
        {
            "period": one.period,
            "trend": decimal_text(one.trend, DIGITS),
            "season": decimal_text(one.season, DIGITS),
            "volume": decimal_text(one.volume, DIGITS),
            "change": decimal_text(one.change, DIGITS),
        }
        for one in volume_forecast(base, inputs.growth, inputs.seasons, inputs.periods)
    ]
    return {"base": decimal_text(base, DIGITS), "volume": rows[-1]["volume"], "periods": rows}


CALCULATION = Calculation(
    "volume_forecast",
    "Business volumes of coming periods: growth and season on a base (LIQ-51).",
    (Variant("base", FromBase, _from_base), Variant("balances", FromBalances, _from_balances)),
    sheets_of("trend", "volume", "change"),
)
