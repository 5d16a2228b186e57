"""What a batch of entries costs the live LCR of every scope, beside recomputing it from the whole book (Q19).

In one process, which is what is compared: both sides begin with the book before the batch, and both end with the
exact ratio (numerator, denominator, minimum) of four scopes. The live side folds the batch into depositors' balances,
hands the classes that moved to the book of ratios, and reads the ratios. The other side adds the batch to the amounts
of its positions and recomputes, in polars and, where it is installed, in pandas; frames of what does not change are
made once. Every ratio of each is equal to the last digit, and so is every stock and flow to the engine line by line,
apart from the clock. Neither side shows lines, lights or text. Medians; CPU of all threads: polars has several, and
`POLARS_MAX_THREADS=1`, in a run of its own, gives it one, which can cost it less CPU.

As the stream runs there are two processes with records between, and that is told apart: `publish` is what a tick
costs, changed cells encoded, decoded and put in place by the API's view; `read` is the picture of that view, which
also asks for the dates and rates; `shown` adds stock, flows and lights of each scope. The stream waits 25 ms between
two ticks and half a second between two pictures; the paced part runs as in one process, with a tick and a picture a
batch, and at the stream's own pace. No Kafka, no decoding of entries, one partition.
"""

import argparse
import gc
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks._live_book import Book, LiveBank
from benchmarks._live_peers import Sums, contenders, details, ratios
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
    gc.collect()
    gc.freeze()  # as the worker does: what stands is not searched again and again, on either side
    compared = _side_by_side(book, live, chosen)
    paced = {
        "paced_one_process": _paced(book, live, chosen, one_process=True),
        "paced_records_every_batch": _paced(book, live, chosen),
        "paced_as_it_runs": _paced(book, live, chosen, tick_s=TICK_S, read_s=READ_S),
    }
    result = {
        "machine": started,
        "polars_threads": os.environ.get("POLARS_MAX_THREADS", "default"),
        "positions": chosen.positions,
        "depositors": book.depositors,
        "deposit_cells": len(live.balances.cells),
        "batch": chosen.batch,
        **compared,
        **paced,
        "peak_resident_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "resident_before_mib": round(before / 1024, 1),
    }
    for key, value in result.items():
        print(f"{key:32} {value}")
    print(f"written to {write_result(chosen.name, result).name}")


def _side_by_side(book: Book, live: LiveBank, chosen: argparse.Namespace) -> dict[str, Any]:
    """Rounds of many batches each way and one of each recomputation: what else the machine does meets all alike."""
    peers = contenders(book)
    stages: dict[str, list[float]] = {}  # CPU milliseconds, by round
    compared = cells = 0
    for at in range(WARM_UP + chosen.rounds):
        batches = [book.entries(chosen.batch) for _ in range(2 * chosen.batches)]
        round_of = {"records_fold": 0.0, "records_publish": 0.0, "records_read": 0.0, "records_shown": 0.0}
        for batch in batches[: chosen.batches]:
            marks = [time.process_time()]
            live.fold(*batch)
            marks.append(time.process_time())
            cells += live.publish()
            marks.append(time.process_time())
            read = live.read()
            marks.append(time.process_time())
            for one in read.values():
                assert one.coverage is not None
                assert one.limits
            marks.append(time.process_time())
            for name, seconds in zip(round_of, np.diff(marks).tolist(), strict=True):
                round_of[name] += seconds
            book.book(*batch)
        parts = {"fold": 0.0, "hand_on": 0.0, "picture": 0.0}
        for batch in batches[chosen.batches :]:
            marks = [time.process_time()]
            live.fold(*batch)
            marks.append(time.process_time())
            live.hand_on()
            marks.append(time.process_time())
            found = live.picture()
            marks.append(time.process_time())
            for name, seconds in zip(parts, np.diff(marks).tolist(), strict=True):
                parts[name] += seconds
        for batch in batches[chosen.batches : -1]:
            book.book(*batch)
        took = {name: one / chosen.batches for name, one in (parts | round_of).items()}
        took["live"] = sum(parts.values()) / chosen.batches
        begin = time.process_time()
        book.book(*batches[-1])
        booked = time.process_time() - begin
        results: dict[str, Sums] = {}
        for name, recompute in peers.items():
            begin = time.process_time()
            results[name] = recompute(book)
            wanted = ratios(results[name])
            took[name] = booked + time.process_time() - begin
            assert {scope: one.ratio for scope, one in found.items()} == wanted, name
            compared += len(wanted)
        for scope, whole in details(results["polars"]).items():
            coverage = found[scope].coverage
            assert coverage is not None
            assert (coverage.stock, coverage.net, coverage.ratio) == (whole.stock, whole.net, whole.ratio)
        if at >= WARM_UP:
            for name, seconds in took.items():
                stages.setdefault(name, []).append(seconds * 1e3)
    median = {name: float(np.median(one)) for name, one in stages.items()}
    with_records = sum(median[f"records_{name}"] for name in ("fold", "publish", "read"))
    return {
        "ratios_compared": compared,
        "batches": 2 * (WARM_UP + chosen.rounds) * chosen.batches,
        "cells_published_a_batch": round(cells / (WARM_UP + chosen.rounds) / chosen.batches, 1),
        "cpu_ms": {name: round(one, 4) for name, one in median.items()},
        "times_less_cpu": {name: round(median[name] / median["live"], 1) for name in peers},
        "times_less_cpu_by_round_p10_p90": {
            name: np.quantile(np.divide(stages[name], stages["live"]), [0.1, 0.9]).round(1).tolist() for name in peers
        },
        "times_less_cpu_with_records_a_batch": {name: round(median[name] / with_records, 1) for name in peers},
    }


def _paced(
    book: Book,
    live: LiveBank,
    chosen: argparse.Namespace,
    *,
    one_process: bool = False,
    tick_s: float = 0.0,
    read_s: float = 0.0,
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
        if one_process:
            live.hand_on()
            live.picture()
        elif due - published >= tick_s:
            live.publish()
            published = due
        if not one_process and due - read >= read_s:
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
