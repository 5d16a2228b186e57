"""Kafka as the archiver reads it: committed records with keys and headers, up to where the log is stable."""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from engines.primitives.errors import CorruptRecord, Unavailable
from infra.archive_files import Headers, Records
from infra.kafka.admin import log_bounds
from infra.kafka.clients import cluster_and_topic_ids
from infra.snapshot_files import LogPartition
from streams.archive import Due, Place

CONSUME_RECORDS = 10_000
SILENCE_MAX_S = 30.0
POLL_S = 0.1  # a read of fewer records than wanted takes so long: the end of a partition ends no waiting


class KafkaSource:
    """Reads with one consumer, one partition at a time. Not thread-safe."""

    def __init__(
        self, admin: AdminClient, consumer: Mapping[str, Any], partitions_by_topic: Mapping[str, int]
    ) -> None:
        self._admin, self._topics = admin, dict(partitions_by_topic)
        # Records that vanish while we read are a hole, not a reason to go on behind it.
        self._consumer = Consumer({**consumer, "enable.partition.eof": True, "auto.offset.reset": "error"})

    def close(self) -> None:
        self._consumer.close()

    def logs(self) -> list[LogPartition]:
        """The partitions as they are now."""
        ids = cluster_and_topic_ids(self._admin, self._topics)
        return [
            LogPartition(ids.cluster_id, topic, ids.topic_ids[topic], partition, count)
            for topic, count in self._topics.items()
            for partition in range(count)
        ]

    def bounds(self) -> Mapping[Place, tuple[int, int]]:
        return log_bounds(self._admin, self._topics)

    def read(self, topic: str, partition: int, start: int, end: int, limit: Due) -> tuple[Records, int]:
        """As `streams.archive.Source.read`. Raises Unavailable where the broker is silent, CorruptRecord where
        records were deleted before they were read."""
        at, size, silent_s, records = start, 0, 0.0, Records()
        self._consumer.assign([TopicPartition(topic, partition, start)])
        try:
            while at < end and size < limit.bytes and len(records) < limit.records:
                wanted = min(CONSUME_RECORDS, end - at, limit.records - len(records))
                messages = self._consumer.consume(wanted, timeout=POLL_S)
                silent_s = 0.0 if messages else silent_s + POLL_S
                if silent_s >= SILENCE_MAX_S:
                    raise Unavailable("the log does not answer", topic=topic, partition=partition)
                for message in messages:
                    error, offset = message.error(), message.offset() or 0
                    if error is not None:
                        if error.code() == KafkaError._PARTITION_EOF:  # where committed records end, for now
                            return records, max(at, min(offset, end))
                        raise _told(error, topic, partition)
                    if offset >= end:
                        return records, end
                    value = message.value()
                    records.offsets.append(offset)
                    records.timestamps_us.append(message.timestamp()[1] * 1_000)
                    records.keys.append(_bytes(message.key()))
                    records.values.append(_bytes(value))
                    records.headers.append(_headers(message.headers()))
                    size += len(value or b"")
                    at = offset + 1
        except KafkaException as error:
            raise Unavailable(f"the log does not answer: {error}", topic=topic) from error
        finally:
            self._consumer.unassign()
        return records, min(at, end)


def _told(error: KafkaError, topic: str, partition: int) -> Exception:
    if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
        return CorruptRecord(f"{topic}/{partition}: records were deleted before they were archived", topic=topic)
    return Unavailable(f"the log does not answer: {error.str()}", topic=topic)


def _bytes(text: str | bytes | None) -> bytes | None:
    return text.encode() if isinstance(text, str) else text


def _headers(found: Any) -> Headers:
    pairs = found.items() if isinstance(found, dict) else found or ()
    return [(name, _bytes(value)) for name, value in pairs]
