"""Five-tier classification: overdue backstops and contagion within a debtor. Exact.

Boundaries and thresholds come in as arguments: they are policy data. The judgement of an analyst is an input; a
backstop only worsens it. Not for provisions: `engines.provisions`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from engines.primitives.errors import InvalidInput

#: From the best to the worst.
TIERS = ("normal", "special_mention", "substandard", "doubtful", "loss")
NON_PERFORMING = ("substandard", "doubtful", "loss")


@dataclass(frozen=True, slots=True)
class Backstops:
    """First whole day overdue of each tier, in the order of TIERS; rising from 0."""

    scheme: str
    first_day: tuple[int, int, int, int, int]


def worst_allowed_tier(days_overdue: int, backstops: Backstops) -> str:
    """The tier that so many days overdue allow at best.

    Raises:
        InvalidInput: a negative number of days.
    Source: CBIRC and PBC Order 2023 No 1 (0 normal, to 90 special mention, to 270 substandard, to 360 doubtful).
    """
    if days_overdue < 0:
        raise InvalidInput("days overdue may not be negative", field="days_overdue")
    reached = [tier for tier, first in zip(TIERS, backstops.first_day, strict=True) if days_overdue >= first]
    return reached[-1]


def worse_of(tier: str, other: str) -> str:
    """The worse of two tiers. Raises InvalidInput for a word that is no tier."""
    for name in (tier, other):
        if name not in TIERS:
            raise InvalidInput(f"{name!r} is not one of {', '.join(TIERS)}", field="tier")
    return max(tier, other, key=TIERS.index)


def is_non_performing(tier: str) -> bool:
    """Substandard and worse, whatever the collateral."""
    return tier in NON_PERFORMING


@dataclass(frozen=True, slots=True)
class Contagion:
    """Of one non-retail debtor; a share is null where there is no claim or debt to divide by."""

    non_performing_share_here: Fraction | None
    overdue_share_all_banks: Fraction | None
    all_claims_non_performing: bool  # every claim here is at least substandard


def contagion(
    claims_here: Sequence[Fraction],
    non_performing_here: Sequence[bool],
    debt_all_banks: Fraction,
    overdue_over_90_days_all_banks: Fraction,
    *,
    threshold_here: Fraction,
    threshold_all_banks: Fraction,
) -> Contagion:
    """Whether one claim takes all claims of the debtor with it: strictly more than a threshold, here or at all banks.

    Args:
        claims_here, non_performing_here: one entry a claim, amounts >= 0.
        threshold_here, threshold_all_banks: fractions (10% and 20%); equality does not trigger.
    Raises:
        InvalidInput: the columns differ in length, an amount is negative, more is overdue than there is debt.
    Source: CBIRC and PBC Order 2023 No 1.
    """
    if len(claims_here) != len(non_performing_here):
        raise InvalidInput("want one flag a claim", field="non_performing_here")
    for place, claim in enumerate(claims_here):
        if claim < 0:
            raise InvalidInput("a claim is negative", field=f"claims_here[{place}]")
    if not 0 <= overdue_over_90_days_all_banks <= debt_all_banks:
        raise InvalidInput("want an overdue debt from 0 to the whole debt", field="overdue_gt90_all_banks")
    total = sum(claims_here, Fraction(0))
    bad = sum((claim for claim, flag in zip(claims_here, non_performing_here, strict=True) if flag), Fraction(0))
    triggered = bad > threshold_here * total or overdue_over_90_days_all_banks > threshold_all_banks * debt_all_banks
    return Contagion(
        bad / total if total else None,
        overdue_over_90_days_all_banks / debt_all_banks if debt_all_banks else None,
        triggered,
    )
