"""Completion of targets and ranking of organisations (spec/risk-assets.md 7.3). Money is integer minor units.

Percentages are Decimal, HALF_UP to two decimals; where there is no target there is none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from engines.exact_ratio import half_up


@dataclass(frozen=True, slots=True)
class Standing:
    """One organisation's target and what it achieved."""

    org: str
    target_minor: int
    actual_minor: int

    @property
    def completion(self) -> Decimal | None:
        return completion(self.actual_minor, self.target_minor)


@dataclass(frozen=True, slots=True)
class Ranked:
    org: str
    completion: Decimal | None
    rank: int | None  # None: no target, so no rank


def percent(share: Fraction) -> Decimal:
    """Per cent of one, HALF_UP (away from zero) to two decimals: `percent(Fraction(3, 4)) == Decimal("75.00")`."""
    hundredths = share * 10_000
    return Decimal(half_up(hundredths.numerator, hundredths.denominator)).scaleb(-2)


def completion(actual_minor: int, target_minor: int) -> Decimal | None:
    """Actual in per cent of the target; None where there is no target."""
    return percent(Fraction(actual_minor, target_minor)) if target_minor else None


def roll_up(standings: Iterable[Standing]) -> Decimal | None:
    """Completion of the whole: sum over sum, never the mean of percentages. What a child without a target achieved
    counts too."""
    listed = list(standings)
    return completion(sum(one.actual_minor for one in listed), sum(one.target_minor for one in listed))


def time_progress(as_of: date, start: date, end: date) -> Decimal:
    """Part of the period that is over at the end of a day, both ends counted."""
    return percent(Fraction((as_of - start).days + 1, (end - start).days + 1))


def rank_by_completion(standings: Iterable[Standing]) -> list[Ranked]:
    """Completion falling, then actual falling, then organisation; equal completion shares a rank (1, 2, 2, 4).

    Those without a target come last, unranked.
    """
    listed = sorted(
        standings, key=lambda one: (one.completion is None, -(one.completion or 0), -one.actual_minor, one.org)
    )
    ranked: list[Ranked] = []
    for place, standing in enumerate(listed, 1):
        shared = ranked and ranked[-1].completion == standing.completion
        rank = ranked[-1].rank if shared else place
        ranked.append(Ranked(standing.org, standing.completion, None if standing.completion is None else rank))
    return ranked


def rank_by_amount(standings: Iterable[Standing]) -> list[str]:
    """Organisations by completed amount, largest first (home chart)."""
    return [one.org for one in sorted(standings, key=lambda one: (-one.actual_minor, one.org))]


def rank_customers(claim_minor_by_customer: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Customers by the sum of their claims, largest first (home chart); a customer may come several times."""
    totals: dict[str, int] = {}
    for customer_no, claim_minor in claim_minor_by_customer:
        totals[customer_no] = totals.get(customer_no, 0) + claim_minor
    return sorted(totals.items(), key=lambda item: (-item[1], item[0]))
