"""Growing columns kept row by row in memory, for loops that read several columns of rows here and there.

A row is one line of the cache or two in place of one for each column: cold, that is most of such a loop's time. For
columns read from end to end `Columns` is the better.
"""

from typing import Any

import numpy as np

from projections.columns import Columns


class PackedColumns(Columns):
    """As `Columns`, and read the same way; a view is strided."""

    __slots__ = ("_records",)

    def __init__(self, **dtypes: Any) -> None:
        super().__init__()
        self._records = np.zeros(self._capacity, np.dtype(list(dtypes.items()), align=True))
        self._arrays = {name: self._records[name] for name in dtypes}

    def grow(self, count: int) -> None:
        needed = self.rows + count
        if needed > self._capacity:
            while self._capacity < needed:
                self._capacity *= 2
            fresh = np.zeros(self._capacity, self._records.dtype)
            fresh[: self.rows] = self._records[: self.rows]
            self._records = fresh
            self._arrays = {name: fresh[name] for name in self._arrays}
        self.rows = needed
