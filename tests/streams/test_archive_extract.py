"""The T+1 extract: a closed date, always the same bytes, every entry in one extract, totals that add up."""

import csv
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from api.archive_extraction import Extraction, all_events
from engines.primitives.errors import Conflict, InvalidInput, Unavailable
from infra import archive_packages
from infra.archive_packages import Table, write_package
from infra.archive_store import ArchiveStore
from infra.snapshots import LocalSnapshotStore, LogPartition
from streams import outputs, topics
from streams.archive import Archiver, Due
from streams.archive_extract import closed_day
from streams.archive_reader import ArchiveReader, by_topic
from streams.folders import Folder, TransactionFolder, source_of
from streams.record_folders import ContractFolder
from streams.schemas import BusinessDate
from tests.aggregates.world import open_world
from tests.contract_records import contract
from tests.projections.entries import APPENDED_US, POLICY, txn
from tests.streams.test_archive import Logs

FRIDAY, MONDAY, TUESDAY = date(2026, 11, 20), date(2026, 11, 23), date(2026, 11, 24)
FOLDERS: dict[str, Folder] = {topics.TXN: TransactionFolder(POLICY, 40), topics.CONTRACT: ContractFolder()}
PLACES = {
    (topics.TXN, 0): LogPartition("c", topics.TXN, "t", 0, 2),
    (topics.TXN, 1): LogPartition("c", topics.TXN, "t", 1, 2),
    (topics.CONTRACT, 0): LogPartition("c", topics.CONTRACT, "k", 0, 1),
    (topics.ALERT, 0): LogPartition("c", topics.ALERT, "a", 0, 2),
    (topics.ALERT, 1): LogPartition("c", topics.ALERT, "a", 1, 2),
    (topics.BUSINESS_DATE, 0): LogPartition("c", topics.BUSINESS_DATE, "b", 0, 1),
}


def day(entity: str, business_date: date, second: int) -> tuple[int, BusinessDate]:
    told = BusinessDate(entity_id=entity, business_date=business_date.isoformat(), event_time="2026-11-20T00:00:00Z")
    return APPENDED_US + second * 1_000_000, told


DATES = [
    day("BANK", FRIDAY, 0),
    day("SUB", FRIDAY, 1),
    day("BANK", MONDAY, 100),
    day("SUB", MONDAY, 120),
    day("SUB", TUESDAY, 200),
    day("BANK", TUESDAY, 210),
]


def test_a_date_is_closed_when_the_last_entity_has_gone_on() -> None:
    closed = closed_day(DATES, MONDAY)
    assert closed.closed_us == DATES[5][0]
    assert closed.previous_us == DATES[3][0]
    assert closed.entities == ("BANK", "SUB")
    assert closed_day(DATES, FRIDAY).previous_us == 0
    again = [*DATES, day("BANK", MONDAY, 300), day("NEW", TUESDAY, 400), day("NEW", date(2026, 11, 25), 500)]
    assert closed_day(again, MONDAY) == closed  # told again, or of an entity that came later: nothing changes
    for told, wanted in ((DATES[:5], MONDAY), (DATES, TUESDAY), (DATES, date(2026, 11, 22))):
        with pytest.raises(InvalidInput):
            closed_day(told, wanted)


@dataclass
class ArchiveReplay:
    """In place of `streams.stored_states.Replay`: folds from the archive alone."""

    archive: ArchiveReader

    def states(
        self, logs: Mapping[tuple[str, int], LogPartition], offsets: Mapping[tuple[str, int], int]
    ) -> Iterator[tuple[Folder, LogPartition, Any]]:
        for place, end in sorted(offsets.items()):
            folder = FOLDERS[place[0]]
            state = folder.empty()
            for raw in self.archive.batches(*place, 0, end) if end else ():
                folder.absorb(state, raw)
            yield folder, logs[place], state


