"""Booked balances of depositors, and their sums split at the limit of deposit insurance (LIQ-19), entry by entry.

A depositor is one customer of one entity in one currency. Its accounts of one class, product, organisation and
business line are one balance; a balance below zero is a loan, never a negative deposit. Insurance covers a depositor
once: its balances are filled up to the limit in the order in which they first appeared, wherever they are kept, so
that what organisations and lines hold adds up to what the entity holds, part by part. Booked means settled whatever
the value date: run-off is of what customers can ask for. Not for lines or factors of a ratio: those are policy,
applied by the reader.
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.primitives.compiled import compiled
from projections.columns import Columns
from projections.deposit_insurance import DepositInsurance
from projections.depositor_moves import DepositMoves, Held, ToldMove
from projections.dictionary import Key, KeyDictionary
from projections.packed_columns import PackedColumns

Integers = NDArray[np.int64]

NONE = -1
AHEAD = 128  # entries read ahead: some 1,000 lines of cache
INSURED_WHOLE, INSURED_PART, UNINSURED, OVERDRAWN = range(4)
PARTS = ("insured_whole_minor", "insured_part_minor", "uninsured_minor", "overdrawn_minor")


class DepositRow(msgspec.Struct, frozen=True):
    """Absolute sums of one cell, minor units, >= 0; deposits are the first three together."""

    entity: str
    currency: str
    owner: str  # `customer`, or `bank` for its own accounts
    customer_class: str
    product: str
    organisation: str
    business_line: str
    insured_whole_minor: int  # of depositors who are insured in full
    insured_part_minor: int  # the insured part of all others
    uninsured_minor: int
    overdrawn_minor: int


class DepositorBalances:
    """Balances by depositor and cell; the four sums by cell.

    A cell is entity, currency, owner, class, product, organisation, business line.
    """

    def __init__(self, insurance: DepositInsurance) -> None:
        self._insurance = insurance
        self.cells = KeyDictionary()
        self._of_cell = Columns(limit_minor=np.int64, changed=np.bool_)
        self._sums = np.zeros((len(PARTS), 64), np.int64)
        self._balances = PackedColumns(
            balance_minor=np.int64, cell=np.int32, first=np.int32, following=np.int32, undumped=np.bool_
        )
        self._first_of_depositor = Columns(balance=np.int32)
        self._balance_of_position = Columns(balance=np.int64)

    def learn(self, keys: Sequence[tuple[str, ...]], depositors: Integers) -> None:
        """New positions, in order.

        Args:
            keys: POSITION_DIMENSIONS each. depositors: a code for each (entity, customer or own account, currency),
                numbered in order of first appearance.
        """
        rows: list[int] = []
        fresh: list[int] = []  # cells of depositors never seen, appended together: most positions are such
        for key, depositor in zip(keys, depositors.tolist(), strict=True):
            entity, organisation, line, product, currency, customer, _, customer_class, _ = key
            owner = "bank" if customer == "-" else "customer"
            cell = self._cell((entity, currency, owner, customer_class, product, organisation, line))
            if depositor == self._first_of_depositor.rows + len(fresh):
                rows.append(self._balances.rows + len(fresh))
                fresh.append(cell)
            else:
                self._append_first(fresh)
                fresh = []
                rows.append(self._balance_of(depositor, cell))
        self._append_first(fresh)
        self._balance_of_position.extend(balance=np.array(rows, np.int64))

    def add(self, position_row: Integers, settled_minor: Integers) -> None:
        """Change balances by signed amounts, row by row. The caller bounds the sums (`Positions.add`)."""
        self._move(self._balance_of_position["balance"].take(position_row), settled_minor)

    def add_told(self, position_row: Integers, settled_minor: Integers) -> DepositMoves:
        """As `add`, told what each row changed: slower by half, for replays that explain a change."""
        of, cells = self._balances, self._of_cell
        held = Held(
            of["balance_minor"],
            of["cell"],
            of["first"],
            of["following"],
            of["undumped"],
            cells["limit_minor"],
            cells["changed"],
            self._sums,
        )
        return _move_told(self._balance_of_position["balance"][position_row].astype(np.int64), settled_minor, held)

    def add_one(self, position_row: int, settled_minor: int) -> list[tuple[int, tuple[int, ...]]]:
        """As `add` of one entry, told what it changed: (code in `cells`, change of each of PARTS), by cell."""
        cells = self._cells_beside(int(self._balance_of_position["balance"][position_row]))
        before = self._sums[:, cells]
        self.add(np.array([position_row]), np.array([settled_minor]))
        change = self._sums[:, cells] - before
        moved = np.flatnonzero(change.any(axis=0)).tolist()
        return [(cells[at], tuple(change[:, at].tolist())) for at in moved]

    @property
    def sums(self) -> Integers:
        """By PARTS and code in `cells`, minor units: a view, which the next entry changes."""
        return self._sums[:, : len(self.cells)]

    def take_changed(self) -> list[DepositRow]:
        """Cells changed since the last call."""
        flags = self._of_cell["changed"]
        changed = np.flatnonzero(flags)
        flags[changed] = False
        return [self._row(cell) for cell in changed.tolist()]

    def rows(self) -> list[DepositRow]:
        """Every cell, in order of first offset."""
        return [self._row(cell) for cell in range(len(self.cells))]

    def dump(self, whole: bool) -> bytes:
        """All balances, or those changed since the last dump; what stands where follows from the positions' keys."""
        flags = self._balances["undumped"]
        rows = np.arange(len(flags)) if whole else np.flatnonzero(flags)
        flags[:] = False
        return msgspec.msgpack.encode((rows.tobytes(), self._balances["balance_minor"][rows].tobytes()))

    def apply(self, dump: bytes) -> None:
        """Put balances in, replacing those held; all positions they stem from are learnt already."""
        raw_rows, raw_minor = msgspec.msgpack.decode(dump)
        rows, minor = np.frombuffer(raw_rows, np.int64), np.frombuffer(raw_minor, np.int64)
        self._move(rows.copy(), minor - self._balances["balance_minor"][rows])
        self._balances["undumped"][rows] = False
        self._of_cell["changed"][:] = False

    def canonical_rows(self, keys: Sequence[tuple[str, ...]]) -> list[tuple[object, ...]]:
        """Every balance that is not zero, sorted; `keys`: those of all positions."""
        return sorted(set(self._named(keys)))

    def _named(self, keys: Sequence[tuple[str, ...]]) -> Iterator[tuple[object, ...]]:
        minor = self._balances["balance_minor"].tolist()
        cells = self._balances["cell"].tolist()
        for key, balance in zip(keys, self._balance_of_position["balance"].tolist(), strict=True):
            if minor[balance]:
                holder = key[6] if key[5] == "-" else key[5]
                yield (*self.cells[cells[balance]], holder, minor[balance])

    def _row(self, cell: int) -> DepositRow:
        entity, currency, owner, customer_class, product, organisation, line = self.cells[cell]
        parts = self._sums[:, cell].tolist()
        return DepositRow(entity, currency, owner, customer_class, product, organisation, line, *parts)

    def _cell(self, cell: Key) -> int:
        code = self.cells.code(cell)
        if code == self._of_cell.rows:
            entity, currency, owner, customer_class, *_ = cell
            limit = self._insurance.limit_minor(entity, currency, customer_class) if owner == "customer" else 0
            self._of_cell.extend(limit_minor=np.array([limit]), changed=np.array([True]))
            if code == self._sums.shape[1]:
                self._sums = np.pad(self._sums, ((0, 0), (0, code)))
        return code

    def _cells_beside(self, balance: int) -> list[int]:
        """The cells in which the depositor of a balance has one, in order of code."""
        cells, following = self._balances["cell"], self._balances["following"]
        at, found = int(self._balances["first"][balance]), set()
        while at != NONE:
            found.add(int(cells[at]))
            at = int(following[at])
        return sorted(found)

    def _balance_of(self, depositor: int, cell: int) -> int:
        """A known depositor's balance in a cell; a new one goes to the end of its chain."""
        balances = self._balances
        first = at = int(self._first_of_depositor["balance"][depositor])
        while balances["cell"][at] != cell:
            following = int(balances["following"][at])
            if following == NONE:
                new = balances.rows
                balances["following"][at] = new
                self._append([cell], [first])
                return new
            at = following
        return at

    def _append_first(self, cells: Sequence[int]) -> None:
        """The first balances of new depositors."""
        new = range(self._balances.rows, self._balances.rows + len(cells))
        if cells:
            self._append(cells, new)
            self._first_of_depositor.extend(balance=np.array(new, np.int32))

    def _append(self, cells: Sequence[int], first: Sequence[int]) -> None:
        self._balances.extend(
            cell=np.array(cells, np.int32),
            first=np.array(first, np.int32),
            following=np.full(len(cells), NONE, np.int32),
        )

    def _move(self, balance: Integers, change_minor: Integers) -> None:
        of = self._balances
        _move(
            balance,
            change_minor,
            of["balance_minor"],
            of["cell"],
            of["first"],
            of["following"],
            of["undumped"],
            self._of_cell["limit_minor"],
            self._of_cell["changed"],
            self._sums,
        )


