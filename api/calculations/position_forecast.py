"""Calculation `position_forecast`: the position of the next days with its band, and how good past forecasts were."""

from collections import defaultdict
from fractions import Fraction
from typing import Any

from pydantic import Field

from api.calculations.accuracy_results import accuracy_result
from api.calculations.fields import Day, Exact, Inputs, NonNegative, PositiveCount, Share
from api.calculations.ratio_results import AVERAGE_DIGITS
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import decimal_text, plain_text
from engines.forecast_accuracy import forecast_accuracy
from engines.position_forecast import (
    ERRORS_MIN,
    HIGH,
    LOW,
    ZERO,
    DayFlows,
    position_bands,
    position_path,
    smoothed_level,
)
from engines.primitives.errors import InvalidInput


class DayLine(Inputs):
    """What a day adds; an absent `behavioural_net` is the smoothed level, or 0 without `smoothing`."""

    date: Day | None = None
    contractual_in: NonNegative = ZERO
    contractual_out: NonNegative = ZERO
    behavioural_net: Exact | None = None
    reservations: NonNegative = ZERO
    planned_net: Exact = ZERO
    required_reserve_change: Exact = ZERO


class Smoothing(Inputs):
    alpha: Share
    level: Exact = Field(description="before the first observation")
    observations: list[Exact] = Field(description="oldest first")


class PastForecast(Inputs):
    step: PositiveCount = Field(description="days ahead: 1 is the first day after the forecast was made")
    forecast: Exact
    actual: Exact


class Path(Inputs):
    """`past` adds a band from past errors and their accuracy, `actuals` the accuracy of this very path."""

    opening: Exact = Field(description="projected end-of-day position of today")
    days: list[DayLine]
    smoothing: Smoothing | None = None
    past: list[PastForecast] = Field(default=[])
    band_low: Share = LOW
    band_high: Share = HIGH
    errors_min: PositiveCount = Field(default=ERRORS_MIN, description="a step with fewer past errors has no band")
    actuals: list[Exact] | None = Field(default=None, description="one for each day")


class Pairs(Inputs):
    forecasts: list[Exact]
    actuals: list[Exact]


def _path(inputs: Path) -> Result:
    level = None if inputs.smoothing is None else _level(inputs.smoothing)
    path = position_path(inputs.opening, [_flows(line, level or ZERO) for line in inputs.days])
    errors: dict[int, list[Fraction]] = defaultdict(list)
    for one in inputs.past:
        errors[one.step].append(one.forecast - one.actual)
    bands = position_bands(path, errors, low=inputs.band_low, high=inputs.band_high, errors_min=inputs.errors_min)
    rows = []
    for at, (line, position, band) in enumerate(zip(inputs.days, path, bands, strict=True)):
        row: dict[str, Any] = {"day": at + 1, "date": None if line.date is None else line.date.isoformat()}
        before = path[at - 1] if at else inputs.opening
        row |= {"net": _amount(position - before), "position": _amount(position)}
        edges = {"low": band.low, "high": band.high}
        row |= {name: None if edge is None else _amount(edge) for name, edge in edges.items()}
        rows.append(row | {"errors_used": band.errors_used})
    result: Result = {"closing": _amount(path[-1] if path else inputs.opening), "path": rows}
    if level is not None:
        result["behavioural_level"] = _amount(level)
    if inputs.past:
        past = forecast_accuracy([one.forecast for one in inputs.past], [one.actual for one in inputs.past])
        result["past"] = accuracy_result(past)
    if inputs.actuals is not None:
        if len(inputs.actuals) != len(path):
            raise InvalidInput("want an actual for each day", field="actuals")
        result["accuracy"] = accuracy_result(forecast_accuracy(path, inputs.actuals))
    return result


def _flows(line: DayLine, level: Fraction) -> DayFlows:
    return DayFlows(
        contractual_in=line.contractual_in,
        contractual_out=line.contractual_out,
        reservations=line.reservations,
        behavioural_net=level if line.behavioural_net is None else line.behavioural_net,
        planned_net=line.planned_net,
        required_reserve_change=line.required_reserve_change,
    )


def _level(inputs: Smoothing) -> Fraction:
    return smoothed_level(inputs.level, inputs.observations, inputs.alpha)


def _smoothing(inputs: Smoothing) -> Result:
    return {"level": _amount(_level(inputs))}


def _pairs(inputs: Pairs) -> Result:
    return accuracy_result(forecast_accuracy(inputs.forecasts, inputs.actuals))


def _amount(value: Fraction) -> str:
    """All digits of a day's sums; a level smoothed over years has hundreds, and is shown with six."""
    return plain_text(value) if value.denominator <= 10**AVERAGE_DIGITS else decimal_text(value, AVERAGE_DIGITS)


CALCULATION = Calculation(
    "position_forecast",
    "Position of the next days with a band from past errors; smoothing, WAPE and bias (LIQ-04).",
    (Variant("path", Path, _path), Variant("smoothing", Smoothing, _smoothing), Variant("accuracy", Pairs, _pairs)),
    sheets_of("net", "position", "low", "high"),
)
