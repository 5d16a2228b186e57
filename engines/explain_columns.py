"""What many entries did to the lines of a figure, in columns: the largest by name, the others of a line together.

An entry's share of a line is the quantity it moved times what one unit is worth there (`explain_causes`), so that a
hundred thousand entries are one multiplication of columns. Exact: whole numbers over one denominator, as int64 where
they surely fit and as Python integers where not. Not for cells and causes: that is `engines.explain_causes`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engines.explain_lines import Entry, LineKey
from engines.primitives.errors import InvalidInput

Integers = NDArray[np.int64]
INT64_SAFE = 2**62


@dataclass(frozen=True, slots=True)
class EntryColumns:
    """ENTRY movements, row by row: a cell, the change of its quantity, the record that made it.

    Attributes:
        cells: names, for the codes in `cell`.
        cell, quantity, record: int64 of equal length. `record` numbers rise with partition, offset and entry id.
        entry: the name of a record, asked for those that are told by name only.
        named_max: how many are told by name, the largest; None: all.
    """

    cells: Sequence[str]
    cell: Integers
    quantity: Integers
    record: Integers
    entry: Callable[[int], Entry]
    named_max: int | None = None

    def __post_init__(self) -> None:
        """Raises InvalidInput: columns differ in length."""
        if not len(self.cell) == len(self.quantity) == len(self.record):
            raise InvalidInput("columns of one length are wanted", field="entries")

    def totals(self) -> dict[str, int]:
        """What each cell with a movement was moved by, exact."""
        low, high = (np.zeros(len(self.cells), np.int64) for _ in range(2))
        np.add.at(low, self.cell, self.quantity & 0xFFFF_FFFF)
        np.add.at(high, self.cell, self.quantity >> 32)
        sums = zip(low.tolist(), high.tolist(), strict=True)
        touched = np.unique(self.cell).tolist()
        exact = [(above << 32) + below for below, above in sums]
        return {self.cells[code]: exact[code] for code in touched}


class EntryPart(NamedTuple):
    """An entry's share of a line, or what `pooled` entries without a name share in it."""

    line: LineKey
    entry: Entry | None
    amount: Fraction
    pooled: int


def entry_parts(
    moved: EntryColumns, weights: Mapping[str, Mapping[LineKey, Fraction]], order: Callable[[LineKey], Any]
) -> list[EntryPart]:
    """Shares other than 0, by `order` of their lines, then by record; what is pooled stands after those by name.

    Args:
        weights: by cell, what one unit adds to each line; a cell that is missing counts nowhere.
    """
    lines = sorted({line for found in weights.values() for line in found}, key=order)
    known = {weight for found in weights.values() for weight in found.values()}
    divisor = lcm(*(weight.denominator for weight in known))
    rows, line, unit = _rows_with_lines(moved, weights, lines, divisor)
    if not len(rows):
        return []
    quantity = moved.quantity[rows]
    largest = max(abs(int(weight * divisor)) for weight in known)
    is_safe = float(np.abs(quantity.astype(np.float64)).sum()) * largest < INT64_SAFE
    dtype: Any = np.int64 if is_safe else object
    amount = quantity.astype(dtype) * unit.astype(dtype)
    record = moved.record[rows]
    by_line = np.lexsort((record, line))
    line, record, amount = line[by_line], record[by_line], amount[by_line]
    starts = np.flatnonzero(np.r_[True, (line[1:] != line[:-1]) | (record[1:] != record[:-1])])
    shares = np.add.reduceat(amount, starts)
    line, record = line[starts], record[starts]
    there = np.flatnonzero(shares != 0)
    line, record, shares = line[there], record[there], shares[there]
    named = np.ones(len(shares), np.bool_)
    if moved.named_max is not None and len(shares) > moved.named_max:
        # Stable, and by the exact amount: of equals the first line and record is named.
        named[:] = False
        named[np.argsort(-np.abs(shares), kind="stable")[: moved.named_max]] = True
    return _parts(moved, lines, divisor, line, record, shares, named)


def _rows_with_lines(
    moved: EntryColumns, weights: Mapping[str, Mapping[LineKey, Fraction]], lines: Sequence[LineKey], divisor: int
) -> tuple[Integers, Integers, NDArray[Any]]:
    """Rows once for each line that their cell counts in: rows, places in `lines`, whole-number weights."""
    place = {line: at for at, line in enumerate(lines)}
    most = max((len(found) for found in weights.values()), default=0)
    rows: list[Integers] = [np.zeros(0, np.int64)]
    places: list[Integers] = [np.zeros(0, np.int64)]
    units: list[NDArray[Any]] = [np.zeros(0, object)]
    for nth in range(most):
        line_of = np.full(len(moved.cells), -1, np.int64)
        unit_of = np.zeros(len(moved.cells), object)
        for code, name in enumerate(moved.cells):
            found = list(weights.get(name, {}).items())[nth : nth + 1]
            for line, weight in found:
                line_of[code], unit_of[code] = place[line], int(weight * divisor)
        some = np.flatnonzero(line_of[moved.cell] >= 0)
        cells = moved.cell[some]
        rows.append(some)
        places.append(line_of[cells])
        units.append(unit_of[cells])
    return np.concatenate(rows), np.concatenate(places), np.concatenate(units)


def _parts(
    moved: EntryColumns,
    lines: Sequence[LineKey],
    divisor: int,
    line: Integers,
    record: Integers,
    shares: NDArray[Any],
    named: NDArray[np.bool_],
) -> list[EntryPart]:
    found: list[EntryPart] = []
    for at, key in enumerate(lines):
        mine = line == at
        for row in np.flatnonzero(mine & named).tolist():
            entry = moved.entry(int(record[row]))
            found.append(EntryPart(key, entry, Fraction(int(shares[row]), divisor), 0))
        others = shares[mine & ~named]
        if len(others):
            found.append(EntryPart(key, None, Fraction(int(others.sum()), divisor), len(others)))
    return found
