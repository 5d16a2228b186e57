"""LIQ-01: live positions, as sums by position and value date (decision S13).

Two levels are kept: accounts (every dimension) and cells (without customer, account and class), so that cells
can be published at every tick and accounts be asked for. Money in is positive. Nothing here knows "today": the
reader adds up the value dates it wants.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.primitives.errors import CorruptRecord
from projections.columns import Columns
from projections.digest_index import DigestIndex
from projections.digests import Digest, of_integers
from projections.entry_batch import KeysByRow

SUMS = ("settled_minor", "pending_in_minor", "pending_out_minor")
SUM_MINOR_MAX = 2**62  # an int64 wraps without a word: stop well before (decision S23)
_CELL_DIMENSIONS = (0, 1, 2, 3, 4, 8)  # of POSITION_DIMENSIONS: all but customer, account, customer_class


@dataclass(frozen=True, slots=True)
class PositionRow:
    """Absolute sums of one cell or account on one value date, in minor units of its currency."""

    key: tuple[str, ...]  # POSITION_DIMENSIONS, `-` where a cell has none
    value_day: int
    settled_minor: int
    pending_in_minor: int
    pending_out_minor: int


@dataclass(slots=True)
class Movements:
    """What one batch does to positions: changes of the three sums, row by row."""

    position_row: NDArray[np.int64]
    value_day: NDArray[np.int64]
    settled_minor: NDArray[np.int64]
    pending_in_minor: NDArray[np.int64]
    pending_out_minor: NDArray[np.int64]


class DatedSums:
    """Three int64 sums for each (key row, value day) that ever moved."""

    __slots__ = ("_index", "_table")

    def __init__(self) -> None:
        self._index = DigestIndex()
        self._table = Columns(
            key_row=np.int64,
            value_day=np.int64,
            **dict.fromkeys(SUMS, np.int64),
            unpublished=np.bool_,
            undumped=np.bool_,
        )

    def add(self, key_row: NDArray[np.int64], moves: Movements) -> None:
        rows, fresh = self._index.add(of_integers(key_row, moves.value_day))
        if fresh.any():
            self._table.extend(key_row=key_row[fresh], value_day=moves.value_day[fresh])
        for name in SUMS:
            np.add.at(self._table[name], rows, getattr(moves, name))
        self._table["unpublished"][rows] = True
        self._table["undumped"][rows] = True

    def largest(self) -> int:
        """The largest absolute sum held."""
        return max((int(np.abs(self._table[name]).max(initial=0)) for name in SUMS), default=0)

    def take_unpublished(self) -> list[tuple[int, int, int, int, int]]:
        flags = self._table["unpublished"]
        rows = np.flatnonzero(flags)
        flags[rows] = False
        return self._tuples(rows)

    def all_rows(self) -> list[tuple[int, int, int, int, int]]:
        return self._tuples(np.arange(self._table.rows))

    def totals(self, last_day: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        """The three sums for each key row, over value days up to and with the row's `last_day`."""
        keys = self._table["key_row"]
        chosen = self._table["value_day"] <= last_day[keys]
        result = tuple(np.zeros(len(last_day), np.int64) for _ in SUMS)
        for total, name in zip(result, SUMS, strict=True):
            np.add.at(total, keys[chosen], self._table[name][chosen])
        return result

    def _tuples(self, rows: NDArray[np.int64]) -> list[tuple[int, int, int, int, int]]:
        columns = [self._table[name][rows].tolist() for name in ("key_row", "value_day", *SUMS)]
        return list(zip(*columns, strict=True))

    def dump(self, whole: bool) -> bytes:
        """All rows, or those changed since the last dump; either way nothing counts as changed afterwards."""
        flags = self._table["undumped"]
        rows = np.arange(len(flags)) if whole else np.flatnonzero(flags)
        flags[:] = False
        columns = {name: self._table[name][rows].tobytes() for name in ("key_row", "value_day", *SUMS)}
        return msgspec.msgpack.encode(columns)

    def apply(self, dump: bytes) -> None:
        """Put rows in, replacing those already held."""
        columns = {name: np.frombuffer(raw, np.int64) for name, raw in msgspec.msgpack.decode(dump).items()}
        rows, fresh = self._index.add(of_integers(columns["key_row"], columns["value_day"]))
        self._table.extend(key_row=columns["key_row"][fresh], value_day=columns["value_day"][fresh])
        for name in SUMS:
            self._table[name][rows] = columns[name]


