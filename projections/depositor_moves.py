"""What each entry of a batch changed in the sums of deposits, in columns: for replays that explain a change.

The loop of `projections.depositor_balances`, which also notes. A hundred thousand entries take a fraction of a
second; the worker needs no entry by name, and does not come here.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engines.primitives.compiled import compiled_with

Integers = NDArray[np.int64]

NONE = -1
ROOM = 4_096  # for the parts that a call moves, at least
PARTS_AN_ENTRY = 6  # room for so many to begin with: rarely has a depositor more than one balance


class DepositMoves(NamedTuple):
    """Columns, by entry; minor units, what grew positive."""

    entry: Integers  # place in the batch that was added
    cell: Integers  # code in `DepositorBalances.cells`
    part: Integers  # place in `depositor_balances.PARTS`
    minor: Integers


class Held(NamedTuple):
    """What the loop changes: columns by balance, by cell, and the sums by part and cell."""

    balance_minor: Integers
    cell: NDArray[np.int32]
    first: NDArray[np.int32]
    following: NDArray[np.int32]
    undumped: NDArray[np.bool_]
    limit_minor: Integers
    changed: NDArray[np.bool_]
    sums: Integers


class ToldMove:
    """The loop, with the function that weighs a depositor compiled into it."""

    def __init__(self, weigh: Any) -> None:
        self._loop = compiled_with(_told, {"_weigh": getattr(weigh, "py_func", weigh)})

    def __call__(self, balance: Integers, change_minor: Integers, held: Held) -> DepositMoves:
        """Change balances row by row, as `DepositorBalances.add`."""
        found = [np.zeros((4, 0), np.int64)]
        start, room = 0, max(ROOM, PARTS_AN_ENTRY * len(balance))
        scratch = np.zeros_like(held.sums)
        while start < len(balance):
            out = np.empty((4, room), np.int64)
            done, count = self._loop(start, balance, change_minor, *held, scratch, out)
            found.append(out[:, :count])
            room *= 2 if done == start else 1  # a depositor with more balances than there was room for
            start = done
        return DepositMoves(*np.concatenate(found, axis=1))


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
    """From entry `start` on, until `out` (entry, cell, part, minor) is full; `scratch` is all 0 before and after.

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


def _weigh(*_: Any) -> None:
    """Stands for the function that is compiled in."""
    raise NotImplementedError
