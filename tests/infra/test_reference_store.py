"""The reference store on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.event_store import EventStore, open_event_store
from tests.aggregates.world import Clock
from tests.infra.reference_stores import ReferenceStoreSuite
from tests.postgres import PostgresServer, running_postgres


class TestSqlite(ReferenceStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[EventStore]:
        with open_event_store("sqlite", tmp_path, clock=Clock()) as opened:
            yield opened


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as running:
        yield running


@pytest.mark.postgres
class TestPostgres(ReferenceStoreSuite):
    @pytest.fixture
    def store(self, server: PostgresServer, tmp_path: Path) -> Iterator[EventStore]:
        with open_event_store(server.new_database(), tmp_path, clock=Clock()) as opened:
            yield opened
