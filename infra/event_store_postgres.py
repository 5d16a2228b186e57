"""The decision log on PostgreSQL: the library's recorder, and in its transaction leaves, commands and
cursors.

`insert_events` is our own. The library's runs in a pipeline and keeps an exception of its hook
`_fetch_ids_after_insert_events` until after the transaction block, which then commits: an error of ours
between the events and their leaves would leave events without leaves. It also repeats itself up to ten times
on a lost connection, and sends NOTIFY, which takes a database-wide lock at commit; our readers poll (decision
E5).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.persistence import AggregateRecorder, ApplicationRecorder, Notification, StoredEvent
from eventsourcing.postgres import (
    PostgresAggregateRecorder,
    PostgresApplicationRecorder,
    PostgresDatastore,
    PostgresFactory,
)
from psycopg import Connection, Cursor
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from aggregates.ports import Clock, CommandRecord, Recorded, StoredCommand
from infra.checkpoint_keys import HeadKey
from infra.event_store_base import BaseDecisionRecorder, Claim
from infra.event_store_chain import NO_LEAF, Leaf, extend, instant, microseconds
from infra.event_store_heads import CommandRow, HeadWriter, WitnessRule
from infra.event_store_postgres_audit import HEAD_SCHEMA, PostgresAuditRows, PostgresHeadRows

LOCK_TIMEOUT_S = 10
CONNECT_TIMEOUT_S = 5
POOL_SIZE = 2
POOL_OVERFLOW = 8
CREATION_LOCK = 0x7469_6465  # advisory lock: "tide"

#: A half-open connection must not hang a reader for hours.
KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS {schema}.tidemark_leaf (position bigint PRIMARY KEY, "
    "recorded_us bigint NOT NULL UNIQUE, chain bytea NOT NULL, head bytea NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {schema}.tidemark_command (cmd_id text PRIMARY KEY, digest bytea NOT NULL, "
    "first_position bigint NOT NULL, last_position bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {schema}.tidemark_cursor (name text PRIMARY KEY, position bigint NOT NULL, "
    "holder text NOT NULL, lease_us bigint NOT NULL, epoch bigint NOT NULL)",
)

#: Whole columns in binary: half the time of the library's array of records.
_INSERT_EVENTS = (
    "INSERT INTO {schema}.stored_events (originator_id, originator_version, topic, state) "
    "SELECT * FROM unnest(%b::uuid[], %b::bigint[], %b::text[], %b::bytea[]) RETURNING notification_id"
)
_INSERT_LEAVES = (
    "INSERT INTO {schema}.tidemark_leaf SELECT * FROM unnest(%b::bigint[], %b::bigint[], %b::bytea[], %b::bytea[])"
)


class PostgresDecisionRecorder(PostgresAuditRows, BaseDecisionRecorder, PostgresApplicationRecorder):
    def __init__(self, datastore: PostgresDatastore, clock: Clock, heads: HeadWriter) -> None:
        super().__init__(datastore)
        self._clock, self.head_writer = clock, heads
        self._schema = Identifier(datastore.schema)
        self.sql_create_statements.extend(
            SQL(statement).format(schema=self._schema) for statement in (*_SCHEMA, *HEAD_SCHEMA)
        )

    def create_table(self) -> None:
        # CREATE … IF NOT EXISTS of two processes that start together collides in the catalogue.
        with self.datastore.get_connection() as connection, _alone(connection):
            super().create_table()

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        command: CommandRecord | None = None,
        **kwargs: Any,
    ) -> Sequence[int] | None:
        if not stored_events:
            return []
        with (
            self.datastore.get_connection() as connection,
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            # The table lock comes first; only then are the last leaf and the clock read.
            self._lock_table(cursor)
            columns = [
                [one.originator_id for one in stored_events],
                [one.originator_version for one in stored_events],
                [one.topic for one in stored_events],
                [one.state for one in stored_events],
            ]
            cursor.execute(self._sql(_INSERT_EVENTS), columns)
            positions = [row["notification_id"] for row in cursor.fetchall()]
            self._insert_leaves(cursor, stored_events, positions, command)
        self.head_writer.committed()
        return positions

    def _insert_leaves(
        self,
        cursor: Cursor[DictRow],
        events: Sequence[StoredEvent],
        positions: Sequence[int],
        command: CommandRecord | None,
    ) -> None:
        cursor.execute(
            self._sql(
                "SELECT position, recorded_us, chain, head FROM {schema}.tidemark_leaf ORDER BY position DESC LIMIT 1"
            )
        )
        row = cursor.fetchone()
        before, now = _leaf(row) if row else NO_LEAF, self._clock()
        leaves = extend(before, events, positions, now)
        columns = [
            [leaf.position for leaf in leaves],
            [leaf.recorded_us for leaf in leaves],
            [leaf.chain for leaf in leaves],
            [leaf.head for leaf in leaves],
        ]
        cursor.execute(self._sql(_INSERT_LEAVES), columns)
        stored = None
        if command is not None:
            stored = CommandRow(command.cmd_id, command.digest, positions[0], positions[-1])
            cursor.execute(self._sql("INSERT INTO {schema}.tidemark_command VALUES (%s, %s, %s, %s)"), stored)
        rows = PostgresHeadRows(cursor, self._schema)
        self.head_writer.append(rows, before, leaves, stored, now_us=microseconds(now))

    # The library repeats these up to ten times, each waiting for the pool: a minute until a caller hears that the
    # database is away. The pool already replaces dead connections.
    def select_events(self, *arguments: Any, **named: Any) -> Sequence[StoredEvent]:
        found: Sequence[StoredEvent] = _once(PostgresApplicationRecorder.select_events)(self, *arguments, **named)
        return found

    def select_notifications(self, *arguments: Any, **named: Any) -> Sequence[Notification]:
        found: Sequence[Notification] = _once(PostgresApplicationRecorder.select_notifications)(
            self, *arguments, **named
        )
        return found

    def max_notification_id(self) -> int | None:
        last: int | None = _once(PostgresApplicationRecorder.max_notification_id)(self)
        return last

    def stored_command(self, cmd_id: str) -> StoredCommand | None:
        rows = self._rows(
            "SELECT digest, first_position, last_position FROM {schema}.tidemark_command WHERE cmd_id = %s",
            (cmd_id,),
        )
        if not rows:
            return None
        row = rows[0]
        return StoredCommand(bytes(row["digest"]), row["first_position"], row["last_position"])

    def select_recorded(
        self,
        *,
        start: int = 1,
        stop: int | None = None,
        limit: int | None = None,
        originator_id: UUID | None = None,
    ) -> Sequence[Recorded]:
        where, values = "l.position >= %s", list[Any]([start])
        if stop is not None:
            where, values = where + " AND l.position <= %s", [*values, stop]
        if originator_id is not None:
            where, values = where + " AND e.originator_id = %s", [*values, originator_id]
        rows = self._rows(
            "SELECT l.position, e.originator_id, e.originator_version, e.topic, e.state, l.recorded_us "  # noqa: S608
            "FROM {schema}.stored_events e JOIN {schema}.tidemark_leaf l ON l.position = e.notification_id "
            f"WHERE {where} ORDER BY l.position LIMIT %s",
            (*values, limit),
        )
        return [
            Recorded(
                position=row["position"],
                originator_id=row["originator_id"],
                originator_version=row["originator_version"],
                topic=row["topic"],
                state=bytes(row["state"]),
                recorded_at=instant(row["recorded_us"]),
            )
            for row in rows
        ]

    def position_known_at(self, moment: datetime) -> int:
        rows = self._rows(
            "SELECT COALESCE(MAX(position), 0) AS position FROM {schema}.tidemark_leaf WHERE recorded_us <= %s",
            (microseconds(moment),),
        )
        return int(rows[0]["position"])

    def select_leaves(self, start: int, stop: int) -> Sequence[Leaf]:
        rows = self._rows(
            "SELECT position, recorded_us, chain, head FROM {schema}.tidemark_leaf "
            "WHERE position BETWEEN %s AND %s ORDER BY position",
            (start, stop),
        )
        return [_leaf(row) for row in rows]

    def max_leaf_position(self) -> int:
        rows = self._rows("SELECT COALESCE(MAX(position), 0) AS position FROM {schema}.tidemark_leaf", ())
        return int(rows[0]["position"])

    def claim_cursor(self, name: str, holder: str, now_us: int, lease_us: int) -> Claim | None:
        rows = self._rows(
            "INSERT INTO {schema}.tidemark_cursor AS c VALUES (%s, 0, %s, %s, 1) "
            "ON CONFLICT (name) DO UPDATE SET "
            "epoch = c.epoch + (c.holder <> excluded.holder)::int, "
            "holder = excluded.holder, lease_us = excluded.lease_us "
            "WHERE c.holder = excluded.holder OR c.lease_us <= %s "
            "RETURNING position, epoch",
            (name, holder, lease_us, now_us),
        )
        return Claim(rows[0]["position"], rows[0]["epoch"]) if rows else None

    def move_cursor(self, name: str, holder: str, epoch: int, position: int, lease_us: int) -> bool:
        rows = self._rows(
            "UPDATE {schema}.tidemark_cursor SET position = %s, lease_us = %s "
            "WHERE name = %s AND holder = %s AND epoch = %s RETURNING position",
            (position, lease_us, name, holder, epoch),
        )
        return bool(rows)

    def _rows(self, statement: str, values: tuple[Any, ...]) -> list[DictRow]:
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(self._sql(statement), values)
            return cursor.fetchall()


class PostgresSnapshotRecorder(PostgresAggregateRecorder):
    """Keeps the newest snapshot of each aggregate; asked once, as the log is."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        statement = SQL("DELETE FROM {schema}.{table} WHERE originator_id = %s AND originator_version <= %s").format(
            schema=Identifier(self.datastore.schema), table=Identifier(self.events_table_name)
        )
        with (
            self.datastore.get_connection() as connection,
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            cursor.executemany(statement, [(one.originator_id, one.originator_version) for one in stored_events])
            self._insert_stored_events(cursor, stored_events, **kwargs)
        return None

    def select_events(self, *arguments: Any, **named: Any) -> Sequence[StoredEvent]:
        found: Sequence[StoredEvent] = _once(PostgresAggregateRecorder.select_events)(self, *arguments, **named)
        return found


class PostgresDecisionFactory(PostgresFactory):
    """Gives every application the same recorder (decision E4). `url` is any libpq URL, TLS settings
    included."""

    aggregate_recorder_class = PostgresSnapshotRecorder

    def __init__(self, url: str, clock: Clock, key: HeadKey, rule: WitnessRule | None = None) -> None:
        given = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
        super().__init__(
            {
                self.POSTGRES_DBNAME: given.pop("dbname", "tidemark"),
                self.POSTGRES_HOST: given.pop("host", ""),
                self.POSTGRES_PORT: given.pop("port", "5432"),
                self.POSTGRES_USER: given.pop("user", "tidemark"),
                self.POSTGRES_PASSWORD: given.pop("password", ""),
                self.POSTGRES_CONNECT_TIMEOUT: str(CONNECT_TIMEOUT_S),
                self.POSTGRES_LOCK_TIMEOUT: str(LOCK_TIMEOUT_S),
                self.POSTGRES_POOL_SIZE: str(POOL_SIZE),
                self.POSTGRES_MAX_OVERFLOW: str(POOL_OVERFLOW),
                self.POSTGRES_PRE_PING: "yes",
                self.IS_SNAPSHOTTING_ENABLED: "y",
            }
        )
        kwargs = self.datastore.pool.kwargs
        connection = kwargs if isinstance(kwargs, dict) else {}
        # The given settings come last: an operator may choose others.
        self.datastore.pool.kwargs = connection | KEEPALIVE | {"application_name": "tidemark"} | given
        self.recorder = PostgresDecisionRecorder(self.datastore, clock, HeadWriter(key, rule))
        self.recorder.create_table()

    def application_recorder(self) -> ApplicationRecorder:
        return self.recorder

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        with self.datastore.get_connection() as connection, _alone(connection):
            return super().aggregate_recorder(purpose)


@contextmanager
def _alone(connection: Connection[DictRow]) -> Iterator[None]:
    """One process at a time creates tables."""
    connection.execute("SELECT pg_advisory_lock(%s)", (CREATION_LOCK,))
    try:
        yield
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (CREATION_LOCK,))


def _once(method: Any) -> Any:
    """The library's method without its `@retry`."""
    return method.__wrapped__


def _leaf(row: DictRow) -> Leaf:
    return Leaf(row["position"], row["recorded_us"], bytes(row["chain"]), bytes(row["head"]))
