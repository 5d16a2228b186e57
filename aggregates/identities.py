"""The money identities of spec/risk-assets.md 7.4 (as decision E17 completes them), recomputed from the stored events.

An independent second count: it folds the events of a loan note and of the assets foreclosed for it into movements by
kind, and compares what they add up to with the state that the aggregate holds. All in minor units.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aggregates import claim
from aggregates.claim_state import ClaimState
from aggregates.steps.case import CaseEvent


@dataclass(frozen=True, slots=True)
class Identity:
    id: str
    of: str  # loan number, for ID1 with the bucket
    left_minor: int
    right_minor: int
    non_negative: bool = True

    @property
    def holds(self) -> bool:
        return self.left_minor == self.right_minor and (not self.non_negative or self.right_minor >= 0)


@dataclass(slots=True)
class Movements:
    """What the events of one loan note moved. `buckets`, `memo`: signed, by bucket and in total."""

    buckets: Counter[str] = field(default_factory=Counter)
    memo: int = 0
    opening_book: int = 0
    cash_in: int = 0
    cash_out: int = 0
    income: int = 0
    loss: int = 0
    lifecycle: str = "ACTIVE"
    before_sale: str = "ACTIVE"
    sold_book: dict[str, int] = field(default_factory=dict)


def identities(asset: ClaimState, events: Iterable[CaseEvent], foreclosed: Iterable[Any]) -> list[Identity]:
    """ID1 for each bucket, ID2 and ID3 of one loan note. `foreclosed` are the assets taken for it."""
    moved = Movements()
    for event in events:
        _fold(moved, type(event).__name__, event.facts())
    carrying = cash_in = cash_out = income = loss = 0
    for taken in foreclosed:
        carrying += taken.carrying_minor
        cash_in, cash_out = cash_in + taken.cash_in_minor, cash_out + taken.cash_out_minor
        income, loss = income + taken.income_minor, loss + taken.loss_minor
    found = [
        Identity("ID1", f"{asset.key}/{bucket}", moved.buckets[bucket], asset.buckets_minor[bucket])
        for bucket in claim.BUCKETS
    ]
    found.append(Identity("ID2", asset.key, moved.memo, sum(asset.memo_minor.values())))
    left = claim.book_of(asset.buckets_minor) + carrying
    right = (
        moved.opening_book
        + moved.cash_out
        + cash_out
        - moved.cash_in
        - cash_in
        + moved.income
        + income
        - moved.loss
        - loss
    )
    found.append(Identity("ID3", asset.key, left, right, non_negative=False))
    return found


def _fold(moved: Movements, name: str, facts: dict[str, Any]) -> None:
    alloc: dict[str, int] = facts.get("alloc") or {}
    whole, book = sum(alloc.values()), claim.book_of(alloc)
    memo_part = whole - book
    match name:
        case "AssetAdmitted":
            moved.buckets.update({bucket: facts.get(bucket, 0) for bucket in claim.BUCKETS})
            moved.opening_book = claim.book_of(moved.buckets)
        case "AccrualSynced":
            for bucket in claim.ACCRUED_BUCKETS:
                accrued = facts[bucket] - moved.buckets[bucket]
                moved.buckets[bucket] += accrued
                moved.income += accrued if bucket == "interest_on" else 0
        case "InterestMovedOffBalance":
            moved.buckets.update({"interest_on": -facts["interest"], "interest_off": facts["interest"]})
            moved.income -= facts["interest"]
        case "CostAdvanced":
            moved.cash_out += facts["amount"]
            if moved.lifecycle == "WRITTEN_OFF":
                moved.memo += facts["amount"]
                moved.loss += facts["amount"]
            else:
                moved.buckets["costs"] += facts["amount"]
        case "RecoveryApplied":
            moved.buckets.subtract(alloc)
            moved.cash_in += whole
            moved.income += memo_part
        case "RecoveryReversed":
            moved.cash_in -= whole
            moved.income -= memo_part
            if moved.lifecycle == "WRITTEN_OFF":
                moved.memo += whole
                moved.loss += book
            else:
                moved.buckets.update(alloc)
        case "WriteOffRecoveryApplied" | "WriteOffRecoveryReversed":
            sign = 1 if name == "WriteOffRecoveryApplied" else -1
            moved.memo -= sign * whole
            moved.cash_in += sign * whole
            moved.income += sign * memo_part
            moved.loss -= sign * book
        case "InKindSettled" | "InKindReversed":
            sign = 1 if name == "InKindSettled" else -1
            for bucket, part in alloc.items():
                moved.buckets[bucket] -= sign * part
            moved.buckets["costs"] -= sign * facts.get("costs_capitalised", 0)
        case "DebtReduced" | "DebtReductionReversed":
            sign = 1 if name == "DebtReduced" else -1
            for bucket, part in alloc.items():
                moved.buckets[bucket] -= sign * part
            moved.loss += sign * book
        case "AssetWrittenOff":
            moved.buckets.subtract(alloc)
            moved.memo += whole
            moved.loss += book
            moved.lifecycle = "WRITTEN_OFF"
        case "AssetWriteOffReversed":
            moved.buckets.update(alloc)
            moved.memo -= whole
            moved.loss -= book
            moved.lifecycle = "ACTIVE"
        case "AssetTransferred":
            moved.before_sale = moved.lifecycle
            sold_book = 0 if moved.lifecycle == "WRITTEN_OFF" else book
            if moved.lifecycle == "WRITTEN_OFF":
                moved.memo -= whole
            else:
                moved.buckets.subtract(alloc)
            moved.sold_book[facts["case_no"]] = sold_book
            moved.cash_in += facts["price"]
            moved.loss += sold_book - facts["price"]
        case "TransferUnwound":
            if moved.before_sale == "WRITTEN_OFF":
                moved.memo += whole
            else:
                moved.buckets.update(alloc)
            moved.cash_in -= facts["price_returned"]
            moved.loss -= moved.sold_book.get(facts["case_no"], book) - facts["price_returned"]
        case "NoRecourseMarked":
            moved.memo = 0
        case _:
            pass  # no other event moves money