@dataclass
class Bank:
    root: Path
    logs: Logs = field(default_factory=Logs)

    def __post_init__(self) -> None:
        choice = random.Random(11)
        entries: dict[int, list[tuple[int, int, bytes | None]]] = {0: [], 1: []}
        for number in range(240):  # one a second; some of Saturday, some of days to come, some late by days
            value_date = (FRIDAY if number < 110 else MONDAY) + timedelta(days=choice.choice([0, 0, 0, 1, 3, -2, -5]))
            partition = choice.randrange(2)
            fixed: dict[str, str] = {}
            if number in (118, 119):  # the last of Friday in each partition raises an alert
                partition, fixed = number % 2, {"ccy": "CNY", "amount": "7000", "direction": "out"}
            if number in (120, 121):  # the first of Monday in each are late
                partition, value_date = number % 2, FRIDAY - timedelta(days=1)
            entry = txn(
                number,
                number / 60,
                value_date=value_date.isoformat(),
                account_id=f"A{number % 9}",
                customer_id=f"C{number % 9}",
                **{
                    "ccy": choice.choice(["CNY", "JPY"]),
                    "amount": str(choice.choice([1, 40, 7_000])),
                    "direction": choice.choice(["in", "out"]),
                }
                | fixed,
            )
            rows = entries[partition]
            value = b"{broken" if number == 50 else msgspec.json.encode(entry)
            rows.append((len(rows), APPENDED_US + number * 1_000_000, value))
        self.logs.records = {(topics.TXN, number): rows for number, rows in entries.items()}
        contracts = [msgspec.json.encode(contract(f"L{n}", principal=f"{n + 1}00.00")) for n in range(5)]
        self.logs.records[topics.CONTRACT, 0] = [
            (n, APPENDED_US + n * 50_000_000, value) for n, value in enumerate(contracts)
        ]
        self.logs.records[topics.BUSINESS_DATE, 0] = [
            (n, at, msgspec.json.encode(told)) for n, (at, told) in enumerate(DATES)
        ]
        for partition in (0, 1):
            self.logs.records[topics.ALERT, partition] = list(self.alerts(partition))
        self.archive_now()

    def alerts(self, partition: int) -> Iterator[tuple[int, int, bytes | None]]:
        """What a worker would publish, every fifth twice, with cuts between."""
        folder, at = FOLDERS[topics.TXN], 0
        state = folder.empty()
        for offset, appended_us, value in self.logs.records[topics.TXN, partition]:
            raw = self.raw(offset, appended_us, value)
            absorbed = folder.absorb(state, raw)
            source = source_of(folder, state, partition, "c/t")
            for output in folder.publish_at_once(absorbed, source):
                for _ in range(2 if at % 5 == 0 else 1):
                    yield at, 0, output.value
                    at += 1
            if offset % 10 == 0:
                yield at, 0, outputs.cut(source, 0, 0, None, None, {})
                at += 1

    @staticmethod
    def raw(offset: int, appended_us: int, value: bytes | None) -> Any:
        import numpy as np

        from streams.raw_batch import RawBatch

        one = np.array([offset], np.int64)
        return RawBatch.of_values(offset, offset + 1, one, [value], np.array([appended_us], np.int64))

    def archive_now(self) -> None:
        source = _Keyed(self.logs.records)
        due = Due(records=37, age_s=0.0)
        Archiver(ArchiveStore(self.root / "archive"), source, lambda: list(PLACES.values()), due).run_once(
            everything=True
        )

    def extraction(self, *, complete: bool = True, reached: int | None = None) -> Extraction:
        archive = ArchiveReader(ArchiveStore(self.root / "archive"), by_topic(PLACES))
        snapshots = LocalSnapshotStore(self.root / f"snapshots-{reached}")
        for place, where in PLACES.items():
            if place[0] == topics.TXN:
                epoch = snapshots.claim(where, "txn")
                end = len(self.logs.records[place]) if reached is None else reached
                snapshots.save(
                    where, "txn", epoch=epoch, fold_version=1, next_offset=end, payload=b"", base=True, policy=""
                )
        folders: Any = {**FOLDERS}
        done = frozenset(place for place in PLACES if complete or place[0] != topics.ALERT)
        replay: Any = ArchiveReplay(archive)
        return Extraction(archive, replay, PLACES, done, folders, snapshots)