class Positions:
    __slots__ = (
        "_accounts",
        "_bound_minor",
        "_cell_keys",
        "_cell_of_row",
        "_cells",
        "_dumped_keys",
        "_index",
        "keys",
    )

    def __init__(self) -> None:
        self.keys: list[tuple[str, ...]] = []  # in order of first offset (decision S1)
        self._index = DigestIndex()
        self._cell_of_row = Columns(cell=np.int64, on_us=np.bool_)
        self._cell_keys: dict[tuple[str, ...], int] = {}
        self._cells = DatedSums()
        self._accounts = DatedSums()
        self._bound_minor = 0  # no absolute sum can be above this
        self._dumped_keys = 0

    def rows_of(self, digest: Digest, batch_rows: NDArray[np.int64], keys: KeysByRow) -> NDArray[np.int64]:
        """Position row of each entry; new positions are numbered in order of first appearance."""
        rows, fresh = self._index.add(digest)
        if fresh.any():
            self._learn(keys.many(batch_rows[fresh]))
        return rows

    def _learn(self, keys: list[tuple[str, ...]]) -> None:
        cells = self._cell_keys
        self.keys.extend(keys)
        named = [tuple(key[at] for at in _CELL_DIMENSIONS) for key in keys]
        if keys:
            self._cell_of_row.extend(
                cell=np.array([cells.setdefault(cell, len(cells)) for cell in named], np.int64),
                on_us=np.array([key[8] == "true" for key in keys], np.bool_),
            )

    def on_us(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which positions are legs within the bank (decision S22)."""
        flags: NDArray[np.bool_] = self._cell_of_row["on_us"][rows]
        return flags

    def add(self, moves: Movements) -> None:
        """Raises CorruptRecord where a sum could pass 2**62 minor units."""
        self._bound_minor += int(sum(np.abs(getattr(moves, name)).sum(dtype=np.float64) for name in SUMS)) + 1
        if self._bound_minor > SUM_MINOR_MAX:
            self._bound_minor = max(self._cells.largest(), self._accounts.largest()) + int(
                sum(np.abs(getattr(moves, name)).astype(object).sum() for name in SUMS)
            )
            if self._bound_minor > SUM_MINOR_MAX:
                raise CorruptRecord("a position could pass 2**62 minor units", bound_minor=self._bound_minor)
        self._accounts.add(moves.position_row, moves)
        self._cells.add(self._cell_of_row["cell"][moves.position_row], moves)

    def take_changed_cells(self) -> list[PositionRow]:
        return list(self._cell_rows(self._cells.take_unpublished()))

    def cells(self) -> list[PositionRow]:
        return list(self._cell_rows(self._cells.all_rows()))

    def accounts(self, last_day_of: Callable[[str], int]) -> Iterator[tuple[tuple[str, ...], int, int, int]]:
        """(position key, settled, pending in, pending out) of every position, up to and with its entity's day."""
        day_by_entity = {entity: last_day_of(entity) for entity in {key[0] for key in self.keys}}
        last_day = np.array([day_by_entity[key[0]] for key in self.keys], np.int64)
        settled, pending_in, pending_out = self._accounts.totals(last_day)
        yield from zip(self.keys, settled.tolist(), pending_in.tolist(), pending_out.tolist(), strict=True)

    def accounts_by_day(self) -> Iterator[PositionRow]:
        for row, day, settled, pending_in, pending_out in self._accounts.all_rows():
            yield PositionRow(self.keys[row], day, settled, pending_in, pending_out)

    def _cell_rows(self, rows: list[tuple[int, int, int, int, int]]) -> Iterator[PositionRow]:
        names = list(self._cell_keys)
        for cell, day, settled, pending_in, pending_out in rows:
            entity, organisation, line, product, currency, intragroup = names[cell]
            key = (entity, organisation, line, product, currency, "-", "-", "-", intragroup)
            yield PositionRow(key, day, settled, pending_in, pending_out)

    def dump(self, whole: bool) -> bytes:
        start = 0 if whole else self._dumped_keys
        self._dumped_keys = len(self.keys)
        digests = self._index.digests(start)
        return msgspec.msgpack.encode(
            (
                self.keys[start:],
                digests.low.tobytes(),
                digests.high.tobytes(),
                self._accounts.dump(whole),
                self._cells.dump(whole),
                self._bound_minor,
            )
        )

    def apply(self, dump: bytes) -> None:
        keys, low, high, accounts, cells, self._bound_minor = msgspec.msgpack.decode(dump)
        self._index.add(Digest(np.frombuffer(low, np.uint64), np.frombuffer(high, np.uint64)))
        self._learn([tuple(key) for key in keys])
        self._accounts.apply(accounts)
        self._cells.apply(cells)
        self._dumped_keys = len(self.keys)

    def canonical_rows(self) -> list[tuple[object, ...]]:
        """Everything an account's position says, sorted; zero rows included, since they show a movement."""
        return sorted(
            (row.key, row.value_day, row.settled_minor, row.pending_in_minor, row.pending_out_minor)
            for row in self.accounts_by_day()
        )
