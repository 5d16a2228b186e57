"""A worker: a Faust app whose agents hand batches to folds and acknowledge what a snapshot holds.

Faust gives subscription, partition ownership and rebalancing; the folds, their state, outputs and snapshots are
ours (`streams.partitions`) and run on a thread of their own, off the event loop (S32). An unexpected error
crashes the app: its supervisor restarts it and it resumes at the snapshot.
"""

import asyncio
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

import faust
import structlog
from confluent_kafka.admin import AdminClient
from faust.types import TP
from prometheus_client import CollectorRegistry, start_http_server

from engines.primitives.errors import TidemarkError, Unavailable
from infra.allocator import fix_mapping_threshold
from infra.archive_store import ArchiveStore
from infra.collector import FOLDING, collect_seldom
from infra.files import write_atomically
from infra.kafka.admin import log_bounds
from infra.kafka.clients import client_config, cluster_and_topic_ids, producer_config, resolve_bootstrap
from infra.run_files import process_file
from infra.settings import Settings
from infra.snapshots import LocalSnapshotStore, LogPartition
from streams import batch_records, topics
from streams.archive_reader import ArchiveReader
from streams.folded import folders
from streams.partitions import OwnedPartition, PartitionKeeper, PendingSnapshot, send_dead_letter
from streams.raw_batch import RawBatch, merged
from streams.sink import KafkaSink
from streams.transport import BatchSchema
from streams.warm import warm
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger()
T = TypeVar("T")

#: Faust counts messages, and a message is a batch now (S8). Once this many wait in a topic's stream, Faust sets the
#: partition aside and may sleep a whole second: our own bound on bytes must be met first.
STREAM_BUFFER_BATCHES = 256
BYTES_IN_FLIGHT_MAX = 64 * 1024 * 1024  # fetched and not folded; a fetch under way may come on top
DEAD_LETTER_BYTES_MAX = 16 * 1024 * 1024
HOUSEKEEPING_S = 0.1
EXIT_STALLED = 70


class QuietWorker(faust.Worker):
    def on_setup_root_logger(self, logger: logging.Logger, level: int) -> None:
        """Faust's own, for a spinner, sets the root logger to DEBUG: a third of the fetching thread's time went into
        log records that nobody reads."""


class WorkerApp(faust.App):
    """A Faust app that tells its transport which topics come in batches and where to read on."""

    folded_topics: frozenset[str]
    keeper: PartitionKeeper
    run_blocking: Callable[..., Awaitable[Any]]
    bytes_in_flight = 0

    @property
    def is_full(self) -> bool:
        return self.bytes_in_flight > BYTES_IN_FLIGHT_MAX

    async def claim(self, wanted: set[TP]) -> Mapping[TP, int]:
        try:
            offsets = await self.run_blocking(self.keeper.claim, {(tp.topic, tp.partition) for tp in wanted})
        except Exception as error:
            await self.crash(error)
            raise
        self.bytes_in_flight = 0  # batches of the old assignment are skipped by streams without a word
        return {tp: offsets[tp.topic, tp.partition] for tp in wanted}


#: Handles key, value and time of one record; returns None, or (field, reason) if it belongs to the dead letters.
Handler = Callable[[bytes | None, bytes, datetime], tuple[str, str] | None]


