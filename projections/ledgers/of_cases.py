"""LG-07 to LG-10, LG-13 and LG-14: mandates, suits, restructurings, reductions, expenses, outsourcing.

Source: spec/risk-assets.md 3.6, 3.12, 3.14, 3.19, 3.20, 4.1.

A recovery counts for the suit, the engagement and the mandate that its loan note was in when it was recorded.
"""

from projections.ledgers.definition import (
    BUCKETS,
    Emit,
    Gather,
    Ledger,
    Rule,
    code,
    day,
    money,
    number,
    on,
    per_cent,
    text,
    yes_no,
)
from projections.ledgers.grammar import ADD, SET, Event, Recall
from projections.ledgers.memory import SUIT_STAGES
from projections.ledgers.of_assets import LOAN


def approval(
    aggregate: str, noun: str, rows: str = "@key", does: str = "approval_no", *, lapses: bool = True
) -> tuple[Rule, ...]:
    """What each step of an approval does to `status` (spec 3.1)."""
    steps = {
        "Amended": "DRAFT",
        "Discarded": "DISCARDED",
        "Submitted": "SUBMITTED",
        "Returned": "RETURNED",
        "Rejected": "REJECTED",
        "Withdrawn": "WITHDRAWN",
    } | ({"ApprovalLapsed": "LAPSED"} if lapses else {})
    found = [
        rule
        for name, stage in steps.items()
        for rule in on(aggregate, f"{noun}{name}", f"status = '{stage}'", rows=rows)
    ]
    approved = f"status = 'APPROVED', {does}" if does else "status = 'APPROVED'"
    return (*found, *on(aggregate, f"{noun}Approved", approved, rows=rows))


def posting(aggregate: str, noun: str, rows: str = "@key", *, reverses: bool = True) -> tuple[Rule, ...]:
    """What each step of a posting does to `status` and `core_txn_no` (spec 3.1)."""
    steps = {
        "PostingRequested": "POSTING",
        "PostingRejected": "POSTING_FAILED",
        "PostingTimedOut": "POSTING_UNKNOWN",
        "PostingCancelled": "APPROVED",
    }
    undo = {"ReversalRequested": "REVERSING", "ReversalRejected": "POSTED", "ReversalTimedOut": "REVERSAL_UNKNOWN"}
    found = [
        rule
        for name, stage in (steps | (undo if reverses else {})).items()
        for rule in on(aggregate, f"{noun}{name}", f"status = '{stage}'", rows=rows)
    ]
    found += on(aggregate, f"{noun}Posted", "status = 'POSTED', core_txn_no, posted_on = @day", rows=rows)
    if reverses:
        back = "status = 'REVERSED', reversed = 1"
        found += on(aggregate, f"{noun}Reversed", back, rows=rows, corrects="posted_on")
    return tuple(found)


STATUS = (
    text("approval_no", "Approval", "批复号"),
    text("core_txn_no", "Core posting", "核心流水"),
    day("posted_on", "Posted on", "入账日"),
    code("status", "Status", "状态"),
    yes_no("reversed", "Reversed", "是否冲正"),
)
_RECOVERED = "RecoveryApplied WriteOffRecoveryApplied"
_TAKEN_BACK = "RecoveryReversed WriteOffRecoveryReversed"

MANDATE = Ledger(
    "mandate",
    "LG-07",
    "Entrusted assets",
    "受托资产台账",
    ("mandate_no", "asset_no"),
    "from_date",
    (
        text("mandate_no", "Mandate", "受托案号"),
        text("asset_no", "Asset", "资产"),
        LOAN,
        code("kind", "Kind", "受托种类"),
        text("principal_no", "Mandator", "委托人"),
        money("claim", "Claim", "债权", joined="risk_asset.claim", through="loan_no"),
        money("collected", "Collected", "已收回"),
        money("passed_on", "Passed on", "已转付"),
        money("fee", "Fee", "服务费"),
        day("from_date", "From", "起始日"),
        day("until_date", "Until", "截止日"),
        code("status", "Status", "状态"),
    ),
    (
        *on(
            "Mandate",
            "MandateAccepted",
            "kind, principal_no, from_date, until_date, collected += 0, passed_on += 0, fee += 0, status = 'RUNNING'",
            rows="@key, $assets",
            makes=True,
        ),
        *on("RiskAsset", _RECOVERED, "collected += amount", rows="$mandate, @key"),
        *on("RiskAsset", _TAKEN_BACK, "collected -= amount", rows="$mandate, @key"),
        *on(
            "Mandate",
            "MandateCollectionPassedOn",
            "passed_on += amount",
            rows="@key, RecoveryFlow(flow_id).loan_no|$first_asset",
        ),
        *on("Mandate", "MandateFeeEarned", "fee += amount", rows="@key, $first_asset"),
        *on("Mandate", "MandateEnded", "status = 'ENDED', until_date = @day", rows="@key, $assets"),
    ),
    fed_by="Mandate events (also those of ServicerAppointed), recoveries on its loan notes meanwhile; a fee of the "
    "whole mandate stands with its first asset",
)

