"""Integer sums a line, changed by batches, and their weighted totals: the state of a live ratio.

A hundred or so numbers, whatever the size of the book; exact. Not for what a ratio is: `engines.live_coverage`.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

from engines.primitives.compiled import compiled
from engines.primitives.errors import CorruptRecord, InvalidInput

Integers = NDArray[np.int64]
Rows = NDArray[np.intp]

SUM_MINOR_MAX = 1 << 62  # decision S23: int64 wraps round silently above 2**63
_NO_LINE = -1.0


class LineSums:
    """Sums in minor units, one a line; `minor` is the whole state, in the order of `lines`."""

    def __init__(self, factors: Sequence[tuple[str, Fraction]], minor: Integers | None = None) -> None:
        """`factors`: for each line its group and factor. `minor`: sums to start from, copied."""
        self.minor = np.zeros(len(factors), np.int64) if minor is None else minor.copy()
        if self.minor.shape != (len(factors),) or self.minor.dtype != np.int64:
            raise InvalidInput(f"want {len(factors)} int64 sums", field="minor")
        # One denominator for all, so that integers are added; whoever reads makes the fractions.
        self.denominator = lcm(*(factor.denominator for _, factor in factors))
        self._groups = tuple(dict.fromkeys(group for group, _ in factors))
        weights = [
            [int(factor * self.denominator) if group == own else 0 for group, factor in factors]
            for own in self._groups
        ]
        self._weight_max = max((sum(row) for row in weights), default=0)
        # Shape (groups, lines); factors of odd denominators may need weights beyond int64.
        self._weights = np.array(weights, np.int64 if self._weight_max < SUM_MINOR_MAX else object)

    def apply(self, line: Rows, signed_minor: Integers) -> None:
        """Add amounts to the sums of their lines; all or, on an error, none.

        Args:
            line: row of each amount's line, repeats allowed. signed_minor: same shape, minor units.
        Raises:
            InvalidInput: shapes differ, a row is not there, amounts are not int64.
            CorruptRecord: a sum could reach 2**62.
        """
        if line.shape != signed_minor.shape or signed_minor.dtype != np.int64:
            raise InvalidInput("want one int64 amount for each line", field="signed_minor")
        largest = _largest(line, signed_minor, self.minor)
        if largest == _NO_LINE:
            raise InvalidInput("an amount names a line that is not there", field="line")
        if largest >= SUM_MINOR_MAX:
            raise CorruptRecord("the sum of a line could pass 2**62 minor units", field="signed_minor")
        _add(line, signed_minor, self.minor)

    def weighted(self) -> dict[str, int]:
        """Sum of amount x factor of each group, in units of 1 / `denominator`."""
        if not len(self.minor):
            return {}
        largest = max(int(self.minor.max()), -int(self.minor.min()))
        # As Python integers where int64 could wrap round: weights are some hundreds, sums of a large bank 2**60.
        wraps = largest * self._weight_max >= SUM_MINOR_MAX
        sums = (self._weights.astype(object) if wraps else self._weights) @ self.minor
        return dict(zip(self._groups, sums.tolist(), strict=True))


@compiled
def _largest(line: Rows, signed_minor: Integers, minor: Integers) -> float:
    """A bound of what a sum can come to on the way, or _NO_LINE."""
    moved = held = 0.0
    for at in range(len(line)):
        row = line[at]
        if row < 0 or row >= len(minor):
            return _NO_LINE
        moved += abs(float(signed_minor[at]))
        held = max(held, abs(float(minor[row])))
    return moved + held


@compiled
def _add(line: Rows, signed_minor: Integers, minor: Integers) -> None:
    for at in range(len(line)):
        minor[line[at]] += signed_minor[at]
