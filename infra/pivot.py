"""A pivot run: facts of one cut in, a cube with its axes in their order out. The same cut gives the same cube."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from engines.primitives.errors import InvalidInput
from engines.primitives.money import exponent
from infra.pivot_cube import Cube, Figure, Members, Place, Rates, completed, cube_of, folded, tops_of
from infra.pivot_definition import ORDERED, OTHERS, Definition, Function, Measure, check
from infra.pivot_fields import Field
from infra.pivot_query import Database, Facts, Leaf, Limits, leaves, opened, ranked

CELLS_MAX = 200_000


@dataclass(frozen=True, slots=True)
class Pivot:
    """`rows` and `columns` are paths as they are shown: a row before those below it, a column after those below it,
    the total of all last. `tops`: the members that were kept apart."""

    asked: Definition
    cube: Cube
    rows: tuple[Members, ...]
    columns: tuple[Members, ...]
    tops: frozenset[str]

    def figure(self, row: Members, column: Members, measure: Measure) -> Figure | None:
        return self.cube.figure((row, column), measure)


def run(
    facts: Facts,
    definition: Definition,
    rates: Rates | None = None,
    *,
    before: Facts | None = None,
    rates_before: Rates | None = None,
    limits: Limits | None = None,
) -> Pivot:
    """The cube of `facts`; `before` are those of the second moment, `rates` what leads to the reporting currency.

    Raises InvalidInput naming the part of the definition that cannot be; Unavailable: it takes too much memory.
    """
    check(definition, facts.source)
    asked = completed(definition, facts.source)
    with opened(facts, limits) as database:
        found = leaves(database, asked)
        tops = tops_of(asked, facts.source, found, rates)
        cube = _cube(asked, facts, found, tops, rates)
        ranks = {
            one.name: _ranks(database, asked, one, tops, rates) for one in asked.measures if one.function in ORDERED
        }
        cube.ranks = ranks
    if before is not None and any(one.function is Function.CHANGE for one in asked.measures):
        with opened(before, limits) as database:
            cube.before = _cube(asked, before, leaves(database, asked), tops, rates_before)
    rows, columns = _paths(cube, 0), _paths(cube, 1)
    if len(rows) * len(columns) * len(asked.measures) > CELLS_MAX:
        raise InvalidInput(f"over {CELLS_MAX} cells; take fewer dimensions or a filter", field="rows")
    by = next((one for one in asked.measures if one.name == asked.sort.removeprefix("-")), None)
    return Pivot(
        asked,
        cube,
        tuple(_down(rows, RowOrder(cube, by, asked.sort.startswith("-")))),
        tuple(_up(columns, [facts.source.fields[name] for name in asked.columns])),
        tops or frozenset(),
    )


def _cube(
    asked: Definition, facts: Facts, found: Sequence[Leaf], tops: frozenset[str] | None, rates: Rates | None
) -> Cube:
    kept = found if tops is None else list(folded(found, asked, tops))
    return cube_of(asked, facts.source, kept, rates)


def _ranks(
    database: Database, asked: Definition, measure: Measure, tops: frozenset[str] | None, rates: Rates | None
) -> dict[Place, dict[str, int]]:
    factors: dict[str, Fraction] | None = None
    if rates is not None and asked.reporting_currency is not None:
        whole = Fraction(10) ** exponent(asked.reporting_currency)
        factors = {currency: rate * whole for currency, rate in rates.items() if rate is not None}
    width, found = len(asked.rows), dict[Place, dict[str, int]]()
    for i in range(width + 1):
        for j in range(len(asked.columns) + 1):
            kept = [*range(i), *range(width, width + j)]
            for (members, currency), value in ranked(database, asked, measure, kept, tops, factors).items():
                found.setdefault((members[:i], members[i:]), {})[currency] = value
    return found


def _paths(cube: Cube, side: int) -> set[Members]:
    found: set[Members] = {place[side] for place in cube.parts}
    if cube.before is not None:
        found |= {place[side] for place in cube.before.parts}
    return found | {()}


@dataclass(frozen=True, slots=True)
class RowOrder:
    """Rows of one parent: by a figure of all columns, or by name; all others come last, and what has no figure."""

    cube: Cube
    by: Measure | None
    descending: bool

    def __call__(self, path: Members) -> tuple[bool, bool, Fraction, tuple[int, str]]:
        figure = None if self.by is None else self.cube.figure((path, ()), self.by)
        value = Fraction(0) if figure is None else figure.value
        is_last = path[-1] == OTHERS
        about = self.cube.source.fields[self.cube.asked.rows[len(path) - 1]]
        return (
            is_last,
            self.by is not None and figure is None,
            -value if self.descending else value,
            ordered(about, path[-1]),
        )


def _down(paths: set[Members], order: RowOrder) -> list[Members]:
    below: dict[Members, list[Members]] = {}
    for path in paths:
        if path:
            below.setdefault(path[:-1], []).append(path)
    found: list[Members] = []

    def walk(parent: Members) -> None:
        for path in sorted(below.get(parent, ()), key=order):
            found.append(path)
            walk(path)

    walk(())
    return [*found, ()]


def _up(paths: set[Members], about: Sequence[Field]) -> list[Members]:
    """A column after those below it: a path's end sorts behind every member."""

    def order(path: Members) -> list[tuple[int, int, str]]:
        return [*((0, *ordered(one, member)) for one, member in zip(about, path, strict=False)), (1, 0, "")]

    return sorted(paths, key=order)


def ordered(about: Field, member: str) -> tuple[int, str]:
    """Where a member stands among others: in the order of its field, else by name."""
    return (about.order.index(member) if member in about.order else len(about.order)), member
