"""The archive store: killed anywhere it holds every record once; a writer that slept commits nothing."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from engines.primitives.errors import Conflict, CorruptRecord, InvalidInput
from infra import archive_files, archive_manifest, archive_store
from infra.archive_files import Records, groups_of, record_bytes, root_of
from infra.archive_manifest import faults
from infra.archive_store import ArchiveStore, LogArchive
from infra.merkle import leaf_hash, root
from infra.snapshot_files import LogPartition

LOG = LogPartition("cluster", "tm.in.core.txn.v1", "topic-id", 0, 4)
DAY_US = 86_400_000_000


def records(start: int, stop: int, day: int = 0) -> Records:
    """One record an offset; some have no value, no key, or headers."""
    made = Records()
    for offset in range(start, stop):
        made.offsets.append(offset)
        made.timestamps_us.append(day * DAY_US + offset)
        made.keys.append(None if offset % 5 == 0 else b"k%d" % offset)
        made.values.append(None if offset % 7 == 0 else b"\x00value %d\n" % offset)
        made.headers.append([("id", b"%d" % offset), ("none", None)] if offset % 3 == 0 else [])
    return made


def append(archive: LogArchive, start: int, stop: int, day: int = 0) -> None:
    archive.append(records(start, stop, day), start, stop)


def in_tree(store: ArchiveStore) -> list[int]:
    """What a tool sees that reads every file of the tree."""
    found: list[int] = []
    for path in sorted(store.root.glob("topic=*/**/*.parquet")):
        found += pl.read_parquet(path, hive_partitioning=False)["offset"].to_list()
    return sorted(found)


def in_manifest(store: ArchiveStore) -> list[int]:
    manifest = store.manifest(LOG)
    assert manifest is not None
    assert faults(manifest) == []
    rows = [
        pl.read_parquet(store.file(one), hive_partitioning=False)["offset"].to_list() for one in manifest.segments
    ]
    return [offset for part in rows for offset in part]


def test_what_is_archived_reads_back_record_by_record(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    segment = store.open_log(LOG).append(records(3, 40), 2, 45)
    back = archive_files.records_of(archive_files.scan(store.file(segment)).collect())
    assert back == records(3, 40)
    assert (segment.from_offset, segment.to_offset, segment.rows) == (2, 45, 37)
    leaves = [
        leaf_hash(record_bytes(*row))
        for row in zip(back.offsets, back.timestamps_us, back.keys, back.values, back.headers, strict=True)
    ]
    assert segment.root == root(leaves).hex()


def test_the_root_of_a_file_follows_from_its_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = groups_of(records(0, 45))
    monkeypatch.setattr(archive_files, "GROUP_ROWS", 8)
    parts = groups_of(records(0, 45))
    assert len(parts) == 6
    assert root_of(parts) == root_of(whole)


def test_a_range_must_follow_and_hold_its_records(tmp_path: Path) -> None:
    archive = ArchiveStore(tmp_path).open_log(LOG)
    append(archive, 0, 10)
    for made, start, stop in ((records(11, 12), 11, 12), (records(9, 12), 9, 12), (records(10, 12), 10, 11)):
        with pytest.raises(InvalidInput):
            archive.append(made, start, stop)
    with pytest.raises(InvalidInput):
        archive.append(Records(), 10, 12)


class Killed(BaseException):
    """In place of kill -9: nothing of the writer runs after it."""


STEPS = [
    (archive_files, "write"),  # before the file
    (archive_files, "sync_directory"),  # written, its folder not yet synced
    (archive_manifest, "create"),  # before the commit
    (archive_manifest.os, "listdir"),  # about the commit
    (archive_store.os, "rename"),  # committed, not yet moved
    (archive_store, "sync_directory"),  # moved
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(len(STEPS)))
@pytest.mark.parametrize("act", ["append", "compact"])
def test_killed_at_any_step_no_record_is_lost_or_double(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, after: bool, act: str
) -> None:
    store = ArchiveStore(tmp_path)
    archive = store.open_log(LOG)
    append(archive, 0, 10)
    append(archive, 10, 20)
    append(archive, 20, 30, day=1)
    module, name = STEPS[step]
    real = getattr(module, name)

    def killed(*arguments: object, **options: object) -> None:
        if after:
            real(*arguments, **options)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(module, name, killed)
        with pytest.raises(Killed):
            append(archive, 30, 40, day=2) if act == "append" else archive.compact(100, 10**9, "2000-01-01")
    assert in_manifest(store) in (list(range(30)), list(range(40)))
    seen = in_tree(store)
    assert len(seen) == len(set(seen)) or act == "compact"
    following = store.open_log(LOG)
    end = following.next_offset
    assert end is not None
    append(following, end, 50, day=2)
    assert in_manifest(store) == list(range(50))
    assert in_tree(store) == list(range(50))
    assert not list(tmp_path.glob("manifest/**/pending/*"))


def test_the_unlinked_leftovers_of_a_killed_compaction_go_with_the_next_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArchiveStore(tmp_path)
    archive = store.open_log(LOG)
    for start in range(0, 40, 10):
        append(archive, start, start + 10)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            archive.compact(100, 10**9, "2000-01-01")
    manifest = store.manifest(LOG)
    assert manifest is not None
    store.open_log(LOG)
    assert in_tree(store) == in_manifest(store) == list(range(40))


def test_a_writer_that_slept_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    asleep = store.open_log(LOG)
    append(asleep, 0, 5)
    append(asleep, 5, 10)
    awake = store.open_log(LOG)
    assert awake.manifest.header.epoch == asleep.manifest.header.epoch + 1
    append(awake, 10, 20)
    append(awake, 20, 30)
    append(awake, 30, 40)  # the version that the sleeper would write has been removed as old
    with pytest.raises(Conflict, match="fenced"):
        append(asleep, 10, 40)
    with pytest.raises(Conflict, match="fenced"):
        asleep.compact(100, 10**9, "2000-01-01")
    append(awake, 40, 50)
    store.open_log(LOG)
    assert in_manifest(store) == in_tree(store) == list(range(50))
    assert not list(tmp_path.glob("manifest/**/pending/*"))


def test_a_writer_that_slept_between_commit_and_move_finds_it_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArchiveStore(tmp_path)
    asleep = store.open_log(LOG)
    real = os.rename

    def overtaken(source: Path, target: Path) -> None:
        monkeypatch.setattr(archive_store.os, "rename", real)
        awake = store.open_log(LOG)
        append(awake, 10, 20)
        awake.compact(100, 10**9, "2000-01-01")
        real(source, target)

    monkeypatch.setattr(archive_store.os, "rename", overtaken)
    append(asleep, 0, 10)
    assert in_tree(store) == in_manifest(store) == list(range(20))


def test_compaction_keeps_every_record_its_order_and_the_typed_columns(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    archive = store.open_log(LOG)
    for start, day in ((0, 0), (10, 0), (20, 0), (30, 1), (40, 1), (50, 2)):
        typed = pl.DataFrame({"amount": [f"{n}.00" for n in range(10)]}).with_columns(
            pl.col("amount").cast(pl.Decimal(20, 4))
        )
        archive.append(records(start, start + 10, day), start, start + 10, typed)
    before = archive.manifest
    assert archive.compact(100, 10**9, "1970-01-03") == 3  # of five files of closed days two are left
    after = store.manifest(LOG)
    assert after is not None
    assert [(one.from_offset, one.to_offset, one.date) for one in after.segments] == [
        (0, 30, "1970-01-01"),
        (30, 50, "1970-01-02"),
        (50, 60, "1970-01-03"),
    ]
    assert after.header.generation == before.header.generation + 1
    assert after.header.previous_generation == before.head
    assert in_tree(store) == in_manifest(store) == list(range(60))
    whole = archive_files.scan(store.file(after.segments[0])).collect()
    assert archive_files.records_of(whole) == records(0, 30)
    assert whole["amount"].to_list() == [*map(float, range(10))] * 3
    assert archive.compact(100, 10**9, "1970-01-03") == 0
    assert archive.compact(15, 10**9, "2000-01-01") == 0


def test_compaction_refuses_a_file_that_was_changed(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    archive = store.open_log(LOG)
    append(archive, 0, 10)
    append(archive, 10, 20)
    path = store.file(archive.manifest.segments[0])
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(CorruptRecord, match="not the file"):
        archive.compact(100, 10**9, "2000-01-01")


def test_another_partition_count_is_another_archive(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path)
    append(store.open_log(LOG), 0, 10)
    with pytest.raises(Conflict):
        store.open_log(LogPartition("cluster", LOG.topic, "topic-id", 0, 8))
    assert store.logs() == [LOG]
    assert store.logs("tm.other") == []


WRITER = """
import sys
from pathlib import Path
from infra.archive_store import ArchiveStore
from tests.infra.test_archive_store import LOG, append
archive = ArchiveStore(Path(sys.argv[1])).open_log(LOG)
while True:
    end = archive.next_offset or 0
    append(archive, end, end + 7, day=end // 70)
    if end % 5 == 0:
        archive.compact(60, 10**9, "2000-01-01")
"""


def test_a_writer_killed_for_good_leaves_no_hole_and_no_double(tmp_path: Path) -> None:
    """SIGKILL anywhere, some times over; ARCHIVE_KILLS asks for more."""
    store, choice = ArchiveStore(tmp_path), random.Random(1)
    for _ in range(int(os.environ.get("ARCHIVE_KILLS", "2"))):
        before = end_of(store)
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)])
        deadline = time.monotonic() + 60
        while end_of(store) < before + 30:
            assert time.monotonic() < deadline
            assert writer.poll() is None
            time.sleep(choice.random() * 0.02)
        writer.kill()
        writer.wait()
        reached = end_of(store)
        assert in_manifest(store) == list(range(reached))
        assert store.open_log(LOG).next_offset == reached
        assert in_tree(store) == list(range(reached))


def end_of(store: ArchiveStore) -> int:
    manifest = store.manifest(LOG)
    return (manifest.to_offset or 0) if manifest is not None else 0
