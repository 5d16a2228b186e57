"""How confluent-kafka clients of ours are configured, and where their cluster is.

One place for TLS and SASL, reconnecting, sizes and the partitioner (decision S11), so that no producer can
differ. Not for creating clients: callers do, and close them. The Faust worker's aiokafka client is configured
in `streams`.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from engines.primitives.errors import InvalidInput, NotFound, Unavailable
from infra.files import read_bytes_or_none
from infra.kafka.errors import translated
from infra.settings import Settings

MIB = 1024 * 1024
RECORD_BYTES_MAX = 16 * MIB
"""Largest record of any topic of ours (the dead letters; decision S27)."""

_URL_SAFE = str.maketrans("+/", "-_")
Config = dict[str, str | int | float | bool]

_mute = logging.getLogger("infra.kafka.probe")
_mute.addHandler(logging.NullHandler())
_mute.propagate = False  # a probe of a broker that is not up yet is no news


def client_config(settings: Settings, bootstrap: str) -> Config:
    """What every client needs: addresses, security, and to be back soon after a broker's restart.

    Raises:
        InvalidInput: TLS or SASL settings that contradict each other; `facts["field"]` names one.
    """
    config: Config = {
        "bootstrap.servers": bootstrap,
        "client.id": "tidemark",
        # librdkafka's default of 10 s would leave a client deaf for that long after a restart of the broker
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "socket.keepalive.enable": True,
        "socket.nagle.disable": True,
        "log.connection.close": False,
    }
    return config | _security(settings)


def producer_config(settings: Settings, bootstrap: str, **overrides: str | int | float | bool) -> Config:
    """Idempotent, ordered, acknowledged by all replicas; Java's murmur2 as partitioner (decision S11).

    Override by keyword with `_` for `.`: `linger_ms=0`.
    """
    config: Config = {
        "partitioner": "murmur2_random",
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 5,
        "compression.type": "lz4",
        "message.max.bytes": RECORD_BYTES_MAX,
        # librdkafka would queue 1 GiB; a full queue raises BufferError, which the caller answers by polling
        "queue.buffering.max.kbytes": 128 * 1024,
        "queue.buffering.max.messages": 500_000,
    }
    return client_config(settings, bootstrap) | config | _dotted(overrides)


def consumer_config(
    settings: Settings, bootstrap: str, group: str | None = None, **overrides: str | int | float | bool
) -> Config:
    """A reader that keeps its own offsets: committed records only, CRC checked, no commits by itself.

    `group` is required by the client even where partitions are assigned by hand; none gives `<group>-reader`.
    """
    config: Config = {
        "group.id": group or f"{settings.group}-reader",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "check.crcs": True,
        "fetch.max.bytes": 64 * MIB,
        "receive.message.max.bytes": 128 * MIB,
        "max.partition.fetch.bytes": 4 * MIB,
        "fetch.wait.max.ms": 100,
        # 1,000 by default: a reader whose queue was full once would wait a second before it asks again
        "fetch.queue.backoff.ms": 20,
        "fetch.error.backoff.ms": 100,
    }
    return client_config(settings, bootstrap) | config | _dotted(overrides)


def resolve_bootstrap(settings: Settings) -> str:
    """Address of the cluster: the setting, or what the embedded broker of this data directory left.

    Raises:
        Unavailable: neither is there.
        InvalidInput: security settings without a cluster of one's own: the embedded broker would ignore them.
    """
    if settings.kafka_bootstrap:
        return settings.kafka_bootstrap
    if settings.kafka_security_protocol != "PLAINTEXT":
        raise InvalidInput(
            "kafka_security_protocol is for TIDEMARK_KAFKA_BOOTSTRAP: the embedded broker has no TLS",
            field="kafka_security_protocol",
        )
    path = settings.data_dir / "run" / "kafka.json"
    raw = read_bytes_or_none(path)
    try:
        return str(json.loads(raw or b"{}")["bootstrap"])
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable(
            f"no Kafka: {path} names no broker. Start one with `tidemark up` or `tidemark broker` on the "
            "same data directory, or set TIDEMARK_KAFKA_BOOTSTRAP",
            path=str(path),
        ) from error


def probe(config: Mapping[str, str | int | float | bool], timeout_s: float = 1.0) -> str | None:
    """The cluster's id if a broker answers a metadata request in time, else none. Says nothing on the log."""
    try:
        admin = AdminClient(dict(config) | {"log_level": 0}, logger=_mute)
        answer = admin.list_topics(timeout=timeout_s)
    except KafkaException:
        return None
    return answer.cluster_id if answer.brokers else None


@dataclass(frozen=True, slots=True)
class ClusterIds:
    """Which log it is (decision S5): ids as Kafka prints them, 22 characters of URL-safe base64."""

    cluster_id: str
    topic_ids: Mapping[str, str]


def cluster_and_topic_ids(admin: AdminClient, topics: Iterable[str], timeout_s: float = 15.0) -> ClusterIds:
    """Cluster id and topic UUIDs of `topics`.

    Raises:
        NotFound: a topic does not exist.
        Unavailable: the cluster does not answer.
    """
    names = sorted(set(topics))
    with translated("describing the cluster"):
        cluster = admin.describe_cluster(request_timeout=timeout_s).result()
        answers = admin.describe_topics(TopicCollection(names), request_timeout=timeout_s) if names else {}
    ids: dict[str, str] = {}
    for name, answer in answers.items():
        with translated("describing a topic", topic=name):
            # librdkafka prints plain base64 where Kafka's own tools print the URL-safe form: ids name folders here
            ids[name] = str(answer.result().topic_id).translate(_URL_SAFE)
    if not cluster.cluster_id:
        raise NotFound("the cluster has no id")
    return ClusterIds(cluster.cluster_id, ids)


def _security(settings: Settings) -> Config:
    protocol = settings.kafka_security_protocol
    config: Config = {"security.protocol": protocol}
    password = settings.kafka_sasl_password
    sasl = {
        "kafka_sasl_mechanism": ("sasl.mechanism", settings.kafka_sasl_mechanism),
        "kafka_sasl_username": ("sasl.username", settings.kafka_sasl_username),
        "kafka_sasl_password": ("sasl.password", password.get_secret_value() if password else None),
    }
    tls = {
        "kafka_ssl_ca": ("ssl.ca.location", settings.kafka_ssl_ca),
        "kafka_ssl_certificate": ("ssl.certificate.location", settings.kafka_ssl_certificate),
        "kafka_ssl_key": ("ssl.key.location", settings.kafka_ssl_key),
    }
    # A credential that is silently not used is worse than a refusal: the link would be open without a word.
    for settings_of, wanted in ((sasl, protocol.startswith("SASL")), (tls, protocol.endswith("SSL"))):
        for field, (key, value) in settings_of.items():
            if value is not None and not wanted:
                raise InvalidInput(f"{field} is set, yet kafka_security_protocol is {protocol}", field=field)
            if value is None and wanted and settings_of is sasl:
                raise InvalidInput(f"{field} is missing: kafka_security_protocol is {protocol}", field=field)
            if value is not None:
                config[key] = str(value)
    if (settings.kafka_ssl_certificate is None) != (settings.kafka_ssl_key is None):
        raise InvalidInput("kafka_ssl_certificate and kafka_ssl_key go together", field="kafka_ssl_key")
    return config


def _dotted(overrides: Mapping[str, str | int | float | bool]) -> Config:
    return {name.replace("_", "."): value for name, value in overrides.items()}
