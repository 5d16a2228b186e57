"""The codes that a field of a command may hold, where the aggregate checks them: what a form offers to choose from.

Each list is the aggregate's own; a test gives every one of them to the rule and sees it accepted, and another code
refused. A code field that is not here takes any upper-case code (decision E19).
"""

from collections.abc import Mapping

from aggregates import (
    batch_disposal,
    claim_recovery,
    claim_state,
    committee,
    daily,
    deadline,
    debt_reduction,
    fa_disposal,
    foreclosure,
    liquidity_governance,
    litigation,
    recovery_flow,
    restructuring,
    risk_asset,
    write_off,
)
from aggregates.steps.posting import REVERSAL_KINDS

Codes = tuple[str, ...]

#: By aggregate, event (a `*` before a suffix: every event so ending) and field; records in a list by `list.field`.
CODES: Mapping[tuple[str, str, str], Codes] = {
    ("RiskAsset", "AssetAdmitted", "classification"): claim_state.CLASSES,
    ("RiskAsset", "AssetReclassified", "from_class"): claim_state.CLASSES,
    ("RiskAsset", "AssetReclassified", "to_class"): claim_state.CLASSES,
    ("RiskAsset", "DisposalHoldPlaced", "kind"): risk_asset.HOLD_KINDS,
    ("RiskAsset", "RecoveryReversed", "kind"): claim_recovery.REVERSAL_KINDS,
    ("RiskAsset", "WriteOffRecoveryReversed", "kind"): claim_recovery.REVERSAL_KINDS,
    ("RiskAsset", "WriteOffRecoveryApplied", "mode"): (recovery_flow.MEMO_MODE,),
    ("RiskAsset", "AssetClosed", "closed_as"): risk_asset.CLOSED_BY_COMMAND,
    ("Target", "TargetDrafted", "kind"): daily.TARGET_KINDS,
    ("Target", "TargetAmended", "kind"): daily.TARGET_KINDS,
    ("Inspection", "InspectionScheduled", "kind"): ("PERIODIC", "AD_HOC"),
    ("RecoveryFlow", "FlowTagged", "splits.mode"): recovery_flow.MODES,
    ("RecoveryFlow", "FlowRetagged", "splits.mode"): recovery_flow.MODES,
    ("RecoveryFlow", "FlowReversedByCore", "kind"): recovery_flow.REVERSAL_KINDS,
    ("DisposalPlan", "PlanDrafted", "strategy"): daily.STRATEGIES,
    ("DisposalPlan", "PlanAmended", "strategy"): daily.STRATEGIES,
    ("MeetingRuleSet", "RuleSetPublished", "base"): committee.BASES,
    ("MeetingRuleSet", "RuleSetPublished", "ballot"): committee.BALLOTS,
    ("CommitteeMeeting", "VoteCast", "vote"): committee.VOTES,
    ("Deadline", "ReminderSent", "method"): deadline.METHODS,
    ("LitigationCase", "CaseProposalDrafted", "route"): litigation.ROUTES,
    ("LitigationCase", "CaseProposalAmended", "route"): litigation.ROUTES,
    ("WriteOff", "ComplianceReviewed", "outcome"): write_off.REVIEW_OUTCOMES,
    ("WriteOff", "CommitteeOutcomeRecorded", "outcome"): write_off.COMMITTEE_OUTCOMES,
    ("DebtReduction", "ReductionDrafted", "obligor_kind"): debt_reduction.OBLIGORS,
    ("DebtReduction", "ReductionAmended", "obligor_kind"): debt_reduction.OBLIGORS,
    ("DebtReduction", "RepaymentReversed", "kind"): REVERSAL_KINDS,
    ("DebtReduction", "ReductionStatusChanged", "to_status"): debt_reduction.STATUSES,
    ("BatchDisposalProject", "ProjectDrafted", "method"): batch_disposal.METHODS,
    ("BatchDisposalProject", "ProjectAmended", "method"): batch_disposal.METHODS,
    ("Foreclosure", "ForeclosureDrafted", "method"): foreclosure.METHODS,
    ("Foreclosure", "ForeclosureAmended", "method"): foreclosure.METHODS,
    ("FaDisposal", "FaDisposalDrafted", "kind"): fa_disposal.KINDS,
    ("Restructuring", "RestructuringDrafted", "kind"): restructuring.KINDS,
    ("Mandate", "MandateAccepted", "kind"): restructuring.MANDATES,
    ("AccountingInstruction", "InstructionPrepared", "entries.side"): ("D", "C"),
    ("RiskFactor", "RiskFactorRegistered", "origin"): ("INTERNAL", "EXTERNAL"),
    ("RiskFactor", "RiskFactorRegistered", "factor_class"): liquidity_governance.FACTOR_CLASSES,
    ("RiskFactor", "RiskFactorRegistered", "primary_risk"): liquidity_governance.PRIMARY_RISKS,
    ("StressScenario", "ScenarioDrafted", "kind"): liquidity_governance.SCENARIO_KINDS,
    ("*", "*ReversalRequested", "kind"): REVERSAL_KINDS,
}

_BY_SUFFIX = {(event[1:], field): codes for (kind, event, field), codes in CODES.items() if kind == "*"}


def codes_of(aggregate: str, event: str, field: str) -> Codes:
    """The codes that may stand in a field; empty where any upper-case code may."""
    if found := CODES.get((aggregate, event, field)):
        return found
    return next((codes for (end, name), codes in _BY_SUFFIX.items() if name == field and event.endswith(end)), ())
