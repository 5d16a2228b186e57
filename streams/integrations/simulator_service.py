"""The simulated neighbours on Kafka: reads what we ask, sends what they answer."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from engines.primitives.errors import Unavailable
from streams.integrations.manners import Manner
from streams.integrations.simulator import ANSWERS, Neighbours, Reply
from streams.producer import RecordProducer
from streams.schemas import cloud_event_headers

log = structlog.get_logger(__name__)

GROUP = "tidemark-neighbours"
SOURCE = "/tidemark/neighbours"
_POLL_S = 0.2
_BATCH = 500


@dataclass(frozen=True, slots=True)
class NeighboursConfig:
    """`consumer` and `producer` are librdkafka settings; group and offset handling come from here."""

    consumer: Mapping[str, Any]
    producer: Mapping[str, Any]
    manners: tuple[Manner, ...] = ()
    group: str = GROUP


def run_neighbours(config: NeighboursConfig, stop: threading.Event) -> None:
    """Answer until `stop` is set. Offsets are committed after the answers are delivered: a kill repeats answers,
    which are equal, and loses none but late ones, for which we ask again. Raises Unavailable."""
    given = {"group.id": config.group, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    consumer = Consumer({**config.consumer, **given})
    producer = RecordProducer(config.producer)
    neighbours = Neighbours(config.manners)
    try:
        consumer.subscribe(list(ANSWERS))
        while not stop.is_set():
            messages = consumer.consume(_BATCH, timeout=_POLL_S)
            replies = neighbours.due(time.monotonic())
            for message in messages:
                replies += _answers(neighbours, message)
            for reply in replies:
                _send(producer, reply)
            if replies:
                producer.flush()
            if messages:
                consumer.commit(offsets=_next_places(messages), asynchronous=False)
    except KafkaException as error:
        raise Unavailable(f"the simulated neighbours lost their broker: {error}") from error
    finally:
        consumer.close()


def _next_places(messages: list[Message]) -> list[TopicPartition]:
    offsets: dict[tuple[str, int], int] = {}
    for one in messages:
        offsets[one.topic() or "", one.partition() or 0] = (one.offset() or 0) + 1
    return [TopicPartition(topic, partition, next_) for (topic, partition), next_ in offsets.items()]


def _answers(neighbours: Neighbours, message: Message) -> list[Reply]:
    error, topic = message.error(), message.topic()
    if error is not None or topic is None:
        raise KafkaException(error)
    try:
        return neighbours.answer(topic, message.value() or b"", time.monotonic())
    except msgspec.MsgspecError as unreadable:
        log.warning("neighbour_cannot_read", topic=topic, offset=message.offset(), reason=str(unreadable))
        return []


def _send(producer: RecordProducer, reply: Reply) -> None:
    number = sha256(reply.value).hexdigest()[:32]
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    producer.send(reply.topic, reply.key, reply.value, cloud_event_headers(reply.topic, number, SOURCE, stamp))
