"""ErasureRequest: one subject's personal data is to be made unreadable, by one administrator and another (SD8, E8).

What is refused names its rule: a legal hold while anything is open about the subject, and the retention that the law
sets. Keys are destroyed elsewhere, between `Approve` and `Complete`; repeating both is harmless. The reason stays
readable after the erasure: it accounts for it.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from aggregates.calendar import add_years
from aggregates.personal_sealing import Subject
from aggregates.read_model import END_STAGES, ReadModel
from aggregates.refusals import unless_field
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause, row
from aggregates.steps.step import Step

CUSTOMER, STAFF = "CUSTOMER", "STAFF"
#: Kinds of aggregates that are no matter about a subject, whatever their stage.
_NO_MATTER = frozenset(("RiskAsset", "RiskCustomer", "CustomerFile", "ErasureRequest", "Deadline", "Notification"))


def erased_subject(subject_kind: str, subject_no: str) -> Subject:
    """The subject in the words of the key store."""
    return Subject.staff(subject_no) if subject_kind == STAFF else Subject.customer(subject_no)


def _named(step: Step) -> Facts:
    unless_field(step.get("subject_kind", CUSTOMER) in (CUSTOMER, STAFF), "subject_kind", "want CUSTOMER or STAFF")
    return {}


def _is_only_request(step: Step) -> bool:
    facts = {"subject_no": step["subject_no"], "subject_kind": step["subject_kind"]}
    keys = step.work.keys_where("ErasureRequest", **facts)
    return not any(step.load("ErasureRequest", key).stage in ("REQUESTED", "APPROVED") for key in keys)


def _has_reason(step: Step) -> bool:
    return bool(step.get("why", "-") != "-")


def matters_of(model: ReadModel, customer_no: str, kinds: Iterable[str]) -> Iterator[Any]:
    """Everything of the log that is about a customer: his profile and files, his loan notes and their cases."""
    loans = [asset for asset in model.of_kind("RiskAsset") if asset.facts.get("customer_no") == customer_no]
    yield from loans
    for kind in kinds:
        if kind in ("RiskCustomer", "CustomerFile"):
            yield from (case for case in model.of_kind(kind) if case.key == customer_no)
        elif kind not in _NO_MATTER:
            yield from (case for asset in loans for case in model.cases_of(kind, asset.key))


def _matters(step: Step) -> Iterator[Any]:
    """Everything of the log that is about the subject: his assets, those he guarantees, and their cases."""
    facts = step.case.facts
    no = facts["subject_no"]
    with step.work.model.current() as model:
        if facts["subject_kind"] == STAFF:
            yield from (case for case in model.of_kind("User") if case.key == no)
            return
        yield from matters_of(model, no, step.work.kinds)
        yield from (a for a in model.of_kind("RiskAsset") if no in (a.facts.get("guarantor_nos") or ()))


def _is_free(step: Step) -> bool:
    """No claim, memo or case about the subject is open."""
    for case in list(_matters(step)):
        if case.NAME == "RiskAsset":
            if case.stage != "CLOSED" or any(case.memo_minor.values()):
                return False
        elif case.NAME == "User":
            if case.stage != "DISABLED":
                return False
        elif case.NAME not in _NO_MATTER and case.stage not in END_STAGES:
            return False
    return True


def _is_kept_long_enough(step: Step) -> bool:
    ends = [day for case in list(_matters(step)) for day in case.days.values()]
    return not ends or add_years(max(ends), step.policy.retention_years) <= _today(step)


def _today(step: Step) -> date:
    return step.work.bank_day(step.entity_id, step.work.at)


class ErasureRequest(Case):
    """Asked for by one administrator, approved by another, completed once the keys are destroyed."""

    NAME = "ErasureRequest"
    KEY = "erasure_no"
    ROWS = (
        row(
            "Request",
            "ErasureRequested",
            "SA",
            "subject_kind:E, subject_no:I, why:S",
            makes=True,
            next="REQUESTED",
            clauses=(
                clause("Request.1", "reason given", _has_reason),
                clause("Request.2", "no other open request for the subject", _is_only_request),
            ),
            default=lambda step: {"subject_kind": CUSTOMER, "why": step.who.reason or "-"},
            derive=_named,
            remember="maker",
        ),
        row(
            "Approve",
            "ErasureApproved",
            "SA",
            stages="REQUESTED",
            next="APPROVED",
            clauses=(
                clause(
                    "SD8", "changes are maker-checker", lambda step: not step.case.has_played(step.actor, "maker")
                ),
                clause("Approve.1", "legal hold: no claim, memo or case of the subject is open", _is_free),
                clause(
                    "Approve.2",
                    "retention: `retention_years` since the last event about the subject are over",
                    _is_kept_long_enough,
                ),
            ),
            remember="approver",
        ),
        row("Refuse", "ErasureRefused", "SA", "why:S", stages="REQUESTED", next="REJECTED"),
        row(
            "Complete",
            "SubjectErased",
            "SY",
            "keys_destroyed:N",
            stages="APPROVED",
            next="COMPLETED",
            default=lambda step: {"keys_destroyed": 0},
        ),
    )
