"""Feeds from files: each file has a cursor that belongs to its bytes, so that a second run repeats nothing.

Every run reads all files from the beginning, and so checks them whole; only what is beyond a file's cursor is sent.
A file that grew or was corrected is another file: what stood in it before has the ids it had, and counts once.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec

from engines.primitives.errors import InvalidInput, NotFound
from infra.files import read_bytes_or_none, write_atomically
from infra.statements.checks import End, Finding, check_sequence
from streams.feeds.cursor import Cursor
from streams.feeds.event import Event
from streams.feeds.file_report import FileReport
from streams.feeds.runner import Sink, run_feed
from streams.feeds.start import FeedOptions

#: What a feed makes of one file: events for Kafka, everything else goes to the report.
EventsOf = Callable[[BinaryIO, FileReport], Iterator[Event]]
ENDS_KEPT = 400  # of an account


@dataclass(frozen=True, slots=True)
class FileFeed:
    """One kind of feed. `mapping_digest`: with another mapping a file is sent again, ids as before."""

    kind: str
    events_of: EventsOf
    mapping_digest: str = ""


@dataclass(slots=True)
class FilesResult:
    """Of all files of one run. `whole`: every file was read to its end."""

    produced: int = 0
    seconds: float = 0.0
    stopped: bool = False
    whole: bool = True
    reports: list[FileReport] = field(default_factory=list)
    sequence_findings: list[Finding] = field(default_factory=list)

    @property
    def refused(self) -> int:
        return sum(report.refused for report in self.reports)

    @property
    def findings(self) -> list[Finding]:
        return [*(finding for report in self.reports for finding in report.findings), *self.sequence_findings]


def files_of(paths: Sequence[Path], endings: Iterable[str]) -> list[Path]:
    """The files named, and those with one of the endings in directories named, by name; each once.

    Raises NotFound for a path that is not there, InvalidInput where nothing is left.
    """
    found: dict[Path, None] = {}
    wanted = {ending.lower() for ending in endings}
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.is_file() and one.suffix.lower() in wanted)
            found.update(dict.fromkeys(inside))
        elif path.is_file():
            found[path] = None
        else:
            raise NotFound(f"there is no file or directory {path}", path=str(path))
    if not found:
        raise InvalidInput(f"no file ends in {', '.join(sorted(wanted))}", field="FILE")
    return list(found)


def run_files(feed: FileFeed, files: Sequence[Path], producer: Sink, options: FeedOptions) -> FilesResult:
    """Send what is new in the files, in their order; `options.count` is for all of them together.

    Raises as `run_feed` and `Cursor.open`, and OSError's kin where a file cannot be read.
    """
    result = FilesResult()
    left, done = options.count, 0
    for path in files:
        report = _report(feed, path, options.cursors)
        result.reports.append(report)
        digest = hashlib.sha256(f"{report.digest}{feed.mapping_digest}".encode()).hexdigest()
        cursor = Cursor.open(
            options.cursors, f"{feed.kind}-{digest[:20]}", seed=0, run_id=options.run_id, identity={"digest": digest}
        )
        before, tell = done, options.on_progress
        with path.open("rb") as stream:
            events = _Counted(feed.events_of(stream, report))
            part = run_feed(
                events,
                producer,
                cursor,
                rate=options.rate,
                count=left,
                source=f"/tidemark/feed/{feed.kind}",
                on_progress=None if tell is None else (lambda index, add=before, to=tell: to(add + index)),  # type: ignore[misc]
                stop=options.stop,
            )
        report.close()
        done += part.index
        result.produced += part.produced
        result.seconds += part.seconds
        result.stopped |= part.stopped
        result.whole &= events.ended
        left = None if left is None else left - part.produced
        if part.stopped or left == 0:
            result.whole &= path == files[-1]
            break
    _check_sequences(feed, result, options.cursors)
    return result


def read_files(feed: FileFeed, files: Sequence[Path], on_event: Callable[[Event], None]) -> FilesResult:
    """As `run_files`, with nothing sent and nothing written: what would be told."""
    result = FilesResult()
    for path in files:
        report = _report(feed, path, None)
        result.reports.append(report)
        with path.open("rb") as stream:
            for event in feed.events_of(stream, report):
                on_event(event)
                result.produced += 1
    ends = [end for report in result.reports for end in report.ends]
    result.sequence_findings = list(check_sequence(ends, feed.kind))
    return result


class _Counted:
    """An iterator that remembers whether it was read to its end."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._events, self.ended = events, False

    def __iter__(self) -> Iterator[Event]:
        yield from self._events
        self.ended = True


def _report(feed: FileFeed, path: Path, directory: Path | None) -> FileReport:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    rejects = None
    if directory is not None:
        rejects = directory / "rejects" / f"{feed.kind}-{path.stem[:60]}-{digest[:8]}.jsonl"
    return FileReport(path.name, digest, rejects)


def _check_sequences(feed: FileFeed, result: FilesResult, directory: Path) -> None:
    """Statements of this run among those of earlier ones: only what touches this run's is told."""
    fresh = {end for report in result.reports for end in report.ends}
    if not fresh:
        return
    path = directory / f"{feed.kind}-statements.json"
    data = read_bytes_or_none(path)
    known = set(msgspec.json.decode(data, type=list[End])) if data else set()
    mine = {(end.account, end.statement_id) for end in fresh}
    found = check_sequence(known | fresh, feed.kind)
    result.sequence_findings = [finding for finding in found if (finding.account, finding.statement_id) in mine]
    by_account: dict[str, list[End]] = {}
    for end in sorted(known | fresh, key=lambda one: (one.account, one.closed_on, one.sequence, one.page)):
        by_account.setdefault(end.account, []).append(end)
    kept = [end for ends in by_account.values() for end in ends[-ENDS_KEPT:]]
    write_atomically(path, msgspec.json.encode(kept))
