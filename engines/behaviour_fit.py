"""Estimators of the behaviour models from history: parameters, sample size, goodness of fit (LIQ-13).

One row of history a month, oldest first, amounts in any one unit; float64, sums by `math.fsum`, so that the order of
addition does not matter. Applying the parameters is `engines.behaviour_rules`; whether they predict is
`engines.behaviour_backtest`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, fsum, sqrt
from types import MappingProxyType

import numpy as np

from engines.behaviour import MONTHS_A_YEAR, Floats, conditional_prepayment_rate
from engines.primitives.errors import InvalidInput

Columns = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Fit:
    """`parameters` by name; `rmse` and `r_squared` in terms of what was fitted (see each estimator).

    `rmse` is the residual standard error: degrees of freedom used up by the parameters are left out of the divisor.
    `r_squared` = 1 - residual / total sum of squares; None where the observations do not vary. Below 0 the model is
    worse than their mean.
    """

    kind: str
    parameters: Mapping[str, float]
    sample_size: int
    r_squared: float | None
    rmse: float


def fit(kind: str, history: Columns) -> Fit:
    """Parameters of the model `kind` from `history`, whose columns are those of ESTIMATORS[kind].

    Raises:
        InvalidInput: an unknown kind; a column is missing, of another length, not finite or out of its range; too few
            observations to tell the parameters.
    """
    if kind not in ESTIMATORS:
        raise InvalidInput(f"no behaviour model {kind!r}", field="kind")
    columns, estimator = ESTIMATORS[kind]
    return estimator(checked_history(history, columns))


def fit_prepayment(history: Columns) -> Fit:
    """SMM = sum of `prepaid` / sum of (`balance` - `scheduled`), CPR = 1 - (1 - SMM)^12.

    balance: at the start of the month; scheduled: its instalments; prepaid: what came above them. The pooled ratio
    weighs each month by what could be prepaid. Fit of the monthly rates.
    """
    prepaid, exposed = history["prepaid"], history["balance"] - history["scheduled"]
    rate, spread, r_squared = _ratio(prepaid, exposed, "prepaid")
    parameters = {"smm": rate, "cpr": float(conditional_prepayment_rate(np.array([rate]))[0])}
    return Fit("prepay", MappingProxyType(parameters), len(prepaid), r_squared, spread)


def fit_rollover(history: Columns) -> Fit:
    """rollover = sum of `renewed` / sum of `maturing`. Fit of the monthly rates."""
    rate, spread, r_squared = _ratio(history["renewed"], history["maturing"], "renewed")
    return Fit("rollover", MappingProxyType({"rollover": rate}), len(history["renewed"]), r_squared, spread)


def fit_drawdown(history: Columns) -> Fit:
    """drawdown_rate a month = sum of `drawn` / sum of `undrawn` at its start. Fit of the monthly rates."""
    rate, spread, r_squared = _ratio(history["drawn"], history["undrawn"], "drawn")
    return Fit("drawdown", MappingProxyType({"drawdown_rate": rate}), len(history["drawn"]), r_squared, spread)


def fit_early_withdrawal(history: Columns) -> Fit:
    """w0 and k of `withdrawn` / `balance` = w0 + k * max(0, `incentive`), by ordinary least squares of the rates.

    incentive: market rate less contract rate in the month, a fraction. w0 and k may come out negative: that is a
    finding about the data, so they are not clipped.
    """
    rate, incentive = _rates(history["withdrawn"], history["balance"], "withdrawn"), history["incentive"]
    intercept, slope, spread, r_squared = _line(np.maximum(0.0, incentive), rate, "incentive")
    parameters = {"base_rate": intercept, "sensitivity": slope}
    return Fit("early_withdraw", MappingProxyType(parameters), len(rate), r_squared, spread)


def fit_decay(history: Columns) -> Fit:
    """decay_rate a month and the balance at the first month of `balance` = start * e^(-decay_rate * t).

    Least squares of log(balance) on the month t = 0, 1, ...; fit of the logarithms. A growing balance has a negative
    rate.
    """
    balance = history["balance"]
    if np.any(balance <= 0):
        at = int(np.argmax(balance <= 0))
        raise InvalidInput("a logarithm needs a balance above 0", field="balance", record=at)
    intercept, slope, spread, r_squared = _line(np.arange(len(balance), dtype=np.float64), np.log(balance), "balance")
    parameters = {"decay_rate": -slope, "start_balance": exp(intercept)}
    return Fit("decay", MappingProxyType(parameters), len(balance), r_squared, spread)


def fit_core(history: Columns) -> Fit:
    """core = lowest `balance` of the last 12 months (LIQ-13, seed). No residuals: it is a bound, not an average."""
    window = history["balance"][-MONTHS_A_YEAR:]
    if len(window) < MONTHS_A_YEAR:
        raise InvalidInput("want 12 month-end balances", field="balance", balances=len(window))
    return Fit("core", MappingProxyType({"core": float(window.min())}), len(window), None, 0.0)


#: Columns of history and the estimator, by kind of behaviour.
ESTIMATORS: Mapping[str, tuple[tuple[str, ...], Callable[[Columns], Fit]]] = MappingProxyType(
    {
        "core": (("balance",), fit_core),
        "decay": (("balance",), fit_decay),
        "prepay": (("balance", "scheduled", "prepaid"), fit_prepayment),
        "early_withdraw": (("balance", "incentive", "withdrawn"), fit_early_withdrawal),
        "rollover": (("maturing", "renewed"), fit_rollover),
        "drawdown": (("undrawn", "drawn"), fit_drawdown),
    }
)


def checked_history(history: Columns, columns: tuple[str, ...]) -> Columns:
    """The named columns as float64, all of one length, finite, and not negative save the incentive."""
    wrong = sorted(set(columns) ^ set(history))
    if wrong:
        raise InvalidInput(f"want the columns {', '.join(columns)}", field=wrong[0])
    found = {name: np.asarray(history[name], np.float64) for name in columns}
    length = len(found[columns[0]])
    for name, values in found.items():
        if values.shape != (length,):
            raise InvalidInput("columns of history differ in length", field=name, rows=len(values))
        bad = ~np.isfinite(values) | ((values < 0) & (name != "incentive"))
        if bad.any():
            raise InvalidInput("want finite amounts that are not negative", field=name, record=int(np.argmax(bad)))
    return found


def _rates(part: Floats, whole: Floats, field: str) -> Floats:
    if np.any(whole <= 0) or np.any(part > whole):
        at = int(np.argmax((whole <= 0) | (part > whole)))
        raise InvalidInput("want a part of an amount above 0", field=field, record=at)
    rates: Floats = part / whole
    return rates


def _ratio(part: Floats, whole: Floats, field: str) -> tuple[float, float, float | None]:
    """Pooled ratio, spread of the single ratios around it, r squared."""
    rates = _rates(part, whole, field)
    if len(rates) < 2:
        raise InvalidInput("want two months of history or more", field=field, rows=len(rates))
    pooled = fsum(part) / fsum(whole)
    return pooled, *_goodness(rates, np.full(len(rates), pooled), 1)


def _line(x: Floats, y: Floats, field: str) -> tuple[float, float, float, float | None]:
    """Intercept, slope, residual standard error and r squared of y on x by least squares."""
    if len(x) < 3:
        raise InvalidInput("want three months of history or more", field=field, rows=len(x))
    mean_x, mean_y = fsum(x) / len(x), fsum(y) / len(y)
    across = fsum((x - mean_x) ** 2)
    if across == 0:
        raise InvalidInput("history does not vary, so no slope can be told", field=field)
    slope = fsum((x - mean_x) * (y - mean_y)) / across
    intercept = mean_y - slope * mean_x
    return intercept, slope, *_goodness(y, intercept + slope * x, 2)


def _goodness(observed: Floats, fitted: Floats, parameters: int) -> tuple[float, float | None]:
    residual = fsum((observed - fitted) ** 2)
    total = fsum((observed - fsum(observed) / len(observed)) ** 2)
    noise = len(observed) * (1e-12 * float(np.abs(observed).max())) ** 2  # equal rates may differ in the last bit
    return sqrt(residual / (len(observed) - parameters)), 1.0 - residual / total if total > noise else None
