"""The archive's speed: records written to Parquet, proved, and read through the fold, each beside plain code.

One run, one log of entries in memory (no Kafka: its share is in benchmarks/throughput.py). Written is all that the
archiver does: typed columns, Merkle roots, fsync. Beside it polars alone writing the same raw columns, and reading
the same files: the price of what we add. `--help`.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import polars as pl

from benchmarks._entries import Totals, entries
from infra.archive_files import Records, frame_of, groups_of
from infra.archive_store import ArchiveStore
from infra.archive_verify import verify
from infra.policies import load_policy
from infra.snapshot_files import LogPartition
from projections.large_flow_policy import LargeFlowPolicy
from streams import topics
from streams.archive_columns import typed_columns
from streams.archive_reader import ArchiveReader, by_topic
from streams.folders import TransactionFolder
from streams.raw_batch import RawBatch

LOG = LogPartition("cluster", topics.TXN, "benchmark", 0, 1)
APPENDED_US = 1_770_000_000_000_000
HEADERS = [("ce_id", b"0123456789abcdef"), ("ce_type", b"tidemark.txn"), ("ce_specversion", b"1.0")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--segment", type=int, default=250_000, help="records of one file")
    parser.add_argument("--jobs", type=int, default=2, help="processes that verify")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    made = list(entries(chosen.events, Totals()))
    count = len(made)
    parts = [
        Records(
            list(range(start, min(start + chosen.segment, count))),
            [APPENDED_US + at for at in range(start, min(start + chosen.segment, count))],
            [key for key, _ in made[start : start + chosen.segment]],
            [value for _, value in made[start : start + chosen.segment]],
            [HEADERS] * len(made[start : start + chosen.segment]),
        )
        for start in range(0, count, chosen.segment)
    ]
    folder = TransactionFolder(LargeFlowPolicy.parse(load_policy("large_flow")), 40_000)
    with tempfile.TemporaryDirectory(prefix="tidemark-archive-") as name:
        store = ArchiveStore(Path(name) / "archive")
        rates = {"write": count / seconds(lambda: written(store, parts))}
        rates |= {f"of which {step}": count / spent for step, spent in steps(parts[0], count).items()}
        plain = Path(name) / "plain"
        plain.mkdir()
        rates["write, polars alone"] = count / seconds(lambda: plainly_written(plain, parts))
        rates["verify, 1 process"] = count / seconds(lambda: proved(store, 1))
        rates[f"verify, {chosen.jobs} processes"] = count / seconds(lambda: proved(store, chosen.jobs))
        reader = ArchiveReader(store, by_topic({(topics.TXN, 0): LOG}))
        rates["read as batches"] = count / seconds(lambda: drained(reader, count))
        rates["read, polars alone"] = count / seconds(lambda: plainly_read(store))
        folded(folder, iter([batch_of(parts[0])]))  # compile
        state: list[Any] = []
        in_memory = [batch_of(part) for part in parts]
        rates["fold from memory"] = count / seconds(lambda: state.append(folded(folder, iter(in_memory))))
        from_archive = lambda: state.append(folded(folder, reader.batches(topics.TXN, 0, 0, count)))  # noqa: E731
        rates["fold from the archive"] = count / seconds(from_archive)
        assert state[0].canonical_bytes() == state[1].canonical_bytes()
        size = sum(path.stat().st_size for path in store.root.glob("topic=*/**/*.parquet"))
    raw = sum(len(value or b"") for part in parts for value in part.values)
    facts = {"events": count, "bytes": size, "raw_value_bytes": raw}
    if chosen.json:
        print(json.dumps(facts | {"records_per_second": {step: round(rate) for step, rate in rates.items()}}))
        return
    for step, rate in rates.items():
        print(f"{step:28} {rate:12,.0f} records/s")
    print(f"{size / count:.0f} bytes a record in Parquet, {raw / count:.0f} raw; the two folds end in the same state")


def seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def written(store: ArchiveStore, parts: list[Records]) -> None:
    archive = store.open_log(LOG)
    for part in parts:
        archive.append(part, part.offsets[0], part.offsets[-1] + 1, typed_columns(topics.TXN, part))


def steps(part: Records, count: int) -> dict[str, float]:
    """Seconds that each step would take for `count` records, measured on one file's."""
    share = count / len(part)
    return {
        "typed columns": seconds(lambda: typed_columns(topics.TXN, part)) * share,
        "Merkle roots": seconds(lambda: groups_of(part)) * share,
        "raw columns": seconds(lambda: frame_of(part)) * share,
    }


def plainly_written(folder: Path, parts: list[Records]) -> None:
    for number, part in enumerate(parts):
        columns = {"offset": part.offsets, "timestamp_us": part.timestamps_us, "key": part.keys, "value": part.values}
        pl.DataFrame(columns).write_parquet(folder / f"{number}.parquet", compression="zstd", row_group_size=65_536)


def plainly_read(store: ArchiveStore) -> None:
    for path in sorted(store.root.glob("topic=*/**/*.parquet")):
        pl.read_parquet(path, columns=["offset", "timestamp_us", "value"], hive_partitioning=False)


def proved(store: ArchiveStore, jobs: int) -> None:
    assert verify(store, jobs=jobs).ok


def drained(reader: ArchiveReader, count: int) -> None:
    assert sum(len(raw) for raw in reader.batches(topics.TXN, 0, 0, count)) == count


def batch_of(part: Records) -> RawBatch:
    offsets, times = np.array(part.offsets, np.int64), np.array(part.timestamps_us, np.int64)
    return RawBatch.of_values(part.offsets[0], part.offsets[-1] + 1, offsets, part.values, times)


def folded(folder: TransactionFolder, batches: Any) -> Any:
    state = folder.empty()
    for raw in batches:
        folder.absorb(state, raw)
    return state


if __name__ == "__main__":
    main()
