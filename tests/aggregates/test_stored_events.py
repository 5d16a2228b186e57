"""What is stored stays readable: names, bytes, and a replay that equals the live object."""

import json
from dataclasses import replace
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from eventsourcing.domain import Aggregate

from aggregates import registry
from aggregates.ports import Recorded
from aggregates.rendering import state_of
from aggregates.steps.case import kebab
from engines.primitives.errors import CorruptRecord
from tests.aggregates.golden import CORPORA, GOLDEN, TOPICS, history, stored
from tests.aggregates.world import AUDITOR, LOAN, World


def test_no_stored_topic_was_renamed_or_lost() -> None:
    assert "\n".join(sorted(registry.TYPE_BY_TOPIC)) + "\n" == TOPICS.read_text(encoding="utf-8")


def test_topics_are_aggregate_and_event_in_kebab_case() -> None:
    for topic in registry.TYPE_BY_TOPIC.keys() - registry.FORMER_TOPICS.keys():
        name = registry.TYPE_BY_TOPIC[topic]
        assert topic == f"{kebab(registry.kind_of(topic).NAME)}.{kebab(name)}"


def test_stream_ids_are_derived_from_the_key() -> None:
    for name, cls in registry.KINDS.items():
        assert cls.stream_id("K-1") == uuid5(NAMESPACE_URL, f"/tm/{name}/K-1")


def test_stored_bytes_are_the_golden_ones(world: World) -> None:
    history(world)
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert set(golden) <= set(registry.TYPE_BY_TOPIC)
    assert stored(world) == golden


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda path: path.stem)
def test_golden_bytes_can_be_read_and_are_written_again_alike(world: World, corpus: Path) -> None:
    for topic, line in json.loads(corpus.read_text(encoding="utf-8")).items():
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
        live = [*model.of_kind("RiskAsset"), *model.of_kind("WriteOff")]
        assert len(live) == 6
        for aggregate in live:
            replayed: Aggregate = world.app.repository.get(aggregate.id)
            assert replayed == aggregate
            key = aggregate.key
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
