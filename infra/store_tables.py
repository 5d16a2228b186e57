"""Tables of our own beside the event store, in its database and over its open handles, on SQLite and PostgreSQL.

Statements are written once, with `?` for values and `{name}` for tables. Nothing here opens or closes the database
file: another descriptor of it would drop the locks of the process that has it open (sqlite.org/howtocorrupt.html,
2.2).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from eventsourcing.persistence import InterfaceError, OperationalError, PersistenceError
from eventsourcing.sqlite import SQLiteDatastore

from engines.primitives.errors import Unavailable
from infra.event_store import EventStore

Row = Mapping[str, Any]


class Run:
    """Statements inside one transaction. The first one must write: on SQLite a read that turns into a write fails at
    once when another wrote in between, rather than wait."""

    def __init__(self, cursor: Any, tables: "StoreTables") -> None:
        self._cursor, self._tables = cursor, tables

    def __call__(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Rows by column name; none of a statement that gives none."""
        self._cursor.execute(self._tables.sql(statement), tuple(values))
        if self._tables.is_sqlite or self._cursor.description is not None:
            return list(self._cursor.fetchall())
        return []


class StoreTables:
    def __init__(self, store: EventStore, names: Sequence[str], lock: int, statements: Sequence[str]) -> None:
        """Makes what is missing by `statements`; `lock` is an advisory lock of one's own. `{serial}`, `{bytes}` and
        `{{name}}` of a table differ by database. Raises Unavailable."""
        recorder: Any = store.recorder
        self._datastore = recorder.datastore
        self.is_sqlite = isinstance(self._datastore, SQLiteDatastore)
        prefix = "" if self.is_sqlite else f"{self._datastore.schema}."
        self._names = {name: f"{prefix}tidemark_{name}" for name in names}
        self._names["serial"] = "INTEGER PRIMARY KEY AUTOINCREMENT" if self.is_sqlite else "BIGSERIAL PRIMARY KEY"
        self._names["bytes"] = "BLOB" if self.is_sqlite else "bytea"
        with self.transaction() as run:
            if not self.is_sqlite:  # its catalogue refuses the second of two processes that create at once
                run("SELECT pg_advisory_xact_lock(?)", (lock,))
            for statement in statements:
                run(statement)

    def sql(self, statement: str) -> str:
        named = statement.format(**self._names)
        return named if self.is_sqlite else named.replace("?", "%s")

    @contextmanager
    def transaction(self) -> Iterator[Run]:
        """Raises Unavailable: the database does not answer; nothing is kept then."""
        try:
            with self._datastore.transaction(commit=True) as cursor:
                yield Run(cursor, self)
        except (OperationalError, InterfaceError) as error:
            raise Unavailable("the event store does not answer") from error
        except PersistenceError as error:
            raise Unavailable(f"the event store failed: {type(error).__name__}") from error

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        with self.transaction() as run:
            return run(statement, values)
