"""The corpus of stored events: every kind in every version that was ever stored, and whole histories of scenarios.

`python -m tests.golden.stored_events` adds what has no entry yet, and changes nothing that is there: what is frozen
here was stored somewhere. Entries come from the scenario files and the scripted history of `tests.aggregates.golden`;
kinds that neither of them stores are made from their table with every field given (`"from": "table"`).
"""

import json
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from aggregates import registry
from aggregates.assets import Assets
from aggregates.envelope import Envelope
from aggregates.evolution import stored_version, version_of
from aggregates.ports import Recorded
from aggregates.rendering import Json, state_of, view
from aggregates.steps.case import CaseEvent, kebab
from aggregates.steps.fields import FieldSpec, stored
from tests.aggregates.golden import CORPORA, history
from tests.aggregates.scenarios import FILES, lines_of, play
from tests.aggregates.world import open_world

FOLDER = Path(__file__).parent / "stored-events"
HISTORIES = FOLDER / "histories"
FINGERPRINTS = FOLDER / "fingerprints.json"
MOMENT = datetime(2026, 11, 22, 4, tzinfo=UTC)
WHO = Envelope("U-1", "AM", "3301", "BANK-A", "cmd-1", "cmd-1", "", "", (), date(2026, 11, 22))
PLACED_BY_THE_LOG = ("id", "position", "recorded_at", "key")

Corpus = dict[str, list[Json]]


def rendering(app: Assets, topic: str, entry: Json) -> Json:
    """An entry as the world sees it, decoded by today's code."""
    state = entry["state"].encode()
    recorded = Recorded(1, UUID(entry["stream"]), entry["at"], topic, state, MOMENT)
    shown = view(recorded, app.decode(recorded), "-").to_json()
    return {name: value for name, value in shown.items() if name not in PLACED_BY_THE_LOG}


def corpus_of(aggregate: str) -> Corpus:
    file = FOLDER / f"{kebab(aggregate)}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def fingerprint(event: type[CaseEvent]) -> str:
    """The fields of an event as its row has them now."""
    fields = ", ".join(spec.notation for spec in sorted(event.ROW.fields, key=lambda spec: spec.name))
    return f"{event.CASE.KEY} | {fields}"


def fingerprints() -> dict[str, dict[str, str]]:
    """By topic and version, as frozen."""
    return json.loads(FINGERPRINTS.read_text(encoding="utf-8")) if FINGERPRINTS.exists() else {}


def event_classes() -> list[type[CaseEvent]]:
    return [event for kind in registry.KINDS.values() for _, event in sorted(kind.EVENTS.items())]


# --- Making entries ------------------------------------------------------------------------------------------


def made(app: Assets, event: type[CaseEvent]) -> Json:
    """An event of the table with every field given."""
    values = {spec.name: _value(spec) for spec in event.ROW.fields}
    attributes = {event.CASE.KEY: "K-1"} | stored(values, event.ROW.fields)
    kind: Any = event
    one = kind(
        originator_id=event.CASE.stream_id("K-1"),
        originator_version=2,
        timestamp=MOMENT,
        who=WHO,
        **{"entity_id": "BANK-A", "branch": "3301", "ccy": "CNY"} | attributes,
    )
    return _entry("table", app.mapper.to_stored_event(one))


def _value(spec: FieldSpec) -> Any:
    if spec.items:
        record = {item.name: _value(item) for item in spec.items}
        return record if spec.kind == "J" else [record]
    return VALUES[spec.kind]


VALUES: dict[str, Any] = {
    "I": "ID-1",
    "S": "一段文字",
    "E": "CODE",
    "D": date(2026, 11, 20),
    "N": 3,
    "B": True,
    "M": 123_456,
    "G": -123_456,
    "A": {"principal": 100_000, "interest_on": 23_456},
    "K": {"one": 1, "two": 2},
    "P": Decimal("12.5"),
    "V": Decimal("-0.732"),
    "R": Decimal("4.35"),
    "L": ["ID-1", "ID-2"],
    "T": ["eins", "二"],
    "J": {"name": "value", "list": [1, "2"]},
    "O": [{"name": "value"}],
}


def _entry(source: str, event: Any) -> Json:
    return {
        "version": stored_version(event.state),
        "from": source,
        "stream": str(event.originator_id),
        "at": event.originator_version,
        "state": event.state.decode(),
    }


def _played() -> Iterator[tuple[str, list[Any], Json]]:
    """(scenario, its stored events, the final state of each aggregate)."""
    for file in FILES:
        with tempfile.TemporaryDirectory() as folder:
            played = play(lines_of(file), Path(folder))
            with played.app.model.current() as model:
                cases = [case for kind in registry.KINDS for case in model.of_kind(kind)]
            states = {f"{case.NAME}/{case.key}": state_of(case) for case in cases}
            yield file.stem, list(played.store.recorder.select_recorded()), states
            played.close()


def grow() -> None:
    """Add what is missing; what is there stays."""
    HISTORIES.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[Json]] = {}
    for corpus in CORPORA[:-1]:  # forms older than the first scenario
        for topic, line in json.loads(corpus.read_text(encoding="utf-8")).items():
            entry = {"stream": line["originator_id"], "at": line["originator_version"], "state": line["state"]}
            version = stored_version(line["state"].encode())
            found.setdefault(topic, []).append({"version": version, "from": corpus.name, **entry})
    for name, events, states in _played():
        for event in events:
            found.setdefault(event.topic, []).append(_entry(name, event))
        file = HISTORIES / f"{name}.json"
        if not file.exists():
            rows = [[one.topic, str(one.originator_id), one.originator_version, one.state.decode()] for one in events]
            _write(file, {"events": rows, "states": states})
    with tempfile.TemporaryDirectory() as folder:
        world = open_world(Path(folder))
        history(world)
        for event in world.store.recorder.select_recorded():
            found.setdefault(event.topic, []).append(_entry("scripted history", event))
        _complete(world.app, found)
        world.store.close()


def _complete(app: Assets, found: dict[str, list[Json]]) -> None:
    frozen = fingerprints()
    for aggregate, kind in registry.KINDS.items():
        corpus = corpus_of(aggregate)
        for _, event in sorted(kind.EVENTS.items()):
            entries = corpus.setdefault(event.TOPIC, [])
            known = {(entry["version"], entry["from"]) for entry in entries}
            fresh = [] if (version_of(event), "table") in known else [made(app, event)]
            if not entries:
                fresh += _one_of_each_form(found.get(event.TOPIC, ()))
            for entry in fresh:
                entries.append(entry | {"payload": rendering(app, event.TOPIC, entry)})
            versions = frozen.setdefault(event.TOPIC, {})
            versions.setdefault(str(version_of(event)), fingerprint(event))
        _write(FOLDER / f"{kebab(aggregate)}.json", dict(sorted(corpus.items())))
    _write(FINGERPRINTS, dict(sorted(frozen.items())))


def _one_of_each_form(entries: Iterable[Json]) -> list[Json]:
    """The first entry with each set of fields: optional ones were stored, or not."""
    forms: dict[tuple[int, frozenset[str]], Json] = {}
    for entry in entries:
        forms.setdefault((entry["version"], frozenset(json.loads(entry["state"]))), entry)
    return list(forms.values())


def _write(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    grow()
