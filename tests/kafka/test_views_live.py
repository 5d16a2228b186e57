"""The view and the entry reader on a real broker: catching up, live ticks, a killed broker, a log made anew."""

import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from engines.primitives.errors import NotFound
from infra.kafka.admin import ensure_topics
from infra.kafka.broker import EmbeddedBroker
from infra.kafka.clients import client_config, producer_config
from infra.settings import Settings
from streams.topics import ALERT, COMMAND, DEAD_LETTER, POSITION, topics
from streams.views import Changes
from streams.views_entries import EntryReader
from streams.views_live import LiveView, ViewReader
from streams.views_wire import Record
from tests.risk_records import alert, business_date, cut, position
from tests.waiting import until

pytestmark = pytest.mark.kafka

DAY = date(2026, 11, 22)
PARTITIONS = 2
PAIR = ("entity", "currency")


class Bank:
    """A broker of this module's own, since these tests need our topics' real names and kill it."""

    def __init__(self, broker: EmbeddedBroker, folder: Path) -> None:
        self.broker = broker
        self.settings = Settings.model_validate({"data_dir": folder, "kafka_bootstrap": broker.bootstrap})
        self.config = client_config(self.settings, broker.bootstrap)
        self.admin = AdminClient(self.config)
        self.producer = Producer(producer_config(self.settings, broker.bootstrap))

    def make_topics(self) -> None:
        ensure_topics(self.admin, topics(PARTITIONS), replication=1)

    def drop_topics(self) -> None:
        for answer in self.admin.delete_topics([topic.name for topic in topics()]).values():
            answer.result()
        until(lambda: not any(name.startswith("tm.") for name in self.admin.list_topics(timeout=5).topics))

    def publish(self, records: Iterable[Record]) -> None:
        for item in records:
            self.producer.produce(item.topic, item.value, item.key, item.partition)
        assert self.producer.flush(30) == 0


@pytest.fixture(scope="module")
def started(jars: Path) -> Iterator[Bank]:
    folder = Path(tempfile.mkdtemp(prefix="tidemark-view-"))
    with EmbeddedBroker(folder, jars, heap_mib=256) as broker:
        yield Bank(broker, folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def bank(started: Bank) -> Iterator[Bank]:
    started.make_topics()
    yield started
    started.drop_topics()


@pytest.fixture
def live(bank: Bank) -> Iterator[LiveView]:
    found = LiveView()
    reader = ViewReader(found, bank.config)
    reader.start()
    yield found
    reader.stop()


def settled(live: LiveView) -> dict[tuple[str, ...], int]:
    return live.read(lambda v: {r.members: r.settled_minor for r in v.positions(PAIR, v.as_of(DAY), {})})


def test_it_catches_up_and_then_follows_within_a_tick(bank: Bank) -> None:
    bank.publish(
        [
            *(position(n, n, partition=p) for p in range(PARTITIONS) for n in range(1, 500)),
            cut(POSITION, 499),
            cut(POSITION, 499, partition=1),
            alert(9, 0),
            cut(ALERT, 9),
            business_date(0, "NORTH", "2026-11-22"),
        ]
    )
    live = LiveView()
    reader = ViewReader(live, bank.config)
    reader.start()
    try:
        until(lambda: live.status.ready)
        assert settled(live) == {("NORTH", "EUR"): 998}
        assert live.read(lambda v: v.business_dates) == {"NORTH": DAY}

        told = threading.Event()
        raised: list[str] = []

        def listen(changes: Changes) -> None:
            raised.extend(found.alert_id for found in changes.alerts)
            if raised:
                told.set()

        live.listen(listen)
        bank.publish([alert(600, 1), cut(ALERT, 600)])
        assert told.wait(60)
        assert raised == ["alert-0-1"]
        bank.publish([position(600, 7), cut(POSITION, 600)])
        until(lambda: settled(live) == {("NORTH", "EUR"): 506})
    finally:
        reader.stop()


def test_lag_is_what_the_txn_log_holds_beyond_the_figures(bank: Bank, live: LiveView) -> None:
    bank.publish([Record("tm.in.core.txn.v1", 1, 0, b"k", b"{}")] * 5)
    bank.publish([position(2, 7, partition=1), cut(POSITION, 2, partition=1)])
    until(lambda: live.lag_records() == 3)


def test_it_waits_for_topics_and_says_so(started: Bank) -> None:
    live = LiveView()
    reader = ViewReader(live, started.config)
    reader.start()
    try:
        until(lambda: live.status.reason.startswith("waiting for topic"))
        started.make_topics()
        until(lambda: live.status.ready)
    finally:
        reader.stop()
        started.drop_topics()


def test_a_killed_broker_only_delays_it(bank: Bank, live: LiveView) -> None:
    bank.publish([position(1, 5), cut(POSITION, 1)])
    until(lambda: live.status.ready and settled(live) == {("NORTH", "EUR"): 5})
    bank.broker.kill()
    until(lambda: bool(live.status.warning))
    assert settled(live) == {("NORTH", "EUR"): 5}
    bank.broker.start()
    bank.broker.wait_ready()
    bank.publish([position(2, 6), cut(POSITION, 2)])
    until(lambda: settled(live) == {("NORTH", "EUR"): 6})
    until(lambda: not live.status.warning)


def test_a_log_made_anew_is_read_from_its_start(bank: Bank, live: LiveView) -> None:
    bank.publish([position(n, n) for n in range(1, 50)] + [cut(POSITION, 49)])
    until(lambda: live.status.ready and settled(live) == {("NORTH", "EUR"): 49})
    bank.drop_topics()
    bank.make_topics()
    bank.publish([position(3, 3, log="cluster/topic-2"), cut(POSITION, 3, log="cluster/topic-2")])
    until(lambda: live.status.ready and settled(live) == {("NORTH", "EUR"): 3})


def test_any_record_can_be_read_by_its_place(bank: Bank) -> None:
    read = EntryReader(bank.config)
    try:
        command = b'{"cmd_id":"c1","token":"secret","rate":0.10}'
        bank.producer.produce(COMMAND, command, b"RiskAsset/LN-1", headers=[("ce_type", b"command")])
        bank.producer.produce(DEAD_LETTER, b"\xff\x00broken", b"tm.in.core.txn.v1/0/7")
        bank.producer.produce(DEAD_LETTER, b"{not json", b"tm.in.core.txn.v1/0/8")
        assert bank.producer.flush(30) == 0
        found = read(COMMAND, 0, 0)
        assert found.record == {"cmd_id": "c1", "token": "…", "rate": "0.10"}
        assert (found.key, found.headers) == ("RiskAsset/LN-1", {"ce_type": "command"})
        assert found.appended_at is not None
        assert found.appended_at.endswith("Z")
        assert read(DEAD_LETTER, 0, 0).record == {"base64": "/wBicm9rZW4="}
        assert read(DEAD_LETTER, 0, 1).record == {"text": "{not json"}
        for topic, partition, offset in ((COMMAND, 0, 1), (COMMAND, 7, 0), ("tm.nothing.v1", 0, 0), ("other", 0, 0)):
            with pytest.raises(NotFound):
                read(topic, partition, offset)
    finally:
        read.close()
