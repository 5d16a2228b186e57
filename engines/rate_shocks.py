"""The six interest rate shocks of the banking book and the shock sizes of a currency (eve, nii).

Sizes, decay and coefficients come in as arguments: they are policy data. Not for the value of a book: that is
`engines.eve`. One book is shocked to 60 digits, many books in float64.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from engines.primitives.errors import InvalidInput

Floats = NDArray[np.float64]

#: In the order that decides which of two equally bad scenarios is named the worst (decision Q14).
SCENARIOS = ("parallel_up", "parallel_down", "steepener", "flattener", "short_up", "short_down")

YEARS_MAX = 200  # more is a mistake, and an exponential of it would fill the memory
RATE_MAX = 10  # 1,000% a year, either sign
BASIS_POINTS = 10_000
_DIGITS = Context(prec=70)


@dataclass(frozen=True, slots=True)
class ShockSizes:
    """Basis points, >= 0."""

    parallel_bp: Fraction
    short_bp: Fraction
    long_bp: Fraction


@dataclass(frozen=True, slots=True)
class ShockShape:
    """How sizes become shocks: `alpha(t) = exp(-t / decay_years)`, and the coefficients of the rotations."""

    decay_years: Fraction = Fraction(4)
    steepener_short: Fraction = Fraction("-0.65")
    steepener_long: Fraction = Fraction("0.9")
    flattener_short: Fraction = Fraction("0.8")
    flattener_long: Fraction = Fraction("-0.6")


def exponential(power: Fraction) -> Fraction:
    """`e^power`, right to 60 digits. The caller bounds the power."""
    return Fraction(_DIGITS.exp(_DIGITS.divide(Decimal(power.numerator), Decimal(power.denominator))))


def alpha_short(years: Fraction, decay_years: Fraction) -> Fraction:
    """Share of a short shock that is left at `years`: `exp(-t / x)`.

    Raises:
        InvalidInput: `years` outside 0..200, or a decay that is not above 0 (and not below a thousandth of a year).
    """
    if not 0 <= years <= YEARS_MAX:
        raise InvalidInput(f"want a time of 0 to {YEARS_MAX} years", field="t")
    if decay_years < Fraction(1, 1_000):
        raise InvalidInput("want a decay of at least 0.001 years", field="x")
    return exponential(-years / decay_years)


def shocks_at(years: Fraction, sizes: ShockSizes, shape: ShockShape) -> dict[str, Fraction]:
    """The shock of each of `SCENARIOS` at `years`, in basis points, right to 60 digits; signed.

    Raises:
        InvalidInput: a time, the decay or a size is out of range.
    Source: BCBS 368 Annex 2; SRP31.91.
    """
    for name, size in (("parallel_bp", sizes.parallel_bp), ("short_bp", sizes.short_bp), ("long_bp", sizes.long_bp)):
        if not 0 <= size <= RATE_MAX * BASIS_POINTS:
            raise InvalidInput("want a shock size of 0 to 100,000 basis points", field=name)
    alpha = alpha_short(years, shape.decay_years)
    short, long = sizes.short_bp * alpha, sizes.long_bp * (1 - alpha)
    return {
        "parallel_up": sizes.parallel_bp,
        "parallel_down": -sizes.parallel_bp,
        "steepener": shape.steepener_short * short + shape.steepener_long * long,
        "flattener": shape.flattener_short * short + shape.flattener_long * long,
        "short_up": short,
        "short_down": -short,
    }


def shock_vectors(
    midpoint_years: Sequence[Fraction], sizes: ShockSizes, shape: ShockShape
) -> Mapping[str, list[Fraction]]:
    """The shocks of each scenario over the midpoints, in basis points. Raises InvalidInput, `record` the place."""
    columns = []
    for place, years in enumerate(midpoint_years):
        try:
            columns.append(shocks_at(years, sizes, shape))
        except InvalidInput as error:
            if error.facts["field"] != "t":
                raise
            record = f"bucket_midpoints[{place}]"
            raise InvalidInput(str(error), field=record, record=record) from error
    return {scenario: [column[scenario] for column in columns] for scenario in SCENARIOS}


def shock_matrix(midpoint_years: Floats, sizes_bp: Floats, shape: ShockShape) -> Floats:
    """Shocks of many books at once, in float64, as fractions a year (not basis points).

    Args:
        midpoint_years: shape (buckets,), >= 0. sizes_bp: shape (books, 3): parallel, short, long, >= 0.
    Returns:
        float64, shape (books, 6, buckets), scenarios in the order of `SCENARIOS`.
    """
    if sizes_bp.ndim != 2 or sizes_bp.shape[1] != 3 or midpoint_years.ndim != 1:
        raise InvalidInput("want sizes of shape (books, 3) and one row of midpoints", field="sizes_bp")
    alpha = np.exp(-midpoint_years / float(shape.decay_years))
    parallel, short, long = (sizes_bp[:, place, None] / BASIS_POINTS for place in range(3))
    level, near, far = parallel * np.ones_like(alpha), short * alpha, long * (1 - alpha)
    steeper = float(shape.steepener_short) * near + float(shape.steepener_long) * far
    flatter = float(shape.flattener_short) * near + float(shape.flattener_long) * far
    return np.stack((level, -level, steeper, flatter, near, -near), axis=1)
