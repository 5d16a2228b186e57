"""One item for each fetched range of a partition, in place of one object a record.

aiokafka names its `PartitionRecords` class inside its own methods, so there is no seam but the module global: it
is replaced once, for topics that registered, and everything else goes the old way (decision S26, ADR 0001). The
versions are pinned and a test holds a hash of the replaced source. Formats older than 2 (before Kafka 0.11) are
refused: brokers of ours convert or never had them.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import _MemoryRecordsPy

from streams.raw_batch import RawBatch
from streams.record_walk import FORMAT_2, Spans, magic_of, spans_of

_batched_topics: set[str] = set()
_records_max = 20_000


class BatchRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """Walks the compiled record batches of one fetch and yields `RawBatch`es that cover its range without a hole."""

    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[Any]:
        if self._tp.topic not in _batched_topics:
            yield from super()._unpack_records()
            return
        start = self.next_fetch_offset
        parts: list[tuple[Spans, int]] = []
        count = 0
        for compiled, letters in self._readable_batches():
            if compiled is not None:
                # Compressed batches come whole, asked for or not.
                found = spans_of(letters).from_offset(self.next_fetch_offset)
                parts.append((found, compiled.max_timestamp * 1_000))
                count += len(found.offsets)
                self.next_fetch_offset = compiled.next_offset
            if count >= _records_max:
                yield _batch(start, self.next_fetch_offset, parts)
                start, parts, count = self.next_fetch_offset, [], 0
        if self.next_fetch_offset > start:
            # Also when nothing in the range is to be read (markers, aborted records): the range itself is news.
            yield _batch(start, self.next_fetch_offset, parts)

    def _readable_batches(self) -> Iterator[tuple[Any, memoryview]]:
        """Batches in order with their bytes, None for one that must not be read, as aiokafka's loop decides it."""
        while self._records.has_next():
            letters = self._records._next_slice
            compiled = self._records.next_batch()
            if magic_of(letters) != FORMAT_2:
                raise fetcher.Errors.CorruptRecordException(
                    f"Record format {magic_of(letters)} is not read - {self._tp}"
                )
            if self._check_crcs and not compiled.validate_crc():
                raise fetcher.Errors.CorruptRecordException(f"Invalid CRC - {self._tp}")
            skipped = compiled.is_control_batch
            if self._isolation_level == fetcher.READ_COMMITTED and compiled.producer_id is not None:
                self._consume_aborted_up_to(compiled.base_offset)
                if compiled.is_control_batch and self._contains_abort_marker(compiled):
                    self._aborted_producers.discard(compiled.producer_id)
                aborted = compiled.is_transactional and compiled.producer_id in self._aborted_producers
                skipped = skipped or aborted
            if skipped:
                self.next_fetch_offset = compiled.next_offset
                yield None, letters
            else:
                yield compiled, letters


def _batch(start: int, end: int, parts: list[tuple[Spans, int]]) -> RawBatch:
    """One batch of the spans read in [start, end); Kafka's time is that of the newest record of a part."""
    none = np.zeros(0, np.int64)
    before = np.cumsum([0, *(len(spans.letters) for spans, _ in parts[:-1])])
    return RawBatch(
        start,
        end,
        np.concatenate([none, *(spans.offsets for spans, _ in parts)]),
        np.concatenate([np.zeros(0, np.uint8), *(spans.letters for spans, _ in parts)]),
        np.concatenate([none, *(spans.starts + shift for (spans, _), shift in zip(parts, before, strict=False))]),
        np.concatenate([none, *(spans.lengths for spans, _ in parts)]),
        np.concatenate([none, *(np.full(len(spans.offsets), time_us, np.int64) for spans, time_us in parts)]),
    )


def install(topics: set[str], records_max: int) -> None:
    """From now on, fetches of `topics` in this process come as batches of about `records_max` records."""
    global _records_max
    _batched_topics.update(topics)
    _records_max = records_max
    fetcher.PartitionRecords = BatchRecords
    # The compiled twin of this class does not say where a batch's bytes lie.
    fetcher.MemoryRecords = _MemoryRecordsPy
