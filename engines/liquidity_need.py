"""What a bank must be able to raise: by the structure of its funds, by period, and by its structure at large.

Three methods, LIQ-28 to 30. Signs: `funding_need` is uses - sources, so positive is a shortage; the 90-day gap of
`engines.indicators` is inflow - outflow, so positive is a surplus. The seed calls both by one name, we do not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Literal, get_args

from engines.primitives.errors import InvalidInput

FundingClass = Literal["hot", "volatile", "core"]
CLASSES: tuple[FundingClass, ...] = get_args(FundingClass)

#: Liquidity to hold against each class. The deck has both sets, for the same three classes under other names; the
#: prudent one, of its measurement chapter, is the default.
WEIGHT_SETS: dict[str, dict[FundingClass, Fraction]] = {
    "A": {"hot": Fraction(80, 100), "volatile": Fraction(30, 100), "core": Fraction(15, 100)},
    "B": {"hot": Fraction(95, 100), "volatile": Fraction(30, 100), "core": Fraction(15, 100)},
}
DEFAULT_WEIGHT_SET: Literal["B"] = "B"


@dataclass(frozen=True, slots=True)
class Funding:
    """Liabilities of a class and the required reserve already held against them; both >= 0."""

    balance: Fraction
    required_reserve: Fraction


@dataclass(frozen=True, slots=True)
class Need:
    by_class: dict[FundingClass, Fraction]
    new_loans: Fraction

    @property
    def liability_need(self) -> Fraction:
        return sum(self.by_class.values(), Fraction(0))

    @property
    def total_need(self) -> Fraction:
        """Probable new loans count in full: a good customer is not turned away."""
        return self.liability_need + self.new_loans


def liquidity_need(
    funding: Mapping[FundingClass, Funding], new_loans: Fraction, weights: Mapping[FundingClass, Fraction]
) -> Need:
    """`weight x (balance - required reserve)` of each class, each difference at least 0, and the new loans.

    Source: LIQ-28, structure-of-funds method.
    """
    needs = {
        name: weights[name] * max(Fraction(0), funding[name].balance - funding[name].required_reserve)
        for name in CLASSES
    }
    return Need(needs, new_loans)


def funding_need(uses: Sequence[Fraction], sources: Sequence[Fraction]) -> Fraction:
    """Uses less sources of a period: positive is a shortage to finance, negative a surplus. Source: LIQ-29."""
    return sum(uses, Fraction(0)) - sum(sources, Fraction(0))


@dataclass(frozen=True, slots=True)
class FundingGap:
    average_loans: Fraction
    average_core_deposits: Fraction
    liquid_assets: Fraction

    @property
    def gap(self) -> Fraction:
        """Loans that core deposits do not fund; negative: core deposits fund more than the loans. Source: LIQ-30."""
        return self.average_loans - self.average_core_deposits

    @property
    def borrowing_need(self) -> Fraction:
        """The gap and the liquid assets that must be funded as well."""
        return self.gap + self.liquid_assets


def daily_average(closings: Sequence[tuple[date, Fraction]], period_end: date) -> Fraction:
    """Average of daily closing balances from the first closing to `period_end`, both included.

    A day without a closing, as a holiday, keeps the balance of the day before.
    Raises:
        InvalidInput: no closing, days not rising, or one after the end.
    Source: LIQ-30, "averages are daily over the reporting period".
    """
    if not closings:
        raise InvalidInput("want at least one closing", field="closings")
    days = [day for day, _ in closings]
    for at, (day, following) in enumerate(pairwise(days), 1):
        if following <= day:
            record = f"closings[{at}]"
            raise InvalidInput(f"{following} does not come after {day}", field=f"{record}.date", record=record)
    if days[-1] > period_end:
        record = f"closings[{len(days) - 1}]"
        raise InvalidInput(f"{days[-1]} is after the period's end", field=f"{record}.date", record=record)
    ends = [*days[1:], date.fromordinal(period_end.toordinal() + 1)]
    weighted = sum((value * (end - day).days for (day, value), end in zip(closings, ends, strict=True)), Fraction(0))
    return weighted / (ends[-1] - days[0]).days
