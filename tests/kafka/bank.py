"""A whole streaming side of Tidemark for tests: a broker of its own, workers as real processes, a feed, a look at
the stored states and at what was published, and the undisturbed run to compare with."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.kafka.admin import ensure_topics, log_bounds
from infra.kafka.broker import EmbeddedBroker
from infra.kafka.clients import client_config, cluster_and_topic_ids, consumer_config, producer_config
from infra.settings import Settings
from infra.snapshots import LocalSnapshotStore, LogPartition
from streams import topics
from streams.folded import folders
from streams.folders import Folder
from streams.schemas import Txn
from streams.stored_states import LogReader
from tests.waiting import PATIENCE_S, until

PARTITIONS = 4
WORKER = "from infra.settings import Settings; from streams.worker import run_worker; run_worker(Settings())"


@dataclass
class Bank:
    broker: EmbeddedBroker
    directory: Path
    options: Mapping[str, str] = field(default_factory=dict)
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        values = {"data_dir": self.directory / "data", "kafka_bootstrap": self.broker.bootstrap}
        self.settings = Settings.model_validate({**values, "kafka_partitions": PARTITIONS, **self.options})
        self.admin = AdminClient(client_config(self.settings, self.broker.bootstrap))
        ensure_topics(self.admin, topics.topics(PARTITIONS), 1)
        self.folders: dict[str, Folder] = folders(self.settings)
        self.store = LocalSnapshotStore(self.settings.snapshots)

    # -- processes ----------------------------------------------------------------------------------------------

    def start_worker(self) -> "subprocess.Popen[bytes]":
        environment = {name: text for name, text in os.environ.items() if not name.startswith("TIDEMARK_")}
        environment |= {
            "TIDEMARK_DATA_DIR": str(self.settings.data_dir),
            "TIDEMARK_KAFKA_BOOTSTRAP": self.broker.bootstrap,
            "TIDEMARK_KAFKA_PARTITIONS": str(PARTITIONS),
            **{f"TIDEMARK_{name.upper()}": text for name, text in self.options.items()},
        }
        log = (self.directory / f"worker-{len(self.workers)}.log").open("wb")
        worker = subprocess.Popen([sys.executable, "-c", WORKER], env=environment, stdout=log, stderr=log)
        log.close()
        self.workers.append(worker)
        return worker

    def stop(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.kill()
            worker.wait()

    def log_of(self, number: int) -> str:
        number %= max(len(self.workers), 1)
        return (self.directory / f"worker-{number}.log").read_text(errors="replace")[-4_000:]

    # -- feeding ------------------------------------------------------------------------------------------------

    def producer(self) -> Producer:
        return Producer(producer_config(self.settings, self.broker.bootstrap))

    def feed(self, entries: Iterable[Txn], producer: Producer | None = None) -> None:
        producer = producer or self.producer()
        for entry in entries:
            key = topics.record_key(entry.entity_id, entry.customer_id, entry.account_id)
            send(producer, topics.TXN, key, msgspec.json.encode(entry))
        assert producer.flush(60) == 0

    # -- looking ------------------------------------------------------------------------------------------------

    def logs(self) -> dict[tuple[str, int], LogPartition]:
        ids = cluster_and_topic_ids(self.admin, topics.FOLDED)
        return {
            (name, number): LogPartition(ids.cluster_id, name, ids.topic_ids[name], number, count)
            for name, count in topics.folded_partitions(PARTITIONS).items()
            for number in range(count)
        }

    def ends(self, topic: str = topics.TXN) -> dict[int, int]:
        return {partition: end for (_, partition), (_, end) in log_bounds(self.admin, [topic]).items()}

    def snapshot_offsets(self, topic: str = topics.TXN) -> dict[int, int]:
        found = {}
        for (name, partition), where in self.logs().items():
            if name == topic:
                newest = self.store.newest(where, self.folders[topic].state_name)
                found[partition] = newest.meta.next_offset if newest else 0
        return found

    def wait_until_saved(self, patience_s: float = PATIENCE_S) -> float:
        """Until the newest snapshots hold the whole log; returns the seconds it took."""
        started = time.monotonic()
        ends = {at: end for at, end in self.ends().items() if end}
        until(
            lambda: all(self.snapshot_offsets().get(at, 0) >= end for at, end in ends.items()),
            lambda: f"{self.snapshot_offsets()} of {ends}\n{self.log_of(-1)}",
            patience_s,
        )
        return time.monotonic() - started

    def stored(self, topic: str = topics.TXN) -> dict[int, Any]:
        """The state of each partition as stored."""
        states = {}
        for (name, partition), where in self.logs().items():
            newest = self.store.newest(where, self.folders[topic].state_name) if name == topic else None
            if newest is not None:
                states[partition] = self.folders[topic].load(newest.base, newest.deltas)
        return states

    def undisturbed(self, topic: str = topics.TXN) -> tuple[dict[int, Any], dict[int, list[Any]]]:
        """One fold of the whole log in this process: the state of each partition, and the alerts it raises."""
        reader = LogReader(consumer_config(self.settings, self.broker.bootstrap))
        states: dict[int, Any] = {}
        alerts: dict[int, list[Any]] = {}
        for partition, end in self.ends(topic).items():
            state, raised = self.folders[topic].empty(), []
            for raw in reader.batches(topic, partition, 0, end):
                raised += self.folders[topic].absorb(state, raw).at_once
            states[partition], alerts[partition] = state, raised
        reader.close()
        return states, alerts

    def published(self, topic: str) -> list[tuple[int, bytes, dict[str, Any] | bytes, dict[str, str]]]:
        """(partition, key, value, headers) of every record of a topic; JSON decoded where it is JSON."""
        consumer = Consumer(consumer_config(self.settings, self.broker.bootstrap))
        found = []
        for partition, end in self.ends(topic).items():
            if not end:
                continue
            consumer.assign([TopicPartition(topic, partition, 0)])
            while True:
                done = False
                for message in consumer.consume(5_000, timeout=1.0):
                    assert message.error() is None, message.error()
                    given = cast("list[tuple[str, bytes | None]]", message.headers() or [])
                    headers = {name: (text or b"").decode() for name, text in given}
                    value = message.value() or b""
                    found.append((partition, message.key() or b"", _json(value), headers))
                    done = (message.offset() or 0) + 1 >= end
                if done or consumer.position([TopicPartition(topic, partition)])[0].offset >= end:
                    break
        consumer.close()
        return found

    def published_alerts(self) -> dict[int, list[dict[str, Any]]]:
        """Alerts of each partition by sequence; asserts that repeats are equal and none is missing."""
        by_sequence: dict[int, dict[int, dict[str, Any]]] = {}
        for partition, key, value, _ in self.published(topics.ALERT):
            if key == b"cut" or isinstance(value, bytes):
                continue
            known = by_sequence.setdefault(partition, {})
            assert known.setdefault(value["sequence"], value) == value, "an alert was emitted again with another body"
        for known in by_sequence.values():
            assert sorted(known) == list(range(len(known))), "a sequence has a hole"
        return {partition: [known[at] for at in sorted(known)] for partition, known in by_sequence.items()}

    def assert_as_undisturbed(self) -> None:
        """Stored states equal one fold of the whole log to the byte; every alert published, none twice."""
        states, alerts = self.undisturbed()
        stored = self.stored()
        for partition, state in states.items():
            if state.next_offset:
                same = stored[partition].canonical_bytes() == state.canonical_bytes()
                assert same, f"partition {partition} differs"
        published = self.published_alerts()
        for partition, raised in alerts.items():
            assert [one["alert_id"] for one in published.get(partition, [])] == [one.alert_id for one in raised]


def _json(value: bytes) -> Any:
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return value


def send(producer: Producer, topic: str, key: bytes | None, value: bytes | None) -> None:
    while True:
        try:
            producer.produce(topic, value, key)
            return
        except BufferError:
            producer.poll(0.1)
