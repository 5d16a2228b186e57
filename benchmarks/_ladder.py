"""The price of each step of the fold, from memory, without Kafka: decision S34.

One whole run with the real functions; each is timed as it is called, minus what it calls that is timed as well.
A batch is thousands of records, so the timing itself costs nothing that shows. CPU time counts the threads that
polars digests with, wall time does not.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.structs import TopicPartition

from infra.settings import Settings
from infra.snapshots import LocalSnapshotStore, LogPartition
from projections.depositor_balances import DepositorBalances
from projections.entry_ids import EntryIds
from projections.large_flows import LargeFlows
from projections.positions import Positions
from projections.transactions import TransactionState
from streams import batch_records, topics
from streams import folders as folding
from streams.decode import decode
from streams.folded import folders
from streams.partitions import PartitionKeeper
from streams.raw_batch import RawBatch

RECORDS_A_LOG_BATCH = 2_800  # what librdkafka puts into 1 MB of these
FETCH_BATCHES = 16
TICK_RECORDS = 20_000
SNAPSHOT_RECORDS = 100_000  # of one partition in four, at 400,000 events/s, each second

STEPS = {
    "fetch walk (lz4, CRC)": "unpack, check, one list of values",
    "decode": "JSON to checked columns and digests",
    "+ position dictionary": "rows of positions, customers of new ones",
    "+ positions": "sums by account and cell",
    "+ entry ids": "repeated, moved, contradicted",
    "+ depositors": "balances of depositors, split at the limit of insurance",
    "+ windows": "large flows, single and rolling",
    "+ fold's own": "masks, verdicts, counts",
    "+ outputs": "ticks: changed cells, alerts, cuts, as JSON",
    "+ snapshots": "dump, write, fsync",
}


class Meter:
    """Exclusive CPU and wall seconds by step."""

    def __init__(self) -> None:
        self.cpu: dict[str, float] = defaultdict(float)
        self.wall: dict[str, float] = defaultdict(float)
        self._inner: list[list[float]] = []

    def run(self, step: str, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        self._inner.append([0.0, 0.0])
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            return call(*arguments, **named)
        finally:
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            inner_cpu, inner_wall = self._inner.pop()
            self.cpu[step] += cpu - inner_cpu
            self.wall[step] += wall - inner_wall
            if self._inner:
                self._inner[-1][0] += cpu
                self._inner[-1][1] += wall

    def wrapped(self, step: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            return self.run(step, call, *arguments, **named)

        return timed


class _CountingSink:
    """Where outputs would go; librdkafka does the sending, outside Python, in the measurement with Kafka."""

    def __init__(self) -> None:
        self.produced = 0

    def produce(self, *_: Any, **__: Any) -> None:
        self.produced += 1

    def flush(self) -> None:
        pass


def log_of(values: list[bytes]) -> list[bytes]:
    """The values as a broker would answer fetches: record batches, lz4, several to a fetch."""
    fetches: list[bytearray] = []
    for number, start in enumerate(range(0, len(values), RECORDS_A_LOG_BATCH)):
        builder = DefaultRecordBatchBuilder(2, 3, 0, -1, -1, -1, 64 * 1024 * 1024)
        for at, value in enumerate(values[start : start + RECORDS_A_LOG_BATCH]):
            builder.append(at, timestamp=1_796_000_000_000, key=None, value=value, headers=[])
        built = bytearray(builder.build())
        built[:8] = start.to_bytes(8, "big")  # the base offset is the broker's to write; the CRC leaves it out
        if number % FETCH_BATCHES == 0:
            fetches.append(bytearray())
        fetches[-1] += built
    return [bytes(fetch) for fetch in fetches]


def walk(log: list[bytes], records_max: int) -> Iterator[RawBatch]:
    """The log through the worker's own batch records."""
    batch_records.install({topics.TXN}, records_max)
    at, where = 0, TopicPartition(topics.TXN, 0)
    for fetch in log:
        records = batch_records.BatchRecords(
            where, _MemoryRecordsPy(fetch), None, at, None, None, True, READ_COMMITTED
        )
        for raw in records:
            yield raw
            at = raw.to_offset


