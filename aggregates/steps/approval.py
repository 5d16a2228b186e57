"""Pattern AP: draft, submit, decide, withdraw, lapse (spec/risk-assets.md 3.1; segregation 2.2; decisions E13, E20).

Decisions come from the workflow system on behalf of an approver, or from the approver directly where there is none.
The stages of one approval are prefixed where an aggregate runs two of them (`SCHEME_DRAFT`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from aggregates.refusals import unless_field
from aggregates.steps.fields import FieldSpec, field_specs, read
from aggregates.steps.rows import Clause, Facts, Row, clause, in_stage, row
from aggregates.steps.step import Step

DECIDERS = "WF HA"
BRANCH_DECIDERS = "WF BR HA"  # where the specification lets a branch decide too
HOLD_CONFLICT = "HOLD_CONFLICT"
DECISION = "decided_by:I?, snapshot_hash:S?"
MAKER, REVIEWER, APPROVER, SUBMITTER = "maker", "reviewer", "approver", "maker"


@dataclass(frozen=True, slots=True)
class Approval:
    """What distinguishes one noun's approval from another's.

    `draft`: fields of the drafted event. `amount`: minor units that the case is about, for authority and submission.
    `hold`: kind of the disposal hold that follows approval, on every asset of the case. `own`: clauses of the
    aggregate's own AP row (group `AP`), judged at drafting; `submit_own`, `approve_own` at those steps.
    """

    noun: str
    draft: str
    makers: str = "AM"
    deciders: str = DECIDERS
    approved: str = ""
    amount: Callable[[Step], int | None] = lambda step: step.case.facts.get("amount")
    hold: str = ""
    own: tuple[Clause, ...] = ()
    submit_own: tuple[Clause, ...] = ()
    approve_own: tuple[Clause, ...] = ()
    defaults: Callable[[Step], Facts] | None = None
    derive: Callable[[Step], Facts] | None = None
    approved_values: Callable[[Step], Facts] | None = None  # derived
    approved_defaults: Callable[[Step], Facts] | None = None
    makes: bool = True
    begins_in: str = ""  # stages in which an approval that does not make its aggregate is drafted
    prefix: str = ""
    track: str = ""  # of a second approval beside the aggregate's own stages
    review_before_submit: bool = False
    after_approval: str = "APPROVED"
    waits_in: str = ""  # stages in which what was approved waits for its posting, where they are more (E12)
    then: Callable[[Step], None] | None = None
    segregated_reviewer: str = ""  # guard of the rule that keeps reviewer and decider apart (SD9)
    draft_effect: Any = None
    is_fresh: Callable[[Step], bool] | None = None


def approval(of: Approval) -> tuple[Row, ...]:
    """The rows of pattern AP for one noun, in the order of the specification's table."""
    noun, prefix = of.noun, of.prefix
    stage = {name: f"{prefix}{name}" for name in ("DRAFT", "RETURNED", "SUBMITTED", "WITHDRAWN", "REJECTED")}
    drafted = f"{stage['DRAFT']} {stage['RETURNED']}"
    may_submit = f"{prefix}REVIEWED" if of.review_before_submit else f"{stage['DRAFT']}"
    duties: tuple[Clause, ...] = (
        clause(
            "SD1", "the maker of a case never decides it", lambda step: not step.case.has_played(step.actor, MAKER)
        ),
        clause("SD2", "the deciding level's authority covers the amount, in the asset's organisation or above it"),
        clause("SD3", "staff of the loan or named in its liability determination are recused"),
    )
    if of.segregated_reviewer:
        duties += (
            clause(
                of.segregated_reviewer,
                "the reviewer does not decide",
                lambda step: not step.case.has_played(step.actor, REVIEWER),
            ),
        )
    unchanged = clause("Decide.2", "hash unchanged", _is_unchanged)
    decide = (*duties, unchanged)
    shared = 1 + sum(item.guard.startswith("Draft.") for item in of.own)
    shared_draft = (
        clause(f"Draft.{shared}", "asset visible to org"),
        clause(f"Draft.{shared + 1}", "no other open case of the same kind on the asset", _is_only_case),
    )
    rows = (
        row(
            "Draft",
            f"{noun}Drafted",
            of.makers,
            of.draft,
            makes=of.makes,
            stages=of.begins_in,
            next=stage["DRAFT"],
            clauses=(*of.own, *shared_draft),
            default=of.defaults,
            derive=of.derive,
            effect=of.draft_effect,
            remember=MAKER,
        ),
        row(
            "Amend",
            f"{noun}Amended",
            of.makers,
            optional(of.draft) + ", changes:J?",
            stages=drafted,
            next=stage["DRAFT"],
            clauses=(in_stage("Amend.1"),),
            default=lambda step: _changes(of, step),
            derive=of.derive,
            remember=MAKER,
        ),
        row(
            "Discard",
            f"{noun}Discarded",
            of.makers,
            stages=drafted,
            next=f"{prefix}DISCARDED",
            clauses=(in_stage("Discard.1"),),
        ),
        row(
            "Submit",
            f"{noun}Submitted",
            of.makers,
            "wf_no:I, amount:M?, snapshot_hash:S",
            stages=may_submit,
            next=stage["SUBMITTED"],
            clauses=(
                *_submitter(of),
                *of.submit_own,
                clause(f"Submit.{1 + len(of.submit_own)}", "mandatory fields and documents complete"),
                clause(f"Submit.{2 + len(of.submit_own)}", "snapshot refreshed the same day", of.is_fresh),
            ),
            default=lambda step: {"wf_no": "-"},
            derive=lambda step: {"amount": of.amount(step), "snapshot_hash": content_hash(step.case, noun)},
            remember=SUBMITTER,
        ),
        row(
            "Return",
            f"{noun}Returned",
            of.deciders,
            f"comment:S, {DECISION}",
            stages=stage["SUBMITTED"],
            next=stage["RETURNED"],
            clauses=decide,
            default=_decision(of, comment="-"),
        ),
        row(
            "Approve",
            f"{noun}Approved",
            of.deciders,
            _joined(f"approval_no:I, decided_on:D, level:E, conditions:S, valid_until:D?, {DECISION}", of.approved),
            stages=stage["SUBMITTED"],
            next=of.after_approval,
            clauses=(
                *decide,
                clause("Decide.3", "committee PASSED where the kind and amount need one"),
                *of.approve_own,
            ),
            default=_decision(of, approval_no="-", level="-", conditions="-", decided=True),
            derive=of.approved_values,
            instead=_hold_conflict(of) if of.hold else None,
            then=_after_approval(of),
            remember=APPROVER,
        ),
        row(
            "Reject",
            f"{noun}Rejected",
            of.deciders,
            f"comment:S, {DECISION}",
            stages=stage["SUBMITTED"],
            next=stage["REJECTED"],
            clauses=decide,
            default=_decision(of, comment="-"),
        ),
        row(
            "Withdraw",
            f"{noun}Withdrawn",
            of.makers,
            stages=stage["SUBMITTED"],
            next=stage["WITHDRAWN"],
            clauses=(in_stage("Withdraw.1"),),
        ),
        row(
            "Expire",
            f"{noun}ApprovalLapsed",
            "SY",
            stages=of.waits_in or of.after_approval,
            next="LAPSED",
            clauses=(
                in_stage("Expire.1"),
                clause("Expire.1", "nothing posted, `valid_until` passed", _has_lapsed),
            ),
            then=_release(of) if of.hold else None,
        ),
    )
    return tuple(item.but(track=of.track) for item in rows)