class _Keyed(Logs):
    def read(self, topic: str, partition: int, start: int, end: int, limit: Due) -> Any:
        records, to = super().read(topic, partition, start, end, limit)
        if topic == topics.ALERT:
            is_cut = [b'"entity"' not in (value or b"") for value in records.values]
            records.keys = [b"cut" if cut else b"BANK|C1" for cut in is_cut]
        return records, to


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return Bank(tmp_path_factory.mktemp("extract"))


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return pl.read_parquet(folder / f"{name}.parquet").to_dicts()


def test_every_entry_is_in_one_extract_and_the_totals_are_theirs(bank: Bank, tmp_path: Path) -> None:
    friday = bank.extraction().make(FRIDAY, tmp_path, iter(()))
    monday = bank.extraction().make(MONDAY, tmp_path, iter(()))
    sent = {
        (partition, offset): (at, msgspec.json.decode(value))
        for (topic, partition), log in bank.logs.records.items()
        if topic == topics.TXN
        for offset, at, value in log
        if value and value != b"{broken"
    }
    seen: Counter[tuple[int, int]] = Counter()
    thursday = FRIDAY - timedelta(days=1)
    for package, before, closed, opened in (
        (friday, thursday, DATES[3][0], 0),
        (monday, FRIDAY, DATES[5][0], DATES[3][0]),
    ):
        on, after = package.manifest["business_date"], before.isoformat()
        timely, late = rows(package.folder, "transactions"), rows(package.folder, "transactions-supplement")
        seen.update((row["partition"], row["offset"]) for row in (*timely, *late))
        of_day = {p for p, (at, entry) in sent.items() if at < closed and after < entry["value_date"] <= on}
        assert {(row["partition"], row["offset"]) for row in timely} == of_day
        earlier = {p for p, (at, entry) in sent.items() if opened <= at < closed and entry["value_date"] <= after}
        assert {(row["partition"], row["offset"]) for row in late} == earlier
        assert earlier
        totals = {told["name"]: told["control_totals"] for told in package.manifest["tables"]}
        for ccy in ("CNY", "JPY"):
            mine = [Decimal(sent[place][1]["amount"]) for place in of_day if sent[place][1]["ccy"] == ccy]
            assert totals["transactions"][ccy]["rows"] == str(len(mine))
            assert Decimal(totals["transactions"][ccy]["amount"]) == sum(mine)
    due = {
        place for place, (at, entry) in sent.items() if entry["value_date"] <= MONDAY.isoformat() and at < DATES[5][0]
    }
    assert seen == Counter(due)


def test_positions_gaps_and_alerts_are_those_of_the_cut(bank: Bank, tmp_path: Path) -> None:
    package = bank.extraction().make(MONDAY, tmp_path, iter(()))
    closed_us, opened_us = DATES[5][0], DATES[3][0]
    wanted: Counter[tuple[str, str]] = Counter()
    for (topic, _), log in bank.logs.records.items():
        for _, at, value in log if topic == topics.TXN else ():
            if at < closed_us and value and value != b"{broken":
                entry = msgspec.json.decode(value)
                if entry["value_date"] <= MONDAY.isoformat():
                    sign = 1 if entry["direction"] == "in" else -1
                    wanted[entry["account_id"], entry["ccy"]] += sign * int(entry["amount"])
    found: Counter[tuple[str, str]] = Counter()
    for row in rows(package.folder, "positions"):
        found[row["account"], row["currency"]] += int(row["settled"])
    assert found == wanted
    flows = rows(package.folder, "gap-flows")
    assert sum(row["principal_in"] for row in flows) == sum(100 * (n + 1) for n in range(5))
    shown = rows(package.folder, "alerts")
    raised = {
        (alert["source"]["partition"], alert["sequence"])
        for (topic, _), log in bank.logs.records.items()
        for _, _, value in (log if topic == topics.ALERT else ())
        if "alert_id" in (alert := msgspec.json.decode(value or b"{}"))
        and opened_us <= bank.logs.records[topics.TXN, alert["source"]["partition"]][alert["source"]["offset"] - 1][1]
        and bank.logs.records[topics.TXN, alert["source"]["partition"]][alert["source"]["offset"] - 1][1] < closed_us
    }
    assert raised
    assert [(row["source_partition"], row["sequence"]) for row in shown] == sorted(raised)


