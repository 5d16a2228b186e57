"""What would have been decided about large outflows: release, queue, find funds, escalate (LIQ-02).

The decision needs the available position after the outflow (LIQ-07); the first recorded cut that holds the entry has
it. Decisions of a page are not published, so that both sides are worked out here, by the rule the page asks. Not for
the rule: that is `streams.withdrawal_decision`.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from engines.exact_ratio import half_up
from engines.primitives.money import exponent, to_minor, to_text
from projections.limit_cuts import Total
from projections.limit_policy import TotalKey, WatchPolicy
from projections.rule_cut_watch import CutWatchState
from streams.counterfactual_compare import Row
from streams.counterfactual_limits import PLACE, recorded_cuts
from streams.counterfactual_past import PastLogs, Period
from streams.ratio_policy import RatioPolicy
from streams.withdrawal_decision import Outflow, Standing, decided

METRIC = "available_position"


@dataclass(frozen=True, slots=True)
class Liquidity:
    """Of one entity and currency, after an entry."""

    cut: int
    total: Total | None  # None: not told


def add_decisions(
    logs: PastLogs, rows: Sequence[Row], period: Period, watch: WatchPolicy, real: RatioPolicy, branch: RatioPolicy
) -> None:
    """To both sides of each row of a rolling alert its `decision`; where they differ the row says so."""
    wanted = [row for row in rows if row["kind"] == "raised" and row["rule"] == "large-flow-rolling"]
    known = _liquidity(logs, wanted, period, watch)
    for row in wanted:
        found = known.get((row["place"], row["offset"]))
        for side, policy in (("real", real), ("branch", branch)):
            if row[side] is not None:
                row[side]["decision"] = _decision(row, row[side]["rolling"], found, policy)
        sides = [row[side] and row[side]["decision"] for side in ("real", "branch")]
        if all(sides) and sides[0] != sides[1]:
            row["differs"].append("decision")


def _liquidity(
    logs: PastLogs, rows: Iterable[Row], period: Period, watch: WatchPolicy
) -> dict[tuple[str, int], Liquidity]:
    """By place and offset of the entry, at the first cut of the period that holds it."""
    waiting: dict[str, deque[Row]] = defaultdict(deque)
    for row in sorted(rows, key=lambda row: (row["place"], row["offset"])):
        waiting[row["place"]].append(row)
    found: dict[tuple[str, int], Liquidity] = {}
    if not waiting:
        return found
    start, end = period.start.get(PLACE, 0), period.end.get(PLACE, 0)
    totals, epoch, begun = _told_before(logs, start, watch)
    for raw in logs.batches(*PLACE, begun, end):
        for cut in recorded_cuts(raw):
            if cut.epoch < epoch:
                continue
            epoch = cut.epoch
            if cut.whole:
                totals.clear()
            for gone in cut.gone:
                totals.pop(gone, None)
            totals.update((key, total) for key, total in cut.totals.items() if key.metric == METRIC)
            for place, mine in waiting.items() if cut.offset >= start else ():
                while mine and mine[0]["offset"] < cut.offsets.get(place, 0):
                    row = mine.popleft()
                    key = TotalKey(METRIC, "currency", row["entity"], row["currency"])
                    found[place, row["offset"]] = Liquidity(cut.offset, totals.get(key))
        if not any(waiting.values()):
            break
    return found


def _told_before(logs: PastLogs, start: int, watch: WatchPolicy) -> tuple[dict[TotalKey, Total], int, int]:
    """Totals, epoch and next offset of the newest stored state below the period; else nothing and the log's start."""
    stored = logs.snapshot(PLACE, start)
    if stored is None or stored.meta.fold_version != CutWatchState.FOLD_VERSION:
        return {}, 0, 0
    state = CutWatchState.load(stored.deltas[-1] if stored.deltas else stored.base, watch).limits
    return state.totals, state.epoch, state.next_offset


def _decision(row: Row, rolling: str, found: Liquidity | None, policy: RatioPolicy) -> Mapping[str, Any]:
    currency = row["currency"]
    nothing: dict[str, Any] = {"decision": None, "actions": [], "cut": None if found is None else found.cut}
    if found is None or found.total is None or found.total.value is None:
        return nothing | {"reason": "no-recorded-cut" if found is None else "no-available-position"}
    limit = policy.in_force(date.fromisoformat(found.total.as_of)).reserve_limit(row["entity"], currency)
    available = Fraction(found.total.value) * 10 ** exponent(currency)
    outflow = Outflow(
        row["entity"], row["organisation"], currency, row["customer"], to_minor(rolling, currency), has_left=True
    )
    one = decided(outflow, {(row["entity"], currency): Standing(available, limit or 0, limit is not None)})
    verdict = one.verdict
    if verdict is None:
        return nothing | {"reason": one.reason}
    return {
        "decision": verdict.decision,
        "actions": list(verdict.actions),
        "reason": verdict.reason,
        "cut": found.cut,
        "post": to_text(half_up(verdict.post.numerator, verdict.post.denominator), currency),
        "floor": to_text(limit or 0, currency),
        "shortfall": to_text(half_up(verdict.shortfall.numerator, verdict.shortfall.denominator), currency),
    }
