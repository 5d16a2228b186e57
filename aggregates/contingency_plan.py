"""ContingencyPlan: drawn up on a trigger, approved by another person, activated, executed, closed (LIQ-40).

The plan is simulated and compared before it is proposed; what is stored are its lines, its figures, and the digest
of that simulation beside everything it was computed from. An action records a deal that treasury made: nothing is
sent to core banking from here. A drill is the same plan with `mode` DRILL in every event; it takes no deal.
"""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from hashlib import sha256
from typing import Any

from aggregates.contingency_plan_request import content_of, read_request
from aggregates.refusals import unless, unless_field
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause, in_stage, row
from aggregates.steps.step import Step
from engines.primitives.money import to_text

LIVE, DRILL = "LIVE", "DRILL"
NO_DEAL = "-"

#: Treasury draws up and executes, the committee for assets and liabilities decides (LIQ-43); in a bank whose roles
#: are those of risk assets only, the head office's handler and approver. The system may draw up, never decide.
DRAFTERS, DECIDERS = "TR HM", "AC HA"

CONTENT = (
    "revision:N, trigger:E, trigger_reason:S, trigger_figures:J, as_of:D, strategy:S, shortfall:M, "
    "first_shortfall_on:D, need:M, residual:M, cost:M, restored_on:D?, lines:O, planned:K, securities:K, ranking:T, "
    "uncovered:K, horizon_cost:K, simulation_digest:S, basis:J"
)


def _content(step: Step) -> Facts:
    """Simulates and compares; a plan without a shortfall is refused: there is nothing to decide."""
    earlier = step.case.content if step.exists else {}
    revision = earlier.get("revision", 0) + 1
    trigger = step.get("trigger", earlier.get("trigger"))
    for name, value in (("trigger", trigger), ("trigger_reason", step.get("trigger_reason"))):
        unless_field(value is not None, name, "is missing")
    request = read_request(step.get("funding") or {}, ccy=step.ccy, as_of=step.get("as_of", step.day))
    short = request.outlook.shortfall > 0
    unless(short, "ContingencyPlan.Propose.1", "the surplus never falls below the limit: nothing to plan")
    figures = step.get("trigger_figures", {})
    return content_of(request, revision=revision, trigger=trigger, reason=step["trigger_reason"], figures=figures)


def _proposal(step: Step) -> Facts:
    unless_field(step.get("mode", LIVE) in (LIVE, DRILL), "mode", f"want {LIVE} or {DRILL}")
    return {"plan_no": step.key, **_content(step)}


def _labelled(step: Step) -> Facts:
    return {"mode": step.case.mode}


def _version(step: Step) -> Facts:
    return {"mode": step.case.mode, "revision": step.case.content["revision"]}


def _approval(step: Step) -> Facts:
    return {**_version(step), "content_hash": step.get("content_hash", step.case.content_hash())}


def _action(step: Step) -> Facts:
    plan, line = step.case, step.get("line")
    unless_field(line in plan.content["planned"], "line", "the plan's version has no such line")
    unless_field(step.get("amount", 0) > 0, "amount", "must be above zero")
    planned = plan.line(line)
    rate = step.get("rate", Decimal(planned["rate"]))
    return {
        "mode": plan.mode,
        "action": planned["action"],
        "source": planned["source"],
        "planned": plan.content["planned"][line],
        "executed": step["amount"],
        "residual": plan.residual_minor - step["amount"],
        "cost": int((step["amount"] * rate).to_integral_value(ROUND_CEILING)),
        "rate": rate,
    }


def _deal_is_named(step: Step) -> bool:
    """A drill takes no deal; a live action names one."""
    return bool((step["deal_ref"] == NO_DEAL) == (step.case.mode == DRILL))


def _deal_is_new(step: Step) -> bool:
    deal = step["deal_ref"]
    return deal == NO_DEAL or all(action["deal_ref"] != deal for action in step.case.actions)


def _fits_line(step: Step) -> bool:
    return bool(step["executed"] + step.case.executed_on(step["line"]) <= step["planned"])


def _drawn_up(case: Any, facts: Facts, _who: Any) -> None:
    case.content = dict(facts)
    case.mode = facts.get("mode", case.mode)
    case.approver = case.approval_no = case.activated_by = ""


