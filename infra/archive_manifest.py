"""The manifest of one archived log: which records lie in which file, chained; a line in it is what archives them.

JSON lines, a header first. Each change is a whole new version, `N.jsonl`, created only if absent and never changed;
the highest counts. So an append is atomic, two archivers can never both succeed, and one that was stopped and
wakes up writes a version nobody reads. Claiming takes the next version under a higher epoch: from there on whoever
held an older epoch is refused ("fenced"), as with snapshots (decision S20).
Not for the files themselves: `infra.archive_files`; not for where they lie: `infra.archive_store`.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from engines.primitives.errors import Conflict, CorruptRecord, Unavailable
from infra.snapshot_files import LogPartition, create, sync_directory

FORMAT = 1
VERSIONS_KEPT = 2  # readers that listed the folder a moment ago still find what they saw
READ_ATTEMPTS_MAX = 100


class Group(msgspec.Struct, frozen=True, array_like=True):
    """One row group of a file: offset of its first record, how many records, Merkle root over them."""

    from_offset: int
    rows: int
    root: str


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One manifest line: an immutable file that holds exactly the records of [from_offset, to_offset).

    Offsets without a record (aborted transactions, control records) are lawful inside that range and nowhere else.
    `root` is the RFC 6962 root over `infra.archive_files.record_bytes` of its records in order; `sha256` is of
    the file; `previous` the digest of the line before, or of the header's identity; `digest` of this line without it.
    """

    cluster_id: str
    topic: str
    topic_id: str
    partition: int
    partitions: int
    from_offset: int
    to_offset: int
    rows: int
    date: str
    first_us: int
    last_us: int
    path: str
    epoch: int
    bytes: int
    sha256: str
    root: str
    groups: tuple[Group, ...]
    previous: str = ""
    digest: str = ""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line. A generation begins where compaction has put files together; `previous_generation` is the
    last digest of the one before."""

    cluster_id: str
    topic: str
    topic_id: str
    partition: int
    partitions: int
    version: int
    generation: int
    epoch: int
    previous_generation: str = ""
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Manifest:
    header: Header
    segments: tuple[Segment, ...]

    @property
    def from_offset(self) -> int | None:
        return self.segments[0].from_offset if self.segments else None

    @property
    def to_offset(self) -> int | None:
        """The offset after the last archived one; None if nothing is archived."""
        return self.segments[-1].to_offset if self.segments else None

    @property
    def head(self) -> str:
        """Digest of the last line: stands for everything that is archived of this log."""
        return self.segments[-1].digest if self.segments else identity(self.header)


def identity(header: Header) -> str:
    """What the first line's `previous` is: the log and the generation, not the version."""
    fields = (header.cluster_id, header.topic, header.topic_id, header.partition, header.partitions)
    return hashlib.sha256(
        msgspec.json.encode([*fields, header.generation, header.previous_generation, header.format])
    ).hexdigest()


def linked(segments: Sequence[Segment], previous: str) -> tuple[Segment, ...]:
    """The lines with `previous` and `digest` filled in."""
    found = []
    for segment in segments:
        blank = msgspec.structs.replace(segment, previous=previous, digest="")
        previous = hashlib.sha256(msgspec.json.encode(blank)).hexdigest()
        found.append(msgspec.structs.replace(blank, digest=previous))
    return tuple(found)


def faults(manifest: Manifest) -> list[str]:
    """What is wrong with the lines themselves: chain, contiguity, another log's lines. Empty if nothing."""
    found, header = [], manifest.header
    previous, end = identity(header), manifest.from_offset
    of = (header.cluster_id, header.topic, header.topic_id, header.partition, header.partitions)
    for number, segment in enumerate(manifest.segments, 1):
        place = f"line {number} ([{segment.from_offset}, {segment.to_offset}))"
        (expected,) = linked([segment], previous)
        if segment.previous != previous:
            found.append(f"{place}: does not follow the line before: one was changed, removed or put in")
        elif segment.digest != expected.digest:
            found.append(f"{place}: was changed")
        if segment.from_offset != end:
            found.append(f"{place}: the archive goes on at {end}, this line begins at {segment.from_offset}")
        if not segment.from_offset < segment.to_offset or segment.rows != sum(g.rows for g in segment.groups):
            found.append(f"{place}: an impossible range or count")
        if (segment.cluster_id, segment.topic, segment.topic_id, segment.partition, segment.partitions) != of:
            found.append(f"{place}: is of another log")
        previous, end = segment.digest, segment.to_offset
    return found


