"""Figures of the public disclosure: averages of daily LCRs over a quarter, NSFR at its end (LIQ-42).

What is disclosed is the average of the daily ratios; the ratio of the averages is another number, shown beside it
only because readers divide the two averages that stand above. Not for the daily ratio itself: `engines.lcr`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from engines.indicators import Ratio
from engines.primitives.errors import InvalidInput

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class DisclosedLine:
    unweighted: Fraction
    weighted: Fraction


@dataclass(frozen=True, slots=True)
class DailyResult:
    """One day's LCR with its lines by code; amounts in one currency and unit."""

    day: date
    hqla: Fraction
    net_cash_outflows: Fraction
    lines: Mapping[str, DisclosedLine]

    @property
    def lcr(self) -> Ratio:
        return Ratio(self.hqla, self.net_cash_outflows)


@dataclass(frozen=True, slots=True)
class LcrDisclosure:
    """Simple averages over the daily observations."""

    observations: int
    average_hqla: Fraction
    average_net_cash_outflows: Fraction
    lcr: Ratio | None  # sum of daily LCRs over their number; None: a day has no LCR
    ratio_of_averages: Ratio
    days_without_lcr: tuple[date, ...]
    lines: Mapping[str, DisclosedLine]  # by code, sorted


def disclosed_lcr(days: Sequence[DailyResult]) -> LcrDisclosure:
    """Averages of a quarter's daily results.

    A line that is absent on a day counts as 0 there. A day without net cash outflows has no LCR, and then neither has
    the quarter: leaving the day out would disclose an average of other days.
    Raises:
        InvalidInput: there is no day, or a day stands twice.
    Source: Basel Framework DIS85, template LIQ1: simple averages of the daily observations of the quarter.
    """
    if not days:
        raise InvalidInput("want one day or more", field="days")
    seen: set[date] = set()
    for at, one in enumerate(days):
        if one.day in seen:
            record = f"days[{at}]"
            raise InvalidInput("the date stands twice", field=f"{record}.date", record=record)
        seen.add(one.day)
    count = len(days)
    hqla = sum((one.hqla for one in days), ZERO)
    outflows = sum((one.net_cash_outflows for one in days), ZERO)
    ratios = [value for one in days if (value := one.lcr.value) is not None]
    codes = sorted({code for one in days for code in one.lines})
    return LcrDisclosure(
        observations=count,
        average_hqla=hqla / count,
        average_net_cash_outflows=outflows / count,
        lcr=Ratio(sum(ratios, ZERO), Fraction(count)) if len(ratios) == count else None,
        ratio_of_averages=Ratio(hqla, outflows),
        days_without_lcr=tuple(sorted(one.day for one in days if one.lcr.value is None)),
        lines={code: _average(code, days) for code in codes},
    )


def _average(code: str, days: Sequence[DailyResult]) -> DisclosedLine:
    found = [one.lines[code] for one in days if code in one.lines]
    return DisclosedLine(
        sum((line.unweighted for line in found), ZERO) / len(days),
        sum((line.weighted for line in found), ZERO) / len(days),
    )
