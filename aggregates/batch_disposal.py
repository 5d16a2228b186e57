"""BatchDisposalProject, AssetPool and AssetPackage: many claims sold, securitised or sold as income rights (3.16).

A pool freezes its assets with one hold each; packages are formed from it, bid for, paid and posted asset by asset.
"""

from typing import Any

from aggregates import claim
from aggregates.debt_transfer import book_weights, whole_claims
from aggregates.proration import prorate
from aggregates.steps.approval import Approval, approval
from aggregates.steps.case import Case
from aggregates.steps.posting import PostedCase, Posting, posting
from aggregates.steps.rows import Facts, clause, in_stage, row
from aggregates.steps.step import Step

METHODS = ("BATCH_TRANSFER", "SECURITISATION", "INCOME_RIGHT")
FINAL = ("POSTED", "PARTLY_POSTED", "DELIVERED", "ISSUED")


def _packages(step: Step) -> list[Any]:
    """Packages formed from the project's pools."""
    pools = step.work.keys_where("AssetPool", project_no=step.key)
    keys = [key for pool_no in pools for key in step.work.keys_where("AssetPackage", pool_no=pool_no)]
    return [step.load("AssetPackage", key) for key in keys]


def _is_nothing_posted(step: Step) -> bool:
    return not any(package.stage in FINAL for package in _packages(step))


def _is_all_final(step: Step) -> bool:
    return all(package.stage in (*FINAL, "REVERSED") for package in _packages(step))


def _result(step: Step) -> Facts:
    """What the project's packages brought, and what of the book claim they did not bring."""
    sold = [
        asset.taken[package.key]
        for package in _packages(step)
        for asset in (step.asset(loan_no) for loan_no in package.asset_ids)
        if package.key in asset.taken
    ]
    price = sum(left.price_minor for left in sold)
    return {"price": price, "loss": sum(left.book_minor for left in sold) - price}


def _free_pools(step: Step) -> None:
    for pool_no in step.work.keys_where("AssetPool", project_no=step.key):
        for loan_no in step.load("AssetPool", pool_no).asset_ids:
            _free(step, loan_no, pool_no, "CANCELLED")


def _free(step: Step, loan_no: str, pool_no: str, reason: str) -> None:
    """Release the hold of a pool on one of its assets, if it is still held."""
    if step.asset(loan_no).is_held_by("BATCH", pool_no):
        values = {"kind": "BATCH", "case_no": pool_no, "reason": reason}
        step.also("RiskAsset", loan_no, "DisposalHoldReleased", values, system=True)


class BatchDisposalProject(Case):
    """Initiated, approved, its schemes approved; complete when all packages are final."""

    NAME = "BatchDisposalProject"
    KEY = "project_no"
    ROWS = (
        *approval(
            Approval(
                "Project",
                "method:E, base_date:D, scope:J",
                makers="HM",
                amount=lambda step: None,
                own=(clause("AP.1", "method fixed", lambda step: step["method"] in METHODS),),
                defaults=lambda step: {"scope": {}, "base_date": step.day},
            )
        ),
        *approval(
            Approval(
                "Scheme",
                "packages:L, pricing:J",
                makers="HM",
                amount=lambda step: None,
                makes=False,
                track="scheme",
                begins_in="- REJECTED DISCARDED WITHDRAWN LAPSED",
                defaults=lambda step: {"pricing": {}},
                own=(clause("STATE", "project APPROVED", lambda step: step.case.stage == "APPROVED"),),
                after_approval="SCHEME_OK",
            )
        ),
        row(
            "Complete",
            "ProjectCompleted",
            "HM HA",
            "price:M, loss:G",
            stages="APPROVED",
            next="COMPLETED",
            clauses=(clause("Complete.1", "all packages final", _is_all_final),),
            default=_result,
        ),
        row(
            "Cancel",
            "ProjectCancelled",
            "HM HA",
            "why:S",
            stages="DRAFT RETURNED SUBMITTED APPROVED",
            next="CANCELLED",
            clauses=(clause("Cancel.1", "nothing posted", _is_nothing_posted),),
            default=lambda step: {"why": step.who.reason or "-"},
            then=_free_pools,
        ),
    )


# --- Pool --------------------------------------------------------------------------------------------------------


def _is_free(step: Step) -> bool:
    return not step.asset(step["asset_no"]).hold_kind


def _pooled(case: Any, facts: Facts, _who: Any) -> None:
    case.pooled.append(facts["asset_no"])


def _unpooled(case: Any, facts: Facts, _who: Any) -> None:
    case.pooled.remove(facts["asset_no"])


