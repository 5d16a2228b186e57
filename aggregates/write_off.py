"""WriteOff: the case that decides on and posts one write-off (spec/risk-assets.md 3.13).

It holds papers, review, committee, approval and the instruction to core banking; the claim itself changes only in
`RiskAsset`, in the save in which core's acceptance is recorded.
"""

from collections.abc import Mapping
from typing import Any

from aggregates import claim
from aggregates.refusals import unless, unless_field, unless_state
from aggregates.steps.approval import REVIEWER, Approval, approval
from aggregates.steps.case import Case
from aggregates.steps.posting import PostedCase, Posting, posting
from aggregates.steps.rows import Facts, clause, in_stage, row
from aggregates.steps.step import Step, one_of

REVIEW_OUTCOMES = ("PASS", "FAIL")
COMMITTEE_OUTCOMES = ("PASSED", "REJECTED", "ANNULLED")
DRAFT = "asset_no:I, asset_ids:L, write_off_kind:E, book_amount:M, memo_interest:M, ground:E, claim_snapshot:A"


def _draft(step: Step) -> Facts:
    """What a draft derives from the asset may be left out; given, it must be equal."""
    asset = step.asset(step.get("asset_no"))
    unless_state(asset.stage, ("ACTIVE",), "Draft")
    buckets = asset.buckets_minor
    return {
        "asset_ids": [asset.key],
        "book_amount": claim.book_of(buckets),
        "memo_interest": claim.memo_interest_of(buckets),
        "claim_snapshot": claim.non_zero(buckets),
    }


def _draft_defaults(step: Step) -> Facts:
    found: dict[str, Any] = {"write_off_kind": "BAD_DEBT"}
    if step.exists:
        found |= {name: step.case.facts[name] for name in ("asset_no", "write_off_kind", "ground")}
    elif step.asset_ids:
        found["asset_no"] = step.asset_ids[0]
    return found


def _is_fresh(step: Step) -> bool:
    return bool(claim.non_zero(step.asset().buckets_minor) == step.case.facts["claim_snapshot"])


def _ceiling(step: Step) -> Facts:
    book = step.case.facts.get("book_amount")
    ceiling = step.get("max_book_amount", book)
    unless_field(book is None or ceiling is None or ceiling <= book, "max_book_amount", "above the submitted amount")
    return {} if ceiling is None else {"max_book_amount": ceiling}


def _review(step: Step) -> Facts:
    unless_field(step.get("outcome") in REVIEW_OUTCOMES, "outcome", "unknown outcome")
    flags: Mapping[str, object] = step.get("checklist", {})
    unless_field(all(isinstance(flag, bool) for flag in flags.values()), "checklist", "want an object of booleans")
    return {}


def _content(step: Step) -> Facts:
    """The instruction holds the book buckets as they stand; memo interest is read when posted (E17)."""
    book = claim.non_zero(step.asset().buckets_minor, claim.BOOK_BUCKETS)
    unless_field(bool(book), "amount", "nothing is left to post")
    return {"amount": sum(book.values()), "alloc": book}


def _check_before_sending(step: Step) -> None:
    """Nothing goes out that the asset would refuse on its return: a rejection by us would then need a reversal."""
    asset = step.asset()
    unless(asset.is_held_by("WRITE_OFF", step.key), "RiskAsset.WriteOff.1", "no WRITE_OFF hold of this case")
    _unless_unchanged(step)
    unless(asset.is_at_least(step.policy.write_off_class_min), "RiskAsset.WriteOff.3", "the class is not bad enough")


def _unless_unchanged(step: Step) -> None:
    book = claim.non_zero(step.asset().buckets_minor, claim.BOOK_BUCKETS)
    same = step.case.instruction["alloc"] == book
    unless(same, "RiskAsset.WriteOff.2", "the instruction does not hold every book bucket as it stands")


def _posted(step: Step) -> None:
    _unless_unchanged(step)
    step.also("RiskAsset", step.asset_ids[0], "AssetWrittenOff", {"write_off_no": step.key})


def _reversed(step: Step) -> None:
    values = {"write_off_no": step.key, "kind": step["kind"]}
    step.also("RiskAsset", step.asset_ids[0], "AssetWriteOffReversed", values)


