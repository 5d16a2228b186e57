"""LitigationCase: a claim pursued in court, from proposal to enforcement (spec/risk-assets.md 3.12, section 5).

Proposals within the suit run beside the case's own stages. Deadlines of the judgment come from section 5 unless the
court set others; money recovered arrives as flows and is applied to the claim there.
"""

from datetime import date, timedelta
from typing import Any

from aggregates.calendar import add_years
from aggregates.refusals import unless_field
from aggregates.steps.approval import BRANCH_DECIDERS, Approval, approval
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause, in_stage, row
from aggregates.steps.step import Step

ROUTES = (
    "LAWSUIT",
    "ARBITRATION",
    "PAYMENT_ORDER",
    "NOTARISED_ENFORCEMENT",
    "SECURITY_REALISATION",
    "BANKRUPTCY_CLAIM",
)
APPEAL_DAYS = {"RULING": 10}  # TL10: 15 days for a judgment
APPEAL_DAYS_OTHERWISE = 15
ENFORCEMENT_YEARS = 2  # TL12
FIRST_RESERVE = 70  # per cent of the appraisal at least (TL14)
CUT_MAX = 20  # per cent per round
PRE_SUIT = "DRAFT RETURNED SUBMITTED"
SUIT = "APPROVED FILED JUDGED APPEAL EFFECTIVE ENFORCING SUSPENDED"
OPEN = "FILED JUDGED APPEAL EFFECTIVE ENFORCING SUSPENDED"


def _draft_defaults(step: Step) -> Facts:
    found: dict[str, Any] = {"why": "-", "bank_role": "PLAINTIFF", "case_type": "CIVIL", "cause": "LOAN_CONTRACT"}
    if step.asset_ids and (asset := step.find("RiskAsset", step.asset_ids[0])) is not None:
        found |= {"loan_nos": step.asset_ids, "asset_ids": step.asset_ids, "segment": asset.facts.get("segment", "-")}
    return found


def _draft(step: Step) -> Facts:
    unless_field(step.get("route", ROUTES[0]) in ROUTES, "route", f"want one of {', '.join(ROUTES)}")
    principal, interest = step.get("claim_principal"), step.get("claim_interest")
    whole = step.get("claim_amount")
    if None not in (principal, interest, whole):
        fits = principal + interest <= whole  # fees may stand beside principal and interest
        unless_field(fits, "claim_amount", "is less than principal and interest")
    return {}


def _approved(step: Step) -> Facts:
    facts = step.case.facts
    return {name: facts[name] for name in ("claim_amount", "claim_principal", "claim_interest") if name in facts}


def _judgment(step: Step) -> Facts:
    served_on = step.get("served_on", step.day)
    days = APPEAL_DAYS.get(step.get("kind", ""), APPEAL_DAYS_OTHERWISE)
    return {"kind": "JUDGMENT", "served_on": served_on, "awarded": {}, "appeal_by": served_on + timedelta(days=days)}


def _effective(step: Step) -> Facts:
    """Enforcement is applied for within two years of the last day of performance (TL12)."""
    effective_on = step.get("effective_on", step.day)
    perform_by = step.get("perform_by", effective_on)
    return {
        "effective_on": effective_on,
        "perform_by": perform_by,
        "apply_enforcement_by": add_years(perform_by, ENFORCEMENT_YEARS),
    }


def _in_time(field: str, limit: str) -> Any:
    def holds(step: Step) -> bool:
        until: date | None = step.case.facts.get(limit)
        return until is None or step[field] <= until

    return holds


def _auction(step: Step) -> Facts:
    rounds = step.case.rounds
    return {"round_no": len(rounds) + 1, "appraised": step.case.facts.get("appraised")}


def _reserve_is_lawful(step: Step) -> bool:
    """First round at least 70% of the appraisal; a later one at most 20% below the one before."""
    rounds, reserve = step.case.rounds, step["reserve"]
    if not rounds:
        return bool(reserve * 100 >= step["appraised"] * FIRST_RESERVE)
    return bool(reserve * 100 >= rounds[-1] * (100 - CUT_MAX))


def _failed(case: Any, facts: Facts, _who: Any) -> None:
    case.rounds.append(facts["reserve"])


def _sold(case: Any, facts: Facts, _who: Any) -> None:
    case.auction_price_minor = facts["price"]


def _suspended(case: Any, _facts: Facts, _who: Any) -> None:
    case.stage_before = case.stage


def _closed(case: Any, _facts: Facts, _who: Any) -> None:
    case.stage_before = case.stage


