"""`tidemark calc behaviour`: customer-behaviour formulas, fits and back-tests (LIQ-13)."""

from fractions import Fraction
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from api.calculations.fields import Exact, Inputs, NonNegative, PositiveCount, Share
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import decimal_text, not_computable, percent_text, plain_text
from engines.behaviour import (
    core_lowest,
    core_statistical,
    drawdown,
    moving_core,
    remaining_core,
    roll_off,
    single_monthly_mortality,
    withdrawal_rate,
)
from engines.behaviour_backtest import Accuracy, back_test
from engines.behaviour_fit import fit
from engines.primitives.errors import InvalidInput

AMOUNT_DIGITS, NUMBER_DIGITS = 6, 10

Kind = Literal["core", "decay", "prepay", "early_withdraw", "rollover", "drawdown"]
History = dict[str, Annotated[list[Exact], Field(max_length=1_200)]]  # a century of months


class Prepayment(Inputs):
    cpr: Share
    balance: NonNegative | None = None


class CoreDeposits(Inputs):
    """Month-end balances, oldest first; the core is the lowest of the last `window_months`."""

    balances: Annotated[list[NonNegative], Field(max_length=1_200)]
    window_months: PositiveCount = 12
    confidence: Share | None = None


class EarlyWithdrawal(Inputs):
    """w0, k and either the incentive or the two rates that it is the difference of."""

    base_rate: Share
    sensitivity: NonNegative
    balance: NonNegative
    incentive: Exact | None = None
    market_rate: Exact | None = None
    contract_rate: Exact | None = None


class Decay(Inputs):
    core: NonNegative
    decay_rate: NonNegative
    months: NonNegative


class Rollover(Inputs):
    maturing: NonNegative
    rollover: Share


class Drawdown(Inputs):
    undrawn: NonNegative
    drawdown_rate: Share


class Fitting(Inputs):
    """Columns of history by name, one value a month, oldest first."""

    fit: Kind
    history: History


class BackTesting(Inputs):
    back_test: Kind
    history: History
    first_origin: PositiveCount
    horizon: PositiveCount
    confidence: Share = Fraction(9, 10)
    window: PositiveCount | None = None


def _prepayment(inputs: Prepayment) -> Result:
    monthly = Fraction(float(single_monthly_mortality(np.array([float(inputs.cpr)]))[0]))
    shown: Result = {"smm_pct": percent_text(monthly)}
    if inputs.balance is not None:
        shown["prepaid"] = decimal_text(inputs.balance * monthly, AMOUNT_DIGITS)
    return shown


def _core(inputs: CoreDeposits) -> Result:
    shown: Result = {"core": plain_text(core_lowest(inputs.balances, inputs.window_months))}
    moving = moving_core(inputs.balances, inputs.window_months)
    shown["moving_core"] = [None if core is None else plain_text(core) for core in moving]
    if inputs.confidence is not None:
        found = core_statistical(inputs.balances, inputs.confidence, inputs.window_months)
        shown["mean"] = decimal_text(found.mean, AMOUNT_DIGITS)
        shown["standard_deviation"] = _amount(found.standard_deviation)
        shown["z"] = _amount(found.quantile)
        shown["core_statistical"] = _amount(found.core)
    return shown


def _early_withdrawal(inputs: EarlyWithdrawal) -> Result:
    incentive = inputs.incentive
    if inputs.market_rate is not None and inputs.contract_rate is not None:
        if incentive is not None:
            raise InvalidInput("want incentive, or market_rate and contract_rate", field="incentive")
        incentive = inputs.market_rate - inputs.contract_rate
    if incentive is None:
        raise InvalidInput("want incentive, or market_rate and contract_rate", field="incentive")
    rate = withdrawal_rate(inputs.base_rate, inputs.sensitivity, incentive)
    return {"rate_pct": percent_text(rate), "withdrawn": plain_text(inputs.balance * rate)}


def _decay(inputs: Decay) -> Result:
    left = remaining_core(np.array([float(inputs.core)]), float(inputs.decay_rate), np.array([float(inputs.months)]))
    return {"remaining": _amount(left[0])}


def _rollover(inputs: Rollover) -> Result:
    leaving = roll_off(inputs.maturing, inputs.rollover)
    return {"roll_off": plain_text(leaving), "renewed": plain_text(inputs.maturing - leaving)}


def _drawdown(inputs: Drawdown) -> Result:
    drawn = drawdown(inputs.undrawn, inputs.drawdown_rate)
    return {"drawdown": plain_text(drawn), "undrawn": plain_text(inputs.undrawn - drawn)}


def _fit(inputs: Fitting) -> Result:
    found = fit(inputs.fit, _columns(inputs.history))
    reasons = [] if found.r_squared is not None else ["what was fitted does not vary"]
    return {
        "kind": found.kind,
        "parameters": {name: _number(value) for name, value in found.parameters.items()},
        "sample_size": found.sample_size,
        "r_squared": _number(found.r_squared),
        "rmse": _number(found.rmse),
    } | not_computable(reasons if found.kind != "core" else ["a lowest balance has no residuals"])


def _back_test(inputs: BackTesting) -> Result:
    found = back_test(
        inputs.back_test,
        _columns(inputs.history),
        first_origin=inputs.first_origin,
        horizon=inputs.horizon,
        confidence=float(inputs.confidence),
        window=inputs.window,
    )
    reasons = [] if found.overall.mape is not None else ["an actual is 0"]
    return {
        "kind": found.kind,
        "overall": _accuracy(found.overall),
        "by_step": [{"step": step, **_accuracy(part)} for step, part in enumerate(found.by_step, 1)],
        "forecasts": [
            {
                "origin": row["origin"],
                "step": row["step"],
                **{name: _bound(row[name]) for name in ("predicted", "lower", "upper", "actual", "error")},
            }
            for row in found.forecasts.iter_rows(named=True)
        ],
    } | not_computable(reasons)


def _accuracy(found: Accuracy) -> dict[str, Any]:
    return {
        "forecasts": found.forecasts,
        "mean_absolute_error": _amount(found.mean_absolute_error),
        "mape_pct": None if found.mape is None else percent_text(Fraction(found.mape)),
        "wape_pct": None if found.wape is None else percent_text(Fraction(found.wape)),
        "bias": _amount(found.bias),
        "coverage_pct": percent_text(Fraction(found.coverage)),
        "confidence_pct": percent_text(Fraction(found.confidence)),
    }


def _columns(history: History) -> dict[str, Any]:
    return {name: np.array([float(value) for value in values], np.float64) for name, values in history.items()}


def _amount(value: float) -> str:
    return decimal_text(Fraction(value), AMOUNT_DIGITS)


def _number(value: float | None) -> str | None:
    return None if value is None else decimal_text(Fraction(value), NUMBER_DIGITS)


def _bound(value: float) -> str | None:
    return _amount(value) if np.isfinite(value) else None


CALCULATION = Calculation(
    "behaviour",
    "Customer behaviour: prepayment, core, early withdrawal, rollover, drawdown; fit and back-test (LIQ-13).",
    (
        Variant("prepayment", Prepayment, _prepayment),
        Variant("core_deposits", CoreDeposits, _core),
        Variant("early_withdrawal", EarlyWithdrawal, _early_withdrawal),
        Variant("decay", Decay, _decay),
        Variant("rollover", Rollover, _rollover),
        Variant("drawdown", Drawdown, _drawdown),
        Variant("fit", Fitting, _fit),
        Variant("back_test", BackTesting, _back_test),
    ),
)
