"""The archive: a folder that any host may share, of immutable Parquet files and one manifest for each log.

    topic=T/log=TOPIC_ID/partition=N/date=YYYY-MM-DD/FROM-TO.parquet     what DuckDB and Spark read (Hive layout)
    events/log=…/partition=0/date=…/FROM-TO.parquet                      the event store (`infra.archive_events`)
    manifest/T/TOPIC_ID/N/VERSION.jsonl                                  what counts
    manifest/T/TOPIC_ID/N/pending/EPOCH-FROM-TO.parquet                  written, not yet committed or not yet moved

`log=` keeps the lives of a topic apart: one created anew begins at offset 0 again (decision S5). `date` is the day,
UTC, of Kafka's time of the records, never going back within a log.

Exactly once: a file is written under `pending/`, the manifest line commits it, and only then is it moved to where
everyone reads. So a reader of the tree never sees a record that is not archived, nor one twice; killed anywhere,
the next owner finishes the move or throws the pending file away. The one exception is the moment in which compaction
puts one file in place of several: who must not see that either reads the files that the manifest names.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import polars as pl
import structlog

from engines.primitives.errors import Conflict, CorruptRecord, InvalidInput, Unavailable
from infra import archive_files as files
from infra.archive_files import Records
from infra.archive_manifest import Manifest, ManifestFolder, Segment, open_directory
from infra.snapshot_files import LogPartition, sync_directory

log_event = structlog.get_logger()

MANIFESTS, PENDING = "manifest", "pending"
OPEN_ATTEMPTS_MAX = 20
#: Commands carry signed tokens: their files are the owner's alone, and no API gives them out.
PRIVATE = frozenset({"tm.in.workflow.command.v1"})


def day_of(timestamp_us: int) -> str:
    """The day, UTC, of a timestamp; of one that Kafka did not keep, the first."""
    return datetime.fromtimestamp(max(timestamp_us, 0) / 1e6, UTC).date().isoformat()


class ArchiveStore:
    """Reading needs no claim; writing is a `LogArchive`'s, one for each log."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def manifest(self, log: LogPartition) -> Manifest | None:
        return self._folder(log).read()

    def earlier(self, log: LogPartition, manifest: Manifest) -> Iterator[Manifest]:
        """The generations of a manifest before this one, newest first."""
        return self._folder(log).earlier(manifest)

    def logs(self, topic: str | None = None) -> list[LogPartition]:
        """Every log that was ever claimed, in order of topic, topic id and partition."""
        found = []
        for folder in (self.root / MANIFESTS).glob("*/*/*"):
            if folder.name.isdecimal() and topic in (None, folder.parent.parent.name):
                named = LogPartition("-", folder.parent.parent.name, folder.parent.name, int(folder.name), 0)
                log = ManifestFolder(folder, named).log()
                found += [log] if log is not None else []
        return sorted(found, key=lambda log: (log.topic, log.topic_id, log.partition))

    def orphans(self) -> list[Path]:
        """Folders of files whose log has no manifest."""
        known = {self.folder(log) for log in self.logs()}
        found = [*self.root.glob("topic=*/log=*/partition=*"), *self.root.glob("events/log=*/partition=*")]
        return sorted(path for path in found if path not in known)

    def file(self, segment: Segment) -> Path:
        """Where the file of a committed line lies now: in the tree, or still among the pending ones.

        Raises CorruptRecord where it is in neither place.
        """
        for _ in range(OPEN_ATTEMPTS_MAX):  # between the two looks it may have been moved
            for path in (self.root / segment.path, self._pending(log_of(segment), segment)):
                if path.is_file():
                    return path
        raise CorruptRecord(f"{segment.path} is missing from the archive", path=segment.path)

    def open_log(self, log: LogPartition) -> "LogArchive":
        """Claim the log for writing and finish what a predecessor left. Raises Conflict: another partition count."""
        return LogArchive(self, log)

    def folder(self, log: LogPartition) -> Path:
        """Where the files of a log lie."""
        parent = log.topic if log.topic == "events" else f"topic={log.topic}"
        return self.root / parent / f"log={log.topic_id}" / f"partition={log.partition}"

    def strangers(self, log: LogPartition, manifest: Manifest) -> list[Path]:
        """Files in the tree that no line names: left by a compaction that was killed, or put there by somebody."""
        named = {self.root / segment.path for segment in manifest.segments}
        return sorted(path for path in self.folder(log).glob("date=*/*") if path not in named)

    def _folder(self, log: LogPartition) -> ManifestFolder:
        return ManifestFolder(self.root / MANIFESTS / log.topic / log.topic_id / str(log.partition), log)

    def _pending(self, log: LogPartition, segment: Segment) -> Path:
        name = f"{segment.epoch:010d}-{segment.from_offset:020d}-{segment.to_offset:020d}.parquet"
        return self._folder(log).folder / PENDING / name


