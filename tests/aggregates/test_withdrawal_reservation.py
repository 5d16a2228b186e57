"""An announced withdrawal: who must approve, nobody twice, no stale task, a double tap once (LIQ-03, 61)."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aggregates.withdrawal_reservation import WithdrawalReservation
from engines.primitives.errors import Conflict, TidemarkError
from tests.aggregates.liquidity_world import open_liquidity_world
from tests.aggregates.withdrawal_world import ANNOUNCED, NO, Desk
from tests.work_oracle import assert_as_the_aggregates

TOLD: dict[str, Any] = {
    "customer_no": "C-9",
    "account_id": "A-9",
    "organisation": "N1",
    "line_id": "RB",
    "product_id": "DEMAND",
    "amount": "70.00",
    "value_date": "2026-11-23",
    "purpose": "CASH",
    "channel": "MOBILE",
    "status": "SUBMITTED",
    "executed": "0.00",
}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened, store = open_liquidity_world(tmp_path)
    yield Desk(opened)
    assert_as_the_aggregates(opened.app)
    store.close()


def test_three_people_approve_a_large_one_and_only_then_it_counts(desk: Desk) -> None:
    desk.submitted()
    seen = []
    for who, name in (
        ("branch", "ApproveAtBranch"),
        ("treasurer", "ApproveAtTreasury"),
        ("committee", "ApproveAtTreasury"),
    ):
        desk.do(who, name)
        seen.append((desk.state()["state"], desk.state()["outstanding"], desk.state()["levels_left"]))
    assert seen == [
        ("BRANCH_OK", "0.00", ["TREASURY", "TREASURY"]),
        ("BRANCH_OK", "0.00", ["TREASURY"]),
        ("TREASURY_OK", "200.00", []),
    ]


@pytest.mark.parametrize(
    ("levels", "approvals"), [(["BRANCH"], 1), (["BRANCH", "TREASURY"], 2), (["BRANCH", "TREASURY", "TREASURY"], 3)]
)
def test_as_many_approvals_as_the_amount_needs(desk: Desk, levels: list[str], approvals: int) -> None:
    desk.approved(levels)
    assert (desk.state()["state"], len(desk.state()["approvals"])) == ("TREASURY_OK", approvals)


def test_nobody_decides_what_they_had_a_part_in(desk: Desk) -> None:
    desk.do("branch", "Draft", customer_no="C-1", amount="200.00", value_date="2026-11-23")
    desk.do("branch", "Submit")
    desk.grade()
    desk.world.refused("SD1", lambda: desk.do("branch", "ApproveAtBranch"))
    desk.do("clerk", "Amend", amount="190.00")  # the clerk becomes a maker too; nothing changes for the first
    desk.grade()
    desk.world.refused("SD1", lambda: desk.do("branch", "Reject", comment="no"))


def test_the_second_checker_is_another_than_the_first(desk: Desk) -> None:
    desk.submitted()
    desk.do("branch", "ApproveAtBranch")
    desk.do("treasurer", "ApproveAtTreasury")
    desk.world.refused("SD1", lambda: desk.do("treasurer", "ApproveAtTreasury"))
    desk.do("second", "ApproveAtTreasury")
    assert desk.state()["state"] == "TREASURY_OK"


def test_a_person_cannot_choose_the_levels_and_without_them_nobody_approves(desk: Desk) -> None:
    desk.do("clerk", "Draft", customer_no="C-1", amount="200.00", value_date="2026-11-23")
    desk.do("clerk", "Submit")
    desk.world.refused("WithdrawalReservation.ApproveAtBranch.2", lambda: desk.do("branch", "ApproveAtBranch"))
    grade: dict[str, Any] = {"levels": ["BRANCH"], "proof_needed": False, "policy_version": "-1"}
    desk.world.refused("ROLE", lambda: desk.do("branch", "Grade", **grade))


def test_an_amendment_voids_approvals_levels_and_the_earlier_reading(desk: Desk) -> None:
    desk.approved()
    seen = desk.task()
    desk.do("clerk", "Amend", amount="900.00", task_version=seen)
    found = desk.state()
    assert (found["state"], found["revision"], found["approvals"], found["outstanding"]) == (
        "SUBMITTED",
        2,
        [],
        "0.00",
    )
    desk.world.refused("WithdrawalReservation.ApproveAtBranch.2", lambda: desk.do("branch", "ApproveAtBranch"))
    desk.grade()
    with pytest.raises(Conflict, match="changed since you read it"):
        desk.do("branch", "ApproveAtBranch", task_version=seen)
    desk.do("branch", "ApproveAtBranch", task_version=desk.task())  # may approve again: it is another content


def test_a_double_tap_is_one_decision_and_a_second_key_finds_the_task_gone(desk: Desk) -> None:
    desk.submitted()
    seen = desk.task()
    first = desk.do("branch", "ApproveAtBranch", cmd_id="tap", task_version=seen)
    again = desk.do("branch", "ApproveAtBranch", cmd_id="tap", task_version=seen)
    assert again.repeated
    assert [one.id for one in again.events] == [one.id for one in first.events]
    desk.world.refused("STATE", lambda: desk.do("branch", "ApproveAtBranch", cmd_id="other", task_version=seen))
    assert len(desk.state()["approvals"]) == 1


def test_above_the_threshold_each_approver_proves_who_they_are_for_this_content(desk: Desk) -> None:
    guard = "WithdrawalReservation.ApproveAtBranch.4"
    desk.submitted(proof=True)
    desk.world.refused(guard, lambda: desk.do("branch", "ApproveAtBranch"))
    until = desk.until(15)
    desk.do("system", "Prove", approver="treasurer", method="TOKEN", valid_until=until)
    desk.world.refused(guard, lambda: desk.do("branch", "ApproveAtBranch"))  # another's proof
    desk.do("system", "Prove", approver="branch", method="TOKEN", valid_until=until)
    desk.world.now += timedelta(minutes=16)
    desk.world.refused(guard, lambda: desk.do("branch", "ApproveAtBranch"))  # too old
    until = desk.until(15)
    desk.do("system", "Prove", approver="branch", method="CODE", valid_until=until)
    desk.do("clerk", "Amend", amount="250.00")
    desk.grade(proof=True)
    desk.world.refused(guard, lambda: desk.do("branch", "ApproveAtBranch"))  # for another content
    desk.do("system", "Prove", approver="branch", method="CODE", valid_until=until)
    desk.do("branch", "ApproveAtBranch")
    proof: dict[str, Any] = {"approver": "treasurer", "method": "CODE", "valid_until": until}
    desk.world.refused("ROLE", lambda: desk.do("treasurer", "Prove", **proof))


def test_a_delegated_task_is_the_delegates_until_that_level_is_decided(desk: Desk) -> None:
    desk.submitted()
    desk.do("branch", "ApproveAtBranch")
    desk.world.refused("FIELD", lambda: desk.do("treasurer", "Delegate", to="second", comment="-"))
    for nobody in ("clerk", "branch"):
        desk.world.refused(
            "WithdrawalReservation.Delegate.2",
            partial(desk.do, "treasurer", "Delegate", to=nobody, comment="on leave"),
        )
    desk.do("treasurer", "Delegate", to="second", comment="on leave")
    desk.world.refused("WithdrawalReservation.ApproveAtTreasury.3", lambda: desk.do("treasurer", "ApproveAtTreasury"))
    desk.do("second", "ApproveAtTreasury")
    desk.do("treasurer", "ApproveAtTreasury")  # the next level was delegated to nobody
    assert desk.state()["state"] == "TREASURY_OK"


def test_money_that_leaves_is_counted_once_and_in_parts(desk: Desk) -> None:
    desk.approved()
    desk.do("system", "Execute", txn_id="T-1", rung="REFERENCE", paid="150.00")
    assert (desk.state()["state"], desk.state()["executed"], desk.state()["outstanding"]) == (
        "PARTIAL",
        "150.00",
        "50.00",
    )
    twice: dict[str, Any] = {"txn_id": "T-1", "rung": "REFERENCE", "paid": "50.00"}
    desk.world.refused("WithdrawalReservation.Execute.2", lambda: desk.do("system", "Execute", **twice))
    desk.world.refused("SD1", lambda: desk.do("treasurer", "Execute", txn_id="T-2", paid="50.00"))  # approved it
    desk.do("second", "Execute", txn_id="T-2", paid="60.00")
    assert (desk.state()["state"], desk.state()["executed"], desk.state()["outstanding"]) == (
        "EXECUTED",
        "210.00",
        "0.00",
    )


def test_it_expires_after_its_value_date_whatever_was_approved(desk: Desk) -> None:
    desk.approved()
    desk.world.refused(
        "WithdrawalReservation.Expire.1", lambda: desk.do("system", "Expire", business_date="2026-11-23")
    )
    desk.do("system", "Expire", business_date="2026-11-24")
    assert (desk.state()["state"], desk.state()["outstanding"]) == ("EXPIRED", "0.00")
    desk.world.refused("STATE", lambda: desk.do("clerk", "Cancel"))


#: A command that each row takes, by somebody who may give it.
GIVEN: dict[str, tuple[str, dict[str, Any]]] = {
    "Follow": ("system", TOLD),
    "Submit": ("clerk", {}),
    "Grade": ("system", {"levels": ["BRANCH"], "proof_needed": False, "policy_version": "1"}),
    "Prove": ("system", {"approver": "second", "method": "CODE", "valid_until": "2026-11-30T00:00:00+00:00"}),
    "ApproveAtBranch": ("branch", {}),
    "ApproveAtTreasury": ("second", {}),
    "Delegate": ("second", {"to": "committee", "comment": "on leave"}),
    "Reject": ("second", {"comment": "the customer changed plans"}),
    "Amend": ("clerk", {"amount": "300.00"}),
    "Cancel": ("clerk", {}),
    "Execute": ("second", {"txn_id": "T-9", "paid": "10.00"}),
    "Expire": ("system", {"business_date": "2026-11-24"}),
}
STAGES = ("DRAFT", "SUBMITTED", "BRANCH_OK", "TREASURY_OK", "PARTIAL", "EXECUTED", "REJECTED", "CANCELLED", "EXPIRED")


def bring(desk: Desk, stage: str, key: str) -> None:
    if stage == "DRAFT":
        desk.do("clerk", "Draft", key=key, **ANNOUNCED)
    elif stage in ("SUBMITTED", "BRANCH_OK", "REJECTED"):
        desk.submitted(key=key)
        if stage == "BRANCH_OK":
            desk.do("branch", "ApproveAtBranch", key=key)
    else:
        desk.approved(["BRANCH", "TREASURY"], key=key)
    paid = {"PARTIAL": "150.00", "EXECUTED": "200.00"}.get(stage)
    if paid is not None:
        desk.do("system", "Execute", key=key, txn_id="T-1", rung="REFERENCE", paid=paid)
    if stage in ("REJECTED", "CANCELLED", "EXPIRED"):
        name = {"REJECTED": "Reject", "CANCELLED": "Cancel", "EXPIRED": "Expire"}[stage]
        desk.do(GIVEN[name][0], name, key=key, **GIVEN[name][1])
    assert desk.state(key)["state"] == stage


@pytest.mark.parametrize("stage", STAGES)
def test_every_command_in_every_stage_is_what_the_table_says(desk: Desk, stage: str) -> None:
    rows = {row.command: row for row in WithdrawalReservation.ROWS if not row.makes}
    assert rows.keys() == GIVEN.keys()
    for name, (who, payload) in GIVEN.items():
        key = f"{stage}-{name}"
        bring(desk, stage, key)
        if stage in rows[name].stages:
            desk.do(who, name, key=key, **payload)
        elif name == "Grade" and stage != "DRAFT":
            assert desk.do(who, name, key=key, **payload).repeated  # was said of this content: nothing is stored
        else:
            desk.world.refused("STATE", lambda: desk.do(who, name, key=key, **payload))  # noqa: B023 - at once


def test_a_rejection_says_why(desk: Desk) -> None:
    desk.submitted()
    desk.world.refused("FIELD", lambda: desk.do("branch", "Reject", comment=" "))


def test_a_channels_reservation_is_taken_over_and_followed(desk: Desk) -> None:
    desk.do("system", "TakeOver", **TOLD)
    assert desk.state()["state"] == "SUBMITTED"
    desk.grade(["BRANCH"])
    desk.do("branch", "ApproveAtBranch")
    desk.do("system", "Follow", **TOLD)  # told again as it was: what was approved stays
    assert desk.state()["state"] == "TREASURY_OK"
    desk.do("system", "Follow", **(TOLD | {"amount": "80.00"}))  # another amount was not approved by anybody
    assert (desk.state()["state"], desk.state()["revision"], desk.state()["approvals"]) == ("SUBMITTED", 2, [])
    desk.do("system", "Follow", **(TOLD | {"status": "EXECUTED", "executed": "80.00"}))
    assert desk.state()["state"] == "EXECUTED"


def test_only_the_system_takes_over(desk: Desk) -> None:
    with pytest.raises(TidemarkError):
        desk.do("clerk", "TakeOver", key=NO, **TOLD)


@pytest.mark.parametrize(
    "changed", [{"amount": "0.00"}, {"amount": "-1.00"}, {"value_date": "soon"}, {"purpose": "x y"}]
)
def test_a_draft_says_what_it_is(desk: Desk, changed: dict[str, Any]) -> None:
    content = {"customer_no": "C-1", "amount": "2.00", "value_date": "2026-11-23"} | changed
    desk.world.refused("FIELD", lambda: desk.do("clerk", "Draft", **content))
