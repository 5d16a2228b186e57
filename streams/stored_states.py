"""Reading folded states outside the worker: the newest snapshots, kept warm, and states at past offsets.

Figures by customer or account are answered from here: they are too many to publish, and a snapshot holds all of
them at one offset it names (design.md section 2). A past offset vector is answered by the nearest older snapshot
and a plain read of the log up to the vector, with the same folds the worker runs.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from engines.primitives.errors import InvalidInput, NotFound, Unavailable
from infra.snapshots import LogPartition, SnapshotStore, StoredSnapshot
from streams.archive_reader import ArchiveReader
from streams.folders import Folder
from streams.raw_batch import RawBatch

READ_RECORDS_MAX = 20_000
READ_TIMEOUT_S = 30.0
CONSUME_S = 0.1  # how long a read of fewer records than wanted takes: the end of a partition ends no waiting


@dataclass(slots=True)
class _Warm:
    """A restored state and the snapshot chain it stands for."""

    deltas: tuple[int, ...]  # lengths of the deltas applied so far
    base: bytes
    state: Any
    offset: int


class StoredStates:
    """States of one folded topic as the newest snapshots hold them; a new delta is applied, not all reloaded."""

    def __init__(self, folder: Folder, store: SnapshotStore) -> None:
        self._folder, self._store = folder, store
        self._warm: dict[LogPartition, _Warm] = {}
        self._lock = threading.Lock()

    def read(self, log_partitions: list[LogPartition]) -> Iterator[tuple[LogPartition, Any, int]]:
        """(partition, state, next offset) of each that has a snapshot. Holds a lock while iterated."""
        with self._lock:
            for where in log_partitions:
                found = self._store.newest(where, self._folder.state_name)
                if found is None or found.meta.fold_version != self._folder.fold_version:
                    continue
                yield where, self._restored(where, found), found.meta.next_offset

    def _restored(self, where: LogPartition, found: StoredSnapshot) -> Any:
        warm = self._warm.get(where)
        lengths = tuple(len(delta) for delta in found.deltas)
        same_base = warm is not None and warm.base == found.base
        if warm is None or not same_base or lengths[: len(warm.deltas)] != warm.deltas:
            state = self._folder.load(found.base, found.deltas)
        else:
            state = warm.state
            for delta in found.deltas[len(warm.deltas) :]:
                state.apply_delta(delta)
        self._warm[where] = _Warm(lengths, found.base, state, found.meta.next_offset)
        return state


class LogReader:
    """Reads a range of one partition as the batches a fold takes; below the log's start from the archive, if there
    is one. Not thread-safe."""

    def __init__(self, kafka: Mapping[str, Any], archive: ArchiveReader | None = None) -> None:
        # `error`: where the log's start moves away under us the answer is an error, not a batch with a hole.
        self._consumer = Consumer({**kafka, "enable.partition.eof": True, "auto.offset.reset": "error"})
        self._archive = archive

    def close(self) -> None:
        self._consumer.close()

    def batches(self, topic: str, partition: int, start: int, end: int) -> Iterator[RawBatch]:
        """Records of [start, end).

        Raises InvalidInput where log and archive together do not hold all of it, Unavailable where the log does not
        answer.
        """
        first, last = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=READ_TIMEOUT_S)
        archived = self._archive.bounds(topic, partition) if self._archive and start < first else None
        if end > last or (
            start < first and not (archived and archived[0] <= start and min(first, end) <= archived[1])
        ):
            told = f"the archive [{archived[0]}, {archived[1]})" if archived else "the archive nothing"
            raise InvalidInput(
                f"{topic}/{partition} holds [{first}, {last}), {told}, asked for [{start}, {end})",
                field="at_offsets",
                partition=partition,
            )
        if self._archive and start < min(first, end):
            yield from self._archive.batches(topic, partition, start, min(first, end))
            start = min(first, end)
        if start >= end:
            return
        self._consumer.assign([TopicPartition(topic, partition, start)])
        at = start
        while at < end:
            messages = self._consumer.consume(min(READ_RECORDS_MAX, end - at), timeout=CONSUME_S)
            good, ended = _sorted_out(messages, end)
            upper = end if ended else (good[-1].offset() or 0) + 1 if good else at
            if good or ended:
                yield _raw(at, min(upper, end), good)
                at = min(upper, end)
        self._consumer.unassign()


def _sorted_out(messages: list[Message], end: int) -> tuple[list[Message], bool]:
    good: list[Message] = []
    for message in messages:
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                return good, True
            if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                raise Unavailable("the log's start moved while it was read: ask again")
            raise Unavailable(f"the log does not answer: {error.str()}")
        if (message.offset() or 0) >= end:
            return good, True
        good.append(message)
    return good, False


def _raw(start: int, end: int, messages: list[Message]) -> RawBatch:
    offsets = np.array([message.offset() for message in messages], np.int64)
    times = np.array([message.timestamp()[1] * 1_000 for message in messages], np.int64)
    return RawBatch.of_values(start, end, offsets, [message.value() for message in messages], times)


class Replay:
    """States at past offsets, folded from the nearest older snapshot or the start of log and archive."""

    def __init__(
        self,
        folders: Mapping[str, Folder],
        store: SnapshotStore,
        kafka: Mapping[str, Any],
        archive: ArchiveReader | None = None,
    ) -> None:
        self._folders, self._store, self._kafka, self._archive = folders, store, dict(kafka), archive

    def states(
        self, logs: Mapping[tuple[str, int], LogPartition], offsets: Mapping[tuple[str, int], int]
    ) -> Iterator[tuple[Folder, LogPartition, Any]]:
        """The state of each (topic, partition) at its offset."""
        try:
            reader = LogReader(self._kafka, self._archive)
        except KafkaException as error:
            raise Unavailable(f"no Kafka: {error}") from error
        try:
            for (topic, partition), end in sorted(offsets.items()):
                folder, where = self._folders.get(topic), logs.get((topic, partition))
                if folder is None or where is None:
                    raise NotFound(f"{topic}/{partition} is not a folded log", field="at_offsets")
                yield folder, where, self._state(reader, folder, where, end)
        finally:
            reader.close()

    def raw(self, topic: str, partition: int, end: int) -> Iterator[RawBatch]:
        """The records of [log start, end) of a topic that is not folded."""
        reader = LogReader(self._kafka, self._archive)
        try:
            yield from reader.batches(topic, partition, 0, end)
        finally:
            reader.close()

    def _state(self, reader: LogReader, folder: Folder, where: LogPartition, end: int) -> Any:
        found = self._store.newest_at_or_below(where, folder.state_name, end)
        usable = found is not None and found.meta.fold_version == folder.fold_version
        state = folder.load(found.base, found.deltas) if usable and found else folder.empty()
        for raw in reader.batches(where.topic, where.partition, state.next_offset, end):
            folder.absorb(state, raw)
        return state
