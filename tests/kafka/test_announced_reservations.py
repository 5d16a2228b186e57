"""Announced withdrawals read from a real broker: the newest of each, all partitions, and not what this house told."""

from typing import Any

import msgspec
import pytest

from infra.kafka.clients import client_config, producer_config
from streams.announced_reservations import AnnouncedReservations
from streams.audit_publisher import SOURCE
from streams.producer import RecordProducer
from streams.schemas import Reservation, cloud_event_headers

pytestmark = pytest.mark.kafka
AT = "2026-11-23T02:00:00.000000Z"


def test_the_newest_word_of_channels_is_read_and_our_own_is_passed_over(kafka: Any, make_topics: Any) -> None:
    (topic,) = make_topics("reservation", partitions=3)
    producer = RecordProducer(producer_config(kafka.settings, kafka.bootstrap))

    def tell(customer: str, amount: str, *, ours: bool = False) -> None:
        record = Reservation(
            res_id=f"R-{customer}",
            event_time=AT,
            entity_id="BANK",
            ccy="CNY",
            amount=amount,
            value_date="2026-11-24",
            status="submitted",
            customer_id=customer,
        )
        headers = cloud_event_headers("tidemark.reservation", "1", SOURCE, AT) if ours else None
        producer.send(topic, f"BANK|{customer}".encode(), msgspec.json.encode(record), headers)
        producer.flush()

    reader = AnnouncedReservations(client_config(kafka.settings, kafka.bootstrap), topic=topic)
    try:
        assert reader() == {}
        for customer in ("C-1", "C-2", "C-3", "C-4"):
            tell(customer, "10.00")
        tell("C-1", "99.00", ours=True)
        first = reader()
        assert {key[1]: one.record.amount for key, one in first.items()} == dict.fromkeys(
            ("R-C-1", "R-C-2", "R-C-3", "R-C-4"), "10.00"
        )
        tell("C-2", "20.00")
        producer.send(topic, b"BANK|C-9", b"not json")
        producer.flush()
        again = reader()
        assert again["BANK", "R-C-2"].record.amount == "20.00"
        assert again["BANK", "R-C-2"].seen != first["BANK", "R-C-2"].seen
        assert again["BANK", "R-C-3"].seen == first["BANK", "R-C-3"].seen
        assert reader.unreadable == 1
    finally:
        reader.close()