LITIGATION = Ledger(
    "litigation",
    "LG-08",
    "Litigation",
    "诉讼台账",
    ("case_no",),
    "-docketed_on",
    (
        text("case_no", "Case", "案件号"),
        LOAN,
        text("loan_notes", "Loan notes", "所涉借据"),
        code("route", "Route", "司法方式"),
        code("cause", "Cause of action", "案由"),
        code("bank_role", "Bank's role", "银行角色"),
        text("court", "Court", "受理法院"),
        text("court_case_no", "Court's number", "法院案号"),
        day("docketed_on", "Docketed on", "立案日"),
        money("claim_amount", "Claim amount", "标的金额"),
        money("claim_principal", "Claim principal", "标的本金"),
        money("claim_interest", "Claim interest", "标的利息"),
        text("counsel", "Counsel", "代理律所"),
        text("lawyer", "Lawyer", "代理律师", personal=True),
        code("stage", "Stage", "阶段"),
        code("judgment", "Judgment", "判决结果"),
        money("awarded", "Awarded", "判决金额"),
        day("effective_on", "Effective on", "生效日"),
        day("enforcement_on", "Enforcement applied on", "申请执行日"),
        day("next_deadline", "Next deadline", "最近期限", gather=Gather.EARLIEST),
        money("fees", "Fees", "诉讼费用"),
        money("recovered", "Recovered", "已收回"),
        code("outcome", "Outcome", "结案结果"),
    ),
    (
        *on(
            "LitigationCase",
            "CaseProposalDrafted",
            "loan_no = $first_asset, loan_notes = loan_nos, route, cause, bank_role, claim_amount, claim_principal, "
            "claim_interest, fees += 0, recovered += 0",
            makes=True,
        ),
        *on(
            "LitigationCase",
            "CaseProposalAmended CaseProposalApproved",
            "route, cause, bank_role, claim_amount, claim_principal, claim_interest, loan_no = $first_asset",
            makes=True,
        ),
        *on(
            "LitigationCase",
            "CaseDocketed",
            "court, court_case_no, docketed_on, loan_no = $first_asset",
            makes=True,
        ),
        *on("LitigationCase", "JudgmentServed", "judgment = outcome, awarded = awarded.amount|awarded.total"),
        *on("LitigationCase", "JudgmentEffective", "effective_on"),
        *on("LitigationCase", "MediationSigned", "judgment = 'MEDIATED', effective_on = @day"),
        *on("LitigationCase", "EnforcementApplied", "enforcement_on = applied_on"),
        *on("LitigationCase", "CaseClosed", "outcome"),
        *on("LitigationCase", "CaseReopened", "outcome = none"),
        *on("LitigationCase", " ".join((*SUIT_STAGES, "CaseReopened")), "stage = $stage"),
        *on("CounselEngagement", "CounselEngaged", "counsel = firm, lawyer", rows="$case_no"),
        *on("CounselEngagement", "CounselReplaced", "counsel = firm, lawyer = none", rows="$case_no"),
        *on(
            "Deadline",
            "DeadlineOpened DeadlineRestarted DeadlineResumed",
            "next_deadline[@key] = act_by",
            rows="$subject",
        ),
        *on("Deadline", "DeadlineExtended", "next_deadline[@key] = legal_due_on", rows="$subject"),
        *on(
            "Deadline",
            "DeadlineMet DeadlineMissed DeadlineVoided DeadlinePaused",
            "next_deadline[@key] = none",
            rows="$subject",
        ),
        *on("Expense", "ExpensePosted", "fees += $amount", rows="$case_no"),
        *on("Expense", "ExpenseReversed", "fees -= amount", rows="$case_no"),
        *on("RiskAsset", _RECOVERED, "recovered += amount", rows="$suit"),
        *on("RiskAsset", _TAKEN_BACK, "recovered -= amount", rows="$suit"),
    ),
    fed_by="LitigationCase, CounselEngaged, Deadline, Expense, RecoveryApplied(mode LITIGATION_ENFORCEMENT)",
)

