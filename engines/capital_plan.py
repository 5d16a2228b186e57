"""A capital plan of several years: the need, the growth that pays for itself, funding of the rest (LIQ-51). Exact."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from engines.factor_lines import ZERO, check_amount, check_share
from engines.indicators import Ratio


@dataclass(frozen=True, slots=True)
class Year:
    rwa: Fraction  # at the end, >= 0
    profit: Fraction  # after tax, a loss is negative
    payout: Fraction = ZERO  # 0..1 of a profit; a loss pays nothing out
    issue: Fraction = ZERO  # planned already, >= 0


@dataclass(frozen=True, slots=True)
class PlannedYear:
    opening: Fraction
    profit: Fraction
    dividend: Fraction
    closing: Fraction  # before the funding actions
    rwa: Fraction
    capital_need: Fraction  # max(0, target x RWA - closing)
    need_margin: Fraction  # the same without its floor: below 0 is what is spare
    retain: Fraction  # of the need, dividends to keep back
    raise_: Fraction  # of the need, to issue

    @property
    def ratio(self) -> Ratio:
        return Ratio(self.closing, self.rwa)

    @property
    def self_financed_growth(self) -> Ratio:
        """Retained profit over opening capital: the growth of RWA that keeps the ratio without an issue."""
        return Ratio(self.profit - self.dividend, self.opening)


def capital_plan(
    opening: Fraction, years: Sequence[Year], target: Fraction, *, is_funded: bool = True
) -> list[PlannedYear]:
    """Year by year: `need = max(0, target x RWA - capital)`, first out of dividends kept back, the rest issued.

    Args:
        opening: capital, any sign. target: share of RWA, 0..1.
        is_funded: what a year needs is raised in it and opens the next one; else nothing is done about it.
    Raises:
        InvalidInput: an amount is negative, a share outside 0..1; `record` as `years[1]`.
    Source: LIQ-51.
    """
    check_share(target, "target")
    found = []
    for at, year in enumerate(years):
        record = f"years[{at}]"
        check_amount(year.rwa, f"{record}.rwa", record)
        check_amount(year.issue, f"{record}.issue", record)
        dividend = max(ZERO, year.profit) * check_share(year.payout, f"{record}.payout", record)
        closing = opening + year.profit - dividend + year.issue
        margin = target * year.rwa - closing
        need = max(ZERO, margin)
        retain = min(need, dividend)
        found.append(
            PlannedYear(opening, year.profit, dividend, closing, year.rwa, need, margin, retain, need - retain)
        )
        opening = closing + (need if is_funded else ZERO)
    return found
