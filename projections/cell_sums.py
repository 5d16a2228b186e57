"""Integer sums by cell and day: what the gap and the reservations of one partition are made of (S13).

Never by bucket or "today": the reader applies the business date. Knows which rows a snapshot lacks and
which a publisher has not yet been told of.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.primitives.errors import CorruptRecord
from projections.columns import Columns
from projections.dictionary import Key, KeyDictionary

Integers = NDArray[np.int64]

SUM_MINOR_MAX = 1 << 62  # decision S23


class CellSums:
    """`values` are int64 columns; a row is one (cell, day)."""

    def __init__(self, *values: str) -> None:
        self.cells = KeyDictionary()
        self._values = values
        self._columns = Columns(cell=np.int32, day=np.int32, **dict.fromkeys(values, np.int64))
        self._row_by_place: dict[int, int] = {}
        self._unsaved: set[int] = set()
        self._unpublished: set[int] = set()
        self._saved_cells = 0

    def add(self, cell: Integers, day: Integers, *changes: Integers) -> None:
        """Add `changes`, one per column of values, at (cell, day); places may repeat.

        Raises CorruptRecord, before anything has changed, where a sum could pass 2**62.
        """
        if not len(cell):
            return
        places, inverse = np.unique((cell << 32) + (day + (1 << 31)), return_inverse=True)
        sums = np.zeros((len(changes), len(places)), np.int64)
        for change, total in zip(changes, sums, strict=True):
            # Before int64 can wrap without a word: floats are exact enough for a bound, and bound nothing
            # else.
            if float(np.abs(change).sum(dtype=np.float64)) > SUM_MINOR_MAX / 2:
                raise CorruptRecord("sums of one batch could pass 2^62 minor units")
            np.add.at(total, inverse, change)
        touched = np.any(sums != 0, axis=0)
        places, sums = places[touched], sums[:, touched]
        rows = np.array([self._row_by_place.get(place, -1) for place in places.tolist()], np.int64)
        known = rows >= 0
        for name, total in zip(self._values, sums, strict=True):
            if np.any(np.abs(self._columns[name][rows[known]] + total[known]) > SUM_MINOR_MAX):
                raise CorruptRecord("a sum could pass 2^62 minor units", column=name)
        rows[~known] = self._append(places[~known])
        for name, total in zip(self._values, sums, strict=True):
            self._columns[name][rows] += total
        self._unsaved.update(rows.tolist())
        self._unpublished.update(rows.tolist())

    def take_changed(self) -> list[tuple[Key, int, tuple[int, ...]]]:
        """(cell, day, absolute values) of rows changed since the last call; zeros: nothing is left."""
        rows = np.array(sorted(self._unpublished), np.int64)
        self._unpublished.clear()
        return self._described(rows)

    def dump(self, whole: bool) -> dict[str, Any]:
        """Everything, or what changed since the last dump of either kind."""
        rows = np.arange(self._columns.rows) if whole else np.array(sorted(self._unsaved), np.int64)
        cells = self.cells.tail(0 if whole else self._saved_cells)
        self._unsaved.clear()
        self._saved_cells = len(self.cells)
        columns = {name: self._columns[name][rows].tobytes() for name in self._columns.names()}
        return {"cells": cells, "columns": columns}

    def apply(self, dump: dict[str, Any]) -> None:
        """Take over what `dump` gave, on top of what is here."""
        self.cells.extend(dump["cells"])
        self._saved_cells = len(self.cells)
        fresh = Columns(cell=np.int32, day=np.int32, **dict.fromkeys(self._values, np.int64))
        fresh.unpack(dump["columns"])
        places = (fresh["cell"].astype(np.int64) << 32) + (fresh["day"].astype(np.int64) + (1 << 31))
        rows = np.array([self._row_by_place.get(place, -1) for place in places.tolist()], np.int64)
        rows[rows < 0] = self._append(places[rows < 0])
        for name in self._values:
            self._columns[name][rows] = fresh[name]

    def rows(self) -> list[tuple[Key, int, tuple[int, ...]]]:
        """Every row that is not all zeros, sorted: the same however the log was cut into batches."""
        rows = np.arange(self._columns.rows)
        return sorted(row for row in self._described(rows) if any(row[2]))

    def _described(self, rows: Integers) -> list[tuple[Key, int, tuple[int, ...]]]:
        columns = [self._columns[name][rows].tolist() for name in ("cell", "day", *self._values)]
        return [(self.cells[cell], day, tuple(values)) for cell, day, *values in zip(*columns, strict=True)]

    def _append(self, places: Integers) -> Integers:
        start = self._columns.rows
        if len(places):
            day = (places & 0xFFFFFFFF) - (1 << 31)
            self._columns.extend(cell=(places >> 32).astype(np.int32), day=day.astype(np.int32))
        rows = np.arange(start, start + len(places))
        self._row_by_place.update(zip(places.tolist(), rows.tolist(), strict=True))
        return rows


def encode(parts: dict[str, Any]) -> bytes:
    return msgspec.msgpack.encode(parts)


def decode(data: bytes) -> dict[str, Any]:
    """Raises CorruptRecord for bytes that are no dump."""
    try:
        return msgspec.msgpack.decode(data, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise CorruptRecord("the dump is unreadable") from error


def day_text(day: int) -> str:
    """ISO date of days since 1970-01-01."""
    return str(np.datetime64(day, "D"))
