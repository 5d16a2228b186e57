"""The state of one partition of `tm.in.core.txn.v1`: entry ids, positions, depositors and large flows together.

One state because one log: all read the same verdict on what is new, and one snapshot holds them at one
offset. No clock, no I/O; work in proportion to the batch.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from projections.deposit_insurance import DepositInsurance
from projections.depositor_balances import DepositorBalances, DepositRow
from projections.depositor_moves import DepositMoves
from projections.digests import combine, of_integers
from projections.entry_batch import PENDING, REJECTED, SETTLED, EntryBatch, Refusal
from projections.entry_ids import CONTRADICTED, MOVED, NEW, EntryIds
from projections.large_flow_policy import LargeFlowPolicy
from projections.large_flows import NO_TIME, AlertRaised, LargeFlows, Outflows, WindowRow
from projections.positions import Movements, PositionRow, Positions
from projections.state import check_contiguous

MICROSECONDS_A_DAY = 86_400_000_000
BEYOND_HORIZON = "value date is further behind the newest event date than entry ids are kept"
ANOTHER_BODY = "the same id came before with another body"
SECOND_OPENING = "the account already has an opening balance"


class CountedEntries(NamedTuple):
    """The entries of a batch that counted and what they moved, as one who explains a figure is told of them."""

    row: NDArray[np.int64]  # of the batch as folded, that is from `next_offset` on; rising
    late: NDArray[np.bool_]
    moves: Movements  # row by row
    deposits: DepositMoves  # `entry` is a place in `row`


@dataclass(slots=True)
class TransactionState:
    """Holds exactly the entries in [0, next_offset) of one topic-partition."""

    policy: LargeFlowPolicy
    horizon_days: int = 45
    insurance: DepositInsurance = field(default_factory=DepositInsurance)
    next_offset: int = 0
    newest_event_us: int = NO_TIME
    counts: Counter[str] = field(default_factory=Counter)  # received, repeated, refused, late
    ids: EntryIds = field(default_factory=EntryIds)
    positions: Positions = field(default_factory=Positions)
    flows: LargeFlows = field(init=False)
    depositors: DepositorBalances = field(init=False)
    # For replays that explain a change, never for a worker: called once for each batch with entries. Large flows are
    # not watched meanwhile, which no figure that is explained reads, and which would be half of the work.
    tell: Callable[[CountedEntries], None] | None = None
    # False for replays that ask for no large flow; such a state is never stored.
    watches_flows: bool = True
    _opened: dict[str, str] = field(default_factory=dict)  # entity|account|currency -> txn_id of its opening
    _learnt: int = 0
    _dumped_opened: int = 0

    FOLD_VERSION: ClassVar[int] = 3  # 2: depositors; 3: by organisation and business line

    def __post_init__(self) -> None:
        self.flows = LargeFlows(self.policy)
        self.depositors = DepositorBalances(self.insurance)

    # -- what is published -------------------------------------------------------------------------------------

    def take_changed_cells(self) -> list[PositionRow]:
        return self.positions.take_changed_cells()

    def take_changed_deposits(self) -> list[DepositRow]:
        return self.depositors.take_changed()

    def take_changed_windows(self) -> list[WindowRow]:
        return self.flows.take_changed_windows()

    # -- snapshots ---------------------------------------------------------------------------------------------

    @property
    def needs_base(self) -> bool:
        """Rows moved since the last dump: the next one must be whole."""
        return self.ids.needs_base or self.flows.needs_base

    def dump(self) -> bytes:
        return self._dump(True, self.ids.dump())

    def dump_delta(self) -> bytes:
        return self._dump(False, self.ids.dump_delta())

    def _dump(self, whole: bool, ids: bytes) -> bytes:
        opened = list(self._opened.items())[0 if whole else self._dumped_opened :]
        self._dumped_opened = len(self._opened)
        return msgspec.msgpack.encode(
            (
                self.next_offset,
                self.newest_event_us,
                dict(self.counts),
                opened,
                ids,
                self.positions.dump(whole),
                self.flows.dump(whole),
                self.depositors.dump(whole),
            )
        )

    @classmethod
    def load(
        cls, dump: bytes, policy: LargeFlowPolicy, horizon_days: int, insurance: DepositInsurance | None = None
    ) -> Self:
        state = cls(policy, horizon_days, insurance or DepositInsurance())
        state._put(dump, first=True)
        return state

    def apply_delta(self, delta: bytes) -> None:
        self._put(delta, first=False)

    def _put(self, dump: bytes, first: bool) -> None:
        parts = msgspec.msgpack.decode(dump)
        self.next_offset, self.newest_event_us, counts, opened, ids, positions, flows, depositors = parts
        self.counts = Counter(counts)
        self._opened.update(opened)
        self._dumped_opened = len(self._opened)
        if first:
            self.ids = EntryIds.load(ids)
        else:
            self.ids.apply_delta(ids)
        self.positions.apply(positions)
        self._learn_positions()
        self.flows.apply(flows)
        self.depositors.apply(depositors)

    def canonical_bytes(self) -> bytes:
        return msgspec.msgpack.encode(
            (
                self.FOLD_VERSION,
                self.next_offset,
                self.newest_event_us,
                sorted(self.counts.items()),
                sorted(self._opened.items()),
                self.ids.canonical_rows(self.oldest_day()),
                self.positions.canonical_rows(),
                self.flows.canonical_rows(),
                self.depositors.canonical_rows(self.positions.keys),
            )
        )

    def digest(self) -> str:
        return hashlib.sha256(self.canonical_bytes()).hexdigest()

    def oldest_day(self) -> int:
        """Value dates before this day (since the epoch) are beyond the horizon now."""
        return self.newest_event_us // MICROSECONDS_A_DAY - self.horizon_days

    def _learn_positions(self) -> None:
        fresh = self.positions.keys[self._learnt :]
        self.flows.learn(fresh)
        self.depositors.learn(fresh, self.flows.owners(self._learnt))
        self._learnt = len(self.positions.keys)


@dataclass(slots=True)
class Folded:
    """What folding one batch brought to light, in offset order."""

    alerts: list[AlertRaised] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def fold(state: TransactionState, batch: EntryBatch, from_offset: int, to_offset: int) -> Folded:
    """Add the entries of [from_offset, to_offset); rows below `state.next_offset` are skipped (decision S23).

    Offsets may have holes (transaction markers, compaction, entries refused while decoding): contiguity is
    that of ranges. Raises CorruptRecord where a range is missing or a sum could pass its bound.
    """
    check_contiguous(state.next_offset, from_offset, to_offset)
    batch = batch.rows_from(int(np.searchsorted(batch.offset, state.next_offset)))
    folded = Folded()
    if len(batch):
        _fold_rows(state, batch, folded)
    state.next_offset = max(state.next_offset, to_offset)
    return folded


def _fold_rows(state: TransactionState, batch: EntryBatch, folded: Folded) -> None:
    newest = np.maximum.accumulate(np.concatenate([[state.newest_event_us], batch.event_time_us]))
    newest_before, state.newest_event_us = newest[:-1], int(newest[-1])
    state.counts["received"] += len(batch)
    state.counts["late"] += int((batch.event_time_us < newest_before).sum())

    live = batch.value_day >= newest[1:] // MICROSECONDS_A_DAY - state.horizon_days
    _refuse(folded, batch, ~live, "value_date", BEYOND_HORIZON)
    if batch.opening.any():
        live &= ~_second_openings(state, batch, live, folded)

    rows = np.flatnonzero(live)
    position_row = state.positions.rows_of(batch.position.take(rows), rows, batch.position_keys)
    state._learn_positions()
    body = combine(
        batch.position.take(rows),
        of_integers(batch.outgoing[rows].astype(np.int64), batch.amount_minor[rows], batch.value_day[rows]),
        batch.reverses.take(rows),
    ).low
    status = batch.status[rows]
    verdict = state.ids.judge(batch.identity.take(rows), body, batch.value_day[rows], status)
    contradicted = np.zeros(len(batch), np.bool_)
    contradicted[rows[verdict == CONTRADICTED]] = True
    _refuse(folded, batch, contradicted, "txn_id", ANOTHER_BODY)
    state.counts["refused"] += len(folded.refusals)
    state.counts["repeated"] += int(((verdict != NEW) & (verdict != MOVED) & (verdict != CONTRADICTED)).sum())

    counts = (verdict == NEW) | (verdict == MOVED)
    position_row, status, moved = position_row[counts], status[counts], verdict[counts] == MOVED
    rows = rows[counts]
    _move_positions(state, batch, rows, position_row, status, moved, newest_before)
    if state.tell is None and state.watches_flows:
        folded.alerts += _watch_flows(state, batch, rows, position_row, status, moved, newest_before)
    state.flows.forget(state.newest_event_us)
    state.ids.forget_before(state.oldest_day())
    folded.refusals.sort(key=lambda refusal: refusal.offset)


def _refuse(folded: Folded, batch: EntryBatch, rows: NDArray[np.bool_], field_name: str, reason: str) -> None:
    if rows.any():
        folded.refusals += [Refusal(offset, field_name, reason) for offset in batch.offset[rows].tolist()]


def _second_openings(
    state: TransactionState, batch: EntryBatch, live: NDArray[np.bool_], folded: Folded
) -> NDArray[np.bool_]:
    """Opening balances of accounts that already have one, under another id (decision S14)."""
    second = np.zeros(len(batch), np.bool_)
    openings = np.flatnonzero(batch.opening & live)
    for row, key in zip(openings.tolist(), batch.position_keys.many(openings), strict=True):
        account = "|".join((key[0], key[6], key[4]))
        second[row] = state._opened.setdefault(account, batch.txn_ids[row]) != batch.txn_ids[row]
    _refuse(folded, batch, second, "txn_type", SECOND_OPENING)
    return second


def _move_positions(
    state: TransactionState,
    batch: EntryBatch,
    rows: NDArray[np.int64],
    position_row: NDArray[np.int64],
    status: NDArray[np.int64],
    moved: NDArray[np.bool_],
    newest_before: NDArray[np.int64],
) -> None:
    amount, outgoing = batch.amount_minor[rows], batch.outgoing[rows]
    pending = np.where(status == PENDING, amount, np.where(moved, -amount, 0))
    settled = np.where(status == SETTLED, np.where(outgoing, -amount, amount), 0)
    incoming = np.where(outgoing, 0, pending)
    moves = Movements(position_row, batch.value_day[rows], settled, incoming, np.where(outgoing, pending, 0))
    state.positions.add(moves)
    if state.tell is None:
        state.depositors.add(position_row, settled)
        return
    late = batch.event_time_us[rows] < newest_before[rows]
    state.tell(CountedEntries(rows, late, moves, state.depositors.add_told(position_row, settled)))


def _watch_flows(
    state: TransactionState,
    batch: EntryBatch,
    rows: NDArray[np.int64],
    position_row: NDArray[np.int64],
    status: NDArray[np.int64],
    moved: NDArray[np.bool_],
    newest_before: NDArray[np.int64],
) -> list[AlertRaised]:
    """Outflows seen for the first time, and what takes one back: a reversal, or a pending one rejected."""
    reversal = batch.is_reversal[rows]
    rejected = moved & (status == REJECTED) & ~reversal
    takes_back = (reversal & ~moved & (status != REJECTED)) | rejected
    outflow = batch.outgoing[rows] & ~moved & (status != REJECTED) & ~reversal & ~batch.opening[rows]
    chosen = np.flatnonzero(outflow | takes_back)
    if not len(chosen):
        return []
    chosen = chosen[~state.positions.on_us(position_row[chosen])]
    at = rows[chosen]
    identity = np.where(reversal[chosen], batch.reverses.low[at], batch.identity.low[at])
    return state.flows.add(
        Outflows(
            position_row[chosen],
            batch.event_time_us[at],
            batch.appended_us[at],
            batch.amount_minor[at],
            batch.offset[at],
            identity,
            takes_back[chosen],
            at,
            batch.txn_ids,
            newest_before[at],
        ),
        state.positions.keys,
    )
