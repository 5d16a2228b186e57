"""What the rows of a withdrawal reservation share: who may, on which version, with which proof (LIQ-03, LIQ-61)."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from aggregates.refusals import unless_field
from aggregates.steps.rows import Clause, Facts, clause
from aggregates.steps.step import Step
from engines.primitives.errors import Conflict

#: Counters and managers announce; the branch approves, then treasury. A second treasury approval may be the
#: committee's (LIQ-43).
MAKERS, BRANCH_ROLES, TREASURY_ROLES = "AM BR HM TR", "BR HA", "TR AC"
LEVEL_ROLES = f"{BRANCH_ROLES} {TREASURY_ROLES}"
BRANCH, TREASURY = "BRANCH", "TREASURY"
OPEN = "DRAFT SUBMITTED BRANCH_OK TREASURY_OK PARTIAL"
UNDECIDED = "SUBMITTED BRANCH_OK"

#: The states of `tm.in.channel.reservation.v1`, by stage; a branch's approval alone lets no money be counted on.
STATUS_BY_STAGE: Mapping[str, str] = MappingProxyType(
    {
        "DRAFT": "draft",
        "SUBMITTED": "submitted",
        "BRANCH_OK": "submitted",
        "TREASURY_OK": "approved",
        "PARTIAL": "partial",
        "EXECUTED": "executed",
        "REJECTED": "rejected",
        "CANCELLED": "cancelled",
        "EXPIRED": "expired",
    }
)
STAGE_BY_STATUS: Mapping[str, str] = MappingProxyType(
    {status.upper(): stage for stage, status in STATUS_BY_STAGE.items() if stage != "BRANCH_OK"}
)
CONTENT_NAMES = (
    "customer_no",
    "account_id",
    "organisation",
    "line_id",
    "product_id",
    "amount",
    "value_date",
    "purpose",
    "channel",
)


def moment_of(text: str, field: str) -> datetime:
    """An instant that stands in an event as text. Raises InvalidInput."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min  # noqa: DTZ901 - refused below, as naive
    unless_field(found.tzinfo is not None, field, "want an instant with its offset from UTC")
    return found


def on_this_task(step: Step) -> None:
    """Raises Conflict where the task is not the one that the person saw: LIQ-61 refuses a stale task."""
    seen = step.get("task_version")
    if seen is not None and seen != step.case.task_version:
        message = "this task has changed since you read it: look again, then decide"
        raise Conflict(message, field="task_version", version=step.case.task_version, state=step.case.stage)


def changed_content(step: Step) -> Facts:
    """All of the content, what the command names being new, as the next revision."""
    held = step.case.facts
    content = {name: held[name] if step.get(name) is None else step[name] for name in CONTENT_NAMES}
    return {"revision": step.case.revision + 1, **content}


def told_state(case: Any, facts: Facts) -> str:
    """The stage that a channel's status stands for; what was approved here of an unchanged one stays."""
    told = STAGE_BY_STATUS.get(facts["status"], "DRAFT")
    return "" if told == "SUBMITTED" and case.approvals else told


def after_execution(case: Any, facts: Facts) -> str:
    return "EXECUTED" if facts["executed"] >= case.facts["amount"] else "PARTIAL"


ANOTHER = clause(
    "SD1",
    "neither who made or changed it nor an earlier approver decides",
    lambda step: not step.case.has_played(step.actor, "maker", "approver"),
)


def may_approve(command: str) -> tuple[Clause, ...]:
    """The clauses of an approval, at whichever level."""
    return (
        ANOTHER,
        clause(
            f"{command}.2",
            "the system told which approvals this amount needs",
            lambda step: step.case.graded == step.case.revision and bool(step.case.levels_left),
        ),
        not_delegated(command),
        clause(f"{command}.4", "above the threshold, a fresh proof of who approves", _has_proof),
    )


def not_delegated(command: str) -> Clause:
    return clause(
        f"{command}.3",
        "the task was not delegated to somebody else",
        lambda step: step.case.delegated_to in ("", step.actor),
    )


def _has_proof(step: Step) -> bool:
    """The proof is the system's note about this very person and this very content, and it runs out."""
    case = step.case
    if not case.facts.get("proof_needed"):
        return True
    revision, until = case.proofs.get(step.actor, (0, ""))
    return bool(revision == case.revision and step.work.at <= moment_of(until, "valid_until"))
