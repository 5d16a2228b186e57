"""FaDisposal: the case that sells, converts or lists as lost a foreclosed asset or a portion of it.

Source: spec/risk-assets.md 3.18 (rows Case AP, Award, PP), decisions E18, E19. The asset's own figures change in
`ForeclosedAsset`, in the save of the posting.
"""

from decimal import Decimal
from typing import Any

from aggregates.refusals import unless_field
from aggregates.steps.approval import BRANCH_DECIDERS, Approval, approval
from aggregates.steps.case import Case
from aggregates.steps.posting import PostedCase, Posting, posting
from aggregates.steps.rows import Facts, clause, row
from aggregates.steps.step import Step

KINDS = ("SALE", "CONVERT", "LOSS_LISTING")
EVENT_BY_KIND = {"SALE": "AssetSold", "CONVERT": "ConvertedToFixedAsset", "LOSS_LISTING": "LossListed"}
POSTING_BY_KIND = {"SALE": "FA_SALE", "CONVERT": "FA_CONVERT", "LOSS_LISTING": "FA_LOSS"}
DRAFT = "fa_no:I, asset_ids:L, kind:E, portion:P, method:E?, reserve:M?, ground:E?"


def _draft_defaults(step: Step) -> Facts:
    asset = step.find("ForeclosedAsset", step.get("fa_no", ""))
    found: dict[str, Any] = {"portion": Decimal(100)}
    if asset is not None:
        found |= {"portion": asset.free, "asset_ids": asset.asset_ids}
    return found


def _draft(step: Step) -> Facts:
    if step.get("kind") is not None:
        unless_field(step["kind"] in KINDS, "kind", f"want one of {', '.join(KINDS)}")
    return {}


def _foreclosed(step: Step) -> Any:
    return step.load("ForeclosedAsset", step.case.facts["fa_no"])


def _content(step: Step) -> Facts:
    """A sale posts its proceeds, a conversion and a loss the carrying amount of the portion."""
    facts = step.case.facts
    if facts.get("kind") == "SALE":
        return {"amount": step.get("amount", facts.get("price", facts.get("reserve", 0)))}
    return {"amount": step.get("amount", _foreclosed(step).carrying_minor)}


def _posted(step: Step) -> None:
    facts, instruction = step.case.facts, step.case.instruction
    values: dict[str, Any] = {"fa_disposal_no": step.key, "portion": facts["portion"]}
    kind = facts["kind"]
    if kind == "SALE":
        values |= {
            "proceeds": step.get("proceeds", instruction["amount"]),
            "selling_costs": step.get("selling_costs", 0),
        }
    elif kind == "CONVERT":
        values["fixed_asset_no"] = step.get("fixed_asset_no", f"{step.key}.FX")
    else:
        values["compensation"] = step.get("compensation", 0)
    step.also("ForeclosedAsset", facts["fa_no"], EVENT_BY_KIND[kind], values)


def _reversed(step: Step) -> None:
    values = {"fa_disposal_no": step.key, "kind": step["kind"]}
    step.also("ForeclosedAsset", step.case.facts["fa_no"], "DisposalUndone", values)


ROWS = (
    *approval(
        Approval(
            "FaDisposal",
            DRAFT,
            makers="FK",
            deciders=BRANCH_DECIDERS,
            amount=lambda step: step.case.facts.get("reserve"),
            defaults=_draft_defaults,
            derive=_draft,
            own=(
                clause("AP.1", "SD7"),
                clause("AP.2", "SALE: valuation fresh, open bidding or reason for not"),
                clause("AP.3", "CONVERT: purchase approval number"),
                clause("AP.4", "LOSS_LISTING: evidence"),
            ),
            approve_own=(
                clause(
                    "SD7",
                    "the valuer's sponsor is not the sale approver",
                    lambda step: not _foreclosed(step).has_played(step.actor, "valuer's sponsor"),
                ),
            ),
            approved="reserve:M?",
            waits_in="APPROVED SOLD POSTING_FAILED",
        )
    ),
    row(
        "Award",
        "FaBuyerConfirmed",
        "FK",
        "buyer:S, price:M",
        stages="APPROVED",
        next="SOLD",
        clauses=(
            clause("SD12", "the buyer is no related party of staff"),
            clause("Award.1", "price >= reserve", lambda step: step["price"] >= step.case.facts.get("reserve", 0)),
        ),
    ),
    *posting(
        Posting(
            "FaDisposal",
            content=_content,
            ready="APPROVED SOLD",
            limit=lambda step: None,
            own=(clause("PP.1", "price received"),),
            posted_fields="proceeds:M?, selling_costs:M?, fixed_asset_no:I?, compensation:M?",
            posted=_posted,
            reverse=_reversed,
            reversal_content=lambda step: {"amount": step.case.instruction.get("amount")},
        )
    ),
)


class FaDisposal(PostedCase, Case):
    """Drafted by the keeper, approved, sold to a confirmed buyer, converted or listed as lost, posted."""

    NAME = "FaDisposal"
    KEY = "fa_disposal_no"
    ROWS = ROWS
