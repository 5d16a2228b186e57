"""Records of one partition as they were fetched: one run of bytes, and where each value lies in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

TOMBSTONE = -1  # the length of a value that is not there


@dataclass
class RawBatch:
    """The range covered, and for each record its offset, Kafka's time and its value: no object a record."""

    from_offset: int
    to_offset: int
    offsets: NDArray[np.int64]
    letters: NDArray[np.uint8]  # all values, and whatever stood between them
    starts: NDArray[np.int64]  # of each value, in `letters`
    lengths: NDArray[np.int64]  # in bytes, or TOMBSTONE
    appended_us: NDArray[np.int64]

    @classmethod
    def of_values(
        cls,
        from_offset: int,
        to_offset: int,
        offsets: NDArray[np.int64],
        values: Sequence[bytes | None],
        appended_us: NDArray[np.int64],
    ) -> "RawBatch":
        """A batch of values that already are objects."""
        lengths = np.array([TOMBSTONE if value is None else len(value) for value in values], np.int64)
        ends = np.cumsum(np.maximum(lengths, 0))
        letters = np.frombuffer(bytearray().join(value or b"" for value in values), np.uint8)
        return cls(from_offset, to_offset, offsets, letters, ends - np.maximum(lengths, 0), lengths, appended_us)

    def __len__(self) -> int:
        return len(self.offsets)

    def value(self, row: int) -> bytes | None:
        start, length = int(self.starts[row]), int(self.lengths[row])
        return None if length == TOMBSTONE else self.letters[start : start + length].tobytes()

    @cached_property
    def values(self) -> list[bytes | None]:
        """Every value as an object: for topics with few records."""
        letters = self.letters.tobytes()
        spans = zip(self.starts.tolist(), self.lengths.tolist(), strict=True)
        return [None if length == TOMBSTONE else letters[start : start + length] for start, length in spans]

    def take(self, rows: NDArray[np.int64]) -> "RawBatch":
        """Those records of the same range."""
        return RawBatch(
            self.from_offset,
            self.to_offset,
            self.offsets[rows],
            self.letters,
            self.starts[rows],
            self.lengths[rows],
            self.appended_us[rows],
        )

    @cached_property
    def size_bytes(self) -> int:
        return int(np.maximum(self.lengths, 0).sum())


def merged(batches: list[RawBatch], records_max: int) -> list[RawBatch]:
    """Neighbouring batches put together, up to about `records_max` records each; the ranges covered are the same."""
    groups: list[list[RawBatch]] = []
    for batch in batches:
        last = groups[-1] if groups else []
        if last and last[-1].to_offset == batch.from_offset and sum(map(len, last)) + len(batch) <= records_max:
            last.append(batch)
        else:
            groups.append([batch])
    return [group[0] if len(group) == 1 else _one(group) for group in groups]


def _one(group: list[RawBatch]) -> RawBatch:
    before = np.cumsum([0, *(len(batch.letters) for batch in group[:-1])])
    return RawBatch(
        group[0].from_offset,
        group[-1].to_offset,
        np.concatenate([batch.offsets for batch in group]),
        np.concatenate([batch.letters for batch in group]),
        np.concatenate([batch.starts + shift for batch, shift in zip(group, before, strict=True)]),
        np.concatenate([batch.lengths for batch in group]),
        np.concatenate([batch.appended_us for batch in group]),
    )
