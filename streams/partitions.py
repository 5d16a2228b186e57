"""The partitions a worker owns: claimed with an epoch, loaded, folded, published, snapshotted.

Knows no Faust and no loop: every method here blocks and is called under the worker's lock, off the event loop.
The order of effects is decision S3: fold, publish and have it delivered, store the snapshot, acknowledge.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from engines.primitives.errors import CorruptRecord, TidemarkError
from infra.masking import scrubbed
from infra.snapshots import LogPartition, SnapshotStore
from projections.entry_batch import Refusal
from streams import outputs, topics
from streams.archive_reader import ArchiveReader
from streams.folders import Folder, UpgradingFolder, source_of
from streams.raw_batch import RawBatch
from streams.schemas import Source

log = structlog.get_logger()

PACE_MAX_S = 0.5  # however loaded: a figure is published at least this often while it changes


class Sink(Protocol):
    """Where outputs go; `flush` returns when all are delivered and raises if one was not."""

    def produce(
        self,
        topic: str,
        partition: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None: ...

    def flush(self) -> None: ...


@dataclass(slots=True)
class OwnedPartition:
    folder: Folder
    log: LogPartition
    state: Any
    epoch: int
    snapshot_offset: int
    chain_base_bytes: int = 0  # of the snapshot chain in use; 0: the next one must be whole
    chain_delta_bytes: int = 0
    published_offset: int = 0
    pace_s: float = 0.0
    published_at: float = 0.0
    snapshot_at: float = 0.0
    appended_us: int | None = None
    unacknowledged: list[Any] = field(default_factory=list)
    unacknowledged_bytes: int = 0
    is_dumped: bool = False  # bytes were taken and are not stored yet

    @property
    def log_id(self) -> str:
        return f"{self.log.cluster_id}/{self.log.topic_id}"

    @property
    def is_unpublished(self) -> bool:
        return bool(self.state.next_offset > self.published_offset)

    @property
    def is_unsaved(self) -> bool:
        return bool(self.state.next_offset > self.snapshot_offset)


@dataclass(slots=True)
class Statistics:
    """What one fold or snapshot took, for the metrics."""

    records: int = 0
    refused: int = 0
    seconds: float = 0.0


class PartitionKeeper:
    """Claims and serves partitions; one for a worker.

    Args:
        logs: (topic, partition) -> LogPartition of the log as it is now.
        bounds: (topic, partition) -> (first offset kept, next offset to be written).
        tick_interval_s: shortest time between two published ticks of a partition.
    """

    def __init__(
        self,
        folders: Mapping[str, Folder],
        store: SnapshotStore,
        sink: Sink,
        logs: Callable[[str, int], LogPartition],
        bounds: Callable[[set[str]], Mapping[tuple[str, int], tuple[int, int]]],
        tick_interval_s: float,
        clock: Callable[[], float] = time.monotonic,
        archive: ArchiveReader | None = None,
    ) -> None:
        self._archive = archive
        self.owned: dict[tuple[str, int], OwnedPartition] = {}
        self._folders, self._store, self._sink = folders, store, sink
        self._logs, self._bounds, self._clock = logs, bounds, clock
        self._tick_interval_s = tick_interval_s

    # -- owning ------------------------------------------------------------------------------------------------

    def claim(self, wanted: set[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Own exactly `wanted`; returns each one's next offset, which alone says where to read on (S3, S6).

        Raises CorruptRecord, naming the remedy, where a snapshot does not belong to the log as it is (S5).
        """
        for gone in self.owned.keys() - wanted:
            del self.owned[gone]
        bounds = self._bounds({topic for topic, _ in wanted})
        for topic, partition in sorted(wanted):
            held = self.owned.get((topic, partition))
            owned = self._claim_one(topic, partition, held)
            self._catch_up(owned, bounds[topic, partition][0])
            self._check_bounds(owned, *bounds[topic, partition])
            self.owned[topic, partition] = owned
        return {at: self.owned[at].state.next_offset for at in wanted}

    def _claim_one(self, topic: str, partition: int, held: OwnedPartition | None) -> OwnedPartition:
        folder, where = self._folders[topic], self._logs(topic, partition)
        epoch = self._store.claim(where, folder.state_name)
        if held is not None and not held.is_dumped and held.log == where and held.epoch == epoch - 1:
            # Nobody claimed in between: nothing stored can be newer than what we hold in memory.
            held.epoch, held.chain_base_bytes, held.unacknowledged = epoch, 0, []
            held.unacknowledged_bytes = 0
            return held
        found = self._store.newest(where, folder.state_name)
        if found is None:
            others = self._store.other_logs(where, folder.state_name)
            if others:
                raise CorruptRecord(
                    f"snapshots of {topic}/{partition} belong to another life of the topic: it was created anew. "
                    "Restore the topic, or remove its snapshots to fold the new log from its start",
                    topic=topic,
                    partition=partition,
                    found=others[0].topic_id,
                    log=where.topic_id,
                )
            state, saved = folder.empty(), 0
            base_bytes, delta_bytes = 0, 0
        else:
            same_partitions = found.meta.log.partitions == where.partitions
            is_older = found.meta.fold_version < folder.fold_version
            upgrading = folder if same_partitions and is_older and isinstance(folder, UpgradingFolder) else None
            if upgrading is not None and (state := upgrading.upgraded(found)) is not None:
                log.info("snapshot_upgraded", topic=topic, partition=partition, was=found.meta.fold_version)
                return OwnedPartition(folder, where, state, epoch, state.next_offset, snapshot_at=self._clock())
            if not same_partitions or found.meta.fold_version != folder.fold_version:
                raise CorruptRecord(
                    f"the snapshot of {topic}/{partition} is of fold version {found.meta.fold_version} over "
                    f"{found.meta.log.partitions} partitions; this worker folds version {folder.fold_version} over "
                    f"{where.partitions}. Remove the snapshots to rebuild from the log",
                    topic=topic,
                    partition=partition,
                )
            state, saved = folder.load(found.base, found.deltas), found.meta.next_offset
            base_bytes, delta_bytes = len(found.base), sum(map(len, found.deltas))
        log.info("partition_claimed", topic=topic, partition=partition, epoch=epoch, next_offset=saved)
        return OwnedPartition(
            folder, where, state, epoch, saved, base_bytes, delta_bytes, saved, snapshot_at=self._clock()
        )

    def _catch_up(self, owned: OwnedPartition, first: int) -> None:
        """Fold from the archive what the log no longer holds; outputs repeat, equal by id (S3)."""
        topic, partition, at = owned.log.topic, owned.log.partition, owned.state.next_offset
        held = self._archive.bounds(topic, partition) if self._archive and at < first else None
        if self._archive is None or held is None or not held[0] <= at < first <= held[1]:
            return  # the check of the bounds tells what is missing
        for raw in self._archive.batches(topic, partition, at, first):
            self.absorb(owned, raw)
        log.info("partition_caught_up_from_archive", topic=topic, partition=partition, from_offset=at, to=first)

    @staticmethod
    def _check_bounds(owned: OwnedPartition, first: int, end: int) -> None:
        if not first <= owned.state.next_offset <= end:
            raise CorruptRecord(
                f"the state of {owned.log.topic}/{owned.log.partition} stands at {owned.state.next_offset}, but the "
                f"log holds [{first}, {end}). Records were deleted or the log was cut: restore them, name the "
                "archive that holds them (TIDEMARK_ARCHIVE), or remove the snapshots to fold what is left, knowing "
                "that figures will lack the rest",
                topic=owned.log.topic,
                partition=owned.log.partition,
            )

    def release_all(self) -> None:
        self.owned.clear()

    # -- folding -----------------------------------------------------------------------------------------------

    def absorb(self, owned: OwnedPartition, raw: RawBatch) -> Statistics:
        """Fold one batch; alerts and dead letters leave at once, the rest with the next tick."""
        started = time.perf_counter()
        absorbed = owned.folder.absorb(owned.state, raw)
        if len(raw):
            owned.appended_us = int(raw.appended_us[-1])
        source = source_of(owned.folder, owned.state, owned.log.partition, owned.log_id)
        now = owned.folder.publish_at_once(absorbed, source)
        for output in now:
            self._sink.produce(output.topic, owned.log.partition, output.key, output.value)
        for topic in sorted({output.topic for output in now}):
            self._cut(owned, source, topic, raw.from_offset, sum(output.topic == topic for output in now))
        if absorbed.refusals:
            self._dead_letter(owned, raw, absorbed.refusals)
        return Statistics(len(raw), len(absorbed.refusals), time.perf_counter() - started)

    def _dead_letter(self, owned: OwnedPartition, raw: RawBatch, refusals: list[Refusal]) -> None:
        row_by_offset = dict(zip(raw.offsets.tolist(), range(len(raw)), strict=True))
        for refusal in refusals:
            value = raw.value(row_by_offset[refusal.offset])
            send_dead_letter(
                self._sink,
                owned.log.topic,
                owned.log.partition,
                refusal.offset,
                refusal.field,
                refusal.reason,
                value,
            )

    # -- publishing --------------------------------------------------------------------------------------------

    def publish_due(self, owned: OwnedPartition) -> bool:
        return owned.is_unpublished and self._clock() - owned.published_at >= owned.pace_s

    def publish(self, owned: OwnedPartition) -> None:
        """One tick: every changed figure, absolute, then a cut in each topic that got one (S17)."""
        if not owned.is_unpublished:
            return
        started = self._clock()
        state, partition = owned.state, owned.log.partition
        source = source_of(owned.folder, state, partition, owned.log_id)
        counts = dict.fromkeys(owned.folder.output_topics, 0)
        for output in owned.folder.take_changes(state, source):
            self._sink.produce(output.topic, partition, output.key, output.value)
            counts[output.topic] += 1
        for topic, count in counts.items():
            # Also where nothing changed: the reader learns how far this partition has come.
            self._cut(owned, source, topic, owned.published_offset, count)
        owned.published_offset, owned.published_at = state.next_offset, self._clock()
        # Publishing may take a fifth of the time of all partitions together: under load ticks grow apart.
        busy = 1 + sum(one.is_unpublished for one in self.owned.values())
        share = 4 * busy * (owned.published_at - started)
        owned.pace_s = max(self._tick_interval_s, min(share, PACE_MAX_S))

    def _cut(self, owned: OwnedPartition, source: Source, topic: str, from_offset: int, count: int) -> None:
        statistics = owned.folder.statistics(owned.state)
        newest = owned.folder.newest_event_us(owned.state)
        cut = outputs.cut(source, from_offset, count, owned.appended_us, newest, statistics)
        self._sink.produce(topic, owned.log.partition, b"cut", cut)

    # -- snapshots ---------------------------------------------------------------------------------------------

    def dump(self, owned: OwnedPartition) -> "PendingSnapshot":
        """Publish what is left and take the state's bytes; storing them needs no lock.

        One dump at a time: a second one would hold only what came after the first, and must not be stored before it.
        """
        if owned.is_dumped:
            raise TidemarkError("a snapshot of this partition is still to be stored", partition=owned.log.partition)
        self.publish(owned)
        whole = (
            owned.chain_base_bytes == 0
            or owned.chain_delta_bytes * 2 > owned.chain_base_bytes
            or owned.folder.needs_base(owned.state)
        )
        payload = owned.state.dump() if whole else owned.state.dump_delta()
        waiting, owned.unacknowledged = owned.unacknowledged, []
        owned.unacknowledged_bytes = 0
        owned.snapshot_at = self._clock()
        owned.is_dumped = True
        return PendingSnapshot(owned, owned.epoch, owned.state.next_offset, payload, whole, waiting)

    def store(self, pending: "PendingSnapshot") -> None:
        """Outputs delivered, then the snapshot: after this its batches may be acknowledged (S3).

        Raises Conflict if another worker has claimed the partition since: this one must write no more.
        """
        self._sink.flush()
        owned = pending.owned
        self._store.save(
            owned.log,
            owned.folder.state_name,
            epoch=pending.epoch,
            fold_version=owned.folder.fold_version,
            next_offset=pending.next_offset,
            payload=pending.payload,
            base=pending.whole,
        )
        owned.snapshot_offset, owned.is_dumped = pending.next_offset, False
        if pending.whole:
            owned.chain_base_bytes, owned.chain_delta_bytes = len(pending.payload), 0
            self._store.prune(owned.log, owned.folder.state_name)
        else:
            owned.chain_delta_bytes += len(pending.payload)


@dataclass(slots=True)
class PendingSnapshot:
    owned: OwnedPartition
    epoch: int
    next_offset: int
    payload: bytes
    whole: bool
    acknowledge: list[Any]


def send_dead_letter(
    sink: Sink, topic: str, partition: int, offset: int, field_name: str, reason: str, value: bytes | None
) -> None:
    """The raw bytes, with where they came from and why in headers; its id makes repeats recognisable (S27).

    Of a record that people or neighbours wrote only the place is told: it may say anything of anyone (E8).
    """
    identity = f"{topic}/{partition}/{offset}"
    headers = {
        "id": identity,
        "topic": topic,
        "partition": str(partition),
        "offset": str(offset),
        "field": field_name,
        "reason": scrubbed(reason)[:500],
    }
    pairs = [(name, text.encode()) for name, text in headers.items()]
    if topic not in topics.FOLDED:
        value, pairs = b"", [*pairs, ("withheld", b"personal")]
    sink.produce(topics.DEAD_LETTER, 0, identity.encode(), value, pairs)
