"""What each row of a followed table was last told as, and how far its topic was read: one SQLite file a feed.

Changes are kept when `commit` is called, which the feed does once everything before is delivered: a feed that was
killed tells the last changes again, with the same ids.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from engines.primitives.errors import CorruptRecord

_TABLES = (
    "CREATE TABLE IF NOT EXISTS rows (source TEXT, key TEXT, position TEXT, record BLOB, deleted INTEGER, "
    "PRIMARY KEY (source, key)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS sequences (source TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS offsets (partition INTEGER PRIMARY KEY, next INTEGER)",
)


class RowState(NamedTuple):
    position: str
    record: bytes  # the last Txn told, as JSON
    deleted: bool


class RowStates:
    """One writer. `path` None keeps everything in memory, for a dry run."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = sqlite3.connect(path if path is not None else ":memory:")
            self._database.execute("PRAGMA journal_mode=WAL")
            for table in _TABLES:
                self._database.execute(table)
        except sqlite3.DatabaseError as error:
            raise CorruptRecord(f"the state of the feed {path} cannot be read: {error}", path=str(path)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._database.close()

    def get(self, source: str, key: str) -> RowState | None:
        found = self._database.execute(
            "SELECT position, record, deleted FROM rows WHERE source = ? AND key = ?", (source, key)
        ).fetchone()
        return None if found is None else RowState(found[0], found[1], bool(found[2]))

    def put(self, source: str, key: str, state: RowState) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?)",
            (source, key, state.position, state.record, int(state.deleted)),
        )

    def sequence(self, source: str) -> int | None:
        found = self._database.execute("SELECT number FROM sequences WHERE source = ?", (source,)).fetchone()
        return None if found is None else int(found[0])

    def set_sequence(self, source: str, number: int) -> None:
        self._database.execute("INSERT OR REPLACE INTO sequences VALUES (?, ?)", (source, number))

    def offsets(self) -> Mapping[int, int]:
        """Next offset by partition of the topic that is followed."""
        return dict(self._database.execute("SELECT partition, next FROM offsets"))

    def set_offset(self, partition: int, following: int) -> None:
        self._database.execute("INSERT OR REPLACE INTO offsets VALUES (?, ?)", (partition, following))

    def commit(self) -> None:
        self._database.commit()