def _acted(case: Any, facts: Facts, who: Any) -> None:
    case.actions.append(dict(facts) | {"valid_on": who.valid_on, "actor": who.actor})


def _decided(case: Any, facts: Facts, who: Any) -> None:
    case.approver, case.approval_no = who.actor, facts["approval_no"]


def _put_in_force(case: Any, _facts: Facts, who: Any) -> None:
    case.activated_by = who.actor


def _is_another(step: Step) -> bool:
    return not step.case.has_played(step.actor, "maker")


ANOTHER = clause("SD1", "the maker of a plan does not decide on it", _is_another)

ROWS = (
    row(
        "Propose",
        "PlanTriggered",
        f"{DRAFTERS} SY",
        f"plan_no:I, mode:E, {CONTENT}",
        extra="funding:J?",
        makes=True,
        next="ALERT",
        clauses=(in_stage("STATE"), clause("Propose.1", "the surplus falls below the limit")),
        default=lambda step: {"mode": LIVE},
        derive=_proposal,
        effect=_drawn_up,
        remember="maker",
    ),
    row(
        "Amend",
        "PlanAmended",
        DRAFTERS,
        f"mode:E, {CONTENT}",
        extra="funding:J?",
        stages="ALERT APPROVED ACTIVATED",
        next="ALERT",
        clauses=(clause("Propose.1", "the surplus falls below the limit"),),
        derive=lambda step: {"mode": step.case.mode, **_content(step)},
        effect=_drawn_up,
        remember="maker",
    ),
    row(
        "Approve",
        "PlanApproved",
        DECIDERS,
        "mode:E, revision:N, approval_no:S, conditions:S, content_hash:I",
        stages="ALERT",
        next="APPROVED",
        clauses=(
            ANOTHER,
            clause(
                "Approve.2",
                "the decision is on this version of the plan",
                lambda step: step["content_hash"] == step.case.content_hash(),
            ),
        ),
        default=lambda step: {"approval_no": "-", "conditions": "-"},
        derive=_approval,
        effect=_decided,
    ),
    row(
        "Reject",
        "PlanRejected",
        DECIDERS,
        "mode:E, revision:N, comment:S",
        stages="ALERT",
        next="REJECTED",
        clauses=(ANOTHER,),
        default=lambda step: {"comment": "-"},
        derive=_version,
    ),
    row(
        "Activate",
        "PlanActivated",
        DECIDERS,
        "mode:E, revision:N, comment:S",
        stages="APPROVED",
        next="ACTIVATED",
        clauses=(ANOTHER,),
        default=lambda step: {"comment": "-"},
        derive=_version,
        effect=_put_in_force,
    ),
    row(
        "TakeAction",
        "PlanActionTaken",
        DRAFTERS,
        "mode:E, line:I, action:S, source:S, planned:M, executed:M, residual:G, cost:M, rate:R, counterparty:I, "
        "deal_ref:I",
        extra="amount:M",
        stages="ACTIVATED",
        clauses=(
            clause("TakeAction.2", "a deal is named, in a drill there is none", _deal_is_named),
            clause("TakeAction.3", "the deal is not recorded yet", _deal_is_new),
            clause("TakeAction.4", "no more than the line plans", _fits_line),
        ),
        default=lambda step: {"deal_ref": NO_DEAL},
        derive=_action,
        effect=_acted,
    ),
    row(
        "BeginRecovery",
        "PlanRecoveryBegun",
        DRAFTERS,
        "mode:E, surplus:G, comment:S",
        stages="ACTIVATED",
        next="RECOVERY",
        clauses=(clause("BeginRecovery.2", "the limit is kept again", lambda step: step["surplus"] >= 0),),
        default=lambda step: {"comment": "-"},
        derive=_labelled,
    ),
    row(
        "Close",
        "PlanClosed",
        DECIDERS,
        "mode:E, outcome:S, executed:M, residual:G",
        stages="RECOVERY",
        next="CLOSED",
        clauses=(ANOTHER,),
        derive=lambda step: {
            "mode": step.case.mode,
            "executed": step.case.executed_minor,
            "residual": step.case.residual_minor,
        },
    ),
    row(
        "Cancel",
        "PlanCancelled",
        f"{DRAFTERS} {DECIDERS}",
        "mode:E, comment:S",
        stages="ALERT APPROVED ACTIVATED",
        next="CANCELLED",
        clauses=(clause("Cancel.2", "nothing was executed", lambda step: not step.case.actions),),
        default=lambda step: {"comment": "-"},
        derive=_labelled,
    ),
)


