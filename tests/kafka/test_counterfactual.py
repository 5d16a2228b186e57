"""A past in Kafka played again by a process of its own; nothing but the answer comes of it, to the byte."""

import hashlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer

from api.counterfactual import answered
from api.counterfactual_jobs import in_process
from infra.event_store import open_event_store
from infra.kafka.admin import ensure_topics, log_bounds
from infra.kafka.clients import cluster_and_topic_ids, consumer_config, producer_config
from infra.settings import Settings
from infra.snapshots import LocalSnapshotStore, LogPartition
from projections.limit_policy import WatchPolicy
from streams import topics
from streams.counterfactual import Question
from streams.cut_folder import CutFolder
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.folded import folders
from streams.folders import Folder, source_of
from streams.ratio_limits import parse_limits
from streams.stored_states import LogReader
from streams.views import RATIO_TOPICS, SOURCE_TOPIC
from tests.conftest import Cluster
from tests.live_bank import LOG
from tests.recorded_bank import RecordedBank, policies

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(150)]

PARTITIONS = 2
NEEDED = {
    topics.TXN,
    topics.CUT,
    topics.ALERT,
    topics.BUSINESS_DATE,
    *(SOURCE_TOPIC.get(one) for one in RATIO_TOPICS),
}


@pytest.fixture
def bank(kafka: Cluster, tmp_path: Path) -> Iterator[tuple[Settings, int]]:
    """Settings over the session's broker, a day's log in it, and when (ms) its last third began to be written."""
    given = {"data_dir": tmp_path, "kafka_bootstrap": kafka.bootstrap, "kafka_partitions": PARTITIONS}
    settings = Settings.model_validate({**given, "dedup_horizon_days": 3_660})
    declared = [topic for topic in topics.topics(PARTITIONS) if topic.name in NEEDED]
    ensure_topics(kafka.admin, declared, 1)
    try:
        source = SimulatedBank(Simulation(3, date(2026, 3, 16), 5_000, 500, treasury=True))
        world = RecordedBank(policies()).play(islice(source.events(), source.opening_events + 1_500), 300)
        producer = Producer(producer_config(settings, kafka.bootstrap))
        inputs = {place: log for place, log in world.bank.logs.items() if place[0] in NEEDED - {topics.ALERT}}
        middle = world.vectors[4]
        # A day begins when its date is told: what is written beside that record may come to stand before it.
        first = {place: log[: middle.get(place, 0)] for place, log in inputs.items()}
        write(producer, {place: log for place, log in first.items() if place[0] == topics.BUSINESS_DATE})
        write(producer, {place: log for place, log in first.items() if place[0] != topics.BUSINESS_DATE})
        at = int(time.time() * 1_000) + 2
        while time.time() * 1_000 <= at:
            time.sleep(0.001)  # so that the log's clock tells the two parts apart
        write(producer, {place: log[middle.get(place, 0) :] for place, log in inputs.items()})
        publish(settings, kafka, producer)
        yield settings, at
    finally:
        for answer in kafka.admin.delete_topics([topic.name for topic in declared]).values():
            answer.result()


def write(producer: Producer, logs: dict[tuple[str, int], list[bytes]]) -> None:
    for (topic, partition), values in logs.items():
        for value in values:
            producer.produce(topic, value, b"key", partition)
            producer.poll(0)
    assert producer.flush(60) == 0


def publish(settings: Settings, kafka: Cluster, producer: Producer) -> None:
    """The alerts that a worker would have published for what Kafka holds, and a snapshot of the entries."""
    limits = policies()["limits"]
    of: dict[str, Folder] = folders(settings)
    of[topics.CUT] = CutFolder(WatchPolicy.parse(limits, *parse_limits(limits)))
    reader = LogReader(consumer_config(settings, kafka.bootstrap))
    store, ids = LocalSnapshotStore(settings.snapshots), cluster_and_topic_ids(kafka.admin, [topics.TXN])
    for (topic, partition), (_, end) in log_bounds(kafka.admin, [topics.TXN, topics.CUT]).items():
        state: Any = of[topic].empty()
        found: list[bytes] = []
        for raw in reader.batches(topic, partition, 0, end):
            absorbed = of[topic].absorb(state, raw)
            found += [
                one.value for one in of[topic].publish_at_once(absorbed, source_of(of[topic], state, partition, LOG))
            ]
        write(producer, {(topics.ALERT, partition): found})
        if topic == topics.TXN:
            log = LogPartition(ids.cluster_id, topic, ids.topic_ids[topic], partition, PARTITIONS)
            store.save(log, "txn", epoch=store.claim(log, "txn"), fold_version=of[topic].fold_version,
                       next_offset=end, payload=state.dump(), base=True)  # fmt: skip
    reader.close()


def everything(settings: Settings, kafka: Cluster) -> dict[str, Any]:
    """Ends of all logs, bytes of every file, offsets committed."""
    group = f"{settings.group}-reader"
    committed = kafka.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result()
    return {
        "ends": log_bounds(kafka.admin, [topic for topic in NEEDED if topic]),
        "committed": [(one.topic, one.partition, one.offset) for one in committed.topic_partitions or ()],
        "files": {
            str(path.relative_to(settings.data_dir)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(settings.data_dir.rglob("*"))
            if path.is_file()
        },
    }


def test_a_day_in_kafka_is_given_again_and_nothing_is_touched(bank: tuple[Settings, int], kafka: Cluster) -> None:
    settings, at = bank
    with open_event_store("sqlite", settings.data_dir):
        pass  # its file is there, for a branch to leave alone
    before = everything(settings, kafka)
    assert before["files"]
    heard: list[str] = []
    question = Question(what=("alerts", "limits", "ratios"))
    answer = in_process(answered, settings)(question, lambda phase, *_: heard.append(phase), threading.Event())
    assert everything(settings, kafka) == before
    for name in ("alerts", "limits"):
        part = answer[name]
        assert part["control"]["reproduces"]
        assert part["summary"] == dict.fromkeys(part["summary"], 0) | {"both": part["control"]["published"]}
    assert answer["alerts"]["summary"]["both"] > 0
    assert answer["ratios"]["control"]["reproduces"]
    assert answer["ratios"]["control"]["compared"] > 50

    # By the log's clock and by business dates; a lower threshold tells more.
    change = {"large_flow.*.CNY.rolling": "9000000"}
    instant = datetime.fromtimestamp(at / 1_000, UTC)
    whole, late, dated = (
        answered(settings, Question(start=start, values=change), lambda *_: None)
        for start in (None, instant, date(2026, 3, 16))
    )
    assert everything(settings, kafka) == before
    assert whole["alerts"]["summary"]["only_branch"] > 0
    assert 0 < late["period"]["entries"] < whole["period"]["entries"]
    tail = [row for row in whole["alerts"]["rows"] if datetime.fromisoformat(row["at"]) >= instant]
    assert late["alerts"]["rows"] == tail
    assert dated["alerts"]["summary"] == whole["alerts"]["summary"]
