"""The money identities of spec/risk-assets.md 7.4, as decision E17 completes them, from the stored events.

An independent second count: it folds the events of a loan note and of the assets foreclosed for it into movements by
kind, and compares what they add up to with the state that the aggregate holds. All in minor units.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aggregates import claim
from aggregates.claim_state import ACTIVE, WRITTEN_OFF, ClaimState
from aggregates.steps.case import CaseEvent
from aggregates.steps.rows import Facts


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
    lifecycle: str = ACTIVE
    before_sale: str = ACTIVE
    sold_book: dict[str, int] = field(default_factory=dict)


def identities(asset: ClaimState, events: Iterable[CaseEvent], foreclosed: Iterable[Any]) -> list[Identity]:
    """ID1 for each bucket, ID2 and ID3 of one loan note. `foreclosed` are the assets taken for it."""
    moved = Movements()
    for event in events:
        if (fold := FOLDS.get(type(event).__name__)) is not None:
            fold(moved, event.read_facts())
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


# --- What each event of a loan note moves --------------------------------------------------------------------------

Fold = Callable[[Movements, Facts], None]


def _admitted(moved: Movements, facts: Facts) -> None:
    moved.buckets.update({bucket: facts.get(bucket, 0) for bucket in claim.BUCKETS})
    moved.opening_book = claim.book_of(moved.buckets)


def _accrued(moved: Movements, facts: Facts) -> None:
    moved.income += facts["interest_on"] - moved.buckets["interest_on"]
    moved.buckets.update({bucket: facts[bucket] - moved.buckets[bucket] for bucket in claim.ACCRUED_BUCKETS})


def _moved_off(moved: Movements, facts: Facts) -> None:
    moved.buckets.update({"interest_on": -facts["interest"], "interest_off": facts["interest"]})
    moved.income -= facts["interest"]


def _cost_advanced(moved: Movements, facts: Facts) -> None:
    moved.cash_out += facts["amount"]
    if moved.lifecycle == WRITTEN_OFF:
        moved.memo += facts["amount"]
        moved.loss += facts["amount"]
    else:
        moved.buckets["costs"] += facts["amount"]


def _recovered(moved: Movements, facts: Facts) -> None:
    moved.buckets.subtract(facts["alloc"])
    moved.cash_in += sum(facts["alloc"].values())
    moved.income += claim.memo_interest_of(facts["alloc"])


def _recovery_reversed(moved: Movements, facts: Facts) -> None:
    """What comes back to a claim that was written off meanwhile comes back to the memo, its book part as loss."""
    alloc = facts["alloc"]
    moved.cash_in -= sum(alloc.values())
    moved.income -= claim.memo_interest_of(alloc)
    if moved.lifecycle == WRITTEN_OFF:
        moved.memo += sum(alloc.values())
        moved.loss += claim.book_of(alloc)
    else:
        moved.buckets.update(alloc)


def _memo_recovered(sign: int) -> Fold:
    def fold(moved: Movements, facts: Facts) -> None:
        whole, book = sum(facts["alloc"].values()), claim.book_of(facts["alloc"])
        moved.memo -= sign * whole
        moved.cash_in += sign * whole
        moved.income += sign * (whole - book)
        moved.loss -= sign * book

    return fold


def _settled_in_kind(sign: int) -> Fold:
    """Costs that the foreclosed asset capitalises leave the claim beside the offset."""

    def fold(moved: Movements, facts: Facts) -> None:
        moved.buckets.update({bucket: -sign * part for bucket, part in facts["alloc"].items()})
        moved.buckets["costs"] -= sign * facts.get("costs_capitalised", 0)

    return fold


def _waived(sign: int) -> Fold:
    def fold(moved: Movements, facts: Facts) -> None:
        moved.buckets.update({bucket: -sign * part for bucket, part in facts["alloc"].items()})
        moved.loss += sign * claim.book_of(facts["alloc"])

    return fold


def _written_off(moved: Movements, facts: Facts) -> None:
    moved.buckets.subtract(facts["alloc"])
    moved.memo += sum(facts["alloc"].values())
    moved.loss += claim.book_of(facts["alloc"])
    moved.lifecycle = WRITTEN_OFF


def _write_off_reversed(moved: Movements, facts: Facts) -> None:
    moved.buckets.update(facts["alloc"])
    moved.memo -= sum(facts["alloc"].values())
    moved.loss -= claim.book_of(facts["alloc"])
    moved.lifecycle = ACTIVE


def _transferred(moved: Movements, facts: Facts) -> None:
    alloc, price = facts["alloc"], facts["price"]
    moved.before_sale = moved.lifecycle
    if moved.lifecycle == WRITTEN_OFF:
        moved.memo -= sum(alloc.values())
        book = 0
    else:
        moved.buckets.subtract(alloc)
        book = claim.book_of(alloc)
    moved.sold_book[facts["case_no"]] = book
    moved.cash_in += price
    moved.loss += book - price


def _transfer_unwound(moved: Movements, facts: Facts) -> None:
    alloc, price = facts["alloc"], facts["price_returned"]
    if moved.before_sale == WRITTEN_OFF:
        moved.memo += sum(alloc.values())
    else:
        moved.buckets.update(alloc)
    moved.cash_in -= price
    moved.loss -= moved.sold_book.get(facts["case_no"], claim.book_of(alloc)) - price


def _memo_closed(moved: Movements, _facts: Facts) -> None:
    moved.memo = 0


#: No other event moves money.
FOLDS: Mapping[str, Fold] = {
    "AssetAdmitted": _admitted,
    "AccrualSynced": _accrued,
    "InterestMovedOffBalance": _moved_off,
    "CostAdvanced": _cost_advanced,
    "RecoveryApplied": _recovered,
    "RecoveryReversed": _recovery_reversed,
    "WriteOffRecoveryApplied": _memo_recovered(1),
    "WriteOffRecoveryReversed": _memo_recovered(-1),
    "InKindSettled": _settled_in_kind(1),
    "InKindReversed": _settled_in_kind(-1),
    "DebtReduced": _waived(1),
    "DebtReductionReversed": _waived(-1),
    "AssetWrittenOff": _written_off,
    "AssetWriteOffReversed": _write_off_reversed,
    "AssetTransferred": _transferred,
    "TransferUnwound": _transfer_unwound,
    "NoRecourseMarked": _memo_closed,
}
