"""What it costs to store and to load decisions, on SQLite and PostgreSQL at full durability (decision E11). `--help`.

Batches of pre-encoded events go through the store (write lock, hash chain, leaves, command) and, turn by turn, the
very same rows go into another database of the same tables by plain inserts, everything computed beforehand. Then
whole commands (load, guards, event, save), one after the other, beside plain inserts of one row of each table in a
transaction. Last, a loan note of ten thousand events is loaded with and without its snapshot.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from eventsourcing.application import Repository

from aggregates import snapshots
from aggregates.assets import Assets
from aggregates.commands import Command
from aggregates.envelope import Principal
from aggregates.ports import CommandRecord
from benchmarks._decision_rows import (
    AT,
    BRANCH,
    ENTITY,
    Insert,
    chunks,
    leaves_of,
    loan,
    postgres_insert,
    sqlite_insert,
    stored_events,
)
from benchmarks._machine import machine, write_result
from infra.event_store import EventStore, open_event_store, utc_now
from infra.event_store_sqlite import SqliteDecisionFactory
from tests.postgres import running_postgres

CASHIER = Principal("U-2", ("SY",), BRANCH, (ENTITY,))
AIMS = {"batch_ratio": 0.5, "command_ratio": 0.15}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=40_000, help="of the batches")
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--commands", type=int, default=2_000)
    parser.add_argument("--long", type=int, default=10_000, help="events of the long loan note")
    parser.add_argument("--folder", type=Path, help="where the databases are made; default: the system's own")
    parser.add_argument("--no-write", action="store_true", help="leave results/ as it is")
    chosen = parser.parse_args()
    result: dict[str, Any] = {"machine": machine(), "events": chosen.events, "batch": chosen.batch}
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        with _sqlite(Path(folder)) as (store, insert):
            result["sqlite"] = _measured(store, insert, chosen)
        with _postgres() as (store, insert):
            result["postgresql"] = _measured(store, insert, chosen)
    result["aims"] = {
        f"{name}_{aim}": result[name][aim] >= least
        for name in ("sqlite", "postgresql")
        for aim, least in AIMS.items()
    }
    for name, value in result.items():
        print(f"{name:12} {value}")
    if not chosen.no_write:
        print(f"written to {write_result('decisions', result).name}")


@contextmanager
def _sqlite(folder: Path) -> Iterator[tuple[EventStore, Insert]]:
    other = folder / "raw.db"
    EventStore(SqliteDecisionFactory(other, utc_now)).close()
    insert, close = sqlite_insert(other)
    with open_event_store("sqlite", folder) as store:
        yield store, insert
    close()


@contextmanager
def _postgres() -> Iterator[tuple[EventStore, Insert]]:
    with running_postgres(durable=True) as server, tempfile.TemporaryDirectory() as keys:
        other = server.new_database()
        open_event_store(other, Path(keys)).close()
        insert, close = postgres_insert(other)
        with open_event_store(server.new_database(), Path(keys)) as store:
            yield store, insert
        close()


def _measured(store: EventStore, insert: Insert, chosen: argparse.Namespace) -> dict[str, Any]:
    app = Assets(store.factory)
    events_each = 10
    found = _batches(app, insert, chosen.events // events_each, events_each, chosen.batch)
    found |= _commands(app, insert, chosen, first_position=chosen.events + 1)
    found |= _long(app, chosen.long)
    assert store.verify_chain().ok
    app.close()
    return found


def _batches(app: Assets, insert: Insert, loans: int, events_each: int, size: int) -> dict[str, Any]:
    events = stored_events(app, loans, events_each)
    leaves = leaves_of(events)
    ours, raw = 0.0, 0.0
    for number, part in enumerate(chunks(len(events), size)):
        started = time.perf_counter()
        app.decisions.insert_events(events[part], command=CommandRecord(f"batch-{number}", b"digest"))
        between = time.perf_counter()
        insert(events[part], leaves[part], f"batch-{number}")
        ours, raw = ours + between - started, raw + time.perf_counter() - between
    return {
        "batch_events_per_s": round(len(events) / ours),
        "batch_raw_per_s": round(len(events) / raw),
        "batch_ratio": round(raw / ours, 2),
    }


def _commands(app: Assets, insert: Insert, chosen: argparse.Namespace, first_position: int) -> dict[str, Any]:
    rows = stored_events(app, chosen.commands, 1)
    leaves = leaves_of([*stored_events(app, chosen.events // 10, 10), *rows])[-len(rows) :]
    # Events of loan notes that the raw database does not have yet.
    rows = [type(one)(one.originator_id, 1_000_000, one.topic, one.state) for one in rows]
    app.list_risk_assets(reader=Principal("U-9", ("IA",), BRANCH, (ENTITY,)))  # the read model is up to date before
    ours, raw = 0.0, 0.0
    for number in range(chosen.commands):
        payload = {"flow_id": f"F-{number}", "mode": "CASH_VOLUNTARY", "amount": "1.00"}
        key = f"LN-{number % (chosen.events // 10):06d}"
        command = Command(f"recover-{number}", "RiskAsset", key, "ApplyRecovery", payload, CASHIER, AT)
        started = time.perf_counter()
        app.execute(command)
        between = time.perf_counter()
        insert(rows[number : number + 1], leaves[number : number + 1], f"recover-{number}")
        ours, raw = ours + between - started, raw + time.perf_counter() - between
    assert leaves[0].position == first_position
    return {
        "commands_per_s": round(chosen.commands / ours),
        "raw_single_per_s": round(chosen.commands / raw),
        "command_ratio": round(raw / ours, 2),
    }


def _long(app: Assets, events: int) -> dict[str, Any]:
    asset = loan("LN-LONG", events - 1)
    recorded = app.save(asset)
    with_events = _load_ms(lambda: Repository(app.events).get(asset.id))
    assert app.snapshots is not None
    # As far back as it can be just before the next one is taken.
    part = loan("LN-LONG", events - snapshots.EVENTS_BETWEEN)
    part.collect_events()
    chain = app.decisions.chain_at(recorded[part.version - 1].notification.id)
    shot = snapshots.CaseSnapshot.of(part, chain)
    started = time.perf_counter()
    app.snapshots.put([shot])
    taken = time.perf_counter() - started
    found = app.find("RiskAsset", "LN-LONG")
    assert found is not None
    assert vars(found) == vars(Repository(app.events).get(asset.id))
    return {
        "load_ms_of_events": with_events,
        "load_ms_of_snapshot": _load_ms(lambda: app.find("RiskAsset", "LN-LONG")),
        "snapshot_ms": round(taken * 1e3, 1),
        "snapshot_bytes": len(app.mapper.to_stored_event(shot).state),
    }


def _load_ms(load: Any, rounds: int = 7) -> float:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        load()
        times.append(time.perf_counter() - started)
    return round(statistics.median(times) * 1e3, 1)


if __name__ == "__main__":
    main()
