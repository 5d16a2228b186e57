"""DebtReduction: a waiver for a debtor who pays a promised part (spec/risk-assets.md 3.14; decisions E13, E14).

Money received under the plan is laid on the claim in the plan's order, in the save of `ProceedsAllocated`; the waiver
follows when enough was paid in time, through core banking.
"""

from datetime import date
from typing import Any

from aggregates import claim
from aggregates.refusals import unless_field
from aggregates.steps.approval import BRANCH_DECIDERS, Approval, approval, release_hold
from aggregates.steps.case import Case
from aggregates.steps.posting import PostedCase, Posting, posting
from aggregates.steps.rows import Facts, clause, row
from aggregates.steps.step import Step, one_of

OBLIGORS = ("BORROWER", "GUARANTOR")
STATUSES = ("SUSPENDED", "RESUMED", "TERMINATED")
DRAFT = (
    "asset_ids:L, claim_snapshot:A?, obligor_kind:E, obligor_no:I, repay_amount:M, repay_by:D, schedule:O?, waive:A"
)
PERFORMING = "APPROVED PERFORMING"


def _draft_defaults(step: Step) -> Facts:
    asset = step.asset()
    return {
        "asset_ids": step.asset_ids,
        "claim_snapshot": claim.non_zero(asset.buckets_minor),
        "obligor_kind": "BORROWER",
        "obligor_no": asset.facts.get("customer_no", "-"),
    }


def _draft(step: Step) -> Facts:
    unless_field(step.get("obligor_kind", "BORROWER") in OBLIGORS, "obligor_kind", "want BORROWER or GUARANTOR")
    return {}


def _waives_no_principal(step: Step) -> bool:
    return step.policy.allow_principal_waiver or not step["waive"].get("principal")


def _waives_what_is_owed(step: Step) -> bool:
    owed = step.get("claim_snapshot") or {}
    return all(part <= owed.get(bucket, 0) for bucket, part in step["waive"].items())


def _allocation(step: Step) -> Facts:
    """The plan's order is that of the keys given; without one, principal first up to what is not waived."""
    asset = step.asset()
    given = step.get("alloc")
    if given is not None:
        return {}
    waived = step.case.facts.get("waive", {})
    room = {bucket: max(0, minor - waived.get(bucket, 0)) for bucket, minor in asset.capacity_minor(step.day).items()}
    derived, _ = claim.allocate(step["amount"], claim.ORDERS["PRINCIPAL_FIRST"], room)
    return {"alloc": derived}


def _allocated(case: Any, facts: Facts, _who: Any) -> None:
    case.paid_minor += facts["amount"]
    case.flows[facts["flow_id"]] = dict(facts["alloc"])


def _apply(step: Step) -> None:
    values = {
        "flow_id": step["flow_id"],
        "split_no": step.get("split_no", 1),
        "mode": "REDUCTION_CASH",
        "amount": step["amount"],
        "alloc": step["alloc"],
    }
    step.also("RiskAsset", step.asset_ids[0], "RecoveryApplied", values)


def _repayment_reversal(step: Step) -> Facts:
    unless_field(step.get("kind") in ("CORRECTION", "ECONOMIC"), "kind", "unknown kind of reversal")
    allocated = step.case.flows.get(step.get("flow_id"))
    if allocated is None:
        return {}
    amount = step.get("amount", sum(allocated.values()))
    return {"amount": amount, "alloc": claim.undo(amount, allocated)}


def _repayment_reversed(case: Any, facts: Facts, _who: Any) -> None:
    case.paid_minor -= facts["amount"]
    left = claim.without(case.flows.get(facts["flow_id"], {}), facts["alloc"])
    case.flows[facts["flow_id"]] = left
    case.owes_waiver_reversal = case.stage == "POSTED"


def _after_repayment_reversal(case: Any, _facts: Facts) -> str:
    return "" if case.stage == "POSTED" else "PERFORMING"


def _undo_recovery(step: Step) -> None:
    values = {
        "flow_id": step["flow_id"],
        "split_no": step.get("split_no", 1),
        "kind": step["kind"],
        "amount": step["amount"],
        "alloc": step["alloc"],
    }
    step.also("RiskAsset", step.asset_ids[0], "RecoveryReversed", values)


def _original_day(step: Step) -> date | None:
    if step.get("kind") != "CORRECTION":
        return None
    applied = step.asset().applied.get(f"{step.get('flow_id')}/{step.get('split_no', 1)}")
    return None if applied is None else applied.valid_on


def _is_paid(step: Step) -> bool:
    return bool(step.case.paid_minor >= step.case.facts.get("repay_amount", 0))


def _is_paid_in_time(step: Step) -> bool:
    paid_on = step.case.days.get("ProceedsAllocated")
    due = step.case.facts.get("repay_by")
    return paid_on is None or due is None or paid_on <= due


def _content(step: Step) -> Facts:
    waive = step.case.facts["waive"]
    return {"amount": sum(waive.values()), "alloc": dict(waive)}


def _waived(step: Step) -> None:
    instruction = step.case.instruction
    values = {"reduction_no": step.key, "amount": instruction["amount"], "alloc": dict(instruction["alloc"])}
    step.also("RiskAsset", step.asset_ids[0], "DebtReduced", values)


