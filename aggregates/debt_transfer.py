"""DebtTransfer: sale of one or a few claims to one buyer (spec/risk-assets.md 3.15; decisions E14, E19).

The price is prorated over the assets by book claim (7.2); each asset leaves the books in the save of the posting.
"""

from typing import Any

from aggregates import claim
from aggregates.proration import prorate
from aggregates.refusals import unless_field
from aggregates.steps.approval import Approval, approval, release_hold
from aggregates.steps.case import Case
from aggregates.steps.posting import PostedCase, Posting, posting
from aggregates.steps.rows import Facts, clause, in_stage, row
from aggregates.steps.step import Step

DRAFT = "asset_ids:L, method:E, reserve:M, valuation:M?, claim_snapshot:A?"


def whole_claims(step: Step) -> dict[str, int]:
    """Everything that is owed, over all assets of the case, by bucket."""
    total: dict[str, int] = {}
    for asset in step.assets:
        for bucket, part in asset.whole_claim().items():
            total[bucket] = total.get(bucket, 0) + part
    return total


def book_weights(step: Step) -> dict[str, int]:
    """Weights of a price: book claim of each asset; of assets without one, the whole claim."""
    weights = {a.key: claim.book_of(a.whole_claim()) for a in step.assets}
    if not sum(weights.values()):
        weights = {a.key: max(1, sum(a.whole_claim().values())) for a in step.assets}
    return weights


def _draft_defaults(step: Step) -> Facts:
    return {"asset_ids": step.asset_ids, "claim_snapshot": whole_claims(step), "method": "AGREEMENT"}


def _content(step: Step) -> Facts:
    """A transfer posts the whole claim (E19)."""
    alloc = whole_claims(step)
    return {"amount": sum(alloc.values()), "alloc": alloc}


def _price(step: Step) -> int:
    return int(step.case.facts.get("price", 0))


def _received(case: Any, facts: Facts, _who: Any) -> None:
    case.received_minor += facts["amount"]


def _is_paid(step: Step) -> bool:
    """The whole price, or secured instalments where the contract has them."""
    instalments = bool(step.case.facts.get("instalments"))
    return instalments or step.case.received_minor >= _price(step)


def _posted(step: Step) -> None:
    prices = prorate(_price(step), book_weights(step))
    for loan_no in step.asset_ids:
        step.also("RiskAsset", loan_no, "AssetTransferred", {"case_no": step.key, "price": prices[loan_no]})


def _returned_price(step: Step) -> Facts:
    return {"price_returned": _price(step)}


def _unwound(step: Step) -> None:
    weights = {loan_no: max(1, step.asset(loan_no).taken[step.key].price_minor) for loan_no in step.asset_ids}
    returned = prorate(step.get("price_returned", _price(step)), weights)
    for loan_no in step.asset_ids:
        values = {"case_no": step.key, "price_returned": returned[loan_no], "kind": step["kind"]}
        step.also("RiskAsset", loan_no, "TransferUnwound", values)


def _buyer(step: Step) -> Facts:
    unless_field(step.get("price") is not None, "price", "is missing")
    return {}


ROWS = (
    *approval(
        Approval(
            "Transfer",
            DRAFT,
            amount=lambda step: step.case.facts.get("reserve"),
            defaults=_draft_defaults,
            own=(
                clause("AP.1", "claim assignable"),
                clause("AP.2", "`reserve >=` valuation x floor"),
                clause("AP.3", "fewer assets than batch threshold"),
            ),
            approved="reserve:M?",
            hold="TRANSFER",
            waits_in="APPROVED SOLD POSTING_FAILED",
        )
    ),
    row(
        "ConfirmBuyer",
        "BuyerConfirmed",
        "AM",
        "buyer_no:I, price:M, bids:O?",
        stages="APPROVED",
        next="SOLD",
        clauses=(
            clause("SD12", "the buyer is no related party of staff"),
            clause(
                "ConfirmBuyer.2",
                "`price >= reserve`",
                lambda step: step["price"] >= step.case.facts.get("reserve", 0),
            ),
        ),
        derive=_buyer,
    ),
    row(
        "SignContract",
        "TransferContractSigned",
        "AM",
        "contract_no:I, instalments:O?",
        stages="SOLD",
    ),
    row("ReceivePrice", "TransferPriceReceived", "FN", "flow_id:I, amount:M", stages="SOLD", effect=_received),
    row("RegisterFee", "TransferFeeRegistered", "FN", "expense_id:I, amount:M", stages="SOLD"),
    *posting(
        Posting(
            "Transfer",
            kind="DERECOGNISE_TRANSFER",
            content=_content,
            ready="SOLD",
            limit=lambda step: None,
            hold="TRANSFER",
            own=(
                clause("PP.1", "price complete (or secured instalments if allowed)", _is_paid),
                clause("PP.2", "price prorated over assets (7.2)"),
            ),
            posted=_posted,
            reverse=_unwound,
            reversal_own=(clause("Unwind.1", "annulled"),),
            reverses_from="POSTED COMPLETED",
            reversal_content=lambda step: {
                "amount": step.case.instruction.get("amount"),
                "alloc": dict(step.case.instruction.get("alloc", {})),
            },
            reversed_fields="price_returned:M?",
        )
    ),
    row(
        "NotifyDebtor",
        "DebtorNotified",
        "AM",
        "method:E, on:D, doc_id:I?",
        stages="POSTED COMPLETED",
        clauses=(in_stage("NotifyDebtor.1"),),
        default=lambda step: {"on": step.day},
    ),
    row(
        "RegisterResult",
        "TransferResultRegistered",
        "AM",
        "outcome:E, delivered_on:D",
        stages="POSTED",
        next="COMPLETED",
        clauses=(clause("RegisterResult.1", "papers handed over"),),
        default=lambda step: {"delivered_on": step.day},
    ),
    row(
        "Fail",
        "TransferFailed",
        "AM",
        "cause:E",
        stages="APPROVED SOLD",
        next="FAILED",
        clauses=(clause("Fail.1", "no buyer"),),
        then=lambda step: release_hold(step, "TRANSFER", "FAILED"),
    ),
)


class DebtTransfer(PostedCase, Case):
    """Approved with a reserve, sold, paid, posted; the debtor is told, the papers are handed over."""

    NAME = "DebtTransfer"
    KEY = "transfer_no"
    ROWS = ROWS

    def start(self) -> None:
        super().start()
        self.received_minor = 0

    def extra(self) -> dict[str, Any]:
        return super().extra() | {"received_minor": self.received_minor}
