"""Bounds of a log while its leader is being elected: asked again, until it is or time is up."""

from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from engines.primitives.errors import Unavailable
from infra.kafka.admin import log_bounds


class Answer:
    def __init__(self, value: Any) -> None:
        self._value = value

    def result(self) -> Any:
        if isinstance(self._value, Exception):
            raise self._value
        return self._value


class Named:
    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class Electing:
    """An AdminClient whose broker learns late that it leads partition 0."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals

    def describe_topics(self, _: Any, request_timeout: float) -> dict[str, Answer]:
        return {"t": Answer(Named(partitions=[Named(id=0), Named(id=1)]))}

    def list_offsets(self, request: Any, request_timeout: float) -> dict[TopicPartition, Answer]:
        answers = {at: Answer(Named(offset=7)) for at in request}
        if self.refusals:
            self.refusals -= 1
            first = min(request, key=lambda at: at.partition)
            answers[first] = Answer(KafkaException(KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION)))
        return answers


def test_a_leader_that_is_late_is_asked_again() -> None:
    admin = Electing(3)
    assert log_bounds(cast("AdminClient", admin), ["t"]) == {("t", 0): (7, 7), ("t", 1): (7, 7)}
    assert admin.refusals == 0


def test_a_leader_that_never_comes_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="bounds"):
        log_bounds(cast("AdminClient", Electing(10**6)), ["t"], timeout_s=0.2)
