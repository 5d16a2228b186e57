"""RiskAsset: one loan note at risk, and the only place where a claim balance changes (spec/risk-assets.md 3.2).

The rows say who may do what, when, and what is stored; `claim_state` says what each event does to the claim. Rows of
role CB "via PP" are partners: they follow from the posting of their case, in its save, and are no commands.
"""

from typing import Any

from aggregates.claim_cases import (
    fits_in_kind,
    given_back,
    is_held_for,
    is_held_for_transfer,
    taken_by,
    taken_day,
    transfer_values,
    unwinding_values,
    write_off_reversal_values,
    written_off_values,
)
from aggregates.claim_recovery import (
    fits_buckets,
    fits_memo,
    is_fresh_split,
    is_unreversed,
    leaves_no_surplus,
    memo_recovery_values,
    original_day,
    recovery_defaults,
    recovery_values,
    reopen_first,
    reversal_values,
)
from aggregates.claim_state import (
    ACTIVE,
    CLASSES,
    CLOSED,
    WRITTEN_OFF,
    ClaimState,
)
from aggregates.refusals import unless_field
from aggregates.steps.rows import Facts, clause, in_stage, row
from aggregates.steps.step import Step, one_of

HOLD_KINDS = ("FORECLOSURE", "WRITE_OFF", "REDUCTION", "TRANSFER", "BATCH", "RESTRUCTURING")
MEMO_HOLD_KINDS = ("TRANSFER", "BATCH")  # a written-off claim can still be sold
CLOSED_BY_COMMAND = ("REPAID", "SETTLED_IN_KIND", "SETTLED_WITH_REDUCTION", "UPGRADED")
CLOSED_BY_CASE = ("TRANSFERRED", "SECURITISED", "NO_RECOURSE")


# --- Admission, accrual, classification ------------------------------------------------------------------------


def _admission(step: Step) -> Facts:
    unless_field(step.get("classification") in CLASSES, "classification", "unknown class")
    return {}


def _admission_defaults(step: Step) -> Facts:
    zero = dict.fromkeys(("interest_on", "interest_off", "penalty", "compound", "costs"), 0)
    empty: dict[str, Any] = {"rate_terms": {}, "collateral_ids": [], "guarantor_nos": []}
    return zero | empty | {"loan_no": step.key, "product": "-", "segment": "-", "branch": step.branch}


SYNC_FIELDS = "interest_on:M, interest_off:M, penalty:M, compound:M"


def _syncs(step: Step) -> list[Facts]:
    """One event a day: as given in the fields themselves, or in `syncs`."""
    given = step.get("syncs")
    if given is None:
        return [step.fields]
    common = {"engine_diff": step["engine_diff"], "basis": step["basis"]}
    return [{"as_of": sync["as_of"]} | sync["balances"] | common for sync in given]


def _sync(step: Step) -> Facts:
    given = step.get("syncs")
    if given is None:
        return {}
    unless_field(bool(given), "syncs", "nothing to sync")
    days = [sync["as_of"] for sync in given]
    unless_field(days == sorted(set(days)), "syncs", "days must rise")
    unless_field(len(given) == 1 or step["basis"] == "RESYNC", "basis", "several days need basis RESYNC")
    return {"as_of": days[-1], **given[-1]["balances"]}


def _is_next_sync(step: Step) -> bool:
    """An earlier day may be set with basis RESYNC, if every later recorded day is set again after it (E15)."""
    asset = step.case
    days = [sync["as_of"] for sync in _syncs(step)]
    last = max(asset.synced_on, default=asset.effects[0].valid_on if asset.effects else days[0])
    if days[0] >= last:
        return True
    later = {day for day in asset.synced_on if day >= days[0]}
    return step["basis"] == "RESYNC" and later <= set(days) and days[-1] == last


def _reclassification(step: Step) -> Facts:
    unless_field(step.get("to_class") in CLASSES, "to_class", "unknown class")
    unless_field(step.get("from_class") in CLASSES, "from_class", "unknown class")
    unless_field(step["from_class"] != step["to_class"], "to_class", "the class does not change")
    return {"days_overdue": step.case.overdue_days(step.day)}


def _is_worse(step: Step) -> bool:
    approved = bool(step.get("approval_no"))
    return approved or CLASSES.index(step["to_class"]) > CLASSES.index(step["from_class"])


def _positive(name: str) -> Any:
    def derive(step: Step) -> Facts:
        unless_field(step.get(name) != 0, name, "must be positive")
        return {}

    return derive


