"""The rows of heads, cosignatures and verification on PostgreSQL: what `event_store_base` promises beyond the log."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from eventsourcing.postgres import PostgresDatastore
from psycopg import Cursor
from psycopg.rows import DictRow, tuple_row
from psycopg.sql import SQL, Identifier

from infra.event_store_base import LogRow, SnapshotRow
from infra.event_store_chain import Leaf
from infra.event_store_heads import CommandRow, Head, HeadRows

HEAD_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS {schema}.tidemark_head (size bigint PRIMARY KEY, position bigint NOT NULL UNIQUE, "
    "root bytea NOT NULL, seal bytea NOT NULL, signatures bytea NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {schema}.tidemark_head_key (vkey text PRIMARY KEY, first_size bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {schema}.tidemark_frontier (id int PRIMARY KEY CHECK (id = 1), size bigint NOT NULL, "
    "peaks bytea NOT NULL, witnessed bigint NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS {schema}.tidemark_cosignature (size bigint NOT NULL, name text NOT NULL, "
    "line text NOT NULL, PRIMARY KEY (size, name))",
)
_HEAD = "SELECT size, position, root, seal, signatures FROM {schema}.tidemark_head"
_COMMAND = "SELECT cmd_id, digest, first_position, last_position FROM {schema}.tidemark_command"
# Byte by byte, as Python sorts: the database's own collation is another's.
_IN_ORDER = 'ORDER BY last_position, first_position, cmd_id COLLATE "C"'
_PUT_HEAD = (
    "WITH one AS (INSERT INTO {schema}.tidemark_head VALUES (%s, %s, %s, %s, %s)) "
    "INSERT INTO {schema}.tidemark_frontier AS f (id, size, peaks) VALUES (1, %s, %s) "
    "ON CONFLICT (id) DO UPDATE SET size = excluded.size, peaks = excluded.peaks"
)
_PUT_KEY = "INSERT INTO {schema}.tidemark_head_key VALUES (%s, %s) ON CONFLICT DO NOTHING"


class PostgresHeadRows(HeadRows):
    """Within the transaction of an append."""

    def __init__(self, cursor: Cursor[DictRow], schema: Identifier) -> None:
        self._cursor, self._schema = cursor, schema

    def last_head(self) -> Head | None:
        row = self._one(f"{_HEAD} ORDER BY size DESC LIMIT 1")
        return None if row is None else _head(row)

    def peaks(self) -> tuple[int, bytes]:
        row = self._one("SELECT size, peaks FROM {schema}.tidemark_frontier")
        return (0, b"") if row is None else (row["size"], bytes(row["peaks"]))

    def first_key(self) -> str | None:
        row = self._one("SELECT vkey FROM {schema}.tidemark_head_key ORDER BY first_size LIMIT 1")
        return None if row is None else str(row["vkey"])

    def leaves_before(self, position: int) -> Iterable[Leaf]:
        self._run(
            "SELECT position, recorded_us, chain, head FROM {schema}.tidemark_leaf WHERE position < %s "
            "ORDER BY position",
            position,
        )
        return [Leaf(*row.values()) for row in self._cursor.fetchall()]

    def commands_before(self, position: int) -> Iterable[CommandRow]:
        self._run(f"{_COMMAND} WHERE last_position < %s {_IN_ORDER}", position)
        return [CommandRow(*row.values()) for row in self._cursor.fetchall()]

    def waiting_since_us(self) -> int | None:
        row = self._one(
            "SELECT l.recorded_us FROM {schema}.tidemark_head h "
            "JOIN {schema}.tidemark_leaf l ON l.position = h.position "
            "WHERE h.size > COALESCE((SELECT witnessed FROM {schema}.tidemark_frontier), 0) ORDER BY h.size LIMIT 1"
        )
        return None if row is None else int(row["recorded_us"])

    def put(self, head: Head, peaks: bytes, vkey: str | None) -> None:
        values = (head.size, head.position, head.root, head.seal, head.signatures)
        self._run(_PUT_HEAD, *values, head.size, peaks)
        if vkey is not None:
            self._run(_PUT_KEY, vkey, head.size)

    def _run(self, statement: str, *values: Any) -> None:
        self._cursor.execute(SQL(statement).format(schema=self._schema), values)

    def _one(self, statement: str) -> DictRow | None:
        self._run(statement)
        return self._cursor.fetchone()


class PostgresAuditRows:
    """Reading for verification and proofs."""

    datastore: PostgresDatastore
    _schema: Identifier

    def select_log(self, start: int, stop: int) -> Sequence[LogRow]:
        statement = SQL(
            "SELECT COALESCE(l.position, e.notification_id), uuid_send(e.originator_id), e.originator_version, "
            "e.topic, e.state, l.recorded_us, l.chain, l.head FROM "
            "(SELECT * FROM {schema}.stored_events WHERE notification_id BETWEEN %(start)s AND %(stop)s) e FULL JOIN "
            "(SELECT * FROM {schema}.tidemark_leaf WHERE position BETWEEN %(start)s AND %(stop)s) l "
            "ON l.position = e.notification_id ORDER BY 1"
        ).format(schema=self._schema)
        with (
            self.datastore.get_connection() as connection,
            connection.cursor(binary=True, row_factory=tuple_row) as cursor,
        ):
            cursor.execute(statement, {"start": start, "stop": stop})
            return cursor.fetchall()

    def select_heads(self, start: int, stop: int) -> Sequence[Head]:
        rows = self._found(f"{_HEAD} WHERE position BETWEEN %s AND %s ORDER BY size", start, stop)
        return [_head(row) for row in rows]

    def last_head(self) -> Head | None:
        return self._first(f"{_HEAD} ORDER BY size DESC LIMIT 1")

    def head_covering(self, position: int) -> Head | None:
        return self._first(f"{_HEAD} WHERE position >= %s ORDER BY position LIMIT 1", position)

    def head_of_size(self, size: int) -> Head | None:
        return self._first(f"{_HEAD} WHERE size = %s", size)

    def head_keys(self) -> Sequence[str]:
        rows = self._found("SELECT vkey FROM {schema}.tidemark_head_key ORDER BY first_size")
        return [str(row["vkey"]) for row in rows]

    def stored_frontier(self) -> tuple[int, bytes] | None:
        rows = self._found("SELECT size, peaks FROM {schema}.tidemark_frontier")
        return (rows[0]["size"], bytes(rows[0]["peaks"])) if rows else None

    def select_commands(self) -> Sequence[CommandRow]:
        return [CommandRow(*row.values()) for row in self._found(f"{_COMMAND} {_IN_ORDER}")]

    def leaf_boundaries(self, width: int) -> Sequence[int]:
        rows = self._found(
            "SELECT position FROM (SELECT position, row_number() OVER (ORDER BY position) AS number "
            "FROM {schema}.tidemark_leaf) AS numbered WHERE (number - 1) %% %s = 0 ORDER BY position",
            width,
        )
        return [row["position"] for row in rows]

    def select_snapshots(self, table: str) -> Sequence[SnapshotRow]:
        name = f"{self.datastore.schema}.{table}"
        if not self._found("SELECT 1 AS one WHERE to_regclass(%s) IS NOT NULL", name):
            return []
        statement = SQL(
            "SELECT uuid_send(originator_id), originator_version, topic, state FROM {schema}.{table} ORDER BY 1"
        ).format(schema=self._schema, table=Identifier(table))
        with (
            self.datastore.get_connection() as connection,
            connection.cursor(binary=True, row_factory=tuple_row) as cursor,
        ):
            return cursor.execute(statement).fetchall()

    def chain_of(self, originator_id: UUID, version: int) -> bytes | None:
        rows = self._found(
            "SELECT l.chain FROM {schema}.stored_events e JOIN {schema}.tidemark_leaf l "
            "ON l.position = e.notification_id WHERE e.originator_id = %s AND e.originator_version = %s",
            originator_id,
            version,
        )
        return bytes(rows[0]["chain"]) if rows else None

    def put_cosignatures(self, size: int, lines: Sequence[tuple[str, str]], required: int) -> None:
        put = self._sql(
            "INSERT INTO {schema}.tidemark_cosignature VALUES (%s, %s, %s) "
            "ON CONFLICT (size, name) DO UPDATE SET line = excluded.line"
        )
        told = self._sql(
            "UPDATE {schema}.tidemark_frontier SET witnessed = GREATEST(witnessed, %s) "
            "WHERE (SELECT COUNT(*) FROM {schema}.tidemark_cosignature WHERE size = %s) >= %s"
        )
        with self.datastore.transaction(commit=True) as cursor:
            cursor.executemany(put, [(size, name, line) for name, line in lines])
            cursor.execute(told, (size, size, required))

    def cosignatures(self, size: int) -> Sequence[str]:
        rows = self._found("SELECT line FROM {schema}.tidemark_cosignature WHERE size = %s ORDER BY name", size)
        return [str(row["line"]) for row in rows]

    def cosigned_head(self, required: int) -> Head | None:
        return self._first(
            f"{_HEAD} WHERE size = (SELECT size FROM {{schema}}.tidemark_cosignature GROUP BY size "  # noqa: S608
            "HAVING COUNT(*) >= %s ORDER BY size DESC LIMIT 1)",
            required,
        )

    def rotate(self, signatures: bytes, size: int, vkey: str) -> bool:
        moved = self._sql(
            "UPDATE {schema}.tidemark_head SET signatures = %s WHERE size = %s "
            "AND size = (SELECT MAX(size) FROM {schema}.tidemark_head)"
        )
        with self.datastore.transaction(commit=True) as cursor:
            # As an append does: no head can come between.
            cursor.execute(self._sql("LOCK TABLE {schema}.stored_events IN EXCLUSIVE MODE"))
            cursor.execute(moved, (signatures, size))
            if done := cursor.rowcount == 1:
                cursor.execute(self._sql(_PUT_KEY), (vkey, size))
            return done

    def _first(self, statement: str, *values: int) -> Head | None:
        rows = self._found(statement, *values)
        return _head(rows[0]) if rows else None

    def _found(self, statement: str, *values: Any) -> list[DictRow]:
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(self._sql(statement), values)
            return cursor.fetchall()

    def _sql(self, statement: str) -> Any:
        return SQL(statement).format(schema=self._schema)


def _head(row: DictRow) -> Head:
    return Head(row["size"], row["position"], bytes(row["root"]), bytes(row["seal"]), bytes(row["signatures"]))
