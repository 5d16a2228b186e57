"""The simplex method on integers: an exact optimum, or an exact proof that there is none.

Pivots are fraction-free (Edmonds): every entry is an integer over one common divisor, the last pivot, so nothing is
rounded and no fraction is reduced. Bland's rule chooses, so it always ends. Not for modelling: names, bounds and
what a result means are `engines.linear_programme`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm


@dataclass(frozen=True, slots=True)
class Row:
    """`sum coefficients x = limit`, or `<=` it."""

    coefficients: Sequence[Fraction]
    is_equality: bool
    limit: Fraction


@dataclass(frozen=True, slots=True)
class Solved:
    values: list[Fraction]  # of the variables
    prices: list[Fraction]  # change of the objective for a unit of each row's limit
    reduced: list[Fraction]  # change of the objective for a unit of each variable; 0 for those in the basis
    in_basis: list[bool]
    slacks_cost: bool  # leaving any row that binds lowers the objective
    is_degenerate: bool  # a variable or slack of the basis is 0


@dataclass(frozen=True, slots=True)
class NoSolution:
    """Rows and variables (their `>= 0`) whose combination is a contradiction; not yet the fewest."""

    rows: list[int]
    variables: list[int]


@dataclass(frozen=True, slots=True)
class NoBound:
    """The objective grows without end while these variables grow."""

    variables: list[int]


def maximise(objective: Sequence[Fraction], rows: Sequence[Row]) -> Solved | NoSolution | NoBound:
    """The largest `sum objective x` over all `x >= 0` that keep the rows."""
    tableau = _Tableau(objective, rows)
    tableau.improve(tableau.infeasibility)
    if tableau.infeasibility[-1]:
        return tableau.contradiction()
    tableau.drop_artificial()
    growing = tableau.improve(tableau.gain)
    return tableau.solved() if growing is None else tableau.unbounded(growing)


class _Tableau:
    """Columns: the variables, a slack a row (0 throughout for an equality), an artificial a row, the limit.

    The artificials are an identity to begin with and stay in the tableau, so their columns hold the inverse of the
    basis: prices and proofs are read there. Entries are over `divisor`.
    """

    def __init__(self, objective: Sequence[Fraction], given: Sequence[Row]) -> None:
        height = len(given)
        self.given, self.variables, self.first_artificial = given, len(objective), len(objective) + height
        self.divisor = 1
        self.scales = [_scale(row) for row in given]
        self.rows = [self._scaled(at) for at in range(height)]
        # A slack with its sign is a start as good as an artificial, and one pivot less.
        slacks = [self.variables + at for at in range(height)]
        needy = [at for at, slack in enumerate(slacks) if self.rows[at][slack] <= 0]
        self.basis = [self.first_artificial + at if at in needy else slacks[at] for at in range(height)]
        self.objective_scale = lcm(*(value.denominator for value in objective))
        #: Fall of the objective for a unit of each column: negative is worth entering.
        self.gain = [-int(value * self.objective_scale) for value in objective] + [0] * (2 * height + 1)
        sums = [-sum(self.rows[at][column] for at in needy) for column in range(self.first_artificial)]
        held = -sum(self.rows[at][-1] for at in needy)
        #: The same for minus the sum of the artificials, which is `held` at first and 0 where the rows can be kept.
        self.infeasibility = [*sums, *(int(at not in needy) for at in range(height)), held]

    def improve(self, aim: list[int]) -> int | None:
        """Pivot until nothing raises the aim (None), or a column raises it without end (that column)."""
        while True:
            entering = next((at for at in range(self.first_artificial) if aim[at] < 0), None)
            if entering is None:
                return None
            leaving = self._leaving(entering)
            if leaving is None:
                return entering
            self._pivot(leaving, entering)

    def drop_artificial(self) -> None:
        """Artificials that are still in the basis, at 0, give way; a row where none can is implied by the others."""
        for at, basic in enumerate(self.basis):
            if basic < self.first_artificial:
                continue
            row = self.rows[at]
            entering = next((column for column in range(self.first_artificial) if row[column]), None)
            if entering is not None:
                if row[entering] < 0:  # its limit is 0: turned round it says the same
                    self.rows[at] = [-value for value in row]
                self._pivot(at, entering)

    def contradiction(self) -> NoSolution:
        weights = self.infeasibility[self.first_artificial : -1]
        return NoSolution(
            [at for at, weight in enumerate(weights) if weight != self.divisor],
            [at for at in range(self.variables) if self.infeasibility[at]],
        )

    def unbounded(self, entering: int) -> NoBound:
        pairs = zip(self.basis, self.rows, strict=True)
        growing = {entering} | {basic for basic, row in pairs if row[entering] < 0}
        return NoBound(sorted(column for column in growing if column < self.variables))

    def solved(self) -> Solved:
        values = [Fraction(0)] * self.variables
        in_basis = [False] * self.variables
        is_degenerate = False
        for basic, row in zip(self.basis, self.rows, strict=True):
            if basic < self.variables:
                values[basic], in_basis[basic] = Fraction(row[-1], self.divisor), True
            is_degenerate |= row[-1] == 0 and basic < self.first_artificial
        whole = self.divisor * self.objective_scale
        prices = [
            Fraction(price * scale, whole)
            for price, scale in zip(self.gain[self.first_artificial : -1], self.scales, strict=True)
        ]
        reduced = [Fraction(-value, whole) for value in self.gain[: self.variables]]
        slacks_cost = all(
            self.gain[self.variables + at] or row.is_equality or self.variables + at in self.basis
            for at, row in enumerate(self.given)
        )
        return Solved(values, prices, reduced, in_basis, slacks_cost, is_degenerate)

    def _scaled(self, at: int) -> list[int]:
        """A row in integers with a limit >= 0; turned round, its slack counts what is above the limit."""
        row, scale, height = self.given[at], self.scales[at], len(self.given)
        units = [0] * (2 * height)
        units[at] = 0 if row.is_equality else 1 if scale > 0 else -1
        units[height + at] = 1
        return [*(int(value * scale) for value in row.coefficients), *units, int(row.limit * scale)]

    def _leaving(self, entering: int) -> int | None:
        """The row that allows the least; among equals that of the lowest variable (Bland)."""
        best: tuple[Fraction, int] | None = None
        leaving = None
        for at, row in enumerate(self.rows):
            if row[entering] > 0:
                found = (Fraction(row[-1], row[entering]), self.basis[at])
                if best is None or found < best:
                    best, leaving = found, at
        return leaving

    def _pivot(self, at: int, entering: int) -> None:
        chosen = self.rows[at]
        pivot = chosen[entering]
        for row in (*self.rows, self.gain, self.infeasibility):
            if row is not chosen:
                factor = row[entering]
                row[:] = [
                    (value * pivot - factor * own) // self.divisor for value, own in zip(row, chosen, strict=True)
                ]
        self.divisor = pivot
        self.basis[at] = entering


def _scale(row: Row) -> int:
    scale = lcm(row.limit.denominator, *(value.denominator for value in row.coefficients))
    return -scale if row.limit < 0 else scale
