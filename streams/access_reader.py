"""Searches `tm.events.access.v1` from an instant on, newest first. Not for writing: that is `streams.access_log`."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from engines.primitives.errors import Unavailable
from streams.access_log import AccessRecord
from streams.topics import ACCESS

PATIENCE_S = 20.0
FETCH_RECORDS = 500

Wanted = Callable[[AccessRecord], bool]
Search = Callable[[datetime, Wanted, int], list[AccessRecord]]
"""The newest so many wanted records since an instant, newest first. Raises Unavailable."""


class AccessReader:
    """Reads the part of the topic that was asked for, once for each question. `topic` is another one in tests."""

    def __init__(self, consumer_config: Mapping[str, Any], *, topic: str = ACCESS) -> None:
        self._config, self._topic = dict(consumer_config), topic

    def __call__(self, since: datetime, wanted: Wanted, limit: int) -> list[AccessRecord]:
        consumer = Consumer({**self._config, "enable.partition.eof": True, "auto.offset.reset": "earliest"})
        found: deque[AccessRecord] = deque(maxlen=limit)
        try:
            for message in self._messages(consumer, since):
                record = decoded(message.value())
                if record is not None and wanted(record) and record not in found:  # told twice: the same record
                    found.append(record)
        except KafkaException as error:
            raise Unavailable(f"no access log: {error.args[0].str()}") from error
        finally:
            consumer.close()
        return [*found][::-1]

    def _messages(self, consumer: Consumer, since: datetime) -> Iterator[Message]:
        at = TopicPartition(self._topic, 0, int(since.timestamp() * 1_000))
        (start,) = consumer.offsets_for_times([at], timeout=PATIENCE_S)
        if start.error is not None:
            raise KafkaException(start.error)
        if start.offset == OFFSET_END:
            return
        consumer.assign([TopicPartition(self._topic, 0, start.offset)])
        deadline = time.monotonic() + PATIENCE_S
        while True:
            messages = consumer.consume(FETCH_RECORDS, 0.2)
            for message in messages:
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    return
                else:
                    raise KafkaException(error)
            if messages:
                deadline = time.monotonic() + PATIENCE_S
            elif time.monotonic() > deadline:
                raise Unavailable(f"{self._topic} gave nothing for {PATIENCE_S:g} s", topic=self._topic)


def decoded(value: bytes | None) -> AccessRecord | None:
    """None for what is no access record: others may write here by mistake, and a search goes on."""
    try:
        return msgspec.json.decode(value or b"", type=AccessRecord)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
