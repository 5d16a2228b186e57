"""The store of deliveries on SQLite, and two handles on one file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.deliveries import DeliveryStore
from infra.event_store import EventStore, open_event_store
from tests.infra.deliveries_suite import DeliveriesConformance
from tests.infra.delivery_world import START, note


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventStore]:
    with open_event_store("sqlite", tmp_path_factory.mktemp("deliveries")) as opened:
        yield opened


@pytest.fixture
def deliveries(store: EventStore) -> DeliveryStore:
    return emptied(DeliveryStore(store))


def emptied(deliveries: DeliveryStore) -> DeliveryStore:
    for name in ("notification", "delivery", "attempt", "notification_target", "notification_replay"):
        deliveries.tables.run(f"DELETE FROM {{{name}}}")  # noqa: S608
    return deliveries


class TestSqlite(DeliveriesConformance):
    pass


def test_what_is_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    with open_event_store("sqlite", tmp_path) as first:
        DeliveryStore(first).put([note("a")])
        with open_event_store("sqlite", tmp_path) as second:
            assert DeliveryStore(second).next_due() == START
