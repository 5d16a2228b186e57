"""Deposits handed from a fold to a book of ratios in one process, without records: sums of classes that moved.

For whoever keeps both in one process, as a library does, and for measuring what the figures cost without transport.
The worker and the API are two processes: between them go the records of `streams.outputs`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from projections.depositor_balances import PARTS, DepositorBalances
from projections.dictionary import Key
from streams.views_deposits import Amounts, DepositClass

Told = Callable[[DepositClass, Amounts, int], None]


class DepositFeed:
    """Follows the balances; `told` hears of each class by how much it moved, and how many cells came to it."""

    def __init__(self, balances: DepositorBalances, told: Told, by: str = "") -> None:
        """`by`: organisation or business_line; empty: neither (`views_deposits.deposit_class`)."""
        self._balances, self._told, self._by = balances, told, by
        self._classes: list[DepositClass] = []
        self._code: dict[DepositClass, int] = {}
        self._class_of_cell: list[int] = []
        self._sums = np.zeros((len(PARTS), 0), np.int64)  # by class, as told
        self._order: NDArray[np.intp] = np.zeros(0, np.intp)  # cells, those of a class side by side
        self._starts: NDArray[np.intp] = np.zeros(0, np.intp)

    def hand_on(self) -> None:
        """Tell what moved since the last time. A pass of numpy over the cells, a call for each class that moved."""
        fresh = self._learn()
        if not self._classes:
            return
        sums = np.add.reduceat(self._balances.sums.take(self._order, axis=1), self._starts, axis=1)
        change = sums - self._sums
        self._sums = sums
        moved = np.flatnonzero(change.any(axis=0)).tolist()
        for code in sorted({*moved, *fresh}) if fresh else moved:
            one, two, three, four = change[:, code].tolist()
            self._told(self._classes[code], (one, two, three, four), fresh.get(code, 0))

    def _learn(self) -> dict[int, int]:
        """Put cells never seen into their classes. Returns: how many came, by class."""
        cells, fresh = self._balances.cells, dict[int, int]()
        if len(cells) == len(self._class_of_cell):
            return fresh
        for cell in range(len(self._class_of_cell), len(cells)):
            group = _class(cells[cell], self._by)
            code = self._code.setdefault(group, len(self._classes))
            if code == len(self._classes):
                self._classes.append(group)
            self._class_of_cell.append(code)
            fresh[code] = fresh.get(code, 0) + 1
        of_cell = np.array(self._class_of_cell)
        self._order = np.argsort(of_cell, kind="stable")
        self._starts = np.searchsorted(of_cell[self._order], np.arange(len(self._classes)))
        self._sums = np.pad(self._sums, ((0, 0), (0, len(self._classes) - self._sums.shape[1])))
        return fresh


def _class(cell: Key, by: str) -> DepositClass:
    entity, currency, owner, customer_class, product, organisation, line = cell
    member = {"": "-", "organisation": organisation, "business_line": line}[by] if owner == "customer" else "-"
    return DepositClass(entity, currency, owner, customer_class, product, member)
