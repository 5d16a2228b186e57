"""Business volumes of coming periods from a base, growth and season (LIQ-51). Exact: whole periods, rational growth.

Growth and season are assumptions of the plan. Estimating them from history is `trend` (LIQ-41).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from engines.factor_lines import check_amount
from engines.primitives.errors import InvalidInput

PERIODS_MAX = 600  # fifty years of months: the digits of an exact power grow with each
GROWTH_MAX = 10  # elevenfold in a period is a mistake


@dataclass(frozen=True, slots=True)
class Volume:
    period: int  # from 1
    trend: Fraction  # base x (1 + growth)^h
    season: Fraction
    change: Fraction  # of the volume since the period before; of period 1 since the base

    @property
    def volume(self) -> Fraction:
        return self.trend * self.season


def volume_forecast(base: Fraction, growth: Fraction, seasons: Sequence[Fraction], periods: int) -> list[Volume]:
    """`base x (1 + g)^h x season(h)` for h = 1 to `periods`.

    Args:
        base: volume of the last period without its season, >= 0. growth: a period, -1..10.
        seasons: factors >= 0 from period 1 on, repeated: twelve for a year of months; none: no season.
    Raises:
        InvalidInput: out of range; `record` as `seasons[2]`.
    Source: LIQ-51.
    """
    check_amount(base, "base")
    if not -1 <= growth <= GROWTH_MAX:
        raise InvalidInput(f"want a growth from -1 to {GROWTH_MAX}", field="growth")
    if not 1 <= periods <= PERIODS_MAX:
        raise InvalidInput(f"want 1 to {PERIODS_MAX} periods", field="periods")
    for at, season in enumerate(seasons):
        check_amount(season, f"seasons[{at}]", f"seasons[{at}]")
    found: list[Volume] = []
    trend, before = base, base
    for period in range(1, periods + 1):
        trend *= 1 + growth
        season = seasons[(period - 1) % len(seasons)] if seasons else Fraction(1)
        found.append(Volume(period, trend, season, trend * season - before))
        before = trend * season
    return found
