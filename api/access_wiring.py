"""Puts the access log together: a producer, a thread that sends, a reader for those who search."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Event

from api.access import Access
from infra.event_store import utc_now
from infra.kafka.clients import consumer_config, producer_config, resolve_bootstrap
from infra.settings import Settings
from streams.access_log import AccessLog, kafka_send
from streams.access_reader import AccessReader

InThread = Callable[[str, Callable[[Event], None]], AbstractContextManager[None]]


@contextmanager
def telling_access(settings: Settings, in_thread: InThread) -> Iterator[AccessLog]:
    """What is told goes to Kafka meanwhile, and at the end what still waits."""
    log = AccessLog(kafka_send(producer_config(settings, resolve_bootstrap(settings))), clock=utc_now)
    with in_thread("access-log", log.run):
        yield log


def access_of(settings: Settings, log: AccessLog) -> Access:
    reader = AccessReader(consumer_config(settings, resolve_bootstrap(settings)))
    return Access(log, reader, frozenset(settings.access_log_reads_of.split()))
