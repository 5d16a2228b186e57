"""What a row is about: its loan notes and its customers, also by way of what a deadline or a work item names."""

from typing import TYPE_CHECKING

from projections.work.cases import CaseRow

if TYPE_CHECKING:
    from projections.work.state import WorkState

#: Kinds that a deadline's subject may be, beside a loan note.
SUBJECT_KINDS = ("LitigationCase", "DebtReduction", "Foreclosure", "ForeclosedAsset", "WriteOff", "DebtTransfer")
CUSTOMER_KINDS = ("RiskCustomer", "CustomerFile")


def assets_about(state: "WorkState", case: CaseRow) -> list[str]:
    """Loan notes that a row is about; those of a deadline are its subject's."""
    if case.aggregate == "RiskAsset":
        return [case.key]
    if case.aggregate == "Deadline" or not (found := case.asset_nos):
        named = (case.facts.get("subject"), case.facts.get("subject_no"), case.facts.get("case_no"))
        return next((notes for name in named if name and (notes := _assets_of(state, str(name)))), [])
    return found


def customers_of(state: "WorkState", case: CaseRow) -> list[str]:
    """The customers that a row is about: its own, and those of its loan notes."""
    if case.aggregate in CUSTOMER_KINDS:
        return [case.key]
    own = [str(case.facts["customer_no"])] if case.facts.get("customer_no") else []
    subject = str(case.facts.get("subject_no") or case.facts.get("subject") or "")
    own += [subject] if subject in state.loans_by_customer else []
    notes = [state.claims[no].customer_no for no in assets_about(state, case) if no in state.claims]
    return list(dict.fromkeys((*own, *notes)))


def _assets_of(state: "WorkState", subject: str) -> list[str]:
    if subject in state.claims:
        return [subject]
    for kind in SUBJECT_KINDS:
        if (case := state.case(kind, subject)) is not None:
            return case.asset_nos
    return []