class ManifestFolder:
    """The versions of one manifest. Safe among processes and threads; keeps nothing in memory."""

    def __init__(self, folder: Path, log: LogPartition) -> None:
        self.folder, self._log = folder, log

    def read(self) -> Manifest | None:
        """The highest version; None if nothing was ever claimed. Raises CorruptRecord, naming the file and line."""
        for _ in range(READ_ATTEMPTS_MAX):
            version = self._highest()
            if version == 0:
                return None
            try:
                data = self._path(version).read_bytes()
            except FileNotFoundError:
                continue  # a newer one has taken its place since we looked
            except OSError as error:
                raise Unavailable(f"archive: {error.strerror}", path=str(self._path(version))) from error
            return _decoded(data, self._path(version))
        raise Unavailable("the manifest changes faster than it can be read", path=str(self.folder))

    def log(self) -> LogPartition | None:
        """Whose manifest it is, by its header; by its folder where that cannot be read. None: never claimed."""
        for _ in range(READ_ATTEMPTS_MAX):
            version = self._highest()
            if version == 0:
                return None
            try:
                with self._path(version).open("rb") as file:
                    at = msgspec.json.decode(file.readline(), type=Header)
            except FileNotFoundError:
                continue
            except msgspec.DecodeError:
                return self._log
            except OSError as error:
                raise Unavailable(f"archive: {error.strerror}", path=str(self._path(version))) from error
            return LogPartition(at.cluster_id, at.topic, at.topic_id, at.partition, at.partitions)
        raise Unavailable("the manifest changes faster than it can be read", path=str(self.folder))

    def claim(self) -> Manifest:
        """The manifest under a new epoch, which is this caller's alone; older ones are fenced from here."""
        while True:
            now = self.read()
            if now is None:
                log = self._log
                blank = Header(
                    cluster_id=log.cluster_id,
                    topic=log.topic,
                    topic_id=log.topic_id,
                    partition=log.partition,
                    partitions=log.partitions,
                    version=1,
                    generation=1,
                    epoch=1,
                )
                claimed = Manifest(blank, ())
            else:
                raised = msgspec.structs.replace(
                    now.header, version=now.header.version + 1, epoch=now.header.epoch + 1
                )
                claimed = replace(now, header=raised)
            try:
                self._create(claimed)
            except Conflict:
                continue
            return claimed

    def append(self, held: Manifest, segments: Sequence[Segment]) -> Manifest:
        """Commit lines after those of `held`. Raises Conflict ("fenced") if it is not the newest any more."""
        header = msgspec.structs.replace(held.header, version=held.header.version + 1)
        grown = Manifest(header, (*held.segments, *linked(segments, held.head)))
        self._create(grown)
        return grown

    def rewrite(self, held: Manifest, segments: Sequence[Segment]) -> Manifest:
        """Commit a new generation whose lines are `segments`, of the same range. Raises Conflict as `append`."""
        header = msgspec.structs.replace(
            held.header,
            version=held.header.version + 1,
            generation=held.header.generation + 1,
            previous_generation=held.head,
        )
        self._keep(held)
        rewritten = Manifest(header, linked(segments, identity(header)))
        self._create(rewritten)
        return rewritten

    def earlier(self, manifest: Manifest) -> Iterator[Manifest]:
        """The generations before, newest first, as far as they were kept unbroken."""
        while manifest.header.previous_generation:
            path = self._kept(manifest.header.previous_generation)
            try:
                older = _decoded(path.read_bytes(), path)
            except (OSError, CorruptRecord):
                return
            if older.head != manifest.header.previous_generation or faults(older):
                return
            yield older
            manifest = older

    def _keep(self, manifest: Manifest) -> None:
        """Keep the last version of a generation that ends: heads that somebody noted are proved by it."""
        try:
            os.link(self._path(manifest.header.version), self._kept(manifest.head))
        except FileExistsError:
            return  # a compaction that was killed has kept it
        except OSError as error:
            if not self._path(manifest.header.version).exists():
                raise Conflict("fenced", path=str(self.folder)) from error
            raise Unavailable(f"archive: {error.strerror}", path=str(self.folder)) from error

    def _kept(self, head: str) -> Path:
        return self.folder / f"generation-{head}.jsonl"

    def _create(self, manifest: Manifest) -> None:
        version = manifest.header.version
        lines = [msgspec.json.encode(manifest.header), *map(msgspec.json.encode, manifest.segments)]
        try:
            open_directory(self.folder)
            create(self._path(version), b"\n".join(lines) + b"\n")
            self._path(version).chmod(0o640)
            # Whoever slept meanwhile may create a version again that was removed as old: it counts for nothing.
            if self._highest() != version:
                raise Conflict("fenced", path=str(self._path(version)))
            for old in self._versions():
                if old <= version - VERSIONS_KEPT:
                    self._path(old).unlink(missing_ok=True)
        except FileExistsError as error:
            raise Conflict("fenced", path=str(self._path(version))) from error
        except OSError as error:
            raise Unavailable(f"archive: {error.strerror or error}", path=str(self.folder)) from error

    def _path(self, version: int) -> Path:
        return self.folder / f"{version:010d}.jsonl"

    def _highest(self) -> int:
        return max(self._versions(), default=0)

    def _versions(self) -> list[int]:
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise Unavailable(f"archive: {error.strerror}", path=str(self.folder)) from error
        stems = (name.removesuffix(".jsonl") for name in names if name.endswith(".jsonl"))
        return [int(stem) for stem in stems if stem.isdecimal()]


def _decoded(data: bytes, path: Path) -> Manifest:
    lines = data.splitlines()
    try:
        header = msgspec.json.decode(lines[0], type=Header)
        if header.format != FORMAT:
            raise CorruptRecord(f"{path.name}: another format", path=str(path), format=header.format)
        return Manifest(header, tuple(msgspec.json.decode(line, type=Segment) for line in lines[1:]))
    except (IndexError, msgspec.DecodeError) as error:
        raise CorruptRecord(f"{path.name}: not a manifest", path=str(path)) from error


def open_directory(path: Path) -> None:
    """Creates `path` with its parents for owner and group to read: other tools of the bank come as the group."""
    if path.is_dir():
        return
    open_directory(path.parent)
    path.mkdir(mode=0o750, exist_ok=True)
    sync_directory(path.parent)
