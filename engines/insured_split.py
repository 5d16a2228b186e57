"""Deposits split at the insurance limit, kept up to date by entries: work in proportion to the batch.

The same rule as `engines.lcr_lines.split_insured_deposit`, on whole arrays of minor units. The limit is one for each
depositor, over all accounts here; a depositor who is not covered in full, or has no reason to stay, has the limit 0.
Below zero a balance is a loan and no deposit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.primitives.compiled import compiled
from engines.primitives.errors import CorruptRecord, InvalidInput

Integers = NDArray[np.int64]
Rows = NDArray[np.intp]

SUM_MINOR_MAX = 2.0**62  # decision S23: int64 wraps round silently above 2**63


@dataclass(frozen=True, slots=True)
class Split:
    """Parts of balances, or changes of them, minor units: deposit insured and uninsured, and overdrawn as >= 0."""

    parts_minor: Integers  # shape (3, n), in this order

    @property
    def insured_minor(self) -> Integers:
        return self._part(0)

    @property
    def uninsured_minor(self) -> Integers:
        return self._part(1)

    @property
    def overdrawn_minor(self) -> Integers:
        return self._part(2)

    def totals(self) -> tuple[int, int, int]:
        """Insured, uninsured, overdrawn. The caller bounds the sums below 2**62."""
        insured, uninsured, overdrawn = self.parts_minor.sum(axis=1).tolist()
        return insured, uninsured, overdrawn

    def _part(self, place: int) -> Integers:
        part: Integers = self.parts_minor[place]
        return part


def split_balances(balance_minor: Integers, limit_minor: int | Integers) -> Split:
    """The parts of each depositor's whole balance.

    Args:
        balance_minor: shape (n,), minor units. limit_minor: one for all or shape (n,), >= 0; 0: not covered.
    Raises:
        InvalidInput: a limit is negative, or there is not one for each.
    Source: BCBS 238 paragraphs 75-79 and footnote 34.
    """
    limit = _limits(limit_minor, len(balance_minor))
    if limit.min(initial=0) < 0:
        raise InvalidInput("an insurance limit may not be negative", field="limit_minor")
    deposit = np.maximum(balance_minor, 0)
    insured = np.minimum(deposit, limit)
    return Split(np.stack((insured, deposit - insured, deposit - balance_minor)))


def book_entries(
    customer: Rows, signed_minor: Integers, balance_minor: Integers, limit_minor: int | Integers
) -> Split:
    """Book entries on depositors' balances, and tell what each changed of the split.

    In the order given, each entry on what the one before left: the changes telescope, so that their sums are the
    same however the entries are cut into batches. All are booked or, on an error, none.

    Args:
        customer: row of each entry's depositor, repeats allowed. signed_minor: int64, same shape, minor units.
        balance_minor: all depositors, int64, shape (n,); it is changed.
        limit_minor: one for all or shape (n,), >= 0; 0: not covered.
    Returns:
        Changes, one for each entry.
    Raises:
        InvalidInput: shapes or types differ, a customer is not there, the limit of one concerned is negative.
        CorruptRecord: a balance could reach 2**62.
    Source: as `split_balances`.
    """
    if customer.shape != signed_minor.shape or signed_minor.dtype != np.int64 or balance_minor.dtype != np.int64:
        raise InvalidInput("want one int64 amount for each customer", field="signed_minor")
    limit = _limits(limit_minor, len(balance_minor))
    largest = _largest(customer, signed_minor, balance_minor, limit)
    if largest == _NO_CUSTOMER:
        raise InvalidInput("an entry names a customer that is not there", field="customer")
    if largest == _NO_LIMIT:
        raise InvalidInput("an insurance limit may not be negative", field="limit_minor")
    if largest >= SUM_MINOR_MAX:
        raise CorruptRecord("a balance could pass 2**62 minor units", field="signed_minor")
    changes = np.empty((3, len(customer)), np.int64)
    _book(customer, signed_minor, balance_minor, limit, changes)
    return Split(changes)


_NO_CUSTOMER, _NO_LIMIT = -1.0, -2.0


@compiled
def _largest(customer: Rows, signed_minor: Integers, balance_minor: Integers, limit: Integers) -> float:
    """A bound of what a balance can come to on the way, or one of the two marks above."""
    moved = held = 0.0
    for at in range(len(customer)):
        row = customer[at]
        if row < 0 or row >= len(balance_minor):
            return _NO_CUSTOMER
        if limit[row if len(limit) > 1 else 0] < 0:
            return _NO_LIMIT
        moved += abs(float(signed_minor[at]))
        held = max(held, abs(float(balance_minor[row])))
    return moved + held


@compiled
def _book(
    customer: Rows, signed_minor: Integers, balance_minor: Integers, limit: Integers, changes: Integers
) -> None:
    for at in range(len(customer)):
        row = customer[at]
        before = balance_minor[row]
        after = before + signed_minor[at]
        most = limit[row if len(limit) > 1 else 0]
        held, holds = max(before, 0), max(after, 0)
        insured = min(holds, most) - min(held, most)
        changes[0, at] = insured
        changes[1, at] = holds - held - insured
        changes[2, at] = max(-after, 0) - max(-before, 0)
        balance_minor[row] = after


def _limits(limit_minor: int | Integers, depositors: int) -> Integers:
    found = np.array([limit_minor], np.int64) if isinstance(limit_minor, int) else limit_minor
    if found.dtype != np.int64 or found.shape not in {(1,), (depositors,)}:
        raise InvalidInput("want one int64 limit, or one for each depositor", field="limit_minor")
    return found
