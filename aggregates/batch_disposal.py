"""BatchDisposalProject and AssetPool: many claims sold, securitised or sold as income rights (3.16).

A pool freezes its assets with one hold each; packages are formed from it (`aggregates.asset_package`).
"""

from typing import Any

from aggregates import claim
from aggregates.steps.approval import Approval, approval
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause, row
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
            free(step, loan_no, pool_no, "CANCELLED")


def free(step: Step, loan_no: str, pool_no: str, reason: str) -> None:
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
