"""Ledgers at random moments of a log of a million events, and what it costs to project them from SQLite. `--help`.

The events are real ones: the cases of `tidemark feed cases` (every path a loan note can go) are played once in this
process, and their stored bytes are repeated under other loan numbers into a SQLite store. Then, in one run: plain
iteration of the library's notification log, the same decoded, our puller with all ledgers folded, the book stored and
loaded again. For the ledgers at random pairs of instants the folded effects are repeated the same way, array by array
(`_ledger_copies.py`), up to `--events`; `--stored` as large as `--events` folds them all instead. Times are wall
clock and processor time: on a machine that others use too the second is the one to compare.
"""

import argparse
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from eventsourcing.persistence import StoredEvent

from aggregates.assets import Assets
from aggregates.envelope import Principal
from aggregates.ports import CommandRecord
from aggregates.registry import kind_of
from api.ledgers import Ledgers
from benchmarks._ledger_copies import copied
from benchmarks._machine import machine, write_result
from infra.event_store import EventStore, open_event_store, utc_now
from infra.ledger_store import LedgerStore, unpacked
from infra.ledger_views import LedgerViews, lean
from projections.ledgers.book import LedgerBook
from projections.ledgers.registry import LEDGERS
from projections.ledgers.selection import Selection, instant_of
from streams.feeds.cases.driver import command_id
from streams.feeds.cases.portfolio import PATHS, cases
from tests.streams.test_feeds_cases import TODAY, Bank

AUDITOR = Principal("benchmark", ("IA",), "-", ("*",))
AIM_S = 2.0
BATCH = 1_000
SEED = 1
_KEYS: dict[Any, str] = {}  # of the template's streams


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--stored", type=int, default=50_000, help="of them stored in SQLite and projected from it")
    parser.add_argument("--moments", type=int, default=20, help="random pairs of instants for each ledger")
    parser.add_argument("--folder", type=Path, help="where the database is made; default: the system's own")
    parser.add_argument("--no-write", action="store_true", help="leave results/ as it is")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        result = measured(Path(folder), chosen.events, min(chosen.stored, chosen.events), chosen.moments)
    for name, value in result.items():
        print(f"{name:22} {value}")
    if not chosen.no_write:
        print(f"written to {write_result('ledgers', result).name}")


class Stopwatch:
    """Wall and processor seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._busy = time.perf_counter(), time.process_time()

    @property
    def both(self) -> tuple[float, float]:
        return time.perf_counter() - self._wall, time.process_time() - self._busy

    def rates(self, name: str, events: int) -> dict[str, int]:
        wall, busy = self.both
        return {f"{name}_per_s": round(events / wall), f"{name}_per_cpu_s": round(events / busy)}


def measured(folder: Path, events: int, stored: int, moments: int) -> dict[str, Any]:
    result: dict[str, Any] = {"machine": machine(), "events": events, "stored": stored, "moments": moments}
    found = template(folder / "cases")
    with open_event_store("sqlite", folder / "log") as store:
        app = Assets(store.factory)
        watch = Stopwatch()
        fill(store, found, stored)
        result |= watch.rates("stored", stored) | iterated(app, stored)
        views, watch = LedgerViews(app.published_after), Stopwatch()
        with views.current() as book:
            result |= watch.rates("projected", stored)
            result |= kept(folder, book)
        if stored < events:
            views = large(found, app, events)
        with views.current() as book:
            result["effects"] = sum(len(effects) for effects in book.effects.values())
            result["asked_events"] = len(book.log)
        result |= asked(Ledgers(views, utc_now, app.bank_day), views, moments)
        app.close()
    result["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    result["aim_met"] = result["ledger_p95_s"] < AIM_S
    return result


def large(found: list[StoredEvent], app: Assets, events: int) -> LedgerViews:
    """A book of so many events, from the first copy of the template in the log."""
    book = LedgerBook()
    book.fold(map(lean, app.published_after(0, len(found))))
    mine = next(text for text in book.names.texts if text.startswith("S10000-"))[:7]
    whole = copied(book, mine, -(-events // len(found)))
    return LedgerViews(lambda position, limit: [], book=whole)


def template(folder: Path) -> list[StoredEvent]:
    """The stored events of one case of every path, in the order of their log."""
    bank = Bank(folder)
    for case in cases(SEED, len(PATHS), TODAY):
        for number, act in enumerate(case.acts):
            bank.give(case, act, command_id(SEED, case, number))
    found = [
        StoredEvent(one.originator_id, one.originator_version, one.topic, one.state)
        for one in bank.app.decisions.select_recorded()
    ]
    keys = {event.stream_id: event.key for event in bank.app.published_after(0, 1_000_000)}
    bank.app.close()
    bank.store.close()
    mine = f"S{SEED}-"
    _KEYS.update({stream: key for stream, key in keys.items() if mine in key})
    return [one for one in found if one.originator_id in _KEYS]


def copies(found: list[StoredEvent], events: int) -> Iterator[StoredEvent]:
    """The template again and again, each time as the cases of another portfolio."""
    mine, count = f"S{SEED}-", 0
    for number in range(10_000, 10_000_000):
        other = f"S{number}-"
        streams: dict[Any, UUID] = {}
        for one in found:
            stream = streams.get(one.originator_id)
            if stream is None:
                key = _KEYS[one.originator_id].replace(mine, other)
                stream = streams[one.originator_id] = kind_of(one.topic).stream_id(key)
            state = one.state.replace(mine.encode(), other.encode())
            yield StoredEvent(stream, one.originator_version, one.topic, state)
            count += 1
            if count == events:
                return


def fill(store: EventStore, found: list[StoredEvent], events: int) -> None:
    batch: list[StoredEvent] = []
    for number, one in enumerate(copies(found, events), 1):
        batch.append(one)
        if len(batch) == BATCH or number == events:
            store.recorder.insert_events(batch, command=CommandRecord(f"batch-{number}", b"digest"))
            batch.clear()


def iterated(app: Assets, events: int) -> dict[str, int]:
    """The library's own notification log, read as it is and with every event decoded."""
    found: dict[str, int] = {}
    for name, decode in (("notification_log", False), ("decoded", True)):
        watch, position = Stopwatch(), 0
        while batch := app.recorder.select_notifications(position + 1, BATCH):
            if decode:
                for one in batch:
                    app.mapper.to_domain_event(one)
            position = batch[-1].id
        assert position == events
        found |= watch.rates(name, events)
    return found


