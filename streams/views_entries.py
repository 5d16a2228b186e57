"""One record of one of our topics, by its place in the log: what a figure or an alert is drilled down to.

Not for reading ranges: replay and export have their own readers.
"""

import base64
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from confluent_kafka import (
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from engines.primitives.errors import NotFound, Unavailable
from streams.views_live import CLIENT_LOG

#: Signed tokens travel in commands: whoever may read the log may not act as its authors.
SECRET_FIELDS = frozenset({"token"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One record as JSON values; `appended_at` is the time Kafka took it, where the topic keeps that."""

    topic: str
    partition: int
    offset: int
    appended_at: str | None
    key: str | None
    record: Any
    headers: dict[str, str]

    @property
    def entity(self) -> str | None:
        """The legal entity it belongs to; None where the record names none."""
        fields = self.record if isinstance(self.record, dict) else {}
        entity = fields.get("entity_id", fields.get("entity"))
        return entity if isinstance(entity, str) else None


class EntryReader:
    """Reads single records with one consumer, one request at a time. Thread-safe."""

    def __init__(self, kafka: Mapping[str, str | int | float | bool], *, timeout_s: float = 5.0) -> None:
        self._kafka = dict(kafka)
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._consumer: Consumer | None = None

    def __call__(self, topic: str, partition: int, offset: int) -> Entry:
        """The record at this place.

        Raises:
            NotFound: no such topic, partition or record, or a topic that is not ours.
            Unavailable: Kafka did not answer in time.
        """
        if not topic.startswith("tm."):
            raise NotFound("no such topic", topic=topic)
        facts: dict[str, str | int] = {"topic": topic, "partition": partition, "offset": offset}
        with self._lock:
            try:
                message = self._read(topic, partition, offset)
            except KafkaException as error:
                self._close()
                code = error.args[0].code() if error.args else None
                if code in {
                    KafkaError._UNKNOWN_TOPIC,
                    KafkaError._UNKNOWN_PARTITION,
                    KafkaError.UNKNOWN_TOPIC_OR_PART,
                }:
                    raise NotFound("no such topic or partition", **facts) from error
                raise Unavailable("Kafka does not answer", **facts) from error
        if message is None:
            raise NotFound("no record at this offset", **facts)
        return to_entry(message)

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _read(self, topic: str, partition: int, offset: int) -> Message | None:
        if self._consumer is None:
            # The broker tells the end of the log by EOF; small fetches, since one record is wanted.
            self._consumer = Consumer(
                self._kafka
                | {
                    "group.id": "tidemark-entries",
                    "enable.auto.commit": False,
                    "enable.partition.eof": True,
                    "auto.offset.reset": "error",
                    "fetch.wait.max.ms": 10,
                    "queued.min.messages": 1,
                    "check.crcs": True,
                    "allow.auto.create.topics": False,
                },
                logger=CLIENT_LOG,
            )
        consumer = self._consumer
        place = TopicPartition(topic, partition, offset)
        low, high = consumer.get_watermark_offsets(place, timeout=self._timeout_s)
        if not low <= offset < high:
            return None
        consumer.assign([place])
        try:
            deadline = monotonic() + self._timeout_s
            while (left_s := deadline - monotonic()) > 0:
                message = consumer.poll(left_s)
                if message is None:
                    continue
                error = message.error()
                if error is not None and error.code() == KafkaError._PARTITION_EOF:
                    return None
                if error is not None and (error.fatal() or not error.retriable()):
                    raise KafkaException(error)
                if error is None:
                    # Compaction and transaction markers leave holes: the next record is not the one asked
                    # for.
                    return message if message.offset() == offset else None
        finally:
            consumer.unassign()
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))


def to_entry(message: Message) -> Entry:
    """A Kafka message as JSON values: raw bytes that are no UTF-8 as {"base64": …}, secrets left out."""
    kind, when_ms = message.timestamp()
    appended_at = None
    if kind != TIMESTAMP_NOT_AVAILABLE:
        instant = datetime.fromtimestamp(when_ms // 1000, UTC).replace(microsecond=when_ms % 1000 * 1000)
        appended_at = instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    key = message.key()
    return Entry(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        appended_at=appended_at,
        key=None if key is None else bytes(key).decode("utf-8", "replace"),
        record=_record(message.value()),
        headers={str(name): _text(value) for name, value in list(message.headers() or [])},
    )


def _text(value: str | bytes | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""


def _record(value: bytes | None) -> Any:
    if value is None:
        return None
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode("ascii")}
    try:
        # Numbers stay as they were written: a float would show another amount than the log holds.
        record = json.loads(text, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return {"text": text}
    if isinstance(record, dict):
        return {name: "…" if name in SECRET_FIELDS else inner for name, inner in record.items()}
    return record
