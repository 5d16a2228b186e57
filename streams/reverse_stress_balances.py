"""The deposits behind the live ratios, depositor by depositor: from folded states to columns.

`tm.risk.deposit.v1` names no depositor, so that the worker's states are asked: balances split at the limit of
insurance as `projections.depositor_balances` splits them, in one pass of numpy over all. Not for what breaks: that is
`streams.reverse_stress_live`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from projections.depositor_balances import INSURED_PART, INSURED_WHOLE, UNINSURED, DepositorBalances
from projections.dictionary import Key
from projections.entry_batch import POSITION_DIMENSIONS
from projections.transactions import TransactionState

Integers = NDArray[np.int64]
ENTITY, CUSTOMER = (POSITION_DIMENSIONS.index(name) for name in ("entity", "customer"))
CUSTOMERS = "customer"  # the owner of a deposit cell that is no own account


class Deposits(NamedTuple):
    """Booked deposits, a row for each balance and insured part, by depositor.

    Attributes:
        depositor: a customer of an entity in all its currencies; codes rise. They are those of one moment.
        cell: place in `cells`: entity, currency, owner, class, product and whatever else a deposit cell has.
        part: place in `depositor_balances.PARTS`. minor: > 0, in the currency of the cell.
        name: (entity, customer) of a code.
    """

    depositor: Integers
    cell: Integers
    part: Integers
    minor: Integers
    cells: Sequence[Key]
    name: Callable[[int], tuple[str, str]]


@dataclass
class DepositorNames:
    """Who is behind each balance of one state; only balances that are new cost a look."""

    names: list[tuple[str, str]] = field(default_factory=list)
    of_balance: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    _codes: dict[tuple[str, str], int] = field(default_factory=dict)
    _positions: int = 0

    def learn(self, state: TransactionState, balance_of_position: Integers, balances: int) -> None:
        self.of_balance = np.concatenate((self.of_balance, np.zeros(balances - len(self.of_balance), np.int64)))
        fresh = state.positions.keys[self._positions :]
        codes = []
        for key in fresh:
            name = (key[ENTITY], key[CUSTOMER])
            code = self._codes.setdefault(name, len(self.names))
            if code == len(self.names):
                self.names.append(name)
            codes.append(code)
        self.of_balance[balance_of_position[self._positions :]] = codes
        self._positions += len(fresh)


def deposits_of(states: Iterable[tuple[TransactionState, DepositorNames]]) -> Deposits:
    """All deposits of some partitions; entries of a customer share one, so that a depositor is in one of them."""
    cells: dict[Key, int] = {}
    names: list[tuple[str, str]] = []
    parts: list[NDArray[np.int64]] = [np.zeros((4, 0), np.int64)]
    for state, known in states:
        columns = _Columns.over(state.depositors)
        known.learn(state, columns.balance_of_position, len(columns.balance_minor))
        own = [cells.setdefault(cell, len(cells)) for cell in columns.cells.tail()]
        balance, part, minor = columns.split()
        depositor = known.of_balance[balance] + len(names)
        cell = np.array(own, np.int64)[columns.cell_of[balance]]
        parts.append(np.stack((depositor, cell, part, minor)))
        names += known.names
    rows = np.concatenate(parts, axis=1)
    depositor, cell, part, minor = rows[:, np.argsort(rows[0], kind="stable")]
    return Deposits(depositor, cell, part, minor, list(cells), names.__getitem__)


class _Columns(DepositorBalances):
    """The columns of balances, for reading."""

    @classmethod
    def over(cls, held: DepositorBalances) -> Self:
        found = cls.__new__(cls)
        vars(found).update(vars(held))
        return found

    @property
    def balance_of_position(self) -> Integers:
        return self._balance_of_position["balance"].astype(np.int64)

    @property
    def balance_minor(self) -> Integers:
        found: Integers = self._balances["balance_minor"]
        return found

    @property
    def cell_of(self) -> Integers:
        return self._balances["cell"].astype(np.int64)

    def split(self) -> tuple[Integers, Integers, Integers]:
        """(balance, part, minor) of what customers hold; insurance fills a depositor's balances in order."""
        is_customer = np.array([cell[2] == CUSTOMERS for cell in self.cells.tail()], np.bool_)
        rows = np.flatnonzero(is_customer[self.cell_of] & (self.balance_minor > 0)) if len(is_customer) else None
        if rows is None or not len(rows):
            none = np.zeros(0, np.int64)
            return none, none, none
        first = self._balances["first"][rows].astype(np.int64)
        rows = rows[np.argsort(first, kind="stable")]
        first = np.sort(first)
        minor = self.balance_minor[rows]
        starts = np.flatnonzero(np.diff(first, prepend=-1))
        sizes = np.diff(np.append(starts, len(rows)))
        total = np.repeat(np.add.reduceat(minor, starts), sizes)
        running = np.cumsum(minor) - minor
        before = running - np.repeat(running[starts], sizes)
        limit = self._of_cell["limit_minor"][self.cell_of[first]]
        insured = np.clip(limit - before, 0, minor)
        part = np.where(total <= limit, INSURED_WHOLE, INSURED_PART)
        balance = np.concatenate((rows, rows))
        parts = np.concatenate((part, np.full(len(rows), UNINSURED)))
        amounts = np.concatenate((insured, minor - insured))
        some = np.flatnonzero(amounts)
        return balance[some], parts[some], amounts[some]
