"""Creating topics as they are declared, or verifying that they are; the bounds of their logs.

Nothing existing is altered: another partition count would move keys between states (decision S11), another
retention may have been an operator's choice. Not the declarations: those are in `streams.topics`.
"""

import time
from collections.abc import Callable, Iterable

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition

# The library documents these names here without exporting them, and leaves two calls without types.
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from engines.primitives.errors import Conflict, Unavailable
from infra.kafka.errors import translated
from infra.kafka.topic import Topic

Progress = Callable[[str, str], None]

#: What a broker says while an election is under way, or the news of it: after a topic was made, or a broker is back.
ELECTING = frozenset(
    {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART}
)


def ensure_topics(
    admin: AdminClient,
    topics: Iterable[Topic],
    replication: int,
    on_progress: Progress | None = None,
    timeout_s: float = 30.0,
) -> None:
    """Create what is missing, verify what exists; `on_progress(topic, "created" | "verified")`.

    Safe to run by several processes at once. Config keys that a topic does not declare are left to the
    cluster.

    Raises:
        Conflict: an existing topic has another partition count or another value of a declared key.
        InvalidInput: the cluster refuses a declaration, such as more replicas than it has brokers.
        Unavailable: the cluster does not answer.
    """
    wanted = {topic.name: topic for topic in topics}
    with translated("listing topics"):
        present = admin.list_topics(timeout=timeout_s).topics
    missing = [topic for topic in wanted.values() if topic.name not in present]
    created = _create(admin, missing, replication, timeout_s)
    if missing:
        _await_leaders(admin, {topic.name for topic in missing}, timeout_s)
    existing = [topic for topic in wanted.values() if topic.name not in created]
    _verify_partitions(admin, existing, timeout_s)
    _verify_configs(admin, existing, timeout_s)
    if on_progress is not None:
        for name in wanted:
            on_progress(name, "created" if name in created else "verified")


def log_bounds(
    admin: AdminClient, topics: Iterable[str], timeout_s: float = 15.0
) -> dict[tuple[str, int], tuple[int, int]]:
    """{(topic, partition): (first offset kept, next offset to be written)} of all partitions of `topics`.

    Raises:
        NotFound: a topic does not exist.
        Unavailable: the cluster does not answer.
    """
    names = sorted(set(topics))
    if not names:
        return {}
    partitions: list[tuple[str, int]] = []
    for name, answer in admin.describe_topics(TopicCollection(names), request_timeout=timeout_s).items():
        with translated("describing a topic", topic=name):
            partitions += [(name, part.id) for part in answer.result().partitions]
    ends: list[dict[tuple[str, int], int]] = []
    specs: list[OffsetSpec] = [OffsetSpec.earliest(), OffsetSpec.latest()]  # type: ignore[no-untyped-call]
    deadline = time.monotonic() + timeout_s
    for spec in specs:
        request = {TopicPartition(name, number): spec for name, number in partitions}
        ends.append(_list_offsets(admin, request, timeout_s, deadline))
    return {at: (ends[0][at], ends[1][at]) for at in sorted(partitions)}


def _list_offsets(
    admin: AdminClient, request: dict[TopicPartition, OffsetSpec], timeout_s: float, deadline: float
) -> dict[tuple[str, int], int]:
    """The offsets asked for; a broker that does not know yet that it leads a partition is asked again."""
    found: dict[tuple[str, int], int] = {}
    while True:
        waiting: dict[TopicPartition, OffsetSpec] = {}
        for at, bound in admin.list_offsets(request, request_timeout=timeout_s).items():
            with translated("asking for the bounds of a log", topic=at.topic, partition=at.partition):
                try:
                    found[at.topic, at.partition] = bound.result().offset
                except KafkaException as error:
                    if error.args[0].code() not in ELECTING or time.monotonic() > deadline:
                        raise
                    waiting[at] = request[at]
        if not waiting:
            return found
        request = waiting
        time.sleep(0.05)


def _create(admin: AdminClient, topics: list[Topic], replication: int, timeout_s: float) -> set[str]:
    """The names that we created; one that somebody else created meanwhile is not among them."""
    if not topics:
        return set()
    new = [
        NewTopic(topic.name, topic.partitions, replication_factor=replication, config=dict(topic.config))
        for topic in topics
    ]
    created = set()
    for name, answer in admin.create_topics(new, request_timeout=timeout_s).items():
        try:
            answer.result()
            created.add(name)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                continue
            with translated("creating a topic", topic=name, replication=replication):
                raise
    return created


def _await_leaders(admin: AdminClient, names: set[str], timeout_s: float) -> None:
    """A KRaft controller confirms a topic before the brokers have heard of it, whatever `operation_timeout` says."""
    deadline = time.monotonic() + timeout_s
    while True:
        with translated("listing topics"):
            found = admin.list_topics(timeout=timeout_s).topics
        led = {
            name
            for name in names & found.keys()
            if found[name].partitions and all(part.leader >= 0 for part in found[name].partitions.values())
        }
        if led == names:
            return
        if time.monotonic() > deadline:
            late = sorted(names - led)
            raise Unavailable(f"no leader after {timeout_s:.0f} s for {', '.join(late)}", topic=late[0])
        time.sleep(0.05)


def _verify_partitions(admin: AdminClient, topics: list[Topic], timeout_s: float) -> None:
    if not topics:
        return
    wanted = {topic.name: topic.partitions for topic in topics}
    answers = admin.describe_topics(TopicCollection(list(wanted)), request_timeout=timeout_s)
    for name, answer in answers.items():
        with translated("describing a topic", topic=name):
            found = len(answer.result().partitions)
        if found != wanted[name]:
            raise Conflict(
                f"{name} has {found} partitions, {wanted[name]} are declared. The count is fixed for the "
                f"life of a log: set TIDEMARK_KAFKA_PARTITIONS={found} if that is how it was made, or fill a "
                "new version of the topic by a re-keying replay",
                topic=name,
                expected=wanted[name],
                found=found,
            )


def _verify_configs(admin: AdminClient, topics: list[Topic], timeout_s: float) -> None:
    wanted = {topic.name: topic.config for topic in topics if topic.config}
    if not wanted:
        return
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in wanted]
    for resource, answer in admin.describe_configs(resources, request_timeout=timeout_s).items():
        with translated("reading the configuration of a topic", topic=resource.name):
            entries = answer.result()
        for key, value in wanted[resource.name].items():
            found = entries[key].value if key in entries else "(unknown to the cluster)"
            if found != value:
                raise Conflict(
                    f"{resource.name} has {key}={found}, {value} is declared. Nothing was changed: alter the "
                    f"topic with your cluster's tools (kafka-configs --alter --add-config {key}={value})",
                    topic=resource.name,
                    key=key,
                    expected=value,
                    found=str(found),
                )
