"""Lineage on a real log: keys beside values, holes where transactions ended, an id found, and a bundle of it."""

from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer, TopicPartition

from engines.primitives.errors import InvalidInput
from infra.archive_store import ArchiveStore
from infra.kafka.clients import consumer_config, producer_config
from infra.snapshots import LogPartition
from streams import topics
from streams.archive import Archiver, Due
from streams.archive_log import KafkaSource
from streams.archive_reader import ArchiveReader, by_topic
from streams.folders import TransactionFolder
from streams.lineage_bundle import position_bundle
from streams.lineage_records import keyed_records
from streams.views import AsOf
from tests.conftest import Cluster, MakeTopics
from tests.kafka.entries import entries
from tests.projections.entries import HORIZON_DAYS, POLICY


class Signer:
    """Signs nothing: what is signed is tested beside the verifier."""

    vkey = "-"

    def head(self, where: LogPartition, next_offset: int, size: int, root: bytes) -> str:
        return f"{where.topic} {next_offset} {size} {root.hex()}"

    def statement(self, lines: Any) -> str:
        return "\n".join(lines)


def test_a_bundle_is_made_of_what_kafka_or_the_archive_holds(
    kafka: Cluster, make_topics: MakeTopics, tmp_path: Path
) -> None:
    (topic,) = make_topics("txn")
    sent = entries(300)
    config = producer_config(kafka.settings, kafka.bootstrap)
    transactional = Producer(config | {"transactional.id": topic})
    transactional.init_transactions(10)
    for start in (0, 150):  # a marker after each: offsets have holes
        transactional.begin_transaction()
        for one in sent[start : start + 150 if not start else None]:
            transactional.produce(topic, msgspec.json.encode(one), one.customer_id.encode(), 0)
        transactional.commit_transaction(10)
    consumer = consumer_config(kafka.settings, kafka.bootstrap)
    end = len(sent) + 2
    found = list(keyed_records(consumer)(topic, 0, end))
    assert sum(len(raw) for raw, _ in found) == len(sent)
    assert found[0].raw.from_offset == 0
    assert found[-1].raw.to_offset == end
    keys = [key for _, batch in found for key in batch]
    assert keys == [one.customer_id.encode() for one in sent]
    with pytest.raises(InvalidInput):
        list(keyed_records(consumer)(topic, 0, end + 1))

    account = sent[0].account_id
    place = (topics.TXN, 0)
    bundle = position_bundle(
        lambda _topic, partition, stop: keyed_records(consumer)(topic, partition, stop),
        TransactionFolder(POLICY, HORIZON_DAYS),
        {place: LogPartition("cluster", topics.TXN, "topic", 0, 1)},
        {f"{topics.TXN}/0": end},
        {"account": account},
        AsOf(date(2100, 1, 1), {}),
        Signer(),
    )
    (log,) = bundle["logs"]
    settled: dict[str, int] = {}
    for one in sent:  # a naive sum: every id once, when it is settled
        if one.account_id == account and one.status == "settled":
            minor = int(one.amount.replace(".", ""))
            settled.setdefault(one.txn_id, minor if one.direction == "in" else -minor)
    (amount,) = bundle["figure"]["amounts"]
    assert int(amount["amount"].replace(".", "")) == sum(settled.values())
    assert len(log["records"]) == len(settled)
    assert log["checkpoint"].split(" ")[1:3] == [str(end), str(len(sent))]

    store, source = ArchiveStore(tmp_path / "archive"), KafkaSource(kafka.admin, consumer, {topic: 1})
    Archiver(store, source, source.logs, Due(records=100, age_s=0.0)).run_once(everything=True)
    archive = ArchiveReader(store, by_topic({(one.topic, one.partition): one for one in source.logs()}))
    source.close()
    for cut in (100, end):  # in the middle of it, and all of it
        deleted = kafka.admin.delete_records([TopicPartition(topic, 0, cut)])
        assert all(one.result(20) for one in deleted.values())
        again = list(keyed_records(consumer, archive)(topic, 0, end))
        assert again[-1].raw.to_offset == end
        assert [key for _, batch in again for key in batch] == keys
        assert [value for raw, _ in again for value in raw.values] == [
            value for raw, _ in found for value in raw.values
        ]
    with pytest.raises(InvalidInput):
        list(keyed_records(consumer)(topic, 0, end))
