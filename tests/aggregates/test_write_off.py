"""Guards of the write-off case beyond roles and stages (spec/risk-assets.md 2.2, 3.1, 3.13)."""

from typing import Any

import pytest

from aggregates.commands import Policy
from tests.aggregates.world import CASE, LOAN, PEOPLE, World, open_world


@pytest.fixture
def lost(world: World) -> World:
    world.lost()
    return world


def test_draft(lost: World) -> None:
    lost.refused("FIELD", lambda: lost.case("AM", "Draft", asset_no=LOAN))
    draft = {"asset_no": LOAN, "ground": "BANKRUPTCY"}
    lost.refused("FIELD", lambda: lost.case("AM", "Draft", **draft, book_amount="1.00"))
    lost.refused("FIELD", lambda: lost.case("AM", "Draft", **draft, memo_interest="1.00"))
    lost.refused("FIELD", lambda: lost.case("AM", "Draft", **draft, asset_ids=["LN-1"]))
    lost.do("SY", "PlaceHold", kind="REDUCTION", case_no="R1")
    lost.refused("WriteOff.Draft.1", lambda: lost.case("AM", "Draft", **draft))
    lost.do("SY", "ReleaseHold", kind="REDUCTION", case_no="R1")
    outcome = lost.case("AM", "Draft", **draft, book_amount="2635308.70")
    assert outcome.events[0].payload["asset_ids"] == [LOAN]
    lost.refused("STATE", lambda: lost.case("AM", "Draft", **draft))
    lost.refused("WriteOff.Draft.4", lambda: lost.case("AM", "Draft", key="WO2", **draft))
    lost.case("AM", "Discard")
    lost.case("AM", "Draft", key="WO2", **draft)


def test_only_an_active_asset_is_written_off(lost: World) -> None:
    lost.to_stage("POSTED")
    lost.refused("STATE", lambda: lost.case("AM", "Draft", key="WO2", asset_no=LOAN, ground="BANKRUPTCY"))


def test_the_maker_decides_nothing(lost: World) -> None:
    lost.to_stage("DRAFT")
    maker = PEOPLE["AM"]
    lost.refused("SD9", lambda: lost.case("LG", "ReviewCompliance", actor=maker, outcome="PASS"))
    lost.case("LG", "ReviewCompliance", outcome="PASS")
    lost.refused("SD9", lambda: lost.case("AM", "Submit", actor=PEOPLE["LG"]))
    lost.case("AM", "Submit", actor="U-119")  # a second maker: neither may decide
    for decision in ("Approve", "Reject", "Return"):
        for person in (maker, "U-119"):
            lost.refused("SD1", lambda d=decision, p=person: lost.case("HA", d, actor=p))
        lost.refused("SD9", lambda d=decision: lost.case("HA", d, actor=PEOPLE["LG"]))
        lost.refused("SD1", lambda d=decision: lost.case("WF", d, decided_by=maker))
    lost.refused("FIELD", lambda: lost.case("HA", "Approve", decided_by="U-302"))
    assert lost.case("WF", "Approve", decided_by="U-302").events[0].payload["decided_by"] == "U-302"
    assert lost.state("WriteOff")["approvers"] == ["U-302"]


def test_the_maker_is_remembered_over_rounds(lost: World) -> None:
    lost.to_stage("RETURNED")
    lost.case("AM", "Amend", actor="U-120", ground="DEATH")
    lost.case("LG", "ReviewCompliance", outcome="PASS")
    lost.case("AM", "Submit", actor="U-120")
    lost.refused("SD1", lambda: lost.case("HA", "Approve", actor=PEOPLE["AM"]))
    lost.refused("SD1", lambda: lost.case("HA", "Approve", actor="U-120"))


def test_review_needs_its_checklist(lost: World) -> None:
    lost.to_stage("DRAFT")
    open_item = {"outcome": "PASS", "checklist": {"court": True, "guarantor": False}}
    lost.refused("WriteOff.ReviewCompliance.2", lambda: lost.case("LG", "ReviewCompliance", **open_item))
    lost.refused("FIELD", lambda: lost.case("LG", "ReviewCompliance", outcome="PASS", checklist={"court": "yes"}))
    lost.case("LG", "ReviewCompliance", **(open_item | {"outcome": "FAIL"}))
    assert lost.state("WriteOff")["state"] == "RETURNED"


