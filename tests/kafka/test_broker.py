"""The embedded broker keeps its log, its id and its port through stops and kills, and leaves nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from engines.primitives.errors import Conflict, InvalidInput, NotFound, Unavailable
from infra.kafka import node
from infra.kafka.admin import ensure_topics, log_bounds
from infra.kafka.broker import EmbeddedBroker, is_ready
from infra.kafka.clients import (
    client_config,
    cluster_and_topic_ids,
    consumer_config,
    probe,
    producer_config,
    resolve_bootstrap,
)
from infra.kafka.topic import Topic
from infra.processes import kill_group
from infra.settings import Settings
from streams.topics import topics as house_topics
from tests.conftest import Cluster, MakeTopics
from tests.waiting import until

AWAITED_S = 60.0
HEAP_MIB = 256


def settings_of(data_dir: Path, **more: object) -> Settings:
    return Settings.model_validate({"data_dir": data_dir, **more})


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def produce(bootstrap: str, settings: Settings, topic: str, values: list[bytes]) -> None:
    failed: list[object] = []
    producer = Producer(producer_config(settings, bootstrap))
    for value in values:
        producer.produce(
            topic, value, partition=0, on_delivery=lambda error, _: failed.append(error) if error else None
        )
    assert producer.flush(AWAITED_S) == 0
    assert not failed


def consume(bootstrap: str, settings: Settings, topic: str, count: int) -> list[bytes]:
    consumer = Consumer(consumer_config(settings, bootstrap))
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        messages = consumer.consume(count, timeout=AWAITED_S)
        assert not [message.error() for message in messages if message.error()]
        return [message.value() or b"" for message in messages]
    finally:
        consumer.close()


@pytest.mark.kafka
def test_log_id_and_port_stay_through_stop_and_kill(tmp_path: Path, jars: Path) -> None:
    """What was acknowledged before kill -9 is there after it, and clients find it at the old address."""
    settings = settings_of(tmp_path / "data with späces")
    broker = EmbeddedBroker(settings.data_dir, jars, HEAP_MIB)
    with broker:
        first = broker.bootstrap, broker.cluster_id
        admin = AdminClient(client_config(settings, broker.bootstrap))
        ensure_topics(admin, [Topic("kept", 1, {})], replication=1)
        topic_id = cluster_and_topic_ids(admin, ["kept"]).topic_ids["kept"]
        produce(broker.bootstrap, settings, "kept", [b"before the kill"])
        pid = broker.pid
        assert pid is not None
        broker.kill()
        assert not is_alive(pid)
        assert broker.exit_code() is None
        assert probe(client_config(settings, first[0]), timeout_s=0.3) is None

        broker.start()
        broker.wait_ready()
        assert (broker.bootstrap, broker.cluster_id) == first
        produce(broker.bootstrap, settings, "kept", [b"after the kill"])
        broker.stop()
        assert broker.pid is None

        broker.start()
        broker.wait_ready()
        assert (broker.bootstrap, broker.cluster_id) == first
        assert consume(broker.bootstrap, settings, "kept", 2) == [b"before the kill", b"after the kill"]
        # the same client, made before the first kill, works on
        ids = cluster_and_topic_ids(admin, ["kept"])
        assert (ids.cluster_id, ids.topic_ids["kept"]) == (first[1], topic_id)


@pytest.mark.kafka
def test_only_loopback_and_only_one_broker_a_directory(kafka: Cluster, jars: Path) -> None:
    host, port = kafka.bootstrap.split(":")
    assert host == "127.0.0.1"
    with pytest.raises(OSError, match="refused"):  # another loopback address: a wildcard listener would answer it
        socket.create_connection(("127.0.0.2", int(port)), timeout=5).close()
    second = EmbeddedBroker(kafka.settings.data_dir, jars, HEAP_MIB)
    with pytest.raises(Conflict, match=str(os.getpid())):
        second.start()
    assert kafka.broker.pid is not None


@pytest.mark.kafka
def test_a_broker_that_dies_at_start_says_why(tmp_path: Path, jars: Path) -> None:
    broker = EmbeddedBroker(tmp_path, jars, HEAP_MIB, java_options=("-XX:+NoSuchOption",))
    broker.start()
    with pytest.raises(Unavailable, match="NoSuchOption"):
        broker.wait_ready()
    assert broker.pid is None


RUN_BROKER = """
import sys
from pathlib import Path
from infra.kafka.broker import run_broker
from infra.settings import Settings
run_broker(Settings.model_validate({"data_dir": Path(sys.argv[1]), "kafka_heap_mib": 256}))
"""


@pytest.fixture
def foreground(tmp_path: Path, jars: Path) -> Iterator[tuple["subprocess.Popen[str]", int, Settings]]:
    """`run_broker` in a process of its own, ready: (process, pid of its Java process, settings)."""
    command = [sys.executable, "-c", RUN_BROKER, str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    settings = settings_of(tmp_path)
    try:
        until(lambda: is_ready(settings) or process.poll() is not None, "the broker is ready")
        children = Path(f"/proc/{process.pid}/task").glob("*/children")
        pids = [int(pid) for path in children for pid in path.read_text().split()]
        assert len(pids) == 1
        yield process, pids[0], settings
    finally:
        kill_group(process)  # type: ignore[arg-type]  # text or bytes, it is only killed
        assert process.stderr is not None
        process.stderr.close()


@pytest.mark.kafka
def test_run_broker_stops_cleanly(foreground: tuple["subprocess.Popen[str]", int, Settings]) -> None:
    process, java, settings = foreground
    run_file = settings.data_dir / "run" / "kafka.json"
    content = json.loads(run_file.read_text())
    assert content["bootstrap"] == resolve_bootstrap(settings)
    assert content["cluster_id"] == probe(client_config(settings, content["bootstrap"]))
    process.send_signal(signal.SIGTERM)
    assert process.wait(AWAITED_S) == 0
    assert not is_alive(java)
    assert not run_file.exists()
    assert not is_ready(settings)


@pytest.mark.kafka
def test_java_dies_with_a_killed_run_broker(
    foreground: tuple["subprocess.Popen[str]", int, Settings],
) -> None:
    process, java, settings = foreground
    before = resolve_bootstrap(settings)
    assert is_alive(java)
    process.kill()
    process.wait()
    until(lambda: not is_alive(java), "the Java process is gone")
    assert resolve_bootstrap(settings) == before  # the next one will be there


@pytest.mark.kafka
def test_run_broker_fails_when_java_dies(foreground: tuple["subprocess.Popen[str]", int, Settings]) -> None:
    process, java, _ = foreground
    os.kill(java, signal.SIGKILL)
    _, errors = process.communicate(timeout=AWAITED_S)
    assert process.returncode not in (0, None)
    assert "the broker died (exit code -9)" in errors


def test_topics_are_created_then_verified(kafka: Cluster, make_topics: MakeTopics) -> None:
    (made,) = make_topics("made", partitions=3, config={"cleanup.policy": "compact", "retention.ms": "-1"})
    seen: list[tuple[str, str]] = []
    declared = Topic(made, 3, {"cleanup.policy": "compact", "retention.ms": "-1"})
    ensure_topics(kafka.admin, [declared], 1, on_progress=lambda name, what: seen.append((name, what)))
    assert seen == [(made, "verified")]


def test_all_topics_of_the_house_can_be_made(kafka: Cluster) -> None:
    seen: list[tuple[str, str]] = []
    for _ in range(2):
        ensure_topics(kafka.admin, house_topics(2), 1, on_progress=lambda *what: seen.append(what))
    half = len(seen) // 2
    assert {what for _, what in seen[half:]} == {"verified"}
    assert [name for name, _ in seen[:half]] == [topic.name for topic in house_topics(2)]


def test_another_partition_count_is_refused(kafka: Cluster, make_topics: MakeTopics) -> None:
    (made,) = make_topics(partitions=2)
    with pytest.raises(Conflict, match=r"has 2 partitions, 8 are declared.*TIDEMARK_KAFKA_PARTITIONS=2") as caught:
        ensure_topics(kafka.admin, [Topic(made, 8, {})], 1)
    assert caught.value.facts == {"topic": made, "expected": 8, "found": 2}


def test_another_configuration_is_refused_and_left_alone(kafka: Cluster, make_topics: MakeTopics) -> None:
    (made,) = make_topics(config={"retention.ms": "1000"})
    for _ in range(2):  # were it altered, the second time would pass
        with pytest.raises(Conflict, match=r"retention\.ms=1000, -1 is declared") as caught:
            ensure_topics(kafka.admin, [Topic(made, 1, {"retention.ms": "-1"})], 1)
    assert caught.value.facts == {"topic": made, "key": "retention.ms", "expected": "-1", "found": "1000"}


def test_what_the_cluster_cannot_do_is_invalid_input(kafka: Cluster) -> None:
    with pytest.raises(InvalidInput, match="replication 3"):
        ensure_topics(kafka.admin, [Topic("never.made", 1, {})], replication=3)
    with pytest.raises(NotFound, match=r"never\.made"):
        cluster_and_topic_ids(kafka.admin, ["never.made"])
    with pytest.raises(NotFound, match=r"never\.made"):
        log_bounds(kafka.admin, ["never.made"])


def test_bounds_of_a_log(kafka: Cluster, make_topics: MakeTopics) -> None:
    (made,) = make_topics(partitions=2)
    assert log_bounds(kafka.admin, [made]) == {(made, 0): (0, 0), (made, 1): (0, 0)}
    produce(kafka.bootstrap, kafka.settings, made, [b"1", b"2", b"3"])
    for answer in kafka.admin.delete_records([TopicPartition(made, 0, 1)]).values():
        answer.result()
    assert log_bounds(kafka.admin, [made]) == {(made, 0): (1, 3), (made, 1): (0, 0)}


def test_ids_tell_a_topic_from_another_of_its_name(kafka: Cluster, make_topics: MakeTopics) -> None:
    one, two = make_topics("one", "two")
    ids = cluster_and_topic_ids(kafka.admin, [one, two])
    assert ids.cluster_id == kafka.broker.cluster_id
    assert len({*ids.topic_ids.values()}) == 2
    assert all(len(topic_id) == 22 for topic_id in ids.topic_ids.values())


def test_large_records_pass(kafka: Cluster, make_topics: MakeTopics) -> None:
    """12 MiB on an inbound topic (decision S27), incompressible."""
    (made,) = make_topics(config={"max.message.bytes": str(12 * 1024 * 1024)})
    large = os.urandom(11 * 1024 * 1024)
    produce(kafka.bootstrap, kafka.settings, made, [large])
    assert consume(kafka.bootstrap, kafka.settings, made, 1) == [large]


def test_the_partitioner_is_that_of_java(kafka: Cluster, make_topics: MakeTopics) -> None:
    """Known answers of Kafka's own murmur2 (Utils.murmur2 of its test suite), modulo the partitions."""
    (made,) = make_topics(partitions=8)
    hashes = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    found: dict[bytes, int] = {}
    producer = Producer(producer_config(kafka.settings, kafka.bootstrap, linger_ms=0))
    for key in hashes:
        producer.produce(made, b"", key, on_delivery=lambda _, m: found.update({m.key() or b"": m.partition() or 0}))
    assert producer.flush(AWAITED_S) == 0
    assert found == {key: (value & 0x7FFFFFFF) % 8 for key, value in hashes.items()}


def test_another_port_if_the_old_one_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "PORT_AWAITED_S", 0.0)
    ports = node.Node(tmp_path).claim_ports()
    assert node.Node(tmp_path).claim_ports() == ports == node.Node(tmp_path).ports()
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", ports[0]))
        stranger.listen()
        others = node.Node(tmp_path).claim_ports()
    assert not {*others} & {ports[0]}
    assert others[0] != others[1]
    assert node.Node(tmp_path).ports() == others
