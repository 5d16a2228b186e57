"""Six shocks, economic value, the risk measure and behaviour against plain formulas in floating point."""

from dataclasses import replace
from fractions import Fraction
from math import exp
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.eve import (
    Book,
    book_measure,
    economic_values,
    floored_rate,
    is_outlier,
    losses_of_many,
    risk_measure,
    slotted_flows,
)
from engines.eve_behaviour import core_deposit, scenario_rates
from engines.primitives.errors import InvalidInput
from engines.rate_shocks import SCENARIOS, ShockShape, ShockSizes, exponential, shock_matrix, shock_vectors, shocks_at
from engines.repricing_buckets import REPRICING_BUCKETS, repricing_bucket

SHAPE = ShockShape()
MIDPOINTS = [bucket.midpoint_years for bucket in REPRICING_BUCKETS]
CNY = ShockSizes(Fraction(225), Fraction(300), Fraction(150))

sizes = st.builds(ShockSizes, *[st.integers(0, 1_000).map(Fraction)] * 3)
rates = st.integers(-300, 1_500).map(lambda bp: Fraction(bp, 10_000))
flows = st.integers(-(10**12), 10**12).map(lambda cents: Fraction(cents, 100))
years = st.integers(0, 30_000).map(lambda thousandths: Fraction(thousandths, 1_000))

shares = st.integers(0, 100).map(lambda part: Fraction(part, 100))


def book(amounts: list[Fraction], size: ShockSizes = CNY, rate: str = "0.025", floor: str | None = None) -> Book:
    times = MIDPOINTS[: len(amounts)]
    limit = None if floor is None else Fraction(floor)
    return Book(amounts, [Fraction(rate)] * len(amounts), times, size, limit)


@st.composite
def books(draw: st.DrawFn) -> Book:
    count = draw(st.integers(1, 19))
    columns = [draw(st.lists(kind, min_size=count, max_size=count)) for kind in (flows, rates)]
    floor = draw(st.none() | st.integers(-200, 0).map(lambda bp: Fraction(bp, 10_000)))
    return Book(columns[0], columns[1], MIDPOINTS[:count], draw(sizes), floor)


def naive_shock(scenario: str, t: float, p: float, s: float, long: float) -> float:
    near, far = s * exp(-t / 4), long * (1 - exp(-t / 4))
    return {
        "parallel_up": p,
        "parallel_down": -p,
        "steepener": -0.65 * near + 0.9 * far,
        "flattener": 0.8 * near - 0.6 * far,
        "short_up": near,
        "short_down": -near,
    }[scenario]


@given(years, sizes)
def test_shocks_are_the_published_formulas(t: Fraction, size: ShockSizes) -> None:
    found = shocks_at(t, size, SHAPE)
    assert tuple(found) == SCENARIOS
    for scenario, shock in found.items():
        naive = naive_shock(scenario, float(t), float(size.parallel_bp), float(size.short_bp), float(size.long_bp))
        assert float(shock) == pytest.approx(naive, abs=1e-9)
    assert found["parallel_up"] == -found["parallel_down"]
    assert found["short_up"] == -found["short_down"]


def test_sixty_digits_of_an_exponential() -> None:
    # e to 60 digits, as published in tables of constants.
    e = "2.71828182845904523536028747135266249775724709369995957496696"
    assert abs(exponential(Fraction(1)) - Fraction(e)) < Fraction(1, 10**58)


@given(books())
@settings(max_examples=40)
def test_values_are_the_plain_sums(given_: Book) -> None:
    found = economic_values(given_, SHAPE)
    size = [float(part) / 10_000 for part in (given_.sizes.parallel_bp, given_.sizes.short_bp, given_.sizes.long_bp)]
    scale = sum(abs(float(flow)) for flow in given_.net_cash_flows) * 3 + 1
    columns = list(zip(given_.net_cash_flows, given_.base_rates, given_.midpoint_years, strict=True))
    base = sum(float(flow) * exp(-float(rate) * float(t)) for flow, rate, t in columns)
    assert float(found.eve_base) == pytest.approx(base, abs=1e-9 * scale)
    for scenario in SCENARIOS:
        value = 0.0
        for flow, rate, t in columns:
            shocked = float(rate) + naive_shock(scenario, float(t), *size)
            if given_.floor is not None:
                shocked = max(shocked, min(float(given_.floor), float(rate)))
            value += float(flow) * exp(-shocked * float(t))
        assert float(found.eve[scenario]) == pytest.approx(value, abs=1e-9 * scale)
        assert found.delta_eve_loss[scenario] == found.eve_base - found.eve[scenario]


