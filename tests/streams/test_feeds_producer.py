"""The producer without a broker: what it refuses, what it counts. With one: `test_feed_kafka.py`."""

import json
from typing import Any

import pytest

from engines.primitives.errors import InvalidInput, Unavailable
from streams.producer import RecordProducer, encode, headers_of, record_id
from streams.schemas import BusinessDate, PostingReply, Txn, WorkflowCommand, cloud_event_headers

NOBODY: dict[str, Any] = {"bootstrap.servers": "127.0.0.1:1", "message.timeout.ms": 150, "log_level": 0}
TXN = Txn(
    txn_id="T1",
    source_system="core",
    event_time="2026-03-02T01:02:03.000004Z",
    value_date="2026-03-02",
    entity_id="BANK",
    account_id="A",
    ccy="CNY",
    direction="in",
    amount="1.00",
)


def test_headers_are_cloud_events() -> None:
    assert headers_of("tm.in.core.txn.v1", TXN, b"/feed") == cloud_event_headers(
        "tm.in.core.txn.v1", "BANK/core/T1/settled", "/feed", TXN.event_time
    )


def test_a_record_without_an_instant_has_no_time_header() -> None:
    reply = PostingReply(instruction_id="I1", attempt=2, outcome="rejected", error_code="X")
    headers = dict(headers_of("t", reply, b"/core"))
    assert "ce_time" not in headers
    assert headers["ce_id"] == b"I1/2"


def test_an_id_tells_apart_what_is_not_the_same_record() -> None:
    command = WorkflowCommand(cmd_id="C", aggregate="RiskAsset", key="K", command="Admit", payload={}, token="t")
    date = BusinessDate(entity_id="BANK", business_date="2026-03-02", event_time=TXN.event_time)
    pending = Txn(**{**json.loads(encode(TXN)), "status": "pending"})
    ids = [record_id(record) for record in (TXN, pending, command, date)]
    assert ids == ["BANK/core/T1/settled", "BANK/core/T1/pending", "C", "BANK/2026-03-02"]


def test_another_partitioner_is_refused() -> None:
    with pytest.raises(InvalidInput, match="murmur2_random"):
        RecordProducer({**NOBODY, "partitioner": "consistent_random"})


def test_a_record_above_the_limit_is_reported_and_not_queued() -> None:
    producer = RecordProducer({**NOBODY, "message.max.bytes": 2_000})
    with pytest.raises(InvalidInput, match="larger") as refused:
        producer.send("t", b"k", b"x" * 5_000)
    assert refused.value.facts["value_bytes"] == 5_000
    assert (producer.failed, producer.delivered) == (1, 0)
    producer.flush()


def test_what_was_not_delivered_is_told_by_flush_once() -> None:
    producer = RecordProducer(NOBODY)
    producer.send("t", b"k", b"v")
    with pytest.raises(Unavailable, match="not delivered"):
        producer.flush()
    assert (producer.failed, producer.delivered) == (1, 0)
    producer.flush()


def test_flush_does_not_wait_for_ever() -> None:
    producer = RecordProducer({**NOBODY, "message.timeout.ms": 60_000})
    producer.send("t", b"k", b"v")
    with pytest.raises(Unavailable, match="1 records were not delivered"):
        producer.flush(0.05)
    assert (producer.failed, producer.delivered) == (0, 0)


def test_a_full_queue_is_waited_out() -> None:
    seen: list[str] = []
    producer = RecordProducer({**NOBODY, "queue.buffering.max.messages": 1})
    for i in range(3):
        producer.send("t", b"k", b"%d" % i, on_delivery=lambda error, message: seen.append(str(message.value())))
    with pytest.raises(Unavailable):
        producer.flush()
    assert producer.failed == 3
    assert sorted(seen) == [str(b"%d" % i) for i in range(3)]
