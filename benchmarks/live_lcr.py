"""What a batch of entries costs the live LCR of every scope, beside recomputing it from the whole book (Q19).

The live side is the stream's own: the worker's fold of depositors, the records of a tick encoded, decoded and put in
place by the API's view, the ratios read from kept totals. The same entries go both ways and every ratio compared is
equal to the last digit. Times are medians; CPU time counts all threads, and polars has several:
`POLARS_MAX_THREADS=1` gives it one, in a run of its own. Bringing the positions up to date is not counted for the
recomputation. A tick and a picture after every batch are more than the stream does, which waits 25 ms between two
ticks and half a second between two pictures: the stages are told apart, and the paced part runs both ways. No Kafka,
no decoding of entries, one partition.
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

from benchmarks._live_book import Book, LiveBank, recompute
from benchmarks._machine import machine, write_result

WARM_UP = 5  # rounds
TICK_S, READ_S = 0.025, 0.5  # as the worker publishes and the live stream shows ratios: tick_interval_ms, sse.py


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--positions", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=60, help="each of some batches and a recomputation, compared")
    parser.add_argument("--batches", type=int, default=20, help="of one round")
    parser.add_argument("--rate", type=int, default=100_000, help="entries a second of the paced part")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the paced part")
    parser.add_argument("--name", default="live_lcr", help="of the result file")
    chosen = parser.parse_args()
    started = machine()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    book = Book(chosen.positions)
    live = LiveBank(book)
    compared = _side_by_side(book, live, chosen)
    every_batch = _paced(book, live, chosen)
    as_it_runs = _paced(book, live, chosen, tick_s=TICK_S, read_s=READ_S)
    per_batch = compared["recomputation_cpu_ms"] / as_it_runs["cpu_ms_a_batch"]
    result = {
        "machine": started,
        "polars_threads": os.environ.get("POLARS_MAX_THREADS", "default"),
        "positions": chosen.positions,
        "depositors": book.depositors,
        "deposit_cells": len(live.balances.cells),
        "batch": chosen.batch,
        **compared,
        "paced_every_batch": every_batch,
        "paced_as_it_runs": as_it_runs,
        "times_less_cpu_as_it_runs": round(per_batch, 1),
        "peak_resident_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "resident_before_mib": round(before / 1024, 1),
    }
    for key, value in result.items():
        print(f"{key:32} {value}")
    print(f"written to {write_result(chosen.name, result).name}")


def _side_by_side(book: Book, live: LiveBank, chosen: argparse.Namespace) -> dict[str, Any]:
    """Rounds of many batches and one recomputation, compared: whatever else the machine does meets both alike."""
    stages = np.empty((WARM_UP + chosen.rounds, 3))  # CPU seconds a batch: fold, publish, read
    times = np.empty((WARM_UP + chosen.rounds, 3))
    cells = 0
    for at in range(len(times)):
        batches = [book.entries(chosen.batch) for _ in range(chosen.batches)]
        stage, start = np.zeros(3), time.perf_counter()
        for batch in batches:
            marks = [time.process_time()]
            live.fold(*batch)
            marks.append(time.process_time())
            cells += live.publish()
            marks.append(time.process_time())
            found = live.read()
            marks.append(time.process_time())
            stage += np.diff(marks)
        wall = time.perf_counter() - start
        for batch in batches:
            book.book(*batch)
        before = time.process_time(), time.perf_counter()
        wanted = recompute(book)
        after = time.process_time(), time.perf_counter()
        for scope, one in found.items():
            assert one.coverage is not None
            assert (one.coverage.stock, one.coverage.net) == (wanted[scope].stock, wanted[scope].net)
            assert one.ratio == wanted[scope].ratio
        stages[at] = stage / len(batches)
        times[at] = wall / len(batches), after[0] - before[0], after[1] - before[1]
    fold, publish, read = np.median(stages[WARM_UP:], axis=0) * 1e3
    batch_wall, full_cpu, full_wall = np.median(times[WARM_UP:], axis=0) * 1e3
    return {
        "scopes": len(found),
        "ratios_compared": len(times) * len(found),
        "batches": len(times) * chosen.batches,
        "cells_published_a_batch": round(cells / len(times) / chosen.batches, 1),
        "recomputation_cpu_ms": round(full_cpu, 3),
        "recomputation_wall_ms": round(full_wall, 3),
        "fold_cpu_ms": round(fold, 4),
        "publish_cpu_ms": round(publish, 4),
        "read_cpu_ms": round(read, 4),
        "batch_wall_ms": round(batch_wall, 4),
        "times_less_cpu_fold_and_read": round(full_cpu / (fold + read), 1),
        "times_less_cpu_with_a_tick_a_batch": round(full_cpu / (fold + publish + read), 1),
    }


def _paced(
    book: Book, live: LiveBank, chosen: argparse.Namespace, *, tick_s: float = 0.0, read_s: float = 0.0
) -> dict[str, Any]:
    """Batches that fall due at the rate; latency from the moment a batch is due to when it is folded and, where its
    turn has come, published and read. CPU is of all that, a batch."""
    period = chosen.batch / chosen.rate
    count = int(chosen.seconds / period)
    batches = [book.entries(chosen.batch) for _ in range(count)]
    latencies = np.empty(count)
    start = time.perf_counter() + period
    published = read = start - 1
    cpu = time.process_time()
    for at, batch in enumerate(batches):
        due = start + at * period
        if (left := due - time.perf_counter()) > 0:
            time.sleep(left)
        live.fold(*batch)
        if due - published >= tick_s:
            live.publish()
            published = due
        if due - read >= read_s:
            live.read()
            read = due
        latencies[at] = time.perf_counter() - due
    cpu = time.process_time() - cpu
    for batch in batches:
        book.book(*batch)
    p50, p99, largest = np.quantile(latencies, [0.5, 0.99, 1.0]) * 1e3
    return {
        "entries_per_second": chosen.rate,
        "batches": count,
        "tick_ms": tick_s * 1e3,
        "read_every_ms": read_s * 1e3,
        "cpu_ms_a_batch": round(cpu / count * 1e3, 4),
        "p50_ms": round(float(p50), 3),
        "p99_ms": round(float(p99), 3),
        "max_ms": round(float(largest), 3),
    }


if __name__ == "__main__":
    main()
