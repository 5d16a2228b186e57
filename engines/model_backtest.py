"""Back-test of a model that states a band or a quantile: does it fail as often as it says (LIQ-63).

Logarithms, so float64. Accuracy of point forecasts is `engines.forecast_accuracy`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import erfc, log, log1p, sqrt
from typing import Literal

from engines.primitives.errors import InvalidInput

CRITICAL_VALUE = 3.841  # chi squared, one degree of freedom, 95%, as the rule prints it

Finding = Literal["AS_STATED", "TOO_MANY_EXCEPTIONS", "TOO_FEW_EXCEPTIONS"]


@dataclass(frozen=True, slots=True)
class KupiecTest:
    """Proportion of failures. `finding` names the direction only where the model is rejected."""

    observations: int
    exceptions: int
    likelihood_ratio: float
    p_value: float
    is_rejected: bool
    finding: Finding

    @property
    def exception_rate(self) -> Fraction:
        return Fraction(self.exceptions, self.observations)


def kupiec(observations: int, exceptions: int, probability: Fraction) -> KupiecTest:
    """`LR = -2 ln[(1-p)^(T-x) p^x / ((1-x/T)^(T-x) (x/T)^x)]`, rejected above 3.841; 0 ln 0 is 0.

    Args:
        observations: T, >= 1; exceptions: x, 0..T.
        probability: p of an exception as the model states it, above 0 and below 1.
    Raises:
        InvalidInput: any of these out of range.
    Source: Kupiec (1995); LIQ-63.
    """
    if observations < 1:
        raise InvalidInput("want one observation or more", field="observations")
    if not 0 <= exceptions <= observations:
        raise InvalidInput("want from 0 exceptions to as many as observations", field="exceptions")
    if not 0 < probability < 1:
        raise InvalidInput("want a probability above 0 and below 1", field="probability")
    stated = float(probability)
    held = observations - exceptions
    ratio = 0.0
    if exceptions:
        ratio += 2 * exceptions * (log(exceptions / observations) - log(stated))
    if held:
        ratio += 2 * held * (log(held / observations) - log1p(-stated))
    ratio = max(0.0, ratio)  # equal shares may leave a last bit below 0
    is_rejected = ratio > CRITICAL_VALUE
    finding: Finding = "AS_STATED"
    if is_rejected:
        more = Fraction(exceptions, observations) > probability
        finding = "TOO_MANY_EXCEPTIONS" if more else "TOO_FEW_EXCEPTIONS"
    return KupiecTest(observations, exceptions, ratio, erfc(sqrt(ratio / 2)), is_rejected, finding)


@dataclass(frozen=True, slots=True)
class BandForecast:
    """`lower` or `upper` None: the band has no edge on that side. Both edges are inside."""

    actual: Fraction
    lower: Fraction | None
    upper: Fraction | None

    @property
    def is_exception(self) -> bool:
        is_below = self.lower is not None and self.actual < self.lower
        return is_below or (self.upper is not None and self.actual > self.upper)


def exceptions_of(forecasts: Sequence[BandForecast]) -> list[int]:
    """Places of the forecasts whose actual fell outside the band."""
    return [at for at, forecast in enumerate(forecasts) if forecast.is_exception]
