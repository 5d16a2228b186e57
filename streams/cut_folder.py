"""The folder of `tm.risk.cut.v1`: recorded cuts to alerts on limits and of rules, by the machinery of folded topics.

The worker drives it as it drives the entries: snapshots, epochs, order of effects and alert sequence are theirs.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from engines.primitives.errors import TidemarkError
from infra.snapshots import StoredSnapshot
from projections.entry_batch import Refusal
from projections.limit_cuts import RecordedCut
from projections.limit_policy import WatchPolicy
from projections.limit_watch import LimitWatchState
from projections.rule_cut_watch import CutWatchState, fold
from streams import topics
from streams.cut_records import decode, recorded
from streams.folders import Absorbed
from streams.outputs import Output
from streams.raw_batch import RawBatch
from streams.rule_alerts import cut_alerts
from streams.schemas import Source

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class CutFolder:
    topic = topics.CUT
    state_name = "limit-watch"
    output_topics: tuple[str, ...] = ()  # alerts leave at once, and there is nothing else

    def __init__(self, policy: WatchPolicy) -> None:
        self._policy = policy

    @property
    def fold_version(self) -> int:
        return CutWatchState.FOLD_VERSION

    def empty(self) -> CutWatchState:
        return CutWatchState(self._policy)

    def load(self, base: bytes, deltas: tuple[bytes, ...] = ()) -> CutWatchState:
        state = CutWatchState.load(base, self._policy)
        if deltas:
            state.apply_delta(deltas[-1])  # each is whole
        return state

    def upgraded(self, found: StoredSnapshot) -> CutWatchState | None:
        """The state to go on from, of a snapshot of an older fold version; None: nobody can carry it over."""
        if found.meta.fold_version != LimitWatchState.FOLD_VERSION:
            return None
        return CutWatchState.after_limits(found.deltas[-1] if found.deltas else found.base, self._policy)

    def absorb(self, state: CutWatchState, raw: RawBatch) -> Absorbed:
        cuts: list[RecordedCut] = []
        refusals: list[Refusal] = []
        for offset, value, appended in zip(raw.offsets.tolist(), raw.values, raw.appended_us.tolist(), strict=True):
            if offset < state.next_offset:
                continue
            try:
                cut = decode(value or b"")
                taken = datetime.fromisoformat(cut.taken_at)
                cuts.append(recorded(cut, offset, (taken - _EPOCH) // _MICROSECOND, appended))
            except (msgspec.MsgspecError, TidemarkError, ValueError, TypeError) as error:
                refusals.append(Refusal(offset, "", str(error)))
        return Absorbed(refusals, [*fold(state, cuts, raw.from_offset, raw.to_offset)])

    def publish_at_once(self, absorbed: Absorbed, source: Source) -> list[Output]:
        return list(cut_alerts(absorbed.at_once, source))

    def take_changes(self, state: CutWatchState, source: Source) -> list[Output]:
        return []

    def take_all(self, state: CutWatchState, source: Source) -> list[Output]:
        return []

    def needs_base(self, state: CutWatchState) -> bool:
        return False

    def statistics(self, state: CutWatchState) -> dict[str, int]:
        return {
            "received": state.next_offset,
            "alerts": state.next_sequence,
            "fenced": state.fenced,
            "rules": len(state.rules.rules.rules),
            "rule_problems": sum(one.count for one in state.rules.problems.values()),
        }

    def newest_event_us(self, state: CutWatchState) -> int | None:
        return None
