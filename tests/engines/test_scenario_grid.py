"""The grid of scenarios against exact Python integers, and against the formula in numpy, one scenario at a time."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from engines.scenario_grid import (
    SCENARIOS_A_TILE,
    FundingPositions,
    GridResult,
    SecurityPositions,
    class_totals,
    shock_classes,
    shock_positions,
)

LARGE = 5 * 10**16  # the largest bank has some 5e15 fen; ten of them in one class


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(-LARGE, LARGE), st.integers(0, 3)), max_size=40),
    st.lists(
        st.lists(st.integers(-(2**31) + 1, 2**31 - 1).map(lambda n: n // 7), min_size=4, max_size=4), max_size=6
    ),
    st.integers(1, 10**6),
)
def test_classes_are_exact(positions: list[tuple[int, int]], shocks: list[list[int]], denominator: int) -> None:
    amounts, classes = (np.array([one[at] for one in positions], np.int64) for at in (0, 1))
    totals = class_totals(amounts, classes, 4)
    assert totals.tolist() == [sum(amount for amount, own in positions if own == at) for at in range(4)]
    found = shock_classes(totals, np.array(shocks, np.int64).reshape(-1, 4), denominator)
    assert found == [
        sum((Fraction(amount * row[own], denominator) for amount, own in positions), Fraction(0)) for row in shocks
    ]


def test_classes_refuse_what_would_not_be_exact() -> None:
    one = np.array([1], np.int64)
    with pytest.raises(InvalidInput):
        class_totals(np.array([2**61, 2**61], np.int64), np.zeros(2, np.int64), 1)
    with pytest.raises(InvalidInput):
        class_totals(one, np.array([1], np.int64), 1)
    with pytest.raises(InvalidInput):
        class_totals(one.astype(np.float64), one, 2)
    with pytest.raises(InvalidInput):
        shock_classes(one, np.array([[2**31]], np.int64), 1)
    with pytest.raises(InvalidInput):
        shock_classes(one, np.array([[1]], np.int64), 0)
    with pytest.raises(InvalidInput):
        shock_classes(np.ones(3, np.int64), np.full((1, 3), 2**31 - 1, np.int64), 1)
    assert shock_classes(one, np.zeros((0, 1), np.int64), 1) == []


def portfolio(positions: int = 300, factors: int = 3) -> tuple[FundingPositions, SecurityPositions]:
    draw = np.random.default_rng(5).uniform
    floor = draw(0, 0.1, positions)
    funding = FundingPositions(
        draw(0, 1e9, positions),
        draw(0, 0.3, positions),
        draw(-0.2, 0.2, (positions, factors)),
        floor,
        floor + draw(0, 0.9, positions),
    )
    securities = SecurityPositions(
        draw(0, 1e9, positions), draw(0, 0.3, positions), draw(-0.5, 0.5, (positions, factors)), draw(0, 2, positions)
    )
    return funding, securities


def scenarios(count: int, factors: int = 3) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(6)
    return generator.normal(0, 1, (count, factors)), generator.uniform(0, 1, count)


def one_at_a_time(
    funding: FundingPositions, securities: SecurityPositions, factors: np.ndarray, selling: np.ndarray
) -> GridResult:
    outflow, proceeds = [], []
    for row, pressed in zip(factors, selling, strict=True):
        rate = np.clip(funding.run_off + funding.loadings @ row, funding.floor, funding.cap)
        outflow.append((funding.balance * rate).sum())
        fall = np.clip(securities.haircut + securities.loadings @ row, 0, 1)
        kept = 1 - np.minimum(1, securities.price_impact * pressed)
        proceeds.append((securities.market_value * (1 - fall) * kept).sum())
    return GridResult(np.array(outflow), np.array(proceeds))


def test_positions_against_one_scenario_at_a_time() -> None:
    book, shocks = portfolio(), scenarios(2 * SCENARIOS_A_TILE + 3)
    found, wanted = shock_positions(*book, *shocks), one_at_a_time(*book, *shocks)
    np.testing.assert_allclose(found.outflow, wanted.outflow, rtol=1e-12)
    np.testing.assert_allclose(found.proceeds, wanted.proceeds, rtol=1e-12)
    np.testing.assert_array_equal(found.net, found.proceeds - found.outflow)
    # Floor, cap and the limits of a price are all reached, else this would test a linear formula.
    moved = book[0].run_off[:, None] + book[0].loadings @ shocks[0].T
    assert (moved < book[0].floor[:, None]).any()
    assert (moved > book[0].cap[:, None]).any()
    assert (book[1].price_impact[:, None] * shocks[1] > 1).any()


def test_threads_and_neighbours_change_no_bit() -> None:
    book, (factors, selling) = portfolio(), scenarios(SCENARIOS_A_TILE + 50)
    one, three = (shock_positions(*book, factors, selling, threads=threads) for threads in (1, 3))
    assert one.outflow.tobytes() == three.outflow.tobytes()
    assert one.proceeds.tobytes() == three.proceeds.tobytes()
    alone = shock_positions(*book, factors[77:78], selling[77:78])
    assert (alone.outflow[0], alone.proceeds[0]) == (one.outflow[77], one.proceeds[77])


def test_nothing_held_or_no_scenario() -> None:
    book, shocks = portfolio(0), scenarios(5)
    assert shock_positions(*book, *shocks).net.tolist() == [0.0] * 5
    assert shock_positions(*portfolio(), *scenarios(0)).net.shape == (0,)


def test_positions_refuse() -> None:
    (funding, securities), (factors, selling) = portfolio(4), scenarios(2)
    wrong = [
        (replace(funding, balance=-funding.balance), securities, factors, selling),
        (replace(funding, balance=funding.balance[:3]), securities, factors, selling),
        (replace(funding, cap=funding.floor / 2), securities, factors, selling),
        (replace(funding, loadings=funding.loadings[:, :2]), securities, factors, selling),
        (funding, replace(securities, haircut=securities.haircut + 1), factors, selling),
        (funding, securities, factors * np.nan, selling),
        (funding, securities, factors, -selling),
        (funding, securities, factors.astype(np.float32), selling),
        (funding, securities, factors, selling[:1]),
    ]
    for given_ in wrong:
        with pytest.raises(InvalidInput):
            shock_positions(*given_)
    with pytest.raises(InvalidInput):
        shock_positions(funding, securities, factors, selling, threads=0)
