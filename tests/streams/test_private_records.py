"""Nothing personal leaves for Kafka in clear, and nothing of it is left in dead letters (decision E8)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aggregates.personal_sealing import Subject
from infra.event_store import open_event_store
from infra.masking import ALL, Lens
from infra.reference_store import Fact, ReferenceStore
from streams import topics
from streams.audit_publisher import OutboundRecord, outbound
from streams.integrations.names import CUSTOMER as CUSTOMER_TOPIC
from streams.integrations.outbound import records_of
from streams.partitions import send_dead_letter
from tests.aggregates.world import Clock
from tests.privacy_world import ACCOUNT, CUSTOMER, ID_NUMBER, PHONE, PLANTED, PrivacyWorld, subject_keys

SECRETS = [text.encode() for text in (PLANTED, PHONE, ID_NUMBER, ACCOUNT)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[PrivacyWorld]:
    clock, keys = Clock(), subject_keys(tmp_path)
    with open_event_store("sqlite", tmp_path, clock=clock) as store:
        yield PrivacyWorld(store, clock, keys)
    keys.close()


class MemorySink:
    """Keeps all that was produced, headers too."""

    def __init__(self) -> None:
        self.records: list[tuple[Any, ...]] = []

    def produce(self, *record: Any) -> None:
        self.records.append(record)


def holds_secrets(record: OutboundRecord) -> bool:
    text = record.key + record.value + b"".join(value for _, value in record.headers)
    return any(secret in text for secret in SECRETS)


def test_records_of_events_hold_ciphertext_that_opens(world: PrivacyWorld) -> None:
    world.plant()
    events = world.app.published_after(0, 1_000)
    records = [record for event in events for record in (*outbound(event), *records_of(world.app, event))]
    assert {record.topic for record in records} > {topics.AUDIT}
    assert not any(holds_secrets(record) for record in records)
    opened = "".join(Lens(world.keys, ALL).text(record.value.decode()) for record in records)
    assert opened.count(PLANTED) > 8
    world.keys.erase(Subject.customer(CUSTOMER))
    assert PLANTED not in "".join(Lens(world.keys, ALL).text(record.value.decode()) for record in records)


def test_records_sent_again_are_the_same(world: PrivacyWorld) -> None:
    world.plant()
    once = [outbound(event) for event in world.app.published_after(0, 1_000)]
    assert once == [outbound(event) for event in world.app.published_after(0, 1_000)]


@pytest.mark.parametrize("topic", [topics.COMMAND, CUSTOMER_TOPIC, topics.POSTING_REPLY])
def test_a_dead_letter_of_people_and_neighbours_tells_its_place_only(topic: str) -> None:
    sink = MemorySink()
    send_dead_letter(sink, topic, 0, 5, "payload", f"invalid-input: {PHONE} is no day", PLANTED.encode())  # type: ignore[arg-type]
    ((*_place, value, headers),) = sink.records
    assert value == b""
    assert dict(headers)["reason"] == b"invalid-input: 138****1234 is no day"
    assert dict(headers)["withheld"] == b"personal"
    assert dict(headers)["id"] == f"{topic}/0/5".encode()


def test_a_dead_letter_of_an_entry_keeps_its_bytes() -> None:
    sink = MemorySink()
    send_dead_letter(sink, topics.TXN, 0, 5, "amount", "not an amount", b"raw")  # type: ignore[arg-type]
    assert sink.records[0][3] == b"raw"


def test_facts_of_neighbours_lie_sealed_and_go_with_their_customer(world: PrivacyWorld, tmp_path: Path) -> None:
    reference = ReferenceStore(world.store, world.keys)
    fact = Fact("CUSTOMER", "BANK-A", CUSTOMER, CUSTOMER, "2026-11-22", "r-1", f'{{"name": "{PLANTED}"}}')
    assert reference.put(fact)
    assert reference.of_subject(CUSTOMER) == [fact]
    assert not any(PLANTED.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert ReferenceStore(world.store).get("CUSTOMER", "BANK-A", CUSTOMER) is None  # without keys: as if not there
    world.keys.erase(Subject.customer(CUSTOMER))
    assert reference.get("CUSTOMER", "BANK-A", CUSTOMER) is None
    newer = Fact("CUSTOMER", "BANK-A", CUSTOMER, CUSTOMER, "2026-11-23", "r-2", "{}")
    assert reference.put(newer)
    assert reference.of_kind("CUSTOMER") == [newer]
