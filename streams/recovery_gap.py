"""The gap with recoveries in it, and what they add to a stress test (LIQ-08, LIQ-12, LIQ-33).

The contractual gap stays as it is; here is the same table with the expected cash of disposals as more inflows.
Disposals have no line of business: theirs is "-", their product RECOVERY. Not for customers' behaviour: no live gap
applies those rules yet.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from engines.buckets import BUCKETS, OVERDUE, UNDATED, bucket_index
from engines.exact_ratio import half_up
from engines.shown_parts import shown_parts
from infra.recovery_policies import RecoveryPolicy
from projections.recovery_records import Disposal
from streams.recovery_view import RecoveryPicture, RecoveryRow, passes, rows_of
from streams.views_figures import AsOf, Filters, GapRow

NO_LINE, PRODUCT = "-", "RECOVERY"
ZERO = Fraction(0)


class BehaviouralRow(NamedTuple):
    """Flows of one bucket, minor units; `recoveries_minor` is part of the inflow."""

    members: tuple[str, ...]
    bucket: str
    inflow_minor: int
    recoveries_minor: int
    outflow_minor: int
    cumulative_minor: int | None
    contracts: int


def behavioural_gap(
    contractual: Sequence[GapRow],
    picture: RecoveryPicture,
    policy: RecoveryPolicy,
    by: tuple[str, ...],
    as_of: AsOf,
    filters: Filters,
    *,
    severity: str | None = None,
) -> list[BehaviouralRow]:
    """The gap along `by` with recoveries, every bucket of every combination that has a flow.

    Args:
        contractual: `RiskView.gap` of the same cut, dates and filters.
    """
    found = rows_of(picture.disposals, policy, picture.dated(as_of), severity=severity)
    inflows = bucketed([row for row in found if _passes(row.disposal, filters)], by)
    rows: dict[tuple[str, ...], list[GapRow]] = {}
    for row in contractual:
        rows.setdefault(row.members, []).append(row)
    result = []
    for members in sorted({*rows, *inflows}):
        known = rows.get(members) or [GapRow(members, bucket, 0, 0, 0, 0) for bucket in BUCKETS]
        result += _merged(known, inflows.get(members, [ZERO] * len(BUCKETS)))
    return result


def bucketed(rows: Iterable[RecoveryRow], by: Sequence[str]) -> dict[tuple[str, ...], list[Fraction]]:
    """Expected inflows by members and bucket, exact minor units; combinations without an inflow are absent."""
    sums: dict[tuple[str, ...], list[Fraction]] = {}
    for row in rows:
        if row.expected is None or not row.expected.inflows:
            continue
        named = _members(row.disposal)
        into = sums.setdefault(tuple(named[name] for name in by), [ZERO] * len(BUCKETS))
        days = np.array([inflow.day for inflow in row.expected.inflows], np.int64) - row.as_of.toordinal()
        for bucket, inflow in zip(bucket_index(days).tolist(), row.expected.inflows, strict=True):
            into[bucket] += inflow.amount
    return sums


def within(rows: Iterable[RecoveryRow], horizon_days: int) -> dict[tuple[str, str], Fraction]:
    """Expected inflows of the first days by entity and currency, exact minor units: the input of a stress test."""
    sums: dict[tuple[str, str], Fraction] = {}
    for row in rows:
        if row.expected is None:
            continue
        last = row.as_of.toordinal() + horizon_days
        amount = sum((inflow.amount for inflow in row.expected.inflows if inflow.day <= last), ZERO)
        pair = row.disposal.entity, row.disposal.currency
        sums[pair] = sums.get(pair, ZERO) + amount
    return sums


def shown_minor(amount: Fraction) -> int:
    """HALF_UP to a minor unit (decision Q2)."""
    return half_up(amount.numerator, amount.denominator)


def _merged(contractual: Sequence[GapRow], recoveries: Sequence[Fraction]) -> list[BehaviouralRow]:
    # The buckets of a line add up to its rounded whole, so that no unit is made or lost by showing it.
    shown = shown_parts(recoveries, Fraction(shown_minor(sum(recoveries, ZERO))), 0)
    rows, running = [], 0
    for place, (row, part) in enumerate(zip(contractual, shown, strict=True)):
        inflow = row.inflow_minor + int(part)
        counted = place not in {OVERDUE, UNDATED}
        running += (inflow - row.outflow_minor) * counted
        cumulative = running if counted else None
        rows.append(
            BehaviouralRow(row.members, row.bucket, inflow, int(part), row.outflow_minor, cumulative, row.contracts)
        )
    return rows


def _members(disposal: Disposal) -> dict[str, str]:
    return {
        "entity": disposal.entity,
        "organisation": disposal.organisation,
        "business_line": NO_LINE,
        "product": PRODUCT,
        "currency": disposal.currency,
    }


def _passes(disposal: Disposal, filters: Filters) -> bool:
    members = _members(disposal)
    return passes(disposal, filters) and all(
        members[name] in allowed for name, allowed in filters.items() if name in members
    )
