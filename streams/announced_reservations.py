"""The newest record of each announced withdrawal, read from its topic when asked: announcements are few (LIQ-03).

Not a fold: what the figures reserve is folded by the worker. Here stands what people are shown, and what a channel
told last, which is the record of somebody else than this house's desk.
"""

import threading
from collections.abc import Mapping
from time import monotonic
from typing import Any, NamedTuple, Protocol

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from engines.primitives.errors import InvalidInput, Unavailable
from streams.audit_publisher import SOURCE
from streams.reservation_rows import reservation_terms
from streams.schemas import Reservation
from streams.topics import RESERVATION
from streams.views_live import CLIENT_LOG

Key = tuple[str, str]  # entity, reservation
RECORDS_AT_ONCE = 2_000
_decode = msgspec.json.Decoder(Reservation).decode


class Announced(NamedTuple):
    """`place` is partition and offset of the record that counts."""

    record: Reservation
    place: tuple[int, int]

    @property
    def seen(self) -> str:
        """Names what a person saw: a later record has another name."""
        return f"{self.place[0]}:{self.place[1]}"


class Announcements(Protocol):
    def __call__(self) -> Mapping[Key, Announced]:
        """What channels told last, by entity and number; without those that only this house tells. Raises
        Unavailable."""
        ...


class AnnouncedReservations:
    """One consumer over all partitions, one request at a time. Thread-safe."""

    def __init__(self, kafka: Mapping[str, Any], *, topic: str = RESERVATION, timeout_s: float = 10.0) -> None:
        self._kafka, self._topic, self._timeout_s = dict(kafka), topic, timeout_s
        self._lock = threading.Lock()
        self._consumer: Consumer | None = None
        # Asks for ends on a connection of its own: one that fetches answers nothing else until its fetch is answered.
        self._asking: Consumer | None = None
        self._next: dict[int, int] = {}
        self._known: dict[Key, Announced] = {}
        self.unreadable = 0

    def __call__(self) -> Mapping[Key, Announced]:
        with self._lock:
            try:
                self._read_on()
            except KafkaException as error:
                self.close()
                raise Unavailable("Kafka does not answer", topic=self._topic) from error
            return dict(self._known)

    def close(self) -> None:
        for consumer in (self._consumer, self._asking):
            if consumer is not None:
                consumer.close()
        self._consumer = self._asking = None

    def _read_on(self) -> None:
        if self._consumer is None or self._asking is None:
            config = {"group.id": "tidemark-desk", "enable.auto.commit": False, "allow.auto.create.topics": False}
            self._consumer = Consumer(self._kafka | config, logger=CLIENT_LOG)
            self._asking = Consumer(self._kafka | config, logger=CLIENT_LOG)
            found = self._consumer.list_topics(self._topic, timeout=self._timeout_s).topics[self._topic]
            for partition in found.partitions:
                self._next.setdefault(partition, 0)
            self._consumer.assign([TopicPartition(self._topic, *place) for place in sorted(self._next.items())])
        deadline = monotonic() + self._timeout_s
        ends = {partition: self._end(self._asking, partition, deadline) for partition in self._next}
        while any(self._next[partition] < end for partition, end in ends.items()):
            for message in self._consumer.consume(RECORDS_AT_ONCE, timeout=0.2):
                if message.error() is None:
                    place = (message.partition() or 0, message.offset() or 0)
                    self._next[place[0]] = place[1] + 1
                    self.take(place, message.value() or b"", dict(message.headers() or ()).get("ce_source"))
            if monotonic() > deadline:
                raise Unavailable("the reservations could not be read in time", topic=self._topic)

    def _end(self, asking: Consumer, partition: int, deadline: float) -> int:
        while True:
            try:
                place = TopicPartition(self._topic, partition)
                end: int = asking.get_watermark_offsets(place, timeout=self._timeout_s)[1]
                return end
            except KafkaException as error:
                # A topic just made, or moved, has no leader for a moment; asking again is left to us.
                if error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION or monotonic() > deadline:
                    raise
                asking.poll(0.05)

    def take(self, place: tuple[int, int], value: bytes, source: object) -> None:
        """One record of the topic, in the order of its partition."""
        if source == SOURCE.encode():
            return  # our own word comes back
        try:
            record = _decode(value)
            reservation_terms(record)
        except (msgspec.MsgspecError, InvalidInput):
            self.unreadable += 1  # the worker makes a dead letter of it
            return
        self._known[record.entity_id, record.res_id] = Announced(record, place)
