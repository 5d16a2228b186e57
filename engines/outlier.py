"""Abnormal indicator: an observation far from the median of those before it (LIQ-08).

Median and median absolute deviation, since the outliers that are looked for would spoil a mean and a standard
deviation. Not for limits: those hold whatever was usual.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from engines.primitives.errors import InvalidInput
from engines.quantiles import median, median_absolute_deviation

WINDOW = 60
FACTOR = Fraction(5)
#: Makes the median absolute deviation of a normal distribution its standard deviation.
NORMAL_SCALE = Fraction(14_826, 10_000)
ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class OutlierCheck:
    """`threshold` is the deviation above which the observation is an outlier; null parts: there is no history."""

    observations: int  # used, the last ones before the value
    median: Fraction | None
    deviation: Fraction | None  # median absolute deviation, unscaled
    threshold: Fraction | None
    is_outlier: bool | None


def check_outlier(
    history: Sequence[Fraction],
    value: Fraction,
    *,
    floor: Fraction = ZERO,
    window: int = WINDOW,
    factor: Fraction = FACTOR,
) -> OutlierCheck:
    """`abs(value - median) > factor * 1.4826 * MAD` over the last `window` observations; MAD 0: `> floor`.

    Args:
        history: oldest first, without `value`.
        floor: the change that matters where more than half the observations are equal, >= 0.
    Raises:
        InvalidInput: a window below 1, a negative floor or factor.
    Source: LIQ-08.
    """
    for name, wrong in (("window", window < 1), ("floor", floor < 0), ("factor", factor < 0)):
        if wrong:
            raise InvalidInput(f"the {name} is out of range", field=name)
    used = history[-window:]
    middle, deviation = median(used), median_absolute_deviation(used)
    if middle is None or deviation is None:
        return OutlierCheck(0, None, None, None, None)
    threshold = factor * NORMAL_SCALE * deviation if deviation else floor
    return OutlierCheck(len(used), middle, deviation, threshold, abs(value - middle) > threshold)
