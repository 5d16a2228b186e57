"""What is stored stays readable: names, bytes, and a replay that equals the live object."""

import json
from dataclasses import replace
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from eventsourcing.domain import Aggregate, CanMutateAggregate

from aggregates import registry
from aggregates.ports import Recorded
from aggregates.rendering import state_of
from engines.primitives.errors import CorruptRecord
from tests.aggregates.golden import GOLDEN, history, stored
from tests.aggregates.world import AUDITOR, LOAN, World


def generated() -> dict[str, str]:
    """Topic and type of every event class that the aggregates define, from the classes themselves."""
    table = {}
    for cls in registry.AGGREGATES.values():
        for name, item in vars(cls).items():
            is_event = isinstance(item, type) and issubclass(item, CanMutateAggregate)
            if is_event and name not in ("Event", "Created"):
                table[vars(item)["TOPIC"]] = name
    return table


def test_registry_equals_the_generated_table() -> None:
    assert dict(registry.TYPE_BY_TOPIC) == generated()


def test_topics_are_aggregate_and_event_in_kebab_case() -> None:
    for topic, name in registry.TYPE_BY_TOPIC.items():
        assert topic == f"{registry.kebab(registry.aggregate_of(topic))}.{registry.kebab(name)}"


def test_stream_ids_are_derived_from_the_key() -> None:
    for name, cls in registry.AGGREGATES.items():
        assert cls.create_id("K-1") == uuid5(NAMESPACE_URL, f"/tm/{name}/K-1")


def test_stored_bytes_are_the_golden_ones(world: World) -> None:
    history(world)
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert set(golden) == set(registry.TYPE_BY_TOPIC)
    assert stored(world) == golden


def test_golden_bytes_can_be_read_and_are_written_again_alike(world: World) -> None:
    for topic, line in json.loads(GOLDEN.read_text(encoding="utf-8")).items():
        recorded = Recorded(
            position=1,
            originator_id=UUID(line["originator_id"]),
            originator_version=line["originator_version"],
            topic=topic,
            state=line["state"].encode(),
            recorded_at=world.clock.now,
        )
        event = world.app.decode(recorded)
        assert world.app.mapper.to_stored_event(event).state == recorded.state
        assert type(event).__name__ == registry.TYPE_BY_TOPIC[topic]


def test_money_is_minor_inside_and_decimal_text_outside(world: World) -> None:
    history(world)
    for recorded in world.store.recorder.select_recorded():
        assert b"." not in b"".join(part for part in recorded.state.split(b",") if b"_minor" in part)
        view = world.app.view(recorded).to_json()
        text = json.dumps(view)
        assert "_minor" not in text
        for name in ("amount", "principal", "book_amount"):
            assert isinstance(view["payload"].get(name, ""), str)


def test_replay_equals_the_live_object(world: World) -> None:
    history(world)
    with world.app.model.current() as model:
        live = [*model.risk_assets(), *model.write_offs()]
        assert len(live) == 6
        for aggregate in live:
            replayed: Aggregate = world.app.repository.get(aggregate.id)
            assert replayed == aggregate
            key = getattr(aggregate, registry.KEY_FIELD[type(aggregate).__name__])
            assert world.app.state(type(aggregate).__name__, key, reader=AUDITOR) == state_of(aggregate)
            assert len(world.app.history(type(aggregate).__name__, key, reader=AUDITOR)) == aggregate.version


def test_a_foreign_topic_is_not_resolved(world: World) -> None:
    world.admit()
    recorded = world.store.recorder.select_recorded()[0]
    with pytest.raises(CorruptRecord):
        world.app.decode(replace(recorded, topic="os:system"))


def test_every_event_carries_the_whole_envelope(world: World) -> None:
    history(world)
    for event in world.app.history("RiskAsset", LOAN, reader=AUDITOR):
        who = event.envelope
        assert who.actor
        assert who.role
        assert who.cmd_id
        assert who.entity == "BANK-A"
        assert (who.org, who.correlation_id, who.schema) == ("3301", who.cmd_id, 1)
        if who.causation_id:
            assert UUID(who.causation_id)
