"""Calculation `trend`: slope of an indicator, and the days until its limit is met if it goes on like that."""

from fractions import Fraction

from pydantic import Field

from api.calculations.fields import Day, Exact, Inputs, Name, PositiveCount
from api.calculations.rate_fields import placed
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import decimal_or_null, exact_text, not_computable, plain_text
from engines.primitives.errors import InvalidInput
from engines.trend import days_to_breach, trend

DIGITS = 6


class Indicator(Inputs):
    """Values and limits alike, as per cent or as fractions."""

    values: list[Exact] = Field(min_length=1, description="oldest first")
    dates: list[Day] | None = Field(default=None, description="one for each value; default: a value a day")
    minimum: Exact | None = None
    maximum: Exact | None = None
    last_observations: PositiveCount | None = Field(default=None, description="use so many; default: all")
    horizon_days: PositiveCount | None = Field(default=None, description="adds the value after so many days")


class NamedIndicator(Indicator):
    metric: Name


class Indicators(Inputs):
    metrics: list[NamedIndicator]


def _of_indicators(inputs: Indicators) -> Result:
    rows = []
    for at, one in enumerate(inputs.metrics):
        with placed(f"metrics[{at}]"):
            rows.append({"metric": one.metric, **_of_indicator(one)})
    return {"metrics": rows}


def _of_indicator(inputs: Indicator) -> Result:
    if inputs.dates is not None and len(inputs.dates) != len(inputs.values):
        raise InvalidInput("want a date for each value", field="dates")
    days = range(len(inputs.values)) if inputs.dates is None else [day.toordinal() for day in inputs.dates]
    trend(days, inputs.values)  # what is wrong is named by its place in the input, not among those used
    used = -(inputs.last_observations or len(inputs.values))
    found = trend(days[used:], inputs.values[used:])
    result: Result = {
        "observations": len(inputs.values[used:]),
        "last": plain_text(found.last),
        "slope": decimal_or_null(found.slope.value, DIGITS),
        "slope_exact": exact_text(found.slope.value),
        "r_squared": decimal_or_null(found.r_squared.value, DIGITS),
        "days_to_breach": days_to_breach(found, inputs.minimum, inputs.maximum),
        "is_breached": _is_breached(inputs, found.last),
    }
    if inputs.horizon_days is not None:
        result["value_at_horizon"] = decimal_or_null(found.value_after(inputs.horizon_days), DIGITS)
    return result | not_computable([] if found.slope.denominator else ["one day was observed, so there is no slope"])


def _is_breached(inputs: Indicator, last: Fraction) -> bool:
    is_below = inputs.minimum is not None and last < inputs.minimum
    return is_below or (inputs.maximum is not None and last > inputs.maximum)


CALCULATION = Calculation(
    "trend",
    "Least-squares slope of indicators and days until a limit is breached (LIQ-41).",
    (Variant("indicator", Indicator, _of_indicator), Variant("indicators", Indicators, _of_indicators)),
    sheets_of("last", "slope", "r_squared", "value_at_horizon"),
)
