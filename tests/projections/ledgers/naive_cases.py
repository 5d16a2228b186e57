"""The naive ledgers' part for cases: one function by kind of aggregate. See `naive.py`."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from aggregates.event_view import EventView
from tests.projections.ledgers.naive import BUCKETS, D, Naive, Reader, Rows
from tests.projections.ledgers.naive_assets import foreclosed_asset, risk_asset

Own = dict[str, Any]
APPROVAL = {
    "Drafted": "DRAFT", "Amended": "DRAFT", "Discarded": "DISCARDED", "Submitted": "SUBMITTED",
    "Returned": "RETURNED", "Approved": "APPROVED", "Rejected": "REJECTED", "Withdrawn": "WITHDRAWN",
    "ApprovalLapsed": "LAPSED",
}  # fmt: skip
POSTING = {
    "PostingRequested": "POSTING", "PostingRejected": "POSTING_FAILED", "PostingTimedOut": "POSTING_UNKNOWN",
    "PostingCancelled": "APPROVED", "ReversalRequested": "REVERSING", "ReversalRejected": "POSTED",
    "ReversalTimedOut": "REVERSAL_UNKNOWN", "Posted": "POSTED", "Reversed": "REVERSED",
}  # fmt: skip


def steps(n: Naive, own: Own, ledger: str, noun: str, rows: list[str]) -> str:
    """What approval and posting do to each row; the rest of the event's name."""
    step = n.event.type.removeprefix(noun) if n.event.type.startswith(noun) else ""
    stage = (APPROVAL | POSTING).get(step)
    day = n.day
    if step == "Reversed":
        own["reversal"] = n.p.get("kind")
        day = own.get("posted", day) if n.p.get("kind") == "CORRECTION" else day
    for row in rows:
        if step == "Drafted":
            n.put(ledger, row, there=True)
        if stage:
            n.put(ledger, row, day, status=stage, reversed=True if step == "Reversed" else None)
        if step == "Posted":
            n.put(ledger, row, posted_on=n.day, **n.text("core_txn_no"))
        if step == "Approved":
            n.put(ledger, row, **n.text("approval_no"))
    if step == "Posted":
        own["posted"] = n.day
    return n.event.type


def each(n: Naive, own: Own) -> list[str]:
    return [f"{n.event.key}|{note}" for note in own.get("notes", [])]


def RecoveryFlow(n: Naive, own: Own) -> None:
    p, key = n.p, n.event.key
    if n.event.type == "FlowReceived":
        own.update(note=p["loan_no"], value_date=n.days("value_date")["value_date"])
    elif n.event.type in ("FlowTagged", "FlowRetagged"):
        own["splits"] = {str(split["split_no"]): split for split in p["splits"]}
        for number, split in own["splits"].items():
            n.put("recovery", f"{key}|{number}", mode=split["mode"], campaign=split.get("campaign"))
            n.put("recovery", f"{key}|{number}", tagger=n.event.envelope.actor, loan_no=split.get("asset_no"))
    elif n.event.type == "FlowTagConfirmed":
        row, split = f"{key}|{p['split_no']}", own.get("splits", {}).get(str(p["split_no"]), {})
        n.put("recovery", row, there=True, mode=p["mode"], amount=D(p["amount"]), cash=True)
        n.put("recovery", row, confirmer=n.event.envelope.actor, value_date=own.get("value_date", n.day))
        n.put("recovery", row, loan_no=split.get("asset_no") or own.get("note"))
        n.add("recovery", row, reversed=D(0))


def RiskCustomer(n: Naive, own: Own) -> None:
    p, key, kind = n.p, n.event.key, n.event.type
    if kind == "CustomerRegistered":
        own["since"] = n.day
        n.put("risk_customer", key, there=True, state="AT_RISK", at_risk_since=n.day, name_ref=p["name_ref"])
    elif kind == "CustomerExited":
        own["exited"] = p["exited_on"]
        row = f"{key}|{p['exited_on']}"
        n.put("risk_customer", key, state="EXITED")
        n.put("customer_exit", row, there=True, cause=p["cause"], at_risk_since=own["since"], reentered_on="NIL")
        n.put("customer_exit", row, **n.days("exited_on"), **n.money("recovered", "loss"))
    elif kind == "CustomerReentered":
        own["since"] = n.day
        n.put("risk_customer", key, state="AT_RISK", at_risk_since=n.day)
        n.put("customer_exit", f"{key}|{own['exited']}", reentered_on=n.day)
    elif kind in ("TagAdded", "TagRemoved"):
        n.note("risk_customer", key, "tags", "in" if kind == "TagAdded" else "out", p["tag"])
        n.put("designated", f"{key}|{p['tag']}", there=kind == "TagAdded")
        if kind == "TagAdded":
            n.put("designated", f"{key}|{p['tag']}", since=n.day)


