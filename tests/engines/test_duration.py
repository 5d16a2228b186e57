"""Durations against definitions, derivatives and the vectorised path; golden cases run in tests/api."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.duration import (
    PERIODS_MAX,
    bullet_flows,
    duration_gap,
    level_payment,
    measures,
    measures_of_dated_flows,
    measures_of_many,
)
from engines.primitives.errors import InvalidInput

AMOUNTS = st.integers(-10_000, 10_000_000).map(lambda cents: Fraction(cents, 100))
YIELDS = st.integers(-900, 5_000).map(lambda bp: Fraction(bp, 10_000))
PERIODS = st.sampled_from([1, 2, 4, 12])


@given(st.lists(AMOUNTS, min_size=1, max_size=30), YIELDS, PERIODS)
def test_the_sums_are_those_of_the_definition(flows: list[Fraction], yield_: Fraction, m: int) -> None:
    found = measures(flows, yield_, m)
    v = 1 / (1 + yield_ / m)
    price = sum((flow * v**k for k, flow in enumerate(flows, 1)), Fraction(0))
    assert found.price == price
    if not price:
        assert (found.macaulay, found.modified, found.convexity) == (None, None, None)
        return
    macaulay = sum((Fraction(k, m) * flow * v**k for k, flow in enumerate(flows, 1)), Fraction(0)) / price
    curved = sum((k * (k + 1) * flow * v ** (k + 2) for k, flow in enumerate(flows, 1)), Fraction(0))
    assert (found.macaulay, found.modified) == (macaulay, macaulay * v)
    assert found.convexity == curved / (m * m * price)
    assert found.dv01 == price * macaulay * v / 10_000


@given(st.lists(AMOUNTS, min_size=1, max_size=12), YIELDS, PERIODS, st.integers(0, 99))
def test_modified_duration_and_convexity_are_derivatives(
    flows: list[Fraction], yield_: Fraction, m: int, elapsed: int
) -> None:
    share, step = Fraction(elapsed, 100), Fraction(1, 10**12)
    found = measures(flows, yield_, m, share)
    up, down = (measures(flows, yield_ + sign * step, m, share).price for sign in (1, -1))
    slope, curve = (up - down) / (2 * step), (up - 2 * found.price + down) / step**2
    size = sum((abs(flow) for flow in flows), Fraction(1)) * 10**6
    assert abs(slope + found.dv01 * 10_000) < size / 10**12
    assert abs(curve - found.price * (found.convexity or 0)) < size / 10**12 or not found.price


@given(st.lists(AMOUNTS, min_size=1, max_size=8), YIELDS, PERIODS)
def test_dated_flows_on_whole_periods_are_periodic_flows(flows: list[Fraction], yield_: Fraction, m: int) -> None:
    year = 360  # divides by every number of periods
    dated = [(k * year // m, flow) for k, flow in enumerate(flows, 1)]
    one, other = measures(flows, yield_, m), measures_of_dated_flows(dated, yield_, m, year)
    assert abs(one.price - other.price) < Fraction(1, 10**40)
    assert abs(one.dv01 - other.dv01) < Fraction(1, 10**40)


def test_at_a_yield_of_nought_the_price_is_the_sum() -> None:
    found = measures_of_dated_flows([(0, Fraction(1)), (365, Fraction(1, 2)), (40, Fraction("0.25"))], Fraction(0))
    assert found.price == Fraction("1.75")
    assert measures([Fraction(1)] * 4, Fraction(0), 4, Fraction(1, 2)).price == 4


@given(st.lists(st.tuples(st.lists(AMOUNTS, max_size=10), YIELDS, PERIODS), max_size=6))
def test_many_at_once_are_each_alone(book: list[tuple[list[Fraction], Fraction, int]]) -> None:
    rows = [(row, k / m, float(flow)) for row, (flows, _, m) in enumerate(book) for k, flow in enumerate(flows, 1)]
    found = measures_of_many(
        np.array([row for row, _, _ in rows], np.int64),
        np.array([years for _, years, _ in rows], np.float64),
        np.array([amount for _, _, amount in rows], np.float64),
        np.array([float(yield_) for _, yield_, _ in book], np.float64),
        np.array([m for _, _, m in book], np.int64),
    )
    assert len(found.price) == len(book)
    for row, (flows, yield_, m) in enumerate(book):
        if not flows:
            assert found.price[row] == 0
            assert np.isnan(found.macaulay[row])
            continue
        alone = measures(flows, yield_, m)
        scale = float(sum(map(abs, flows))) * 2 + 1e-9  # a yield below nought lifts values, by less than this
        assert found.price[row] == pytest.approx(float(alone.price), abs=1e-9 * scale)
        assert found.dv01[row] == pytest.approx(float(alone.dv01), abs=1e-9 * scale)
        if abs(alone.price) > scale / 100:
            for name in ("macaulay", "modified", "convexity"):
                exact = float(getattr(alone, name))
                assert getattr(found, name)[row] == pytest.approx(exact, rel=1e-6, abs=1e-6)


def test_a_level_payment_repays_the_loan() -> None:
    payment = level_payment(Fraction(1_000), Fraction("0.06"), 12, 24)
    balance = Fraction(1_000)
    for _ in range(24):
        balance += balance * Fraction("0.06") / 12 - payment
    assert balance == 0
    assert level_payment(Fraction(1_000), Fraction(0), 12, 8) == 125


def test_a_bullet_pays_its_face_with_the_last_coupon() -> None:
    assert bullet_flows(Fraction(100), Fraction("0.06"), 2, 3) == [3, 3, 103]


LINES = st.lists(st.tuples(AMOUNTS.map(abs), st.integers(0, 300).map(lambda n: Fraction(n, 10))), max_size=6)


@given(LINES, LINES, YIELDS)
def test_the_gap_is_that_of_the_definition(
    assets: list[tuple[Fraction, Fraction]], liabilities: list[tuple[Fraction, Fraction]], yield_: Fraction
) -> None:
    found = duration_gap(assets, liabilities)
    change = found.equity_change(yield_, Fraction(1, 100))
    assert found.equity == sum(amount for amount, _ in assets) - sum(amount for amount, _ in liabilities)
    if found.gap is not None and found.asset_duration is not None:
        owed = found.liability_duration or 0
        assert found.gap == found.asset_duration - found.liabilities / found.assets * owed
        assert change == -found.gap * found.assets * Fraction(1, 100) / (1 + yield_)
    assert duration_gap(liabilities, assets).equity_change(yield_, Fraction(1, 100)) == -change
    assert found.equity_change(yield_, Fraction(1), modified=True) == found.equity_sensitivity


ONE = [Fraction(1)]


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: measures([], Fraction(0), 1), "periods"),
        (lambda: measures(ONE * (PERIODS_MAX + 1), Fraction(0), 1), "periods"),
        (lambda: measures(ONE, Fraction(-2), 2), "yield"),
        (lambda: measures(ONE, Fraction(0), 0), "periods_per_year"),
        (lambda: measures(ONE, Fraction(0), 367), "periods_per_year"),
        (lambda: measures(ONE, Fraction(0), 1, Fraction(1)), "elapsed_fraction_of_period"),
        (lambda: measures_of_dated_flows([], Fraction(0)), "flows"),
        (lambda: measures_of_dated_flows([(1, Fraction(1)), (-1, Fraction(1))], Fraction(0)), "flows[1].date"),
        (lambda: measures_of_dated_flows([(10**7, ONE[0])], Fraction(1, 10**38) - 1), "yield"),
        (lambda: bullet_flows(Fraction(1), Fraction(0), 1, 0), "periods"),
        (lambda: level_payment(Fraction(1), Fraction(-1), 1, 3), "loan_rate"),
        (lambda: duration_gap([], []).equity_change(Fraction(-1), Fraction(1)), "yield"),
    ],
)
def test_what_is_out_of_range_is_named(call: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        call()
    assert refused.value.facts["field"] == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"instrument": np.array([1])}, "instrument"),
        ({"instrument": np.array([-1])}, "instrument"),
        ({"instrument": np.array([0, 0])}, "flows"),
        ({"years": np.array([-1.0])}, "years"),
        ({"years": np.array([np.nan])}, "years"),
        ({"yield_": np.array([-1.0])}, "yield"),
        ({"yield_": np.array([np.nan])}, "yield"),
        ({"periods_per_year": np.array([0])}, "periods_per_year"),
    ],
)
def test_columns_out_of_range_are_named(changes: dict[str, Any], field: str) -> None:
    columns: dict[str, Any] = {
        "instrument": np.array([0]),
        "years": np.array([1.0]),
        "amount": np.array([1.0]),
        "yield_": np.array([0.0]),
        "periods_per_year": np.array([1]),
    }
    with pytest.raises(InvalidInput) as refused:
        measures_of_many(**columns | changes)
    assert refused.value.facts["field"] == field
