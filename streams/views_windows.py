"""Contract flows added up by the windows of the liquidity ratios, kept as cells change (LIQ-19, LIQ-20).

A class is what a line depends on: entity, currency, product, liquidity tag, and for figures by organisation or
business line one of those. Where a date stands from the business date decides its window; when that date moves, all
is added up anew from the cells, in numpy. Between two dates a change of one cell touches one window of one class.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.feeds.event import add_months
from streams.views_cells import DEMAND_DAY, UNDATED_DAY, GapCells, exact_sums

WINDOWS = ("demand", "within_30_days", "under_6_months", "under_1_year", "from_1_year", "undated")
DEMAND, WITHIN, UNDATED = 0, 1, 5
PAST = -1
FLOWS = ("inflow", "outflow", "principal_in", "principal_out")
_COLUMNS = (0, 1, 3, 4)  # of FLOWS in the sums of a gap cell, which also counts contracts
HORIZON_DAYS = 30

Sums = list[list[int]]  # by window, then by FLOWS


class FlowClass(NamedTuple):
    entity: str
    currency: str
    product: str
    liquidity_tag: str
    member: str = "-"  # an organisation or business line; `-`: all together


def edges_of(today: date, horizon_days: int = HORIZON_DAYS) -> tuple[int, ...]:
    """First ordinals of today, of what follows the horizon, of six months, of a year: lower ends included (Q12)."""
    return (
        today.toordinal(),
        today.toordinal() + horizon_days + 1,
        add_months(today, 6).toordinal(),
        add_months(today, 12).toordinal(),
    )


def window_of(day: int, edges: tuple[int, ...]) -> int:
    """Place in WINDOWS; PAST: counts as paid (ADR 0004)."""
    if day == DEMAND_DAY:
        return DEMAND
    if day == UNDATED_DAY:
        return UNDATED
    return sum(day >= edge for edge in edges) or PAST


@dataclass(slots=True)
class FlowWindows:
    """Sums of a table whose groups are `FlowClass`es by `class_of`, on one date an entity: `edges` are theirs."""

    class_of: Callable[[int], FlowClass]
    edges: Mapping[str, tuple[int, ...]]
    touched: set[FlowClass] = field(default_factory=set)  # since whoever reads emptied it
    is_stale: bool = True
    _sums: dict[FlowClass, Sums] = field(default_factory=dict)

    def change(self, group: int, day: int, change: list[int]) -> None:
        """One cell moved by `change`, the sums of a gap cell. An entity without a date has no sums."""
        if self.is_stale:
            return
        found = self.class_of(group)
        edges = self.edges.get(found.entity)
        window = PAST if edges is None else window_of(day, edges)
        if window == PAST:
            return
        sums = self._sums.get(found)
        if sums is None:
            sums = self._sums[found] = _empty()
        for at, column in enumerate(_COLUMNS):
            sums[window][at] += change[column]
        self.touched.add(found)

    def forget(self) -> None:
        """A part of the cells was replaced: add up anew when asked."""
        self.is_stale = True

    def sums(self, table: GapCells) -> Mapping[FlowClass, Sums]:
        if self.is_stale:
            before = self._sums
            self._sums, self.is_stale = windows_of(table, self.class_of, self.edges), False
            self.touched |= before.keys() | self._sums.keys()
        return self._sums


def windows_of(
    table: GapCells, class_of: Callable[[int], FlowClass], edges: Mapping[str, tuple[int, ...]]
) -> dict[FlowClass, Sums]:
    """All cells added up, in numpy."""
    classes: dict[FlowClass, int] = {}
    place = np.full(len(table.members), -1, np.int64)
    limits = np.zeros((4, len(table.members)), np.int64)
    for group in range(len(table.members)):
        found = class_of(group)
        if found.entity in edges:
            place[group] = classes.setdefault(found, len(classes))
            limits[:, group] = edges[found.entity]
    totals = [[0] * (len(classes) * len(WINDOWS)) for _ in FLOWS]
    for groups, days, values in table.iterate():
        window = _windows(days, limits[:, groups])
        keep = (place[groups] >= 0) & (window != PAST)
        index = place[groups[keep]] * len(WINDOWS) + window[keep]
        for into, column in zip(totals, _COLUMNS, strict=True):
            exact_sums(index, values[column][keep], into)
    width = len(WINDOWS)
    return {
        found: [[column[at * width + window] for column in totals] for window in range(width)]
        for found, at in classes.items()
    }


def _windows(day: NDArray[np.int64], edges: NDArray[np.int64]) -> NDArray[np.int64]:
    found = (day >= edges).sum(axis=0)
    found = np.where(found == 0, PAST, found)
    found = np.where(day == DEMAND_DAY, DEMAND, found)
    return np.where(day == UNDATED_DAY, UNDATED, found)


def _empty() -> Sums:
    return [[0] * len(FLOWS) for _ in WINDOWS]
