"""Reads a partition from its start with the keys of its records, which the folds do not need and proofs do."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from confluent_kafka import Consumer, KafkaError, TopicPartition

from engines.primitives.errors import InvalidInput, Unavailable
from streams.archive_reader import ArchiveReader
from streams.raw_batch import RawBatch
from streams.stored_states import READ_RECORDS_MAX, READ_TIMEOUT_S


class KeyedBatch(NamedTuple):
    raw: RawBatch
    keys: list[bytes | None]  # beside its records


#: The records of [0, end) of a partition. Raises InvalidInput: the log does not hold all of them (any more, or yet).
KeyedRecords = Callable[[str, int, int], Iterator[KeyedBatch]]


def keyed_records(kafka: Mapping[str, Any], archive: ArchiveReader | None = None) -> KeyedRecords:
    """By a consumer of one call; below the log's start from the archive, if there is one."""

    def read(topic: str, partition: int, end: int) -> Iterator[KeyedBatch]:
        consumer = Consumer({**kafka, "enable.partition.eof": True, "auto.offset.reset": "error"})
        try:
            place = TopicPartition(topic, partition)
            first, last = consumer.get_watermark_offsets(place, timeout=READ_TIMEOUT_S)
            held = archive.bounds(topic, partition) if archive and first else None
            if end > last or (first and not (held and held[0] == 0 and min(first, end) <= held[1])):
                told = f"{topic}/{partition} holds [{first}, {last}), a proof needs [0, {end})"
                raise InvalidInput(told, field="at_offsets", partition=partition)
            if archive and first:
                yield from _archived(archive, topic, partition, min(first, end))
            if first < end:
                yield from _read(consumer, topic, partition, first, end)
        finally:
            consumer.close()

    return read


def _archived(archive: ArchiveReader, topic: str, partition: int, end: int) -> Iterator[KeyedBatch]:
    at = 0
    for records in archive.records(topic, partition, 0, end):
        if not len(records):
            continue
        upper = records.offsets[-1] + 1
        offsets, times = np.array(records.offsets, np.int64), np.array(records.timestamps_us, np.int64)
        yield KeyedBatch(RawBatch.of_values(at, upper, offsets, records.values, times), records.keys)
        at = upper
    if at < end:  # nothing but markers of transactions
        nothing = np.zeros(0, np.int64)
        yield KeyedBatch(RawBatch.of_values(at, end, nothing, [], nothing), [])


def _read(consumer: Consumer, topic: str, partition: int, start: int, end: int) -> Iterator[KeyedBatch]:
    consumer.assign([TopicPartition(topic, partition, start)])
    at = start
    while at < end:
        good = []
        ended = False
        for one in consumer.consume(READ_RECORDS_MAX, timeout=1.0):
            error = one.error()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                raise Unavailable(f"the log does not answer: {error.str()}")
            if error is not None or (one.offset() or 0) >= end:
                ended = True
                break
            good.append(one)
        upper = end if ended else (good[-1].offset() or 0) + 1 if good else at
        if good or ended:
            offsets = np.array([one.offset() for one in good], np.int64)
            times = np.array([one.timestamp()[1] * 1_000 for one in good], np.int64)
            raw = RawBatch.of_values(at, upper, offsets, [one.value() for one in good], times)
            yield KeyedBatch(raw, [one.key() for one in good])
            at = upper
