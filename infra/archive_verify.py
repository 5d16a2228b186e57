"""Whether the archive is what was archived: chain, contiguity, files, digests, row groups and Merkle roots.

Reads everything there is, files in parallel by processes. It cannot see from inside that an archive was
rewritten as a whole, or its newest lines cut off: keep the heads it prints elsewhere (`heads`, as decision E7).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import polars as pl

from engines.primitives.errors import CorruptRecord
from infra import archive_files as files
from infra.archive_manifest import Manifest, Segment, faults
from infra.archive_store import ArchiveStore
from infra.snapshot_files import LogPartition


class Finding(NamedTuple):
    """One thing that is wrong: in which file, in which of its row groups (from 0), and what."""

    path: str
    group: int | None
    reason: str


@dataclass(slots=True)
class Report:
    """`heads`: by log, how far it is archived, and the digest that stands for all of it."""

    files: int = 0
    records: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)
    heads: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.findings


Progress = Callable[[int, int], None]  # records done, of how many


def name_of(log: LogPartition) -> str:
    return f"{log.topic}/{log.topic_id}/{log.partition}"


def verify(
    store: ArchiveStore,
    *,
    topic: str | None = None,
    jobs: int = 1,
    on_progress: Progress | None = None,
    heads: Mapping[str, str] | None = None,
) -> Report:
    """Check every log, or those of a topic. `heads`: by log as `name_of`, digests that must still be in its chain."""
    report, segments = Report(), []
    for log in store.logs(topic):
        name = name_of(log)
        try:
            manifest = store.manifest(log)
        except CorruptRecord as error:
            report.findings.append(Finding(f"manifest of {name}", None, str(error)))
            continue
        if manifest is None:
            continue
        report.findings += [Finding(f"manifest of {name}", None, fault) for fault in faults(manifest)]
        report.findings += _strangers(store, log, manifest)
        report.heads[name] = (manifest.to_offset or 0, manifest.head)
        segments += list(manifest.segments)
        wanted = (heads or {}).get(name)
        if wanted is not None and not _was_head(store, log, manifest, wanted):
            report.findings.append(Finding(f"manifest of {name}", None, "the head that was kept is not in its chain"))
    for path in store.orphans() if topic is None else ():
        report.findings.append(Finding(path.relative_to(store.root).as_posix(), None, "its log has no manifest"))
    for name in (heads or {}).keys() - report.heads.keys():
        report.findings.append(Finding(f"manifest of {name}", None, "a head was kept of it, and it is not there"))
    total = sum(segment.rows for segment in segments)
    for segment, found in zip(segments, _checked(store.root, segments, jobs), strict=True):
        report.findings += found
        report.files += 1
        report.records += segment.rows
        report.bytes += segment.bytes
        if on_progress is not None:
            on_progress(report.records, total)
    return report


def verify_segments(store: ArchiveStore, segments: Iterable[Segment]) -> list[Finding]:
    """Check some files, one after the other."""
    return [finding for segment in segments for finding in check((store.root, segment))]


def check(what: tuple[Path, Segment]) -> list[Finding]:
    """What is wrong with one file."""
    root, segment = what
    try:
        path = ArchiveStore(root).file(segment)
        digest = files.sha256_of(path)
    except (CorruptRecord, OSError) as error:
        return [Finding(segment.path, None, str(error))]
    found = [finding for number in range(len(segment.groups)) for finding in _check_group(path, segment, number)]
    if not found and files.root_of(segment.groups) != segment.root:
        found.append(Finding(segment.path, None, "the root is not that of its row groups"))
    try:
        rows = int(files.scan(path).select(pl.len()).collect().item())
        if rows != segment.rows:
            found.append(Finding(segment.path, None, f"holds {rows} records, {segment.rows} were archived"))
    except (pl.exceptions.PolarsError, OSError) as error:
        found.append(Finding(segment.path, None, f"cannot be read: {error}"[:200]))
    if digest != segment.sha256 and not found:
        found.append(
            Finding(segment.path, None, "is not the file that was archived, though its records are the same")
        )
    return found


def _check_group(path: Path, segment: Segment, number: int) -> Iterator[Finding]:
    group = segment.groups[number]
    start = sum(one.rows for one in segment.groups[:number])
    try:
        rows = files.scan(path).slice(start, group.rows).select(list(files.RAW)).collect()
        records = files.records_of(rows)
    except (pl.exceptions.PolarsError, OSError) as error:
        yield Finding(segment.path, number, f"cannot be read: {error}"[:200])
        return
    if not len(records) or files.groups_of(records)[0] != group:
        yield Finding(segment.path, number, "its records are not those that were archived")
    low, high = (records.offsets[0], records.offsets[-1]) if len(records) else (segment.from_offset, 0)
    rising = all(a < b for a, b in zip(records.offsets, records.offsets[1:], strict=False))
    if not (rising and segment.from_offset <= low and high < segment.to_offset):
        yield Finding(segment.path, number, "offsets do not rise inside the file's range")


def _checked(root: Path, segments: list[Segment], jobs: int) -> Iterator[list[Finding]]:
    work = [(root, segment) for segment in segments]
    if jobs <= 1 or len(work) <= 1:
        yield from map(check, work)
        return
    # `spawn`: polars has threads, and a fork of them hangs.
    with ProcessPoolExecutor(min(jobs, len(work)), get_context("spawn")) as pool:
        yield from pool.map(check, work)


def _strangers(store: ArchiveStore, log: LogPartition, manifest: Manifest) -> list[Finding]:
    found = store.strangers(log, manifest)
    return [Finding(path.relative_to(store.root).as_posix(), None, "no manifest line names it") for path in found]


def _was_head(store: ArchiveStore, log: LogPartition, manifest: Manifest, head: str) -> bool:
    """Whether this digest ever stood for all that was archived: in this generation or in one before."""
    generations = (manifest, *store.earlier(log, manifest))
    return any(head in (one.head, *(segment.digest for segment in one.segments)) for one in generations)
