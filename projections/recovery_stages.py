"""Which stage a disposal is in after an event: the stage tables of the cases, as far as cash depends on them.

The events do not carry the stage, and a projection does not import the aggregates; `tests/projections` walks every
reachable stage of every aggregate here and compares. Not for amounts: `recovery_promises.py`.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from msgspec.structs import replace

from projections.recovery_records import Disposal

__all__ = ["CLOSED_STAGES", "KINDS", "OPENING", "next_stage"]

#: The aggregates that bring in cash, and the noun of their shared events (AP, PP).
KINDS: Mapping[str, str] = {
    "LitigationCase": "CaseProposal",
    "DebtReduction": "Reduction",
    "DebtTransfer": "Transfer",
    "AssetPackage": "Package",
    "FaDisposal": "FaDisposal",
    "CollectionTask": "Collection",
    "DisposalPlan": "Plan",
}

#: Nothing more is expected in these; a reversed posting does not open the case again.
CLOSED_STAGES = frozenset(
    (
        "DISCARDED",
        "REJECTED",
        "WITHDRAWN",
        "LAPSED",
        "POSTED",
        "PARTLY_POSTED",
        "DELIVERED",
        "COMPLETED",
        "ISSUED",
        "REVERSING",
        "REVERSAL_UNKNOWN",
        "REVERSED",
        "FAILED",
        "BREACHED",
        "TERMINATED",
        "CLOSED",
        "SUPERSEDED",
    )
)

_APPROVAL = {
    "Drafted": "DRAFT",
    "Amended": "DRAFT",
    "Discarded": "DISCARDED",
    "Submitted": "SUBMITTED",
    "Returned": "RETURNED",
    "Approved": "APPROVED",
    "Rejected": "REJECTED",
    "Withdrawn": "WITHDRAWN",
    "ApprovalLapsed": "LAPSED",
}
_POSTING = {
    "PostingRequested": "POSTING",
    "Posted": "POSTED",
    "PostingRejected": "POSTING_FAILED",
    "PostingTimedOut": "POSTING_UNKNOWN",
    "ReversalRequested": "REVERSING",
    "Reversed": "REVERSED",
    "ReversalTimedOut": "REVERSAL_UNKNOWN",
}
_APPROVED = ("LitigationCase", "DebtReduction", "DebtTransfer", "FaDisposal", "DisposalPlan")
_POSTED = ("DebtReduction", "DebtTransfer", "AssetPackage", "FaDisposal")
_OWN: Mapping[str, Mapping[str, str]] = {
    "LitigationCase": {
        "CaseDocketed": "FILED",
        "JudgmentServed": "JUDGED",
        "AppealFiled": "APPEAL",
        "JudgmentEffective": "EFFECTIVE",
        "MediationSigned": "EFFECTIVE",
        "EnforcementApplied": "ENFORCING",
        "EnforcementSuspended": "SUSPENDED",
        "EnforcementResumed": "ENFORCING",
        "CaseRegistrationDiscarded": "DISCARDED",
        "CaseClosed": "CLOSED",
    },
    "DebtReduction": {"ProceedsAllocated": "PERFORMING", "ReductionBreached": "BREACHED"},
    "DebtTransfer": {
        "BuyerConfirmed": "SOLD",
        "TransferResultRegistered": "COMPLETED",
        "TransferFailed": "FAILED",
    },
    "AssetPackage": {
        "PackageFormed": "FORMED",
        "InvitationIssued": "BIDDING",
        "BidNoticeRegistered": "BIDDING",
        "BidWon": "AWARDED",
        "BiddingFailed": "FORMED",
        "PackageDelivered": "DELIVERED",
        "SecuritiesIssued": "ISSUED",
        "IncomeRightTransferred": "ISSUED",
    },
    "FaDisposal": {"FaBuyerConfirmed": "SOLD"},
    "CollectionTask": {
        "CollectionRequested": "REQUESTED",
        "CollectionAccepted": "RUNNING",
        "CollectionClosed": "CLOSED",
    },
    "DisposalPlan": {"PlanSuperseded": "SUPERSEDED", "PlanClosed": "CLOSED"},
}
#: By aggregate and event, the stage it leads to whatever was before.
_STAGE: Mapping[str, Mapping[str, str]] = {
    aggregate: {
        **({noun + suffix: stage for suffix, stage in _APPROVAL.items()} if aggregate in _APPROVED else {}),
        **({noun + suffix: stage for suffix, stage in _POSTING.items()} if aggregate in _POSTED else {}),
        **_OWN[aggregate],
    }
    for aggregate, noun in KINDS.items()
}
#: The events that begin a disposal.
OPENING: Mapping[str, str] = {
    "CaseProposalDrafted": "LitigationCase",
    "ReductionDrafted": "DebtReduction",
    "TransferDrafted": "DebtTransfer",
    "PackageFormed": "AssetPackage",
    "FaDisposalDrafted": "FaDisposal",
    "CollectionRequested": "CollectionTask",
    "PlanDrafted": "DisposalPlan",
}
_NOT_READY = frozenset(("POSTING", "POSTING_FAILED", "POSTING_UNKNOWN"))


def next_stage(disposal: Disposal, event: str, payload: Mapping[str, Any], valid_on: date) -> Disposal:
    """The disposal in the stage that the event leads to; unchanged by an event that leads nowhere."""
    noun, before = KINDS[disposal.aggregate], disposal.stage
    stage = _STAGE[disposal.aggregate].get(event, "")
    if event == f"{noun}PostingCancelled":
        stage = disposal.ready_stage or before
    elif event in {f"{noun}ReversalRejected", "CaseReopened"}:
        stage = disposal.stage_before or "FILED"
    elif event == "ReductionStatusChanged":
        stage = disposal.stage_before if payload.get("to_status") == "RESUMED" else str(payload.get("to_status"))
    elif event == "RepaymentReversed" and before != "POSTED":
        stage = "PERFORMING"
    if not stage:
        return disposal
    remembered = disposal
    if stage == "POSTING" and before not in _NOT_READY:
        remembered = replace(remembered, ready_stage=before)
    if stage in {"REVERSING", "SUSPENDED", "CLOSED"} and stage != before:
        remembered = replace(remembered, stage_before=before)
    closed = stage in CLOSED_STAGES
    closed_on = (disposal.closed_on or valid_on) if closed else None
    # Bidding that goes on is the same stage since its first day.
    stage_on = disposal.stage_on if stage == before else valid_on
    return replace(remembered, stage=stage, stage_on=stage_on, is_closed=closed, closed_on=closed_on)
