"""Hundreds of random changes made directly in an SQLite store: each is found, at the right event (issue 7, item 3).

`MUTATIONS` sets how many; each run of the same number makes the same ones.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from infra.event_store import open_event_store
from infra.event_store_verify import Options, verify
from tests.aggregates.world import Clock, World, swap
from tests.infra.tampering import SEEN, SEEN_OUTSIDE, Database, Victim, check, filled

MUTATIONS = int(os.environ.get("MUTATIONS", "150"))
CHUNKS = 10


class SqliteDatabase(Database):
    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA synchronous=OFF")

    def run(self, statement: str, *values: Any) -> None:
        self.connection.execute(statement, values)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement, values).fetchall()

    def name(self, stream: UUID) -> str:
        return stream.hex


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    with open_event_store("sqlite", folder, clock=Clock()) as store:
        filled(store)
    connection = sqlite3.connect(folder / "events.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return folder


@pytest.fixture
def victims(original: Path, tmp_path: Path) -> Iterator[Any]:
    def copied(name: str) -> Victim:
        folder = tmp_path / name
        shutil.copytree(original, folder)
        store = open_event_store("sqlite", folder, clock=Clock())
        store.recorder.head_writer.key.adopt(store.recorder.head_keys()[0].partition("+")[0])
        database = SqliteDatabase(folder / "events.db")
        opened.append((store, database))
        return Victim(store, database, folder)

    opened: list[tuple[Any, SqliteDatabase]] = []
    yield copied
    for store, database in opened:
        database.connection.close()
        store.close()


def test_what_nobody_touched_verifies(victims: Any) -> None:
    victim = victims("untouched")
    report = victim.verified(outside=True)
    assert report.faults == []
    assert (report.events, report.snapshots, report.aggregates) == (88 + 205, 1, 12)
    assert report.complete == "yes"
    assert report.root == victim.kept.root
    assert report.commands > 10
    assert verify(victim.store, Options(every_signature=True)).ok


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_mutation_is_found(victims: Any, chunk: int) -> None:
    for seed in range(chunk, MUTATIONS, CHUNKS):
        check(victims(str(seed)), seed)


def test_the_first_hundred_and_fifty_hold_every_kind() -> None:
    assert len(SEEN) + len(SEEN_OUTSIDE) <= 150


@pytest.mark.parametrize(
    "read", ["last_head", "max_leaf_position", "select_commands", "leaf_boundaries", "select_log", "stored_frontier"]
)
def test_a_store_that_grows_meanwhile_is_not_a_fault(tmp_path: Path, read: str) -> None:
    """What is stored while it is verified is left to the next time, before whichever read it comes."""
    with open_event_store("sqlite", tmp_path, clock=Clock()) as store, open_event_store("sqlite", tmp_path) as other:
        world = World(other, Clock())
        world.admit()
        ask = getattr(store.recorder, read)

        def grown(*arguments: Any) -> Any:
            world.do("SY", "AdvanceCost", day="2022-03-12", kind="FEE", amount="1.00")
            return ask(*arguments)

        swap(store.recorder, read, grown)
        assert verify(store).faults == []
        assert world.state()["costs"] != "0.00"
