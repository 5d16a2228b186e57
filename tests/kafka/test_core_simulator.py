"""The simulated core on a real broker: answers, remembers over restarts, commits what it answered."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from engines.primitives.errors import Unavailable
from infra.kafka.clients import consumer_config, producer_config
from streams.core_simulator import CoreSimulatorConfig, run_core_simulator
from streams.core_transfers import core_number
from streams.producer import RecordProducer, encode
from streams.schemas import PostingReply, PostingRequest


def request(number: int, attempt: int = 1, amount: str = "5.00", parts: str = "5.00") -> PostingRequest:
    return PostingRequest(
        instruction_id=f"I{number}",
        attempt=attempt,
        kind="WRITE_OFF",
        entity_id="BANK",
        case_no="W",
        asset_no="LN",
        ccy="CNY",
        amount=amount,
        alloc={"principal": parts},
        value_date="2026-03-02",
    )


class Core:
    """The simulator in a thread, and the two topics between which it stands."""

    def __init__(self, kafka: Any, request_topic: str, reply_topic: str) -> None:
        self.kafka = kafka
        self.request_topic, self.reply_topic = request_topic, reply_topic
        self.producer = RecordProducer(producer_config(kafka.settings, kafka.bootstrap))
        self.config = CoreSimulatorConfig(
            consumer=consumer_config(kafka.settings, kafka.bootstrap),
            producer=producer_config(kafka.settings, kafka.bootstrap),
            group=f"core-{request_topic}",
            request_topic=request_topic,
            reply_topic=reply_topic,
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        stop, failures = threading.Event(), []

        def run() -> None:
            try:
                run_core_simulator(self.config, stop)
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(30)
            assert not thread.is_alive()
            assert not failures

    def ask(self, *requests: PostingRequest) -> None:
        for one in requests:
            self.producer.send(self.request_topic, one.instruction_id.encode(), encode(one))
        self.producer.flush()

    def replies(self) -> list[PostingReply]:
        consumer = Consumer(consumer_config(self.kafka.settings, self.kafka.bootstrap))
        try:
            place = TopicPartition(self.reply_topic, 0, 0)
            end = consumer.get_watermark_offsets(place, timeout=10)[1]
            consumer.assign([place])
            found: list[PostingReply] = []
            while len(found) < end:
                for message in consumer.consume(end - len(found), timeout=10):
                    reply = msgspec.json.decode(message.value() or b"", type=PostingReply)
                    assert message.key() == reply.instruction_id.encode()
                    found.append(reply)
            return found
        finally:
            consumer.close()

    def committed(self) -> int:
        consumer = Consumer(consumer_config(self.kafka.settings, self.kafka.bootstrap, self.config.group))
        try:
            return consumer.committed([TopicPartition(self.request_topic, 0)], timeout=10)[0].offset
        except KafkaException as error:
            if error.args[0].code() != KafkaError.NOT_COORDINATOR:  # a young broker: nothing is committed there
                raise
            return -1
        finally:
            consumer.close()

    def wait(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not ready():
            assert time.monotonic() < deadline, "the core did not answer in 30 s"
            time.sleep(0.05)


@pytest.fixture
def core(kafka: Any, make_topics: Any) -> Core:
    return Core(kafka, *make_topics("posting-request", "posting-reply"))


def test_requests_are_answered_and_remembered_over_a_restart(core: Core) -> None:
    core.ask(request(1), request(2, parts="4.99"))
    with core.running():
        core.wait(lambda: core.committed() == 2)
        core.ask(request(1, attempt=2))
        core.wait(lambda: core.committed() == 3)
    first = core.replies()
    assert [(r.instruction_id, r.attempt, r.outcome) for r in first] == [
        ("I1", 1, "accepted"),
        ("I2", 1, "rejected"),
        ("I1", 2, "accepted"),
    ]
    assert first[0].core_txn_no == first[2].core_txn_no == core_number("I1")

    core.ask(request(1, attempt=3, amount="6.00", parts="6.00"), request(3))
    with core.running():
        core.wait(lambda: core.committed() == 5)
    later = core.replies()
    assert later[:3] == first, "what was answered is not answered again"
    assert [(r.instruction_id, r.outcome, r.error_code) for r in later[3:]] == [
        ("I1", "rejected", "DUPLICATE_INSTRUCTION"),
        ("I3", "accepted", None),
    ]


def test_an_answer_that_was_not_committed_is_given_again_and_equal(core: Core) -> None:
    core.ask(request(1))
    with core.running():
        core.wait(lambda: core.committed() == 1)
    consumer = Consumer(consumer_config(core.kafka.settings, core.kafka.bootstrap, core.config.group))
    consumer.commit(offsets=[TopicPartition(core.request_topic, 0, 0)], asynchronous=False)  # as after a kill
    consumer.close()
    with core.running():
        core.wait(lambda: core.committed() == 1)
    one, other = core.replies()
    assert one == other


def test_a_missing_topic_is_told(core: Core) -> None:
    config = CoreSimulatorConfig(
        consumer=core.config.consumer, producer=core.config.producer, group="g", request_topic="no.such.topic"
    )
    with pytest.raises(Unavailable, match=r"no\.such\.topic"):
        run_core_simulator(config, threading.Event())
