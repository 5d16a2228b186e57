"""Growing columns: numpy arrays that double, so that appending costs the batch and never the state."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Columns:
    """Named one-dimensional arrays of equal length; `table["amount_minor"]` is a view of the rows in use.

    A view is valid until the next `extend`, which may move the arrays.
    """

    __slots__ = ("_arrays", "_capacity", "rows")

    def __init__(self, **dtypes: Any) -> None:
        self._capacity = 1_024
        self._arrays = {name: np.zeros(self._capacity, dtype) for name, dtype in dtypes.items()}
        self.rows = 0

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name][: self.rows]

    def names(self) -> tuple[str, ...]:
        return tuple(self._arrays)

    def grow(self, count: int) -> None:
        """Append `count` rows of zeros."""
        needed = self.rows + count
        if needed > self._capacity:
            while self._capacity < needed:
                self._capacity *= 2
            for name, old in self._arrays.items():
                fresh = np.zeros(self._capacity, old.dtype)
                fresh[: self.rows] = old[: self.rows]
                self._arrays[name] = fresh
        self.rows = needed

    def extend(self, **values: NDArray[Any]) -> None:
        """Append rows; columns not named are zero."""
        start = self.rows
        self.grow(len(next(iter(values.values()))))
        for name, column in values.items():
            self._arrays[name][start : self.rows] = column

    def shrink(self, rows: int) -> None:
        """Forget the rows from `rows` on."""
        for array in self._arrays.values():
            array[rows : self.rows] = 0
        self.rows = rows

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Keep only the rows where `mask` holds, in order."""
        kept = int(mask.sum())
        for array in self._arrays.values():
            array[:kept] = array[: self.rows][mask]
            array[kept : self.rows] = 0
        self.rows = kept

    def pack(self, start: int = 0) -> dict[str, bytes]:
        """The rows from `start` on, as little-endian bytes by column."""
        return {name: self[name][start:].tobytes() for name in self._arrays}

    def unpack(self, packed: dict[str, bytes]) -> None:
        """Append what `pack` gave."""
        self.extend(**{name: np.frombuffer(packed[name], dtype=array.dtype) for name, array in self._arrays.items()})
