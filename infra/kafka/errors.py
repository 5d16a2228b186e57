"""Errors of librdkafka in the words of the house. Not for records that the broker refused one by one."""

import contextlib
from collections.abc import Iterator

from confluent_kafka import KafkaError, KafkaException

from engines.primitives.errors import Conflict, Forbidden, InvalidInput, NotFound, TidemarkError, Unavailable

KINDS: dict[int, type[TidemarkError]] = {
    KafkaError.UNKNOWN_TOPIC_OR_PART: NotFound,
    KafkaError._UNKNOWN_TOPIC: NotFound,
    KafkaError._UNKNOWN_PARTITION: NotFound,
    KafkaError.TOPIC_ALREADY_EXISTS: Conflict,
    KafkaError.INVALID_CONFIG: InvalidInput,
    KafkaError.INVALID_PARTITIONS: InvalidInput,
    KafkaError.INVALID_REPLICATION_FACTOR: InvalidInput,
    KafkaError.TOPIC_EXCEPTION: InvalidInput,
    KafkaError.POLICY_VIOLATION: InvalidInput,
    KafkaError.TOPIC_AUTHORIZATION_FAILED: Forbidden,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: Forbidden,
    KafkaError.GROUP_AUTHORIZATION_FAILED: Forbidden,
}


@contextlib.contextmanager
def translated(doing: str, **facts: str | int) -> Iterator[None]:
    """Raise a KafkaException of the block as the kind that says what the caller can do; else Unavailable."""
    try:
        yield
    except KafkaException as error:
        cause = error.args[0] if error.args else None
        code = cause.code() if isinstance(cause, KafkaError) else None
        text = cause.str() if isinstance(cause, KafkaError) else str(error)
        about = f" ({', '.join(f'{name} {value}' for name, value in facts.items())})" if facts else ""
        kind = KINDS.get(code, Unavailable) if code is not None else Unavailable
        raise kind(f"Kafka refused or failed at {doing}{about}: {text}", **facts) from error
