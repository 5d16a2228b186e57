"""One item for each fetched range of a partition, in place of one object a record.

aiokafka names its `PartitionRecords` class inside its own methods, so there is no seam but the module global: it
is replaced once, for topics that registered, and everything else goes the old way (decision S26, ADR 0001). The
versions are pinned and a test holds a hash of the replaced source.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from aiokafka.consumer import fetcher

from streams.decode import RawBatch

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
        values: list[bytes | None] = []
        offsets: list[Any] = []
        times: list[Any] = []
        for compiled in self._readable_batches():
            if compiled is not None:
                found, read = _records(compiled, self.next_fetch_offset)
                values += read
                offsets.append(found)
                times.append(np.full(len(read), compiled.max_timestamp * 1_000, np.int64))
                self.next_fetch_offset = compiled.next_offset
            if len(values) >= _records_max:
                yield _batch(start, self.next_fetch_offset, values, offsets, times)
                start, values, offsets, times = self.next_fetch_offset, [], [], []
        if self.next_fetch_offset > start:
            # Also when nothing in the range is to be read (markers, aborted records): the range itself is news.
            yield _batch(start, self.next_fetch_offset, values, offsets, times)

    def _readable_batches(self) -> Iterator[Any]:
        """Compiled batches in order, None for one that must not be read; as aiokafka's own loop decides it."""
        while self._records.has_next():
            compiled = self._records.next_batch()
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
                yield None
            else:
                yield compiled


def _records(compiled: Any, position: int) -> tuple[Any, list[bytes | None]]:
    """Offsets and values of a compiled batch from `position` on: compressed batches come whole, asked for or not."""
    base, end = compiled.base_offset, compiled.next_offset
    if position <= base:
        records = list(compiled)
        if len(records) == end - base:
            return np.arange(base, end), [record.value for record in records]
    else:
        records = [record for record in compiled if record.offset >= position]
    # Compaction left holes, or we start inside: then each record must say its offset.
    return np.array([record.offset for record in records], np.int64), [record.value for record in records]


def _batch(start: int, end: int, values: list[bytes | None], offsets: list[Any], times: list[Any]) -> RawBatch:
    none = np.zeros(0, np.int64)
    return RawBatch(start, end, np.concatenate([none, *offsets]), values, np.concatenate([none, *times]))


def install(topics: set[str], records_max: int) -> None:
    """From now on, fetches of `topics` in this process come as batches of about `records_max` records."""
    global _records_max
    _batched_topics.update(topics)
    _records_max = records_max
    fetcher.PartitionRecords = BatchRecords
