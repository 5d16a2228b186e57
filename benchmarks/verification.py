"""How fast the decision log is verified, on SQLite and PostgreSQL, beside plain iteration of the library's
notification log in the same run. `--help`.

Verified is everything `tidemark audit verify` verifies: stored bytes (decoded), chain, leaves, versions, the Merkle
roots of all heads, seals, signatures, command rows and snapshots. Once with a head for every thousand events and, to
show what heads cost, once with a head for every event. Then a proof out of the middle: made, and checked by the
verifier that has no code of ours.
"""

import argparse
import runpy
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from eventsourcing.application import LocalNotificationLog

from aggregates.assets import Assets
from aggregates.ports import CommandRecord
from benchmarks._decision_rows import chunks, stored_events
from benchmarks._machine import machine, write_result
from infra.event_store import EventStore, open_event_store
from infra.event_store_proofs import LogTree, event_proof
from infra.event_store_verify import Options, verify
from tests.postgres import running_postgres

AIM = 200_000
SECTION = 1_000
VERIFIER = Path(__file__).resolve().parent.parent / "api" / "verifier" / "tidemark_verify.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="of the log with a head for each batch")
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--single", type=int, default=100_000, help="events of the log with a head for each")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the databases are made; default: the system's own")
    parser.add_argument("--no-write", action="store_true", help="leave results/ as it is")
    chosen = parser.parse_args()
    chosen.events, chosen.single = chosen.events // 10 * 10, chosen.single // 10 * 10  # ten to a loan note
    result: dict[str, Any] = {"machine": machine(), "jobs": chosen.jobs, "events": chosen.events}
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        result["sqlite"] = _measured(_sqlite(Path(folder)), chosen)
        with running_postgres(durable=False) as server:  # how the rows got there is not measured
            result["postgresql"] = _measured(_postgres(server, Path(folder)), chosen)
    result["aims"] = {f"{name}_{AIM}": result[name]["verified_per_s"] >= AIM for name in ("sqlite", "postgresql")}
    for name, value in result.items():
        print(f"{name:12} {value}")
    if not chosen.no_write:
        print(f"written to {write_result('verification', result).name}")


Opened = Callable[[str], Any]


def _sqlite(folder: Path) -> Opened:
    return lambda name: open_event_store("sqlite", folder / name)


def _postgres(server: Any, folder: Path) -> Opened:
    return lambda name: open_event_store(server.new_database(), folder / f"keys-{name}")


def _measured(opened: Opened, chosen: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with _filled(opened("batches"), chosen.events, chosen.batch) as store:
        trusted = (store.recorder.head_writer.key.vkey(),)
        iterated, one, several = [], [], []
        for _ in range(chosen.rounds):
            iterated.append(_timed(lambda: _iterate(store, chosen.events)))
            one.append(_timed(lambda: _verify(store, Options(trusted=trusted, jobs=1), chosen.events)))
            several.append(_timed(lambda: _verify(store, Options(trusted=trusted, jobs=chosen.jobs), chosen.events)))
        found |= {
            "iterated_per_s": _rate(chosen.events, iterated),
            "verified_per_s": _rate(chosen.events, several),
            "verified_one_process_per_s": _rate(chosen.events, one),
        }
        found["of_iteration"] = round(found["verified_per_s"] / found["iterated_per_s"], 2)
        found |= _proof(store, chosen.events // 2)
    with _filled(opened("single"), chosen.single, 1) as store:
        trusted = (store.recorder.head_writer.key.vkey(),)
        seconds = [
            _timed(lambda: _verify(store, Options(trusted=trusted, jobs=chosen.jobs), chosen.single))
            for _ in range(chosen.rounds)
        ]
        found["verified_head_for_each_per_s"] = _rate(chosen.single, seconds)
        every = Options(trusted=trusted, jobs=chosen.jobs, every_signature=True)
        found["verified_every_signature_per_s"] = _rate(
            chosen.single, [_timed(lambda: _verify(store, every, chosen.single))]
        )
    return found


@contextmanager
def _filled(store: EventStore, count: int, batch: int) -> Iterator[EventStore]:
    with store:
        app = Assets(store.factory)
        events = stored_events(app, count // 10, 10)
        for number, part in enumerate(chunks(len(events), batch)):
            store.recorder.insert_events(events[part], command=CommandRecord(f"batch-{number}", b"digest"))
        app.close()
        yield store


def _iterate(store: EventStore, events: int) -> None:
    """The library's own way to read the log from its beginning: sections of notifications, their bytes untouched."""
    log = LocalNotificationLog(store.recorder, section_size=SECTION)
    start, count = 1, 0
    while found := log.select(start, SECTION):
        count += len(found)
        start = found[-1].id + 1
    assert count == events


def _verify(store: EventStore, options: Options, events: int) -> None:
    report = verify(store, options)
    assert report.ok, report.faults[:3]
    assert report.events == events


def _proof(store: EventStore, position: int) -> dict[str, Any]:
    assets, tree = Assets(store.factory), LogTree(store.recorder)
    found = store.recorder.select_recorded(start=position, stop=position)
    view = [assets.view(one).to_json() for one in found]
    first = _timed(lambda: event_proof(store.recorder, tree, found, view, {}))
    again = [_timed(lambda: event_proof(store.recorder, tree, found, view, {})) for _ in range(9)]
    script = runpy.run_path(str(VERIFIER), run_name="verifier")
    document = event_proof(store.recorder, tree, found, view, {})
    chosen = argparse.Namespace(keys=[], heads=[], witness_keys=[], quiet=True)
    checked = _timed(lambda: script["check_log"](document["logs"][0], 0, chosen, script["Report"](True)))
    assets.close()
    return {
        "first_proof_ms": round(first * 1e3, 1),
        "proof_ms": round(statistics.median(again) * 1e3, 1),
        "proof_checked_ms": round(checked * 1e3, 1),
        "path_hashes": len(document["items"][0]["path"]),
    }


def _rate(events: int, seconds: list[float]) -> int:
    return round(events / statistics.median(seconds))


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
