"""The store of deliveries on a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.deliveries import DeliveryStore
from infra.event_store import EventStore, open_event_store
from tests.infra.deliveries_suite import DeliveriesConformance
from tests.infra.test_deliveries import emptied
from tests.postgres import running_postgres

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventStore]:
    folder: Path = tmp_path_factory.mktemp("deliveries")
    with running_postgres() as server, open_event_store(server.new_database(), folder) as opened:
        yield opened


@pytest.fixture
def deliveries(store: EventStore) -> DeliveryStore:
    return emptied(DeliveryStore(store))


class TestPostgres(DeliveriesConformance):
    pass
