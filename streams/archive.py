"""Copies topics into the archive: reads each partition from where its manifest ends, writes what is due, goes on.

The place is the manifest's, so a crash repeats nothing and leaves nothing out. Who holds the lease works; a holder
that sleeps past it is refused by the manifest, whatever it still tries (`infra.archive_store`).
Not for deleting from Kafka: `streams.archive_prune`; not for the event store: `infra.archive_events`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from time import monotonic
from typing import Protocol

import structlog

from engines.primitives.errors import Conflict, CorruptRecord, Unavailable
from infra.archive_files import Records
from infra.archive_store import ArchiveStore, LogArchive, day_of
from infra.snapshot_files import LogPartition
from streams import topics
from streams.archive_columns import typed_columns

log = structlog.get_logger()

Place = tuple[str, int]
IDLE_S = 2.0
DAY_US = 86_400_000_000
#: Beside all of `tm.in.*`: what was decided, raised and recorded.
ALSO = (topics.AUDIT, topics.ALERT, topics.CUT, "tm.audit.head.v1")


class Source(Protocol):
    """The logs that are archived."""

    def bounds(self) -> Mapping[Place, tuple[int, int]]:
        """(first offset kept, next offset to be written) of each."""
        ...

    def read(self, topic: str, partition: int, start: int, end: int, limit: "Due") -> tuple[Records, int]:
        """Records of [start, to), and `to`: `end`, or less where they are enough for a file or the log is unstable.

        By number of records and not of offsets: an aborted transaction may be longer than any file.
        """
        ...


@dataclass(frozen=True, slots=True)
class Joined:
    """Several sources as one: by topic."""

    main: Source
    others: Mapping[str, Source]

    def bounds(self) -> Mapping[Place, tuple[int, int]]:
        found = dict(self.main.bounds())
        for source in self.others.values():
            found |= source.bounds()
        return found

    def read(self, topic: str, partition: int, start: int, end: int, limit: "Due") -> tuple[Records, int]:
        return self.others.get(topic, self.main).read(topic, partition, start, end, limit)


class Lease(Protocol):
    """One archiver at a time, for economy; that two do no harm is the manifest's care."""

    def claim(self) -> int | None: ...

    def release(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Due:
    """When a segment is written: with so many records or bytes, or when its first record has waited so long."""

    records: int = 200_000
    bytes: int = 128 * 1024 * 1024
    age_s: float = 60.0


def archived_topics(partitions: int) -> dict[str, int]:
    """Every topic that is archived, with its number of partitions."""
    return {
        topic.name: topic.partitions
        for topic in topics.topics(partitions)
        if topic.name.startswith("tm.in.") or topic.name in ALSO
    }


@dataclass(slots=True)
class Archiver:
    """`logs` tells the partitions as they are now, with topic ids. Not thread-safe."""

    store: ArchiveStore
    source: Source
    logs: Callable[[], Sequence[LogPartition]]
    due: Due = field(default_factory=Due)
    clock: Callable[[], float] = monotonic
    lease: Lease | None = None
    _held: dict[Place, LogArchive] = field(default_factory=dict)
    _waiting_since: dict[Place, float] = field(default_factory=dict)

    def run_once(self, *, everything: bool = False, stop: Event | None = None) -> int:
        """One round over all logs, less once `stop` is set; how many records were archived. `everything`: not only
        what is due."""
        if self.lease is not None and self.lease.claim() is None:
            self._held.clear()  # whoever works now has claimed the manifests
            return 0
        bounds = self.source.bounds()
        count = 0
        for where in self.logs():
            place = (where.topic, where.partition)
            if place in bounds and not (stop and stop.is_set()):
                count += self._advance(where, *bounds[place], everything)
        return count

    def run(self, stop: Event, *, idle_s: float = IDLE_S) -> None:
        """Archive what is due until `stop` is set. A broker or a folder that is away is tried again; a log with a
        hole ends the run."""
        while not stop.is_set():
            try:
                count = self.run_once(stop=stop)
            except (Unavailable, Conflict) as error:
                log.warning("archive_waits", reason=str(error))
                self._held.clear()
                count = 0
            if not count:
                stop.wait(idle_s)
        if self.lease is not None:
            try:
                self.lease.release()
            except Unavailable:
                log.warning("archive_lease_left_to_expire")

    def _advance(self, where: LogPartition, first: int, end: int, everything: bool) -> int:
        place = (where.topic, where.partition)
        archive = self._held.get(place)
        if archive is None:
            manifest = self.store.manifest(where)
            known = manifest.to_offset if manifest is not None else None
            if (known if known is not None else first) >= end:
                return 0  # a log that has nothing is not claimed: most topics are quiet
            archive = self._held[place] = self.store.open_log(where)
        count = 0
        while (start := _start(archive, first)) < end:
            since = self._waiting_since.setdefault(place, self.clock())
            if not everything and end - start < self.due.records and self.clock() - since < self.due.age_s:
                break
            if self.lease is not None and self.lease.claim() is None:
                break  # the last log took longer than the lease
            added = self._write(archive, start, end)
            if not added:
                break  # nothing but control records, or an open transaction: they wait for the next record
            count += added
            del self._waiting_since[place]
        else:
            self._waiting_since.pop(place, None)
        return count

    def _write(self, archive: LogArchive, start: int, end: int) -> int:
        """One reading, one file for each day in it."""
        where = archive.log
        records, to_offset = self.source.read(where.topic, where.partition, start, end, self.due)
        cuts = _day_cuts(records, archive)
        for number, row in enumerate(cuts):
            below = cuts[number + 1] if number + 1 < len(cuts) else len(records)
            part = records.rows(row, below)
            until = records.offsets[below] if below < len(records) else to_offset
            archive.append(part, start, until, typed_columns(where.topic, part))
            start = until
        if len(records):
            log.info("archived", topic=where.topic, partition=where.partition, records=len(records), to=to_offset)
        return len(records)


def _start(archive: LogArchive, first: int) -> int:
    """Where to read on. Raises CorruptRecord where the log has lost records that were never archived."""
    end = archive.next_offset
    if end is not None and end < first:
        raise CorruptRecord(
            f"{archive.log.topic}/{archive.log.partition} begins at {first}, the archive ends at {end}: records "
            "between were deleted before they were archived. Restore them, or begin another archive "
            "(TIDEMARK_ARCHIVE) that says where it starts",
            topic=archive.log.topic,
            partition=archive.log.partition,
        )
    return first if end is None else end


def _day_cuts(records: Records, archive: LogArchive) -> list[int]:
    """Rows at which a file begins: a later day than all before it. Clocks of producers that go back make no file."""
    segments = archive.manifest.segments
    day = segments[-1].date if segments else ""
    cuts: list[int] = []
    seen = None
    for row, timestamp_us in enumerate(records.timestamps_us):
        number = timestamp_us // DAY_US
        if number == seen:
            continue
        seen, found = number, day_of(timestamp_us)
        if not cuts or found > day:
            cuts.append(row)
        day = max(day, found)
    return cuts
