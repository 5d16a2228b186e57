"""WithdrawalReservation: one announced large withdrawal, from its draft to the day the money left (LIQ-03, LIQ-61).

Who must approve, and whether with a fresh proof of identity, depends on the amount; the system tells it by `Grade`
from the bank's policy, so that no door to this aggregate lets a person choose. Not for what the bank's position does:
`projections.reservations` folds what is published of each state (`streams.reservation_publisher`).
"""

from typing import Any

from aggregates.refusals import unless_field
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause, in_stage, row
from aggregates.steps.step import Step
from aggregates.withdrawal_reservation_rules import (
    ANOTHER,
    BRANCH,
    BRANCH_ROLES,
    LEVEL_ROLES,
    MAKERS,
    OPEN,
    TREASURY_ROLES,
    UNDECIDED,
    after_execution,
    changed_content,
    may_approve,
    moment_of,
    not_delegated,
    on_this_task,
    told_state,
)

CONTENT = (
    "revision:N, customer_no:I, account_id:I, organisation:I, line_id:I, product_id:I, amount:M, value_date:D, "
    "purpose:E, channel:I"
)
TASK = "task_version:N?"  # of a command: what the person saw

_ABSENT = {"account_id": "-", "line_id": "-", "product_id": "-", "purpose": "CASH", "channel": "DESK"}


def _drafted(step: Step) -> Facts:
    unless_field(step.get("amount", 0) > 0, "amount", "must be above zero")
    return {"reservation_no": step.key, "revision": 1}


def _of_desk(step: Step) -> Facts:
    return _ABSENT | {"organisation": step.branch if step.branch != "-" else "HQ"}


def _amended(step: Step) -> Facts:
    on_this_task(step)
    content = changed_content(step)
    unless_field(content["amount"] > 0, "amount", "must be above zero")
    unless_field(content["amount"] >= step.case.executed, "amount", "is less than what has left")
    return content


def _of_revision(step: Step) -> Facts:
    on_this_task(step)
    return {"revision": step.case.revision}


def _proof(step: Step) -> Facts:
    moment_of(step["valid_until"], "valid_until")
    return _of_revision(step)


def _approval(step: Step) -> Facts:
    return {**_of_revision(step), "level": step.case.levels_left[0] if step.case.levels_left else BRANCH}


def _refusal(step: Step) -> Facts:
    unless_field(step.get("comment", "").strip() not in ("", "-"), "comment", "say why")
    return _of_revision(step)


def _execution(step: Step) -> Facts:
    on_this_task(step)
    unless_field(step.get("paid", 0) > 0, "paid", "must be above zero")
    return {"executed": step.case.executed + step["paid"]}


def _taken_content(step: Step) -> Facts:
    revision = step.case.revision + step.case.differs(step.fields) if step.exists else 1
    return {"revision": revision, **({} if step.exists else {"reservation_no": step.key})}


def _content_set(case: Any, facts: Facts, _who: Any) -> None:
    if facts["revision"] != case.revision:
        case.forget_approvals()
    case.revision = facts["revision"]
    case.executed = facts.get("executed", case.executed)
    case.task_version += 1


def _moved(case: Any, _facts: Facts, _who: Any) -> None:
    case.task_version += 1


def _graded(case: Any, facts: Facts, _who: Any) -> None:
    case.levels, case.graded = list(facts["levels"]), facts["revision"]


def _proved(case: Any, facts: Facts, _who: Any) -> None:
    case.proofs[facts["approver"]] = (facts["revision"], facts["valid_until"])


def _approved(case: Any, facts: Facts, who: Any) -> None:
    case.approvals.append({"level": facts["level"], "actor": who.actor, "revision": facts["revision"]})
    case.delegated_to = ""
    case.task_version += 1


def _delegated(case: Any, facts: Facts, _who: Any) -> None:
    case.delegated_to = facts["to"]
    case.task_version += 1


def _executed(case: Any, facts: Facts, _who: Any) -> None:
    case.executed = facts["executed"]
    case.legs.append(facts["txn_id"])
    case.task_version += 1


def _after_approval(case: Any, _facts: Facts) -> str:
    return "BRANCH_OK" if case.levels_left else "TREASURY_OK"


