"""From produce() to the reader of the live stream and to a webhook's receiver, under a steady load. `--help`.

Broker, worker, API and notifier are real processes. The load is an open loop: every entry has an instant at which it
is due, and latency counts from there, so that a sender held up by a slow system does not hide it (coordinated
omission). How late the sender itself was stands beside.
"""

import argparse
import bisect
import json
import sys
import tempfile
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from confluent_kafka import Producer

from benchmarks._alert_system import AlertSystem, cpu_seconds
from benchmarks._entries import CURRENCIES, Totals, entries
from benchmarks._machine import machine, write_result
from infra.kafka.archive import prepare
from infra.kafka.broker import EmbeddedBroker
from infra.kafka.clients import producer_config
from streams import topics
from streams.topics import record_key
from tests.kafka.bank import Bank
from tests.waiting import until

AIM_P99_MS = 250
WARM_UP_S = 5.0
CHUNK_S = 0.002  # entries due within it are handed over together; their own instants count all the same
MARK = "MARK"
Place = tuple[int, int]
Stages = dict[str, dict[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, nargs="+", default=[5_000, 50_000], help="entries a second, one run each")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--marks", type=int, default=50, help="entries a second that are certain to raise an alert")
    parser.add_argument("--no-write", action="store_true", help="leave results/ as it is")
    chosen = parser.parse_args()
    result: dict[str, Any] = {"machine": machine(), "seconds": chosen.seconds, "aim_p99_ms": AIM_P99_MS, "rates": []}
    print(f"load average at start {result['machine']['load_average_at_start']}")
    for rate in chosen.rate:
        stages, cpu = _measured(rate, chosen.seconds, chosen.marks)
        result["rates"].append({"rate": rate, "stages": stages, "cores": cpu})
        print(f"\n{rate:,} entries/s; cores: {', '.join(f'{name} {used:.2f}' for name, used in cpu.items())}")
        print(f"{'stage':34} {'count':>6} {'p50 ms':>8} {'p99 ms':>8} {'p99.9 ms':>8} {'max ms':>8}")
        for name, one in stages.items():
            figures = " ".join(f"{one[field]:8.1f}" for field in ("p50_ms", "p99_ms", "p99_9_ms", "max_ms"))
            print(f"{name:34} {one['count']:6} {figures}", flush=True)
    if not chosen.no_write:
        print(f"written to benchmarks/results/{write_result('latency', result).name}")


def _measured(rate: int, seconds: float, marks: int) -> tuple[Stages, dict[str, float]]:
    with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as directory:
        root = Path(directory)
        with EmbeddedBroker(root / "broker", prepare()) as broker:
            system = AlertSystem(Bank(broker, root))
            try:
                lines = system.start()
                before = system.usage()
                started, own = time.monotonic(), cpu_seconds()
                due_us, sent_us, place = _send(system.bank, rate, seconds, marks)
                wall_s = time.monotonic() - started
                cpu = {name: (used - before[name]) / wall_s for name, used in system.usage().items()}
                cpu["sender"] = (cpu_seconds() - own) / wall_s
                for path in lines.values():
                    _await_all(path, due_us.keys(), system)
                time.sleep(1.0)  # the last positions event
                return _stages(due_us, sent_us, place, lines), cpu
            finally:
                system.stop()


def _await_all(path: Path, wanted: AbstractSet[str], system: AlertSystem) -> None:
    until(
        lambda: _received(path) >= wanted,
        lambda: f"{path.stem}: {len(_received(path) & wanted)} of {len(wanted)}\n{system.logs()}",
    )
    system.check()


def _received(path: Path) -> set[str]:
    fields = (line.split("\t", 2) for line in path.read_text().splitlines())
    return {json.loads(text) for _, kind, text in fields if kind in ("alert", "record", "webhook")}


def _send(
    bank: Bank, rate: int, seconds: float, marks: int
) -> tuple[dict[str, int], dict[str, int], dict[str, Place]]:
    """Returns of each marked entry when it was due and when it was handed over, microseconds, and its place."""
    # As `tidemark feed` sends: entries wait 20 ms for company, which is part of what is measured.
    producer = Producer(producer_config(bank.settings, bank.broker.bootstrap, linger_ms=20))
    count, every, chunk = int(rate * (WARM_UP_S + seconds)), rate // marks, max(1, int(rate * CHUNK_S))
    ready: list[dict[str, Any]] = [{"key": key, "value": value} for key, value in entries(count, Totals())]
    due_us: dict[str, int] = {}
    sent_us: dict[str, int] = {}
    place: dict[str, Place] = {}
    names: dict[int, str] = {}

    def delivered(name: str) -> Callable[[Any, Any], None]:
        def note(error: Any, message: Any) -> None:
            assert error is None, error
            place[name] = (message.partition(), message.offset())

        return note

    for number in range(0, count, every):
        name, (key, value) = _marked(number, ready[number]["value"])
        ready[number] = {"key": key, "value": value}
        if number >= WARM_UP_S * rate:
            ready[number]["callback"] = delivered(name)
            names[number] = name
    left = iter(ready)
    start = time.monotonic_ns() // 1_000 + 100_000
    for first in range(0, count, chunk):
        last = min(first + chunk, count) - 1
        wait = start + last * 1_000_000 // rate - time.monotonic_ns() // 1_000
        if wait > 0:
            producer.poll(0)
            time.sleep(max(0.0, start + last * 1_000_000 // rate - time.monotonic_ns() // 1_000) / 1e6)
        producer.produce_batch(topics.TXN, list(islice(left, chunk)))
        for number in range(first + -first % every, last + 1, every):
            if number in names:
                due_us[names[number]] = start + number * 1_000_000 // rate
                sent_us[names[number]] = time.monotonic_ns() // 1_000
    assert producer.flush(30) == 0
    assert len(place) == len(due_us), "entries were not taken"
    return due_us, sent_us, place


def _marked(number: int, like: bytes) -> tuple[str, tuple[bytes, bytes]]:
    """An outflow above the single threshold, of a customer of its own."""
    record = json.loads(like)
    name, customer = f"{MARK}{number:010d}", f"M{number:09d}"
    record |= {
        "txn_id": name,
        "customer_id": customer,
        "account_id": customer,
        "ccy": CURRENCIES[0],
        "direction": "out",
        "amount": "31000000.00",
        "status": "settled",
    }
    return name, (record_key(record["entity_id"], customer, ""), json.dumps(record, separators=(",", ":")).encode())


def _stages(
    due_us: dict[str, int], sent_us: dict[str, int], place: dict[str, Place], lines: dict[str, Path]
) -> Stages:
    seen: dict[str, dict[str, int]] = {"alert": {}, "record": {}, "webhook": {}}
    moments: dict[int, tuple[list[int], list[int]]] = {}  # partition -> next offsets shown, and when
    for path in lines.values():
        for line in path.read_text().splitlines():
            at, kind, text = line.split("\t", 2)
            if kind in seen:
                seen[kind].setdefault(json.loads(text), int(at))
            elif kind == "positions":
                for partition, offset in json.loads(text).items():
                    offsets, times = moments.setdefault(int(partition), ([], []))
                    if not offsets or offset > offsets[-1]:
                        offsets.append(offset)
                        times.append(int(at))
    shown = {}
    for name, (partition, offset) in place.items():
        offsets, times = moments.get(partition, ([], []))
        first = bisect.bisect_right(offsets, offset)
        if first < len(times):
            shown[name] = times[first]
    return {
        "due to handed to the producer": _spread(due_us, sent_us),
        "due to tm.risk.alert.v1": _spread(due_us, seen["record"]),
        "due to SSE, alert": _spread(due_us, seen["alert"]),
        "due to SSE, position update": _spread(due_us, shown),
        "due to webhook": _spread(due_us, seen["webhook"]),
    }


def _spread(due_us: dict[str, int], seen: dict[str, int]) -> dict[str, float]:
    missing = due_us.keys() - seen.keys()
    assert not missing, f"{len(missing)} of {len(due_us)} never arrived"
    ms = np.array([seen[name] - due for name, due in due_us.items()]) / 1_000
    p50, p99, p99_9 = (round(float(np.percentile(ms, share)), 1) for share in (50, 99, 99.9))
    return {"count": len(ms), "p50_ms": p50, "p99_ms": p99, "p99_9_ms": p99_9, "max_ms": round(float(ms.max()), 1)}


if __name__ == "__main__":
    main()
