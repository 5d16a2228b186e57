"""How far forecasts were from what happened: WAPE, bias, mean absolute error (LIQ-04, LIQ-63).

Exact, for amounts that are published. The back-test of fitted behaviour models, which is in floats, is
`engines.behaviour_backtest`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from engines.indicators import Ratio
from engines.primitives.errors import InvalidInput

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class ForecastAccuracy:
    """An error is forecast less actual: a positive bias says that forecasts were too high.

    Values are null where there is no forecast; `wape` also where every actual is 0.
    """

    wape: Ratio  # sum of sizes of errors over sum of sizes of actuals
    bias: Ratio  # sum of errors over their number
    mean_absolute_error: Ratio


def forecast_accuracy(forecasts: Sequence[Fraction], actuals: Sequence[Fraction]) -> ForecastAccuracy:
    """Of pairs in the same order, all in one unit.

    Raises:
        InvalidInput: not as many forecasts as actuals.
    Source: LIQ-04, "WAPE = sum abs(f-a) / sum abs(a); bias = mean(f-a)".
    """
    if len(forecasts) != len(actuals):
        raise InvalidInput("want an actual for each forecast", field="actuals", forecasts=len(forecasts))
    errors = [forecast - actual for forecast, actual in zip(forecasts, actuals, strict=True)]
    size = sum((abs(error) for error in errors), ZERO)
    count = Fraction(len(errors))
    return ForecastAccuracy(
        wape=Ratio(size, sum((abs(actual) for actual in actuals), ZERO)),
        bias=Ratio(sum(errors, ZERO), count),
        mean_absolute_error=Ratio(size, count),
    )
