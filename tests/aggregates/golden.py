"""Stored bytes of one event of every type, from a scripted history; `python -m tests.aggregates.golden` rewrites
`tests/golden/events.json`. Rewriting is right for a new event only: a changed line means that stored history of
this type can no longer be read as it was, and wants a new `class_version` with an upcast beside the old line."""

import json
import tempfile
from pathlib import Path

from tests.aggregates import liquidity_world
from tests.aggregates.world import World, open_world

GOLDEN = Path(__file__).parent.parent / "golden" / "events.json"
#: Stored events of every form that was ever written; old ones stay.
CORPORA = (GOLDEN.with_name("events-1.json"), GOLDEN)
TOPICS = Path(__file__).parent.parent / "golden" / "event-topics.txt"


def history(world: World) -> None:
    """Commands that together cause every event type."""
    world.admit(rate_terms={"rate": "4.35", "day_count": "ACT_360"}, collateral_ids=["COL-1"], guarantor_nos=["C-10"])
    world.do(
        "CB",
        "SyncAccrual",
        day="2022-03-16",
        as_of="2022-03-15",
        interest_on="195386.67",
        interest_off="0.00",
        penalty="8500.00",
        compound="1392.86",
        engine_diff="-0.01",
    )
    world.do("RM", "Reclassify", to_class="LOSS", basis="五级分类")
    world.do("CB", "MoveInterestOff", interest="195386.67")
    world.do("SY", "AdvanceCost", expense_id="EX-1", kind="COURT_FEE", amount="69708.70")
    recovery = {"flow_id": "F1", "split_no": 1, "mode": "CASH_VOLUNTARY", "overdue_since": "2022-03-10"}
    world.do("SY", "ApplyRecovery", amount="150000.00", **recovery)
    world.do("SY", "ReverseRecovery", flow_id="F1", split_no=1, kind="ECONOMIC", amount="50000.00")
    world.admit("LN-2", principal="5.00", interest_on="0", penalty="0", compound="0")
    world.do("SY", "ApplyRecovery", key="LN-2", flow_id="F2", mode="OUTSOURCED", amount="5.00")
    world.do("SY", "Close", key="LN-2", closed_as="REPAID")
    world.do("SY", "ReverseRecovery", key="LN-2", flow_id="F2", kind="CORRECTION")
    world.case("AM", "Draft", key="WO0", asset_no="LN-2", ground="BANKRUPTCY")
    world.case("AM", "Discard", key="WO0")
    for case, decision in (("WO2", "Reject"), ("WO3", "Return")):
        world.to_stage("SUBMITTED", case, "LN-2")
        world.case("HA", decision, key=case, comment="材料不全")
        if decision == "Return":
            world.case("AM", "Amend", key=case, ground="DEATH")
    world.to_stage("CONFIRMED")
    world.case("CB", "MarkRejected", error_code="ACCT_STATUS_FROZEN", error_text="账户冻结")
    world.case("FN", "Retry")
    world.case("FC", "ConfirmInstruction")
    world.case("CB", "MarkPosted", core_txn_no="C-2290", value_date="2024-09-25")
    world.do("SY", "RecoverWrittenOff", day="2025-02-20", on="2025-02-18", flow_id="F4", amount="260000.00")
    liquidity_world.history(liquidity_world.world_of(world.store))


def stored(world: World) -> dict[str, dict[str, object]]:
    """First stored event of each topic, as text."""
    found: dict[str, dict[str, object]] = {}
    for event in world.store.recorder.select_recorded():
        line = {
            "originator_id": str(event.originator_id),
            "originator_version": event.originator_version,
            "state": event.state.decode(),
        }
        found.setdefault(event.topic, line)
    return dict(sorted(found.items()))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        world = open_world(Path(folder))
        history(world)
        GOLDEN.write_text(json.dumps(stored(world), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        world.store.close()
