"""Puts one extract together (`tidemark archive extract`): where each log was cut, the tables, the package."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient

from aggregates.assets import Assets
from aggregates.event_view import EventView
from api.archive_wiring import archive_reader
from engines.primitives.errors import Unavailable
from infra.archive_packages import Package, write_package
from infra.event_store import open_event_store
from infra.kafka.admin import log_bounds
from infra.kafka.clients import client_config, consumer_config, resolve_bootstrap
from infra.settings import Settings
from infra.snapshots import LocalSnapshotStore, LogPartition, SnapshotStore
from streams import archive_extract as extract
from streams import topics
from streams.archive import Due, archived_topics
from streams.archive_extract import Day, Place
from streams.archive_log import KafkaSource
from streams.archive_reader import ArchiveReader
from streams.folded import folders
from streams.folders import Folder
from streams.past_figures import Logs
from streams.stored_states import Replay

EVENTS_AT_ONCE = 1_000
CUT_TOPICS = (topics.TXN, topics.CONTRACT)


@dataclass(frozen=True, slots=True)
class Extraction:
    """What an extract is made from; `complete` holds the places whose archive has all that the log has."""

    archive: ArchiveReader
    replay: Replay
    logs: Mapping[Place, LogPartition]
    complete: frozenset[Place]
    folders: Mapping[str, Folder]
    snapshots: SnapshotStore

    def make(self, wanted: date, out: Path, events: Iterator[EventView]) -> Package:
        """The package of one closed business date, in `out`/business_date=DATE.

        Raises InvalidInput where it is not closed, Unavailable where archive or workers have not come that far.
        """
        if (topics.BUSINESS_DATE, 0) not in self.complete:
            raise Unavailable("the newest business dates are not archived: `tidemark archive run --once`")
        day = extract.closed_day(extract.told_dates(self.archive), wanted)
        places = [place for place in sorted(self.logs) if place[0] in CUT_TOPICS]
        cuts = {place: self._window(place, day) for place in places}
        entry_cuts = {place: cut for place, cut in cuts.items() if place[0] == topics.TXN}
        self._refuse_unless_published(entry_cuts)
        timely, supplement = extract.entries(self.archive, entry_cuts, day)
        states: dict[str, list[tuple[int, Any]]] = {topic: [] for topic in CUT_TOPICS}
        for folder, where, state in self.replay.states(self.logs, {place: cut[1] for place, cut in cuts.items()}):
            states[folder.topic].append((where.partition, state))
        alert_places = [place for place in sorted(self.logs) if place[0] == topics.ALERT]
        tables = [
            timely,
            supplement,
            extract.positions((state for _, state in states[topics.TXN]), wanted),
            extract.gap_flows(self.folders[topics.CONTRACT], states[topics.CONTRACT]),
            extract.alerts(self.archive, alert_places, lambda place: self._window(place, day)),
            extract.decisions(events, day.previous_us, day.closed_us),
        ]
        facts = {
            "business_date": wanted.isoformat(),
            "previous_business_date": None if day.previous is None else day.previous.isoformat(),
            "entities": list(day.entities),
            "closed_at_us": day.closed_us,
            "previous_closed_at_us": day.previous_us,
            "offsets": {f"{topic}/{partition}": cut[1] for (topic, partition), cut in cuts.items()},
            "logs": {f"{topic}/{number}": self.logs[topic, number].topic_id for topic, number in cuts},
        }
        return write_package(out / f"business_date={wanted.isoformat()}", tables, facts)

    def _window(self, place: Place, day: Day) -> tuple[int, int]:
        """The offsets at which the day before and this day ended."""
        if place not in self.logs:
            return 0, 0
        where, complete = self.logs[place], place in self.complete
        ended = extract.offset_at(self.archive, where, day.closed_us, is_complete=complete)
        if not day.previous_us:
            return 0, ended
        return extract.offset_at(self.archive, where, day.previous_us, is_complete=True), ended

    def _refuse_unless_published(self, cuts: Mapping[Place, tuple[int, int]]) -> None:
        """A snapshot stands only when every alert before it was delivered (S3): so none is missing."""
        for place, (_, ended) in cuts.items():
            newest = self.snapshots.newest(self.logs[place], self.folders[place[0]].state_name)
            if ended and (newest is None or newest.meta.next_offset < ended):
                raise Unavailable("the workers have not come to the end of that day", topic=place[0])
        late = [place for place in self.logs if place[0] == topics.ALERT and place not in self.complete]
        if late:
            raise Unavailable("the newest alerts are not archived: `tidemark archive run --once`", topic=late[0][0])


def run_extract(settings: Settings, wanted: date, out: Path) -> Package:
    """The extract of a running installation."""
    bootstrap = resolve_bootstrap(settings)
    admin, consumer = AdminClient(client_config(settings, bootstrap)), consumer_config(settings, bootstrap)
    archive, known = archive_reader(settings), folders(settings)
    logs = Logs(admin, archived_topics(settings.kafka_partitions)).all()
    snapshots = LocalSnapshotStore(settings.snapshots)
    source = KafkaSource(admin, consumer, {})
    try:
        complete = frozenset(_complete(archive, source, log_bounds(admin, {topic for topic, _ in logs})))
    finally:
        source.close()
    replay = Replay(known, snapshots, consumer, archive)
    with open_event_store(settings.event_store, settings.data_dir) as store:
        assets = Assets(store.factory)
        try:
            made = Extraction(archive, replay, logs, complete, known, snapshots)
            return made.make(wanted, out, all_events(assets))
        finally:
            assets.close()


def _complete(
    archive: ArchiveReader, source: KafkaSource, bounds: Mapping[Place, tuple[int, int]]
) -> Iterator[Place]:
    for (topic, partition), (first, end) in bounds.items():
        held = archive.bounds(topic, partition)
        reached = first if held is None else held[1]
        if reached < end:  # what follows may be nothing but control records, which no file holds
            records, to = source.read(topic, partition, reached, end, Due(records=1))
            if len(records) or to < end:
                continue
        yield topic, partition


def all_events(assets: Assets) -> Iterator[EventView]:
    """Every stored event, oldest first."""
    position = 0
    while events := _after(assets, position):
        yield from events
        position = events[-1].position


def _after(assets: Assets, position: int) -> Sequence[EventView]:
    return assets.published_after(position, EVENTS_AT_ONCE)
