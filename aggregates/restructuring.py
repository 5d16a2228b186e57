"""Restructuring and Mandate: minimal aggregates that the ledgers need (spec/risk-assets.md 3.19)."""

from typing import Any

from aggregates import claim
from aggregates.refusals import unless_field
from aggregates.steps.approval import BRANCH_DECIDERS, Approval, approval
from aggregates.steps.case import Case
from aggregates.steps.posting import PostedCase, Posting, posting
from aggregates.steps.rows import Facts, row
from aggregates.steps.step import Step, one_of

KINDS = ("EXTENSION", "REFINANCE", "RATE_CUT", "DEBTOR_CHANGE", "OTHER")
MANDATES = ("SERVICER_AFTER_TRANSFER", "SECURITISATION_SERVICER", "HEAD_OFFICE_ENTRUSTED", "THIRD_PARTY")


def _draft(step: Step) -> Facts:
    unless_field(step.get("kind", KINDS[0]) in KINDS, "kind", f"want one of {', '.join(KINDS)}")
    return {}


def _content(step: Step) -> Facts:
    """Nothing is derecognised: the instruction shows the claim whose terms change."""
    return {"amount": sum(claim.non_zero(asset.buckets_minor).get("principal", 0) for asset in step.assets)}


def _posted(step: Step) -> None:
    facts = step.case.facts
    for loan_no in step.asset_ids:
        values: dict[str, Any] = {"case_no": step.key, "new_terms": facts["new_terms"]}
        if facts.get("observe_until") is not None:
            values["observe_until"] = facts["observe_until"]
        step.also("RiskAsset", loan_no, "AssetRestructured", values)


class Restructuring(PostedCase, Case):
    """New terms, approved and posted; then observed."""

    NAME = "Restructuring"
    KEY = "restructure_no"
    ROWS = (
        *approval(
            Approval(
                "Restructuring",
                "asset_ids:L, kind:E, new_terms:J, observe_until:D?",
                deciders=BRANCH_DECIDERS,
                amount=lambda step: None,
                defaults=lambda step: {"asset_ids": step.asset_ids},
                derive=_draft,
                hold="RESTRUCTURING",
                waits_in="APPROVED POSTING_FAILED",
            )
        ),
        *posting(
            Posting("Restructuring", content=_content, limit=lambda step: None, hold="RESTRUCTURING", posted=_posted)
        ),
        row("PassObservation", "ObservationPassed", "RM SY", stages="POSTED", next="COMPLETED"),
        row("FailObservation", "ObservationFailed", "RM SY", "why:S", stages="POSTED", next="FAILED"),
    )


class Mandate(Case):
    """Assets that the bank services for somebody else, or somebody for the bank."""

    NAME = "Mandate"
    KEY = "mandate_no"
    ROWS = (
        row(
            "Accept",
            "MandateAccepted",
            "HM",
            "kind:E, principal_no:I, asset_ids:L, fee_terms:J, from_date:D, until_date:D?",
            makes=True,
            next="RUNNING",
            default=lambda step: {"fee_terms": {}, "from_date": step.day},
            derive=one_of("kind", MANDATES),
        ),
        row("PassOn", "MandateCollectionPassedOn", "HM FN", "flow_id:I, amount:M", stages="RUNNING"),
        row("EarnFee", "MandateFeeEarned", "FN", "amount:M", stages="RUNNING"),
        row(
            "End",
            "MandateEnded",
            "HM",
            "why:S",
            stages="RUNNING",
            next="ENDED",
            default=lambda step: {"why": step.who.reason or "-"},
        ),
    )
