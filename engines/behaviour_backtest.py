"""Rolling-origin back-test of the behaviour models: fit up to a month, predict the next, compare (LIQ-13, LIQ-63).

Deterministic: no draws, no clock. A model sees only history before its origin; of the months that it predicts it is
given what does not depend on the customers' choice (balances exposed, incentive, amounts maturing), so that the test
is of the behaviour and not of the business volume. Core and decay predict balances and get nothing of those months.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import fsum
from statistics import NormalDist
from types import MappingProxyType

import numpy as np
import polars as pl

from engines.behaviour import Floats
from engines.behaviour_fit import ESTIMATORS, Columns, Fit, checked_history, fit
from engines.primitives.errors import InvalidInput

CORE_SHORTFALL = "core"  # its band is one-sided: only a balance below the core contradicts the model


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Errors are forecast less actual, in the unit of the history.

    `mape` is None when an actual is 0, `wape` (sum of sizes of errors / sum of sizes of actuals) when all are.
    `coverage` is the share of actuals within the band, to be held against the `confidence` that the band states.
    """

    forecasts: int
    mean_absolute_error: float
    mape: float | None
    wape: float | None
    bias: float
    coverage: float
    confidence: float


@dataclass(frozen=True, slots=True)
class BackTest:
    """`forecasts` has a row a forecast: origin (months of history before it), step (1: the next month), predicted,
    lower, upper, actual, error.
    """

    kind: str
    forecasts: pl.DataFrame
    overall: Accuracy
    by_step: tuple[Accuracy, ...]  # step 1 first


def back_test(
    kind: str,
    history: Columns,
    *,
    first_origin: int,
    horizon: int,
    confidence: float = 0.9,
    window: int | None = None,
) -> BackTest:
    """Fit to the months before each origin and predict the `horizon` months after, for every origin that has them.

    The band is predicted +- z * residual standard error of the fit (z normal, two-sided), scaled by the exposure of
    the month; for decay the error grows with the root of the step. For the core it is [core, infinity).

    Args:
        history: columns of `engines.behaviour_fit.ESTIMATORS[kind]`, one row a month, oldest first.
        first_origin: months of history before the first origin.
        window: fit to so many last months only; None: to all before the origin.
    Raises:
        InvalidInput: no origin has `horizon` months after it; a confidence outside (0, 1); history as in `fit`.
    Source: LIQ-13, LIQ-63 (WAPE and bias), LIQ-04.
    """
    if kind not in ESTIMATORS:
        raise InvalidInput(f"no behaviour model {kind!r}", field="kind")
    checked = checked_history(history, ESTIMATORS[kind][0])
    months = len(next(iter(checked.values())))
    if horizon < 1 or first_origin < 1 or (window is not None and window < 1):
        raise InvalidInput("want a horizon, a first origin and a window of 1 month or more", field="horizon")
    if first_origin + horizon > months:
        raise InvalidInput("history ends before the first forecast does", field="first_origin", months=months)
    if not 0 < confidence < 1:
        raise InvalidInput("want a confidence between 0 and 1", field="confidence")
    quantile = NormalDist().inv_cdf((1 + confidence) / 2)
    parts = []
    for origin in range(first_origin, months - horizon + 1):
        start = 0 if window is None else max(0, origin - window)
        past = {name: values[start:origin] for name, values in checked.items()}
        ahead = {name: values[origin : origin + horizon] for name, values in checked.items()}
        predicted, spread, actual = _PREDICTIONS[kind](fit(kind, past), past, ahead)
        one_sided = kind == CORE_SHORTFALL
        parts.append(
            pl.DataFrame(
                {
                    "origin": np.full(horizon, origin),
                    "step": np.arange(1, horizon + 1),
                    "predicted": predicted,
                    "lower": predicted - quantile * spread,
                    "upper": np.full(horizon, np.inf) if one_sided else predicted + quantile * spread,
                    "actual": actual,
                    "error": predicted - actual,
                }
            )
        )
    forecasts = pl.concat(parts)
    steps = tuple(_accuracy(forecasts.filter(pl.col("step") == step), confidence) for step in range(1, horizon + 1))
    return BackTest(kind, forecasts, _accuracy(forecasts, confidence), steps)


def _accuracy(forecasts: pl.DataFrame, confidence: float) -> Accuracy:
    error, actual = forecasts["error"].to_numpy(), forecasts["actual"].to_numpy()
    sizes, rows = np.abs(actual), len(forecasts)
    inside = forecasts.select(((pl.col("actual") >= pl.col("lower")) & (pl.col("actual") <= pl.col("upper"))).sum())
    return Accuracy(
        forecasts=rows,
        mean_absolute_error=fsum(np.abs(error)) / rows,
        mape=fsum(np.abs(error) / sizes) / rows if np.all(sizes > 0) else None,
        wape=fsum(np.abs(error)) / fsum(sizes) if np.any(sizes > 0) else None,
        bias=fsum(error) / rows,
        coverage=int(inside.item()) / rows,
        confidence=confidence,
    )


Prediction = tuple[Floats, Floats, Floats]  # predicted, standard error, actual


def _prepayment(found: Fit, past: Columns, ahead: Columns) -> Prediction:
    exposed = ahead["balance"] - ahead["scheduled"]
    return exposed * found.parameters["smm"], exposed * found.rmse, ahead["prepaid"]


def _early_withdrawal(found: Fit, past: Columns, ahead: Columns) -> Prediction:
    incentive = np.maximum(0.0, ahead["incentive"])
    rate = found.parameters["base_rate"] + found.parameters["sensitivity"] * incentive
    return ahead["balance"] * np.clip(rate, 0.0, 1.0), ahead["balance"] * found.rmse, ahead["withdrawn"]


def _rollover(found: Fit, past: Columns, ahead: Columns) -> Prediction:
    maturing = ahead["maturing"]
    return maturing * found.parameters["rollover"], maturing * found.rmse, ahead["renewed"]


def _drawdown(found: Fit, past: Columns, ahead: Columns) -> Prediction:
    undrawn = ahead["undrawn"]
    return undrawn * found.parameters["drawdown_rate"], undrawn * found.rmse, ahead["drawn"]


def _decay(found: Fit, past: Columns, ahead: Columns) -> Prediction:
    steps = np.arange(1, len(ahead["balance"]) + 1, dtype=np.float64)
    predicted = past["balance"][-1] * np.exp(-found.parameters["decay_rate"] * steps)
    return predicted, predicted * found.rmse * np.sqrt(steps), ahead["balance"]


def _core(found: Fit, past: Columns, ahead: Columns) -> Prediction:
    core = np.full(len(ahead["balance"]), found.parameters["core"])
    return core, np.zeros(len(core)), ahead["balance"]


_PREDICTIONS: Mapping[str, Callable[[Fit, Columns, Columns], Prediction]] = MappingProxyType(
    {
        "core": _core,
        "decay": _decay,
        "prepay": _prepayment,
        "early_withdraw": _early_withdrawal,
        "rollover": _rollover,
        "drawdown": _drawdown,
    }
)
