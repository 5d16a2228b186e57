"""The archiver on logs in memory, and its records read back as the fold takes them."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Event

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.primitives.errors import Conflict, CorruptRecord, InvalidInput, Unavailable
from infra import archive_files
from infra.archive_files import Records
from infra.archive_store import ArchiveStore
from infra.snapshots import LocalSnapshotStore, LogPartition
from streams import topics
from streams.archive import Archiver, Due, archived_topics
from streams.archive_columns import typed_columns
from streams.archive_reader import ArchiveReader, by_topic
from streams.folders import TransactionFolder
from streams.partitions import PartitionKeeper
from streams.raw_batch import RawBatch
from tests.kafka.entries import entries
from tests.projections.entries import APPENDED_US, HORIZON_DAYS, POLICY, txn
from tests.streams.test_partitions import MemorySink

TXN = LogPartition("cluster", topics.TXN, "topic-id", 0, 1)
AT = (topics.TXN, 0)
DAY_US = 86_400_000_000


@dataclass
class Logs:
    """Logs in memory: (offset, timestamp, value) each; `stable` is where a transaction is open."""

    records: dict[tuple[str, int], list[tuple[int, int, bytes | None]]] = field(default_factory=dict)
    first: dict[tuple[str, int], int] = field(default_factory=dict)
    stable: int = 1 << 62

    def bounds(self) -> Mapping[tuple[str, int], tuple[int, int]]:
        return {at: (self.first.get(at, 0), log[-1][0] + 1 if log else 0) for at, log in self.records.items()}

    def read(self, topic: str, partition: int, start: int, end: int, limit: Due) -> tuple[Records, int]:
        made, size = Records(), 0
        for offset, time_us, value in self.records[topic, partition]:
            if start <= offset < min(end, self.stable):
                if size >= limit.bytes or len(made) >= limit.records:
                    return made, made.offsets[-1] + 1
                made.offsets.append(offset)
                made.timestamps_us.append(time_us)
                made.keys.append(b"BANK|C1")
                made.values.append(value)
                made.headers.append([("ce_id", b"%d" % offset)])
                size += len(value or b"")
        return made, min(end, self.stable)


def archiver(root: Path, logs: Logs, due: Due | None = None, **more: object) -> Archiver:
    return Archiver(ArchiveStore(root), logs, lambda: [TXN], due or Due(age_s=0.0), **more)  # type: ignore[arg-type]


def reader(root: Path) -> ArchiveReader:
    return ArchiveReader(ArchiveStore(root), by_topic({AT: TXN}))


def test_what_is_archived() -> None:
    archived = archived_topics(4)
    assert {name for name in archived if name.startswith("tm.in.")} == {
        topic.name for topic in topics.topics(4) if topic.name.startswith("tm.in.")
    }
    assert {topics.AUDIT, topics.ALERT, topics.CUT} <= archived.keys()
    assert archived[topics.TXN] == 4
    assert topics.POSITION not in archived


@settings(max_examples=15)
@given(data=st.data())
def test_however_rounds_fall_every_record_is_archived_once(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("archive")
    offsets = sorted(data.draw(st.sets(st.integers(0, 60), min_size=1)))
    days = data.draw(st.lists(st.integers(0, 3), min_size=len(offsets), max_size=len(offsets)))
    values = [None if number % 4 == 0 else b"%d" % number * (number % 9) for number in offsets]
    rows = list(zip(offsets, [day * DAY_US + 5 for day in days], values, strict=True))
    logs = Logs({AT: []})
    due = Due(records=data.draw(st.integers(1, 20)), bytes=data.draw(st.integers(1, 40)), age_s=0.0)
    at = 0
    while at < len(rows):
        step = data.draw(st.integers(1, 20))
        logs.records[AT] += rows[at : at + step]
        at += step
        archiver(root, logs, due).run_once(everything=True)
    manifest = ArchiveStore(root).manifest(TXN)
    assert manifest is not None
    assert (manifest.from_offset, manifest.to_offset) == (0, offsets[-1] + 1)
    found = [raw for raw in reader(root).batches(*AT, 0, offsets[-1] + 1)]
    assert [at for raw in found for at in raw.offsets.tolist()] == offsets
    assert [value for raw in found for value in raw.values] == values
    assert [time for raw in found for time in raw.appended_us.tolist()] == [row[1] for row in rows]
    ends = [(raw.from_offset, raw.to_offset) for raw in found]
    assert [start for start, _ in ends] == [0, *(end for _, end in ends[:-1])]
    dates = [one.date for one in manifest.segments]
    assert dates == sorted(dates)
    for one in manifest.segments:
        mine = {day for at, day in zip(offsets, days, strict=True) if one.from_offset <= at < one.to_offset}
        assert f"1970-01-0{max(mine) + 1}" <= one.date


def test_nothing_is_written_before_it_is_due(tmp_path: Path) -> None:
    logs, now = Logs({AT: [(0, 0, b"a")]}), [0.0]
    waiting = archiver(tmp_path, logs, Due(records=10, age_s=60.0), clock=lambda: now[0])
    assert waiting.run_once() == 0
    now[0] = 59.0
    assert waiting.run_once() == 0
    now[0] = 60.0
    assert waiting.run_once() == 1
    logs.records[AT] += [(at, 0, b"a") for at in range(1, 11)]
    assert waiting.run_once() == 10  # as many as a file holds are due at once
    logs.records[AT].append((11, 0, b"a"))
    now[0] = 61.0
    assert waiting.run_once() == 0
    assert waiting.run_once(everything=True) == 1


def test_an_open_transaction_is_waited_for(tmp_path: Path) -> None:
    logs = Logs({AT: [(at, 0, b"a") for at in range(10)]}, stable=4)
    mine = archiver(tmp_path, logs)
    assert mine.run_once() == 4
    assert mine.run_once() == 0
    logs.stable = 1 << 62
    assert mine.run_once() == 6


def test_a_log_that_lost_records_before_they_were_archived_stops_the_archiver(tmp_path: Path) -> None:
    logs = Logs({AT: [(at, 0, b"a") for at in range(10)]})
    archiver(tmp_path, logs).run_once()
    logs.records[AT] = [(at, 0, b"a") for at in range(15, 20)]
    logs.first[AT] = 15
    with pytest.raises(CorruptRecord, match="before they were archived"):
        archiver(tmp_path, logs).run_once()
    with pytest.raises(CorruptRecord):
        archiver(tmp_path, logs).run(Event())


def test_an_archive_may_begin_where_the_log_does(tmp_path: Path) -> None:
    logs = Logs({AT: [(at, 0, b"a") for at in range(15, 20)]}, {AT: 15})
    assert archiver(tmp_path, logs).run_once() == 5
    assert reader(tmp_path).bounds(*AT) == (15, 20)
    with pytest.raises(InvalidInput, match=r"\[15, 20\)"):
        next(reader(tmp_path).batches(*AT, 0, 20))


class OneLease:
    """A lease that is ours as long as `mine` is true."""

    def __init__(self, *, mine: bool) -> None:
        self.mine, self.released = mine, False

    def claim(self) -> int | None:
        return 0 if self.mine else None

    def release(self) -> None:
        self.released = True


def test_who_has_no_lease_does_nothing_and_who_lost_it_is_refused(tmp_path: Path) -> None:
    logs = Logs({AT: [(at, 0, b"a") for at in range(10)]})
    lease = OneLease(mine=False)
    standing_by = archiver(tmp_path, logs, lease=lease)
    assert standing_by.run_once() == 0
    lease.mine = True
    assert standing_by.run_once() == 10
    other = archiver(tmp_path, logs)
    logs.records[AT].append((10, 0, b"a"))
    assert other.run_once() == 1
    logs.records[AT].append((11, 0, b"a"))
    with pytest.raises(Conflict):
        standing_by.run_once()
    stop = Event()

    class Stopping(Logs):
        def bounds(self) -> Mapping[tuple[str, int], tuple[int, int]]:
            if other_end() == 12:
                stop.set()
            return super().bounds()

    def other_end() -> int | None:
        manifest = ArchiveStore(tmp_path).manifest(TXN)
        return manifest and manifest.to_offset

    standing_by.source = Stopping(logs.records)
    standing_by.run(stop, idle_s=0.01)  # it claims again and goes on
    assert other_end() == 12
    assert lease.released


def test_typed_columns_of_entries_are_what_was_sent() -> None:
    sent = [
        msgspec.json.encode(txn(1, 0, amount="12.30", direction="in", ccy="CNY", cpty_bank_id="B9", source_seq=7)),
        b"{broken",
        msgspec.json.encode(txn(2, 1, amount="1000", ccy="JPY", intragroup=True, status="pending")),
        None,
        msgspec.json.encode(txn(3, 2, ccy="ZZZ")),
    ]
    made = Records([4, 5, 6, 7, 8], [APPENDED_US] * 5, [b"k"] * 5, list(sent), [[]] * 5)
    frame = typed_columns(topics.TXN, made)
    assert frame is not None
    assert frame["txn_id"].to_list() == ["T1", None, "T2", None, None]
    assert frame["amount"].to_list() == [Decimal("12.3000"), None, Decimal("1000.0000"), None, None]
    assert frame["value_date"].to_list() == [date(2026, 11, 22), None, date(2026, 11, 22), None, None]
    assert frame["event_time"][0] == datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    assert frame["intragroup"].to_list() == [False, None, True, None, None]
    assert frame["source_seq"].to_list() == [7, None, 0, None, None]
    refused = frame["refused"].to_list()
    assert [reason is None for reason in refused] == [True, False, True, False, False]
    assert refused[4].startswith("ccy: ")
    assert typed_columns(topics.CONTRACT, made) is None
    assert len(archive_files.frame_of(made, frame)) == 5


def txn_logs(count: int, seed: int) -> Logs:
    values = [msgspec.json.encode(entry) for entry in entries(count, seed)]
    values[7] = b"{not json"
    return Logs({AT: [(at, APPENDED_US + at, value) for at, value in enumerate(values)]})


def test_a_fold_of_the_archive_is_that_of_the_log(tmp_path: Path) -> None:
    logs, choice = txn_logs(1_200, 3), random.Random(3)
    mine = archiver(tmp_path, logs, Due(records=300, age_s=0.0))
    mine.run_once(everything=True)
    folder = TransactionFolder(POLICY, HORIZON_DAYS)
    whole, parts = folder.empty(), folder.empty()
    log = logs.records[AT]
    offsets, times = (np.array(column, np.int64) for column in list(zip(*log, strict=True))[:2])
    folder.absorb(whole, RawBatch.of_values(0, len(log), offsets, [value for _, _, value in log], times))
    at = 0
    while at < len(log):
        end = min(at + choice.randrange(1, 400), len(log))
        for raw in reader(tmp_path).batches(*AT, at, end):
            folder.absorb(parts, raw)
        at = end
        mine.run_once()
    assert parts.canonical_bytes() == whole.canonical_bytes()


def keeper(directory: Path, sink: MemorySink, logs: Logs, archive: ArchiveReader | None) -> PartitionKeeper:
    folder = TransactionFolder(POLICY, HORIZON_DAYS)
    store = LocalSnapshotStore(directory)
    return PartitionKeeper(
        {topics.TXN: folder}, store, sink, lambda _t, _p: TXN, lambda _: logs.bounds(), 0.0, archive=archive
    )


def test_a_worker_without_snapshot_starts_from_the_archive_or_stops_and_says_how(tmp_path: Path) -> None:
    logs = txn_logs(600, 5)
    archiver(tmp_path / "archive", logs).run_once()
    whole, cut = MemorySink(), MemorySink()
    undisturbed = keeper(tmp_path / "a", whole, logs, None)
    undisturbed.claim({AT})
    for raw in reader(tmp_path / "archive").batches(*AT, 0, 400):
        undisturbed.absorb(undisturbed.owned[AT], raw)
    logs.first[AT] = 400
    with pytest.raises(CorruptRecord, match="TIDEMARK_ARCHIVE"):
        keeper(tmp_path / "b", MemorySink(), logs, None).claim({AT})
    with pytest.raises(CorruptRecord, match="TIDEMARK_ARCHIVE"):
        keeper(tmp_path / "c", MemorySink(), logs, reader(tmp_path / "empty")).claim({AT})
    from_archive = keeper(tmp_path / "d", cut, logs, reader(tmp_path / "archive"))
    assert from_archive.claim({AT}) == {AT: 400}
    state = from_archive.owned[AT].state
    assert state.canonical_bytes() == undisturbed.owned[AT].state.canonical_bytes()
    assert cut.alerts() == whole.alerts() != {}


def test_an_archive_of_another_life_of_the_topic_is_not_read(tmp_path: Path) -> None:
    archiver(tmp_path, txn_logs(100, 5)).run_once()
    anew = LogPartition("cluster", topics.TXN, "another-id", 0, 1)
    other = ArchiveReader(ArchiveStore(tmp_path), by_topic({AT: anew}))
    assert other.bounds(*AT) is None
    with pytest.raises(InvalidInput, match="nothing"):
        next(other.batches(*AT, 0, 10))


def test_a_damaged_file_gives_no_figure(tmp_path: Path) -> None:
    archiver(tmp_path, txn_logs(100, 5)).run_once()
    (path,) = tmp_path.glob("topic=*/**/*.parquet")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptRecord, match=path.name):
        next(reader(tmp_path).batches(*AT, 0, 10))
    path.unlink()
    with pytest.raises(CorruptRecord, match="missing"):
        next(reader(tmp_path).batches(*AT, 0, 10))


def test_reading_goes_on_where_compaction_puts_another_file(tmp_path: Path) -> None:
    logs = Logs({AT: [(at, 0, b"v%d" % at) for at in range(40)]})
    archiver(tmp_path, logs, Due(records=10, age_s=0.0)).run_once()
    store = ArchiveStore(tmp_path)
    read = reader(tmp_path).batches(*AT, 0, 40)
    found = next(read).offsets.tolist()
    assert store.open_log(TXN).compact(1_000, 10**9, "2000-01-01") == 3
    for raw in read:
        found += raw.offsets.tolist()
    assert found == list(range(40))


def test_an_archive_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    logs, stop = Logs({AT: [(0, 0, b"a")]}), Event()
    (tmp_path / "archive").write_bytes(b"in the way")
    mine = archiver(tmp_path / "archive", logs)
    with pytest.raises(Unavailable):
        mine.run_once()

    class Clearing(Logs):
        def bounds(self) -> Mapping[tuple[str, int], tuple[int, int]]:
            if (tmp_path / "archive").is_file():
                (tmp_path / "archive").unlink()
            elif list(tmp_path.glob("archive/topic=*/**/*.parquet")):
                stop.set()
            return super().bounds()

    mine.source = Clearing(logs.records)
    mine.run(stop, idle_s=0.01)
    assert pl.read_parquet(next(tmp_path.glob("archive/topic=*/**/*.parquet")), hive_partitioning=False).height == 1
