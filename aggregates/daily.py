"""Daily management: targets, inspections, collection, liability, plans, trials (spec 3.4 to 3.6, 3.8, 3.9)."""

from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

from aggregates.refusals import unless_field
from aggregates.steps.approval import BRANCH_DECIDERS, Approval, approval
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause, in_stage, row
from aggregates.steps.step import Step, one_of
from aggregates.targets_ranking import completion

STRATEGIES = (
    "COLLECT",
    "LITIGATION",
    "RESTRUCTURE",
    "REDUCTION",
    "TRANSFER",
    "BATCH",
    "FORECLOSURE",
    "WRITE_OFF",
    "MIXED",
)
TARGET_KINDS = ("REDUCTION", "RECOVERY")
DIMENSIONS = ("operations", "assets", "loan", "willingness", "service_address")


# --- Target ------------------------------------------------------------------------------------------------------


def _target(step: Step) -> Facts:
    unless_field(step.get("kind", TARGET_KINDS[0]) in TARGET_KINDS, "kind", "want REDUCTION or RECOVERY")
    start, end = step.get("period_start"), step.get("period_end")
    unless_field(None in (start, end) or start <= end, "period_end", "is before period_start")
    return {}


def _nodes_rise(step: Step) -> bool:
    """Nodes ascend in day and amount; the last one is the whole amount at the period's end."""
    nodes = step.get("nodes") or []
    if not nodes:
        return True
    rising = all(a["on"] < b["on"] and a["amount"] <= b["amount"] for a, b in pairwise(nodes))
    last_on = step.get("period_end", step.case.facts.get("period_end") if step.exists else None)
    last = nodes[-1]
    return rising and last["amount"] == step["amount"] and last_on in (None, last["on"])


def _covers(step: Step) -> bool:
    children = step.get("children") or []
    whole = sum(child["amount"] for child in children)
    return bool(step.get("flagged")) or whole >= step.case.facts.get("amount", 0)


def _assessment(step: Step) -> Facts:
    nodes = {node["on"]: node["amount"] for node in step.case.facts.get("nodes") or []}
    amount = nodes.get(step.get("node_on"), step.case.facts.get("amount", 0))
    found = completion(step.get("actual", 0), amount)
    return {} if found is None else {"completion": found}


def _after_assessment(case: Any, facts: Facts) -> str:
    nodes = case.facts.get("nodes") or []
    last = nodes[-1]["on"] if nodes else case.facts.get("period_end")
    return "CLOSED" if last is not None and facts["node_on"] >= last else "ACTIVE"


NODES = "nodes:L{on:D, amount:M}"


class Target(Case):
    """A reduction or recovery target, broken down, revised, assessed node by node."""

    NAME = "Target"
    KEY = "target_no"
    ROWS = (
        *approval(
            Approval(
                "Target",
                f"level:E, org:I, kind:E, campaign:S, period_start:D, period_end:D, amount:M, {NODES}?, parent_no:I?",
                makers="AM HM",
                deciders="WF BR RM HA",
                own=(
                    clause("AP.1", "nodes ascending, last node = amount and period end", _nodes_rise),
                    clause("AP.2", "node type half-year or year"),
                ),
                defaults=lambda step: {"campaign": "-", "org": step.branch, "level": "BRANCH"},
                derive=_target,
                after_approval="ACTIVE",
            )
        ),
        row(
            "BreakDown",
            "TargetBrokenDown",
            "HM BR",
            "children:L{target_no:I, org:I?, amount:M}, flagged:B?",
            stages="ACTIVE",
            clauses=(clause("BreakDown.1", "`sum(children) >= amount` unless flagged", _covers),),
        ),
        row(
            "Revise",
            "TargetRevised",
            "AM HM",
            f"amount:M, {NODES}?",
            stages="ACTIVE",
            clauses=(
                clause(
                    "Revise.1", "reason given", lambda step: bool(step.who.reason) or not step.policy.needs_reasons
                ),
                clause("AP.1", "nodes ascending, last node = amount and period end", _nodes_rise),
            ),
        ),
        row(
            "Assess",
            "TargetAssessed",
            "SY RM",
            "node_on:D, actual:G, completion:P?, rank:N?",
            stages="ACTIVE",
            next=_after_assessment,
            clauses=(clause("Assess.1", "node due", lambda step: step["node_on"] <= step.day),),
            default=lambda step: {"node_on": step.day},
            derive=_assessment,
        ),
    )


