"""Expense and AccountingInstruction (spec/risk-assets.md 3.20)."""

from typing import Any

from aggregates.refusals import unless_field
from aggregates.steps.approval import Approval, approval
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause, in_stage, row
from aggregates.steps.step import Step


def _entries(step: Step) -> Facts:
    """An entry has `side` D or C and an amount; the instruction is about the sum of the debits."""
    entries = step.get("entries") or []
    for entry in entries:
        unless_field(entry["side"] in ("D", "C"), "entries", "want side D or C")
    return {"amount": _sum(entries, "D")} if entries else {}


def _sum(entries: list[dict[str, Any]], side: str) -> int:
    return sum(entry["amount"] for entry in entries if entry["side"] == side)


def _is_balanced(step: Step) -> bool:
    entries = step.get("entries") or []
    return _sum(entries, "D") == _sum(entries, "C")


class Expense(Case):
    """A fee of a case: registered, decided, posted; a recoverable one joins the claim as an advanced cost."""

    NAME = "Expense"
    KEY = "expense_id"
    ROWS = (
        row(
            "Register",
            "ExpenseRegistered",
            "AM",
            "case_kind:E, case_no:I, kind:E, amount:M, payee:S, recoverable:B, invoice_doc:I, asset_no:I?",
            makes=True,
            next="DRAFT",
            default=lambda step: {"payee": "-", "invoice_doc": "-", "recoverable": True},
            remember="maker",
        ),
        *tuple(
            item
            for item in approval(Approval("Expense", "kind:E?, amount:M?", deciders="WF BR"))
            if item.command not in ("Draft", "Expire")
        ),
        row(
            "Post",
            "ExpensePosted",
            "CB",
            "core_txn_no:I",
            stages="APPROVED",
            next="POSTED",
            clauses=(clause("SD5", "posting maker, posting checker and case maker are three people"),),
        ),
        row(
            "Reverse",
            "ExpenseReversed",
            "CB",
            "amount:M",
            stages="POSTED",
            next="REVERSED",
            clauses=(
                clause("Reverse.1", "reversal undoes the cost too", lambda s: s["amount"] <= s.case.facts["amount"]),
            ),
            default=lambda step: {"amount": step.case.facts.get("amount")},
        ),
    )


def _prepared(case: Any, _facts: Facts, who: Any) -> None:
    case.maker = who.actor


class AccountingInstruction(Case):
    """What core banking is asked to post: prepared, confirmed by another person, sent, answered once."""

    NAME = "AccountingInstruction"
    KEY = "instruction_id"
    ROWS = (
        row(
            "Prepare",
            "InstructionPrepared",
            "FN",
            "case_no:I, entries:L{side:E, account:I, amount:M}?, amount:M, value_date:D, reverses:I?",
            makes=True,
            next="PREPARED",
            clauses=(clause("Prepare.2", "debit = credit", _is_balanced),),
            default=lambda step: {"value_date": step.day},
            derive=_entries,
            effect=_prepared,
            remember="posting maker",
        ),
        row(
            "Confirm",
            "InstructionConfirmed",
            "FC",
            "checker:I",
            stages="PREPARED",
            next="CONFIRMED",
            clauses=(
                clause(
                    "SD5",
                    "posting maker and posting checker are two people",
                    lambda step: not step.case.has_played(step.actor, "posting maker"),
                ),
            ),
            derive=lambda step: {"checker": step.actor},
        ),
        row(
            "Send",
            "InstructionSent",
            "SY",
            "attempt:N",
            stages="CONFIRMED SENT REJECTED",
            next="SENT",
            derive=lambda step: {"attempt": step.case.facts.get("attempt", 0) + 1},
        ),
        row(
            "Accept",
            "InstructionAccepted",
            "CB",
            "core_txn_no:I",
            stages="SENT UNKNOWN",
            next="ACCEPTED",
            clauses=(in_stage("Accept.3"),),
        ),
        row("Reject", "InstructionRejected", "CB", "error_code:E", stages="SENT UNKNOWN", next="REJECTED"),
        row("TimeOut", "InstructionTimedOut", "SY", stages="SENT", next="UNKNOWN"),
        row("Query", "InstructionQueried", "SY", "outcome:E", stages="UNKNOWN"),
        row(
            "Cancel",
            "InstructionCancelled",
            "FC",
            stages="PREPARED CONFIRMED REJECTED UNKNOWN",
            next="CANCELLED",
        ),
    )

    def start(self) -> None:
        self.maker = ""
