"""A hash table from 128-bit digests to dense row numbers that looks up a whole column at once.

Rows are numbered in order of first appearance. Open addressing with linear probing, at most half full.
"""

import numpy as np
from numpy.typing import NDArray

from engines.primitives.compiled import compiled
from engines.primitives.errors import CorruptRecord
from projections.columns import Columns
from projections.digests import Digest, Lane

EMPTY = -1
Rows = NDArray[np.int64]
Slots = NDArray[np.int32]  # row numbers, at half the memory; 2**31 rows are more than a partition's ids

SLOTS_MAX = 1 << 32


class DigestIndex:
    __slots__ = ("_keys", "_slots")

    def __init__(self) -> None:
        self._keys = Columns(low=np.uint64, high=np.uint64)
        self._slots: Slots = np.full(4_096, EMPTY, np.int32)

    def __len__(self) -> int:
        return self._keys.rows

    def digests(self, start: int = 0) -> Digest:
        return Digest(self._keys["low"][start:], self._keys["high"][start:])

    def find(self, digest: Digest) -> Rows:
        """Row of each digest, or -1."""
        found = np.empty(len(digest.low), np.int64)
        _find(self._slots, self._keys["low"], self._keys["high"], *_plain(digest), found)
        return found

    def add(self, digest: Digest) -> tuple[Rows, NDArray[np.bool_]]:
        """Row of each digest, and which elements are the first appearance of a new one."""
        count, base = len(digest.low), len(self)
        found, fresh = np.empty(count, np.int64), np.zeros(count, np.bool_)
        if count:
            self._make_room(base + count)
            self._keys.grow(count)
            low, high = self._keys["low"], self._keys["high"]
            self._keys.shrink(_add(self._slots, low, high, base, *_plain(digest), found, fresh))
        return found, fresh

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Forget the rows where `mask` does not hold; the others move up, in order."""
        self._keys.keep(mask)
        self._rebuild(len(self._slots))

    def _make_room(self, rows: int) -> None:
        size = len(self._slots)
        while rows * 2 > size:
            size *= 2
        if size > SLOTS_MAX:
            raise CorruptRecord("more distinct keys than one partition may hold", rows=rows)
        if size != len(self._slots):
            self._rebuild(size)

    def _rebuild(self, size: int) -> None:
        self._slots = np.full(size, EMPTY, np.int32)
        _put(self._slots, self._keys["low"])


def _plain(digest: Digest) -> tuple[Lane, Lane]:
    """The lanes as compiled code was made for: in one piece, and not marked as read-only."""
    return np.require(digest.low, requirements=["C", "W"]), np.require(digest.high, requirements=["C", "W"])


_ONE = np.uint64(1)


@compiled
def _find(slots: Slots, low: Lane, high: Lane, wanted_low: Lane, wanted_high: Lane, found: Rows) -> None:
    mask = np.uint64(len(slots)) - _ONE
    for number in range(len(wanted_low)):
        at = wanted_low[number] & mask
        row = slots[at]
        while row != EMPTY and (low[row] != wanted_low[number] or high[row] != wanted_high[number]):
            at = (at + _ONE) & mask
            row = slots[at]
        found[number] = row


@compiled
def _add(
    slots: Slots,
    low: Lane,
    high: Lane,
    rows: int,
    new_low: Lane,
    new_high: Lane,
    found: Rows,
    fresh: NDArray[np.bool_],
) -> int:
    """Number of rows afterwards; `low` and `high` have room for all to be new."""
    mask = np.uint64(len(slots)) - _ONE
    for number in range(len(new_low)):
        at = new_low[number] & mask
        row = slots[at]
        while row != EMPTY and (low[row] != new_low[number] or high[row] != new_high[number]):
            at = (at + _ONE) & mask
            row = slots[at]
        if row == EMPTY:
            row = rows
            slots[at] = row
            low[row], high[row] = new_low[number], new_high[number]
            fresh[number] = True
            rows += 1
        found[number] = row
    return rows


@compiled
def _put(slots: Slots, low: Lane) -> None:
    """Every row into a table that is empty."""
    mask = np.uint64(len(slots)) - _ONE
    for row in range(len(low)):
        at = low[row] & mask
        while slots[at] != EMPTY:
            at = (at + _ONE) & mask
        slots[at] = row
