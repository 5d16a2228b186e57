"""Deposits and own accounts as the view holds them: amounts read once, changes told to whoever adds them up.

A row is what one partition publishes of one cell; what a figure needs is the sum over partitions, by entity, by
organisation or by business line: each follower adds up for itself. Not for lines: those are policy.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from streams.views_wire import Deposit, sum_minor

RowKey = tuple[str, bytes]
Amounts = tuple[int, int, int, int]  # insured_whole, insured_part, uninsured, overdrawn, minor units
#: Told by how much a cell moved, and whether a row of it came (1), went (-1) or was replaced (0).
Follower = Callable[[Deposit, Amounts, int], None]


class DepositClass(NamedTuple):
    """What decides the line of a deposit; `member`: an organisation or a business line, `-` for all together."""

    entity: str
    currency: str
    owner: str
    customer_class: str
    product: str
    member: str = "-"


@dataclass(slots=True)
class Deposits:
    """Rows with their amounts as numbers. Not thread-safe."""

    followers: list[Follower] = field(default_factory=list)
    _held: dict[RowKey, tuple[Deposit, Amounts]] = field(default_factory=dict)

    def set_row(self, key: RowKey, row: Deposit | None) -> None:
        before = self._held.pop(key, None)
        amounts = None if row is None else _amounts(row)
        if row is not None and amounts is not None:
            self._held[key] = (row, amounts)
        if before is not None and row is not None and amounts is not None and _cell(before[0]) == _cell(row):
            was = before[1]  # the same cell, as ever: one change in place of two
            change = (amounts[0] - was[0], amounts[1] - was[1], amounts[2] - was[2], amounts[3] - was[3])
            self._tell(row, change, 0)
            return
        if before is not None:
            gone = before[1]
            self._tell(before[0], (-gone[0], -gone[1], -gone[2], -gone[3]), -1)
        if row is not None and amounts is not None:
            self._tell(row, amounts, 1)

    def _tell(self, row: Deposit, change: Amounts, rows: int) -> None:
        for follower in self.followers:
            follower(row, change, rows)

    def __iter__(self) -> Iterator[tuple[Deposit, Amounts]]:
        return iter(self._held.values())


def deposit_class(row: Deposit, by: str) -> DepositClass:
    """Of a row, for figures `by` organisation or business_line, or for the entity as a whole where it is empty.

    The bank's own accounts are the entity's as a whole: what of them counts depends on its requirement (LIQ-07).
    """
    member = getattr(row, by) if by and row.owner == "customer" else "-"
    return DepositClass(row.entity, row.currency, row.owner, row.customer_class, row.product, member)


def _amounts(row: Deposit) -> Amounts:
    currency = row.currency
    return (
        sum_minor(row.insured_whole, currency),
        sum_minor(row.insured_part, currency),
        sum_minor(row.uninsured, currency),
        sum_minor(row.overdrawn, currency),
    )


def _cell(row: Deposit) -> tuple[str, ...]:
    return (
        row.entity,
        row.currency,
        row.owner,
        row.customer_class,
        row.product,
        row.organisation,
        row.business_line,
    )
