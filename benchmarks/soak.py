"""A worker under a steady load for minutes: does its memory grow, does it keep up, is the end state right?

    tidemark bench soak --minutes 10 --rate 2000

Prints a line every ten seconds and, at the end, by how much resident memory grows with each entry and whether the
stored states equal one undisturbed fold of the whole log. Exits 1 if they do not, or if the worker ended before its
time. Bounded by `--minutes`; everything runs on this host in a temporary directory.
"""

import argparse
import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))  # the harness of the tests is not installed

from infra.kafka.archive import prepare
from infra.kafka.broker import EmbeddedBroker
from streams import topics
from streams.schemas import Txn
from tests.kafka.bank import Bank, send

SAMPLE_S = 10.0

ID_BYTES = 16 + 13  # digest; body, value date and status
SLOT_BYTES = (8, 16)  # of the index, which is a quarter to half full
WINDOW_BYTES = 48  # of an outflow, for as long as a window may ask for it


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def entry(number: int, choice: random.Random, now: datetime) -> Txn:
    who = choice.randrange(20_000)
    return Txn(
        txn_id=f"SOAK-{number:012d}",
        source_system="core",
        event_time=now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        value_date=now.date().isoformat(),
        entity_id="BANK",
        account_id=f"A{who:08d}",
        customer_id=f"C{who:08d}",
        org_id=f"{3300 + who % 40}",
        line_id="retail",
        product_id="demand",
        ccy="CNY",
        direction="out" if choice.random() < 0.5 else "in",
        amount=f"{choice.randrange(10**7)}.{choice.randrange(100):02d}",
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=int, default=2_000, help="entries a second")
    options = parser.parse_args()
    jars = prepare()
    with tempfile.TemporaryDirectory(prefix="tidemark-soak-") as folder, EmbeddedBroker(Path(folder), jars) as broker:
        return run(Bank(broker, Path(folder)), options.minutes * 60, options.rate)


def run(bank: Bank, seconds: float, rate: int) -> int:
    worker, producer, choice = bank.start_worker(), bank.producer(), random.Random(1)
    started, sent, next_sample = time.monotonic(), 0, SAMPLE_S
    samples: list[tuple[float, int, float]] = []
    try:
        while (elapsed := time.monotonic() - started) < seconds:
            now = datetime.now(UTC) - timedelta(seconds=1)
            for _ in range(max(0, int(elapsed * rate) - sent)):
                record = entry(sent, choice, now)
                key = topics.record_key(record.entity_id, record.customer_id, record.account_id)
                send(producer, topics.TXN, key, msgspec.json.encode(record))
                sent += 1
            producer.poll(0)
            time.sleep(0.01)
            if worker.poll() is not None:
                print(f"the worker ended with {worker.returncode}\n{bank.log_of(-1)}")
                return 1
            if elapsed >= next_sample:
                next_sample += SAMPLE_S
                behind = sent - sum(bank.snapshot_offsets().values())
                samples.append((elapsed, sent, resident_mib(worker.pid)))
                print(
                    f"{elapsed:6.0f} s  sent {sent:>10,}  not yet stored {behind:>8,}  {samples[-1][2]:7.0f} MiB",
                    flush=True,
                )
        producer.flush(60)
        bank.wait_until_saved(120)
        bank.assert_as_undisturbed()
    finally:
        bank.stop()
    later = [sample for sample in samples if sample[0] > seconds / 3]
    if len(later) > 2:
        _, entries, resident = zip(*later, strict=True)
        slope = np.polyfit(entries, resident, 1)[0] * 2**20
        least, most = (ID_BYTES + slots + WINDOW_BYTES // 2 for slots in SLOT_BYTES)
        print(f"resident memory grows by {slope:.0f} bytes an entry over the last two thirds; the state itself by")
        print(
            f"{least} to {most}: its id, kept for the horizon, and half a window entry, kept for the longest window"
        )
    print("the stored states equal an undisturbed fold of the whole log")
    return 0


if __name__ == "__main__":
    sys.exit(main())
