"""Append-only columnar effects of one ledger: what an event does to one cell, when it counts, and at which position.

A cell is a column of a row; a column that gathers several values (tags, open terms) has a cell for each. An effect
either adds to its cell or sets it. At an instant the effects that count by the day and are known by the position are
taken in the order (day, position): the last one that sets, plus what was added after it. Rows are never kept; how the
effects were cut into batches leaves no trace. Values are int64: minor units, day numbers, codes of texts, flags.

Source: spec/risk-assets.md 4.2; decision E9.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engines.primitives.errors import InvalidInput

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

#: The value of a cell that was set to nothing.
NOTHING = -(2**63)
PLAIN = -1  # member of a cell that holds one value
#: A cell and a day make one sort key. A plain cell is its key and column; a member is numbered as it comes, above.
_DAY_BITS, _COLUMN_BITS = 22, 7
DAY_MAX, COLUMN_MAX = 2**_DAY_BITS - 1, 2**_COLUMN_BITS - 1
_MEMBERS = 1 << 40


class Cell(NamedTuple):
    """Place of a value: number of the column, code of the row's key, and of the member or `PLAIN`."""

    column: int
    key: int
    member: int


class Effect(NamedTuple):
    """One effect, as it is read again."""

    position: int
    cell: Cell
    day: int
    value: int
    sets: bool


@dataclass(frozen=True, slots=True)
class Folded:
    """Cells that hold something at an instant, one entry each.

    `value`: what each holds; `day`, `position`: of the newest effect, each for itself, that was taken into account.
    """

    column: Ints
    key: Ints
    member: Ints
    value: Ints
    day: Ints
    position: Ints


