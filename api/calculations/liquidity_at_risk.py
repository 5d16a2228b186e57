"""Calculation `liquidity_at_risk`: the net outflow not exceeded with a confidence: formula, history, simulation."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from pydantic import Field

from api.calculations.fields import Exact, Inputs, Name, NonNegative, PositiveCount, Share
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import decimal_text, plain_text
from engines.factor_lines import ZERO
from engines.liquidity_at_risk import BehaviourLine, historical, mean_and_deviation, monte_carlo, parametric

DIGITS = 6
CONFIDENCE = "between 0 and 1, as 0.99"
PATHS_MAX = 1_000_000


class Parametric(Inputs):
    """Mean and standard deviation of daily net outflows are known; days are independent and normal."""

    mean: Exact = Field(description="out - in of a day")
    deviation: NonNegative
    horizon_days: PositiveCount
    confidence: Share = Field(description=CONFIDENCE)


class History(Inputs):
    """Daily net outflows, out - in, oldest first."""

    history: list[Exact] = Field(min_length=1)
    confidence: Share = Field(description=CONFIDENCE)
    horizon_days: PositiveCount = 1


class Line(Inputs):
    """A balance of which a random share flows within the horizon."""

    name: Name = ""
    balance: NonNegative
    rate_mean: Share
    rate_deviation: NonNegative
    is_inflow: bool = False


class Simulation(Inputs):
    """Behaviour drawn at random; the same seed gives the same result."""

    lines: list[Line] = Field(min_length=1)
    seed: int = Field(ge=0)
    paths: PositiveCount = Field(le=PATHS_MAX)
    confidence: Share = Field(description=CONFIDENCE)
    correlation: Share = Field(default=ZERO, description="of each rate with each other, by one common factor")
    fixed_outflow: Exact = Field(default=ZERO, description="known net outflow; an inflow is negative")


def _parametric(inputs: Parametric) -> Result:
    value = parametric(float(inputs.mean), float(inputs.deviation), inputs.horizon_days, inputs.confidence)
    return {"liquidity_at_risk": _text(value), "method": "PARAMETRIC"}


def _historical(inputs: History) -> Result:
    value = historical(inputs.history, inputs.confidence, inputs.horizon_days)
    result: Result = {"liquidity_at_risk": plain_text(value), "method": "HISTORICAL_HIGHER"}
    if len(inputs.history) > 1:
        mean, deviation = mean_and_deviation(inputs.history)
        normal = parametric(float(mean), deviation, inputs.horizon_days, inputs.confidence)
        result |= {"mean": decimal_text(mean, DIGITS), "deviation": _text(deviation), "parametric": _text(normal)}
    return result | {"windows": len(inputs.history) - inputs.horizon_days + 1}


def _simulated(inputs: Simulation) -> Result:
    found = monte_carlo(
        _lines(inputs.lines),
        np.random.Generator(np.random.PCG64(inputs.seed)),
        paths=inputs.paths,
        confidence=inputs.confidence,
        correlation=float(inputs.correlation),
        fixed_outflow=float(inputs.fixed_outflow),
    )
    return {
        "liquidity_at_risk": _text(found.liquidity_at_risk),
        "method": "MONTE_CARLO",
        "expected_shortfall": _text(found.expected_shortfall),
        "mean": _text(found.mean),
        "deviation": _text(found.deviation),
        "paths": inputs.paths,
        "seed": inputs.seed,
        "distribution": [{"quantile": name, "outflow": _text(value)} for name, value in found.distribution.items()],
    }


def _lines(lines: Sequence[Line]) -> list[BehaviourLine]:
    return [
        BehaviourLine(float(line.balance), float(line.rate_mean), float(line.rate_deviation), line.is_inflow)
        for line in lines
    ]


def _text(value: float) -> str:
    return decimal_text(Fraction(value), DIGITS)


CALCULATION = Calculation(
    "liquidity_at_risk",
    "Liquidity at risk: parametric, historical, Monte Carlo over behaviour (LIQ-35).",
    (
        Variant("parametric", Parametric, _parametric),
        Variant("history", History, _historical),
        Variant("monte_carlo", Simulation, _simulated),
    ),
    sheets_of("outflow"),
)
