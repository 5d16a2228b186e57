"""Fetches wait long only where nobody waits for their end: against aiokafka's own choice of what to ask."""

import hashlib
import inspect
from typing import Any

import aiokafka
import pytest
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.structs import TopicPartition

from streams.fetch_waits import PARTIAL_MS, WHOLE_MS, set_fetch_waits

#: What streams/fetch_waits.py was written against; read it again before changing this.
SOURCE_DIGEST = "1dab2cf937d165d0eeacc8da8ed2b0ebd80b321bb6583757e01cdc1013d31635"
PLACES = [TopicPartition("entries", number) for number in range(3)]


class State:
    has_valid_position, paused, position = True, False, 7


class Assignment:
    tps = PLACES

    def state_value(self, _: TopicPartition) -> State:
        return State()


class Unread:
    def calculate_backoff(self) -> float:
        return 0.0


def fetcher(leaders: dict[TopicPartition, int], unread: set[TopicPartition], in_flight: set[int]) -> Any:
    """aiokafka's, without a cluster behind it."""
    made: Any = Fetcher.__new__(Fetcher)
    made._records = {place: Unread() for place in unread}
    made._in_flight = in_flight
    made._fetch_max_wait_ms, made._fetch_min_bytes, made._fetch_max_bytes = 500, 1, 1_000
    made._max_partition_fetch_bytes, made._isolation_level, made._fetcher_timeout = 1_000, 1, 0.2
    made._client_rack = ""
    made._select_read_replica = leaders.get
    set_fetch_waits(made)
    return made


@pytest.mark.parametrize(
    ("leaders", "unread", "in_flight", "waits"),
    [
        ((1, 1, 1), set(), set(), {1: WHOLE_MS}),
        ((1, 1, 1), {0}, set(), {1: PARTIAL_MS}),
        ((1, 1, 2), {0}, set(), {1: PARTIAL_MS, 2: WHOLE_MS}),
        ((1, 1, 2), set(), {1}, {2: WHOLE_MS}),
        ((1, 1, 1), {0, 1, 2}, set(), {}),
    ],
)
def test_only_a_request_for_all_of_a_brokers_partitions_waits_long(
    leaders: tuple[int, ...], unread: set[int], in_flight: set[int], waits: dict[int, int]
) -> None:
    made = fetcher(dict(zip(PLACES, leaders, strict=True)), {PLACES[n] for n in unread}, in_flight)
    requests, *others = made._get_actions_per_node(Assignment())
    assert {node: request._max_wait_ms for node, request in requests} == waits
    assert len(others) == 4


def test_the_wrapped_method_is_the_one_we_know() -> None:
    digest = hashlib.sha256(inspect.getsource(Fetcher._get_actions_per_node).encode()).hexdigest()
    assert digest == SOURCE_DIGEST, f"aiokafka {aiokafka.__version__} changed what it asks for"
