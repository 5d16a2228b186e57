"""Trend of an indicator and the days until it reaches its limit (LIQ-41).

A straight line through the last observations: a first warning, no forecast of behaviour. Exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from engines.indicators import Ratio
from engines.primitives.errors import InvalidInput

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Trend:
    """`slope` is change a day by least squares; `r_squared` says how much of the movement the line explains."""

    last: Fraction
    slope: Ratio  # null: fewer than two days were observed
    r_squared: Ratio  # null: also where the indicator did not move

    def value_after(self, days: int) -> Fraction | None:
        """The last observation carried on along the slope."""
        return None if self.slope.value is None else self.last + days * self.slope.value


def trend(days: Sequence[int], values: Sequence[Fraction]) -> Trend:
    """Least-squares line of `values` on `days`.

    Args:
        days: rising, of the observations, counted from any one day.
    Raises:
        InvalidInput: no observation, not as many days as values, or days that do not rise.
    Source: LIQ-41.
    """
    if not values or len(days) != len(values):
        raise InvalidInput("want one observation or more, each with its day", field="values")
    for at in range(1, len(days)):
        if days[at] <= days[at - 1]:
            raise InvalidInput("the days do not rise", field=f"dates[{at}]", record=f"dates[{at}]")
    count = len(days)
    mean_day, mean_value = Fraction(sum(days), count), sum(values, ZERO) / count
    off_day = [day - mean_day for day in days]
    off_value = [value - mean_value for value in values]
    across = sum((one * one for one in off_day), ZERO)
    up = sum((one * one for one in off_value), ZERO)
    both = sum((one * other for one, other in zip(off_day, off_value, strict=True)), ZERO)
    return Trend(values[-1], Ratio(both, across), Ratio(both * both, across * up))


def days_to_breach(found: Trend, minimum: Fraction | None = None, maximum: Fraction | None = None) -> int | None:
    """Whole days until the line meets the limit; 0 if the last observation is beyond it already.

    `ceil((v - L) / -slope)` for a minimum, `ceil((L - v) / slope)` for a maximum, the sooner where both are given.
    None: there is no slope, or it leads away from the limit.
    Source: LIQ-41.
    """
    slope = found.slope.value
    rooms = []
    if minimum is not None:
        rooms.append((found.last - minimum, None if slope is None else -slope))
    if maximum is not None:
        rooms.append((maximum - found.last, slope))
    if any(room < 0 for room, _ in rooms):
        return 0
    return min((ceil(room / pace) for room, pace in rooms if pace is not None and pace > 0), default=None)