def kept(folder: Path, book: Any) -> dict[str, float]:
    """A stored book, and the way back from it."""
    store = LedgerStore(folder / "ledgers")
    started = time.perf_counter()
    store.save(book)
    saved = time.perf_counter()
    (path,) = (folder / "ledgers").glob("book-*")
    again = unpacked(path.read_bytes())
    assert again is not None
    assert again.position == book.position
    return {
        "book_mb": path.stat().st_size // 2**20,
        "book_saved_s": round(saved - started, 1),
        "book_loaded_s": round(time.perf_counter() - saved, 1),
    }


def asked(ledgers: Ledgers, views: LedgerViews, moments: int) -> dict[str, Any]:
    """Each ledger at random moments: its first 500 rows in order, with totals of all; LG-01 once with all rows."""
    chance, walls, busies = random.Random(SEED), list[float](), list[float]()
    by_ledger: dict[str, Any] = {}
    with views.current() as book:
        instants = [instant_of(chance.choice(book.log.column("recorded_us").tolist())) for _ in range(moments)]
    page = Selection(limit=500)
    for name in LEDGERS:
        own, rows = [], 0
        for instant in instants:
            as_of = date.fromordinal(chance.randint(TODAY.toordinal() - 700, TODAY.toordinal()))
            watch = Stopwatch()
            found = ledgers.table(name, as_of, instant, reader=AUDITOR, asked=page)
            wall, busy = watch.both
            own.append(wall)
            busies.append(busy)
            rows = max(rows, found.row_count)
        walls += own
        by_ledger[name] = {"rows": rows, "median_s": round(statistics.median(own), 3), "max_s": round(max(own), 3)}
    watch = Stopwatch()
    whole = ledgers.table("risk_asset", reader=AUDITOR)
    assert len(whole.rows) == whole.row_count
    return {
        "ledger_median_s": round(statistics.median(walls), 3),
        "ledger_p95_s": round(statistics.quantiles(walls, n=20)[-1], 3),
        "ledger_cpu_median_s": round(statistics.median(busies), 3),
        "ledger_cpu_p95_s": round(statistics.quantiles(busies, n=20)[-1], 3),
        "whole_rows": whole.row_count,
        "whole_s": round(watch.both[0], 2),
        "by_ledger": by_ledger,
    }


if __name__ == "__main__":
    main()
