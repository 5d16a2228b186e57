"""A fast reader for replays: record batches walked by compiled code, fetched by a thread while the fold works.

`LogReader` makes an object a record, five microseconds each; here a partition comes as the worker gets it
(`streams.batch_records`), at a fifth of that. For long ranges: opening it takes as long as some thousand records.
What lies in the archive, and what is refused, is as with `LogReader`.
"""

import asyncio
import queue
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as Place
from aiokafka.errors import KafkaError
from aiokafka.helpers import create_ssl_context
from confluent_kafka import KafkaException, TopicPartition

from engines.primitives.errors import InvalidInput, NotFound, Unavailable
from infra.snapshots import LogPartition, SnapshotStore
from streams import batch_records
from streams.archive_reader import ArchiveReader
from streams.folders import Folder
from streams.raw_batch import RawBatch
from streams.stored_states import READ_TIMEOUT_S, LogReader, Replay
from streams.topics import TXN

FEW = 20_000  # records that are read sooner than a consumer is opened
RECORDS_MAX = 40_000  # of a batch: the fold's cost a batch is spread over so many
AHEAD = 4  # batches fetched and not folded yet
FETCH_BYTES = 4 * 1024 * 1024
POLL_MS = 500
_OPTIONS = {
    "bootstrap.servers": "bootstrap_servers",
    "security.protocol": "security_protocol",
    "sasl.mechanism": "sasl_mechanism",
    "sasl.mechanisms": "sasl_mechanism",
    "sasl.username": "sasl_plain_username",
    "sasl.password": "sasl_plain_password",
}


class BatchLogReader(LogReader):
    """Not thread-safe, as `LogReader`."""

    def __init__(self, kafka: Mapping[str, Any], archive: ArchiveReader | None = None) -> None:
        super().__init__(kafka, archive)
        self._kafka = dict(kafka)

    def batches(self, topic: str, partition: int, start: int, end: int) -> Iterator[RawBatch]:
        """As `LogReader.batches`; batches are larger."""
        first, last = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=READ_TIMEOUT_S)
        of_log = max(start, min(first, end))
        if end > last or end - of_log < FEW:
            yield from super().batches(topic, partition, start, end)
            return
        if start < of_log:
            yield from super().batches(topic, partition, start, of_log)
        yield from walked(self._kafka, topic, partition, of_log, end)


class BatchReplay(Replay):
    """Past states by the fast reader. `watches_flows` False: entries are not judged for large flows (a tenth of the
    fold), and states know none."""

    def __init__(
        self,
        folders: Mapping[str, Folder],
        store: SnapshotStore,
        kafka: Mapping[str, Any],
        archive: ArchiveReader | None = None,
        *,
        watches_flows: bool = True,
    ) -> None:
        super().__init__(folders, store, kafka, archive)
        self._watches_flows = watches_flows

    def states(
        self, logs: Mapping[tuple[str, int], LogPartition], offsets: Mapping[tuple[str, int], int]
    ) -> Iterator[tuple[Folder, LogPartition, Any]]:
        try:
            reader = BatchLogReader(self._kafka, self._archive)
        except KafkaException as error:
            raise Unavailable(f"no Kafka: {error}") from error
        try:
            for (topic, partition), end in sorted(offsets.items()):
                folder, where = self._folders.get(topic), logs.get((topic, partition))
                if folder is None or where is None:
                    raise NotFound(f"{topic}/{partition} is not a folded log", field="at_offsets")
                yield folder, where, self._state(reader, folder, where, end)
        finally:
            reader.close()

    def _state(self, reader: LogReader, folder: Folder, where: LogPartition, end: int) -> Any:
        if self._watches_flows or folder.topic != TXN:
            return super()._state(reader, folder, where, end)
        found = self._store.newest_at_or_below(where, folder.state_name, end)
        usable = found is not None and found.meta.fold_version == folder.fold_version
        state = folder.load(found.base, found.deltas) if usable and found else folder.empty()
        state.watches_flows = False
        for raw in reader.batches(where.topic, where.partition, state.next_offset, end):
            folder.absorb(state, raw)
        return state

    def raw(self, topic: str, partition: int, end: int) -> Iterator[RawBatch]:
        reader = BatchLogReader(self._kafka, self._archive)
        try:
            yield from reader.batches(topic, partition, 0, end)
        finally:
            reader.close()


