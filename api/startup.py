"""What every part does before its work: logs, topics, signals. Imports little, so that parts start quickly.

Not for putting parts together: that is `api.wiring`, which knows everything and takes its time.
"""

import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType

import structlog

from engines.primitives.errors import Unavailable
from infra.masking import masked_log
from infra.settings import Settings

#: How long a part waits for Kafka before it gives up: parts and broker start together, in `up` as elsewhere.
KAFKA_PATIENCE_S = 60.0


def configure_logs(settings: Settings) -> None:
    """Structured lines on stderr: stdout belongs to figures. JSON where `TIDEMARK_LOG_JSON` asks for it."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    as_text = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            masked_log,
            structlog.processors.JSONRenderer() if settings.log_json else as_text,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    foreign = "%(levelname)s %(name)s %(message)s"  # libraries say little below a warning that helps anybody
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr, format=foreign)


def await_kafka(settings: Settings, patience_s: float = KAFKA_PATIENCE_S) -> None:
    """Return once the cluster answers, and no sooner than its topics are there.

    Raises:
        Unavailable: no broker answered in time. Conflict: a topic is not as declared.
    """
    from infra.kafka.broker import is_ready

    deadline = time.monotonic() + patience_s
    while not is_ready(settings):
        if time.monotonic() > deadline:
            where = settings.kafka_bootstrap or f"the broker of {settings.data_dir}"
            raise Unavailable(f"no Kafka: {where} did not answer within {patience_s:.0f} s")
        time.sleep(0.1)
    prepare_topics(settings)


def prepare_topics(settings: Settings) -> None:
    """Create what is missing, verify what exists.

    Raises:
        Unavailable: no broker answers. Conflict: a topic is not as declared.
    """
    from confluent_kafka.admin import AdminClient

    from infra.kafka.admin import ensure_topics
    from infra.kafka.clients import client_config, resolve_bootstrap
    from streams.topics import topics

    admin = AdminClient(client_config(settings, resolve_bootstrap(settings)))
    ensure_topics(admin, topics(settings.kafka_partitions), settings.kafka_replication)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event set by SIGINT, SIGTERM or SIGHUP, for loops that look at one."""
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        # Not stop.set() here: the handler may interrupt stop.wait() in this very thread, under its lock.
        threading.Thread(target=stop.set).start()

    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, ask) for number in watched}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_core(settings: Settings) -> None:
    """Answer as a core-banking system would, and as the other neighbour systems, until a signal."""
    from infra.kafka.clients import client_config, producer_config, resolve_bootstrap
    from streams import topics
    from streams.core_behaviour import misbehaviours
    from streams.core_simulator import CoreSimulatorConfig, run_core_simulator
    from streams.integrations.manners import manners
    from streams.integrations.names import POSTING_QUERY
    from streams.integrations.simulator_service import NeighboursConfig, run_neighbours

    bootstrap = resolve_bootstrap(settings)
    kafka = (client_config(settings, bootstrap), producer_config(settings, bootstrap))
    core = CoreSimulatorConfig(
        *kafka,
        misbehaviours=misbehaviours(settings.simulated_core),
        request_topic=topics.POSTING_REQUEST,
        query_topic=POSTING_QUERY,
        transfer_topic=topics.TRANSFER_INSTRUCTION,
    )
    others = NeighboursConfig(*kafka, manners(settings.simulated_neighbours))
    with stop_on_signals() as stop, ThreadPoolExecutor(1) as threads:
        beside = threads.submit(run_neighbours, others, stop)
        beside.add_done_callback(lambda _: stop.set())  # one alone is no bank: the supervisor restarts both
        try:
            run_core_simulator(core, stop)
        finally:
            stop.set()
        beside.result()