def test_submit_needs_the_claim_that_was_reviewed(lost: World) -> None:
    lost.to_stage("REVIEWED")
    lost.do("SY", "AdvanceCost", kind="FEE", amount="1.00")
    lost.refused("WriteOff.Submit.3", lambda: lost.case("AM", "Submit"))


def test_what_is_decided_is_what_was_submitted(lost: World) -> None:
    lost.to_stage("SUBMITTED")
    submitted = lost.state("WriteOff")["snapshot_hash"]
    lost.refused("WriteOff.Decide.2", lambda: lost.case("HA", "Approve", snapshot_hash="0" * 64))
    lost.refused("FIELD", lambda: lost.case("HA", "Approve", max_book_amount="2635308.71"))
    lost.refused("FIELD", lambda: lost.case("HA", "Approve", decided_on="2024-09-25", valid_until="2024-09-24"))
    lost.case("HA", "Approve", snapshot_hash=submitted)


def test_a_taken_hold_returns_the_case(lost: World) -> None:
    lost.to_stage("SUBMITTED")
    lost.do("SY", "PlaceHold", kind="REDUCTION", case_no="R1")
    lost.refused("SD1", lambda: lost.case("HA", "Approve", actor=PEOPLE["AM"]))
    outcome = lost.case("HA", "Approve")
    assert [(event.type, event.payload["comment"]) for event in outcome.events] == [
        ("WriteOffReturned", "HOLD_CONFLICT")
    ]
    assert lost.state("WriteOff")["state"] == "RETURNED"
    assert lost.state()["hold"] == {"kind": "REDUCTION", "case_no": "R1"}


def test_posting_needs_three_people(lost: World) -> None:
    lost.to_stage("APPROVED")
    lost.refused("SD5", lambda: lost.case("FN", "RequestPosting", actor=PEOPLE["AM"]))
    lost.case("FN", "RequestPosting")
    lost.refused("SD5", lambda: lost.case("FC", "ConfirmInstruction", actor=PEOPLE["FN"]))
    lost.refused("SD5", lambda: lost.case("FC", "ConfirmInstruction", actor=PEOPLE["AM"]))
    lost.refused("STATE", lambda: lost.case("CB", "MarkPosted", core_txn_no="C-1"))  # nothing was sent
    lost.refused("STATE", lambda: lost.case("CB", "MarkRejected", error_code="ACCT_BUSY"))
    confirmed = lost.case("FC", "ConfirmInstruction").events[0].payload
    assert confirmed["alloc"] == {"costs": "2600.00", "principal": "2632708.70"}  # book buckets only (E17)
    assert (confirmed["kind"], confirmed["case_no"], confirmed["asset_no"]) == ("WRITE_OFF", CASE, LOAN)
    lost.refused("STATE", lambda: lost.case("FC", "ConfirmInstruction"))


def test_posting_request_derives_its_content(lost: World) -> None:
    lost.to_stage("APPROVED")
    lost.refused("FIELD", lambda: lost.case("FN", "RequestPosting", amount="1.00"))
    lost.refused("FIELD", lambda: lost.case("FN", "RequestPosting", alloc={"principal": "2635308.70"}))
    lost.refused("FIELD", lambda: lost.case("FN", "RequestPosting", attempt=2))
    outcome = lost.case("FN", "RequestPosting", amount="2635308.70", attempt=1)
    assert outcome.events[0].payload["instruction_id"] == "WO1.1"


def test_not_above_the_approved_amount(lost: World) -> None:
    lost.to_stage("APPROVED")
    lost.do("SY", "AdvanceCost", kind="FEE", amount="0.01")
    lost.refused("WriteOff.PP.1", lambda: lost.case("FN", "RequestPosting"))


def test_not_after_the_approval_lapsed(lost: World) -> None:
    lost.to_stage("SUBMITTED")
    lost.case("HA", "Approve", valid_until="2024-10-01")
    lost.refused("WriteOff.RequestPosting.1", lambda: lost.case("FN", "RequestPosting", day="2024-10-02"))


def test_not_without_the_hold(lost: World) -> None:
    lost.to_stage("APPROVED")
    lost.do("SY", "ReleaseHold", kind="WRITE_OFF", case_no=CASE)
    lost.refused("WriteOff.RequestPosting.5", lambda: lost.case("FN", "RequestPosting"))


