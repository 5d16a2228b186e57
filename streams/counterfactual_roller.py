"""Views that go from one recorded cut to the next: the logs behind the liquidity ratios, folded up to each vector.

The folds are the worker's, without what no ratio reads. Reading goes on in pieces, so that a long period is never in
memory as a whole. Not for the figures: those are asked of the views.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engines.primitives.errors import InvalidInput
from projections import transactions
from projections.counterfactual_flows import DepositState
from projections.deposit_insurance import DepositInsurance
from streams import outputs
from streams.counterfactual_past import PastLogs, Place
from streams.decode import decode
from streams.folders import Folder, source_of
from streams.outputs import Output
from streams.past_figures import parse_place
from streams.raw_batch import RawBatch
from streams.topics import DEPOSIT, TXN
from streams.views import CUT_KEY, RATIO_TOPICS, SOURCE_TOPIC, RiskView
from streams.views_wire import Record

PIECE_RECORDS = 50_000
SOURCES = frozenset(SOURCE_TOPIC[topic] for topic in RATIO_TOPICS if topic in SOURCE_TOPIC)
LOG = "branch/branch"


class DepositFolder:
    """`tm.in.core.txn.v1` to deposits alone, in the manner of `streams.folders.TransactionFolder`."""

    topic = TXN
    output_topics: tuple[str, ...] = (DEPOSIT,)

    def __init__(self, horizon_days: int, insurance: DepositInsurance) -> None:
        self._horizon_days, self._insurance = horizon_days, insurance
        self.fold_version = DepositState.FOLD_VERSION

    def empty(self) -> DepositState:
        return DepositState(self._horizon_days, self._insurance)

    def load(self, base: bytes, deltas: tuple[bytes, ...]) -> DepositState:
        state = self.empty()
        state.restore(base, deltas)
        return state

    def absorb(self, state: DepositState, raw: RawBatch) -> None:
        transactions.fold(state, decode(raw).batch, raw.from_offset, raw.to_offset)

    def take_changes(self, state: DepositState, source: Any) -> list[Output]:
        return list(outputs.deposits(state.take_changed_deposits(), source))

    def take_all(self, state: DepositState, source: Any) -> list[Output]:
        state.take_changed_deposits()
        return list(outputs.deposits(state.depositors.rows(), source))


@dataclass(slots=True)
class _Lane:
    """One partition: its state, and records that were read ahead."""

    folder: Any
    state: Any
    log_end: int
    ahead: deque[RawBatch] = field(default_factory=deque)


class Roller:
    """Puts every view at the same cut. Not thread-safe."""

    def __init__(
        self,
        logs: PastLogs,
        folders: Mapping[str, Folder],
        insurance: DepositInsurance,
        views: Sequence[RiskView],
        piece_records: int = PIECE_RECORDS,
    ) -> None:
        self._logs, self._views, self._piece = logs, views, piece_records
        self._folders: dict[str, Any] = {topic: folder for topic, folder in folders.items() if topic in SOURCES}
        self._folders[TXN] = DepositFolder(logs.horizon_days, insurance)
        self._lanes: dict[Place, _Lane] = {}
        self.records = 0  # folded so far

    def to(self, vector: Mapping[str, int]) -> bool:
        """Fold up to a cut's vector; False, and nothing done, where it lies behind: another sequencer's view was."""
        wanted = {place: end for place, end in _parsed(vector).items() if place[0] in SOURCES}
        if any(place in self._lanes and end < self._lanes[place].state.next_offset for place, end in wanted.items()):
            return False
        for place, end in sorted(wanted.items()):
            lane = self._lanes.get(place)
            if lane is None:
                lane = self._lanes[place] = self._opened(place, end)
            if lane.state.next_offset < end:
                self._roll(place, lane, end)
        return True

    def _opened(self, place: Place, end: int) -> _Lane:
        folder = self._folders[place[0]]
        log_end = self._logs.bounds((place[0],))[place][1]
        found = self._logs.snapshot(place, end)
        if found is None or found.meta.fold_version != folder.fold_version:
            return _Lane(folder, folder.empty(), log_end)
        lane = _Lane(folder, folder.load(found.base, found.deltas), log_end)
        self._show(place, lane, whole=True)
        return lane

    def _roll(self, place: Place, lane: _Lane, end: int) -> None:
        for raw in self._read(place, lane, end):
            self.records += raw.to_offset - raw.from_offset
            lane.folder.absorb(lane.state, raw)
        self._show(place, lane, whole=False)

    def _read(self, place: Place, lane: _Lane, end: int) -> Iterator[RawBatch]:
        at = lane.state.next_offset
        while at < end:
            if not lane.ahead:
                lane.ahead.extend(self._logs.batches(*place, at, max(min(at + self._piece, lane.log_end), end)))
            if not lane.ahead:
                raise InvalidInput(f"{place[0]}/{place[1]} does not reach {end}", field="to")
            raw = lane.ahead.popleft()
            if raw.to_offset > end:
                raw, rest = divided(raw, end)
                lane.ahead.appendleft(rest)
            at = raw.to_offset
            yield raw

    def _show(self, place: Place, lane: _Lane, *, whole: bool) -> None:
        source = source_of(lane.folder, lane.state, place[1], LOG)
        found = lane.folder.take_all(lane.state, source) if whole else lane.folder.take_changes(lane.state, source)
        records = [Record(one.topic, place[1], 0, one.key, one.value) for one in found if one.topic in RATIO_TOPICS]
        for topic in lane.folder.output_topics:
            if topic in RATIO_TOPICS:
                cut = outputs.cut(source, 0, 0, None, None, {})
                records.append(Record(topic, place[1], 0, CUT_KEY, cut))
        for view in self._views:
            for record in records:
                view.apply(record)


def divided(raw: RawBatch, at: int) -> tuple[RawBatch, RawBatch]:
    """The records below an offset, and the others; together they cover the same range."""
    count = int((raw.offsets < at).sum())
    return _part(raw, slice(0, count), raw.from_offset, at), _part(raw, slice(count, None), at, raw.to_offset)


def _part(raw: RawBatch, rows: slice, start: int, end: int) -> RawBatch:
    starts, lengths = raw.starts[rows], raw.lengths[rows]
    # Only their own letters: a long batch is divided at every cut.
    first, last = (int(starts[0]), int((starts + np.maximum(lengths, 0)).max())) if len(starts) else (0, 0)
    return RawBatch(
        start, end, raw.offsets[rows], raw.letters[first:last], starts - first, lengths, raw.appended_us[rows]
    )


def _parsed(vector: Mapping[str, int]) -> dict[Place, int]:
    return {parse_place(place): offset for place, offset in vector.items()}