def _snapshot(step: Step) -> Facts:
    buckets = claim.non_zero(step.asset(step["asset_no"]).buckets_minor)
    return {"snapshot": buckets}


def _freeze(step: Step) -> Facts:
    total = sum(sum(step.asset(loan_no).whole_claim().values()) for loan_no in step.case.pooled)
    return {"base_date": step.get("base_date", step.day), "count": len(step.case.pooled), "claim": total}


def _hold_all(step: Step) -> None:
    for loan_no in step.case.pooled:
        values = {"kind": "BATCH", "case_no": step.key}
        step.also("RiskAsset", loan_no, "DisposalHoldPlaced", values, system=True)


def _has_households(step: Step) -> bool:
    customers = {step.asset(loan_no).facts.get("customer_no") for loan_no in step.case.pooled}
    return bool(len(customers) >= step.policy.min_households)


def _project_is_approved(step: Step) -> bool:
    project = step.find("BatchDisposalProject", step.get("project_no", "-"))
    return project is None or project.stage == "APPROVED"


class AssetPool(Case):
    """Opened for a project, filled, frozen with a hold on every asset, launched."""

    NAME = "AssetPool"
    KEY = "pool_no"
    ROWS = (
        row(
            "OpenPool",
            "PoolOpened",
            "HM AM",
            "project_no:I?",
            makes=True,
            next="OPEN",
            clauses=(clause("OpenPool.1", "project APPROVED", _project_is_approved),),
        ),
        row(
            "Add",
            "AssetPooled",
            "HM AM",
            "asset_no:I, snapshot:A?",
            stages="OPEN",
            clauses=(
                clause("Add.2", "asset free of hold, not excluded by rule", _is_free),
                clause("STATE", "not in the pool yet", lambda step: step["asset_no"] not in step.case.pooled),
            ),
            default=_snapshot,
            effect=_pooled,
        ),
        row(
            "Remove",
            "AssetUnpooled",
            "HM AM",
            "asset_no:I, why:S",
            stages="OPEN",
            clauses=(clause("STATE", "in the pool", lambda step: step["asset_no"] in step.case.pooled),),
            default=lambda step: {"why": step.who.reason or "-"},
            effect=_unpooled,
        ),
        row(
            "FreezePool",
            "PoolFrozen",
            "HM",
            "base_date:D, count:N, claim:M",
            stages="OPEN",
            next="FROZEN",
            clauses=(
                clause("OpenPool.3", "at least `min_households` debtors for a batch", _has_households),
                clause("FreezePool.1", "base_date reached", lambda step: step["base_date"] <= step.day),
                clause("FreezePool.2", "holds placed atomically"),
            ),
            derive=_freeze,
            then=_hold_all,
        ),
        row(
            "LaunchPool",
            "PoolLaunched",
            "HM",
            stages="FROZEN",
            next="LAUNCHED",
            clauses=(clause("LaunchPool.1", "base_date reached"), clause("LaunchPool.2", "holds placed atomically")),
        ),
        row(
            "RecordDiligence",
            "DiligenceRecorded",
            "HM AM",
            "asset_no:I, valuation:M, recoverable:M, by:S, docs:L?",
            stages="OPEN FROZEN LAUNCHED",
            clauses=(
                clause("RecordDiligence.1", "asset in pool", lambda step: step["asset_no"] in step.case.pooled),
            ),
            default=lambda step: {"by": "-", "recoverable": step.get("valuation")},
            effect=lambda case, facts, who: case.diligence.update({facts["asset_no"]: facts["valuation"]}),
        ),
    )

    def start(self) -> None:
        self.pooled: list[str] = []
        self.diligence: dict[str, int] = {}

    @property
    def asset_ids(self) -> list[str]:
        return list(self.pooled)

    def extra(self) -> dict[str, Any]:
        return {"asset_ids": list(self.pooled)}


# --- Package -----------------------------------------------------------------------------------------------------


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
                _free(step, loan_no, step.asset(loan_no).hold_case_no, "POSTED")


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


def _income_right(step: Step) -> None:
    """Not derecognised: the claim stays on the books with a tag."""
    if not step["derecognised"]:
        for loan_no in step.asset_ids:
            step.also("RiskAsset", loan_no, "AssetTagged", {"tag": "INCOME_RIGHT", "on": True}, system=True)


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
        ),
        row("AppointServicer", "ServicerAppointed", "HM", "mandate_no:I", stages="FORMED BIDDING AWARDED ISSUED"),
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
