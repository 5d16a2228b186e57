"""Statements and a table's changes through a real broker: fed, read back, folded, and not twice."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from confluent_kafka import Consumer, TopicPartition

from infra.kafka.clients import consumer_config, producer_config
from infra.policies import load_policy
from projections.large_flow_policy import LargeFlowPolicy
from streams import topics
from streams.feeds.account_mapping import read_mapping
from streams.feeds.debezium_feed import TopicSource, run_debezium
from streams.feeds.file_feed import FileFeed, run_files
from streams.feeds.row_mapping import read_row_mapping
from streams.feeds.start import FeedOptions
from streams.feeds.statement_files import statement_file_events
from streams.folders import TransactionFolder
from streams.nostro_statements import NostroStatements
from streams.past_figures import account_rows
from streams.producer import Headers, RecordProducer
from streams.raw_batch import RawBatch
from streams.views_figures import AsOf
from tests.infra.test_statement_samples import SAMPLES
from tests.streams.test_file_feeds import TABLE, change, row

pytestmark = pytest.mark.kafka


class Renaming:
    """A producer to this test's own topics."""

    def __init__(self, kafka: Any, names: dict[str, str]) -> None:
        self.producer, self.names = RecordProducer(producer_config(kafka.settings, kafka.bootstrap)), names

    def send(self, topic: str, key: bytes, value: bytes, headers: Headers | None = None) -> None:
        self.producer.send(self.names[topic], key, value, headers)

    def poll(self, timeout_s: float = 0.0) -> None:
        self.producer.poll(timeout_s)

    def flush(self, timeout_s: float = 30.0) -> None:
        self.producer.flush(timeout_s)


def values(kafka: Any, topic: str) -> list[bytes]:
    consumer = Consumer(consumer_config(kafka.settings, kafka.bootstrap))
    try:
        place = TopicPartition(topic, 0, 0)
        _, end = consumer.get_watermark_offsets(place, timeout=10)
        consumer.assign([place])
        found: list[bytes] = []
        while len(found) < end:
            messages = consumer.consume(end - len(found), timeout=10)
            assert messages
            found += [message.value() or b"" for message in messages]
        return found
    finally:
        consumer.close()


def positions(kafka: Any, topic: str) -> dict[tuple[str, str], int]:
    """What a worker would hold of this topic."""
    letters = values(kafka, topic)
    folder = TransactionFolder(LargeFlowPolicy.parse(load_policy("large_flow")), 40_000)
    state = folder.empty()
    offsets, now = np.arange(len(letters)), np.full(len(letters), 1_800_000_000_000_000)
    folder.absorb(state, RawBatch.of_values(0, len(letters), offsets, letters, now))
    return {
        (one["account"], one["currency"]): one["settled_minor"] for one in account_rows(state, AsOf(None, {}), {})
    }


def test_a_camt053_and_an_mt940_make_positions(kafka: Any, make_topics: Any, tmp_path: Path) -> None:
    stems = (topics.TXN, topics.NOSTRO_STATEMENT)
    names = dict(zip(stems, make_topics(*stems), strict=True))
    sink = Renaming(kafka, names)
    path = tmp_path / "accounts.toml"
    path.write_text(
        '[[accounts]]\nid = "FI74 3301 0001 2220 90"\nentity_id = "BANK"\naccount_id = "NOSTRO-FI"\n'
        '[[accounts]]\nid = "NL81ASNB9999999999"\nentity_id = "BANK"\naccount_id = "NOSTRO-NL"\n'
    )
    accounts = read_mapping(path)
    feed = FileFeed("statements", lambda stream, report: statement_file_events(stream, report, accounts))
    files = [SAMPLES / "moov-iso20022" / "FI_camt_053_sample.xml", SAMPLES / "mt940" / "ASNB-mt940.txt"]
    result = run_files(feed, files, sink, FeedOptions(tmp_path / "feed", "r"))
    assert (result.refused, result.findings) == (0, [])
    assert run_files(feed, files, sink, FeedOptions(tmp_path / "feed", "r")).produced == 0
    told = NostroStatements(consumer_config(kafka.settings, kafka.bootstrap), topic=names[topics.NOSTRO_STATEMENT])
    statements = told()
    assert len(statements) == 32
    assert statements == told()
    closing = {one.account_id: one for one in statements}  # in the order of their dates
    held = positions(kafka, names[topics.TXN])
    told.close()
    assert closing["NOSTRO-FI"].closing == "23644.83"
    assert held["NOSTRO-FI", "EUR"] == 2_364_483 - 1_000_000
    first = next(one for one in statements if one.account_id == "NOSTRO-NL")
    assert first.opening == "444.29"
    assert held["NOSTRO-NL", "EUR"] == round(float(closing["NOSTRO-NL"].closing) * 100) - 444_29


def test_a_topic_of_changes_is_followed_from_where_it_stopped(kafka: Any, make_topics: Any, tmp_path: Path) -> None:
    changes, entries = make_topics("changes", topics.TXN)
    producer = RecordProducer(producer_config(kafka.settings, kafka.bootstrap))
    sink = Renaming(kafka, {topics.TXN: entries})
    mapped = tmp_path / "rows.toml"
    mapped.write_text(TABLE)
    source = TopicSource(changes, consumer_config(kafka.settings, kafka.bootstrap))

    def run(*lines: str, count: int | None = None) -> int:
        for line in lines:
            producer.send(changes, b"k", line.encode())
        producer.flush()
        options = FeedOptions(tmp_path / "feed", "r", count=count)
        return run_debezium("core", read_row_mapping(mapped), source, sink, options).produced

    assert run(*(change("c", lsn, row(lsn, "1.00")) for lsn in range(1, 9)), count=3) == 3
    assert run() == 5
    assert run(change("u", 20, row(2, "4.00")), *(change("r", 30, row(lsn, "1.00")) for lsn in (1, 3))) == 2
    assert run() == 0
    assert positions(kafka, entries) == {("A1", "EUR"): 1_100}
    ids = [msgspec.json.decode(letter)["txn_id"] for letter in values(kafka, entries)]
    assert len(ids) == len(set(ids)) == 10
