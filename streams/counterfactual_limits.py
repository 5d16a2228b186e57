"""Limits over the recorded cuts under two policies: the alerts of each, from one read of the log (LIQ-36, S18).

The alerts of rules that the cuts tell are folded along: they share the sequence of those on limits.

The cuts are the authority: their order and their time decide, as they did. The figures of a branch may be other ones
where factor tables changed; then `rewrite` says what each cut would have told. Not for how such figures are worked
out: that is `streams.counterfactual_ratios`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from engines.primitives.errors import InvalidInput, TidemarkError
from projections.counterfactual_watch import QuickWatch
from projections.limit_cuts import RecordedCut, Total
from projections.limit_policy import TotalKey, WatchPolicy
from projections.rule_cut_watch import CutAlert, CutWatchState, fold
from streams.counterfactual_alerts import Told
from streams.counterfactual_past import PastLogs, Period
from streams.cut_records import decode, recorded
from streams.raw_batch import RawBatch
from streams.rule_alerts import cut_alerts
from streams.schemas import Alert, Source
from streams.topics import CUT

PLACE = (CUT, 0)
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)

Totals = Mapping[TotalKey, Total]
Rewrite = Callable[[RecordedCut, Totals], RecordedCut]
"""What a cut of the period would have told, given it and the totals that were published up to it."""


@dataclass(frozen=True, slots=True)
class TwoWatches:
    """Alerts since the fold began, in order; those before the period say what was open when it began."""

    control: list[Alert]
    branch: list[Alert]
    folded_from: int
    cuts: int  # in the period


def watched_limits(
    logs: PastLogs,
    period: Period,
    rules: WatchPolicy,
    changed: WatchPolicy,
    told: Told,
    rewrite: Rewrite | None = None,
) -> TwoWatches:
    """Fold the cuts under both policies.

    Unchanged limits begin at the newest stored state before the period; changed ones at the log's start, since a
    light hangs on the readings before it without end.

    Raises:
        InvalidInput: the log no longer reaches back. Unavailable: it does not answer.
    """
    control, branch = CutWatchState(rules, QuickWatch), CutWatchState(changed, QuickWatch)
    start, end = period.start[PLACE], period.end[PLACE]
    found = logs.snapshot(PLACE, start) if rules == changed else None
    if found is not None and found.meta.fold_version == CutWatchState.FOLD_VERSION:
        newest = found.deltas[-1] if found.deltas else found.base  # each is whole
        stored = CutWatchState.load(newest, rules, QuickWatch)
        if stored.is_settled:
            control, branch = stored, CutWatchState.load(newest, changed, QuickWatch)
    begun, is_same = control.next_offset, rules == changed and rewrite is None
    stories = TwoWatches([], [], begun, end - start)
    for raw in logs.batches(*PLACE, begun, end):
        at = raw.from_offset
        for cut in recorded_cuts(raw):
            fenced = control.fenced
            alerts = fold(control, [cut], at, cut.offset + 1)
            stories.control.extend(wire(alerts))
            if not is_same:
                is_rewritten = rewrite is not None and cut.offset >= start and control.fenced == fenced
                other = rewrite(cut, control.limits.totals) if rewrite is not None and is_rewritten else cut
                alerts = fold(branch, [other], at, cut.offset + 1)
            stories.branch.extend(wire(alerts))
            at = cut.offset + 1
        control.next_offset = branch.next_offset = raw.to_offset  # what is no cut counts nothing
        told("limits", raw.to_offset - begun, end - begun)
    if control.next_offset < end:
        raise InvalidInput(f"{CUT}/0 ends at {control.next_offset}, asked for {end}", field="to")
    return stories


def recorded_cuts(raw: RawBatch) -> list[RecordedCut]:
    """As the worker's folder takes them; what is no cut has a dead letter of its own."""
    cuts = []
    for offset, value, appended in zip(raw.offsets.tolist(), raw.values, raw.appended_us.tolist(), strict=True):
        try:
            cut = decode(value or b"")
            taken = (datetime.fromisoformat(cut.taken_at) - _EPOCH) // _MICROSECOND
            cuts.append(recorded(cut, offset, taken, appended))
        except (msgspec.MsgspecError, TidemarkError, ValueError, TypeError):
            continue
    return cuts


def wire(alerts: list[CutAlert]) -> Iterator[Alert]:
    """As `tm.risk.alert.v1` would hold them, by the worker's own writer."""
    source = Source(topic=CUT, partition=0, offset=0, log="-", fold=CutWatchState.FOLD_VERSION)
    for output in cut_alerts(alerts, source):
        yield msgspec.json.decode(output.value, type=Alert)