ROWS = (
    *approval(
        Approval(
            "CaseProposal",
            "loan_nos:L, asset_ids:L, case_type:E, route:E, segment:E, claim_amount:M, claim_principal:M, "
            "claim_interest:M, bank_role:E, cause:E, why:S",
            makers="AM LG",
            deciders=BRANCH_DECIDERS,
            amount=lambda step: step.case.facts.get("claim_amount"),
            defaults=_draft_defaults,
            derive=_draft,
            own=(
                clause("AP.1", "trial saved for the application day"),
                clause("AP.2", "collection records linked"),
            ),
            approved="claim_amount:M?, claim_principal:M?, claim_interest:M?",
            approved_defaults=_approved,
        )
    ),
    row(
        "Docket",
        "CaseDocketed",
        "AM LG",
        "court:S, court_case_no:S, docketed_on:D",
        stages="APPROVED",
        next="FILED",
        clauses=(in_stage("Docket.1"), clause("Docket.2", "counsel engaged or own staff")),
        default=lambda step: {"court": "-", "docketed_on": step.day},
    ),
    row(
        "Preserve",
        "PreservationGranted",
        "LG",
        "object:E, from_date:D, until_date:D, amount:M?",
        stages=f"{PRE_SUIT} {SUIT}",
        clauses=(in_stage("Preserve.1"),),
        default=lambda step: {"from_date": step.day},
    ),
    row(
        "Renew",
        "PreservationRenewed",
        "LG",
        "until_date:D",
        stages=f"{PRE_SUIT} {SUIT}",
        clauses=(in_stage("Renew.1"),),
    ),
    row("Lift", "PreservationLifted", "LG", stages=f"{PRE_SUIT} {SUIT}", clauses=(in_stage("Lift.1"),)),
    row("Hear", "HearingHeld", "AM LG", "on:D, note:S", stages=OPEN, default=lambda s: {"on": s.day, "note": "-"}),
    row("LogProgress", "ProgressLogged", "AM LG", "stage:E, note:S", stages=OPEN, default=lambda s: {"note": "-"}),
    row(
        "ServeJudgment",
        "JudgmentServed",
        "LG",
        "kind:E, served_on:D, outcome:E, awarded:J, appeal_by:D",
        stages="FILED APPEAL",
        next="JUDGED",
        clauses=(clause("ServeJudgment.1", "paper filed"),),
        default=_judgment,
    ),
    row(
        "Appeal",
        "AppealFiled",
        "LG",
        "on:D, by:E",
        stages="JUDGED",
        next="APPEAL",
        clauses=(clause("Appeal.1", "`<= appeal_by`", _in_time("on", "appeal_by")),),
        default=lambda step: {"on": step.day, "by": "BANK"},
    ),
    row(
        "BecomeEffective",
        "JudgmentEffective",
        "SY LG",
        "effective_on:D, perform_by:D, apply_enforcement_by:D",
        stages="JUDGED",
        next="EFFECTIVE",
        clauses=(clause("BecomeEffective.1", "appeal lapsed or final instance"),),
        default=_effective,
    ),
    row(
        "Mediate",
        "MediationSigned",
        "LG",
        "terms:J, perform_by:D",
        stages="FILED APPEAL",
        next="EFFECTIVE",
        clauses=(clause("Mediate.1", "court mediation paper"),),
        default=lambda step: {"terms": {}},
    ),
    row(
        "ApplyEnforcement",
        "EnforcementApplied",
        "AM LG",
        "applied_on:D",
        stages="EFFECTIVE",
        next="ENFORCING",
        clauses=(clause("ApplyEnforcement.1", "`<=` TL12", _in_time("applied_on", "apply_enforcement_by")),),
        default=lambda step: {"applied_on": step.day},
    ),
    row(
        "AuctionFail",
        "AuctionFailed",
        "AM LG",
        "round_no:N, appraised:M, reserve:M",
        stages="ENFORCING",
        clauses=(
            clause(
                "AuctionFail.1",
                "round 1 reserve >= 70% of appraisal, later cut <= 20%",
                _reserve_is_lawful,
            ),
        ),
        default=_auction,
        effect=_failed,
    ),
    row(
        "AuctionSell",
        "AuctionSold",
        "AM LG",
        "round_no:N, price:M",
        stages="ENFORCING",
        clauses=(clause("AuctionSell.1", "round 1 reserve >= 70% of appraisal, later cut <= 20%"),),
        default=lambda step: {"round_no": len(step.case.rounds) + 1},
        effect=_sold,
    ),
    row(
        "Terminate",
        "EnforcementSuspended",
        "LG",
        "kind:E",
        stages="ENFORCING",
        next="SUSPENDED",
        clauses=(clause("Terminate.1", "court ruling"),),
        effect=_suspended,
    ),
    row(
        "Resume",
        "EnforcementResumed",
        "LG",
        stages="SUSPENDED",
        next="ENFORCING",
        clauses=(clause("Resume.1", "new property found"),),
    ),
    *approval(
        Approval(
            "InSuitProposal",
            "topic:E, content:J",
            makers="AM LG",
            amount=lambda step: None,
            makes=False,
            track="in_suit",
            begins_in="- APPROVED REJECTED DISCARDED WITHDRAWN LAPSED",
            own=(clause("AP.1", "case open", lambda step: step.case.stage in OPEN.split()),),
            defaults=lambda step: {"content": {}},
        )
    ),
    row(
        "DeleteRegistration",
        "CaseRegistrationDiscarded",
        "AM",
        stages="APPROVED FILED",
        next="DISCARDED",
        clauses=(
            clause(
                "DeleteRegistration.1",
                "no court number yet, nothing posted",
                lambda step: not step.case.facts.get("court_case_no"),
            ),
        ),
    ),
    row(
        "Close",
        "CaseClosed",
        "LG",
        "outcome:E, recovered:M",
        stages=f"APPROVED {OPEN}",
        next="CLOSED",
        clauses=(clause("Close.1", "outcome set"),),
        default=lambda step: {"recovered": 0},
        effect=_closed,
    ),
    row(
        "Reopen",
        "CaseReopened",
        "LG",
        "why:S",
        stages="CLOSED",
        next=lambda case, facts: case.stage_before or "FILED",
        default=lambda step: {"why": step.who.reason or "-"},
    ),
)


