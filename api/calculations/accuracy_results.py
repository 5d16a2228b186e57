"""How the accuracy of forecasts is shown: null, with the reason, where there is nothing to divide by."""

from typing import Any

from api.calculations.ratio_results import AVERAGE_DIGITS
from api.calculations.texts import decimal_or_null, exact_text, not_computable, percent_text
from engines.forecast_accuracy import ForecastAccuracy


def accuracy_result(found: ForecastAccuracy) -> dict[str, Any]:
    reasons = []
    if not found.bias.denominator:
        reasons.append("there is no forecast")
    elif not found.wape.denominator:
        reasons.append("every actual is 0")
    return {
        "wape_pct": percent_text(found.wape.value),
        "wape_exact": exact_text(found.wape.value),
        "bias": decimal_or_null(found.bias.value, AVERAGE_DIGITS),
        "bias_exact": exact_text(found.bias.value),
        "mean_absolute_error": decimal_or_null(found.mean_absolute_error.value, AVERAGE_DIGITS),
    } | not_computable(reasons)
