"""Economic value of equity under the six shocks, its loss, the risk measure and the outlier test.

A loss is positive (`delta_eve_loss`, decision Q11). Flows are repricing cash flows by time bucket, assets plus,
liabilities minus, own equity left out; whether margins are in the flows is a choice that must go with the curve.
Not for the behaviour of customers: `engines.eve_behaviour`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from engines.primitives.errors import InvalidInput
from engines.rate_shocks import (
    BASIS_POINTS,
    RATE_MAX,
    SCENARIOS,
    Floats,
    ShockShape,
    ShockSizes,
    exponential,
    shock_matrix,
    shock_vectors,
)
from engines.repricing_buckets import REPRICING_BUCKETS, UNSLOTTED, repricing_bucket


@dataclass(frozen=True, slots=True)
class Book:
    """The banking book in one currency; one amount, rate and midpoint a bucket."""

    net_cash_flows: Sequence[Fraction]
    base_rates: Sequence[Fraction]  # continuous, a year
    midpoint_years: Sequence[Fraction]
    sizes: ShockSizes
    floor: Fraction | None = None  # of rates after the shock; never above 0
    option_losses: Mapping[str, Fraction] = field(default_factory=dict)  # of automatic options, by scenario


@dataclass(frozen=True, slots=True)
class BookValues:
    eve_base: Fraction
    eve: Mapping[str, Fraction]  # by scenario, without options
    delta_eve_loss: Mapping[str, Fraction]  # eve_base - eve + option loss; positive: a loss
    base_below_floor: tuple[int, ...]  # places of the buckets whose base rate is below the floor


@dataclass(frozen=True, slots=True)
class RiskMeasure:
    worst_scenario: str
    eve_risk_measure: Fraction  # >= 0
    aggregate_loss: Mapping[str, Fraction]  # by scenario, >= 0


def floored_rate(base: Fraction, shock: Fraction, floor: Fraction | None) -> Fraction:
    """The rate after a shock: `max(base + shock, floor)`.

    The rule is silent on a base rate that is below the floor already. There the base rate takes the floor's place:
    a floor stops a fall, it never lifts a rate, else a parallel fall would value the book at higher rates.
    """
    return base + shock if floor is None else max(base + shock, min(floor, base))


def economic_values(book: Book, shape: ShockShape) -> BookValues:
    """Economic value of one book, at the base rates and under each shock, right to 60 digits.

    `EVE_i = sum CF_k exp(-R_i(t_k) t_k)`.

    Raises:
        InvalidInput: columns differ in length, a floor above 0, a number out of range, an unknown scenario.
    Source: BCBS 368 para 132 and Annex 2; SRP31.91, SRP31.93 (floor).
    """
    count = len(book.midpoint_years)
    for name, column in (("net_cash_flows", book.net_cash_flows), ("base_rates", book.base_rates)):
        if len(column) != count:
            raise InvalidInput(f"want {count} numbers, one a bucket, not {len(column)}", field=name)
    for place, rate in enumerate(book.base_rates):
        if abs(rate) > RATE_MAX:
            record = f"base_rates[{place}]"
            raise InvalidInput("a rate is above 1,000% a year", field=record, record=record)
    if book.floor is not None and not -RATE_MAX <= book.floor <= 0:
        raise InvalidInput("a floor of rates is at or below zero", field="floor")
    for scenario in book.option_losses:
        if scenario not in SCENARIOS:
            raise InvalidInput(f"{scenario!r} is not one of {', '.join(SCENARIOS)}", field="automatic_option_losses")
    vectors = shock_vectors(book.midpoint_years, book.sizes, shape)
    base = _value(book, [Fraction(0)] * count, floor=None)
    values = {
        scenario: _value(book, [shock / BASIS_POINTS for shock in vectors[scenario]], floor=book.floor)
        for scenario in SCENARIOS
    }
    losses = {
        scenario: base - value + book.option_losses.get(scenario, Fraction(0)) for scenario, value in values.items()
    }
    below = [place for place, rate in enumerate(book.base_rates) if book.floor is not None and rate < book.floor]
    return BookValues(base, values, losses, tuple(below))


def risk_measure(losses: Sequence[Mapping[str, Fraction]]) -> RiskMeasure:
    """The worst scenario over currencies: losses add up, gains in one currency offset nothing in another.

    Args:
        losses: `delta_eve_loss` of each currency, all converted to one unit.
    Returns:
        `max_i sum over currencies of max(0, loss_i)`; among equals the first of `SCENARIOS` (decision Q14).
    Source: BCBS 368 para 132 step 4.
    """
    zero = Fraction(0)
    totals = {scenario: sum((max(zero, loss[scenario]) for loss in losses), zero) for scenario in SCENARIOS}
    worst = max(SCENARIOS, key=lambda scenario: totals[scenario])  # max keeps the first of equals
    return RiskMeasure(worst, totals[worst], totals)


def book_measure(losses: Mapping[str, Fraction]) -> RiskMeasure:
    """The risk measure of one book; where it gains in every scenario the worst one is that of the smallest gain.

    Source: BCBS 368 para 132.
    """
    worst = max(SCENARIOS, key=lambda scenario: losses[scenario])
    return replace(risk_measure([losses]), worst_scenario=worst)


def is_outlier(measure: Fraction, tier1_capital: Fraction, threshold: Fraction) -> bool:
    """More than `threshold` of Tier 1 is at risk; equality is not. Source: BCBS 368 para 88; SRP31.82."""
    return measure > threshold * tier1_capital


def slotted_flows(
    day: NDArray[np.int64], amount_minor: NDArray[np.int64], as_of_day: int
) -> tuple[NDArray[np.int64], int]:
    """Net cash flows by the 19 buckets, and what is past and therefore not slotted; the parts add up to the whole.

    Args:
        day: days since 1970-01-01 on which the flows reprice. amount_minor: same shape, signed minor units.
    Raises:
        InvalidInput: shapes or types differ, or sizes add up to 2**62 or more.
    Source: BCBS 368 Table 1; SRP31.96.
    """
    if day.shape != amount_minor.shape or not day.dtype == amount_minor.dtype == np.int64:
        raise InvalidInput("want two int64 columns of one length", field="amount_minor")
    # In float64 a sum is near enough to see that it is too large; an int64 sum would wrap without a word.
    if np.abs(amount_minor.astype(np.float64)).sum() >= 2.0**62:
        raise InvalidInput("the amounts add up to 2**62 minor units or more", field="amount_minor")
    sums = np.zeros(len(REPRICING_BUCKETS) + 1, np.int64)
    np.add.at(sums, repricing_bucket(day, as_of_day), amount_minor)
    return sums[UNSLOTTED + 1 :], int(sums[UNSLOTTED])


def losses_of_many(
    net_cash_flows: Floats,
    base_rates: Floats,
    midpoint_years: Floats,
    sizes_bp: Floats,
    shape: ShockShape,
    floor: float | None = None,
) -> tuple[Floats, Floats]:
    """Base value and losses of many books at once, in float64.

    Args:
        net_cash_flows, base_rates: shape (books, buckets). midpoint_years: shape (buckets,).
        sizes_bp: shape (books, 3): parallel, short, long.
    Returns:
        eve_base, shape (books,); delta_eve_loss, shape (books, 6), scenarios in the order of `SCENARIOS`.
    Raises:
        InvalidInput: shapes differ, a number is not finite, a floor above 0.
    """
    if net_cash_flows.shape != base_rates.shape or net_cash_flows.shape != (len(sizes_bp), len(midpoint_years)):
        raise InvalidInput("want flows and rates of shape (books, buckets)", field="net_cash_flows")
    for name, column in (("net_cash_flows", net_cash_flows), ("base_rates", base_rates), ("sizes_bp", sizes_bp)):
        if not np.isfinite(column).all():
            raise InvalidInput("a number is missing or not finite", field=name)
    if floor is not None and not floor <= 0:
        raise InvalidInput("a floor of rates is at or below zero", field="floor")
    base = (net_cash_flows * np.exp(-base_rates * midpoint_years)).sum(axis=1)
    shocked = base_rates[:, None, :] + shock_matrix(midpoint_years, sizes_bp, shape)
    if floor is not None:
        shocked = np.maximum(shocked, np.minimum(floor, base_rates)[:, None, :])
    values = (net_cash_flows[:, None, :] * np.exp(-shocked * midpoint_years)).sum(axis=2)
    return base, base[:, None] - values


def _value(book: Book, shocks: Sequence[Fraction], *, floor: Fraction | None) -> Fraction:
    total = Fraction(0)
    columns = zip(book.net_cash_flows, book.base_rates, book.midpoint_years, shocks, strict=True)
    for flow, base, years, shock in columns:
        if flow:
            total += flow * exponential(-floored_rate(base, shock, floor) * years)
    return total
