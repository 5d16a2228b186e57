"""Opens the event store of some settings and the application on it. Imports little, for processes that stay small."""

from collections.abc import Iterator
from contextlib import contextmanager

from aggregates.assets import Assets
from infra.checkpoint_settings import open_store
from infra.event_store import EventStore
from infra.settings import Settings
from infra.subject_keys_opening import open_subject_keys


@contextmanager
def opened_assets(settings: Settings, application: type[Assets] = Assets) -> Iterator[tuple[EventStore, Assets]]:
    """The event store of these settings and the application on it, closed at the end."""
    with open_store(settings) as store:
        keys = open_subject_keys(settings)
        assets = application(store.factory, protection=keys)
        try:
            yield store, assets
        finally:
            assets.close()
            keys.close()
