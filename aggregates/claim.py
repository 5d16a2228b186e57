"""Arithmetic of a claim: its six buckets, the orders in which money is laid on them, and the valid-order
fold.

Integer minor units throughout. Not for accrual: interest comes from core banking or the interest trial.
Source: spec/risk-assets.md sections 0 (`alloc`), 6.1 (orders), 7.1 (modes); decisions E15, E21.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from types import MappingProxyType

Alloc = dict[str, int]  # minor units by bucket, each > 0; the order of the keys is the order of allocation

BUCKETS = ("costs", "principal", "interest_on", "interest_off", "penalty", "compound")
BOOK_BUCKETS = (
    "costs",
    "principal",
    "interest_on",
)  # on the balance sheet; the other three are memo interest
ACCRUED_BUCKETS = ("interest_on", "interest_off", "penalty", "compound")

INTEREST_FIRST_DAYS_MAX = 90

#: Orders of 6.1; "interest" means interest_on, then interest_off (E21).
ORDERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "INTEREST_FIRST": ("costs", "compound", "penalty", "interest_on", "interest_off", "principal"),
        "PRINCIPAL_FIRST": ("costs", "principal", "interest_on", "interest_off", "penalty", "compound"),
        "IN_KIND": ("principal", "interest_on", "interest_off", "penalty", "compound"),
    }
)
POST_WRITE_OFF_ORDER = ORDERS["PRINCIPAL_FIRST"]  # 7.1: costs, principal, interest, penalty, compound

#: Modes that RiskAsset.ApplyRecovery takes by itself; the others are applied by their case (E14).
CASH_MODES = (
    "CASH_VOLUNTARY",
    "CASH_GUARANTOR",
    "COLLATERAL_SELF_SALE",
    "OUTSOURCED",
    "LITIGATION_ENFORCEMENT",
)


@dataclass(frozen=True, slots=True)
class Effect:
    """What one event did to the buckets: absolute balances, or signed differences, as of its business
    date."""

    valid_on: date
    absolute: bool
    minor_by_bucket: Mapping[str, int]


def order_of(mode: str, overdue_days: int) -> str:
    """Order of 7.1 for a recovery mode; a judgment may set another for LITIGATION_ENFORCEMENT."""
    if mode == "LITIGATION_ENFORCEMENT" or overdue_days > INTEREST_FIRST_DAYS_MAX:
        return "PRINCIPAL_FIRST"
    return "INTEREST_FIRST"


def allocate(amount_minor: int, order: Sequence[str], capacity_minor: Mapping[str, int]) -> tuple[Alloc, int]:
    """Lay an amount on the buckets in order, none above its capacity; returns the split and the surplus."""
    alloc: Alloc = {}
    left = amount_minor
    for bucket in order:
        part = min(left, capacity_minor[bucket])
        if part > 0:
            alloc[bucket] = part
            left -= part
    return alloc, left


def undo(amount_minor: int, alloc_minor: Alloc) -> Alloc:
    """Take an amount back out of what is left of an allocation, last bucket first (spec 3.1)."""
    undone, _ = allocate(amount_minor, list(reversed(alloc_minor)), alloc_minor)
    return undone


def without(alloc_minor: Mapping[str, int], taken_minor: Mapping[str, int]) -> Alloc:
    left = {bucket: part - taken_minor.get(bucket, 0) for bucket, part in alloc_minor.items()}
    return {bucket: part for bucket, part in left.items() if part}


def part_of(minor_by_bucket: Mapping[str, int], buckets: Iterable[str]) -> int:
    return sum(minor_by_bucket.get(bucket, 0) for bucket in buckets)


def book_of(minor_by_bucket: Mapping[str, int]) -> int:
    """Book claim: principal, interest_on and costs (spec 7.4)."""
    return part_of(minor_by_bucket, BOOK_BUCKETS)


def memo_interest_of(minor_by_bucket: Mapping[str, int]) -> int:
    return sum(minor_by_bucket.values()) - book_of(minor_by_bucket)


def non_zero(minor_by_bucket: Mapping[str, int], buckets: Iterable[str] = BUCKETS) -> Alloc:
    return {bucket: minor_by_bucket[bucket] for bucket in buckets if minor_by_bucket[bucket]}


def lowest_from(effects: Sequence[Effect], day: date) -> dict[str, int]:
    """Lowest balance of each bucket at the end of `day` and of every later day, folded in valid order (E15).

    Effects of one day are taken in recorded order, in which they are given.
    """
    balance = dict.fromkeys(BUCKETS, 0)
    lowest: dict[str, int] | None = None
    for valid_on, group in groupby(sorted(effects, key=lambda effect: effect.valid_on), lambda e: e.valid_on):
        if valid_on > day and lowest is None:
            lowest = dict(balance)
        for effect in group:
            for bucket, minor in effect.minor_by_bucket.items():
                balance[bucket] = minor if effect.absolute else balance[bucket] + minor
        if lowest is not None:
            lowest = {bucket: min(low, balance[bucket]) for bucket, low in lowest.items()}
    return balance if lowest is None else lowest
