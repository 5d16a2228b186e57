"""Decisions as rows: events of loan notes as they are stored, and the same rows inserted by hand, for comparison.

The raw inserts know everything beforehand: positions, leaves and chain are computed before the clock starts. Tables,
durability and transactions are those of the store.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from eventsourcing.persistence import StoredEvent

from aggregates.assets import Assets
from aggregates.envelope import Envelope
from aggregates.risk_asset import RiskAsset
from infra.event_store_chain import NO_LEAF, Leaf, extend

ENTITY, BRANCH, DAY = "BANK-A", "3301", date(2026, 6, 1)
AT = datetime(2026, 6, 1, 4, tzinfo=UTC)
ZERO = dict.fromkeys(("interest_off", "penalty", "compound", "costs"), 0)
Insert = Callable[[Sequence[StoredEvent], Sequence[Leaf], str], None]


def loan(loan_no: str, recoveries: int) -> RiskAsset:
    """One admitted loan note with so many recoveries, none of them saved yet."""
    who = Envelope("U-1", "EX", BRANCH, ENTITY, f"cmd-{loan_no}", f"cmd-{loan_no}", "", "", (), DAY)
    values: dict[str, Any] = {"loan_no": loan_no, "customer_no": f"C-{loan_no}", "product": "CORP_LOAN"}
    values |= {"segment": "CORPORATE", "principal": 900_000_000_00, "interest_on": 1_000_00, **ZERO}
    values |= {"classification": "SUBSTANDARD", "overdue_since": date(2025, 12, 1), "collateral_ids": []}
    asset = RiskAsset.open(loan_no, "AssetAdmitted", values, who, AT, branch=BRANCH, ccy="CNY")
    for number in range(recoveries):
        part: dict[str, Any] = {"flow_id": f"{loan_no}-{number}", "split_no": 1, "mode": "CASH_VOLUNTARY"}
        part |= {"amount": 150_00, "alloc": {"principal": 150_00}, "order": "PRINCIPAL_FIRST"}
        asset.record("RecoveryApplied", part, who, AT)
    return asset


def stored_events(app: Assets, loans: int, events_each: int) -> list[StoredEvent]:
    """Encoded before anything is timed."""
    found: list[StoredEvent] = []
    for number in range(loans):
        pending = loan(f"LN-{number:06d}", events_each - 1).collect_events()
        found.extend(app.mapper.to_stored_event(event) for event in pending)
    return found


def leaves_of(events: Sequence[StoredEvent]) -> list[Leaf]:
    return extend(NO_LEAF, events, range(1, len(events) + 1), AT)


def chunks(count: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def sqlite_insert(path: Path) -> tuple[Insert, Callable[[], None]]:
    """Into a store's own tables, in WAL mode with every commit on the disk, as the store itself."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")

    def insert(events: Sequence[StoredEvent], leaves: Sequence[Leaf], cmd_id: str) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO stored_events VALUES (?,?,?,?)",
            [(one.originator_id.hex, one.originator_version, one.topic, one.state) for one in events],  # type: ignore[union-attr]
        )
        connection.executemany(
            "INSERT INTO tidemark_leaf VALUES (?,?,?,?)",
            [(leaf.position, leaf.recorded_us, leaf.chain, leaf.head) for leaf in leaves],
        )
        command = (cmd_id, b"digest", leaves[0].position, leaves[-1].position)
        connection.execute("INSERT INTO tidemark_command VALUES (?,?,?,?)", command)
        connection.execute("COMMIT")

    return insert, connection.close


def postgres_insert(url: str) -> tuple[Insert, Callable[[], None]]:
    connection = psycopg.connect(url, autocommit=True)

    def insert(events: Sequence[StoredEvent], leaves: Sequence[Leaf], cmd_id: str) -> None:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE stored_events IN EXCLUSIVE MODE")
            cursor.executemany(
                "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (%s, %s, %s, %s)",
                [(one.originator_id, one.originator_version, one.topic, one.state) for one in events],
            )
            cursor.executemany(
                "INSERT INTO tidemark_leaf VALUES (%s, %s, %s, %s)",
                [(leaf.position, leaf.recorded_us, leaf.chain, leaf.head) for leaf in leaves],
            )
            command = (cmd_id, b"digest", leaves[0].position, leaves[-1].position)
            cursor.execute("INSERT INTO tidemark_command VALUES (%s, %s, %s, %s)", command)

    return insert, connection.close