@pytest.mark.parametrize(
    ("spoil", "guard"),
    [
        (lambda w: w.do("SY", "ReleaseHold", kind="WRITE_OFF", case_no=CASE), "RiskAsset.WriteOff.1"),
        (lambda w: w.do("SY", "AdvanceCost", kind="FEE", amount="1.00"), "RiskAsset.WriteOff.2"),
    ],
)
def test_nothing_is_sent_that_the_asset_would_refuse(lost: World, spoil: Any, guard: str) -> None:
    lost.to_stage("POSTING")
    spoil(lost)
    lost.refused(guard, lambda: lost.case("FC", "ConfirmInstruction"))


def test_the_class_must_be_loss(world: World) -> None:
    world.admit(day="2024-09-05", classification="DOUBTFUL")
    world.to_stage("POSTING")
    world.refused("RiskAsset.WriteOff.3", lambda: world.case("FC", "ConfirmInstruction"))


def test_core_answers_for_its_instruction(lost: World) -> None:
    lost.to_stage("CONFIRMED")
    posted = {"core_txn_no": "C-2290"}
    lost.refused("WriteOff.MarkPosted.1", lambda: lost.case("CB", "MarkPosted", instruction_id="I9", **posted))
    lost.refused("WriteOff.MarkPosted.1", lambda: lost.case("CB", "MarkPosted", amount="1.00", **posted))
    lost.refused(
        "WriteOff.MarkRejected.1", lambda: lost.case("CB", "MarkRejected", instruction_id="I9", error_code="X")
    )
    lost.refused("STATE", lambda: lost.case("CB", "MarkRejected", attempt=2, error_code="X"))
    lost.case("CB", "MarkPosted", amount="2635308.70", value_date="2024-09-24", **posted)
    assert lost.state("WriteOff")["core_txn_no"] == "C-2290"
    again = lost.case("CB", "MarkPosted", instruction_id="WO1.1", **posted)  # another cmd_id, the same fact (PM7)
    assert (again.repeated, again.events) == (True, ())
    lost.refused("STATE", lambda: lost.case("CB", "MarkPosted", core_txn_no="C-9999"))


def test_retry_keeps_an_unchanged_instruction(lost: World) -> None:
    lost.to_stage("POSTING_FAILED")
    assert lost.state()["hold"] == {"kind": "WRITE_OFF", "case_no": CASE}  # PM5: the hold stays
    lost.refused("SD5", lambda: lost.case("FN", "Retry", actor=PEOPLE["AM"]))
    lost.refused("FIELD", lambda: lost.case("FN", "Retry", instruction_id="I-new"))
    again = lost.case("FN", "Retry").events[0].payload
    assert (again["instruction_id"], again["attempt"]) == ("WO1.1", 2)
    lost.case("FC", "ConfirmInstruction")
    lost.case("CB", "MarkRejected", error_code="ACCT_BUSY")
    lost.do("SY", "ApplyRecovery", flow_id="F1", mode="CASH_VOLUNTARY", amount="600.00")  # costs 2,600 -> 2,000
    lost.refused("FIELD", lambda: lost.case("FN", "Retry", instruction_id="WO1.1"))
    changed = lost.case("FN", "Retry").events[0].payload
    assert (changed["instruction_id"], changed["attempt"], changed["amount"]) == ("WO1.2", 1, "2634708.70")


def test_an_instruction_belongs_to_one_case(lost: World) -> None:
    lost.lost("LN-2")
    lost.to_stage("APPROVED")
    lost.case("FN", "RequestPosting", instruction_id="I2")
    lost.to_stage("APPROVED", "WO2", "LN-2")
    lost.refused("FIELD", lambda: lost.case("FN", "RequestPosting", key="WO2", instruction_id="I2"))
    assert lost.app.case_of_instruction("I2") == ("WriteOff", CASE, False)
    assert lost.app.case_of_instruction("I3") is None


def test_a_scenario_releases_the_hold_by_a_line_of_its_own(tmp_path: Any) -> None:
    world = open_world(tmp_path, Policy(confirm_postings=False, release_hold_on_posted=False))
    world.lost()
    world.to_stage("POSTING")
    outcome = world.case("CB", "MarkPosted", core_txn_no="C-1")
    assert [event.type for event in outcome.events] == ["WriteOffPosted", "AssetWrittenOff"]
    world.do("SY", "ReleaseHold", kind="WRITE_OFF", case_no=CASE, reason="POSTED")
    world.store.close()