# --- Inspection --------------------------------------------------------------------------------------------------


def _is_filled(step: Step) -> bool:
    wanted = step.case.facts.get("dimensions") or DIMENSIONS
    return all(name in step["results"] for name in wanted) or not step.policy.needs_reasons


def _is_only_inspection(step: Step) -> bool:
    """A cycle has one inspection of a subject at a time; ad hoc ones come as often as somebody wants them."""
    if step["kind"] != "PERIODIC":
        return True
    others = step.work.keys_where("Inspection", subject_no=step["subject_no"], kind="PERIODIC")
    return not any(step.load("Inspection", key).stage == "OPEN" for key in others)


class Inspection(Case):
    """Scheduled, recorded, reviewed by another person; overdue where nobody came."""

    NAME = "Inspection"
    KEY = "inspection_no"
    ROWS = (
        row(
            "Schedule",
            "InspectionScheduled",
            "SY AM EX",
            "kind:E, subject_no:I, due_on:D, dimensions:T",
            makes=True,
            next="OPEN",
            clauses=(clause("Schedule.1", "one open per asset and cycle", _is_only_inspection),),
            default=lambda step: {"dimensions": list(DIMENSIONS)},
            derive=one_of("kind", ("PERIODIC", "AD_HOC")),
        ),
        row(
            "Record",
            "InspectionRecorded",
            "AM",
            "checked_on:D, results:J, findings:T",
            stages="OPEN",
            next="RECORDED",
            clauses=(
                clause("Record.1", "mandatory dimensions filled", _is_filled),
                clause("Record.2", "batch only for personal and online loans"),
            ),
            default=lambda step: {"checked_on": step.day, "findings": [], "results": {}},
            remember="maker",
        ),
        row(
            "Review",
            "InspectionReviewed",
            "BR",
            "outcome:E, comment:S",
            stages="RECORDED",
            next=lambda case, facts: "CLOSED" if facts["outcome"] in ("PASS", "ACCEPTED", "CLOSED") else "OPEN",
            clauses=(
                clause("SD1", "the maker never decides", lambda step: not step.case.has_played(step.actor, "maker")),
            ),
            default=lambda step: {"comment": "-"},
        ),
        row(
            "MarkOverdue",
            "InspectionOverdue",
            "SY",
            "days:N",
            stages="OPEN",
            clauses=(
                in_stage("MarkOverdue.1"),
                clause("MarkOverdue.1", "due_on passed, OPEN", lambda s: s.day > s.case.facts["due_on"]),
            ),
            derive=lambda step: {"days": max(0, (step.day - step.case.facts["due_on"]).days)},
        ),
    )


# --- Collection and outsourcing ----------------------------------------------------------------------------------


class CollectionTask(Case):
    """A collection matter in the smart-collection system, and the actions it reports."""

    NAME = "CollectionTask"
    KEY = "task_no"
    ROWS = (
        row(
            "RequestCollection",
            "CollectionRequested",
            "AM",
            "asset_ids:L, targets:L?, method:E",
            makes=True,
            next="REQUESTED",
            clauses=(
                clause(
                    "RequestCollection.1",
                    "asset ACTIVE or WRITTEN_OFF",
                    lambda step: all(asset.stage != "CLOSED" for asset in step.assets),
                ),
            ),
            default=lambda step: {"method": "PHONE", "asset_ids": step.asset_ids},
        ),
        row("Accept", "CollectionAccepted", "EX", "ext_no:I", stages="REQUESTED", next="RUNNING"),
        row(
            "LogAction",
            "CollectionActionLogged",
            "EX",
            "action_no:I, acted_at:S, method:E, contact:E?, outcome:E, promise_amount:M?, promise_on:D?, evidence:L?",
            stages="RUNNING",
            clauses=(
                clause("LogAction.1", "new ext action id", lambda step: step["action_no"] not in step.case.actions),
            ),
            default=lambda step: {"acted_at": step.work.at.isoformat(), "method": "PHONE"},
            effect=lambda case, facts, who: case.actions.append(facts["action_no"]),
        ),
        row("Close", "CollectionClosed", "EX AM", "outcome:E", stages="REQUESTED RUNNING", next="CLOSED"),
    )

    def start(self) -> None:
        self.actions: list[str] = []

    def extra(self) -> dict[str, Any]:
        return {"actions": list(self.actions)}


