"""Formulas of customer behaviour: core deposits, prepayment, early withdrawal, rollover, drawdown (LIQ-13).

One balance or a column of balances; rates and shares as float64 where a power or an exponential is in them, exact
elsewhere. How they change dated flows is `engines.behaviour_rules`; how they are estimated, `engines.behaviour_fit`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from engines.primitives.errors import InvalidInput

Floats = NDArray[np.float64]

MONTHS_A_YEAR = 12


def single_monthly_mortality(annual_rate: Floats) -> Floats:
    """Share of the balance prepaid in a month: SMM = 1 - (1 - CPR)^(1/12).

    Args:
        annual_rate: CPR, share of the balance prepaid in a year, 0..1, any shape.
    Raises:
        InvalidInput: a rate is not within 0..1.
    Source: LIQ-13.
    """
    rates = _shares(annual_rate, "cpr")
    monthly: Floats = 1.0 - (1.0 - rates) ** (1.0 / MONTHS_A_YEAR)
    return monthly


def conditional_prepayment_rate(monthly_rate: Floats) -> Floats:
    """The inverse: CPR = 1 - (1 - SMM)^12. Raises InvalidInput for a rate that is not within 0..1."""
    annual: Floats = 1.0 - (1.0 - _shares(monthly_rate, "smm")) ** MONTHS_A_YEAR
    return annual


def core_lowest(month_end_balances: Sequence[Fraction], months: int = MONTHS_A_YEAR) -> Fraction:
    """Core of demand deposits: the lowest balance of the last `months` months, the newest balance last.

    Raises:
        InvalidInput: fewer balances than months, a negative balance, or `months` < 1.
    Source: LIQ-13 (seed: lowest balance of the last 12 months).
    """
    return min(_window(month_end_balances, months))


def moving_core(month_end_balances: Sequence[Fraction], months: int = MONTHS_A_YEAR) -> list[Fraction | None]:
    """`core_lowest` as it stood at each month end; None while the history is shorter than the window."""
    ends = range(1, len(month_end_balances) + 1)
    return [None if end < months else core_lowest(month_end_balances[:end], months) for end in ends]


@dataclass(frozen=True, slots=True)
class StatisticalCore:
    mean: Fraction
    standard_deviation: float  # of the sample, n - 1
    quantile: float
    core: float  # never below 0


def core_statistical(
    month_end_balances: Sequence[Fraction], confidence: Fraction, months: int | None = None
) -> StatisticalCore:
    """Core of demand deposits: mean - z*s of the last `months` balances (None: of all), z normal, s of the sample.

    Args:
        confidence: one-sided, within (0.5, 1); 0.99 gives z = 2.326348.
    Raises:
        InvalidInput: fewer than two balances, a negative one, a confidence out of range.
    Source: LIQ-13.
    """
    balances = _window(month_end_balances, len(month_end_balances) if months is None else months)
    if len(balances) < 2:
        raise InvalidInput("a standard deviation needs two balances", field="balances")
    if not Fraction(1, 2) < confidence < 1:
        raise InvalidInput("want a confidence between 0.5 and 1", field="confidence")
    mean = sum(balances, Fraction(0)) / len(balances)
    squares = sum(((balance - mean) ** 2 for balance in balances), Fraction(0))
    deviation = sqrt(squares / (len(balances) - 1))
    quantile = NormalDist().inv_cdf(float(confidence))
    return StatisticalCore(mean, deviation, quantile, max(0.0, float(mean) - quantile * deviation))


def remaining_core(core: Floats, decay_rate: float, months: Floats) -> Floats:
    """What is left of core deposits after `months`: core * e^(-decay_rate * months), same shape as broadcast.

    Raises:
        InvalidInput: the decay rate (a month) is negative.
    Source: LIQ-13.
    """
    if not decay_rate >= 0:
        raise InvalidInput("a core does not grow by decay", field="decay_rate")
    left: Floats = core * np.exp(-decay_rate * months)
    return left


def withdrawal_rate(base_rate: Fraction, sensitivity: Fraction, incentive: Fraction) -> Fraction:
    """Share of term deposits withdrawn early in a month: w0 + k * max(0, incentive), at most 1.

    Args:
        base_rate: w0, 0..1. sensitivity: k, >= 0, per unit of incentive.
        incentive: market rate less contract rate, a fraction; a negative one keeps nobody from leaving at w0.
    Raises:
        InvalidInput: w0 or k is out of range.
    Source: LIQ-13.
    """
    if not 0 <= base_rate <= 1:
        raise InvalidInput("want a share within 0..1", field="base_rate")
    if sensitivity < 0:
        raise InvalidInput("want a sensitivity of 0 or more", field="sensitivity")
    return min(Fraction(1), base_rate + sensitivity * max(Fraction(0), incentive))


def roll_off(maturing: Fraction, rollover: Fraction) -> Fraction:
    """What leaves at maturity: maturing * (1 - rollover). Raises InvalidInput unless 0 <= rollover <= 1.

    Source: LIQ-13.
    """
    return maturing * (1 - share(rollover, "rollover"))


def drawdown(undrawn: Fraction, rate: Fraction) -> Fraction:
    """What is drawn of commitments: undrawn * rate. Raises InvalidInput unless 0 <= rate <= 1. Source: LIQ-13."""
    return undrawn * share(rate, "drawdown_rate")


def share(value: Fraction, field: str) -> Fraction:
    """`value` if it is within 0..1. Raises InvalidInput naming `field`."""
    if not 0 <= value <= 1:
        raise InvalidInput("want a share within 0..1", field=field)
    return value


def _shares(values: Floats, field: str) -> Floats:
    found = np.asarray(values, np.float64)
    if not np.all((found >= 0) & (found <= 1)):  # NaN fails too
        raise InvalidInput("want a share within 0..1", field=field)
    return found


def _window(balances: Sequence[Fraction], months: int) -> Sequence[Fraction]:
    if months < 1 or len(balances) < months:
        raise InvalidInput(f"want {months} month-end balances", field="balances", balances=len(balances))
    window = balances[-months:]
    for at, balance in enumerate(window, len(balances) - months):
        if balance < 0:
            raise InvalidInput("a deposit balance is negative", field="balances", record=at)
    return window
