"""Alerts of all partitions of `tm.risk.alert.v1` as Kafka holds them, for `streams.alert_router`. Not thread-safe."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from engines.primitives.errors import Unavailable
from projections.alert_routing import Told
from streams.topics import ALERT
from streams.views import CUT_KEY

log = structlog.get_logger()

RECORDS_AT_ONCE = 1_000
READ_S = 0.1
ANSWER_S = 5.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class AlertPage(NamedTuple):
    """Alerts in the order of their partitions; `next_offsets` after the last record looked at; partitions read to
    their end; `read_until`, when Kafka took the last record looked at, an alert or the end of a tick: while entries
    come in, ticks follow each other so fast that an end is hardly ever seen."""

    told: list[Told]
    next_offsets: dict[int, int]
    ended: frozenset[int]
    read_until: Mapping[int, datetime] = MappingProxyType({})


class AlertLog(Protocol):
    """What the router reads; both may raise Unavailable."""

    def partitions(self) -> tuple[int, ...]: ...

    def read(self, positions: Mapping[int, int]) -> AlertPage:
        """Records from these offsets on, those that are there."""
        ...


class KafkaAlertLog:
    def __init__(self, kafka: Mapping[str, Any], *, read_s: float = READ_S) -> None:
        """`kafka`: the configuration of a consumer."""
        self._consumer = Consumer({**kafka, "enable.partition.eof": True, "auto.offset.reset": "earliest"})
        self._read_s = read_s
        self._at: dict[int, int] = {}
        self._ended: set[int] = set()

    def close(self) -> None:
        self._consumer.close()

    def partitions(self) -> tuple[int, ...]:
        try:
            topic = self._consumer.list_topics(ALERT, timeout=ANSWER_S).topics[ALERT]
        except KafkaException as error:
            raise Unavailable(f"no alerts: {error}") from error
        if topic.error is not None:
            raise Unavailable(f"no alerts: {topic.error.str()}")
        return tuple(sorted(topic.partitions))

    def read(self, positions: Mapping[int, int]) -> AlertPage:
        try:
            return self._read(positions)
        except KafkaException as error:
            self._at = {}
            raise Unavailable(f"no alerts: {error}") from error

    def _read(self, positions: Mapping[int, int]) -> AlertPage:
        if self._at != dict(positions):
            self._assign(positions)
        told: list[Told] = []
        read_until: dict[int, datetime] = {}
        for message in self._messages():
            error, partition = message.error(), message.partition() or 0
            if error is None:
                self._at[partition] = (message.offset() or 0) + 1
                self._ended.discard(partition)
                read_until[partition] = _taken_at(message)
                if (one := told_of(message)) is not None:
                    told.append(one)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._ended.add(partition)
                self._at[partition] = max(self._at[partition], message.offset() or 0)
            else:
                self._at = {}
                raise Unavailable(f"no alerts: {error.str()}")
        return AlertPage(told, dict(self._at), frozenset(self._ended), read_until)

    def _messages(self) -> list[Message]:
        """Those that are there, as soon as one is."""
        first = self._consumer.poll(self._read_s)
        return [] if first is None else [first, *self._consumer.consume(RECORDS_AT_ONCE, timeout=0)]

    def _assign(self, positions: Mapping[int, int]) -> None:
        start = []
        for partition, position in positions.items():
            low, end = self._consumer.get_watermark_offsets(TopicPartition(ALERT, partition), timeout=ANSWER_S)
            # Beyond the end: the topic was made anew. What was decided before is known by its ids.
            start.append(TopicPartition(ALERT, partition, max(low, position) if position <= end else low))
        self._consumer.assign(start)
        self._at = {one.partition: one.offset for one in start}
        self._ended = set()


def told_of(message: Message) -> Told | None:
    """None: the end of a tick, or a record that is no alert, which the log says."""
    if message.key() == CUT_KEY:
        return None
    try:
        alert = msgspec.json.decode(message.value() or b"", type=dict[str, Any])
        told = Told(message.partition() or 0, message.offset() or 0, _taken_at(message), alert)
        for name in ("alert_id", "kind", "rule", "entity", "currency", "event_time"):
            if not isinstance(alert[name], str):
                raise TypeError(name)
    except (msgspec.MsgspecError, KeyError, TypeError) as error:
        log.error("alert_unreadable", partition=message.partition(), offset=message.offset(), error=str(error))
        return None
    return told


def _taken_at(message: Message) -> datetime:
    return _EPOCH + timedelta(milliseconds=message.timestamp()[1])
