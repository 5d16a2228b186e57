"""Liquidity at risk: the net outflow not exceeded with a given confidence, three ways (LIQ-35).

Net outflow is out - in: positive drains the bank. Historical quantiles are exact; a normal quantile, a square root
and simulation are float64. The random generator comes in as an argument: same seed, same numpy, same result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from math import ceil, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from engines.factor_lines import ZERO
from engines.primitives.errors import InvalidInput

Floats = NDArray[np.float64]
BLOCK_NUMBERS = 1 << 20  # drawn at a time: 8 MiB
DISTRIBUTION = ("0.01", "0.05", "0.25", "0.50", "0.75", "0.95", "0.99")


def parametric(mean: float, deviation: float, horizon_days: int, confidence: Fraction) -> float:
    """`z sigma sqrt(h) + mu h`: independent, normally distributed days.

    Args:
        mean, deviation: of daily net outflows, deviation >= 0. horizon_days: >= 1. confidence: within 0..1, open.
    Raises:
        InvalidInput: one of them is out of range.
    Source: LIQ-35.
    """
    _check(confidence, horizon_days)
    if deviation < 0:
        raise InvalidInput("may not be negative", field="deviation")
    return NormalDist().inv_cdf(float(confidence)) * deviation * sqrt(horizon_days) + mean * horizon_days


def mean_and_deviation(history: Sequence[Fraction]) -> tuple[Fraction, float]:
    """Mean and sample deviation (n - 1) of daily net outflows. Raises InvalidInput: fewer than two."""
    if len(history) < 2:
        raise InvalidInput("want at least two days", field="history")
    mean = sum(history, ZERO) / len(history)
    return mean, sqrt(sum(((value - mean) ** 2 for value in history), ZERO) / (len(history) - 1))


def historical(history: Sequence[Fraction], confidence: Fraction, horizon_days: int = 1) -> Fraction:
    """The quantile "higher": of n sums the one of rank `ceil((n - 1) x confidence)` from 0, never interpolated.

    Args:
        history: net outflows by day, oldest first; windows of `horizon_days` overlap.
    Raises:
        InvalidInput: the confidence or horizon is out of range, or the history shorter than the horizon.
    Source: LIQ-35; the method's name is numpy's.
    """
    _check(confidence, horizon_days)
    if len(history) < horizon_days:
        raise InvalidInput(f"want at least {horizon_days} days", field="history")
    until = [ZERO, *accumulate(history)]
    sums = sorted(end - start for start, end in zip(until, until[horizon_days:], strict=False))
    return sums[higher_rank(len(sums), confidence)]


def higher_rank(count: int, confidence: Fraction) -> int:
    return ceil((count - 1) * confidence)


@dataclass(frozen=True, slots=True)
class BehaviourLine:
    """A balance of which a random share flows within the horizon: run-off, drawdown, or missing roll-over."""

    balance: float  # >= 0
    rate_mean: float  # 0..1
    rate_deviation: float  # >= 0
    is_inflow: bool = False


@dataclass(frozen=True, slots=True)
class Simulated:
    liquidity_at_risk: float
    expected_shortfall: float  # mean of the outflows at or beyond it
    mean: float
    deviation: float
    distribution: dict[str, float]  # by quantile, as "0.95"


def monte_carlo(
    lines: Sequence[BehaviourLine],
    generator: np.random.Generator,
    *,
    paths: int,
    confidence: Fraction,
    correlation: float = 0.0,
    fixed_outflow: float = 0.0,
) -> Simulated:
    """Net outflows with behaviour drawn at random, and their quantile "higher".

    One common factor: `rate = clip(mean + deviation (sqrt(rho) M + sqrt(1 - rho) e), 0, 1)`. For an inflow a bad M
    means less of it. Numbers are drawn path by path, so the size of blocks changes nothing.

    Args:
        generator: its state moves on. paths: >= 1. correlation: 0..1. fixed_outflow: known net outflow, any sign.
    Raises:
        InvalidInput: out of range; `record` as `lines[2]`.
    Source: LIQ-35.
    """
    _check(confidence, 1)
    if paths < 1 or not 0 <= correlation <= 1:
        raise InvalidInput("out of range", field="paths" if paths < 1 else "correlation")
    for at, line in enumerate(lines):
        if line.balance < 0 or not 0 <= line.rate_mean <= 1 or line.rate_deviation < 0:
            raise InvalidInput("want a balance and deviation >= 0, a mean of 0 to 1", field=f"lines[{at}]")
    balance, mean, deviation, sign = (
        np.array(column, np.float64)
        for column in (
            [line.balance for line in lines],
            [line.rate_mean for line in lines],
            [line.rate_deviation for line in lines],
            [-1.0 if line.is_inflow else 1.0 for line in lines],
        )
    )
    outflows = np.empty(paths, np.float64)
    block = max(1, BLOCK_NUMBERS // (len(lines) + 1))
    for start in range(0, paths, block):
        drawn = generator.standard_normal((min(block, paths - start), len(lines) + 1))
        common, own = drawn[:, :1], drawn[:, 1:]
        shock = sqrt(correlation) * common * sign + sqrt(1 - correlation) * own
        rates = np.clip(mean + deviation * shock, 0.0, 1.0)
        outflows[start : start + block] = (rates * (balance * sign)).sum(axis=1)
    outflows += fixed_outflow
    return _summary(outflows, confidence)


def _summary(outflows: Floats, confidence: Fraction) -> Simulated:
    ranked = np.sort(outflows)
    rank = higher_rank(len(ranked), confidence)
    return Simulated(
        float(ranked[rank]),
        float(ranked[rank:].mean()),
        float(ranked.mean()),
        float(ranked.std(ddof=1)) if len(ranked) > 1 else 0.0,
        {name: float(ranked[higher_rank(len(ranked), Fraction(name))]) for name in DISTRIBUTION},
    )


def _check(confidence: Fraction, horizon_days: int) -> None:
    if not 0 < confidence < 1:
        raise InvalidInput("want a confidence between 0 and 1", field="confidence")
    if horizon_days < 1:
        raise InvalidInput("want a horizon of at least 1 day", field="horizon_days")
