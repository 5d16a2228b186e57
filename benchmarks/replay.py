"""Entries a second replayed through the fold, events a second into cases, beside plain reading. `--help`.

One partition of one busy day (`_entries.py`), replayed from its start: from memory, from Kafka by the fast reader and
by the plain one, from Parquet, and from a snapshot in the middle. All must end in the same state, to the byte, or the
run fails; those without large flows leave these out. Then events of loan notes from SQLite and PostgreSQL, read by
the library's notification log, read and shown by ours, and folded into the cases of the read model. A core is what
the process used (CPU seconds), not what passed.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from confluent_kafka import Producer

from aggregates.assets import Assets
from aggregates.ports import CommandRecord
from aggregates.read_model import ReadModel
from benchmarks._decision_rows import chunks, stored_events
from benchmarks._entries import Totals, entries
from benchmarks._machine import machine, write_result
from benchmarks.throughput import _bank
from infra.archive_files import Records
from infra.archive_store import ArchiveStore
from infra.event_store import EventStore, open_event_store
from infra.kafka.clients import consumer_config, producer_config
from infra.snapshots import LogPartition
from streams.archive_reader import ArchiveReader, by_topic
from streams.folders import Folder
from streams.past_batches import BatchLogReader
from streams.raw_batch import RawBatch
from streams.stored_states import LogReader
from streams.topics import TXN
from streams.warm import warm
from tests.postgres import running_postgres

AIM = 500_000
BATCH = 40_000
SEGMENT = 200_000  # entries of a Parquet file
LOG = LogPartition("cluster", TXN, "topic", 0, 1)
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=50_000, help="of loan notes, in each store")
    parser.add_argument("--runs", type=int, default=3, help="of each contender; the best is told")
    parser.add_argument("--skip", nargs="*", default=[], choices=["entries", "events", "postgresql"])
    parser.add_argument("--no-write", action="store_true", help="leave results/ as it is")
    chosen = parser.parse_args()
    result: Row = {"machine": machine(), "aim_entries_per_core_second": AIM}
    warm()
    if "entries" not in chosen.skip:
        result["entries"] = _entries_rows(chosen)
    if "events" not in chosen.skip:
        with tempfile.TemporaryDirectory() as folder, open_event_store("sqlite", Path(folder)) as store:
            result["sqlite"] = _events_rows(store, chosen)
        if "postgresql" not in chosen.skip:
            with (
                running_postgres(durable=True) as server,
                tempfile.TemporaryDirectory() as folder,
                open_event_store(server.new_database(), Path(folder)) as store,
            ):
                result["postgresql"] = _events_rows(store, chosen)
    _print(result)
    if not chosen.no_write:
        print(f"written to {write_result('replay', result).name}")


# -- entries -------------------------------------------------------------------------------------------------------


def _entries_rows(chosen: argparse.Namespace) -> dict[str, Row]:
    values = [value for _, value in entries(chosen.entries, Totals(), accounts=chosen.accounts)]
    count, rows = len(values), dict[str, Row]()
    with tempfile.TemporaryDirectory() as folder, _bank(BATCH) as bank:
        _produce(bank, values)
        kafka, folder_of = consumer_config(bank.settings, bank.broker.bootstrap), bank.folders[TXN]
        archive = _archived(Path(folder), values)
        memory = [_raw(values, start, min(start + BATCH, count)) for start in range(0, count, BATCH)]
        half = folder_of.empty()
        for raw in memory[: len(memory) // 2]:
            folder_of.absorb(half, raw)
        middle, snapshot = half.next_offset, half.dump()

        def plain() -> Iterator[RawBatch]:
            yield from _read(LogReader(kafka), 0, count)

        def fast(start: int = 0) -> Iterator[RawBatch]:
            yield from _read(BatchLogReader(kafka), start, count)

        def parquet() -> Iterator[RawBatch]:
            yield from archive.batches(TXN, 0, 0, count)

        sources: dict[str, tuple[Callable[[], Iterator[RawBatch]], bool]] = {
            "memory, fold": (lambda: iter(memory), True),
            "kafka, read only": (fast, False),
            "kafka, fold": (fast, True),
            "kafka by objects, read only": (plain, False),
            "kafka by objects, fold": (plain, True),
            "parquet, read only": (parquet, False),
            "parquet, fold": (parquet, True),
        }
        digests = set()
        for name, (source, folds) in sources.items():
            rows[name], digest = _best(chosen.runs, folder_of, source, folds, count)
            digests |= {digest} - {""}
        from_middle = [
            _timed(folder_of, lambda: fast(middle), folds=True, state=folder_of.load(snapshot, ()))
            for _ in range(chosen.runs)
        ]
        rows["kafka, fold, from a snapshot"] = _row(count - middle, min(from_middle, key=lambda one: one[1]))
        digests |= {one[2] for one in from_middle}
        flowless = []
        for source in (lambda: iter(memory), fast):
            flowless.append(min(_flowless(folder_of, source, chosen.runs), key=lambda one: one[1]))
        rows["memory, fold without large flows"], rows["kafka, fold without large flows"] = (
            _row(count, one) for one in flowless
        )
        assert len(digests) == 1, "two replays ended in different states"
    return rows


def _flowless(
    folder: Folder, source: Callable[[], Iterator[RawBatch]], runs: int
) -> Iterator[tuple[float, float, str]]:
    """As figures without large withdrawals are replayed (`streams.past_batches`)."""
    for _ in range(runs):
        state = folder.empty()
        state.watches_flows = False
        yield _timed(folder, source, folds=True, state=state)


def _best(
    runs: int, folder: Folder, source: Callable[[], Iterator[RawBatch]], folds: bool, count: int
) -> tuple[Row, str]:
    found = [_timed(folder, source, folds=folds, state=folder.empty()) for _ in range(runs)]
    best = min(found, key=lambda one: one[1])
    return _row(count, best), best[2]


def _timed(
    folder: Folder, source: Callable[[], Iterator[RawBatch]], *, folds: bool, state: Any
) -> tuple[float, float, str]:
    """(seconds, CPU seconds, digest of the state at the end)."""
    started, cpu = time.perf_counter(), time.process_time()
    for raw in source():
        if folds:
            folder.absorb(state, raw)
    seconds, used = time.perf_counter() - started, time.process_time() - cpu
    return seconds, used, state.digest() if folds else ""


def _row(count: int, found: tuple[float, float, str]) -> Row:
    seconds, cpu, _ = found
    return {
        "entries": count,
        "entries_per_second": round(count / seconds),
        "entries_per_core_second": round(count / cpu),
        "cpu_us_per_entry": round(cpu / count * 1e6, 3),
    }


def _read(reader: LogReader, start: int, end: int) -> Iterator[RawBatch]:
    try:
        yield from reader.batches(TXN, 0, start, end)
    finally:
        reader.close()


def _produce(bank: Any, values: list[bytes]) -> None:
    producer = Producer(producer_config(bank.settings, bank.broker.bootstrap, linger_ms=50, batch_size=1_000_000))
    for number, value in enumerate(values):
        while True:
            try:
                producer.produce(TXN, value, key=b"one partition", partition=0)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 10_000 == 0:
            producer.poll(0)
    assert producer.flush(120) == 0


def _archived(folder: Path, values: list[bytes]) -> ArchiveReader:
    store = ArchiveStore(folder)
    writer = store.open_log(LOG)
    for start in range(0, len(values), SEGMENT):
        part = values[start : start + SEGMENT]
        offsets = list(range(start, start + len(part)))
        records = Records(offsets, [_TIME_US] * len(part), [b"k"] * len(part), list(part), [[] for _ in part])
        writer.append(records, start, start + len(part))
    return ArchiveReader(store, by_topic({(TXN, 0): LOG}))


_TIME_US = 2_000_000_000_000_000  # after all events


def _raw(values: list[bytes], start: int, end: int) -> RawBatch:
    times = np.full(end - start, _TIME_US, np.int64)
    return RawBatch.of_values(start, end, np.arange(start, end, dtype=np.int64), list(values[start:end]), times)


# -- events --------------------------------------------------------------------------------------------------------


def _events_rows(store: EventStore, chosen: argparse.Namespace) -> dict[str, Row]:
    app = Assets(store.factory)
    events = stored_events(app, chosen.events // 10, 10)
    for number, part in enumerate(chunks(len(events), 1_000)):
        app.decisions.insert_events(events[part], command=CommandRecord(f"batch-{number}", b"digest"))
    count = len(events)

    def library() -> int:
        """The library's own notification log, page by page, each event decoded."""
        seen, start = 0, 1
        while page := app.recorder.select_notifications(start=start, limit=1_000):
            for notification in page:
                app.mapper.to_domain_event(notification)
            seen, start = seen + len(page), page[-1].id + 1
        return seen

    def shown() -> int:
        seen, position = 0, 0
        while page := app.published_after(position, 1_000):
            seen, position = seen + len(page), page[-1].position
        return seen

    def folded() -> int:
        with ReadModel(app.decisions, app.decode).current() as model:
            return sum(case.version for case in model.of_kind("RiskAsset"))

    rows = {}
    for name, replay in (
        ("library: notification log, decoded", library),
        ("ours: decoded and shown", shown),
        ("ours: folded into all cases", folded),
    ):
        best = min((_seconds(replay, count) for _ in range(chosen.runs)), key=lambda one: one[0])
        rows[name] = {
            "events": count,
            "events_per_second": round(count / best[0]),
            "cpu_us_per_event": round(best[1] / count * 1e6, 1),
        }
    app.close()
    return rows


def _seconds(replay: Callable[[], int], count: int) -> tuple[float, float]:
    started, cpu = time.perf_counter(), time.process_time()
    assert replay() == count
    return time.perf_counter() - started, time.process_time() - cpu


def _print(result: Row) -> None:
    for group in ("entries", "sqlite", "postgresql"):
        for name, row in result.get(group, {}).items():
            figures = ", ".join(f"{key} {value:,}" for key, value in row.items())
            print(f"{group:11} {name:36} {figures}")


if __name__ == "__main__":
    main()
