"""The newest statements of our accounts elsewhere, read from their topic when asked: statements are few.

Not a fold: nothing is derived here. Each call reads what came since the call before.
"""

import threading
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition

from engines.primitives.errors import Unavailable
from streams.nostro_records import NostroStatement
from streams.topics import NOSTRO_STATEMENT
from streams.views_live import CLIENT_LOG

Key = tuple[str, str, str, str, str, int, int]
_decode = msgspec.json.Decoder(NostroStatement).decode


class NostroStatements:
    """One consumer, one request at a time. Thread-safe."""

    def __init__(self, kafka: Mapping[str, Any], *, topic: str = NOSTRO_STATEMENT, timeout_s: float = 10.0) -> None:
        self._kafka, self._topic, self._timeout_s = dict(kafka), topic, timeout_s
        self._lock = threading.Lock()
        self._consumer: Consumer | None = None
        self._next = 0
        self._known: dict[Key, NostroStatement] = {}
        self.unreadable = 0

    def __call__(self) -> Sequence[NostroStatement]:
        """All statements, of each the newest telling, by account and closing date. Raises Unavailable."""
        with self._lock:
            try:
                self._read_on()
            except KafkaException as error:
                self.close()
                raise Unavailable("Kafka does not answer", topic=self._topic) from error
            return [self._known[key] for key in sorted(self._known)]

    def close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _read_on(self) -> None:
        place = TopicPartition(self._topic, 0, self._next)
        if self._consumer is None:
            config = {"group.id": "tidemark-nostro", "enable.auto.commit": False, "allow.auto.create.topics": False}
            self._consumer = Consumer(self._kafka | config, logger=CLIENT_LOG)
            self._consumer.assign([place])
        _, end = self._consumer.get_watermark_offsets(TopicPartition(self._topic, 0), timeout=self._timeout_s)
        deadline = monotonic() + self._timeout_s
        while self._next < end:
            message = self._consumer.poll(0.2)
            if message is None:
                if monotonic() > deadline:
                    raise Unavailable("the statements could not be read in time", topic=self._topic)
                continue
            if message.error() is None:
                self._next = (message.offset() or 0) + 1
                self._keep(message.value() or b"")

    def _keep(self, value: bytes) -> None:
        try:
            one = _decode(value)
        except msgspec.MsgspecError:
            self.unreadable += 1
            return
        self._known[key_of(one)] = one


def key_of(one: NostroStatement) -> Key:
    """What makes a statement itself; it sorts by account and closing date."""
    return (one.entity_id, one.account_id, one.ccy, one.closing_date, one.statement_id, one.sequence, one.page)
