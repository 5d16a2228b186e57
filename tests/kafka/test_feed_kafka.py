"""Feeds on a real broker: everything lands, once, in the partition of its customer."""

import random
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from engines.primitives.errors import InvalidInput, Unavailable
from infra.kafka.clients import consumer_config, producer_config
from streams import topics
from streams.feeds.berka import berka_events
from streams.feeds.berka_files import read_berka
from streams.feeds.cursor import Cursor
from streams.feeds.event import Event
from streams.feeds.runner import run_feed
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.producer import RecordProducer, encode

PARTITIONS = 4


def renamed(events: Iterable[Event], names: dict[str, str]) -> Iterator[Event]:
    for event in events:
        yield event._replace(topic=names[event.topic])


@pytest.fixture
def names(make_topics: Any) -> dict[str, str]:
    stems = (topics.TXN, topics.CONTRACT, topics.RESERVATION, topics.BUSINESS_DATE, topics.COMMAND)
    return dict(zip(stems, make_topics(*stems, partitions=PARTITIONS), strict=True))


def drain(kafka: Any, topic: str) -> list[list[tuple[bytes, bytes]]]:
    """Key and value of every record, by partition, read to the end of each."""
    consumer = Consumer(consumer_config(kafka.settings, kafka.bootstrap))
    found: list[list[tuple[bytes, bytes]]] = [[] for _ in range(PARTITIONS)]
    try:
        places = [TopicPartition(topic, p, 0) for p in range(PARTITIONS)]
        left = sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
        consumer.assign(places)
        while left:
            messages = consumer.consume(min(left, 10_000), timeout=10)
            assert messages, f"{left} records did not come"
            for message in messages:
                assert message.error() is None
                partition = message.partition()
                assert partition is not None
                found[partition].append((message.key() or b"", message.value() or b""))
                assert dict(message.headers() or [])["ce_specversion"] == b"1.0"
            left -= len(messages)
    finally:
        consumer.close()
    return found


def test_a_simulated_feed_lands_once_across_runs(kafka: Any, names: dict[str, str], tmp_path: Path) -> None:
    bank = SimulatedBank(Simulation(5, date(2026, 3, 16), 5_000, 600))
    producer = RecordProducer(producer_config(kafka.settings, kafka.bootstrap))
    for count in (300, 4_000):
        cursor = Cursor.open(tmp_path, "simulated", seed=5, run_id="r")
        events = renamed(bank.events(cursor.index), names)
        result = run_feed(events, producer, cursor, count=count, first_index=cursor.index)
        assert result.produced == count
    assert (producer.delivered, producer.failed) == (4_300, 0)
    want = list(islice(bank.events(), 4_300))
    for topic in (topics.TXN, topics.CONTRACT, topics.BUSINESS_DATE):
        found = drain(kafka, names[topic])
        sent = [(event.key, encode(event.record)) for event in want if event.topic == topic]
        assert sorted(record for partition in found for record in partition) == sorted(sent)
        homes = [{key for key, _ in partition} for partition in found]
        assert sum(len(keys) for keys in homes) == len(set.union(*homes)), "each key has one partition"
        for partition, keys in zip(found, homes, strict=True):
            assert partition == [record for record in sent if record[0] in keys], "in the order told"


@pytest.mark.berka
def test_the_berka_feed_lands_whole(kafka: Any, names: dict[str, str], tmp_path: Path, reference: Path) -> None:
    files = read_berka(reference / "data" / "berka")
    cursor = Cursor.open(tmp_path, "berka", seed=0, run_id="r", identity={"digest": files.digest})
    producer = RecordProducer(producer_config(kafka.settings, kafka.bootstrap))
    events = list(berka_events(files, None, "token"))
    result = run_feed(renamed(events, names), producer, cursor)
    assert result.produced == len(events)
    assert sum(map(len, drain(kafka, names[topics.TXN]))) == 28_205
    contracts = sum(map(len, drain(kafka, names[topics.CONTRACT])))
    assert contracts == sum(event.topic == topics.CONTRACT for event in events)
    assert sum(map(len, drain(kafka, names[topics.COMMAND]))) == 76


def test_what_the_broker_refuses_is_reported(kafka: Any, make_topics: Any) -> None:
    (topic,) = make_topics("small", config={"max.message.bytes": "10000"})
    producer = RecordProducer(producer_config(kafka.settings, kafka.bootstrap))
    producer.send(topic, b"k", b"small")
    producer.flush()
    producer.send(topic, b"k", random.Random(1).randbytes(20_000))  # above the topic's limit, not ours
    with pytest.raises(Unavailable, match="not delivered"):
        producer.flush()
    assert (producer.delivered, producer.failed) == (1, 1)
    with pytest.raises(InvalidInput, match="larger"):
        producer.send(topic, b"k", b"x" * (17 * 1024 * 1024))
    assert producer.failed == 2
