"""The latest record of each key of one treasury or market topic: holdings, prices, exchange rates, reserves.

The newest record by offset replaces the one before it. Nothing is added up: a position is worth face times price
times rate, which come by three topics, and a state folds one (decision S12): the reader multiplies. No clock, no I/O.
"""

from collections.abc import Sequence
from typing import ClassVar, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.primitives.errors import CorruptRecord
from projections.dictionary import Key
from projections.state import check_contiguous


class _Dump(msgspec.Struct, array_like=True):
    next_offset: int
    rows: list[tuple[Key, bytes]]


class LatestRecordsState:
    """Holds exactly the records in [0, next_offset) of one topic-partition (`projections.state.FoldedState`)."""

    FOLD_VERSION: ClassVar[int] = 2  # 2: holdings are published with business line and secured deals

    def __init__(self) -> None:
        self.next_offset = 0
        self._records: dict[Key, bytes] = {}
        self._unsaved: set[Key] = set()
        self._unpublished: set[Key] = set()

    def fold(self, offsets: NDArray[np.int64], records: Sequence[tuple[Key, bytes]], start: int, end: int) -> None:
        """Fold the checked records of [start, end), rising by offset; those below `next_offset` count nothing again.

        Args:
            records: each with its key, and as bytes that are equal for equal content.
        Raises:
            CorruptRecord: records are missing before `start`.
        """
        check_contiguous(self.next_offset, start, end)
        first = int(np.searchsorted(offsets, self.next_offset))
        for key, record in records[first:]:
            if self._records.get(key) != record:
                self._records[key] = record
                self._unsaved.add(key)
                self._unpublished.add(key)
        self.next_offset = max(self.next_offset, end)

    def take_changed(self) -> list[bytes]:
        """The records of keys that changed since the last call, by key."""
        changed = sorted(self._unpublished)
        self._unpublished.clear()
        return [self._records[key] for key in changed]

    def records(self) -> list[bytes]:
        """The latest record of every key, by key."""
        return [record for _, record in sorted(self._records.items())]

    def dump(self) -> bytes:
        return self._dump(sorted(self._records))

    def dump_delta(self) -> bytes:
        return self._dump(sorted(self._unsaved))

    def apply_delta(self, delta: bytes) -> None:
        try:
            dump = msgspec.msgpack.decode(delta, type=_Dump)
        except msgspec.DecodeError as error:
            raise CorruptRecord("the dump is unreadable") from error
        self._records.update(dump.rows)
        self.next_offset = dump.next_offset

    @classmethod
    def load(cls, dump: bytes) -> Self:
        state = cls()
        state.apply_delta(dump)
        return state

    def canonical_bytes(self) -> bytes:
        return msgspec.msgpack.encode((self.FOLD_VERSION, self.next_offset, sorted(self._records.items())))

    def _dump(self, keys: Sequence[Key]) -> bytes:
        self._unsaved.clear()
        return msgspec.msgpack.encode(_Dump(self.next_offset, [(key, self._records[key]) for key in keys]))
