"""Clears forecast items by what was booked, rung by rung; only what is left needs a person (LIQ-05).

A cleared item leaves the forecast, so that nothing counts twice. Match rates and ageing of the result are
`engines.reconciliation_summary`. Not for reversals: give settled transactions that stand.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from math import lcm

import numpy as np

from engines.primitives.errors import InvalidInput
from engines.reconciliation_legs import matching_legs
from engines.reconciliation_records import (
    Entry,
    ItemResult,
    ManualMatch,
    Reconciliation,
    Rung,
    Status,
    TransactionResult,
)

TOLERANCE = Fraction(1, 100)
LEGS_MAX = 5
#: Bookings of an account's day up to which legs are searched; above, sums agree by chance and a person decides.
LEG_CANDIDATES_MAX = 40
ZERO = Fraction(0)


def reconcile(
    items: Sequence[Entry],
    transactions: Sequence[Entry],
    manual: Sequence[ManualMatch] = (),
    *,
    tolerance: Fraction = TOLERANCE,
    legs_max: int = LEGS_MAX,
    leg_candidates_max: int = LEG_CANDIDATES_MAX,
    holidays: Collection[date] = (),
) -> Reconciliation:
    """Match items with transactions of the same currency and direction, each transaction once.

    1. same payment reference and amount; 2. same account, amount within the tolerance, value date at most one
    business day apart; 3. two to five transactions of the same account and day whose sum is within the tolerance;
    4. what two people matched. Items take their turn oldest first, then by id, and take the oldest transaction, then
    the lowest id; a rung is done for all items before the next one starts.

    Manual matches are set before the ladder: they were decided when it had left both sides open, and a later run may
    not take them apart. An item whose manual matches do not reach its amount is PARTIAL and is not matched further.

    Args:
        holidays: no business days, beside Saturdays and Sundays.
    Raises:
        InvalidInput: an id stands twice, an amount is not above 0; a manual match has the same maker and checker,
            an unknown id, or a transaction of another match, currency or direction.
    Source: LIQ-05.
    """
    _check_entries("items", items)
    _check_entries("transactions", transactions)
    ladder = _Ladder(items, transactions, tolerance, holidays)
    ladder.by_hand(manual)
    ladder.by_reference()
    ladder.by_account_and_date()
    ladder.by_sum_of_legs(legs_max, leg_candidates_max)
    return ladder.result()


@dataclass(slots=True)
class _Ladder:
    items: Sequence[Entry]
    transactions: Sequence[Entry]
    tolerance: Fraction
    holidays: Collection[date]
    taken: dict[str, tuple[Rung, str]] = field(default_factory=dict)  # transaction id: rung, item id
    cleared: dict[str, tuple[Rung, tuple[Entry, ...]]] = field(default_factory=dict)  # by item id
    too_many: set[str] = field(default_factory=set)

    def by_hand(self, matches: Sequence[ManualMatch]) -> None:
        item_by_id = {item.entry_id: item for item in self.items}
        transaction_by_id = {one.entry_id: one for one in self.transactions}
        for at, match in enumerate(matches):
            if match.maker == match.checker:
                raise _wrong(at, "checker", "the maker may not check the own match")
            item = item_by_id.get(match.item_id)
            if item is None:
                raise _wrong(at, "item_id", f"there is no item {match.item_id!r}")
            if not match.transaction_ids:
                raise _wrong(at, "transaction_ids", "want one transaction or more")
            for transaction_id in match.transaction_ids:
                one = transaction_by_id.get(transaction_id)
                if one is None or transaction_id in self.taken:
                    wrong = "there is no" if one is None else "already matched is"
                    raise _wrong(at, "transaction_ids", f"{wrong} transaction {transaction_id!r}")
                if (one.currency, one.direction) != (item.currency, item.direction):
                    raise _wrong(at, "transaction_ids", f"{transaction_id!r} has another currency or direction")
                earlier = self.cleared.get(item.entry_id, (Rung.MANUAL, ()))[1]
                self._clear(item, (*earlier, one), Rung.MANUAL)

    def by_reference(self) -> None:
        waiting = defaultdict(list)
        for one in reversed(self._left(self.transactions, self.taken)):
            waiting[one.payment_ref, one.currency, one.direction, one.amount].append(one)
        for item in self._left(self.items, self.cleared):
            found = waiting[item.payment_ref, item.currency, item.direction, item.amount] if item.payment_ref else []
            if found:
                self._clear(item, (found.pop(),), Rung.REFERENCE)

    def by_account_and_date(self) -> None:
        pools = defaultdict(list)
        for one in self._left(self.transactions, self.taken):
            pools[one.account, one.currency, one.direction, one.value_date].append(one)
        for item in self._left(self.items, self.cleared):
            for day in _days_around(item.value_date, self.holidays):
                pool = pools.get((item.account, item.currency, item.direction, day), [])
                place = next(
                    (at for at, one in enumerate(pool) if abs(one.amount - item.amount) <= self.tolerance), None
                )
                if place is not None:
                    self._clear(item, (pool.pop(place),), Rung.ACCOUNT_AND_DATE)
                    break

    def by_sum_of_legs(self, legs_max: int, candidates_max: int) -> None:
        pools = defaultdict(list)
        for one in self._left(self.transactions, self.taken):
            pools[one.account, one.currency, one.direction, one.value_date].append(one)
        scale = lcm(
            self.tolerance.denominator, *{one.amount.denominator for one in (*self.items, *self.transactions)}
        )
        within = int(self.tolerance * scale)
        for item in self._left(self.items, self.cleared):
            pool = pools.get((item.account, item.currency, item.direction, item.value_date), [])
            candidates = [one for one in pool if one.amount <= item.amount + self.tolerance]
            if len(candidates) > candidates_max:
                self.too_many.add(item.entry_id)
                continue
            amounts = [int(one.amount * scale) for one in candidates]
            places = matching_legs(int(item.amount * scale), amounts, within, legs_max)
            if places is not None:
                legs = tuple(candidates[place] for place in places)
                self._clear(item, legs, Rung.SUM_OF_LEGS)
                for leg in legs:
                    pool.remove(leg)

    def result(self) -> Reconciliation:
        return Reconciliation(
            tuple(self._item_result(item) for item in self.items),
            tuple(TransactionResult(one, *self.taken.get(one.entry_id, (None, None))) for one in self.transactions),
        )

    def _item_result(self, item: Entry) -> ItemResult:
        rung, found = self.cleared.get(item.entry_id, (None, ()))
        booked = sum((one.amount for one in found), ZERO)
        status: Status = "OPEN"
        if found:
            status = "MATCHED" if booked >= item.amount - self.tolerance else "PARTIAL"
        names = tuple(one.entry_id for one in found)
        return ItemResult(item, status, rung, names, booked, item.entry_id in self.too_many)

    def _clear(self, item: Entry, found: tuple[Entry, ...], rung: Rung) -> None:
        self.cleared[item.entry_id] = rung, found
        for one in found:
            self.taken[one.entry_id] = rung, item.entry_id

    @staticmethod
    def _left(entries: Sequence[Entry], done: Collection[str]) -> list[Entry]:
        """Those not matched yet, oldest first, then by id."""
        left = [one for one in entries if one.entry_id not in done]
        return sorted(left, key=lambda one: (one.value_date, one.entry_id))


def _days_around(day: date, holidays: Collection[date]) -> list[date]:
    """All dates from the business day before to the business day after, oldest first."""
    closed = np.array(sorted(holidays), "datetime64[D]")
    first = np.busday_offset(day, -1, roll="forward", holidays=closed)
    last = np.busday_offset(day, 1, roll="backward", holidays=closed)
    found: list[date] = np.arange(first, last + 1).astype(object).tolist()
    return found


def _check_entries(name: str, entries: Sequence[Entry]) -> None:
    seen: set[str] = set()
    for at, one in enumerate(entries):
        wrong = "id" if one.entry_id in seen else "amount" if one.amount <= 0 else ""
        if wrong:
            message = "the id stands twice" if wrong == "id" else "the amount must be above zero"
            raise InvalidInput(message, field=f"{name}[{at}].{wrong}", record=f"{name}[{at}]")
        seen.add(one.entry_id)


def _wrong(at: int, name: str, message: str) -> InvalidInput:
    return InvalidInput(message, field=f"manual[{at}].{name}", record=f"manual[{at}]")
