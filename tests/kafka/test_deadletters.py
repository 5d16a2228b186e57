"""Dead letters through a real broker: listed once each with reason and bytes, sent again where they stood."""

import json
from datetime import UTC, datetime

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from engines.primitives.errors import CorruptRecord, NotFound
from infra.kafka.clients import Config, consumer_config, producer_config
from streams.deadletters import RETRY_OF, DeadLetter, read_letters, retry_letters
from tests.conftest import Cluster, MakeTopics

BAD = b'{"txn_id": \xff\x00'


def configs(kafka: Cluster) -> tuple[Config, Config]:
    return (
        consumer_config(kafka.settings, kafka.bootstrap),
        producer_config(kafka.settings, kafka.bootstrap, linger_ms=0),
    )


def produce(
    kafka: Cluster, topic: str, partition: int, key: bytes | None, value: bytes, headers: dict[str, str] | None = None
) -> int:
    placed: list[Message] = []
    producer = Producer(configs(kafka)[1])
    producer.produce(
        topic,
        value,
        key,
        partition=partition,
        headers={name: text.encode() for name, text in (headers or {}).items()},
        on_delivery=lambda error, message: placed.append(message),
    )
    assert producer.flush(20) == 0
    offset = placed[0].offset()
    assert offset is not None
    return offset


def report(kafka: Cluster, letters: str, topic: str, partition: int, offset: int, value: bytes) -> None:
    identity = f"{topic}/{partition}/{offset}"
    told = {"id": identity, "topic": topic, "partition": str(partition), "offset": str(offset)}
    produce(kafka, letters, 0, None, value, told | {"reason": "not JSON", "field": "value"})


def read_at(kafka: Cluster, topic: str, partition: int, offset: int) -> Message:
    consumer = Consumer(configs(kafka)[0])
    try:
        consumer.assign([TopicPartition(topic, partition, offset)])
        message = consumer.poll(20)
        assert message is not None
        assert message.error() is None
        return message
    finally:
        consumer.close()


def test_letters_come_once_each_with_their_place_and_bytes(kafka: Cluster, make_topics: MakeTopics) -> None:
    inbound, letters = make_topics("txn", "dlq", partitions=2)
    for number in range(3):
        report(kafka, letters, inbound, 1, number, BAD)
    report(kafka, letters, inbound, 1, 0, BAD)  # a worker that restarted reports again
    found = read_letters(configs(kafka)[0], topic=letters)
    assert [letter.offset for letter in found] == [0, 1, 2]
    shown = json.loads(json.dumps(found[0].as_json()))
    assert (shown["id"], shown["reason"], shown["field"]) == (f"{inbound}/1/0", "not JSON", "value")
    assert shown["value_bytes"] == len(BAD)
    assert shown["value_base64"] == "eyJ0eG5faWQiOiD/AA=="  # since the text alone does not give the bytes back


def test_no_letters_is_an_empty_list(kafka: Cluster, make_topics: MakeTopics) -> None:
    (letters,) = make_topics("dlq")
    assert read_letters(configs(kafka)[0], topic=letters) == []


def test_a_letter_without_a_place_is_corrupt(kafka: Cluster, make_topics: MakeTopics) -> None:
    (letters,) = make_topics("dlq")
    produce(kafka, letters, 0, None, BAD, {"reason": "x"})
    with pytest.raises(CorruptRecord):
        read_letters(configs(kafka)[0], topic=letters)


def test_a_retry_keeps_partition_key_headers_and_bytes(kafka: Cluster, make_topics: MakeTopics) -> None:
    inbound, letters = make_topics("txn", "dlq", partitions=2)
    # Partition 0 whatever the key hashes to: the record must go back to where its state is.
    offset = produce(kafka, inbound, 0, b"BANK|C-1", BAD, {"ce_id": "42"})
    report(kafka, letters, inbound, 0, offset, BAD[:3])  # a letter may hold less than the whole record
    (letter,) = read_letters(configs(kafka)[0], topic=letters)
    assert retry_letters(*configs(kafka), [letter]) == ([letter.id], [])
    again = read_at(kafka, inbound, 0, offset + 1)
    assert (again.key(), again.value()) == (b"BANK|C-1", BAD)
    headers = again.headers()
    assert isinstance(headers, list)
    assert dict(headers) == {"ce_id": b"42", RETRY_OF: letter.id.encode()}


def test_what_an_earlier_retry_answered_is_left_out(kafka: Cluster, make_topics: MakeTopics) -> None:
    inbound, letters = make_topics("txn", "dlq", partitions=1)
    offset = produce(kafka, inbound, 0, b"k", BAD)
    report(kafka, letters, inbound, 0, offset, BAD)
    first = read_letters(configs(kafka)[0], topic=letters)
    retry_letters(*configs(kafka), first)
    report(kafka, letters, inbound, 0, offset + 1, BAD)  # it is still bad, so the retry got a letter too
    both = read_letters(configs(kafka)[0], topic=letters)
    sent, left = retry_letters(*configs(kafka), both)
    assert (sent, left) == ([both[1].id], [both[0].id])


def test_a_record_that_is_gone_is_not_found(kafka: Cluster, make_topics: MakeTopics) -> None:
    (inbound,) = make_topics("txn")
    produce(kafka, inbound, 0, b"k", BAD)
    now = datetime(2026, 11, 22, tzinfo=UTC)
    letter = DeadLetter("x", inbound, 0, 99, "gone", "-", BAD, 0, now)
    with pytest.raises(NotFound):
        retry_letters(*configs(kafka), [letter])
