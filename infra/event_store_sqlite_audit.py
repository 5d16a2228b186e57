"""The rows of heads, cosignatures and verification on SQLite: what `event_store_base` promises beyond the log."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from eventsourcing.sqlite import SQLiteCursor, SQLiteDatastore

from infra.event_store_base import LogRow, SnapshotRow
from infra.event_store_chain import Leaf
from infra.event_store_heads import CommandRow, Head, HeadRows

HEAD_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS tidemark_head (size INTEGER PRIMARY KEY, position INTEGER NOT NULL UNIQUE, "
    "root BLOB NOT NULL, seal BLOB NOT NULL, signatures BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS tidemark_head_key (vkey TEXT PRIMARY KEY, first_size INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS tidemark_frontier (id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, "
    "peaks BLOB NOT NULL, witnessed INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS tidemark_cosignature (size INTEGER NOT NULL, name TEXT NOT NULL, line TEXT NOT NULL, "
    "PRIMARY KEY (size, name)) WITHOUT ROWID",
)
_HEAD = "SELECT size, position, root, seal, signatures FROM tidemark_head"
_COMMAND = "SELECT cmd_id, digest, first_position, last_position FROM tidemark_command"
_IN_ORDER = "ORDER BY last_position, first_position, cmd_id"


class SqliteHeadRows(HeadRows):
    """Within the transaction of an append."""

    def __init__(self, cursor: SQLiteCursor) -> None:
        self._cursor = cursor

    def last_head(self) -> Head | None:
        row = self._one(f"{_HEAD} ORDER BY size DESC LIMIT 1")
        return None if row is None else Head(*row)

    def peaks(self) -> tuple[int, bytes]:
        row = self._one("SELECT size, peaks FROM tidemark_frontier")
        return (0, b"") if row is None else (row[0], row[1])

    def first_key(self) -> str | None:
        row = self._one("SELECT vkey FROM tidemark_head_key ORDER BY first_size LIMIT 1")
        return None if row is None else str(row[0])

    def leaves_before(self, position: int) -> Iterable[Leaf]:
        self._cursor.execute(
            "SELECT position, recorded_us, chain, head FROM tidemark_leaf WHERE position < ? ORDER BY position",
            (position,),
        )
        return [Leaf(*row) for row in self._cursor.fetchall()]

    def commands_before(self, position: int) -> Iterable[CommandRow]:
        self._cursor.execute(f"{_COMMAND} WHERE last_position < ? {_IN_ORDER}", (position,))
        return [CommandRow(*row) for row in self._cursor.fetchall()]

    def waiting_since_us(self) -> int | None:
        row = self._one(
            "SELECT l.recorded_us FROM tidemark_head h JOIN tidemark_leaf l ON l.position = h.position "
            "WHERE h.size > COALESCE((SELECT witnessed FROM tidemark_frontier), 0) ORDER BY h.size LIMIT 1"
        )
        return None if row is None else int(row[0])

    def put(self, head: Head, peaks: bytes, vkey: str | None) -> None:
        values = (head.size, head.position, head.root, head.seal, head.signatures)
        self._cursor.execute("INSERT INTO tidemark_head VALUES (?,?,?,?,?)", values)
        self._cursor.execute(
            "INSERT INTO tidemark_frontier (id, size, peaks) VALUES (1, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET size = excluded.size, peaks = excluded.peaks",
            (head.size, peaks),
        )
        if vkey is not None:
            self._cursor.execute("INSERT OR IGNORE INTO tidemark_head_key VALUES (?, ?)", (vkey, head.size))

    def _one(self, statement: str) -> Any:
        self._cursor.execute(statement)
        return self._cursor.fetchone()


class SqliteAuditRows:
    """Reading for verification and proofs."""

    datastore: SQLiteDatastore

    def select_log(self, start: int, stop: int) -> Sequence[LogRow]:
        found = "SELECT {0}, e.originator_id, e.originator_version, e.topic, e.state, l.recorded_us, l.chain, l.head "
        both = found.format("l.position") + "FROM tidemark_leaf l LEFT JOIN stored_events e ON e.rowid = l.position "
        alone = found.format("e.rowid") + "FROM stored_events e LEFT JOIN tidemark_leaf l ON l.position = e.rowid "
        with self.datastore.transaction(commit=False) as c, c as raw:
            raw.row_factory = None  # plain tuples: half the time
            raw.execute(both + "WHERE l.position BETWEEN ? AND ? ORDER BY l.position", (start, stop))
            rows: list[LogRow] = raw.fetchall()
            raw.execute(alone + "WHERE e.rowid BETWEEN ? AND ? AND l.position IS NULL", (start, stop))
            orphans: list[LogRow] = raw.fetchall()
        return sorted([*rows, *orphans], key=lambda row: row[0]) if orphans else rows

    def select_heads(self, start: int, stop: int) -> Sequence[Head]:
        return [
            Head(*row) for row in self._rows(f"{_HEAD} WHERE position BETWEEN ? AND ? ORDER BY size", (start, stop))
        ]

    def last_head(self) -> Head | None:
        return self._head(f"{_HEAD} ORDER BY size DESC LIMIT 1")

    def head_covering(self, position: int) -> Head | None:
        return self._head(f"{_HEAD} WHERE position >= ? ORDER BY position LIMIT 1", position)

    def head_of_size(self, size: int) -> Head | None:
        return self._head(f"{_HEAD} WHERE size = ?", size)

    def head_keys(self) -> Sequence[str]:
        return [str(row[0]) for row in self._rows("SELECT vkey FROM tidemark_head_key ORDER BY first_size", ())]

    def stored_frontier(self) -> tuple[int, bytes] | None:
        rows = self._rows("SELECT size, peaks FROM tidemark_frontier", ())
        return (rows[0][0], rows[0][1]) if rows else None

    def select_commands(self) -> Sequence[CommandRow]:
        return [CommandRow(*row) for row in self._rows(f"{_COMMAND} {_IN_ORDER}", ())]

    def leaf_boundaries(self, width: int) -> Sequence[int]:
        rows = self._rows(
            "SELECT position FROM (SELECT position, row_number() OVER (ORDER BY position) AS number "
            "FROM tidemark_leaf) WHERE (number - 1) % ? = 0",
            (width,),
        )
        return [row[0] for row in rows]

    def select_snapshots(self, table: str) -> Sequence[SnapshotRow]:
        if not self._rows("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)):
            return []
        columns = "originator_id, originator_version, topic, state"
        rows: Sequence[SnapshotRow] = self._rows(
            f'SELECT {columns} FROM "{table}" ORDER BY originator_id',  # noqa: S608
            (),
        )
        return rows

    def chain_of(self, originator_id: UUID, version: int) -> bytes | None:
        rows = self._rows(
            "SELECT l.chain FROM stored_events e JOIN tidemark_leaf l ON l.position = e.rowid "
            "WHERE e.originator_id = ? AND e.originator_version = ?",
            (originator_id.hex, version),
        )
        return rows[0][0] if rows else None

    def put_cosignatures(self, size: int, lines: Sequence[tuple[str, str]], required: int) -> None:
        with self.datastore.transaction(commit=True) as c:
            c.executemany(
                "INSERT INTO tidemark_cosignature VALUES (?,?,?) ON CONFLICT DO UPDATE SET line = excluded.line",
                [(size, name, line) for name, line in lines],
            )
            c.execute(
                "UPDATE tidemark_frontier SET witnessed = MAX(witnessed, ?) "
                "WHERE (SELECT COUNT(*) FROM tidemark_cosignature WHERE size = ?) >= ?",
                (size, size, required),
            )

    def cosignatures(self, size: int) -> Sequence[str]:
        rows = self._rows("SELECT line FROM tidemark_cosignature WHERE size = ? ORDER BY name", (size,))
        return [str(row[0]) for row in rows]

    def cosigned_head(self, required: int) -> Head | None:
        return self._head(
            f"{_HEAD} WHERE size = (SELECT size FROM tidemark_cosignature GROUP BY size "  # noqa: S608
            "HAVING COUNT(*) >= ? ORDER BY size DESC LIMIT 1)",
            required,
        )

    def rotate(self, signatures: bytes, size: int, vkey: str) -> bool:
        with self.datastore.transaction(commit=True) as c:
            c.execute(
                "UPDATE tidemark_head SET signatures = ? WHERE size = ? "
                "AND size = (SELECT MAX(size) FROM tidemark_head)",
                (signatures, size),
            )
            c.execute("SELECT changes()")
            if moved := bool(c.fetchone()[0]):
                c.execute("INSERT OR IGNORE INTO tidemark_head_key VALUES (?, ?)", (vkey, size))
            return moved

    def _head(self, statement: str, *values: int) -> Head | None:
        rows = self._rows(statement, values)
        return Head(*rows[0]) if rows else None

    def _rows(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        with self.datastore.transaction(commit=False) as c:
            c.execute(statement, values)
            return [tuple(row) for row in c.fetchall()]