@compiled
def _move(
    row: Integers,
    change_minor: Integers,
    balance_minor: Integers,
    cell: NDArray[np.int32],
    first: NDArray[np.int32],
    following: NDArray[np.int32],
    undumped: NDArray[np.bool_],
    limit_minor: Integers,
    changed: NDArray[np.bool_],
    sums: NDArray[np.int64],
) -> int:
    """Change balances and the sums of their cells, entry by entry.

    Most entries leave every other balance of the depositor as insured as it was: then one sum moves. Else the
    depositor's balances are taken out of the sums, one is changed, and they are put back.
    Returns: nothing of use; what is read ahead must lead somewhere.
    """
    seen = 0
    for begin in range(0, len(row), AHEAD):
        end = min(begin + AHEAD, len(row))
        # Read first, entry after entry without a branch between: the misses of the cache overlap, which they
        # cannot where each entry's next step waits for its last.
        for number in range(begin, end):
            start = first[row[number]]
            seen += following[row[number]] + following[start] + cell[row[number]] + cell[start]
            seen += (balance_minor[row[number]] ^ balance_minor[start]) & 1
        for number in range(begin, end):
            change = change_minor[number]
            if change == 0:
                continue
            at = int(row[number])
            start = int(first[at])
            limit = limit_minor[cell[start]]
            total, ahead = np.int64(0), np.int64(0)  # of the depositor; of its balances that are filled up earlier
            walk = start
            while walk != NONE:
                if walk == at:
                    ahead = total
                total += max(balance_minor[walk], np.int64(0))
                walk = int(following[walk])
            before = balance_minor[at]
            after = before + change
            undumped[at] = True
            if before >= 0 and after >= 0:
                was_whole, is_whole = total <= limit, total + change <= limit
                room = max(limit - ahead, np.int64(0))
                if was_whole == is_whole and (is_whole or min(before, room) == min(after, room)):
                    sums[INSURED_WHOLE if is_whole else UNINSURED, cell[at]] += change
                    changed[cell[at]] = True
                    balance_minor[at] = after
                    continue
            _weigh(start, -1, balance_minor, cell, following, limit_minor, changed, sums)
            balance_minor[at] = after
            _weigh(start, 1, balance_minor, cell, following, limit_minor, changed, sums)
    return int(seen)


@compiled
def _weigh(
    start: int,
    sign: int,
    balance_minor: Integers,
    cell: NDArray[np.int32],
    following: NDArray[np.int32],
    limit_minor: Integers,
    changed: NDArray[np.bool_],
    sums: NDArray[np.int64],
) -> None:
    left = limit_minor[cell[start]]
    total = np.int64(0)
    at = np.int64(start)
    while at != NONE:
        total += max(balance_minor[at], np.int64(0))
        at = np.int64(following[at])
    part = INSURED_WHOLE if total <= left else INSURED_PART
    at = np.int64(start)
    while at != NONE:
        minor, place = balance_minor[at], cell[at]
        if minor < 0:
            sums[OVERDRAWN, place] -= sign * minor
        else:
            insured = min(minor, left)
            left -= insured
            sums[part, place] += sign * insured
            sums[UNINSURED, place] += sign * (minor - insured)
        changed[place] = True
        at = np.int64(following[at])


_move_told = ToldMove(_weigh)
