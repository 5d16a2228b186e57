"""The publisher of the decision log: in order, at least once, one at a time."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import msgspec
import pytest
from eventsourcing.persistence import OperationalError

from engines.primitives.errors import Unavailable
from streams.audit_publisher import AuditPublisher, OutboundRecord
from streams.schemas import PostingRequest
from streams.topics import AUDIT, POSTING_REQUEST
from tests.aggregates.golden import history
from tests.aggregates.world import World, open_world, swap


class Broker:
    """Takes records, or fails on the way, before or after it took them."""

    def __init__(self) -> None:
        self.records: list[OutboundRecord] = []
        self.fails_before = self.fails_after = 0

    def __call__(self, records: Sequence[OutboundRecord]) -> None:
        if self.fails_before:
            self.fails_before -= 1
            raise ConnectionError("not delivered")
        self.records.extend(records)
        if self.fails_after:
            self.fails_after -= 1
            raise ConnectionError("delivered, but nobody knows")

    def positions(self) -> list[int]:
        return [json.loads(record.value)["position"] for record in self.records if record.topic == AUDIT]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = open_world(tmp_path)
    yield opened
    opened.store.close()


def publisher(world: World, send: Broker, holder: str = "one", batch_events: int = 7) -> AuditPublisher:
    return AuditPublisher(
        world.app, world.store, send, clock=world.clock, holder=holder, lease_s=10, batch_events=batch_events
    )


def drain(publisher: AuditPublisher) -> int:
    total = 0
    while count := publisher.run_once():
        total += count
    return total


def test_the_whole_log_in_order_and_then_nothing(world: World) -> None:
    history(world)
    broker = Broker()
    one = publisher(world, broker)
    assert drain(one) == world.log_length
    assert broker.positions() == list(range(1, world.log_length + 1))
    assert one.run_once() == 0
    world.do("SY", "AdvanceCost", kind="FEE", amount="5.00")
    assert drain(one) == 1


def test_a_record_says_everything(world: World) -> None:
    world.admit()
    broker = Broker()
    drain(publisher(world, broker))
    record = broker.records[0]
    stored = world.store.recorder.select_recorded()[0]
    assert record.key == str(stored.originator_id).encode()
    value = json.loads(record.value)
    assert {name: value[name] for name in ("aggregate", "key", "version", "type", "valid_on", "actor", "role")} == {
        "aggregate": "RiskAsset",
        "key": "LN-7001",
        "version": 1,
        "type": "AssetAdmitted",
        "valid_on": "2022-03-11",
        "actor": "postloan",
        "role": "EX",
    }
    assert value["payload"]["principal"] == "8000000.00"
    assert value["recorded_at"] == "2022-03-11T04:00:01.000000Z"
    headers = dict(record.headers)
    assert headers["ce_type"] == b"tidemark.risk-asset.asset-admitted"
    assert headers["ce_id"].decode() == value["id"]
    assert headers["ce_time"].decode() == value["recorded_at"]


def test_a_confirmed_instruction_goes_to_core(world: World) -> None:
    world.lost()
    world.to_stage("POSTING")
    broker = Broker()
    one = publisher(world, broker)
    drain(one)
    assert [record for record in broker.records if record.topic == POSTING_REQUEST] == []  # not before FC (E12)
    world.case("FC", "ConfirmInstruction")
    drain(one)
    audit, request = broker.records[-2:]
    assert (audit.topic, request.topic) == (AUDIT, POSTING_REQUEST)
    assert request.key == b"WO1.1"
    decoded = msgspec.json.decode(request.value, type=PostingRequest)
    assert (decoded.kind, decoded.attempt, decoded.amount, decoded.ccy) == ("WRITE_OFF", 1, "2635308.70", "CNY")
    assert decoded.alloc == {"costs": "2600.00", "principal": "2632708.70"}


def test_nothing_is_lost_when_delivery_fails(world: World) -> None:
    history(world)
    broker = Broker()
    one = publisher(world, broker)
    broker.fails_before = 1
    with pytest.raises(ConnectionError):
        one.run_once()
    assert broker.records == []
    broker.fails_after = 1
    with pytest.raises(ConnectionError):
        one.run_once()
    drain(one)
    first_seen = list(dict.fromkeys(broker.positions()))
    assert first_seen == list(range(1, world.log_length + 1))
    assert len(broker.positions()) == world.log_length + 7  # one batch came twice, under the same ids
    ids = [dict(record.headers)["ce_id"] for record in broker.records if record.topic == AUDIT]
    assert len(set(ids)) == world.log_length


def test_a_restart_goes_on_where_it_stood(world: World) -> None:
    history(world)
    broker = Broker()
    publisher(world, broker).run_once()
    drain(publisher(world, broker))
    assert broker.positions() == list(range(1, world.log_length + 1))


def test_one_publisher_at_a_time(world: World) -> None:
    history(world)
    broker = Broker()
    one, two = publisher(world, broker, "one"), publisher(world, broker, "two")
    assert one.run_once() == 7
    assert two.run_once() == 0
    world.clock.now += timedelta(seconds=11)
    assert two.run_once() == 7
    assert one.run_once() == 0
    assert broker.positions() == list(range(1, 15))


def test_a_publisher_that_slept_past_its_lease_sends_nothing(world: World) -> None:
    history(world)
    broker, other = Broker(), Broker()
    one, two = publisher(world, broker, "one"), publisher(world, other, "two")
    read = world.app.published_after

    def slow(position: int, limit: int) -> Any:
        found = read(position, limit)
        if not other.records:
            world.clock.now += timedelta(seconds=11)
            two.run_once()
        return found

    # The second publisher reads through the same app: let it do so undisturbed.
    other.records.clear()
    swap(world.app, "published_after", slow)
    two._app = type(world.app)(world.store.factory)
    assert one.run_once() == 0
    assert broker.records == []
    assert len(other.positions()) == 7


def test_it_runs_until_told_to_stop_and_leaves_the_lease(world: World) -> None:
    history(world)
    done, stop = Event(), Event()

    class Watched(Broker):
        def __call__(self, records: Sequence[OutboundRecord]) -> None:
            super().__call__(records)
            if self.positions()[-1] == world.log_length:
                done.set()

    broker = Watched()
    recorder = world.store.recorder
    claim, failures = recorder.claim_cursor, [OperationalError("away"), OperationalError("still away")]

    def flaky(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return claim(*arguments)

    swap(recorder, "claim_cursor", flaky)
    thread = Thread(target=publisher(world, broker).run, args=(stop,), kwargs={"idle_s": 0.01})
    thread.start()
    assert done.wait(30)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    assert broker.positions() == list(range(1, world.log_length + 1))
    world.do("SY", "AdvanceCost", kind="FEE", amount="5.00")
    assert publisher(world, broker, "successor").run_once() == 1  # at once: the lease was given back


def test_an_absent_store_is_unavailable(world: World) -> None:
    def dead(*_: Any, **__: Any) -> Any:
        raise OperationalError("gone")

    swap(world.store.recorder, "select_recorded", dead)
    with pytest.raises(Unavailable):
        publisher(world, Broker()).run_once()