@given(books(), st.randoms())
@settings(max_examples=25)
def test_order_and_splitting_do_not_matter(given_: Book, random: Random) -> None:
    whole = economic_values(given_, SHAPE)
    columns = list(zip(given_.net_cash_flows, given_.base_rates, given_.midpoint_years, strict=True))
    random.shuffle(columns)
    shuffled = Book(*[[row[at] for row in columns] for at in range(3)], given_.sizes, given_.floor)
    again = economic_values(shuffled, SHAPE)
    assert (again.eve_base, again.eve, again.delta_eve_loss) == (whole.eve_base, whole.eve, whole.delta_eve_loss)
    assert len(again.base_below_floor) == len(whole.base_below_floor)
    parts = [
        economic_values(Book([flow], [rate], [t], given_.sizes, given_.floor), SHAPE) for flow, rate, t in columns
    ]
    assert whole.eve_base == sum(part.eve_base for part in parts)
    for scenario in SCENARIOS:
        assert whole.delta_eve_loss[scenario] == sum(part.delta_eve_loss[scenario] for part in parts)


@given(st.lists(books(), min_size=1, max_size=4), st.randoms())
@settings(max_examples=25)
def test_measure_adds_losses_and_ignores_gains(many: list[Book], random: Random) -> None:
    losses = [economic_values(one, SHAPE).delta_eve_loss for one in many]
    found = risk_measure(losses)
    totals = {name: sum(max(Fraction(0), loss[name]) for loss in losses) for name in SCENARIOS}
    assert found.aggregate_loss == totals
    assert found.eve_risk_measure == max(totals.values()) == totals[found.worst_scenario] >= 0
    first = next(name for name in SCENARIOS if totals[name] == found.eve_risk_measure)
    assert found.worst_scenario == first
    random.shuffle(losses)
    assert risk_measure(losses) == found
    # Another currency can only add to what is at risk; netting currencies can only take away.
    assert risk_measure(losses[1:]).eve_risk_measure <= found.eve_risk_measure
    netted = {name: sum((loss[name] for loss in losses), Fraction(0)) for name in SCENARIOS}
    assert risk_measure([netted]).eve_risk_measure <= found.eve_risk_measure


def test_all_gains_and_no_book_put_nothing_at_risk() -> None:
    gains = dict.fromkeys(SCENARIOS, Fraction(-1))
    for losses in ([gains], []):
        found = risk_measure(losses)
        assert (found.eve_risk_measure, found.worst_scenario) == (0, "parallel_up")


def test_the_worst_scenario_of_a_book_that_always_gains_is_the_smallest_gain() -> None:
    gains = dict.fromkeys(SCENARIOS, Fraction(-3)) | {"steepener": Fraction(-1), "flattener": Fraction(-1)}
    found = book_measure(gains)
    assert (found.eve_risk_measure, found.worst_scenario) == (0, "steepener")
    assert book_measure(dict.fromkeys(SCENARIOS, Fraction(0))).worst_scenario == "parallel_up"
    assert book_measure(gains | {"short_up": Fraction(2)}) == risk_measure([gains | {"short_up": Fraction(2)}])


@given(rates, rates, st.none() | st.integers(-300, 0).map(lambda bp: Fraction(bp, 10_000)))
def test_a_floor_stops_a_fall_and_lifts_nothing(base: Fraction, shock: Fraction, floor: Fraction | None) -> None:
    found = floored_rate(base, shock, floor)
    assert found >= base + shock
    if shock <= 0:
        assert found <= base
    if floor is None or (base >= floor and base + shock >= floor):
        assert found == base + shock
    elif base >= floor:
        assert found == floor


def test_base_rates_below_the_floor_are_named() -> None:
    found = economic_values(book([Fraction(100)] * 3, rate="-0.02", floor="-0.01"), SHAPE)
    assert found.base_below_floor == (0, 1, 2)
    assert found.delta_eve_loss["parallel_down"] == 0


def test_automatic_options_add_to_the_loss_of_their_scenario() -> None:
    plain = economic_values(book([Fraction(100)]), SHAPE)
    with_option = replace(book([Fraction(100)]), option_losses={"parallel_up": Fraction(7)})
    found = economic_values(with_option, SHAPE)
    assert found.delta_eve_loss["parallel_up"] == plain.delta_eve_loss["parallel_up"] + 7
    assert found.delta_eve_loss["steepener"] == plain.delta_eve_loss["steepener"]
    assert found.eve == plain.eve


def test_an_outlier_is_strictly_above_the_threshold() -> None:
    assert not is_outlier(Fraction(15), Fraction(100), Fraction(15, 100))
    assert is_outlier(Fraction(1_501, 100), Fraction(100), Fraction(15, 100))


@given(
    st.lists(st.tuples(st.integers(20_000, 32_000), st.integers(-(10**15), 10**15)), max_size=40),
    st.integers(20_000, 21_000),
)
def test_slotted_flows_lose_nothing(rows: list[tuple[int, int]], as_of: int) -> None:
    day, amount = (np.array([row[at] for row in rows], np.int64) for at in (0, 1))
    sums, past = slotted_flows(day, amount, as_of)
    assert sums.sum() + past == sum(row[1] for row in rows)
    numbers = repricing_bucket(day, as_of).tolist()
    for bucket in range(1, 20):
        assert sums[bucket - 1] == sum(a for (_, a), number in zip(rows, numbers, strict=True) if number == bucket)


