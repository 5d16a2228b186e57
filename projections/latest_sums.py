"""A folded state of the shape that contracts and reservations share: the latest terms by key, their sums by cell
and day.

What the terms mean, and what they add where, is the projection's own (`replace`). Not for entries, which add up
and replace nothing.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, Self, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from projections.cell_sums import CellSums, decode, encode
from projections.dictionary import Key
from projections.latest_terms import LatestTerms
from projections.state import check_contiguous

Terms = TypeVar("Terms")


class LatestSumsState(ABC, Generic[Terms]):
    """Holds exactly the records in [0, next_offset) of one topic-partition (`projections.state.FoldedState`)."""

    FOLD_VERSION: ClassVar[int]
    SUBJECTS: ClassVar[str]  # whose latest terms these are; the name in dumps
    COLUMNS: ClassVar[Mapping[str, Any]]  # of the latest terms, the first one `cell`, each with its dtype
    SUMS: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        self.next_offset = 0
        self._latest = LatestTerms(**self.COLUMNS)
        self._sums = CellSums(*self.SUMS)

    @staticmethod
    @abstractmethod
    def key(row: Terms) -> Key:
        """What tells one subject from another."""

    @abstractmethod
    def replace(self, rows: Sequence[Terms]) -> None:
        """Put the latest terms of distinct subjects in the place of what was known of them."""

    def fold(self, offsets: NDArray[np.int64], rows: Sequence[Terms], from_offset: int, to_offset: int) -> None:
        """Fold the records of [from_offset, to_offset), rising by offset, without those below `next_offset`.

        Raises:
            CorruptRecord: records are missing before `from_offset`, or a sum could pass 2**62.
        """
        check_contiguous(self.next_offset, from_offset, to_offset)
        start = int(np.searchsorted(offsets, self.next_offset))
        latest = {self.key(row): row for row in rows[start:]}  # the last one stays
        if latest:
            self.replace(list(latest.values()))
        self.next_offset = max(self.next_offset, to_offset)

    def dump(self) -> bytes:
        return self._dump(True)

    def dump_delta(self) -> bytes:
        return self._dump(False)

    def apply_delta(self, delta: bytes) -> None:
        self._apply(delta)

    @classmethod
    def load(cls, dump: bytes) -> Self:
        state = cls()
        state._apply(dump)
        return state

    def canonical_bytes(self) -> bytes:
        latest = [(key, self._sums.cells[cell], rest) for key, (cell, *rest) in self._latest.rows()]
        return msgspec.msgpack.encode((self.FOLD_VERSION, self.next_offset, latest, self._sums.rows()))

    def _dump(self, whole: bool) -> bytes:
        latest, sums = self._latest.dump(whole), self._sums.dump(whole)
        return encode({"next_offset": self.next_offset, self.SUBJECTS: latest, "sums": sums})

    def _apply(self, data: bytes) -> None:
        parts: dict[str, Any] = decode(data)
        self._latest.apply(parts[self.SUBJECTS])
        self._sums.apply(parts["sums"])
        self.next_offset = parts["next_offset"]
