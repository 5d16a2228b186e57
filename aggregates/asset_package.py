"""AssetPackage: assets of one pool: offered, awarded, paid, posted one by one, delivered; or securitised (3.16)."""

from typing import Any

from aggregates.batch_disposal import free
from aggregates.debt_transfer import book_weights, whole_claims
from aggregates.proration import prorate
from aggregates.steps.case import Case
from aggregates.steps.posting import PostedCase, Posting, posting
from aggregates.steps.rows import Facts, clause, in_stage, row
from aggregates.steps.step import Step


def _is_diligent(step: Step) -> bool:
    pool = step.find("AssetPool", step.get("pool_no", "-"))
    return pool is None or all(loan_no in pool.diligence for loan_no in step["asset_ids"])


def _is_in_one_package(step: Step) -> bool:
    return not any(step.work.open_cases("AssetPackage", loan_no) for loan_no in step["asset_ids"])


def _award_price(step: Step) -> int:
    return max((bid for _, bid in step.case.bids), default=0)


def _award(step: Step) -> Facts:
    if not step.case.bids:
        return {}
    amc_no, amount = max(step.case.bids, key=lambda bid: (bid[1], bid[0]))
    return {"amc_no": amc_no, "price": amount}


def _is_highest(step: Step) -> bool:
    reserve = step.case.facts.get("reserve", 0)
    bids = step.case.bids
    highest = not bids or (step["price"] == _award_price(step) and (step["amc_no"], step["price"]) in bids)
    return highest and step["price"] >= reserve


def _has_no_valid_bid(step: Step) -> bool:
    return _award_price(step) < step.case.facts.get("reserve", 0) or not step.case.bids


def _has_method(method: str) -> Any:
    """Of the project that the package's pool belongs to, where both are known here."""

    def holds(step: Step) -> bool:
        pool = step.find("AssetPool", step.case.facts.get("pool_no", "-"))
        project = None if pool is None else step.find("BatchDisposalProject", pool.facts.get("project_no", "-"))
        return project is None or project.facts.get("method") == method

    return holds


def _price(step: Step) -> int:
    return int(step.case.facts.get("price", 0))


def _failed_items(step: Step) -> list[str]:
    return list(step.case.failed)


def _package_posted(step: Step) -> None:
    failed = set(_failed_items(step))
    prices = prorate(_price(step), book_weights(step))
    for loan_no in step.asset_ids:
        if loan_no not in failed:
            values = {"case_no": step.key, "price": prices[loan_no]}
            step.also("RiskAsset", loan_no, "AssetTransferred", values)
            if step.policy.release_hold_on_posted:
                free(step, loan_no, step.asset(loan_no).hold_case_no, "POSTED")


def _package_reversed(step: Step) -> None:
    failed = set(_failed_items(step))
    assets = {a.key: a for a in step.assets if a.key not in failed and step.key in a.taken}
    weights = {loan_no: max(1, asset.taken[step.key].price_minor) for loan_no, asset in assets.items()}
    if not weights:
        return
    returned = prorate(step.get("price_returned", _price(step)), weights)
    for loan_no, part in returned.items():
        values = {"case_no": step.key, "price_returned": part, "kind": step["kind"]}
        step.also("RiskAsset", loan_no, "TransferUnwound", values)


def _bid(case: Any, facts: Facts, _who: Any) -> None:
    case.bids.append((facts["amc_no"], facts["amount"]))


def _received(case: Any, facts: Facts, _who: Any) -> None:
    case.received_minor += facts["amount"]


def _issued(step: Step) -> None:
    _derecognised(step, "SECURITISED")


def _income_right(step: Step) -> None:
    """Not derecognised: the claim stays on the books with a tag."""
    if step["derecognised"]:
        _derecognised(step, "TRANSFERRED")
        return
    for loan_no in step.asset_ids:
        step.also("RiskAsset", loan_no, "AssetTagged", {"tag": "INCOME_RIGHT", "on": True}, system=True)


def _derecognised(step: Step, closed_as: str) -> None:
    """The case itself takes the claims off the books, at their part of what came in (7.1, decision E14)."""
    prices = prorate(step["proceeds"], book_weights(step))
    for loan_no in step.asset_ids:
        values = {"case_no": step.key, "price": prices[loan_no], "closed_as": closed_as}
        step.also("RiskAsset", loan_no, "AssetTransferred", values)
        if step.policy.release_hold_on_posted:
            free(step, loan_no, step.asset(loan_no).hold_case_no, "POSTED")


def _mandated(step: Step) -> None:
    """The trust has the bank collect for it."""
    values = {
        "kind": "SECURITISATION_SERVICER",
        "principal_no": step.case.facts.get("trust_no", step.key),
        "asset_ids": step.asset_ids,
    }
    step.also("Mandate", step["mandate_no"], "MandateAccepted", values)


