"""Calculation `outlier`: is an observation abnormal, or which ones of a series were."""

from fractions import Fraction

from pydantic import Field

from api.calculations.fields import Exact, Inputs, NonNegative, PositiveCount
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import not_computable, plain_text
from engines.outlier import FACTOR, WINDOW, ZERO, OutlierCheck, check_outlier


class Rule(Inputs):
    floor: NonNegative = Field(default=ZERO, description="change that alerts where the history does not vary")
    window: PositiveCount = WINDOW
    factor: NonNegative = FACTOR


class Observation(Rule):
    history: list[Exact] = Field(description="oldest first, without the value")
    value: Exact


class Series(Rule):
    """Each observation against those before it."""

    series: list[Exact] = Field(description="oldest first")


def _of_observation(inputs: Observation) -> Result:
    found = _check(inputs, inputs.history, inputs.value)
    return _row(inputs.value, found) | not_computable([] if found.observations else ["there is no history"])


def _of_series(inputs: Series) -> Result:
    found = [_check(inputs, inputs.series[:at], value) for at, value in enumerate(inputs.series)]
    return {
        "outliers": [at for at, one in enumerate(found) if one.is_outlier],
        "series": [_row(value, one) for value, one in zip(inputs.series, found, strict=True)],
    }


def _check(inputs: Rule, history: list[Fraction], value: Fraction) -> OutlierCheck:
    return check_outlier(history, value, floor=inputs.floor, window=inputs.window, factor=inputs.factor)


def _row(value: Fraction, found: OutlierCheck) -> Result:
    parts = {"median": found.median, "median_absolute_deviation": found.deviation, "threshold": found.threshold}
    return {
        "value": plain_text(value),
        "is_outlier": found.is_outlier,
        "observations": found.observations,
        **{name: None if part is None else plain_text(part) for name, part in parts.items()},
    }


CALCULATION = Calculation(
    "outlier",
    "Abnormal observation: distance from the median of the last 60 in median absolute deviations (LIQ-08).",
    (Variant("observation", Observation, _of_observation), Variant("series", Series, _of_series)),
    sheets_of("value", "median", "median_absolute_deviation", "threshold"),
)
