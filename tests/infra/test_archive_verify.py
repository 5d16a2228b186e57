"""What is done to an archive behind its back is found, and named by file and row group."""

import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import polars as pl
import pytest

from infra import archive_files, archive_verify
from infra.archive_manifest import Manifest, Segment, linked
from infra.archive_store import ArchiveStore
from infra.archive_verify import Report, name_of, verify
from tests.infra.test_archive_store import LOG, records

GROUPS = 4


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArchiveStore:
    """Three files of four row groups each, the offsets 10, 25 and 40 missing at their ends."""
    monkeypatch.setattr(archive_files, "GROUP_ROWS", 4)
    made = ArchiveStore(tmp_path)
    archive = made.open_log(LOG)
    for start in (0, 15, 30):
        archive.append(records(start, start + 14), start, start + 15)
    return made


def segments(store: ArchiveStore) -> tuple[Segment, ...]:
    manifest = store.manifest(LOG)
    assert manifest is not None
    return manifest.segments


def test_an_untouched_archive_verifies_and_says_its_heads(store: ArchiveStore) -> None:
    told: list[tuple[int, int]] = []
    report = verify(store, on_progress=lambda done, total: told.append((done, total)))
    assert report.ok
    assert (report.files, report.records) == (3, 42)
    assert report.heads == {name_of(LOG): (45, segments(store)[-1].digest)}
    assert told == [(14, 42), (28, 42), (42, 42)]
    assert verify(store, topic="tm.other").files == 0


def test_files_are_read_in_parallel_to_the_same_end(store: ArchiveStore) -> None:
    path = store.file(segments(store)[1])
    path.write_bytes(path.read_bytes()[:-20])
    # Processes start with GROUP_ROWS as it is in the module; groups are cut by what the manifest says of them.
    assert {one.path for one in verify(store, jobs=2).findings} >= {segments(store)[1].path}


def rewritten(store: ArchiveStore, number: int, change: Callable[[pl.DataFrame], pl.DataFrame]) -> str:
    """The file of a segment written anew with other rows; its path."""
    segment = segments(store)[number]
    path = store.file(segment)
    change(pl.read_parquet(path, hive_partitioning=False)).write_parquet(path, row_group_size=4)
    return segment.path


def set_value(column: str, row: int, value: object) -> Callable[[pl.DataFrame], pl.DataFrame]:
    def change(frame: pl.DataFrame) -> pl.DataFrame:
        other = pl.Series([value], dtype=frame.schema[column])
        return (
            frame.with_columns(frame[column].scatter(row, other)) if column != "value" else _with(frame, row, other)
        )

    return change


def _with(frame: pl.DataFrame, row: int, other: pl.Series) -> pl.DataFrame:
    parts = (frame["value"][:row], other.alias("value"), frame["value"][row + 1 :])
    return frame.with_columns(pl.concat(list(parts)))


