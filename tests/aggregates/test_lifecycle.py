"""The history of spec/risk-assets.md 8.1 as far as its aggregates exist, figure by figure."""

from datetime import date
from decimal import Decimal

import pytest

from aggregates.envelope import Principal
from engines.primitives.errors import NotFound
from tests.aggregates.world import AUDITOR, CASE, LOAN, World

# Foreclosure (lines 29 to 45) is not built: its in-kind part stands here as a recovery of the same amounts, so
# that the claim before the write-off is that of the specification.
ZERO = "0.00"


def sync(world: World, as_of: str, day: str, off: str, penalty: str, compound: str, on: str = ZERO) -> None:
    balances = {"interest_on": on, "interest_off": off, "penalty": penalty, "compound": compound}
    world.do("CB", "SyncAccrual", day=day, as_of=as_of, **balances)


def figures(world: World) -> list[str]:
    state = world.state()
    names = ("principal", "interest_on", "costs", "rec_cash", "income", "loss")
    return [state[name] for name in names]


def test_from_watch_list_to_recovery_after_write_off(world: World) -> None:
    world.admit()
    assert figures(world) == ["8000000.00", "195386.67", ZERO, ZERO, ZERO, ZERO]

    sync(world, "2022-03-15", "2022-03-16", ZERO, "8500.00", "1392.86", on="195386.67")  # line 3
    outcome = world.do(
        "SY",
        "ApplyRecovery",
        day="2022-03-16",
        on="2022-03-15",
        flow_id="F1",
        split_no=1,
        mode="CASH_VOLUNTARY",
        amount="150000.00",
        overdue_since="2022-03-10",
    )
    payload = outcome.events[0].payload  # line 4: INTEREST_FIRST, 84 days overdue
    assert payload["alloc"] == {"compound": "1392.86", "penalty": "8500.00", "interest_on": "140107.14"}
    assert payload["order"] == "INTEREST_FIRST"
    assert figures(world) == ["8000000.00", "55279.53", ZERO, "150000.00", "9892.86", ZERO]

    sync(world, "2022-06-09", "2022-06-09", ZERO, "146200.00", "1010.23", on="55279.53")  # line 5
    outcome = world.do("RM", "Reclassify", day="2022-06-09", to_class="SUBSTANDARD")
    assert outcome.events[0].payload["days_overdue"] == 91  # line 6
    world.do("CB", "MoveInterestOff", day="2022-06-09", interest="55279.53")
    assert figures(world) == ["8000000.00", ZERO, ZERO, "150000.00", "-45386.67", ZERO]  # line 7

    sync(world, "2022-07-20", "2022-07-20", "55279.53", "215900.00", "1491.85")  # line 9
    world.do("SY", "AdvanceCost", day="2022-08-03", on="2022-08-02", kind="COURT_FEE", amount="69708.70")
    world.do("SY", "AdvanceCost", day="2022-08-11", on="2022-08-10", kind="PRESERVATION_FEE", amount="5000.00")
    outcome = world.do("RM", "Reclassify", day="2022-12-06", to_class="DOUBTFUL")
    assert outcome.events[0].payload["days_overdue"] == 271  # line 15

    sync(world, "2023-03-10", "2023-03-13", "55279.53", "612000.00", "4228.88")  # line 20
    recovery = {"mode": "LITIGATION_ENFORCEMENT", "split_no": 1, "overdue_since": "2022-03-10"}
    outcome = world.do(
        "SY", "ApplyRecovery", day="2023-03-13", on="2023-03-10", flow_id="F2", amount="420000.00", **recovery
    )
    assert outcome.events[0].payload["alloc"] == {"costs": "74708.70", "principal": "345291.30"}  # line 21
    outcome = world.do(
        "SY", "ReverseRecovery", day="2023-03-20", flow_id="F2", split_no=1, kind="CORRECTION", amount="420000.00"
    )
    assert outcome.events[0].payload["alloc"] == {"costs": "74708.70", "principal": "345291.30"}  # line 23
    assert outcome.events[0].envelope.valid_on.isoformat() == "2023-03-10"
    assert figures(world) == ["8000000.00", ZERO, "74708.70", "150000.00", "-45386.67", ZERO]
    world.do("SY", "ApplyRecovery", day="2023-03-20", on="2023-03-10", flow_id="F3", amount="402000.00", **recovery)
    assert figures(world) == ["7672708.70", ZERO, ZERO, "552000.00", "-45386.67", ZERO]  # line 25
    world.do("SY", "AdvanceCost", day="2023-04-21", on="2023-04-20", kind="APPRAISAL_FEE", amount="30000.00")

    sync(world, "2023-07-18", "2023-07-20", "55279.53", "823958.59", "5755.98")  # line 34
    in_kind = {"mode": "LITIGATION_ENFORCEMENT", "flow_id": "FC1", "amount": "5070000.00"}
    world.do("SY", "ApplyRecovery", day="2023-07-20", on="2023-07-18", **in_kind)  # stands for line 36
    assert figures(world)[:3] == ["2632708.70", ZERO, ZERO]
    world.do("SY", "AdvanceCost", day="2024-03-01", kind="ANNOUNCEMENT_FEE", amount="2600.00")  # line 42
    outcome = world.do("RM", "Reclassify", day="2024-08-30", to_class="LOSS")
    assert outcome.events[0].payload["days_overdue"] == 904  # line 46

    world.case("AM", "Draft", day="2024-09-02", asset_no=LOAN, ground="COURT_ENDED")
    world.case("LG", "ReviewCompliance", day="2024-09-05", outcome="PASS")
    world.case("AM", "Submit", day="2024-09-06", wf_no="WF-77")
    outcome = world.case("HA", "Approve", day="2024-09-21", approval_no="WO-2024-031")
    assert [event.type for event in outcome.events] == ["WriteOffApproved", "DisposalHoldPlaced"]  # lines 49, 50
    approved, held = outcome.events
    assert approved.payload["max_book_amount"] == "2635308.70"
    assert (held.envelope.actor, held.envelope.role) == ("system", "SY")
    assert held.envelope.causation_id == str(approved.id)

    world.case("FN", "RequestPosting", day="2024-09-25", instruction_id="I2")
    world.case("FC", "ConfirmInstruction", day="2024-09-25")
    world.case("CB", "MarkRejected", day="2024-09-25", instruction_id="I2", error_code="ACCT_STATUS_FROZEN")
    assert world.state()["hold"] == {"kind": "WRITE_OFF", "case_no": CASE}
    outcome = world.case("FN", "Retry", day="2024-09-27")
    asked = outcome.events[0].payload  # line 53: same instruction, next attempt
    assert (asked["instruction_id"], asked["attempt"], asked["amount"]) == ("I2", 2, "2635308.70")
    world.case("FC", "ConfirmInstruction", day="2024-09-27")
    sync(world, "2024-09-28", "2024-09-28", "55279.53", "1068997.95", "10901.12")  # line 54

    outcome = world.case("CB", "MarkPosted", day="2024-09-28", instruction_id="I2", core_txn_no="C-2290")
    types = [event.type for event in outcome.events]
    assert types == ["WriteOffPosted", "AssetWrittenOff", "DisposalHoldReleased"]  # lines 55 to 57
    written_off = outcome.events[1].payload
    assert written_off["book_amount"] == "2635308.70"
    assert written_off["memo_interest"] == "1135178.60"
    assert written_off["alloc"] == {
        "principal": "2632708.70",
        "costs": "2600.00",
        "interest_off": "55279.53",
        "penalty": "1068997.95",
        "compound": "10901.12",
    }
    state = world.state()
    assert (state["lifecycle"], state["hold"]) == ("WRITTEN_OFF", None)
    assert state["written_off"] == "3770487.30"
    assert figures(world)[:3] == [ZERO, ZERO, ZERO]
    assert state["loss"] == "2635308.70"

    outcome = world.do(
        "SY", "RecoverWrittenOff", day="2025-02-20", on="2025-02-18", flow_id="F4", split_no=1, amount="260000.00"
    )
    assert outcome.events[0].payload["alloc"] == {"costs": "2600.00", "principal": "257400.00"}  # line 59
    state = world.state()
    assert sum(Decimal(part) for part in state["memo"].values()) == Decimal("3510487.30")
    assert state["loss"] == "2375308.70"  # line 59, less the 438,860.00 of the foreclosed asset
    assert state["income"] == "-45386.67"
    assert world.store.verify_chain().ok


