"""Large-flow alerts of a past period under two rule sets, from one read of the log (LIQ-02).

The entries pass the worker's own fold: what is new, what is late, what takes what back. Told are the alerts of the
period; the log before it is folded too, since an alert is a step from below and a window does not begin at midnight.
Not for what was really published: that is `streams.counterfactual_real`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from engines.primitives.errors import InvalidInput
from infra.snapshots import StoredSnapshot
from projections import transactions
from projections.counterfactual_flows import AlertState
from projections.large_flow_policy import LargeFlowPolicy
from projections.large_flows import AlertRaised
from projections.transactions import TransactionState
from streams import outputs
from streams.counterfactual_past import PastLogs, Period, Place
from streams.decode import decode
from streams.schemas import Alert, Source
from streams.topics import TXN

Told = Callable[[str, int, int], None]
"""Progress: what is done, how many of how many records. Whoever is told may raise to stop the branch."""


@dataclass(frozen=True, slots=True)
class TwoStories:
    """Alerts of a period in the order of the log: folded again under the rules as they are, and under the others."""

    control: list[Alert]
    branch: list[Alert]
    folded_from: dict[str, int]  # where the fold of each partition began


def large_flow_alerts(
    logs: PastLogs,
    period: Period,
    rules: LargeFlowPolicy,
    changed: LargeFlowPolicy,
    told: Told,
    *,
    from_snapshot: bool = False,
) -> TwoStories:
    """Both stories of all partitions.

    Args:
        from_snapshot: begin at the newest stored state before the period, rather than at the log's start. Quick, and
            exact while the rules are unchanged; under changed ones, who had no outflow within the window before the
            snapshot is taken to be below.
    Raises:
        InvalidInput: the log no longer reaches back, and no stored state does. Unavailable: it does not answer.
    """
    stories = TwoStories([], [], {})
    # A longer window needs outflows that a stored state has let go of.
    usable = from_snapshot and changed.retention_us <= rules.retention_us
    places = period.places(TXN)
    stored = {place: _stored(logs, period, place) if usable else None for place in places}
    whole = sum(period.end[place] - (found.meta.next_offset if found else 0) for place, found in stored.items())
    done = 0
    for place in places:  # one after the other: a state is as large as a worker's
        state = AlertState(rules, changed, logs.horizon_days)
        found = stored.pop(place)
        if found is not None:
            state.restore(found.base, found.deltas)
        stories.folded_from[f"{place[0]}/{place[1]}"] = state.next_offset
        for alerts, branched, records in _folded(logs, place, state, period.end[place]):
            stories.control.extend(_wire(alerts, place, period))
            stories.branch.extend(_wire(branched, place, period))
            done += records
            told("alerts", done, whole)
    return stories


def _stored(logs: PastLogs, period: Period, place: Place) -> StoredSnapshot | None:
    found = logs.snapshot(place, period.start[place])
    return found if found is not None and found.meta.fold_version == TransactionState.FOLD_VERSION else None


def _folded(
    logs: PastLogs, place: Place, state: AlertState, end: int
) -> Iterator[tuple[list[AlertRaised], list[AlertRaised], int]]:
    for raw in logs.batches(*place, state.next_offset, end):
        folded = transactions.fold(state, decode(raw).batch, raw.from_offset, raw.to_offset)
        yield folded.alerts, state.branched.take_answers(), raw.to_offset - raw.from_offset
    if state.next_offset < end:
        raise InvalidInput(f"{place[0]}/{place[1]} ends at {state.next_offset}, asked for {end}", field="to")


def _wire(alerts: list[AlertRaised], place: Place, period: Period) -> Iterator[Alert]:
    """Those of the period as `tm.risk.alert.v1` would hold them, by the worker's own writer."""
    source = Source(topic=place[0], partition=place[1], offset=0, log="-", fold=TransactionState.FOLD_VERSION)
    chosen = [alert for alert in alerts if period.holds(place, alert.offset)]
    for output in outputs.alerts(chosen, source):
        yield msgspec.json.decode(output.value, type=Alert)
