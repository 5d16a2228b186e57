"""The conformance suite on SQLite, and what is SQLite's own."""

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest

from engines.primitives.errors import InvalidInput
from infra.event_store import EventStore, open_event_store
from infra.event_store_sqlite import SqliteDecisionRecorder
from tests.aggregates.world import Clock, open_world
from tests.infra.event_stores import EventStoreConformance, events


class TestSqlite(EventStoreConformance):
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def store(self, tmp_path: Path, clock: Clock) -> Iterator[EventStore]:
        self.folder = tmp_path
        with open_event_store("sqlite", tmp_path, clock=clock) as opened:
            yield opened

    def reopen(self, clock: Clock) -> EventStore:
        return open_event_store("sqlite", self.folder, clock=clock)

    def sql(self, statement: str) -> None:
        connection = sqlite3.connect(self.folder / "events.db")
        with connection:
            connection.execute(statement.format(position="rowid", bytes="BLOB"))
        connection.close()


def test_file_is_durable_and_private(tmp_path: Path) -> None:
    with open_event_store("sqlite", tmp_path / "new", clock=Clock()) as store:
        path = tmp_path / "new" / "events.db"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert isinstance(store.recorder, SqliteDecisionRecorder)
        with store.recorder.datastore.transaction(commit=False) as cursor:
            cursor.execute("PRAGMA synchronous")
            assert cursor.fetchone()[0] == 2  # FULL
            cursor.execute("PRAGMA journal_mode")
            assert cursor.fetchone()[0] == "wal"


def test_another_process_leaves_the_log_of_writes_alone(tmp_path: Path) -> None:
    """Whoever closes the database last removes its log of writes: who is not the last must not believe so.

    An application opened on a running store used to drop the locks that say somebody is still there; the next write
    went into a file that had been removed."""
    script = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM stored_events'); c.close()"
    )
    with open_event_store("sqlite", tmp_path, clock=Clock()) as store:
        store.recorder.insert_events(events(2))
        store.factory.aggregate_recorder(purpose="snapshots_0")
        subprocess.run([sys.executable, "-c", script, str(tmp_path / "events.db")], check=True, timeout=60)
        assert (tmp_path / "events.db-wal").exists()
        store.recorder.insert_events(events(1, first=3))
    with open_event_store("sqlite", tmp_path, clock=Clock()) as store:
        assert store.verify_chain().verified == 3


def test_a_second_start_goes_on(tmp_path: Path) -> None:
    first = open_world(tmp_path)
    first.admit()
    first.store.close()
    second = open_world(tmp_path)
    second.do("SY", "AdvanceCost", day="2022-03-12", kind="FEE", amount="5.00", cmd_id="later")
    assert second.store.verify_chain().verified == 2
    second.store.close()


def test_processes_that_start_together(tmp_path: Path) -> None:
    context = get_context("spawn")
    processes = [context.Process(target=_write, args=(tmp_path, number)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    with open_event_store("sqlite", tmp_path, clock=Clock()) as store:
        assert store.verify_chain().verified == 60


def _write(folder: Path, number: int) -> None:
    from uuid import UUID

    with open_event_store("sqlite", folder, clock=Clock()) as store:
        for version in range(1, 21):
            store.recorder.insert_events(events(1, UUID(int=number), version))


def test_an_unknown_setting_is_refused_without_repeating_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_event_store("mysql://user:secret@host/db", tmp_path)
    assert "secret" not in str(caught.value)