class AssetPackage(PostedCase, Case):
    """Formed from a pool, offered, awarded, paid, posted asset by asset, delivered; or securitised."""

    NAME = "AssetPackage"
    KEY = "package_no"
    ROWS = (
        row(
            "FormPackage",
            "PackageFormed",
            "HM",
            "pool_no:I?, package_no:I, asset_ids:L, reserve:M",
            makes=True,
            next="FORMED",
            clauses=(
                clause("FormPackage.1", "diligence complete", _is_diligent),
                clause("FormPackage.2", "an asset in one package only", _is_in_one_package),
            ),
            default=lambda step: {"package_no": step.key},
            remember="maker",
        ),
        row(
            "Invite",
            "InvitationIssued",
            "HM",
            "amc_nos:L, on:D",
            stages="FORMED BIDDING",
            next="BIDDING",
            clauses=(
                clause("SD12", "the bidder is no related party of staff"),
                clause("Invite.2", "bidders qualified"),
            ),
            default=lambda step: {"on": step.day},
        ),
        row(
            "RegisterBidNotice",
            "BidNoticeRegistered",
            "HM",
            "bid_on:D, deposit:M",
            stages="FORMED BIDDING",
            next="BIDDING",
            default=lambda step: {"bid_on": step.day},
        ),
        row("RecordBid", "BidRecorded", "HM", "amc_no:I, amount:M", stages="BIDDING", effect=_bid),
        row(
            "Award",
            "BidWon",
            "HM",
            "amc_no:I, price:M",
            stages="BIDDING",
            next="AWARDED",
            clauses=(clause("Award.1", "highest valid bid >= reserve", _is_highest),),
            default=_award,
        ),
        row(
            "Abort",
            "BiddingFailed",
            "HM",
            "why:S",
            stages="BIDDING",
            next="FORMED",
            clauses=(clause("Abort.1", "no bid reaches the reserve", _has_no_valid_bid),),
            default=lambda step: {"why": step.who.reason or "-"},
            effect=lambda case, facts, who: case.bids.clear(),
        ),
        row("RecordContract", "ContractRecorded", "HM FN", "contract_no:I, signed_on:D", stages="AWARDED"),
        row(
            "ReceivePrice", "PackagePriceReceived", "HM FN", "flow_id:I, amount:M", stages="AWARDED", effect=_received
        ),
        row("RegisterFee", "PackageFeeRegistered", "HM FN", "expense_id:I, amount:M", stages="AWARDED POSTED"),
        *posting(
            Posting(
                "Package",
                kind="DERECOGNISE_TRANSFER",
                content=lambda step: {
                    "amount": sum(whole_claims(step).values()),
                    "alloc": whole_claims(step),
                },
                ready="AWARDED",
                limit=lambda step: None,
                own=(
                    clause("PP.1", "price complete", lambda step: step.case.received_minor >= _price(step)),
                    clause("PP.2", "proration over assets by `weights`"),
                    clause(
                        "RequestPosting.5",
                        "held for the package's pool",
                        lambda step: all(asset.hold_kind == "BATCH" for asset in step.assets),
                    ),
                ),
                posted=_package_posted,
                posted_stage=lambda case, facts: "PARTLY_POSTED" if case.failed else "POSTED",
                reverse=_package_reversed,
                reverses_from="POSTED PARTLY_POSTED DELIVERED",
                reversal_content=lambda step: {
                    "amount": step.case.instruction.get("amount"),
                    "alloc": dict(step.case.instruction.get("alloc", {})),
                },
                reversed_fields="price_returned:M?",
            )
        ),
        row(
            "FailItem",
            "PackageItemFailed",
            "CB",
            "asset_no:I, error_code:E",
            stages="POSTING PARTLY_POSTED",
            effect=lambda case, facts, who: case.failed.append(facts["asset_no"]),
        ),
        row(
            "Deliver",
            "PackageDelivered",
            "HM",
            "on:D",
            stages="POSTED PARTLY_POSTED",
            next="DELIVERED",
            clauses=(in_stage("Deliver.1"),),
            default=lambda step: {"on": step.day},
        ),
        row(
            "Replace",
            "AssetReplaced",
            "HM",
            "out_no:I, in_no:I, price_diff:G",
            stages="POSTED PARTLY_POSTED DELIVERED",
            clauses=(in_stage("Replace.1"),),
            default=lambda step: {"price_diff": 0},
        ),
        row(
            "EstablishTrust",
            "TrustEstablished",
            "HM",
            "trust_no:I, tranches:L{name:S, amount:M, rate:R}",
            stages="FORMED BIDDING AWARDED",
            clauses=(clause("Securitise.1", "method SECURITISATION", _has_method("SECURITISATION")),),
        ),
        row(
            "IssueSecurities",
            "SecuritiesIssued",
            "HM",
            "proceeds:M, retained:M",
            stages="FORMED BIDDING AWARDED",
            next="ISSUED",
            clauses=(clause("Securitise.1", "method SECURITISATION", _has_method("SECURITISATION")),),
            default=lambda step: {"retained": 0},
            then=_issued,
        ),
        row(
            "AppointServicer",
            "ServicerAppointed",
            "HM",
            "mandate_no:I",
            stages="FORMED BIDDING AWARDED ISSUED",
            then=_mandated,
        ),
        row(
            "TransferIncomeRight",
            "IncomeRightTransferred",
            "HM",
            "trust_no:I, proceeds:M, retained:M, derecognised:B",
            stages="FORMED BIDDING AWARDED",
            next="ISSUED",
            clauses=(clause("TransferIncomeRight.1", "method INCOME_RIGHT", _has_method("INCOME_RIGHT")),),
            default=lambda step: {"retained": 0, "derecognised": False},
            then=_income_right,
        ),
    )

    def start(self) -> None:
        super().start()
        self.bids: list[tuple[str, int]] = []
        self.failed: list[str] = []
        self.received_minor = 0

    def extra(self) -> dict[str, Any]:
        return super().extra() | {"received_minor": self.received_minor, "failed": list(self.failed)}