def _fee(step: Step) -> Facts:
    """A percentage of what was recovered, HALF_UP to the minor unit."""
    rate = step.case.facts.get("fee_rate")
    if rate is None or step.get("base") is None:
        return {}
    return {"fee": int((Decimal(step["base"]) * rate / 100).quantize(Decimal(1), ROUND_HALF_UP))}


class OutsourcingEngagement(Case):
    """A collection agency, engaged after approval for a share of what it recovers."""

    NAME = "OutsourcingEngagement"
    KEY = "engagement_no"
    ROWS = (
        *approval(
            Approval(
                "Outsourcing",
                "agency:I, asset_ids:L, from_date:D?, until_date:D?, fee_rate:P?",
                amount=lambda step: None,
                own=(clause("SD12", "the agency is no related party of staff"),),
                defaults=lambda step: {"asset_ids": step.asset_ids},
            )
        ),
        row(
            "Engage",
            "OutsourcingEngaged",
            "AM",
            "agency:I, asset_ids:L, from_date:D, until_date:D, fee_rate:P",
            stages="APPROVED",
            next="ENGAGED",
            clauses=(clause("SD12", "the agency is no related party of staff"),),
            default=lambda step: {
                name: step.case.facts[name]
                for name in ("agency", "asset_ids", "from_date", "until_date", "fee_rate")
                if name in step.case.facts
            },
        ),
        row("Recall", "OutsourcingRecalled", "AM", "cause:E", stages="ENGAGED", next="ENDED"),
        row(
            "SettleFee",
            "OutsourcingFeeSettled",
            "FN",
            "flow_ids:L, base:M, fee:M",
            stages="ENGAGED ENDED",
            clauses=(clause("SettleFee.1", "`fee = q(confirmed recovery x fee_rate / 100)`"),),
            derive=_fee,
        ),
    )


# --- Liability ---------------------------------------------------------------------------------------------------

PERSONS = "persons:L{staff_no:I, post:S?, degree:E, sanction:E?, amount:M?}"


class LiabilityDetermination(Case):
    """Who answers for a loss: registered with evidence, reviewed by another person, corrected on new evidence."""

    NAME = "LiabilityDetermination"
    KEY = "determination_no"
    ROWS = (
        row(
            "Open",
            "DeterminationOpened",
            "CM",
            "asset_ids:L, trigger:E",
            makes=True,
            next="OPEN",
            clauses=(clause("Open.1", "asset NPL or loss event"),),
            default=lambda step: {"asset_ids": step.asset_ids},
        ),
        row(
            "Register",
            "ResultRegistered",
            "CM",
            f"{PERSONS}, conclusion:S, docs:L?",
            stages="OPEN",
            next="REGISTERED",
            clauses=(clause("Register.1", "evidence uploaded"),),
            default=lambda step: {"conclusion": "-"},
            remember="maker",
        ),
        row(
            "Review",
            "DeterminationReviewed",
            "BR RM",
            "outcome:E",
            stages="REGISTERED",
            next=lambda case, facts: "CLOSED" if facts["outcome"] in ("PASS", "ACCEPTED", "CLOSED") else "OPEN",
            clauses=(
                clause("SD1", "the maker never decides", lambda step: not step.case.has_played(step.actor, "maker")),
                clause("SD3", "a person named in it does not review it", lambda step: not _is_named(step)),
            ),
        ),
        row(
            "Correct",
            "ResultCorrected",
            "CM",
            f"{PERSONS}, why:S",
            stages="CLOSED",
            next="REGISTERED",
            clauses=(in_stage("Correct.1"), clause("Correct.2", "new evidence")),
            default=lambda step: {"why": step.who.reason or "-"},
            remember="maker",
        ),
    )


