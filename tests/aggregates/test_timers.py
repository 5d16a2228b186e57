"""Timers: what falls due by the clock, once, and what a person has done in time."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from tests.aggregates.deadline_world import Managed, day
from tests.aggregates.world import CASE, LOAN, World

TL01 = f"TL01.{LOAN}.1"


@pytest.fixture
def managed(world: World) -> Managed:
    found = Managed(world)
    world.admit(maturity="2022-03-10")
    found.follow()
    return found


def types(views: list[Any]) -> list[str]:
    return [view.type for view in views]


def test_the_ladder_of_a_deadline_then_the_miss_then_daily_to_the_branch(managed: Managed) -> None:
    sent: Counter[tuple[int, int, str, str]] = Counter()
    misses = []
    today = day("2024-11-01")
    while today <= day("2025-03-20"):
        for _ in range(2):  # a second look on the same day stores nothing
            for view in managed.tick(today.isoformat()):
                if view.type == "ReminderSent":
                    payload = view.payload
                    past = payload.get("days_past", 0)
                    sent[payload["step"], past, payload["method"], payload["to"]] += 1
                    assert (day("2025-02-08") - today).days == payload["step"] - past
                else:
                    misses.append((view.type, today.isoformat(), view.payload["days"]))
        today += timedelta(days=1)
    assert set(sent.values()) == {1}
    ladder = [key for key in sent if not key[1]]
    assert len(ladder) == 3 * 8 + 4
    assert [past for _, past, _, to in sent if past and to == "BR"] == list(range(1, 31))
    assert misses == [("DeadlineMissed", "2025-03-11", 1)]
    assert managed.refusals == []


def test_the_loans_manager_is_reminded_by_number(managed: Managed) -> None:
    view = managed.tick("2025-02-08")[0]
    assert (view.payload["step"], view.payload["to"]) == (0, "AM")
    assert len(view.payload["message_id"]) == 36


def test_what_was_done_in_time_is_neither_reminded_nor_missed(managed: Managed) -> None:
    managed.do("LG", "Meet", aggregate="Deadline", key=TL01, day="2024-10-01")
    assert managed.tick("2025-02-08") == []
    assert managed.tick("2025-04-01") == []


def test_a_paused_deadline_waits(managed: Managed) -> None:
    managed.do("LG", "Pause", aggregate="Deadline", key=TL01, day="2024-12-01", cause="FORCE_MAJEURE")
    assert managed.tick("2025-04-01") == []
    managed.do("LG", "Resume", aggregate="Deadline", key=TL01, day="2025-04-02", legal_due_on="2025-10-02")
    assert types(managed.tick("2025-10-03"))[-1] == "DeadlineMissed"


def test_a_restart_sends_the_ladder_from_the_top(managed: Managed) -> None:
    assert types(managed.tick("2024-11-10")) == ["ReminderSent"] * 3
    managed.do("SY", "ApplyRecovery", on="2024-11-11", day="2024-11-11", flow_id="F", split_no=1,
               mode="CASH_VOLUNTARY", amount="1000.00")  # fmt: skip
    assert managed.tick("2024-11-12") == []
    again = managed.tick("2027-07-14")  # 90 days before 2027-10-12
    assert [view.payload["step"] for view in again] == [90, 90, 90]


def test_an_inspection_is_overdue_once(managed: Managed) -> None:
    made = {"aggregate": "Inspection", "key": "I-1"}
    managed.do("AM", "Schedule", kind="AD_HOC", subject_no=LOAN, due_on="2022-04-01", day="2022-03-20", **made)
    assert managed.tick("2022-04-01") == []
    overdue = managed.tick("2022-04-03")
    assert [(view.type, view.payload["days"]) for view in overdue] == [("InspectionOverdue", 2)]
    assert managed.tick("2022-04-04") == []
    managed.do("AM", "Record", day="2022-04-05", results=dict.fromkeys(
        ("operations", "assets", "loan", "willingness", "service_address"), "good"), **made)  # fmt: skip
    assert managed.days(f"TL22.{LOAN}.1")[:2] == ("RUNNING", "2022-07-05")


def reduction(managed: Managed) -> None:
    made = {"aggregate": "DebtReduction", "key": "R-1", "day": "2022-04-01"}
    managed.do("AM", "Draft", asset_ids=[LOAN], repay_amount="100000.00", repay_by="2022-06-30",
               waive={"penalty": "1700.00"}, **made)  # fmt: skip
    managed.do("AM", "Submit", wf_no="WF-2", **made)
    managed.do("HA", "Approve", approval_no="A-2", **made)


def test_a_reduction_not_paid_in_time_is_breached(managed: Managed) -> None:
    reduction(managed)
    assert managed.days("TL20.R-1.1")[:3] == ("RUNNING", "2022-06-30", "2022-06-30")
    assert "ReductionBreached" not in types(managed.tick("2022-06-30"))
    found = managed.tick("2022-07-01")
    assert {"ReductionBreached", "DeadlineMissed", "DisposalHoldReleased"} <= set(types(found))
    assert managed.world.state("DebtReduction", "R-1")["state"] == "BREACHED"
    assert "ReductionBreached" not in types(managed.tick("2022-07-02"))


def test_a_reduction_paid_in_time_is_not(managed: Managed) -> None:
    reduction(managed)
    managed.do("FN", "AllocateProceeds", aggregate="DebtReduction", key="R-1", day="2022-06-01", flow_id="F9",
               amount="100000.00")  # fmt: skip
    assert "ReductionBreached" not in types(managed.tick("2022-07-01"))


# --- Postings ----------------------------------------------------------------------------------------------------


@pytest.fixture
def posting(world: World) -> Managed:
    world.lost()
    world.to_stage("POSTING")
    world.case("FC", "ConfirmInstruction", day="2024-09-25")
    found = Managed(world)
    found.follow()
    return found


def instruction(managed: Managed) -> dict[str, Any]:
    found: Any = managed.world.app.find("WriteOff", CASE)
    return {"stage": found.stage, "id": found.instruction["id"], "attempt": found.instruction["attempt"]}


def reject(managed: Managed, code: str = "ACCT_BUSY") -> None:
    attempt = instruction(managed)["attempt"]
    managed.do("CB", "MarkRejected", aggregate="WriteOff", key=CASE, error_code=code, attempt=attempt)


def test_core_that_does_not_answer_leaves_the_posting_unknown(posting: Managed) -> None:
    assert posting.tick("2024-09-25", "12:09") == []
    assert types(posting.tick("2024-09-25", "12:11")) == ["WriteOffPostingTimedOut"]
    assert posting.tick("2024-09-25", "13:00") == []
    posting.do("CB", "MarkPosted", aggregate="WriteOff", key=CASE, core_txn_no="C-1")  # the answer came late
    assert posting.world.state("WriteOff", CASE)["state"] == "POSTED"


def test_an_unconfirmed_instruction_waits_for_people_not_for_core(world: World) -> None:
    world.lost()
    world.to_stage("POSTING")
    managed = Managed(world)
    managed.follow()
    assert managed.tick("2024-09-26") == []


def test_a_busy_account_is_tried_again_after_1_5_and_15_minutes(posting: Managed) -> None:
    first = instruction(posting)["id"]
    clock = posting.world.clock
    for attempt, minutes in ((2, 1), (3, 5), (4, 15)):
        reject(posting)
        clock.now += timedelta(minutes=minutes) - timedelta(seconds=1)
        assert retry(posting) == []
        clock.now += timedelta(seconds=1)
        assert retry(posting) == ["WriteOffPostingRequested", "InstructionConfirmed"]
        assert instruction(posting) == {"stage": "POSTING", "id": first, "attempt": attempt}
    reject(posting)
    clock.now += timedelta(hours=5)
    assert retry(posting) == []  # now it is for people
    assert posting.refusals == []


def retry(managed: Managed) -> list[str]:
    return types(managed.tick("2024-09-25", "00:00"))


def test_a_business_refusal_waits_for_people(posting: Managed) -> None:
    reject(posting, "ACCT_STATUS_FROZEN")
    posting.world.clock.now += timedelta(hours=1)
    assert retry(posting) == []


def test_a_changed_claim_is_not_posted_without_a_person(posting: Managed) -> None:
    reject(posting)
    posting.do("SY", "AdvanceCost", kind="FEE", amount="5.00")
    posting.world.clock.now += timedelta(minutes=2)
    assert retry(posting) == []
    assert [refusal.facts.get("field") for refusal in posting.refusals] == ["instruction_id"]


def test_a_failed_posting_lapses_after_ten_days(posting: Managed) -> None:
    reject(posting, "ACCT_STATUS_FROZEN")
    assert posting.tick("2024-10-05", "11:00") == []
    assert set(types(posting.tick("2024-10-05", "12:30"))) == {"WriteOffApprovalLapsed", "DisposalHoldReleased"}


def test_an_unused_approval_lapses_after_its_day(world: World) -> None:
    world.lost()
    world.to_stage("SUBMITTED")
    world.case("HA", "Approve", approval_no="A", valid_until="2024-10-31", day="2024-09-25")
    managed = Managed(world)
    managed.follow()
    assert managed.tick("2024-10-31") == []
    assert set(types(managed.tick("2024-11-01"))) == {"WriteOffApprovalLapsed", "DisposalHoldReleased"}