def walked(kafka: Mapping[str, Any], topic: str, partition: int, start: int, end: int) -> Iterator[RawBatch]:
    """Records of [start, end), which the log holds.

    Raises Unavailable: the log does not answer. InvalidInput: it no longer holds `start`.
    """
    batch_records.install({topic}, RECORDS_MAX)
    fetched: queue.Queue[RawBatch | Exception | None] = queue.Queue(AHEAD)
    stop = threading.Event()

    def put(one: RawBatch | Exception | None) -> None:
        while not stop.is_set():
            try:
                fetched.put(one, timeout=0.2)
            except queue.Full:
                continue
            return

    def fetch() -> None:
        try:
            asyncio.run(_fetch(kafka, Place(topic, partition), start, end, put, stop))
            put(None)
        except Exception as error:
            put(error)

    thread = threading.Thread(target=fetch, name="replay-fetch", daemon=True)
    thread.start()
    try:
        while (one := fetched.get()) is not None:
            if isinstance(one, Exception):
                raise _told(one, topic, partition, start)
            yield one
    finally:
        stop.set()
        thread.join()


async def _fetch(kafka: Mapping[str, Any], place: Any, start: int, end: int, put: Any, stop: threading.Event) -> None:
    consumer = AIOKafkaConsumer(
        **_options(kafka),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        check_crcs=True,
        isolation_level="read_committed",
        max_partition_fetch_bytes=FETCH_BYTES,
        max_poll_records=1_000_000,
    )
    await consumer.start()
    try:
        consumer.assign([place])
        consumer.seek(place, start)
        loop, at, silent_ms = asyncio.get_running_loop(), start, 0
        while at < end and not stop.is_set():
            found = await consumer.getmany(place, timeout_ms=POLL_MS)
            silent_ms = 0 if found else silent_ms + POLL_MS
            if silent_ms >= READ_TIMEOUT_S * 1_000:
                raise Unavailable(f"the log does not answer: nothing at {at} of {place.topic}/{place.partition}")
            for raw in found.get(place, ()):
                if at < end:
                    # In a thread of its own: the loop fetches on while the fold takes its time.
                    await loop.run_in_executor(None, put, _below(raw, end))
                    at = raw.to_offset
    finally:
        await consumer.stop()


def _below(raw: RawBatch, end: int) -> RawBatch:
    if raw.to_offset <= end:
        return raw
    return replace(raw.take(np.flatnonzero(raw.offsets < end)), to_offset=end)


def _options(kafka: Mapping[str, Any]) -> dict[str, Any]:
    """librdkafka's properties as aiokafka names them."""
    found = {name: kafka[key] for key, name in _OPTIONS.items() if kafka.get(key)}
    if "SSL" in str(found.get("security_protocol", "")).upper():
        files = ("ssl.ca.location", "ssl.certificate.location", "ssl.key.location")
        ca, certificate, key = (kafka.get(name) for name in files)
        found["ssl_context"] = create_ssl_context(cafile=ca, certfile=certificate, keyfile=key)
    return found


def _told(error: Exception, topic: str, partition: int, start: int) -> Exception:
    if isinstance(error, KafkaError):
        if type(error).__name__ in {"OffsetOutOfRangeError", "NoOffsetForPartitionError"}:
            message = f"{topic}/{partition} no longer holds {start}"
            return InvalidInput(message, field="at_offsets", partition=partition)
        return Unavailable(f"the log does not answer: {error}")
    return error
