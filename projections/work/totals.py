"""Totals of the home view: the stock as it stands, what moved in a period, and what counts for a target.

Sums are integer minor units and never add two currencies. Ratios and ranks are the caller's, from these sums.
Source: spec/risk-assets.md 7.1, 7.3; RA-02, RA-07.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from projections.work.cases import CaseRow
from projections.work.claims import BUCKETS, ClaimRow
from projections.work.movements import Movement, within
from projections.work.sight import Sight, descendants
from projections.work.state import WorkState

STOCK_DIMENSIONS = ("entity", "org", "ccy", "classification", "lifecycle", "segment", "product")
MOVED_DIMENSIONS = ("entity", "org", "ccy", "mode", "month", "year")


@dataclass(slots=True)
class Stock:
    """Risk assets of one group: how many, and their claim by bucket."""

    group: tuple[str, ...]
    count: int = 0
    buckets: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BUCKETS, 0))
    memo: int = 0

    @property
    def claim(self) -> int:
        return sum(self.buckets.values())


@dataclass(slots=True)
class Moved:
    """Movements of one group: how many, and what they add up to."""

    group: tuple[str, ...]
    count: int = 0
    amount: int = 0
    recovery: int = 0
    reduction: int = 0
    written_off: int = 0


def stock(state: WorkState, seen: Sight, by: tuple[str, ...]) -> list[Stock]:
    """The stock by dimensions; groups sorted by their names. Currency is always told apart."""
    found: dict[tuple[str, ...], Stock] = {}
    for claim in state.claims.values():
        case = state.cases["RiskAsset", claim.loan_no]
        if not seen.place(claim.entity, case.branch):
            continue
        group = tuple(_stock_value(case, claim, name) for name in by)
        row = found.setdefault(group, Stock(group))
        row.count, row.memo = row.count + 1, row.memo + claim.memo_minor
        for bucket, minor in claim.left.items():
            row.buckets[bucket] += minor
    return [found[group] for group in sorted(found)]


def moved(state: WorkState, seen: Sight, start: str, end: str, by: tuple[str, ...]) -> list[Moved]:
    """What moved on a day from `start` to `end`, both included, by dimensions."""
    found: dict[tuple[str, ...], Moved] = {}
    for movement in within(tagged(state), start, end):
        if seen.place(movement.entity, movement.org):
            group = tuple(_moved_value(movement, name) for name in by)
            row = found.setdefault(group, Moved(group))
            row.count, row.amount = row.count + 1, row.amount + movement.amount
            row.recovery, row.reduction = row.recovery + movement.recovery, row.reduction + movement.reduction
            row.written_off += movement.written_off
    return [found[group] for group in sorted(found)]


def tagged(state: WorkState) -> Iterator[Movement]:
    """All movements, cash flows with mode, organisation and campaign of their newest tag."""
    for movement in state.movements:
        flow = state.case("RecoveryFlow", movement.about) if movement.split_no else None
        splits = () if flow is None else flow.facts.get("splits", ())
        split = next((one for one in splits if one["split_no"] == movement.split_no), None)
        if split is None:
            yield movement
        else:
            org = split.get("org") or movement.org
            yield movement.told(mode=split["mode"], org=org, campaign=split.get("campaign") or "-")


def actual(state: WorkState, target: CaseRow, until: str) -> int:
    """What counts for a target from its first day to `until` (or its end): of its organisation and those below, in
    its currency, of its campaign where it names one (7.3)."""
    facts = target.facts
    orgs = descendants(state, str(facts.get("org", target.branch)))
    return sum(_counted(state, target, orgs, str(facts["period_start"]), min(until, str(facts["period_end"]))))


def _counted(state: WorkState, target: CaseRow, orgs: frozenset[str], start: str, end: str) -> Iterator[int]:
    kind, campaign = str(target.facts["kind"]), str(target.facts.get("campaign", "-"))
    for movement in within(tagged(state), start, end):
        same = (movement.entity, movement.ccy) == (target.entity, target.ccy)
        if same and movement.org in orgs and campaign in ("-", movement.campaign):
            yield movement.counted(kind)


def _stock_value(case: CaseRow, claim: ClaimRow, name: str) -> str:
    if name in ("classification", "lifecycle", "entity", "ccy"):
        return str(getattr(claim, name))
    return case.branch if name == "org" else str(case.facts.get(name, "-"))


def _moved_value(movement: Movement, name: str) -> str:
    if name in ("month", "year"):
        return movement.valid_on[: 7 if name == "month" else 4]
    return str(getattr(movement, name))
