"""What each entry of a batch did to positions and deposits, in columns: for replays that explain a change.

The fold of the worker runs as it is; listeners in three of its parts note which rows of the batch counted, and what
they moved. A hundred thousand entries take a fraction of a second. Not for the worker: it needs no entry by name.
"""

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from engines.primitives.compiled import compiled_with
from projections import depositor_balances, transactions
from projections.depositor_balances import NONE, DepositorBalances
from projections.digests import Digest
from projections.entry_batch import EntryBatch, KeysByRow
from projections.entry_ids import MOVED, NEW
from projections.large_flows import AlertRaised
from projections.positions import Movements
from projections.transactions import TransactionState
from streams.decode import decode
from streams.raw_batch import RawBatch

Integers = NDArray[np.int64]
ROOM = 4_096  # for the parts that a call moves, at least


class DepositMoves(NamedTuple):
    """Columns: `entry` is a place in `ToldBatch.row`, `cell` a code in `DepositorBalances.cells`."""

    entry: Integers
    cell: Integers
    part: Integers  # place in `depositor_balances.PARTS`
    minor: Integers


class ToldBatch(NamedTuple):
    """The entries of one batch that counted, by offset; minor units, into the account positive."""

    batch: EntryBatch
    row: Integers  # of the batch
    moves: Movements
    late: NDArray[np.bool_]
    deposits: DepositMoves


def fold_told(state: TransactionState, raw: RawBatch) -> ToldBatch:
    """Fold a batch as `TransactionFolder.absorb` does, and tell what moved. Raises CorruptRecord as the fold.

    Large flows are not watched: nothing that is explained reads them, and they would be half of the work.
    """
    batch = decode(raw).batch
    batch = batch.rows_from(int(np.searchsorted(batch.offset, state.next_offset)))
    newest = np.maximum.accumulate(np.concatenate([[state.newest_event_us], batch.event_time_us]))[:-1]
    positions, ids, flows = state.positions, state.ids, state.flows
    rows, verdicts, told = _Rows(positions), _Verdicts(ids), ToldBalances.over(state.depositors)
    whole: Any = state  # the listeners stand in for parts of the state while it folds
    whole.positions, whole.ids, whole.flows, whole.depositors = rows, verdicts, _Unwatched(flows), told
    try:
        transactions.fold(state, batch, raw.from_offset, raw.to_offset)
    finally:
        state.positions, state.ids, state.flows = positions, ids, flows
    if rows.moves is None:
        return ToldBatch(batch, _none(), Movements(*(_none() for _ in range(5))), np.zeros(0, np.bool_), told.moved)
    counted = rows.rows[(verdicts.verdict == NEW) | (verdicts.verdict == MOVED)]
    late = batch.event_time_us[counted] < newest[counted]
    return ToldBatch(batch, counted, rows.moves, late, told.moved)


class ToldBalances(DepositorBalances):
    """Balances that note what the last `add` moved."""

    moved: DepositMoves

    @classmethod
    def over(cls, held: DepositorBalances) -> Self:
        """In the place of `held`, whose columns it takes over."""
        told = cls.__new__(cls)
        vars(told).update(vars(held))
        told.moved = DepositMoves(*(_none() for _ in range(4)))
        return told

    def add(self, position_row: Integers, settled_minor: Integers) -> None:
        balance = self._balance_of_position["balance"][position_row].astype(np.int64)
        of, cells = self._balances, self._of_cell
        found: list[NDArray[np.int64]] = []
        start, room = 0, max(ROOM, 6 * len(balance))
        while start < len(balance):
            out = np.empty((4, room), np.int64)
            done, count = _move_told(
                start,
                balance,
                settled_minor,
                of["balance_minor"],
                of["cell"],
                of["first"],
                of["following"],
                of["undumped"],
                cells["limit_minor"],
                cells["changed"],
                self._sums,
                np.zeros_like(self._sums),
                out,
            )
            found.append(out[:, :count])
            room *= 2 if done == start else 1  # a depositor with more balances than there was room for
            start = done
        self.moved = DepositMoves(*np.concatenate(found, axis=1)) if found else self.moved


class _Listener:
    """Stands in for a part of the state; what it does not listen to is the part's own."""

    def __init__(self, part: Any) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)


class _Rows(_Listener):
    rows: Integers
    moves: Movements | None = None

    def rows_of(self, digest: Digest, batch_rows: Integers, keys: KeysByRow) -> Integers:
        self.rows = batch_rows
        found: Integers = self._part.rows_of(digest, batch_rows, keys)
        return found

    def add(self, moves: Movements) -> None:
        self.moves = moves
        self._part.add(moves)


class _Verdicts(_Listener):
    verdict: NDArray[np.int8]

    def judge(self, *columns: Any) -> NDArray[np.int8]:
        self.verdict = self._part.judge(*columns)
        return self.verdict


class _Unwatched(_Listener):
    """Knows who is who, and watches nobody."""

    def add(self, *_: Any) -> list[AlertRaised]:
        return []


def _none() -> Integers:
    return np.zeros(0, np.int64)


def _told(
    start: int,
    row: Integers,
    change_minor: Integers,
    balance_minor: Integers,
    cell: NDArray[np.int32],
    first: NDArray[np.int32],
    following: NDArray[np.int32],
    undumped: NDArray[np.bool_],
    limit_minor: Integers,
    changed: NDArray[np.bool_],
    sums: Integers,
    scratch: Integers,
    out: Integers,
) -> tuple[int, int]:
    """As `depositor_balances._move`, from entry `start` on, until `out` (entry, cell, part, minor) is full.

    Returns the first entry not done, and how many columns of `out` are written.
    """
    count = 0
    for number in range(start, len(row)):
        if change_minor[number] == 0:
            continue
        changes_at = row[number]
        balances = 0
        at = np.int64(first[changes_at])
        while at != NONE:
            balances += 1
            at = np.int64(following[at])
        if count + balances * len(sums) > out.shape[1]:
            return number, count
        _weigh(first[changes_at], -1, balance_minor, cell, following, limit_minor, changed, scratch)
        balance_minor[changes_at] += change_minor[number]
        undumped[changes_at] = True
        _weigh(first[changes_at], 1, balance_minor, cell, following, limit_minor, changed, scratch)
        at = np.int64(first[changes_at])
        while at != NONE:
            place = cell[at]
            for part in range(len(sums)):
                if scratch[part, place] != 0:
                    out[0, count], out[1, count] = number, place
                    out[2, count], out[3, count] = part, scratch[part, place]
                    count += 1
                    sums[part, place] += scratch[part, place]
                    scratch[part, place] = 0
            at = np.int64(following[at])
    return len(row), count


_weigh: Any = getattr(depositor_balances._weigh, "py_func", depositor_balances._weigh)
_move_told = compiled_with(_told, {"_weigh": _weigh})
