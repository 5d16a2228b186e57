"""The decision log on SQLite: the library's recorder, and in its transaction leaves, commands and cursors.

One host only: WAL needs shared memory. Not for money movements, which stay in Kafka.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import AggregateRecorder, ApplicationRecorder, StoredEvent
from eventsourcing.sqlite import (
    SQLiteAggregateRecorder,
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
    SQLiteFactory,
)

from aggregates.ports import Clock, CommandRecord, Recorded, StoredCommand
from infra.checkpoint_keys import KEY_FILE, HeadKey
from infra.event_store_base import BaseDecisionRecorder, Claim
from infra.event_store_chain import NO_LEAF, Leaf, extend, instant, microseconds
from infra.event_store_heads import CommandRow, HeadWriter, WitnessRule
from infra.event_store_sqlite_audit import HEAD_SCHEMA, SqliteAuditRows, SqliteHeadRows

LOCK_TIMEOUT_S = 10

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS tidemark_leaf (position INTEGER PRIMARY KEY, "
    "recorded_us INTEGER NOT NULL UNIQUE, chain BLOB NOT NULL, head BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS tidemark_command (cmd_id TEXT PRIMARY KEY, digest BLOB NOT NULL, "
    "first_position INTEGER NOT NULL, last_position INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS tidemark_cursor (name TEXT PRIMARY KEY, position INTEGER NOT NULL, "
    "holder TEXT NOT NULL, lease_us INTEGER NOT NULL, epoch INTEGER NOT NULL) WITHOUT ROWID",
)


class _Pool(SQLiteConnectionPool):
    def _create_connection(self) -> SQLiteConnection:
        connection = super()._create_connection()
        cursor = connection.cursor()
        # In WAL mode NORMAL may lose the last commits at a power cut; a decision that was answered must not
        # be.
        cursor.execute("PRAGMA synchronous=FULL")
        return connection


class _Datastore(SQLiteDatastore):
    def __init__(self, path: Path) -> None:
        super().__init__(str(path), lock_timeout=LOCK_TIMEOUT_S)
        self.pool = _Pool(db_name=str(path), lock_timeout=LOCK_TIMEOUT_S)


class SqliteDecisionRecorder(SqliteAuditRows, BaseDecisionRecorder, SQLiteApplicationRecorder):
    def __init__(self, datastore: SQLiteDatastore, clock: Clock, heads: HeadWriter) -> None:
        super().__init__(datastore)
        self._clock, self.head_writer = clock, heads

    def construct_create_table_statements(self) -> list[str]:
        return [*super().construct_create_table_statements(), *_SCHEMA, *HEAD_SCHEMA]

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        positions = super().insert_events(stored_events, **kwargs)
        if stored_events:
            self.head_writer.committed()
        return positions

    def _insert_events(
        self,
        c: SQLiteCursor,
        stored_events: Sequence[StoredEvent],
        *,
        command: CommandRecord | None = None,
        **kwargs: Any,
    ) -> Sequence[int] | None:
        if not stored_events:
            return []
        # The first INSERT takes the write lock; only then are the last leaf and the clock read.
        positions = list(super()._insert_events(c, stored_events, **kwargs) or ())
        c.execute("SELECT position, recorded_us, chain, head FROM tidemark_leaf ORDER BY position DESC LIMIT 1")
        row = c.fetchone()
        before, now = Leaf(*row) if row else NO_LEAF, self._clock()
        leaves = extend(before, stored_events, positions, now)
        c.executemany(
            "INSERT INTO tidemark_leaf VALUES (?,?,?,?)",
            [(leaf.position, leaf.recorded_us, leaf.chain, leaf.head) for leaf in leaves],
        )
        stored = None
        if command is not None:
            stored = CommandRow(command.cmd_id, command.digest, positions[0], positions[-1])
            c.execute("INSERT INTO tidemark_command VALUES (?,?,?,?)", stored)
        self.head_writer.append(SqliteHeadRows(c), before, leaves, stored, now_us=microseconds(now))
        return positions

    def stored_command(self, cmd_id: str) -> StoredCommand | None:
        rows = self._rows(
            "SELECT digest, first_position, last_position FROM tidemark_command WHERE cmd_id=?", (cmd_id,)
        )
        return StoredCommand(*rows[0]) if rows else None

    def select_recorded(
        self,
        *,
        start: int = 1,
        stop: int | None = None,
        limit: int | None = None,
        originator_id: UUID | None = None,
    ) -> Sequence[Recorded]:
        where, values = "l.position >= ?", list[Any]([start])
        if stop is not None:
            where, values = where + " AND l.position <= ?", [*values, stop]
        if originator_id is not None:
            where, values = where + " AND e.originator_id = ?", [*values, originator_id.hex]
        rows = self._rows(
            "SELECT l.position, e.originator_id, e.originator_version, e.topic, e.state, l.recorded_us "  # noqa: S608
            f"FROM stored_events e JOIN tidemark_leaf l ON l.position = e.rowid WHERE {where} "
            "ORDER BY l.position LIMIT ?",
            (*values, -1 if limit is None else limit),
        )
        return [Recorded(r[0], UUID(r[1]), r[2], r[3], r[4], instant(r[5])) for r in rows]

    def position_known_at(self, moment: datetime) -> int:
        rows = self._rows(
            "SELECT COALESCE(MAX(position), 0) FROM tidemark_leaf WHERE recorded_us <= ?",
            (microseconds(moment),),
        )
        return int(rows[0][0])

    def select_leaves(self, start: int, stop: int) -> Sequence[Leaf]:
        rows = self._rows(
            "SELECT position, recorded_us, chain, head FROM tidemark_leaf WHERE position BETWEEN ? AND ? "
            "ORDER BY position",
            (start, stop),
        )
        return [Leaf(*row) for row in rows]

    def max_leaf_position(self) -> int:
        return int(self._rows("SELECT COALESCE(MAX(position), 0) FROM tidemark_leaf", ())[0][0])

    def claim_cursor(self, name: str, holder: str, now_us: int, lease_us: int) -> Claim | None:
        with self.datastore.transaction(commit=True) as c:
            c.execute(
                "INSERT INTO tidemark_cursor VALUES (?, 0, ?, ?, 1) ON CONFLICT (name) DO UPDATE SET "
                "epoch = epoch + (holder <> excluded.holder), holder = excluded.holder, "
                "lease_us = excluded.lease_us WHERE holder = excluded.holder OR lease_us <= ?",
                (name, holder, lease_us, now_us),
            )
            c.execute("SELECT position, holder, epoch FROM tidemark_cursor WHERE name=?", (name,))
            row = c.fetchone()
        return Claim(row[0], row[2]) if row[1] == holder else None

    def move_cursor(self, name: str, holder: str, epoch: int, position: int, lease_us: int) -> bool:
        with self.datastore.transaction(commit=True) as c:
            c.execute(
                "UPDATE tidemark_cursor SET position=?, lease_us=? WHERE name=? AND holder=? AND epoch=?",
                (position, lease_us, name, holder, epoch),
            )
            c.execute("SELECT changes()")
            return bool(c.fetchone()[0])


class SqliteSnapshotRecorder(SQLiteAggregateRecorder):
    """Keeps the newest snapshot of each aggregate."""

    def _insert_events(
        self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        c.executemany(
            f"DELETE FROM {self.events_table_name} WHERE originator_id=? AND originator_version<=?",  # noqa: S608
            [(cast("UUID", one.originator_id).hex, one.originator_version) for one in stored_events],
        )
        return super()._insert_events(c, stored_events, **kwargs)


class SqliteDecisionFactory(SQLiteFactory):
    """Gives every application the same recorder (decision E4)."""

    aggregate_recorder_class = SqliteSnapshotRecorder

    def __init__(self, path: Path, clock: Clock, key: HeadKey | None = None, rule: WitnessRule | None = None) -> None:
        """`key` signs the heads; None: the one in the folder of the database."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with _creating(path):
            super().__init__({self.SQLITE_DBNAME: str(path), self.IS_SNAPSHOTTING_ENABLED: "y"})
            self.datastore.close()
            self.datastore = _Datastore(path)
            self.recorder = SqliteDecisionRecorder(
                self.datastore, clock, HeadWriter(key or HeadKey(path.parent / KEY_FILE), rule)
            )
            self.recorder.create_table()

    def application_recorder(self) -> ApplicationRecorder:
        return self.recorder

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        with _creating(self._path):
            return super().aggregate_recorder(purpose)


@contextmanager
def _creating(path: Path) -> Iterator[None]:
    """One process at a time creates the tables and switches to WAL; others, just starting too, wait for it.

    The files are readable by their owner only: they hold the bank's decisions.
    """
    lock = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Never a database that is there: closing any descriptor of it drops this process's POSIX locks, and with them
        # what keeps another process from removing the log of writes (sqlite.org/howtocorrupt.html, 2.2).
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        yield
    finally:
        os.close(lock)
