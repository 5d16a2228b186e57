"""Dead letters: what could not be folded, with its reason, read from `tm.dlq.v1` and sent again.

A letter's value is the raw bytes of the refused record (decision S27); headers say where it stood and why.
Readers drop repeats by id, since a worker that restarts may report a record again. Not for writing letters:
the worker does that in the tick that met the record.
"""

import base64
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from engines.primitives.errors import CorruptRecord, NotFound, Unavailable
from streams.topics import DEAD_LETTER

RETRY_OF = "tm_retry_of"
PATIENCE_S = 20.0
#: The end of the log, or a start outside it: with `auto.offset.reset=error` that is said, not moved elsewhere.
NOTHING_THERE = frozenset({KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET})


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One refused record: `topic`, `partition`, `offset` say where it stands, `reason` and `field` why."""

    id: str
    topic: str
    partition: int
    offset: int
    reason: str
    field: str
    value: bytes
    letter_offset: int
    reported_at: datetime

    def as_json(self) -> dict[str, Any]:
        """Its text as a person reads it, and its bytes as base64 for programs where the text loses some."""
        text = self.value.decode("utf-8", errors="backslashreplace")
        exact = text.encode() == self.value
        return {
            "id": self.id,
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "reason": self.reason,
            "field": self.field,
            "reported_at": self.reported_at.isoformat().replace("+00:00", "Z"),
            "value_bytes": len(self.value),
            "value": text,
            **({} if exact else {"value_base64": base64.b64encode(self.value).decode()}),
        }


def read_letters(config: Mapping[str, Any], *, topic: str = DEAD_LETTER) -> list[DeadLetter]:
    """All dead letters up to now, oldest first, each once.

    Raises:
        Unavailable: no broker answers. CorruptRecord: a letter does not say where its record stood.
    """
    by_id: dict[str, DeadLetter] = {}
    with _reader(config) as reader:
        for partition in _partitions(reader, topic):
            for message in _records(reader, TopicPartition(topic, partition, OFFSET_BEGINNING)):
                letter = parse(message)
                by_id.setdefault(letter.id, letter)
    return list(by_id.values())


def parse(message: Message) -> DeadLetter:
    """The letter in one record of the dead-letter topic."""
    headers = _headers(message)
    try:
        topic, partition, offset = (
            headers["topic"].decode(),
            int(headers["partition"]),
            int(headers["offset"]),
        )
    except (KeyError, ValueError) as error:
        raise CorruptRecord(
            "a dead letter does not say where its record stood",
            topic=DEAD_LETTER,
            offset=message.offset() or 0,
        ) from error
    _, milliseconds = message.timestamp()
    return DeadLetter(
        id=headers.get("id", f"{topic}/{partition}/{offset}".encode()).decode(),
        topic=topic,
        partition=partition,
        offset=offset,
        reason=headers.get("reason", b"").decode(errors="replace"),
        field=headers.get("field", b"").decode(errors="replace"),
        value=message.value() or b"",
        letter_offset=message.offset() or 0,
        reported_at=datetime.fromtimestamp(milliseconds / 1000, UTC),
    )


def retry_letters(
    consumer_config: Mapping[str, Any],
    producer_config: Mapping[str, Any],
    letters: Iterable[DeadLetter],
    on_progress: Callable[[int], None] = lambda done: None,
) -> tuple[list[str], list[str]]:
    """Produce the refused records again, each into its own topic and partition, with its own key.

    Key and headers come from the record itself, which `tm.in.*` topics never delete (S4). A letter that an
    earlier retry has answered with a letter of its own is left out, else each round would double the garbage.
    A record that was accepted meanwhile is a duplicate and changes nothing (S2).

    Args:
        consumer_config, producer_config: as `infra.kafka.clients` makes them.
    Returns:
        ids sent again, and ids left out.
    Raises:
        NotFound: a record is no longer in its topic. Unavailable: a record was not delivered; those before it
            may have been, and repeating the call is safe.
    """
    wanted = list(letters)
    with _reader(consumer_config) as reader:
        originals = {letter.id: _original(reader, letter) for letter in wanted}
    answered = {value.decode() for message in originals.values() if (value := _headers(message).get(RETRY_OF))}
    producer = Producer(dict(producer_config))
    failures: list[str] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            failures.append(f"{message.topic()}: {error.str()}")

    sent, left = list[str](), list[str]()
    for letter in wanted:
        if letter.id in answered:
            left.append(letter.id)
            continue
        message = originals[letter.id]
        headers = _headers(message)
        producer.produce(
            letter.topic,
            message.value(),  # not the letter's, which is cut where the record was too big for it
            message.key(),
            partition=letter.partition,
            headers={**headers, RETRY_OF: letter.id.encode()},
            on_delivery=delivered,
        )
        producer.poll(0)
        sent.append(letter.id)
        on_progress(len(sent) + len(left))
    if producer.flush(PATIENCE_S) or failures:
        raise Unavailable(f"not every record was delivered: {'; '.join(failures[:1]) or 'no answer in time'}")
    return sent, left


def _original(reader: Consumer, letter: DeadLetter) -> Message:
    for message in _records(reader, TopicPartition(letter.topic, letter.partition, letter.offset)):
        if message.offset() == letter.offset:
            return message
        break
    raise NotFound(
        "the refused record is no longer in its topic",
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
    )


@contextmanager
def _reader(config: Mapping[str, Any]) -> Iterator[Consumer]:
    consumer = Consumer({**config, "enable.partition.eof": True, "auto.offset.reset": "error"})
    try:
        yield consumer
    except KafkaException as error:
        raise Unavailable(f"Kafka does not answer: {error.args[0].str()}") from error
    finally:
        consumer.close()


def _partitions(reader: Consumer, topic: str) -> list[int]:
    known = reader.list_topics(topic, timeout=PATIENCE_S).topics[topic]
    if known.error is not None:
        raise Unavailable(f"{topic}: {known.error.str()}", topic=topic)
    return sorted(known.partitions)


def _records(reader: Consumer, start: TopicPartition) -> Iterator[Message]:
    """Records of one partition from `start` to its end as it is now."""
    reader.assign([start])
    deadline = time.monotonic() + PATIENCE_S
    while True:
        message = reader.poll(0.2)
        if message is None:
            if time.monotonic() > deadline:
                raise Unavailable(f"{start.topic} gave nothing for {PATIENCE_S:g} s", topic=start.topic)
            continue
        deadline = time.monotonic() + PATIENCE_S
        error = message.error()
        if error is None:
            yield message
        elif error.code() in NOTHING_THERE:
            return
        else:
            raise KafkaException(error)


def _headers(message: Message) -> dict[str, bytes]:
    headers = message.headers() or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    return {name: value if isinstance(value, bytes) else (value or "").encode() for name, value in pairs}