def DisposalPlan(n: Naive, own: Own) -> None:
    own.update(n.text("strategy"))
    if n.event.type == "PlanApproved":
        for note in own["notes"]:
            n.put("risk_asset", note, strategy=own["strategy"])


def CollectionTask(n: Naive, own: Own) -> None:
    if n.event.type == "CollectionActionLogged":
        for note in own["notes"]:
            n.add("risk_asset", note, actions=1)
            for agency in n.case["RiskAsset", note].get("agencies", []):
                n.add("outsourced", f"{agency}|{note}", actions=1)


def enter(n: Naive, own: Own, name: str, inside: bool) -> None:
    for note in own.get("notes", []):
        cases = n.case["RiskAsset", note].setdefault(name, [])
        if inside and n.event.key not in cases:
            cases.append(n.event.key)
        elif not inside and n.event.key in cases:
            cases.remove(n.event.key)


SUIT = {
    "CaseDocketed": "FILED", "JudgmentServed": "JUDGED", "AppealFiled": "APPEAL", "JudgmentEffective": "EFFECTIVE",
    "MediationSigned": "EFFECTIVE", "EnforcementApplied": "ENFORCING", "EnforcementSuspended": "SUSPENDED",
    "EnforcementResumed": "ENFORCING", "CaseRegistrationDiscarded": "DISCARDED", "CaseClosed": "CLOSED",
} | {f"CaseProposal{step}": stage for step, stage in APPROVAL.items()}  # fmt: skip


def LitigationCase(n: Naive, own: Own) -> None:
    p, key, kind = n.p, n.event.key, n.event.type
    if kind in SUIT or kind == "CaseReopened":
        stage = SUIT.get(kind, own.get("before") or "FILED")
        own["before"], own["stage"] = own.get("stage"), stage
        n.put("litigation", key, stage=stage)
        for note in own.get("notes", []):
            n.put("risk_asset", note, case_stage=stage)
    if kind in ("CaseDocketed", "CaseReopened", "CaseClosed"):
        enter(n, own, "suits", kind != "CaseClosed")
    if kind in ("CaseProposalDrafted", "CaseProposalAmended", "CaseProposalApproved"):
        n.put("litigation", key, there=True, **n.money("claim_amount", "claim_principal", "claim_interest"))
    if kind == "CaseProposalDrafted":
        n.add("litigation", key, fees=D(0), recovered=D(0))
    elif kind == "CaseDocketed":
        n.put("litigation", key, there=True, court_case_no=p["court_case_no"], **n.days("docketed_on"))
    elif kind == "JudgmentEffective":
        n.put("litigation", key, **n.days("effective_on"))
    elif kind == "MediationSigned":
        n.put("litigation", key, effective_on=n.day)
    elif kind in ("CaseClosed", "CaseReopened"):
        n.put("litigation", key, outcome=p.get("outcome", "NIL"))


def CounselEngagement(n: Naive, own: Own) -> None:
    own.update(n.text("case_no"))
    if n.event.type in ("CounselEngaged", "CounselReplaced") and "case_no" in own:
        n.put("litigation", own["case_no"], counsel=n.p["firm"])


def Deadline(n: Naive, own: Own) -> None:
    own.update(n.text("subject"))
    kind = n.event.type
    if kind in ("DeadlineOpened", "DeadlineRestarted", "DeadlineResumed"):
        n.put("litigation", own["subject"], **{f"term {n.event.key}": n.days("act_by")["act_by"]})
    elif kind == "DeadlineExtended":
        n.put("litigation", own["subject"], **{f"term {n.event.key}": n.days("legal_due_on")["legal_due_on"]})
    elif kind != "ReminderSent":
        n.put("litigation", own["subject"], **{f"term {n.event.key}": "NIL"})


def Expense(n: Naive, own: Own) -> None:
    p, key, kind = n.p, n.event.key, n.event.type
    own.update(n.text("case_no", "amount"))
    steps(n, own, "expense", "Expense", [key])
    if kind == "ExpenseRegistered":
        n.put("expense", key, there=True, status="DRAFT", reversed=False, **n.money("amount"))
        n.add("expense", key, advanced=D(0), recovered=D(0))
    elif kind == "ExpenseAmended":
        n.put("expense", key, **n.money("amount"))
    elif kind == "ExpensePosted":
        n.add("litigation", own["case_no"], fees=own["amount"])
    elif kind == "ExpenseReversed":
        n.add("litigation", own["case_no"], fees=-D(p["amount"]))


