"""What cases do to a claim, and take back: in kind, waived, sold, written off (spec/risk-assets.md 3.2)."""

from datetime import date
from typing import Any

from aggregates import claim
from aggregates.claim_state import WRITTEN_OFF
from aggregates.steps.case import event_id
from aggregates.steps.rows import Facts
from aggregates.steps.step import Step


def is_held_for(kind: str, field: str) -> Any:
    return lambda step: step.case.is_held_by(kind, step[field])


def fits_in_kind(step: Step) -> bool:
    taken = dict(step["alloc"])
    taken["costs"] = taken.get("costs", 0) + step.get("costs_capitalised", 0)
    capacity = step.case.capacity_minor(step.day)
    return all(part <= capacity[bucket] for bucket, part in taken.items())


def taken_by(field: str) -> Any:
    def holds(step: Step) -> bool:
        return step[field] in step.case.taken

    return holds


def given_back(field: str) -> Any:
    def derive(step: Step) -> Facts:
        taken = step.case.taken.get(step.get(field))
        if taken is None:
            return {}
        found = {
            "amount": sum(taken.alloc_minor.values()),
            "alloc": dict(taken.alloc_minor),
            "reverses": str(event_id(step.case.id, taken.version)),
        }
        if field == "foreclosure_no":
            found["costs_capitalised"] = taken.costs_capitalised_minor
        return found

    return derive


def taken_day(field: str) -> Any:
    def counts_on(step: Step) -> date | None:
        taken = step.case.taken.get(step.get(field))
        return taken.valid_on if taken is not None and step.get("kind") == "CORRECTION" else None

    return counts_on


def transfer_values(step: Step) -> Facts:
    alloc = step.case.whole_claim()
    book = 0 if step.case.stage == WRITTEN_OFF else claim.book_of(alloc)
    return {"alloc": alloc, "book_amount": book, "loss": book - step["price"]}


def is_held_for_transfer(step: Step) -> bool:
    """A transfer holds for itself, a batch for all packages of its pool."""
    asset = step.case
    return bool(asset.hold_kind == "BATCH" or asset.is_held_by("TRANSFER", step["case_no"]))


def unwinding_values(step: Step) -> Facts:
    sold = step.case.taken.get(step.get("case_no"))
    return {} if sold is None else {"alloc": dict(sold.alloc_minor)}


def written_off_values(step: Step) -> Facts:
    buckets = step.case.buckets_minor
    return {
        "book_amount": claim.book_of(buckets),
        "memo_interest": claim.memo_interest_of(buckets),
        "alloc": claim.non_zero(buckets),
    }


def write_off_reversal_values(step: Step) -> Facts:
    version = step.case.seen.get("AssetWrittenOff")
    found: dict[str, Any] = {"alloc": claim.non_zero(step.case.memo_minor)}
    return found | ({} if version is None else {"reverses": str(event_id(step.case.id, version))})
