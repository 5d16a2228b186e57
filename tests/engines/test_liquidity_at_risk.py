"""Liquidity at risk: quantiles against numpy's, the formula against its inverse, simulation against its seed."""

from fractions import Fraction
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines import liquidity_at_risk
from engines.liquidity_at_risk import (
    BehaviourLine,
    Simulated,
    historical,
    mean_and_deviation,
    monte_carlo,
    parametric,
)
from engines.primitives.errors import InvalidInput

F = Fraction
LINES = [
    BehaviourLine(8000.0, 0.05, 0.02),
    BehaviourLine(1000.0, 0.3, 0.2),
    BehaviourLine(500.0, 0.9, 0.1, is_inflow=True),
]


def simulate(seed: int = 7, **changed: object) -> Simulated:
    generator = np.random.Generator(np.random.PCG64(seed))
    chosen = {"paths": 4000, "confidence": F(99, 100), "correlation": 0.3} | changed
    return monte_carlo(LINES, generator, **chosen)  # type: ignore[arg-type]


@given(
    st.lists(st.integers(-10_000, 10_000), min_size=1, max_size=60),
    st.integers(1, 99),
    st.integers(1, 5),
)
def test_higher_is_that_of_numpy_and_exact(history: list[int], percent: int, days: int) -> None:
    if len(history) < days:
        with pytest.raises(InvalidInput):
            historical([F(one) for one in history], F(percent, 100), days)
        return
    found = historical([F(one, 100) for one in history], F(percent, 100), days)
    sums = np.convolve(history, np.ones(days, np.int64), "valid")
    rank = (len(sums) - 1) * percent / 100
    if rank != round(rank) or len(sums) == 1:
        assert found * 100 == int(np.quantile(sums, percent / 100, method="higher"))
    exact = (len(sums) - 1) * F(percent, 100)  # where float64 cannot tell a whole rank from one just above
    assert found * 100 == sorted(sums.tolist())[-(-exact.numerator // exact.denominator)]


def test_quantile_is_never_interpolated() -> None:
    history = [F(one) for one in (-60, -45, -20, -5, 0, 10, 15, 30, 55, 80)]
    assert historical(history, F(9, 10)) == 80
    assert historical(list(reversed(history)), F(9, 10)) == 80
    assert historical(history, F(1, 3)) == -5  # rank exactly 3


def test_parametric() -> None:
    assert parametric(-5.0, 40.0, 10, F(99, 100)) == pytest.approx(244.2623, abs=5e-5)
    assert parametric(3.0, 0.0, 4, F(1, 2)) == 12.0
    mean, deviation = mean_and_deviation([F(2), F(4), F(9)])
    assert (mean, deviation) == (5, pytest.approx(sqrt(13)))


def test_a_simulation_is_its_seed() -> None:
    assert simulate() == simulate()
    assert simulate() != simulate(8)


def test_the_size_of_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = simulate(paths=1001)
    monkeypatch.setattr(liquidity_at_risk, "BLOCK_NUMBERS", 28)
    assert simulate(paths=1001) == whole


def test_correlation_decides_how_deviations_add_up() -> None:
    lines = [BehaviourLine(100.0, 0.5, 0.05)] * 16
    for correlation, deviation in ((0.0, 5.0 * 4), (0.25, 5.0 * sqrt(16 * 0.75 + 256 * 0.25)), (1.0, 5.0 * 16)):
        generator = np.random.Generator(np.random.PCG64(1))
        found = monte_carlo(lines, generator, paths=20_000, confidence=F(99, 100), correlation=correlation)
        assert found.mean == pytest.approx(800, rel=0.01)
        assert found.deviation == pytest.approx(deviation, rel=0.03)
        assert found.liquidity_at_risk == pytest.approx(800 + 2.326 * deviation, rel=0.01)
        assert found.expected_shortfall > found.liquidity_at_risk


def test_rates_stay_between_nothing_and_all() -> None:
    lines = [BehaviourLine(10.0, 0.5, 100.0), BehaviourLine(7.0, 0.5, 100.0, is_inflow=True)]
    generator = np.random.Generator(np.random.PCG64(1))
    found = monte_carlo(lines, generator, paths=1000, confidence=F(999, 1000), fixed_outflow=2.0)
    assert (found.liquidity_at_risk, found.distribution["0.01"]) == (12.0, -5.0)


@settings(max_examples=20)
@given(st.integers(1, 98))
def test_more_confidence_is_never_less_at_risk(percent: int) -> None:
    low, high = simulate(confidence=F(percent, 100)), simulate(confidence=F(percent + 1, 100))
    assert low.liquidity_at_risk <= high.liquidity_at_risk


def test_certain_rates_leave_no_risk() -> None:
    generator = np.random.Generator(np.random.PCG64(1))
    found = monte_carlo([BehaviourLine(200.0, 0.25, 0.0)], generator, paths=1, confidence=F(1, 2))
    assert (found.liquidity_at_risk, found.mean, found.deviation) == (50.0, 50.0, 0.0)


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"confidence": F(1)}, "confidence"), ({"paths": 0}, "paths"), ({"correlation": 1.5}, "correlation")],
)
def test_simulation_refuses(changed: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        simulate(**changed)  # type: ignore[arg-type]
    assert caught.value.facts["field"] == field


def test_other_refusals() -> None:
    with pytest.raises(InvalidInput):
        parametric(0.0, -1.0, 1, F(1, 2))
    with pytest.raises(InvalidInput):
        parametric(0.0, 1.0, 0, F(1, 2))
    with pytest.raises(InvalidInput):
        mean_and_deviation([F(1)])
    generator = np.random.Generator(np.random.PCG64(1))
    with pytest.raises(InvalidInput) as caught:
        monte_carlo([BehaviourLine(1.0, 2.0, 0.0)], generator, paths=1, confidence=F(1, 2))
    assert caught.value.facts["field"] == "lines[0]"