class LitigationCase(Case):
    """Proposed, filed, judged, appealed, effective, enforced; suspended or closed."""

    NAME = "LitigationCase"
    KEY = "case_no"
    ROWS = ROWS

    def start(self) -> None:
        self.rounds: list[int] = []  # reserves of the failed auctions
        self.auction_price_minor: int | None = None
        self.stage_before = ""

    def extra(self) -> dict[str, Any]:
        return {
            "failed_rounds": len(self.rounds),
            "auction_price_minor": self.auction_price_minor,
            "in_suit": self.tracks.get("in_suit"),
        }


class CounselEngagement(Case):
    """Which law firm acts: chosen among quotes, engaged after approval, replaced."""

    NAME = "CounselEngagement"
    KEY = "engagement_no"
    ROWS = (
        *tuple(
            item
            for item in approval(
                Approval(
                    "CounselSelection",
                    "loan_nos:L?, case_no:I?, firms:L, quotes:O",
                    makers="AM LG",
                    amount=lambda step: None,
                    own=(
                        clause("SD12", "the firm is no related party of staff"),
                        clause(
                            "AP.2",
                            "at least `min_quotes` firms",
                            lambda step: len(step["firms"]) >= step.policy.min_quotes,
                        ),
                    ),
                    defaults=lambda step: {"quotes": []},
                )
            )
        ),
        row(
            "Engage",
            "CounselEngaged",
            "AM LG",
            "firm:I, lawyer:S, fee_terms:J",
            stages="APPROVED",
            next="ENGAGED",
            default=lambda step: {"lawyer": "-", "fee_terms": {}},
        ),
        row("Replace", "CounselReplaced", "AM LG", "firm:I", stages="ENGAGED"),
    )


class LegalDocument(Case):
    """A document filled from a template, edited, issued; every version is kept."""

    NAME = "LegalDocument"
    KEY = "doc_id"
    ROWS = (
        row(
            "Generate",
            "LegalDocumentGenerated",
            "AM LG",
            "template:I, template_version:N, fields_hash:S, case_no:I?",
            makes=True,
            next="GENERATED",
            clauses=(clause("Document.1", "template active"),),
            default=lambda step: {"template_version": 1, "fields_hash": "-"},
        ),
        row(
            "Edit",
            "LegalDocumentEdited",
            "AM LG",
            "version:N, sha256:S",
            stages="GENERATED EDITED",
            next="EDITED",
            default=lambda step: {"version": step.case.facts.get("version", 1) + 1},
        ),
        row(
            "Issue",
            "LegalDocumentIssued",
            "AM LG",
            "copy_no:N, method:E",
            stages="GENERATED EDITED ISSUED",
            next="ISSUED",
            default=lambda step: {"copy_no": step.case.facts.get("copy_no", 0) + 1, "method": "PRINT"},
        ),
    )
