"""Snapshots change no answer: whatever is loaded from one is what its events give."""

import json
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from eventsourcing.persistence import OperationalError

from aggregates import snapshots
from aggregates.assets import Assets
from aggregates.steps.case import Case
from tests.aggregates.scenarios import FILES, FOLDER, lines_of, play
from tests.aggregates.world import LOAN, World

FORMATS = FOLDER.parent / "snapshot-formats.json"


def folded(app: Assets, stream_id: UUID) -> Case:
    """The aggregate from its events alone."""
    case: Case | None = None
    for event in app.events.get(stream_id):
        case = event.mutate(case)  # type: ignore[attr-defined]
    assert case is not None
    return case


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_history_that_loads_from_snapshots_at_every_step_is_answered_alike(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = lines_of(file)
    plain = play(lines, tmp_path / "plain")
    monkeypatch.setattr(snapshots, "EVENTS_BETWEEN", 1)
    kept = play(lines, tmp_path / "kept")
    try:
        assert kept.answers == plain.answers
        with kept.app.model.current() as model:
            cases = [case for kind in snapshots.KEPT for case in model.of_kind(kind.NAME)]
        assert cases
        for case in cases:
            loaded = kept.app.find(case.NAME, case.key)
            assert vars(loaded) == vars(folded(kept.app, case.id))
            assert [shot.originator_version for shot in stored(kept.app, case.id)] == [case.version]
    finally:
        plain.close()
        kept.close()


def stored(app: Assets, stream_id: UUID) -> list[snapshots.CaseSnapshot]:
    assert app.snapshots is not None
    return list(app.snapshots.get(stream_id))  # type: ignore[arg-type]


def test_a_snapshot_is_taken_where_the_interval_is_crossed_and_names_the_chain(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "EVENTS_BETWEEN", 3)
    world.admit()
    asset = world.app.find("RiskAsset", LOAN)
    assert asset is not None
    for number in range(6):
        world.do("SY", "ApplyRecovery", flow_id=f"F-{number}", mode="OUTSOURCED", amount="1.00")
    (shot,) = stored(world.app, asset.id)
    assert shot.originator_version == 6
    assert shot.topic == "risk-asset"
    last = world.store.recorder.select_recorded(originator_id=asset.id)[5]
    assert shot.chain == world.store.recorder.select_leaves(last.position, last.position)[0].chain.hex()
    assert world.store.verify_chain().ok


def test_a_command_does_not_fail_with_its_snapshot(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("disk full")

    monkeypatch.setattr(snapshots, "EVENTS_BETWEEN", 1)
    assert world.app.snapshots is not None
    monkeypatch.setattr(world.app.snapshots.recorder, "insert_events", fail)
    world.admit()
    assert world.app.find("RiskAsset", LOAN) is not None


def test_states_are_those_of_their_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, events now lead to other states: raise `FORMAT` and write its digest beside the old ones."""
    monkeypatch.setattr(snapshots, "EVENTS_BETWEEN", 1)
    digest = sha256()
    for name in ("one-asset", "foreclosed-in-portions"):
        played = play(lines_of(FOLDER / f"{name}.jsonl"), tmp_path / name)
        with played.app.model.current() as model:
            cases = [case for kind in snapshots.KEPT for case in model.of_kind(kind.NAME)]
        for case in cases:
            (shot,) = stored(played.app, case.id)
            digest.update(played.app.mapper.to_stored_event(shot).state)
        played.close()
    known = json.loads(FORMATS.read_text(encoding="utf-8"))
    assert known.get(str(snapshots.FORMAT)) == digest.hexdigest()
    assert len(set(known.values())) == len(known)
