"""From produce() to the reader of the live stream, under a steady load, for alerts and position updates. `--help`.

Broker, worker and API are real processes. The load is an open loop: every entry has an instant at which it is due,
and latency counts from there, so that a sender held up by a slow system does not hide it (coordinated omission).
"""

import argparse
import bisect
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from confluent_kafka import Producer

from benchmarks._entries import CURRENCIES, Totals, entries
from benchmarks._machine import machine, write_result
from infra.kafka.archive import prepare
from infra.kafka.broker import EmbeddedBroker
from infra.kafka.clients import producer_config
from streams import topics
from streams.topics import record_key
from tests.kafka.bank import PARTITIONS, Bank, wait_for

HERE = Path(__file__).resolve().parent
AIM_P99_MS = 150
WARM_UP_S = 5.0
MARK = "MARK"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=5_000, help="entries a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--marks", type=int, default=50, help="entries a second that are certain to raise an alert")
    parser.add_argument("--no-write", action="store_true", help="leave results/ as it is")
    chosen = parser.parse_args()
    result: dict[str, Any] = {"machine": machine(), "rate": chosen.rate, "seconds": chosen.seconds}
    with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as directory:
        root = Path(directory)
        with EmbeddedBroker(root / "broker", prepare()) as broker:
            bank = Bank(broker, root)
            started: list[subprocess.Popen[bytes]] = []
            try:
                result["stages"] = _run(bank, started, chosen.rate, chosen.seconds, chosen.marks)
            finally:
                for process in started:
                    process.kill()
                    process.wait()
                bank.stop()
    result["aim_p99_ms"] = AIM_P99_MS
    print(f"load average at start {result['machine']['load_average_at_start']}")
    print(f"{'stage':34} {'count':>6} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}")
    for name, one in result["stages"].items():
        print(f"{name:34} {one['count']:6} {one['p50_ms']:8.1f} {one['p99_ms']:8.1f} {one['max_ms']:8.1f}")
    if not chosen.no_write:
        print(f"written to benchmarks/results/{write_result('latency', result).name}")


def _run(
    bank: Bank, started: list["subprocess.Popen[bytes]"], rate: int, seconds: float, marks: int
) -> dict[str, dict[str, float]]:
    worker = bank.start_worker()
    address = _start_api(bank, started)
    token = _token(bank)
    lines: dict[str, Path] = {}
    for kind, arguments in (("sse", [f"{address}/api/v1/stream", token]), ("topic", [bank.broker.bootstrap])):
        lines[kind] = bank.directory / f"received-{kind}.tsv"
        command = [sys.executable, str(HERE / "_receiver.py"), kind, *arguments]
        with lines[kind].open("wb") as output:
            started.append(subprocess.Popen(command, stdout=output, stderr=output))
    wait_for(
        lambda: all("ready" in path.read_text() for path in lines.values()),
        60,
        lambda: "".join(path.read_text()[-2_000:] for path in lines.values()),
    )
    due_us, place = _send(bank, rate, seconds, marks)
    for path in lines.values():
        wait_for(lambda path=path: _received(path) >= due_us.keys(), 30, lambda: "alerts are missing")
    assert worker.poll() is None, bank.log_of(0)
    time.sleep(1.0)  # the last positions event
    return _stages(due_us, place, lines)


def _received(path: Path) -> set[str]:
    fields = (line.split("\t", 2) for line in path.read_text().splitlines())
    return {json.loads(text) for _, kind, text in fields if kind in ("alert", "record")}


def _start_api(bank: Bank, started: list["subprocess.Popen[bytes]"]) -> str:
    environment = {
        "TIDEMARK_DATA_DIR": str(bank.settings.data_dir),
        "TIDEMARK_KAFKA_BOOTSTRAP": bank.broker.bootstrap,
        "TIDEMARK_KAFKA_PARTITIONS": str(PARTITIONS),
        "PYTHONPATH": str(HERE.parent),
    }
    with (bank.directory / "api.log").open("wb") as log:
        command = [str(Path(sys.executable).parent / "tidemark"), "api", "--port", "0"]
        api = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=bank.directory)
    started.append(api)
    told = bank.settings.data_dir / "run" / "api.json"
    wait_for(
        lambda: told.exists() and api.poll() is None,
        60,
        lambda: (bank.directory / "api.log").read_text()[-3_000:],
    )
    return str(json.loads(told.read_text())["address"])


def _token(bank: Bank) -> str:
    command = [str(Path(sys.executable).parent / "tidemark"), "token", "--actor", "U-bench", "--role", "AM", "--json"]
    told = subprocess.run(
        [*command, "--data-dir", str(bank.settings.data_dir)], capture_output=True, text=True, check=True
    )
    return str(json.loads(told.stdout)["token"])


def _send(bank: Bank, rate: int, seconds: float, marks: int) -> tuple[dict[str, int], dict[str, tuple[int, int]]]:
    """Returns of each marked entry when it was due, microseconds, and its (partition, offset)."""
    producer = Producer(producer_config(bank.settings, bank.broker.bootstrap))
    count = int(rate * (WARM_UP_S + seconds))
    ready = list(entries(count, Totals()))
    due_us: dict[str, int] = {}
    place: dict[str, tuple[int, int]] = {}

    def delivered(name: str) -> Callable[[Any, Any], None]:
        def note(error: Any, message: Any) -> None:
            assert error is None, error
            place[name] = (message.partition(), message.offset())

        return note

    start = time.monotonic_ns() // 1_000 + 100_000
    for number, (key, value) in enumerate(ready):
        due = start + number * 1_000_000 // rate
        wait = due - time.monotonic_ns() // 1_000
        if wait > 0:
            producer.poll(0)
            wait = due - time.monotonic_ns() // 1_000
            if wait > 0:
                time.sleep(wait / 1e6)
        if number % (rate // marks) == 0:
            name, mark = _marked(number, value)
            if number >= WARM_UP_S * rate:
                due_us[name] = due
                producer.produce(topics.TXN, mark[1], mark[0], on_delivery=delivered(name))
            else:
                producer.produce(topics.TXN, mark[1], mark[0])
        else:
            producer.produce(topics.TXN, value, key)
    assert producer.flush(30) == 0
    return due_us, place


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
    due_us: dict[str, int], place: dict[str, tuple[int, int]], lines: dict[str, Path]
) -> dict[str, dict[str, float]]:
    seen: dict[str, dict[str, int]] = {"alert": {}, "record": {}}
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
        "produce to tm.risk.alert.v1": _spread(due_us, seen["record"]),
        "produce to SSE, alert": _spread(due_us, seen["alert"]),
        "produce to SSE, position update": _spread(due_us, shown),
    }


def _spread(due_us: dict[str, int], seen: dict[str, int]) -> dict[str, float]:
    missing = due_us.keys() - seen.keys()
    assert not missing, f"{len(missing)} of {len(due_us)} never arrived"
    ms = np.array([seen[name] - due for name, due in due_us.items()]) / 1_000
    return {
        "count": len(ms),
        "p50_ms": round(float(np.percentile(ms, 50)), 1),
        "p99_ms": round(float(np.percentile(ms, 99)), 1),
        "max_ms": round(float(ms.max()), 1),
    }


if __name__ == "__main__":
    main()
