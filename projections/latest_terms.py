"""The latest record of each key, by offset, as columns: contracts, reservations.

Not for sums: those are `projections.cell_sums`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from projections.columns import Columns
from projections.dictionary import Key, KeyDictionary

Integers = NDArray[np.int64]


class LatestTerms:
    """One row a key. Values are whole numbers; each column is kept as narrow as `dtypes` says."""

    def __init__(self, **dtypes: Any) -> None:
        self.keys = KeyDictionary()
        self._dtypes = dtypes
        self._columns = Columns(**dtypes)
        self._unsaved: set[int] = set()
        self._saved_keys = 0

    def codes(self, keys: Sequence[Key]) -> Integers:
        """The codes of `keys`; new ones get a row of zeros."""
        before = len(self.keys)
        codes = np.array([self.keys.code(key) for key in keys], np.int64)
        self._columns.grow(len(self.keys) - before)
        return codes

    def get(self, codes: Integers) -> dict[str, Integers]:
        return {name: self._columns[name][codes].astype(np.int64) for name in self._dtypes}

    def put(self, codes: Integers, values: dict[str, Integers]) -> None:
        for name in self._dtypes:
            self._columns[name][codes] = values[name]
        self._unsaved.update(codes.tolist())

    def table(self, rows: Sequence[tuple[int, ...]]) -> dict[str, Integers]:
        """Columns of `rows`, whose values stand in the order of the columns."""
        table = np.array(rows, np.int64).reshape(len(rows), len(self._dtypes))
        return dict(zip(self._dtypes, table.T, strict=True))

    def dump(self, whole: bool) -> dict[str, Any]:
        """Everything, or what changed since the last dump of either kind."""
        codes = np.arange(len(self.keys)) if whole else np.array(sorted(self._unsaved), np.int64)
        keys = self.keys.tail(0 if whole else self._saved_keys)
        columns = {name: self._columns[name][codes].tobytes() for name in self._dtypes}
        self._unsaved.clear()
        self._saved_keys = len(self.keys)
        return {"keys": keys, "codes": codes.tobytes(), "columns": columns}

    def apply(self, dump: dict[str, Any]) -> None:
        """Take over what `dump` gave, on top of what is here."""
        self.keys.extend(dump["keys"])
        self._saved_keys = len(self.keys)
        self._columns.grow(len(self.keys) - self._columns.rows)
        codes = np.frombuffer(dump["codes"], np.int64)
        for name, dtype in self._dtypes.items():
            self._columns[name][codes] = np.frombuffer(dump["columns"][name], dtype)

    def rows(self) -> list[tuple[Key, tuple[int, ...]]]:
        """Every key with its values, sorted by key."""
        columns = [self._columns[name].tolist() for name in self._dtypes]
        return sorted(zip(self.keys.tail(), zip(*columns, strict=True), strict=True))