def DebtReduction(n: Naive, own: Own) -> None:
    p, key, ledger = n.p, n.event.key, "reduction"
    kind = steps(n, own, ledger, "Reduction", [key])
    if kind in ("ReductionDrafted", "ReductionAmended", "ReductionApproved"):
        n.put(ledger, key, there=True, **n.money("repay_amount"), **n.days("repay_by"))
        for bucket in BUCKETS if p.get("waive") else ():
            n.put(ledger, key, **{f"waive_{bucket}": D(p["waive"].get(bucket, 0))})
    if kind == "ReductionDrafted":
        n.put(ledger, key, reversed=False)
        n.add(ledger, key, repaid=D(0), waived=D(0))
    elif kind == "ReductionApproved":
        n.put(ledger, key, approved_on=n.days("decided_on").get("decided_on", n.day))
    elif kind == "ProceedsAllocated":
        own.setdefault("paid", {})[p["flow_id"]] = n.day
        n.add(ledger, key, repaid=p["amount"])
        n.put(ledger, key, status="PERFORMING")
    elif kind == "RepaymentReversed":
        day = own.get("paid", {}).get(p["flow_id"], n.day) if p["kind"] == "CORRECTION" else n.day
        n.add(ledger, key, day, repaid=-D(p["amount"]))
    elif kind == "ReductionStatusChanged":
        n.put(ledger, key, status=p["to_status"])
    elif kind == "ReductionBreached":
        n.put(ledger, key, status="BREACHED", shortfall=D(p["shortfall"]))


def DebtTransfer(n: Naive, own: Own) -> None:
    own["known"] = True
    rows, p = each(n, own), n.p
    kind = steps(n, own, "single_transfer", "Transfer", rows)
    for row in rows:
        if kind in ("TransferDrafted", "TransferAmended", "TransferApproved"):
            n.put("single_transfer", row, **n.money("reserve", "valuation"))
        if kind == "TransferDrafted":
            n.put("single_transfer", row, reversed=False)
            n.add("single_transfer", row, fees=D(0))
        elif kind == "TransferAmended":
            n.put("single_transfer", row, there=True)
        elif kind == "BuyerConfirmed":
            n.put("single_transfer", row, status="SOLD", price=D(p["price"]), buyer=p["buyer_no"])
        elif kind == "TransferFeeRegistered":
            n.add("single_transfer", row, fees=p["amount"])
        elif kind == "DebtorNotified":
            n.put("single_transfer", row, debtor_notified_on=n.days("on")["on"])
        elif kind in ("TransferResultRegistered", "TransferFailed"):
            n.put("single_transfer", row, status="FAILED" if kind == "TransferFailed" else "COMPLETED")


def AssetPackage(n: Naive, own: Own) -> None:
    rows, p = each(n, own), n.p
    kind = steps(n, own, "batch_transfer", "Package", rows)
    stage = {
        "PackageFormed": "FORMED", "InvitationIssued": "BIDDING", "BidNoticeRegistered": "BIDDING",
        "BidWon": "AWARDED", "BiddingFailed": "FORMED", "PackageDelivered": "DELIVERED", "SecuritiesIssued": "ISSUED",
        "IncomeRightTransferred": "ISSUED",
    }.get(kind)  # fmt: skip
    for row in rows:
        n.put("batch_transfer", row, status=stage)
        if kind == "PackageFormed":
            n.put("batch_transfer", row, there=True, reversed=False, **n.money("reserve"))
            n.add("batch_transfer", row, fees=D(0))
        elif kind == "BidWon":
            n.put("batch_transfer", row, price=D(p["price"]), amc_no=p["amc_no"])
        elif kind == "PackageFeeRegistered":
            n.add("batch_transfer", row, fees=p["amount"])
        elif kind == "PackageDelivered":
            n.put("batch_transfer", row, delivered_on=n.days("on")["on"])


def Foreclosure(n: Naive, own: Own) -> None:
    if n.event.type == "ForeclosureReversed":
        own["reversal"] = n.p["kind"]


def FaDisposal(n: Naive, own: Own) -> None:
    key = n.event.key
    kind = n.event.type
    stage = {f"FaDisposal{step}": stage for step, stage in APPROVAL.items()} | {"FaBuyerConfirmed": "SOLD"}
    n.put("disposal", key, status=stage.get(kind))
    if kind == "FaDisposalDrafted":
        n.put("disposal", key, there=True, reversed=False)
    if kind in ("FaDisposalDrafted", "FaDisposalAmended", "FaDisposalApproved"):
        n.put("disposal", key, **n.money("reserve", "portion"))
    if kind == "FaBuyerConfirmed":
        n.put("disposal", key, price=D(n.p["price"]))


