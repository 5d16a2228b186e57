"""A hash table from 128-bit digests to dense row numbers that looks up a whole column at once.

Rows are numbered in order of first appearance. Open addressing with linear probing in numpy: one round serves
all keys that are not settled yet, and rounds are few because the table is at most half full.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from projections.columns import Columns
from projections.digests import Digest

EMPTY = -1
Rows = NDArray[np.int64]


class DigestIndex:
    __slots__ = ("_keys", "_mask", "_slots")

    def __init__(self) -> None:
        self._keys = Columns(low=np.uint64, high=np.uint64)
        self._slots = np.full(4_096, EMPTY, np.int64)
        self._mask = np.uint64(len(self._slots) - 1)

    def __len__(self) -> int:
        return self._keys.rows

    def digests(self, start: int = 0) -> Digest:
        return Digest(self._keys["low"][start:], self._keys["high"][start:])

    def find(self, digest: Digest) -> Rows:
        """Row of each digest, or -1."""
        low, high = self._keys["low"], self._keys["high"]
        found = np.full(len(digest.low), EMPTY, np.int64)
        at = (digest.low & self._mask).astype(np.int64)
        open_keys = np.arange(len(digest.low))
        while len(open_keys):
            held = self._slots[at[open_keys]]
            taken = held != EMPTY
            open_keys, held = open_keys[taken], held[taken]
            same = (low[held] == digest.low[open_keys]) & (high[held] == digest.high[open_keys])
            found[open_keys[same]] = held[same]
            open_keys = open_keys[~same]
            at[open_keys] = (at[open_keys] + 1) & int(self._mask)
        return found

    def add(self, digest: Digest) -> tuple[Rows, NDArray[np.bool_]]:
        """Row of each digest, and which elements are the first appearance of a new one."""
        count, base = len(digest.low), len(self)
        if count == 0:
            return np.zeros(0, np.int64), np.zeros(0, np.bool_)
        self._make_room(base + count)
        # New keys carry a provisional number, base + position in the batch, until all are settled.
        self._keys.extend(low=digest.low, high=digest.high)
        low, high = self._keys["low"], self._keys["high"]
        found = np.full(count, EMPTY, np.int64)
        at = (digest.low & self._mask).astype(np.int64)
        open_keys = np.arange(count)
        while len(open_keys):
            slot = at[open_keys]
            free = self._slots[slot] == EMPTY
            # Written backwards: where several want one slot, the last write stays, which is the earliest key.
            claimants = open_keys[free][::-1]
            self._slots[at[claimants]] = base + claimants
            held = self._slots[slot]
            same = (low[held] == digest.low[open_keys]) & (high[held] == digest.high[open_keys])
            found[open_keys[same]] = held[same]
            open_keys = open_keys[~same]
            at[open_keys] = (at[open_keys] + 1) & int(self._mask)
        fresh = found == base + np.arange(count)
        number = base + np.cumsum(fresh) - 1
        new = np.flatnonzero(fresh)
        self._slots[at[new]] = number[new]
        provisional = found >= base
        found[provisional] = number[found[provisional] - base]
        low[base : base + len(new)], high[base : base + len(new)] = digest.low[new], digest.high[new]
        self._keys.shrink(base + len(new))
        return found, fresh

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Forget the rows where `mask` does not hold; the others move up, in order."""
        self._keys.keep(mask)
        self._rebuild(len(self._slots))

    def _make_room(self, rows: int) -> None:
        size = len(self._slots)
        while rows * 2 > size:
            size *= 2
        if size != len(self._slots):
            self._rebuild(size)

    def _rebuild(self, size: int) -> None:
        self._slots = np.full(size, EMPTY, np.int64)
        self._mask = np.uint64(size - 1)
        at = (self._keys["low"] & self._mask).astype(np.int64)
        open_rows: NDArray[Any] = np.arange(len(self))
        while len(open_rows):
            slot = at[open_rows]
            free = self._slots[slot] == EMPTY
            claimants = open_rows[free][::-1]
            self._slots[at[claimants]] = claimants
            open_rows = open_rows[self._slots[slot] != open_rows]
            at[open_rows] = (at[open_rows] + 1) & int(self._mask)
