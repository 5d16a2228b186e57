"""Every event that was ever stored loads, and reads as it read on the day it was frozen (issue 7, item 5).

If a test here fails after a change to a row, history would be lost: docs/evolution.md says what to do instead.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from aggregates import registry
from aggregates.envelope import ENVELOPE_SCHEMA, Envelope
from aggregates.evolution import HISTORIES, version_of
from aggregates.ports import Recorded
from aggregates.rendering import state_of
from aggregates.steps.case import kebab
from tests.aggregates.world import World, open_world
from tests.golden import stored_events
from tests.golden.stored_events import FOLDER, MOMENT, corpus_of, event_classes, fingerprint, fingerprints, rendering

#: What old events hold beside their row's fields, from before the first frozen release; nobody reads it.
LEFT_OVER = {"originator_topic"}
REPEATED = {"write-off.write-off-posted": {"amount_minor", "alloc_minor"}}  # as approved, told again
OF_EVERY_EVENT = {"who", "timestamp", "entity_id", "branch", "ccy", "fixture", "originator_id", "originator_version"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = open_world(tmp_path_factory.mktemp("corpus"))
    yield world
    world.store.close()


def test_every_event_kind_has_an_entry_of_its_version() -> None:
    missing = [
        (event.TOPIC, version_of(event))
        for event in event_classes()
        if version_of(event) not in {one["version"] for one in corpus_of(event.CASE.NAME).get(event.TOPIC, ())}
    ]
    assert not missing, "python -m tests.golden.stored_events adds them"


def test_every_version_that_was_ever_stored_has_an_entry() -> None:
    for event in event_classes():
        found = {one["version"] for one in corpus_of(event.CASE.NAME)[event.TOPIC]}
        assert found >= set(range(1, version_of(event) + 1)), event.TOPIC
    for topic, versions in fingerprints().items():
        aggregate = registry.kind_of(topic).NAME
        assert {str(one["version"]) for one in corpus_of(aggregate)[topic]} >= set(versions), topic


@pytest.mark.parametrize("aggregate", sorted(registry.KINDS))
def test_what_was_stored_reads_as_it_was_frozen(app: World, aggregate: str) -> None:
    corpus = corpus_of(aggregate)
    assert corpus
    for topic, entries in corpus.items():
        assert aggregate == registry.kind_of(topic).NAME
        for entry in entries:
            assert rendering(app.app, topic, entry) == entry["payload"], (topic, entry["from"])


@pytest.mark.parametrize("aggregate", sorted(registry.KINDS))
def test_what_was_stored_has_no_field_that_its_row_lacks(app: World, aggregate: str) -> None:
    for topic, entries in corpus_of(aggregate).items():
        for entry in entries:
            state = entry["state"].encode()
            event = app.app.decode(Recorded(1, UUID(entry["stream"]), entry["at"], topic, state, MOMENT))
            known = {spec.attribute for spec in type(event).ROW.fields} | {type(event).CASE.KEY}
            known |= REPEATED.get(topic, set())
            assert set(vars(event)) - known - OF_EVERY_EVENT <= LEFT_OVER, (topic, entry["from"])


def test_no_row_changed_its_fields_without_a_version() -> None:
    frozen = fingerprints()
    for event in event_classes():
        kept = frozen.get(event.TOPIC, {}).get(str(version_of(event)))
        assert kept is not None, f"{event.TOPIC}: python -m tests.golden.stored_events adds it"
        assert kept == fingerprint(event), f"{event.TOPIC}: raise its version in aggregates/evolution.py"


def test_no_kind_was_lost() -> None:
    topics = {topic for aggregate in registry.KINDS for topic in corpus_of(aggregate)}
    assert topics == set(fingerprints())
    assert topics <= set(registry.TYPE_BY_TOPIC)
    files = {file.stem for file in FOLDER.glob("*.json")} - {"fingerprints"}
    assert files == {kebab(aggregate) for aggregate in registry.KINDS}


def test_the_envelope_is_that_of_its_schema() -> None:
    fields = "actor role org entity cmd_id correlation_id causation_id reason docs valid_on schema"
    assert (ENVELOPE_SCHEMA, " ".join(Envelope.__slots__)) == (1, fields)


@pytest.mark.parametrize("file", sorted(stored_events.HISTORIES.glob("*.json")), ids=lambda file: file.stem)
def test_a_frozen_history_leads_to_the_frozen_states(app: World, file: Path) -> None:
    """States may gain names; what stood there stays."""
    frozen = json.loads(file.read_text(encoding="utf-8"))
    cases: dict[str, object] = {}
    for topic, stream, version, state in frozen["events"]:
        event = app.app.decode(Recorded(1, UUID(stream), version, topic, state.encode(), MOMENT))
        cases[stream] = event.mutate(cases.get(stream))
    states = {f"{case.NAME}/{case.key}": state_of(case) for case in cases.values()}  # type: ignore[attr-defined,arg-type]
    assert states.keys() == frozen["states"].keys()
    for name, kept in frozen["states"].items():
        assert {field: states[name].get(field) for field in kept} == kept, name


def test_histories_are_of_events_we_have() -> None:
    for name, history in HISTORIES.items():
        aggregate, _, event = name.partition(".")
        assert version_of(registry.KINDS[aggregate].EVENTS[event]) == history.version
