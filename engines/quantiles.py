"""Median, quantiles and the median absolute deviation of exact numbers: always of raw data, never of other quantiles.

A quantile between two observations is interpolated linearly, which keeps it a fraction. Not for quantiles of a fitted
distribution.
"""

from collections.abc import Sequence
from fractions import Fraction

from engines.primitives.errors import InvalidInput

HALF = Fraction(1, 2)


def quantile(values: Sequence[Fraction], probability: Fraction) -> Fraction | None:
    """The value below which a share `probability` of the observations lies; None of no observations.

    At rank (n - 1) * probability from 0, between two ranks in proportion: 0 is the least, 1 the greatest, 1/2 the
    median.
    Raises:
        InvalidInput: a probability outside 0..1.
    Source: Hyndman and Fan (1996), definition 7.
    """
    if not 0 <= probability <= 1:
        raise InvalidInput("want a probability from 0 to 1", field="probability")
    if not values:
        return None
    ordered = sorted(values)
    rank = (len(ordered) - 1) * probability
    below = int(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (rank - below) * (ordered[above] - ordered[below])


def median(values: Sequence[Fraction]) -> Fraction | None:
    """The middle observation, or the mean of the middle two; None of no observations."""
    return quantile(values, HALF)


def median_absolute_deviation(values: Sequence[Fraction]) -> Fraction | None:
    """Median distance from the median, not scaled to a standard deviation; None of no observations."""
    middle = median(values)
    return None if middle is None else median([abs(value - middle) for value in values])