ROWS = (
    row(
        "Draft",
        "ReservationDrafted",
        MAKERS,
        f"reservation_no:I, {CONTENT}",
        makes=True,
        next="DRAFT",
        clauses=(in_stage("STATE"),),
        default=_of_desk,
        derive=_drafted,
        effect=_content_set,
        remember="maker",
    ),
    row(
        "TakeOver",
        "ReservationTakenOver",
        "SY",
        f"reservation_no:I, {CONTENT}, status:E, executed:M",
        makes=True,
        next=told_state,
        clauses=(in_stage("STATE"),),
        derive=_taken_content,
        effect=_content_set,
    ),
    row(
        "Follow",
        "ReservationFollowed",
        "SY",
        f"{CONTENT}, status:E, executed:M",
        stages=OPEN,
        next=told_state,
        derive=_taken_content,
        effect=_content_set,
    ),
    row(
        "Submit",
        "ReservationSubmitted",
        MAKERS,
        "revision:N",
        extra=TASK,
        stages="DRAFT",
        next="SUBMITTED",
        derive=_of_revision,
        effect=_moved,
        remember="maker",
    ),
    row(
        "Grade",
        "ReservationGraded",
        "SY",
        "revision:N, levels:L, proof_needed:B, policy_version:I",
        stages="DRAFT SUBMITTED BRANCH_OK",
        derive=_of_revision,
        repeats=lambda step: step.exists and step.case.graded == step.case.revision,
        effect=_graded,
    ),
    row(
        "Prove",
        "ApproverProved",
        "SY",
        "revision:N, approver:I, method:E, valid_until:I",
        stages=UNDECIDED,
        derive=_proof,
        effect=_proved,
    ),
    row(
        "ApproveAtBranch",
        "ReservationBranchApproved",
        BRANCH_ROLES,
        "revision:N, level:E, comment:S",
        extra=TASK,
        stages="SUBMITTED",
        next=_after_approval,
        clauses=may_approve("ApproveAtBranch"),
        default=lambda step: {"comment": "-"},
        derive=_approval,
        effect=_approved,
        remember="approver",
    ),
    row(
        "ApproveAtTreasury",
        "ReservationApproved",
        TREASURY_ROLES,
        "revision:N, level:E, comment:S",
        extra=TASK,
        stages="BRANCH_OK",
        next=_after_approval,
        clauses=may_approve("ApproveAtTreasury"),
        default=lambda step: {"comment": "-"},
        derive=_approval,
        effect=_approved,
        remember="approver",
    ),
    row(
        "Delegate",
        "ReservationDelegated",
        LEVEL_ROLES,
        "revision:N, to:I, comment:S",
        extra=TASK,
        stages=UNDECIDED,
        clauses=(
            ANOTHER,
            clause(
                "Delegate.2",
                "to somebody who has no part in it",
                lambda step: not step.case.has_played(step["to"], "maker", "approver"),
            ),
            not_delegated("Delegate"),
        ),
        derive=_refusal,
        effect=_delegated,
    ),
    row(
        "Reject",
        "ReservationRejected",
        LEVEL_ROLES,
        "revision:N, comment:S",
        extra=TASK,
        stages="DRAFT SUBMITTED BRANCH_OK TREASURY_OK",
        next="REJECTED",
        clauses=(ANOTHER,),
        derive=_refusal,
        effect=_moved,
    ),
    row(
        "Amend",
        "ReservationAmended",
        MAKERS,
        CONTENT,
        extra=TASK,
        stages="DRAFT SUBMITTED BRANCH_OK TREASURY_OK",
        next=lambda case, facts: "DRAFT" if case.stage == "DRAFT" else "SUBMITTED",
        derive=_amended,
        effect=_content_set,
        remember="maker",
    ),
    row(
        "Cancel",
        "ReservationCancelled",
        f"{MAKERS} SY",
        "revision:N, comment:S",
        extra=TASK,
        stages=OPEN,
        next="CANCELLED",
        default=lambda step: {"comment": "-"},
        derive=_of_revision,
        effect=_moved,
    ),
    row(
        "Execute",
        "ReservationExecuted",
        "SY BR TR",
        "txn_id:I, rung:E, paid:M, executed:M",
        extra=TASK,
        stages="TREASURY_OK PARTIAL",
        next=after_execution,
        clauses=(
            ANOTHER,
            clause("Execute.2", "the entry is not counted yet", lambda step: step["txn_id"] not in step.case.legs),
        ),
        default=lambda step: {"rung": "MANUAL"},
        derive=_execution,
        effect=_executed,
    ),
    row(
        "Expire",
        "ReservationExpired",
        "SY",
        "revision:N, business_date:D",
        stages=OPEN,
        next="EXPIRED",
        clauses=(
            clause(
                "Expire.1",
                "its value date is over",
                lambda step: step["business_date"] > step.case.facts["value_date"],
            ),
        ),
        derive=_of_revision,
        effect=_moved,
    ),
)


class WithdrawalReservation(Case):
    """DRAFT → SUBMITTED → BRANCH_OK → TREASURY_OK (approved) → EXECUTED, PARTIAL, EXPIRED; REJECTED, CANCELLED."""

    NAME = "WithdrawalReservation"
    KEY = "reservation_no"
    ROWS = ROWS

    def start(self) -> None:
        self.revision = self.graded = 0  # of the content: what is decided on; for which the levels are known
        self.task_version = 0  # counts what people did or a channel told, not the system's own notes
        self.executed = 0
        self.levels: list[str] = []
        self.approvals: list[dict[str, Any]] = []
        self.delegated_to = ""
        self.proofs: dict[str, tuple[int, str]] = {}  # by approver: revision, until when
        self.legs: list[str] = []

    def forget_approvals(self) -> None:
        """Another content was not approved by anybody."""
        self.approvals, self.levels, self.delegated_to = [], [], ""
        self.people.pop("approver", None)

    def differs(self, told: Facts) -> bool:
        """Whether an approver would look at something else: amount, day, account or customer."""
        return any(
            told[name] != self.facts.get(name) for name in ("amount", "value_date", "account_id", "customer_no")
        )

    @property
    def levels_left(self) -> list[str]:
        return self.levels[len(self.approvals) :]

    @property
    def outstanding_minor(self) -> int:
        """What is approved and has not left."""
        counts = self.stage in ("TREASURY_OK", "PARTIAL")
        return max(0, int(self.facts["amount"]) - self.executed) if counts else 0

    def extra(self) -> dict[str, Any]:
        return {
            "task_version": self.task_version,
            "executed_minor": self.executed,
            "outstanding_minor": self.outstanding_minor,
            "levels": list(self.levels),
            "levels_left": self.levels_left,
            "approvals": [dict(one) for one in self.approvals],
            "delegated_to": self.delegated_to or None,
            "is_graded": self.graded == self.revision,
            "legs": list(self.legs),
        }
