"""Random histories of disposals on a few loan notes, as scenario lines: some are refused, and play goes on."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

Line = dict[str, Any]
LOANS = ("LN-1", "LN-2", "LN-3")
FIRST = date(2024, 1, 10)


def line(role: str, aggregate: str, key: str, command: str, **payload: Any) -> Line:
    """Without its instant: those are given once the histories are mixed. Somebody else for each role and case."""
    return {
        "actor": f"U-{role}-{key}",
        "role": role,
        "aggregate": aggregate,
        "key": key,
        "command": command,
        "payload": payload,
    }


def money(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


def admissions() -> list[Line]:
    claim = {"classification": "LOSS", "principal": "9000.00", "interest_off": "500.00", "penalty": "100.00"}
    return [
        line("EX", "RiskAsset", loan, "AssetAdmitted", customer_no=f"C-{loan}", branch="3301", **claim)
        for loan in LOANS
    ]


amounts = st.integers(1, 400_000)
loans = st.sampled_from(LOANS)


def approved(noun: str, aggregate: str, key: str, **payload: Any) -> list[Line]:
    return [
        line("AM", aggregate, key, f"{noun}Drafted", **payload),
        line("AM", aggregate, key, f"{noun}Submitted"),
        line("HA", aggregate, key, f"{noun}Approved", valid_until="2024-03-10"),
    ]


def applied(loan: str, flow: str, mode: str, minor: int) -> Line:
    return line("SY", "RiskAsset", loan, "RecoveryApplied", flow_id=flow, split_no=1, mode=mode, amount=money(minor))


@st.composite
def plan(draw: st.DrawFn, key: str) -> list[Line]:
    on = draw(st.lists(loans, min_size=1, max_size=2, unique=True))
    rows = approved("Plan", "DisposalPlan", key, asset_ids=on, strategy="MIXED", est_recovery=money(draw(amounts)))
    rows.append(applied(on[0], f"F-{key}", "CASH_VOLUNTARY", draw(amounts)))
    ends = [
        line("AM", "DisposalPlan", key, "PlanClosed", actual_recovery=money(draw(amounts))),
        line("SY", "DisposalPlan", key, "PlanApprovalLapsed"),
    ]
    return rows + ends


@st.composite
def suit(draw: st.DrawFn, key: str) -> list[Line]:
    loan, claim = draw(loans), money(draw(amounts))
    claims = {"claim_amount": claim, "claim_principal": claim, "claim_interest": "0.00"}
    rows = approved("CaseProposal", "LitigationCase", key, loan_nos=[loan], route="LAWSUIT", **claims)
    rows += [
        line("LG", "LitigationCase", key, "CaseDocketed", court_case_no=key),
        line("LG", "LitigationCase", key, "JudgmentServed", outcome=draw(st.sampled_from(["WON", "LOST"]))),
        line("LG", "LitigationCase", key, "JudgmentEffective"),
        line("LG", "LitigationCase", key, "EnforcementApplied"),
    ]
    if draw(st.booleans()):
        rows.append(line("LG", "LitigationCase", key, "AuctionSold", price=money(draw(amounts))))
    rows.append(applied(loan, f"F-{key}", "LITIGATION_ENFORCEMENT", draw(amounts)))
    end = line("LG", "LitigationCase", key, "CaseClosed", outcome="DONE", recovered=money(draw(amounts)))
    rows.insert(draw(st.integers(4, len(rows))), end)
    return rows


@st.composite
def settlement(draw: st.DrawFn, key: str) -> list[Line]:
    loan, repay = draw(loans), draw(amounts)
    values = {"asset_ids": [loan], "repay_amount": money(repay), "repay_by": "2024-03-01"}
    rows = approved("Reduction", "DebtReduction", key, **values, waive={"penalty": "10.00"})
    for at in range(draw(st.integers(0, 2))):
        paid = draw(st.integers(1, repay))
        rows.append(line("FN", "DebtReduction", key, "ProceedsAllocated", flow_id=f"F{at}-{key}", amount=money(paid)))
    ends = [
        line("SY", "DebtReduction", key, "ReductionBreached"),
        line("BR", "DebtReduction", key, "ReductionStatusChanged", to_status="TERMINATED"),
        line("SY", "DebtReduction", key, "ReductionApprovalLapsed"),
    ]
    rows.append(draw(st.sampled_from(ends)))
    return rows


@st.composite
def sale(draw: st.DrawFn, key: str) -> list[Line]:
    loan, price = draw(loans), draw(amounts)
    rows = approved("Transfer", "DebtTransfer", key, asset_ids=[loan], reserve=money(max(1, price // 2)))
    rows.append(line("AM", "DebtTransfer", key, "BuyerConfirmed", buyer_no="B", price=money(price)))
    paid = draw(st.sampled_from([price, price // 3]))
    if paid:
        rows.append(line("FN", "DebtTransfer", key, "TransferPriceReceived", flow_id=f"F-{key}", amount=money(paid)))
    rows += [
        line("FN", "DebtTransfer", key, "TransferPostingRequested"),
        line("CB", "DebtTransfer", key, "TransferPosted", core_txn_no=f"C-{key}"),
        line("AM", "DebtTransfer", key, "TransferFailed", cause="NO_BUYER"),
    ]
    return rows


KINDS: tuple[Callable[[str], st.SearchStrategy[list[Line]]], ...] = (plan, suit, settlement, sale)


@st.composite
def histories(draw: st.DrawFn) -> list[Line]:
    """Two to four disposals of any kinds, their lines mixed; days go by between them."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=2, max_size=4))
    waiting = [draw(kind(f"K{at}")) for at, kind in enumerate(kinds)]
    mixed = admissions()
    while waiting:
        at = draw(st.integers(0, len(waiting) - 1))
        steps = draw(st.integers(1, 4))
        mixed += waiting[at][:steps]
        waiting[at] = waiting[at][steps:]
        if not waiting[at]:
            waiting.pop(at)
    return dated(mixed, [draw(st.integers(0, 2)) for _ in mixed])


def plan_alone() -> list[Line]:
    """A plan that lapses with a part of its estimate in hand: among others it is mostly covered."""
    values = {"asset_ids": [LOANS[0]], "strategy": "MIXED", "est_recovery": "900.00"}
    rows = approved("Plan", "DisposalPlan", "K", **values)
    rows += [applied(LOANS[0], "F", "CASH_VOLUNTARY", 10_000), line("SY", "DisposalPlan", "K", "PlanApprovalLapsed")]
    return dated(admissions() + rows, [0] * 8)


def dated(rows: list[Line], days: list[int]) -> list[Line]:
    """The lines with their instants: so many days after the line before."""
    day, found = FIRST, []
    for number, row in enumerate(rows):
        day += timedelta(days=days[number] if number >= len(LOANS) else 0)
        if number == len(rows) * 2 // 3:
            day += timedelta(days=60)  # what was approved has lapsed, what was promised is late
        found.append({"at": f"{day.isoformat()}T{number // 60:02d}:{number % 60:02d}:00Z"} | row)
    return found
