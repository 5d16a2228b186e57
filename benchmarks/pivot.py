"""A pivot over archived entries: seconds and memory of the engine beside plain polars, each in a process of its own.

    python benchmarks/pivot.py [--entries 10000000] [--folder DIR]

Three dimensions (organisation, product, month) and four figures. `engine` leaves out repeats and refused records,
adds exactly and makes every subtotal; `polars` only groups the rows as they lie there, as anybody would at first.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

FILE_ROWS = 500_000
HORIZON_DAYS = 45


def generate(folder: Path, entries: int) -> None:
    """Archive files as the archiver lays them out, without the raw bytes; one entry in a thousand comes twice."""
    random = np.random.default_rng(7)
    place = folder / "topic=tm.in.core.txn.v1" / "log=bench" / "partition=0" / "date=2026-11-22"
    place.mkdir(parents=True, exist_ok=True)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for first in range(0, entries, FILE_ROWS):
        count = min(FILE_ROWS, entries - first)
        number = np.arange(first, first + count)
        number[random.integers(0, count, count // 1_000)] = max(first - 1, 0)
        seconds = (np.arange(first, first + count) * 26_000_000 // entries).astype("int64")
        event = pl.Series(seconds * 1_000_000) + int(start.timestamp() * 1_000_000)
        day = event.cast(pl.Datetime("us", "UTC")).dt.date()

        def text(prefix: str, kinds: int, count: int = count) -> pl.Series:
            return prefix + pl.Series(random.integers(0, kinds, count)).cast(pl.String)

        frame = pl.DataFrame(
            {
                "offset": np.arange(first, first + count),
                "txn_id": "T" + pl.Series(number).cast(pl.String),
                "source_system": pl.repeat("core", count, eager=True),
                "event_time": event.cast(pl.Datetime("us", "UTC")),
                "value_date": day,
                "entity_id": pl.repeat("BANK", count, eager=True),
                "account_id": text("A", 200_000),
                "customer_id": text("C", 100_000),
                "org_id": text("O", 60),
                "line_id": text("L", 5),
                "product_id": text("P", 25),
                "customer_class": text("K", 4),
                "ccy": pl.repeat("CNY", count, eager=True),
                "direction": pl.Series(np.where(random.integers(0, 2, count) == 0, "in", "out")),
                "amount": pl.Series(random.integers(1, 10**9, count)).cast(pl.Decimal(20, 4)),
                "status": pl.repeat("settled", count, eager=True),
                "txn_type": text("X", 6),
                "channel": text("H", 4),
                "cpty_bank_id": pl.repeat("-", count, eager=True),
                "reversal_of": pl.repeat("-", count, eager=True),
                "intragroup": pl.repeat(value=False, n=count, eager=True),
                "refused": pl.Series([None] * count, dtype=pl.String),
            }
        )
        path = place / f"{first:020d}-{first + count:020d}.parquet"
        frame.write_parquet(path, compression="zstd", row_group_size=65_536)


def engine(folder: Path) -> int:
    from api.pivot_entries import facts_from
    from infra import pivot
    from infra.pivot_definition import Definition
    from streams.views import AsOf

    files = tuple(sorted(folder.glob("**/*.parquet")))
    end = max(int(path.stem.partition("-")[2]) for path in files)
    facts = facts_from(files, {0: end}, AsOf(date(2027, 1, 1), {}), None, HORIZON_DAYS)
    body = {
        "source": "entries",
        "rows": ["organisation", "product"],
        "columns": ["value_date_month"],
        "measures": ["sum(inflow)", "sum(outflow)", "count()", "max(amount)"],
        "where": ["currency = CNY"],
    }
    found = pivot.run(facts, Definition.of(body))
    return len(found.cube.parts)


def polars(folder: Path) -> int:
    rows = pl.scan_parquet(folder / "**/*.parquet", hive_partitioning=False).filter(pl.col("refused").is_null())
    month = pl.col("value_date").dt.strftime("%Y-%m")
    amount = pl.col("amount")
    grouped = rows.group_by("org_id", "product_id", month).agg(
        amount.filter(pl.col("direction") == "in").sum().alias("inflow"),
        amount.filter(pl.col("direction") == "out").sum().alias("outflow"),
        pl.len(),
        amount.max().alias("most"),
    )
    return grouped.collect().height


def measured(name: str, folder: Path) -> dict[str, object]:
    """One run in a process of its own, so that its memory is its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--run", name, "--folder", str(folder)], capture_output=True, text=True, check=True
    )
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--run", choices=("engine", "polars"))
    given = parser.parse_args()
    if given.run is not None:
        began = time.perf_counter()
        groups = {"engine": engine, "polars": polars}[given.run](given.folder)
        seconds = time.perf_counter() - began
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024
        print(json.dumps({"groups": groups, "seconds": round(seconds, 2), "peak_mb": peak_mb}))
        return
    with tempfile.TemporaryDirectory(prefix="tidemark-pivots-") as temporary:
        folder = given.folder or Path(temporary)
        if not list(folder.glob("**/*.parquet")):
            generate(folder, given.entries)
        size_mb = sum(path.stat().st_size for path in folder.glob("**/*.parquet")) // 1_000_000
        print(f"{given.entries} entries, {size_mb} MB of Parquet, {timedelta(days=300).days} days")
        for name in ("engine", "polars"):
            print(name, measured(name, folder))


if __name__ == "__main__":
    main()
