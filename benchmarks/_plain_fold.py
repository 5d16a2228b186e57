"""The contenders' fold: what a capable engineer writes first, event by event, in dicts. Imports nothing of ours.

Simpler than Tidemark's: no duplicates, no pending amounts, no value dates, no rolling window, no snapshots, no
outputs. Whoever runs it is flattered by that, not Tidemark.
"""

import json
import sys
import time
from typing import Any

import msgspec

SINGLE_THRESHOLD_MINOR = {"CNY": 3_000_000_000, "USD": 400_000_000, "EUR": 400_000_000}


class Entry(msgspec.Struct, gc=False):
    txn_id: str
    event_time: str
    value_date: str
    entity_id: str
    account_id: str
    ccy: str
    direction: str
    amount: str
    customer_id: str
    org_id: str
    status: str = "settled"


DECODER = msgspec.json.Decoder(Entry)


class PlainFold:
    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.count = 0
        self.alerts: list[str] = []
        self.position: dict[tuple[str, str, str], int] = {}
        self.outflow: dict[tuple[str, str, str], int] = {}
        self.started = self.ended = 0.0
        self.cpu_started = self.cpu_ended = 0.0

    def begin(self) -> None:
        self.started, self.cpu_started = time.perf_counter(), time.process_time()

    def add(self, value: bytes) -> None:
        self.fold(DECODER.decode(value))

    def fold(self, entry: Entry) -> None:
        whole, _, fraction = entry.amount.partition(".")
        minor = int(whole) * 100 + int(fraction or "0")
        out = entry.direction == "out"
        if entry.status == "settled":
            cell = (entry.entity_id, entry.org_id, entry.ccy)
            self.position[cell] = self.position.get(cell, 0) + (-minor if out else minor)
        if out:
            customer = (entry.entity_id, entry.customer_id, entry.ccy)
            self.outflow[customer] = self.outflow.get(customer, 0) + minor
            if minor >= SINGLE_THRESHOLD_MINOR[entry.ccy]:
                self.alerts.append(entry.txn_id)
        self.count += 1

    def end(self) -> None:
        self.ended, self.cpu_ended = time.perf_counter(), time.process_time()

    def report(self, **more: Any) -> None:
        """One line of JSON on stdout: for the benchmark that started us."""
        summary = {
            "alerts": len(self.alerts),
            "outflow_total_minor": sum(self.outflow.values()),
            "position": {"|".join(cell): total for cell, total in sorted(self.position.items()) if total},
        }
        result = {
            "records": self.count,
            "seconds": self.ended - self.started,
            "cpu_seconds": self.cpu_ended - self.cpu_started,
            "totals": summary,
        }
        sys.stdout.write("\nRESULT " + json.dumps(result | more) + "\n")
        sys.stdout.flush()
