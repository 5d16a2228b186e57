"""Records out of the archive, as the batches a fold takes: what a log no longer holds.

Only of the same life of the topic (decision S5): asked for by topic and partition, answered for the topic id that the
cluster has now. A file is hashed against its manifest line before its first record is used: no figure comes from a
damaged file.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Lock

import numpy as np
import polars as pl

from engines.primitives.errors import CorruptRecord, InvalidInput, NotFound
from infra import archive_files as files
from infra.archive_manifest import Manifest, Segment
from infra.archive_store import ArchiveStore
from infra.snapshot_files import LogPartition
from streams.raw_batch import TOMBSTONE, RawBatch

Where = Callable[[str, int], LogPartition]


class ArchiveReader:
    """Thread-safe; one for a process, so that each file is hashed once."""

    def __init__(self, store: ArchiveStore, where: Where) -> None:
        """`where` tells which log a topic and partition are now."""
        self.store, self._where = store, where
        self._proved: dict[str, str] = {}
        self._lock = Lock()

    def bounds(self, topic: str, partition: int) -> tuple[int, int] | None:
        """[from, to) of what is archived of this log; None if nothing."""
        manifest = self._manifest(topic, partition)
        if manifest is None or manifest.from_offset is None or manifest.to_offset is None:
            return None
        return manifest.from_offset, manifest.to_offset

    def batches(self, topic: str, partition: int, start: int, end: int) -> Iterator[RawBatch]:
        """Records of [start, end).

        Raises InvalidInput where the archive does not hold all of it, CorruptRecord where a file is not what was
        archived.
        """
        manifest = self._manifest(topic, partition)
        held = (manifest.from_offset, manifest.to_offset) if manifest is not None else (None, None)
        if manifest is None or held[0] is None or held[1] is None or not held[0] <= start <= end <= held[1]:
            raise InvalidInput(
                f"the archive holds {_shown(held)} of {topic}/{partition}, asked for [{start}, {end})",
                field="at_offsets",
                partition=partition,
            )
        at = start
        while at < end:
            segment = next(one for one in manifest.segments if one.to_offset > at)
            try:
                for raw in self._segment(segment, at, min(segment.to_offset, end)):
                    yield raw
                    at = raw.to_offset
            except CorruptRecord:
                newer = self._manifest(topic, partition)
                if newer is None or newer.head == manifest.head:
                    raise
                manifest = newer  # compaction has put another file in its place

    def records(self, topic: str, partition: int, start: int, end: int) -> Iterator[files.Records]:
        """The same with keys and headers; whatever of the range is there."""
        for rows in self.frames(topic, partition, start, end):
            yield files.records_of(rows.select(list(files.RAW)))

    def frames(self, topic: str, partition: int, start: int, end: int) -> Iterator[pl.DataFrame]:
        """The same as rows with all columns of the files; whatever of the range is there."""
        manifest = self._manifest(topic, partition)
        for segment in manifest.segments if manifest is not None else ():
            if segment.from_offset < end and segment.to_offset > start:
                path = self._path(segment)
                for first, below in _spans(segment, max(start, segment.from_offset), min(end, segment.to_offset)):
                    yield files.read_rows(path, None, first, below)

    def paths(self, topic: str, partition: int, start: int, end: int) -> Iterator[Path]:
        """The files, proved, that hold records of [start, end); each holds others too."""
        manifest = self._manifest(topic, partition)
        for segment in manifest.segments if manifest is not None else ():
            if segment.from_offset < end and segment.to_offset > start:
                yield self._path(segment)

    def _segment(self, segment: Segment, start: int, end: int) -> Iterator[RawBatch]:
        path = self._path(segment)
        for first, below in _spans(segment, start, end):
            rows = files.read_rows(path, ("offset", "timestamp_us", "value"), first, below)
            values = rows["value"]
            lengths = values.bin.size().fill_null(TOMBSTONE).cast(rows.schema["offset"]).to_numpy()
            ends = np.cumsum(np.maximum(lengths, 0))
            letters = np.frombuffer(bytearray().join(values.drop_nulls().to_list()), np.uint8)
            starts = ends - np.maximum(lengths, 0)
            offsets, times = rows["offset"].to_numpy(), rows["timestamp_us"].to_numpy()
            yield RawBatch(first, below, offsets, letters, starts, lengths, times)

    def _path(self, segment: Segment) -> Path:
        path = self.store.file(segment)
        with self._lock:
            known = self._proved.get(segment.path) == segment.sha256
        if not known:
            if files.sha256_of(path) != segment.sha256:
                raise CorruptRecord(
                    f"{segment.path} is not the file that was archived: `tidemark archive verify` tells which part",
                    path=segment.path,
                )
            with self._lock:
                self._proved[segment.path] = segment.sha256
        return path

    def _manifest(self, topic: str, partition: int) -> Manifest | None:
        try:
            return self.store.manifest(self._where(topic, partition))
        except NotFound:
            return None


def _spans(segment: Segment, start: int, end: int) -> Iterator[tuple[int, int]]:
    """[start, end) row group by row group: holes count to the group before them."""
    firsts = [segment.from_offset, *(group.from_offset for group in segment.groups[1:])]
    belows = [*firsts[1:], segment.to_offset]
    for first, below in zip(firsts, belows, strict=True):
        if first < end and below > start:
            yield max(first, start), min(below, end)


def _shown(held: tuple[int | None, int | None]) -> str:
    return "nothing" if held[0] is None else f"[{held[0]}, {held[1]})"


def by_topic(logs: Mapping[tuple[str, int], LogPartition]) -> Where:
    """A fixed answer to where a topic's partitions are."""

    def where(topic: str, partition: int) -> LogPartition:
        if (topic, partition) not in logs:
            raise NotFound(f"{topic}/{partition} is not a log of ours", field="topic")
        return logs[topic, partition]

    return where
