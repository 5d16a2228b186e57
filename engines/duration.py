"""Price, duration and convexity of dated flows, and the duration gap of a balance sheet (LIQ-16).

One instrument is computed exactly: rationals, and 60 digits where a power is not rational. Many instruments
at once are computed in float64. Compounding is periodic, `m` times a year, with `v = 1/(1 + y/m)`:
`P = sum C_k v^k`, `D_mac = sum (k/m) C_k v^k / P`, `D_mod = D_mac / (1 + y/m)`,
`convexity = sum k(k+1) C_k v^(k+2) / (m^2 P) = P''/P`, `DV01 = P D_mod / 10000`.
Not for curves: one yield discounts all flows of an instrument.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, Overflow
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

from engines.primitives.errors import InvalidInput

PERIODS_MAX = 1_200  # a hundred years of months: more is a mistake, and exact powers grow with it
_DIGITS = Context(prec=70)
_BASIS_POINTS = 10_000

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Measures:
    """Of one instrument; durations in years, convexity in years squared, null where the price is 0."""

    price: Fraction  # present value at settlement: the dirty price of a bond
    macaulay: Fraction | None
    modified: Fraction | None
    convexity: Fraction | None
    dv01: Fraction  # fall of the price for a rise of the yield by one basis point

    def first_order_change(self, yield_change: Fraction) -> Fraction:
        """`-P D_mod dy`."""
        return -self.dv01 * _BASIS_POINTS * yield_change

    def second_order_change(self, yield_change: Fraction) -> Fraction:
        """`-P D_mod dy + 1/2 P convexity dy^2`."""
        curved = self.price * (self.convexity or 0) * yield_change**2 / 2
        return self.first_order_change(yield_change) + curved


def level_payment(principal: Fraction, loan_rate: Fraction, periods_per_year: int, periods: int) -> Fraction:
    """The payment that repays `principal` in `periods` equal parts, exact.

    Raises:
        InvalidInput: a count out of range, or a rate of -100% and less a period.
    """
    growth = _growth(loan_rate, periods_per_year, "loan_rate")
    _check_count(periods, "periods")
    if growth == 1:
        return principal / periods
    return principal * (growth - 1) / (1 - growth**-periods)


def bullet_flows(face: Fraction, coupon_rate: Fraction, periods_per_year: int, periods: int) -> list[Fraction]:
    """Flows at the end of periods 1, 2, …: a level coupon, and the face with the last one."""
    _check_count(periods, "periods")
    flows = [face * coupon_rate / periods_per_year] * periods
    flows[-1] += face
    return flows


def measures(
    flows: Sequence[Fraction], yield_: Fraction, periods_per_year: int, elapsed: Fraction = Fraction(0)
) -> Measures:
    """Measures of flows at the end of periods 1, 2, …, of which the first has run for `elapsed`.

    Args:
        flows: amounts, exact; any sign.
        yield_: annual, compounded `periods_per_year` times, above -`periods_per_year`.
        elapsed: share of the first period that is over at settlement, in [0, 1).
    Returns:
        Exact; with `elapsed` above 0 the price (not the durations) is right to 60 digits.
    Raises:
        InvalidInput: no flow, too many, or a number out of range.
    """
    growth = _growth(yield_, periods_per_year, "yield")
    _check_count(len(flows), "periods")
    if not 0 <= elapsed < 1:
        raise InvalidInput("the elapsed share of the period must be in [0, 1)", field="elapsed_fraction_of_period")
    times = [place - elapsed for place in range(1, len(flows) + 1)]
    price, first, second = (
        _discounted([flow * weight for flow, weight in zip(flows, weights, strict=True)], growth)
        for weights in ([Fraction(1)] * len(flows), times, [time * (time + 1) for time in times])
    )
    # Every flow is nearer by the elapsed share, so one factor lifts all three sums, and ratios keep exact.
    lift = _power(growth, elapsed)
    return _measures(price * lift, first * lift, second * lift, growth, periods_per_year)


def measures_of_dated_flows(
    flows: Sequence[tuple[int, Fraction]], yield_: Fraction, periods_per_year: int = 1, days_per_year: int = 365
) -> Measures:
    """Measures of flows `(days from settlement, amount)`, time counted as days / `days_per_year` (ACT/365).

    Right to 60 digits: a power by a share of a year is seldom rational.

    Raises:
        InvalidInput: no flow, a flow before settlement, or a number out of range.
    """
    growth = _growth(yield_, periods_per_year, "yield")
    if not flows:
        raise InvalidInput("there is no flow", field="flows")
    daily = _root(growth, Fraction(-periods_per_year, days_per_year))
    sums = [Decimal(0)] * 3
    for place, (days, amount) in enumerate(flows):
        if days < 0:
            raise InvalidInput("a flow is before settlement", field=f"flows[{place}].date", record=f"flows[{place}]")
        time = Fraction(days * periods_per_year, days_per_year)
        try:
            value = _DIGITS.power(daily, days)
        except Overflow:
            raise InvalidInput("the yield is too near to -100% for a flow so far away", field="yield") from None
        for order, weight in enumerate((amount, amount * time, amount * time * (time + 1))):
            sums[order] = _DIGITS.add(sums[order], _DIGITS.multiply(_decimal(weight), value))
    price, first, second = (Fraction(found) for found in sums)
    return _measures(price, first, second, growth, periods_per_year)


@dataclass(frozen=True, slots=True)
class ManyMeasures:
    """Of many instruments, float64, shape (instruments,); durations are NaN where the price is 0."""

    price: Floats
    macaulay: Floats
    modified: Floats
    convexity: Floats
    dv01: Floats


def measures_of_many(
    instrument: Integers, years: Floats, amount: Floats, yield_: Floats, periods_per_year: Integers
) -> ManyMeasures:
    """Measures of many instruments at once, in float64.

    Args:
        instrument, years, amount: shape (flows,): row of the instrument, time in years >= 0, signed amount.
        yield_, periods_per_year: shape (instruments,).
    Raises:
        InvalidInput: shapes differ, a row is unknown, a time is negative, a yield is out of range.
    """
    count = len(yield_)
    if not len(instrument) == len(years) == len(amount) or len(periods_per_year) != count:
        raise InvalidInput("columns differ in length", field="flows")
    if len(instrument) and not 0 <= instrument.min() <= instrument.max() < count:
        raise InvalidInput("a flow names an instrument that is not there", field="instrument")
    if not np.all(np.isfinite(years) & (years >= 0)):
        raise InvalidInput("a time is negative or not a number", field="years")
    if not np.all(periods_per_year >= 1):
        raise InvalidInput("want at least one period a year", field="periods_per_year")
    growth = 1 + yield_ / periods_per_year
    if not np.all(growth > 0):
        raise InvalidInput("a yield is -100% or less a period", field="yield")
    step = 1 / periods_per_year[instrument]
    value = amount * growth[instrument] ** (-years / step)
    price, first, second = (
        np.bincount(instrument, weights=weights, minlength=count).astype(np.float64)
        for weights in (value, value * years, value * years * (years + step))
    )
    divisor = np.where(price == 0, np.nan, price)
    macaulay = first / divisor
    return ManyMeasures(
        price, macaulay, macaulay / growth, second / growth**2 / divisor, first / growth / _BASIS_POINTS
    )


@dataclass(frozen=True, slots=True)
class DurationGap:
    """Exact; null where a denominator is 0."""

    assets: Fraction
    liabilities: Fraction
    asset_duration: Fraction | None
    liability_duration: Fraction | None
    gap: Fraction | None  # years; positive: equity falls when rates rise
    equity_sensitivity: Fraction  # sum L D - sum A D: change of equity for a unit of dy / (1 + y)

    @property
    def equity(self) -> Fraction:
        return self.assets - self.liabilities

    def equity_change(self, yield_: Fraction, yield_change: Fraction, *, modified: bool = False) -> Fraction:
        """`-gap x assets x dy / (1 + y)`, signed value; with modified durations without `1 + y`."""
        if yield_ <= -1:
            raise InvalidInput("the yield must be above -1", field="yield")
        return self.equity_sensitivity * yield_change / (1 if modified else 1 + yield_)


def duration_gap(
    assets: Sequence[tuple[Fraction, Fraction]], liabilities: Sequence[tuple[Fraction, Fraction]]
) -> DurationGap:
    """`D_A - (L/A) D_L` of lines (value, duration in years), durations weighted by value.

    Source: LIQ-16.
    """
    sums = []
    for lines in (assets, liabilities):
        value = sum((amount for amount, _ in lines), Fraction(0))
        weighted = sum((amount * duration for amount, duration in lines), Fraction(0))
        sums.append((value, weighted))
    (asset_value, asset_years), (liability_value, liability_years) = sums
    surplus = asset_years - liability_years
    return DurationGap(
        asset_value,
        liability_value,
        asset_years / asset_value if asset_value else None,
        liability_years / liability_value if liability_value else None,
        surplus / asset_value if asset_value else None,
        -surplus,
    )


def _measures(price: Fraction, first: Fraction, second: Fraction, growth: Fraction, periods: int) -> Measures:
    """From the sums of value, value x k and value x k(k+1), k in periods."""
    years = first / periods
    return Measures(
        price,
        years / price if price else None,
        years / growth / price if price else None,
        second / growth**2 / periods**2 / price if price else None,
        years / growth / _BASIS_POINTS,
    )


def _growth(rate: Fraction, periods_per_year: int, name: str) -> Fraction:
    if not 1 <= periods_per_year <= 366:
        raise InvalidInput("want 1 to 366 periods a year", field="periods_per_year")
    growth = 1 + rate / periods_per_year
    if growth <= 0:
        raise InvalidInput("the rate is -100% or less a period", field=name)
    return growth


def _check_count(periods: int, name: str) -> None:
    if not 1 <= periods <= PERIODS_MAX:
        raise InvalidInput(f"want 1 to {PERIODS_MAX} periods", field=name)


def _discounted(flows: Sequence[Fraction], growth: Fraction) -> Fraction:
    """`sum C_k v^k` by Horner's rule in integers: Fractions would look for a common divisor at each step."""
    divisor = lcm(*(flow.denominator for flow in flows))
    found, scale = 0, 1
    for flow in reversed(flows):
        found = found * growth.denominator + flow.numerator * (divisor // flow.denominator) * scale
        scale *= growth.numerator
    return Fraction(found * growth.denominator, divisor * scale)


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    return Fraction(_root(base, exponent)) if exponent else Fraction(1)


def _root(base: Fraction, exponent: Fraction) -> Decimal:
    return _DIGITS.power(_decimal(base), _decimal(exponent))


def _decimal(value: Fraction) -> Decimal:
    return _DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))
