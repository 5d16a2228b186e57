"""What a decision touched, on a world of real commands."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aggregates.envelope import Principal
from engines.primitives.errors import NotFound
from streams import topics
from streams.lineage_events import EventLineage
from tests.aggregates.scenarios import FOLDER, lines_of, play
from tests.aggregates.world import AUDITOR, LOAN, World, open_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    found = open_world(tmp_path_factory.mktemp("lineage"))
    found.lost()
    found.to_stage("CONFIRMED")
    found.case("CB", "MarkPosted", core_txn_no="C-2290", value_date="2024-09-25")
    yield found
    found.store.close()


def trace(world: World, kind: str, event: str, key: str = LOAN) -> dict[str, Any]:
    (view,) = [one for one in world.app.history(kind, key, reader=AUDITOR) if one.type == event][-1:]
    return EventLineage(world.app).at_version(kind, key, view.version, AUDITOR)


def test_a_posting_shows_its_partner_and_what_changed_in_both(world: World) -> None:
    posted = trace(world, "WriteOff", "WriteOffPosted", "WO1")
    assert {one["field"]: (one["before"], one["after"]) for one in posted["changed"]}["state"] == (
        "POSTING",
        "POSTED",
    )
    partners = {(one["aggregate"], one["type"]) for one in posted["command"]["events"]}
    assert ("RiskAsset", "AssetWrittenOff") in partners
    assert posted["postings"][0]["core_txn_no"] == "C-2290"
    written = trace(world, "RiskAsset", "AssetWrittenOff")
    changed = {one["field"]: one for one in written["changed"]}
    assert changed["lifecycle"]["after"] == "WRITTEN_OFF"
    assert "version" not in changed
    assert changed["principal"]["after"] == "0.00"
    assert {one["topic"] for one in written["messages"]} >= {"tm.out.postloan.asset-status.v1"}
    assert [one["position"] for one in written["command"]["events"]] == sorted(
        one["position"] for one in written["command"]["events"]
    )


def test_a_confirmed_instruction_shows_the_request_that_it_sends(world: World) -> None:
    (posting,) = trace(world, "WriteOff", "InstructionConfirmed", "WO1")["postings"]
    assert posting["topic"] == topics.POSTING_REQUEST
    assert posting["case_no"] == "WO1"
    assert posting["amount"]


def test_causes_are_told_both_ways(tmp_path: Path) -> None:
    played = play(lines_of(FOLDER / "debt-reduction.jsonl"), tmp_path, auto=True)
    lineage, seen = EventLineage(played.app), 0
    recorded = played.store.recorder.select_recorded()
    ids = {str(played.app.view(one).id): one.position for one in recorded}
    for one in recorded:
        cause = played.app.view(one).envelope.causation_id
        if cause in ids:
            seen += 1
            found = lineage.at(one.position, AUDITOR)
            assert found["caused_by"]["position"] == ids[cause]
            back = lineage.at(ids[cause], AUDITOR)
            assert one.position in [other["position"] for other in back["caused"]]
    played.close()
    assert seen


def test_the_changes_of_all_events_lead_to_the_state(world: World) -> None:
    """Exact: put one after another, they are the present state."""
    for kind, key in (("RiskAsset", LOAN), ("WriteOff", "WO1")):
        state: dict[str, Any] = {}
        for view in world.app.history(kind, key, reader=AUDITOR):
            for one in EventLineage(world.app).at(view.position, AUDITOR)["changed"]:
                assert state.get(one["field"]) == one["before"]
                state[one["field"]] = one["after"]
        now = world.app.state(kind, key, reader=AUDITOR)
        assert state == {name: value for name, value in now.items() if name != "version" and value is not None} | {
            name: None for name in state if now[name] is None
        }


def test_ledgers_are_asked_by_position(world: World) -> None:
    def ledgers(position: int, reader: Principal) -> list[dict[str, Any]]:
        assert reader == AUDITOR
        return [{"ledger": "write-offs", "key": "WO1", "column": "amount", "position": position}]

    (row,) = EventLineage(world.app, ledgers).at(3, AUDITOR)["ledgers"]
    assert row["position"] == 3


def test_what_is_not_there_or_of_another_entity_is_not_found(world: World) -> None:
    lineage, other = EventLineage(world.app), replace(AUDITOR, entities=("BANK-B",))
    for position in (0, 10_000):
        with pytest.raises(NotFound):
            lineage.at(position, AUDITOR)
    with pytest.raises(NotFound):
        lineage.at(1, other)
    for kind, key, version in (("RiskAsset", LOAN, 99), ("RiskAsset", "LN-0", 1), ("Nothing", LOAN, 1)):
        with pytest.raises(NotFound):
            lineage.at_version(kind, key, version, AUDITOR)
