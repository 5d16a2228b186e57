"""Forecast of the cash position over the next days, with a band from the errors of past forecasts (LIQ-04).

Amounts in one currency and unit, exact. Not for the position of today, a projection, nor for the contractual flows
that go in: `engines.flow_views`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from engines.primitives.errors import InvalidInput
from engines.quantiles import quantile

LOW, HIGH = Fraction(10, 100), Fraction(90, 100)
#: Fewer errors than this say nothing of their own tenth and ninetieth percentile.
ERRORS_MIN = 10
ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class DayFlows:
    """What one day adds to the position; the first three amounts >= 0, the others signed."""

    contractual_in: Fraction = ZERO
    contractual_out: Fraction = ZERO
    reservations: Fraction = ZERO  # expected large withdrawals
    behavioural_net: Fraction = ZERO  # inflow less outflow
    planned_net: Fraction = ZERO  # of deals that are intended
    required_reserve_change: Fraction = ZERO  # a rise binds money

    @property
    def net(self) -> Fraction:
        """Change of the position: positive raises it."""
        contractual = self.contractual_in - self.contractual_out
        wanted = self.behavioural_net - self.reservations + self.planned_net
        return contractual + wanted - self.required_reserve_change


def position_path(opening: Fraction, days: Sequence[DayFlows]) -> list[Fraction]:
    """The position at the end of each day.

    `pos(d) = pos(d-1) + contractual in - out + behavioural net - reservations + planned net - change of required
    reserves`.
    Raises:
        InvalidInput: an amount that has no sign is negative.
    Source: LIQ-04.
    """
    path = []
    position = opening
    for at, day in enumerate(days):
        for name in ("contractual_in", "contractual_out", "reservations"):
            if getattr(day, name) < 0:
                record = f"days[{at}]"
                raise InvalidInput("an amount is negative", field=f"{record}.{name}", record=record)
        position += day.net
        path.append(position)
    return path


@dataclass(frozen=True, slots=True)
class Band:
    """Null edges: too few past forecasts reached so many days ahead."""

    low: Fraction | None
    high: Fraction | None
    errors_used: int


def position_bands(
    path: Sequence[Fraction],
    errors_by_step: Mapping[int, Sequence[Fraction]],
    *,
    low: Fraction = LOW,
    high: Fraction = HIGH,
    errors_min: int = ERRORS_MIN,
) -> list[Band]:
    """P10 to P90 of each day, from past errors (forecast less actual) of forecasts as many days ahead.

    The actual is the forecast less its error, so the low edge comes from the errors' high quantile. A forecast that
    was too high most of the time has a band below its path: the bias is shown, not taken out.

    Args:
        errors_by_step: step 1 is the first day ahead.
    Raises:
        InvalidInput: the edges are not rising.
    Source: LIQ-04; quantiles as in `engines.quantiles`.
    """
    if low > high:
        raise InvalidInput("the band's low edge is above its high edge", field="low")
    bands = []
    for step, position in enumerate(path, 1):
        errors = errors_by_step.get(step, ())
        top, bottom = quantile(errors, 1 - low), quantile(errors, 1 - high)
        if len(errors) < errors_min or top is None or bottom is None:
            bands.append(Band(None, None, len(errors)))
        else:
            bands.append(Band(position - top, position - bottom, len(errors)))
    return bands


def smoothed_level(level: Fraction, observations: Sequence[Fraction], alpha: Fraction) -> Fraction:
    """`L = alpha * x + (1 - alpha) * L` over the observations, oldest first: the behavioural flow to expect.

    Raises:
        InvalidInput: alpha outside 0..1.
    Source: LIQ-04 (simple exponential smoothing).
    """
    if not 0 <= alpha <= 1:
        raise InvalidInput("want an alpha from 0 to 1", field="alpha")
    for observation in observations:
        level = alpha * observation + (1 - alpha) * level
    return level