@given(st.lists(books(), min_size=1, max_size=3))
@settings(max_examples=25)
def test_many_books_in_float_are_the_exact_ones(many: list[Book]) -> None:
    count = min(len(one.base_rates) for one in many)
    cut = [
        Book(one.net_cash_flows[:count], one.base_rates[:count], MIDPOINTS[:count], one.sizes, many[0].floor)
        for one in many
    ]
    floor = None if many[0].floor is None else float(many[0].floor)
    base, losses = losses_of_many(
        np.array([[float(flow) for flow in one.net_cash_flows] for one in cut]),
        np.array([[float(rate) for rate in one.base_rates] for one in cut]),
        np.array([float(t) for t in MIDPOINTS[:count]]),
        np.array(
            [[float(one.sizes.parallel_bp), float(one.sizes.short_bp), float(one.sizes.long_bp)] for one in cut]
        ),
        SHAPE,
        floor,
    )
    for row, one in enumerate(cut):
        exact = economic_values(one, SHAPE)
        scale = 1e-9 * (1 + sum(abs(float(flow)) for flow in one.net_cash_flows) * 3)
        assert base[row] == pytest.approx(float(exact.eve_base), abs=scale)
        expected = [float(exact.delta_eve_loss[name]) for name in SCENARIOS]
        assert losses[row].tolist() == pytest.approx(expected, abs=scale)


@given(*[shares] * 3, st.integers(0, 10**9).map(Fraction))
def test_core_and_overnight_are_the_whole(stable: Fraction, core: Fraction, cap: Fraction, balance: Fraction) -> None:
    found = core_deposit(balance, stable, core, cap)
    assert found.core_balance + found.overnight_balance == balance
    assert found.core_share == min(stable * core, cap)
    assert found.cap_binding == (stable * core > cap)
    assert 0 <= found.core_balance <= balance


@given(shares)
def test_scenario_rates_stay_rates(base: Fraction) -> None:
    multipliers = {name: Fraction(place, 2) for place, name in enumerate(SCENARIOS)}
    for name, rate in scenario_rates(base, multipliers).items():
        assert rate == min(1, base * multipliers[name])


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (Book([Fraction(1)], [], MIDPOINTS[:1], CNY), "base_rates"),
        (Book([], [Fraction(0)], MIDPOINTS[:1], CNY), "net_cash_flows"),
        (Book([Fraction(1)], [Fraction(11)], MIDPOINTS[:1], CNY), "base_rates[0]"),
        (Book([Fraction(1)], [Fraction(0)], [Fraction(-1)], CNY), "bucket_midpoints[0]"),
        (Book([Fraction(1)], [Fraction(0)], [Fraction(10**9)], CNY), "bucket_midpoints[0]"),
        (Book([Fraction(1)], [Fraction(0)], MIDPOINTS[:1], CNY, Fraction(1, 100)), "floor"),
        (Book([Fraction(1)], [Fraction(0)], MIDPOINTS[:1], ShockSizes(*[Fraction(-1)] * 3)), "parallel_bp"),
        (
            Book([Fraction(1)], [Fraction(0)], MIDPOINTS[:1], CNY, None, {"sideways": Fraction(1)}),
            "automatic_option_losses",
        ),
    ],
)
def test_bad_books_are_refused(broken: Book, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        economic_values(broken, SHAPE)
    assert caught.value.facts["field"] == field


def test_bad_columns_are_refused() -> None:
    one = np.ones((1, 2))
    with pytest.raises(InvalidInput):
        losses_of_many(one, one, np.ones(3), np.ones((1, 3)), SHAPE)
    with pytest.raises(InvalidInput):
        losses_of_many(one * np.nan, one, np.ones(2), np.ones((1, 3)), SHAPE)
    with pytest.raises(InvalidInput):
        losses_of_many(one, one, np.ones(2), np.ones((1, 3)), SHAPE, floor=0.01)
    with pytest.raises(InvalidInput):
        shock_matrix(np.ones(2), np.ones(3), SHAPE)
    with pytest.raises(InvalidInput):
        slotted_flows(np.zeros(2, np.int64), np.zeros(1, np.int64), 0)
    with pytest.raises(InvalidInput):
        slotted_flows(np.zeros(2, np.int64), np.full(2, 2**61, np.int64), 0)
    with pytest.raises(InvalidInput):
        shock_vectors([Fraction(1)], CNY, ShockShape(decay_years=Fraction(0)))
    with pytest.raises(InvalidInput):
        core_deposit(Fraction(1), Fraction(2), Fraction(1), Fraction(1))
    with pytest.raises(InvalidInput):
        core_deposit(Fraction(-1), Fraction(1), Fraction(1), Fraction(1))
    with pytest.raises(InvalidInput):
        scenario_rates(Fraction(1, 2), {"parallel_up": Fraction(1)})
    with pytest.raises(InvalidInput):
        scenario_rates(Fraction(2), dict.fromkeys(SCENARIOS, Fraction(1)))