class Worker:
    """Everything one worker process runs; `app` is what Faust starts."""

    def __init__(self, settings: Settings, bootstrap: str, handlers: Mapping[str, Handler]) -> None:
        self._settings = settings
        self.metrics = WorkerMetrics()
        self._folders = folders(settings)
        admin_config = client_config(settings, bootstrap)
        self._admin = AdminClient(admin_config)
        self._partitions = {topic.name: topic.partitions for topic in topics.topics(settings.kafka_partitions)}
        self._ids = cluster_and_topic_ids(self._admin, self._folders)
        self._sink = KafkaSink(
            producer_config(settings, bootstrap, linger_ms=2, message_max_bytes=DEAD_LETTER_BYTES_MAX)
        )
        self.keeper = PartitionKeeper(
            self._folders,
            LocalSnapshotStore(settings.snapshots),
            self._sink,
            self._log_partition,
            lambda names: log_bounds(self._admin, names),
            settings.tick_interval_ms / 1000,
            archive=ArchiveReader(ArchiveStore(settings.archives), self._log_partition),
        )
        self._fold_thread = ThreadPoolExecutor(1, thread_name_prefix="fold")
        self._store_thread = ThreadPoolExecutor(2, thread_name_prefix="store")
        self._lock: asyncio.Lock | None = None
        self._in_line: dict[tuple[str, int], list[tuple[Any, Any]]] = {}
        self._arrived = asyncio.Event()
        self.app = self._make_app(bootstrap)
        self._attach(handlers)

    # -- building ----------------------------------------------------------------------------------------------

    def _make_app(self, bootstrap: str) -> WorkerApp:
        settings = self._settings
        batch_records.install(set(self._folders), settings.batch_records_max)
        app = WorkerApp(
            settings.group,
            broker=[f"tidemark://{address.strip()}" for address in bootstrap.split(",")],
            broker_credentials=_credentials(settings),
            broker_session_timeout=settings.session_timeout_s,
            broker_heartbeat_interval=settings.heartbeat_s,
            broker_max_poll_records=1_000_000,
            broker_check_crcs=True,
            broker_commit_interval=2.8,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=4
            * 1024
            * 1024,  # of a partition: what is unpacked before the fold sees any of it
            stream_buffer_maxsize=STREAM_BUFFER_BATCHES,
            stream_wait_empty=False,  # unacked batches wait for a snapshot: SIGTERM would hang
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,  # Faust's own web server listens on every address
            datadir=str(settings.data_dir / "faust"),
            store="memory://",
            # Rebalances are watched by our own watchdog, which looks at progress and not at idle time.
            stream_processing_timeout=86_400.0,
            broker_commit_livelock_soft_timeout=86_400.0,
        )
        app.folded_topics = frozenset(self._folders)
        app.keeper = self.keeper
        app.run_blocking = self._folding
        return app

    def _attach(self, handlers: Mapping[str, Handler]) -> None:
        schema = BatchSchema(key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        for name in self._folders:
            self._attach_folder(name, self.app.topic(name, schema=schema, allow_empty=True))
        for name, handler in handlers.items():
            self._attach_handler(name, self.app.topic(name, schema=schema, allow_empty=True), handler)
        self.app.task(self._fold_in_line)
        self.app.task(self._keep_house)
        self.app.task(self._watch_progress)

    def _attach_folder(self, name: str, topic: Any) -> None:
        @self.app.agent(topic, name=f"fold-{name}", concurrency=1)
        async def fold(stream: Any) -> None:
            async for event in stream.noack().events():
                try:
                    await self._absorb(stream, event)
                except Exception as error:
                    await self.app.crash(error)  # a restart resumes at the snapshot; going on would skip
                    raise

    def _attach_handler(self, name: str, topic: Any, handler: Handler) -> None:
        @self.app.agent(topic, name=f"handle-{name}", concurrency=1)
        async def handle(stream: Any) -> None:
            async for event in stream.events():
                try:
                    message = event.message
                    # The record's own time: a token must have been valid when the command was sent, not now.
                    at = datetime.fromtimestamp(message.timestamp, UTC)
                    refused = await self._storing(handler, message.key, message.value or b"", at)
                    if refused is not None:
                        await self._storing(
                            self._refuse_command,
                            name,
                            message.partition,
                            message.offset,
                            refused,
                            message.value,
                        )
                except Exception as error:
                    await self.app.crash(error)
                    raise

    def _refuse_command(
        self, topic: str, partition: int, offset: int, refused: tuple[str, str], value: bytes | None
    ) -> None:
        send_dead_letter(self._sink, topic, partition, offset, *refused, value)
        self._sink.flush()
        self.metrics.dead_letters.labels(topic).inc()

    def _log_partition(self, topic: str, partition: int) -> LogPartition:
        return LogPartition(
            self._ids.cluster_id, topic, self._ids.topic_ids[topic], partition, self._partitions[topic]
        )

    # -- running -----------------------------------------------------------------------------------------------

    async def _folding(self, call: Callable[..., T], *arguments: Any) -> T:
        """Run on the fold thread, alone: states are touched by one thread at a time."""
        if self._lock is None:
            self._lock = asyncio.Lock()
        async with self._lock:
            return await asyncio.get_running_loop().run_in_executor(self._fold_thread, call, *arguments)

    async def _storing(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._store_thread, call, *arguments)

    async def _absorb(self, stream: Any, event: Any) -> None:
        """Put a batch in line for the fold thread; that not too many get here is the transport's care."""
        message, raw = event.message, event.value
        if not isinstance(raw, RawBatch):
            raise TidemarkError("the batch transport is not installed", topic=message.topic)
        self._in_line.setdefault((message.topic, message.partition), []).append((stream, event))
        self._arrived.set()

    async def _fold_in_line(self) -> None:
        """Fold what is in line, partition by partition; batches that wait together are folded as one.

        A batch costs some milliseconds before its first record: folding each small one by itself would make the
        line grow under loads that are no load.
        """
        try:
            while not self.app.should_stop:
                await self._arrived.wait()
                self._arrived.clear()
                for at in list(self._in_line):
                    waiting = self._in_line.pop(at)
                    owned = await self._folding(self._fold_and_publish, at, waiting)
                    folded_bytes = sum(event.value.size_bytes for _, event in waiting)
                    self.app.bytes_in_flight = max(0, self.app.bytes_in_flight - folded_bytes)
                    if owned is not None:
                        await self._snapshot_if_large(owned)
        except Exception as error:
            await self.app.crash(error)  # a restart resumes at the snapshot; going on would skip
            raise

    async def _snapshot_if_large(self, owned: OwnedPartition) -> None:
        total = sum(one.unacknowledged_bytes for one in self.keeper.owned.values())
        enough = owned.state.next_offset - owned.snapshot_offset >= self._settings.snapshot_records_max
        if enough or total > self._settings.unacknowledged_bytes_max:
            await self._snapshot(owned)

    def _fold_and_publish(self, at: tuple[str, int], waiting: list[tuple[Any, Any]]) -> OwnedPartition | None:
        owned = self.keeper.owned.get(at)
        generation = self.app.consumer_generation_id
        # Of an assignment that is over: whoever owns the partition now reads it again.
        current = [(stream, event) for stream, event in waiting if event.message.generation_id == generation]
        if owned is None or not current:
            return None
        for raw in merged([event.value for _, event in current], self._settings.batch_records_max):
            done = self.keeper.absorb(owned, raw)
            self.metrics.folded.labels(at[0]).inc(done.records)
            self.metrics.batch_records.labels(at[0]).observe(done.records)
            self.metrics.fold_seconds.labels(at[0]).observe(done.seconds)
            if done.refused:
                self.metrics.dead_letters.labels(at[0]).inc(done.refused)
        if self.keeper.publish_due(owned):
            self._publish(owned)
        owned.unacknowledged += current
        owned.unacknowledged_bytes += sum(event.value.size_bytes for _, event in current)
        return owned

    def _publish(self, owned: OwnedPartition) -> None:
        with self.metrics.publish_seconds.time():
            self.keeper.publish(owned)

    async def _snapshot(self, owned: OwnedPartition) -> None:
        if owned.is_dumped or self.keeper.owned.get((owned.log.topic, owned.log.partition)) is not owned:
            return  # one is on its way: what it lacks goes into the next
        started = time.perf_counter()
        pending = await self._folding(self._dump_unless_dumped, owned)
        if pending is None:
            return
        await self._storing(self.keeper.store, pending)
        self.metrics.snapshot_seconds.observe(time.perf_counter() - started)
        self.metrics.snapshot_bytes.inc(len(pending.payload))
        for stream, event in pending.acknowledge:
            await stream.ack(event)

    def _dump_unless_dumped(self, owned: OwnedPartition) -> PendingSnapshot | None:
        return None if owned.is_dumped else self.keeper.dump(owned)

    async def _keep_house(self) -> None:
        """Ticks that were not due when their batch came, and snapshots as they grow old."""
        last_snapshots = 0.0
        try:
            while not self.app.should_stop:
                await asyncio.sleep(max(self._settings.tick_interval_ms / 1000, 0.005))
                for owned in list(self.keeper.owned.values()):
                    if self.keeper.publish_due(owned):
                        await self._folding(self._publish, owned)
                now = time.monotonic()
                if now - last_snapshots >= HOUSEKEEPING_S:
                    last_snapshots = now
                    await self._snapshot_old_ones(now)
        except Exception as error:
            await self.app.crash(error)
            raise

    async def _snapshot_old_ones(self, now: float) -> None:
        oldest = 0.0
        for owned in list(self.keeper.owned.values()):
            if not owned.is_unsaved:
                continue
            age = now - owned.snapshot_at
            oldest = max(oldest, age)
            if age >= self._settings.snapshot_interval_s:
                await self._snapshot(owned)
        self.metrics.snapshot_age.set(oldest)

    def _end(self, topic: str, partition: int) -> int | None:
        """None: a rebalance has taken it from the consumer, and its state is given back in a moment."""
        try:
            return self.app.consumer.highwater(TP(topic, partition)) or 0
        except AssertionError:  # aiokafka's words for it
            return None

    async def _watch_progress(self) -> None:
        """Lag without advance ends the worker: a silent stop is the one failure nobody restarts."""
        seen: dict[tuple[str, int], tuple[int, float]] = {}
        while not self.app.should_stop:
            await asyncio.sleep(1.0)
            lag_by_topic = dict.fromkeys(self._folders, 0)
            now = time.monotonic()
            for (topic, partition), owned in list(self.keeper.owned.items()):
                reached, end = owned.state.next_offset, self._end(topic, partition)
                if end is None:
                    continue
                lag_by_topic[topic] += max(0, end - reached)
                before = seen.get((topic, partition))
                if before is None or before[0] != reached or end <= reached:
                    seen[topic, partition] = (reached, now)
                elif now - before[1] > self._settings.watchdog_s:
                    log.error("stalled", topic=topic, partition=partition, next_offset=reached, end=end)
                    os._exit(EXIT_STALLED)  # whatever hangs would hang an orderly stop as well
            for topic, lag in lag_by_topic.items():
                self.metrics.lag.labels(topic).set(lag)
            self.metrics.partitions.set(len(self.keeper.owned))


def _credentials(settings: Settings) -> Any:
    if settings.kafka_security_protocol == "PLAINTEXT":
        return None
    context = None
    if "SSL" in settings.kafka_security_protocol:
        import ssl

        context = ssl.create_default_context(cafile=str(settings.kafka_ssl_ca) if settings.kafka_ssl_ca else None)
        if settings.kafka_ssl_certificate:
            context.load_cert_chain(str(settings.kafka_ssl_certificate), str(settings.kafka_ssl_key or "") or None)
    if "SASL" not in settings.kafka_security_protocol:
        return faust.SSLCredentials(context)
    password = settings.kafka_sasl_password.get_secret_value() if settings.kafka_sasl_password else ""
    return faust.SASLCredentials(
        username=settings.kafka_sasl_username,
        password=password,
        ssl_context=context,
        mechanism=settings.kafka_sasl_mechanism or "PLAIN",
    )


def run_worker(
    settings: Settings,
    handlers: Mapping[str, Handler] | None = None,
    more_metrics: Sequence[CollectorRegistry] = (),
) -> None:
    """Run one worker in this process until SIGTERM or SIGINT; exits non-zero when it crashed. `more_metrics` are
    served beside the worker's own."""
    fix_mapping_threshold()
    bootstrap = resolve_bootstrap(settings)
    warm()
    worker = Worker(settings, bootstrap, handlers or {})
    for registry in more_metrics:
        worker.metrics.registry.register(registry)  # a registry collects as its collectors do
    server, _ = start_http_server(settings.worker_metrics_port, "127.0.0.1", worker.metrics.registry)
    address = f"http://127.0.0.1:{server.server_port}/metrics"
    write_atomically(
        process_file(settings.data_dir / "run", "worker", os.getpid()), f'{{"metrics":"{address}"}}'.encode()
    )
    logging.getLogger("faust").setLevel(logging.WARNING)
    collect_seldom(FOLDING)
    sys.setswitchinterval(0.001)  # the fetching thread and the loop wait this long for the folding one
    try:
        QuietWorker(worker.app, loglevel="WARN", redirect_stdouts=False, quiet=True).execute_from_commandline()
    except Unavailable as error:
        log.error("worker_stopped", reason=str(error))
        raise SystemExit(1) from error
