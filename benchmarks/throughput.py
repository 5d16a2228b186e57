"""Events per second of the whole fold, beside plain Faust, Quix Streams and a bare confluent-kafka loop. `--help`.

One broker, one log, one machine, one after the other; every contender must end with the totals that were known
when the entries were made, or the run fails. Then the ladder: the price of each step, from memory (S34).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from confluent_kafka import Producer

from benchmarks import _ladder
from benchmarks._entries import Totals, contracts, entries
from benchmarks._machine import cpu_seconds, machine, write_result
from infra.kafka.admin import ensure_topics
from infra.kafka.archive import prepare
from infra.kafka.broker import EmbeddedBroker
from infra.kafka.clients import producer_config
from infra.kafka.topic import Topic
from streams import topics
from tests.kafka.bank import PARTITIONS, Bank, send

HERE = Path(__file__).resolve().parent
PREFIX_TOPIC = "bench.txn.prefix"
POLL_S = 0.05
QUIX = HERE.parent / ".venv-bench"
AIMS = {"events_per_second": 400_000, "times_plain_faust": 40, "times_quix": 4}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument(
        "--faust-events", type=int, default=100_000, help="plain Faust gets a log of its own, shorter"
    )
    parser.add_argument("--batch", type=int, default=20_000, help="records the worker folds in one go")
    parser.add_argument("--timeout", type=float, default=900.0, help="seconds for each contender")
    parser.add_argument("--skip", nargs="*", default=[], choices=["tidemark", "faust", "quix", "raw", "ladder"])
    parser.add_argument("--no-write", action="store_true", help="leave results/ as it is")
    chosen = parser.parse_args()
    result: dict[str, Any] = {"machine": machine(), "events": chosen.events, "contenders": {}}
    with _bank(chosen.batch) as bank:
        expected, prefix = _fill(bank, chosen.events, chosen.faust_events)
        found = result["contenders"]
        if "tidemark" not in chosen.skip:
            found["tidemark"] = _tidemark(bank, chosen.events, expected, chosen.timeout)
        if "quix" not in chosen.skip:
            found["quix"] = _other(bank, [_quix_python(), "_quix_plain.py"], topics.TXN, expected, chosen.timeout)
        if "raw" not in chosen.skip:
            for mode in ("consume", "decode", "fold"):
                command = [sys.executable, "_raw_loop.py"]
                totals = expected if mode == "fold" else Totals(expected.count)
                found[f"confluent-kafka, {mode}"] = _other(bank, command, topics.TXN, totals, chosen.timeout, mode)
        if "faust" not in chosen.skip:
            command = [sys.executable, "_faust_plain.py"]
            found["plain faust"] = _other(bank, command, PREFIX_TOPIC, prefix, chosen.timeout)
    if "ladder" not in chosen.skip:
        values = [value for _, value in entries(min(chosen.events // PARTITIONS, 500_000), Totals())]
        meter, _ = _ladder.measure(_ladder.log_of(values), len(values), chosen.batch)
        result["ladder"] = _ladder.table(meter, len(values))
    result["aims"] = _aims(result["contenders"])
    _print(result)
    if not chosen.no_write:
        print(f"written to benchmarks/results/{write_result('throughput', result).name}")


# -- the log ---------------------------------------------------------------------------------------------------


@contextmanager
def _bank(batch: int) -> Iterator[Bank]:
    with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as directory:
        root = Path(directory)
        with EmbeddedBroker(root / "broker", prepare(), heap_mib=1_024) as broker:
            bank = Bank(broker, root, {"batch_records_max": str(batch)})
            ensure_topics(bank.admin, [Topic(PREFIX_TOPIC, PARTITIONS, dict(topics.INBOUND))], 1)
            try:
                yield bank
            finally:
                bank.stop()


def _fill(bank: Bank, count: int, prefix_count: int) -> tuple[Totals, Totals]:
    """Produce the log, and a copy of its start for whom it would be too long. Not timed."""
    started = time.monotonic()
    producer = Producer(producer_config(bank.settings, bank.broker.bootstrap, linger_ms=50, batch_size=1_000_000))
    expected, prefix = Totals(), Totals()
    for number, (key, value) in enumerate(entries(count, expected)):
        send(producer, topics.TXN, key, value)
        if number % 10_000 == 0:
            producer.poll(0)
    # The start of the same day: the same generator with the same seed and length, cut off.
    for _, (key, value) in zip(range(min(prefix_count, count)), entries(count, prefix), strict=False):
        send(producer, PREFIX_TOPIC, key, value)
    for key, value in contracts(max(1, count // 100)):
        send(producer, topics.CONTRACT, key, value)
    assert producer.flush(120) == 0
    print(f"{count:,} entries and {max(1, count // 100):,} contracts produced in {time.monotonic() - started:.0f} s")
    return expected, prefix


# -- contenders ------------------------------------------------------------------------------------------------


def _tidemark(bank: Bank, count: int, expected: Totals, timeout_s: float) -> dict[str, Any]:
    """A real worker. Its own counter of folded records says when the first and the last were folded; snapshots
    would only say when they were stored, up to a second later. That later instant is stated as well."""
    wanted = count + max(1, count // 100)
    worker = bank.start_worker()
    deadline = time.monotonic() + timeout_s
    folded, first_at, first_count, last_at = 0.0, 0.0, 0.0, 0.0
    cpu_first = cpu_last = 0.0
    while folded < wanted:
        alive = time.monotonic() < deadline and worker.poll() is None
        assert alive, bank.log_of(len(bank.workers) - 1)
        folded = _folded(bank, worker.pid)
        if folded and not first_at:
            first_at, first_count, cpu_first = time.monotonic(), folded, cpu_seconds(worker.pid)
        last_at, cpu_last = time.monotonic(), cpu_seconds(worker.pid)
        time.sleep(POLL_S)
    bank.wait_until_saved(timeout_s)
    saved_at = time.monotonic()
    _check_tidemark(bank, expected)
    bank.stop()
    records, seconds = wanted - first_count, last_at - first_at
    return {
        "records": int(records),
        "seconds": round(seconds, 3),
        "events_per_second": round(records / seconds),
        "events_per_second_until_saved": round(records / (saved_at - first_at)),
        "cpu_us_per_record": round((cpu_last - cpu_first) / records * 1e6, 3),
        "does": "decode, positions by account and cell, entry ids, two alert rules, gap, outputs, snapshots, CRC",
    }


def _folded(bank: Bank, pid: int) -> float:
    path = bank.settings.data_dir / "run" / f"worker-{pid}.json"
    if not path.exists():
        return 0.0
    address = json.loads(path.read_text())["metrics"]
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - our own worker on loopback
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("tidemark_folded_records_total{"))


def _check_tidemark(bank: Bank, expected: Totals) -> None:
    position: dict[str, int] = {}
    folded = 0
    for state in bank.stored().values():
        folded += state.counts["received"]
        assert not state.counts["refused"]
        for row in state.positions.accounts_by_day():
            cell = "|".join((row.key[0], row.key[1], row.key[4]))
            position[cell] = position.get(cell, 0) + row.settled_minor
    alerts = [one for raised in bank.published_alerts().values() for one in raised]
    single = sum(one["rule"] == "large-flow-single" for one in alerts)
    assert folded == expected.count, f"{folded} folded of {expected.count}"
    assert {name: total for name, total in sorted(position.items()) if total} == expected.summary()["position"]
    assert single == expected.alerts, f"{single} alerts for {expected.alerts}"


def _other(
    bank: Bank, command: list[str], topic: str, expected: Totals, timeout_s: float, mode: str | None = None
) -> dict[str, Any]:
    python, script = command
    with tempfile.TemporaryDirectory() as directory:
        arguments = [bank.broker.bootstrap, topic, str(expected.count), mode or directory]
        done = subprocess.run(
            [python, str(HERE / script), *arguments], capture_output=True, text=True, timeout=timeout_s, check=False
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert lines, f"{script} ended with {done.returncode}: {done.stdout[-1_000:]}{done.stderr[-3_000:]}"
    found = json.loads(lines[0].removeprefix("RESULT "))
    if mode in (None, "fold"):
        assert found["totals"] == expected.summary(), f"{script}: other totals than the log's"
    return {
        "records": found["records"],
        "seconds": round(found["seconds"], 3),
        "events_per_second": round(found["records"] / found["seconds"]),
        "cpu_us_per_record": round(found["cpu_seconds"] / found["records"] * 1e6, 3),
        "does": {"consume": "reading only", "decode": "reading and msgspec"}.get(
            mode or "", "msgspec, positions by cell, outflow by customer, one alert rule; state in dicts"
        ),
        **({"version": found["version"]} if "version" in found else {}),
    }


def _quix_python() -> str:
    """The Python of .venv-bench, made from requirements.lock where it is missing; Quix pins other versions."""
    python = QUIX / "bin" / "python"
    if not python.exists():
        uv = str(HERE.parent / ".venv" / "bin" / "uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(QUIX)], check=True)
        lock = str(HERE / "requirements.lock")
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", lock], check=True
        )
    return str(python)


# -- the report ------------------------------------------------------------------------------------------------


def _aims(found: dict[str, Any]) -> dict[str, Any]:
    ours = found.get("tidemark", {}).get("events_per_second")
    if not ours:
        return {}
    reached = {"events_per_second": ours}
    for name, contender in (("times_plain_faust", "plain faust"), ("times_quix", "quix")):
        if contender in found:
            reached[name] = round(ours / found[contender]["events_per_second"], 1)
    return {name: {"aim": AIMS[name], "reached": value} for name, value in reached.items()}


def _print(result: dict[str, Any]) -> None:
    where = result["machine"]
    print(f"\n{where['cores']} cores, {where['processor']}, load average at start {where['load_average_at_start']}")
    print(f"{'contender':26} {'records':>10} {'seconds':>9} {'events/s':>10} {'cpu us/rec':>11}")
    for name, one in result["contenders"].items():
        print(
            f"{name:26} {one['records']:10,} {one['seconds']:9.2f} {one['events_per_second']:10,} "
            f"{one['cpu_us_per_record']:11.2f}  {one['does']}"
        )
    for name, one in result["aims"].items():
        print(f"{name}: {one['reached']:,} (aim {one['aim']:,})")
    if "ladder" in result:
        print()
        _ladder.print_table(result["ladder"])


if __name__ == "__main__":
    main()