RESTRUCTURING = Ledger(
    "restructuring",
    "LG-09",
    "Restructurings",
    "资产重组台账",
    ("restructure_no", "loan_no"),
    "-posted_on",
    (
        text("restructure_no", "Restructuring", "重组案号"),
        LOAN,
        code("kind", "Kind", "重组方式"),
        text("old_terms", "Old terms", "原条件"),
        text("new_terms", "New terms", "新条件"),
        day("observe_until", "Observed until", "观察期截止日"),
        code("result", "Result", "观察结果"),
        *STATUS,
    ),
    (
        *on(
            "Restructuring",
            "RestructuringDrafted",
            "kind, new_terms, observe_until, status = 'DRAFT', reversed = 0",
            rows="@key, $assets",
            makes=True,
        ),
        *approval("Restructuring", "Restructuring", "@key, $assets"),
        *posting("Restructuring", "Restructuring", "@key, $assets", reverses=False),
        *on(
            "RiskAsset",
            "AssetRestructured",
            "old_terms, new_terms, observe_until, kind = Restructuring(case_no).kind",
            rows="case_no, @key",
            makes=True,
        ),
        *on("Restructuring", "ObservationPassed", "result = 'PASSED', status = 'COMPLETED'", rows="@key, $assets"),
        *on("Restructuring", "ObservationFailed", "result = 'FAILED', status = 'FAILED'", rows="@key, $assets"),
    ),
    fed_by="Restructuring events, AssetRestructured",
)


