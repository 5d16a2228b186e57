"""The conformance suite on a real PostgreSQL, and what is PostgreSQL's own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aggregates.assets import Assets
from engines.primitives.errors import Unavailable
from infra.event_store import EventStore, open_event_store
from infra.event_store_postgres import PostgresDecisionRecorder
from tests.aggregates.world import AUDITOR, LOAN, Clock, World, swap
from tests.infra.event_stores import EventStoreConformance, events
from tests.postgres import PostgresServer, running_postgres

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(server: PostgresServer) -> str:
    return server.new_database()


@pytest.fixture
def store(url: str, tmp_path: Path, clock: Clock) -> Iterator[EventStore]:
    with open_event_store(url, tmp_path, clock=clock) as opened:
        yield opened


class TestPostgres(EventStoreConformance):
    @pytest.fixture(autouse=True)
    def _behind(self, url: str, tmp_path: Path) -> None:
        self.url, self.folder = url, tmp_path

    def reopen(self, clock: Clock) -> EventStore:
        return open_event_store(self.url, self.folder, clock=clock)

    def sql(self, statement: str) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statement.format(position="notification_id", bytes="bytea").encode())


def test_starting_together_creates_the_tables_once(url: str, tmp_path: Path, clock: Clock) -> None:
    def start(_: int) -> int:
        with open_event_store(url, tmp_path, clock=clock) as store:
            return store.verify_chain().verified

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(start, range(4))) == [0, 0, 0, 0]


def test_a_rolled_back_append_leaves_a_lawful_hole(store: EventStore) -> None:
    recorder = store.recorder
    recorder.insert_events(events(1))
    with pytest.raises(Exception, match="duplicate key"):
        recorder.insert_events(events(1))
    recorder.insert_events(events(1, first=2))
    positions = [recorded.position for recorded in recorder.select_recorded()]
    assert positions[0] == 1
    assert positions[1] > 2  # the sequence does not give numbers back
    assert store.verify_chain().ok


def test_a_killed_backend_is_replaced(store: EventStore, url: str, clock: Clock) -> None:
    world = World(store, clock)
    world.admit()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    world.do("SY", "AdvanceCost", day="2022-03-12", kind="FEE", amount="5.00")
    assert world.state()["costs"] == "5.00"


def test_a_backend_killed_at_the_commit_answers_once(store: EventStore, url: str, clock: Clock) -> None:
    """The transaction is committed, its answer is lost, the command is repeated: one set of events (2.4-8)."""
    world = World(store, clock)
    recorder = store.recorder
    assert isinstance(recorder, PostgresDecisionRecorder)
    insert = recorder.insert_events

    def killed_after_commit(*arguments: Any, **named: Any) -> Any:
        insert(*arguments, **named)
        with recorder.datastore.get_connection() as connection:
            with psycopg.connect(url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
            connection.execute("SELECT 1")  # the answer that never comes
        raise AssertionError("the connection should have been lost")

    swap(recorder, "insert_events", killed_after_commit)
    outcome = world.admit(cmd_id="once")
    assert [event.type for event in outcome.events] == ["AssetAdmitted"]
    swap(recorder, "insert_events", insert)
    assert world.admit(cmd_id="once").repeated
    assert store.verify_chain().verified == 1


def test_no_notify_is_sent(store: EventStore, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as listener:
        listener.execute("LISTEN stored_events")
        store.recorder.insert_events(events(1))
        listener.execute("NOTIFY stored_events, 'end'")  # so that the test need not wait for nothing
        heard = [note.payload for note in listener.notifies(timeout=5, stop_after=1)]
    assert heard == ["end"]


def test_connections_have_keepalives_and_a_name(store: EventStore, url: str) -> None:
    assert isinstance(store.recorder, PostgresDecisionRecorder)
    kwargs: Any = store.recorder.datastore.pool.kwargs
    assert kwargs["keepalives"] == 1
    assert kwargs["tcp_user_timeout"] == 30_000
    with psycopg.connect(url) as connection:
        names = {row[0] for row in connection.execute("SELECT application_name FROM pg_stat_activity")}
    assert "tidemark" in names


def test_a_stopped_server_is_unavailable_and_comes_back(tmp_path: Path, clock: Clock) -> None:
    with running_postgres() as server, open_event_store(server.new_database(), tmp_path, clock=clock) as store:
        world = World(store, clock)
        world.admit()
        server.stop()
        with pytest.raises(Unavailable):
            world.do("SY", "AdvanceCost", day="2022-03-12", kind="FEE", amount="5.00", cmd_id="retry")
        server.start()
        world.do("SY", "AdvanceCost", day="2022-03-12", kind="FEE", amount="5.00", cmd_id="retry")
        assert Assets(store.factory).state("RiskAsset", LOAN, reader=AUDITOR)["costs"] == "5.00"
