"""The event store in the archive: every event with its leaf; the chain still verifies from the files."""

from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from eventsourcing.persistence import StoredEvent

from engines.primitives.errors import CorruptRecord
from infra.archive_events import EVENTS, EventSource
from infra.archive_store import ArchiveStore
from infra.archive_verify import verify
from infra.event_store_chain import NO_LEAF, next_leaf
from streams.archive import Archiver, Due
from tests.aggregates.world import World, open_world, swap


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = open_world(tmp_path)
    for number in range(12):
        made.admit(f"LN-{number}")
    return made


def archived(world: World, root: Path) -> pl.DataFrame:
    source = EventSource(world.store)
    archiver = Archiver(ArchiveStore(root), source, source.logs, Due(records=5, age_s=0.0))
    while archiver.run_once(everything=True):
        pass
    return pl.read_parquet(sorted(root.glob("events/**/*.parquet")), hive_partitioning=False)


def test_every_event_is_archived_with_its_place_in_the_chain(world: World, tmp_path: Path) -> None:
    rows = archived(world, tmp_path / "archive")
    recorder = world.store.recorder
    stored = recorder.select_recorded()
    assert rows["offset"].to_list() == [event.position for event in stored]
    assert rows["value"].to_list() == [bytes(event.state) for event in stored]
    assert rows["recorded_at"].to_list() == [event.recorded_at for event in stored]
    last = NO_LEAF
    for row in rows.iter_rows(named=True):
        event = StoredEvent(UUID(row["originator_id"]), row["originator_version"], row["event_topic"], row["value"])
        last = next_leaf(last, event, row["offset"], row["timestamp_us"])
        assert (last.chain, last.head) == (row["chain"], row["head"])
    assert verify(ArchiveStore(tmp_path / "archive"), topic=EVENTS).ok


def test_what_comes_later_is_added_and_nothing_twice(world: World, tmp_path: Path) -> None:
    archived(world, tmp_path / "archive")
    world.admit("LN-later")
    rows = archived(world, tmp_path / "archive")
    assert rows["offset"].to_list() == [event.position for event in world.store.recorder.select_recorded()]


def test_another_event_store_is_another_log(world: World, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = open_world(tmp_path / "other")
    assert EventSource(other.store).logs() == []
    assert EventSource(other.store).bounds() == {}
    other.admit("LN-x")
    (mine,), (theirs,) = EventSource(world.store).logs(), EventSource(other.store).logs()
    assert mine.topic_id != theirs.topic_id


def test_an_event_without_its_leaf_is_not_archived(world: World, tmp_path: Path) -> None:
    real = world.store.recorder.select_leaves
    swap(world.store.recorder, "select_leaves", lambda start, stop: [x for x in real(start, stop) if x.position != 3])
    with pytest.raises(CorruptRecord, match="without its leaf"):
        archived(world, tmp_path / "archive")
