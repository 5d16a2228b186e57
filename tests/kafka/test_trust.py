"""The reader of the logs' ends on a real broker: whose records came, what it skips, whose dead letters there are."""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import msgspec
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from infra.deadline_policies import holiday_calendar
from infra.kafka.clients import client_config, producer_config
from infra.policies import load_policy
from projections.trust_judgement import State, Verdict
from projections.trust_policy import SourceKey, TrustPolicy
from streams.trust_board import TrustBoard
from streams.trust_reader import CONSUMER, TrustReader
from streams.views_live import LiveView
from tests.conftest import Cluster, MakeTopics

pytestmark = pytest.mark.kafka


class Feeds:
    """Entries into one topic of two partitions, looked at by hand."""

    def __init__(self, kafka: Cluster, make_topics: MakeTopics) -> None:
        (self.entries,) = make_topics("txn", partitions=2)
        (self.letters,) = make_topics("dlq")
        shipped = TrustPolicy.parse(load_policy("trust"), holiday_calendar())
        entries = next(one for one in shipped.inputs.values() if one.name == "entries")
        own = replace(entries, topic=self.entries, numbered=frozenset({"core"}))
        policy = replace(shipped, inputs={self.entries: own}, sample_records=20, patience_s=0.0)
        config = client_config(kafka.settings, kafka.bootstrap)
        self.board = TrustBoard(policy)
        self.reader = TrustReader(LiveView(), self.board, config, self.letters)
        self.consumer, self.admin = Consumer(config | dict(CONSUMER)), AdminClient(config)
        self.producer = Producer(producer_config(kafka.settings, kafka.bootstrap))

    def send(self, numbers: range, *, entity: str = "BANK", partition: int = 0) -> None:
        for number in numbers:
            value = {"txn_id": str(number), "entity_id": entity, "source_system": "core", "source_seq": number}
            self.producer.produce(self.entries, msgspec.json.encode(value), partition=partition)
        assert self.producer.flush(10) == 0

    def look(self) -> dict[str, Verdict]:
        self.reader.look(self.consumer, self.admin)
        return {key.text: verdict for key, verdict in self.board.judgement().verdicts.items()}


@pytest.fixture
def feeds(kafka: Cluster, make_topics: MakeTopics) -> Iterator[Feeds]:
    found = Feeds(kafka, make_topics)
    with closing(found.consumer):
        yield found


def test_records_are_seen_in_every_partition_and_what_is_skipped_hides_no_source(feeds: Feeds) -> None:
    assert feeds.look() == {}
    feeds.send(range(1, 4))
    feeds.send(range(4, 6), entity="CF", partition=1)
    found = feeds.look()
    assert {key: one.state for key, one in found.items()} == {
        "entries/BANK/core": State.FRESH,
        "entries/CF/core": State.FRESH,
    }
    before = found["entries/BANK/core"].newest_append
    feeds.send(range(6, 106))  # five times what one look reads
    found = feeds.look()
    assert found["entries/BANK/core"].newest_append != before
    assert found["entries/BANK/core"].missing_numbers == 0  # not read is not missing
    feeds.send(range(106, 110))
    feeds.send(range(111, 113))
    assert feeds.look()["entries/BANK/core"].missing_numbers == 1
    feeds.send(range(110, 111), partition=1)
    assert feeds.look()["entries/BANK/core"].missing_numbers == 0


def test_a_dead_letter_is_found_and_its_retry_too(feeds: Feeds) -> None:
    feeds.send(range(1, 2))
    headers = {"topic": feeds.entries, "partition": "0", "offset": "7", "id": "letter-7", "reason": "no amount"}
    value = b'{"entity_id":"BANK","source_system":"core"}'
    feeds.producer.produce(feeds.letters, value, headers={name: text.encode() for name, text in headers.items()})
    assert feeds.producer.flush(10) == 0
    assert feeds.look()["entries/BANK/core"].state is State.DAMAGED
    assert [(one.id, one.source, retried) for one, retried in feeds.board.letters()] == [
        ("letter-7", SourceKey("entries", "BANK", "core"), False)
    ]
    feeds.producer.produce(feeds.entries, value, headers={"tm_retry_of": b"letter-7"})
    assert feeds.producer.flush(10) == 0
    assert feeds.look()["entries/BANK/core"].state is State.FRESH


def test_the_thread_tells_listeners_and_stops_at_once(feeds: Feeds) -> None:
    turned = threading.Event()
    feeds.board.listen(turned.set)
    feeds.send(range(1, 2))
    feeds.reader.start()
    assert turned.wait(15)
    feeds.reader.stop()
    assert not any(thread.name == "trust-reader" for thread in threading.enumerate())
