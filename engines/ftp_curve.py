"""The curve that prices funds inside the bank: rates by tenor from nodes, read between them on a line (LIQ-44).

Rates are annual fractions, tenors are years, both exact. Not for discounting: the curve gives transfer rates, no
present values.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from engines.primitives.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Curve:
    """Nodes in rising order of their tenors; `curve_from_nodes` makes one."""

    tenors_years: tuple[Fraction, ...]
    rates: tuple[Fraction, ...]

    def rate(self, tenor_years: Fraction) -> Fraction:
        """The rate at a tenor: linear between two nodes, flat before the first and after the last.

        Raises:
            InvalidInput: the tenor is negative.
        """
        if tenor_years < 0:
            raise InvalidInput("a tenor may not be negative", field="tenor")
        after = bisect_left(self.tenors_years, tenor_years)
        if after == 0:
            return self.rates[0]
        if after == len(self.tenors_years):
            return self.rates[-1]
        left, right = self.tenors_years[after - 1 : after + 1]
        share = (tenor_years - left) / (right - left)
        return self.rates[after - 1] + share * (self.rates[after] - self.rates[after - 1])

    def spans(self, tenor_years: Fraction) -> bool:
        """Whether the tenor lies between the outer nodes, so that its rate is not an outer node's drawn on."""
        return self.tenors_years[0] <= tenor_years <= self.tenors_years[-1]

    def shifted(self, change: Fraction) -> "Curve":
        return Curve(self.tenors_years, tuple(rate + change for rate in self.rates))

    def plus(self, other: "Curve") -> "Curve":
        """The sum of two curves, exact at every tenor: a node where either has one."""
        tenors = tuple(sorted({*self.tenors_years, *other.tenors_years}))
        return Curve(tenors, tuple(self.rate(tenor) + other.rate(tenor) for tenor in tenors))


def curve_from_nodes(nodes: Iterable[tuple[Fraction, Fraction]]) -> Curve:
    """A curve through `(tenor in years, rate)`, given in any order.

    Raises:
        InvalidInput: there is no node, a tenor is negative, or two nodes have the same.
    """
    listed = list(nodes)
    if not listed:
        raise InvalidInput("a curve needs at least one node", field="nodes")
    seen: set[Fraction] = set()
    for at, (tenor, _) in enumerate(listed):
        if tenor < 0:
            raise InvalidInput("a tenor may not be negative", field=f"nodes[{at}].tenor")
        if tenor in seen:
            raise InvalidInput("two nodes have the same tenor", field=f"nodes[{at}].tenor")
        seen.add(tenor)
    ordered = sorted(listed)
    return Curve(tuple(tenor for tenor, _ in ordered), tuple(rate for _, rate in ordered))


def curve_from_parts(parts: Sequence[Curve]) -> Curve:
    """The sum of its parts, as a risk-free curve, the bank's own spread and a term liquidity premium.

    Raises:
        InvalidInput: there is no part.
    """
    if not parts:
        raise InvalidInput("a curve needs at least one part", field="curve")
    total = parts[0]
    for part in parts[1:]:
        total = total.plus(part)
    return total
