"""Thousands of scenarios at once on one portfolio, two ways (decision Q19).

- By risk class, exact: positions are added up by class once; what is left is a small matrix product in whole numbers.
- By position, float64: each position has its own reaction to the risk factors of a scenario, with floor and cap, and
  securities lose by haircut times price impact. Nothing of the size scenarios x positions is ever held: a compiled
  loop takes a tile of both at a time.

Not for one scenario with its lines: that is `engines.stress`.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from engines.primitives.compiled import compiled
from engines.primitives.errors import InvalidInput

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

LIMB = 1 << 31  # totals are cut in two, so that a product with a shock stays within int64
SHOCK_MAX = 1 << 31
TOTAL_MAX = 1 << 62
SCENARIOS_A_TILE = 256  # one accumulator each: 2 KiB, and two rows of factors, stay in the first-level cache


def class_totals(amounts: Integers, classes: Integers, count: int) -> Integers:
    """Sums of minor units by risk class.

    Args:
        amounts: int64, shape (positions,), any sign. classes: int64, same shape, 0..count - 1.
    Returns:
        int64, shape (count,).
    Raises:
        InvalidInput: shapes or types differ, a class is out of range, or the sums might pass 2**62.
    """
    if amounts.shape != classes.shape or amounts.dtype != np.int64 or classes.dtype != np.int64:
        raise InvalidInput("want two int64 arrays of one length", field="amounts")
    if len(classes) and not 0 <= classes.min() <= classes.max() < count:
        raise InvalidInput(f"want classes from 0 to {count - 1}", field="classes")
    if np.abs(amounts.astype(np.float64)).sum() >= TOTAL_MAX:
        raise InvalidInput("the amounts add up to 2**62 or more", field="amounts")
    totals = np.zeros(count, np.int64)
    np.add.at(totals, classes, amounts)
    return totals


def shock_classes(totals: Integers, shocks: Integers, denominator: int) -> list[Fraction]:
    """The sum over classes of `total x shock`, exactly, for each scenario.

    Args:
        totals: int64, shape (classes,), magnitude below 2**62. shocks: int64, shape (scenarios, classes), magnitude
            below 2**31: numerators over `denominator` (10_000: basis points), > 0.
    Returns:
        one a scenario, in minor units.
    Raises:
        InvalidInput: shapes or types differ, a magnitude is out of range, too many classes for exact sums.
    """
    if totals.dtype != np.int64 or shocks.dtype != np.int64 or shocks.ndim != 2 or shocks.shape[1:] != totals.shape:
        raise InvalidInput("want int64 totals and a row of int64 shocks for each scenario", field="shocks")
    if denominator < 1:
        raise InvalidInput("must be above zero", field="denominator")
    if not shocks.size:
        return [Fraction(0)] * len(shocks)
    largest = max(abs(int(shocks.min())), abs(int(shocks.max())))
    if largest >= SHOCK_MAX or max(abs(int(totals.min())), abs(int(totals.max()))) >= TOTAL_MAX:
        raise InvalidInput("a shock or a total is too large to stay exact", field="shocks")
    if largest * LIMB * len(totals) >= 1 << 63:
        raise InvalidInput("too many classes for shocks of this size", field="shocks")
    high, low = np.divmod(totals, LIMB)
    products = zip((shocks @ high).tolist(), (shocks @ low).tolist(), strict=True)
    return [Fraction(upper * LIMB + lower, denominator) for upper, lower in products]


@dataclass(frozen=True, slots=True)
class FundingPositions:
    """Deposits and other funding; every array float64 and of one length, `loadings` of shape (positions, factors)."""

    balance: Floats  # >= 0
    run_off: Floats  # before any shock, 0..1
    loadings: Floats  # what one unit of a risk factor adds to the run-off
    floor: Floats  # 0..1
    cap: Floats  # floor..1


@dataclass(frozen=True, slots=True)
class SecurityPositions:
    """Securities; arrays as in `FundingPositions`."""

    market_value: Floats  # >= 0
    haircut: Floats  # before any shock, 0..1
    loadings: Floats  # what one unit of a risk factor adds to the haircut
    price_impact: Floats  # >= 0: the further fall for one unit of `selling`


@dataclass(frozen=True, slots=True)
class GridResult:
    """By scenario, in the unit of the positions."""

    outflow: Floats
    proceeds: Floats

    @property
    def net(self) -> Floats:
        return self.proceeds - self.outflow


def shock_positions(
    funding: FundingPositions,
    securities: SecurityPositions,
    factors: Floats,
    selling: Floats,
    *,
    threads: int = 2,
) -> GridResult:
    """Outflow and proceeds of every scenario, each position shocked on its own, non-linear.

    `outflow = sum of balance x clip(run_off + loadings . factors, floor, cap)`,
    `proceeds = sum of MV (1 - clip(haircut + loadings . factors, 0, 1)) (1 - min(1, price_impact x selling))`.
    Sums run over positions in their order, whatever the number of threads: same input, same bits.

    Args:
        factors: float64, shape (scenarios, factors). selling: float64, shape (scenarios,), >= 0.
    Raises:
        InvalidInput: a shape or type differs, a value is not finite or out of range.
    """
    _check(funding, securities, factors, selling, threads)
    outflow, proceeds = np.zeros(len(factors)), np.zeros(len(factors))
    columns = np.ascontiguousarray(factors.T)

    def tile(start: int, end: int) -> None:
        part = np.ascontiguousarray(columns[:, start:end])
        _run_off(
            funding.balance, funding.run_off, funding.loadings, funding.floor, funding.cap, part, outflow[start:end]
        )
        _sell(
            securities.market_value,
            securities.haircut,
            securities.loadings,
            securities.price_impact,
            part,
            selling[start:end],
            proceeds[start:end],
        )

    _over_tiles(tile, len(factors), threads)
    return GridResult(outflow, proceeds)


def _over_tiles(tile: Callable[[int, int], None], scenarios: int, threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        done = [pool.submit(tile, start, end) for start, end in _tiles(scenarios)]
        for one in done:
            one.result()


def _tiles(scenarios: int) -> Iterator[tuple[int, int]]:
    for start in range(0, scenarios, SCENARIOS_A_TILE):
        yield start, min(start + SCENARIOS_A_TILE, scenarios)


@compiled
def _run_off(
    balance: Floats, run_off: Floats, loadings: Floats, floor: Floats, cap: Floats, factors: Floats, outflow: Floats
) -> None:
    # Scenarios innermost: each has its own accumulator, so the loop runs in vectors without reordering any sum.
    scenarios = outflow.shape[0]
    rate = np.empty(scenarios)
    for position in range(balance.shape[0]):
        for scenario in range(scenarios):
            rate[scenario] = run_off[position]
        for factor in range(factors.shape[0]):
            loading = loadings[position, factor]
            for scenario in range(scenarios):
                rate[scenario] += loading * factors[factor, scenario]
        amount, least, most = balance[position], floor[position], cap[position]
        for scenario in range(scenarios):
            clipped = rate[scenario] if rate[scenario] > least else least
            outflow[scenario] += amount * (clipped if clipped < most else most)


@compiled
def _sell(
    market_value: Floats,
    haircut: Floats,
    loadings: Floats,
    price_impact: Floats,
    factors: Floats,
    selling: Floats,
    proceeds: Floats,
) -> None:
    scenarios = proceeds.shape[0]
    rate = np.empty(scenarios)
    for position in range(market_value.shape[0]):
        for scenario in range(scenarios):
            rate[scenario] = haircut[position]
        for factor in range(factors.shape[0]):
            loading = loadings[position, factor]
            for scenario in range(scenarios):
                rate[scenario] += loading * factors[factor, scenario]
        amount, impact = market_value[position], price_impact[position]
        for scenario in range(scenarios):
            fall = rate[scenario] if rate[scenario] > 0.0 else 0.0
            fall = fall if fall < 1.0 else 1.0
            pressed = impact * selling[scenario]
            pressed = pressed if pressed < 1.0 else 1.0
            proceeds[scenario] += amount * (1.0 - fall) * (1.0 - pressed)


def _check(
    funding: FundingPositions, securities: SecurityPositions, factors: Floats, selling: Floats, threads: int
) -> None:
    if threads < 1:
        raise InvalidInput("want at least one thread", field="threads")
    if factors.ndim != 2 or selling.shape != factors.shape[:1]:
        raise InvalidInput("want a row of factors and one selling figure for each scenario", field="factors")
    _columns("factors", factors)
    _columns("selling", selling, least=0.0)
    for group, held, loadings in (
        ("funding", (funding.balance, funding.run_off, funding.floor, funding.cap), funding.loadings),
        ("securities", (securities.market_value, securities.haircut, securities.price_impact), securities.loadings),
    ):
        if any(column.shape != held[0].shape for column in held) or held[0].ndim != 1:
            raise InvalidInput("want arrays of one length", field=group)
        if loadings.shape != (len(held[0]), factors.shape[1]):
            raise InvalidInput("want a loading for each position and factor", field=f"{group}.loadings")
        _columns(f"{group}.loadings", loadings)
        for column in held:
            _columns(group, column, least=0.0)
    for name, column in (
        ("funding.run_off", funding.run_off),
        ("funding.cap", funding.cap),
        ("securities.haircut", securities.haircut),
    ):
        if (column > 1.0).any():
            raise InvalidInput("want shares from 0 to 1", field=name)
    if (funding.floor > funding.cap).any():
        raise InvalidInput("a floor is above its cap", field="funding.floor")


def _columns(name: str, column: Floats, least: float = -np.inf) -> None:
    if column.dtype != np.float64 or not np.isfinite(column).all() or (column < least).any():
        raise InvalidInput("want finite float64 values in range", field=name)