def _unwaived(step: Step) -> None:
    values = {"reduction_no": step.key, "kind": step["kind"]}
    step.also("RiskAsset", step.asset_ids[0], "DebtReductionReversed", values)


def _status(step: Step) -> Facts:
    one_of("to_status", STATUSES)(step)
    before = {"RESUMED": ("SUSPENDED",)}.get(step["to_status"])
    unless_field(before is None or step.case.stage in before, "to_status", "only a suspended plan is resumed")
    return {"from_status": step.case.stage}


def _after_status(case: Any, facts: Facts) -> str:
    if facts["to_status"] == "RESUMED":
        return str(case.stage_before)
    return str(facts["to_status"])


def _status_changed(case: Any, facts: Facts, _who: Any) -> None:
    if facts["to_status"] == "SUSPENDED":
        case.stage_before = case.stage


def _release_if_terminated(step: Step) -> None:
    if step["to_status"] == "TERMINATED":
        release_hold(step, "REDUCTION", "TERMINATED")


ROWS = (
    *approval(
        Approval(
            "Reduction",
            DRAFT,
            deciders=BRANCH_DECIDERS,
            amount=lambda step: sum(step.case.facts.get("waive", {}).values()),
            defaults=_draft_defaults,
            derive=_draft,
            own=(
                clause(
                    "AP.1", "waiver of principal only if parameter `allow_principal_waiver`", _waives_no_principal
                ),
                clause("AP.2", "`waive <= claim_snapshot`", _waives_what_is_owed),
            ),
            approved="repay_amount:M?, repay_by:D?, waive:A?",
            hold="REDUCTION",
            waits_in=f"{PERFORMING} POSTING_FAILED",
        )
    ),
    row(
        "AllocateProceeds",
        "ProceedsAllocated",
        "FN",
        "flow_id:I, amount:M, alloc:A",
        extra="split_no:N?",
        stages=PERFORMING,
        next="PERFORMING",
        clauses=(
            clause("AllocateProceeds.1", "flow confirmed"),
            clause("AllocateProceeds.2", "order of the plan"),
        ),
        derive=_allocation,
        effect=_allocated,
        then=_apply,
    ),
    row(
        "ReverseRepayment",
        "RepaymentReversed",
        "CB",
        "flow_id:I, amount:M, alloc:A, kind:E",
        extra="split_no:N?",
        stages=f"{PERFORMING} POSTED POSTING_FAILED",
        next=_after_repayment_reversal,
        clauses=(clause("STATE", "the flow was allocated here", lambda s: s["flow_id"] in s.case.flows),),
        derive=_repayment_reversal,
        counts_on=_original_day,
        effect=_repayment_reversed,
        then=_undo_recovery,
    ),
    *posting(
        Posting(
            "Reduction",
            kind="WAIVER",
            content=_content,
            ready="APPROVED PERFORMING",
            limit=lambda step: sum(step.case.facts.get("waive", {}).values()),
            hold="REDUCTION",
            own=(
                clause("PP.1", "`sum(ProceedsAllocated - RepaymentReversed) >= repay_amount`", _is_paid),
                clause("PP.2", "paid `<= repay_by` or extension approved", _is_paid_in_time),
            ),
            posted=_waived,
            reverse=_unwaived,
            reversal_content=_content,
        )
    ),
    row(
        "ChangeStatus",
        "ReductionStatusChanged",
        "AM BR",
        "from_status:E, to_status:E",
        stages=f"{PERFORMING} SUSPENDED POSTING_FAILED",
        next=_after_status,
        clauses=(
            clause("ChangeStatus.1", "reason", lambda step: bool(step.who.reason) or not step.policy.needs_reasons),
            clause("ChangeStatus.2", "AP if effect on amount"),
            clause(
                "STATE",
                "a suspended plan is only resumed or terminated",
                lambda step: step.case.stage != "SUSPENDED" or step["to_status"] != "SUSPENDED",
            ),
        ),
        derive=_status,
        effect=_status_changed,
        then=_release_if_terminated,
    ),
    row(
        "Breach",
        "ReductionBreached",
        "SY",
        "shortfall:M",
        stages=f"{PERFORMING} SUSPENDED",
        next="BREACHED",
        clauses=(
            clause(
                "Breach.1",
                "`repay_by` passed short of amount",
                lambda step: (
                    step.day > step.case.facts.get("repay_by", date.min)
                    and step.case.paid_minor < step.case.facts.get("repay_amount", 0)
                ),
            ),
        ),
        derive=lambda step: {"shortfall": max(0, step.case.facts.get("repay_amount", 0) - step.case.paid_minor)},
        then=lambda step: release_hold(step, "REDUCTION", "BREACHED"),
    ),
)


class DebtReduction(PostedCase, Case):
    """Approved, paid in parts, waived through core; suspended, terminated or breached where it fails."""

    NAME = "DebtReduction"
    KEY = "reduction_no"
    ROWS = ROWS

    def start(self) -> None:
        super().start()
        self.paid_minor = 0
        self.flows: dict[str, dict[str, int]] = {}
        self.owes_waiver_reversal = False
        self.stage_before = ""

    def extra(self) -> dict[str, Any]:
        return super().extra() | {"paid_minor": self.paid_minor, "owes_waiver_reversal": self.owes_waiver_reversal}
