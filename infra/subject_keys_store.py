"""Where wrapped keys lie: a SQLite file of its own, or a PostgreSQL schema of its own; never in the event store.

A backup of the event store must not hold the keys, or erasing one would erase nothing. Statements are written with
`?` and run on both. Not for ciphers: `infra.subject_keys`.
"""

import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any

from engines.primitives.errors import InvalidInput, Unavailable

Rows = list[tuple[Any, ...]]
SCHEMA_NAME = "tidemark_keys"
BUSY_MS = 10_000
CONNECT_TIMEOUT_S = 5
_PATH = f"SET search_path TO {SCHEMA_NAME}"

#: BLOB stands for either database's bytes.
_TABLES = (
    "CREATE TABLE IF NOT EXISTS {s}subject (hash BLOB PRIMARY KEY, token BLOB NOT NULL UNIQUE, label BLOB, "
    "key_id BLOB)",
    "CREATE TABLE IF NOT EXISTS {s}data_key (key_id BLOB PRIMARY KEY, token BLOB NOT NULL, wrapped BLOB, "
    "made_us BIGINT NOT NULL, destroyed_us BIGINT)",
    "CREATE TABLE IF NOT EXISTS {s}about (case_token BLOB NOT NULL, token BLOB NOT NULL, "
    "PRIMARY KEY (case_token, token))",
    "CREATE TABLE IF NOT EXISTS {s}name_index (hash BLOB NOT NULL, token BLOB NOT NULL, PRIMARY KEY (hash, token))",
    "CREATE TABLE IF NOT EXISTS {s}secret (name TEXT PRIMARY KEY, wrapped BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {s}state (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)


class Run(ABC):
    """Statements inside one transaction."""

    @abstractmethod
    def __call__(self, statement: str, values: Sequence[Any] = ()) -> Rows: ...


class KeyDatabase(ABC):
    @abstractmethod
    def transaction(self) -> Any:
        """A context manager giving a Run; one writer at a time. Raises Unavailable."""

    @abstractmethod
    def read(self, statement: str, values: Sequence[Any] = ()) -> Rows:
        """One statement that changes nothing."""

    @abstractmethod
    def scrub(self) -> None:
        """Leave no byte of what was deleted where the database alone decides that."""

    @abstractmethod
    def close(self) -> None: ...


class _SqliteRun(Run):
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __call__(self, statement: str, values: Sequence[Any] = ()) -> Rows:
        return self._connection.execute(statement, tuple(values)).fetchall()


class SqliteKeyDatabase(KeyDatabase):
    """No write-ahead log, and deleted bytes are overwritten: what is erased is gone from the file at once."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Never a database that is there: closing a descriptor of it drops this process's POSIX locks.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        self._lock = RLock()
        with _translated():
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            for pragma in (f"busy_timeout={BUSY_MS}", "journal_mode=DELETE", "synchronous=FULL", "secure_delete=ON"):
                self._connection.execute(f"PRAGMA {pragma}")
            with self.transaction() as run:
                for table in _TABLES:
                    run(table.format(s=""))

    @contextmanager
    def transaction(self) -> Iterator[Run]:
        with self._lock, _translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield _SqliteRun(self._connection)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def read(self, statement: str, values: Sequence[Any] = ()) -> Rows:
        with self._lock, _translated():
            return self._connection.execute(statement, tuple(values)).fetchall()

    def scrub(self) -> None:
        with self._lock, _translated():
            self._connection.execute("VACUUM")

    def close(self) -> None:
        with self._lock:
            self._connection.close()


class _PostgresRun(Run):
    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def __call__(self, statement: str, values: Sequence[Any] = ()) -> Rows:
        self._cursor.execute(statement.replace("?", "%s"), tuple(values))
        if self._cursor.description is None:
            return []
        return [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in self._cursor.fetchall()]


class PostgresKeyDatabase(KeyDatabase):
    """A schema of its own. Dead rows and old log segments of the server keep wrapped keys for a while: rotating the
    master key makes them worthless."""

    def __init__(self, url: str) -> None:
        import psycopg  # a tenth of a second of imports, if wanted

        self._lock, self._url, self._connect = RLock(), url, psycopg.connect
        self._error: type[Exception] = psycopg.Error
        with self._translated():
            self._opened = self._connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)
            with self._opened.cursor() as cursor:
                # CREATE … IF NOT EXISTS of two processes that start together collides in the catalogue.
                cursor.execute("SELECT pg_advisory_lock(hashtext('tidemark_keys'))")
                cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA_NAME}")
                cursor.execute(_PATH)
                for table in _TABLES:
                    cursor.execute(table.format(s="").replace("BLOB", "bytea"))
                cursor.execute("SELECT pg_advisory_unlock(hashtext('tidemark_keys'))")

    @contextmanager
    def transaction(self) -> Iterator[Run]:
        with self._lock, self._translated(), self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute("LOCK TABLE state IN EXCLUSIVE MODE")
            yield _PostgresRun(cursor)

    def read(self, statement: str, values: Sequence[Any] = ()) -> Rows:
        with self._lock, self._translated(), self._connection.cursor() as cursor:
            return _PostgresRun(cursor)(statement, values)

    def scrub(self) -> None:
        with self._lock, self._translated(), self._connection.cursor() as cursor:
            for table in ("data_key", "name_index", "subject"):
                cursor.execute(f"VACUUM {table}")

    def close(self) -> None:
        self._opened.close()

    @property
    def _connection(self) -> Any:
        """The connection, a new one where the server closed the last."""
        if self._opened.closed:
            self._opened = self._connect(self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)
            self._opened.execute(_PATH)
        return self._opened

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            raise Unavailable("the key store does not answer") from error


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable("the key store does not answer") from error


def open_key_database(setting: str, path: Path) -> KeyDatabase:
    """`sqlite` (the file `path`) or a postgresql:// URL. Raises InvalidInput, Unavailable."""
    if setting == "sqlite":
        return SqliteKeyDatabase(path)
    if setting.startswith(("postgresql://", "postgres://")):
        return PostgresKeyDatabase(setting)
    raise InvalidInput("subject_keys must be `sqlite` or a postgresql:// URL", field="subject_keys")