def optional(notation: str) -> str:
    """The same fields, all of them optional: of an amendment."""
    return ", ".join((spec.notation if spec.optional else f"{spec.notation}?") for spec in field_specs(notation))


def _changes(of: Approval, step: Step) -> Facts:
    """What `changes` holds, read as fields of the draft."""
    changed = step.get("changes")
    return read(changed, field_specs(of.draft), step.ccy, "changes.") if changed else {}


def content_hash(case: Any, noun: str) -> str:
    """Digest of what is decided: the fields of the draft as they stand, by name."""
    drafting = [row for row in case.ROWS if row.event == f"{noun}Drafted"] or [row for row in case.ROWS if row.makes]
    drafted: tuple[FieldSpec, ...] = drafting[0].fields
    lines = [f"{spec.name}={case.facts.get(spec.name)!r}" for spec in drafted]
    return sha256("\n".join([case.NAME, case.key, case.ccy, *lines]).encode()).hexdigest()


def _joined(*notations: str) -> str:
    return ", ".join(part for part in notations if part)


def _submitter(of: Approval) -> tuple[Clause, ...]:
    if not of.segregated_reviewer:
        return ()
    guard = of.segregated_reviewer
    return (
        clause(guard, "who reviewed a case does not submit it", lambda s: not s.case.has_played(s.actor, REVIEWER)),
    )