def log_of(segment: Segment) -> LogPartition:
    return LogPartition(segment.cluster_id, segment.topic, segment.topic_id, segment.partition, segment.partitions)


class LogArchive:
    """The writer of one log. Not thread-safe; of two writers the later claim wins, the other gets Conflict."""

    def __init__(self, store: ArchiveStore, log: LogPartition) -> None:
        self.store, self.log = store, log
        self._folder = store._folder(log)
        found = self._folder.read()
        if found is not None and found.header.partitions != log.partitions:
            raise Conflict(
                f"{log.topic} was archived with {found.header.partitions} partitions and has {log.partitions} now",
                topic=log.topic,
            )
        self.manifest = self._folder.claim()
        self._finish()

    @property
    def next_offset(self) -> int | None:
        return self.manifest.to_offset

    def append(
        self, records: Records, from_offset: int, to_offset: int, typed: pl.DataFrame | None = None
    ) -> Segment:
        """Archive all records of [from_offset, to_offset), of one day; when this returns they are.

        Raises InvalidInput where the range does not follow what is archived, Conflict ("fenced") where another
        archiver has claimed the log, Unavailable where the folder refuses.
        """
        end = self.manifest.to_offset
        if end not in (None, from_offset) or not from_offset < to_offset:
            raise InvalidInput("the range does not follow the archive", field="from_offset", archived=end or 0)
        if not len(records):
            raise InvalidInput("an empty range has no file", field="records", from_offset=from_offset)
        if not from_offset <= records.offsets[0] <= records.offsets[-1] < to_offset:
            raise InvalidInput("records outside the range", field="records", from_offset=from_offset)
        date = max(day_of(records.timestamps_us[0]), self.manifest.segments[-1].date if end is not None else "")
        segment = self._write(files.frame_of(records, typed), records, from_offset, to_offset, date)
        self.manifest = self._folder.append(self.manifest, [segment])
        self._move(self.manifest.segments[-1])
        return self.manifest.segments[-1]

    def compact(self, rows_max: int, bytes_max: int, before: str) -> int:
        """Put neighbouring files of a day before `before` into one, up to a size; how many files went.

        A new generation of the manifest is committed first, then the new files appear and the old ones go.
        """
        groups = _neighbours(self.manifest.segments, rows_max, bytes_max, before)
        if all(len(group) == 1 for group in groups):
            return 0
        rewritten: list[Segment] = []
        old: list[Segment] = []
        for group in groups:
            if len(group) == 1:
                rewritten.append(group[0])
                continue
            frame = pl.concat([self._proved(segment) for segment in group])
            records = files.records_of(frame)
            rewritten.append(self._write(frame, records, group[0].from_offset, group[-1].to_offset, group[0].date))
            old += group
        self.manifest = self._folder.rewrite(self.manifest, rewritten)
        self._finish(expected={self.store.root / segment.path for segment in old})
        return len(old) - sum(len(group) > 1 for group in groups)

    def _proved(self, segment: Segment) -> pl.DataFrame:
        path = self.store.file(segment)
        if files.sha256_of(path) != segment.sha256:
            raise CorruptRecord(f"{segment.path} is not the file that was archived", path=segment.path)
        return files.scan(path).collect()

    def _write(self, frame: pl.DataFrame, records: Records, from_offset: int, to_offset: int, date: str) -> Segment:
        log = self.log
        groups = files.groups_of(records)
        path = self.store.folder(log) / f"date={date}" / f"{from_offset:020d}-{to_offset:020d}.parquet"
        blank = Segment(
            cluster_id=log.cluster_id,
            topic=log.topic,
            topic_id=log.topic_id,
            partition=log.partition,
            partitions=log.partitions,
            from_offset=from_offset,
            to_offset=to_offset,
            rows=len(records),
            date=date,
            first_us=min(records.timestamps_us),
            last_us=max(records.timestamps_us),
            path=path.relative_to(self.store.root).as_posix(),
            epoch=self.manifest.header.epoch,
            bytes=0,
            sha256="",
            root=files.root_of(groups),
            groups=groups,
        )
        pending = self.store._pending(log, blank)
        with _translated(pending):
            open_directory(pending.parent)
            written = files.write(frame, pending, mode=0o600 if log.topic in PRIVATE else 0o640)
        return _signed(blank, written)

    def _move(self, segment: Segment) -> None:
        """Put the file of a committed line where everyone reads. Whoever comes second finds it done."""
        target = self.store.root / segment.path
        with _translated(target):
            open_directory(target.parent)
            try:
                os.rename(self.store._pending(self.log, segment), target)
            except FileNotFoundError:
                return
            sync_directory(target.parent)

    def _finish(self, expected: Collection[Path] = ()) -> None:
        """Moves left to do, pending files of refused writers, files that compaction has replaced."""
        pending = self.store._pending
        folder = self._folder.folder / PENDING
        for segment in self.manifest.segments:
            if pending(self.log, segment).exists():
                self._move(segment)
        with _translated(folder):
            for path in folder.glob("*") if folder.is_dir() else ():
                # Of older epochs: their owners can commit nothing any more. Ours are moved by now.
                if path.name.startswith(".") or int(path.name[:10]) <= self.manifest.header.epoch:
                    path.unlink(missing_ok=True)
            for path in self.store.strangers(self.log, self.manifest):
                if path in expected:
                    path.unlink(missing_ok=True)
                elif _is_superseded(path, self.manifest):
                    log_event.warning("archive_file_removed", path=str(path), reason="no manifest line names it")
                    path.unlink(missing_ok=True)


def _neighbours(segments: Sequence[Segment], rows_max: int, bytes_max: int, before: str) -> list[list[Segment]]:
    groups: list[list[Segment]] = []
    for segment in segments:
        last = groups[-1] if groups else []
        fits = (
            last
            and last[-1].date == segment.date < before
            and sum(one.rows for one in last) + segment.rows <= rows_max
            and sum(one.bytes for one in last) + segment.bytes <= bytes_max
        )
        if fits:
            last.append(segment)
        else:
            groups.append([segment])
    return groups


def _is_superseded(path: Path, manifest: Manifest) -> bool:
    """Whether a file's whole range lies inside one line of the manifest: then nothing is lost with it."""
    first, dash, below = path.stem.partition("-")
    if path.suffix != ".parquet" or not (dash and first.isdecimal() and below.isdecimal()):
        return False
    return any(one.from_offset <= int(first) and int(below) <= one.to_offset for one in manifest.segments)


def _signed(blank: Segment, written: files.Written) -> Segment:
    return msgspec.structs.replace(blank, bytes=written.bytes, sha256=written.sha256)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"archive: {error.strerror or error}", path=str(path)) from error