def _is_named(step: Step) -> bool:
    return any(person["staff_no"] == step.actor for person in step.case.facts.get("persons", []))


# --- Plan and trial ----------------------------------------------------------------------------------------------


def _plan(step: Step) -> Facts:
    if step.get("strategy") is not None:
        unless_field(step["strategy"] in STRATEGIES, "strategy", f"want one of {', '.join(STRATEGIES)}")
    return {}


def _recovery_rate(step: Step) -> Facts:
    estimate = step.case.facts.get("est_recovery", 0)
    found = completion(step.get("actual_recovery", 0), estimate)
    return {} if found is None else {"recovery_rate": found}


def _is_replaced(step: Step) -> bool:
    newer = step.find("DisposalPlan", step["by_no"])
    return newer is None or newer.stage == "APPROVED"


def _is_done(step: Step) -> bool:
    assets = [step.find("RiskAsset", loan_no) for loan_no in step.asset_ids]
    return all(asset is None or asset.stage == "CLOSED" for asset in assets)


class DisposalPlan(Case):
    """How a claim is to be brought in: imported snapshot, strategy, estimate; superseded or closed."""

    NAME = "DisposalPlan"
    KEY = "plan_no"
    ROWS = (
        *approval(
            Approval(
                "Plan",
                "asset_ids:L, strategy:E, steps:T, est_recovery:M, est_cost:M, est_done_on:D?",
                deciders=BRANCH_DECIDERS,
                amount=lambda step: step.case.facts.get("est_recovery"),
                own=(clause("AP.1", "snapshot <= `plan_snapshot_max_age` days"),),
                defaults=lambda step: {"asset_ids": step.asset_ids, "steps": [], "est_cost": 0},
                derive=_plan,
                approved="strategy:E?, est_recovery:M?",
            )
        ),
        row(
            "ImportSnapshot",
            "PlanSnapshotImported",
            "AM",
            "as_of:D, principal:M, interest:M, external_credit:J?, litigation:J?, asset_changes:J?, "
            "equity_changes:J?, related_loans:L?, related_parties:L?",
            stages="DRAFT",
            clauses=(in_stage("ImportSnapshot.1"),),
            default=lambda step: {"as_of": step.day},
        ),
        row(
            "Supersede",
            "PlanSuperseded",
            "AM SY",
            "by_no:I",
            stages="APPROVED",
            next="SUPERSEDED",
            clauses=(clause("Supersede.1", "new plan approved", _is_replaced),),
        ),
        row(
            "Close",
            "PlanClosed",
            "AM SY",
            "actual_recovery:M, recovery_rate:R?",
            stages="APPROVED",
            next="CLOSED",
            clauses=(clause("Close.1", "all assets closed", _is_done),),
            derive=_recovery_rate,
        ),
        row("Export", "PlanExported", "AM", "format:E", clauses=(clause("Export.1", "right EXPORT"),)),
    )


class InterestTrial(Case):
    """A saved trial calculation: the engine's whole input and output, never changed."""

    NAME = "InterestTrial"
    KEY = "trial_no"
    ROWS = (
        row(
            "SaveTrial",
            "InterestTrialSaved",
            "AM FN LG",
            "loan_no:I, opening:J, params:J, flows:O, as_of:D, rows:O, totals:J, engine_version:S",
            makes=True,
            next="SAVED",
            clauses=(clause("SaveTrial.1", "engine output"),),
            default=lambda step: {
                "opening": {},
                "params": {},
                "flows": [],
                "rows": [],
                "totals": {},
                "engine_version": "-",
                "as_of": step.day,
            },
        ),
    )