def _decision(of: Approval, *, decided: bool = False, **texts: str) -> Callable[[Step], Facts]:
    def default(step: Step) -> Facts:
        actor = step.work.command.principal.actor
        decided_by = step.get("decided_by", actor)
        unless_field(decided_by == actor or step.work.role == "WF", "decided_by", "only the workflow names another")
        found: dict[str, Any] = dict(texts)
        if decided:
            found["decided_on"] = step.day
            until = step.get("valid_until")
            decided_on = step.get("decided_on", step.day)
            unless_field(until is None or until >= decided_on, "valid_until", "before the decision")
            unless_field(decided_on <= step.day, "decided_on", "after the day it counts from")
            # What is approved is what was drafted, unless the decision names another value.
            approved = (spec.name for spec in field_specs(of.approved))
            found |= {name: step.case.facts[name] for name in approved if name in step.case.facts}
            if of.approved_defaults is not None:
                found |= of.approved_defaults(step)
        return found

    return default


def _is_unchanged(step: Step) -> bool:
    return step.get("snapshot_hash") in (None, step.case.facts.get("snapshot_hash"))


def _is_only_case(step: Step) -> bool:
    if step.exists:
        return True
    return not any(step.work.open_cases(step.kind.NAME, loan_no) for loan_no in step.asset_ids)


def _has_lapsed(step: Step) -> bool:
    until = step.case.facts.get("valid_until")
    return until is None or step.day > until


def _hold_conflict(of: Approval) -> Callable[[Step], str | None]:
    def instead(step: Step) -> str | None:
        if not any(asset.hold_kind for asset in step.assets):
            return None
        step.fields = {"comment": HOLD_CONFLICT, "decided_by": step.get("decided_by")}
        return f"{of.noun}Returned"

    return instead


def _after_approval(of: Approval) -> Callable[[Step], None] | None:
    if not of.hold and of.then is None:
        return None

    def then(step: Step) -> None:
        if of.hold:
            place_hold(step, of.hold)
        if of.then is not None:
            of.then(step)

    return then


def place_hold(step: Step, kind: str) -> None:
    """The hold follows the approval in its save (PM3, E13)."""
    for loan_no in step.asset_ids:
        step.also("RiskAsset", loan_no, "DisposalHoldPlaced", {"kind": kind, "case_no": step.key}, system=True)


def release_hold(step: Step, kind: str, reason: str) -> None:
    """Give the assets free that this case holds."""
    for loan_no in step.asset_ids:
        if step.asset(loan_no).is_held_by(kind, step.key):
            values = {"kind": kind, "case_no": step.key, "reason": reason}
            step.also("RiskAsset", loan_no, "DisposalHoldReleased", values, system=True)


def _release(of: Approval) -> Callable[[Step], None]:
    return lambda step: release_hold(step, of.hold, "LAPSED")