ROWS = (
    row(
        "Admit",
        "AssetAdmitted",
        "EX",
        "loan_no:I, customer_no:I, branch:I, product:E, segment:E, principal:M, interest_on:M, interest_off:M, "
        "penalty:M, compound:M, costs:M, classification:E, overdue_since:D?, maturity:D?, rate_terms:J, "
        "collateral_ids:L, guarantor_nos:L",
        makes=True,
        next=ACTIVE,
        clauses=(
            in_stage("Admit.1"),
            clause("Admit.2", "class >= SPECIAL_MENTION", lambda step: step["classification"] != "NORMAL"),
        ),
        derive=_admission,
        default=_admission_defaults,
        effect=ClaimState.admitted,
    ),
    row(
        "SyncAccrual",
        "AccrualSynced",
        "CB",
        f"as_of:D, {SYNC_FIELDS}, engine_diff:G, basis:S",
        stages=ACTIVE,
        clauses=(in_stage("SyncAccrual.1"), clause("SyncAccrual.2", "`as_of >=` last", _is_next_sync)),
        extra=f"syncs:L{{as_of:D, balances:J{{{SYNC_FIELDS}}}}}",
        derive=_sync,
        split=_syncs,
        default=lambda step: {"engine_diff": 0, "basis": "SYNC"},
        counts_on=lambda step: step["as_of"],
        effect=ClaimState.accrued,
    ),
    row(
        "Reclassify",
        "AssetReclassified",
        "RM SY",
        "from_class:E, to_class:E, days_overdue:N, basis:S, approval_no:I?",
        stages=ACTIVE,
        clauses=(
            clause("Reclassify.1", "from = current", lambda step: step["from_class"] == step.case.classification),
            clause("Reclassify.2", "an upgrade needs AP", _is_worse),
        ),
        derive=_reclassification,
        default=lambda step: {"from_class": step.case.classification, "basis": "-"},
        effect=ClaimState.reclassified,
    ),
    row(
        "MoveInterestOff",
        "InterestMovedOffBalance",
        "CB",
        "interest:M",
        stages=ACTIVE,
        clauses=(
            clause(
                "MoveInterestOff.1",
                "`interest <= interest_on`",
                lambda step: step["interest"] <= step.case.buckets_minor["interest_on"],
            ),
            clause("MoveInterestOff.2", "class >= SUBSTANDARD", lambda step: step.case.is_at_least("SUBSTANDARD")),
        ),
        derive=_positive("interest"),
        effect=ClaimState.moved_off,
    ),
    row(
        "AdvanceCost",
        "CostAdvanced",
        "SY",
        "expense_id:I, kind:E, amount:G",
        stages=f"{ACTIVE} {WRITTEN_OFF}",
        clauses=(clause("AdvanceCost.1", "amount > 0", lambda step: step["amount"] > 0),),
        default=lambda step: {"expense_id": "-"},
        effect=ClaimState.cost_advanced,
    ),
    row(
        "ApplyRecovery",
        "RecoveryApplied",
        "SY",
        "flow_id:I, split_no:N, mode:E, amount:M, alloc:A?, order:E, overdue_since:D?",
        stages=ACTIVE,
        clauses=(
            in_stage("ApplyRecovery.1"),
            clause("ApplyRecovery.2", "split not yet applied", is_fresh_split),
            clause("ApplyRecovery.3", "each part <= bucket", fits_buckets),
            clause("ApplyRecovery.4", "surplus refused (suspense)", leaves_no_surplus),
        ),
        derive=recovery_values,
        default=recovery_defaults,
        effect=ClaimState.recovered,
    ),
    row(
        "ReverseRecovery",
        "RecoveryReversed",
        "SY",
        "flow_id:I, split_no:N, kind:E, amount:M?, alloc:A?, reverses:I?",
        stages=f"{ACTIVE} {WRITTEN_OFF} {CLOSED}",
        clauses=(
            clause(
                "STATE",
                "the claim has not left the bank (E16: the reversal goes to suspense)",
                lambda step: step.case.closed_as not in CLOSED_BY_CASE,
            ),
            clause("ReverseRecovery.1", "unreversed part >= amount", is_unreversed),
        ),
        derive=reversal_values(from_memo=False),
        default=lambda step: {"split_no": 1},
        counts_on=original_day,
        before=reopen_first,
        effect=ClaimState.recovery_reversed,
    ),
    row(
        "PlaceHold",
        "DisposalHoldPlaced",
        "SY",
        "kind:E, case_no:I",
        clauses=(
            clause("PlaceHold.1", "no hold", lambda step: not step.case.hold_kind),
            clause(
                "PlaceHold.2",
                "lifecycle fits kind",
                lambda step: (
                    step.case.stage == ACTIVE or (step.case.stage == WRITTEN_OFF and step["kind"] in MEMO_HOLD_KINDS)
                ),
            ),
        ),
        derive=one_of("kind", HOLD_KINDS),
        effect=ClaimState.hold_placed,
    ),
    row(
        "ReleaseHold",
        "DisposalHoldReleased",
        "SY",
        "kind:E, case_no:I, reason:E",
        clauses=(
            clause(
                "ReleaseHold.1",
                "held by that case",
                lambda step: step.case.is_held_by(step["kind"], step["case_no"]),
            ),
        ),
        default=lambda step: {"reason": "RELEASED", "kind": step.case.hold_kind or "-"},
        effect=ClaimState.hold_released,
    ),
    row(
        "SettleInKind",
        "InKindSettled",
        "CB",
        "foreclosure_no:I, amount:M, alloc:A, costs_capitalised:M?",
        stages=ACTIVE,
        partner=True,
        clauses=(
            clause("SettleInKind.1", "hold FORECLOSURE", is_held_for("FORECLOSURE", "foreclosure_no")),
            clause("SettleInKind.2", "alloc and capitalised costs fit the buckets", fits_in_kind),
        ),
        effect=ClaimState.settled_in_kind,
    ),
    row(
        "ReverseInKind",
        "InKindReversed",
        "CB",
        "foreclosure_no:I, amount:M, alloc:A, costs_capitalised:M?, kind:E, reverses:I",
        stages=f"{ACTIVE} {CLOSED}",
        partner=True,
        clauses=(
            clause("ReverseInKind.1", "that settlement unreversed", taken_by("foreclosure_no")),
            clause("ReverseInKind.2", "foreclosed asset still whole"),
        ),
        derive=given_back("foreclosure_no"),
        counts_on=taken_day("foreclosure_no"),
        before=reopen_first,
        effect=ClaimState.in_kind_reversed,
    ),
    row(
        "Reduce",
        "DebtReduced",
        "CB",
        "reduction_no:I, amount:M, alloc:A",
        stages=ACTIVE,
        partner=True,
        clauses=(
            clause("Reduce.1", "hold REDUCTION", is_held_for("REDUCTION", "reduction_no")),
            clause("Reduce.2", "alloc fits the buckets", fits_buckets),
        ),
        effect=ClaimState.reduced,
    ),
    row(
        "ReverseReduction",
        "DebtReductionReversed",
        "CB",
        "reduction_no:I, amount:M, alloc:A, kind:E, reverses:I",
        stages=f"{ACTIVE} {CLOSED}",
        partner=True,
        clauses=(clause("ReverseReduction.1", "that reduction unreversed", taken_by("reduction_no")),),
        derive=given_back("reduction_no"),
        counts_on=taken_day("reduction_no"),
        before=reopen_first,
        effect=ClaimState.reduction_reversed,
    ),
    row(
        "Transfer",
        "AssetTransferred",
        "CB",
        "case_no:I, price:M, alloc:A, book_amount:M, loss:G, closed_as:E?",
        stages=f"{ACTIVE} {WRITTEN_OFF}",
        partner=True,
        next=CLOSED,
        clauses=(
            clause("Transfer.1", "hold TRANSFER or BATCH", is_held_for_transfer),
            clause("Transfer.2", "alloc = every bucket (or memo)"),
        ),
        derive=transfer_values,
        effect=ClaimState.transferred,
    ),
    row(
        "UnwindTransfer",
        "TransferUnwound",
        "CB",
        "case_no:I, alloc:A, price_returned:M, kind:E",
        stages=CLOSED,
        partner=True,
        clauses=(
            clause(
                "UnwindTransfer.1",
                "TRANSFERRED",
                lambda step: (
                    step.case.closed_as in ("TRANSFERRED", "SECURITISED") and step["case_no"] in step.case.taken
                ),
            ),
            clause("UnwindTransfer.2", "repurchase or annulment"),
        ),
        derive=unwinding_values,
        counts_on=taken_day("case_no"),
        effect=ClaimState.transfer_unwound,
    ),
    row(
        "WriteOff",
        "AssetWrittenOff",
        "CB",
        "write_off_no:I, book_amount:M, memo_interest:M, alloc:A",
        stages=ACTIVE,
        partner=True,
        next=WRITTEN_OFF,
        clauses=(
            clause("WriteOff.1", "hold WRITE_OFF", is_held_for("WRITE_OFF", "write_off_no")),
            clause("WriteOff.2", "alloc = all buckets"),
            clause(
                "WriteOff.3",
                "class >= `write_off_min_class`",
                lambda step: step.case.is_at_least(step.policy.write_off_class_min),
            ),
        ),
        derive=written_off_values,
        effect=ClaimState.written_off,
    ),
    row(
        "ReverseWriteOff",
        "AssetWriteOffReversed",
        "CB",
        "write_off_no:I, alloc:A, kind:E, reverses:I?",
        stages=WRITTEN_OFF,
        partner=True,
        next=ACTIVE,
        clauses=(in_stage("ReverseWriteOff.1"), clause("ReverseWriteOff.2", "`amount <=` memo")),
        derive=write_off_reversal_values,
        counts_on=taken_day("write_off_no"),
        effect=ClaimState.write_off_reversed,
    ),
    row(
        "RecoverWrittenOff",
        "WriteOffRecoveryApplied",
        "SY",
        "flow_id:I, split_no:N, amount:M, alloc:A?",
        extra="mode:E?",
        stages=WRITTEN_OFF,
        clauses=(
            in_stage("RecoverWrittenOff.1"),
            clause("STATE", "split not yet applied", is_fresh_split),
            clause("RecoverWrittenOff.2", "each part <= memo bucket", fits_memo),
        ),
        derive=memo_recovery_values,
        default=lambda step: {"split_no": 1},
        effect=ClaimState.recovered_from_memo,
    ),
    row(
        "ReverseWrittenOffRecovery",
        "WriteOffRecoveryReversed",
        "SY",
        "flow_id:I, split_no:N, amount:M?, alloc:A?, kind:E, reverses:I?",
        stages=WRITTEN_OFF,
        clauses=(clause("ReverseWrittenOffRecovery.1", "unreversed", is_unreversed),),
        derive=reversal_values(from_memo=True),
        default=lambda step: {"split_no": 1},
        counts_on=original_day,
        effect=ClaimState.memo_recovery_reversed,
    ),
    row(
        "MarkNoRecourse",
        "NoRecourseMarked",
        "SY",
        "determination_no:I, approved_on:D",
        stages=WRITTEN_OFF,
        next=CLOSED,
        clauses=(in_stage("MarkNoRecourse.1"),),
        default=lambda step: {"approved_on": step.day},
        effect=ClaimState.no_recourse,
    ),
    row(
        "Restructure",
        "AssetRestructured",
        "CB",
        "case_no:I, old_terms:J, new_terms:J, observe_until:D?",
        stages=ACTIVE,
        partner=True,
        clauses=(clause("Restructure.1", "hold RESTRUCTURING", is_held_for("RESTRUCTURING", "case_no")),),
        default=lambda step: {"old_terms": step.case.facts.get("rate_terms", {})},
        effect=ClaimState.restructured,
    ),
    row(
        "Tag",
        "AssetTagged",
        "AM RM SY",
        "tag:S, on:B",
        clauses=(clause("Tag.1", "tag in dictionary"),),
        default=lambda step: {"on": True},
        effect=ClaimState.tagged,
    ),
    row(
        "Untag",
        "AssetTagged",
        "AM RM",
        "tag:S, on:B",
        clauses=(clause("Untag.1", "tag in dictionary"),),
        derive=lambda step: {"on": False},
        effect=ClaimState.tagged,
    ),
    row(
        "AssignManager",
        "ManagerAssigned",
        "BR SY",
        "manager:I",
        clauses=(clause("AssignManager.1", "org in scope"),),
        effect=ClaimState.manager_assigned,
    ),
    row(
        "Move",
        "AssetMoved",
        "BR SY",
        "from_branch:I, to_branch:I",
        clauses=(clause("Move.1", "org in scope"),),
        derive=lambda step: {"from_branch": step.case.branch},
        effect=ClaimState.moved,
    ),
    row(
        "Close",
        "AssetClosed",
        "SY",
        "closed_as:E",
        stages=ACTIVE,
        next=CLOSED,
        clauses=(clause("Close.1", "claim = 0", lambda step: step.case.claim_minor == 0),),
        derive=one_of("closed_as", CLOSED_BY_COMMAND),
        effect=ClaimState.closed,
    ),
    row(
        "Reopen",
        "AssetReopened",
        "SY",
        "cause:E",
        stages=CLOSED,
        next=ACTIVE,
        clauses=(
            clause(
                "Reopen.1",
                "a reversal restores a claim",
                lambda step: step.case.closed_as in CLOSED_BY_COMMAND,
            ),
        ),
        default=lambda step: {"cause": "REVERSAL"},
        effect=ClaimState.reopened,
    ),
)


class RiskAsset(ClaimState):
    """Admitted once, never deleted; every other aggregate moves its claim through partner events only."""

    NAME = "RiskAsset"
    KEY = "loan_no"
    ROWS = ROWS