def test_the_same_question_gives_the_same_bytes_also_when_the_logs_have_grown(bank: Bank, tmp_path: Path) -> None:
    first = bank.extraction().make(FRIDAY, tmp_path / "a", iter(()))
    later = Bank(tmp_path / "later")
    for partition in (0, 1):
        log = later.logs.records[topics.TXN, partition]
        late = msgspec.json.encode(txn(f"more{partition}", 300, value_date=FRIDAY.isoformat()))
        log.append((len(log) + 3, APPENDED_US + 900_000_000, late))
    later.archive_now()
    for (topic, _), where in PLACES.items():
        if topic == topics.TXN:
            ArchiveStore(tmp_path / "later" / "archive").open_log(where).compact(1_000, 10**9, "9999-12-31")
    second = later.extraction().make(FRIDAY, tmp_path / "b", iter(()))
    names = sorted(path.name for path in first.folder.iterdir())
    assert names == sorted(path.name for path in second.folder.iterdir())
    for name in names:
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name
    again = bank.extraction().make(FRIDAY, tmp_path / "a", iter(()))
    assert again.already_there


def test_files_are_what_the_manifest_says_and_csv_says_the_same(bank: Bank, tmp_path: Path) -> None:
    import hashlib

    folder = bank.extraction().make(MONDAY, tmp_path, iter(())).folder
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert (folder / "_COMPLETE").read_text().strip() == hashlib.sha256(
        (folder / "manifest.json").read_bytes()
    ).hexdigest()
    for told in manifest["tables"]:
        frame = pl.read_parquet(folder / told["files"][0]["file"])
        assert [column["name"] for column in told["schema"]] == frame.columns
        assert told["rows"] == frame.height
        for file in told["files"]:
            assert hashlib.sha256((folder / file["file"]).read_bytes()).hexdigest() == file["sha256"]
        with (folder / told["files"][1]["file"]).open(encoding="utf-8", newline="") as text:
            lines = list(csv.DictReader(text))
        assert len(lines) == frame.height
        for name in ("amount", "settled", "inflow"):
            if name in frame.columns:
                assert [Decimal(line[name]) for line in lines] == frame[name].to_list()


def test_an_extract_waits_for_the_archive_and_the_workers(bank: Bank, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="alerts"):
        bank.extraction(complete=False).make(MONDAY, tmp_path, iter(()))
    with pytest.raises(Unavailable, match="workers"):
        bank.extraction(reached=3).make(MONDAY, tmp_path, iter(()))
    with pytest.raises(InvalidInput, match="still works"):
        bank.extraction().make(TUESDAY, tmp_path, iter(()))
    assert not list(tmp_path.glob("business_date=*"))


def test_decisions_of_the_day_are_told_with_their_amounts(bank: Bank, tmp_path: Path) -> None:
    world = open_world(tmp_path)
    try:
        world.admit("LN-1")
        events = list(all_events(world.app))
        assert events
        package = bank.extraction().make(FRIDAY, tmp_path / "out", iter(events))
        told = rows(package.folder, "decisions")
        assert [row["position"] for row in told] == [event.position for event in events]
        assert json.loads(told[0]["payload"])
    finally:
        world.app.close()
        world.store.close()


def test_a_package_that_was_killed_half_way_is_not_there_and_other_content_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table("t", pl.DataFrame({"currency": ["CNY", "JPY", "CNY"], "amount": ["1.10", "5", "2.20"]}))
    table = Table("t", table.rows.with_columns(pl.col("amount").cast(pl.Decimal(38, 4))), ("amount",))
    assert archive_packages.control_totals(table) == {
        "CNY": {"rows": "2", "amount": "3.3000"},
        "JPY": {"rows": "1", "amount": "5.0000"},
    }
    with monkeypatch.context() as patch:
        patch.setattr(archive_packages.os, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            write_package(tmp_path / "p", [table], {})
    assert not (tmp_path / "p").exists()
    assert not write_package(tmp_path / "p", [table], {}).already_there
    assert write_package(tmp_path / "p", [table], {}).already_there
    with pytest.raises(Conflict):
        write_package(tmp_path / "p", [table], {"business_date": "2026-11-24"})
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable):
        write_package(tmp_path / "file" / "p", [table], {})
