"""What to do about the large outflows of a day: release, queue, find funds, escalate, with the numbers (LIQ-02).

The fold raises the alert (`projections.large_flows`); the decision needs the available position of the same cut, so
the reader takes it. Two kinds of outflow are judged: customers above the rolling threshold, whose money has left
already, and approved reservations that are still to leave. Not for carrying a decision out.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from engines.large_flow_decision import FlowKind, Verdict, decide
from engines.primitives.money import to_minor
from streams.views import AsOf, RiskView
from streams.views_cells import Pair
from streams.views_figures import Filters
from streams.views_ratios import PositionsRow
from streams.views_wire import Withdrawal

NOBODY = "-"  # the bank's own accounts have no customer
RESERVED_BY = ("entity", "organisation", "currency")


class Standing(NamedTuple):
    """What a pair can pay with and should not go below, minor units. Without a reserve limit the floor is 0."""

    available_minor: Fraction
    floor_minor: int
    floor_is_set: bool


class Outflow(NamedTuple):
    entity: str
    organisation: str
    currency: str
    customer: str  # "" for what an organisation has reserved
    amount_minor: int
    has_left: bool  # then the available position is that after it


class Decided(NamedTuple):
    """`verdict` is None where the available position is not known: `reason` says why."""

    outflow: Outflow
    standing: Standing | None
    verdict: Verdict | None
    reason: str


def standings(rows: Iterable[PositionsRow]) -> dict[Pair, Standing]:
    """By entity and currency, where LIQ-07 is known; the floor is the minimum operating balance (备付金限额)."""
    return {
        (row.entity, row.currency): Standing(
            row.positions.available, row.reserve_limit or 0, row.reserve_limit is not None
        )
        for row in rows
        if row.positions is not None
    }


def outflow_of(row: Withdrawal) -> Outflow:
    """The customer's outflows in the window, as one."""
    amount_minor = to_minor(row.rolling, row.currency)
    return Outflow(row.entity, row.organisation, row.currency, row.customer, amount_minor, has_left=True)


def reserved_outflows(view: RiskView, as_of: AsOf, filters: Filters) -> list[Outflow]:
    """Approved reservations up to the business date that have not left, by organisation."""
    wanted = {name: allowed for name, allowed in filters.items() if name in RESERVED_BY}
    found = []
    for row in view.positions(RESERVED_BY, as_of, wanted):
        if row.reserved_minor:
            entity, organisation, currency = row.members
            found.append(Outflow(entity, organisation, currency, "", row.reserved_minor, has_left=False))
    return found


def decided(outflow: Outflow, known: Mapping[Pair, Standing]) -> Decided:
    """One outflow judged by itself. What has left is put back first, so that `post` is the position as it is.

    Source: LIQ-02; the right to withdraw is the engine's matter.
    """
    standing = known.get((outflow.entity, outflow.currency))
    if standing is None:
        return Decided(outflow, None, None, "no-available-position")
    before = standing.available_minor + (outflow.amount_minor if outflow.has_left else 0)
    kind: FlowKind = "bank_payment" if outflow.customer == NOBODY else "customer_transfer"
    verdict = decide(
        kind,
        Fraction(outflow.amount_minor),
        before,
        Fraction(standing.floor_minor),
        has_approved_reservation=not outflow.has_left,
    )
    return Decided(outflow, standing, verdict, verdict.reason)
