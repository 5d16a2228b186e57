"""A busy bank day for the benchmarks: entries made fast, with the totals every contender must end with.

Seeded, so that two runs have one log. The fields are those of `streams.schemas.Txn` as the simulated feed fills
them. Entries do not repeat and take nothing back, so that contenders without any notion of a duplicate can end
with equal totals; Tidemark looks every entry up all the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np

from streams.schemas import Contract
from streams.topics import record_key

DAY = datetime(2025, 11, 20, tzinfo=UTC)  # past everywhere: an event must not lie ahead of Kafka's clock
OPENS_S, OPEN_FOR_S = 8 * 3_600, 10 * 3_600
SINGLE_THRESHOLD_MINOR = {"CNY": 3_000_000_000, "USD": 400_000_000, "EUR": 400_000_000}
CURRENCIES = tuple(SINGLE_THRESHOLD_MINOR)
PENDING_SHARE, LARGE_SHARE = 0.05, 0.0002
CHUNK = 50_000


@dataclass
class Totals:
    """What is known of the entries made so far: the settled position of each (entity, organisation, currency),
    outflows at or above the single threshold, and all outflows of each customer."""

    count: int = 0
    alerts: int = 0
    position: dict[str, int] = field(default_factory=dict)  # "entity|organisation|currency" -> minor units
    outflow_total_minor: int = 0

    def summary(self) -> dict[str, object]:
        return {
            "alerts": self.alerts,
            "outflow_total_minor": self.outflow_total_minor,
            "position": {name: total for name, total in sorted(self.position.items()) if total},
        }


def entries(count: int, totals: Totals, seed: int = 7, accounts: int = 20_000) -> Iterator[tuple[bytes, bytes]]:
    """(Kafka key, value) of `count` entries in event order; `totals` grows along."""
    choice = np.random.default_rng(seed)
    of_account = []
    for number in range(accounts):
        entity = ("HQ", "EAST", "WEST")[number % 3]
        customer = f"C{number * 5 // 7:07d}"
        organisation = f"{entity}-{number % 40:03d}"
        currency = CURRENCIES[0 if number % 10 < 8 else number % 3]
        fixed = (
            f'"entity_id":"{entity}","account_id":"62{number * 7919 % 10**14:014d}","ccy":"{currency}"',
            f'"customer_id":"{customer}","org_id":"{organisation}",'
            f'"line_id":"{("RETAIL", "SME", "CORP")[number % 3]}",'
            f'"product_id":"P{number % 12:02d}","customer_class":"{("natural", "sme", "corporate")[number % 3]}"',
        )
        of_account.append((*fixed, record_key(entity, customer, ""), f"{entity}|{organisation}|{currency}", currency))
    day, next_day = DAY.date().isoformat(), (DAY + timedelta(days=1)).date().isoformat()
    kinds = ("CARD", "PAYROLL", "TRANSFER", "FEE", "CASH", "INTEREST")
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        at_ms = (
            (np.arange(start, start + size) / count) * OPEN_FOR_S * 1_000 + choice.integers(0, 500, size)
        ).astype(int)
        account = choice.integers(0, accounts, size)
        out = choice.random(size) < 0.55
        pending = choice.random(size) < PENDING_SHARE
        amount = np.minimum(np.exp(choice.normal(11, 2, size)), 5e7).astype(np.int64) + 1
        large = choice.random(size) < LARGE_SHARE
        amount[large] = choice.integers(3_000_000_000, 4_500_000_000, int(large.sum()))
        later = choice.random(size) < 0.02
        kind = choice.integers(0, len(kinds), size)
        columns = (at_ms, account, out, pending, amount, later, kind)
        for number, row in enumerate(zip(*(one.tolist() for one in columns), strict=True), start):
            ms, which, outgoing, waits, minor, tomorrow, what = row
            second, fraction = divmod(ms, 1_000)
            second += OPENS_S
            fixed_a, fixed_b, key, cell, currency = of_account[which]
            value = (
                f'{{"txn_id":"20251120{number:012d}","source_system":"core","event_time":"{day}T{second // 3600:02d}:'
                f'{second // 60 % 60:02d}:{second % 60:02d}.{fraction:03d}Z",'
                f'"value_date":"{next_day if tomorrow else day}",'
                f'{fixed_a},"direction":"{"out" if outgoing else "in"}","amount":"{minor // 100}.{minor % 100:02d}",'
                f'"source_seq":{number},{fixed_b},"txn_type":"{kinds[what]}","channel":"MOBILE",'
                f'{""""status":"pending",""" if waits else ""}"payment_ref":"REF{number:010d}"}}'
            )
            totals.count += 1
            if not waits:
                totals.position[cell] = totals.position.get(cell, 0) + (-minor if outgoing else minor)
            if outgoing:
                totals.outflow_total_minor += minor
                totals.alerts += minor >= SINGLE_THRESHOLD_MINOR[currency]
            yield key, value.encode()


def contracts(count: int) -> Iterator[tuple[bytes, bytes]]:
    """(Kafka key, value) of `count` deposits and loans."""
    for number in range(count):
        entity, customer = ("HQ", "EAST", "WEST")[number % 3], f"C{number % 14_000:07d}"
        record = Contract(
            contract_id=f"L{number:09d}",
            event_time=DAY.isoformat().replace("+00:00", "Z"),
            entity_id=entity,
            side="asset" if number % 2 else "liability",
            ccy=CURRENCIES[number % 3],
            principal=f"{(number * 7_919) % 1_000_000 + 1}.00",
            start_date="2025-01-20",
            maturity_date=(DAY + timedelta(days=30 + number % 720)).date().isoformat(),
            rate="0.0345",
            amort="annuity" if number % 4 == 1 else "bullet",
            pay_freq="1M" if number % 4 == 1 else "-",
            customer_id=customer,
            org_id=f"{entity}-{number % 40:03d}",
        )
        yield record_key(entity, customer, ""), msgspec.json.encode(record)
