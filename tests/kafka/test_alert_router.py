"""Alerts read from a real broker for routing: from a position on, to the end, again from the same place."""

import json
import time
import uuid
from datetime import datetime
from pathlib import Path

import pytest

from infra.kafka.admin import ensure_topics
from infra.kafka.clients import consumer_config, producer_config
from infra.kafka.topic import Topic
from infra.settings import Settings
from streams.alert_router_reader import AlertPage, KafkaAlertLog
from streams.producer import RecordProducer
from streams.topics import ALERT, FOREVER
from streams.views import CUT_KEY
from tests.conftest import Cluster
from tests.projections.alert_world import alert

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]


def read_to_the_end(log: KafkaAlertLog, positions: dict[int, int], wanted: int) -> AlertPage:
    """All pages from these positions on, until they are at their end with so many alerts."""
    told, read_until, deadline = [], dict[int, datetime](), time.monotonic() + 30
    while time.monotonic() < deadline:
        page = log.read(positions)
        told += page.told
        read_until |= page.read_until
        positions = page.next_offsets
        if len(told) >= wanted and page.ended == positions.keys():
            return AlertPage(told, positions, page.ended, read_until)
    raise AssertionError(f"{len(told)} of {wanted} alerts, at {positions}")


def test_alerts_are_read_from_a_position_on_and_again(kafka: Cluster, tmp_path: Path) -> None:
    if ALERT not in kafka.admin.list_topics(timeout=10).topics:  # the topic is the session's
        ensure_topics(kafka.admin, [Topic(ALERT, 2, FOREVER)], 1)
    settings = Settings.model_validate({"data_dir": tmp_path, "kafka_bootstrap": kafka.bootstrap})
    log = KafkaAlertLog(consumer_config(settings, kafka.bootstrap))
    producer = RecordProducer(producer_config(settings, kafka.bootstrap))
    ids = [str(uuid.uuid4()) for _ in range(5)]
    try:
        start = read_to_the_end(log, dict.fromkeys(log.partitions(), 0), 0).next_offsets
        for alert_id in ids:
            producer.send(ALERT, alert_id.encode(), json.dumps(alert(0, alert_id=alert_id)).encode())
        producer.send(ALERT, CUT_KEY, b"{}")
        producer.send(ALERT, b"key", b"no alert")
        producer.flush()
        first = read_to_the_end(log, start, 5)
        assert sorted(one.alert_id for one in first.told) == sorted(ids)
        assert all(one.at <= first.read_until[one.partition] for one in first.told)
        assert sum(first.next_offsets.values()) == sum(start.values()) + 7
        again = read_to_the_end(log, start, 5)
        assert again.read_until == first.read_until
        places = [sorted((one.partition, one.offset, one.at) for one in page.told) for page in (first, again)]
        assert places[0] == places[1]  # partitions come in any order
        middle = first.told[2]
        rest = read_to_the_end(log, first.next_offsets | {middle.partition: middle.offset}, 1)
        assert rest.told[0].alert_id == middle.alert_id
        # Beyond its end a topic was made anew: it is read from its beginning.
        anew = read_to_the_end(log, dict.fromkeys(log.partitions(), 10**9), 5)
        assert {one.alert_id for one in anew.told} >= set(ids)
    finally:
        log.close()