def _reversal_content(step: Step) -> Facts:
    """A write-off reversal takes back the whole remaining memo (E16, E19)."""
    memo = claim.non_zero(step.asset().memo_minor)
    return {"amount": sum(memo.values()), "alloc": memo}


ROWS = (
    *approval(
        Approval(
            "WriteOff",
            DRAFT,
            amount=lambda step: step.case.facts.get("book_amount"),
            own=(
                clause("Draft.1", "no hold on asset", lambda step: not step.asset(step["asset_no"]).hold_kind),
                clause("Draft.2", "plan report attached"),
            ),
            defaults=_draft_defaults,
            derive=_draft,
            submit_own=(in_stage("Submit.1"),),
            is_fresh=_is_fresh,
            review_before_submit=True,
            segregated_reviewer="SD9",
            approved="max_book_amount:M?",
            approved_values=_ceiling,
            approve_own=(
                clause(
                    "Approve.1",
                    "outcome PASSED",
                    lambda step: step.case.facts.get("committee_outcome", "PASSED") == "PASSED",
                ),
            ),
            hold="WRITE_OFF",
            waits_in="APPROVED POSTING_FAILED",
        )
    ),
    row(
        "AttachPapers",
        "WriteOffPapersAttached",
        "AM CS",
        "docs:L, loan_nos:L",
        stages="DRAFT",
        clauses=(clause("AttachPapers.1", "each paper linked to a loan note"),),
        default=lambda step: {"docs": list(step.work.command.docs), "loan_nos": step.asset_ids},
    ),
    row(
        "ReviewCompliance",
        "ComplianceReviewed",
        "LG CM",
        "outcome:E, checklist:J, opinion:S, letter_doc:I",
        stages="DRAFT",
        next=lambda case, facts: "REVIEWED" if facts["outcome"] == "PASS" else "RETURNED",
        clauses=(
            clause(
                "SD9", "the compliance reviewer is not the maker", lambda s: not s.case.has_played(s.actor, "maker")
            ),
            clause(
                "ReviewCompliance.2",
                "checklist complete",
                lambda step: step["outcome"] != "PASS" or all(step["checklist"].values()),
            ),
        ),
        default=lambda step: {"checklist": {}, "opinion": "-", "letter_doc": "-"},
        derive=_review,
        remember=REVIEWER,
    ),
    row(
        "Refer",
        "CommitteeReferred",
        "CS",
        "meeting_no:I, item_no:N",
        stages="SUBMITTED",
        next="IN_COMMITTEE",
        clauses=(clause("Refer.1", "committee needed"),),
    ),
    row(
        "RecordOutcome",
        "CommitteeOutcomeRecorded",
        "SY",
        "outcome:E",
        stages="IN_COMMITTEE",
        next=lambda case, facts: "REJECTED" if facts["outcome"] == "REJECTED" else "SUBMITTED",
        clauses=(clause("RecordOutcome.1", "committee needed"),),
        derive=one_of("outcome", COMMITTEE_OUTCOMES),
        effect=lambda case, facts, who: case.facts.update(committee_outcome=facts["outcome"]),
    ),
    row(
        "IssueReply",
        "ApprovalIssued",
        "HA",
        "reply_doc:I, to_org:I",
        stages="APPROVED",
        clauses=(in_stage("IssueReply.1"),),
        default=lambda step: {"reply_doc": "-", "to_org": step.branch},
    ),
    *posting(
        Posting(
            "WriteOff",
            content=_content,
            limit=lambda step: step.case.facts.get("max_book_amount"),
            limit_guard="PP.1",
            hold="WRITE_OFF",
            check_before_sending=_check_before_sending,
            posted=_posted,
            reverse=_reversed,
            reversal_content=_reversal_content,
        )
    ),
    row(
        "PrintNotice",
        "WriteOffNoticePrinted",
        "FN",
        "copy_no:N",
        stages="POSTED",
        clauses=(in_stage("PrintNotice.1"),),
    ),
)


class WriteOff(PostedCase, Case):
    """Drafted, reviewed, submitted, approved by another person, posted through core banking."""

    NAME = "WriteOff"
    KEY = "write_off_no"
    ROWS = ROWS
