"""What the watchdog of progress is told while partitions change hands."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.structs import TopicPartition

from streams.worker import Worker

TOPIC = "tm.in.core.txn.v1"


@pytest.mark.parametrize(("assigned", "end"), [(True, 7), (False, None)])
def test_a_partition_that_a_rebalance_has_just_taken_has_no_end(assigned: bool, end: int | None) -> None:
    held = {TopicPartition(TOPIC, 0 if assigned else 1)}

    def highwater(place: Any) -> int:
        assert place in held, "Partition is not assigned"  # as in aiokafka's consumer
        return 7

    worker = object.__new__(Worker)
    worker.__dict__["app"] = SimpleNamespace(consumer=SimpleNamespace(highwater=highwater))
    assert worker._end(TOPIC, 0) == end
