"""What each entry of a batch did to positions and deposits, in columns: for replays that explain a change.

The fold of the worker runs as it is, and tells what counted. A hundred thousand entries take a fraction of a second.
Not for the worker: it needs no entry by name.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from projections import transactions
from projections.depositor_moves import DepositMoves
from projections.entry_batch import EntryBatch
from projections.positions import Movements
from projections.transactions import CountedEntries, TransactionState
from streams.decode import decode
from streams.raw_batch import RawBatch

Integers = NDArray[np.int64]


class ToldBatch(NamedTuple):
    """The entries of one batch that counted, by offset; minor units, into the account positive."""

    batch: EntryBatch
    row: Integers  # of the batch
    moves: Movements
    late: NDArray[np.bool_]
    deposits: DepositMoves


def fold_told(state: TransactionState, raw: RawBatch) -> ToldBatch:
    """Fold a batch as `TransactionFolder.absorb` does, and tell what moved. Raises CorruptRecord as the fold.

    Large flows are not watched meanwhile (`TransactionState.tell`).
    """
    batch = decode(raw).batch
    batch = batch.rows_from(int(np.searchsorted(batch.offset, state.next_offset)))
    told: list[CountedEntries] = []
    state.tell = told.append
    try:
        transactions.fold(state, batch, raw.from_offset, raw.to_offset)
    finally:
        state.tell = None
    if not told:
        return ToldBatch(batch, _none(), Movements(*(_none() for _ in range(5))), np.zeros(0, np.bool_), _no_moves())
    (counted,) = told
    return ToldBatch(batch, counted.row, counted.moves, counted.late, counted.deposits)


def _none() -> Integers:
    return np.zeros(0, np.int64)


def _no_moves() -> DepositMoves:
    return DepositMoves(*(_none() for _ in range(4)))
