"""LedgerSupplement: one cell of a ledger entered by hand, approved by another person, with an end (PLT-58).

A supplement lies over what the events say and never changes it. Not for laying it over: that is
`projections/ledgers/query_supplements.py`.
"""

import re

from aggregates.refusals import unless_field
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause, row
from aggregates.steps.step import Step

MAKERS, CHECKERS = "AM BR HM RM CM LG FK FN", "HM HA RM FC"
#: A year, a quarter, a month or a day: the as-of days for which the cell is entered.
PERIOD = re.compile(r"\d{4}(?:-Q[1-4]|-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?")
NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
DIGEST = re.compile(r"[0-9a-f]{64}")
VALUE_MAX = 2_000


def _entry(step: Step) -> Facts:
    for name in ("dataset", "field"):
        unless_field(bool(NAME.fullmatch(step.get(name, "a"))), name, "want the name of a ledger and of its column")
    unless_field(bool(PERIOD.fullmatch(step.get("period", "2000"))), "period", "want 2026, 2026-Q4, 2026-11 or a day")
    unless_field(len(step.get("value", "")) <= VALUE_MAX, "value", f"want at most {VALUE_MAX} letters")
    unless_field(step.get("reason", "-") != "", "reason", "is empty")
    evidence = step.get("evidence")
    unless_field(evidence is None or bool(DIGEST.fullmatch(evidence)), "evidence", "want a SHA-256 in hexadecimal")
    until = step.get("valid_until")
    unless_field(until is None or until >= step.day, "valid_until", "is before the day it counts from")
    return {}


def _is_in_time(step: Step) -> bool:
    until = step.case.facts.get("valid_until")
    return until is None or step.day <= until


class LedgerSupplement(Case):
    """One cell of a ledger entered by hand for a period: entered, approved by another person, expired."""

    NAME = "LedgerSupplement"
    KEY = "supplement_no"
    ROWS = (
        row(
            "Enter",
            "SupplementEntered",
            MAKERS,
            "dataset:I, row_key:I, field:I, period:S, value:S, reason:S, evidence:S, valid_until:D?",
            makes=True,
            next="ENTERED",
            derive=_entry,
            remember="maker",
        ),
        row(
            "Approve",
            "SupplementApproved",
            CHECKERS,
            "checker:I?",
            stages="ENTERED",
            next="APPROVED",
            clauses=(
                clause(
                    "SD1", "another person than the maker", lambda step: not step.case.has_played(step.actor, "maker")
                ),
                clause("Approve.1", "not past its end", _is_in_time),
            ),
            derive=lambda step: {"checker": step.actor},
            remember="approver",
        ),
        row(
            "Reject",
            "SupplementRejected",
            CHECKERS,
            "why:S",
            stages="ENTERED",
            next="REJECTED",
            clauses=(
                clause(
                    "SD1", "another person than the maker", lambda step: not step.case.has_played(step.actor, "maker")
                ),
            ),
        ),
        row("Expire", "SupplementExpired", f"SY {CHECKERS}", "why:S?", stages="APPROVED", next="EXPIRED"),
    )
