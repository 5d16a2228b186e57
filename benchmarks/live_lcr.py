"""What a batch of entries costs the live LCR, beside recomputing it from the whole book (decision Q19). `--help`.

The same entries go both ways and every ratio compared must be equal to the last digit. Times are medians; CPU time
counts all threads, and polars has several: `POLARS_MAX_THREADS=1` gives it one, in a run of its own. Bringing the
positions up to date is not counted for the recomputation. No Kafka, no decoding.
"""

import argparse
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks._live_book import Book, LiveBook, recompute
from benchmarks._machine import machine, write_result

WARM_UP = 5  # rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--positions", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument(
        "--rounds", type=int, default=100, help="each of some batches and one recomputation, compared"
    )
    parser.add_argument("--batches", type=int, default=30, help="of one round")
    parser.add_argument("--rate", type=int, default=100_000, help="entries a second of the paced part")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the paced part")
    parser.add_argument("--name", default="live_lcr", help="of the result file")
    chosen = parser.parse_args()
    started = machine()
    book = Book(chosen.positions)
    live = LiveBook(book)
    compared = _side_by_side(book, live, chosen)
    paced = _paced(book, live, chosen)
    result = {
        "machine": started,
        "polars_threads": os.environ.get("POLARS_MAX_THREADS", "default"),
        "positions": chosen.positions,
        "depositors": book.depositors,
        "lines": len(live.coverage.lines),
        "batch": chosen.batch,
        **compared,
        "paced": paced,
        "state_bytes": live.state_bytes,
        "peak_resident_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    for key, value in result.items():
        print(f"{key:32} {value}")
    print(f"written to {write_result(chosen.name, result).name}")


def _side_by_side(book: Book, live: LiveBook, chosen: argparse.Namespace) -> dict[str, Any]:
    """Rounds of many batches and one recomputation, compared: whatever else the machine does meets both alike."""
    times = np.empty((WARM_UP + chosen.rounds, 4))
    for at in range(len(times)):
        batches = [book.entries(chosen.batch) for _ in range(chosen.batches)]
        start = np.array([time.process_time(), time.perf_counter()])
        for batch in batches:
            found = live.fold(*batch)
        between = np.array([time.process_time(), time.perf_counter()])
        for batch in batches:
            book.book(*batch)
        before = np.array([time.process_time(), time.perf_counter()])
        wanted = recompute(book)
        after = np.array([time.process_time(), time.perf_counter()])
        assert (found.stock, found.net, found.ratio) == (wanted.stock, wanted.net, wanted.ratio)
        times[at] = *((between - start) / len(batches)), *(after - before)
    batch_cpu, batch_wall, full_cpu, full_wall = np.median(times[WARM_UP:], axis=0) * 1e3
    return {
        "ratio_at_the_end": f"{float(wanted.ratio.value or 0):.9f}",
        "ratios_compared": len(times),
        "batches": len(times) * chosen.batches,
        "recomputation_cpu_ms": round(full_cpu, 3),
        "recomputation_wall_ms": round(full_wall, 3),
        "batch_cpu_ms": round(batch_cpu, 4),
        "batch_wall_ms": round(batch_wall, 4),
        "times_less_cpu": round(full_cpu / batch_cpu, 1),
        "times_less_wall": round(full_wall / batch_wall, 1),
        "entries_per_second": round(chosen.batch / batch_wall * 1e3),
    }


def _paced(book: Book, live: LiveBook, chosen: argparse.Namespace) -> dict[str, Any]:
    """Batches that fall due at the rate; latency from the moment a batch is due to its ratio."""
    period = chosen.batch / chosen.rate
    count = int(chosen.seconds / period)
    batches = [book.entries(chosen.batch) for _ in range(count)]
    latencies = np.empty(count)
    start = time.perf_counter() + period
    for at, batch in enumerate(batches):
        due = start + at * period
        if (left := due - time.perf_counter()) > 0:
            time.sleep(left)
        live.fold(*batch)
        latencies[at] = time.perf_counter() - due
    p50, p99, largest = np.quantile(latencies, [0.5, 0.99, 1.0]) * 1e3
    return {
        "entries_per_second": chosen.rate,
        "batches": count,
        "p50_ms": round(float(p50), 3),
        "p99_ms": round(float(p99), 3),
        "max_ms": round(float(largest), 3),
    }


if __name__ == "__main__":
    main()