def test_history_as_it_was_known(world: World) -> None:
    world.admit(day="2022-03-11")
    sync(world, "2022-03-15", "2022-03-16", ZERO, "8500.00", "1392.86", on="195386.67")
    history = world.app.history("RiskAsset", LOAN, reader=AUDITOR)
    assert [event.type for event in history] == ["AssetAdmitted", "AccrualSynced"]
    assert history[1].envelope.valid_on.isoformat() == "2022-03-15"  # before it was known
    for known_at, events in (("2022-03-10", 0), ("2022-03-11", 1), ("2022-03-15", 1), ("2022-03-16", 2)):
        day = date.fromisoformat(known_at)
        assert len(world.app.history("RiskAsset", LOAN, reader=AUDITOR, known_at=day)) == events
    instant = history[1].recorded_at
    assert len(world.app.history("RiskAsset", LOAN, reader=AUDITOR, known_at=instant)) == 2


@pytest.mark.parametrize("outside", ["LN-none", "LN-7001"])
def test_nobody_learns_of_another_entitys_asset(world: World, outside: str) -> None:
    world.admit()
    stranger = Principal("U-9", ("IA",), "-", ("BANK-B",))
    with pytest.raises(NotFound, match="no RiskAsset"):
        world.app.state("RiskAsset", outside, reader=stranger)
    with pytest.raises(NotFound, match="no RiskAsset"):
        world.app.history("RiskAsset", outside, reader=stranger)
    with pytest.raises(NotFound, match="no RiskAsset"):
        world.do("SY", "AdvanceCost", key=outside, kind="FEE", amount="1", entities=("BANK-B",))
    assert world.app.list_risk_assets(reader=stranger) == []