class Effects:
    """Effects in the order (cell, day, position), and behind them a tail in the order of arrival."""

    def __init__(self) -> None:
        self._members: dict[Cell, int] = {}  # cells of members by their number
        self._by_key: dict[int, list[int]] = {}
        self._tail: list[tuple[int, int, int, bool]] = []
        self._order = np.zeros(0, np.int64)  # cell and day in one number
        self._position = np.zeros(0, np.int64)
        self._value = np.zeros(0, np.int64)
        self._sets = np.zeros(0, np.bool_)

    def __len__(self) -> int:
        return len(self._order) + len(self._tail)

    def add(self, cell: Cell, day: int, position: int, value: int, *, sets: bool) -> None:
        """One more effect. Positions never fall from one call to the next."""
        if not 0 <= day <= DAY_MAX:
            raise InvalidInput("this day is beyond what a ledger holds", field="valid_on", day=day)
        place = cell.key << _COLUMN_BITS | cell.column if cell.member == PLAIN else self._member(cell)
        self._tail.append((place << _DAY_BITS | day, position, value, sets))

    def _member(self, cell: Cell) -> int:
        number = self._members.get(cell)
        if number is None:
            number = self._members[cell] = len(self._members)
            self._by_key.setdefault(cell.key, []).append(number)
        return _MEMBERS + number

    def fold(self, day: int, position: int, columns: frozenset[int] | None = None) -> Folded:
        """Every cell as it was on `day`, as far as it was known at `position`; only plain ones of some columns, if
        those are given."""
        self._settle()
        wanted = ((self._order & DAY_MAX) <= day) & (self._position <= position)
        if columns is not None:
            chosen = np.zeros(COLUMN_MAX + 1, np.bool_)
            chosen[sorted(columns)] = True
            wanted &= chosen[self._order >> _DAY_BITS & COLUMN_MAX] & (self._order < _MEMBERS << _DAY_BITS)
        at = np.flatnonzero(wanted)
        order, values, sets, positions = self._order[at], self._value[at], self._sets[at], self._position[at]
        cells, days = order >> _DAY_BITS, order & DAY_MAX
        if not len(at):
            return Folded(cells, cells, cells, values, days, positions)
        first = np.flatnonzero(np.r_[True, cells[1:] != cells[:-1]])
        last = np.r_[first[1:], len(cells)] - 1
        # Where a cell was set, the count begins there: what lies before has no weight. NOTHING counts as 0 here.
        set_at = np.maximum.accumulate(np.where(sets, np.arange(len(cells)), -1))[last]
        start = np.maximum(set_at, first)
        empty = values == NOTHING
        totals = np.cumsum(np.where(empty, 0, values))
        value = totals[last] - totals[start] + np.where(empty[start], 0, values[start])
        value[empty[start] & (start == last)] = NOTHING
        column, key, member = self._places(cells[first])
        return Folded(column, key, member, value, days[last], np.maximum.reduceat(positions, first))

    def _places(self, cells: Ints) -> tuple[Ints, Ints, Ints]:
        column, key, member = cells & COLUMN_MAX, cells >> _COLUMN_BITS, np.full(len(cells), PLAIN, np.int64)
        if (named := int(np.searchsorted(cells, _MEMBERS))) < len(cells):
            places = np.array(list(self._members), np.int64)[cells[named:] - _MEMBERS]
            column[named:], key[named:], member[named:] = places[:, 0], places[:, 1], places[:, 2]
        return column, key, member

    def of_key(self, key: int, day: int, position: int) -> list[Effect]:
        """Every effect on a row at an instant, in the order in which they are taken."""
        self._settle()
        members = list(self._members)
        spans = [(key << _COLUMN_BITS, (key + 1) << _COLUMN_BITS)]
        spans += [(_MEMBERS + number, _MEMBERS + number + 1) for number in self._by_key.get(key, ())]
        found: list[Effect] = []
        for low, high in spans:
            start, stop = np.searchsorted(self._order, [low << _DAY_BITS, high << _DAY_BITS])
            for at in range(start, stop):
                place, when = int(self._order[at]) >> _DAY_BITS, int(self._order[at]) & DAY_MAX
                if when <= day and self._position[at] <= position:
                    cell = Cell(place & COLUMN_MAX, key, PLAIN) if place < _MEMBERS else members[place - _MEMBERS]
                    found.append(
                        Effect(int(self._position[at]), cell, when, int(self._value[at]), bool(self._sets[at]))
                    )
        return sorted(found, key=lambda effect: (effect.day, effect.position))

    def arrays(self) -> dict[str, Ints]:
        """Everything as arrays, to be kept; the same for the same events, however they came."""
        self._settle()
        members = np.array(list(self._members), np.int64).reshape(-1, 3)
        cells = {"columns": members[:, 0], "keys": members[:, 1], "members": members[:, 2]}
        rest = {"order": self._order, "position": self._position, "value": self._value}
        return cells | rest | {"sets": self._sets.astype(np.int64)}

    @classmethod
    def of(cls, arrays: dict[str, Ints]) -> "Effects":
        """What `arrays` gave."""
        made = cls()
        for place in zip(*(arrays[name].tolist() for name in ("columns", "keys", "members")), strict=True):
            made._member(Cell(*place))
        made._order, made._position, made._value = arrays["order"], arrays["position"], arrays["value"]
        made._sets = arrays["sets"].astype(np.bool_)
        return made

    def _settle(self) -> None:
        """Put the tail in its place. Its positions are later than all others, so among equals it comes last."""
        if not self._tail:
            return
        tail = np.array([effect[:3] for effect in self._tail], np.int64)
        sets = np.array([effect[3] for effect in self._tail], np.bool_)
        at = np.argsort(tail[:, 0], kind="stable")
        tail, sets = tail[at], sets[at]
        place = np.searchsorted(self._order, tail[:, 0], side="right")
        self._order = np.insert(self._order, place, tail[:, 0])
        self._position = np.insert(self._position, place, tail[:, 1])
        self._value = np.insert(self._value, place, tail[:, 2])
        self._sets = np.insert(self._sets, place, sets)
        self._tail.clear()
