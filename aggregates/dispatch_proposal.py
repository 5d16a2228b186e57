"""DispatchProposal: transfers between branches that the engine found, decided by another person, then instructed.

It holds the cut and the figures it was made of (LIQ-06), and how long they are good for: an old one is refused, the
new one named. Not for finding transfers: `engines.dispatch`.
"""

from collections import Counter
from datetime import datetime
from typing import Any

from aggregates.refusals import unless_field
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause, in_stage, row
from aggregates.steps.step import Step
from aggregates.withdrawal_reservation_rules import moment_of
from engines.primitives.errors import Conflict, Rejected

PROPOSERS, DECIDERS = "TR SY", "TR AC"
TRANSFERS = "transfers:L{transfer_id:I, source:I, destination:I, amount:M, cost_bp:R}"


def _proposal(step: Step) -> Facts:
    unless_field(bool(step.get("transfers")), "transfers", "there is nothing to move")
    for name in ("made_at", "valid_until"):
        moment_of(step[name], name)
    return {"proposal_no": step.key, "revision": 1, "moved": _moved_of(step)}


def _amendment(step: Step) -> Facts:
    unless_field(bool(step.get("transfers")), "transfers", "there is nothing to move: reject it")
    return {**_in_time(step), "revision": step.case.revision + 1, "moved": _moved_of(step)}


def _moved_of(step: Step) -> int:
    for at, one in enumerate(step["transfers"]):
        unless_field(one["amount"] > 0, f"transfers[{at}].amount", "must be above zero")
    return sum(one["amount"] for one in step["transfers"])


def _in_time(step: Step) -> Facts:
    """Of the revision that was seen, and while its figures count."""
    case, seen = step.case, step.get("seen_revision")
    if seen is not None and seen != case.revision:
        raise Conflict("this proposal was amended since you read it", field="seen_revision", version=case.revision)
    if _is_old(step):
        newer = _newest(step)
        named = f": decide on {newer}" if newer else ": ask for a new one"
        raise Rejected(f"the figures of this proposal are too old{named}", guard="DispatchProposal.1", newer=newer)
    return {}


def _is_old(step: Step) -> bool:
    return step.work.at > moment_of(step.case.facts["valid_until"], "valid_until")


def _made_at(case: Any) -> datetime:
    return moment_of(case.facts["made_at"], "made_at")


def _newest(step: Step) -> str:
    """The open proposal of the same entity and currency that was made last; empty where this is it."""
    found, made_at = "", _made_at(step.case)
    for key in step.work.keys_where("DispatchProposal"):
        other = step.find("DispatchProposal", key)
        if other is None or (other.entity_id, other.ccy, other.stage) != (step.entity_id, step.ccy, "PROPOSED"):
            continue
        if _made_at(other) > made_at:
            found, made_at = key, _made_at(other)
    return found


def _decision(step: Step) -> Facts:
    return {**_in_time(step), "revision": step.case.revision}


def _fits(step: Step) -> bool:
    """No branch gives more than it has above its target, none is given more than it lacks."""
    nodes = step.get("nodes") or step.case.facts["nodes"]
    room = {one["node"]: one["available"] - one["target"] for one in nodes}
    moved: Counter[str] = Counter()
    for one in step["transfers"]:
        if one["source"] not in room or one["destination"] not in room:
            return False
        moved[one["source"]] -= one["amount"]
        moved[one["destination"]] += one["amount"]
    return all(
        0 < -amount <= room[node] or 0 < amount <= -room[node] or amount == 0 for node, amount in moved.items()
    )


def _drawn_up(case: Any, facts: Facts, _who: Any) -> None:
    case.revision = facts["revision"]


FITS = "no transfer takes more than a surplus or fills more than a deficit"
ANOTHER = clause(
    "SD1", "who proposed or amended it does not decide", lambda step: not step.case.has_played(step.actor, "maker")
)
ROWS = (
    row(
        "Propose",
        "TransfersProposed",
        PROPOSERS,
        "proposal_no:I, revision:N, made_at:I, valid_until:I, basis:J, policy_version:I, "
        "nodes:L{node:I, available:G, target:G}, "
        f"{TRANSFERS}, moved:M, uncovered:K, cost:M",
        makes=True,
        next="PROPOSED",
        clauses=(in_stage("STATE"), clause("Propose.2", FITS, _fits)),
        derive=_proposal,
        effect=_drawn_up,
        remember="maker",
    ),
    row(
        "Amend",
        "TransfersAmended",
        "TR",
        f"revision:N, {TRANSFERS}, moved:M, comment:S",
        extra="seen_revision:N?",
        stages="PROPOSED",
        clauses=(clause("Amend.1", FITS, _fits),),
        default=lambda step: {"comment": "-"},
        derive=_amendment,
        effect=_drawn_up,
        remember="maker",
    ),
    row(
        "Approve",
        "TransfersApproved",
        DECIDERS,
        "revision:N, comment:S",
        extra="seen_revision:N?",
        stages="PROPOSED",
        next="APPROVED",
        clauses=(ANOTHER,),
        default=lambda step: {"comment": "-"},
        derive=_decision,
        remember="approver",
    ),
    row(
        "Reject",
        "TransfersRejected",
        DECIDERS,
        "revision:N, comment:S",
        stages="PROPOSED",
        next="REJECTED",
        clauses=(ANOTHER,),
        default=lambda step: {"comment": "-"},
        derive=lambda step: {"revision": step.case.revision},
    ),
    row(
        "Book",
        "TransfersBooked",
        "TR CB",
        "core_txn_no:I",
        stages="APPROVED",
        next="BOOKED",
    ),
    row(
        "Lapse",
        "TransfersLapsed",
        "SY",
        "revision:N",
        stages="PROPOSED",
        next="LAPSED",
        clauses=(
            clause(
                "Lapse.1",
                "its figures are too old",
                _is_old,
            ),
        ),
        derive=lambda step: {"revision": step.case.revision},
    ),
)


class DispatchProposal(Case):
    """PROPOSED (from a cut) → APPROVED by another person → BOOKED; REJECTED, or LAPSED with its figures."""

    NAME = "DispatchProposal"
    KEY = "proposal_no"
    ROWS = ROWS

    def start(self) -> None:
        self.revision = 0

    def extra(self) -> dict[str, Any]:
        return {"uncovered_total_minor": sum(self.facts.get("uncovered", {}).values())}
