"""Calculation `model_backtest`: does a model fail as often as it states, and how far are its forecasts off."""

from fractions import Fraction
from typing import Any

from pydantic import Field

from api.calculations.accuracy_results import accuracy_result
from api.calculations.fields import Count, Exact, Inputs, PositiveCount, Share
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import decimal_text, number_text, percent_text
from engines.forecast_accuracy import forecast_accuracy
from engines.model_backtest import CRITICAL_VALUE, BandForecast, KupiecTest, exceptions_of, kupiec
from engines.primitives.errors import InvalidInput

DIGITS = 6


class Exceptions(Inputs):
    """Of a quantile or band that the model states."""

    observations: PositiveCount
    exceptions: Count
    probability: Share = Field(description="of an exception, as the model states it: 0.01 for a 99% quantile")


class ForecastLine(Inputs):
    """With an edge of the band, or both, an actual beyond it is an exception."""

    forecast: Exact
    actual: Exact
    lower: Exact | None = None
    upper: Exact | None = None


class Forecasts(Inputs):
    forecasts: list[ForecastLine]
    probability: Share | None = Field(default=None, description="of an exception; adds the test of the band")


def _of_exceptions(inputs: Exceptions) -> Result:
    return _verdict(kupiec(inputs.observations, inputs.exceptions, inputs.probability))


def _of_forecasts(inputs: Forecasts) -> Result:
    lines = inputs.forecasts
    accuracy = forecast_accuracy([line.forecast for line in lines], [line.actual for line in lines])
    result: Result = {"forecasts": len(lines), **accuracy_result(accuracy)}
    if inputs.probability is None:
        return result
    for at, line in enumerate(lines):
        if line.lower is None and line.upper is None:
            record = f"forecasts[{at}]"
            raise InvalidInput("the band has no edge", field=f"{record}.lower", record=record)
    places = exceptions_of([BandForecast(line.actual, line.lower, line.upper) for line in lines])
    result["exceptions_at"] = places
    if not lines:  # then the accuracy has said so already
        return result | {"likelihood_ratio": None, "verdict": None}
    return result | _verdict(kupiec(len(lines), len(places), inputs.probability))


def _verdict(found: KupiecTest) -> dict[str, Any]:
    return {
        "observations": found.observations,
        "exceptions": found.exceptions,
        "exception_rate_pct": percent_text(found.exception_rate),
        "likelihood_ratio": decimal_text(Fraction(found.likelihood_ratio), DIGITS),
        "critical_value": number_text(CRITICAL_VALUE),
        "p_value": decimal_text(Fraction(found.p_value), DIGITS),
        "verdict": "REJECT" if found.is_rejected else "ACCEPT",
        "finding": found.finding,
    }


CALCULATION = Calculation(
    "model_backtest",
    "Back-test of a model: Kupiec's test of its exceptions, WAPE and bias of its forecasts (LIQ-63).",
    (Variant("exceptions", Exceptions, _of_exceptions), Variant("forecasts", Forecasts, _of_forecasts)),
    sheets_of(),
)
