"""Puts together what watches limits: the sequencer beside the API's live view, the responses beside the event store.

The sequencer runs where a view is kept anyway, so that no second one is filled; of several APIs one holds the lease.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Event

import structlog
from confluent_kafka.admin import AdminClient

from aggregates.assets import Assets
from api.services import Services
from engines.primitives.errors import NotFound
from infra.event_store import EventStore, utc_now
from infra.kafka.clients import client_config, consumer_config, producer_config, resolve_bootstrap
from infra.policies import load_policy
from infra.settings import Settings
from streams.cut_dues import TermsNear
from streams.cut_reader import CutReader
from streams.cut_sequencer import CUT_KEY, CutSequencer
from streams.folded import watch_policy
from streams.limit_funding import FundingPolicy
from streams.limit_response_runner import AlertReader, LimitResponseRunner, ResponseMetrics
from streams.producer import RecordProducer
from streams.rule_sources import StoreBeside
from streams.topics import CUT

log = structlog.get_logger()

InThread = Callable[[str, Callable[[Event], None]], AbstractContextManager[None]]


def funding_policy(settings: Settings) -> FundingPolicy:
    """Without such a policy no source is known: a plan then shows the whole need uncovered."""
    try:
        return FundingPolicy.parse(load_policy("limits_funding", settings.policy_dir))
    except NotFound:
        log.warning("no_funding_sources", policy="limits_funding")
        return FundingPolicy("-", ())


def cut_reader(settings: Settings) -> CutReader:
    bootstrap = resolve_bootstrap(settings)
    return CutReader(AdminClient(client_config(settings, bootstrap)), consumer_config(settings, bootstrap))


@contextmanager
def recording_cuts(
    settings: Settings, store: EventStore, ours: Services, assets: Assets, holder: str, in_thread: InThread
) -> Iterator[None]:
    """Cuts of the live view go to Kafka meanwhile."""
    if ours.ratio_policy is None:
        yield
        return
    bootstrap = resolve_bootstrap(settings)
    producer = RecordProducer(producer_config(settings, bootstrap))

    def send(value: bytes) -> None:
        producer.send(CUT, CUT_KEY, value)
        producer.flush()

    sequencer = CutSequencer(
        ours.live,
        ours.ratio_policy,
        watch_policy(settings),
        store,
        send,
        cut_reader(settings).newest,
        beside=StoreBeside(assets, tuple if ours.work is None else TermsNear(ours.work, utc_now)),
        clock=utc_now,
        holder=holder,
        config_version=ours.config_version,
    )
    with in_thread("cut-sequencer", sequencer.run):
        yield


@contextmanager
def answering_limits(
    settings: Settings, store: EventStore, assets: Assets, holder: str, in_thread: InThread
) -> Iterator[ResponseMetrics]:
    """Alerts on limits open cases and propose plans meanwhile; what was done is counted in what it gives."""
    reader = AlertReader(consumer_config(settings, resolve_bootstrap(settings)))
    runner = LimitResponseRunner(assets, store, reader, funding_policy(settings), clock=utc_now, holder=holder)
    try:
        with in_thread("limit-responses", runner.run):
            yield runner.metrics
    finally:
        reader.close()
