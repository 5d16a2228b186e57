"""Puts the archive together from settings: where it lies, what reads it, what fills it."""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka.admin import AdminClient

from api.startup import stop_on_signals
from infra.archive_events import EVENTS, EventSource
from infra.archive_store import ArchiveStore
from infra.event_store import Cursor, EventStore, open_event_store, utc_now
from infra.kafka.clients import client_config, consumer_config, resolve_bootstrap
from infra.settings import Settings
from infra.snapshot_files import LogPartition
from streams.archive import Archiver, Due, Joined, archived_topics
from streams.archive_log import KafkaSource
from streams.archive_reader import ArchiveReader, by_topic
from streams.past_figures import Logs

LEASE_S = 60.0
CURSOR_NAME = "archiver"


def archive_reader(settings: Settings) -> ArchiveReader:
    """Reads what the logs of this cluster no longer hold; asks for topic ids when first used."""
    kafka = client_config(settings, resolve_bootstrap(settings))
    logs = Logs(AdminClient(kafka), archived_topics(settings.kafka_partitions))

    def where(topic: str, partition: int) -> LogPartition:
        return by_topic(logs.all())(topic, partition)

    return ArchiveReader(ArchiveStore(settings.archives), where)


@contextmanager
def archiver(settings: Settings, store: EventStore, holder: str) -> Iterator[Archiver]:
    """An archiver of all topics and of the event store, with the lease that lets one of several work."""
    bootstrap = resolve_bootstrap(settings)
    admin, consumer = AdminClient(client_config(settings, bootstrap)), consumer_config(settings, bootstrap)
    source, events = KafkaSource(admin, consumer, archived_topics(settings.kafka_partitions)), EventSource(store)
    lease = Cursor(store, CURSOR_NAME, holder, clock=utc_now, lease_s=LEASE_S)
    due = Due(records=settings.archive_records_max, age_s=settings.archive_age_s)
    joined = Joined(source, {EVENTS: events})
    try:
        yield Archiver(
            ArchiveStore(settings.archives), joined, lambda: [*source.logs(), *events.logs()], due, lease=lease
        )
    finally:
        source.close()


def run_archive(settings: Settings, *, once: bool = False) -> int:
    """Archive until a signal, or everything there is and no more; how many records, if `once`."""
    holder = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
    with (
        open_event_store(settings.event_store, settings.data_dir) as store,
        archiver(settings, store, holder) as worker,
    ):
        if once:
            count = worker.run_once(everything=True)
            if worker.lease is not None:
                worker.lease.release()
            return count
        with stop_on_signals() as stop:
            worker.run(stop)
    return 0
