"""The access log: its record, its key, what it keeps while Kafka is away, what it says of what it could not keep."""

import json
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aggregates.envelope import Principal
from engines.primitives.errors import Forbidden
from infra.security import SigningKeys, verify_token
from streams import topics
from streams.access_log import TEXT_MAX, AccessRecord, outbound
from streams.access_reader import decoded
from streams.command_handler import CommandHandler
from tests.access_world import NOW, Told
from tests.aggregates.world import LOAN, World, open_world
from tests.streams.test_command_handler import record as command_record

GOLDEN = Path(__file__).parent.parent / "golden" / "access-event.json"
AUDITOR = Principal("U-601", ("IA",), "-", ("BANK-A",))


@pytest.fixture
def told() -> Told:
    return Told()


def count(told: Told, name: str) -> float | None:
    return told.log.registry.get_sample_value(f"tidemark_access_records_{name}")


def test_the_record_is_read_and_written_to_the_byte() -> None:
    value = GOLDEN.read_bytes()
    record = msgspec.json.decode(value, type=AccessRecord)
    sent = outbound(record)
    assert (sent.topic, sent.key, sent.value) == ("tm.events.access.v1", b"U-118", value)
    headers = {name: text.decode() for name, text in sent.headers}
    assert (headers["ce_id"], headers["ce_type"]) == (record.record_id, "tm.events.access.v1")
    assert headers["ce_time"] == record.occurred_at
    assert decoded(value) == record


def test_the_example_is_what_a_refusal_becomes(tmp_path: Path, told: Told) -> None:
    world = open_world(tmp_path)
    command = world.command("AM", "Approve", aggregate="WriteOff", cmd_id="cmd-9", secret="not told")
    told.log.refused(command, Forbidden("also not told", guard="SD1"), "http", address="10.1.2.3")
    world.store.close()
    (found,) = told.records
    golden = msgspec.json.decode(GOLDEN.read_bytes(), type=AccessRecord)
    assert msgspec.structs.replace(golden, record_id=found.record_id, roles=["AM"], role="-") == found
    assert b"not told" not in told.outbound[0].value


def test_readers_pass_over_fields_they_do_not_know_and_records_of_others() -> None:
    golden = json.loads(GOLDEN.read_bytes())
    assert decoded(json.dumps(golden | {"next_year": 1}).encode()) == decoded(GOLDEN.read_bytes())
    for value in (None, b"", b"[]", b"\xff", json.dumps(golden | {"action": "danced"}).encode()):
        assert decoded(value) is None


def test_the_topic_has_a_retention_of_its_own_and_decisions_have_none() -> None:
    declared = {topic.name: topic.config for topic in topics.topics()}
    assert declared[topics.ACCESS]["retention.ms"] == str(int(timedelta(days=400).total_seconds()) * 1_000)
    assert declared[topics.AUDIT]["retention.ms"] == "-1"


def test_while_kafka_is_away_records_wait_and_then_come_in_order(told: Told) -> None:
    told.is_away = True
    for number in range(1_200):  # more than one batch
        told.log.tell("case-read", AUDITOR, "http", key=str(number))
    assert told.log.send_once() == 0
    assert count(told, "waiting") == 1_200
    told.is_away = False
    assert [record.key for record in told.records] == [str(number) for number in range(1_200)]
    assert (count(told, "waiting"), count(told, "total"), count(told, "dropped_total")) == (0, 1_200, 0)


def test_what_a_full_queue_leaves_out_is_counted_and_said() -> None:
    told = Told(capacity=4)
    for number in range(7):
        told.log.tell("case-read", AUDITOR, "http", key=str(number))
    assert count(told, "dropped_total") == 3
    first, *others = told.records
    assert (first.action, first.actor, first.count) == ("records-lost", "-", 3)
    assert [record.key for record in others] == ["0", "1", "2", "3"]
    told.log.tell("case-read", AUDITOR, "http")
    assert [record.action for record in told.records][-1] == "case-read"  # said once


def test_strangers_cannot_push_out_what_signed_people_did() -> None:
    told = Told(capacity=10)
    for _ in range(50):
        told.log.tell("token-refused", None, "http")
    for _ in range(5):
        told.log.tell("case-read", AUDITOR, "http")
    kinds = [record.action for record in told.records]
    assert (kinds.count("token-refused"), kinds.count("case-read"), kinds.count("records-lost")) == (5, 5, 1)


def test_a_stop_sends_what_waits_and_counts_what_it_cannot(told: Told) -> None:
    stop = threading.Event()
    stop.set()
    told.log.tell("signed-in", AUDITOR, "http")
    told.log.run(stop)
    assert [json.loads(one.value)["action"] for one in told.outbound] == ["signed-in"]
    told.is_away = True
    told.log.tell("signed-out", AUDITOR, "http")
    told.log.run(stop)
    assert (count(told, "waiting"), count(told, "dropped_total")) == (0, 1)


def test_many_threads_tell_at_once_and_nothing_is_lost(told: Told) -> None:
    stop = threading.Event()
    sender = threading.Thread(target=lambda: told.log.run(stop, idle_s=0))

    def tell(name: str) -> None:
        for number in range(200):
            told.log.tell("case-read", AUDITOR, "http", key=f"{name}-{number}")

    tellers = [threading.Thread(target=tell, args=(name,)) for name in "abcd"]
    for thread in (sender, *tellers):
        thread.start()
    for thread in tellers:
        thread.join()
    stop.set()
    sender.join()
    keys = [record.key for record in told.records]
    assert (len(keys), len(set(keys))) == (800, 800)


def test_a_text_of_any_length_is_cut(told: Told) -> None:
    told.log.tell("token-refused", None, "kafka", key="x" * 1_000_000)
    assert len(told.records[0].key) == TEXT_MAX


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    return SigningKeys.load_or_create(tmp_path_factory.mktemp("keys"))


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"token": "forged"}, ("token-refused", "-", "-", "unauthenticated")),
        ({"role": "AM"}, ("command-refused", "berka-feed", "ROLE", "forbidden")),
        ({"key": "a/b"}, None),  # wrong, but nobody was refused
        ({}, None),
    ],
)
def test_a_refused_command_from_kafka_is_told(
    tmp_path: Path, told: Told, keys: SigningKeys, changes: dict[str, Any], wanted: tuple[str, ...] | None
) -> None:
    world: World = open_world(tmp_path)
    handler = CommandHandler(world.app, lambda token, at: verify_token(keys, token, at), told.log)
    value = command_record(keys, world.clock.now, **changes)
    handled = handler.handle_command(value, world.clock.now)
    world.store.close()
    if wanted is None:
        assert told.records == []
        return
    assert handled.dead_letter is not None
    (found,) = told.records
    assert (found.action, found.actor, found.guard, found.code) == wanted
    assert (found.via, found.aggregate, found.key, found.command) == ("kafka", "RiskAsset", LOAN, "Admit")
    assert (found.cmd_id, datetime.fromisoformat(found.occurred_at)) == ("feed:1", NOW)
    assert b"96396" not in told.outbound[0].value