class ContingencyPlan(Case):
    """ALERT (drawn up) → APPROVED → ACTIVATED → RECOVERY → CLOSED; REJECTED or CANCELLED before that."""

    NAME = "ContingencyPlan"
    KEY = "plan_no"
    ROWS = ROWS

    def start(self) -> None:
        self.mode = LIVE
        self.content: dict[str, Any] = {}  # of the version that counts
        self.actions: list[dict[str, Any]] = []
        self.approver = self.approval_no = self.activated_by = ""

    @property
    def executed_minor(self) -> int:
        return sum(action["executed"] for action in self.actions)

    @property
    def residual_minor(self) -> int:
        """What this version still has to raise: its need less what was executed on its lines."""
        return int(self.content["need"]) - sum(map(self.executed_on, self.content["planned"]))

    def executed_on(self, line: str) -> int:
        return sum(action["executed"] for action in self.actions if action["line"] == line)

    def line(self, line: str) -> Mapping[str, Any]:
        return next(found for found in self.content["lines"] if found["line"] == line)

    def content_hash(self) -> str:
        """Digest of what is decided: currency, mode, version, figures, lines and the simulation behind them."""
        parts = [self.key, self.ccy, self.mode]
        parts += [f"{name}={_in_order(value)!r}" for name, value in sorted(self.content.items())]
        return sha256("\n".join(parts).encode()).hexdigest()

    def extra(self) -> dict[str, Any]:
        content = self.content
        if not content:
            return {}
        return {
            "mode": self.mode,
            "planned_minor": sum(content["planned"].values()),
            "residual_planned_minor": content["residual"],
            "executed_minor": self.executed_minor,
            "residual_minor": self.residual_minor,
            "cost_in_horizon_minor": content["cost"],
            "restored_on": content.get("restored_on"),
            "lines": [self._shown(line) for line in content["lines"]],
            "actions": [
                {
                    "line": action["line"],
                    "executed_minor": action["executed"],
                    "annual_cost_minor": action["cost"],
                    "rate": str(action["rate"]),
                    "counterparty": action["counterparty"],
                    "deal_ref": action["deal_ref"],
                    "valid_on": action["valid_on"],
                    "actor": action["actor"],
                }
                for action in self.actions
            ],
            "ranking": [
                {
                    "rank": rank,
                    "strategy": name,
                    "uncovered_minor": content["uncovered"][name],
                    "cost_in_horizon_minor": content["horizon_cost"][name],
                }
                for rank, name in enumerate(content["ranking"], 1)
            ],
            "content_hash": self.content_hash(),
            "approver": self.approver or None,
            "approval_no": self.approval_no or None,
            "activated_by": self.activated_by or None,
            "outcome": self.facts.get("outcome"),
        }

    def _shown(self, line: Mapping[str, Any]) -> dict[str, Any]:
        number = line["line"]
        planned, executed = self.content["planned"][number], self.executed_on(number)
        label = "DRILL: " if self.mode == DRILL else ""
        amount, by = to_text(planned, self.ccy), f"by {line['order_by']} for {line['needed_on']}"
        return {
            **line,
            "planned_minor": planned,
            "executed_minor": executed,
            "securities": line["securities"] or None,
            "market_value_minor": self.content["securities"][number] if line["securities"] else None,
            "message": f"{label}{line['owner']}: {line['action']} {self.ccy} {amount} at {line['source']} {by}",
        }


def _in_order(value: object) -> object:
    """Maps in key order, so that the store's order of keys means nothing."""
    if isinstance(value, Mapping):
        return [(key, _in_order(value[key])) for key in sorted(value)]
    return [_in_order(item) for item in value] if isinstance(value, list | tuple) else value