def Restructuring(n: Naive, own: Own) -> None:
    rows = each(n, own)
    kind = steps(n, own, "restructuring", "Restructuring", rows)
    for row in rows:
        if kind == "RestructuringDrafted":
            n.put("restructuring", row, reversed=False, **n.days("observe_until"))
        if kind.startswith("Observation"):
            passed = kind == "ObservationPassed"
            n.put(
                "restructuring",
                row,
                status="COMPLETED" if passed else "FAILED",
                result="PASSED" if passed else "FAILED",
            )


def Mandate(n: Naive, own: Own) -> None:
    p, kind = n.p, n.event.type
    for row in each(n, own):
        if kind == "MandateAccepted":
            n.put("mandate", row, there=True, status="RUNNING", **n.days("from_date", "until_date"))
            n.add("mandate", row, collected=D(0), passed_on=D(0), fee=D(0))
        elif kind == "MandateEnded":
            n.put("mandate", row, status="ENDED", until_date=n.day)
    if kind in ("MandateAccepted", "MandateEnded"):
        enter(n, own, "mandates", kind == "MandateAccepted")
    elif kind == "MandateFeeEarned":
        n.add("mandate", each(n, own)[0], fee=p["amount"])
    elif kind == "MandateCollectionPassedOn":
        note = n.case["RecoveryFlow", p["flow_id"]].get("note") or own["notes"][0]
        n.add("mandate", f"{n.event.key}|{note}", passed_on=p["amount"])


def OutsourcingEngagement(n: Naive, own: Own) -> None:
    rows, p = each(n, own), n.p
    kind = steps(n, own, "outsourced", "Outsourcing", rows)
    for row in rows:
        if kind == "OutsourcingDrafted":
            n.add("outsourced", row, recovered=D(0), fee=D(0))
        if kind in ("OutsourcingDrafted", "OutsourcingAmended", "OutsourcingEngaged"):
            n.put("outsourced", row, **n.days("from_date", "until_date"))
        if kind == "OutsourcingEngaged":
            n.put("outsourced", row, there=True, status="ENGAGED")
        elif kind == "OutsourcingRecalled":
            n.put("outsourced", row, status="ENDED", recalled_on=n.day)
    if kind in ("OutsourcingEngaged", "OutsourcingRecalled"):
        enter(n, own, "agencies", kind == "OutsourcingEngaged")
    elif kind == "OutsourcingFeeSettled":
        n.add("outsourced", rows[0], fee=p["fee"])


def WriteOff(n: Naive, own: Own) -> None:
    rows = each(n, own)
    kind = steps(n, own, "write_off", "WriteOff", rows)
    for row in rows:
        if kind == "WriteOffDrafted":
            n.put("write_off", row, no_recourse=False, reversed=False, ground=n.p["ground"])
            n.add("write_off", row, recovered_after=D(0), memo_left=D(0))
        elif kind == "ComplianceReviewed":
            n.put("write_off", row, status="REVIEWED" if n.p["outcome"] == "PASS" else "RETURNED")
        elif kind == "CommitteeReferred":
            n.put("write_off", row, status="IN_COMMITTEE", meeting_no=n.p["meeting_no"])
        elif kind == "CommitteeOutcomeRecorded":
            n.put("write_off", row, status="REJECTED" if n.p["outcome"] == "REJECTED" else "SUBMITTED")


def WriteOffBatch(n: Naive, own: Own) -> None:
    for item in n.p.get("items") or ():
        for note in n.case["WriteOff", item].get("notes", []):
            n.put("write_off", f"{item}|{note}", batch_no=n.event.key)


READERS: dict[str, Reader] = {"RiskAsset": risk_asset, "ForeclosedAsset": foreclosed_asset}
READERS |= {
    reader.__name__: reader
    for reader in (
        RecoveryFlow, RiskCustomer, DisposalPlan, CollectionTask, LitigationCase, CounselEngagement, Deadline,
        Expense, DebtReduction, DebtTransfer, AssetPackage, Foreclosure, FaDisposal, Restructuring, Mandate,
        OutsourcingEngagement, WriteOff, WriteOffBatch,
    )
}  # fmt: skip


def recomputed(events: Sequence[EventView], as_of: date, position: int) -> Rows:
    """Every row of every ledger at two instants."""
    return Naive(events, position, READERS).rows(as_of)