def measure(log: list[bytes], count: int, records_max: int) -> tuple[Meter, TransactionState]:
    """Fold the log as one worker folds one partition; the meter has the steps of STEPS."""
    decode(next(walk(log, records_max)))  # loads the compiled code
    meter = Meter()
    settings = Settings(_env_file=None)
    folder = folders(settings)[topics.TXN]
    patched: list[tuple[Any, str, str]] = [
        (folding, "decode", "decode"),
        (Positions, "rows_of", "+ position dictionary"),
        (TransactionState, "_learn_positions", "+ position dictionary"),
        (Positions, "add", "+ positions"),
        (EntryIds, "judge", "+ entry ids"),
        (EntryIds, "forget_before", "+ entry ids"),
        (DepositorBalances, "add", "+ depositors"),
        (DepositorBalances, "learn", "+ depositors"),
        (LargeFlows, "add", "+ windows"),
        (LargeFlows, "forget", "+ windows"),
    ]
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in patched]
    for owner, name, step in patched:
        setattr(owner, name, meter.wrapped(step, getattr(owner, name)))
    try:
        with tempfile.TemporaryDirectory() as directory:
            keeper = PartitionKeeper(
                {topics.TXN: folder},
                LocalSnapshotStore(Path(directory)),
                _CountingSink(),
                lambda topic, partition: LogPartition("bench", topic, "bench", partition, 1),
                lambda names: {(topics.TXN, 0): (0, count)},
                0.0,
            )
            keeper.claim({(topics.TXN, 0)})
            owned = keeper.owned[topics.TXN, 0]
            folder.publish_at_once = meter.wrapped("+ outputs", folder.publish_at_once)  # type: ignore[method-assign]
            source = walk(log, records_max)
            since_tick = since_snapshot = 0
            while (raw := meter.run("fetch walk (lz4, CRC)", next, source, None)) is not None:
                meter.run("+ fold's own", keeper.absorb, owned, raw)
                since_tick += len(raw)
                since_snapshot += len(raw)
                if since_tick >= TICK_RECORDS:
                    since_tick = 0
                    meter.run("+ outputs", keeper.publish, owned)
                if since_snapshot >= SNAPSHOT_RECORDS:
                    since_snapshot = 0
                    meter.run("+ outputs", keeper.publish, owned)
                    meter.run("+ snapshots", lambda: keeper.store(keeper.dump(owned)))
            return meter, owned.state
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


def table(meter: Meter, count: int) -> list[dict[str, Any]]:
    rows, cpu_sum, wall_sum = [], 0.0, 0.0
    for step, what in STEPS.items():
        cpu, wall = meter.cpu[step] / count * 1e9, meter.wall[step] / count * 1e9
        cpu_sum, wall_sum = cpu_sum + cpu, wall_sum + wall
        rows.append(
            {
                "step": step,
                "what": what,
                "cpu_ns": round(cpu),
                "wall_ns": round(wall),
                "cpu_ns_up_to_here": round(cpu_sum),
                "events_per_cpu_second": round(1e9 / cpu_sum) if cpu_sum else 0,
                "events_per_second": round(1e9 / wall_sum) if wall_sum else 0,
            }
        )
    return rows


def print_table(rows: list[dict[str, Any]]) -> None:
    print(f"{'step':24} {'cpu ns':>8} {'wall ns':>8} {'sum cpu':>8} {'ev/cpu-s':>10} {'ev/s':>10}")
    for row in rows:
        print(
            f"{row['step']:24} {row['cpu_ns']:8} {row['wall_ns']:8} {row['cpu_ns_up_to_here']:8} "
            f"{row['events_per_cpu_second']:10,} {row['events_per_second']:10,}"
        )