CHANGES: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], int]] = {
    "a value": (set_value("value", 9, b"other"), 2),
    "a timestamp": (set_value("timestamp_us", 5, 77), 1),
    "an offset": (set_value("offset", 13, 14), 3),
    "swapped": (lambda frame: frame[[0, 2, 1, *range(3, 14)]], 0),
    "dropped": (lambda frame: frame[[*range(6), *range(7, 14)]], 1),
    "doubled": (lambda frame: frame[[*range(7), 6, *range(7, 14)]], 1),
    "cut": (lambda frame: frame[:13], 3),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_record_that_was_changed_is_found_in_its_row_group(store: ArchiveStore, what: str) -> None:
    change, group = CHANGES[what]
    path = rewritten(store, 1, change)
    findings = verify(store).findings
    assert findings
    assert (findings[0].path, findings[0].group) == (path, group)


def test_any_flipped_byte_is_found(store: ArchiveStore) -> None:
    choice = random.Random(5)
    for _ in range(40):
        segment = choice.choice(segments(store))
        path = store.file(segment)
        good = path.read_bytes()
        bad = bytearray(good)
        bad[choice.randrange(len(bad))] ^= 1 << choice.randrange(8)
        path.write_bytes(bad)
        assert segment.path in {one.path for one in verify(store).findings}
        path.write_bytes(good)
    assert verify(store).ok


def test_a_missing_and_an_added_file_are_found(store: ArchiveStore) -> None:
    first = store.file(segments(store)[0])
    added = first.with_name("00000000000000000090-00000000000000000099.parquet")
    added.write_bytes(first.read_bytes())
    first.unlink()
    found = {one.path: one.reason for one in verify(store).findings}
    assert "missing" in found[segments(store)[0].path]
    assert "no manifest line" in found[added.relative_to(store.root).as_posix()]


def manifest_file(store: ArchiveStore) -> Path:
    return max(store.root.glob("manifest/*/*/*/*.jsonl"))


@pytest.mark.parametrize("what", ["drop", "swap", "change", "insert"])
def test_a_changed_manifest_is_found(store: ArchiveStore, what: str) -> None:
    path = manifest_file(store)
    header, *lines = path.read_bytes().splitlines()
    if what == "drop":
        del lines[1]
    elif what == "swap":
        lines[0], lines[1] = lines[1], lines[0]
    elif what == "insert":
        lines.insert(1, lines[1])
    else:
        lines[1] = lines[1].replace(b'"rows":14', b'"rows":15')
    path.write_bytes(b"\n".join([header, *lines]) + b"\n")
    assert any("manifest of" in one.path for one in verify(store).findings)


def test_an_unreadable_manifest_is_a_finding_not_a_crash(store: ArchiveStore) -> None:
    path = manifest_file(store)
    path.write_bytes(path.read_bytes()[:-40])
    report: Report = verify(store, heads={})
    assert [one.path for one in report.findings] == [f"manifest of {name_of(LOG)}"]


def test_a_rewritten_or_shortened_archive_is_found_by_a_head_that_was_kept(store: ArchiveStore) -> None:
    kept = {name: head for name, (_, head) in verify(store).heads.items()}
    assert verify(store, heads=kept).ok
    manifest = store.manifest(LOG)
    assert manifest is not None
    path = manifest_file(store)

    def written(parts: list[Segment]) -> None:
        lines = linked(parts, manifest.segments[0].previous)
        path.write_bytes(b"\n".join(map(msgspec.json.encode, (manifest.header, *lines))) + b"\n")

    shortened = list(manifest.segments[:2])
    store.file(manifest.segments[2]).unlink()
    written(shortened)
    assert verify(store).ok  # from inside nothing is wrong: this is why heads are kept elsewhere
    assert [one.path for one in verify(store, heads=kept).findings] == [f"manifest of {name_of(LOG)}"]
    for place in store.root.glob("manifest/*/*/*/*.jsonl"):
        place.unlink()
    assert any("a head was kept" in one.reason for one in verify(store, heads=kept).findings)


def test_after_compactions_the_heads_before_them_still_hold(store: ArchiveStore) -> None:
    kept = [{name: head for name, (_, head) in verify(store).heads.items()}]
    for round_ in (1, 2):
        archive = store.open_log(LOG)
        archive.append(records(45 * round_, 45 * round_ + 9), 45 * round_, 45 * round_ + 45)
        kept.append({name: head for name, (_, head) in verify(store).heads.items()})
        assert archive.compact(100, 10**9, "2000-01-01") >= 1
    for heads in kept:
        assert verify(store, heads=heads).ok
    assert not verify(store, heads={name_of(LOG): "0" * 64}).ok
    oldest = max(store.root.glob("manifest/*/*/*/generation-*.jsonl"), key=lambda path: path.stat().st_size)
    oldest.write_bytes(oldest.read_bytes().replace(b'"rows":14', b'"rows":13'))
    assert not all(verify(store, heads=heads).ok for heads in kept)
    assert verify(store).ok
    assert isinstance(store.manifest(LOG), Manifest)
    assert archive_verify.verify_segments(store, segments(store)) == []
