# ruff: noqa: S608
"""The random changes of `test_tampering_sqlite`, made directly in a PostgreSQL store. `MUTATIONS_POSTGRES`
sets how many."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from infra.event_store import EventStore, open_event_store
from tests.aggregates.world import Clock
from tests.infra.tampering import Database, Victim, check, filled
from tests.postgres import running_postgres

pytestmark = pytest.mark.postgres

MUTATIONS = int(os.environ.get("MUTATIONS_POSTGRES", "60"))
CHUNKS = 4
TABLES = ("stored_events", "tidemark_leaf", "tidemark_head", "tidemark_head_key", "tidemark_frontier",
          "tidemark_command", "stored_snapshots_1")  # fmt: skip


class PostgresDatabase(Database):
    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)

    def run(self, statement: str, *values: Any) -> None:
        self.connection.execute(_translated(statement), values)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(_translated(statement), values).fetchall()

    def name(self, stream: UUID) -> UUID:
        return stream

    def keep(self) -> None:
        for table in TABLES:
            self.run(f"CREATE TABLE kept_{table} AS TABLE {table}")

    def restore(self) -> None:
        """As it was before the last mutation, in one transaction."""
        with self.connection.transaction():
            self.run("TRUNCATE " + ", ".join(TABLES))
            for table in TABLES:
                self.run(f"INSERT INTO {table} SELECT * FROM kept_{table}")


def _translated(statement: str) -> bytes:
    return statement.replace("rowid", "notification_id").replace("?", "%s").encode()


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    folder: Path = tmp_path_factory.mktemp("keys")
    with running_postgres() as server:
        url = server.new_database()
        with open_event_store(url, folder, clock=Clock()) as store:
            filled(store)
            database = PostgresDatabase(url)
            database.keep()
            yield Victim(store, database, folder)
            database.connection.close()


def test_what_nobody_touched_verifies(victim: Victim) -> None:
    _restored(victim)
    report = victim.verified(outside=True)
    assert report.faults == []
    assert (report.events, report.snapshots, report.aggregates, report.complete) == (88 + 205, 1, 12, "yes")


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_mutation_is_found(victim: Victim, chunk: int) -> None:
    for seed in range(chunk, MUTATIONS, CHUNKS):
        _restored(victim)
        check(victim, seed)


def _restored(victim: Victim) -> EventStore:
    assert isinstance(victim.database, PostgresDatabase)
    victim.database.restore()
    return victim.store