def reduction_amended(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """What is to be waived, per bucket, as drafted or approved anew."""
    for bucket in BUCKETS if event["payload"].get("waive") else ():
        emit(f"waive_{bucket}", SET, event["payload"]["waive"].get(bucket, 0))


REDUCTION = Ledger(
    "reduction",
    "LG-10",
    "Debt reductions",
    "资产减免台账",
    ("reduction_no",),
    "-approved_on",
    (
        text("reduction_no", "Reduction", "减免案号"),
        LOAN,
        code("obligor_kind", "Obligor", "减免对象"),
        text("obligor_no", "Obligor's number", "减免对象号"),
        money("repay_amount", "To be repaid", "约定还款"),
        money("repaid", "Repaid", "已还款"),
        day("repay_by", "Repay by", "还款期限"),
        day("approved_on", "Approved on", "批准日"),
        *(money(f"waive_{bucket}", f"To be waived, {bucket}", f"拟减免{bucket}") for bucket in BUCKETS),
        money("waived", "Waived", "已减免"),
        money("shortfall", "Shortfall", "违约缺口"),
        *STATUS,
    ),
    (
        *on(
            "DebtReduction",
            "ReductionDrafted",
            "loan_no = $first_asset, obligor_kind, obligor_no, repay_amount, repay_by, repaid += 0, waived += 0, "
            "status = 'DRAFT', reversed = 0",
            makes=True,
            special=reduction_amended,
        ),
        *on("DebtReduction", "ReductionAmended", "obligor_kind, obligor_no", special=reduction_amended),
        *on(
            "DebtReduction",
            "ReductionAmended ReductionApproved",
            "repay_amount, repay_by, loan_no = $first_asset",
            makes=True,
        ),
        *on("DebtReduction", "ReductionApproved", "approved_on = decided_on|@day", special=reduction_amended),
        *approval("DebtReduction", "Reduction"),
        *on("DebtReduction", "ProceedsAllocated", "repaid += amount, status = 'PERFORMING'"),
        *on("DebtReduction", "RepaymentReversed", "repaid -= amount", corrects="proceeds_on"),
        *posting("DebtReduction", "Reduction"),
        *on("DebtReduction", "ReductionStatusChanged", "status = to_status"),
        *on("DebtReduction", "ReductionBreached", "status = 'BREACHED', shortfall"),
        *on("RiskAsset", "DebtReduced", "waived += amount", rows="reduction_no"),
        *on("RiskAsset", "DebtReductionReversed", "waived -= amount", rows="reduction_no"),
    ),
    fed_by="DebtReduction events, DebtReduced, DebtReductionReversed",
)


def paid_back(event: Event, recall: Recall, emit: Emit, key: tuple[str, ...]) -> None:
    """Costs that a recovery repaid, oldest expense first: `recovered += its part`."""
    part = (recall.own.get("repaid_costs") or {}).get(key[0])
    if part:
        emit("recovered", ADD, part)


EXPENSE = Ledger(
    "expense",
    "LG-13",
    "Expenses",
    "费用台账",
    ("expense_id",),
    "-registered_on",
    (
        text("expense_id", "Expense", "费用号"),
        LOAN,
        code("case_kind", "Kind of case", "案件种类"),
        text("case_no", "Case", "案件号"),
        code("kind", "Kind", "费用种类"),
        money("amount", "Amount", "金额"),
        yes_no("recoverable", "Recoverable", "可否追偿"),
        money("advanced", "Advanced to the claim", "计入垫付"),
        money("recovered", "Recovered", "已收回"),
        text("payee", "Payee", "收款人", personal=True),
        day("registered_on", "Registered on", "登记日"),
        day("posted_on", "Posted on", "入账日"),
        text("core_txn_no", "Core posting", "核心流水"),
        text("approval_no", "Approval", "批复号"),
        code("status", "Status", "状态"),
        yes_no("reversed", "Reversed", "是否冲正"),
    ),
    (
        *on(
            "Expense",
            "ExpenseRegistered",
            "case_kind, case_no, kind, amount, recoverable, payee, registered_on = @day, loan_no = $first_asset, "
            "status = 'DRAFT', reversed = 0, recovered += 0, advanced += 0",
            makes=True,
        ),
        *on("Expense", "ExpenseAmended", "kind, amount"),
        *approval("Expense", "Expense", lapses=False),
        *on("Expense", "ExpensePosted", "status = 'POSTED', core_txn_no, posted_on = @day"),
        *on("Expense", "ExpenseReversed", "status = 'REVERSED', reversed = 1", corrects="posted_on"),
        *on(
            "RiskAsset",
            "CostAdvanced",
            "loan_no = @key, kind, advanced += amount, recovered += 0, registered_on = @day",
            rows="$cost_row",
            makes=True,
        ),
        *on(
            "RiskAsset",
            "RecoveryApplied RecoveryReversed WriteOffRecoveryApplied WriteOffRecoveryReversed InKindSettled "
            "InKindReversed",
            rows="$cost_rows",
            special=paid_back,
        ),
    ),
    fed_by="Expense events, CostAdvanced, RecoveryApplied(alloc.costs), InKindSettled(costs_capitalised): costs that "
    "come back count for the loan note's oldest expense first; a cost without an expense has a row of its own",
)

OUTSOURCED = Ledger(
    "outsourced",
    "LG-14",
    "Outsourced collection",
    "委外清收台账",
    ("engagement_no", "loan_no"),
    "from_date",
    (
        text("engagement_no", "Engagement", "委外案号"),
        LOAN,
        text("agency", "Agency", "受托机构"),
        per_cent("fee_rate", "Fee rate", "费率"),
        day("from_date", "From", "起始日"),
        day("until_date", "Until", "截止日"),
        money("claim", "Claim", "当前债权", joined="risk_asset.claim", through="loan_no"),
        money("handed_over", "Claim handed over", "移交债权", derived="history handed_over"),
        number("actions", "Actions", "催收次数"),
        money("recovered", "Recovered", "已收回"),
        money("fee", "Fee", "委外费用"),
        day("recalled_on", "Recalled on", "收回委托日"),
        text("approval_no", "Approval", "批复号"),
        code("status", "Status", "状态"),
    ),
    (
        *on(
            "OutsourcingEngagement",
            "OutsourcingDrafted",
            "agency, fee_rate, from_date, until_date, recovered += 0, fee += 0, status = 'DRAFT'",
            rows="@key, $assets",
            makes=True,
        ),
        *on(
            "OutsourcingEngagement",
            "OutsourcingAmended",
            "agency, fee_rate, from_date, until_date",
            rows="@key, $assets",
        ),
        *approval("OutsourcingEngagement", "Outsourcing", "@key, $assets"),
        *on(
            "OutsourcingEngagement",
            "OutsourcingEngaged",
            "agency, fee_rate, from_date, until_date, status = 'ENGAGED'",
            rows="@key, $assets",
            makes=True,
        ),
        *on(
            "OutsourcingEngagement",
            "OutsourcingRecalled",
            "status = 'ENDED', recalled_on = @day",
            rows="@key, $assets",
        ),
        *on("CollectionTask", "CollectionActionLogged", "actions += 1", rows="$acted"),
        *on("OutsourcingEngagement", "OutsourcingFeeSettled", "fee += fee", rows="@key, $first_asset"),
        *on("RiskAsset", _RECOVERED, "recovered += amount", rows="$agency, @key"),
        *on("RiskAsset", _TAKEN_BACK, "recovered -= amount", rows="$agency, @key"),
    ),
    fed_by="Outsourcing events, CollectionActionLogged, RecoveryApplied(mode OUTSOURCED); a fee of the whole "
    "engagement stands with its first loan note",
)
